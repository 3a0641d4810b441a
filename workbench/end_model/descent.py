"""One view's model on its way down: L-BFGS over all rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.examples import Examples, Recipe
from workbench.end_model.inputs import Inputs
from workbench.end_model.loss import own_belief, soft_cross_entropy, weight_penalty
from workbench.end_model.network import logits, new_parameters

if TYPE_CHECKING:
    from torch import Tensor

_STEPS: Final = 5  # L-BFGS iterations in an epoch: enough to move, few enough to stop in time
_CONVERGED: Final = 1e-4  # relative fall of the objective over an epoch below which going on changes no answer


class Descent:
    """The parameters of one view, an epoch at a time; running: whether another epoch would change an answer.

    Not stochastic descent: Adam gives rare terms too much weight, as it divides by how small their gradients are; nor is there
    a learning rate to choose here.
    """

    def __init__(self, examples: Examples, place: int, recipe: Recipe) -> None:
        import torch

        self._inputs, self._recipe = examples.inputs[place], recipe
        arrays = (self._inputs.dense, examples.target, examples.weights)
        self._dense, self._target, self._weights = (tensor(array, recipe.device) for array in arrays)
        classes = examples.target.shape[1]
        self.parameters = new_parameters(self._inputs, classes, recipe.hidden, recipe.seed, recipe.device)
        self._optimiser = torch.optim.LBFGS(
            list(self.parameters.values()), max_iter=_STEPS, history_size=_STEPS, line_search_fn="strong_wolfe"
        )
        self._epochs, self._before, self.running = 0, float("inf"), True

    def epoch(self) -> None:
        """Go on for one epoch."""
        aim = self._target
        if self._recipe.confidence_loss and self._epochs:  # before the first one the model believes nothing
            aim = own_belief(aim, self._logits(), self._recipe.confidence_loss)

        def objective() -> Tensor:
            self._optimiser.zero_grad()
            loss = soft_cross_entropy(self._logits(), aim, self._weights)
            value = loss + self._recipe.weight_decay / len(aim) * weight_penalty(self.parameters)
            value.backward()  # type: ignore[no-untyped-call]
            return value.detach()

        value = float(self._optimiser.step(objective))  # type: ignore[no-untyped-call]  # where the epoch began
        self._epochs += 1
        self.running = self._before - value > _CONVERGED * value and self._epochs < self._recipe.epochs
        self._before = value

    def _logits(self) -> Tensor:
        return logits(self.parameters, self._inputs.sparse, self._dense)

    def answers(self, inputs: Inputs) -> Tensor:
        """Return [n, k] logits of other rows, without a gradient."""
        import torch

        with torch.no_grad():
            return logits(self.parameters, inputs.sparse, tensor(inputs.dense, self._recipe.device))

    def learned(self) -> dict[str, NDArray[np.float32]]:
        """Return a copy of the parameters by name."""
        return {name: numbers.detach().cpu().numpy().copy() for name, numbers in self.parameters.items()}

    def state(self) -> dict[str, Any]:
        """Return all that the next epochs depend on."""
        return {
            "parameters": {name: numbers.detach() for name, numbers in self.parameters.items()},
            "optimiser": self._optimiser.state_dict(),
            "progress": (self._epochs, self._before, self.running),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Stand where another descent on the same rows stood."""
        import torch

        with torch.no_grad():
            for name, numbers in state["parameters"].items():
                self.parameters[name].copy_(numbers)
        self._optimiser.load_state_dict(state["optimiser"])
        self._epochs, self._before, self.running = state["progress"]


def tensor(array: NDArray[Any], device: str) -> Tensor:
    """Return float32 on a device."""
    import torch

    return torch.tensor(array, dtype=torch.float32, device=device)
