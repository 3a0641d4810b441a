"""What became of logged rows: joined by id, counted by decision and group, tested, and said in words."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.io.files import read_json
from workbench.project import report_parts
from workbench.project.outcomes import (
    Group,
    Outcomes,
    differences,
    group_lines,
    groups_of,
    outcome_values,
    outcomes_in_words,
    read_outcomes,
)
from workbench.project.reviewing import Decision, decide
from workbench.project.steps.outcomes import outcomes
from workbench.project.steps.review_log import review_from_log
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

LABELS = ("billing", "bug")
FAILURES = """
format = 1
[[failure]]
name = "refund filed as a bug"
why = "money waits"
severity = "high"
owner = "desk"
tolerated = 0.01
predicted = "bug"
actual = "billing"
[failure.rule]
kind = "keyword"
words = ["refund"]
"""


def line(row, decision="answer", label="bug", time="2026-03-02T09:00:00+00:00", confidence=0.9):
    return {"time": time, "id": row, "model": "m1", "label": label, "decision": decision, "confidence": confidence}


def write_log(folder, *lines):
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    return path


def write_csv(folder, text, name="outcomes.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def decisions(**columns):
    """Return four decisions: a and b answered, c and d deferred."""
    index = pd.Index(list("abcd"), name="id")
    columns = {"label": ["bug", "bug", "billing", "bug"], "decision": ["answer"] * 2 + ["needs review"] * 2, **columns}
    times = pd.to_datetime(["2026-01-01", "2026-01-04", "2026-01-05", "2027-01-02"], utc=True)
    return pd.DataFrame({"time": times, **columns}, index=index)


def group(found, by, of, decision):
    (line,) = [line for line in found if (line["by"], line["of"], line["decision"]) == (by, of, decision)]
    return line


# ---------------------------------------------------------------- reading


def test_columns_are_yes_or_no_numbers_or_classes(tmp_path):
    text = "id,escalated,reopened,csat,corrected_label,agent,never\n007,true,0,5,bug,max,\n8,false,1,,,eva,\n"
    found = read_outcomes(write_csv(tmp_path, text), "id", LABELS)
    assert found.kinds == {"escalated": "rate", "reopened": "rate", "csat": "mean", "corrected_label": "class"}
    assert list(found.frame.index) == ["007", "8"]
    assert found.notes[-1].endswith("are left out: 'agent', 'never'")


def test_a_column_of_classes_that_are_numbers_is_one_of_classes(tmp_path):
    text = "id,corrected_label,csat,escalated\n1,2,5,true\n2,,4,false\n3,1,3.5,true\n"
    found = read_outcomes(write_csv(tmp_path, text), "id", ("1", "2"))
    assert found.kinds == {"corrected_label": "class", "csat": "mean", "escalated": "rate"}
    decided = pd.DataFrame({"label": ["2", "2", "2"]}, index=["1", "2", "3"])
    assert outcome_values(found, decided)["corrected_label"].tolist() == [0, 0, 1]


def test_numbers_that_may_be_classes_or_yes_and_no_are_refused(tmp_path):
    why = "column 'escalated' of .* holds '0', '1', numbers that are classes of the task too; call it 'escalated_label' if"
    with pytest.raises(WorkbenchError, match=why):
        read_outcomes(write_csv(tmp_path, "id,escalated\n1,0\n2,1\n"), "id", ("0", "1", "2"))


def test_the_last_line_of_an_id_counts(tmp_path):
    found = read_outcomes(write_csv(tmp_path, "ticket,escalated\n1,false\n2,true\n1,true\n"), "ticket", LABELS)
    assert found.frame["escalated"].to_dict() == {"2": True, "1": True} and found.notes == [
        f"rows of {tmp_path}/outcomes.csv that a later one of their id overtook: 1"
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nr,escalated\n1,true\n", "no column 'id' to be joined by; its columns are 'nr', 'escalated'"),
        ("id,escalated\n1,true\n,false\n", "id column 'id' is empty on row 2"),
        ("id,n\n1,3\n", "has the column 'n', a name that the report uses itself"),
        ("id,agent\n1,max\n", "has no outcome beside the id"),
    ],
    ids=["no id", "empty id", "taken name", "no outcome"],
)
def test_a_file_that_cannot_be_joined_is_refused(tmp_path, text, why):
    with pytest.raises(WorkbenchError, match=why):
        read_outcomes(write_csv(tmp_path, text), "id", LABELS)


def test_a_class_is_a_correction_where_it_is_not_what_was_answered():
    frame = pd.DataFrame({"truly": ["bug", None, "bug", ""], "csat": [4, np.nan, 2, 1]}, index=list("abcd"))
    values = outcome_values(Outcomes(frame, {"truly": "class", "csat": "mean"}, []), decisions())
    assert values["truly"].tolist() == [0, 0, 1, 0], "c was answered billing; an empty cell corrects nothing"
    assert values["csat"].tolist()[0] == 4 and np.isnan(values["csat"].iloc[1])


# ---------------------------------------------------------------- counting


def test_groups_are_weeks_classes_and_what_else_is_given():
    more = {"function": {"f": np.array([True, False, False, True]), "silent": np.zeros(4, bool)}}
    found = {(one.by, one.of): one.rows.tolist() for one in groups_of(decisions(), more)}
    assert found == {
        ("all", "all"): [True] * 4,
        ("week", "2026-W01"): [True, True, False, False],  # Sunday 4 January still is week 1
        ("week", "2026-W02"): [False, False, True, False],
        ("week", "2026-W53"): [False, False, False, True],  # as is Saturday 2 January 2027 of the old year's last
        ("class", "billing"): [False, False, True, False],
        ("class", "bug"): [True, True, False, True],
        ("function", "f"): [True, False, False, True],
    }


def test_rates_and_means_have_intervals_and_unknown_ones_a_reason():
    values = pd.DataFrame({"escalated": [1.0, 0, 1, np.nan], "csat": [5.0, 3, 4, np.nan]}, index=list("abcd"))
    kinds = {"escalated": "rate", "csat": "mean"}
    lines = group_lines(values, kinds, decisions()["decision"], groups_of(decisions(), {}))
    whole = group(lines, "all", "all", "all")
    assert whole["n"] == 4 and whole["escalated"]["n"] == 3 and whole["escalated"]["rate"] == pytest.approx(2 / 3)
    assert whole["escalated"]["interval"] == pytest.approx([0.2077, 0.9385], abs=1e-4)  # Wilson's, 2 of 3
    assert whole["csat"]["mean"] == 4 and whole["csat"]["interval"] == pytest.approx([1.516, 6.484], abs=1e-3)
    assert group(lines, "all", "all", "needs review")["csat"] == {
        "n": 1,
        "mean": 4,
        "interval": None,
        "reason": "one row has no spread",
    }
    lost = group(lines, "week", "2026-W53", "needs review")["escalated"]
    assert lost == {"n": 0, "rate": None, "interval": None, "reason": "known of none of these rows"}
    assert not [line for line in lines if line["of"] == "2026-W53" and line["decision"] == "answer"]


def made(rate, other, n=200, seed=0):
    """Return values of n answered and n deferred rows, and their decisions."""
    rng = np.random.default_rng(seed)
    values = pd.DataFrame({"escalated": rng.random(2 * n) < np.repeat([rate, other], n)}).astype(float)
    return values, pd.Series(["answer"] * n + ["needs review"] * n)


def test_a_difference_is_found_and_named_with_its_direction():
    values, decision = made(0.05, 0.3)
    groups = [Group("all", "all", np.ones(400, bool))]
    (found,) = differences(values, {"escalated": "rate"}, decision, groups)
    assert found["q"] == found["p"] < 1e-6 and found["n"] == [200, 200]
    assert found["interval"][0] < -0.25 < found["interval"][1] < 0
    lines = group_lines(values, {"escalated": "rate"}, decision, groups)
    (said,) = outcomes_in_words(lines, [found], {"escalated": "rate"})
    assert said.startswith("escalated: ") and "points less where answered" in said


def test_where_nothing_differs_few_of_many_tests_say_so():
    """20 groups drawn by chance of rows without any difference: at most about one experiment in twenty names one."""
    rng, named = np.random.default_rng(99), []
    for seed in range(40):
        values, decision = made(0.2, 0.2, seed=seed)
        groups = [Group("function", str(j), rng.random(400) < 0.3) for j in range(20)]
        named.append(min(line["q"] for line in differences(values, {"escalated": "rate"}, decision, groups)) <= 0.05)
    assert sum(named) <= 4


def test_many_groups_do_not_hide_the_difference_of_all_rows():
    """0 of 127 answered and 8 of 173 deferred rows were corrected; 30 groups by chance say nothing of that."""
    rng, decision = np.random.default_rng(0), pd.Series(["answer"] * 127 + ["needs review"] * 173)
    values = pd.DataFrame({"corrected": [0.0] * 127 + [1.0] * 8 + [0.0] * 165})
    groups = [Group("all", "all", np.ones(300, bool)), *(Group("function", str(j), rng.random(300) < 0.3) for j in range(30))]
    found = differences(values, {"corrected": "rate"}, decision, groups)
    (main,) = [one for one in found if one["by"] == "all"]
    assert main["q"] == main["p"] < 0.05 < min(one["q"] for one in found if one["by"] != "all")


def test_small_groups_and_groups_of_all_rows_are_not_tested():
    values, decision = made(0.1, 0.3)
    few = np.zeros(400, bool)
    few[195:205] = True
    assert differences(values, {"escalated": "rate"}, decision, [Group("class", "rare", few)]) == []
    assert differences(values, {"escalated": "rate"}, decision, [Group("week", "2026-W01", np.ones(400, bool))]) == []


def test_an_outcome_without_spread_or_rows_is_said_so():
    values = pd.DataFrame({"csat": [5.0] * 20 + [np.nan] * 20})
    decision = pd.Series(["answer"] * 20 + ["needs review"] * 20)
    groups = [Group("all", "all", np.ones(40, bool))]
    tests = differences(values, {"csat": "mean"}, decision, groups)
    (said,) = outcomes_in_words(group_lines(values, {"csat": "mean"}, decision, groups), tests, {"csat": "mean"})
    assert tests == []
    assert said.startswith("csat: 5.00 over 20 answered rows (95 %: 5.00 to 5.00), not known of rows that needed review; ")
    assert said.endswith("; too few rows to compare.")


# ---------------------------------------------------------------- the step


@pytest.fixture
def task(tiny_task):
    text = (tiny_task / "task.toml").read_text(encoding="utf-8").replace('features = ["tfidf"]', "enabled = false")
    (tiny_task / "task.toml").write_text(text, encoding="utf-8")
    (tiny_task / "failures.toml").write_text(FAILURES, encoding="utf-8")
    return load_task(tiny_task)


def test_outcomes_are_joined_by_id_and_kept(task, tmp_path):
    run(task, until="apply")
    log = write_log(
        tmp_path,
        line("000"),
        line("000", "needs review", time="2026-03-09T09:00:00+00:00"),
        line("001"),
        line("x1"),
        line("x2", time="2026-03-20T09:00:00+00:00"),
    )
    source = write_csv(tmp_path, "id,escalated,corrected_label\n000,true,billing\n001,false,\nx1,true,bug\nx9,true,\n")
    found = outcomes(task, log, source)
    assert found == {**found, **{"n": 3, "logged": 4, "deflection": 0.75, "columns": ["escalated", "corrected_label"]}}
    assert (found["from"], found["to"]) == ("2026-03-02T09:00:00+00:00", "2026-03-20T09:00:00+00:00"), "of the log"
    assert found["notes"][-3:] == [
        f"ids that stand only in {log}, and count for no outcome: 1",
        f"ids that stand only in {source}, and count for no outcome: 1",
        "functions and failures are told of the 2 of 3 rows that the task holds",
    ]
    groups = found["groups"]
    assert group(groups, "all", "all", "answer")["escalated"]["rate"] == 0.5
    assert group(groups, "all", "all", "needs review")["corrected_label"]["rate"] == 1, "the newest decision of 000 counts"
    assert group(groups, "week", "2026-W11", "needs review")["n"] == 1
    assert group(groups, "function", "asks_refund", "all")["n"] == 1  # of 000: "refund for invoice number 0"
    assert group(groups, "failure", "refund filed as a bug", "all")["escalated"]["rate"] == 1
    assert {line["of"] for line in groups if line["by"] == "failure"} == {"refund filed as a bug"}
    assert found["said"][0] == "The end model answered 3 of 4 logged rows by itself (deflection 75.0%)."
    kept = read_json(task.folder / "outcomes.json")
    assert kept["format"] == 1 and kept["groups"] == groups and kept["said"] == found["said"]
    outcomes(task, write_log(tmp_path, line("001")), source)
    assert read_json(task.folder / "outcomes.json")["n"] == 1


def test_runs_and_thresholds_of_a_log_are_kept_and_one_given_by_hand_is_said(task, tmp_path):
    kept = run(task, until="apply").id  # it has no end model, so no threshold of its own
    hand, whole = {"run": kept, "threshold": 0.6}, {"run": kept, "threshold": None}
    log = write_log(tmp_path, line("000") | hand, line("001") | hand, line("002") | whole, line("x1") | hand | {"run": "gone"})
    source = write_csv(tmp_path, "id,escalated\n000,true\n")
    found = outcomes(task, log, source)
    assert found["decided_by"] == [
        {"run": kept, "threshold": 0.6, "rows": 2, "by_hand": True},
        {"run": kept, "threshold": None, "rows": 1, "by_hand": False},
        {"run": "gone", "threshold": 0.6, "rows": 1, "by_hand": None},
    ]
    assert found["said"][2] == (
        f"Logged rows were decided by run {kept}, answered above 0.600, a threshold given by hand (2 rows); by run {kept}, "
        "all answered (1 row); by run gone, answered above 0.600 (1 row). "
        "Nothing is promised of answers above a threshold given by hand."
    )
    assert report_parts.outcomes(task, "data/tiny").decided == found["said"][2]


def test_a_log_of_before_runs_were_logged_can_be_joined(task, tmp_path):
    found = outcomes(task, write_log(tmp_path, line("000")), write_csv(tmp_path, "id,escalated\n000,true\n"))
    assert found["decided_by"] == [{"run": "", "threshold": None, "rows": 1, "by_hand": None}]
    assert found["said"][2] == "Logged rows were decided by a run that is not logged (1 row)."


def test_a_task_without_runs_can_be_joined(task, tmp_path):
    log = write_log(tmp_path, line("000", label="billing"), line("002"))
    found = outcomes(task, log, write_csv(tmp_path, "id,escalated\n000,true\n002,false\n"))
    assert {line["by"] for line in found["groups"]} == {"all", "week", "class"}, "000 is no bug, 002 says nothing of a refund"


def test_files_that_share_no_id_are_refused(task, tmp_path):
    with pytest.raises(WorkbenchError, match=r"no id of .*, such as 'T-1', stands in .*, such as '000'"):
        outcomes(task, write_log(tmp_path, line("000")), write_csv(tmp_path, "id,escalated\nT-1,true\n"))


def test_where_nothing_was_answered_nothing_is_to_be_judged(task, tmp_path):
    log = write_log(tmp_path, line("n1", "needs review"))
    new = write_csv(tmp_path, "id,text,plan,tag\nn1,hello,free,\n", "new.csv")
    assert review_from_log(task, log, new, audit_answered=20).notes == [
        "answered rows that were drawn: 0 of 20, as all logged rows need review"
    ]
    said = outcomes(task, log, write_csv(tmp_path, "id,escalated\nn1,true\n"))["said"]
    assert said[1] == "No answer can be wrong: all logged rows need review."


def test_errors_among_answers_are_estimated_from_those_drawn_by_chance(task, tmp_path):
    new = write_csv(tmp_path, "id,text,plan,tag\n" + "".join(f"n{i},hello {i},free,\n" for i in range(10)), "new.csv")
    log = write_log(tmp_path, *(line(f"n{i}") for i in range(10)))
    source = write_csv(tmp_path, "id,escalated\nn1,true\n")
    assert outcomes(task, log, source)["said"][1].startswith("How often answers are wrong is not known: ")
    review_from_log(task, log, new, audit_answered=5)
    assert "of 5 that were drawn people have labelled none" in outcomes(task, log, source)["said"][1]
    rows, _ = task.dataset()
    drawn = [row for row in rows.ids if row.startswith("n")]
    decide(task, rows, [Decision(row, "label", "ann", "billing" if row == drawn[0] else "bug") for row in drawn[:4]])
    write_log(tmp_path, *(line(f"n{i}") for i in range(10)), line(drawn[0], label="billing", time="2026-04-01T00:00:00+00:00"))
    found = outcomes(task, log, source)
    assert found["audited"] == {
        "drawn": 5, "labelled": 4, "wrong": 1, "share": 0.25, "interval": pytest.approx([0.0456, 0.6994], abs=1e-4)
    }  # fmt: skip
    assert found["said"][1] == (
        "Of 5 answers drawn by chance people judged 4; wrong were 1: 25.0% (95 % interval 4.6% to 69.9%)."
    )
