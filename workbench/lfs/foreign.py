"""Functions written for Snorkel, run here unchanged and without importing it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.lfs.chunk import Chunk
from workbench.lfs.function import Fault, LabelingFunction, Outputs, call_on_rows, place_of
from workbench.tables import WorkbenchError


def is_foreign(thing: Any) -> bool:
    """Tell whether an object is one of Snorkel's labeling functions, by its shape."""
    shape = ("name", "_f", "_resources", "_pre")
    return callable(thing) and not isinstance(thing, type) and all(hasattr(thing, part) for part in shape)


class ForeignFunction(LabelingFunction):
    """A Snorkel labeling function: called on light rows, and on a pandas Series where it needs one."""

    kind = "snorkel"

    def __init__(self, lf: Any) -> None:
        doc = (getattr(lf._f, "__doc__", None) or "").strip().split("\n")[0]
        super().__init__(place_of(lf._f), lf.name, name=lf.name, reason=doc)
        self.lf = lf

    @property
    def content(self) -> tuple[Any, ...]:
        """Source with what it reaches, resources, preprocessors."""
        return self.lf._f, self.lf._resources, list(self.lf._pre)

    def raw_votes(self, chunk: Chunk) -> tuple[Outputs, list[Fault]]:
        """Call the function on every row.

        Preprocessors copy and change their row, and a column such as `count` means something else on a Series: both need a
        Series at once. Any other function gets one as soon as a light row fails it.
        """
        shadowed = [column for column in chunk.frame.columns if hasattr(pd.Series, column)]
        if self.lf._pre or shadowed:
            return call_on_rows(self.lf, chunk.series_rows())
        outputs, faults = call_on_rows(self.lf, chunk.rows())
        if faults:
            return call_on_rows(self.lf, chunk.series_rows())
        return outputs, faults

    def __call__(self, row: Any) -> int:
        """Vote on one row as Snorkel would."""
        return int(self.lf(row))


def as_labeling_function(thing: Any) -> LabelingFunction:
    """Return our kind of function, wrapping Snorkel's; anything else is refused with the way out."""
    if isinstance(thing, LabelingFunction):
        return thing
    if is_foreign(thing):
        return ForeignFunction(thing)
    raise WorkbenchError(f"{thing!r} is not a labeling function; put @labeling_function() on it")
