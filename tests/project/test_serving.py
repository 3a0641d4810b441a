"""What a page of reviewers sends, and what it gets."""

import pandas as pd
import pytest

from workbench.project.queues import opened
from workbench.project.reviewing import fingerprints, open_record
from workbench.project.serving import Claims, head_of_queue, take_in
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels, WorkbenchError

LABELS = ("ham", "spam")
TEXTS = pd.DataFrame({"text": ["win", "hello", "see you"]}, index=["a", "b", "c"])
SPLIT = pd.Series(["train", "train", "test"], index=TEXTS.index)
DATA = Dataset(TEXTS, LABELS, split=SPLIT)
SOFT = SoftLabels(TEXTS.index, LABELS, [[0.2, 0.8], [0.5, 0.5], [0.5, 0.5]], [True, False, False])


@pytest.fixture
def task(tmp_path):
    (tmp_path / "task.toml").write_text('format = 1\nlabels = ["ham", "spam"]\n[data]\nfile = "rows.csv"\n')
    return load_task(tmp_path)


def said(task, id, row, label="spam", data=DATA):
    return {"id": id, "row": row, "kind": "label", "label": label, "shown": fingerprints(task, data, [row])[0], "seconds": 1.5}


def undo(id, row, of):
    return {"id": id, "row": row, "kind": "undo", "undoes": of}


def stands(task):
    current = open_record(task).current()
    return list(zip(current["row"], current["label"], strict=True))


def test_a_log_sent_twice_is_stored_once(task):
    log = [said(task, "1", "a"), {**said(task, "2", "b"), "kind": "unsure", "label": None}]
    for _ in range(2):
        taken = take_in(task, DATA, open_record(task), "Ann", log, SOFT)
        assert taken.settled == ["1", "2"] and taken.notices == []
    entries = open_record(task).decisions()
    assert entries["id"].tolist() == ["1", "2"] and entries["reviewer"].tolist() == ["Ann", "Ann"]
    assert entries["model_label"].tolist()[0] == "spam" and entries["model_probability"].tolist()[0] == 0.8
    assert pd.isna(entries["model_label"].tolist()[1]), "on a row without votes the model says nothing"


def test_an_answer_taken_back_before_it_was_sent_leaves_both_entries(task):
    take_in(task, DATA, open_record(task), "Ann", [said(task, "1", "a"), undo("2", "a", "1"), said(task, "3", "a", "ham")])
    assert stands(task) == [("a", "ham")] and len(open_record(task).decisions()) == 3


def test_an_answer_to_a_row_as_it_was_is_not_kept_and_the_others_are(task):
    edited = Dataset(TEXTS.assign(text=["win!", "hello", "see you"]), LABELS, split=SPLIT)
    log = [said(task, "1", "a"), undo("2", "a", "1"), said(task, "3", "b"), {**said(task, "4", "b"), "row": "gone"}]
    taken = take_in(task, edited, open_record(task), "Ann", log)
    assert taken.settled == ["1", "2", "3", "4"] and stands(task) == [("b", "spam")]
    assert [notice.split(":")[0] for notice in taken.notices] == [
        "Row a was edited after it was shown, and comes again",
        "Row gone is gone from the data",
    ]


@pytest.mark.parametrize(
    ("row", "label", "why"),
    [("c", "spam", "test row"), ("a", "eggs", "no class 'eggs'")],
    ids=["test row", "unknown class"],
)
def test_what_the_record_refuses_does_not_hold_up_the_rest(task, row, label, why):
    taken = take_in(task, DATA, open_record(task), "Ann", [said(task, "1", row, label), said(task, "2", "b")])
    assert taken.settled == ["1", "2"] and stands(task) == [("b", "spam")]
    assert why in taken.notices[0]


def test_a_record_that_cannot_be_written_settles_nothing(task):
    (task.folder / "review").write_text("a file where the folder should be")
    with pytest.raises(WorkbenchError, match="cannot be used"):
        take_in(task, DATA, open_record(task), "Ann", [said(task, "1", "a")])


def test_two_reviewers_get_rows_of_their_own_while_there_are_enough():
    claims, rows = Claims(), list("abcde")
    assert claims.hand_out(rows, "Ann", 2) == ["a", "b"]
    assert claims.hand_out(rows, "Bo", 2) == ["c", "d"]
    assert claims.hand_out(rows[1:], "Ann", 2) == ["b", "e"]
    assert claims.hand_out(rows[:3], "Bo", 2) == ["c", "b"], "rather a row of another's than none, from their end"


def test_rows_that_were_not_answered_for_long_go_to_others(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("workbench.project.serving.time.monotonic", lambda: now[0])
    claims = Claims()
    claims.hand_out(["a"], "Ann", 1)
    assert claims.hand_out(["a", "b"], "Bo", 1) == ["b"]
    now[0] = 301.0
    assert claims.hand_out(["a", "b"], "Bo", 1) == ["a"]


def test_many_reviewers_get_rows_of_their_own_from_a_long_queue(tiny_task, monkeypatch):
    monkeypatch.setattr("workbench.project.serving._HANDED", 10)
    task = load_task(tiny_task)
    rows, done, claims = task.dataset()[0], run(task, until="fit"), Claims()
    kept = opened(task, done, rows, "random")
    heads = [head_of_queue(task, done, rows, "random", kept, claims, f"person{i}").reasons for i in range(9)]
    assert len(set().union(*heads)) == 90
