"""Which rows are exported, and how right their labels are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.export.rows import CONFIDENCE_STEPS, Candidates, Mask
from workbench.io.names import did_you_mean, listed
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, SPLITS, WorkbenchError


@dataclass(frozen=True)
class Filters:
    """Which rows are exported.

    min_agreement, min_confidence: 0..1, of `agreement` and of the highest probability; 0 keeps all rows. A label that a person
    gave needs no agreement. exclude_review: leave
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
    passes = {"splits": np.isin(SPLITS, filters.splits)[rows.split]}
    if filters.covered_only:
        passes["covered_only"] = rows.soft.covered
    if filters.min_agreement > 0:
        agree = rows.agreement >= filters.min_agreement  # NaN, which is no agreement, does not pass
        passes["min_agreement"] = agree if rows.reviewed is None else agree | rows.reviewed
    if filters.min_confidence > 0:
        passes["min_confidence"] = rows.confidence >= filters.min_confidence
    if filters.exclude_review:
        passes["exclude_review"] = ~rows.needs_review
    if filters.classes is not None:
        passes["classes"] = np.append(np.isin(rows.labels, filters.classes), False)[rows.label]
    if filters.slices is not None:
        passes["slices"] = np.logical_or.reduce([rows.slices[name] for name in filters.slices], initial=False, axis=0)
    if filters.hard_labels:
        passes["hard_labels"] = rows.label != ABSTAIN
    left, removed = np.ones(len(rows), bool), {}
    for name, passed in passes.items():
        before = np.count_nonzero(left)
        left &= passed
        removed[name] = int(before - np.count_nonzero(left))
    return left, removed


def quality(rows: Candidates, filters: Filters) -> dict[str, Any]:
    """Return how right the labels of the rows that pass are: {expected, valid: {n, accuracy, interval}}.

    expected: the mean of their highest probabilities, what the label model believes; None where no row passes. valid: measured
    on the valid rows with gold that pass the same filters, a tie counting in parts; interval is 95 % (Wilson).
    """
    kept = rows.confidence[passing(rows, filters)[0]]
    right = rows.on_valid.right[passing(rows.on_valid, replace(filters, splits=("valid",)))[0]]
    expected = float(kept.mean()) if len(kept) else None
    return {"expected": expected, "valid": measured(right)}


def thresholds(rows: Candidates, filters: Filters) -> pd.DataFrame:
    """Return what each least confidence from 0 to 1, in steps of 0.01, would keep, the other filters staying as they are.

    Columns: min_confidence, kept (rows), expected, and on valid rows with gold n, accuracy, low, high, as in `quality`.
    """
    rest = replace(filters, min_confidence=0.0)
    kept = passing(rows, rest)[0]
    known = rows.on_valid
    valid = passing(known, replace(rest, splits=("valid",)))[0]
    count, sure = (_from_step(rows.confidence_step[kept], weights) for weights in (None, rows.confidence[kept]))
    n, right = (_from_step(known.confidence_step[valid], weights) for weights in (None, known.right[valid]))
    low, high = wilson_interval(np.minimum(right, n), n)  # sums of parts may exceed n by a rounding
    some = np.where(n > 0, 1.0, np.nan)
    table = {
        "min_confidence": CONFIDENCE_STEPS,
        "kept": count.astype(int),
        "expected": sure / np.where(count > 0, count, np.nan),
    }
    table |= {"n": n.astype(int), "accuracy": right / np.maximum(n, 1) * some, "low": low * some, "high": high * some}
    return pd.DataFrame(table)


def _from_step(steps: NDArray[np.int8], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the sum of the weights, or the count, of the rows that reach each step."""
    at = np.bincount(steps, weights, minlength=len(CONFIDENCE_STEPS))
    return np.asarray(at[::-1].cumsum()[::-1], np.float64)


def measured(right: NDArray[np.float64]) -> dict[str, Any]:
    """Return {n, accuracy, interval} of rows of which each is right in part or whole."""
    if not len(right):
        return {"n": 0, "accuracy": None, "interval": None}
    low, high = wilson_interval(min(right.sum(), len(right)), len(right))  # a sum of parts may exceed n by a rounding
    return {"n": len(right), "accuracy": float(right.mean()), "interval": [float(low), float(high)]}
