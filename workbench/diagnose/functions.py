"""What each function does, and what the set does as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import listed
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, VoteMatrix, WorkbenchError, aligned_gold


def function_table(votes: VoteMatrix, gold: pd.Series[Any] | None = None) -> pd.DataFrame:
    """Return one row a function, in order.

    Columns: lf, polarity (tuple of the class names it voted), n_votes; coverage, overlap, conflict (shares of all rows);
    n_gold (its votes on rows with gold), correct, accuracy with its 95 % Wilson interval low..high; faults; stopped (bool).
    gold: class index by row id, -1 unknown; without it those columns are missing, not zero.
    """
    voted = votes.votes != ABSTAIN
    rows = max(len(votes), 1)
    cast = votes_by_class(votes)
    failed = votes.faults["lf"].value_counts()
    table = pd.DataFrame(
        {
            "lf": pd.Series(votes.lfs, dtype="str"),
            "polarity": pd.Series([_named(votes, line) for line in cast], dtype="object"),
            "n_votes": cast.sum(axis=1),
            "coverage": cast.sum(axis=1) / rows,
            "overlap": voted[votes.n_votes > 1].sum(axis=0) / rows,
            "conflict": voted[votes.conflicting].sum(axis=0) / rows,
        }
    )
    return pd.concat([table, _accuracy(votes, gold)], axis=1).assign(
        faults=[int(failed.get(name, 0)) for name in votes.lfs],
        stopped=[name in votes.stopped for name in votes.lfs],
    )


def _accuracy(votes: VoteMatrix, gold: pd.Series[Any] | None) -> pd.DataFrame:
    if gold is None:
        nothing = pd.Series(np.nan, index=range(len(votes.lfs)))
        counts = dict.fromkeys(("n_gold", "correct"), nothing.astype("Int64"))
        return pd.DataFrame(counts | dict.fromkeys(("accuracy", "low", "high"), nothing))
    truth = aligned_gold(votes.ids, votes.labels, gold)
    if len(votes) and len(gold) and not gold.index.isin(votes.ids).any():
        given, wanted = (listed(ids[:1]) for ids in (gold.index, votes.ids))
        raise WorkbenchError(
            f"gold and votes have no row id in common: {given}, ... and {wanted}, ...; for gold in row order write "
            "pd.Series(gold.to_numpy(), index=votes.ids)"
        )
    known = truth != ABSTAIN
    n_gold = (votes.votes[known] != ABSTAIN).sum(axis=0)
    correct = (votes.votes[known] == truth[known, None]).sum(axis=0)
    low, high = wilson_interval(correct, n_gold)
    accuracy = np.where(n_gold > 0, correct / np.maximum(n_gold, 1), np.nan)
    table = pd.DataFrame({"n_gold": n_gold, "correct": correct, "accuracy": accuracy, "low": low, "high": high})
    return table.astype({"n_gold": "Int64", "correct": "Int64"})


def coverage_summary(votes: VoteMatrix, gold: pd.Series[Any] | None = None) -> dict[str, Any]:
    """Return what the set does as a whole: rows, label_coverage, overlap, conflict (shares of rows), uncovered, votes_per_row.

    classes: by name, the votes for it and, with gold, its rows and the share of them on which any function votes.
    """
    rows = max(len(votes), 1)
    counts = votes.n_votes
    cast = votes_by_class(votes).sum(axis=0)
    classes: dict[str, dict[str, Any]] = {}
    truth = None if gold is None else aligned_gold(votes.ids, votes.labels, gold)
    for index, label in enumerate(votes.labels):
        of_class = np.zeros(0, bool) if truth is None else votes.covered[truth == index]
        share = float(of_class.mean()) if len(of_class) else None
        classes[label] = {"votes": int(cast[index]), "rows": None if truth is None else len(of_class), "coverage": share}
    return {
        "rows": len(votes),
        "label_coverage": float((counts > 0).sum() / rows),
        "overlap": float((counts > 1).sum() / rows),
        "conflict": float(votes.conflicting.sum() / rows),
        "uncovered": int((counts == 0).sum()),
        "votes_per_row": float(counts.sum() / rows),
        "classes": classes,
    }


def votes_by_class(votes: VoteMatrix) -> NDArray[np.int64]:
    """int64[m, k]: how often each function votes each class."""
    size = len(votes.labels) + 1
    columns = [np.bincount(votes.votes[:, j] + 1, minlength=size)[1:] for j in range(len(votes.lfs))]
    return np.array(columns, dtype=np.int64).reshape(len(votes.lfs), size - 1)


def _named(votes: VoteMatrix, cast: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(votes.labels[index] for index in np.flatnonzero(cast))
