"""The M-step: how likely each function casts each vote on a row of each class, given how often it is expected to have."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.label_models.evidence import Pairs

Floats = NDArray[np.float64]

_TINY: Final = 1e-12
_LEAST: Final = 1e-3
_STRENGTHS: Final = 2.0 ** np.arange(9)  # of the priors that are learned: 1 to 256 votes


class Prior(NamedTuple):
    """What is believed before any vote.

    accuracy, strength: this share of a function's votes falls on rows of its repertoire, as if so many votes had shown it.
    coin, row: for functions of several classes, how many votes the accuracy of the others, and the one over all classes, weigh.
    """

    accuracy: float
    strength: float
    coin: float = 10.0
    row: float = 10.0


def log_likelihood(pairs: Pairs, expected: Floats, balance: Floats, prior: Prior) -> Floats:
    """Return float64[pairs, k]: log P(the function votes this | class), up to a constant per function.

    expected: float64[pairs, k], how many rows of each class are expected to hold the vote. balance: float64[k], of those rows.
    Inside its repertoire a function votes with a propensity and a confusion row, outside with a smaller propensity and the mix
    of its votes: a keyword for billing fires more on billing, an annotator answers whatever the class.
    """
    lf, inside = pairs.lf, pairs.repertoire
    by_class = _by_function(pairs, expected)
    total = by_class.sum(axis=1)
    right = ((by_class * inside).sum(axis=1) + prior.strength * prior.accuracy) / (total + prior.strength)
    share = np.minimum(inside @ balance, 1)
    within = np.where(inside.all(axis=1), 1.0, right / np.maximum(share, _TINY))
    without = (1 - right) / np.maximum(1 - share, _TINY)
    mix = (expected.sum(axis=1) + 1) / (total + inside.sum(axis=1))[lf]
    table = np.where(
        inside[lf] > 0, within[lf, None] * _confusion(pairs, expected, by_class, prior), (without[lf] * mix)[:, None]
    )
    return np.asarray(np.log(np.maximum(table, _TINY)), dtype=np.float64)


def learned(pairs: Pairs, expected: Floats, prior: Prior) -> Prior:
    """Return the prior with its strengths for functions of several classes learned from how much these differ.

    Of nine strengths the likeliest: for functions by the beta-binomial, for the rows of their confusion by the
    Dirichlet-multinomial (empirical Bayes: Robbins 1956).
    """
    from scipy.special import betaln, gammaln

    right, known, pooled, several = _annotators(pairs, expected)
    if several.sum() < 2:
        return prior
    hits, n = right[several][:, None], known[several][:, None]
    a, b = _STRENGTHS * pooled, _STRENGTHS * (1 - pooled)
    coin = float(_STRENGTHS[np.argmax((betaln(hits + a, n - hits + b) - betaln(a, b)).sum(axis=0))])
    base = _base(pairs, expected, coin)
    rows = (pairs.repertoire > 0) & several[:, None]
    cells, totals = rows[pairs.lf], _by_function(pairs, expected)[rows]
    fits = [
        (gammaln(expected[cells] + s * base[cells]) - gammaln(s * base[cells])).sum() + (gammaln(s) - gammaln(totals + s)).sum()
        for s in _STRENGTHS
    ]
    return prior._replace(coin=coin, row=float(_STRENGTHS[np.argmax(fits)]))


def _confusion(pairs: Pairs, expected: Floats, by_class: Floats, prior: Prior) -> Floats:
    """Return float64[pairs, k]: P(vote | class, the function votes), for the classes of its repertoire."""
    base = _base(pairs, expected, prior.coin)
    return np.asarray((expected + prior.row * base) / (by_class[pairs.lf] + prior.row), dtype=np.float64)


def _base(pairs: Pairs, expected: Floats, strength: float) -> Floats:
    """Return float64[pairs, k]: what a row of confusion leans on.

    The function's accuracy over all classes with errors spread evenly, and that accuracy leans on the other functions'.
    """
    lf, classes = pairs.lf, pairs.repertoire.sum(axis=1)
    right, known, pooled, _ = _annotators(pairs, expected)
    coin = np.where(classes > 1, (right + strength * pooled) / (known + strength), 1.0)
    base = np.repeat(((1 - coin) / np.maximum(classes - 1, 1))[lf, None], pairs.k, axis=1)
    base[np.arange(len(lf)), pairs.vote] = coin[lf]
    return np.asarray(base, dtype=np.float64)


def _annotators(pairs: Pairs, expected: Floats) -> tuple[Floats, Floats, float, NDArray[np.bool_]]:
    """Return, by function, votes expected right and votes on rows of its repertoire; and of all functions of several classes
    the accuracy, and which they are."""
    right = np.zeros(len(pairs.repertoire))
    np.add.at(right, pairs.lf, expected[np.arange(len(pairs.lf)), pairs.vote])
    known = (_by_function(pairs, expected) * pairs.repertoire).sum(axis=1)
    several = (pairs.repertoire.sum(axis=1) > 1) & (known > 0)
    return right, known, float((right[several].sum() + 9) / (known[several].sum() + 10)), several


def unseen(balance: Floats, accuracy: float) -> Floats:
    """float64[k, k]: the evidence of a vote for each class when nothing but the prior is known of the function.

    balance: float64[k], what a row is taken to be without the vote; the vote alone makes `accuracy` of it.
    """
    k = len(balance)
    share = np.maximum(balance, _LEAST)  # a class that is given as 0 stays out
    table = np.tile(np.log((1 - accuracy) / np.maximum(1 - share, _TINY))[:, None], (1, k)) if k > 1 else np.zeros((1, 1))
    np.fill_diagonal(table, np.log(accuracy / share))
    return table


def accuracies(pairs: Pairs, expected: Floats) -> Floats:
    """Return float64[m]: the share of each function's votes expected right, NaN for one that never votes."""
    right, total = np.zeros(len(pairs.repertoire)), _by_function(pairs, expected).sum(axis=1)
    np.add.at(right, pairs.lf, expected[np.arange(len(pairs.lf)), pairs.vote])
    return np.where(total > 0, right / np.maximum(total, _TINY), np.nan)


def _by_function(pairs: Pairs, expected: Floats) -> Floats:
    """Return float64[m, k]: expected number of votes on rows of each class."""
    sums = np.zeros_like(pairs.repertoire)
    np.add.at(sums, pairs.lf, expected)
    return sums
