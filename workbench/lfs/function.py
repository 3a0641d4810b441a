"""What a labeling function is, and the decorator that makes one of a plain Python function."""

from __future__ import annotations

import copy
import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple, Self, TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.lfs.chunk import NEEDS, Chunk
from workbench.lfs.fingerprint import fingerprint_of
from workbench.tables import ABSTAIN, WorkbenchError, describe_votes

Outputs = Sequence[Any] | NDArray[Any]
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


class Fault(NamedTuple):
    """A vote that is missing because the function failed on the row at this position of the chunk."""

    position: int
    error: str
    traceback: str


class LabelingFunction:
    """A rule or model that votes a class, or abstains, on every row.

    Kinds differ in `raw_votes` alone. `classes` (the task's labels) and `text` (its text columns) are bound by `load_lfs`
    and `apply_lfs`; unbound functions vote class indexes and read a column called `text`, as Snorkel's appliers expect.
    """

    kind = "python"

    def __init__(self, place: str, default_name: str, **about: Unpack[About]) -> None:
        self.name = about.get("name", default_name)
        self.named = "name" in about  # otherwise the loader calls it after its variable
        self.reason = about.get("reason", "")
        self.tags = tuple(about.get("tags", ()))
        self.labels = tuple(about["labels"]) if "labels" in about else None
        self.fires = about.get("fires", ())
        self.abstains = tuple(about.get("abstains", ()))
        self.place = place
        self.classes: tuple[str, ...] | None = None
        self.text: tuple[str, ...] = ("text",)

    @property
    def content(self) -> tuple[Any, ...]:
        """Everything that decides how the function votes."""
        raise NotImplementedError

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the content; made on first use, when the globals below the function in its file exist too."""
        return fingerprint_of(type(self).__name__, self.kind, self.labels, *self.content)

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Return one output a row, not yet validated, and the faults met."""
        raise NotImplementedError

    def votes(self, chunk: Chunk) -> tuple[NDArray[np.int16], list[Fault]]:
        """Return int16[n] votes and the faults: a row that faulted abstains in the votes.

        What fails as a whole (a batch function that raises, a rule on a missing column) failed on every row of the chunk.
        """
        try:
            outputs, faults = self.raw_votes(chunk)
            if not hasattr(outputs, "__len__") or isinstance(outputs, str) or len(outputs) != len(chunk):
                raise WorkbenchError(f"returned {_shown(outputs)} for {len(chunk)} rows; it must return one vote a row")
        except Exception as error:  # noqa: BLE001  # whatever a user's function raises is recorded as its fault
            fault = fault_of(0, error)
            return np.full(len(chunk), ABSTAIN, np.int16), [fault._replace(position=i) for i in range(len(chunk))]
        votes, wrong = validate_votes(outputs, chunk.labels, self.labels)
        return votes, faults + wrong

    def bound(self, classes: Iterable[str], text: Iterable[str]) -> Self:
        """Return a copy that knows the task's labels and text columns."""
        twin = copy.copy(self)
        twin.classes, twin.text = tuple(classes), tuple(text)
        return twin

    def __call__(self, row: Any) -> int:
        """Vote on one row (anything with the columns as attributes); raises what the function raises."""
        columns = _attributes(row)
        frame = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in columns.items()}, index=["row"])
        votes, faults = self.votes(Chunk(frame, self.text, self.classes))
        if faults:
            raise WorkbenchError(f"labeling function {self.name!r}: {faults[0].error}")
        return int(votes[0])

    def __repr__(self) -> str:
        return f"labeling function {self.name!r} ({self.place})"


def _attributes(row: Any) -> dict[str, Any]:
    if isinstance(row, (Mapping, pd.Series)):
        return {str(name): value for name, value in row.items()}
    return dict(row._asdict() if hasattr(row, "_asdict") else vars(row))


def resolve_label(label: str | int, labels: Sequence[str] | None) -> int:
    """Return the class index of a name or index; an unknown one lists the known."""
    if isinstance(label, str):
        if labels is None:
            raise WorkbenchError(f"label {label!r} is a name, and the labels are not known here; pass labels=[...] to load_lfs")
        if label not in labels:
            raise WorkbenchError(f"label {label!r} is not among the labels {list(labels)}")
        return labels.index(label)
    if isinstance(label, bool) or not 0 <= label < (len(labels) if labels is not None else 2**15):
        raise WorkbenchError(f"label {label!r} is not a class; allowed are 0..{len(labels or ()) - 1} {list(labels or ())}")
    return int(label)


def validate_votes(
    outputs: Outputs, labels: Sequence[str] | None, allowed: Sequence[str | int] | None = None
) -> tuple[NDArray[np.int16], list[Fault]]:
    """Turn what a function returned into int16[n] votes; what is no vote becomes a fault that says why.

    A class index or a class name is a vote, -1 abstains. `None`, booleans, fractions and other values are faults. `allowed` are
    the classes the function says it can vote.
    """
    k = 2**15 if labels is None else len(labels)
    can = None if allowed is None else {resolve_label(label, labels) for label in allowed}
    whole = isinstance(outputs, np.ndarray) and outputs.dtype.kind in "iu"
    if whole or set(map(type, outputs)) <= {int}:  # the usual case, checked without a Python loop
        votes = np.asarray(outputs, dtype=np.int64)
        good = (votes >= ABSTAIN) & (votes < k)
        if can is not None:
            good &= np.isin(votes, [ABSTAIN, *can])
        positions = np.flatnonzero(~good)
        outputs = list(votes[positions]) if len(positions) else []
        checked = np.where(good, votes, ABSTAIN).astype(np.int16)
    else:
        positions = np.arange(len(outputs))
        checked = np.full(len(outputs), ABSTAIN, np.int16)
    faults = []
    for position, output in zip(positions.tolist(), outputs, strict=True):
        vote = _vote_of(output, labels, k, can)
        if isinstance(vote, int):
            checked[position] = vote
        else:
            faults.append(Fault(position, vote, ""))
    return checked, faults


def _vote_of(output: Any, labels: Sequence[str] | None, k: int, can: set[int] | None) -> int | str:
    """Return the vote, or in words why the output is none."""
    known = describe_votes(labels) if labels is not None else "-1 (abstain) and class indexes"
    if output is None:
        return "returned None; return ABSTAIN where the function has no opinion"
    if isinstance(output, str) and labels is not None and output in labels:
        output = labels.index(output)
    if isinstance(output, (bool, np.bool_)) or not isinstance(output, (int, np.integer)):
        return f"returned {output!r} ({type(output).__name__}); allowed are {known}, or a class name"
    if not ABSTAIN <= output < k:
        return f"voted {int(output)}; allowed are {known}"
    if can is not None and output != ABSTAIN and int(output) not in can:
        return f"voted {int(output)}, which is not among the labels it declares: {sorted(can)}"
    return int(output)


def call_on_rows(function: Callable[[Any], Any], rows: Iterable[Any]) -> tuple[list[Any], list[Fault]]:
    """Call a function on every row; an exception becomes a fault and the next row goes on."""
    outputs: list[Any] = []
    faults: list[Fault] = []
    append = outputs.append
    remaining = iter(rows)
    while True:
        try:
            for row in remaining:  # a fault leaves this loop; the iterator remembers where it stood
                append(function(row))
            return outputs, faults
        except Exception as error:  # noqa: BLE001  # whatever a user's function raises is recorded as its fault
            faults.append(fault_of(len(outputs), error, traced=not faults))
            append(ABSTAIN)


def fault_of(position: int, error: Exception, *, traced: bool = True) -> Fault:
    """Return the fault an exception makes; our own errors speak for themselves."""
    shown = str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
    return Fault(position, shown, "".join(traceback.format_exception(error)) if traced else "")


def _shown(outputs: Any) -> str:
    return f"{len(outputs)} votes" if hasattr(outputs, "__len__") and not isinstance(outputs, str) else repr(outputs)


class PythonFunction(LabelingFunction):
    """A plain function called on one light row after another."""

    def __init__(self, f: Callable[..., Any], settings: Mapping[str, Any], **about: Unpack[About]) -> None:
        doc = (inspect.getdoc(f) or "").strip().split("\n")[0]
        about.setdefault("reason", doc)
        super().__init__(place_of(f), f.__name__, **about)
        self.f = f
        self.resources: dict[str, Any] = dict(settings.get("resources") or {})
        self.pre: tuple[Callable[[Any], Any], ...] = tuple(settings.get("pre") or ())
        self.needs = _check_needs(settings.get("needs") or (), self.name)

    @property
    def content(self) -> tuple[Any, ...]:
        """Source with what it reaches, resources, preprocessors, needs."""
        return self.f, self.resources, self.pre, self.needs

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Call the function on every light row; preprocessors get a row that they may change."""
        rows = chunk.rows(self.needs)
        call = self.f
        if self.resources or self.pre:
            fields = [*chunk.frame.columns, *(need.partition(":")[0] for need in self.needs)]

            def call(row: Any) -> Any:
                if self.pre:
                    row = SimpleNamespace(**dict(zip(fields, row, strict=True)))
                    for step in self.pre:
                        row = step(row)
                return self.f(row, **self.resources)

        return call_on_rows(call, rows)

    def __call__(self, row: Any) -> int:
        """Vote on one row; without needs the row is handed over as it is."""
        if self.needs:
            return super().__call__(row)
        if self.pre:
            row = SimpleNamespace(**_attributes(row))
            for step in self.pre:
                row = step(row)
        vote = _vote_of(self.f(row, **self.resources), self.classes, len(self.classes or range(2**15)), None)
        if isinstance(vote, str):
            raise WorkbenchError(f"labeling function {self.name!r} {vote}")
        return vote


class BatchFunction(LabelingFunction):
    """A function called once on a whole frame, or on a whole column."""

    kind = "batch"

    def __init__(self, f: Callable[..., Any], column: str | None, resources: Mapping[str, Any], **about: Unpack[About]) -> None:
        doc = (inspect.getdoc(f) or "").strip().split("\n")[0]
        about.setdefault("reason", doc)
        super().__init__(place_of(f), f.__name__, **about)
        self.f, self.column, self.resources = f, column, dict(resources)

    @property
    def content(self) -> tuple[Any, ...]:
        """Source with what it reaches, resources, column."""
        return self.f, self.resources, self.column

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Call the function once on the chunk's frame or column."""
        given = chunk.frame.copy(deep=False) if self.column is None else chunk.column(self.column)
        outputs = self.f(given, **self.resources)
        return outputs.to_numpy() if isinstance(outputs, pd.Series) else outputs, []


def _check_needs(needs: str | Sequence[str], name: str) -> tuple[str, ...]:
    listed = (needs,) if isinstance(needs, str) else tuple(needs)
    for need in listed:
        if need.partition(":")[0] not in NEEDS:
            raise WorkbenchError(f"labeling function {name!r} needs {need!r}; known are {', '.join(NEEDS)}")
    return listed


def place_of(f: Callable[..., Any]) -> str:
    """Return where a function stands, as `module:line`."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    module = getattr(f, "__module__", "?").rpartition(".")[2]
    return f"{module}:{code.co_firstlineno if code else '?'}"


def caller_place(depth: int = 2) -> str:
    """Return `module:line` of the code that called a maker, `depth` frames up."""
    frame = inspect.currentframe()
    for _ in range(depth):
        frame = frame.f_back if frame is not None else None
    if frame is None:
        return "?:?"
    return f"{frame.f_globals.get('__name__', '?').rpartition('.')[2]}:{frame.f_lineno}"


def labeling_function(
    *,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Callable[[Any], Any]] = (),
    needs: str | Sequence[str] = (),
    batch: bool | str = False,
    **about: Unpack[About],
) -> Callable[[Callable[..., Any]], LabelingFunction]:
    """Make a labeling function of a plain Python function that takes a row and returns a class index, a class name or ABSTAIN.

    resources: keyword arguments handed to every call. pre: steps that take a row and return it changed. needs: `doc` or
    `embedding` (optionally `doc:blank:de`, `embedding:minilm`): made once for many rows and found on the row. batch: True hands
    over the whole frame, a column name that column, and one vote a row comes back. The docstring's first line is the reason.

    >>> @labeling_function(fires=["please refund me"], abstains=["hello"])
    ... def asks_refund(row):
    ...     "Only billing customers ask for refunds."
    ...     return 0 if "refund" in row.text else -1
    >>> asks_refund.name, asks_refund.reason
    ('asks_refund', 'Only billing customers ask for refunds.')
    """
    for step in pre:
        if not callable(step):
            raise WorkbenchError(f"pre holds {step!r}, which is not callable; give functions that take a row and return it")

    def make(f: Callable[..., Any]) -> LabelingFunction:
        if not callable(f):
            raise WorkbenchError(f"@labeling_function stands on {f!r}, which is not callable")
        if batch:
            if pre or needs:
                raise WorkbenchError(f"batch function {f.__name__!r} takes no pre and no needs; do both inside it")
            return BatchFunction(f, batch if isinstance(batch, str) else None, resources or {}, **about)
        return PythonFunction(f, {"resources": resources, "pre": pre, "needs": needs}, **about)

    return make
