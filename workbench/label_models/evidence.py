"""Votes as the generative model takes them: distinct vote rows, sparse, with what each vote and each row is worth."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.label_models.similarity import discounts
from workbench.tables import ABSTAIN

Floats = NDArray[np.float64]

_TELLING: Final = 2  # votes that are needed to tell which of the others is wrong: it takes a third (Kruskal 1977)
_CROWDING: Final = 0.2


class Pairs(NamedTuple):
    """Which votes exist: a pair is a function together with a class it votes, in the order of function * k + class.

    column: intp[m * k], the place of a pair; a vote that a function has never cast stands behind all pairs, by class.
    repertoire: float64[m, k], 1 where a function may vote the class.
    """

    lf: NDArray[np.intp]
    vote: NDArray[np.intp]
    column: NDArray[np.intp]
    repertoire: Floats

    @classmethod
    def seen(cls, cast: NDArray[np.int64]) -> Pairs:
        """Return the pairs that occur among votes, int64[m, k] by function and class.

        Where most functions vote several classes they are annotators: one that has shown one class may vote the others too.
        """
        repertoire, k = (cast > 0).astype(np.float64), cast.shape[1]
        codes = np.flatnonzero(repertoire)
        column = len(codes) + np.tile(np.arange(k), len(repertoire))
        column[codes] = np.arange(len(codes))
        classes = repertoire.sum(axis=1)
        if 2 * (classes == 1).sum() < (classes > 0).sum():
            repertoire[classes == 1] = 1
        return cls(codes // k, codes % k, column, repertoire)

    @property
    def k(self) -> int:
        """How many classes there are."""
        return int(self.repertoire.shape[1])


class Evidence(NamedTuple):
    """Vote rows and what they are worth.

    x: sparse[rows, pairs + k], 1 where the row holds the vote. worth: sparse, the same cells, what each vote counts for in the
    posterior: less where functions that repeat one another agree, and in a crowded row. share: float64[rows, k], the majority's
    shares. telling: float64[rows, 1], how far the row tells functions apart, 0..1. weight: float64[rows].
    """

    x: Any
    worth: Any
    share: Floats
    telling: Floats
    weight: Floats


def evidence(patterns: NDArray[np.int16], weight: Floats, pairs: Pairs, similarity: Any) -> Evidence:
    """Build the evidence of covered vote rows, int16[rows, m], each of which stands for `weight` rows.

    A row of v votes counts each v**-0.2, for no two functions are quite independent, and tells functions apart only
    from three votes on: of two that differ nobody knows which is wrong.
    """
    from scipy.sparse import csr_array

    row, lf = np.nonzero(patterns != ABSTAIN)
    vote = patterns[row, lf].astype(np.intp)
    column = pairs.column[lf * pairs.k + vote]
    shape = (len(patterns), len(pairs.lf) + pairs.k)
    start = np.searchsorted(row, np.arange(len(patterns) + 1))
    discount = discounts(row, lf, vote, similarity, shape[0], pairs.k)
    alone = csr_array((discount, column, start), shape=shape)
    shares = alone @ np.eye(pairs.k)[np.concatenate([pairs.vote, np.arange(pairs.k)])]
    votes = shares.sum(axis=1, keepdims=True)
    crowd = np.maximum(votes[:, 0], 1) ** -_CROWDING
    return Evidence(
        csr_array((np.ones(len(row)), column, start), shape=shape),
        csr_array((discount * crowd[row], column, start), shape=shape),
        shares / np.maximum(votes, 1e-12),
        1 - np.minimum(1, (_TELLING / np.maximum(votes, 1e-12)) ** 2),
        weight,
    )
