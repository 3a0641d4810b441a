"""What reviewers decide goes into the next run, and what must not teach does not."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.catalogue import catalogue
from workbench.project.overview import steps_since
from workbench.project.queues import opened, review_queue
from workbench.project.reviewing import (
    KEPT_ANCHORS,
    Decision,
    anchors,
    check_teaching,
    decide,
    export_decisions,
    import_decisions,
    new_decisions,
    open_record,
    request,
    reviewed,
    status,
    with_reviewed_gold,
)
from workbench.project.runs import find_run
from workbench.project.serving import Claims, head_of_queue
from workbench.project.steps import evaluate
from workbench.project.steps.fit import fit_label_model
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

TRAIN, VALID, TEST = "010", "085", "100"  # agents tag every fifth row as a bug: 010 is billing, 085 and 100 are too


@pytest.fixture
def task(tiny_task):
    change(tiny_task, 'features = ["tfidf"]', "enabled = false", "task.toml")  # an end model loads torch
    return load_task(tiny_task)


@pytest.fixture
def rows(task):
    return task.dataset()[0]


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(evaluate, "SLOW_CELLS", 0)  # no Snorkel, which loads torch


def label(row, name="billing", reviewer="ann", **more):
    return Decision(row, "label", reviewer, name, **more)


def change(folder, old, new, file="rows.csv"):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def mute(folder, *ids):
    """Take from rows all that a function votes on."""
    path = folder / "rows.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    for place, line in enumerate(lines):
        row, *_, gold, split = line.split(",")
        if row in ids:
            lines[place] = f"{row},nothing at all,free,,{gold},{split}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_reviewed_rows_are_anchors_but_for_those_that_are_not_settled(task, rows):
    said = [label("000"), label("001", "bug"), label("001", "billing", "bob"), label(VALID), label("003"), label("004")]
    decide(task, rows, [*said, Decision("002", "unsure", "ann"), Decision("005", "skip", "ann")])
    open_record(task).undo("ann")  # the skip
    open_record(task).undo("ann")  # the unsure
    open_record(task).undo("ann")  # 004
    found = anchors(task, rows)
    assert found["label"].to_dict() == {"000": 0, "003": 0, VALID: 0}
    assert (found["weight"] == 1).all() and found.index.name == "id"
    assert list(reviewed(task, rows).teaching.index) == ["000", "003"]
    (taught, left) = reviewed(task, rows).notes
    assert taught == "2 reviewed rows are anchors: they teach, and keep the label that people gave."
    assert left.startswith("Reviewed rows that teach nothing: 1 disputed between reviewers (`workbench review ")


def test_without_a_record_nothing_is_made_and_nothing_teaches(task, rows):
    assert anchors(task, rows).empty and reviewed(task, rows).notes == []
    assert not (task.folder / "review").exists()


def test_a_run_learns_from_anchors_and_keeps_their_labels(task, rows, fast):
    mute(task.folder, "002")
    rows = task.dataset()[0]
    before = run(task, until="fit")
    decide(task, rows, [label(row, "bug") for row in ("002", "010", VALID)])
    assert new_decisions(task, rows, before.about["review"]) == 3
    assert steps_since(task, before, rows, catalogue(task))[-1].endswith("below: 3 new decisions of reviewers.")
    after = run(task)
    assert after.about["review"] | {"fingerprint": ""} == {"anchors": 2, "entries": 3, "fingerprint": ""}
    assert new_decisions(task, rows, after.about["review"]) == 0 and steps_since(task, after, rows, catalogue(task)) == []
    assert "2 reviewed rows are anchors: they teach, and keep the label that people gave." in after.about["notes"]
    soft, old = (one.soft_labels() for one in (after, before))
    at = soft.ids.get_indexer(["002", "010", VALID])
    assert old.covered[at].tolist() == [False, True, True] and soft.covered[at].tolist() == [True, True, True]
    assert soft.probs[at[:2]].tolist() == [[0, 1], [0, 1]] and 0 < soft.probs[at[2], 1] < 1
    exported = pd.read_csv(after.folder / "export" / "train.csv", dtype={"id": str}).set_index("id")
    assert exported.loc[["002", "010"], "label"].tolist() == ["bug", "bug"]
    assert pd.read_parquet(after.folder / KEPT_ANCHORS).set_index("id")["label"].to_dict() == {"002": 1, "010": 1}
    assert not np.array_equal(old.probs, soft.probs)


def test_a_run_from_before_the_record_asks_for_another_once_rows_are_reviewed(task, rows):
    assert new_decisions(task, rows, None) == 0
    decide(task, rows, [label("000")])
    assert new_decisions(task, rows, None) == 1


def test_answered_requests_count_as_done(task, rows):
    made = run(task, until="fit")
    request(task, ["000", "003", "010", TEST], "look")
    decide(task, rows, [label("003")])
    kept = opened(task, made, rows, "requested")
    head = head_of_queue(task, made, rows, "requested", kept, Claims(), "ann")
    assert (head.done, head.left, list(head.reasons)) == (1, 2, ["000", "010"]), "a test row never stands there"


def test_what_was_taken_back_is_no_new_decision(task, rows):
    decide(task, rows, [label("000"), label("003")])
    open_record(task).undo("ann")
    assert new_decisions(task, rows, None) == 1, "one stands, of three entries"


def test_an_unsure_row_asks_for_no_run(task, rows):
    decide(task, rows, [Decision("000", "unsure", "ann")])
    assert new_decisions(task, rows, {"entries": 0, "fingerprint": ""}) == 0


@pytest.mark.parametrize("name", ["majority_vote", "generative", "weighted_vote", "triplet"])
def test_every_label_model_keeps_human_labels(task, rows, name):
    votes = run(task, until="apply").votes()
    decide(task, rows, [label(TRAIN, "bug")])
    soft, _ = fit_label_model(task, name, rows, votes)
    assert soft.to_frame().loc[TRAIN, ["billing", "bug"]].tolist() == [0, 1]


def test_reviewed_valid_rows_are_gold_for_diagnosis_where_none_is_known(task, rows):
    change(task.folder, ",billing,billing,valid", ",billing,,valid")
    blind = task.dataset()[0]
    missing = blind.ids[(blind.split == "valid") & (blind.gold == -1)]
    decide(task, blind, [label(missing[0]), label(missing[1], "bug"), label("085", "billing"), label("081", "billing")])
    judged, notes = with_reviewed_gold(blind, reviewed(task, blind))
    assert judged.gold[missing[:2]].tolist() == [0, 1] and judged.gold["081"] == 1
    assert notes[0].startswith("2 valid rows without gold are judged by what reviewers said")
    assert "'081' is 'bug' in the data and 'billing' in the record" in notes[1]
    assert (judged.gold[judged.split != "valid"] == blind.gold[blind.split != "valid"]).all()
    votes = {row["lf"]: row["n_gold"] for row in run(task, until="diagnose").diagnosis()["functions"]}
    known = int((blind.select("valid").gold != -1).sum())
    assert votes["agent_tag"] == known + 2


def test_scores_do_not_see_what_reviewers_said_of_valid_rows(task, rows, fast):
    before = run(task).metrics()
    decide(task, rows, [label(row, "bug") for row in rows.select("valid").ids[:6]])
    assert run(task).metrics() == before


def test_a_row_that_was_edited_since_teaches_no_more(task, rows):
    decide(task, rows, [label("000"), label("004")])
    change(task.folder, "refund for invoice number 0", "refund for invoice number zero")
    edited = task.dataset()[0]
    found = reviewed(task, edited)
    assert list(found.anchors.index) == ["004"]
    assert "1 edited since they were reviewed (review them again)" in found.notes[1]


def test_classes_rows_and_splits_that_changed_are_left_out_and_said(task, rows):
    decide(task, rows, [label("000"), label("001", "bug"), label("002"), label("003", "bug")])
    change(task.folder, 'labels = ["billing", "bug"]', 'labels = ["billing", "defect"]', "task.toml")
    text = (task.folder / "rows.csv").read_text(encoding="utf-8").replace(",bug", ",defect").splitlines()
    text = [line for line in text if not line.startswith("000")]
    text = [line.replace(",train", ",test") if line.startswith("002") else line for line in text]
    (task.folder / "rows.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    changed = load_task(task.folder)
    found = reviewed(changed, changed.dataset()[0])
    assert found.anchors.empty
    for words in ("1 gone from the data", "1 in test by now", "2 of a class that the task does not have ('bug')"):
        assert words in found.notes[0]


def cheats(task, rows):
    """Return ways to train on what must not, each a call; the plan drew 020."""
    plan = open_record(task).add_plan("audit", ["020"])
    votes = run(task, until="apply").votes()

    def gold(row):
        return pd.DataFrame({"label": [0], "weight": [1.0]}, index=pd.Index([row], name="id"))

    def altered():
        decide(task, rows, [label("020", purpose="measure", plan=plan)])
        path = task.folder / "decisions.csv"
        export_decisions(task, path)
        change(task.folder, f"measure,{plan}", "anchor,", "decisions.csv")
        import_decisions(task, rows, path)

    def altered_with_a_new_id():
        path = task.folder / "decisions.csv"
        path.write_text("row,reviewer,label,purpose\n020,ann,bug,anchor\n", encoding="utf-8")
        import_decisions(task, rows, path)

    return {
        "a test row from a queue": lambda: decide(task, rows, [label(TEST)]),
        "a measure row from a queue": lambda: decide(task, rows, [label("020")]),
        "a row that no plan drew as measure": lambda: decide(task, rows, [label("021", purpose="measure", plan=plan)]),
        "a purpose altered in a file": altered,
        "a purpose altered under a new id": altered_with_a_new_id,
        "gold of test": lambda: fit_label_model(task, "generative", rows, votes, gold(TEST)),
        "gold of valid": lambda: fit_label_model(task, "generative", rows, votes, gold(VALID)),
        "gold of a measure row": lambda: fit_label_model(task, "generative", rows, votes, gold("020")),
        "gold of a row that is not there": lambda: check_teaching(task, rows, gold("999")),
    }


@pytest.mark.parametrize(
    ("cheat", "message"),
    [
        ("a test row from a queue", "row '100' is a test row and cannot be reviewed from a queue: test only ever scores"),
        ("a measure row from a queue", "row '020' cannot be an anchor: the audit plan .* what measures never trains"),
        ("a row that no plan drew as measure", "row '021' cannot measure"),
        ("a purpose altered in a file", "line 2: the decision .* is stored with purpose 'measure', and now has 'anchor'"),
        ("a purpose altered under a new id", "decisions.csv, line 2: row '020' cannot be an anchor"),
        ("gold of test", "row '100' is a test row and cannot teach: models learn from train"),
        ("gold of valid", "row '085' is a valid row and cannot teach"),
        ("gold of a measure row", "row '020' cannot teach: the audit plan .* what measures never trains"),
        ("gold of a row that is not there", "row '999' is not in the data and cannot teach"),
    ],
    ids=lambda value: value[:30],
)
def test_who_tries_to_cheat_is_refused_in_one_sentence(task, rows, cheat, message):
    with pytest.raises(WorkbenchError, match=message) as told:
        cheats(task, rows)[cheat]()
    assert "\n" not in str(told.value)
    assert anchors(task, rows).empty


def test_a_row_drawn_after_it_was_reviewed_teaches_no_more(task, rows):
    decide(task, rows, [label("000"), label("004")])
    open_record(task).add_plan("audit", ["000"])
    assert list(anchors(task, rows).index) == ["004"]


@pytest.mark.parametrize("kind", ["conflict", "uncertain", "uncovered", "random"])
def test_queues_hold_train_and_valid_rows_that_nobody_decided(task, rows, kind):
    mute(task.folder, "002", "004", "006", "007")
    done = run(task, until="fit")
    rows = task.dataset()[0]
    open_record(task).add_plan("audit", ["020", "021"])
    kept = opened(task, done, rows, kind)
    first = review_queue(task, done, rows, "ann", kind, 200, kept)
    assert set(rows.split[first.index]) <= {"train", "valid"} and not {"020", "021"} & set(first.index)
    assert first["reason"].str.endswith(".").all() and len(first)
    decide(task, rows, [label(first.index[0])])
    rest = first.index[1:].tolist()
    assert review_queue(task, done, rows, "ann", kind, 200, kept).index.tolist() == rest
    assert review_queue(task, done, rows, "bob", kind, 200).index.tolist() == rest
    decide(task, rows, [Decision(row, "skip", "ann") for row in rest[:1]])
    assert review_queue(task, done, rows, "ann", kind, 2).index.tolist() == rest[1:3]
    assert review_queue(task, done, rows, "bob", kind, 2).index.tolist() == rest[:2]


def test_rows_sent_to_review_come_back_each_time_they_are_sent(task, rows):
    done = run(task, until="fit")
    assert request(task, ["010", TEST, "011", "gone"], "the tag contradicts the text", "bob") == 4
    waiting = review_queue(task, done, rows, "ann", "requested")
    assert waiting.index.tolist() == ["010", "011"] and set(waiting["reason"]) == {"the tag contradicts the text"}
    assert waiting["model_label"].isin(rows.labels).all() and waiting["model_probability"].between(0.5, 1).all()
    decide(task, rows, [label("010"), Decision("011", "skip", "ann")])
    assert review_queue(task, done, rows, "ann", "requested").empty
    assert review_queue(task, done, rows, "bob", "requested").index.tolist() == ["011"]
    request(task, ["010"], "look again")
    assert review_queue(task, done, rows, "ann", "requested").index.tolist() == ["010"]


def test_an_uncovered_row_is_shown_without_the_models_word(task):
    mute(task.folder, "002")
    done = run(task, until="fit")
    line = review_queue(task, done, task.dataset()[0], "ann", "uncovered").loc["002"]
    assert pd.isna(line["model_label"]) and pd.isna(line["model_probability"]) and line["reason"] == "No function votes on it."


def test_status_counts_what_there_is(task, rows):
    plan = open_record(task).add_plan("audit", ["020", "021"])
    decide(task, rows, [label("000"), label("000", "bug", "bob"), label(VALID), label("020", purpose="measure", plan=plan)])
    found = status(task, rows)
    assert found["reviewers"]["ann"] == {"label": 3, "unsure": 0, "skip": 0, "undo": 0}
    assert (found["rows"], found["anchors"], found["teaching"]) == (3, 1, 0)
    assert found["measure"] == {"rows": 2, "labelled": 1}
    assert [(line["row"], line["said"]) for line in found["disputed"]] == [("000", "ann: billing; bob: bug")]
    assert found["agreement"]["pairs"][0]["n"] == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[review]\nurll = "x"', "unknown key 'urll' in .*did you mean 'url'"),
        ("[review]\ndouble = 1.5", "double in .* is 1.5; it is a share of the rows, 0 to 1"),
        ("[review]\nurl = 3", "url in .* is 3; it must be a string"),
    ],
    ids=["unknown key", "no share", "no URL"],
)
def test_settings_of_review_are_checked(tiny_task, table, message):
    change(tiny_task, "[slices]", f"{table}\n[slices]", "task.toml")
    with pytest.raises(WorkbenchError, match=message):
        load_task(tiny_task)


def test_the_record_may_lie_elsewhere(tiny_task):
    change(tiny_task, "[slices]", '[review]\nurl = "sqlite:///../shared.sqlite"\n[slices]', "task.toml")
    task = load_task(tiny_task)
    decide(task, task.dataset()[0], [label("000")])
    assert (tiny_task.parent / "shared.sqlite").exists() and not (tiny_task / "review").exists()


def review(*arguments):
    return CliRunner().invoke(main, ["review", *map(str, arguments)])


def test_the_command_decides_undoes_and_shows_who_said_what(tiny_task):
    for reviewer, said in (("ann", ["000=billing", "003=bug"]), ("bob", ["000=bug", "003=bug"])):
        answer = review(tiny_task, "--reviewer", reviewer, *(word for one in said for word in ("--decide", one)))
        assert answer.exit_code == 0 and f"stored for {reviewer}: {', '.join(said)}" in answer.stderr
    shown = review(tiny_task).stdout
    assert "ann: 2 labels, 0 unsure" in shown and "000: ann: billing; bob: bug" in shown
    assert "ann and bob: Cohen's kappa" in shown and "same label 50.0%, n = 2 rows" in shown
    assert "people labelled 2 rows (1 of them settled and not of test, 1 teach); 0 are requested" in shown
    review(tiny_task, "--decide", "000=bug", "--adjudicate", "--reviewer", "carl")
    found = json.loads(review(tiny_task, "--json").stdout)
    assert found["disputed"] == [] and found["teaching"] == 2
    assert "carl: undone: bug on 000" in review(tiny_task, "--undo", "--reviewer", "carl").stderr
    assert "carl: nothing to undo" in review(tiny_task, "--undo", "--reviewer", "carl").stderr


def test_the_command_shows_a_queue_and_moves_decisions(tiny_task, tmp_path):
    assert review(tiny_task, "--queue", "conflict").exit_code == 2  # nothing has run yet
    run(load_task(tiny_task), until="fit")
    lines = review(tiny_task, "--queue", "conflict", "--next", 2).stdout.splitlines()
    assert len(lines) == 4 and "Functions disagree" in lines[0] and "number" in lines[1]
    assert json.loads(review(tiny_task, "--queue", "conflict", "--json").stdout)[0]["row"] == lines[0].split()[0]
    assert review(tiny_task, "--queue", "uncovered").stdout == "nothing left in the queue 'uncovered'\n"
    review(tiny_task, "--decide", "000=billing", "--reviewer", "ann")
    assert "1 entries" in review(tiny_task, "--export", tmp_path / "out.jsonl").stderr
    assert "0 new of 1 entries" in review(tiny_task, "--import", tmp_path / "out.jsonl").stderr


def test_a_decision_names_a_queue_that_showed_the_row(tiny_task):
    run(load_task(tiny_task), until="fit")
    (found,) = json.loads(review(tiny_task, "--queue", "conflict", "--next", 1, "--json").stdout)
    task = load_task(tiny_task)
    request(task, ["012"], "look")
    conflict = set(review_queue(task, find_run(task), task.dataset()[0], "ann", "conflict", 200).index)
    other = next(row for row in task.dataset()[0].select("train").ids if row not in conflict and row != "012")
    for kind in ("conflict", "requested"):
        refused = review(tiny_task, "--decide", f"{other}=bug", "--queue", kind)
        assert (
            refused.exit_code == 2 and f"row '{other}' does not stand in the queue '{kind}'; name the queue" in refused.stderr
        )
    assert open_record(task).decisions().empty
    assert review(tiny_task, "--decide", f"{found['row']}=bug", "--queue", "conflict").exit_code == 0
    assert review(tiny_task, "--decide", "012=bug", "--queue", "requested").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--decide", "000"], "'000' is no decision; write the row's id, = and a class, as 000=billing"),
        (["--decide", "000=bgu"], "no class 'bgu', on row '000'.*did you mean 'bug'"),
        (["--decide", "0=bug"], "there is no row '0' in the data"),
        (["--decide", "100=bug"], "row '100' is a test row"),
        (["--queue", "conflits"], "no queue 'conflits'"),
        (["--export", "decisions.xls"], "ends in '.xls'"),
    ],
    ids=["no class", "unknown class", "unknown row", "a test row", "unknown queue", "unknown file"],
)
def test_the_command_refuses_in_one_line(tiny_task, arguments, message):
    answer = review(tiny_task, *arguments)
    assert answer.exit_code == 2
    assert re.search(message, answer.stderr) and answer.stderr.count("\n") == 1
