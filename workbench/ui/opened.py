"""What pages read, read once: rows by the state of their files, everything of a run by its folder, which never changes."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from workbench.project import close_up, overview, training_set
from workbench.project.catalogue import catalogue, files_stamp
from workbench.project.catalogue import visible_rows as visible
from workbench.project.functions import Figures, function_rows, run_figures
from workbench.project.queues import Opened, ranking
from workbench.project.runs import Run, stamp
from workbench.project.serving import Claims
from workbench.project.task import Task
from workbench.project.training_set import Candidates
from workbench.tables import Dataset, SoftLabels, VoteMatrix

_Keys = dict[str | type[Any], Callable[[Any], Any]]
_BY_FOLDER: Final[_Keys] = {Run: lambda run: str(run.folder), Dataset: lambda dataset: dataset.fingerprint}
_BY_FUNCTIONS: Final[_Keys] = {Task: lambda task: (str(task.folder), files_stamp(task), task.disabled)}


def _state_of_rows(task: Task) -> tuple[Any, ...]:
    state = [stamp(file) for file in task.row_files]
    return str(task.folder), task.labels, repr(task.data), state  # a function switched off reads no rows anew


@st.cache_resource(max_entries=2, show_spinner="Reading the rows", hash_funcs={Task: _state_of_rows})
def rows(task: Task) -> tuple[Dataset, list[str]]:
    """Return the rows of a task and the warnings of their reader."""
    found = task.dataset()
    _spare_the_collector()
    return found


@st.cache_resource(max_entries=4, show_spinner="Loading the functions", hash_funcs=_BY_FUNCTIONS)
def described(task: Task) -> dict[str, Any]:
    """Return the catalogue of a task's functions."""
    return catalogue(task)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_BY_FOLDER)
def diagnosis(run: Run) -> dict[str, Any]:
    """Return the diagnosis of a run."""
    return run.diagnosis()


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_BY_FOLDER)
def metrics(run: Run) -> dict[str, Any]:
    """Return the scores of a run."""
    return run.metrics()


@st.cache_resource(max_entries=2, show_spinner="Reading the votes", hash_funcs=_BY_FOLDER)
def votes(run: Run) -> VoteMatrix:
    """Return the votes of a run."""
    found = run.votes()
    _spare_the_collector()
    return found


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=_BY_FOLDER)
def visible_rows(run: Run, dataset: Dataset) -> NDArray[np.intp]:
    """Return which rows of a run may be looked at, and where they stand in the rows of now."""
    return visible(dataset, votes(run))


@st.cache_resource(max_entries=2, show_spinner="Reading the labels", hash_funcs=_BY_FOLDER)
def soft_labels(run: Run) -> SoftLabels:
    """Return the soft labels of a run."""
    return run.soft_labels()


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=_BY_FOLDER)
def counts(dataset: Dataset, labelled: Run | None, diagnosed: Run | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how many rows each split and each class has."""
    soft = None if labelled is None else soft_labels(labelled)
    classes = overview.class_table(dataset, soft, None if diagnosed is None else diagnosis(diagnosed))
    return overview.split_table(dataset), classes


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_BY_FOLDER)
def figures(run: Run) -> Figures:
    """Return what each function did in a run."""
    return run_figures(run)


_BY_STAMP: Final[_Keys] = {dict: lambda found: (found["stamp"], found["off"], repr(found["errors"]))}


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_BY_FOLDER | _BY_STAMP)
def function_table(found: dict[str, Any], runs: list[Run]) -> pd.DataFrame:
    """Return the table of functions, of the catalogue and of runs, the newest first."""
    return function_rows(found, [figures(run) for run in runs])


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=_BY_FOLDER)
def valid_gold(run: Run, dataset: Dataset) -> NDArray[np.int16]:
    """Return the gold that may be shown on the rows of a run."""
    return close_up.valid_gold(dataset, votes(run), visible_rows(run, dataset))


_BY_SLICES: Final[_Keys] = {Task: lambda task: (str(task.folder), repr(task.slices))}


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=_BY_FOLDER | _BY_SLICES)
def voted_slices(task: Task, run: Run, dataset: Dataset) -> dict[str, NDArray[np.bool_]]:
    """Return which rows of a run are in each slice of the task."""
    return close_up.voted_slices(task.slices, dataset, votes(run))


def _state_of_worth(task: Task) -> tuple[Any, ...]:
    return str(task.folder), repr(task.review.get("weights")), repr(task.slices), stamp(task.failures_file)


@st.cache_resource(max_entries=6, show_spinner="Ranking the rows", hash_funcs=_BY_FOLDER | {Task: _state_of_worth})
def review_order(task: Task, run: Run, dataset: Dataset, kind: str) -> Opened:
    """Return votes and soft labels of a run and the order of one queue of its rows."""
    return ranking(task, votes(run), soft_labels(run), dataset, kind)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={Task: lambda task: str(task.folder)})
def claims(task: Task) -> Claims:
    """Return who was handed which rows of a task."""
    return Claims()


def _state_of_export(task: Task) -> tuple[str, ...]:
    return str(task.folder), repr(task.slices), repr(task.data), repr(task.export.get("mask"))


@st.cache_resource(max_entries=2, show_spinner="Looking at every label", hash_funcs=_BY_FOLDER | {Task: _state_of_export})
def candidates(task: Task, run: Run, dataset: Dataset) -> Candidates:
    """Return the rows that a run has to export, with all that filters look at."""
    found = training_set.of_run(task, run, dataset, votes(run), soft_labels(run))
    training_set.warm(found)
    _spare_the_collector()
    return found


def _spare_the_collector() -> None:
    """Keep large tables out of garbage collection: walking them takes 0.1 s, in which nobody is answered."""
    gc.unfreeze()  # so that what an earlier task left can go
    gc.collect()
    gc.freeze()
