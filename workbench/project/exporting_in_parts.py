"""The training set of rows in partitions: each is filtered and written by itself, and no more of it is held at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from workbench.export import Candidates, Filters, finish_parts, passing, quality, write_part
from workbench.io.files import new_folder
from workbench.io.vote_parts import read_label_part
from workbench.project.in_parts import InParts, Labelled
from workbench.project.partitioned import Source, in_order
from workbench.project.task import Task
from workbench.project.voting_in_parts import Voted
from workbench.spec import slice_masks


@dataclass(frozen=True)
class Exporting:
    """What a worker needs to write any partition of a training set. run: the folder with the labels; to: of the files."""

    task: Task
    source: Source
    stopped: tuple[str, ...]
    filters: Filters
    settings: Mapping[str, Any]
    reviewed: pd.Index | None
    mask: bool
    run: str
    to: str


def export_in_parts(
    folder: Path,
    task: Task,
    parts: InParts,
    sample: Candidates,
    filters: Filters,
    provenance: Mapping[str, Any],
    warnings: Sequence[str],
) -> int:
    """Write the training set of all rows into a new folder, whole or not at all; return how many rows.

    sample: the candidates of the sample, which the card tells of. Raises WorkbenchError where the filters leave no row.
    """
    start, pairs = perf_counter(), list(zip(parts.voted, parts.labelled, strict=True))
    settings = {name: task.export[name] for name in ("formats", "escape_formulas") if name in task.export}
    reviewed = None if sample.reviewed is None else sample.dataset.ids[sample.reviewed]
    with new_folder(folder) as draft:
        plan = Exporting(
            task, parts.source, tuple(parts.stopped), filters, settings, reviewed, sample.mask, str(parts.folder), str(draft)
        )
        written = []
        for done, facts in enumerate(in_order(parts.mapper, partial(_export, plan), pairs)):
            written.append(facts)
            parts.report("export", done + 1, len(pairs), f"{done + 1:,} of {len(pairs):,} partitions")
        if parts.later is not None:
            later = sample.take(np.asarray(sample.dataset.ids.isin(parts.later.ids)))
            written.append(_written(plan, len(parts.source.partitions), later))
        removed = {name: sum(one["removed"][name] for one in written) for name in written[0]["removed"]}
        said = {"filters": asdict(filters) | {"removed": removed}, "quality": quality(sample, filters)}
        kept = passing(sample, filters)[0]
        rows = finish_parts(draft, written, sample, kept, provenance={**provenance, **said}, warnings=warnings, **settings)
    parts.seconds["export"] = perf_counter() - start
    return rows


def _export(plan: Exporting, pair: tuple[Voted, Labelled]) -> dict[str, Any]:
    """Write the files of one partition and return what the manifest needs of it."""
    voted, labelled = pair
    rows = plan.source.dataset(plan.source.frame(voted.part), voted.part)
    soft = read_label_part(f"{plan.run}/{labelled.url}", labelled.checksum)
    votes = voted.read(plan.stopped).votes
    masks = slice_masks(plan.task.slices, rows)
    found = Candidates.of(plan.task.visible(rows), votes, soft, masks, plan.reviewed, plan.mask)
    return _written(plan, voted.part.number, found)


def _written(plan: Exporting, number: int, rows: Candidates) -> dict[str, Any]:
    kept, removed = passing(rows, plan.filters)
    facts = write_part(Path(plan.to), number, rows, kept, hard=plan.filters.hard_labels, **plan.settings)
    return {**facts, "removed": removed}
