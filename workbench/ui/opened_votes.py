"""What the page Disagreement counts, counted once for a run, its rows, its slices and what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import disagreement
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import opened
from workbench.ui.disagreement_charts import heatmap, upset

_KEYS: Final[dict[str | type[Any], Callable[[Any], Any]]] = {
    Run: lambda run: str(run.folder),
    Dataset: lambda dataset: dataset.fingerprint,
    Task: lambda task: (str(task.folder), repr(task.slices), repr(task.data)),
}


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=_KEYS)
def sight(task: Task, run: Run, dataset: Dataset) -> disagreement.Sight:
    """Return the votes of a run beside the rows of now, as far as they may be looked at."""
    labelled = (run.folder / "soft_labels.parquet").exists()
    return disagreement.look(task, dataset, opened.votes(run), opened.soft_labels(run) if labelled else None)


@st.cache_resource(max_entries=16, show_spinner="Counting disagreements", hash_funcs=_KEYS)
def pairs(task: Task, run: Run, dataset: Dataset, asked: disagreement.Asked) -> pd.DataFrame:
    """Return how often each two functions disagree on the rows asked for."""
    return disagreement.pairs(sight(task, run, dataset), asked)


@st.cache_resource(max_entries=16, show_spinner="Counting vote patterns", hash_funcs=_KEYS)
def patterns(
    task: Task, run: Run, dataset: Dataset, asked: disagreement.Asked, conflicts_only: bool, classes: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the vote patterns of the rows asked for."""
    return disagreement.patterns(sight(task, run, dataset), asked, conflicts_only, classes)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def heat(task: Task, run: Run, dataset: Dataset, asked: disagreement.Asked, by: str, dark: bool) -> tuple[dict[str, Any], int]:
    """Return the heatmap of pairs, and how many functions it shows."""
    cells, order = disagreement.matrix(sight(task, run, dataset), pairs(task, run, dataset, asked))
    return heatmap(cells, order, by, dark), len(order)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def upset_of(
    task: Task, run: Run, dataset: Dataset, asked: disagreement.Asked, conflicts_only: bool, classes: bool, dark: bool
) -> tuple[dict[str, Any], int]:
    """Return the chart of vote patterns, and how many it shows."""
    table, _ = patterns(task, run, dataset, asked, conflicts_only, classes)
    bars, dots, order = disagreement.dots(sight(task, run, dataset), table)
    return upset(bars, dots, order, task.labels, dark), len(bars)


@st.cache_resource(max_entries=4, show_spinner="Counting votes by class and slice", hash_funcs=_KEYS)
def coverage(task: Task, run: Run, dataset: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the coverage of a run by class and by slice."""
    return disagreement.coverage(sight(task, run, dataset))


@st.cache_resource(max_entries=8, show_spinner="Reading the rows without votes", hash_funcs=_KEYS)
def gap(task: Task, run: Run, dataset: Dataset, slice: str | None) -> disagreement.Gap:
    """Return the rows of a slice, or of all, that no function votes on."""
    return disagreement.gap(sight(task, run, dataset), slice)


@st.cache_resource(max_entries=4, show_spinner="Comparing functions", hash_funcs=_KEYS)
def doubles(task: Task, run: Run, dataset: Dataset) -> pd.DataFrame:
    """Return the functions that say the same."""
    return disagreement.doubles(sight(task, run, dataset))
