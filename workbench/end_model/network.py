"""The function that is learned: linear in sparse and dense features, with one hidden layer where asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache as once_a_process
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, cast

from workbench.end_model.inputs import Inputs

if TYPE_CHECKING:
    from torch import Tensor

Parameters = dict[str, "Tensor"]  # of one view

_DOOR: Final = Lock()
_INSIDE: Final[list[int]] = []  # torch's number of threads before, then a 1 for every training or prediction under way


def new_parameters(inputs: Inputs, classes: int, hidden: int, seed: int, device: str) -> Parameters:
    """Return the parameters to begin from: zeros for the linear model, whose loss is convex, else small random numbers."""
    import torch

    generator = torch.Generator().manual_seed(int(seed))

    def matrix(rows: int, columns: int) -> Tensor:
        begin = torch.randn(rows, columns, generator=generator) * 0.1 if hidden else torch.zeros(rows, columns)
        return begin.to(device).requires_grad_()

    def bias(columns: int) -> Tensor:
        return torch.zeros(columns, device=device, requires_grad=True)

    width = hidden or classes
    parameters = {
        "sparse": matrix(inputs.sparse.shape[1], width),
        "dense": matrix(inputs.dense.shape[1], width),
        "bias": bias(width),
    }
    if hidden:
        parameters |= {"out": matrix(hidden, classes), "out_bias": bias(classes)}
    return parameters


def logits(parameters: Mapping[str, Tensor], sparse: Any, dense: Tensor) -> Tensor:
    """Return [n, k] from a scipy CSR matrix [n, s] and a dense tensor [n, d]."""
    first = _sparse_product()(parameters["sparse"], sparse) + dense @ parameters["dense"] + parameters["bias"]
    if "out" not in parameters:
        return first
    return first.relu() @ parameters["out"] + parameters["out_bias"]


@once_a_process
def _sparse_product() -> Callable[[Tensor, Any], Tensor]:
    """Return `sparse @ weights` as torch can differentiate it, the product itself done by scipy.

    Several times faster than torch's own sparse products and its embedding bag, and in one thread, so that equal inputs give
    equal bits.
    """
    import torch

    class SparseProduct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, weights: Tensor, sparse: Any) -> Tensor:
            ctx.sparse = sparse
            return torch.from_numpy(sparse @ weights.detach().cpu().numpy()).to(weights.device)

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
            return torch.from_numpy(ctx.sparse.T @ gradient.cpu().numpy()).to(gradient.device), None

    return cast("Callable[[Tensor, Any], Tensor]", SparseProduct.apply)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread meanwhile: sums then come out the same whatever the cores, and a busy machine does not stall.

    The threads of one small operation wait for each other at its end; on two cores shared with others training took 20 times
    as long with two threads as with one.
    """
    import torch

    with _DOOR:  # a new thread begins with the count set last, so the true one is what the first to enter found
        if not _INSIDE:
            _INSIDE.append(torch.get_num_threads())
        _INSIDE.append(1)
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _DOOR:
            _INSIDE.pop()
            torch.set_num_threads(_INSIDE[0])
            if len(_INSIDE) == 1:
                _INSIDE.clear()
