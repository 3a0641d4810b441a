"""Functions written for Snorkel, run here unchanged and without importing it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.lfs.chunk import Chunk
from workbench.lfs.function import LabelingFunction
from workbench.lfs.python import place_of, reason_of
from workbench.lfs.votes import Fault, Outputs, call_on_rows, validate_votes
from workbench.tables import WorkbenchError


def is_foreign(thing: Any) -> bool:
    """Tell whether an object is one of Snorkel's labeling functions, by its shape."""
    shape = ("name", "_f", "_resources", "_pre")
    return callable(thing) and not isinstance(thing, type) and all(hasattr(thing, part) for part in shape)


class ForeignFunction(LabelingFunction):
    """A Snorkel labeling function: called on light rows, and on a pandas Series where it needs one."""

    kind = "snorkel"

    def __init__(self, lf: Any) -> None:
        super().__init__(place_of(lf._f), lf.name, name=lf.name, reason=reason_of(lf._f))
        self.lf = lf
        self.shares = () if lf._pre else (("rows",),)

    @property
    def content(self) -> tuple[Any, ...]:
        """Code with what it reaches, resources, preprocessors."""
        return self.lf._f, self.lf._resources, list(self.lf._pre)

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Call the function on every row, as a pandas Series where a light row would differ or fails it."""
        if self.lf._pre or _differs(chunk.frame):
            return call_on_rows(self.lf, chunk.series_rows(range(len(chunk))))
        outputs, faults = call_on_rows(self.lf, chunk.rows())
        failed = [fault.position for fault in faults]
        again, still = call_on_rows(self.lf, chunk.series_rows(failed))
        for position, output in zip(failed, again, strict=True):
            outputs[position] = output
        return outputs, [fault._replace(position=failed[fault.position]) for fault in still]

    def __call__(self, row: Any) -> int:
        """Vote on one row as Snorkel would."""
        return self._one(*validate_votes([self.lf(row)], self.classes, self.labels))


def _differs(frame: pd.DataFrame) -> bool:
    """Tell whether a Series says something else than a light row of the same cells.

    A column such as `count` is a method of a Series, and a row of numbers alone takes numpy's types: 3 beside 0.5 becomes 3.0.
    """
    shadowed = any(hasattr(pd.Series, str(column)) for column in frame.columns)
    return shadowed or (len(frame) > 0 and pd.api.types.is_numeric_dtype(frame.iloc[0].dtype))


def as_labeling_function(thing: Any) -> LabelingFunction:
    """Return our kind of function, wrapping Snorkel's; anything else is refused with the way out."""
    if isinstance(thing, LabelingFunction):
        return thing
    if is_foreign(thing):
        return ForeignFunction(thing)
    raise WorkbenchError(f"{thing!r} is not a labeling function; put @labeling_function() on it")
