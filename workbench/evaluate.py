"""Scores of soft labels against gold, and how much of the gap to a gold-trained ceiling a student recovers.

Ties count as random, in expectation: a row whose highest probability is shared by t classes is 1/t of an answer for each of
them, in accuracy, in the confusion matrix and in calibration alike, so that no score hangs on the order of the classes.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workbench.stats import paired_bootstrap, wilson_interval
from workbench.tables import ABSTAIN, SoftLabels, WorkbenchError, aligned_gold, tied_classes

#: Log loss takes every probability to be at least this, the row made to sum to 1 again: majority vote gives an exact 0 to each
#: class without a vote, and one such row would make the mean infinite.
PROBABILITY_FLOOR: Final = 1e-3
MIN_GAP: Final = 0.05
_BINS: Final = 10
Rows = Literal["all", "covered"]


def score(
    soft: SoftLabels,
    gold: pd.Series[Any] | None,
    *,
    split: str,
    rows: Rows,
    covered: pd.Series[Any] | None = None,
) -> dict[str, Any]:
    """Return {split, rows, n, accuracy, macro_f1, log_loss, ece, interval}; without gold the metrics are None, with a `reason`.

    soft: the rows of the split. gold: class index by row id; rows of gold -1 are left out. covered: bool by row id, the rows on
    which labeling functions vote; by default soft.covered. macro_f1 is over the classes that occur in gold or answers;
    log_loss in nats; ece is top-label over 10 bins of equal width; interval is the 95 % Wilson interval of accuracy.
    """
    truth, chosen = _scored_rows(soft, gold, rows, covered)
    found: dict[str, Any] = {"split": split, "rows": rows, "n": int(chosen.sum())}
    if not found["n"]:
        known = (truth != ABSTAIN).any()
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


def reliability(
    soft: SoftLabels, gold: pd.Series[Any] | None, *, rows: Rows, covered: pd.Series[Any] | None = None
) -> pd.DataFrame:
    """Return one line for each bin of ece that has rows: low, high, n, confidence, accuracy, accuracy_low, accuracy_high.

    A bin is (low, high] and confidence its mean; the last two are the 95 % Wilson interval of accuracy. Weighted by n, the mean
    gap of confidence and accuracy is ece. Without gold there is no line. The arguments are those of `score`.
    """
    truth, chosen = _scored_rows(soft, gold, rows, covered)
    confidence, correct = soft.probs[chosen].max(axis=1), _correct(soft, truth)[chosen]
    bins = _bins_of(confidence)
    n, sure, right = (np.bincount(bins, weights, minlength=_BINS) for weights in (None, confidence, correct))
    lines = np.flatnonzero(n)
    n, sure, right = n[lines], sure[lines], right[lines]
    low, high = wilson_interval(right, n)
    edges = {"low": lines / _BINS, "high": (lines + 1) / _BINS}
    return pd.DataFrame(
        {**edges, "n": n, "confidence": sure / n, "accuracy": right / n, "accuracy_low": low, "accuracy_high": high}
    )


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> pd.DataFrame:
    """Return how often answers are wrong if only the surest rows are answered: coverage, risk, risk_low, risk_high, threshold.

    confidence: [n], correct: [n], from 0 to 1. A line stands for answering all rows of confidence >= threshold, so that rows
    of one confidence enter together; the surest first. risk is the selective risk (El-Yaniv & Wiener, JMLR 11, 2010, p. 1605),
    its ends the 95 % Wilson interval of that line alone: a threshold picked by it promises nothing. No row gives no line.
    """
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if sure.ndim != 1 or sure.shape != right.shape or np.isnan(sure).any() or not ((right >= 0) & (right <= 1)).all():
        raise WorkbenchError("a risk-coverage curve needs for each row a confidence, and from 0 to 1 how much of it is right")
    levels, place = np.unique(-sure, return_inverse=True)
    n, wrong = (np.cumsum(np.bincount(place, weights, minlength=len(levels))) for weights in (None, 1 - right))
    low, high = wilson_interval(wrong, n)
    return pd.DataFrame(
        {"coverage": n / max(len(sure), 1), "risk": wrong / n, "risk_low": low, "risk_high": high, "threshold": -levels}
    )


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float | None:
    """Return the area under the risk-coverage curve (Geifman & El-Yaniv, arXiv 1705.08500): 0 is best; None without rows.

    The mean over rows of the selective risk with which each is first answered; of confidence that says nothing the error rate.
    """
    curve = risk_coverage(confidence, correct)
    return float(np.diff(curve["coverage"], prepend=0) @ curve["risk"]) if len(curve) else None


def best_aurc(correct: ArrayLike) -> float | None:
    """Return the area under the risk-coverage curve if every wrong answer were less sure than every right one."""
    right = np.sort(np.asarray(correct, np.float64))
    return aurc(np.arange(len(right)), right)


def gain(
    soft: SoftLabels,
    base: SoftLabels,
    gold: pd.Series[Any] | None,
    *,
    rows: Rows,
    confidence: float = 0.95,
    seed: int = 0,
    n_boot: int = 10_000,
) -> dict[str, Any]:
    """Return how much more often soft is right than base on the same rows: {n, value, interval, detectable, clear}.

    interval is a paired bootstrap over rows. detectable: what is smaller may be chance. It is half the interval, and no less
    than the share that a kind of row may have of which there is none among n (Wilson), for a bootstrap knows only the rows it
    has. clear: the interval lies above 0 and the value above that share. Without gold all but n are None.
    """
    base = _matched(base, soft, "soft and base")
    truth, chosen = _scored_rows(soft, gold, rows, None)
    n = int(chosen.sum())
    if not n:
        return {"n": 0, **dict.fromkeys(("value", "interval", "detectable", "clear"))}
    more = (_correct(soft, truth) - _correct(base, truth))[chosen, None]
    low, high = paired_bootstrap(more, lambda means: means[:, 0], n_boot=n_boot, confidence=confidence, seed=seed)
    unseen = float(wilson_interval(0, n, confidence)[1])
    value = float(more.mean())
    detectable = max((high - low) / 2, unseen)
    return {"n": n, "value": value, "interval": [low, high], "detectable": detectable, "clear": low > 0 and value > unseen}


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
        columns.append(_correct(_matched(soft, weak, f"weak and {name}"), truth)[known])
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


def _scored_rows(
    soft: SoftLabels, gold: pd.Series[Any] | None, rows: str, covered: pd.Series[Any] | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the class of every row, -1 where nobody knows it, and which rows are scored."""
    truth = np.full(len(soft), ABSTAIN) if gold is None else aligned_gold(soft.ids, soft.labels, gold)
    if rows == "covered":
        return truth, (truth != ABSTAIN) & _covered_of(soft, covered)
    if rows != "all":
        raise WorkbenchError(f"rows is {rows!r}; allowed are 'all' and 'covered'")
    return truth, truth != ABSTAIN


def _matched(soft: SoftLabels, to: SoftLabels, names: str) -> SoftLabels:
    """Return soft in the order of the other's rows."""
    if len(soft) != len(to) or soft.labels != to.labels or not to.ids.isin(soft.ids).all():
        raise WorkbenchError(f"{names} labels are not of the same rows and classes; score them on one split")
    return soft.take(soft.ids.get_indexer(to.ids))


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


def _correct(soft: SoftLabels, truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64[n]: how much of each row's answer is right; no matter what, where truth is -1."""
    return np.asarray(_answers(soft.probs)[np.arange(len(truth)), np.maximum(truth, 0)])


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
    gaps = np.bincount(_bins_of(confidence), weights=correct - confidence, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _bins_of(confidence: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.digitize(confidence, np.arange(1, _BINS) / _BINS, right=True)
