"""Pairs of functions: how often the two disagree, which of them is right then, and which say the same."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose.functions import votes_by_class
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, VoteMatrix, aligned_gold

_BLOCK: Final = 65_536  # rows counted at once: float32 sums of so many ones are exact
_CLASSES: Final = 8  # classes up to which their order is the best order of functions


def pairwise(votes: VoteMatrix) -> pd.DataFrame:
    """Return the pairs of functions that vote on a common row, most disagreements first.

    Columns: a, b, both (rows on which both vote), disagree (of those, with different classes), rate (disagree / both).
    """
    both, same = _pair_counts(votes)
    first, second = np.nonzero(np.triu(both, 1))
    names = np.array(votes.lfs, dtype=object)
    table = pd.DataFrame({"a": pd.Series(names[first], dtype="str"), "b": pd.Series(names[second], dtype="str")})
    table = table.assign(both=both[first, second], disagree=(both - same)[first, second])
    table["rate"] = table["disagree"] / table["both"]
    return table.sort_values(["disagree", "rate"], ascending=False, kind="stable", ignore_index=True)


def disagreements(votes: VoteMatrix, gold: pd.Series[Any] | None = None) -> pd.DataFrame:
    """Return what `pairwise` does, and for each pair how sure its rate is and which function is right where the two differ.

    More columns: low, high (95 % Wilson interval of rate); n_gold (rows with gold on which the two differ), a_right and b_right
    (of those; on the rest neither is), better: the function that is right more often, '' where the 95 % Wilson interval of its
    share of a_right + b_right still holds one half. gold: class index by row id, -1 unknown; without it those are missing.
    """
    table = pairwise(votes)
    low, high = wilson_interval(table["disagree"], table["both"])
    table = table.assign(low=low, high=high)
    if gold is None:
        unknown = pd.Series(pd.NA, index=table.index, dtype="Int64")
        return table.assign(n_gold=unknown, a_right=unknown, b_right=unknown, better="")
    truth = aligned_gold(votes.ids, votes.labels, gold)
    known = votes.take(np.flatnonzero(truth != ABSTAIN))
    right = (known.votes == truth[truth != ABSTAIN][:, None]).astype(np.float32)
    wrong = (known.votes != ABSTAIN).astype(np.float32) - right
    alone = (right.T @ wrong).astype(np.int64)  # [i, j]: i is right where j votes and errs
    both, same = _pair_counts(known)
    names = pd.Index(votes.lfs)
    a, b = names.get_indexer(pd.Index(table["a"])), names.get_indexer(pd.Index(table["b"]))
    a_right, b_right = alone[a, b], alone[b, a]
    low, high = wilson_interval(a_right, a_right + b_right)
    better = np.where(low > 0.5, table["a"], np.where(high < 0.5, table["b"], ""))
    counts = {"n_gold": (both - same)[a, b], "a_right": a_right, "b_right": b_right}
    return table.assign(**counts, better=better).astype(dict.fromkeys(counts, "Int64") | {"better": "str"})


def block_order(votes: VoteMatrix, pairs: pd.DataFrame) -> list[str]:
    """Return the functions of some pairs, in an order in which blocks show in a matrix of them.

    They stand by the class each votes most, the most disputed first; where that is more than eight classes, each beside the
    one, of those left, that disagrees most like it with the others. pairs: some lines of `pairwise` or `disagreements`.
    """
    names = pd.Index(votes.lfs)[np.isin(votes.lfs, [*pairs["a"], *pairs["b"]])]
    a, b = names.get_indexer(pd.Index(pairs["a"])), names.get_indexer(pd.Index(pairs["b"]))
    disputes = np.zeros((len(names), len(names)))
    disputes[a, b] = disputes[b, a] = pairs["disagree"]
    by_class = votes_by_class(votes)[np.isin(votes.lfs, names)].argmax(axis=1)
    if len(set(by_class)) <= _CLASSES:
        return names[np.lexsort((-disputes.sum(axis=1), by_class))].tolist()
    profiles = np.log1p(disputes)
    norms = (profiles**2).sum(axis=1)
    far = norms[:, None] + norms - 2 * profiles @ profiles.T
    order = [int(disputes.sum(axis=1).argmax())]
    while len(order) < len(names):
        far[:, order[-1]] = np.inf
        order.append(int(far[order[-1]].argmin()))
    return names[order].tolist()


def redundant(
    votes: VoteMatrix, min_agreement: float = 0.95, min_rows: int = 10, pairs: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the pairs of functions that say the same, the surest first: one of the two adds votes but no evidence.

    Columns: a, b, either (rows on which either votes: the count the claim rests on, at least min_rows), same (rows on which
    both give one class), agreement (same / either, at least min_agreement). pairs: what `pairwise` returned for these votes.
    """
    table = pairwise(votes) if pairs is None else pairs
    n_votes = pd.Series(votes_by_class(votes).sum(axis=1), index=pd.Index(votes.lfs, dtype="str"))
    either = n_votes[table["a"]].to_numpy() + n_votes[table["b"]].to_numpy() - table["both"]
    table = table[["a", "b"]].assign(either=either, same=table["both"] - table["disagree"])
    table["agreement"] = table["same"] / table["either"]
    close = table[(table["either"] >= min_rows) & (table["same"] >= min_agreement * table["either"])]
    return close.sort_values(["agreement", "either"], ascending=False, kind="stable", ignore_index=True)


def _pair_counts(votes: VoteMatrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[m, m] rows on which both vote, int64[m, m] rows on which both vote one class.

    Most functions vote for one or two classes, so the product of a class needs only the functions that ever vote for it.
    """
    m = len(votes.lfs)
    both, same = np.zeros((m, m), np.int64), np.zeros((m, m), np.int64)
    voters = [np.flatnonzero(line) for line in votes_by_class(votes).T]
    for start in range(0, len(votes), _BLOCK):
        block = votes.votes[start : start + _BLOCK]
        voted = (block != ABSTAIN).astype(np.float32)
        both += (voted.T @ voted).astype(np.int64)
        for index, columns in enumerate(voters):
            if len(columns) > 1:
                chosen = (block[:, columns] == index).astype(np.float32)
                same[np.ix_(columns, columns)] += (chosen.T @ chosen).astype(np.int64)
    return both, same
