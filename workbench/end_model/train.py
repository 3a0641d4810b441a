"""The loop: a hold-out of soft labels says how long to train, then every row is learned from for that long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.inputs import Inputs
from workbench.end_model.loss import soft_cross_entropy, weight_penalty
from workbench.end_model.network import Parameters, logits, new_parameters, one_thread

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[int, int, str], None]

_STEPS: Final = 5  # L-BFGS iterations in an epoch: enough to move, few enough to stop in time
_CONVERGED: Final = 1e-4  # relative fall of the objective over an epoch below which going on changes no answer
_BETTER: Final = 1e-3  # relative fall of the loss on the hold-out that is worth waiting for
_FEWEST_HELD: Final = 20  # rows; the loss on fewer is noise, and the weight penalty alone must do


@dataclass(frozen=True)
class Recipe:
    """How to train; the fields are settings of EndModel."""

    hidden: int
    epochs: int
    patience: int
    holdout: float
    weight_decay: float
    device: str
    seed: int


@dataclass(frozen=True)
class Examples:
    """Rows to learn from: their features, target probabilities float[n, k] and row weights float[n]."""

    inputs: Inputs
    target: NDArray[np.float64]
    weights: NDArray[np.float64]

    def take(self, rows: NDArray[np.bool_]) -> Examples:
        """Return the rows of a boolean mask."""
        return Examples(self.inputs.take(rows), self.target[rows], self.weights[rows])


@dataclass(frozen=True)
class Trained:
    """What training leaves: parameters, one line an epoch on the hold-out, and the epoch (from 1) it found best."""

    parameters: dict[str, NDArray[np.float32]]
    history: list[dict[str, float]]
    best_epoch: int


def train(examples: Examples, recipe: Recipe, progress: Progress | None = None) -> Trained:
    """Return the model that learned from all examples for as many epochs as a hold-out of them found best.

    progress: called after every epoch with what is done, what there is to do as far as known, and a line of text. Where
    the hold-out would have fewer than 20 rows there is none, and training goes on to convergence or to the last epoch.
    """
    report = progress or (lambda done, total, text: None)
    n = len(examples.weights)
    held = np.zeros(n, bool)
    if int(recipe.holdout * n) >= _FEWEST_HELD:
        held[np.random.default_rng(recipe.seed).permutation(n)[: int(recipe.holdout * n)]] = True
    watched: list[dict[str, float]] = []
    with one_thread():
        if held.any():
            watched = _watch(examples.take(~held), examples.take(held), recipe, report)
        best = int(min(watched, key=lambda line: line["holdout_loss"])["epoch"]) if watched else recipe.epochs
        lines: list[dict[str, float]] = []
        for epoch, (loss, now) in enumerate(islice(_descend(examples, recipe), best), start=1):
            lines.append({"epoch": epoch, "loss": loss})
            parameters = {name: parameter.detach().cpu().numpy() for name, parameter in now.items()}
            report(len(watched) + epoch, len(watched) + best, f"all rows, epoch {epoch}: loss {loss:.4f}")
    report(len(watched) + best, len(watched) + best, "trained")
    return Trained(parameters, watched or lines, best if watched else len(lines))


def _watch(taught: Examples, held: Examples, recipe: Recipe, report: Progress) -> list[dict[str, float]]:
    """Train on some rows, and note the loss on those held out until it has not fallen for `patience` epochs."""
    history: list[dict[str, float]] = []
    best, since = float("inf"), 0
    for epoch, (loss, parameters) in enumerate(_descend(taught, recipe), start=1):
        unseen = _loss(parameters, held, recipe.device)
        history.append({"epoch": epoch, "loss": loss, "holdout_loss": unseen})
        report(epoch, recipe.epochs, f"epoch {epoch}: loss {loss:.4f}, on the hold-out {unseen:.4f}")
        best, since = (unseen, 0) if unseen < best * (1 - _BETTER) else (best, since + 1)
        if since == recipe.patience:
            break
    return history


def _descend(examples: Examples, recipe: Recipe) -> Iterator[tuple[float, Parameters]]:
    """Yield the loss and the parameters after every epoch of L-BFGS over all rows at once, until it has converged.

    Not stochastic descent: Adam gives rare terms too much weight, as it divides by how small their gradients are; nor is there
    a learning rate to choose here.
    """
    import torch

    sparse, dense, target, weights = _tensors(examples, recipe.device)
    parameters = new_parameters(examples.inputs, target.shape[1], recipe.hidden, recipe.seed, recipe.device)
    optimiser = torch.optim.LBFGS(
        list(parameters.values()), max_iter=_STEPS, history_size=_STEPS, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        optimiser.zero_grad()
        loss = soft_cross_entropy(logits(parameters, sparse, dense), target, weights)
        value = loss + recipe.weight_decay / len(weights) * weight_penalty(parameters)
        value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    before = float("inf")
    for _ in range(recipe.epochs):
        value = float(optimiser.step(objective))  # type: ignore[no-untyped-call]  # where the epoch began
        yield _loss(parameters, examples, recipe.device), parameters
        if before - value <= _CONVERGED * value:
            return
        before = value


def _loss(parameters: Parameters, examples: Examples, device: str) -> float:
    import torch

    sparse, dense, target, weights = _tensors(examples, device)
    with torch.no_grad():
        return float(soft_cross_entropy(logits(parameters, sparse, dense), target, weights))


def _tensors(examples: Examples, device: str) -> tuple[Any, Tensor, Tensor, Tensor]:
    import torch

    dense = torch.tensor(examples.inputs.dense, device=device)
    target, weights = (torch.tensor(a, dtype=torch.float32, device=device) for a in (examples.target, examples.weights))
    return examples.inputs.sparse, dense, target, weights
