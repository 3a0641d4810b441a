"""Exact one-sided tests of shares, and the control of how many findings are chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.tables import WorkbenchError


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


def fisher_greater(
    successes: ArrayLike, n: ArrayLike, successes_elsewhere: ArrayLike, n_elsewhere: ArrayLike
) -> NDArray[np.float64]:
    """Return the one-sided p of Fisher's exact test the other way round: of n draws so many succeed, or more.

    >>> round(70 * float(fisher_greater(4, 4, 0, 4)), 6)
    1.0
    """
    size, rest = np.asarray(n), np.asarray(n_elsewhere)
    return fisher_less(size - np.asarray(successes), size, rest - np.asarray(successes_elsewhere), rest)


def binomial_greater(successes: ArrayLike, n: ArrayLike, share: ArrayLike) -> NDArray[np.float64]:
    """Return the exact one-sided p that of n draws so many succeed, or more, though each does with this known share.

    >>> float(binomial_greater(3, 3, 0.5))
    0.125
    """
    from scipy.stats import binom

    hits, size, known = np.asarray(successes, np.int64), np.asarray(n, np.int64), np.asarray(share, np.float64)
    if not ((hits >= 0) & (hits <= size) & (known >= 0) & (known <= 1)).all():
        raise WorkbenchError("a test of a share needs successes between 0 and n and a share between 0 and 1")
    return np.asarray(binom.sf(hits - 1, size, known), np.float64)


def false_discovery(p: ArrayLike) -> NDArray[np.float64]:
    """Return the q of every p (Benjamini & Hochberg, J. R. Stat. Soc. B 57, 1995, p. 289).

    Of the findings with q up to a bound, at most that share is expected to be chance, where the tests are independent or
    depend on each other positively.

    >>> [round(float(q), 3) for q in false_discovery([0.01, 0.5, 0.02, 0.03])]
    [0.04, 0.5, 0.04, 0.04]
    """
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(np.asarray(p, np.float64), method="bh"), np.float64)
