"""What a task is, how healthy its last run was, and what to do next: the figures that a page or a report sets side by side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.project.catalogue import changes
from workbench.project.reviewing import new_decisions
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import ABSTAIN, SPLITS, Dataset, SoftLabels

MODELS: Final = {
    "majority_vote": "majority vote",
    "generative": "generative model",
    "snorkel": "Snorkel's LabelModel",
    "weighted_vote": "weighted vote",
    "dawid_skene": "Crowd-Kit's Dawid-Skene",
    "triplet": "triplet method",
    "logistic": "logistic regression",
    "end_model": "end model",
    "ceiling": "gold-trained ceiling",
}
_SCORES: Final = ("accuracy", "low", "high", "macro_f1", "log_loss", "ece", "n")
_NAMED: Final = 5  # changed functions named at most


def split_table(dataset: Dataset) -> pd.DataFrame:
    """Return rows and rows with known gold by split, for the splits that have rows."""
    known = np.zeros(len(dataset), bool) if dataset.gold is None else (dataset.gold != ABSTAIN).to_numpy()
    table = pd.DataFrame({"rows": 1, "gold": known.astype(int)}).groupby(dataset.split.to_numpy()).sum()
    return table.reindex([split for split in SPLITS if split in table.index])


def class_table(dataset: Dataset, soft: SoftLabels | None, diagnosis: dict[str, Any] | None) -> pd.DataFrame:
    """Return one row a class, and with soft labels a last one for the rows that got none.

    Columns: votes (of all functions on all rows), labelled (training rows whose likeliest class it is), share (of the training
    rows). Without a diagnosis there are no votes, without soft labels not the other two.
    """
    table = pd.DataFrame(index=[*dataset.labels, *([] if soft is None else ["(no label)"])])
    if diagnosis is not None:
        table["votes"] = pd.Series({label: one["votes"] for label, one in diagnosis["summary"]["classes"].items()}, dtype=float)
    if soft is not None:
        train = (dataset.split == "train").to_numpy()
        hard = soft.hard().reindex(dataset.ids)[train if train.any() else slice(None)].dropna().astype(int)
        counts = np.bincount(hard.where(hard != ABSTAIN, len(dataset.labels)), minlength=len(table))
        table = table.assign(labelled=counts, share=counts / max(counts.sum(), 1))
    return table


def slice_table(diagnosis: dict[str, Any]) -> pd.DataFrame:
    """Return one row a slice: n, label_coverage, conflict, and where valid has gold accuracy, low, high, n_gold.

    accuracy: on covered rows with gold, the mean share of a row's votes that are right.
    """
    figures = ["n", "label_coverage", "conflict", *(("accuracy", "low", "high", "n_gold") if diagnosis["gold"] else ())]
    table = pd.DataFrame(diagnosis["slices"], columns=["slice", *figures]).set_index("slice")
    ends = [name for name in ("low", "high") if name in table]  # an interval without a figure says nothing
    return table.assign(**{end: table[end].where(table["accuracy"].notna()) for end in ends})


def scored_splits(metrics: dict[str, Any]) -> list[str]:
    """Return the splits that some model is scored on, test first."""
    return [split for split in ("test", "valid") if any(split in scores for scores in _models(metrics).values())]


def scoreboard(metrics: dict[str, Any], split: str, rows: str) -> pd.DataFrame:
    """Return one row a model: accuracy with its 95 % interval low..high, macro_f1, log_loss, ece, n, and why it has no score.

    rows: `all` or `covered`.
    """
    lines = {}
    for name, scores in _models(metrics).items():
        score = scores.get(split, {}).get(rows, {})
        low, high = score.get("interval") or (None, None)
        reason = scores.get("skipped") or score.get("reason") or ""
        lines[MODELS.get(name, name)] = {**score, "low": low, "high": high, "reason": reason}
    return pd.DataFrame.from_dict(lines, orient="index", columns=[*_SCORES, "reason"])


def _models(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    students = ("logistic", "end_model", "ceiling")  # runs of before had no regression
    return {**metrics["label_model"], **{name: metrics[name] for name in students if name in metrics}}


def steps_since(task: Task, run: Run, dataset: Dataset, found: dict[str, Any]) -> list[str]:
    """Return what to do because functions, rows or settings are other now than when a run was made; found: the catalogue."""
    steps = [f"Mend {error['file']}, which cannot be loaded: {error['error']}" for error in found["errors"]]
    news = news_since(task, run, dataset, found)
    return [*steps, f"Run again. Since the figures below: {'; '.join(news)}."] if news else steps


def news_since(
    task: Task, run: Run, dataset: Dataset, found: dict[str, Any], settings: Collection[str] | None = None
) -> list[str]:
    """Return in words what is other now than when a run was made.

    found: the catalogue. settings: the tables of task.toml that count, by default all that a run keeps.
    """
    since = changes(run.about["functions"], found)
    words = []
    for kind in ("new", "changed", "switched off", "removed"):
        names = [name for name, what in since.items() if what == kind]
        if names:
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            words.append(f"{kind} function{'s' * (len(names) > 1)} {', '.join(names[:_NAMED])}{more}")
    if dataset.fingerprint != run.about["data"]:
        words.append("other rows")
    then = run.about["settings"]
    if any(getattr(task, table) != then[table] for table in then if settings is None or table in settings):
        words.append("other settings")
    decisions = new_decisions(task, dataset, run.about.get("review"))
    if decisions:
        words.append(f"{decisions:,} new decision{'s' * (decisions > 1)} of reviewers")
    return words


def next_steps(
    run: Run | None, diagnosis: dict[str, Any] | None, metrics: dict[str, Any] | None, since: Sequence[str] = ()
) -> list[str]:
    """Return what to do next and why, the most useful first; since: of `steps_since`."""
    if run is None or diagnosis is None:
        return [
            "Run the line: the functions vote on every row, and you see what they cover, where they conflict, and the scores."
        ]
    steps = [*since]
    if metrics is None:
        steps.append("Run the whole line: the last run ended before the scores.")
    if diagnosis["warnings"]:
        steps.append("Look into the warnings below; each says what to do.")
    if diagnosis["gold"] is None:
        steps.append(
            "Label some rows of a valid split: without gold there, nothing tells which functions are right. "
            "The columns gold and split are named in task.toml under [data]."
        )
    gap = (metrics or {}).get("pgr", {})
    if gap.get("student") is not None and gap["student"] < gap["weak"]:
        steps.append(
            f"Trust the label model more than the end model: on {gap['n']:,} test rows the end model is right on "
            f"{gap['student']:.1%}, the better label model on {gap['weak']:.1%}."
        )
    done = not steps
    if not run.about.get("review", {}).get("anchors"):
        conflict = diagnosis["summary"]["conflict"]
        why = f"on {conflict:.1%} functions contradict each other, and " if conflict else ""
        steps.append(f"Review some rows: {why}what people say of random ones tells the label model how sure it may be.")
    if done and (run.folder / "export").exists():
        steps.append(
            f"Use the training set in runs/{run.id}/export of the task's folder, or label a new file with `workbench predict`."
        )
    return steps
