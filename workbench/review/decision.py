"""One thing a reviewer said of a row, checked when it is built."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workbench.io.names import did_you_mean, listed
from workbench.tables import WorkbenchError

KINDS: Final = ("label", "unsure", "skip", "undo")
PURPOSES: Final = ("anchor", "measure")
ADJUDICATION: Final = "adjudication"  # the reason of a decision between reviewers, which wins over theirs
_LIMITS: Final = {"id": 64, "undoes": 64, "plan": 64, "reviewer": 200}  # characters; databases index no text of any length
#: What makes two entries of one id the same entry: the rest (time, seconds, ...) may differ where a page sends it again.
_SAID: Final = ("row", "kind", "label", "reviewer", "purpose", "plan", "undoes")


class Refused(WorkbenchError):
    """A decision that cannot be stored; place: where it stands among those that were to be."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def now() -> str:
    """Return the time in UTC, to the microsecond, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def new_id() -> str:
    """Return an id that no other process makes."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Decision:
    """What a reviewer decided on a row.

    row: its id. kind: `label`, `unsure`, `skip`, or `undo` of the entry whose id is `undoes`. label: the name of the class,
    with `label` alone. reason: why the row was shown; `adjudication` wins over other reviewers. purpose: `anchor`, or `measure`
    for a row that the audit plan `plan` drew. model_label, model_probability: what the model said then. seconds: spent on the
    row. shown: the fingerprint of the row as it was shown. id: made here unless the caller, who may have to write it twice,
    gives one. time: UTC, ISO 8601.
    """

    row: str
    kind: str
    reviewer: str
    label: str | None = None
    failure_mode: str | None = None
    reason: str = ""
    purpose: str = "anchor"
    plan: str | None = None
    model_label: str | None = None
    model_probability: float | None = None
    seconds: float | None = None
    note: str = ""
    shown: str = ""
    undoes: str | None = None
    id: str = field(default_factory=new_id)
    time: str = field(default_factory=now)

    def __post_init__(self) -> None:
        self._check_text()
        for name, known in (("kind", KINDS), ("purpose", PURPOSES)):
            value = getattr(self, name)
            if value not in known:
                raise WorkbenchError(
                    f"the {name} of a decision on row {self.row!r} is {value!r}; it is {' or '.join(known)}"
                    f"{did_you_mean(value, known)}"
                )
        for name, with_it in (("label", self.kind == "label"), ("undoes", self.kind == "undo")):
            self._check_goes_with(name, with_it, f"kind {self.kind!r}")
        self._check_goes_with("plan", self.purpose == "measure", f"purpose {self.purpose!r}")
        self._check_figures()

    def _check_text(self) -> None:
        for name in TEXTS:
            value = getattr(self, name)
            optional = name in OPTIONAL
            if not isinstance(value, str) and not (optional and value is None):
                raise WorkbenchError(f"{name} of a decision on row {self.row!r} is {value!r}; it is text")
            if value == "" and (optional or name in ("row", "reviewer", "id")):
                left_out = "; leave it out where there is none" if optional else ""
                raise WorkbenchError(f"{name} of a decision on row {self.row!r} is empty{left_out}")
            if value and not _writable(value):
                raise WorkbenchError(f"{name} of a decision on row {self.row!r} is {value!r}, which holds half a character")
            if value and len(value) > _LIMITS.get(name, len(value)):
                raise WorkbenchError(f"{name} {value[:20]!r}... has {len(value)} characters; at most {_LIMITS[name]} are kept")

    def _check_goes_with(self, name: str, wanted: bool, what: str) -> None:
        if (getattr(self, name) is not None) != wanted:
            problem = "needs" if wanted else "has no"
            raise WorkbenchError(f"a decision on row {self.row!r} of {what} {problem} {name}")

    def _check_figures(self) -> None:
        share, seconds = self.model_probability, self.seconds
        if share is not None and not 0 <= share <= 1:
            raise WorkbenchError(f"model_probability of a decision on row {self.row!r} is {share}; it is between 0 and 1")
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise WorkbenchError(f"seconds of a decision on row {self.row!r} is {seconds}; it is 0 or more")
        try:
            utc = datetime.fromisoformat(self.time).utcoffset() == timedelta(0)
        except ValueError:
            utc = False
        if not utc:
            raise WorkbenchError(
                f"time of a decision on row {self.row!r} is {self.time!r}; it is UTC as in 2026-11-22T17:39:38+00:00"
            )

    def undo(self, id: str | None = None) -> Decision:
        """Return the entry that undoes this one."""
        about: dict[str, Any] = {"row": self.row, "reviewer": self.reviewer, "purpose": self.purpose, "plan": self.plan}
        return Decision(kind="undo", undoes=self.id, id=new_id() if id is None else id, **about)

    def same_as(self, other: Decision) -> bool:
        """Return whether both say the same, whenever that was."""
        return all(getattr(self, name) == getattr(other, name) for name in _SAID)


def _writable(text: str) -> bool:
    """Return whether UTF-8 can hold a text: a browser may send half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


FIELDS: Final = tuple(one.name for one in fields(Decision))
FIGURES: Final = ("model_probability", "seconds")
TEXTS: Final = tuple(name for name in FIELDS if name not in FIGURES)
OPTIONAL: Final = ("label", "failure_mode", "plan", "model_label", "undoes")  # texts that may be missing


def from_cells(cells: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> Decision:
    """Build a decision from cells as a CSV or JSONL file holds them: '' or None where something is missing.

    known: cells that hold where the file has none. Raises WorkbenchError naming column and value.
    """
    strange = [name for name in cells if name not in FIELDS]
    if strange:
        raise WorkbenchError(
            f"unknown column {strange[0]!r}; a decision has {listed(FIELDS, 20)}{did_you_mean(strange[0], FIELDS)}"
        )
    given: dict[str, Any] = dict(known or {})
    for name, cell in cells.items():
        if cell in ("", None):
            continue
        try:
            given[name] = float(cell) if name in FIGURES else cell
        except (TypeError, ValueError):
            raise WorkbenchError(f"{name} is {cell!r}; it is a number") from None
    for name in ("row", "reviewer", "kind"):
        if name not in given:
            raise WorkbenchError(f"{name} is missing; a decision needs row, reviewer and kind")
    return Decision(**given)
