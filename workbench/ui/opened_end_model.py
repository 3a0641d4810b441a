"""What the end model's page reads and computes, once a run, and the process that it asks about typed rows."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import end_model
from workbench.project.end_model import Answers
from workbench.project.end_model_confidence import Measured, Trust, worth_by_group
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.project.trying import Tryer
from workbench.tables import Dataset
from workbench.ui import opened

_KEYS: Final[Any] = {
    Run: lambda run: str(run.folder),
    Dataset: lambda dataset: dataset.fingerprint,
}


@st.cache_resource(max_entries=2, show_spinner="Looking at the answers", hash_funcs=_KEYS)
def answers(run: Run, dataset: Dataset) -> Answers:
    """Return what the end model of a run answers."""
    return Answers.of(run, dataset, opened.soft_labels(run))


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def saved(run: Run) -> dict[str, Any]:
    """Return what the saved end model of a run says of itself."""
    return end_model.settings_of(run)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def settings(run: Run) -> pd.DataFrame:
    """Return the settings of the end model of a run, in words."""
    return end_model.settings_table(run)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=_KEYS)
def trust(run: Run, dataset: Dataset, label: str | None) -> Trust:
    """Return what the confidence of a run's end model is worth on valid rows, of all answers or those of one class."""
    return Trust.of(answers(run, dataset).certainty.valid, dataset, label)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={**_KEYS, Task: lambda task: repr(task.slices)})
def worth(task: Task, run: Run, dataset: Dataset, threshold: float | None) -> pd.DataFrame:
    """Return what that confidence is worth by class answered and by slice, as `worth_by_group` does."""
    return worth_by_group(answers(run, dataset).certainty.valid, dataset, task.slices, threshold)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def measured(run: Run) -> Measured | None:
    """Return the rows by which thresholds of a run's end model are found, where it kept them."""
    return Measured.of(run)


@st.cache_resource(max_entries=2, show_spinner="Reading the columns", hash_funcs=_KEYS)
def columns(dataset: Dataset) -> dict[str, list[str]]:
    """Return the columns that a typed row may fill, with the values they hold where these are few."""
    return end_model.columns_to_type(dataset)


@st.cache_resource(show_spinner=False, on_release=Tryer.close)
def tryer() -> Tryer:
    """Return the one process that answers typed rows for all tabs."""
    return Tryer()
