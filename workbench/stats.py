"""Intervals, tests and resampling: one place, each with its source, each verified by a simulation in tests/stats."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.tables import WorkbenchError


def wilson_interval(
    successes: ArrayLike, n: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the score interval of a proportion (Wilson, JASA 22, 1927, p. 209): (low, high), of the shape of the inputs.

    successes may be fractional, as where ties count in expectation. Where n is 0 nothing is known: (0, 1).

    >>> low, high = wilson_interval(8, 10)
    >>> round(float(low), 3), round(float(high), 3)
    (0.49, 0.943)
    """
    z = _two_sided_z(confidence)
    hits, size = np.broadcast_arrays(np.asarray(successes, np.float64), np.asarray(n, np.float64))
    if ((size < 0) | (hits < 0) | (hits > size * (1 + 1e-9))).any():
        raise WorkbenchError("an interval needs successes between 0 and n")
    some = np.maximum(size, 1)  # the division is made everywhere, its answer used only where n > 0
    share = np.minimum(hits / some, 1)
    centre = (share + z**2 / (2 * some)) / (1 + z**2 / some)
    half = z / (1 + z**2 / some) * np.sqrt(share * (1 - share) / some + z**2 / (4 * some**2))
    low = np.where((size > 0) & (hits > 0), np.maximum(centre - half, 0), 0.0)
    high = np.where((size > 0) & (hits < size), np.minimum(centre + half, 1), 1.0)
    return low, high


def fisher_less(
    successes: ArrayLike, n: ArrayLike, successes_elsewhere: ArrayLike, n_elsewhere: ArrayLike
) -> NDArray[np.float64]:
    """Return the one-sided p of Fisher's exact test (R. A. Fisher, J. R. Stat. Soc. 98, 1935, p. 39).

    Of n draws so few succeed, or fewer, though successes fall on the n and the n_elsewhere draws alike. Element by element;
    all that there is to see is 0 of 4 against 4 of 4, one of 70 ways to place four successes:

    >>> round(70 * float(fisher_less(0, 4, 4, 4)), 6)
    1.0
    """
    from scipy.stats import hypergeom

    hits, size, others, rest = (np.asarray(count, np.int64) for count in (successes, n, successes_elsewhere, n_elsewhere))
    if ((hits < 0) | (hits > size) | (others < 0) | (others > rest)).any():
        raise WorkbenchError("a test of two shares needs successes between 0 and n on both sides")
    return np.asarray(hypergeom.cdf(hits, size + rest, hits + others, size), np.float64)


def false_discovery(p: ArrayLike) -> NDArray[np.float64]:
    """Return the q of every p (Benjamini & Hochberg, J. R. Stat. Soc. B 57, 1995, p. 289).

    Of the findings with q up to a bound, at most that share is expected to be chance, where the tests are independent or
    depend on each other positively.

    >>> [round(float(q), 3) for q in false_discovery([0.01, 0.5, 0.02, 0.03])]
    [0.04, 0.5, 0.04, 0.04]
    """
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(np.asarray(p, np.float64), method="bh"), np.float64)


def paired_bootstrap(
    values: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic of column means, rows resampled together (Efron, Ann. Stat. 7, 1979, p. 1).

    values: [n, s], one row an observation, one column a quantity measured on it. statistic: from means [n_boot, s] to
    [n_boot], nan where a resample leaves it undefined. Such a resample counts as minus infinity for the lower end and as plus
    infinity for the upper one, so that an interval is only finite where the data defines one.
    """
    _two_sided_z(confidence)
    if not len(values):
        raise WorkbenchError("a bootstrap needs at least one row")
    # Rows that are equal are interchangeable: drawing how often each kind occurs is the same as drawing rows, and far cheaper.
    kinds, counts = np.unique(values, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=n_boot)
    found = statistic(draws @ kinds / len(values))
    lost = np.isnan(found)
    tail = (1 - confidence) / 2
    return (
        _order_statistic(np.where(lost, -np.inf, found), tail, "higher"),
        _order_statistic(np.where(lost, np.inf, found), 1 - tail, "lower"),
    )


def _order_statistic(values: NDArray[np.float64], share: float, method: Any) -> float:
    return float(np.quantile(values, share, method=method))  # no interpolation: it would make nan of two infinities


def _two_sided_z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise WorkbenchError(f"confidence is {confidence}; it must be between 0 and 1, such as 0.95")
    return NormalDist().inv_cdf((1 + confidence) / 2)
