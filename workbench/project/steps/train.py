"""`workbench train`: the end model, learned from soft labels."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.votes import write_soft_labels
from workbench.project.task import Task, build
from workbench.project.trained_before import trained_before
from workbench.tables import Dataset, SoftLabels, WorkbenchError

ON_TRAIN: Final = "answers/end_model_train.parquet"
_ANSWERED: Final = 2_000  # training rows: enough to see where the two models differ, and a second's work


def make_end_model(task: Task) -> Any:
    """Construct the end model with the task's settings."""
    from workbench.end_model import EndModel

    where = f"{task.folder / 'task.toml'} [end_model]"
    model = build(EndModel, task.end_model, where, also={"enabled": bool, "risk": float})
    if not 0 < task.end_model.get("risk", 0.5) < 1:
        raise WorkbenchError(f"{where}: risk is {task.end_model['risk']}; it is a share above 0 and below 1, such as 0.05")
    return model


def train(
    task: Task,
    dataset: Dataset,
    soft: SoftLabels,
    progress: Any = None,
    *,
    anchors: pd.DataFrame | None = None,
    measured: Collection[str] = (),
    reuse: bool = False,
) -> Any:
    """Return the end model trained on the soft labels of the given rows, or in words why there is none.

    anchors: what people said of rows, which label models know too. measured: rows that audits drew; they teach nothing, so that
    they can tell how often the model is wrong. reuse: take the model that the task's cache keeps of just the same training, and
    keep it there. A training that was killed goes on where it stood.
    """
    if not task.end_model.get("enabled", True):
        return "the end model is switched off in task.toml"
    if not soft.covered.any():
        return "no training row is covered by a function"
    weights = np.where(soft.ids.isin(list(measured)), 0.0, 1.0)
    if not (soft.covered & (weights > 0)).any():
        return "audits drew every training row that a function covers"
    model, cached = make_end_model(task), task.folder / "cache"

    def fit() -> Any:
        return model.fit(dataset, soft, weights, anchors, progress, cached / "training")

    if not reuse:
        return fit()
    table = pd.DataFrame() if anchors is None else anchors.reset_index()
    learned_from = model.settings(), dataset.fingerprint, list(soft.ids), soft.labels, soft.probs, soft.covered, weights
    return trained_before(cached / "models", (*learned_from, table.to_dict("list")), fit)


def train_on_gold(task: Task, dataset: Dataset, gold: SoftLabels, progress: Any = None, reuse: bool = False) -> Any:
    """Return what `train` does with labels that are true, none of which gives way to what the text says."""
    return train(replace(task, end_model={**task.end_model, "second_look": 0.0}), dataset, gold, progress, reuse=reuse)


def keep_end_model(folder: Path, model: Any, dataset: Dataset) -> None:
    """Save the model in a run, and its answers on the rows it learned from, or on 2,000 of them drawn by chance."""
    model.save(folder / "end_model")
    some = np.arange(len(dataset))
    if len(some) > _ANSWERED:
        some = np.sort(np.random.default_rng(model.seed).choice(some, _ANSWERED, replace=False))
    write_soft_labels(model.predict_proba(dataset.take(some)), folder / ON_TRAIN)
