"""Intervals of a share, exact, approximate and weighted."""

from __future__ import annotations

from statistics import NormalDist

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
    z = two_sided_z(confidence)
    hits, size = np.broadcast_arrays(np.asarray(successes, np.float64), np.asarray(n, np.float64))
    _check_counts(hits, size)
    some = np.maximum(size, 1)  # the division is made everywhere, its answer used only where n > 0
    share = np.minimum(hits / some, 1)
    centre = (share + z**2 / (2 * some)) / (1 + z**2 / some)
    half = z / (1 + z**2 / some) * np.sqrt(share * (1 - share) / some + z**2 / (4 * some**2))
    low = np.where((size > 0) & (hits > 0), np.maximum(centre - half, 0), 0.0)
    high = np.where((size > 0) & (hits < size), np.minimum(centre + half, 1), 1.0)
    return low, high


def clopper_pearson_upper(errors: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> NDArray[np.float64]:
    """Return the exact one-sided upper bound of a share (Clopper & Pearson, Biometrika 26, 1934, p. 404).

    At least confidence of all samples of n draws give a bound that is not below the true share. Where n is 0 it is 1. Without
    an error 59 draws are the fewest for a promise of 5 %:

    >>> [round(float(bound), 4) for bound in clopper_pearson_upper(0, [58, 59])]
    [0.0503, 0.0495]
    """
    return _clopper_pearson(errors, n, 1 - check_confidence(confidence))[1]


def clopper_pearson_interval(
    errors: ArrayLike, n: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exact two-sided interval of a share, (low, high), each side missing the truth at most half of the time left.

    >>> low, high = clopper_pearson_interval(2, 20)
    >>> round(float(low), 3), round(float(high), 3)
    (0.012, 0.317)
    """
    return _clopper_pearson(errors, n, (1 - check_confidence(confidence)) / 2)


def _clopper_pearson(errors: ArrayLike, n: ArrayLike, tail: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.special import betaincinv

    wrong, size = np.broadcast_arrays(np.asarray(errors, np.float64), np.asarray(n, np.float64))
    _check_counts(wrong, size)
    right = np.maximum(size - wrong, 0)  # fractional counts may leave a rounding error
    low = np.where(wrong > 0, betaincinv(np.where(wrong > 0, wrong, 1), right + 1, tail), 0.0)
    high = np.where(right > 0, betaincinv(wrong + 1, np.where(right > 0, right, 1), 1 - tail), 1.0)
    return low, high


def hajek(values: ArrayLike, weights: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the self-normalised estimate of a share from weighted draws: (estimate, low, high).

    values: in [0, 1] by draw. weights: positive, inverse to the chance of the drawn row, on any scale. Draws are made with
    replacement; the variance is the linearised one (Särndal, Swensson & Wretman 1992, section 5.7).

    The ends are Wilson's at the number of equal draws that has this variance; where all values are 0, or all 1, the variance
    says nothing and the number is Kish's, (sum w)^2 / sum w^2. Equal weights give Wilson's interval. No draw at all leaves
    (nan, 0, 1). A description: its coverage is nominal only about, and lower for few errors of uneven weight.

    >>> [round(end, 3) for end in hajek([1, 0, 0, 0], [1, 1, 1, 1])]
    [0.25, 0.046, 0.699]
    """
    value, weight = np.broadcast_arrays(np.asarray(values, np.float64), np.asarray(weights, np.float64))
    if ((value < 0) | (value > 1) | ~(weight > 0) | ~np.isfinite(weight)).any() or np.isnan(value).any():
        raise WorkbenchError("a weighted share needs values between 0 and 1 and positive weights")
    check_confidence(confidence)
    if not value.size:
        return float("nan"), 0.0, 1.0
    part = weight / weight.sum()
    share = float(min(part @ value, 1.0))
    variance = value.size * float((part * (value - share)).var(ddof=1)) if value.size > 1 else 0.0
    kish = 1 / float(part @ part)
    size = 1 + share * (1 - share) / variance if variance > 1e-12 else kish  # of n equal draws p (1 - p) / (n - 1) estimates it
    low, high = wilson_interval(share * size, size, confidence)
    return share, float(low), float(high)


def check_confidence(confidence: float) -> float:
    """Return a confidence that is one; raise WorkbenchError for 95, 0 or 1."""
    if not 0 < confidence < 1:
        raise WorkbenchError(f"confidence is {confidence}; it must be between 0 and 1, such as 0.95")
    return confidence


def two_sided_z(confidence: float) -> float:
    """Return how many standard errors an interval of a confidence reaches to either side."""
    return NormalDist().inv_cdf((1 + check_confidence(confidence)) / 2)


def _check_counts(hits: NDArray[np.float64], size: NDArray[np.float64]) -> None:
    if not ((hits >= 0) & (hits <= size * (1 + 1e-9))).all():
        raise WorkbenchError("an interval needs successes between 0 and n")
