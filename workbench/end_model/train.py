"""The loop: a hold-out of soft labels says how long to train, then every row is learned from for that long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.anchors import held_out_slopes
from workbench.end_model.inputs import Inputs
from workbench.end_model.loss import own_belief, soft_cross_entropy, weight_penalty
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
    confidence_loss: float
    device: str
    seed: int


@dataclass(frozen=True)
class Examples:
    """Rows to learn from: each view of them, target probabilities float[n, k] and row weights float[n]."""

    inputs: tuple[Inputs, ...]
    target: NDArray[np.float64]
    weights: NDArray[np.float64]

    def take(self, rows: NDArray[np.bool_]) -> Examples:
        """Return the rows of a boolean mask."""
        return Examples(tuple(view.take(rows) for view in self.inputs), self.target[rows], self.weights[rows])


@dataclass(frozen=True)
class Trained:
    """What training leaves: parameters and slope of each view, one line an epoch, and the epoch (from 1) found best."""

    parameters: list[dict[str, NDArray[np.float32]]]
    slopes: NDArray[np.float64]
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
    views = len(examples.inputs)
    slopes = np.full(views, 1 / views)
    with one_thread():
        if held.any():
            watched, slopes = _watch(examples.take(~held), examples.take(held), recipe, report)
        best = int(min(watched, key=lambda line: line["holdout_loss"])["epoch"]) if watched else recipe.epochs
        lines: list[dict[str, float]] = []
        for epoch, (loss, now) in enumerate(islice(_descend(examples, recipe), best), start=1):
            lines.append({"epoch": epoch, "loss": loss})
            parameters = [{name: numbers.detach().cpu().numpy() for name, numbers in view.items()} for view in now]
            report(len(watched) + epoch, len(watched) + best, f"all rows, epoch {epoch}: loss {loss:.4f}")
    report(len(watched) + best, len(watched) + best, "trained")
    return Trained(parameters, slopes, watched or lines, best if watched else len(lines))


def _watch(
    taught: Examples, held: Examples, recipe: Recipe, report: Progress
) -> tuple[list[dict[str, float]], NDArray[np.float64]]:
    """Train on some rows, note the loss on those held out until it has not fallen for `patience` epochs; return slopes too."""
    history: list[dict[str, float]] = []
    best, since = float("inf"), 0
    found: NDArray[np.float64] | None = None
    for epoch, (loss, parameters) in enumerate(_descend(taught, recipe), start=1):
        views = _logits(parameters, held, recipe.device)
        unseen = _loss(views, held, recipe.device)
        history.append({"epoch": epoch, "loss": loss, "holdout_loss": unseen})
        report(epoch, recipe.epochs, f"epoch {epoch}: loss {loss:.4f}, on the hold-out {unseen:.4f}")
        better = unseen < best * (1 - _BETTER)
        best, since = (unseen, 0) if better else (best, since + 1)
        found = views.double().cpu().numpy() if better or found is None else found
        if since == recipe.patience:
            break
    return history, held_out_slopes(np.asarray(found), held.target, held.weights)


def _descend(examples: Examples, recipe: Recipe) -> Iterator[tuple[float, list[Parameters]]]:
    """Yield the loss of all views together, and their parameters, after every epoch of each, until all have converged."""
    views = [_descend_view(examples, place, recipe) for place in range(len(examples.inputs))]
    now = [next(view) for view in views]
    running = list(range(len(views)))
    while running:
        yield _loss(_logits(now, examples, recipe.device), examples, recipe.device), now
        for place in tuple(running):
            after = next(views[place], None)
            if after is None:
                running.remove(place)
            else:
                now[place] = after


def _descend_view(examples: Examples, place: int, recipe: Recipe) -> Iterator[Parameters]:
    """Yield the parameters of one view after every epoch of L-BFGS over all rows at once, until it has converged.

    Not stochastic descent: Adam gives rare terms too much weight, as it divides by how small their gradients are; nor is there
    a learning rate to choose here.
    """
    import torch

    inputs = examples.inputs[place]
    dense, target, weights = (_tensor(array, recipe.device) for array in (inputs.dense, examples.target, examples.weights))
    parameters = new_parameters(inputs, target.shape[1], recipe.hidden, recipe.seed, recipe.device)
    optimiser = torch.optim.LBFGS(
        list(parameters.values()), max_iter=_STEPS, history_size=_STEPS, line_search_fn="strong_wolfe"
    )

    aim = target

    def objective() -> Tensor:
        optimiser.zero_grad()
        loss = soft_cross_entropy(logits(parameters, inputs.sparse, dense), aim, weights)
        value = loss + recipe.weight_decay / len(weights) * weight_penalty(parameters)
        value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    before = float("inf")
    for epoch in range(recipe.epochs):
        if recipe.confidence_loss and epoch:  # before the first one the model believes nothing
            aim = own_belief(target, logits(parameters, inputs.sparse, dense), recipe.confidence_loss)
        value = float(optimiser.step(objective))  # type: ignore[no-untyped-call]  # where the epoch began
        yield parameters
        if before - value <= _CONVERGED * value:
            return
        before = value


def _logits(parameters: list[Parameters], examples: Examples, device: str) -> Tensor:
    """Return [views, n, k]."""
    import torch

    with torch.no_grad():
        pairs = zip(parameters, examples.inputs, strict=True)
        return torch.stack([logits(view, inputs.sparse, _tensor(inputs.dense, device)) for view, inputs in pairs])


def _loss(views: Tensor, examples: Examples, device: str) -> float:
    target, weights = _tensor(examples.target, device), _tensor(examples.weights, device)
    return float(soft_cross_entropy(views.mean(dim=0), target, weights))


def _tensor(array: NDArray[Any], device: str) -> Tensor:
    import torch

    return torch.tensor(array, dtype=torch.float32, device=device)
