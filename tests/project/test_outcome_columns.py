"""What is known only after a decision is no column that the end model may read."""

import json

import pytest

from workbench.project.steps.check import check, check_settings
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def with_outcomes(task, outcomes, columns):
    path = task.folder / "task.toml"
    text = path.read_text(encoding="utf-8").replace("[data]", f"[data]\noutcomes = {json.dumps(outcomes)}")
    path.write_text(text.replace("[end_model]", f"[end_model]\ncolumns = {json.dumps(columns)}"), encoding="utf-8")
    return load_task(task.folder)


def test_an_outcome_is_refused_as_a_column_of_the_end_model_before_any_work(task):
    known_later = with_outcomes(task, ["paid", "age"], ["plan", "paid"])
    with pytest.raises(
        WorkbenchError, match=r"task\.toml: `columns` names 'paid', and `outcomes` says .* only after the decision"
    ):
        run(known_later)
    assert not known_later.runs_folder.exists()


def test_an_outcome_may_be_read_by_functions(task):
    fine = check(with_outcomes(task, ["tag"], ["plan"]))
    assert fine.problems == [] and fine.functions.loc["agent_tag", "voted"] > 0


def test_a_text_is_no_outcome_and_an_unknown_one_is_named(task):
    text = (task.folder / "task.toml").read_text(encoding="utf-8")
    with pytest.raises(WorkbenchError, match="`text` names 'text'"):
        check_settings(with_outcomes(task, ["text"], []))
    (task.folder / "task.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WorkbenchError, match=r"has no column 'payd'.*did you mean 'paid'"):
        check(with_outcomes(task, ["payd"], []))


def test_a_column_that_sounds_like_an_outcome_is_warned_of(task):
    path = task.folder / "rows.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",paid", ",was_reopened", 1), encoding="utf-8")
    notes = check(with_outcomes(task, [], ["plan", "was_reopened"])).notes
    (said,) = [note for note in notes if "sounds like" in note]
    assert "'was_reopened'" in said and "name it under `outcomes`" in said
