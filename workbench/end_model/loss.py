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


def own_belief(target: Tensor, logits: Tensor, share: float) -> Tensor:
    """Return [n, k] targets of which `share` is what the model itself now says, hardened; no gradient passes through it.

    The auxiliary confidence loss of Burns et al. (arXiv 2312.09390, appendix A.4), which is a cross-entropy to such a mixture:
    the student may overrule a weak label that it has good reason to think wrong.
    """
    import torch

    said = logits.detach().argmax(dim=1)
    return (1 - share) * target + share * torch.nn.functional.one_hot(said, target.shape[1])


def weight_penalty(parameters: Mapping[str, Tensor]) -> Tensor:
    """Return half the squared length of all weight matrices: minus the log of a unit Gaussian prior; biases go free."""
    squares = [parameter.square().sum() for parameter in parameters.values() if parameter.ndim > 1]
    return sum(squares[1:], squares[0]) / 2
