"""The log of `workbench predict --log`: what the end model decided on each row, the newest decision of a row alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from workbench.io.columns import mend
from workbench.io.files import check_format, read_bytes, sha256
from workbench.io.names import did_you_mean, listed
from workbench.io.readers import json_records
from workbench.project.runs import Run, list_runs
from workbench.project.steps.predict import ANSWER, REVIEW
from workbench.project.task import Task
from workbench.tables import WorkbenchError

_TEXTS: Final = ("id", "model", "label", "decision")
_NEEDED: Final = ("time", *_TEXTS, "confidence")


@dataclass(frozen=True)
class AnswerLog:
    """The newest decision of each logged row, by id: time (UTC), model, label, decision, confidence, why, run, threshold.

    why, run: '' where not logged. threshold: above it rows were answered, missing where all were or none is logged.
    lines: of the file. notes: what was odd about it, in words.
    """

    newest: pd.DataFrame
    lines: int
    notes: list[str]

    @property
    def answered(self) -> pd.DataFrame:
        """The rows that got an answer."""
        return self.newest[self.newest["decision"] == ANSWER]

    @property
    def deferred(self) -> pd.DataFrame:
        """The rows that need review."""
        return self.newest[self.newest["decision"] == REVIEW]


def read_log_of(task: Task, path: Path) -> AnswerLog:
    """Read a log of a task's own models: one with a label that is no class of the task is refused, an unknown model noted."""
    found = read_log(path)
    strange = found.newest["label"][~found.newest["label"].isin(task.labels)]
    if len(strange):
        raise WorkbenchError(
            f"{path} says {strange.iloc[0]!r} of row {strange.index[0]!r}, which is no class of task {task.name!r}: "
            f"its classes are {listed(task.labels)}; give a log of this task's own models"
        )
    runs = runs_by_model(task)
    unknown = [model for model in dict.fromkeys(found.newest["model"]) if not any(name.startswith(model) for name in runs)]
    if runs and unknown:
        found.notes.append(
            f"models of {path} that are of no run of task {task.name!r} that is kept: {listed(unknown)}; "
            "see that the log is its own"
        )
    return found


def runs_by_model(task: Task) -> dict[str, Run]:
    """Return the runs of a task that hold an end model, by the hash that the model's name in a log is the start of."""
    manifests = [(run, run.folder / "end_model" / "manifest.json") for run in list_runs(task)]
    return {sha256(path): run for run, path in manifests if path.exists()}


def read_log(path: Path) -> AnswerLog:
    """Read a log; of several decisions about a row the one of the latest time counts, and of one time the last line.

    Raises WorkbenchError naming the line that is none of a log. Half a line at the end, as a writer at work may have left it,
    is left out.
    """
    newest: dict[str, tuple[datetime, dict[str, Any]]] = {}
    notes: list[str] = []
    lines = 0
    for number, record in json_records(path, _whole_lines(path, notes)):
        time = _checked(path, number, record)
        lines += 1
        if record["id"] not in newest or newest[record["id"]][0] <= time:
            newest[record["id"]] = time, record
    if not lines:
        raise WorkbenchError(f"{path} holds no line; `workbench predict TASK SOURCE TARGET --log {path}` writes one a row")
    records = [record for _, record in newest.values()]
    columns: dict[str, Any] = {name: pd.Series([mend(record[name]) for record in records], dtype="str") for name in _TEXTS}
    columns["confidence"] = [float(record["confidence"]) for record in records]
    for name in ("why", "run"):
        columns[name] = pd.Series([mend(str(record.get(name) or "")) for record in records], dtype="str")
    columns["threshold"] = pd.Series([record.get("threshold") for record in records], dtype="float64")
    columns["time"] = pd.DatetimeIndex([time for time, _ in newest.values()])
    if lines > len(records):
        notes.append(f"lines of {path} that a newer one of their row overtook: {lines - len(records):,} of {lines:,}")
    return AnswerLog(pd.DataFrame(columns).set_index("id"), lines, notes)


def _whole_lines(path: Path, notes: list[str]) -> Iterator[str]:
    """Yield the lines of a file; the last one only where it is whole."""
    if not path.is_file():
        read_bytes(path)  # which says what is wrong, and what there is
    with path.open("rb") as file:
        for line in file:
            whole = line.endswith(b"\n")
            try:
                text = line.decode()
                if not whole:
                    json.loads(text)
            except ValueError:  # of characters too: a cut may go through one
                if whole:
                    raise WorkbenchError(
                        f"{path} is not UTF-8 text; give the file that `workbench predict --log` wrote"
                    ) from None
                notes.append(f"the last line of {path} is cut short, and left out")
            else:
                yield text


def _checked(path: Path, number: int, record: dict[str, Any]) -> datetime:
    """Return the time of a line, or refuse it."""
    where = f"{path}, line {number}"
    check_format({"format": 1, **record}, where)  # a line without one is of the first
    for name in _NEEDED:
        if name not in record:
            raise WorkbenchError(
                f"{where} lacks {name!r}; a line of `workbench predict --log` has {listed(_NEEDED)}{did_you_mean(name, record)}"
            )
    for name in _TEXTS:
        if not isinstance(record[name], str) or not record[name]:
            raise WorkbenchError(f"{where}: {name} is {record[name]!r}; it must be a text that is not empty")
    if record["decision"] not in (ANSWER, REVIEW):
        raise WorkbenchError(f"{where}: decision is {record['decision']!r}; it is {ANSWER!r} or {REVIEW!r}")
    confidence = record["confidence"]
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise WorkbenchError(f"{where}: confidence is {confidence!r}; it is a number between 0 and 1")
    threshold = record.get("threshold")
    if isinstance(threshold, bool) or not (threshold is None or (isinstance(threshold, int | float) and threshold <= 1)):
        raise WorkbenchError(
            f"{where}: threshold is {threshold!r}; it is a number up to 1, or null where every row is answered"
        )
    try:
        time = datetime.fromisoformat(record["time"])
    except (TypeError, ValueError):
        raise WorkbenchError(f"{where}: time is {record['time']!r}; it is written like 2026-03-02T09:30:00.000+00:00") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
