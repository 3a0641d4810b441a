"""What a label model learned and how far it can be trusted: the figures of a run that a page or a report sets side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.evaluate import reliability, score
from workbench.project.overview import MODELS
from workbench.project.reviewing import kept_anchors
from workbench.project.runs import Run
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset, SoftLabels

Rows = Literal["all", "covered"]
Floats = NDArray[np.float64]

_BINS: Final = 20  # of a histogram of confidence, over 0..1
_ENDS: Final = ("low", "high")


def chosen_in(run: Run) -> str:
    """Return the name of the label model that a run fitted, as LABEL_MODELS calls it."""
    return str(run.about["settings"]["label_model"].get("model", "generative"))


def of_valid(soft: SoftLabels, dataset: Dataset, visible: NDArray[np.intp]) -> SoftLabels:
    """Return the labels of the valid rows; visible: where each row of the labels stands in the data set, -1 for test rows."""
    valid = np.zeros(len(soft), bool)
    shown = visible >= 0
    valid[shown] = (dataset.split == "valid").to_numpy()[visible[shown]]
    return soft.take(valid)


def gold_for(soft: SoftLabels, dataset: Dataset) -> pd.Series[Any] | None:
    """Return the gold of a data set, None where its classes are others than those of the labels: numbers would mean others."""
    return dataset.gold if soft.labels == dataset.labels else None


def gold_and_answer(soft: SoftLabels, dataset: Dataset) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return gold (-1 where nobody knows) and likeliest class of each row, as class numbers."""
    gold = gold_for(soft, dataset)
    truth = np.full(len(soft), ABSTAIN) if gold is None else gold.reindex(soft.ids).to_numpy()
    return truth.astype(np.intp), soft.probs.argmax(axis=1)


def score_above(valid: SoftLabels, dataset: Dataset, threshold: float) -> dict[str, Any]:
    """Return the score of the covered valid rows whose confidence reaches a threshold."""
    sure = valid.take(valid.covered & (valid.probs.max(axis=1) >= threshold))
    return score(sure, gold_for(valid, dataset), split="valid", rows="covered")


def models_table(model: Mapping[str, Any], comparison: Mapping[str, Any] | None, rows: Rows) -> pd.DataFrame:
    """Return one row a label model, by name: accuracy, low, high, macro_f1, log_loss, ece, n, agreement, undecided, reason.

    model: what label_model.json holds, of majority vote and the model of the run. Of a comparison come the others, with
    agreement (share of covered rows with the chosen one's answer), undecided (of those on which classes tie) and points,
    points_low, points_high over majority vote, whose intervals hold for all models together.
    """
    models = model.get("scores", {}) if comparison is None else comparison["models"]
    lines = {}
    for name, found in models.items():
        one = found.get("valid", {}).get(rows, {})
        ends = dict(zip(_ENDS, one.get("interval") or (None, None), strict=True))
        gained = one.get("over_majority_vote") or {}
        more = dict(zip(("points_low", "points_high"), gained.get("interval") or (None, None), strict=True))
        told = {"points": gained.get("value"), "agreement": found.get("agreement"), "undecided": found.get("undecided")}
        nothing = "" if one.get("n") else one.get("reason", "no row of valid has gold")
        lines[MODELS.get(name, name)] = {**one, **ends, **told, **more, "reason": found.get("skipped", nothing)}
    figures = ["accuracy", *_ENDS, "macro_f1", "log_loss", "ece", "n", "points", "points_low", "points_high"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=[*figures, "agreement", "undecided", "reason"])
    return table.assign(**{name: pd.to_numeric(table[name]) for name in table.columns.drop("reason")})


def functions_table(model: Mapping[str, Any], diagnosis: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row a function that votes: what is learned of it beside what gold of valid says, the widest gap first.

    model: what label_model.json holds. Columns: votes, learned, learned_low, learned_high (missing without intervals),
    accuracy, low, high, n_gold (of its votes on valid rows with gold), gap (learned less accuracy), outside (of low..high).
    """
    ends = model.get("accuracy_interval") or {}
    lines = []
    for row in diagnosis["functions"]:
        low, high = ends.get(row["lf"]) or (None, None)
        learned = {"learned": model["accuracy"].get(row["lf"]), "learned_low": low, "learned_high": high}
        gold = {name: row[name] for name in ("accuracy", *_ENDS)} if row["n_gold"] else dict.fromkeys(("accuracy", *_ENDS))
        lines.append({"function": row["lf"], "votes": row["n_votes"], **learned, **gold, "n_gold": row["n_gold"]})
    columns = ["votes", "learned", "learned_low", "learned_high", "accuracy", *_ENDS, "n_gold"]
    table = pd.DataFrame(lines, columns=["function", *columns]).set_index("function")
    table = table.assign(**{name: pd.to_numeric(table[name]) for name in columns})
    table = table[table["learned"].notna()]
    gap = table["learned"] - table["accuracy"]
    outside = (table["learned"] < table["low"]) | (table["learned"] > table["high"])
    return table.assign(gap=gap, outside=outside).sort_values("gap", key=lambda gaps: -gaps.abs(), kind="stable")


def balance_table(model: Mapping[str, Any], dataset: Dataset) -> pd.DataFrame:
    """Return one row a class: prior (what a row without votes gets), posterior (mean of the rows with votes) and gold on valid.

    posterior_low, posterior_high: an interval, where there is one. gold, low, high, n: share of the valid rows with gold.
    """
    table = pd.DataFrame({"prior": pd.Series(model["class_balance"], dtype=float)})
    table["posterior"] = pd.Series(model.get("covered_balance", {}), dtype=float).reindex(table.index)
    ends = {label: pair or (np.nan, np.nan) for label, pair in (model.get("covered_balance_interval") or {}).items()}
    for place, end in enumerate(_ENDS):
        column = pd.Series({label: pair[place] for label, pair in ends.items()}, dtype=float)
        table[f"posterior_{end}"] = column.reindex(table.index)
    gold = np.zeros(0, np.intp) if dataset.gold is None else dataset.gold[dataset.split == "valid"].to_numpy(np.intp)
    counts = np.bincount(gold[gold != ABSTAIN], minlength=len(dataset.labels))
    n = int(counts.sum())
    shares = pd.DataFrame({"gold": counts / max(n, 1)}, index=list(dataset.labels))
    shares["low"], shares["high"] = wilson_interval(counts, np.full(len(counts), max(n, 1)))
    return table.join(shares if n else shares * np.nan).assign(n=n)


def reliability_table(valid: SoftLabels, dataset: Dataset) -> pd.DataFrame:
    """Return the bins of confidence on covered valid rows, of `evaluate.reliability`, and apart.

    apart: whether the interval of accuracy leaves the mean confidence out.
    """
    table = reliability(valid, gold_for(valid, dataset), rows="covered")
    return table.assign(apart=(table["confidence"] < table["accuracy_low"]) | (table["confidence"] > table["accuracy_high"]))


def confidences(soft: SoftLabels) -> Floats:
    """float64[covered]: the highest probability of each covered row, in order."""
    return np.sort(soft.probs[soft.covered].max(axis=1))


def histogram(ordered: Floats) -> pd.DataFrame:
    """Return low, high and n of the bins of ordered confidences, of equal width, from the first that holds a row on."""
    edges = np.arange(_BINS + 1) / _BINS
    counts, _ = np.histogram(ordered, edges)
    table = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "n": counts})
    first = int(np.argmax(counts > 0)) if counts.any() else 0
    return table.iloc[first:].reset_index(drop=True)


def below(ordered: Floats, threshold: float) -> dict[str, Any]:
    """Return how many rows are less sure than a threshold, their share, and the mean confidence of the others."""
    under = int(np.searchsorted(ordered, threshold, side="left"))
    rest = ordered[under:]
    return {
        "rows": under,
        "of": len(ordered),
        "share": under / len(ordered) if len(ordered) else None,
        "confidence_of_others": float(rest.mean()) if len(rest) else None,
    }


@dataclass(frozen=True)
class Certainty:
    """How sure labels are, computed once a run.

    valid: the labels of the valid rows. ece: on those that are covered, None without gold. bins: of `reliability_table`.
    ordered: of `confidences`. least_sure: the rows that may be looked at, as `least_sure` orders them.
    """

    valid: SoftLabels
    ece: float | None
    bins: pd.DataFrame
    ordered: Floats
    least_sure: NDArray[np.intp]

    @classmethod
    def of(cls, soft: SoftLabels, dataset: Dataset, visible: NDArray[np.intp]) -> Self:
        """Compute it; visible: where each row of the labels stands in the data set, -1 for test rows."""
        valid = of_valid(soft, dataset, visible)
        ece, bins = score_above(valid, dataset, 0.0)["ece"], reliability_table(valid, dataset)
        return cls(valid, ece, bins, confidences(soft), least_sure(soft, visible))


def least_sure(soft: SoftLabels, visible: NDArray[np.intp]) -> NDArray[np.intp]:
    """intp: the covered rows that may be looked at, those first whose two likeliest classes are closest."""
    rows = np.flatnonzero(soft.covered & (visible >= 0))
    if soft.probs.shape[1] < 2:
        return rows
    two = np.partition(soft.probs[rows], -2, axis=1)[:, -2:]
    return np.asarray(rows[np.argsort(two[:, 1] - two[:, 0], kind="stable")])


def rows_table(
    soft: SoftLabels, dataset: Dataset, visible: NDArray[np.intp], rows: NDArray[np.intp], start: int = 0, size: int = 10
) -> pd.DataFrame:
    """Return some rows, by id, with their two likeliest classes and probabilities, and gold on valid alone.

    rows: positions, as `least_sure` orders them. Columns: row (its text, or cells), label, probability, next, next_probability,
    gold.
    """
    lines = []
    for i in rows[start : start + size]:
        order = np.argsort(-soft.probs[i], kind="stable")[:2]
        two = [(soft.labels[c], float(soft.probs[i, c])) for c in order] + [("", np.nan)]
        line = {"id": soft.ids[i], "row": row_in_words(dataset, visible[i]), "gold": gold_of(dataset, visible[i])}
        line |= {"label": two[0][0], "probability": two[0][1], "next": two[1][0], "next_probability": two[1][1]}
        lines.append(line)
    columns = ["id", "row", "label", "probability", "next", "next_probability", "gold"]
    return pd.DataFrame(lines, columns=columns).set_index("id")


def said_by_people(run: Run, row: str) -> str | None:
    """Return the label that people gave a row before a run, which the run kept; None where it is the model's."""
    known = kept_anchors(run.folder)["label"]
    return list(run.label_model()["class_balance"])[known[row]] if row in known.index else None


def gold_of(dataset: Dataset, place: int) -> str:
    """Return the known class of a row of valid; '' where nobody knows, and for other splits, whose gold stays hidden."""
    if dataset.gold is None or dataset.split.iloc[place] != "valid":
        return ""
    gold = int(dataset.gold.iloc[place])
    return "" if gold == ABSTAIN else dataset.labels[gold]


def row_in_words(dataset: Dataset, place: int) -> str:
    """Return a row in one string: its text, or in a task without text its cells."""
    names = dataset.text or dataset.frame.columns
    cells = {name: dataset.frame[name].iloc[place] for name in names}  # a whole row would be a Series, which takes longer
    return "\n".join(cells.values()).strip() if dataset.text else ", ".join(f"{name} {cell}" for name, cell in cells.items())
