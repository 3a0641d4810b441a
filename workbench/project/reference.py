"""The reference run of a task: the one that answers in production, and that others are held against."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from workbench.io.files import check_format, locked, write_json
from workbench.io.kept import read_kept
from workbench.project.runs import Run, find_run
from workbench.project.task import Task
from workbench.tables import WorkbenchError

_FORMAT: Final = 1


def reference_file(task: Task) -> Path:
    """Return where a task notes its reference run."""
    return task.folder / "reference.json"


def promote(task: Task, run_id: str, by: str, why: str = "", anyway: bool = False) -> list[dict[str, Any]]:
    """Make a run with an end model the reference, and return all that were, the newest last; no run is changed.

    by: who says so. why: in words. anyway: also a run that failed the gate. The reference itself is not promoted again.
    """
    run = find_run(task, run_id)
    run.end_model_folder()
    failed = failed_gate(run)
    if failed and not anyway:
        raise WorkbenchError(f"run {run_id} failed the gate at {failed}; --anyway promotes it all the same")
    now = {"run": run_id, "since": datetime.now(UTC).isoformat(timespec="seconds"), "by": by, "why": why}
    with locked(task.folder):
        before = promoted(task)
        if before and before[-1]["run"] == run_id:
            return before
        after = [*before, now]
        write_json(reference_file(task), {"format": _FORMAT, "promoted": after})
    return after


def failed_gate(run: Run) -> str:
    """Return when the gate last failed a run, '' where it passed or was never held against it."""
    path = run.folder / "gate.json"
    if not path.exists():
        return ""
    found = read_kept(path, passed=bool, finished=str)
    check_format(found, path)
    return "" if found["passed"] else str(found["finished"])


def promoted(task: Task) -> list[dict[str, Any]]:
    """Return the runs that were the reference, oldest first: run, since, by, why."""
    path = reference_file(task)
    if not path.exists():
        return []
    found = read_kept(path)
    check_format(found, path, known=_FORMAT)
    lines = found.get("promoted")
    if not isinstance(lines, list) or not all(isinstance(line, dict) and isinstance(line.get("run"), str) for line in lines):
        raise WorkbenchError(f"{path} is damaged: it has no list `promoted` of runs; remove it, and promote a run again")
    return lines


def reference_run(task: Task) -> Run | None:
    """Return the reference run, None where none was promoted; raises WorkbenchError where its folder is gone."""
    lines = promoted(task)
    return find_run(task, lines[-1]["run"]) if lines else None


def run_that_answers(task: Task, run_id: str | None = None) -> tuple[Run, str]:
    """Return the run of that id, else the reference run, else the newest with an end model; and in words which it is."""
    if run_id is not None:
        run = find_run(task, run_id)
        run.end_model_folder()
        return run, f"run {run.id}"
    reference = reference_run(task)
    if reference is not None:
        return reference, f"the reference run {reference.id}"
    run = find_run(task, holding="end_model")
    return run, f"run {run.id}, the newest with an end model, as no run was promoted"
