"""`workbench export`: the training set, its manifest and its card, of the line or of a run that is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from workbench.export import FORMATS, Candidates, Filters, passing, quality, write_export
from workbench.io.toml import expect
from workbench.project.steps.fit import chosen_model
from workbench.project.task import Task, build, settings_of
from workbench.spec import slice_masks
from workbench.tables import Dataset, SoftLabels, VoteMatrix

OPTIONS: Final = {"formats": list[str], "escape_formulas": bool}
_LISTS: Final = ("splits", "classes", "slices")
Report = Callable[[str, int, int, str], None]


def make_filters(task: Task, splits: Sequence[str] = ("train",)) -> Filters:
    """Construct the export's filters; a data set without a train split exports the splits that it has."""
    where = f"{task.folder / 'task.toml'} [export]"
    for name in _LISTS:
        expect(task.export, name, list[str], where, None)
    lists = {name: tuple(task.export[name]) for name in _LISTS if name in task.export}
    given = {**({} if "train" in splits else {"splits": tuple(splits)}), **task.export, **lists}
    filters: Filters = build(Filters, given, where, also=OPTIONS)
    return filters


def candidates(task: Task, rows: Dataset, votes: VoteMatrix, soft: SoftLabels) -> Candidates:
    """Return the rows that may be exported, without hidden columns; slices may read those."""
    return Candidates.of(task.visible(rows), votes, soft, slice_masks(task.slices, rows))


def export(
    folder: Path,
    task: Task,
    rows: Candidates,
    provenance: dict[str, Any],
    warnings: Sequence[str],
    report: Report = lambda *_: None,
) -> list[str]:
    """Write the training set with its manifest and card; where the filters leave no row, write none and say so."""
    filters = make_filters(task, list(dict.fromkeys(rows.dataset.split)))
    kept, removed = passing(rows, filters)
    if not kept.any():
        counts = ", ".join(f"{name} {count:,}" for name, count in removed.items() if count)
        return [f"No row is left to export: of {len(rows):,} rows the filters removed {counts}; there is no training set."]
    write_export(
        folder,
        rows,
        kept,
        provenance=provenance | {"filters": asdict(filters) | {"removed": removed}, "quality": quality(rows, filters)},
        formats=tuple(task.export.get("formats", FORMATS)),
        warnings=warnings,
        escape_formulas=task.export.get("escape_formulas", True),
        progress=lambda done, total, what: report("export", done, total, what),
    )
    return []


def provenance_of(task: Task, model: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a manifest says about where the labels come from: data, votes, functions, label model and settings."""
    settings = settings_of(model)
    said = {key: facts[key] for key in ("data", "votes", "functions")}
    return said | {"model": chosen_model(task), "settings": settings, "seed": settings.pop("seed")}
