"""Tests of the expected calibration error (ECE): is it above a limit, or above that of another system on the same rows?"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.tables import WorkbenchError

BINS: Final = 10
_DRAWS: Final = 10_000  # no p is below one in so many
Floats = NDArray[np.float64]


def calibration_gaps(confidence: ArrayLike, correct: ArrayLike) -> Floats:
    """Return float64[n, 10]: correct - confidence of each row in the column of its bin, (low, high] of equal width, else 0.

    The absolute column means add up to the ECE (Guo et al., ICML 2017, eq. 5).
    """
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    gaps = np.zeros((len(sure), BINS))
    gaps[np.arange(len(sure)), np.digitize(sure, np.arange(1, BINS) / BINS, right=True)] = right - sure
    return gaps


def expected_error(gaps: Floats) -> float:
    """Return the ECE of gaps of `calibration_gaps`."""
    return float(np.abs(gaps.mean(axis=0)).sum())


def miscalibrated(gaps: Floats, limit: float, *, seed: int = 0) -> float:
    """Return the one-sided p that the ECE is above a limit; gaps: [n, 10] of `calibration_gaps`.

    Noise e_b makes of a mean gap m_b a |m_b + e_b| <= |m_b| + |e_b|. So the ECE found is above the true one by sum |e_b| at
    most, however true gaps lie, and p is how often normal noise of the estimated spread adds up to what is found above the
    limit (a parametric bootstrap; Efron & Tibshirani 1993, section 6.5).
    """
    _check(gaps)
    return _tail(expected_error(gaps) - limit, np.abs(_noise(gaps, seed)).sum(axis=1))


def worse_calibrated(gaps: Floats, other: Floats, margin: float = 0.0, *, seed: int = 0) -> float:
    """Return the one-sided p that the ECE is above that of `other` on the same rows by more than a margin.

    The larger p of two: a parametric bootstrap of both, rows resampled together (Efron & Tibshirani 1993, section 6.5), which
    is too bold where both are about 0; and what swapping the two on rows tossed for would give, which is so where they err in
    opposite directions.
    """
    _check(gaps)
    excess = expected_error(gaps) - expected_error(other) - margin
    signs = np.repeat([1.0, -1.0], BINS)
    again = np.abs(_noise(np.hstack([gaps, other]), seed) + np.hstack([gaps, other]).mean(axis=0)) @ signs
    middle, swapped = (gaps + other).mean(axis=0) / 2, _noise((gaps - other) / 2, seed, centred=False)
    tossed = np.abs(middle + swapped).sum(axis=1) - np.abs(middle - swapped).sum(axis=1)
    return max(_tail(excess, again - (excess + margin)), _tail(excess, tossed))


def _noise(values: Floats, seed: int, centred: bool = True) -> Floats:
    """Return draws of the noise of column means; centred: around the means, else around 0."""
    around = np.cov(values, rowvar=False) if centred else values.T @ values / len(values)
    zeros = np.zeros(values.shape[1])
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(zeros, around / len(values), _DRAWS, method="eigh", check_valid="ignore")


def _tail(found: float, drawn: Floats) -> float:
    """Return the share of draws that reach what was found, itself counted among them (Davison & Hinkley 1997, p. 148)."""
    return float((1 + np.count_nonzero(drawn >= found - 1e-12)) / (1 + len(drawn)))


def _check(gaps: Floats) -> None:
    if len(gaps) < 2:
        raise WorkbenchError("a test of calibration needs two rows at least")
