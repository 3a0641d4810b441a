"""Vote patterns: which functions vote together, for which classes, and on how many rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.tables import ABSTAIN, PatternCounts, VoteMatrix, aligned_gold


def vote_patterns(
    votes: VoteMatrix, gold: pd.Series[Any] | None = None, conflicts_only: bool = False, top: int | None = 20
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the most frequent combinations of votes, and how many patterns and rows there are of all that count.

    One line a pattern, indexed by a name that the same votes have in every run: rows, share (of the rows that count), conflict
    (bool), votes ({function: class}), gold ({class: rows with that gold}, most first). Rows without a vote have no pattern.
    gold: class index by row id, -1 unknown. conflicts_only: count only patterns with votes for two classes. top: None for all.
    """
    found = PatternCounts.from_votes(votes)
    highest = found.patterns.max(axis=1, initial=ABSTAIN)
    voted = found.patterns != ABSTAIN
    conflict = (voted & (found.patterns != highest[:, None])).any(axis=1)
    wanted = np.flatnonzero(conflict if conflicts_only else voted.any(axis=1))
    rows = int(found.counts[wanted].sum())
    truth = None if gold is None else aligned_gold(votes.ids, votes.labels, gold)
    lines = []
    order = np.lexsort((voted[wanted].sum(axis=1), -found.counts[wanted]))  # of two as frequent the simpler one first
    for place in wanted[order[:top]]:
        pattern = found.patterns[place]
        cast = {votes.lfs[j]: votes.labels[pattern[j]] for j in np.flatnonzero(voted[place])}
        lines.append(
            {
                "pattern": hashlib.sha256(repr(sorted(cast.items())).encode()).hexdigest()[:12],
                "rows": int(found.counts[place]),
                "share": found.counts[place] / rows,
                "conflict": bool(conflict[place]),
                "votes": cast,
                "gold": {} if truth is None else _counted(truth[rows_with(votes, cast)], votes.labels),
            }
        )
    table = pd.DataFrame(lines, columns=["pattern", "rows", "share", "conflict", "votes", "gold"]).set_index("pattern")
    return table, {"patterns": len(wanted), "rows": rows}


def classes_voted(votes: VoteMatrix) -> VoteMatrix:
    """Return a matrix with a column a class in place of a function: its patterns are the sets of classes voted on a row."""
    columns = [np.where((votes.votes == index).any(axis=1), index, ABSTAIN) for index in range(len(votes.labels))]
    return VoteMatrix(votes.ids, votes.labels, votes.labels, np.column_stack(columns))


def rows_with(votes: VoteMatrix, cast: Mapping[str, str]) -> NDArray[np.intp]:
    """intp[r]: the positions of the rows on which these functions vote these classes, and no other function votes."""
    rows = np.flatnonzero(votes.n_votes == len(cast))
    for name, label in cast.items():
        rows = rows[votes.votes[rows, votes.lfs.index(name)] == votes.labels.index(label)]
    return rows


def _counted(truth: NDArray[np.int64], labels: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(truth[truth != ABSTAIN], minlength=len(labels))
    return {labels[c]: int(counts[c]) for c in np.argsort(-counts, kind="stable") if counts[c]}
