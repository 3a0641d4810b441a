"""Which rows are exported, and how right their labels are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.export.rows import Candidates, Mask
from workbench.io.names import did_you_mean, listed
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, SPLITS, WorkbenchError


@dataclass(frozen=True)
class Filters:
    """Which rows are exported.

    min_agreement, min_confidence: 0..1, of `agreement` and of the highest probability; 0 keeps all rows. exclude_review: leave
    out what needs review. classes: only rows with one of these labels; None keeps all, rows without a label too. slices: only
    rows in at least one of these slices. hard_labels: leave out rows without a label, for a set without probabilities.
    """

    splits: tuple[str, ...] = ("train",)
    covered_only: bool = True
    min_agreement: float = 0.0
    min_confidence: float = 0.0
    exclude_review: bool = False
    classes: tuple[str, ...] | None = None
    slices: tuple[str, ...] | None = None
    hard_labels: bool = False

    def __post_init__(self) -> None:
        for split in self.splits:
            if split not in SPLITS:
                raise WorkbenchError(f"filter splits names {split!r}; allowed are {', '.join(SPLITS)}")
        for name in ("min_agreement", "min_confidence"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise WorkbenchError(f"filter {name} is {value}; it is a share between 0 and 1")


def passing(rows: Candidates, filters: Filters) -> tuple[Mask, dict[str, int]]:
    """Return which rows pass, bool[n], and how many each filter removed.

    The filters work in the order of their fields, and each counts the rows that it removes of those that are left.
    """
    for what, names, known in (("classes", filters.classes, rows.labels), ("slices", filters.slices, list(rows.slices))):
        for name in names or ():
            if name not in known:
                there = listed(known, 40) or "none; name some under [slices] in task.toml"
                raise WorkbenchError(f"filter {what} names {name!r}; the {what} are {there}{did_you_mean(name, known)}")
    passes = {"splits": np.isin(rows.split, [SPLITS.index(split) for split in filters.splits])}
    if filters.covered_only:
        passes["covered_only"] = rows.soft.covered
    if filters.min_agreement > 0:
        passes["min_agreement"] = rows.agreement >= filters.min_agreement  # NaN, which is no agreement, does not pass
    if filters.min_confidence > 0:
        passes["min_confidence"] = rows.confidence >= filters.min_confidence
    if filters.exclude_review:
        passes["exclude_review"] = ~rows.needs_review
    if filters.classes is not None:
        passes["classes"] = np.isin(rows.label, [rows.labels.index(name) for name in filters.classes])
    if filters.slices is not None:
        passes["slices"] = np.logical_or.reduce([rows.slices[name] for name in filters.slices], initial=False, axis=0)
    if filters.hard_labels:
        passes["hard_labels"] = rows.label != ABSTAIN
    left, removed = np.ones(len(rows), bool), {}
    for name, passed in passes.items():
        after = left & passed
        removed[name] = int(left.sum() - after.sum())
        left = after
    return left, removed


def quality(rows: Candidates, filters: Filters) -> dict[str, Any]:
    """Return how right the labels of the rows that pass are: {expected, valid: {n, accuracy, interval}}.

    expected: the mean of their highest probabilities, what the label model believes; None where no row passes. valid: measured
    on the valid rows with gold that pass the same filters, a tie counting in parts; interval is 95 % (Wilson).
    """
    kept = rows.confidence[passing(rows, filters)[0]]
    right = rows.right[passing(rows, replace(filters, splits=("valid",)))[0]]
    expected = float(kept.mean()) if len(kept) else None
    return {"expected": expected, "valid": measured(right)}


def measured(right: NDArray[np.float64]) -> dict[str, Any]:
    """Return {n, accuracy, interval} of the rows whose gold is known; NaN where it is not."""
    known = right[~np.isnan(right)]
    if not len(known):
        return {"n": 0, "accuracy": None, "interval": None}
    low, high = wilson_interval(known.sum(), len(known))
    return {"n": len(known), "accuracy": float(known.mean()), "interval": [float(low), float(high)]}
