"""What the page Runs & monitoring reads and compares: once a state of the files that it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import batch_rows, monitoring_facts, run_difference, run_history
from workbench.project.batch_rows import BatchRows
from workbench.project.monitoring import batches
from workbench.project.reference import promoted
from workbench.project.run_difference import Difference
from workbench.project.runs import Run, list_runs, stamp
from workbench.project.task import Task
from workbench.tables import Dataset

_KEYS: Final[Any] = {
    Run: lambda run: str(run.folder),
    Dataset: lambda dataset: dataset.fingerprint,
    Task: lambda task: str(task.folder),
}
Stamps = tuple[tuple[int, int], ...]


def history(task: Task) -> pd.DataFrame:
    """Return the history of a task's runs, oldest first; a run is read again only where its files changed."""
    facts = {run.id: _facts(run, tuple(map(stamp, run_history.files_of(run.folder)))) for run in list_runs(task)}
    return run_history.history(facts, promoted(task))


@st.cache_resource(max_entries=1_000, show_spinner=False, hash_funcs=_KEYS)
def _facts(run: Run, state: Stamps) -> dict[str, Any]:
    return run_history.facts_of(run)


@st.cache_resource(max_entries=4, show_spinner="Comparing the runs", hash_funcs=_KEYS)
def difference(task: Task, before: Run, after: Run, dataset: Dataset) -> Difference:
    """Return what changed from one run to another."""
    return run_difference.difference(task, before, after, dataset)


def found_in(path: Path) -> dict[str, Any] | None:
    """Return what a command wrote into a JSON file, None where it has not run."""
    return _found(str(path), stamp(path))


@st.cache_resource(max_entries=32, show_spinner=False)
def _found(path: str, state: tuple[int, int]) -> dict[str, Any] | None:
    return monitoring_facts.read_found(Path(path))


def series(task: Task) -> list[dict[str, Any]]:
    """Return what was found of each batch of a task, oldest first."""
    return _series(task, tuple(sorted(path.name for path in (task.folder / "monitor").glob("[!.]*"))))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_KEYS)
def _series(task: Task, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return batches(task)


@st.cache_resource(max_entries=2, show_spinner="Reading the rows of the batch", hash_funcs=_KEYS)
def batch(task: Task, name: str, dataset: Dataset) -> BatchRows | None:
    """Return the rows of a batch, None where they are gone."""
    return batch_rows.open_batch(task, name, dataset)


@st.cache_resource(max_entries=16, show_spinner="Looking for the rows", hash_funcs=_KEYS)
def behind(task: Task, name: str, dataset: Dataset, kind: str, of: str, run: Run | None) -> tuple[batch_rows.Mask, str]:
    """Return which rows of a batch stand behind a check, and what they are."""
    rows, found = batch(task, name, dataset), next(one for one in series(task) if one["batch"] == name)
    assert rows is not None, "the page asks for the rows first"
    return batch_rows.rows_behind(rows, found, kind, of, run)
