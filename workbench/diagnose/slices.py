"""Votes by slice, and the functions that err in one more than elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.stats import false_discovery, fisher_less, wilson_interval
from workbench.tables import ABSTAIN, VoteMatrix, WorkbenchError, aligned_gold

_BLOCK: Final = 65_536  # rows counted at once: float32 sums of so many ones are exact
_FEWEST: Final = 3  # votes with gold in a slice and elsewhere, below which the two are not compared


def by_slice(votes: VoteMatrix, masks: Mapping[str, NDArray[np.bool_]], gold: pd.Series[Any] | None = None) -> pd.DataFrame:
    """Return one row a slice: slice, n, label_coverage, overlap, conflict, votes_per_row, n_gold, correct, accuracy, low, high.

    masks: bool[n] in the order of the rows. accuracy: on covered rows with gold, the mean share of a row's votes that are
    right; n_gold counts those rows, correct adds their shares, low..high is the 95 % Wilson interval. Missing without gold.
    """
    counts = votes.n_votes
    conflicts = votes.conflicting
    truth = np.full(len(votes), ABSTAIN) if gold is None else aligned_gold(votes.ids, votes.labels, gold)
    right = (votes.votes == truth[:, None]).sum(axis=1) / np.maximum(counts, 1)
    lines = []
    for name, given in masks.items():
        mask = _of_rows(votes, name, given)
        n = max(int(mask.sum()), 1)
        known = mask & (truth != ABSTAIN) & (counts > 0)
        line = {"slice": name, "n": int(mask.sum()), "label_coverage": (counts[mask] > 0).sum() / n}
        line |= {"overlap": (counts[mask] > 1).sum() / n, "conflict": conflicts[mask].sum() / n}
        line |= {"votes_per_row": counts[mask].sum() / n, "n_gold": int(known.sum()), "correct": right[known].sum()}
        lines.append(line)
    columns = ["slice", "n", "label_coverage", "overlap", "conflict", "votes_per_row", "n_gold", "correct"]
    table = pd.DataFrame(lines, columns=columns).astype({"n_gold": "Int64", "correct": float})
    low, high = wilson_interval(table["correct"], table["n_gold"].astype(float))
    table = table.assign(accuracy=table["correct"] / table["n_gold"].astype(float).replace(0, np.nan), low=low, high=high)
    if gold is None:
        table[["n_gold", "correct", "accuracy", "low", "high"]] = pd.NA
    return table


def slice_errors(votes: VoteMatrix, masks: Mapping[str, NDArray[np.bool_]], gold: pd.Series[Any]) -> pd.DataFrame:
    """Return the pairs of function and slice where the function errs more than on the other rows it votes on, surest first.

    Columns: lf, slice, n (its votes in the slice on rows with gold), accuracy, n_elsewhere, accuracy_elsewhere, p (one-sided
    Fisher exact), q (Benjamini-Hochberg over all pairs with at least three such votes on either side).
    masks: bool[n] in the order of the rows. gold: class index by row id, -1 unknown.
    """
    truth = aligned_gold(votes.ids, votes.labels, gold)
    n, right = _slice_counts(votes, [_of_rows(votes, name, mask) for name, mask in masks.items()], truth)
    n_elsewhere, right_elsewhere = n[:, -1:] - n, right[:, -1:] - right
    lf, place = np.nonzero((n >= _FEWEST) & (n_elsewhere >= _FEWEST))  # the last slice, all rows, has no elsewhere
    n, right, n_elsewhere, right_elsewhere = (count[lf, place] for count in (n, right, n_elsewhere, right_elsewhere))
    p = fisher_less(right, n, right_elsewhere, n_elsewhere)
    table = pd.DataFrame(
        {
            "lf": pd.Series([votes.lfs[j] for j in lf], dtype="str"),
            "slice": pd.Series([list(masks)[s] for s in place], dtype="str"),
            "n": n,
            "accuracy": right / n,
            "n_elsewhere": n_elsewhere,
            "accuracy_elsewhere": right_elsewhere / n_elsewhere,
            "p": p,
            "q": false_discovery(p),
        }
    )
    worse = table[table["accuracy"] < table["accuracy_elsewhere"]]
    return worse.sort_values("p", kind="stable", ignore_index=True)


def _slice_counts(
    votes: VoteMatrix, masks: Sequence[NDArray[np.bool_]], truth: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[m, s + 1] votes on rows with gold in each slice and, last, in all rows; int64[m, s + 1] those that are right."""
    inside = np.column_stack([*masks, np.ones(len(votes), bool)])
    known = np.flatnonzero(truth != ABSTAIN)
    n, right = (np.zeros((len(votes.lfs), inside.shape[1]), np.int64) for _ in range(2))
    for start in range(0, len(known), _BLOCK):
        rows = known[start : start + _BLOCK]
        block, within = votes.votes[rows], inside[rows].astype(np.float32)
        n += ((block != ABSTAIN).T.astype(np.float32) @ within).astype(np.int64)
        right += ((block == truth[rows, None]).T.astype(np.float32) @ within).astype(np.int64)
    return n, right


def _of_rows(votes: VoteMatrix, name: str, given: NDArray[np.bool_]) -> NDArray[np.bool_]:
    mask = np.asarray(given, dtype=bool)
    if mask.shape != (len(votes),):
        raise WorkbenchError(f"the mask of slice {name!r} has shape {mask.shape}, but there are {len(votes)} rows")
    return mask
