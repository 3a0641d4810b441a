"""Failures of a task at work: which rows could be one, and was this row one?"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.cli.show import checked_table
from workbench.project.failures import (
    candidates,
    failed_failure_examples,
    failure_modes,
    failures_table,
    judged,
    verdict,
)
from workbench.project.steps.check import check
from workbench.project.task import Task, load_task
from workbench.spec import Failure, Slice
from workbench.tables import WorkbenchError

FAILURES = """
format = 1
[[failure]]
name = "refund sent to engineers"
why = "The customer waits for money that nobody looks for."
severity = "high"
owner = "billing desk"
tolerated = 0.01
rule = { kind = "keyword", words = ["refund"], fires = ["one refund please"], abstains = ["refunded"] }
slice = "pro"
predicted = "bug"
actual = "billing"
[[failure]]
name = "crash filed away"
why = "The defect stays."
severity = "low"
owner = "engineering"
tolerated = 0.05
rule = { kind = "regex", pattern = 'crash' }
"""


def write(folder: Path, text: str = FAILURES) -> Task:
    folder.joinpath("failures.toml").write_text(text, encoding="utf-8")
    return load_task(folder)


def ids_of(mask: np.ndarray, ids: pd.Index) -> set[str]:
    return set(ids[mask])


def test_candidates_meet_rule_slice_and_label(tiny_task: Path):
    task = write(tiny_task)
    rows, _ = task.dataset()
    text, pro = rows.frame["text"], rows.frame["plan"] == "pro"
    found = candidates(task, task.failures, rows, pd.Series("bug", index=rows.ids))
    assert list(found) == ["refund sent to engineers", "crash filed away"]
    assert ids_of(found["refund sent to engineers"], rows.ids) == set(rows.ids[text.str.contains("refund") & pro])
    assert ids_of(found["crash filed away"], rows.ids) == set(rows.ids[text.str.contains("crash")])


def test_a_row_that_has_another_label_or_none_is_no_candidate(tiny_task: Path):
    task = write(tiny_task)
    rows, _ = task.dataset()
    refund, crash = task.failures
    all_rows = candidates(task, [refund], rows, None)[refund.name]
    first, second = rows.ids[all_rows][:2]
    labels = pd.Series("bug", index=rows.ids[::-1], dtype=object)  # in another order than the rows
    labels[first], labels[second] = "billing", np.nan
    found = candidates(task, task.failures, rows, labels)
    assert ids_of(all_rows & ~found[refund.name], rows.ids) == {first, second}
    labels[:] = np.nan
    assert candidates(task, [crash], rows, labels)[crash.name].any()  # no label rules nothing out where none is named


def test_a_row_that_is_called_what_it_is_cannot_be_the_failure(tiny_task: Path):
    task = load_task(tiny_task)
    rows, _ = task.dataset()
    missed = Failure("missed bill", "Nobody pays.", "low", "desk", 0.1, actual="billing")
    labels = pd.Series(np.where(np.arange(len(rows)) < 5, "billing", "bug"), index=rows.ids)
    assert candidates(task, [missed], rows, labels)["missed bill"].tolist() == [False] * 5 + [True] * (len(rows) - 5)


@pytest.mark.parametrize(
    ("predicted", "actual", "label", "truth", "was"),
    [
        ("bug", "auth", "bug", "auth", True),
        ("bug", "auth", "bug", "billing", False),
        ("bug", "auth", "billing", "auth", False),
        ("bug", None, "bug", "billing", True),
        ("bug", None, "bug", "bug", False),
        (None, "auth", "billing", "auth", True),
        (None, "auth", "auth", "auth", False),
        (None, None, "bug", "auth", True),
        (None, None, "bug", "bug", False),
        (None, None, None, "bug", False),
        (None, None, "bug", None, False),
    ],
    ids=lambda value: str(value),
)
def test_an_answer_tells_whether_it_was_the_failure(predicted, actual, label, truth, was):
    failure = Failure("f", "why", "low", "desk", 0.1, slice=Slice("s", "c", "missing"), predicted=predicted, actual=actual)
    assert judged(failure, label, truth) is was


def test_reviewers_choose_among_both_lists(tiny_task: Path):
    with (tiny_task / "task.toml").open("a") as file:
        file.write('\n[review]\nfailure_modes = ["sarcasm", "crash filed away"]\n')
    assert failure_modes(load_task(tiny_task)) == ["sarcasm", "crash filed away"]
    assert failure_modes(write(tiny_task)) == ["sarcasm", "crash filed away", "refund sent to engineers"]


def test_a_task_without_the_file_has_no_failures(tiny_task: Path):
    task = load_task(tiny_task)
    assert task.failures == () and failure_modes(task) == [] and candidates(task, (), task.dataset()[0], None) == {}


def test_check_counts_the_rows_of_every_failure(tiny_task: Path):
    table = check(write(tiny_task)).failures
    assert table.loc["crash filed away"].tolist() == ["low", "engineering", 0.05, 30, 20, ""]


def test_check_prints_a_name_as_it_stands(tiny_task: Path, capsys: pytest.CaptureFixture[str]):
    checked_table(check(write(tiny_task, FAILURES.replace("crash filed away", "[red]crash[/red] [x]"))))
    assert "[red]crash[/red] [x]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "regex"', 'kind = "regexp"', "failure 'crash filed away' of .*failures.toml: kind 'regexp' is unknown"),
        ("pattern = 'crash'", "pattern = '('", "failure 'crash filed away' of .*failures.toml: pattern '\\(' is not a valid"),
        ("pattern = 'crash'", "pattern = 'x', column = 'nme'", "its rule fails on 120 of 120 rows, first on '000': .*'nme'"),
        ('slice = "pro"', 'slice = { column = "pln", missing = true }', "failure 'refund .*: slice .* unknown column 'pln'"),
        ("format = 1", "format = 99", "format"),
        ('"low"', '"lwo"', "did you mean 'low'"),
    ],
    ids=["kind", "pattern", "column", "slice", "format", "severity"],
)
def test_check_refuses_a_failure_that_finds_nothing_by_mistake(tiny_task: Path, old: str, new: str, message: str):
    task = write(tiny_task, FAILURES.replace(old, new))
    with pytest.raises(WorkbenchError, match=message):
        check(task)


def test_check_runs_the_examples_of_rules_and_names_failures_without_rows(tiny_task: Path):
    text = FAILURES.replace('abstains = ["refunded"]', 'abstains = ["a refund"]').replace("'crash'", "'unheard of'")
    found = check(write(tiny_task, text))
    assert found.problems == ["failure refund sent to engineers voted 'billing' on 'a refund', which it says it leaves alone"]
    assert "failure 'crash filed away': its rule and slice find no row, so no audit can count it there" in found.notes


def test_check_says_which_value_of_a_slice_no_row_has(tiny_task: Path):
    found = check(write(tiny_task, FAILURES.replace('slice = "pro"', 'slice = { column = "plan", in = ["pro", "fre"] }')))
    assert "failure 'refund sent to engineers': no row has plan = 'fre' (did you mean 'free'?)" in found.notes


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.02, 0.1, "over"), (0.0, 0.009, "within"), (0.005, 0.02, "cannot tell"), (None, None, "cannot tell")],
    ids=["above", "below", "around", "nothing measured"],
)
def test_a_verdict_takes_the_whole_interval(low: float, high: float, said: str):
    assert verdict(0.01, low, high) == said


def test_a_label_that_is_no_class_is_refused(tiny_task: Path):
    task = write(tiny_task)
    rows, _ = task.dataset()
    with pytest.raises(WorkbenchError, match="label 'bugs' is none of 'billing', 'bug'; did you mean 'bug'"):
        candidates(task, task.failures, rows, pd.Series("bugs", index=rows.ids))


@pytest.mark.parametrize("name", ["tickets", "tickets_priority"], ids=str)
def test_every_failure_of_the_bundled_tasks_could_befall_train_rows(name: str):
    task = load_task(Path(__file__).parents[2] / "data" / name)
    rows, _ = task.dataset()
    table = failures_table(task, rows)
    assert 6 <= len(table) <= 10 and (table["train"] > 0).all() and (table["rows"] < len(rows) / 4).all()
    assert failed_failure_examples(task, rows) == []
    assert all(failure.predicted or failure.actual or failure.severity in ("medium", "low") for failure in task.failures)
