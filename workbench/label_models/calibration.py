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

        The log of the slope and the offsets have normal priors of standard deviation 1 and 0.5.
        """
        from scipy.optimize import minimize

        k = scores.shape[1]
        if not len(label) or k < 2:
            return cls(1.0, np.zeros(k))
        scores = scores - scores.mean(axis=1, keepdims=True)
        rows, truth = np.arange(len(label)), np.eye(k)[label]

        def loss(x: Floats) -> tuple[float, Floats]:
            slope = np.exp(x[0])
            probs = softmax(slope * scores + x[1:])
            excess = weight[:, None] * (probs - truth)
            value = -weight @ np.log(np.maximum(probs[rows, label], 1e-300)) + x[0] ** 2 / 2 + 2 * x[1:] @ x[1:]
            return float(value), np.concatenate([[slope * (excess * scores).sum() + x[0]], excess.sum(axis=0) + 4 * x[1:]])

        best = minimize(loss, np.zeros(k + 1), jac=True, method="L-BFGS-B").x
        return cls(float(np.exp(best[0])), best[1:])

    def __call__(self, scores: Floats) -> Floats:
        """Return calibrated scores."""
        return np.asarray(self.slope * (scores - scores.mean(axis=1, keepdims=True)) + self.offset, dtype=np.float64)
