"""What of weak labels to believe: by how sure they are, by whether rows like them have the same, by what the text says."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from workbench.end_model.inputs import Inputs

Floats = NDArray[np.float64]

_NEIGHBOURS: Final = 20
_CHUNK: Final = 1_000
_TINY: Final = 1e-12
_SURE: Final = 1e-6  # a class that the label rules out is only so unlikely, lest no text could bring it back


def certainty(probs: Floats, power: float) -> Floats:
    """Return float64[n], (1 - entropy / log k) to a power: 0 where all classes are alike, 1 where one is certain."""
    k = probs.shape[1]
    entropy = -(probs * np.log(np.maximum(probs, _TINY))).sum(axis=1)
    return np.asarray(np.maximum(1 - entropy / np.log(max(k, 2)), 0) ** power)


def together(probs: Floats, text: Floats, weights: Floats) -> Floats:
    """Return float64[n, k], what weak labels and a model that has not seen them say together, from its probabilities.

    P(class | votes, text) is in proportion to P(class | votes) P(class | text) / P(class) where votes and text tell apart from
    each other what the class is (the E-step of Raykar et al., Learning From Crowds, JMLR 11, 2010). They seldom do wholly, for
    rules read the text; so half of this is believed by default. weights: float64[n], with which the labels taught that model;
    P(class) is their balance, and counts for a row at least, lest a class that no label names be likely everywhere.
    """
    balance = np.average(probs, axis=0, weights=weights).clip(1 / len(probs))
    odds = probs.clip(_SURE) * text.clip(_TINY) / balance
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def smooth(inputs: Inputs, probs: Floats, keep: float) -> NDArray[np.bool_]:
    """Return bool[n]: of each class the share `keep` of rows whose neighbours have its label most beyond chance.

    The cut statistic (Muhlenbach, Lallich & Zighed, J. Intell. Inf. Syst. 22, 2004), as Lang, Vijayaraghavan & Sontag (NeurIPS
    2022) select weak labels: of the 20 nearest rows by cosine, the similarity of those of another label, against what a draw
    by the classes' shares would give, in its standard deviations. n x n similarities are computed, 1,000 rows at a time.
    """
    label, n = probs.argmax(axis=1), len(probs)
    shares = np.bincount(label, minlength=probs.shape[1]) / n
    nearest = min(_NEIGHBOURS, n - 1)
    cut = np.zeros(n)
    for start in range(0, n if nearest else 0, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, n))
        near = (inputs.sparse[rows] @ inputs.sparse.T).toarray() + inputs.dense[rows] @ inputs.dense.T
        near[np.arange(len(rows)), rows] = -np.inf
        at = np.argpartition(-near, nearest - 1, axis=1)[:, :nearest]
        weight = np.maximum(np.take_along_axis(near, at, axis=1), 0).astype(np.float64)
        other, chance = label[at] != label[rows, None], 1 - shares[label[rows]]
        spread = np.sqrt((weight**2).sum(axis=1) * chance * (1 - chance))
        cut[rows] = ((weight * other).sum(axis=1) - weight.sum(axis=1) * chance) / np.maximum(spread, _TINY)
    kept = np.zeros(n, np.bool_)
    for c in np.flatnonzero(shares):
        own = np.flatnonzero(label == c)
        kept[own[np.argsort(cut[own], kind="stable")[: int(np.ceil(keep * len(own)))]]] = True
    return kept
