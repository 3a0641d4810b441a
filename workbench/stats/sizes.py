"""How many draws a description of a wanted precision takes, before anybody labels one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.intervals import two_sided_z
from workbench.tables import WorkbenchError


def rows_for_half_width(
    sizes: ArrayLike, shares: ArrayLike, allocation: ArrayLike, half_width: float, confidence: float = 0.95
) -> int:
    """Return the draws at which the interval of `hajek` for an expected share reaches half_width to either side.

    Each draw picks a stratum, then a row of it. sizes: N_h / N, allocation: the chance that a draw picks the stratum, both
    adding to 1; shares: expected share of errors. With one stratum it is the fewest draws for Wilson's interval.

    >>> rows_for_half_width([1], [0.05], [1], 0.03)
    215
    >>> rows_for_half_width([0.8, 0.2], [0.01, 0.3], [0.8, 0.2], 0.03)  # proportional: as without strata
    278
    >>> rows_for_half_width([0.8, 0.2], [0.01, 0.3], [0.5, 0.5], 0.03)
    167
    """
    size, p, chance = (np.asarray(values, np.float64) for values in (sizes, shares, allocation))
    if (
        not (np.isclose(size.sum(), 1) and np.isclose(chance.sum(), 1))
        or ((size < 0) | (chance <= 0) | (p < 0) | (p > 1)).any()
    ):
        raise WorkbenchError("strata need sizes and chances to be drawn that add to 1, and shares between 0 and 1")
    overall = min(float(size @ p), 1.0)
    spread = overall * (1 - overall)
    # what a draw adds to the variance, over what an equal draw adds; where no label is wrong, weights alone tell (Kish)
    each = p * (1 - p) + (p - overall) ** 2 if spread > 0 else np.ones_like(p)
    more = float((size**2 / chance * each).sum()) / (spread or 1)
    return math.ceil(_equal_draws(overall, half_width, confidence) * more)


def _equal_draws(share: float, half_width: float, confidence: float) -> float:
    """Return the n that solves Wilson's half width, a quadratic in n with one positive root."""
    if not 0 <= share <= 1 or not 0 < half_width < 0.5:
        raise WorkbenchError("rows for a half width need a share between 0 and 1 and a half width between 0 and 0.5")
    z2, h2 = two_sided_z(confidence) ** 2, half_width**2
    middle = z2 * (2 * h2 - share * (1 - share))
    last = z2**2 * (h2 - 0.25)
    return max(1.0, (-middle + math.sqrt(middle**2 - 4 * h2 * last)) / (2 * h2))
