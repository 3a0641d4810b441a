"""The rows that may be exported: what filters look at as one array a fact, and the frame of any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from workbench.export.private import private_cells, without_private
from workbench.io.vote_parts import split_codes
from workbench.tables import ABSTAIN, SPLITS, Dataset, SoftLabels, VoteMatrix, WorkbenchError, tied_classes

REVIEW_MARGIN: Final = 0.2
CONFIDENCE_STEPS: Final = np.arange(101) / 100
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Candidates:
    """The rows of a dataset with their votes and soft labels in the same order.

    slices: the rows of each, bool[n] by name. reviewed: bool[n], rows whose label a person gave, None where there are none.
    mask: whether private data leaves with a mark in its place; ids stay. The facts are computed once, when they are asked for:
    then a filter over a million rows is a few masks.
    """

    dataset: Dataset
    votes: VoteMatrix
    soft: SoftLabels
    slices: Mapping[str, Mask] = field(default_factory=dict)
    reviewed: Mask | None = None
    mask: bool = False

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        votes: VoteMatrix,
        soft: SoftLabels,
        slices: Mapping[str, Mask] | None = None,
        reviewed: pd.Index | None = None,
        mask: bool = False,
    ) -> Self:
        """Match votes and soft labels, which may hold more rows in any order, to the rows of the dataset; reviewed: row ids."""
        if not votes.labels == soft.labels == dataset.labels:
            raise WorkbenchError(f"the dataset has classes {dataset.labels}, votes {votes.labels}, soft labels {soft.labels}")
        if not votes.ids.equals(dataset.ids):
            votes = votes.take(_places(dataset.ids, votes.ids, "vote matrix"))
        if not soft.ids.equals(dataset.ids):
            soft = soft.take(_places(dataset.ids, soft.ids, "soft labels"))
        by_people = None if reviewed is None or not len(reviewed) else np.asarray(dataset.ids.isin(reviewed))
        return cls(dataset, votes, soft, slices or {}, by_people, mask)

    def take(self, rows: Mask) -> Candidates:
        """Return some of the rows, bool[n]."""
        slices = {name: mask[rows] for name, mask in self.slices.items()}
        reviewed = None if self.reviewed is None else self.reviewed[rows]
        return Candidates(self.dataset.take(rows), self.votes.take(rows), self.soft.take(rows), slices, reviewed, self.mask)

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.dataset.labels

    @cached_property
    def split(self) -> NDArray[np.int8]:
        """int8[n]: the place of each row's split in SPLITS."""
        return split_codes(self.dataset.split)

    @cached_property
    def splits(self) -> list[str]:
        """The splits that have rows."""
        return [name for name, n in zip(SPLITS, np.bincount(self.split, minlength=len(SPLITS)), strict=True) if n]

    @cached_property
    def label(self) -> NDArray[np.int16]:
        """int16[n]: the likeliest class, -1 on uncovered rows and ties."""
        return np.asarray(self.soft.hard())

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """float64[n]: the highest probability."""
        return np.asarray(self.soft.probs.max(axis=1))

    @cached_property
    def confidence_step(self) -> NDArray[np.int8]:
        """int8[n]: the place of the last of CONFIDENCE_STEPS that the confidence reaches."""
        return np.asarray(np.searchsorted(CONFIDENCE_STEPS, self.confidence, side="right") - 1, np.int8)

    @cached_property
    def agreement(self) -> NDArray[np.float64]:
        """float64[n]: the share of a row's votes that equal its label, NaN where there is no vote or no label."""
        same = np.zeros(len(self))
        for j in range(len(self.votes.lfs)):  # a column at a time: the whole comparison would be as large as the votes
            same += self.votes.votes[:, j] == self.label
        known = (self.votes.n_votes > 0) & (self.label != ABSTAIN)
        return np.where(known, same / np.maximum(self.votes.n_votes, 1), np.nan)

    @cached_property
    def needs_review(self) -> Mask:
        """bool[n]: no function votes, or classes tie, or functions conflict and the model hardly prefers one side."""
        probs, conflict = self.soft.probs, self.votes.conflicting
        if probs.shape[1] == 1:
            return np.asarray(~self.soft.covered | conflict)
        ordered = np.sort(probs, axis=1)
        tied = tied_classes(probs).sum(axis=1) > 1
        close = conflict & (ordered[:, -1] - ordered[:, -2] < REVIEW_MARGIN)
        return np.asarray(~self.soft.covered | tied | close)

    @cached_property
    def on_valid(self) -> Candidates:
        """The valid rows whose gold is known: what labels are measured on. Gold of train and test is never read."""
        gold = np.full(len(self), ABSTAIN) if self.dataset.gold is None else self.dataset.gold.to_numpy()
        return self.take((self.split == SPLITS.index("valid")) & (gold != ABSTAIN))

    @cached_property
    def right(self) -> NDArray[np.float64]:
        """float64[n]: how much of each row's answer is right, a tie counting in parts; for rows whose gold is known."""
        if self.dataset.gold is None:
            return np.zeros(len(self))
        tied = tied_classes(self.soft.probs)
        return np.asarray(tied[np.arange(len(self)), self.dataset.gold.to_numpy()] / tied.sum(axis=1))

    @cached_property
    def private(self) -> pd.DataFrame:
        """Private data in the cells, of all rows: row (its place), column, start, end, kind."""
        return private_cells(self.dataset.frame)

    def frame(self, rows: NDArray[Any] | None = None) -> pd.DataFrame:
        """Return one line a row, of a boolean mask or of positions, indexed by id, with the columns of the room's docstring."""
        at = np.arange(len(self)) if rows is None else np.flatnonzero(rows) if rows.dtype == bool else rows
        own, probs, labels = self.dataset.frame.iloc[at], self.soft.probs[at], self.labels
        own = without_private(own, self.private, at) if self.mask else own
        entropies = entropy(probs)
        computed: dict[str, Any] = {"split": self.dataset.split.to_numpy()[at]}
        computed |= {f"p_{label}": probs[:, index] for index, label in enumerate(labels)}
        computed |= {"label": _named(self.label[at], labels), "entropy": entropies, "agreement": self.agreement[at]}
        computed["weight"] = np.where(self.soft.covered[at], 1 - entropies / np.log(max(len(labels), 2)), 0.0)
        by_people = np.zeros(len(own), bool) if self.reviewed is None else self.reviewed[at]
        computed |= {
            "needs_review": self.needs_review[at],
            "reviewed": by_people,
            "n_votes": self.votes.n_votes[at],
            "covered": self.soft.covered[at],
        }
        computed |= {f"lf:{name}": _named(self.votes.votes[at, j], labels) for j, name in enumerate(self.votes.lfs)}
        taken = [name for name in map(str, own) if name in (*computed, "id", "gold") or name.startswith("lf:")]
        own = own.rename(columns={name: f"data:{name}" for name in taken})
        frame = pd.concat([own, pd.DataFrame(computed, index=own.index)], axis=1)
        if not frame.columns.is_unique:
            raise WorkbenchError(
                f"column {frame.columns[frame.columns.duplicated()][0]!r} would stand twice; rename it in the data"
            )
        return frame.rename_axis(index="id")


def _places(wanted: pd.Index, known: pd.Index, what: str) -> NDArray[np.intp]:
    """intp[n]: where each wanted row stands in a table that may hold more rows, in another order."""
    places = known.get_indexer(wanted)
    if (places < 0).any():
        raise WorkbenchError(f"the {what} lacks row {wanted[places < 0][0]!r} of the dataset; apply and fit on the same rows")
    return places


def _named(codes: NDArray[np.int16], labels: Sequence[str]) -> Any:
    """Return a text column of class names, missing for -1; put together in Arrow, three times as fast as in Python."""
    text = pa.large_string()
    named = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), pa.array(labels, text))
    return pd.array(named.cast(text), dtype="str")


def entropy(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy of each row in nats."""
    return np.asarray(-(probs * np.log(np.where(probs > 0, probs, 1))).sum(axis=1))  # the limit of p log p at 0 is 0
