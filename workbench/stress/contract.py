"""What a suite is: rows that look like production's bad days, and what is expected of the model on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from workbench.tables import Dataset, SoftLabels

LABEL: Final = "label"  # the answer is the gold of the row
SAME: Final = "same"  # the answer is what it was before the row was changed
REVIEW: Final = "review"  # the row belongs to no class, so that no answer is right
EXPECTED: Final = (LABEL, SAME, REVIEW)
#: The kinds of suites, in the order in which they run.
KINDS: Final = (
    "new_terms", "failures", "messy", "language", "invariance", "direction", "python", "out_of_scope", "rules_removed",
)  # fmt: skip


@dataclass(frozen=True)
class NotLower:
    """What is expected where something that speaks for a class was added: its probability falls by no more than `by`."""

    label: str
    by: float = 0.01


Expected = str | NotLower
Made = Dataset | tuple[Dataset, Expected]


@dataclass(frozen=True)
class Suite:
    """Held-out rows as production may send them.

    about: in words, what its rows are. make: from held-out rows to those that the model is asked about: some of them, some of
    them changed under the same id, or others. Of changed rows and those left as they were only the changed ones count. expect:
    what the answers are held against, unless `make` returns it beside the rows.
    """

    name: str
    kind: str
    about: str
    make: Callable[[Dataset], Made]
    expect: Expected = LABEL


@dataclass(frozen=True, eq=False)
class Asked:
    """What a model says of rows, and bool[n] which of them it answers by itself."""

    soft: SoftLabels
    answered: NDArray[np.bool_]

    def take(self, rows: NDArray[Any]) -> Asked:
        """Return the rows of a boolean mask or of positions, in that order."""
        return Asked(self.soft.take(rows), self.answered[rows])


Ask = Callable[[Dataset], Asked]


def main_column(rows: Dataset) -> str:
    """Return the text column that holds most of the text."""
    return max(rows.text, key=lambda name: rows.frame[name].str.len().sum())


def by_row(seed: int, name: str, id: str) -> np.random.Generator:
    """Return a generator of a row's own: what a suite makes of it does not hang on the rows beside it."""
    return np.random.default_rng([seed, crc32(name.encode()), crc32(id.encode())])
