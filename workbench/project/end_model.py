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
from workbench.io.votes import read_soft_labels
from workbench.project import jobs
from workbench.project.end_model_fates import differences
from workbench.project.label_model import Certainty, gold_and_answer
from workbench.project.runs import Run
from workbench.project.steps.defer import RISK
from workbench.project.steps.train import ON_TRAIN
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset, SoftLabels

HELD_OUT: Final = "answers/end_model.parquet"
_EPOCH: Final = re.compile(r"(all rows, )?epoch (\d+): loss ([\d.]+)(?:, on the hold-out ([\d.]+))?")


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
    share = settings.get("second_look", 0)
    looked = f", of which {share:.0%} gives way to what they and the texts of other rows say together" if share else ""
    crossed = any("holdout_loss" in line for line in known["history"])
    parts = f", by models of {settings.get('folds', 1)} folds" if crossed else ""
    return {
        "rows": f"{taught.sum():,} of {train.sum():,} train rows, those that functions vote on{by_people}",
        "labels": f"the label model's probabilities{looked}; gold is not read",
        "epochs": f"{known['best_epoch']} of at most {settings['epochs']}{parts}",
    }


#: What each setting under [end_model] is, in words.
SETTINGS: Final = {
    "features": "views of a row's text, each with a model of its own; their answers are added",
    "columns": "columns of the table that stand beside every view",
    "certainty": "a row counts (1 - entropy / log k) to this power: unsure labels teach little; 0 counts all alike",
    "keep": "of each class the share of rows to learn from, those whose neighbours have the same label",
    "use_uncovered": "whether rows without votes teach the class balance",
    "second_look": "how much of a weak label gives way to what it and a model of other rows say together",
    "self_training": "what a row without votes counts, with the answer of models of the others; 0 for not at all",
    "confidence_loss": "part of the loss that holds the model to its own answer",
    "folds": "parts of the rows; models of the others, asked about each, say how long to train and how far to trust each view",
    "weight_decay": "how strongly weights are held near 0",
    "hidden": "width of the hidden layer; 0 for a linear model",
    "epochs": "epochs at most, each of 5 steps of L-BFGS",
    "patience": "epochs without a lower loss on a fold before its training stops",
    "max_features": "terms of a kind at most, and values of a category",
    "device": "what computes: cpu, or what torch calls the other",
    "seed": "of all that is drawn by chance",
    "risk": "the share of answers that may be wrong: what confidence is enough for an answer follows from it",
}


def settings_table(run: Run) -> pd.DataFrame:
    """Return one row a setting of the end model of a run: value, default (both as text), and in words what it is."""
    from workbench.end_model import EndModel

    default = {**EndModel().settings(), "risk": RISK}
    used = {"risk": RISK, **run.about["settings"]["end_model"], **settings_of(run)["settings"]}
    lines = {name: (_shown(used.get(name, default[name])), _shown(default[name]), what) for name, what in SETTINGS.items()}
    return pd.DataFrame.from_dict(lines, orient="index", columns=["value", "default", "what it is"]).rename_axis("setting")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


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

    held_out: on valid and test rows. certainty: how sure it is there. classes: of `class_table`. apart, compared: of
    `end_model_fates.differences`.
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
    truth, best = gold_and_answer(valid, dataset)
    some, k = truth != ABSTAIN, len(valid.labels)
    hits = np.bincount(truth[some & (truth == best)], minlength=k)
    gold, answered = (np.bincount(codes[some], minlength=k) for codes in (truth, best))
    table = pd.DataFrame({"gold": gold, "answered": answered}, index=pd.Index(valid.labels, name="class"))
    for name, n in (("found", gold), ("right", answered)):
        low, high = wilson_interval(hits, n)
        share = np.where(n > 0, hits / np.maximum(n, 1), np.nan)
        table = table.assign(**{name: share, f"{name}_low": low, f"{name}_high": high})
    return table.assign(f1=np.where(gold + answered > 0, 2 * hits / np.maximum(gold + answered, 1), np.nan))


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
