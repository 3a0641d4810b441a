"""What training takes: rows with their soft labels, settings, and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.inputs import Inputs, stacked

Progress = Callable[[int, int, str], None]
History = list[dict[str, float]]  # one line an epoch: epoch (from 1), loss, and holdout_loss where rows are held out

_FEWEST_HELD: Final = 20  # rows of a fold; the loss on fewer is noise, and the weight penalty alone must do
_TUNING: Final = 10  # a tuned encoder learns from all rows but one in so many
_BETTER: Final = 1e-3  # relative fall of the loss on the hold-out that is worth waiting for


@dataclass(frozen=True)
class Recipe:
    """How to train; the fields are settings of EndModel."""

    hidden: int
    epochs: int
    patience: int
    folds: int
    weight_decay: float
    confidence_loss: float
    device: str
    seed: int

    def folds_of(self, n: int) -> list[NDArray[np.bool_]]:
        """Return bool[n] for each fold, drawn by chance; none where a fold would have fewer than 20 rows."""
        fold = np.zeros(n, np.intp)
        fold[self._order(n)] = np.arange(n) * self.folds // max(n, 1)
        return [fold == part for part in range(self.folds)] if self.folds > 1 and n // self.folds >= _FEWEST_HELD else []

    def held_out(self, n: int) -> NDArray[np.bool_]:
        """bool[n]: the rows that say how long to tune an encoder, a tenth; none where they would be under 20."""
        held = np.zeros(n, np.bool_)
        if self.folds > 1 and n // _TUNING >= _FEWEST_HELD:
            held[self._order(n)[: n // _TUNING]] = True
        return held

    def _order(self, n: int) -> NDArray[np.intp]:
        return np.random.default_rng(self.seed).permutation(n)


@dataclass(frozen=True)
class Examples:
    """Rows to learn from: each view of them, target probabilities float[n, k] and row weights float[n]."""

    inputs: tuple[Inputs, ...]
    target: NDArray[np.float64]
    weights: NDArray[np.float64]

    def take(self, rows: NDArray[np.bool_]) -> Examples:
        """Return the rows of a boolean mask."""
        return Examples(tuple(view.take(rows) for view in self.inputs), self.target[rows], self.weights[rows])

    def and_also(self, more: Examples) -> Examples:
        """Return these rows and others, one below the other."""
        both = [(one.target, one.weights) for one in (self, more)]
        target, weights = (np.concatenate(parts) for parts in zip(*both, strict=True))
        return Examples(stacked(self.inputs, more.inputs), target, weights)


def in_words(line: dict[str, float]) -> str:
    """Return a line of a history as progress tells it."""
    held = f", on the hold-out {line['holdout_loss']:.4f}" if "holdout_loss" in line else ""
    return f"epoch {line['epoch']}: loss {line['loss']:.4f}{held}"


def epochs_since_best(history: History) -> int:
    """Return for how many epochs the loss on the hold-out has not fallen; 0 where the last one is the best, or the first."""
    best, at = float("inf"), 0
    for number, line in enumerate(history, start=1):
        if line["holdout_loss"] < best * (1 - _BETTER):
            best, at = line["holdout_loss"], number
    return len(history) - at
