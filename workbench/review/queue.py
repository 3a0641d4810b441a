"""Which rows a reviewer looks at next, best first, and why in words."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.review.value import likely, margins
from workbench.tables import ABSTAIN, SoftLabels, VoteMatrix, WorkbenchError

DEFAULT: Final = "value"
QUEUES: Final = {
    "value": "From whose labels most is learned: unsure, shared by many rows, likely wrong; see `[review.weights]`.",
    "conflict": "Functions vote for different classes; what the label model is least sure of comes first.",
    "uncertain": "The two likeliest classes are nearest to each other; the closest come first.",
    "uncovered": "No function votes; drawn at random.",
    "requested": "Somebody sent them to review; the oldest request comes first.",
    "random": "Drawn at random from all rows that may be reviewed.",
}
_BLANK: Final = "No function votes on it."
_DRAWN: Final = "Drawn at random"  # what the reason of a row begins with that chance chose among those like it
_NAMED: Final = 3  # functions named a class


def check_queue(kind: str) -> None:
    """Refuse the name of a queue that does not exist."""
    if kind not in QUEUES:
        raise WorkbenchError(f"there is no queue {kind!r}; the queues are {listed(QUEUES)}{did_you_mean(kind, QUEUES)}")


def ranked(kind: str, votes: VoteMatrix, soft: SoftLabels, open_: NDArray[np.bool_], seed: int = 0) -> NDArray[np.intp]:
    """Return the positions of the rows of a queue, best first; equally good ones, and random queues, by a draw from seed.

    votes, soft: the same rows in the same order. open_: bool[n], the rows that may be reviewed. `value` is ranked in
    value.py, and `requested` is a list that somebody wrote.
    """
    check_queue(kind)
    wanted = {"conflict": votes.conflicting, "uncertain": soft.covered, "uncovered": ~votes.covered}.get(kind, open_)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(wanted & open_))
    if kind == "conflict":
        rows = rows[np.argsort(-_entropy(soft.probs[rows]), kind="stable")]  # stable: what is equal stays as it was drawn
    elif kind == "uncertain":
        rows = rows[np.argsort(margins(soft.probs[rows]), kind="stable")]
    return rows


def _entropy(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(probs * np.log(np.where(probs > 0, probs, 1))).sum(axis=1))


def in_double_share(rows: Iterable[str], share: float) -> NDArray[np.bool_]:
    """Return which rows two reviewers label: by a hash of the row id, the same in every process.

    >>> in_double_share(["a", "b", "c", "d"], 0.3).tolist()
    [False, True, True, True]
    """
    heads = [
        int.from_bytes(hashlib.sha256(f"double {row}".encode("utf-8", "surrogatepass")).digest()[:8], "big") for row in rows
    ]
    return np.array(heads, dtype=np.float64) < share * 2.0**64


def settled(current: pd.DataFrame, reviewer: str, double: float) -> pd.Index:
    """Return the rows that a reviewer is not asked about: their own, and those that enough others have labelled.

    current: of Record.current. double: the share of rows that two reviewers label instead of one.
    """
    own = current.loc[current["reviewer"] == reviewer, "row"]
    others = current[(current["kind"] == "label") & (current["reviewer"] != reviewer)].groupby("row")["reviewer"].nunique()
    wanted = np.where(in_double_share(others.index, double), 2, 1) if double else 1
    done: pd.Index = pd.Index(own).union(others.index[others.to_numpy() >= wanted])
    return done


def open_requests(requests: pd.DataFrame, current: pd.DataFrame, reviewer: str) -> pd.Series[Any]:
    """Return why each requested row was sent to review, by row id, the oldest request first, without those answered by now.

    requests: of Record.requests, which leaves out what a label answers; a skip or unsure answers for its reviewer alone.
    """
    own = current[current["reviewer"] == reviewer]
    said = pd.Series(own.index, index=own["row"]).groupby(level=0).max().reindex(requests["row"], fill_value=0)
    still = requests[said.to_numpy() <= requests["after"]].drop_duplicates("row")
    return still.set_index("row")["reason"].rename_axis("id")


def reason(votes: VoteMatrix, soft: SoftLabels, place: int, kind: str) -> str:
    """Return in words why a row stands in a queue."""
    vote, probs = votes.votes[place], soft.probs[place]
    if kind == "conflict":
        said = Counter(vote[vote != ABSTAIN].tolist()).most_common()
        sides = "; ".join(f"{soft.labels[c]!r}: {_functions(votes, vote == c)}" for c, _ in said)
        return f"Functions disagree ({sides}), and the label model takes it for {likely(soft.labels, probs)}."
    if kind == "uncertain":
        return f"The label model takes it for {likely(soft.labels, probs)}."
    return _BLANK if kind == "uncovered" else f"{_DRAWN}."


def chosen_by_chance(reasons: pd.Series[Any]) -> NDArray[np.bool_]:
    """bool[n]: by why rows were shown, whether chance chose them among rows like them: only such a row speaks for others."""
    return np.asarray(reasons.str.startswith(_DRAWN) | (reasons == _BLANK), dtype=bool)


def _functions(votes: VoteMatrix, cast: NDArray[np.bool_]) -> str:
    names = [votes.lfs[j] for j in np.flatnonzero(cast)]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
