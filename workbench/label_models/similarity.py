"""How far functions repeat one another, and what a vote is worth beside votes that it repeats."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from workbench.tables import ABSTAIN

Floats = NDArray[np.float64]

_COPY: Final = 0.9  # agreement from which on functions of several classes repeat one another: two good ones agree so often
_LEAST: Final = 0.02
_TINY: Final = 1e-12
_ENOUGH: Final = 20  # votes
_DOUBT: Final = 10  # rows added on which the two differ


class Copies(NamedTuple):
    """Functions whose votes are the same on all rows count as one.

    group: intp[m], which of the functions that are left each belongs to.
    """

    group: NDArray[np.intp]

    @classmethod
    def found(cls, same: NDArray[np.intp], votes: NDArray[np.int64]) -> Self:
        """Take functions for copies that share a number in `same`, for equal columns, and cast at least 20 votes each.

        Equal for less, they may be so by chance.
        """
        seen: dict[tuple[bool, int], int] = {}
        keys = [(True, int(number)) if votes[j] >= _ENOUGH else (False, j) for j, number in enumerate(same)]
        return cls(np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.intp))

    @property
    def first(self) -> NDArray[np.intp]:
        """The first function of each group."""
        return np.unique(self.group, return_index=True)[1]

    def merged(self, patterns: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return int16[rows, groups]: the vote of the first of each group that votes."""
        first = self.first
        if len(first) == len(self.group):
            return patterns
        merged = patterns[:, first]
        for j in np.setdiff1d(np.arange(len(self.group)), first):
            column = merged[:, self.group[j]]
            merged[:, self.group[j]] = np.where(column == ABSTAIN, patterns[:, j], column)
        return merged


class Meetings(NamedTuple):
    """Pairs of functions that vote on the same rows.

    i, j: the functions of each pair, both ways round, a function with itself too. both, same: on how many rows both vote, and
    vote the same. votes: float64[m]. classes: how many classes each function votes. room: how many rows are of the
    class that a function of one class votes, by the majority's shares. rows: how many rows there are.
    """

    i: NDArray[np.intp]
    j: NDArray[np.intp]
    both: Floats
    same: Floats
    votes: Floats
    classes: Floats
    room: Floats
    rows: float

    @classmethod
    def counted(cls, patterns: NDArray[np.int16], counts: Floats, k: int) -> Self:
        """Count on vote rows, each of which stands for `counts` rows."""
        from scipy.sparse import csr_array

        weight, m = np.sqrt(counts), patterns.shape[1]

        def voting(which: NDArray[np.bool_]) -> Any:
            row, lf = np.nonzero(which)
            return csr_array((weight[row], (row, lf)), shape=which.shape)

        every = voting(patterns != ABSTAIN)
        classes, room, same = np.zeros(m), np.ones(m), csr_array((m, m))
        for c in range(k):
            mine = voting(patterns == c)
            same = same + mine.T @ mine
            who = np.diff(mine.tocsc().indptr) > 0
            classes += who
            room[who] = (np.diff(mine.indptr) / np.maximum(np.diff(every.indptr), 1)) @ counts
        both = (every.T @ every).tocoo()
        i, j = both.coords
        return cls(i, j, both.data, _cells(same, i, j), every.multiply(every).sum(axis=0), classes, room, float(counts.sum()))


def similarities(met: Meetings, k: int) -> Any:
    """Return sparse[m, m], in 0..1: how far one function repeats another; empty on the diagonal.

    Of functions of one class the rows on which both vote, of those on which either does (Jaccard), after taking off as many as
    would meet by chance on the rows whose majority votes that class. Functions of several classes meet by design and agree
    because they are right, so only agreement above nine tenths counts.
    """
    from scipy.sparse import csr_array

    i, j, both, same = met.i, met.j, met.both, met.same
    either = met.votes[i] + met.votes[j] - both
    a = _mean_accuracy(same[i != j].sum() / max(both[i != j].sum(), _TINY), k)
    inside, outside = np.maximum(met.room[i], _TINY), np.maximum(met.rows - met.room[i], _TINY)
    chance = np.minimum(met.votes[i] * met.votes[j] * (a**2 / inside + (1 - a) ** 2 / outside), same)
    jaccard = (same - chance) / np.maximum(either - chance, _TINY)
    copied = np.clip((same / both - _COPY) / (1 - _COPY), 0, 1) * both / either
    found = np.where((met.classes[i] <= 1) & (met.classes[j] <= 1), jaccard, copied) * either / (either + _DOUBT)
    kept = (i != j) & (found > _LEAST)
    return csr_array((found[kept], (i[kept], j[kept])), shape=(len(met.votes),) * 2)


def _mean_accuracy(agreement: float, k: int) -> float:
    """Return how often votes are right that agree so often, were they independent and errors spread evenly.

    Solves agreement = a**2 + (1 - a)**2 / (k - 1) (Dawid and Skene's one-coin case; used so by Platanios et al. 2014).
    """
    others = max(k - 1, 1)
    root = np.sqrt(max(agreement * (1 + 1 / others) - 1 / others, 0))
    return float((1 / others + root) / (1 + 1 / others))


def discounts(row: NDArray[np.intp], lf: NDArray[np.intp], vote: NDArray[np.intp], similarity: Any, n: int, k: int) -> Floats:
    """Return of every vote what it is worth: one over one plus its similarity to the others of its row for the same class.

    So ten copies of a function count as one (the design effect of correlated answers: Kish 1965). row, lf, vote: of each vote.
    """
    from scipy.sparse import csr_array

    worth = np.ones(len(row))
    if not similarity.nnz:
        return worth
    m = similarity.shape[0]
    for c in range(k):
        mine = np.flatnonzero(vote == c)
        if len(mine):
            votes = csr_array((np.ones(len(mine)), (row[mine], lf[mine])), shape=(n, m))
            beside = votes @ similarity
            worth[mine] = 1 / (1 + _cells(beside, row[mine], lf[mine]))
    return worth


def _cells(matrix: Any, i: NDArray[np.intp], j: NDArray[np.intp]) -> Floats:
    """Return the cells of a sparse matrix at positions."""
    if not len(i):
        return np.zeros(0)
    cells = matrix[i, j]
    return np.asarray(cells.toarray() if hasattr(cells, "toarray") else cells, dtype=np.float64).reshape(-1)
