"""What gold rows say of a model's certainty: a slope for all classes and an offset for each."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from workbench.label_models.contract import softmax

Floats = NDArray[np.float64]


class Calibration(NamedTuple):
    """Scores times a slope plus an offset by class (vector scaling with one slope: Guo et al. 2017)."""

    slope: float
    offset: Floats

    @classmethod
    def fitted(cls, scores: Floats, label: NDArray[np.intp], weight: Floats) -> Self:
        """Fit on gold rows, float64[n, k] scores and their classes, leaning on no change: few rows move it little.

        The offsets and the log of the slope have standard normal priors. Of an offset only what exceeds two standard errors
        stays, for an offset alone can turn the answer of all rows that nobody disputes; then the slope is fitted again.
        """
        k = scores.shape[1]
        if not len(label) or k < 2:
            return cls(1.0, np.zeros(k))
        scores = scores - scores.mean(axis=1, keepdims=True)
        slope, offset = _likeliest(scores, label, weight, free=np.ones(k), start=np.zeros(k))
        probs = softmax(slope * scores + offset)
        precision = np.diag(weight @ probs) - (weight[:, None] * probs).T @ probs + np.eye(k)
        centred = np.eye(k) - 1 / k  # what all offsets share says nothing
        error = np.sqrt(np.diag(centred @ np.linalg.inv(precision) @ centred))
        offset = np.sign(offset) * np.maximum(np.abs(offset) - 2 * error, 0)
        slope, _ = _likeliest(scores, label, weight, free=np.zeros(k), start=offset)
        return cls(slope, offset)

    def __call__(self, scores: Floats) -> Floats:
        """Return calibrated scores."""
        return np.asarray(self.slope * (scores - scores.mean(axis=1, keepdims=True)) + self.offset, dtype=np.float64)


def _likeliest(scores: Floats, label: NDArray[np.intp], weight: Floats, free: Floats, start: Floats) -> tuple[float, Floats]:
    """Return the slope and the offsets of highest posterior; offsets that are not free, float64[k] of 0 and 1, stay."""
    from scipy.optimize import minimize

    rows, truth = np.arange(len(label)), np.eye(scores.shape[1])[label]

    def loss(x: Floats) -> tuple[float, Floats]:
        slope = np.exp(x[0])
        probs = softmax(slope * scores + x[1:])
        excess = weight[:, None] * (probs - truth)
        value = -weight @ np.log(np.maximum(probs[rows, label], 1e-300)) + x @ x / 2
        return float(value), np.concatenate([[slope * (excess * scores).sum() + x[0]], free * (excess.sum(axis=0) + x[1:])])

    best = minimize(loss, np.concatenate([[0.0], start]), jac=True, method="L-BFGS-B").x
    return float(np.exp(best[0])), best[1:]
