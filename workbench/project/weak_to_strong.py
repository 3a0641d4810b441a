"""What the end model learned beyond the rules: every model side by side with intervals, and whose errors it copied.

Gold of test is only counted here; rows are named on valid alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.evaluate import PROBABILITY_FLOOR, gain, score
from workbench.stats import wilson_interval
from workbench.stats.resamples import resampled_means
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, tied_classes

METRICS: Final = ("accuracy", "macro_f1", "log_loss", "ece")
ROWS: Final = ("all", "covered", "uncovered")
#: What became of a label that the end model was taught: whether it follows it or overrules it, and which is right.
FATES: Final = {
    "followed": "followed it, rightly",
    "copied": "copied its error",
    "overruled_right": "overruled it, rightly",
    "overruled_wrong": "overruled it, wrongly",
    "overruled_neither": "overruled its error with another",
}
_WHICH: Final = {"covered": "that functions vote on", "uncovered": "without votes"}
_TOLD: Final = ("copied", "overruled_right")  # of each function that was wrong
_CLASSES: Final = ("gold", "label", "answer")
_BINS: Final = 10  # of ECE, as in `score`
_CONFIDENCE: Final = 0.95
_DRAWS: Final = 2000
Answers = Mapping[str, SoftLabels | str]  # by model: its labels of the rows outside train, or in words why there are none


def side_by_side(answers: Answers, dataset: Dataset, covered: pd.Series[Any]) -> dict[str, dict[str, Any]]:
    """Return by model {"test": {"all": score, "covered": score, "uncovered": score}, "valid": {...}}, or why it is skipped.

    covered: by row id, whether a function votes. Each score also has `intervals`, of `score_intervals`, where it has figures.
    """
    given = {name: soft for name, soft in answers.items() if not isinstance(soft, str)}
    found: dict[str, dict[str, Any]] = {name: {} if name in given else {"skipped": answers[name]} for name in answers}
    for split in _splits(dataset):
        for rows in ROWS:
            ids = _ids(dataset, covered, split, rows)
            parts = {name: soft.take(soft.ids.get_indexer(ids)) for name, soft in given.items()}
            known, truth = _known(dataset, ids)
            ends = score_intervals({name: part.take(known) for name, part in parts.items()}, truth) if len(truth) else {}
            for name, part in parts.items():
                told = score(part, dataset.gold, split=split, rows="all") | {"rows": rows}
                if "reason" in told and rows in _WHICH:
                    told["reason"] = f"no row of {split} {_WHICH[rows]} has gold"
                found[name].setdefault(split, {})[rows] = told | ({"intervals": ends[name]} if name in ends else {})
    return found


def score_intervals(
    answers: Mapping[str, SoftLabels], truth: NDArray[np.int64], *, n_boot: int = _DRAWS, seed: int = 0
) -> dict[str, dict[str, list[float]]]:
    """Return by model the 95 % bootstrap interval [low, high] of each metric of `score`, rows resampled for all together.

    answers: of the same rows in the same order. truth: class index, known on every row. Intervals are percentiles, but for ECE:
    chance alone adds to it, and more so in a resample. Its upper end is the percentile, its lower end twice the figure less
    that (the basic interval: Davison & Hinkley 1997, 5.2), and 0 where a calibrated model as sure on each row shows as much.
    """
    measured = [_quantities(soft.probs, truth) for soft in answers.values()]
    means = resampled_means(np.hstack(measured), n_boot=n_boot, seed=seed)
    tail = (1 - _CONFIDENCE) / 2
    found: dict[str, dict[str, list[float]]] = {}
    for name, own, drawn in zip(answers, measured, np.split(means, len(measured), axis=1), strict=True):
        figures = {metric: float(value[0]) for metric, value in _metrics(own.mean(axis=0, keepdims=True)).items()}
        ends = {metric: np.quantile(value, [tail, 1 - tail]) for metric, value in _metrics(drawn).items()}
        most = max(float(ends["ece"][1]), figures["ece"])
        calm = figures["ece"] <= _ece_of_the_calibrated(answers[name].probs.max(axis=1), n_boot, seed)
        ends["ece"] = np.array([0.0 if calm else max(2 * figures["ece"] - most, 0.0), most])
        found[name] = {metric: [float(end) for end in pair] for metric, pair in ends.items()}
    return found


def _quantities(probs: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64[n, 2 + 10 + 2 k]: what the metrics are functions of the means of.

    Whether the row is right, its loss, confidence less right in its bin, and for each class what is right of the row, and its
    parts in answer and in gold. Classes that tie share the answer, as in `score`.
    """
    n, tied = np.arange(len(truth)), tied_classes(probs)
    answer, gold = tied / tied.sum(axis=1, keepdims=True), np.eye(probs.shape[1])[truth]
    right, raised = answer[n, truth], np.maximum(probs, PROBABILITY_FLOOR)
    gaps = np.zeros((len(truth), _BINS))
    gaps[n, _bins(probs.max(axis=1))] = probs.max(axis=1) - right
    loss = np.log(raised.sum(axis=1)) - np.log(raised[n, truth])
    return np.column_stack([right, loss, gaps, answer * gold, answer + gold])


def _metrics(means: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return by metric float64[b] from means [b, 2 + 10 + 2 k]."""
    right, loss, gaps, rest = np.split(means, [1, 2, 2 + _BINS], axis=1)
    hits, size = np.split(rest, 2, axis=1)
    f1 = 2 * hits / np.where(size > 0, size, 1)
    macro = f1.sum(axis=1) / (size > 0).sum(axis=1)  # over the classes that occur
    return dict(zip(METRICS, (right[:, 0], macro, loss[:, 0], np.abs(gaps).sum(axis=1)), strict=True))


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.digitize(confidence, np.arange(1, _BINS) / _BINS, right=True)


def _ece_of_the_calibrated(confidence: NDArray[np.float64], n_boot: int, seed: int) -> float:
    """Return what the ECE of a calibrated model with these confidences exceeds in 2.5 % of samples; bins count as normal."""
    spread = np.sqrt(np.bincount(_bins(confidence), confidence * (1 - confidence), minlength=_BINS))
    drawn = np.abs(np.random.default_rng(seed).normal(size=(n_boot, _BINS)) * spread).sum(axis=1) / len(confidence)
    return float(np.quantile(drawn, (1 + _CONFIDENCE) / 2))


def _splits(dataset: Dataset) -> list[str]:
    return [split for split in ("test", "valid") if (dataset.split == split).any()]


def _ids(dataset: Dataset, covered: pd.Series[Any], split: str, rows: str = "all") -> pd.Index:
    ids = dataset.ids[(dataset.split == split).to_numpy()]
    return ids if rows == "all" else ids[covered[ids].to_numpy(bool) == (rows == "covered")]


def _known(dataset: Dataset, ids: pd.Index) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which of the rows have gold, and the classes of those."""
    truth = np.full(len(ids), ABSTAIN) if dataset.gold is None else dataset.gold[ids].to_numpy()
    return truth != ABSTAIN, truth[truth != ABSTAIN].astype(np.int64)


def without_votes(dataset: Dataset, covered: pd.Series[Any]) -> dict[str, dict[str, Any]]:
    """Return by split how right one is on the uncovered rows with gold who always says their most frequent class.

    {n, majority_class, accuracy, interval}: the figure to pass for a model that learned more than the rules say. The class is
    chosen by the gold of those very rows, so that it is the best of its kind. Where there is no such row all but n are None.
    """
    found: dict[str, dict[str, Any]] = {}
    for split in _splits(dataset):
        truth = _known(dataset, _ids(dataset, covered, split, "uncovered"))[1]
        line: dict[str, Any] = {"n": len(truth), "majority_class": None, "accuracy": None, "interval": None}
        if len(truth):
            counts = np.bincount(truth, minlength=len(dataset.labels))
            low, high = wilson_interval(counts.max(), len(truth))
            share = {"accuracy": float(counts.max() / len(truth)), "interval": [float(low), float(high)]}
            line |= {"majority_class": dataset.labels[int(counts.argmax())], **share}
        found[split] = line
    return found


def gains(answers: Answers, dataset: Dataset, covered: pd.Series[Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return by split, rows and other model how much more often the end model is right, by `gain` of `workbench.evaluate`.

    Among the others is `majority_class` on uncovered rows: to say always what is most frequent there.
    """
    student = answers["end_model"]
    if isinstance(student, str):
        return {}
    most = without_votes(dataset, covered)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for split in _splits(dataset):
        for rows in ROWS:
            ids = _ids(dataset, covered, split, rows)
            own = student.take(student.ids.get_indexer(ids))
            others = {
                name: soft.take(soft.ids.get_indexer(ids))
                for name, soft in answers.items()
                if name != "end_model" and not isinstance(soft, str)
            }
            if rows == "uncovered" and most[split]["n"]:
                always = np.full(len(ids), dataset.labels.index(most[split]["majority_class"]))
                others["majority_class"] = SoftLabels.from_hard(ids, dataset.labels, always)
            line = {name: gain(own, other, dataset.gold, rows="all", n_boot=_DRAWS) for name, other in others.items()}
            found.setdefault(split, {})[rows] = line
    return found


def fates(labels: SoftLabels, student: SoftLabels, dataset: Dataset, split: str) -> pd.DataFrame:
    """Return what became of each label of a split, of the rows with gold that the label model answers.

    Columns, by row id: gold, label, answer (class indexes), label_probability, answer_probability, fate, a key of FATES.
    """
    ids = dataset.ids[(dataset.split == split).to_numpy()]
    hard = labels.hard().reindex(ids).fillna(ABSTAIN).to_numpy(np.int64)
    known = np.zeros(len(ids), bool) if dataset.gold is None else dataset.gold[ids].to_numpy() != ABSTAIN
    ids, label = ids[known & (hard != ABSTAIN)], hard[known & (hard != ABSTAIN)]
    gold = _known(dataset, ids)[1]
    own, taught = student.take(student.ids.get_indexer(ids)), labels.take(labels.ids.get_indexer(ids))
    answer = own.probs.argmax(axis=1)
    same, right = answer == label, label == gold
    cases = [same & right, same & ~right, ~same & (answer == gold), ~same & right]
    columns = {
        "gold": gold,
        "label": label,
        "answer": answer,
        "label_probability": taught.probs.max(axis=1),
        "answer_probability": own.probs.max(axis=1),
        "fate": np.select(cases, list(FATES)[:-1], list(FATES)[-1]),
    }
    return pd.DataFrame(columns, index=ids)


def overruled(labels: SoftLabels | str, student: SoftLabels | str, dataset: Dataset, votes: VoteMatrix) -> dict[str, Any]:
    """Return by split how often the end model copied an error of the label model, and overruled it rightly and wrongly.

    {n, label_wrong, followed, copied, ..., copied_share, interval, pairs}: n is rows with gold that the label model answers;
    copied_share with its 95 % interval (Wilson) is of its errors; pairs is one line for each (gold, label, answer) in which one
    of the two is wrong, with fate and n, most rows first. On valid also `functions`: for each that voted for a wrong label how
    many such rows it has, how many were copied and how many put right. Without either model there is {}.
    """
    if isinstance(labels, str) or isinstance(student, str):
        return {}
    found: dict[str, Any] = {}
    for split in _splits(dataset):
        table = fates(labels, student, dataset, split)
        counts = {fate: int((table["fate"] == fate).sum()) for fate in FATES}
        wrong = counts["copied"] + counts["overruled_right"] + counts["overruled_neither"]
        low, high = wilson_interval(counts["copied"], wrong)
        share = {"copied_share": counts["copied"] / wrong, "interval": [float(low), float(high)]} if wrong else {}
        found[split] = {"n": len(table), "label_wrong": wrong, **counts, "copied_share": None, "interval": None, **share}
        found[split]["pairs"] = _pairs(table, dataset.labels)
        if split == "valid":  # who mends functions by those of test would teach them test
            found[split]["functions"] = _by_function(table, votes)
    return found


def _pairs(table: pd.DataFrame, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    apart = table[table["fate"] != "followed"]
    counted = apart.groupby(["gold", "label", "answer", "fate"]).size().sort_values(ascending=False, kind="stable")
    lines = counted.reset_index(name="n").to_dict("records")
    return [{str(name): labels[cell] if name in _CLASSES else cell for name, cell in line.items()} for line in lines]


def _by_function(table: pd.DataFrame, votes: VoteMatrix) -> list[dict[str, Any]]:
    """Return the functions that voted for wrong labels, those whose errors were copied most first."""
    wrong = table[table["label"] != table["gold"]]
    cast = votes.votes[votes.ids.get_indexer(wrong.index)] == wrong["label"].to_numpy()[:, None]
    lines = [
        {"lf": name, "wrong": int(own.sum()), **{fate: int((own & (wrong["fate"] == fate)).sum()) for fate in _TOLD}}
        for name, own in zip(votes.lfs, cast.T, strict=True)
    ]
    return sorted((line for line in lines if line["wrong"]), key=lambda line: (-line["copied"], -line["wrong"]))


def telling_rows(labels: SoftLabels | str, student: SoftLabels | str, dataset: Dataset) -> list[dict[str, Any]]:
    """Return the valid rows on which label model or end model is wrong, those of one fate together, the surest answers first.

    Each has id, gold, label, answer, label_probability, answer_probability and fate.
    """
    if isinstance(labels, str) or isinstance(student, str):
        return []
    table = fates(labels, student, dataset, "valid")
    named = table.assign(**{name: np.array(dataset.labels, object)[table[name]] for name in _CLASSES})
    kept = named[named["fate"] != "followed"].sort_values(["fate", "answer_probability"], ascending=[True, False])
    return [{str(name): cell for name, cell in line.items()} for line in kept.reset_index(names="id").to_dict("records")]
