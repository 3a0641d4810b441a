"""A run under way: started, watched and cancelled from any page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from workbench.project import jobs
from workbench.ui.wording import plain

_STAGES: Final = {
    "": "reading rows and functions",
    "apply": "functions vote on the rows",
    "diagnose": "tables about the votes",
    "fit": "fitting the label model",
    "intervals": "intervals of what is learned, by refits",
    "compare": "fitting the other label models",
    "export": "writing the training set",
    "train": "training the end model",
    "evaluate": "scoring, and training the ceiling",
}


def is_running(task: Path) -> bool:
    """Tell whether a job of the task folder runs."""
    return jobs.state(task).status == "running"


def start_button(task: Path) -> None:
    """Offer to start a run, unless one is under way."""
    # The click starts the job before the whole page is drawn again: only then does `watch` get its timer.
    busy = is_running(task)
    st.button("Run", type="primary", icon=":material/play_arrow:", on_click=_start, args=(task,), key="start", disabled=busy)


def _start(task: Path) -> None:
    jobs.start(task)  # where another tab was faster, its run is the one that is watched


def panel(task: Path) -> None:
    """Show the run under way, or how the last one ended where it gave nothing."""
    if is_running(task):
        watch(task)
    outcome(task)


def outcome(task: Path) -> None:
    """Say why the last run gave nothing, where it did not."""
    job = jobs.state(task)
    if job.status == "cancelled":
        said = f"The last run was cancelled after {job.seconds:,.0f} s and is not kept; the votes cast by then are."
        st.info(said, icon=":material/info:")
    if job.status == "failed":
        st.error(plain(job.error), icon=":material/error:")
        if job.tail:
            with st.expander("Last lines of its output", expanded=True):
                st.code("\n".join(job.tail), language=None, wrap_lines=True)


@st.fragment(run_every=1.0)
def watch(task: Path) -> None:
    """Show how far a job is, every second until it ends; then draw the page anew."""
    job = jobs.state(task)
    if job.status != "running":
        st.rerun()
    counted = f", {job.done:,} of {job.total:,}" if job.total > 1 else ""
    stage = f"Step {job.step + 1} of {job.steps}: {_STAGES.get(job.stage, job.stage)}{counted}"
    st.progress(job.share, text=stage)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Cancel", on_click=jobs.cancel, args=(task,), key=f"cancel {task.name}", icon=":material/stop:")
        st.caption(f"{job.seconds:,.0f} s" + (f" · {plain(job.detail)}" if job.detail else ""))
