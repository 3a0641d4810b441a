"""`workbench fit`: one label model over the votes of the training rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.evaluate import scores
from workbench.io.files import write_frame, write_json
from workbench.io.names import did_you_mean, listed
from workbench.io.toml import expect
from workbench.io.votes import write_soft_labels
from workbench.label_models import LABEL_MODELS, GenerativeModel, save
from workbench.label_models.contract import VoteParts
from workbench.project.in_parts import InParts
from workbench.project.reviewing import KEPT_ANCHORS, check_teaching, reviewed
from workbench.project.runs import KEPT_MODEL
from workbench.project.task import Task, build, settings_of
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, WorkbenchError

LEVEL: Final = 0.95  # of intervals of what is learned, as of those on gold
_DRAWS: Final = 100
_MAJORITY: Final = "majority_vote"
Report = Callable[[str, int, int, str], None]  # stage, done, total, in words what is done now
_SHARED = ("class_balance", "seed")  # settings that hold for the models beside the chosen one too


def training_rows(dataset: Dataset) -> Any:
    """bool[n]: the rows that models learn from; a data set without a train split, such as crowd votes, has all."""
    train = (dataset.split == "train").to_numpy()
    return train if train.any() else np.ones(len(dataset), bool)


def make_label_model(task: Task, name: str) -> Any:
    """Construct a label model with the task's settings; the ones beside the chosen model share its balance and seed."""
    where = f"{task.folder / 'task.toml'} [label_model]"
    if name not in LABEL_MODELS:
        raise WorkbenchError(
            f"{where}: model {name!r} is unknown; known are {listed(LABEL_MODELS)}{did_you_mean(name, LABEL_MODELS)}"
        )
    expect(task.label_model, "class_balance", (str, list[float]), where, None)
    if name == chosen_model(task):
        return build(LABEL_MODELS[name], task.label_model, where, also={"model": str})
    return build(LABEL_MODELS[name], {key: task.label_model[key] for key in _SHARED if key in task.label_model}, where)


def chosen_model(task: Task) -> str:
    """Return the name of the label model whose labels are exported and train the end model."""
    return str(task.label_model.get("model", "generative"))


def ready_label_model(task: Task, name: str, dataset: Dataset) -> Any:
    """Construct a label model that knows the class balance of valid, where it is to use that."""
    model = make_label_model(task, name)
    if model.class_balance == "valid":
        model.class_balance = _valid_balance(dataset, task)
    return model


def fit_label_model(
    task: Task,
    name: str,
    dataset: Dataset,
    votes: VoteMatrix,
    gold: pd.DataFrame | None = None,
    everything: VoteParts | None = None,
) -> tuple[SoftLabels, Any]:
    """Fit a label model on the votes of the training rows; return its labels of every row, and the model.

    everything: the votes of all training rows in parts, where the data set is a sample of them.

    gold: label and weight by row id of what reviewers said of train rows, as the record has it now unless given; these rows
    keep the label that people gave them. Gold of the data teaches nothing.
    """
    model, known = ready_label_model(task, name, dataset), teaching(task, dataset, gold)
    model.fit(everything or votes.take(training_rows(dataset)), known if len(known) else None)
    return labels_of(model, known, votes), model


def teaching(task: Task, dataset: Dataset, gold: pd.DataFrame | None) -> pd.DataFrame:
    """Return what reviewers said of train rows, of the record unless given; what must not teach is refused."""
    known = reviewed(task, dataset).teaching if gold is None else gold
    check_teaching(task, dataset, known)
    return known


def labels_of(model: Any, known: pd.DataFrame, votes: VoteMatrix) -> SoftLabels:
    """Return the labels that a fitted model gives rows; those that people labelled keep theirs."""
    return human_wins(model.predict_proba(votes), known)


def human_wins(soft: SoftLabels, gold: pd.DataFrame) -> SoftLabels:
    """Return the labels with probability 1 where people gave one; such a row is covered, whoever voted."""
    at = soft.ids.get_indexer(gold.index)
    probs, covered = soft.probs.copy(), soft.covered.copy()
    probs[at[at >= 0]], covered[at[at >= 0]] = np.eye(len(soft.labels))[gold["label"][at >= 0]], True
    return SoftLabels(soft.ids, soft.labels, probs, covered)


def _valid_balance(dataset: Dataset, task: Task) -> list[float]:
    gold = dataset.select("valid").gold
    if gold is None or not (gold != ABSTAIN).any():
        raise WorkbenchError(
            f'{task.folder / "task.toml"}: class_balance = "valid" needs gold in the valid split; there is none'
        )
    counts = np.bincount(gold[gold != ABSTAIN], minlength=len(dataset.labels))
    return [float(share) for share in counts / counts.sum()]


def _no_train(dataset: Dataset) -> list[str]:
    """Return that models learn from the rows that score them, where there are texts to learn and no train split."""
    if not dataset.text or (dataset.split == "train").any():
        return []
    return [
        "No row is in the split train, so models learn from the rows that score them; put most rows without gold into train."
    ]


def doubts(soft: SoftLabels, votes: VoteMatrix, model: Any) -> list[str]:
    """Return in words what is suspicious about fitted labels, of the rows that models learn from."""
    found = []
    if not getattr(model, "converged_", True):
        found.append(f"The label model has not converged in {model.n_iter_} iterations; raise max_iter in [label_model].")
    cast = np.bincount(votes.votes[votes.votes != ABSTAIN], minlength=len(votes.labels))
    given = np.bincount(soft.hard()[soft.hard() != ABSTAIN], minlength=len(votes.labels))
    lost = [f"{label!r} ({cast[c]:,} votes)" for c, label in enumerate(votes.labels) if cast[c] and not given[c]]
    if lost:
        found.append(
            f"The label model gives no row to {', '.join(lost)}: it trusts the functions that vote for them too little. "
            'Look at their accuracy and conflicts, give class_balance, or compare with model = "majority_vote".'
        )
    return found + getattr(model, "doubts_", [])


def learned(model: Any, soft: SoftLabels, votes: VoteMatrix) -> dict[str, Any]:
    """Return what the label model learned: the class balance, and of each function the share of its votes expected right.

    class_balance is what a row without votes gets, covered_balance the mean posterior of the rows with votes.
    """
    accuracy, covered = getattr(model, "accuracy_", {}), soft.probs[votes.covered]
    return {
        "model": type(model).__name__,
        "class_balance": dict(zip(votes.labels, model.class_balance_, strict=True)),
        "covered_balance": dict(zip(votes.labels, covered.mean(axis=0), strict=True)) if len(covered) else {},
        "accuracy": {name: accuracy.get(name) for name in votes.lfs},
        "iterations": getattr(model, "n_iter_", None),
        "converged": getattr(model, "converged_", None),
        "history": getattr(model, "history_", []),
        "calibration": _calibration(model, votes),
        "settings": settings_of(model),
    }


def _calibration(model: Any, votes: VoteMatrix) -> dict[str, Any] | None:
    """Return the slope of scores and the offset of each class that gold rows taught; None of a model that has none."""
    found = getattr(model, "calibration_", None)
    return None if found is None else {"slope": found.slope, "offset": dict(zip(votes.labels, found.offset, strict=True))}


def learned_intervals(model: Any, votes: VoteMatrix, report: Report) -> dict[str, Any]:
    """Return 95 % intervals of what a model learned from these votes, by 100 refits to simulated votes; {} where it has none.

    accuracy_interval: [low, high] by function, None for one that never votes. covered_balance_interval: by class.
    """
    if not isinstance(model, GenerativeModel):
        return {}
    found = model.intervals(votes, LEVEL, _DRAWS, lambda done: report("intervals", done, _DRAWS, ""))
    names = {"accuracy_interval": found.accuracy, "covered_balance_interval": found.class_balance}
    ends = {name: dict(zip(table.index, table.to_numpy().tolist(), strict=True)) for name, table in names.items()}
    known = {name: {of: None if np.isnan(pair).any() else pair for of, pair in by.items()} for name, by in ends.items()}
    return {**known, "interval_level": LEVEL}


def beside_majority_vote(
    task: Task, soft: SoftLabels, dataset: Dataset, votes: VoteMatrix, known: pd.DataFrame
) -> dict[str, Any]:
    """Return the scores on valid of majority vote and of the labels, and the share of covered rows on which they agree."""
    majority, _ = fit_label_model(task, _MAJORITY, dataset, votes, known)
    valid, same = (dataset.split == "valid").to_numpy(), (majority.hard() == soft.hard())[votes.covered]
    answers = {_MAJORITY: majority, chosen_model(task): soft}
    return {
        "scores": {name: scores(one.take(valid), dataset.gold, dataset.split) for name, one in answers.items()},
        "same_as_majority_vote": float(same.mean()) if len(same) else None,
    }


def fit(
    folder: Path,
    task: Task,
    dataset: Dataset,
    votes: VoteMatrix,
    report: Report = lambda *_: None,
    *,
    gold: pd.DataFrame | None = None,
    intervals: bool = False,
    parts: InParts | None = None,
) -> tuple[SoftLabels, Any, list[str]]:
    """Write the labels of all rows, what the model learned, and the model itself where it can explain rows.

    Returns the labels, the model and in words what is suspicious. gold: as for `fit_label_model`; its rows are kept beside the
    labels. intervals: find them too, which takes 100 refits. parts: all rows, where the data set is a sample of them; the model
    learns from their votes, and they get labels too.
    """
    known = teaching(task, dataset, gold)
    everything = None if parts is None else parts.training(votes.lfs, votes.labels)
    start = perf_counter()
    soft, model = fit_label_model(task, chosen_model(task), dataset, votes, known, everything)
    if parts is not None:
        parts.seconds["label model"] = perf_counter() - start
        parts.label(folder, partial(labels_of, model, known))
    if len(known):
        write_frame(known, folder / KEPT_ANCHORS)
    taught = training_rows(dataset)
    said = _no_train(dataset) + doubts(soft.take(taught), votes.take(taught), model)
    ends = learned_intervals(model, votes.take(taught), report) if intervals else {}
    write_soft_labels(soft, folder / "soft_labels.parquet")
    beside = beside_majority_vote(task, soft, dataset, votes, known)
    write_json(folder / "label_model.json", {**learned(model, soft, votes), **ends, **beside, "doubts": said})
    if isinstance(model, GenerativeModel):
        save(model, folder / KEPT_MODEL)
    return soft, model, said
