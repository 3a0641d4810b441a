"""Systematic errors of a run: its labels beside all that is known of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.diagnose.systematic import SystematicErrors, systematic_errors
from workbench.project.failures import candidates
from workbench.project.reviewing import fingerprints, kept_anchors, open_record, reviewed
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.review.resolve import resolve
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

__all__ = ["LEVEL", "Judged", "Truth", "errors_of_run", "known_truth"]
LEVEL = 0.1  # of the findings, the share that may be chance


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of the rows of a data set.

    label: class index by row id, of known rows alone. source: of each, `gold`, `measured` (an audit plan drew it), `reviewed`.
    """

    label: pd.Series[Any]
    source: pd.Series[Any]

    @property
    def random(self) -> bool:
        """Whether no row was picked by a queue, which picks hard ones."""
        return bool((self.source != "reviewed").all())


@dataclass(frozen=True, eq=False)
class Judged:
    """The systematic errors of the labels of a run, and in words what they rest on and what they cannot say."""

    run: str
    found: SystematicErrors
    notes: list[str]


def known_truth(task: Task, dataset: Dataset, run: Run | None = None) -> Truth:
    """Return gold of valid, measure answers, and labels of reviewers, in this order where there are several; nothing of test.

    run: rows whose label people gave it are left out, for they judge nothing. An answer counts if reviewers agree and the row
    is as it was shown.
    """
    gold = pd.Series(ABSTAIN, index=dataset.ids) if dataset.gold is None else dataset.gold.where(dataset.split == "valid", -1)
    every = {"gold": gold, "measured": _measured(task, dataset), "reviewed": reviewed(task, dataset).anchors["label"]}
    told = pd.concat([part[part != ABSTAIN].astype("int64") for part in every.values()], keys=every, names=["source", "id"])
    table = told.rename("label").reset_index().drop_duplicates("id")
    out = dataset.ids[(dataset.split == "test").to_numpy()]
    if run is not None:
        out = out.union(kept_anchors(run.folder).index)
    table = table[~table["id"].isin(out)].set_index("id")
    return Truth(table["label"], table["source"])


def _measured(task: Task, dataset: Dataset) -> pd.Series[Any]:
    record = open_record(task)
    current = record.current()
    drawn = current["row"].isin(record.measure_rows().index) & current["row"].isin(dataset.ids)
    told = current[drawn]
    same = (told["shown"] == "") | (told["shown"] == fingerprints(task, dataset, told["row"].tolist()))
    found = resolve(told[same])["label"].dropna()
    return pd.Series(pd.Index(dataset.labels).get_indexer(pd.Index(found)), index=found.index, dtype="int64")


def errors_of_run(
    task: Task, dataset: Dataset, run: Run, truth: Truth | None = None, *, level: float = LEVEL, top: int = 30
) -> Judged:
    """Find where the labels of a run are wrong more often than chance explains; truth: other than `known_truth`.

    Slices may read hidden columns and candidates of failures too; columns that are hidden are no regions.
    """
    known = known_truth(task, dataset, run) if truth is None else truth
    hard = run.soft_labels().hard()
    named = pd.Series(np.array([*dataset.labels, None], dtype=object)[hard.to_numpy()], index=hard.index)
    masks = {f"slice {name}": mask for name, mask in slice_masks(task.slices, dataset).items()}
    notes = []
    try:
        could = candidates(task, task.failures, dataset, named.reindex(dataset.ids))
        masks |= {f"candidates of “{name}”": mask for name, mask in could.items()}
    except WorkbenchError as error:
        notes.append(f"Failures are no regions here: {error}.")
    votes = run.votes()
    data = task.visible(dataset.take(dataset.ids.isin(votes.ids)))
    masks = {name: mask[dataset.ids.isin(votes.ids)] for name, mask in masks.items()}
    found = systematic_errors(data, hard, known.label, masks, votes, level=level, top=top)
    return Judged(run.id, found, [*_notes(task, known, found), *notes])


def _notes(task: Task, truth: Truth, found: SystematicErrors) -> list[str]:
    if not found.rows:
        way = f"review some, or plan an audit (`workbench review {task.folder}`, `workbench audit {task.folder} plan`)"
        return [f"No labelled row has a known class outside test, so nothing is judged; {way}."]
    counts = truth.source.value_counts()
    words = {"gold": "by valid gold", "measured": "by audit answers", "reviewed": "by reviewers"}
    told = ", ".join(f"{counts[name]:,} {said}" for name, said in words.items() if name in counts)
    judged = f"{found.rows:,} have a label, {found.errors:,} a wrong one"
    notes = [f"The class of {len(truth.label):,} rows is known ({told}): {judged}."]
    if not truth.random:
        notes.append(
            "Queues pick hard rows: the reviewed ones are wrong more often than others; regions are compared among them."
        )
    least = {rows: found.least_found(rows) for rows in (10, 20, 40) if rows < found.rows}
    said = ", ".join(f"of {rows} rows {n}" for rows, n in least.items() if n is not None)
    if said and found.tests:
        notes.append(
            f"{found.tests:,} comparisons were made, so only a region that stands out is told: {said} or so must be wrong, "
            "fewer where all of these are truly one class. What is not told may still be there."
        )
    return notes
