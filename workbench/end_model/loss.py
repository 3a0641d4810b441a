"""What training makes small: one loss a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def soft_cross_entropy(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean over rows of -sum_c target[c] log softmax(logits)[c]; weights: [n], 0 or more, not all 0."""
    rows = -(target * logits.log_softmax(dim=1)).sum(dim=1)
    return (weights * rows).sum() / weights.sum()


def weight_penalty(parameters: Mapping[str, Tensor]) -> Tensor:
    """Return half the squared length of all weight matrices: minus the log of a unit Gaussian prior; biases go free."""
    squares = [parameter.square().sum() for parameter in parameters.values() if parameter.ndim > 1]
    return sum(squares[1:], squares[0]) / 2
