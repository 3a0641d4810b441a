"""How far reviewers agree beyond chance: Cohen's kappa of two, Krippendorff's alpha of any number."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.review.resolve import labels_given
from workbench.stats import paired_bootstrap

Floats = NDArray[np.float64]


def agreement(current: pd.DataFrame) -> dict[str, Any]:
    """Return {"pairs": [...], "alpha": {...}} of the labels that reviewers gave as one of several; adjudications do not count.

    current: of Record.current. A pair is {reviewers, n (rows both labelled), same (share of them with one label), kappa, low,
    high}; alpha is {n (labels), rows (with two or more), alpha, low, high}. Intervals are 95 % percentile bootstrap over rows;
    a figure is None where it is not defined, as where only one class is ever given.
    """
    table = labels_given(current).pivot(index="row", columns="reviewer", values="label")
    codes = table.apply(lambda column: pd.Series(pd.Categorical(column, categories=_names(table)).codes, index=column.index))
    pairs = []
    for one, other in combinations(codes.columns, 2):
        both = codes[[one, other]].to_numpy(np.intp)
        both = both[(both >= 0).all(axis=1)]
        if len(both):
            same = float((both[:, 0] == both[:, 1]).mean())
            pairs.append({"reviewers": [one, other], "n": len(both), "same": same, **cohen_kappa(both[:, 0], both[:, 1])})
    return {"pairs": pairs, "alpha": krippendorff_alpha(codes.to_numpy(np.intp))}


def _names(table: pd.DataFrame) -> list[str]:
    return sorted(pd.unique(table.to_numpy().ravel()[table.notna().to_numpy().ravel()]))


def cohen_kappa(one: NDArray[np.intp], other: NDArray[np.intp]) -> dict[str, Any]:
    """Return {kappa, low, high} of two reviewers' classes (0, 1, ...) of the same rows.

    (p_o - p_e) / (1 - p_e): the share of rows on which they agree, beyond what their own shares of the classes would give by
    chance (J. Cohen, Educ. Psychol. Meas. 20, 1960, p. 37).
    """
    k = int(max(one.max(initial=-1), other.max(initial=-1))) + 1
    each = np.eye(k)

    def kappa(means: Floats) -> Floats:
        chance = (means[:, 1 : k + 1] * means[:, k + 1 :]).sum(axis=1)
        return _ratio(means[:, 0] - chance, 1 - chance)

    return _with_interval("kappa", np.column_stack([one == other, each[one], each[other]]).astype(np.float64), kappa)


def krippendorff_alpha(labels: NDArray[np.intp]) -> dict[str, Any]:
    """Return {n, rows, alpha, low, high} of classes given to rows: [rows, reviewers], -1 where a reviewer gave none.

    1 - D_o / D_e for nominal data: the disagreement within rows over that between any two labels (K. Krippendorff, Computing
    Krippendorff's Alpha-Reliability, 2011, section E). A row with a single label says nothing. n: labels of the other rows.
    """
    k = int(labels.max(initial=-1)) + 1
    counts = np.stack([(labels == c).sum(axis=1) for c in range(k)], axis=1) if k else np.zeros((len(labels), 0))
    counts = counts[counts.sum(axis=1) > 1].astype(np.float64)
    total = counts.sum(axis=1)
    within = (counts * (total[:, None] - counts)).sum(axis=1) / (total - 1)
    rows = len(counts)

    def alpha(means: Floats) -> Floats:
        each = means[:, 1:] * rows
        n = each.sum(axis=1)
        return 1 - _ratio((n - 1) * means[:, 0] * rows, n**2 - (each**2).sum(axis=1))

    return {"n": int(total.sum()), "rows": rows, **_with_interval("alpha", np.column_stack([within, counts]), alpha)}


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """Return top / bottom, nan where the bottom is 0 but for rounding."""
    some = bottom > 1e-12
    return np.where(some, top / np.where(some, bottom, 1), np.nan)


def _with_interval(name: str, values: Floats, statistic: Callable[[Floats], Floats]) -> dict[str, Any]:
    if not len(values):
        return {name: None, "low": None, "high": None}
    value = statistic(values.mean(axis=0, keepdims=True))[0]
    ends = paired_bootstrap(values, statistic) if len(values) > 1 else (-np.inf, np.inf)  # one row never differs from itself
    found = dict(zip((name, "low", "high"), (value, *ends), strict=True))
    return {key: float(figure) if np.isfinite(figure) else None for key, figure in found.items()}
