"""The loop: models of some rows are asked about the others, which says how long to train; then every row is learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.anchors import held_out_slopes
from workbench.end_model.checkpoint import Checkpoint
from workbench.end_model.descent import Descent, tensor
from workbench.end_model.examples import Examples, History, Progress, Recipe, epochs_since_best, in_words
from workbench.end_model.inputs import Inputs, stacked
from workbench.end_model.loss import soft_cross_entropy
from workbench.end_model.network import one_thread

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CrossFitted:
    """What models that learned from all folds but one say.

    unseen: float64[views, n, k], their logits of that fold's rows; asked: float64[views, m, k], the mean of their logits of
    other rows. slopes: float64[views], how far to trust each view. history: one line an epoch without the first fold.
    best_epoch: after how many epochs the loss on a fold fell no more, or hardly, on average. epochs: of all folds.
    """

    unseen: Floats
    asked: Floats
    slopes: Floats
    history: History
    best_epoch: int
    epochs: int


@dataclass(frozen=True)
class Trained:
    """What training on all rows leaves: the parameters of each view, and one line an epoch."""

    parameters: list[dict[str, NDArray[np.float32]]]
    history: History


def cross_fit(
    examples: Examples,
    folds: Sequence[NDArray[np.bool_]],
    asked: tuple[Inputs, ...],
    recipe: Recipe,
    report: Progress,
    kept: Checkpoint,
) -> CrossFitted | None:
    """Train without each fold in turn, and ask about its rows and about others; None where there is no fold.

    folds: bool[n] each; unseen is 0 on rows of none. report: called after every epoch with what is done, what there is to do as
    far as known, all rows included, and a line of text. kept: where epochs are noted, and gone on from.
    """
    if not folds or not all(examples.weights[part].any() for fold in folds for part in (fold, ~fold)):
        return None
    views, k = len(examples.inputs), examples.target.shape[1]
    unseen, others = np.zeros((views, len(examples.weights), k)), np.zeros((views, len(asked[0].dense), k))
    histories: list[History] = []
    with one_thread():
        for place, fold in enumerate(folds):
            loop = _Loop(examples.take(~fold), recipe, kept, f"fold {place}")
            left_out = examples.take(fold)
            done, whose = sum(map(len, histories)), f"fold {place + 1}, " if place else ""
            tell = _told(report, done, done + (len(folds) + 1 - place) * recipe.epochs, whose)
            found = _watch(loop, left_out, stacked(left_out.inputs, asked), tell).double().cpu().numpy()
            histories.append(loop.history)
            unseen[:, fold] = found[:, : fold.sum()]
            others += found[:, fold.sum() :] / len(folds)
    seen = np.logical_or.reduce(folds)
    slopes = held_out_slopes(unseen[:, seen], examples.target[seen], examples.weights[seen])
    best = round(float(np.mean([len(history) - epochs_since_best(history) for history in histories])))
    return CrossFitted(unseen, others, slopes, histories[0], best, sum(map(len, histories)))


def train(examples: Examples, crossed: CrossFitted | None, recipe: Recipe, report: Progress, kept: Checkpoint) -> Trained:
    """Learn from all rows for as many epochs as cross-fitting found best, or else until it converges."""
    epochs = crossed.best_epoch if crossed else recipe.epochs
    done = crossed.epochs if crossed else 0
    with one_thread():
        loop = _Loop(examples, recipe, kept, "all rows")
        loop.go_on(epochs, _told(report, done, done + epochs, "all rows, "))
        report(done + epochs, done + epochs, "trained")
        return Trained([view.learned() for view in loop.views], loop.history)


def _told(report: Progress, done: int, to_do: int, whose: str) -> Callable[[dict[str, float]], None]:
    return lambda line: report(done + int(line["epoch"]), to_do, f"{whose}{in_words(line)}")


class _Loop:
    """The views of some rows on their way down together; begins where a training that was ended stood."""

    def __init__(self, examples: Examples, recipe: Recipe, kept: Checkpoint, stage: str) -> None:
        self.examples, self.recipe, self._kept, self._stage = examples, recipe, kept, stage
        self.views = [Descent(examples, place, recipe) for place in range(len(examples.inputs))]
        found = kept.read(stage)
        self.history: History = found.get("history", [])
        self.best: Tensor | None = found.get(
            "best"
        )  # logits of the rows asked about, where the loss of those left out was lowest
        for place, state in enumerate(found.get("views", ())):
            self.views[place].restore(state)

    def keep(self) -> None:
        """Have the checkpoint know of the epochs so far."""
        state = {"history": self.history, "best": self.best, "views": [view.state() for view in self.views]}
        self._kept.keep(self._stage, state)

    @property
    def running(self) -> bool:
        return any(view.running for view in self.views)

    def epoch(self) -> dict[str, float]:
        """Go on for an epoch with every view that has not converged; return its line of the history."""
        for view in self.views:
            if view.running:
                view.epoch()
        loss = self.loss(self.answers(self.examples.inputs), self.examples)
        self.history.append({"epoch": len(self.history) + 1, "loss": loss})
        return self.history[-1]

    def go_on(self, epochs: int, tell: Callable[[dict[str, float]], None]) -> None:
        """Go on until so many epochs are done, or all views have converged; tell of every epoch, earlier ones too."""
        for line in self.history:
            tell(line)
        while self.running and len(self.history) < epochs:
            tell(self.epoch())
            self.keep()

    def answers(self, rows: tuple[Inputs, ...]) -> Tensor:
        """Return [views, n, k] logits."""
        import torch

        return torch.stack([view.answers(inputs) for view, inputs in zip(self.views, rows, strict=True)])

    def loss(self, answers: Tensor, rows: Examples) -> float:
        """Return the loss of the views' mean logits."""
        target, weights = (tensor(array, self.recipe.device) for array in (rows.target, rows.weights))
        return float(soft_cross_entropy(answers.mean(dim=0), target, weights))


def _watch(loop: _Loop, left_out: Examples, inputs: tuple[Inputs, ...], tell: Callable[[dict[str, float]], None]) -> Tensor:
    """Train until the loss on rows left out has not fallen for `patience` epochs; return [views, n, k] logits at the best.

    inputs: the rows to answer, of which those left out come first.
    """
    for line in loop.history:
        tell(line)
    while loop.running and epochs_since_best(loop.history) < loop.recipe.patience:
        line = loop.epoch()
        answers = loop.answers(inputs)
        line["holdout_loss"] = loop.loss(answers[:, : len(left_out.weights)], left_out)
        if loop.best is None or not epochs_since_best(loop.history):
            loop.best = answers.cpu()
        tell(line)
        loop.keep()
    assert loop.best is not None  # there is a first epoch
    return loop.best
