"""Scores of soft labels against gold, and how much of the gap to a gold-trained ceiling a student recovers.

Ties count as random, in expectation: a row whose highest probability is shared by t classes is 1/t of an answer for each of
them, in accuracy, in the confusion matrix and in calibration alike, so that no score hangs on the order of the classes.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.stats import paired_bootstrap, wilson_interval
from workbench.tables import ABSTAIN, SoftLabels, WorkbenchError, aligned_gold, tied_classes

#: Log loss takes every probability to be at least this, the row made to sum to 1 again: majority vote gives an exact 0 to each
#: class without a vote, and one such row would make the mean infinite.
PROBABILITY_FLOOR: Final = 1e-3
MIN_GAP: Final = 0.05
_BINS: Final = 10


def score(
    soft: SoftLabels,
    gold: pd.Series[Any] | None,
    *,
    split: str,
    rows: Literal["all", "covered"],
    covered: pd.Series[Any] | None = None,
) -> dict[str, Any]:
    """Return {split, rows, n, accuracy, macro_f1, log_loss, ece, interval}; without gold the metrics are None, with a `reason`.

    soft: the rows of the split. gold: class index by row id; rows of gold -1 are left out. covered: bool by row id, the rows on
    which labeling functions vote; by default soft.covered. macro_f1 is over the classes that occur in gold or answers;
    log_loss in nats; ece is top-label over 10 bins of equal width; interval is the 95 % Wilson interval of accuracy.
    """
    truth = np.full(len(soft), ABSTAIN) if gold is None else aligned_gold(soft.ids, soft.labels, gold)
    chosen = truth != ABSTAIN
    known = int(chosen.sum())
    if rows == "covered":
        chosen &= _covered_of(soft, covered)
    elif rows != "all":
        raise WorkbenchError(f"rows is {rows!r}; allowed are 'all' and 'covered'")
    found: dict[str, Any] = {"split": split, "rows": rows, "n": int(chosen.sum())}
    if not found["n"]:
        reason = f"no row of {split} that functions vote on has gold" if known else f"no row of {split} has gold"
        return found | dict.fromkeys(("accuracy", "macro_f1", "log_loss", "ece", "interval")) | {"reason": reason}
    probs, truth = soft.probs[chosen], truth[chosen]
    answers = _answers(probs)
    correct = answers[np.arange(len(truth)), truth]
    low, high = wilson_interval(correct.sum(), len(truth))
    return found | {
        "accuracy": float(correct.mean()),
        "macro_f1": _macro_f1(answers, truth),
        "log_loss": _log_loss(probs, truth),
        "ece": _calibration_error(probs.max(axis=1), correct),
        "interval": [float(low), float(high)],
    }


def scores(
    soft: SoftLabels, gold: pd.Series[Any] | None, split: pd.Series[Any], covered: pd.Series[Any] | None = None
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return {"test": {"all": score, "covered": score}, "valid": {...}} for the splits that have rows; train gold is not read.

    gold, split, covered: by row id, of at least the rows of soft.
    """
    _check_known(soft, split, "split")
    places = split.reindex(soft.ids)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in ("test", "valid"):
        inside = (places == name).to_numpy()
        if inside.any():
            part = soft.take(inside)
            every = score(part, gold, split=name, rows="all", covered=covered)
            found[name] = {"all": every, "covered": score(part, gold, split=name, rows="covered", covered=covered)}
    return found


def pgr(
    weak: SoftLabels, student: SoftLabels, ceiling: SoftLabels, gold: pd.Series[Any], *, seed: int = 0, n_boot: int = 2000
) -> dict[str, Any]:
    """Return the performance gap recovered, (student - weak) / (ceiling - weak) in accuracy (Burns et al., arXiv 2312.09390).

    The three answer the same rows, matched by id; rows of gold -1 are left out. Returns {value, interval, weak, student,
    ceiling, n, reason}: interval is a 95 % paired bootstrap over rows, an end None where too many resamples close the gap.
    value is None, and reason not, where ceiling - weak is under 5 points: a share of nearly nothing means nothing.
    """
    truth = aligned_gold(weak.ids, weak.labels, gold)
    known = truth != ABSTAIN
    if not known.any():
        return undefined_gap("no row has gold")
    columns = []
    for name, soft in (("weak", weak), ("student", student), ("ceiling", ceiling)):
        if len(soft) != len(weak) or soft.labels != weak.labels or not weak.ids.isin(soft.ids).all():
            raise WorkbenchError(f"weak and {name} labels are not of the same rows and classes; score all three on one split")
        probs = soft.probs[soft.ids.get_indexer(weak.ids)]
        columns.append(_answers(probs)[np.arange(len(truth)), np.maximum(truth, 0)][known])
    correct = np.column_stack(columns)
    a, b, c = (float(mean) for mean in correct.mean(axis=0))
    part = {"weak": a, "student": b, "ceiling": c, "n": int(known.sum())}
    if c - a < MIN_GAP - 1e-12:
        reason = f"ceiling {c:.3f} - weak {a:.3f} is under {100 * MIN_GAP:.0f} points"
        return undefined_gap(reason) | part
    ends = paired_bootstrap(correct, _recovered, n_boot=n_boot, seed=seed)
    interval = [end if np.isfinite(end) else None for end in ends]
    return {"value": (b - a) / (c - a), "interval": interval, **part, "reason": None}


def undefined_gap(reason: str) -> dict[str, Any]:
    """Return what `pgr` returns where no gap can be measured: the same keys, and in words why."""
    nothing = dict.fromkeys(("value", "interval", "weak", "student", "ceiling"))
    return {**nothing, "n": 0, "reason": f"not defined: {reason}"}


def _recovered(means: NDArray[np.float64]) -> NDArray[np.float64]:
    weak, student, ceiling = means.T
    gap = ceiling - weak
    open_ = gap > 1e-12  # a resample whose gap is closed has no share of it
    return np.where(open_, (student - weak) / np.where(open_, gap, 1), np.nan)


def _covered_of(soft: SoftLabels, covered: pd.Series[Any] | None) -> NDArray[np.bool_]:
    if covered is None:
        return soft.covered
    _check_known(soft, covered, "covered")
    return covered.reindex(soft.ids).to_numpy(dtype=bool)


def _check_known(soft: SoftLabels, series: pd.Series[Any], name: str) -> None:
    lost = ~soft.ids.isin(series.index)
    if lost.any():
        raise WorkbenchError(f"{name} says nothing of row {soft.ids[lost][0]!r}; give a Series by row id over all scored rows")


def _answers(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[n, k]: the answer of each row, its one spread evenly over the classes that tie."""
    tied = tied_classes(probs)
    return np.asarray(tied / tied.sum(axis=1, keepdims=True))


def _macro_f1(answers: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    confusion = np.zeros((answers.shape[1], answers.shape[1]))
    np.add.at(confusion, truth, answers)  # rows gold, columns answers
    size = confusion.sum(axis=0) + confusion.sum(axis=1)
    present = size > 0
    return float(np.mean(2 * np.diagonal(confusion)[present] / size[present]))


def _log_loss(probs: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    raised = np.maximum(probs, PROBABILITY_FLOOR)
    return float(np.mean(np.log(raised.sum(axis=1)) - np.log(raised[np.arange(len(truth)), truth])))


def _calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.float64]) -> float:
    """Expected calibration error (Guo et al., ICML 2017, eq. 5): the gap of confidence and accuracy, over bins (low, high]."""
    bins = np.digitize(confidence, np.arange(1, _BINS) / _BINS, right=True)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(confidence))
