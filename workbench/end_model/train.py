"""The loop: a hold-out of soft labels says how long to train, then every row is learned from for that long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.anchors import held_out_slopes
from workbench.end_model.checkpoint import Checkpoint
from workbench.end_model.descent import Descent, tensor
from workbench.end_model.examples import Examples, History, Progress, Recipe, epochs_since_best, in_words
from workbench.end_model.loss import soft_cross_entropy
from workbench.end_model.network import one_thread

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Trained:
    """What training leaves: parameters and slope of each view, one line an epoch, and the epoch (from 1) found best."""

    parameters: list[dict[str, NDArray[np.float32]]]
    slopes: NDArray[np.float64]
    history: History
    best_epoch: int


def train(
    examples: Examples, recipe: Recipe, progress: Progress | None = None, kept: Checkpoint | None = None, stage: str = ""
) -> Trained:
    """Return the model that learned from all examples for as many epochs as a hold-out of them found best.

    progress: called after every epoch with what is done, what there is to do as far as known, and a line of text. Where
    the hold-out would have fewer than 20 rows there is none, and training goes on to convergence or to the last epoch. kept:
    where each epoch is noted, under names that begin with `stage`, and gone on from.
    """
    report, kept = progress or (lambda done, total, text: None), kept or Checkpoint()
    held = recipe.held_out(len(examples.weights))
    watched: History = []
    views = len(examples.inputs)
    slopes = np.full(views, 1 / views)
    with one_thread():
        if held.any():
            watched, slopes = _watch(_Loop(examples.take(~held), recipe, kept, f"{stage}watched"), examples.take(held), report)
        best = int(min(watched, key=lambda line: line["holdout_loss"])["epoch"]) if watched else recipe.epochs

        def tell(line: dict[str, float]) -> None:
            report(len(watched) + int(line["epoch"]), len(watched) + best, f"all rows, {in_words(line)}")

        loop = _Loop(examples, recipe, kept, f"{stage}trained")
        for line in loop.history:
            tell(line)
        while loop.running and len(loop.history) < best:
            tell(loop.epoch())
            loop.keep()
    report(len(watched) + best, len(watched) + best, "trained")
    best = best if watched else len(loop.history)
    return Trained([view.learned() for view in loop.views], slopes, watched or loop.history, best)


class _Loop:
    """The views of some rows on their way down together; begins where a training that was ended stood."""

    def __init__(self, examples: Examples, recipe: Recipe, kept: Checkpoint, stage: str) -> None:
        self.examples, self.recipe, self._kept, self._stage = examples, recipe, kept, stage
        self.views = [Descent(examples, place, recipe) for place in range(len(examples.inputs))]
        found = kept.read(stage)
        self.history: History = found.get("history", [])
        self.best: Tensor | None = found.get("best")  # logits of the rows held out, where their loss was lowest
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
        self.history.append({"epoch": len(self.history) + 1, "loss": self.loss(self.answers(self.examples), self.examples)})
        return self.history[-1]

    def answers(self, rows: Examples) -> Tensor:
        """Return [views, n, k] logits."""
        import torch

        return torch.stack([view.answers(inputs) for view, inputs in zip(self.views, rows.inputs, strict=True)])

    def loss(self, answers: Tensor, rows: Examples) -> float:
        """Return the loss of the views' mean logits."""
        target, weights = (tensor(array, self.recipe.device) for array in (rows.target, rows.weights))
        return float(soft_cross_entropy(answers.mean(dim=0), target, weights))


def _watch(loop: _Loop, held: Examples, report: Progress) -> tuple[History, NDArray[np.float64]]:
    """Train on some rows, note the loss on those held out until it has not fallen for `patience` epochs; return slopes too."""
    epochs = loop.recipe.epochs
    for line in loop.history:
        report(int(line["epoch"]), epochs, in_words(line))
    while loop.running and epochs_since_best(loop.history) < loop.recipe.patience:
        line = loop.epoch()
        answers = loop.answers(held)
        line["holdout_loss"] = loop.loss(answers, held)
        if loop.best is None or not epochs_since_best(loop.history):
            loop.best = answers.cpu()
        report(int(line["epoch"]), epochs, in_words(line))
        loop.keep()
    assert loop.best is not None  # there is a first epoch
    return loop.history, held_out_slopes(loop.best.double().numpy(), held.target, held.weights)
