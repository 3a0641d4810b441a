"""A pretrained encoder fitted to soft labels, together with a linear model of its vectors."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.checkpoint import Checkpoint
from workbench.end_model.descent import Descent, tensor
from workbench.end_model.examples import Examples, History, Progress, Recipe, epochs_since_best, in_words
from workbench.end_model.inputs import Inputs
from workbench.end_model.loss import own_belief, soft_cross_entropy
from workbench.end_model.network import logits
from workbench.end_model.words import LENGTH
from workbench.text.pretrained import Pretrained

if TYPE_CHECKING:
    from torch import Tensor

_EPOCHS: Final = 3
_RATE: Final = 5e-5  # of AdamW, at its highest
_WARM: Final = 0.1  # of all steps, in which the rate rises from 0; then it falls to 0
_BATCH: Final = 32

_DOOR: Final = Lock()  # dropout draws from torch's one generator: two trainings at a time would disturb each other


def tune(
    encoder: Pretrained, texts: list[str], examples: Examples, recipe: Recipe, report: Progress, kept: Checkpoint, stage: str
) -> History:
    """Fit the encoder in place to the labels and weights of texts, but those held out; it ends as on its best epoch on these.

    report: called after every tenth batch and every epoch. kept, stage: as for `train`.
    """
    held = recipe.held_out(len(texts))
    taught = np.flatnonzero(~held & (examples.weights > 0))
    with _DOOR:
        loop = _Tuning(encoder, texts, examples, recipe)
        loop.begin(taught, kept.read(stage))
        while len(loop.history) < _EPOCHS and (not held.any() or epochs_since_best(loop.history) < recipe.patience):
            line = loop.epoch(taught, report)
            if held.any():
                line["holdout_loss"] = loop.loss(np.flatnonzero(held))
            if not held.any() or not loop.best or not epochs_since_best(loop.history):
                loop.best = {name: part.detach().cpu().clone() for name, part in encoder.model.state_dict().items()}
            batches = -(-len(taught) // _BATCH)
            report(len(loop.history) * batches, _EPOCHS * batches, in_words(line))
            kept.keep(stage, loop.state())
        encoder.model.load_state_dict(loop.best)
        encoder.model.eval()
    return loop.history


class _Tuning:
    """Encoder and linear model on their way, an epoch of AdamW at a time; begins where a training that was ended stood."""

    def __init__(self, encoder: Pretrained, texts: list[str], examples: Examples, recipe: Recipe) -> None:
        self._encoder, self._recipe = encoder, recipe
        self._texts, self._tokens = texts, encoder.tokens(texts)
        self._target, self._weights = tensor(examples.target, recipe.device), tensor(examples.weights, recipe.device)
        self.history: History = []
        self.best: dict[str, Tensor] = {}
        encoder.model.to(recipe.device)

    def begin(self, rows: NDArray[np.intp], found: dict[str, Any]) -> None:
        """Stand where an earlier training on these rows stood, or at its start."""
        import torch

        self._weights /= self._weights[rows].mean()
        head = found["head"] if found else self._first_head(rows)
        self._head = {name: part.to(self._recipe.device).requires_grad_() for name, part in head.items()}
        both = [*self._encoder.model.parameters(), *self._head.values()]
        self._optimiser = torch.optim.AdamW(both, lr=_RATE, weight_decay=0.01, fused=True)
        if found:
            self._encoder.model.load_state_dict(found["model"])
            self._optimiser.load_state_dict(found["optimiser"])
            self.history, self.best = found["history"], found["best"]

    def _first_head(self, rows: NDArray[np.intp]) -> dict[str, Tensor]:
        """Return a model of the vectors as they are, so that the encoder does not spend itself on one that knows nothing.

        Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution, ICLR 2022.
        """
        inputs = Inputs.of(len(rows), dense=self._encoder.encode([self._texts[row] for row in rows]) * np.float32(LENGTH))
        target, weights = (part[rows].double().cpu().numpy() for part in (self._target, self._weights))
        first = Descent(Examples((inputs,), target, weights), 0, self._recipe)
        while first.running:
            first.epoch()
        return {name: part.detach() for name, part in first.parameters.items()}

    def epoch(self, rows: NDArray[np.intp], report: Progress) -> dict[str, float]:
        """Learn once from each of the rows, batches of like length in an order by chance; return a line of the history."""
        import torch

        number = len(self.history)
        rng = np.random.default_rng([self._recipe.seed, number])
        order = rng.permutation(rows)
        order = self._by_length(order)
        batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        total, device = 0.0, torch.device(self._recipe.device)
        with torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type):
            torch.manual_seed(int(rng.integers(2**31)))
            self._encoder.model.train()
            for step, place in enumerate(rng.permutation(len(batches)), start=1):
                total += self._step(batches[place], (number + (step - 0.5) / len(batches)) / _EPOCHS)
                if step % 10 == 0:
                    report(number * len(batches) + step, _EPOCHS * len(batches), f"batch {step} of {len(batches)}")
        self.history.append({"epoch": number + 1, "loss": total / float(self._weights[rows].sum())})
        return self.history[-1]

    def _step(self, rows: NDArray[np.intp], share: float) -> float:
        """Learn from a batch, `share` of the way through training; return its summed loss."""
        import torch

        for group in self._optimiser.param_groups:
            group["lr"] = _RATE * min(share / _WARM, (1 - share) / (1 - _WARM))
        self._optimiser.zero_grad()
        scores, aim, weights = self._logits(rows), self._target[rows], self._weights[rows]
        if self._recipe.confidence_loss and self.history:  # as in other views: it believes something after an epoch
            aim = own_belief(aim, scores, self._recipe.confidence_loss)
        loss = soft_cross_entropy(scores, aim, weights) * weights.sum()
        (loss / len(rows)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._encoder.model.parameters(), 1.0)
        self._optimiser.step()
        return float(loss.detach())

    def _logits(self, rows: Sequence[int] | NDArray[np.intp]) -> Tensor:
        import torch

        device = torch.device(self._recipe.device).type
        with torch.autocast(device, torch.bfloat16, enabled=device != "cpu"):
            vectors = self._encoder.vectors([self._tokens[row] for row in rows])
        return logits(self._head, Inputs.of(len(rows)).sparse, vectors.float() * LENGTH)

    def _by_length(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        return rows[np.argsort([len(self._tokens[row]) for row in rows], kind="stable")]

    def loss(self, rows: NDArray[np.intp]) -> float:
        """Return the loss on rows that were held out."""
        import torch

        self._encoder.model.eval()
        order = self._by_length(rows)
        with torch.no_grad():
            scores = torch.cat([self._logits(order[start : start + _BATCH]) for start in range(0, len(order), _BATCH)])
        return float(soft_cross_entropy(scores, self._target[order], self._weights[order]))

    def state(self) -> dict[str, Any]:
        """Return all that the next epochs depend on."""
        return {
            "history": self.history,
            "best": self.best,
            "head": {name: part.detach() for name, part in self._head.items()},
            "model": self._encoder.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
