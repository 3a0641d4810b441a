"""Upper bounds of an error rate that stay true while somebody looks after every label, and how many labels they take."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.stats.intervals import check_confidence, clopper_pearson_upper
from workbench.tables import WorkbenchError

# Which shares of the stake are bet, and how much of the money bets each; most bets nearly all, right where errors are few.
# Tuned by simulation on the mean log bound at error rates of 0 to 10 % and 50 to 1,000 draws; the optimum is flat.
_FRACTIONS: Final = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
_LOG_MONEY: Final = np.log([0.01, 0.01, 0.02, 0.02, 0.03, 0.04, 0.06, 0.10, 0.15, 0.22, 0.34])
_BLOCK: Final = 2_048  # draws at a time
_MOST_MORE: Final = 100_000
_MOST_ROWS: Final = 10_000_000


def error_bound(losses: ArrayLike, largest: float, confidence: float = 0.95) -> NDArray[np.float64]:
    """Return upper bounds U_1..U_n of a mean loss, after each draw, all true together with the given confidence.

    losses: X_1..X_n in [0, largest] in the order of the draws, each with the same mean p given the draws before; 0 or 1 for
    plain draws, weight x error for weighted ones. p exceeds any of the bounds in at most 1 - confidence of all samples, so
    one may look after every label and stop when one likes. Never increases, never exceeds 1.

    The bound is the m at which the wealth sum_j money_j prod_s (1 + c_j (m - X_s) / (largest - m)) of a gambler who bets
    that the mean is below m reaches 1 / (1 - confidence); were it not below, that would seldom happen to any gambler
    (Waudby-Smith & Ramdas, J. R. Stat. Soc. B 86, 2024, p. 1; Ville 1939).

    >>> error_bound(np.zeros(100), 1.0)[[0, 58, 99]].round(3).tolist()
    [0.959, 0.057, 0.034]
    """
    loss = _check_losses(losses, largest)
    goal = -math.log(1 - check_confidence(confidence))
    values, which = np.unique(loss, return_inverse=True)
    top = -math.log(largest - min(1.0, largest * (1 - 1e-9)))  # there the bound is 1
    places, seen = np.full(len(loss), top), np.zeros(len(values))
    for block in (slice(start, start + _BLOCK) for start in range(0, len(loss), _BLOCK)):
        counts = seen + np.cumsum(which[block, None] == np.arange(len(values)), axis=0)
        for stride in (64, 8, 1):  # from coarse to fine: most draws set no new minimum, which one look at the last one tells
            places[block][::stride] = _solve(places[block][::stride], counts[::stride], values, largest, goal)
            places[: block.stop] = np.minimum.accumulate(places[: block.stop])
        seen = counts[-1]
    return np.where(places < top, largest - np.exp(-places), 1.0)


def _solve(
    start: NDArray[np.float64], counts: NDArray[np.float64], values: NDArray[np.float64], largest: float, goal: float
) -> NDArray[np.float64]:
    """Return where the log wealth after draws [t, v] of the values [v] reaches the goal, or the start [t] where that is lower.

    A place is s = -log(largest - m). In s a factor is (1 - c) + c (largest - X) e^s, so log wealth increases and is convex:
    Newton's steps from the right never pass the root, and one that stops early leaves a bound too wide, never too narrow.
    """
    place, open_ = start.copy(), np.arange(len(start))
    slopes = _FRACTIONS[:, None] * (largest - values)
    while len(open_):
        bets = slopes * np.exp(place[open_])[:, None, None]
        factors = bets + (1 - _FRACTIONS)[:, None]
        n = counts[open_][:, None, :]
        # a factor of 0 is a bet of everything that lost; one that never came up counts nothing, whatever it is
        logs = _LOG_MONEY + (n * np.log(factors, out=np.full_like(factors, -1e9), where=factors > 0)).sum(axis=2)
        wealth = np.logaddexp.reduce(logs, axis=1)
        rise = np.divide(n * bets, factors, out=np.zeros_like(factors), where=factors > 0).sum(axis=2)
        slope = (np.exp(logs - wealth[:, None]) * rise).sum(axis=1)
        step = np.where(wealth > goal, (wealth - goal) / np.where(slope > 0, slope, 1), 0)
        place[open_] -= step
        open_ = open_[step > 1e-7]  # the next step would be its square
    return place


def log_wealth(losses: ArrayLike, mean: float, largest: float) -> NDArray[np.float64]:
    """Return the gambler's log wealth against one mean after each draw: [..., n] as the losses.

    error_bound is at or below the mean from the first draw on at which this reaches -log(1 - confidence).
    """
    loss = _check_losses(losses, largest)
    wealth = np.full(loss.shape, -np.inf)
    for fraction, money in zip(_FRACTIONS, _LOG_MONEY, strict=True):
        wealth = np.logaddexp(wealth, money + np.cumsum(_growth(loss, mean, largest, fraction), axis=-1))
    return wealth


def more_without_error(losses: ArrayLike, largest: float, target: float, confidence: float = 0.95) -> int | None:
    """Return how many more draws, all without an error, bring the bound of `error_bound` to the target.

    0 where a bound is there already, None where it takes more than 100,000.

    >>> more_without_error([], 1.0, 0.05), more_without_error([1], 1.0, 0.05), more_without_error(np.zeros(60), 1.0, 0.05)
    (68, 129, 8)
    """
    loss = _check_losses(losses, largest)
    goal = -math.log(1 - check_confidence(confidence))
    _check_target(target)
    if len(loss) and log_wealth(loss, target, largest).max() >= goal:
        return 0
    start = _LOG_MONEY + _growth(loss[:, None], target, largest, _FRACTIONS).sum(axis=0)
    gain = _growth(np.zeros(1), target, largest, _FRACTIONS)
    return _fewest(lambda more: bool(np.logaddexp.reduce(start + more * gain) >= goal), _MOST_MORE)


def rows_to_promise(
    target: float, confidence: float = 0.95, error: float = 0.0, largest: float = 1.0, fixed: bool = False
) -> int:
    """Return how many answered draws a promise of at most `target` wrong takes, where `error` of them are wrong.

    fixed: for Clopper and Pearson's bound, looked at once, after a number of plain draws fixed beforehand; else for
    `error_bound`, where the draws hold just their share of errors at every moment; about seven audits of ten need no more. An
    error weighs 1, as it does where rows are drawn alike; it weighs less, and fewer rows do, where strata with more errors
    are drawn more. Raises WorkbenchError where the error rate is too near to the target to ever promise it.

    >>> rows_to_promise(0.05, fixed=True), rows_to_promise(0.05), rows_to_promise(0.05, error=0.01)
    (59, 68, 152)
    """
    goal = -math.log(1 - check_confidence(confidence))
    _check_target(target)
    if not 0 <= error < 1 or not largest >= 1 or (fixed and largest != 1):
        raise WorkbenchError(
            "rows to promise need an error rate from 0 to below 1, and a largest weight of at least 1 (fixed: 1)"
        )
    if fixed:
        found = _fewest(lambda n: bool(clopper_pearson_upper(error * n, n, confidence) <= target), _MOST_ROWS)
    else:
        each = (1 - error) * _growth(np.zeros(1), target, largest, _FRACTIONS)
        each += error * _growth(np.ones(1), target, largest, _FRACTIONS) if error else 0  # not 0 x minus infinity
        found = _fewest(lambda n: bool(np.logaddexp.reduce(_LOG_MONEY + n * each) >= goal), _MOST_ROWS)
    if found is None:
        raise WorkbenchError(
            f"where {error:.2%} of the labels are wrong, no number of rows promises at most {target:.2%}; raise the target or "
            "mend labels first"
        )
    return found


def _growth(
    losses: NDArray[np.float64], mean: float, largest: float, fractions: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return by how much one draw changes log wealth; minus infinity where everything was bet and lost."""
    with np.errstate(divide="ignore"):
        change: NDArray[np.float64] = np.log1p(np.maximum(fractions * (mean - losses) / (largest - mean), -1))
    return change


def _fewest(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the fewest that are enough, where more always are; None above the most."""
    low, high = 0, 1
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_losses(losses: ArrayLike, largest: float) -> NDArray[np.float64]:
    loss = np.asarray(losses, np.float64)
    if not 1 <= largest < math.inf:
        raise WorkbenchError(f"the largest loss is {largest}; weights are 1 on average, so that it is at least 1")
    if not ((loss >= 0) & (loss <= largest * (1 + 1e-9))).all():
        raise WorkbenchError(f"a bound needs losses between 0 and the largest, {largest:g}")
    return np.minimum(loss, largest)


def _check_target(target: float) -> None:
    if not 0 < target < 1:
        raise WorkbenchError(f"the target is {target}; it must be between 0 and 1, such as 0.05")
