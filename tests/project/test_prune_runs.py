"""Old runs go, the ones that matter stay."""

import pytest

from workbench.project.prune import prunable, prune, size_of, staying
from workbench.project.reference import promote
from workbench.project.run_history import history_of
from workbench.project.runs import list_runs
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


@pytest.fixture
def task(tiny_task):
    return load_task(tiny_task)


def five_runs(task):
    """Return ids of five runs; the first three pretend to an end model, which is all that a reference needs."""
    ids = [run(task, until="apply").id for _ in range(5)]
    for id in ids[:3]:
        (task.runs_folder / id / "end_model").mkdir()
    return ids


def may_go(task, keep):
    return [old.run.id for old in prunable(task, keep)]


def test_the_newest_the_promoted_and_the_newest_end_model_stay(task):
    first, second, _, fourth, fifth = five_runs(task)
    assert may_go(task, 5) == may_go(task, 99) == []
    assert may_go(task, 2) == [first, second] and may_go(task, 0) == [first, second, fourth, fifth]
    promote(task, first, "ann")
    promote(task, second, "ann")
    assert may_go(task, 0) == [fourth, fifth], "the run that was the reference stays too"
    assert history_of(task)["reference"].tolist() == ["before", "now", "", "", ""]


def test_every_run_that_stays_says_why(task):
    first, second, third, _, fifth = five_runs(task)
    promote(task, first, "ann")
    promote(task, second, "ann")
    assert staying(task, 1) == {
        first: "was the reference",
        second: "is the reference",
        third: "the newest with an end model",
        fifth: "among the newest 1",
    }


def test_pruned_runs_are_gone_and_the_others_whole(task):
    first, second, third, *_ = five_runs(task)
    size = size_of(list_runs(task)[0])
    (task.runs_folder / f".unfinished-{third}x").mkdir()  # what a prune that was killed left
    assert prune(task, [first], keep=2) == size > 0
    assert list_runs(task)[0].id == second
    assert not list(task.runs_folder.glob(".unfinished-*"))
    assert len(list_runs(task)[0].votes()) == 120


def test_a_run_promoted_after_the_question_is_not_deleted(task):
    first, second, *_ = five_runs(task)
    promote(task, second, "bob")
    with pytest.raises(WorkbenchError, match=f"run '{second}' .* stays"):
        prune(task, [first, second], keep=2)
    assert [one.id for one in list_runs(task)][:2] == [first, second], "nothing is deleted"


def test_keeping_less_than_nothing_is_refused(task):
    with pytest.raises(WorkbenchError, match="keep is -1"):
        prunable(task, -1)
