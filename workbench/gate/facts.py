"""What the gate looks at: how one run answered a set of rows, suites and an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.tables import ABSTAIN, SoftLabels, VoteMatrix, aligned_gold

#: What is known of a suite, and as what: figures, and what tells its settings and the rows it is made of from others.
SUITE: Final = {
    **dict.fromkeys(("n", "accuracy", "answered", "wrong_confident"), "float64"),
    "settings": "object",
    "rows": "object",
}


@dataclass(frozen=True)
class Audit:
    """What people's answers say of the labels of a run: the promised `bound` of the share that is wrong, at `confidence`.

    losses: weight x error of each answered draw, in [0, largest], in the order of the draws; a draw that nobody could decide
    counts as right here, and as wrong in the bound.
    """

    bound: float
    confidence: float
    losses: NDArray[np.float64]
    largest: float


@dataclass(frozen=True)
class Facts:
    """What is known of a run. A string stands where nothing is known, and says why.

    rows: of `answered_rows`. slices: bool, one column a slice, by the same ids. suites: one line a suite, by name, with the
    columns of `SUITE`, missing where it does not tell; settings and rows may lack. latency: milliseconds to answer one row, for
    some rows.
    """

    rows: pd.DataFrame
    slices: pd.DataFrame
    suites: pd.DataFrame | str
    latency: NDArray[np.float64] | str = "nobody asked for it"
    audit: Audit | str = "nobody asked for it"

    def on(self, ids: pd.Index[Any]) -> Facts:
        """Return the same of some rows."""
        return Facts(self.rows.loc[ids], self.slices.loc[ids], self.suites, self.latency, self.audit)


def answered_rows(soft: SoftLabels, gold: pd.Series[Any] | None, votes: VoteMatrix, threshold: float | None) -> pd.DataFrame:
    """Return by row id: right (1 or 0, missing where nobody knows), confidence, answered, covered, conflicting.

    soft: the answers; of classes that tie the first counts, as where the model is asked. votes: of these rows and maybe more;
    covered and conflicting are missing on rows without. threshold: above it rows are answered, None for all.
    """
    truth = np.full(len(soft), ABSTAIN) if gold is None else aligned_gold(soft.ids, soft.labels, gold)
    confidence = soft.probs.max(axis=1)
    at = votes.ids.get_indexer(soft.ids)
    voted = {
        name: np.where(at >= 0, values[at].astype(float), np.nan)
        for name, values in (("covered", votes.covered), ("conflicting", votes.conflicting))
    }
    return pd.DataFrame(
        {
            "right": np.where(truth == ABSTAIN, np.nan, soft.probs.argmax(axis=1) == truth),
            "confidence": confidence,
            "answered": np.ones(len(soft), bool) if threshold is None else confidence > threshold,
            **voted,
        },
        index=soft.ids,
    )


def bad_rows(rows: pd.DataFrame, measure: str) -> NDArray[np.float64]:
    """float64[n]: 1 where a row is what a measure of rows counts as bad, 0 where not, missing where nobody knows."""
    if measure == "answered":
        return 1.0 - rows["answered"].to_numpy(np.float64)
    if measure == "conflict":
        return rows["conflicting"].to_numpy(np.float64)
    bad = 1.0 - rows["covered" if measure == "coverage" else "right"].to_numpy(np.float64)
    return np.asarray(bad * rows["answered"].to_numpy()) if measure == "wrong_confident" else bad


def surest(rows: pd.DataFrame, among: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """bool[n]: the surest so many of some rows."""
    places = np.flatnonzero(among)
    first = np.zeros(len(rows), bool)
    first[places[np.argsort(-rows["confidence"].to_numpy()[places], kind="stable")[:count]]] = True
    return first
