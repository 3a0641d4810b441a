"""`workbench export`: the training set, its manifest and its card, of the line or of a run that is finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.export import FORMATS, Candidates, Filters, passing, private_facts, private_in_words, quality, write_export
from workbench.io.files import check_format, read_json
from workbench.io.toml import expect
from workbench.project.exporting_in_parts import export_in_parts
from workbench.project.in_parts import PARTS, InParts
from workbench.project.production import production_ids
from workbench.project.reviewing import kept_anchors
from workbench.project.runs import Run, find_run
from workbench.project.steps.apply import make_mapper
from workbench.project.steps.fit import chosen_model
from workbench.project.task import Task, build, settings_of
from workbench.spec import slice_masks
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

OPTIONS: Final = {"formats": list[str], "escape_formulas": bool, "mask": bool}
_LISTS: Final = ("splits", "classes", "slices")
Report = Callable[[str, int, int, str], None]


def asked(task: Task, **settings: Any) -> Task:
    """Return the task with other settings of `[export]`; those that are None stay as task.toml has them."""
    given = {name: value for name, value in settings.items() if value is not None}
    return replace(task, export={**task.export, **given})


def make_filters(task: Task, splits: Sequence[str] = ("train",)) -> Filters:
    """Construct the export's filters; a data set without a train split exports the splits that it has, no class means all."""
    where = f"{task.folder / 'task.toml'} [export]"
    for name in _LISTS:
        expect(task.export, name, list[str], where, None)
    said = {name: value for name, value in task.export.items() if value or name not in ("classes", "slices")}
    given = {**({} if "train" in splits else {"splits": list(splits)}), **said}
    filters: Filters = build(Filters, given, where, also=OPTIONS)
    return filters


def candidates(task: Task, rows: Dataset, votes: VoteMatrix, soft: SoftLabels, folder: Path) -> Candidates:
    """Return the rows that may be exported, without hidden columns; slices may read those.

    folder: of the run, which keeps what reviewers labelled.
    """
    reviewed = kept_anchors(folder).index
    mask = bool(task.export.get("mask", False))
    return Candidates.of(task.visible(rows), votes, soft, slice_masks(task.slices, rows), reviewed, mask)


def export(
    folder: Path,
    task: Task,
    rows: Candidates,
    provenance: dict[str, Any],
    warnings: Sequence[str],
    report: Report = lambda *_: None,
    parts: InParts | None = None,
) -> tuple[int, list[str]]:
    """Write the training set with its manifest and card; return its rows, and what to know of it: private data in it, by kind.

    Where the filters leave no row, none is written, and that is what is said. parts: all rows, of which `rows` are a sample.
    """
    filters = make_filters(task, rows.splits)
    kept, removed = passing(rows, filters)
    if not kept.any():
        counts = ", ".join(f"{name} {count:,}" for name, count in removed.items() if count)
        of = f"{'' if parts is None else 'a sample of '}{len(rows):,} rows"
        nothing = f"No row is left to export: of {of} the filters removed {counts}; there is no training set"
        return 0, [f"{nothing}; loosen [export] in task.toml, or write functions that vote on more rows."]
    private = private_in_words(private_facts(rows.private, kept, rows.mask), int(kept.sum()))
    if parts is not None:
        written = export_in_parts(folder, task, parts, rows, filters, provenance, warnings)
        said = [f"{written:,} rows of {parts.rows:,} are exported."]
        return written, [*said, f"Of a sample of them: {private}"] if private else said
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
    return int(kept.sum()), [private] if private else []


def provenance_of(task: Task, model: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a manifest says about where the labels come from: data, votes, functions, label model and settings."""
    settings = settings_of(model)
    said = {key: facts[key] for key in ("data", "votes", "functions")}
    return said | {"model": chosen_model(task), "settings": settings, "seed": settings.pop("seed")}


def of_run(task: Task, run: Run, rows: Dataset, votes: VoteMatrix | None = None, soft: SoftLabels | None = None) -> Candidates:
    """Return what a finished run has to export; refused where the rows are other than those it voted on.

    Rows of production that came after it are left out. votes, soft: those of the run, where they are read already.
    """
    votes = run.votes() if votes is None else votes
    rows = _without_later(task, rows, votes.ids)
    if rows.fingerprint != run.about["data"]:
        raise WorkbenchError(
            f"the rows are other than those run {run.id} voted on; run `workbench run {task.folder}` again, then export"
        )
    soft = run.soft_labels() if soft is None else soft
    return candidates(task, rows, votes, soft, run.folder)


def _without_later(task: Task, rows: Dataset, seen: pd.Index) -> Dataset:
    """Return the rows without those of production that a run has not seen, in the types that they have without these."""
    later = rows.ids.isin(production_ids(task.folder)) & ~rows.ids.isin(seen)
    if not later.any():
        return rows
    kept = rows.take(np.flatnonzero(~later))
    kinds = {name: getattr(kept.frame[name].dtype, "numpy_dtype", None) for name in kept.frame if not kept.frame[name].hasnans}
    plain = {name: kind for name, kind in kinds.items() if kind is not None and kind.kind in "biu"}  # made for gaps
    return replace(kept, frame=kept.frame.astype(plain))


def export_run(task: Task, run: Run, folder: Path, report: Report = lambda *_: None) -> int:
    """Write the training set of a finished run into a new folder, as `[export]` of the task says; return how many rows.

    Raises WorkbenchError where the filters leave none.
    """
    report("export", 0, 0, "reading rows, votes and labels")
    dataset, _ = task.dataset()
    rows = of_run(task, run, dataset)
    later = {"later_rows": len(dataset) - len(rows)} if len(rows) < len(dataset) else {}
    parts = InParts.of_run(task, run, make_mapper(task), report) if (run.folder / PARTS).exists() else None
    kept, said = export(folder, task, rows, provenance_of_run(run) | later, run.about["notes"], report, parts)
    if not kept:
        raise WorkbenchError(said[0])
    return kept


def export_in_words(folder: Path) -> list[str]:
    """Return what to know of an exported training set: rows that came after its run, and the private data in it."""
    manifest = read_json(folder / "manifest.json")
    check_format(manifest, folder / "manifest.json")
    later = manifest.get("later_rows", 0)
    said = [f"rows of production that were taken in after run {manifest['run']}, and are left out: {later:,}"] if later else []
    private = private_in_words(manifest["private"], manifest["rows"])
    return [*said, private] if private else said


def write_asked(task: Task, wanted: Mapping[str, Any], report: Report) -> dict[str, str]:
    """Write what a job is asked for, {run, to, settings of `[export]`}, and return the run and the folder."""
    export_run(asked(task, **wanted["settings"]), find_run(task, wanted["run"]), Path(wanted["to"]), report)
    return {"run": wanted["run"], "folder": wanted["to"]}


def provenance_of_run(run: Run) -> dict[str, Any]:
    """Return what the manifest of an export from a finished run says about where the labels come from."""
    chosen = run.about["settings"]["label_model"]
    settings = dict(run.label_model().get("settings", chosen))  # runs of earlier versions keep what task.toml said
    said: dict[str, Any] = {key: run.about[key] for key in ("data", "votes", "functions")}
    said |= {"model": chosen.get("model", "generative"), "seed": settings.pop("seed", 0), "settings": settings}
    return {**said, "run": run.id}
