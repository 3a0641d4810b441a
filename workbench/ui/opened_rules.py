"""What the page of rules reads, read once: the rows drafts are tried on, and the words worth a rule."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.project import reviewing
from workbench.project.catalogue import files_stamp
from workbench.project.rule_draft import Ground, ground_of
from workbench.project.rule_suggestions import suggestions
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import opened


def ground(task: Task, run: Run | None, dataset: Dataset) -> Ground:
    """Return the rows to try drafts on, with the votes of a run, of rules written since, and with what reviewers said."""
    decided, _, drawn = reviewing.open_record(task).version()
    return _ground(task, run, dataset, (decided, drawn))


@st.cache_resource(
    max_entries=2,
    show_spinner="Laying out the rows",
    hash_funcs={
        Task: lambda task: (str(task.folder), files_stamp(task), task.disabled, repr(task.data)),
        Run: lambda run: str(run.folder),
        Dataset: lambda dataset: dataset.fingerprint,
    },
)
def _ground(task: Task, run: Run | None, dataset: Dataset, record: tuple[int, int]) -> Ground:
    anchors = reviewing.anchors(task, dataset) if record[0] else None
    if run is None:
        return ground_of(task, dataset, anchors=anchors)
    return ground_of(task, dataset, opened.votes(run), run.about["functions"], anchors)


def words(on: Ground, label: str, column: str | None) -> dict[str, pd.DataFrame]:
    """Return words that tell a class apart; they are kept with the rows."""
    asked = ("words", label, column)
    if asked not in on.kept:
        with st.spinner("Looking for words"):
            on.kept[asked] = suggestions(on, label, column)
    found: dict[str, pd.DataFrame] = on.kept[asked]
    return found
