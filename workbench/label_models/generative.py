"""The generative label model: maximum-a-posteriori EM over class-conditional vote probabilities.

The story: a row has a class c. Function j votes on it with propensity r_j(c), and if it votes, votes l with probability
pi_j(l | c). Over the classes that a function ever votes (its repertoire) its propensity is one number, over all others another,
smaller one: a keyword for billing fires more on billing, a crowd worker answers whatever the class. Only votes are evidence; a
silent function says nothing. Learned by EM (Dempster, Laird and Rubin 1977) on the model of Dawid and Skene (1979), with priors
that say "better than chance" so that a function with few votes leans on them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.label_models.contract import (
    Balance,
    check_balance,
    check_fitted,
    check_gold,
    check_same,
    counts_of,
    soft_labels,
)
from workbench.tables import PatternCounts, SoftLabels, VoteMatrix, WorkbenchError, distinct_rows

Floats = NDArray[np.float64]


class _Evidence(NamedTuple):
    """Weighted vote rows and the votes seen in them; a pair is a function together with a class it votes."""

    x: Any  # sparse[rows, pairs], 1 where the row holds the vote
    weight: Floats  # [rows]
    fixed: NDArray[np.intp]  # rows whose class a person gave (the last ones)
    answers: Floats  # [fixed, k], one-hot
    lf: NDArray[np.intp]  # [pairs]
    vote: NDArray[np.intp]  # [pairs]
    repertoire: Floats  # [m, k], 1 where the function ever votes the class


class GenerativeModel:
    """Learns how accurate each function is from agreement and conflict alone; gold rows, where there are some, help.

    class_balance: None estimates it on covered rows, "uniform" or k shares fix it; functions that vote one class each say
    little about it, so give it where you know it. accuracy, strength: the prior says that this share of a function's votes
    falls on rows of its repertoire, as if that many votes had shown it. confusion_strength: the same within the repertoire,
    for functions that vote several classes. gold_weight: how many unlabelled rows a gold row of weight 1 counts for. tol: EM
    stops when no posterior of a vote pattern moves more. seed: nothing here is random.

    Learned: class_balance_ [k], accuracy_ (share of a function's votes expected right, by function; missing for one that never
    votes), n_iter_, converged_, history_ (largest change of a posterior at each iteration).
    """

    def __init__(
        self,
        class_balance: Balance = None,
        accuracy: float = 0.9,
        strength: float = 100.0,
        confusion_strength: float = 2.0,
        gold_weight: float = 10.0,
        max_iter: int = 500,
        tol: float = 1e-6,
        seed: int = 0,
    ) -> None:
        self.class_balance = class_balance
        self.accuracy = accuracy
        self.strength = strength
        self.confusion_strength = confusion_strength
        self.gold_weight = gold_weight
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed

    def fit(self, votes: VoteMatrix | PatternCounts, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Learn from votes; gold is a class index by row id, or a frame with label and weight. Forgets earlier fits."""
        self._check_settings()
        evidence, labels, lfs = self._evidence(votes, gold)
        k = len(labels)
        given = check_balance(self.class_balance, labels)
        shares = evidence.x @ np.eye(k)[evidence.vote]
        posterior = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1)  # the start is majority vote
        posterior[evidence.fixed] = evidence.answers
        self.history_: list[float] = []
        log_odds, balance, expected = np.zeros((len(evidence.lf), k)), np.full(k, 1 / k), np.zeros((len(evidence.lf), k))
        for _ in range(self.max_iter if len(posterior) else 0):
            expected = evidence.x.T @ (posterior * evidence.weight[:, None])
            covered_balance = self._balance(evidence, posterior)
            balance = covered_balance if given is None else given
            log_odds = self._log_likelihood(evidence, expected, covered_balance)
            updated = _softmax(evidence.x @ log_odds + np.log(np.maximum(balance, 1e-12)))
            updated[evidence.fixed] = evidence.answers
            self.history_.append(float(np.abs(updated - posterior).max()))
            posterior = updated
            if self.history_[-1] < self.tol:
                break
        self.n_iter_ = len(self.history_)
        self.converged_ = not self.history_ or self.history_[-1] < self.tol
        self.class_balance_ = given if given is not None else balance
        self.accuracy_ = self._accuracy(evidence, expected, lfs)
        self._pairs, self._log_odds = evidence.lf * k + evidence.vote, log_odds
        self._unseen = self._prior_log_likelihood(self.class_balance_)
        self.fitted_ = (lfs, labels)
        return self

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return the posterior of every row; a vote the function never cast in training counts by its prior alone."""
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        k = len(votes.labels)
        first, kind = distinct_rows(votes.votes)
        patterns = votes.votes[first]
        table = self._unseen[np.tile(np.arange(k), len(votes.lfs))]
        table[self._pairs] = self._log_odds
        logits = np.tile(np.log(np.maximum(self.class_balance_, 1e-12)), (len(patterns), 1))
        for j in range(len(votes.lfs)):
            voted = np.flatnonzero(patterns[:, j] >= 0)
            logits[voted] += table[j * k + patterns[voted, j].astype(np.intp)]
        return soft_labels(votes, _softmax(logits)[kind], self.class_balance_)

    def _check_settings(self) -> None:
        if not 0.5 <= self.accuracy < 1:
            raise WorkbenchError(f"accuracy is {self.accuracy}; the prior is better than chance, at least 0.5 and under 1")
        for name in ("strength", "confusion_strength", "tol", "max_iter"):
            if not getattr(self, name) > 0:
                raise WorkbenchError(f"{name} is {getattr(self, name)}; it must be above 0")

    def _evidence(
        self, votes: VoteMatrix | PatternCounts, gold: pd.Series[Any] | pd.DataFrame | None
    ) -> tuple[_Evidence, tuple[str, ...], tuple[str, ...]]:
        """Gather the distinct vote rows with their counts, then every gold row by itself with its weight."""
        k, anchors = len(votes.labels), np.zeros((0, len(votes.lfs)), np.int16)
        classes, weights = np.zeros(0, np.intp), np.zeros(0)
        if gold is not None:
            if isinstance(votes, PatternCounts):
                raise WorkbenchError("gold names rows, and pattern counts have none; fit on the vote matrix")
            known = check_gold(gold, votes)
            place = votes.ids.get_indexer(known.index)
            seen = votes.covered[place]
            anchors, classes = votes.votes[place[seen]], known["label"].to_numpy()[seen]
            weights = known["weight"].to_numpy()[seen] * self.gold_weight
            rest = np.ones(len(votes), bool)
            rest[place] = False
            votes = votes.take(rest)
        counted = counts_of(votes)
        patterns = np.concatenate([counted.patterns, anchors])
        fixed = np.arange(len(counted.patterns), len(patterns))
        weight = np.concatenate([counted.counts.astype(np.float64), weights])
        x, pairs = _indicators(patterns, k)
        repertoire = np.zeros((len(counted.lfs), k))
        repertoire[pairs // k, pairs % k] = 1
        evidence = _Evidence(x, weight, fixed, np.eye(k)[classes], pairs // k, pairs % k, repertoire)
        return evidence, counted.labels, counted.lfs

    def _balance(self, evidence: _Evidence, posterior: Floats) -> Floats:
        """Estimate the balance of covered rows, one row of each class added so that none dies out; a gold row is one row."""
        rows = evidence.weight.copy()
        rows[evidence.fixed] = 1
        counts = rows @ posterior + 1
        return np.asarray(counts / counts.sum(), dtype=np.float64)

    def _log_likelihood(self, evidence: _Evidence, expected: Floats, balance: Floats) -> Floats:
        """float64[pairs, k]: log P(function votes this | class), up to a constant per function (the M-step).

        Inside the repertoire: propensity times a confusion row; outside: a smaller propensity times the mix of its votes.
        """
        lf, vote, inside = evidence.lf, evidence.vote, evidence.repertoire
        by_lf = np.zeros_like(inside)
        np.add.at(by_lf, lf, expected)  # [m, k]: expected number of votes on rows of each class
        total = by_lf.sum(axis=1)
        right = ((by_lf * inside).sum(axis=1) + self.strength * self.accuracy) / (total + self.strength)
        share = inside @ balance
        full = inside.all(axis=1)
        propensity_in = np.where(full, 1.0, right / np.maximum(share, 1e-12))
        propensity_out = (1 - right) / np.maximum(1 - share, 1e-12)
        votes_per_pair = expected.sum(axis=1)
        mix = (votes_per_pair / np.maximum(total, 1e-12)[lf])[:, None]
        prior = _confusion_prior(inside, self.accuracy, lf, vote)
        confusion = (expected + self.confusion_strength * prior) / (by_lf[lf] + self.confusion_strength)
        likelihood = np.where(inside[lf] > 0, propensity_in[lf, None] * confusion, propensity_out[lf, None] * mix)
        return np.asarray(np.log(np.maximum(likelihood, 1e-12)), dtype=np.float64)

    def _prior_log_likelihood(self, balance: Floats) -> Floats:
        """float64[k, k]: the evidence of a vote for each class when nothing but the prior is known of the function."""
        k = len(balance)
        if k == 1:
            return np.zeros((1, 1))
        safe = np.maximum(balance, 1e-12)
        out = (1 - self.accuracy) / np.maximum(1 - safe, 1e-12)
        table = np.tile(np.log(out)[:, None], (1, k))
        np.fill_diagonal(table, np.log(self.accuracy / safe))
        return table

    def _accuracy(self, evidence: _Evidence, expected: Floats, lfs: tuple[str, ...]) -> pd.Series[float]:
        right, total = np.zeros(len(lfs)), np.zeros(len(lfs))
        np.add.at(right, evidence.lf, expected[np.arange(len(expected)), evidence.vote])
        np.add.at(total, evidence.lf, expected.sum(axis=1))
        known = np.where(total > 0, right / np.maximum(total, 1e-12), np.nan)
        return pd.Series(known, index=list(lfs), name="accuracy")


def _confusion_prior(inside: Floats, accuracy: float, lf: NDArray[np.intp], vote: NDArray[np.intp]) -> Floats:
    """float64[pairs, k]: prior probability of the pair's vote given each class, when the function votes."""
    others = np.maximum(inside.sum(axis=1) - 1, 1)[lf, None]
    several = (inside.sum(axis=1) > 1)[lf]
    prior = np.broadcast_to((1 - accuracy) / others, (len(lf), inside.shape[1])).copy()
    prior[np.arange(len(lf)), vote] = np.where(several, accuracy, 1.0)
    return prior


def _indicators(patterns: NDArray[np.int16], k: int) -> tuple[Any, NDArray[np.intp]]:
    """Return sparse[rows, pairs] of the votes in the patterns, and each pair's code (function * k + class)."""
    from scipy.sparse import csr_array

    row, lf = np.nonzero(patterns >= 0)
    codes = lf * k + patterns[row, lf]
    pairs, column = np.unique(codes, return_inverse=True)
    return csr_array((np.ones(len(row)), (row, column)), shape=(len(patterns), len(pairs))), pairs


def _softmax(logits: Floats) -> Floats:
    """Return rows of probabilities; the largest logit is taken off first, so that nothing overflows."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float64)
