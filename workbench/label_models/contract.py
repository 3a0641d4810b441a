"""What every label model promises, and the checks and sums that they share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.tables import ABSTAIN, PatternCounts, SoftLabels, VoteMatrix, WorkbenchError, aligned_gold

Balance = Sequence[float] | str | None
MOST_WEIGHT = 1_000_000_000  # rows that a gold row counts for: beyond it, rounding hides all other rows
_MERGED: Final = 20_000_000  # votes of distinct vote rows that are merged out of parts: 40 MB, and some times as much for a fit


@dataclass(frozen=True)
class VoteParts:
    """Votes of more rows than fit one machine, of which a model sees a part at a time.

    total: calls its first argument with the vote matrix of each part, maybe in other processes, and puts together what comes
    back, in the order of the parts, by its second argument, which takes two and returns one. All can be pickled.
    """

    lfs: tuple[str, ...]
    labels: tuple[str, ...]
    total: Callable[[Callable[[VoteMatrix], Any], Callable[[Any, Any], Any]], Any]


Votes = VoteMatrix | PatternCounts | VoteParts


class LabelModel(Protocol):
    """Learns from votes how far to trust each function; scikit-learn's word for every estimator."""

    def fit(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Learn from votes, and from gold where given (class index by row id, or a frame with label and weight)."""

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return a probability for every class on every row; uncovered rows get the class balance."""


def counts_of(votes: Votes) -> PatternCounts:
    """Return the distinct covered vote rows and their counts: what no function says anything of teaches nothing."""
    if isinstance(votes, VoteParts):
        counted = votes.total(PatternCounts.from_votes, _merged)
    else:
        counted = votes if isinstance(votes, PatternCounts) else PatternCounts.from_votes(votes)
    covered = (counted.patterns != ABSTAIN).any(axis=1)
    return PatternCounts(counted.lfs, counted.labels, counted.patterns[covered], counted.counts[covered])


def _merged(one: PatternCounts, other: PatternCounts) -> PatternCounts:
    """Return the counts of two parts, where votes repeat so often that they fit one machine."""
    found = one.merge(other)
    if found.patterns.size > _MERGED:
        raise WorkbenchError(
            f"{len(found.lfs)} functions give more than {len(found.counts):,} distinct vote rows, all of which this label "
            'model would hold at once; take model = "generative" or "majority_vote", which learn part by part'
        )
    return found


def rows_of(votes: Votes) -> NDArray[np.int16]:
    """int16[n, m]: all rows, for models that know no counts."""
    if isinstance(votes, VoteParts):
        raise WorkbenchError(
            "this label model learns from all rows at once, and these are in parts; "
            'take model = "generative" or "majority_vote", which learn part by part'
        )
    return np.repeat(votes.patterns, votes.counts, axis=0) if isinstance(votes, PatternCounts) else votes.votes


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Put back the random states of Python and numpy, which some libraries move even when they are imported."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def check_balance(balance: Balance, labels: Sequence[str]) -> NDArray[np.float64] | None:
    """Return a given class balance as float64[k], or None where it is to be estimated."""
    if balance is None:
        return None
    if isinstance(balance, str):
        if balance != "uniform":
            raise WorkbenchError(
                f"class_balance is {balance!r}; allowed are None (estimate it), 'uniform' and one share a class"
            )
        return np.full(len(labels), 1 / len(labels))
    shares = np.asarray(balance, dtype=np.float64)
    if shares.shape != (len(labels),):
        raise WorkbenchError(f"class_balance has {shares.size} shares for {len(labels)} labels {list(labels)}; give one each")
    if not np.isfinite(shares).all() or (shares < 0).any() or abs(shares.sum() - 1) > 1e-3:
        raise WorkbenchError(f"class_balance is {shares.tolist()}; shares are 0 or more and sum to 1")
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def check_accuracy(accuracy: float) -> None:
    """Refuse a prior accuracy that is no better than a coin's, or certain."""
    if not 0.5 <= accuracy < 1:
        raise WorkbenchError(f"accuracy is {accuracy}; the prior is better than chance, at least 0.5 and under 1")


def check_positive(model: object, names: Sequence[str]) -> None:
    """Refuse settings that must be above 0 and finite, and are not."""
    for name in names:
        if not 0 < getattr(model, name) < np.inf:
            raise WorkbenchError(f"{name} is {getattr(model, name)}; it must be above 0 and finite")


def check_same(fitted: tuple[tuple[str, ...], tuple[str, ...]], votes: VoteMatrix) -> None:
    """Refuse votes of other functions or labels than the model learned."""
    lfs, labels = fitted
    if votes.labels != labels:
        raise WorkbenchError(f"the model learned the labels {list(labels)}, and these votes have {list(votes.labels)}")
    if votes.lfs != lfs:
        missing = [name for name in lfs if name not in votes.lfs] or [name for name in votes.lfs if name not in lfs]
        what = f"function {missing[0]!r} is on one side only" if missing else "the functions stand in another order"
        raise WorkbenchError(f"the model learned other functions than these votes have: {what}; fit it again")


def check_fitted(model: object, learned: str) -> None:
    """Raise scikit-learn's NotFittedError where `fit` has not been called."""
    if not hasattr(model, learned):
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(f"this {type(model).__name__} has learned nothing yet; call fit(votes) first")


def known_rows(
    votes: Votes, gold: pd.Series[Any] | pd.DataFrame
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the position, class and weight of each row of votes that has gold; weight 0, as -1 or a missing label, is none."""
    if not isinstance(votes, VoteMatrix):
        raise WorkbenchError("gold names rows, and pattern counts have none; fit on the vote matrix")
    if not isinstance(gold, pd.Series | pd.DataFrame):
        raise WorkbenchError(f"gold is a {type(gold).__name__}; give a Series by row id, or a frame with label and weight")
    frame = gold.rename("label").to_frame() if isinstance(gold, pd.Series) else gold
    if "label" not in frame.columns:
        raise WorkbenchError(f"gold has the columns {list(frame.columns)}; it needs label, and may have weight")
    labels = aligned_gold(votes.ids, votes.labels, frame["label"])
    given = frame["weight"] if "weight" in frame.columns else pd.Series(1.0, index=frame.index)
    weight = pd.to_numeric(given, errors="coerce").reindex(votes.ids).to_numpy(np.float64, na_value=np.nan)
    known = labels != ABSTAIN
    for row in votes.ids[known & ~((weight >= 0) & (weight <= MOST_WEIGHT))]:
        raise WorkbenchError(f"the weight of gold row {row!r} is {given[row]}; weights are 0 to {MOST_WEIGHT:,}")
    place = np.flatnonzero(known & (weight > 0))
    return place, labels[place], weight[place]


def drawn_at_random(ids: pd.Index, gold: pd.Series[Any] | pd.DataFrame) -> NDArray[np.bool_]:
    """bool[n]: which gold rows speak for rows beside them: all, unless a column `drawn` says that some were picked."""
    if not isinstance(gold, pd.DataFrame) or "drawn" not in gold.columns:
        return np.ones(len(ids), bool)
    return np.asarray(gold["drawn"].reindex(ids, fill_value=False), dtype=bool)


def one_hot(votes: NDArray[np.int16], k: int) -> Any:
    """Return sparse[rows, functions * k]: 1 in column function * k + class where the function votes the class."""
    from scipy.sparse import csr_array

    row, lf = np.nonzero(votes != ABSTAIN)
    return csr_array((np.ones(len(row)), (row, lf * k + votes[row, lf])), shape=(len(votes), votes.shape[1] * k))


def vote_counts(votes: NDArray[np.int16], k: int) -> NDArray[np.float64]:
    """float64[rows, k]: how many votes of its row each class got."""
    counts = np.zeros((len(votes), k))
    for j in range(votes.shape[1]):
        rows = np.flatnonzero(votes[:, j] != ABSTAIN)
        counts[rows, votes[rows, j]] += 1
    return counts


def shares_of(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows that sum to 1, or zeros where all counts are 0."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), dtype=np.float64)


def mean_of(probs: NDArray[np.float64], counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of rows, float64[rows, k], each of which stands for `counts` rows; uniform where there are none."""
    k = probs.shape[1]
    return np.asarray(counts @ probs / counts.sum() if len(counts) else np.full(k, 1 / k), dtype=np.float64)


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows of probabilities; the largest score is taken off first, so that nothing overflows."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float64)


def soft_labels(votes: VoteMatrix, probs: NDArray[np.float64], balance: NDArray[np.float64]) -> SoftLabels:
    """Return probabilities with the class balance on uncovered rows, rows summing to 1 exactly enough."""
    answer = np.where(votes.covered[:, None], probs, balance)
    return SoftLabels(votes.ids, votes.labels, answer / answer.sum(axis=1, keepdims=True), votes.covered)
