"""Means, and how far two shares or two means lie apart: interval and two-sided test."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.stats.intervals import check_confidence, wilson_interval
from workbench.stats.share_tests import fisher_greater, fisher_less
from workbench.tables import WorkbenchError


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return a mean and Student's interval of it (Biometrika 6, 1908, p. 1): (mean, low, high).

    One value has no spread to judge by, so its ends are infinite; no value at all leaves (nan, -inf, inf).

    >>> [round(end, 2) for end in mean_interval([3, 4, 5])]
    [4.0, 1.52, 6.48]
    """
    given = _finite(values)
    check_confidence(confidence)
    mean = float(given.mean()) if len(given) else math.nan
    if len(given) < 2:
        return mean, -math.inf, math.inf
    half = _quantile(confidence, len(given) - 1) * float(given.std(ddof=1)) / math.sqrt(len(given))
    return mean, mean - half, mean + half


def share_difference(
    successes: int, n: int, successes_elsewhere: int, n_elsewhere: int, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return the first share minus the second and its interval, (difference, low, high), of two samples that share no row.

    The ends come of the two score intervals (Newcombe, Statistics in Medicine 17, 1998, p. 873, method 10). Where a sample is
    empty nothing is known: (nan, -1, 1).

    >>> [round(end, 3) for end in share_difference(56, 70, 48, 80)]
    [0.2, 0.052, 0.334]
    """
    (low, high), (other_low, other_high) = (
        wilson_interval(hits, size, confidence) for hits, size in ((successes, n), (successes_elsewhere, n_elsewhere))
    )
    if not n or not n_elsewhere:
        return math.nan, -1.0, 1.0
    share, other = successes / n, successes_elsewhere / n_elsewhere
    below = math.hypot(share - float(low), float(other_high) - other)
    above = math.hypot(float(high) - share, other - float(other_low))
    return share - other, max(share - other - below, -1.0), min(share - other + above, 1.0)


def fisher_two_sided(
    successes: ArrayLike, n: ArrayLike, successes_elsewhere: ArrayLike, n_elsewhere: ArrayLike
) -> NDArray[np.float64]:
    """Return the two-sided p of Fisher's exact test, twice the smaller one-sided one (Yates, J. R. Stat. Soc. A 147, 1984).

    >>> round(70 * float(fisher_two_sided(0, 4, 4, 4)), 6)
    2.0
    """
    counts = successes, n, successes_elsewhere, n_elsewhere
    return np.asarray(np.minimum(2 * np.minimum(fisher_less(*counts), fisher_greater(*counts)), 1.0), np.float64)


def mean_difference(values: ArrayLike, others: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float, float]:
    """Return the first mean minus the second, its interval and a two-sided p: (difference, low, high, p).

    The two samples may vary differently (Welch, Biometrika 34, 1947, p. 28). Where one has fewer than two values, or neither
    varies, there is nothing to test by: (difference, -inf, inf, nan).

    >>> [round(figure, 3) for figure in mean_difference([1, 2, 3, 4], [3, 4, 5, 6])]
    [-2.0, -4.234, 0.234, 0.071]
    """
    from scipy.stats import t

    one, other = _finite(values), _finite(others)
    check_confidence(confidence)
    apart = float(one.mean() - other.mean()) if len(one) and len(other) else math.nan
    if min(len(one), len(other)) < 2:
        return apart, -math.inf, math.inf, math.nan
    parts = np.array([one.var(ddof=1) / len(one), other.var(ddof=1) / len(other)])
    error = math.sqrt(parts.sum())
    if error == 0:
        return apart, -math.inf, math.inf, math.nan
    freedom = error**4 / float((parts**2 / [len(one) - 1, len(other) - 1]).sum())
    half = _quantile(confidence, freedom) * error
    return apart, apart - half, apart + half, float(2 * t.sf(abs(apart) / error, freedom))


def _quantile(confidence: float, freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(values, np.float64).ravel()
    if not np.isfinite(given).all():
        raise WorkbenchError("a mean needs finite numbers; leave missing ones out")
    return given
