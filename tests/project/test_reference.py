"""The reference run: who promotes at the same time loses nothing."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.project import reference
from workbench.project.reference import promote, promoted
from workbench.project.runs import find_run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


@pytest.fixture
def task(tiny_task):
    """Return the tiny task with eight runs, of whose end models nothing is asked."""
    for day in range(1, 9):
        folder = tiny_task / "runs" / f"2026010{day}-000000-000"
        (folder / "end_model").mkdir(parents=True)
        (folder / "end_model" / "manifest.json").write_text("{}")
        (folder / "run.json").write_text(json.dumps({"format": 1}))
    return load_task(tiny_task)


def test_promotions_at_the_same_time_are_all_kept(task, monkeypatch):
    def slowly(of):
        found = promoted(of)
        time.sleep(0.02)  # in which another one would read the same
        return found

    monkeypatch.setattr(reference, "promoted", slowly)
    runs = [f"2026010{day}-000000-000" for day in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda run: promote(task, run, "ann"), runs))
    assert sorted(line["run"] for line in promoted(task)) == runs
    assert sorted(len(lines) for lines in told) == list(range(1, 9))


def test_a_run_that_failed_the_gate_is_promoted_only_by_who_says_anyway(task):
    run = find_run(task, "20260101-000000-000")
    (run.folder / "gate.json").write_text('{"format": 1, "passed": false, "finished": "2026-01-09T08:00:00+00:00"}')
    with pytest.raises(WorkbenchError, match=r"failed the gate at 2026-01-09T08:00:00\+00:00; --anyway"):
        promote(task, run.id, "ann")
    assert promoted(task) == []
    promote(task, run.id, "ann", anyway=True)
    assert len(promote(task, run.id, "bob", anyway=True)) == 1, "it is the reference already"


def test_a_reference_kept_without_its_end_model_says_that_it_is_missing_there(task):
    run = find_run(task, "20260101-000000-000")
    (run.folder / "run.json").write_text('{"format": 1, "until": "evaluate"}')
    (run.folder / "end_model" / "manifest.json").unlink()
    (run.folder / "end_model").rmdir()
    with pytest.raises(WorkbenchError, match=r"end_model is missing from .*20260101-000000-000.*copy it back .* or run again"):
        promote(task, run.id, "ann")
    (run.folder / "run.json").write_text('{"format": 1, "until": "fit"}')
    with pytest.raises(WorkbenchError, match="holds no end_model: it ended at 'fit'; `workbench train` first"):
        promote(task, run.id, "ann")


def test_no_run_yet_is_said_without_names_of_files(tiny_task):
    with pytest.raises(WorkbenchError, match="has no scored run of an end model yet; run `workbench run"):
        find_run(load_task(tiny_task), holding="answers/end_model.parquet")


def test_a_damaged_list_is_named(task):
    reference.reference_file(task).write_text('{"format": 1, "promoted": [{}]}')
    with pytest.raises(WorkbenchError, match=r"reference\.json is damaged"):
        promoted(task)
