"""Chance: whether errors fall on a region more often than on other rows that got the same label."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray


def stratified_greater(hits: ArrayLike, inside: ArrayLike, n: ArrayLike, successes: ArrayLike) -> NDArray[np.float64]:
    """Return the one-sided exact p that so many successes, or more, fall into a region, though strata alone decide.

    hits: int[r], in each region. inside: int[r, s], rows of each region by stratum. n, successes: int[s], of all rows. In each
    stratum the successes fall on its rows alike, so that those inside are hypergeometric; their sum is compared (the exact
    conditional test of stratified 2 x 2 tables: Mehta, Patel & Gray, JASA 80, 1985, p. 969). Less than a standard deviation
    above what is expected p is called 1, which it never is above, and nothing is summed. One stratum is Fisher's test:

    >>> round(70 * float(stratified_greater([4], [[4]], [8], [4])[0]), 6)
    1.0
    """
    found, sizes = np.asarray(hits, np.int64), np.asarray(inside, np.int64)
    of, k = np.asarray(n, np.float64), np.asarray(successes, np.float64)
    share = k / np.maximum(of, 1)
    spread = sizes * share * (1 - share) * (of - sizes) / np.maximum(of - 1, 1)
    p = np.ones(len(found))
    strata = list(zip(of.astype(int).tolist(), k.astype(int).tolist(), strict=True))
    for place in np.flatnonzero(found > sizes @ share + np.sqrt(spread.sum(axis=1))).tolist():
        total = np.ones(1)
        for size, (rows, right) in zip(sizes[place].tolist(), strata, strict=True):
            total = np.convolve(total, _hypergeometric(rows, right, size)) if size and right else total
        p[place] = min(total[found[place] :].sum(), 1.0)
    return p


def least_p(inside: ArrayLike, n: ArrayLike, successes: ArrayLike) -> NDArray[np.float64]:
    """float64[r]: the smallest p that `stratified_greater` could give a region of these sizes, whatever falls into it."""
    sizes, of, k = (np.asarray(count, np.float64) for count in (inside, n, successes))
    most = np.minimum(sizes, k)
    ways = _log_choose(k, most) + _log_choose(of - k, sizes - most) - _log_choose(of, sizes)
    return np.asarray(np.exp(ways.sum(axis=1)))


def _log_choose(n: ArrayLike, k: ArrayLike) -> NDArray[np.float64]:
    from scipy.special import gammaln

    of, some = np.asarray(n, np.float64), np.asarray(k, np.float64)
    return np.asarray(gammaln(of + 1) - gammaln(some + 1) - gammaln(of - some + 1))


@lru_cache(maxsize=20_000)
def _hypergeometric(n: int, successes: int, drawn: int) -> NDArray[np.float64]:
    """float64[min(successes, drawn) + 1]: the chance of 0, 1, ... successes among rows drawn without return."""
    k = np.arange(max(0, drawn - (n - successes)), min(successes, drawn) + 1)
    every = np.zeros(min(successes, drawn) + 1)
    every[k] = np.exp(_log_choose(successes, k) + _log_choose(n - successes, drawn - k) - _log_choose(n, drawn))
    every.flags.writeable = False
    return every
