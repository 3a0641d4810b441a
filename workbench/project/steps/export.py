"""`workbench export`: the training set, its manifest and its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.export import FORMATS, Filters, apply_filters, write_export
from workbench.project.steps.fit import chosen_model
from workbench.project.task import Task, build, settings_of

OPTIONS = {"formats": list[str], "escape_formulas": bool}


def make_filters(task: Task, splits: Sequence[str] = ("train",)) -> Filters:
    """Construct the export's filters; a data set without a train split exports the splits that it has."""
    given = {**({} if "train" in splits else {"splits": list(splits)}), **task.export}
    filters: Filters = build(Filters, given, f"{task.folder / 'task.toml'} [export]", also=OPTIONS)
    return filters


def export(folder: Path, task: Task, frame: pd.DataFrame, provenance: dict[str, Any], warnings: Sequence[str]) -> list[str]:
    """Write the training set with its manifest and card; where the filters leave no row, write none and say so."""
    filters = make_filters(task, list(dict.fromkeys(frame["split"])))
    kept, removed = apply_filters(frame, filters)
    if kept.empty:
        counts = ", ".join(f"{name} {count:,}" for name, count in removed.items() if count)
        return [f"No row is left to export: of {len(frame):,} rows the filters removed {counts}; there is no training set."]
    write_export(
        folder,
        kept,
        provenance=provenance | {"filters": asdict(filters) | {"removed": removed}},
        formats=tuple(task.export.get("formats", FORMATS)),
        warnings=warnings,
        escape_formulas=task.export.get("escape_formulas", True),
    )
    return []


def provenance_of(task: Task, model: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a manifest says about where the labels come from: data, votes, functions, label model and settings."""
    settings = settings_of(model)
    said = {key: facts[key] for key in ("data", "votes", "functions")}
    return said | {"model": chosen_model(task), "settings": settings, "seed": settings.pop("seed")}
