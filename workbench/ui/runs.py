"""Runs & monitoring: what changed from run to run, and does what answers in production still hold?"""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Final

import streamlit as st

from workbench.project.runs import Run, list_runs
from workbench.project.task import Task
from workbench.tables import WorkbenchError
from workbench.ui import runs_compare, runs_drift, runs_gate, runs_history, runs_outcomes, runs_suites
from workbench.ui.frame import chosen_run, chosen_task
from workbench.ui.wording import plain

_VIEWS: Final = {
    "History": runs_history.show,
    "Compare": runs_compare.show,
    "Drift": runs_drift.show,
    "Suites": runs_suites.show,
    "Gate": runs_gate.show,
    "Outcomes": runs_outcomes.show,
}  # as the URL names them


def show() -> None:
    """Draw the page."""
    task = chosen_task()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        with st.container(width="content", gap=None):
            st.title("Runs & monitoring")
            st.caption("What changed from run to run, and does what answers in production still hold?")
        _report_button(task)
    if not list_runs(task):
        st.info(
            f"This task has no run yet. `workbench run {plain(str(task.folder))}`, or Run on the page Overview, makes one.",
            icon=":material/info:",
        )
        return
    view = st.segmented_control(
        "View", _VIEWS, default="History", required=True, key="show", bind="query-params", label_visibility="collapsed"
    )
    _VIEWS[view](task)


def _report_button(task: Task) -> None:
    """Offer the report of the run that is looked at, as a file; it is made when it is asked for."""
    run = chosen_run(task, "metrics.json")
    if run is None:
        return

    st.download_button(
        "Report",
        data=partial(report_of, task, run),
        file_name=f"{task.folder.name}-{run.id}.html",
        mime="text/html",
        on_click="ignore",
        icon=":material/download:",
        key="report",
        help=f"Of run {run.id}, in one file that opens without the app. It takes some ten seconds; "
        f"{plain(f'`workbench report {task.folder}`')} writes it too.",
    )


def report_of(task: Task, run: Run) -> str:
    """Return the report of a run as HTML, or a page that says why there is none: what a download raises, nobody sees."""
    from workbench.project.steps.report import report_html

    try:
        return report_html(task, run)
    except WorkbenchError as error:
        return f'<!doctype html><meta charset="utf-8"><title>No report</title><p>No report was made: {escape(str(error))}</p>'


if __name__ == "__main__":
    show()
