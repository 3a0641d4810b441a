"""What rows that people labelled say of a model that weak labels taught: how far to trust each view, and where it is wrong."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

Floats = NDArray[np.float64]

_NONE: Final = float("inf")
_PRECISIONS: Final = (_NONE, 1.0, 0.3, 0.1, 0.03, 0.01)  # of the prior on what an embedding adds; cross-fitting chooses
_FOLDS: Final = 5
_FEWEST: Final = 20  # rows from which on an embedding may add something
# Precision of the prior on slopes and offset: this over the rows, and no less than 1. With a unit prior three to ten picked
# rows cost up to 5 points (tickets, valid), with this none; from 50 rows on nothing changes.
_CAUTION: Final = 50.0
_SURE: Final = 5.0  # precision of the prior on the log of the scale


class Adjustment(NamedTuple):
    """Logits of a model from those of its views: scale x (sum_v slope_v logits_v + offset + dense @ weights)."""

    slopes: Floats  # [views]
    offset: Floats  # [k]
    weights: Floats  # [d, k]
    scale: float

    @classmethod
    def none(cls, slopes: Floats, k: int, width: int) -> Self:
        """Return the views' logits, each times its slope."""
        return cls(slopes, np.zeros(k), np.zeros((width, k)), 1.0)

    @classmethod
    def fitted(
        cls,
        slopes: Floats,
        views: Floats,
        dense: Floats,
        label: NDArray[np.intp],
        weight: Floats,
        drawn: NDArray[np.bool_],
    ) -> Self:
        """Learn from labelled rows that did not teach the views: float64[v, n, k] logits, float64[n, d], and their classes.

        The prior of slopes is a Gaussian about the given ones, that of offsets one about 0, narrow where rows are few. How much
        the embedding may add is chosen by the log loss of rows left out, five folds; then a scale is fitted to the same answers
        (temperature scaling: Guo et al., ICML 2017), for rows that taught look too sure. drawn: rows that chance chose; the
        others are picked because they are hard, and say nothing of how sure to be of the rest. Rows of a single class say
        nothing at all: everything that leans to that class would explain them.
        """
        n = len(label)
        if len(np.unique(label)) < 2:
            return cls.none(slopes, views.shape[2], dense.shape[1])
        fold = np.arange(n) % min(_FOLDS, n)
        best: tuple[float, float, Floats] | None = None
        for precision in _PRECISIONS if n >= _FEWEST and dense.shape[1] else (_NONE,):
            left_out = np.zeros(views.shape[1:])
            for part in np.unique(fold):
                out = fold == part
                if out.all():
                    continue  # a single row
                taught = cls._at(slopes, views[:, ~out], dense[~out], label[~out], weight[~out], precision)
                left_out[out] = taught(views[:, out], dense[out])
            loss = float(weight @ -log_softmax(left_out, axis=1)[np.arange(n), label])
            if best is None or loss < best[0]:
                best = loss, precision, left_out
        assert best is not None  # there is always a precision
        found = cls._at(slopes, views, dense, label, weight, best[1])
        return found._replace(scale=_scale(best[2][drawn], label[drawn], weight[drawn]) if n > 1 else 1.0)

    @classmethod
    def _at(
        cls, prior: Floats, views: Floats, dense: Floats, label: NDArray[np.intp], weight: Floats, precision: float
    ) -> Self:
        """Return the adjustment of highest posterior."""
        from scipy.optimize import minimize

        v, n, k = views.shape
        truth, width = np.eye(k)[label], 0 if precision == _NONE else dense.shape[1]
        dense_used, caution = dense[:, :width], max(1.0, _CAUTION / n)

        def loss(x: Floats) -> tuple[float, Floats]:
            slopes, offset, extra = x[:v], x[v : v + k], x[v + k :].reshape(width, k)
            logs = log_softmax(np.tensordot(slopes, views, 1) + offset + dense_used @ extra, axis=1)
            excess = weight[:, None] * (np.exp(logs) - truth)
            away, low = caution * (slopes - prior), caution * offset
            ridge = precision * extra if width else extra
            value = -weight @ logs[np.arange(n), label] + (away @ (slopes - prior) + low @ offset + (ridge * extra).sum()) / 2
            rise = np.tensordot(views, excess, 2) + away, excess.sum(axis=0) + low, (dense_used.T @ excess + ridge).ravel()
            return float(value), np.concatenate(rise)

        start = np.concatenate([prior, np.zeros(k + width * k)])
        best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
        weights = np.zeros((dense.shape[1], k))
        weights[:width] = best[v + k :].reshape(width, k)
        return cls(best[:v], best[v : v + k], weights, 1.0)

    def __call__(self, views: Floats, dense: Floats) -> Floats:
        """Return float64[n, k] logits."""
        return np.asarray(self.scale * (np.tensordot(self.slopes, views, 1) + self.offset + dense @ self.weights))


def held_out_slopes(views: Floats, target: Floats, weight: Floats) -> Floats:
    """Return what to multiply the logits of each view with, float64[v], by soft labels of rows left out.

    Half of the way from the mean of all views to the slopes of least loss: what weak labels praise is in part what repeats the
    rules, and that half was best or near it on the valid rows of four sets (youtube, sms, trec, tickets).
    """
    from scipy.optimize import minimize

    v = len(views)

    def loss(slopes: Floats) -> tuple[float, Floats]:
        logs = log_softmax(np.tensordot(slopes, views, 1), axis=1)
        excess, away = weight[:, None] * (np.exp(logs) - target), slopes - 1 / v
        return float(-(weight[:, None] * target * logs).sum() + away @ away / 2), np.tensordot(views, excess, 2) + away

    best = minimize(loss, np.full(v, 1 / v), jac=True, method="L-BFGS-B", bounds=[(0, None)] * v).x
    return np.asarray((best + 1 / v) / 2)


def _scale(scores: Floats, label: NDArray[np.intp], weight: Floats) -> float:
    """Return by what to multiply logits."""
    from scipy.optimize import minimize_scalar

    def loss(log: float) -> float:
        return float(-weight @ log_softmax(np.exp(log) * scores, axis=1)[np.arange(len(label)), label] + _SURE * log * log / 2)

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)) if len(label) else 1.0
