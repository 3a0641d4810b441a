"""Weighted vote: each function's vote counts by the log odds that it is right.

The best weights for independent voters are log odds (Nitzan and Paroush 1982; for k classes, Li and Yu 2014, whose iterative
weighted majority voting learns them without gold: vote, take the share of a function's votes that agree with the outcome as its
accuracy, vote again with the new weights).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.label_models.contract import (
    Balance,
    Votes,
    check_accuracy,
    check_balance,
    check_fitted,
    check_positive,
    check_same,
    counts_of,
    known_rows,
    mean_of,
    one_hot,
    soft_labels,
    softmax,
)
from workbench.tables import ABSTAIN, SoftLabels, VoteMatrix, tied_classes

Floats = NDArray[np.float64]


class _Rows(NamedTuple):
    """Covered vote rows."""

    votes: NDArray[np.int16]
    counts: Floats  # how many rows of the data each is
    weight: Floats  # how many rows each counts for where accuracy is learned
    gold: NDArray[np.intp]  # the class a person gave, or -1


class WeightedVote:
    """Votes weighted by log((k - 1) a / (1 - a)), with a the accuracy that agreement with the weighted vote shows.

    A row on which one function votes alone teaches nothing, for the vote would agree with itself; elsewhere a function has its
    part in the outcome it is judged by, so the strongest look better than they are. A function worse than chance weighs
    nothing; a row on which only such functions vote stays undecided. Probabilities are the softmax of the summed weights: the
    posterior, if errors are independent and classes equally likely.

    class_balance: what uncovered rows get, no part of the vote; None takes the mean posterior of covered rows. accuracy,
    strength: every function starts with this accuracy, as if that many votes had shown it. gold_weight: how many rows a gold
    row of weight 1 counts for. max_iter, tol: stops when no accuracy moves more. seed: nothing here is random.

    Learned: accuracy_ (by function; missing where no other function and no gold row spoke), weights_, class_balance_ [k],
    n_iter_, converged_.
    """

    def __init__(
        self,
        class_balance: Balance = None,
        accuracy: float = 0.8,
        strength: float = 10.0,
        gold_weight: float = 10.0,
        max_iter: int = 100,
        tol: float = 1e-6,
        seed: int = 0,
    ) -> None:
        self.class_balance = class_balance
        self.accuracy = accuracy
        self.strength = strength
        self.gold_weight = gold_weight
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed

    def fit(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Learn each function's accuracy; on gold rows from gold instead of the vote. Forgets earlier fits."""
        check_accuracy(self.accuracy)
        check_positive(self, ("strength", "gold_weight", "max_iter", "tol"))
        given = check_balance(self.class_balance, votes.labels)
        rows, k, lfs = self._rows(votes, gold), len(votes.labels), pd.Index(votes.lfs)
        hot = one_hot(rows.votes, k)
        taught = ((rows.votes != ABSTAIN).sum(axis=1) > 1) | (rows.gold != ABSTAIN)
        row, lf = np.nonzero((rows.votes != ABSTAIN) & taught[:, None])
        cast, weight = rows.votes[row, lf], rows.weight[row]
        total = np.bincount(lf, weight, minlength=len(lfs))
        known = rows.gold != ABSTAIN
        accuracy, moved, self.n_iter_ = np.full(len(lfs), self.accuracy), np.inf, 0
        while moved > self.tol and self.n_iter_ < self.max_iter:
            top = tied_classes(hot @ _table(accuracy, k))
            outcome = top / top.sum(axis=1, keepdims=True)
            outcome[known] = np.eye(k)[rows.gold[known]]
            right = np.bincount(lf, weight * outcome[row, cast], minlength=len(lfs))
            updated = (right + self.strength * self.accuracy) / (total + self.strength)
            moved = float(np.abs(updated - accuracy).max(initial=0))
            accuracy, self.n_iter_ = updated, self.n_iter_ + 1
        self.converged_ = moved <= self.tol
        self.accuracy_ = pd.Series(np.where(total > 0, accuracy, np.nan), index=lfs, name="accuracy")
        self.weights_ = pd.Series(_log_odds(accuracy, k), index=lfs, name="weight")
        self._scores = _table(accuracy, k)
        self.class_balance_ = mean_of(softmax(hot @ self._scores), rows.counts) if given is None else given
        self.fitted_ = (votes.lfs, votes.labels)
        return self

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return the softmax of the weighted votes; uncovered rows get the class balance."""
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        return soft_labels(votes, softmax(one_hot(votes.votes, len(votes.labels)) @ self._scores), self.class_balance_)

    def _rows(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None) -> _Rows:
        if gold is None:
            counted = counts_of(votes)
            counts = counted.counts.astype(np.float64)
            return _Rows(counted.patterns, counts, counts, np.full(len(counts), ABSTAIN))
        place, classes, weights = known_rows(votes, gold)
        assert isinstance(votes, VoteMatrix)
        answers, weight = np.full(len(votes), ABSTAIN), np.ones(len(votes))
        answers[place], weight[place] = classes, weights * self.gold_weight
        seen = votes.covered
        return _Rows(votes.votes[seen], np.ones(int(seen.sum())), weight[seen], answers[seen])


def _log_odds(accuracy: Floats, k: int) -> Floats:
    """float64[m]: the weight of a vote, 0 where the function is no better than chance."""
    return np.asarray(np.log(np.maximum(max(k - 1, 1) * accuracy / np.maximum(1 - accuracy, 1e-12), 1)), dtype=np.float64)


def _table(accuracy: Floats, k: int) -> Floats:
    """float64[m * k, k]: what a function's vote for a class adds to each class."""
    return np.tile(np.eye(k), (len(accuracy), 1)) * np.repeat(_log_odds(accuracy, k), k)[:, None]
