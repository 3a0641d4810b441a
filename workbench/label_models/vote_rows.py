"""Vote rows as the generative model meets them: gold rows apart from the others, in parts where they do not fit one machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.label_models.contract import VoteParts, Votes, counts_of, drawn_at_random, known_rows
from workbench.tables import ABSTAIN, PatternCounts, VoteMatrix, distinct_rows

Floats = NDArray[np.float64]
T = TypeVar("T")

LEARNED_FROM: Final = 100_000  # distinct vote rows that EM iterates over; where there are more, all of them teach in the end


class Known(NamedTuple):
    """Covered gold rows with class, weight and whether they were drawn, and how often those drawn have each class."""

    patterns: NDArray[np.int16]
    label: NDArray[np.intp]
    weight: Floats
    drawn: NDArray[np.bool_]
    classes: Floats

    @classmethod
    def none(cls, m: int, k: int) -> Self:
        """Return no gold rows."""
        return cls(np.zeros((0, m), np.int16), np.zeros(0, np.intp), np.zeros(0), np.zeros(0, bool), np.zeros(k))

    def take(self, rows: NDArray[np.bool_]) -> Known:
        """Return some of the rows."""
        picked = {name: getattr(self, name)[rows] for name in ("patterns", "label", "weight", "drawn")}
        return self._replace(**picked)

    def merge(self, other: Known) -> Known:
        """Return the rows of both, the other's behind."""
        both = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in self._fields[:-1]}
        return Known(**both, classes=self.classes + other.classes)

    def teaching(self, gold_weight: float) -> Floats:
        """float64[rows]: how many rows each counts for among the votes."""
        return np.where(self.drawn, gold_weight, 1) * self.weight

    def answers(self, k: int) -> Floats:
        """float64[rows, k], one-hot."""
        return np.eye(k)[self.label]

    def balance(self, covered: Floats, as_gold: float) -> Floats:
        """Return the balance of all rows: that of gold, leaning on the one of covered rows as if it were so many gold rows."""
        counts = self.classes + as_gold * covered
        return np.asarray(counts / counts.sum(), dtype=np.float64)


class Rows(NamedTuple):
    """The distinct covered vote rows, int16[p, m], in the order of their hash, how often each occurs, and gold rows apart."""

    patterns: NDArray[np.int16]
    counts: NDArray[np.int64]
    known: Known

    @classmethod
    def of(cls, votes: VoteMatrix | PatternCounts, gold: pd.Series[Any] | pd.DataFrame | None) -> Self:
        """Take them out of votes."""
        k = len(votes.labels)
        known = Known.none(len(votes.lfs), k)
        if isinstance(votes, PatternCounts):
            if gold is not None:
                known_rows(votes, gold)  # which refuses them
            counted = counts_of(votes)
            first = distinct_rows(counted.patterns)[0]
            return cls(counted.patterns[first], counted.counts[first], known)
        rows = votes.covered.copy()
        if gold is not None:
            place, label, weight = known_rows(votes, gold)
            seen, drawn = rows[place], drawn_at_random(votes.ids[place], gold)
            classes = np.bincount(label[drawn], weight[drawn], minlength=k).astype(np.float64)
            known = Known(votes.votes[place[seen]], label[seen], weight[seen], drawn[seen], classes)
            rows[place] = False
        patterns = votes.votes[rows]
        first, kind = distinct_rows(patterns)
        return cls(patterns[first], np.bincount(kind, minlength=len(first)), known)


class Seen(NamedTuple):
    """What one look at all vote rows keeps, however many there are: what EM iterates over, and exact sums.

    patterns: int16[p, m], of the distinct covered rows without gold the first 100,000 in the order of their hash: an even
    sample, the same however the rows are parted. counts: int64[p]. rows: how many rows all patterns stand for. whole: whether
    these are all patterns. same: intp[m], functions that have voted the same everywhere share a number. cast: int64[m, k],
    votes by function and class, gold rows among them.
    """

    patterns: NDArray[np.int16]
    counts: NDArray[np.int64]
    rows: int
    whole: bool
    same: NDArray[np.intp]
    cast: NDArray[np.int64]
    known: Known

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Look at some rows."""
        k = len(rows.known.classes)
        every = np.concatenate([rows.patterns, rows.known.patterns])
        number = np.concatenate([rows.counts, np.ones(len(rows.known.label), np.int64)])
        columns: dict[bytes, int] = {}
        same = [columns.setdefault(column.tobytes(), len(columns)) for column in every.T]
        cast = [np.bincount(column + 1, number, minlength=k + 1)[1:] for column in every.T]
        return cls(
            rows.patterns[:LEARNED_FROM],
            rows.counts[:LEARNED_FROM],
            int(rows.counts.sum()),
            len(rows.patterns) <= LEARNED_FROM,
            np.array(same, np.intp),
            np.array(cast, np.int64).reshape(-1, k),
            rows.known,
        )

    def merge(self, other: Seen) -> Seen:
        """Return what is kept of both; a pattern among the first of all is among the first wherever it occurs."""
        patterns = np.concatenate([self.patterns, other.patterns])
        first, kind = distinct_rows(patterns)
        counts = np.bincount(kind, np.concatenate([self.counts, other.counts]), minlength=len(first)).astype(np.int64)
        return Seen(
            patterns[first[:LEARNED_FROM]],
            counts[:LEARNED_FROM],
            self.rows + other.rows,
            self.whole and other.whole and len(first) <= LEARNED_FROM,
            np.unique(np.stack([self.same, other.same]), axis=1, return_inverse=True)[1].reshape(-1),
            self.cast + other.cast,
            self.known.merge(other.known),
        )


class Parts:
    """Votes with gold, on which work is done part by part: a vote matrix, or pattern counts, are one part."""

    def __init__(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None) -> None:
        self.votes, self.gold = votes, gold
        self.rows = None if isinstance(votes, VoteParts) else Rows.of(votes, gold)

    def total(self, work: Callable[[Rows], T], add: Callable[[T, T], T]) -> T:
        """Return what the work makes of all parts, put together in the order of the parts."""
        if self.rows is not None:
            return work(self.rows)
        assert isinstance(self.votes, VoteParts)
        found: T = self.votes.total(partial(_on_part, work, self.gold), add)
        return found

    def seen(self) -> Seen:
        """Look at all rows once."""
        return self.total(Seen.of, Seen.merge)


def _on_part(work: Callable[[Rows], T], gold: pd.Series[Any] | pd.DataFrame | None, votes: VoteMatrix) -> T:
    return work(Rows.of(votes, gold))


def sums(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """Return the sum of what two parts return, each of it by itself."""
    return [np.add(mine, theirs) for mine, theirs in zip(one, other, strict=True)]


def voting(patterns: NDArray[np.int16], counts: Floats) -> Floats:
    """float64[m]: how many votes each function casts; by column, for a product would hold them all as floats."""
    return np.array([counts @ (column != ABSTAIN) for column in patterns.T], dtype=np.float64)
