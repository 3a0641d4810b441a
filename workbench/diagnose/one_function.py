"""One function seen close: where it is right, wrong, alone or in conflict, and how it does in each slice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, VoteMatrix

KINDS = ("right", "wrong", "alone", "conflict", "votes", "abstains")


def rows_by_kind(votes: VoteMatrix, lf: str, truth: NDArray[np.int16]) -> dict[str, NDArray[np.bool_]]:
    """bool[n] for each of KINDS: the rows where a function is right, where wrong, alone, in conflict, votes, and abstains.

    truth: int16[n], the class of each row as far as it is known and may be seen, else ABSTAIN. A row may be of several kinds;
    in conflict is one on which another function votes another class. Rows on which the function failed are of none.
    """
    j = votes.lfs.index(lf)
    cast = votes.votes[:, j]
    voted, known = cast != ABSTAIN, truth != ABSTAIN
    failed = votes.ids.get_indexer(pd.Index(votes.faults["id"][votes.faults["lf"] == lf]))
    abstains = ~voted
    abstains[failed] = False
    right = cast == truth
    return {
        "right": voted & known & right,
        "wrong": voted & known & ~right,
        "alone": voted & (votes.n_votes == 1),
        "conflict": voted & votes.conflicting,
        "votes": voted,
        "abstains": abstains,
    }


def slices_of(votes: VoteMatrix, lf: str, masks: Mapping[str, NDArray[np.bool_]], truth: NDArray[np.int16]) -> pd.DataFrame:
    """Return how a function does in each slice: slice, n, n_votes, coverage, n_gold, correct, accuracy, low, high.

    masks: bool[n] in the order of the rows. truth: as in `rows_by_kind`. low..high is the 95 % Wilson interval of accuracy,
    which is missing where no vote stands on a row with known class.
    """
    cast = votes.votes[:, votes.lfs.index(lf)]
    voted = cast != ABSTAIN
    known, right = voted & (truth != ABSTAIN), voted & (cast == truth)
    counts = [[int((mask & rows).sum()) for rows in (mask, voted, known, right)] for mask in masks.values()]
    table = pd.DataFrame(counts, columns=["n", "n_votes", "n_gold", "correct"], dtype=int)
    table.insert(0, "slice", list(masks))
    low, high = wilson_interval(table["correct"], table["n_gold"])
    some = table["n_gold"] > 0
    accuracy = table["correct"] / table["n_gold"].where(some)
    table.insert(3, "coverage", table["n_votes"] / table["n"].where(table["n"] > 0))
    ends = {name: pd.Series(end).where(some) for name, end in (("low", low), ("high", high))}
    return table.assign(accuracy=accuracy, **ends)
