"""The queue `value`: one ranked list, those rows first from whose labels most is learned.

Two lists take turns. In the first the most valuable vote pattern gives a row, drawn at random among its own, and counts for
less the more rows it has given: votes alone decide which pattern comes and chance which of its rows, so that the row speaks for
those beside it. In the second stand rows that look wrong or hard by their text, or where a failure is feared: they are worth
mending and speak for no other row. A share of the list is drawn from all rows, so that nothing stays unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.tables import ABSTAIN, SoftLabels, VoteMatrix, WorkbenchError, distinct_rows

Floats = NDArray[np.float64]

#: What each reason counts for (reach: the power that the number of rows is raised to), and two shares: of uncovered rows in the
#: list, as a part of their share in the data, and of rows drawn from all. Chosen on the valid rows of four data sets
#: (benchmarks/queues.py): conflict adds nothing to ambiguity there.
WEIGHTS: Final[dict[str, float]] = {
    "conflict": 0.0,
    "ambiguity": 1.0,
    "reach": 0.3,
    "label_error": 0.25,
    "end_model": 0.75,
    "severity": 0.5,
    "uncovered": 1.0,
    "random": 0.3,
}
BY_VOTES: Final = ("conflict", "ambiguity", "reach")
BY_ROW: Final = ("label_error", "end_model", "severity")
_SHARES: Final = ("uncovered", "random")
_NO_DOUBT: Final = 0.1  # what a pattern counts for that is quite sure: it may be surely wrong
PATTERN, UNCOVERED, ANY, PICKED = range(4)  # how a row came into the list


class Opinion(NamedTuple):
    """What another model says of some rows: their positions, and float64[rows, k] probabilities."""

    at: NDArray[np.intp]
    probs: Floats


class Listed(NamedTuple):
    """The list, best first: positions of rows, and how each came into it."""

    order: NDArray[np.intp]
    how: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to rank. open_: bool[n], those that may be asked. severity: by name of a failure how grave it were, 0..1 by row.

    text: intp[n], the same number for rows of equal text; None where each is its own.
    """

    votes: VoteMatrix
    soft: SoftLabels
    open_: NDArray[np.bool_]
    opinion: Opinion | None = None
    severity: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    text: NDArray[np.intp] | None = None

    @cached_property
    def pattern(self) -> NDArray[np.intp]:
        """intp[n]: the number of each row's vote pattern."""
        return distinct_rows(self.votes.votes)[1]

    @cached_property
    def size(self) -> NDArray[np.intp]:
        """intp[n]: how many rows that may be asked have the votes of each row."""
        counts = np.bincount(self.pattern[self.open_], minlength=int(self.pattern.max(initial=0)) + 1)
        return np.asarray(counts[self.pattern], dtype=np.intp)

    @cached_property
    def reasons(self) -> dict[str, NDArray[np.float32]]:
        """float32[n] in 0..1 by reason; those for which nothing was given are missing."""
        covered, size = self.votes.covered, self.size
        most = size[covered & self.open_].max(initial=1)
        found = {
            "conflict": _minority(self.votes),
            "ambiguity": np.where(covered, 1 - margins(self.soft.probs), 0),
            "reach": np.where(covered, np.log1p(size) / np.log1p(most), 0).clip(0, 1),
        }
        if self.opinion is not None:
            at, probs = self.opinion
            for name, of in (("label_error", suspected(probs, self._label[at])), ("end_model", 1 - margins(probs))):
                found[name] = np.zeros(len(covered))
                found[name][at] = of
        if self.severity:
            found["severity"] = np.max([np.asarray(of, dtype=np.float64) for of in self.severity.values()], axis=0)
        return {name: of.astype(np.float32) for name, of in found.items()}

    @cached_property
    def _label(self) -> NDArray[np.intp]:
        return np.where(self.votes.covered, self.soft.probs.argmax(axis=1), ABSTAIN)

    def score(self, weights: Mapping[str, float], names: tuple[str, ...] = (*BY_VOTES, *BY_ROW)) -> NDArray[np.float32]:
        """float32[n]: the weighted sum of reasons."""
        total = np.zeros(len(self.votes), np.float32)
        for name in names:
            if name in self.reasons and weights[name]:
                total += np.float32(weights[name]) * self.reasons[name]
        return total

    def by_votes(self, weights: Mapping[str, float]) -> NDArray[np.float32]:
        """float32[n]: what a first row of each one's pattern is worth, its doubt times a power of how many rows share it."""
        doubt = _NO_DOUBT + self.score(weights, ("conflict", "ambiguity"))
        share = np.maximum(self.size, 1) / max(int(self.size.max(initial=0)), 1)
        return (doubt * share ** weights["reach"]).astype(np.float32)

    def in_words(self, weights: Mapping[str, float], place: int, how: int) -> str:
        """Return why a row stands in the list, the strongest reason first."""
        if how == ANY:
            return "Drawn at random."
        if how == UNCOVERED:
            return f"Drawn at random from the rows that no function votes on, {self.size[place]:,} in all."
        names = BY_VOTES if how == PATTERN else BY_ROW
        points = {name: weights[name] * float(self.reasons[name][place]) for name in names if name in self.reasons}
        said = [self._said(name, place) for name in sorted(points, key=lambda name: -points[name]) if points[name] > 0]
        if how == PATTERN and self.reasons["conflict"][place] > 0 and not points["conflict"]:
            said.append(self._said("conflict", place))  # it weighs nothing, and explains the doubt
        words = "; ".join(one for one in said if one) or "no reason weighs anything"
        start = f"Drawn at random from the rows with its votes, {self.size[place]:,} in all" if how == PATTERN else "Picked"
        return f"{start}: {words}."

    def _said(self, name: str, place: int) -> str:
        if name == "conflict":
            vote = self.votes.votes[place]
            return f"functions vote for {' and '.join(repr(self.votes.labels[c]) for c in np.unique(vote[vote != ABSTAIN]))}"
        if name == "ambiguity":
            return f"the label model takes it for {likely(self.soft.labels, self.soft.probs[place])}"
        if name == "severity":
            feared = {failure: float(of[place]) for failure, of in self.severity.items() if of[place]}
            return f"it may be {listed(sorted(feared, key=lambda failure: -feared[failure]), 2)}"
        if name == "reach" or self.opinion is None:
            return ""  # the number of its rows is said already
        probs = self.opinion.probs[np.searchsorted(self.opinion.at, place)]
        if name == "end_model":
            return f"a model that reads the rows takes it for {likely(self.soft.labels, probs)}"
        return f"its label {self.soft.labels[self._label[place]]!r} looks wrong to a model that reads the rows"


def check_weights(weights: Mapping[str, Any], where: str) -> dict[str, float]:
    """Return the weights with the defaults of those not given; raises WorkbenchError naming the nearest known one."""
    for name, value in weights.items():
        if name not in WEIGHTS:
            raise WorkbenchError(
                f"unknown weight {name!r} in {where}; known are {listed(WEIGHTS)}{did_you_mean(name, WEIGHTS)}"
            )
        number = isinstance(value, int | float) and not isinstance(value, bool)
        most = 1.0 if name in _SHARES else 100.0
        if not number or not 0 <= value <= most:
            raise WorkbenchError(f"{name} in {where} is {value!r}; it is a number from 0 to {most:g}")
    known = WEIGHTS | {name: float(value) for name, value in weights.items()}
    if not any(known[name] for name in BY_VOTES):
        raise WorkbenchError(f"{where} takes the weight from {listed(BY_VOTES)}; at least one of them must be above 0")
    return known


def best_first(rows: Rows, weights: Mapping[str, float] = WEIGHTS, seed: int = 0) -> Listed:
    """Return every row that may be asked once, best first; what is equal stands as it was drawn from seed.

    weights: all of WEIGHTS. A row whose text stood before comes after all others.
    """
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(rows.open_))
    covered = rows.votes.covered[drawn]
    spread, uncovered = _spread(drawn[covered], rows.by_votes(weights), rows.pattern), drawn[~covered]
    alone = rows.score(weights, BY_ROW)[drawn]
    picked = drawn[np.argsort(-alone, kind="stable")][: np.count_nonzero(alone)]
    by_row = sum(weights[name] for name in BY_ROW if name in rows.reasons) if len(picked) else 0.0
    by_row /= by_row + sum(weights[name] for name in BY_VOTES)
    blank = weights["uncovered"] * len(uncovered) / max(len(drawn), 1)
    rest = 1 - weights["random"]
    found = _in_turn(
        {
            PATTERN: (spread, rest * (1 - by_row) * (1 - blank)),
            UNCOVERED: (uncovered, rest * (1 - by_row) * blank),
            ANY: (np.random.default_rng([seed, 1]).permutation(drawn), weights["random"]),
            PICKED: (picked, rest * by_row),
        },
        len(rows.open_),
    )
    if rows.text is None:
        return found
    _, first = np.unique(rows.text[found.order], return_index=True)
    again = np.ones(len(found.order), bool)
    again[first] = False
    at = np.argsort(again, kind="stable")
    return Listed(found.order[at], found.how[at])


def _spread(rows: NDArray[np.intp], score: NDArray[np.float32], pattern: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return rows so that the i-th of a pattern counts for 1 / i of the pattern's best score."""
    kind = pattern[rows]
    best = np.zeros(int(pattern.max(initial=0)) + 1, np.float32)
    np.maximum.at(best, kind, score[rows])
    order = np.argsort(kind, kind="stable")
    start = np.flatnonzero(np.diff(kind[order], prepend=-1))
    number = np.arange(len(rows)) - np.repeat(start, np.diff(start, append=len(rows)))
    worth = np.empty(len(rows), np.float32)
    worth[order] = best[kind[order]] / (1 + number)
    return rows[np.argsort(-worth, kind="stable")]


def _in_turn(lists: Mapping[int, tuple[NDArray[np.intp], float]], n: int) -> Listed:
    """Merge lists so that every stretch holds its share of each, and every row once, where it stands first.

    What has no share comes last.
    """
    due = [(np.arange(len(rows)) + 0.5) / max(share, 1e-9) for rows, share in lists.values()]
    order = np.argsort(np.concatenate(due), kind="stable")
    every = np.concatenate([rows for rows, _ in lists.values()])[order]
    how = np.repeat(np.array(list(lists), np.int8), [len(rows) for rows, _ in lists.values()])[order]
    first = np.full(n, -1, np.intp)
    first[every[::-1]] = np.arange(len(every))[::-1]  # of a row that stands twice the last writing is its first place
    kept = np.sort(first[first >= 0])
    return Listed(every[kept], how[kept])


def suspected(probs: Floats, label: NDArray[np.intp]) -> Floats:
    """float64[n]: how little a model believes labels (-1: none) that confident learning suspects, 0 of the others.

    Suspected is a row that reaches the mean confidence of another class's own rows there, most of all classes that it reaches
    (Northcutt, Jiang & Chuang, JAIR 70, 2021: the off-diagonal of the confident joint); 1 minus the self-confidence ranks them.
    """
    own = np.where(label >= 0, probs[np.arange(len(label)), label], 0.0)
    usual = np.array([own[label == c].mean() if (label == c).any() else np.inf for c in range(probs.shape[1])])
    reached = np.where(probs >= usual, probs, -1.0)
    return np.where((label >= 0) & (reached.max(axis=1) >= 0) & (reached.argmax(axis=1) != label), 1 - own, 0.0)


def margins(probs: Floats) -> Floats:
    """float64[n]: how far apart the two likeliest classes of each row are; 1 where there is one class."""
    if probs.shape[1] == 1:
        return np.ones(len(probs))
    top = np.partition(probs, -2, axis=1)
    return np.asarray(top[:, -1] - top[:, -2])


def likely(labels: tuple[str, ...], probs: Floats) -> str:
    """Return the two likeliest classes in words."""
    return " and ".join(f"{labels[c]!r} {probs[c]:.0%}" for c in np.argsort(-probs, kind="stable")[:2])


def _minority(votes: VoteMatrix) -> Floats:
    """float64[n]: twice the share of a row's votes that are not for its most voted class, at most 1."""
    found, rows = np.zeros(len(votes)), np.flatnonzero(votes.conflicting)
    cast = votes.votes[rows]
    most = np.zeros(len(rows), np.intp)
    for c in range(len(votes.labels)):
        np.maximum(most, (cast == c).sum(axis=1), out=most)
    found[rows] = np.minimum(1, 2 * (1 - most / votes.n_votes[rows]))
    return found
