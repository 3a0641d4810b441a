"""Triplet: what each function is worth, in closed form, from how it agrees with pairs of others.

Fu et al. 2020 (FlyingSquid, arXiv 2002.11955), one class against the rest. Let x be 1 where a function votes the class and 0
where it votes another. If functions err independently, then on rows where both vote Cov(x_i, x_j) = p (1 - p) d_i d_j, with p
the share of the class and d = P(x = 1 | the class) - P(x = 1 | another). So any two others tell p (1 - p) d_i^2 =
C_ij C_ih / C_jh, and the median over all pairs is robust. Covariances in the place of the paper's products assume neither
balanced classes nor errors that are equally frequent in all of them (Jaffe, Nadler and Kluger 2015).
"""

from __future__ import annotations

from typing import Any, Self

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
    mean_of,
    one_hot,
    shares_of,
    soft_labels,
    softmax,
    vote_counts,
)
from workbench.tables import ABSTAIN, PatternCounts, SoftLabels, VoteMatrix

Floats = NDArray[np.float64]

MOST_PARTNERS = 100  # pairs are made of the functions that share most rows; more cost time and change the median little
LEAST_SHARED = 5  # rows; a covariance over fewer says nothing


class Triplet:
    """The triplet method for several classes: one pass, no iteration.

    Silence is no vote, so a function that votes one class only never varies, and nothing can be said of it: it keeps the prior,
    as does a function in no usable triplet. Gold is not used.

    class_balance: None takes the mean share of votes of covered rows. accuracy, strength: a vote is taken to be right with this
    probability (or halfway between the balance and certainty, where that is more) as if that many votes had shown it. seed:
    nothing here is random.

    Learned: accuracy_ (share of a function's votes expected right; missing where no triplet says anything), class_balance_ [k].
    """

    def __init__(self, class_balance: Balance = None, accuracy: float = 0.8, strength: float = 2.0, seed: int = 0) -> None:
        self.class_balance = class_balance
        self.accuracy = accuracy
        self.strength = strength
        self.seed = seed

    def fit(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Solve for every function and class; forgets earlier fits."""
        check_accuracy(self.accuracy)
        check_positive(self, ("strength",))
        given, counted = check_balance(self.class_balance, votes.labels), counts_of(votes)
        m, k = len(votes.lfs), len(votes.labels)
        hot = one_hot(counted.patterns, k)
        cast = (counted.counts @ hot).reshape(m, k)  # how often each function votes each class
        shares = shares_of(vote_counts(counted.patterns, k))
        self.class_balance_ = mean_of(shares, counted.counts) if given is None else given
        p = np.clip(self.class_balance_, 1e-6, 1 - 1e-6)  # a class that is all or nothing has no odds
        found = self._precision(counted, hot, cast, p)
        prior = np.maximum(self.accuracy, (1 + p) / 2)
        precision = (cast * np.where(np.isnan(found), prior, found) + self.strength * prior) / (cast + self.strength)
        self._scores, self._start = _table(precision, cast, p, ~np.isnan(found)), _logit(p)
        total = cast.sum(axis=1)
        expected = (cast * precision).sum(axis=1) / np.maximum(total, 1)
        known = ~np.isnan(found).all(axis=1)
        self.accuracy_ = pd.Series(np.where(known, expected, np.nan), index=list(votes.lfs), name="accuracy")
        self.fitted_ = (votes.lfs, votes.labels)
        return self

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return each class's probability against the rest, scaled to sum to 1; uncovered rows get the class balance."""
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        scores = one_hot(votes.votes, len(votes.labels)) @ self._scores + self._start
        return soft_labels(votes, softmax(-np.logaddexp(0, -scores)), self.class_balance_)

    def _precision(self, counted: PatternCounts, hot: Any, cast: Floats, p: Floats) -> Floats:
        """float64[m, k]: P(the class | the function votes it), missing where no triplet tells."""
        from scipy.sparse import csr_array, diags_array

        k, total, found = cast.shape[1], cast.sum(axis=1), np.full(cast.shape, np.nan)
        voted = csr_array((counted.patterns != ABSTAIN).astype(np.float64))
        weight = diags_array(counted.counts.astype(np.float64))
        shared, columns = (voted.T @ (weight @ voted)).toarray(), hot.tocsc()
        for c in range(k):
            lfs = np.flatnonzero((cast[:, c] > 0) & (cast[:, c] < total))
            x, rows = columns[:, lfs * k + c], np.maximum(shared[np.ix_(lfs, lfs)], 1)
            weighted = (weight @ x).T
            mean = (weighted @ voted[:, lfs]).toarray() / rows  # [i, j]: of x_i where i and j vote
            covariance = (weighted @ x).toarray() / rows - mean * mean.T
            variance = mean * (1 - mean)
            clear = np.abs(covariance) > np.sqrt(variance * variance.T / rows)  # more than one standard error from 0
            root = _median_root(covariance, clear, rows)
            share = cast[lfs, c] / total[lfs]
            d = root / np.sqrt(p[c] * (1 - p[c]))
            found[lfs, c] = np.clip(p[c] * (share + (1 - p[c]) * d) / share, 0, 1)
        return found


def _median_root(covariance: Floats, clear: NDArray[np.bool_], shared: Floats) -> Floats:
    """float64[m]: for each function the root of its median C_ij C_ih / C_jh, missing where no pair of others tells it.

    clear: the denominators far enough from 0. Its sign is that of its agreement with the others, who are right more often than
    not.
    """
    enough = (shared >= LEAST_SHARED) & ~np.eye(len(shared), dtype=bool)
    root = np.full(len(shared), np.nan)
    for i in range(len(shared)):
        others = np.flatnonzero(enough[i])
        others = others[np.argsort(-shared[i, others], kind="stable")[:MOST_PARTNERS]]
        square = np.ix_(others, others)
        j, h = np.nonzero(np.triu(clear[square] & enough[square], 1))
        if len(j):
            with_i = covariance[i, others]
            # A function no better than chance has products on both sides of 0: their median, unlike that of their size, is 0.
            root[i] = np.sqrt(max(np.median(with_i[j] * with_i[h] / covariance[others[j], others[h]]), 0))
    agreement = np.where(enough, covariance, 0) @ np.nan_to_num(root)
    return np.where(agreement < 0, -root, root)


def _table(precision: Floats, cast: Floats, p: Floats, known: NDArray[np.bool_]) -> Floats:
    """float64[m * k, k]: what a function's vote for a class adds to the log odds of each class against the rest.

    A vote for another class speaks against one by how often the function misses it, where triplets have told that; else by
    what the voted class leaves over, shared out by the balance.
    """
    (m, k), most = cast.shape, 1 - 1e-3
    share = cast / np.maximum(cast.sum(axis=1, keepdims=True), 1)
    hits, false = np.minimum(precision * share / p, most), np.minimum((1 - precision) * share / (1 - p), most)
    missed = np.log((1 - hits) / (1 - false))  # [m, k]
    left = np.minimum(((1 - precision) / (1 - p))[:, :, None] * p, most)  # [m, voted, k]
    table = np.where(known[:, None, :], missed[:, None, :], _logit(left) - _logit(p))
    table[:, np.arange(k), np.arange(k)] = _logit(precision) - _logit(p)
    return np.asarray(table.reshape(m * k, k), dtype=np.float64)


def _logit(share: Floats) -> Floats:
    """Return the log odds."""
    return np.asarray(np.log(share / (1 - share)), dtype=np.float64)
