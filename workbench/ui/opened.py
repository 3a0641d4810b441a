"""What pages read, read once: rows by the state of their files, everything of a run by its folder, which never changes."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from workbench.project.catalogue import catalogue, files_stamp
from workbench.project.catalogue import visible_rows as visible
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset, SoftLabels, VoteMatrix


def rows(task: Task) -> tuple[Dataset, list[str]]:
    """Return the rows of a task and the warnings of their reader."""
    files = [task.folder / "task.toml", task.folder / task.data["file"]]
    state = tuple((file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else (0, 0) for file in files)
    return _rows(str(task.folder), state, task)


@st.cache_resource(max_entries=2, show_spinner="Reading the rows")
def _rows(folder: str, state: tuple[Any, ...], _task: Task) -> tuple[Dataset, list[str]]:
    found = _task.dataset()
    _spare_the_collector()
    return found


def described(task: Task) -> dict[str, Any]:
    """Return the catalogue of a task's functions."""
    return _described(str(task.folder), files_stamp(task), task)


@st.cache_resource(max_entries=4, show_spinner="Loading the functions")
def _described(folder: str, stamp: str, _task: Task) -> dict[str, Any]:
    return catalogue(_task)


def diagnosis(run: Run) -> dict[str, Any]:
    """Return the diagnosis of a run."""
    return _diagnosis(str(run.folder), run)


@st.cache_resource(max_entries=8, show_spinner=False)
def _diagnosis(folder: str, _run: Run) -> dict[str, Any]:
    return _run.diagnosis()


def metrics(run: Run) -> dict[str, Any]:
    """Return the scores of a run."""
    return _metrics(str(run.folder), run)


@st.cache_resource(max_entries=8, show_spinner=False)
def _metrics(folder: str, _run: Run) -> dict[str, Any]:
    return _run.metrics()


def votes(run: Run) -> VoteMatrix:
    """Return the votes of a run."""
    return _votes(str(run.folder), run)


@st.cache_resource(max_entries=2, show_spinner="Reading the votes")
def _votes(folder: str, _run: Run) -> VoteMatrix:
    found = _run.votes()
    _spare_the_collector()
    return found


def visible_rows(run: Run, dataset: Dataset) -> NDArray[np.intp]:
    """Return which rows of a run may be looked at, and where they stand in the rows of now."""
    return _visible_rows(str(run.folder), dataset.fingerprint, run, dataset)


@st.cache_resource(max_entries=2, show_spinner=False)
def _visible_rows(folder: str, rows: str, _run: Run, _dataset: Dataset) -> NDArray[np.intp]:
    return visible(_dataset, votes(_run))


def soft_labels(run: Run) -> SoftLabels:
    """Return the soft labels of a run."""
    return _soft_labels(str(run.folder), run)


@st.cache_resource(max_entries=2, show_spinner="Reading the labels")
def _soft_labels(folder: str, _run: Run) -> SoftLabels:
    return _run.soft_labels()


def _spare_the_collector() -> None:
    """Keep large tables out of garbage collection: Streamlit collects after every click, and walking them takes 0.1 s."""
    gc.unfreeze()  # so that what an earlier task left can go
    gc.collect()
    gc.freeze()
