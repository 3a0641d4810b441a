"""What every kind of feature gives, and what it promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from workbench.tables import Dataset

State = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Inputs:
    """The features of n rows: sparse is a float32 CSR matrix [n, s], dense is float32[n, d]; either may have no columns."""

    sparse: Any
    dense: NDArray[np.float32]

    @classmethod
    def of(cls, rows: int, sparse: Any = None, dense: NDArray[np.float32] | None = None) -> Self:
        """Build from one side alone: the other has no columns."""
        from scipy.sparse import csr_matrix

        empty = csr_matrix((rows, 0), dtype=np.float32) if sparse is None else sparse
        return cls(empty, np.zeros((rows, 0), np.float32) if dense is None else dense)

    @classmethod
    def side_by_side(cls, parts: Sequence[Inputs]) -> Self:
        """Return the columns of all parts; all have the same rows."""
        from scipy.sparse import hstack

        return cls(hstack([part.sparse for part in parts], format="csr"), np.hstack([part.dense for part in parts]))

    def times(self, factor: float) -> Inputs:
        """Return all features, so many times as large."""
        return Inputs(self.sparse * np.float32(factor), self.dense * np.float32(factor))

    def take(self, rows: NDArray[Any]) -> Inputs:
        """Return the rows of a boolean mask or of positions, in that order."""
        return Inputs(self.sparse[rows], self.dense[rows])


def stacked(*parts: tuple[Inputs, ...]) -> tuple[Inputs, ...]:
    """Return each view of the rows of all parts, one below the other."""
    from scipy.sparse import vstack

    both = zip(*parts, strict=True)
    return tuple(
        Inputs(vstack([one.sparse for one in view], format="csr"), np.vstack([one.dense for one in view])) for view in both
    )


class Block(Protocol):
    """One kind of feature, learned from a dataset: a row's numbers do not depend on the rows beside it."""

    def transform(self, dataset: Dataset) -> Inputs:
        """Return the features of every row."""

    def state(self) -> tuple[State, Arrays]:
        """Return all that was learned: a JSON document, and arrays by name."""
