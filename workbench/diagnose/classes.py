"""Votes by class: how many functions and rows speak for each, and how many of its rows are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.diagnose.functions import votes_by_class
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, VoteMatrix, aligned_gold


def by_class(votes: VoteMatrix, gold: pd.Series[Any] | None = None) -> pd.DataFrame:
    """Return one row a class, in order.

    Columns: class, functions (that ever vote for it), rows (with a vote for it), contested (of those, with a vote for another
    class); n_gold (rows whose gold it is), covered (of those, with any vote) with coverage and its 95 % Wilson interval
    low..high, found (of those, with a vote for the class). gold: class index by row id, -1 unknown; missing without it.
    """
    cast = votes_by_class(votes)
    truth = np.full(len(votes), ABSTAIN) if gold is None else aligned_gold(votes.ids, votes.labels, gold)
    lines = []
    for index, label in enumerate(votes.labels):
        voters = np.flatnonzero(cast[:, index])
        voted = (votes.votes[:, voters] == index).any(axis=1)
        of_class = truth == index
        line = {"class": label, "functions": len(voters), "rows": voted.sum(), "contested": (voted & votes.conflicting).sum()}
        lines.append(
            line | {"n_gold": of_class.sum(), "covered": (of_class & votes.covered).sum(), "found": (of_class & voted).sum()}
        )
    table = pd.DataFrame(lines)
    low, high = wilson_interval(table["covered"], table["n_gold"])
    coverage = table["covered"] / table["n_gold"].replace(0, np.nan)
    table = table.assign(coverage=coverage, low=low, high=high).astype(dict.fromkeys(("n_gold", "covered", "found"), "Int64"))
    if gold is None:
        table[["n_gold", "covered", "found", "coverage", "low", "high"]] = pd.NA
    return table
