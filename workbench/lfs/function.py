"""What a labeling function is, whichever way it is made."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.lfs.chunk import Chunk, Share
from workbench.lfs.fingerprint import fingerprint_of
from workbench.lfs.rows import cells_of
from workbench.lfs.votes import FAULTS, Fault, Outputs, check_length, fault_of, resolve_label, validate_votes
from workbench.tables import ABSTAIN, WorkbenchError

Item = TypeVar("Item")
Examples = Sequence[Any] | Mapping[str, Sequence[Any]]


class About(TypedDict, total=False):
    """What every function may say of itself, whichever way it is made.

    name: defaults to the variable or function name. reason: one line, why this rule is right (the docstring of a Python
    function). tags: free words to group by. labels: the classes it can vote. fires, abstains: unit examples, each a text or a
    dict of columns; `fires` may also map a class name to its examples.
    """

    name: str
    reason: str
    tags: Sequence[str]
    labels: Sequence[str | int]
    fires: Examples
    abstains: Sequence[Any]


class LabelingFunction:
    """A rule or model that votes a class, or abstains, on every row.

    Kinds differ in `raw_votes` alone. `classes` (the task's labels) and `text` (its text columns) are bound by `load_lfs`
    and `apply_lfs`; unbound functions vote class indexes and read a column called `text`, as Snorkel's appliers expect.
    """

    kind = "python"
    asked_twice = True  # about some rows, to find out whether it answers the same
    alone: bool = True  # in a process of its own, where there are processes: it may change what others read
    shares: tuple[Share, ...] = ()  # what it takes from a chunk, made there once for all functions

    def __init__(self, place: str, default_name: str, **about: Unpack[About]) -> None:
        for key in about:
            if key not in About.__annotations__:
                known = About.__annotations__
                near = f"known are {listed(known)}{did_you_mean(key, known)}"
                raise WorkbenchError(f"labeling function {default_name!r}: unknown setting {key!r}; {near}")
        self.name = about.get("name", default_name)
        if not isinstance(self.name, str) or not self.name:
            raise WorkbenchError(f"labeling function {default_name!r}: name is {self.name!r}; give a non-empty string")
        self.named = "name" in about  # otherwise the loader calls it after its variable
        self.reason = about.get("reason", "")
        self.tags = _several(about.get("tags", ()))
        self.labels = _several(about["labels"]) if "labels" in about else None
        self.fires: Examples = (about["fires"],) if isinstance(about.get("fires"), str) else about.get("fires", ())
        self.abstains = _several(about.get("abstains", ()))
        self.place = place
        self.classes: tuple[str, ...] | None = None
        self.text: tuple[str, ...] = ("text",)
        self.origin: str | None = None  # the folder it was loaded from, where another process can load it too

    @property
    def content(self) -> tuple[Any, ...]:
        """Everything that decides how the function votes."""
        raise NotImplementedError

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the content and of our own version, whose rules are code too.

        Made on first use, when the globals below the function in its file exist too.
        """
        return fingerprint_of(type(self), self.kind, self.labels, *self.content)

    def prepare(self, chunk: Chunk) -> None:
        """Make what this function shares with others of a chunk; `raw_votes` would make it too, but for itself alone."""
        with suppress(*FAULTS):  # `raw_votes` meets the same fault, and records it
            for share in self.shares:
                chunk.get(share)

    def sharing(self, *shares: Share) -> Self:
        """Say what the function takes from a chunk, and return it."""
        self.shares = shares
        return self

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Return one output a row, not yet validated, and the faults met."""
        raise NotImplementedError

    def votes(self, chunk: Chunk) -> tuple[NDArray[np.int16], list[Fault]]:
        """Return int16[n] votes and the faults: a row that faulted abstains in the votes.

        What fails as a whole (a batch function that raises, a rule on a missing column) failed on every row of the chunk.
        """
        try:
            return self._checked_votes(chunk)
        except FAULTS as error:
            fault = fault_of(0, error)
            return np.full(len(chunk), ABSTAIN, np.int16), [fault._replace(position=i) for i in range(len(chunk))]

    def _checked_votes(self, chunk: Chunk) -> tuple[NDArray[np.int16], list[Fault]]:
        outputs, faults = self.raw_votes(chunk)
        check_length(outputs, len(chunk))
        votes, wrong = validate_votes(outputs, chunk.labels, self.labels)
        return votes, faults + wrong

    def bound(self, classes: Iterable[str], text: Iterable[str]) -> Self:
        """Return a copy that knows the task's labels and text columns; a class it votes must be among the labels."""
        twin = copy.copy(self)
        twin.classes, twin.text = tuple(classes), tuple(text)
        try:
            for label in self.labels or ():
                resolve_label(label, twin.classes)
        except WorkbenchError as error:
            raise WorkbenchError(f"labeling function {self.name!r} ({self.place}): {error}") from None
        return twin

    def __call__(self, row: Any) -> int:
        """Vote on one row (anything with the columns as attributes); raises what the function raises."""
        cells, row_id = cells_of(row)
        columns = {name: pd.Series([value], dtype=object, index=[row_id]) for name, value in cells.items()}
        frame = pd.DataFrame(columns, index=[row_id])
        with suppress(UnicodeEncodeError):  # half of a surrogate pair, which no column of strings can hold
            frame = frame.infer_objects()
        votes, faults = self._checked_votes(Chunk(frame, self.text, self.classes))
        return self._one(votes, faults)

    def _one(self, votes: NDArray[np.int16], faults: list[Fault]) -> int:
        if faults:
            raise WorkbenchError(f"labeling function {self.name!r}: {faults[0].error}")
        return int(votes[0])

    def __repr__(self) -> str:
        return f"labeling function {self.name!r} ({self.place})"


def _several(items: str | Sequence[Item]) -> tuple[Any, ...]:
    return (items,) if isinstance(items, (str, int)) else tuple(items)


def caller_frame(depth: int) -> Any:
    """Return the frame of the code that called a maker, `depth` frames above this function's caller."""
    frame = inspect.currentframe()
    for _ in range(depth + 1):
        frame = frame.f_back if frame is not None else None
    return frame


def caller_place(depth: int) -> str:
    """Return `module:line` of the code that called a maker."""
    frame = caller_frame(depth + 1)
    return "?:?" if frame is None else f"{frame.f_globals.get('__name__', '?').rpartition('.')[2]}:{frame.f_lineno}"


def beside_caller(path: str | Path, depth: int) -> Path:
    """Return a relative path as one beside the file whose code called a maker, as functions name their data."""
    frame = caller_frame(depth + 1)
    file = None if frame is None else frame.f_globals.get("__file__")
    return Path(path) if file is None else Path(file).parent / path
