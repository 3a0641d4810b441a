"""Majority vote: the yardstick that stands beside every other label model."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.label_models.contract import (
    Balance,
    VoteParts,
    Votes,
    check_balance,
    check_fitted,
    check_same,
    counts_of,
    shares_of,
    soft_labels,
    vote_counts,
)
from workbench.tables import PatternCounts, SoftLabels, VoteMatrix, WorkbenchError

TIES = ("split", "random")


class MajorityVote:
    """The share of a row's votes that each class got.

    ties: `split` leaves tied classes equal, so that `SoftLabels.hard` abstains on them; `random` breaks a tie by half a vote
    for one of the tied classes, drawn from seed and row id and so the same whatever the order of rows. class_balance: what
    uncovered rows get; None estimates it as the mean share over covered rows.
    """

    def __init__(self, ties: str = "split", class_balance: Balance = None, seed: int = 0) -> None:
        self.ties = ties
        self.class_balance = class_balance
        self.seed = seed

    def fit(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Learn the class balance; the votes need no learning, and gold is not used."""
        if self.ties not in TIES:
            raise WorkbenchError(f"ties is {self.ties!r}; allowed are {', '.join(TIES)}")
        given = check_balance(self.class_balance, votes.labels)
        sums = votes.total(_shares, np.add) if isinstance(votes, VoteParts) else _shares(votes)
        estimated = sums / sums.sum() if sums.any() else np.full(len(sums), 1 / len(sums))
        self.class_balance_ = estimated if given is None else given
        self.fitted_ = (votes.lfs, votes.labels)
        return self

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return the shares of the votes; uncovered rows get the class balance."""
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        counts = vote_counts(votes.votes, len(votes.labels))
        if self.ties == "random":
            top = counts == counts.max(axis=1, keepdims=True)
            for i in np.flatnonzero(votes.covered & (top.sum(axis=1) > 1)).tolist():
                counts[i, self._draw(str(votes.ids[i]), np.flatnonzero(top[i]))] += 0.5
        return soft_labels(votes, shares_of(counts), self.class_balance_)

    def _draw(self, row: str, tied: NDArray[np.intp]) -> int:
        return int(np.random.default_rng([self.seed, *row.encode()]).choice(tied))


def _shares(votes: VoteMatrix | PatternCounts) -> NDArray[np.float64]:
    """float64[k]: the shares that classes have of the votes of a row, summed over covered rows."""
    counted = counts_of(votes)
    return np.asarray(counted.counts @ shares_of(vote_counts(counted.patterns, len(counted.labels))), dtype=np.float64)
