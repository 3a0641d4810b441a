"""Old runs go when somebody says so: never the reference, never one that was, never the newest end model."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.io.files import remove_folder
from workbench.project.reference import promoted
from workbench.project.runs import Run, list_runs
from workbench.project.task import Task
from workbench.tables import WorkbenchError


@dataclass(frozen=True)
class Old:
    """A run that may go, and how many bytes its files hold."""

    run: Run
    size: int


def prunable(task: Task, keep: int) -> list[Old]:
    """Return the runs that may go when so many of the newest stay, oldest first.

    The reference, runs that were the reference, and the newest one with an end model stay too, whatever keep says.
    """
    if keep < 0:
        raise WorkbenchError(f"keep is {keep}; it is how many of the newest runs stay, 0 or more")
    spared = staying(task, keep)
    return [Old(run, size_of(run)) for run in list_runs(task) if run.id not in spared]


def staying(task: Task, keep: int) -> dict[str, str]:
    """Return why runs stay when so many of the newest do, by run."""
    runs, promotions = list_runs(task), [line["run"] for line in promoted(task)]
    why = {run.id: f"among the newest {keep:,}" for run in runs[len(runs) - min(keep, len(runs)) :]}
    why |= {run.id: "the newest with an end model" for run in [one for one in runs if (one.folder / "end_model").exists()][-1:]}
    there = {run.id for run in runs}
    why |= {id: "was the reference" for id in promotions if id in there}
    return why | {id: "is the reference" for id in promotions[-1:] if id in there}


def size_of(run: Run) -> int:
    """Return how many bytes the files of a run hold."""
    return sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file() and not path.is_symlink())


def prune(task: Task, ids: list[str], keep: int) -> int:
    """Delete runs that may go, and return how many bytes they held; what an earlier prune left half deleted goes too.

    Raises WorkbenchError, deleting nothing, where one of them may not go, as after somebody promoted it.
    """
    may = {old.run.id: old for old in prunable(task, keep)}
    for id in ids:
        if id not in may:
            raise WorkbenchError(
                f"run {id!r} of task {task.name!r} stays: it is gone, among the newest, or was promoted; ask again"
            )
    for id in ids:
        remove_folder(may[id].run.folder)
    return sum(may[id].size for id in ids)
