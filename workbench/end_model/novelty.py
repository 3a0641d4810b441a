"""Rows unlike any that the model learned from, on which its confidence means little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.inputs import Arrays, State
from workbench.tables import WorkbenchError

_NEIGHBOURS: Final = 5
_REFERENCE: Final = 5_000
_BLOCK: Final = 512  # rows scored at a time
_FIRST: Final = 1_000  # of the reference, which settle most rows
_ROUNDED: Final = 1e-5  # more than what two products of the same rows may differ by


@dataclass(frozen=True)
class Novelty:
    """How far a row is from its nearest training rows: 1 - the mean cosine to the five nearest of a sample of them.

    reference: float32[m, d], rows of length 1 (or 0) that float16 holds exactly. threshold: the score above which a row is
    novel; share: of rows like the training rows so many are above it.

    Measured on clinc150 (150 intents, `static` embedding), train as reference, mean of 3 seeds: of in-scope test queries 1.5 %
    are novel and of out-of-scope ones 37 % at share .01, 6 % and 71 % at .05; AUROC .93. On its valid split, by which this
    score was chosen, AUROC is .947 with five neighbours, .941 with one, .936 with twenty, and .90 for the Mahalanobis
    distance. Where the training rows are of 50 intents alone, 15 % of the test queries of all 150 are novel: what is new but
    near is not found.
    """

    reference: NDArray[np.float32]
    threshold: float
    share: float

    @classmethod
    def fit(cls, embedding: NDArray[np.float32], seed: int = 0, share: float = 0.01) -> Self:
        """Keep up to 5,000 training rows [n, d]; `share` of those left out are novel, of the kept ones where none is left out.

        A kept row is scored without itself, so that either way no row is its own neighbour. Raises WorkbenchError where there
        are too few rows for the share.
        """
        if not 0 < share < 1:
            raise WorkbenchError(f"share is {share}; it must be between 0 and 1, such as 0.01")
        if len(embedding) < max(1 / share, _NEIGHBOURS + 1):
            least = int(np.ceil(max(1 / share, _NEIGHBOURS + 1)))
            raise WorkbenchError(f"novelty is learned from at least {least:,} rows, not {len(embedding):,}")
        order = np.random.default_rng(seed).permutation(len(embedding))
        kept, left = order[:_REFERENCE], order[_REFERENCE : 2 * _REFERENCE]
        reference = _unit(embedding[kept]).astype(np.float16).astype(np.float32)
        many = len(left) >= 1 / share
        scores = _scores(_unit(embedding[left]), reference) if many else _scores(reference, reference, own=True)
        return cls(reference, float(np.quantile(scores, 1 - share, method="higher")), share)

    def score(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32[n]: from 0, for a row that stands there five times, to 2; 1 for a row without an embedding.

        Raises WorkbenchError where the rows are not of the width learned.
        """
        return _scores(self._units(embedding), self.reference)

    def novel(self, embedding: NDArray[np.float32]) -> NDArray[np.bool_]:
        """bool[n]: rows farther from the training rows than nearly all of these from each other; those of a higher `score`."""
        rows, near = self._units(embedding), 1 - self.threshold + _ROUNDED
        novel = (rows @ self.reference[:_FIRST].T > near).sum(axis=1) < _NEIGHBOURS  # the others have five as near as that
        novel[novel] = _scores(rows[novel], self.reference) > self.threshold
        return np.asarray(novel)

    def _units(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        if embedding.ndim != 2 or embedding.shape[1] != self.reference.shape[1]:
            raise WorkbenchError(
                f"novelty learned rows of {self.reference.shape[1]} numbers, and these are of shape {embedding.shape}"
            )
        return _unit(embedding)

    def state(self) -> tuple[State, Arrays]:
        """Return the threshold, and the reference rows as float16."""
        return {"threshold": self.threshold, "share": self.share}, {"reference": self.reference.astype(np.float16)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from what `state` gave."""
        return cls(arrays["reference"].astype(np.float32), float(state["threshold"]), float(state["share"]))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, out=np.zeros(rows.shape, np.float32), where=lengths > 0))


def _scores(rows: NDArray[np.float32], reference: NDArray[np.float32], own: bool = False) -> NDArray[np.float32]:
    """Return the score of each row; own: row i is the i-th reference row, which is no neighbour of itself."""
    import torch

    found = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK):
        cosine = rows[start : start + _BLOCK] @ reference.T
        if own:
            at = np.arange(len(cosine))
            cosine[at, start + at] = -np.inf
        nearest = torch.topk(torch.from_numpy(cosine), _NEIGHBOURS, dim=1).values  # twice as fast as a partition
        found[start : start + len(cosine)] = 1 - nearest.numpy().mean(axis=1)
    return found
