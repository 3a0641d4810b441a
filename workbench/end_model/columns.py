"""Columns of a table as features: numbers scaled, categories one-hot, missing cells and unseen values allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.end_model.inputs import Arrays, Inputs, State
from workbench.io.names import did_you_mean, listed
from workbench.tables import Dataset, WorkbenchError

_FARTHEST: Final = 10.0  # standard deviations; an outlier or an infinity then moves the answer, but cannot rule it
_NUMERIC: Final = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")  # what pandas finds in the cells


@dataclass(frozen=True)
class Number:
    """A column of numbers: mean and deviation of its finite cells, and whether cells were missing."""

    name: str
    mean: float
    deviation: float
    missing: bool

    @classmethod
    def fit(cls, name: str, values: NDArray[np.float64]) -> Self:
        """Learn the scale; a column of one value, or of none, scales to 0."""
        finite = values[np.isfinite(values)]
        largest = float(np.abs(finite).max(initial=0.0)) or 1.0
        shares = finite / largest if len(finite) else np.zeros(1)  # a square of 1e300 would overflow
        mean, deviation = float(shares.mean()) * largest, float(shares.std()) * largest
        return cls(name, mean, deviation or 1.0, bool(np.isnan(values).any()))

    def scale(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return float32[n, 1 or 2]: the scaled value, 0 where it is missing, and where training knew of it, 1 for missing."""
        scaled = np.clip((values - self.mean) / self.deviation, -_FARTHEST, _FARTHEST)
        gone = np.isnan(values)
        parts = [np.where(gone, 0.0, scaled), gone] if self.missing else [np.where(gone, 0.0, scaled)]
        return np.stack(parts, axis=1).astype(np.float32)


@dataclass(frozen=True)
class Columns:
    """Columns of numbers, and the known values of each column of categories."""

    numbers: tuple[Number, ...]
    categories: Mapping[str, list[str]]

    @classmethod
    def fit(cls, dataset: Dataset, columns: Sequence[str], limit: int) -> Self:
        """Learn scales and values; a column whose cells are all numbers (or true / false) is one of numbers."""
        numbers: list[Number] = []
        categories: dict[str, list[str]] = {}
        for name in columns:
            cells = _cells(dataset, name)
            if _is_numeric(cells):
                numbers.append(Number.fit(name, _values(cells)))
            else:
                counts = cells.dropna().astype("str").value_counts().sort_index().sort_values(ascending=False, kind="stable")
                categories[name] = sorted(counts.index[:limit])
        return cls(tuple(numbers), categories)

    def transform(self, dataset: Dataset) -> Inputs:
        """Return one sparse column a known value (unseen and missing ones are 0 in all of them) and the scaled numbers."""
        from scipy.sparse import csr_matrix

        n = len(dataset)
        dense = [number.scale(_values(_cells(dataset, number.name))) for number in self.numbers]
        sparse = [Inputs.of(n)]
        for name, known in self.categories.items():
            cells = _cells(dataset, name)
            codes = np.where(cells.isna(), -1, pd.Index(known, dtype="str").get_indexer(pd.Index(cells.astype("str"))))
            rows = np.flatnonzero(codes >= 0)
            one_hot = csr_matrix((np.ones(len(rows), np.float32), (rows, codes[rows])), shape=(n, len(known)))
            sparse.append(Inputs.of(n, sparse=one_hot))
        return Inputs.side_by_side([*sparse, *(Inputs.of(n, dense=part) for part in dense)])

    def state(self) -> tuple[State, Arrays]:
        """Return scales and values; there are no arrays."""
        numbers = [asdict(number) for number in self.numbers]
        return {"block": "columns", "numbers": numbers, "categories": dict(self.categories)}, {}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild from what `state` gave."""
        return cls(tuple(Number(**number) for number in state["numbers"]), state["categories"])


def _cells(dataset: Dataset, name: str) -> pd.Series[Any]:
    if name not in dataset.frame.columns:
        there = list(dataset.frame.columns)
        raise WorkbenchError(f"the dataset has no column {name!r}; it has {listed(there)}{did_you_mean(name, there)}")
    return dataset.frame[name]


def _is_numeric(cells: pd.Series[Any]) -> bool:
    return pd.api.types.infer_dtype(cells, skipna=True) in _NUMERIC


def _values(cells: pd.Series[Any]) -> NDArray[np.float64]:
    """Return numbers, NaN where the cell is missing or blank; a cell that is neither is refused by row."""
    values = pd.to_numeric(cells, errors="coerce").astype("float64").to_numpy(na_value=np.nan)
    wrong = np.isnan(values) & cells.notna().to_numpy() & (cells.astype("str").str.strip() != "").to_numpy()
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise WorkbenchError(
            f"column {cells.name!r} holds {cells.iloc[place]!r} on row {cells.index[place]!r}, where the end model learned "
            "from numbers; give a number, or leave the cell empty"
        )
    return np.asarray(values, dtype=np.float64)
