"""`workbench fit`: one label model over the votes of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.label_models import LABEL_MODELS
from workbench.project.task import Task, build
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, WorkbenchError


def training_rows(dataset: Dataset) -> Any:
    """bool[n]: the rows that models learn from; a data set without a train split, such as crowd votes, has all."""
    train = (dataset.split == "train").to_numpy()
    return train if train.any() else np.ones(len(dataset), bool)


def fit_label_model(task: Task, name: str, dataset: Dataset, votes: VoteMatrix) -> SoftLabels:
    """Fit a label model on the votes of the training rows, without gold, and label every row."""
    where = f"{task.folder / 'task.toml'} [label_model]"
    if name not in LABEL_MODELS:
        raise WorkbenchError(f"{where}: model {name!r} is unknown; known are {', '.join(LABEL_MODELS)}")
    chosen = task.label_model.get("model", "generative")
    shared = {"class_balance", "seed"}  # what holds for the models that stand beside the chosen one
    settings = {key: value for key, value in task.label_model.items() if key != "model" and (name == chosen or key in shared)}
    if settings.get("class_balance") == "valid":
        settings["class_balance"] = _valid_balance(dataset, where)
    model = build(LABEL_MODELS[name], settings, where)
    answers: SoftLabels = model.fit(votes.take(training_rows(dataset))).predict_proba(votes)
    return answers


def _valid_balance(dataset: Dataset, where: str) -> list[float]:
    valid = dataset.gold[dataset.split == "valid"] if dataset.gold is not None else None
    if valid is None or not (valid != ABSTAIN).any():
        raise WorkbenchError(f'{where}: class_balance = "valid" needs gold in the valid split, and there is none')
    return [
        float(share) for share in np.bincount(valid[valid != ABSTAIN], minlength=len(dataset.labels)) / (valid != ABSTAIN).sum()
    ]
