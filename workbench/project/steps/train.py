"""`workbench train`: the end model, learned from soft labels."""

from __future__ import annotations

from typing import Any

from workbench.project.task import Task, build
from workbench.tables import Dataset, SoftLabels


def make_end_model(task: Task) -> Any:
    """Construct the end model with the task's settings."""
    from workbench.end_model import EndModel

    return build(EndModel, task.end_model, f"{task.folder / 'task.toml'} [end_model]", also={"enabled": bool})


def train(task: Task, dataset: Dataset, soft: SoftLabels, progress: Any = None) -> Any:
    """Return the end model trained on the soft labels of the given rows, or in words why there is none."""
    if not task.end_model.get("enabled", True):
        return "the end model is switched off in task.toml"
    if not soft.covered.any():
        return "no training row is covered by a function"
    return make_end_model(task).fit(dataset, soft, progress=progress)
