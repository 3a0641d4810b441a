"""What the end model did not answer in production becomes review work, once, and what people say of it teaches the next run."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.project.answer_log import read_log
from workbench.project.production import PRODUCTION, as_in, take_in
from workbench.project.queues import newest_queue
from workbench.project.reviewing import KEPT_ANCHORS, Decision, decide, fingerprints, open_record
from workbench.project.runs import find_run
from workbench.project.steps.outcomes import outcomes
from workbench.project.steps.predict import open_model, predict
from workbench.project.steps.review_log import DRAWN, read_draws, release, review_from_log
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

NEW = ["n1", "n2", "n3", "n4"]


def line(row, decision="needs review", confidence=0.5, **more):
    time = "2026-03-02T09:00:00.000+00:00"
    return {"time": time, "id": row, "model": "m1", "label": "bug", "decision": decision, "confidence": confidence, **more}


def write_log(folder, *lines):
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def write_new(folder, **change):
    columns = {
        "id": NEW,
        "text": ["hello", "it crashes", "my invoice", "no idea"],
        "plan": "free",
        "tag": "",
        "age": [1, 2, 3, 4],
    }
    path = folder / "new.csv"
    pd.DataFrame({**columns, "code": ["01", "2", "3", "4"], "paid": "true", **change}).to_csv(path, index=False)
    return path


def waiting(task):
    return dict(open_record(task).requests()[["row", "reason"]].itertuples(index=False))


def test_rows_that_need_review_wait_for_people_the_least_confident_first(task, tmp_path):
    log = write_log(tmp_path, line("n1", confidence=0.7), line("n2", "answer", 0.9), line("n3", confidence=0.43), line("003"))
    found = review_from_log(task, log, write_new(tmp_path))
    assert (found.deferred, found.asked, found.taken, found.left_out) == (3, 3, 2, {})
    assert list(waiting(task)) == ["n3", "003", "n1"]
    assert waiting(task)["n3"] == "needs review: confidence 0.43"
    run(task, until="fit")
    assert list(newest_queue(task, task.dataset()[0], "ann", "requested", 10).index) == ["n3", "003", "n1"]


def test_rows_taken_in_are_train_rows_without_gold_in_the_types_of_the_task(task, tmp_path):
    before, _ = task.dataset()
    review_from_log(task, write_log(tmp_path, line("n1"), line("n4")), write_new(tmp_path, extra="x", label="bug"))
    after, notes = task.dataset()
    assert "train rows that were taken in from production for people to label: 2" in notes
    assert list(after.ids[-2:]) == ["n1", "n4"] and after.frame.dtypes.equals(before.frame.dtypes)
    assert after.frame.loc["n1"].to_dict() == {
        "text": "hello", "plan": "free", "tag": after.frame.loc["n1", "tag"], "age": 1, "code": "01", "paid": True
    }  # fmt: skip
    assert pd.isna(after.frame.loc["n1", "tag"]) and after.frame["code"].tolist()[:3] == ["007", "1", "x"]
    assert after.split["n4"] == "train" and after.gold["n4"] == -1
    assert (after.row_hashes[:120] == before.row_hashes).all(), "votes of the other rows are kept"


def test_rows_that_were_predicted_without_ids_are_taken_in_by_their_content(task, tmp_path):
    known = task.dataset()[0].frame["text"].iloc[3]
    texts = ["hello", "it crashes", "my invoice", known]
    new = write_new(tmp_path, text=texts)
    pd.read_csv(new, dtype=str).drop(columns="id").to_csv(new, index=False)
    ids = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]
    found = review_from_log(task, write_log(tmp_path, line(ids[0]), line(ids[3])), new)
    assert (list(waiting(task)), found.taken, found.left_out) == ([ids[0]], 1, {"not to be had": 1})
    assert f"rows of {new} left out, as the task holds their text under another id: 1" in found.notes
    assert review_from_log(task, write_log(tmp_path, line(ids[0])), new).left_out == {"waiting for review already": 1}


def test_a_file_of_rows_with_an_empty_id_is_refused(task, tmp_path):
    with pytest.raises(WorkbenchError, match=r"new\.csv: id column 'id' is empty on row 2; fill it"):
        review_from_log(task, write_log(tmp_path, line("n1")), write_new(tmp_path, id=["n1", "", "n3", "n4"]))


def test_nothing_is_taken_in_or_asked_twice(task, tmp_path):
    log, new = write_log(tmp_path, line("n1"), line("n3")), write_new(tmp_path)
    review_from_log(task, log, new)
    kept = (task.folder / PRODUCTION).read_bytes()
    again = review_from_log(task, log, new)
    assert (again.asked, again.taken, again.left_out) == (0, 0, {"waiting for review already": 2})
    assert (task.folder / PRODUCTION).read_bytes() == kept and len(waiting(task)) == 2
    rows = pd.DataFrame({"text": ["another text"]}, index=["n1"])
    assert take_in(task.folder, rows) == 0 and (task.folder / PRODUCTION).read_bytes() == kept


def test_the_newest_decision_about_a_row_wins(task, tmp_path):
    later = {"time": "2026-03-03T09:00:00.000+00:00"}
    log = write_log(tmp_path, line("n1", "answer", 0.99, **later), line("n1"), line("n2", "answer", 0.9), line("n2", **later))
    found = review_from_log(task, log, write_new(tmp_path))
    assert list(waiting(task)) == ["n2"] and found.deferred == 1
    assert found.notes[0].endswith("that a newer one of their row overtook: 2 of 4")


def test_a_limit_leaves_rows_for_the_next_call(task, tmp_path):
    log = write_log(tmp_path, *(line(row, confidence=0.9 - place / 10) for place, row in enumerate(NEW)))
    first = review_from_log(task, log, write_new(tmp_path), limit=3)
    assert (first.asked, first.taken, first.left_out) == (3, 3, {"left for the next call": 1})
    assert list(waiting(task)) == ["n4", "n3", "n2"]
    review_from_log(task, log, write_new(tmp_path), limit=3)
    assert list(waiting(task))[3:] == ["n1"]


def test_rows_that_people_answered_or_must_not_see_are_not_asked(task, tmp_path):
    decide(task, task.dataset()[0], [Decision("003", "label", "ann", "bug")])
    log = write_log(tmp_path, line("003"), line("004"), line("085"), line("110"))
    found = review_from_log(task, log)
    assert found.asked == 0 and not waiting(task)
    assert found.left_out == {
        "labelled by people already": 1, "of a known class": 2, "test rows, which nobody looks at": 1
    }  # fmt: skip
    assert "110" not in str(found)


def test_without_gold_in_train_a_row_of_the_task_is_asked_without_the_file(task, tmp_path):
    text = (task.folder / "task.toml").read_text(encoding="utf-8").replace('gold = "label"\n', "")
    (task.folder / "task.toml").write_text(text, encoding="utf-8")
    found = review_from_log(load_task(task.folder), write_log(tmp_path, line("004"), line("n1")))
    assert (found.asked, found.taken, found.left_out) == (1, 0, {"not to be had": 1}) and list(waiting(task)) == ["004"]
    assert "rows that are not in the task: 1, the first 'n1'; name the file that was predicted with --rows FILE" in found.notes


def test_ids_that_the_file_lacks_are_counted(task, tmp_path):
    found = review_from_log(task, write_log(tmp_path, line("n9"), line("n8"), line("n1")), write_new(tmp_path))
    assert (found.asked, found.left_out) == (1, {"not to be had": 2})
    assert (
        found.notes[-1].startswith("rows that are neither in the task nor in ") and ": 2, the first 'n9'; " in found.notes[-1]
    )


def test_a_row_whose_text_changed_is_refused_with_the_reason(task, tmp_path):
    before = task.dataset()[0].frame.loc["003", "text"]
    new = write_new(tmp_path, id=["003", "n3", "n3", "n4"], text=["edited", "a", "b", "c"])
    found = review_from_log(task, write_log(tmp_path, line("003"), line("n3"), line("n4")), new)
    assert list(waiting(task)) == ["n4"] and (found.taken, found.left_out) == (1, {"not to be had": 2})
    said = (
        "rows that are refused: 2, the first 'n3', which stands twice in the file, with another text; an id stands for one text"
    )
    assert found.notes[-1].startswith(said) and task.dataset()[0].frame.loc["003", "text"] == before
    review_from_log(task, write_log(tmp_path, line("003")), write_new(tmp_path, id=["003", "a", "b", "c"]))
    assert "003" not in waiting(task)
    review_from_log(task, write_log(tmp_path, line("003")), write_new(tmp_path))
    assert "003" in waiting(task), "the file says nothing of it"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"age": ["1", "old", "3", "4"]}, "column 'age' holds 'old' on row 'n2', and in the task it holds whole numbers"),
        ({"age": ["1", "2.5", "3", "4"]}, "column 'age' holds '2.5' on row 'n2', and in the task it holds whole numbers"),
        ({"age": ["1", "9" * 20, "3", "4"]}, "column 'age' holds '9{20}' on row 'n2', and in the task it holds whole numbers"),
        (
            {"paid": ["true", "maybe", "", ""]},
            "column 'paid' holds 'maybe' on row 'n2', and in the task it holds true and false",
        ),
    ],
    ids=["number", "fraction", "too large", "boolean"],
)
def test_a_cell_of_another_kind_is_refused_before_anything_is_kept(task, tmp_path, change, why):
    with pytest.raises(WorkbenchError, match=f"new.csv: {why}"):
        review_from_log(task, write_log(tmp_path, *map(line, NEW)), write_new(tmp_path, **change))
    assert not (task.folder / PRODUCTION).exists() and not waiting(task)


def test_columns_that_a_new_row_lacks_are_missing_and_said(task, tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text('{"id": "n1", "text": "hello", "age": null}\n', encoding="utf-8")
    found = review_from_log(task, write_log(tmp_path, line("n1")), path)
    assert any("lacks 'plan', 'tag', 'code', 'paid': these cells are missing" in note for note in found.notes)
    frame = task.dataset()[0].frame
    assert frame.loc["n1", ["plan", "tag", "age", "code", "paid"]].isna().all()
    assert frame["age"].tolist()[:2] == [0, 1] and str(frame["paid"].dtype) == "boolean"


def test_a_gap_in_whole_numbers_leaves_the_other_rows_as_they_were(task, tmp_path):
    text = (task.folder / "task.toml").read_text(encoding="utf-8").replace('["text"]', '["plan"]')
    (task.folder / "task.toml").write_text(text.replace('text = ["plan"]', "text = []"), encoding="utf-8")
    cells = load_task(task.folder)  # whose rows are told apart by their cells
    before, _ = cells.dataset()
    path = tmp_path / "new.jsonl"
    path.write_text('{"id": "n1", "text": "hello", "age": null}\n{"id": "n2", "text": "bye", "age": 7}\n', encoding="utf-8")
    review_from_log(cells, write_log(tmp_path, line("n1"), line("n2")), path)
    after, _ = cells.dataset()
    assert after.frame["age"].tolist()[-2:] == [pd.NA, 7]
    assert (after.row_hashes[:120] == before.row_hashes).all()
    assert fingerprints(cells, after, before.ids) == fingerprints(cells, before, before.ids)


def test_whole_numbers_that_are_written_as_fractions_stay_whole(task, tmp_path):
    before, _ = task.dataset()
    review_from_log(task, write_log(tmp_path, line("n1"), line("n2")), write_new(tmp_path, age=["2.0", "7", "x", "2.5"]))
    after, _ = task.dataset()
    assert after.frame["age"].tolist()[-2:] == [2, 7] and after.frame.dtypes.equals(before.frame.dtypes)
    assert (after.row_hashes[:120] == before.row_hashes).all()


def test_a_fraction_among_whole_numbers_counts_once_the_task_has_one(task, tmp_path):
    log, new = write_log(tmp_path, line("n1")), write_new(tmp_path, age=[2.5, 1, 1, 1])
    with pytest.raises(WorkbenchError, match="it holds whole numbers; correct the cell"):
        review_from_log(task, log, new)
    with (task.folder / "rows.csv").open("a", encoding="utf-8") as file:
        file.write("130,hello,pro,bug,bug,valid,0.5,9,false\n")
    review_from_log(task, log, new)
    assert task.dataset()[0].frame.loc["n1", "age"] == 2.5


def test_long_numbers_are_taken_in_to_the_last_digit(task):
    dataset = replace(task.dataset()[0], frame=task.dataset()[0].frame.assign(age=900_719_925_474_099_301))
    rows = pd.DataFrame({"text": ["a", "b"], "age": ["900719925474099303", None]}, index=["n1", "n2"])
    assert as_in(dataset, rows, "new.csv")["age"].tolist() == [900_719_925_474_099_303, pd.NA]


def test_a_row_that_was_added_to_the_file_since_counts_as_it_stands_there(task, tmp_path):
    review_from_log(task, write_log(tmp_path, line("n1")), write_new(tmp_path))
    with (task.folder / "rows.csv").open("a", encoding="utf-8") as file:
        file.write("n1,hello,pro,bug,bug,valid,5,9,false\n")
    dataset, notes = task.dataset()
    assert len(dataset) == 121 and dataset.split["n1"] == "valid" and dataset.gold["n1"] == 1
    assert any("stand in the task's own file by now" in note for note in notes)


def test_without_an_id_column_rows_are_told_by_their_text(task, tmp_path):
    text = (task.folder / "task.toml").read_text(encoding="utf-8").replace('id = "id"\n', "")
    (task.folder / "task.toml").write_text(text, encoding="utf-8")
    bare = load_task(task.folder)
    old = bare.dataset()[0].ids[0]
    new = write_new(tmp_path, text=["hello", "hello", "it crashes", "refund for invoice number 0"])
    hello = "2cf24dba5fb0a30e"  # of the sha256 of the text
    log = write_log(tmp_path, line(hello), line(old, "answer"))
    found = review_from_log(bare, log, new)
    assert (found.asked, found.taken) == (1, 1) and list(bare.dataset()[0].ids[-1:]) == [hello]


def test_a_task_without_ids_and_text_cannot_tell_its_rows_apart(task, tmp_path):
    text = (task.folder / "task.toml").read_text(encoding="utf-8").replace('id = "id"\n', "").replace('["text"]', "[]")
    (task.folder / "task.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WorkbenchError, match="neither id nor text"):
        review_from_log(load_task(task.folder), write_log(tmp_path, line("1")))


def test_answered_rows_are_drawn_by_chance_and_never_twice(task, tmp_path):
    log = write_log(tmp_path, *(line(row, "answer", 0.9) for row in [*NEW, "003"]))
    with pytest.raises(WorkbenchError, match="name the file that was predicted"):
        review_from_log(task, log, audit_answered=2)
    found = review_from_log(task, log, write_new(tmp_path), audit_answered=3, seed=1)
    assert (found.drawn, found.taken, found.asked) == (3, 3, 0)
    run(task, until="train")
    judged = newest_queue(task, task.dataset()[0], "ann", "requested", 10)
    assert judged["text"].str.len().all() and judged["answer"].isna().all(), "the answer would sway who judges it"
    assert set(waiting(task).values()) == {"answered: drawn by chance among answered rows, to see how often answers are wrong"}
    again = review_from_log(task, log, write_new(tmp_path), audit_answered=3)
    assert again.drawn == 1 and "answered rows that were drawn: 1 of 3, as" in again.notes[-1]
    assert sorted(waiting(task)) == NEW, "what the task held before may have taught the model"
    first, second = read_draws(task)
    assert (first["of"], first["seed"], len(first["rows"]), second["of"]) == (4, 1, 3, 1)
    assert first["rows"][0] == {"id": first["rows"][0]["id"], "label": "bug", "model": "m1", "confidence": 0.9}


def test_drawn_rows_are_asked_about_by_the_next_call_where_one_was_cut_off(task, tmp_path, monkeypatch):
    log, new = write_log(tmp_path, *(line(row, "answer", 0.9) for row in NEW)), write_new(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="locked"):
        patch.setattr("workbench.project.steps.review_log.request", broken)
        review_from_log(task, log, new, audit_answered=2, seed=1)
    assert waiting(task) == {} and task.dataset()[0].split.isin(["train"]).sum() == 82
    found = review_from_log(task, log)
    drawn = [one["id"] for one in read_draws(task)[0]["rows"]]
    assert sorted(waiting(task)) == sorted(drawn) and "asked about only now: 2" in found.notes[-1]
    decide(task, task.dataset()[0], [Decision(drawn[0], "label", "ann", "bug")])
    assert "only now" not in str(review_from_log(task, log).notes) and list(waiting(task)) == drawn[1:]


def broken(*_):
    raise OSError("the record is locked")


def test_every_answered_row_has_the_same_chance_to_be_drawn(task, tmp_path):
    from workbench.project.steps.review_log import _draw

    drawn = np.concatenate([_draw(pd.Index(range(8)), 2, seed) for seed in range(800)])
    assert np.allclose(np.bincount(drawn) / 800, 0.25, atol=0.05)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"decision": "maybe"}, "decision is 'maybe'; it is 'answer' or 'needs review'"),
        ({"confidence": 80}, "confidence is 80; it is a number between 0 and 1"),
        ({"threshold": "high"}, "threshold is 'high'; it is a number up to 1, or null"),
        ({"time": "yesterday"}, "time is 'yesterday'; it is written like"),
        ({"id": ""}, "id is ''; it must be a text"),
    ],
    ids=["decision", "confidence", "threshold", "time", "id"],
)
def test_a_line_that_is_none_of_a_log_is_refused_by_number(tmp_path, change, why):
    with pytest.raises(WorkbenchError, match=f"log.jsonl, line 2: {why}"):
        read_log(write_log(tmp_path, line("a"), line("b", **change) if "id" not in change else line("")))


def test_a_log_that_lacks_a_key_or_every_line_is_refused(tmp_path):
    with pytest.raises(WorkbenchError, match="line 1 lacks 'time'"):
        read_log(write_log(tmp_path, {"id": "a"}))
    with pytest.raises(WorkbenchError, match="holds no line"):
        read_log(write_log(tmp_path))


def test_half_a_line_at_the_end_is_left_out(tmp_path):
    log = write_log(tmp_path, line("a"))
    log.write_text(log.read_text() + '{"time": "2026-', encoding="utf-8")
    found = read_log(log)
    assert list(found.newest.index) == ["a"] and "cut short" in found.notes[0]


def test_a_log_may_be_cut_inside_a_character_but_not_be_of_another_encoding(tmp_path):
    log = write_log(tmp_path, line("a"))
    whole = log.read_bytes()
    log.write_bytes(whole + json.dumps(line("ä"), ensure_ascii=False).encode().partition(b"\xa4")[0])
    found = read_log(log)
    assert list(found.newest.index) == ["a"] and "cut short" in found.notes[0]
    log.write_bytes(whole + json.dumps(line("ä"), ensure_ascii=False).encode("latin-1") + b"\n")
    with pytest.raises(WorkbenchError, match="not UTF-8 text"):
        read_log(log)


def test_a_damaged_file_of_rows_is_named(task):
    (task.folder / PRODUCTION).write_bytes(b"PAR1 no more")
    with pytest.raises(WorkbenchError, match=r"production\.parquet is damaged"):
        task.dataset()


def test_a_kept_cell_that_fits_no_more_is_named_and_the_way_out_works(task, tmp_path):
    review_from_log(task, write_log(tmp_path, line("n1"), line("n2")), write_new(tmp_path))
    kept = pd.read_parquet(task.folder / PRODUCTION)
    kept.astype({"age": "str"}).replace({"age": {"1": "old"}}).to_parquet(task.folder / PRODUCTION)
    said = r"production\.parquet: column 'age' holds 'old' on row 'n1'.* numbers; write the row into the task's own file"
    with pytest.raises(WorkbenchError, match=said):
        task.dataset()
    with (task.folder / "rows.csv").open("a", encoding="utf-8") as file:
        file.write("n1,hello,free,,,train,1,01,true\n")
    assert task.dataset()[0].frame["age"].tolist()[-2:] == [1, 2]


def test_what_people_say_of_a_deferred_row_is_an_anchor_and_a_corrected_label_of_the_next_run(task, tmp_path):
    first = run(task, until="train")
    stranger = review_from_log(task, write_log(tmp_path, line("n1")), limit=1).notes[0]
    assert stranger.endswith("of no run of task 'tiny' that is kept: 'm1'; see that the log is its own")
    new = write_new(tmp_path, text=["refund this invoice", "it crashes with an error", "my invoice again", "hello"])
    predict(open_model(task, first, review_below=0.9999), new, tmp_path / "out.csv", log=tmp_path / "log.jsonl")
    review_from_log(task, tmp_path / "log.jsonl", new)
    rows, _ = task.dataset()
    assert set(waiting(task)) == set(NEW)
    queue = newest_queue(task, rows, "ann", "requested", 10)
    assert queue.loc["n1", ["text", "answer"]].tolist() == ["refund this invoice", "billing"]
    assert queue["answer_probability"].between(0.5, 1).all()
    decide(task, rows, [Decision("n3", "label", "ann", "bug")])  # the functions say billing
    second = run(task, until="export")
    assert pd.read_parquet(second.folder / KEPT_ANCHORS).set_index("id")["label"].to_dict() == {"n3": 1}
    exported = pd.read_csv(second.folder / "export" / "train.csv", dtype={"id": str}).set_index("id")
    assert exported.loc[["n1", "n2", "n3"], "label"].tolist() == ["billing", "bug", "bug"]
    assert exported.loc[["n1", "n3"], "reviewed"].tolist() == [False, True]
    later = review_from_log(task, tmp_path / "log.jsonl", new)
    assert later.left_out == {"waiting for review already": 3, "labelled by people already": 1}
    assert find_run(task).id == second.id


def test_a_log_of_another_task_is_refused(task, tmp_path):
    log, known = write_log(tmp_path, line("n1"), line("n2", label="high")), tmp_path / "known.csv"
    known.write_text("id,reopened\nn1,true\n", encoding="utf-8")
    for use in (lambda: review_from_log(task, log, write_new(tmp_path)), lambda: outcomes(task, log, known)):
        with pytest.raises(WorkbenchError, match="says 'high' of row 'n2', which is no class of task 'tiny': its classes are"):
            use()
    assert not (task.folder / PRODUCTION).exists() and not waiting(task)


def test_rows_that_nobody_decided_on_are_released_and_asked_about_once_when_they_come_again(task, tmp_path):
    log, new = write_log(tmp_path, line("n1"), line("n2"), line("n3", "answer"), line("n4", "answer")), write_new(tmp_path)
    review_from_log(task, log, new, audit_answered=2)
    decide(task, task.dataset()[0], [Decision("n2", "label", "ann", "bug"), Decision("n4", "unsure", "ann")])
    assert release(task) == 2 and list(task.dataset()[0].ids[120:]) == ["n2", "n4"]
    assert [one["id"] for one in read_draws(task)[0]["rows"]] == ["n4"] and list(waiting(task)) == ["n4"]
    again = review_from_log(task, log, new, audit_answered=2)
    assert (again.asked, again.drawn, again.taken) == (1, 1, 2)
    assert sorted(open_record(task).requests()["row"]) == ["n1", "n3", "n4"]
    assert release(task) == 2 and release(task) == 0


def test_a_row_that_was_deferred_released_and_is_drawn_later_is_judged_as_drawn(task, tmp_path):
    new = write_new(tmp_path)
    review_from_log(task, write_log(tmp_path, line("n1")), new)
    release(task)
    review_from_log(task, write_log(tmp_path, line("n1", "answer", 0.9)), new, audit_answered=1)
    assert waiting(task) == {"n1": DRAWN}


def test_a_task_without_decided_rows_is_as_before_once_they_are_released(task, tmp_path):
    before = task.dataset()[0].fingerprint
    review_from_log(task, write_log(tmp_path, line("n1")), write_new(tmp_path, age=[None, 2, 3, 4]))
    assert release(task) == 1 and not (task.folder / PRODUCTION).exists()
    assert task.dataset()[0].fingerprint == before


def test_the_reason_names_the_threshold_of_the_run_that_was_asked(task, tmp_path, monkeypatch):
    from workbench.io.files import sha256
    from workbench.project.steps.predict import AnswerRule

    folder = task.runs_folder / "20260302-090000-000"
    (folder / "end_model").mkdir(parents=True)
    (folder / "run.json").write_text('{"format": 1}')
    (folder / "end_model" / "manifest.json").write_text("{}")
    model = sha256(folder / "end_model" / "manifest.json")[:12]
    monkeypatch.setattr(AnswerRule, "of", lambda run: AnswerRule(0.81, ""))
    lines = line("n1", confidence=0.43, model=model), line("n2", confidence=0.9, model=model), line("n3", why="unlike others")
    review_from_log(task, write_log(tmp_path, *lines), write_new(tmp_path))
    assert waiting(task) == {
        "n1": "needs review: confidence 0.43 is not above 0.81",
        "n2": "needs review: confidence 0.90",
        "n3": "needs review: unlike others",
    }
