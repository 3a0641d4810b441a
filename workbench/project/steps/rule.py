"""`workbench rule`: a rule tried on the rows and votes of a task before it is saved."""

from __future__ import annotations

from workbench.project import reviewing
from workbench.project.rule_draft import MANY, Ground, ground_of
from workbench.project.runs import find_run, newest_run
from workbench.project.task import Task


def ground(task: Task, run_id: str | None = None, *, many: int | None = MANY) -> Ground:
    """Read rows, reviewed labels, and the votes of a run (the newest that has some; none where there is no run yet)."""
    dataset, _ = task.dataset()
    run = newest_run(task, "votes.parquet") if run_id is None else find_run(task, run_id)
    anchors = reviewing.anchors(task, dataset)
    if run is None:
        return ground_of(task, dataset, anchors=anchors, many=many)
    return ground_of(task, dataset, run.votes(), run.about["functions"], anchors, many=many)
