"""Runs: every run of the line is a new folder of its own, never overwritten."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench import __version__
from workbench.io.files import check_format, unfinished, write_json
from workbench.io.kept import read_kept
from workbench.io.votes import read_soft_labels, read_votes
from workbench.label_models import GenerativeModel, load
from workbench.project.task import Task
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError

FORMAT = 1
_STAGES = ("apply", "diagnose", "fit", "export", "train", "evaluate")  # as `until` names them
_WORDS = {
    "answers/end_model.parquet": "scored run of an end model",
    "end_model": "run with an end model",
    "label_model.safetensors": "run with a fitted label model",
    "metrics.json": "scored run",
    "soft_labels.parquet": "run with labels",
    "votes.parquet": "run with votes",
}
KEPT_MODEL = "label_model.safetensors"  # the fitted label model, where it can explain rows


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what `run.json` says of it."""

    folder: Path
    about: dict[str, Any]

    @property
    def id(self) -> str:
        return self.folder.name

    def _file(self, name: str, verb: str) -> Path:
        path = self.folder / name
        if path.exists():
            return path
        until, end_model = self.about["until"], self.about.get("settings", {}).get("end_model", {}).get("enabled", True)
        if verb in _STAGES[: _STAGES.index(until) + 1 if until in _STAGES else 0] and (end_model or name != "end_model"):
            raise WorkbenchError(
                f"{name} is missing from {self.folder}, where run {self.id} ended at {until!r} and had it; copy it back "
                "from where the run was made, or run again"
            )
        raise WorkbenchError(f"run {self.id} holds no {name}: it ended at {until!r}; `workbench {verb}` first")

    def votes(self) -> VoteMatrix:
        return read_votes(self._file("votes.parquet", "apply"))

    def label_model(self) -> dict[str, Any]:
        return read_kept(self._file("label_model.json", "fit"), model=str, accuracy=dict, class_balance=dict, scores=dict)

    def kept_model(self) -> GenerativeModel:
        """Return the fitted label model; raises WorkbenchError where the run keeps none."""
        if (self.folder / "label_model.json").exists() and not (self.folder / KEPT_MODEL).exists():
            raise WorkbenchError(
                f"run {self.id} keeps no label model that explains rows (its model: {self.label_model()['model']}); "
                'run `workbench fit` with model = "generative" in [label_model]'
            )
        return load(self._file(KEPT_MODEL, "fit"))

    def comparison(self) -> dict[str, Any]:
        return read_kept(self._file("compare.json", "fit --compare"), chosen=str, models=dict, agreement=dict)

    def soft_labels(self) -> SoftLabels:
        return read_soft_labels(self._file("soft_labels.parquet", "fit"))

    def diagnosis(self) -> dict[str, Any]:
        kinds = {"functions": list[dict], "slices": list[dict], "slice_errors": list, "redundant": list}  # type: ignore[type-arg]
        return read_kept(self._file("diagnosis.json", "diagnose"), summary=dict, **kinds)

    def metrics(self) -> dict[str, Any]:
        return read_kept(self._file("metrics.json", "run"), label_model=dict, end_model=dict)

    def end_model_folder(self) -> Path:
        return self._file("end_model", "train")


def new_run_id(task: Task) -> str:
    """Return the name of the next run: the time in UTC, to the millisecond, never one that exists or is being written."""
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    while (task.runs_folder / name).exists() or unfinished(task.runs_folder / name).exists():
        name += "x"
    return name


def describe_run(folder: Path, task: Task, until: str, **facts: Any) -> None:
    """Write run.json: what was run, on which data, by which functions, with which settings and versions."""
    settings = {"apply": task.apply, "label_model": task.label_model, "end_model": task.end_model, "export": task.export}
    about = {
        "format": FORMAT,
        "task": task.name,
        "until": until,
        "settings": settings,
        "finished": datetime.now(UTC).isoformat(),
    }
    versions = {"workbench": __version__, "python": platform.python_version()}
    write_json(folder / "run.json", {**about, "versions": versions, **facts})


def list_runs(task: Task) -> list[Run]:
    """Return the runs of a task, oldest first."""
    return [_open(folder) for folder in _folders(task)]


def stamp(file: Path) -> tuple[int, int]:
    """Return what changes with a file: its time in nanoseconds and its bytes, (0, 0) where it is missing."""
    return (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else (0, 0)


def newest_run(task: Task, holding: str = "run.json") -> Run | None:
    """Return the newest run that holds a file, or None."""
    return next((_open(folder) for folder in reversed(_folders(task)) if (folder / holding).exists()), None)


def find_run(task: Task, run_id: str | None = None, *, holding: str = "run.json") -> Run:
    """Return a run by its id, or the newest one that holds a file; an unknown id lists the known ones."""
    if run_id is not None:
        folder = task.runs_folder / run_id
        if not (folder / "run.json").is_file():
            known = ", ".join(run.id for run in list_runs(task)[-5:]) or "none yet"
            raise WorkbenchError(f"task {task.name!r} has no run {run_id!r}; the newest are {known}")
        return _open(folder)
    found = newest_run(task, holding)
    if found is None:
        what = _WORDS.get(holding, "run" if holding == "run.json" else f"run with {holding}")
        raise WorkbenchError(f"task {task.name!r} has no {what} yet; run `workbench run {task.folder}`")
    return found


def _folders(task: Task) -> list[Path]:
    return [file.parent for file in sorted(task.runs_folder.glob("[!.]*/run.json"))]


def _open(folder: Path) -> Run:
    return _opened(folder, stamp(folder / "run.json"))


@lru_cache(maxsize=2_000)  # pages list all runs at every click
def _opened(folder: Path, state: tuple[int, int]) -> Run:
    about = read_kept(folder / "run.json", until=str, settings=dict, finished=str, rows=int, stopped=dict)
    check_format(about, folder / "run.json", known=FORMAT)
    return Run(folder, about)
