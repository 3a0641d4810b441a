"""`workbench export`: the training set, its manifest and its card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.export import FORMATS, Filters, apply_filters, training_frame, write_export
from workbench.io.toml import check_keys
from workbench.project.task import Task, build
from workbench.tables import Dataset, SoftLabels, VoteMatrix


def export(folder: Path, task: Task, dataset: Dataset, votes: VoteMatrix, soft: SoftLabels, facts: dict[str, Any]) -> None:
    """Write the training set with its manifest and card."""
    where = f"{task.folder / 'task.toml'} [export]"
    options = {"formats", "escape_formulas"}
    check_keys(task.export, [*options, *Filters.__dataclass_fields__], where)
    given = {
        key: tuple(value) if isinstance(value, list) else value for key, value in task.export.items() if key not in options
    }
    if not (dataset.split == "train").any():
        given.setdefault("splits", tuple(dict.fromkeys(dataset.split)))
    filters = build(Filters, given, where)
    frame, removed = apply_filters(training_frame(dataset, votes, soft), filters)
    provenance = {
        "data": facts["data"],
        "votes": facts["votes"],
        "functions": facts["functions"],
        "model": task.label_model.get("model", "generative"),
        "settings": {key: value for key, value in task.label_model.items() if key not in ("model", "seed")},
        "seed": task.label_model.get("seed", 0),
        "filters": asdict(filters) | {"removed": removed},
    }
    write_export(
        folder,
        frame,
        provenance=provenance,
        formats=tuple(task.export.get("formats", FORMATS)),
        escape_formulas=task.export.get("escape_formulas", True),
    )
