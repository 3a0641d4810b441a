"""What gold rows say of the other rows with the same votes."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from workbench.tables import distinct_rows

Floats = NDArray[np.float64]


class Answered(NamedTuple):
    """Distinct vote patterns, int16[p, m], and how many gold rows of each were of each class, float64[p, k]."""

    patterns: NDArray[np.int16]
    counts: Floats

    @classmethod
    def counted(cls, patterns: NDArray[np.int16], label: NDArray[np.intp], weight: Floats, k: int) -> Self:
        """Count gold rows, drawn at random among those with their votes; int16[n, m], their classes and weights."""
        first, kind = distinct_rows(patterns)
        counts = np.zeros((len(first), k))
        np.add.at(counts, (kind, label), weight)
        return cls(patterns[first], counts)

    def of(self, patterns: NDArray[np.int16]) -> Floats:
        """Return float64[n, k], the gold rows of each class that have these votes."""
        first, kind = distinct_rows(np.concatenate([self.patterns, patterns]))
        counts = np.zeros((len(first), self.counts.shape[1]))
        counts[kind[: len(self.patterns)]] = self.counts
        return np.asarray(counts[kind[len(self.patterns) :]])

    def __call__(self, patterns: NDArray[np.int16], probs: Floats, strength: float) -> Floats:
        """Return float64[n, k] probabilities of rows with these votes, given the ones a model has.

        The classes of all rows of a pattern are taken to be shared out by a Dirichlet distribution whose mean is the model's
        and that weighs as much as `strength` gold rows; returned is its mean after the gold rows of the pattern.
        """
        known = self.of(patterns)
        return np.asarray((strength * probs + known) / (strength + known.sum(axis=1, keepdims=True)), dtype=np.float64)
