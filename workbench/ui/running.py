"""A run under way: started, watched and cancelled from any page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

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
_UNITS: Final = {"apply": " votes, one a row and function"}


def is_running(task: Path) -> bool:
    """Tell whether a job of the task folder runs."""
    return jobs.state(task).status == "running"


def start_button(task: Path, label: str = "Run", key: str = "start", until: str = "evaluate") -> None:
    """Offer to start the line, to end after the stage `until`, unless a job is under way."""
    # The click starts the job before the whole page is drawn again: only then does `watch` get its timer.
    busy = is_running(task)
    start_it = partial(start, task, until=until)
    st.button(label, type="primary", icon=":material/play_arrow:", on_click=start_it, key=key, disabled=busy)


def start(task: Path, **settings: Any) -> None:
    """Start a job, with the settings of `jobs.start`; where it cannot be, as when another tab was faster, say so."""
    try:
        said = "" if jobs.start(task, **settings) else "Not started: another job of this task is under way. Ask again after it."
    except OSError as error:
        said = f"Not started: {error.filename} cannot be written ({error.strerror}); see that you may, and that there is room."
    if said:
        st.toast(plain(said), icon=":material/error:", duration="long")


def panel(task: Path) -> None:
    """Show the run under way, or how the last one ended where it gave nothing."""
    if is_running(task):
        watch(task)
    outcome(task)


def outcome(task: Path) -> None:
    """Say why the last job gave nothing, where it did not."""
    job = jobs.state(task)
    if job.status == "cancelled":
        said = f"The last job was cancelled after {job.seconds:,.0f} s. What it was making is not kept; votes cast by then are."
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
    counted = f", {job.done:,} of {job.total:,}{_UNITS.get(job.stage, '')}" if job.total > 1 else ""
    step = f"Step {job.step + 1} of {job.steps}: " if job.stage else "Starting: "  # how many there are is not said yet
    stage = f"{step}{_STAGES.get(job.stage, job.stage)}{counted}"
    st.progress(job.share, text=stage)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Cancel", on_click=jobs.cancel, args=(task,), key=f"cancel {task.name}", icon=":material/stop:")
        st.caption(f"{job.seconds:,.0f} s" + (f" · {plain(job.detail)}" if job.detail else ""))
