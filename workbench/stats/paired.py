"""One-sided tests of two systems on the same rows: is the new one worse, by how much at most; and Holm's shares of a level."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.stats.intervals import check_confidence
from workbench.stats.share_tests import fisher_greater
from workbench.tables import WorkbenchError

_NORMAL = NormalDist()


def worse_than(lost: int, won: int, n: int, margin: float = 0.0) -> float:
    """Return the one-sided p that the new system is worse by more than a margin, though it is worse by the margin at most.

    lost: rows that only the new system has wrong; won: rows that only the old one has; of n rows that both answered. Without a
    margin it is the exact test of McNemar (Psychometrika 12, 1947, p. 153): so many of the lost + won are lost, or more, where
    each is lost or won by the toss of a coin. With one it is the score test of Tango (Stat. Med. 17, 1998, p. 891).

    >>> worse_than(lost=5, won=0, n=100), round(worse_than(lost=9, won=1, n=100, margin=0.02), 3)
    (0.03125, 0.021)
    """
    _check(lost, won, n, margin)
    if margin == 0:
        from scipy.special import bdtr

        return float(bdtr(won, lost + won, 0.5)) if lost + won else 1.0  # so few won, or fewer
    return _NORMAL.cdf(-_score(lost, won, n, margin))


def worst_drop(lost: int, won: int, n: int, confidence: float = 0.975) -> float:
    """Return by how much the new system is worse at most, as a share of the rows, with this confidence; below 0 it is better.

    The margin at which `worse_than` is the confidence: the upper end of Tango's interval (1998).

    >>> round(worst_drop(lost=20, won=20, n=1000), 3)
    0.013
    """
    _check(lost, won, n, 0)
    z, low, high = _NORMAL.inv_cdf(check_confidence(confidence)), -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _score(lost, won, n, middle) > -z else (low, middle)
    return high


def _score(lost: int, won: int, n: int, margin: float) -> float:
    """Return Tango's score statistic of a drop by the margin, from -1 to 1; 0 where nothing speaks for or against it."""
    a, b = 2 * n, -lost - won + (2 * n - lost + won) * margin
    c = -won * margin * (1 - margin)
    chance_won = (math.sqrt(max(b * b - 4 * a * c, 0)) - b) / (2 * a)  # the likeliest one under that drop
    variance = n * (2 * chance_won + margin * (1 - margin))
    excess = lost - won - n * margin
    return excess / math.sqrt(variance) if variance > 1e-12 else math.copysign(math.inf, excess) if excess else 0.0


def more_often(successes: int, n: int, successes_elsewhere: int, n_elsewhere: int, margin: float = 0.0) -> float:
    """Return the one-sided p that a share is higher here than elsewhere by more than a margin; the rows are not paired.

    Without a margin it is Fisher's exact test. With one it is Wald's test after one success and one failure are added to
    either side (Agresti & Caffo, Am. Stat. 54, 2000, p. 280). On the same rows it errs on the side of silence.

    >>> round(more_often(30, 100, 10, 100, margin=0.05), 3)
    0.004
    """
    if margin == 0:
        return float(fisher_greater(successes, n, successes_elsewhere, n_elsewhere))
    sizes = np.array([n, n_elsewhere]) + 2
    shares = (np.array([successes, successes_elsewhere]) + 1) / sizes
    return _NORMAL.cdf(-(shares[0] - shares[1] - margin) / math.sqrt(float((shares * (1 - shares) / sizes).sum())))


def holm(p: ArrayLike, alpha: float) -> NDArray[np.float64]:
    """Return the level that each p is held against: a finding is a p at or below it (Holm, Scand. J. Stat. 6, 1979, p. 65).

    The smallest of m p is held against alpha / m, the next against alpha / (m - 1), up to the first that is above its level;
    that one's level holds for all that are larger. Any finding at all is wrong in at most alpha of all samples, however the
    tests depend on each other.

    >>> holm([0.01, 0.3, 0.02], 0.05).round(4).tolist()
    [0.0167, 0.05, 0.025]
    """
    found = np.asarray(p, np.float64)
    order = np.argsort(found, kind="stable")
    levels = alpha / np.arange(len(found), 0, -1.0)
    above = np.flatnonzero(found[order] > levels)
    if len(above):
        levels[above[0] :] = levels[above[0]]
    by_place = np.empty_like(levels)
    by_place[order] = levels
    return by_place


def _check(lost: int, won: int, n: int, margin: float) -> None:
    if min(lost, won) < 0 or lost + won > n or not n:
        raise WorkbenchError(f"a paired test needs rows, and no more lost ({lost}) and won ({won}) than there are ({n})")
    if not 0 <= margin <= 1:
        raise WorkbenchError(f"the margin is {margin}; it is a share of the rows, such as 0.01")
