"""What the label model's page reads and computes, once a run: a run's folder never changes."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from workbench.project.label_model import Certainty
from workbench.project.run_pair import RunPair, compare_runs
from workbench.project.runs import Run
from workbench.tables import Dataset
from workbench.ui import opened

_KEYS: Final[Any] = {Run: lambda run: str(run.folder), Dataset: lambda dataset: dataset.fingerprint}


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def learned(run: Run) -> dict[str, Any]:
    """Return what the label model of a run learned."""
    return run.label_model()


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=_KEYS)
def comparison(run: Run) -> dict[str, Any] | None:
    """Return all label models side by side, None where a run did not compare them."""
    return run.comparison() if (run.folder / "compare.json").exists() else None


@st.cache_resource(max_entries=2, show_spinner="Reading the label model", hash_funcs=_KEYS)
def kept_model(run: Run) -> Any:
    """Return the fitted label model of a run."""
    return run.kept_model()


@st.cache_resource(max_entries=2, show_spinner="Counting the labels", hash_funcs=_KEYS)
def certainty(run: Run, dataset: Dataset) -> Certainty:
    """Return how sure the label model of a run is."""
    return Certainty.of(opened.soft_labels(run), dataset, opened.visible_rows(run, dataset))


@st.cache_resource(max_entries=4, show_spinner="Comparing the runs", hash_funcs=_KEYS)
def run_pair(before: Run, after: Run, dataset: Dataset) -> RunPair:
    """Return two runs side by side."""
    return compare_runs(before, after, dataset)
