"""`workbench export`: the training set, its manifest and its card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.export import FORMATS, Filters, apply_filters, training_frame, write_export
from workbench.project.steps.fit import chosen_model, make_label_model
from workbench.project.task import Task, build, settings_of
from workbench.tables import Dataset, SoftLabels, VoteMatrix

OPTIONS = ("formats", "escape_formulas")


def make_filters(task: Task, dataset: Dataset | None = None) -> Filters:
    """Construct the export's filters; a data set without a train split exports what it has."""
    where = f"{task.folder / 'task.toml'} [export]"
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in task.export.items()}
    if dataset is not None and not (dataset.split == "train").any():
        given.setdefault("splits", tuple(dict.fromkeys(dataset.split)))
    filters: Filters = build(Filters, given, where, also=OPTIONS)
    return filters


def export(folder: Path, task: Task, dataset: Dataset, votes: VoteMatrix, soft: SoftLabels, facts: dict[str, Any]) -> None:
    """Write the training set with its manifest and card."""
    filters = make_filters(task, dataset)
    settings = settings_of(make_label_model(task, chosen_model(task)))
    frame, removed = apply_filters(training_frame(dataset, votes, soft), filters)
    provenance = {
        "data": facts["data"],
        "votes": facts["votes"],
        "functions": facts["functions"],
        "model": chosen_model(task),
        "settings": {name: value for name, value in settings.items() if name != "seed"},
        "seed": settings["seed"],
        "filters": asdict(filters) | {"removed": removed},
    }
    write_export(
        folder,
        frame,
        provenance=provenance,
        formats=tuple(task.export.get("formats", FORMATS)),
        escape_formulas=task.export.get("escape_formulas", True),
    )
