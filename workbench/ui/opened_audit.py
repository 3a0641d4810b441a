"""What the page Audit reads and counts, once a run and a state of the record."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from workbench.project import audit_report, gaps, reviewing, systematic
from workbench.project.feedback import Feedback, what_changed
from workbench.project.runs import Run, stamp
from workbench.project.task import Task
from workbench.tables import Dataset

State = tuple[int, int, int]  # of the record


def _task(task: Task) -> tuple[Any, ...]:
    settings = (task.slices, task.data, task.audit, task.review)
    return str(task.folder), *map(repr, settings), stamp(task.failures_file)


_KEYS: Final[Any] = {
    Run: lambda run: str(run.folder),
    Dataset: lambda dataset: dataset.fingerprint,
    Task: _task,
}


def state(task: Task) -> State:
    """Return what changes with everything that people decide and plans draw."""
    return reviewing.open_record(task).version()


@st.cache_resource(max_entries=4, show_spinner="Counting the answers", hash_funcs=_KEYS)
def report(task: Task, plan: str, dataset: Dataset, newest: Run | None, now: State) -> dict[str, Any]:
    """Return what an audit plan has found so far; newest: the run whose labels may be others."""
    return audit_report.audit_report(task, plan)


@st.cache_resource(max_entries=4, show_spinner="Adding up the weeks", hash_funcs=_KEYS)
def weeks(task: Task, now: State) -> dict[str, Any]:
    """Return the weekly batches."""
    return audit_report.weekly_series(task)


@st.cache_resource(max_entries=2, show_spinner="Comparing wrong labels with chance", hash_funcs=_KEYS)
def errors(task: Task, run: Run, dataset: Dataset, now: State) -> systematic.Judged:
    """Return the systematic errors of the labels of a run."""
    return systematic.errors_of_run(task, dataset, run)


@st.cache_resource(max_entries=2, show_spinner="Grouping the rows without votes", hash_funcs=_KEYS)
def groups(task: Task, run: Run, dataset: Dataset, now: State, guess: bool) -> gaps.Gaps:
    """Return the groups of rows that no function votes on; guess: whether the end model is asked."""
    return gaps.gaps_of_run(task, dataset, run, guess=guess)


@st.cache_resource(max_entries=2, show_spinner="Looking for candidates", hash_funcs=_KEYS)
def failures(task: Task, run: Run, dataset: Dataset) -> list[dict[str, Any]]:
    """Return the failure modes of a task and how many labels of a run could be one, where no plan measured any."""
    return audit_report.failure_lines(task, dataset, run)


@st.cache_resource(max_entries=2, show_spinner="Comparing with the fit before", hash_funcs=_KEYS)
def feedback(task: Task, before: Run, after: Run, dataset: Dataset, now: State) -> Feedback:
    """Return what a fit changed against the one before it."""
    return what_changed(task, before, after, dataset)
