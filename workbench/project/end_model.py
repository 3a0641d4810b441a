"""What the end model of a run learned and how far it goes beyond the labels: the figures that a page or a report sets down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from workbench.io.files import read_json
from workbench.io.names import shortened
from workbench.io.votes import read_soft_labels
from workbench.project import jobs
from workbench.project.label_model import Certainty, gold_for, gold_of, row_in_words
from workbench.project.runs import Run
from workbench.project.steps.train import ON_TRAIN
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset, SoftLabels

HELD_OUT: Final = "answers/end_model.parquet"
_EPOCH: Final = re.compile(r"(all rows, )?epoch (\d+): loss ([\d.]+)(?:, on the hold-out ([\d.]+))?")
_LENGTH: Final = 300  # characters of a row that are shown


def gap_in_words(pgr: dict[str, Any]) -> str:
    """Return what the end model recovers of the gap between the labels and gold, in a sentence or two."""
    if pgr["weak"] is None:
        return f"How much of the gap to a model trained on gold it recovers is {pgr['reason']}."
    said = (
        f"On all {pgr['n']:,} test rows the better label model is right on {pgr['weak']:.1%}, the end model on "
        f"{pgr['student']:.1%}, and the same model trained on gold on {pgr['ceiling']:.1%}"
    )
    if pgr["value"] is None:
        return f"{said}; the gap is too small to say which share of it is recovered."
    low, high = ("?" if end is None else f"{end:.0%}".replace("-", "−") for end in pgr["interval"])
    more = "The end model recovers" if pgr["value"] >= 0 else "The end model falls behind the labels: it recovers"
    return f"{said}. {more} {pgr['value']:.0%} of the gap (PGR; 95 % interval {low} to {high})."


def settings_of(run: Run) -> dict[str, Any]:
    """Return what the saved model says of itself: settings, labels, history, best_epoch."""
    found: dict[str, Any] = read_json(run.end_model_folder() / "model.json")
    return found


def trained_on(run: Run, dataset: Dataset, labels: SoftLabels) -> dict[str, str]:
    """Return in words what the end model of a run learned from, by topic."""
    known = settings_of(run)
    settings = known["settings"]
    train = (dataset.split == "train").reindex(labels.ids, fill_value=False).to_numpy()
    taught = train & (labels.covered | settings["use_uncovered"])
    people = run.about.get("review", {}).get("anchors", 0)
    by_people = f", {people:,} of them labelled by people" if people else ""
    network = f"one hidden layer of {settings['hidden']:,}" if settings["hidden"] else "linear"
    return {
        "rows": f"{taught.sum():,} of {train.sum():,} train rows, those that functions vote on{by_people}",
        "labels": "the label model's probabilities; gold is not read",
        "text features": ", ".join(settings["features"]) or "none",
        "columns": ", ".join(settings["columns"]) or "none",
        "model": f"{network}, weight decay {settings['weight_decay']:g}, seed {settings['seed']}",
        "epochs": f"{known['best_epoch']} of at most {settings['epochs']}, {settings['holdout']:.0%} of rows held out",
    }


def history_table(history: Sequence[dict[str, float]]) -> pd.DataFrame:
    """Return epoch, rows (`taught` or `held out`) and loss, one line a point of the curve."""
    kinds = {"loss": "taught", "holdout_loss": "held out"}
    lines = [(line["epoch"], kinds[key], line[key]) for line in history for key in kinds if key in line]
    return pd.DataFrame(lines, columns=["epoch", "rows", "loss"])


def epochs_said(details: Sequence[str]) -> list[dict[str, float]]:
    """Return the history of a training from what it said so far, to four digits; where rows are held out, of those epochs."""
    found = [match.groups() for detail in details if (match := _EPOCH.fullmatch(detail))]
    watched = [line for line in found if line[3] is not None]
    return [
        {"epoch": int(epoch), "loss": float(loss), **({} if held is None else {"holdout_loss": float(held)})}
        for _, epoch, loss, held in watched or found
    ]


def live_history(task: Path) -> list[dict[str, float]]:
    """Return the history of the training that runs for a task folder, or ran last."""
    return epochs_said(jobs.said(task, "train"))


@dataclass(frozen=True)
class Answers:
    """What the end model of a run answers, computed once a run.

    held_out: on valid and test rows. certainty: how sure it is there. classes: of `class_table`. apart: of `differences`.
    """

    held_out: SoftLabels
    certainty: Certainty
    classes: pd.DataFrame
    apart: pd.DataFrame
    compared: dict[str, int]

    @classmethod
    def of(cls, run: Run, dataset: Dataset, labels: SoftLabels) -> Self:
        """Compute it; labels: those of the label model. Rows that are gone from the data set are left out."""
        held_out = _here(read_soft_labels(run.folder / HELD_OUT), dataset)
        test = (dataset.split == "test").to_numpy()
        places = dataset.ids.get_indexer(held_out.ids)
        sure = Certainty.of(held_out, dataset, np.where(test[places], -1, places))
        answers = [sure.valid]
        if (run.folder / ON_TRAIN).exists():
            answers.append(_here(read_soft_labels(run.folder / ON_TRAIN), dataset))
        apart, compared = differences(answers, labels, dataset)
        return cls(held_out, sure, class_table(sure.valid, dataset), apart, compared)


def _here(soft: SoftLabels, dataset: Dataset) -> SoftLabels:
    return soft.take(dataset.ids.get_indexer(soft.ids) >= 0)


def class_table(valid: SoftLabels, dataset: Dataset) -> pd.DataFrame:
    """Return one row a class, of the valid rows with gold: gold and answered (rows), found and right with low and high, f1.

    found: the share of the rows of the class that are answered so (recall). right: the share of the rows answered so that are
    of the class (precision). The intervals are 95 % (Wilson).
    """
    known = gold_for(valid, dataset)
    truth = np.full(len(valid), ABSTAIN) if known is None else known.reindex(valid.ids).to_numpy()
    some = truth != ABSTAIN
    k, best = len(valid.labels), valid.probs.argmax(axis=1)
    hits = np.bincount(truth[some & (truth == best)], minlength=k)
    gold, answered = (np.bincount(codes[some], minlength=k) for codes in (truth, best))
    table = pd.DataFrame({"gold": gold, "answered": answered}, index=pd.Index(valid.labels, name="class"))
    for name, n in (("found", gold), ("right", answered)):
        low, high = wilson_interval(hits, n)
        share = np.where(n > 0, hits / np.maximum(n, 1), np.nan)
        table = table.assign(**{name: share, f"{name}_low": low, f"{name}_high": high})
    return table.assign(f1=np.where(gold + answered > 0, 2 * hits / np.maximum(gold + answered, 1), np.nan))


def differences(answers: Sequence[SoftLabels], labels: SoftLabels, dataset: Dataset) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows on which the end model answers otherwise than they are labelled, the surest first, and what was compared.

    Rows without a label are not compared. Columns, by row id: split, label, label_probability, answer, answer_probability, gold
    (a class name on valid alone, else ''). Compared: rows by split.
    """
    parts: list[pd.DataFrame] = []
    compared: dict[str, int] = {}
    hard = labels.hard()
    for soft in answers:
        known = soft.take((hard.reindex(soft.ids).fillna(ABSTAIN) != ABSTAIN).to_numpy())
        places, best = labels.ids.get_indexer(known.ids), known.probs.argmax(axis=1)
        label = hard.to_numpy()[places].astype(np.intp)
        other = np.flatnonzero(best != label)
        at = dataset.ids.get_indexer(known.ids)
        for split, count in dataset.split.iloc[at].value_counts().items():
            compared[str(split)] = compared.get(str(split), 0) + int(count)
        line = {
            "split": dataset.split.to_numpy()[at[other]],
            "label": np.array(labels.labels, object)[label[other]],
            "label_probability": labels.probs[places[other], label[other]],
            "answer": np.array(labels.labels, object)[best[other]],
            "answer_probability": known.probs[other, best[other]],
            "gold": [gold_of(dataset, int(place)) for place in at[other]],
        }
        parts.append(pd.DataFrame(line, index=known.ids[other]))
    table = pd.concat(parts) if parts else pd.DataFrame()
    return table.sort_values("answer_probability", ascending=False, kind="stable"), compared


def pairs_table(apart: pd.DataFrame) -> pd.DataFrame:
    """Return one row a pair of label and answer: rows of valid and train, and on valid with gold who is right, most rows first.

    Columns: valid, train, end_model, label, neither (valid rows with gold by who is right).
    """
    known = apart["gold"] != ""
    marked = apart.assign(
        valid=apart["split"] == "valid",
        train=apart["split"] == "train",
        end_model=known & (apart["gold"] == apart["answer"]),
        by_label=known & (apart["gold"] == apart["label"]),
    )
    marked["neither"] = known & ~marked["end_model"] & ~marked["by_label"]
    table = marked.groupby(["label", "answer"], sort=False)[["valid", "train", "end_model", "by_label", "neither"]].sum()
    order = (table["valid"] + table["train"]).sort_values(ascending=False, kind="stable").index
    return table.loc[order].astype(int)


def who_is_right(apart: pd.DataFrame) -> dict[str, int]:
    """Return the valid rows with gold on which they differ, n, and how often the end model, the label or neither is right."""
    counts = pairs_table(apart)[["end_model", "by_label", "neither"]].sum() if len(apart) else pd.Series(dtype=int)
    found = {name: int(counts.get(name, 0)) for name in ("end_model", "by_label", "neither")}
    return {"n": sum(found.values()), **found}


def rows_apart(
    apart: pd.DataFrame, dataset: Dataset, pair: tuple[str, str] | None, split: str | None, start: int, size: int
) -> tuple[pd.DataFrame, int]:
    """Return some of the rows of a pair of label and answer, or of all, with their text, and how many there are."""
    chosen = np.ones(len(apart), bool)
    if pair is not None:
        chosen &= ((apart["label"] == pair[0]) & (apart["answer"] == pair[1])).to_numpy()
    if split is not None:
        chosen &= (apart["split"] == split).to_numpy()
    found = apart[chosen]
    page = found.iloc[start : start + size]
    places = dataset.ids.get_indexer(page.index)
    texts = [shortened(row_in_words(dataset, int(place)), _LENGTH) for place in places]
    return page.assign(row=pd.array(texts, dtype="str")), len(found)


def deferral_curve(certainty: Certainty, dataset: Dataset) -> pd.DataFrame:
    """Return what each threshold of confidence, from 0 to 1 by 0.01, leaves to the model on valid rows with gold.

    Columns: threshold, answered (share of them), n (rows), accuracy, low, high. Valid rows without gold are not counted.
    """
    valid = certainty.valid
    known = gold_for(valid, dataset)
    truth = np.full(len(valid), ABSTAIN) if known is None else known.reindex(valid.ids).to_numpy()
    some = truth != ABSTAIN
    sure, right = valid.probs[some].max(axis=1), (valid.probs[some].argmax(axis=1) == truth[some]).astype(float)
    order = np.argsort(-sure, kind="stable")
    steps = np.arange(101) / 100
    n = np.searchsorted(-sure[order], -steps, side="right")
    hits = np.concatenate([[0.0], right[order].cumsum()])[n]
    low, high = wilson_interval(hits, n)
    table = pd.DataFrame({"threshold": steps, "answered": n / max(len(sure), 1), "n": n, "low": low, "high": high})
    return table.assign(accuracy=hits / np.maximum(n, 1))[n > 0]


def columns_to_type(dataset: Dataset) -> dict[str, list[str]]:
    """Return the columns beside the text, each with the values it holds where these are few, as text, commonest first."""
    found: dict[str, list[str]] = {}
    for name in dataset.frame.columns:
        if name in dataset.text:
            continue
        cells = dataset.frame[name]
        nested = cells.dtype == object and not all(pd.api.types.is_hashable(cell) for cell in cells.head(100))
        values = [] if nested else [str(value) for value in cells.value_counts().index[: _FEW + 1]]
        found[name] = values if len(values) <= _FEW else []
    return found


_FEW: Final = 30  # values that a list can hold
