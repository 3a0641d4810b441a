"""Training of the end model's page: what it learned from, how, and with which settings."""

from __future__ import annotations

import streamlit as st

from workbench.project import end_model
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import figures, opened, opened_end_model
from workbench.ui import label_model_charts as charts
from workbench.ui.curves import loss_curve
from workbench.ui.wording import plain


def show(task: Task, run: Run, dataset: Dataset) -> None:
    """Draw the view."""
    left, right = st.columns(2, gap="large")
    with left:
        st.header("What it learned from")
        for topic, said in end_model.trained_on(run, dataset, opened.soft_labels(run)).items():
            st.markdown(f"- **{topic}**: {plain(said)}")
    with right:
        st.header("How it learned")
        saved = opened_end_model.saved(run)
        history = end_model.history_table(saved["history"])
        best = saved["best_epoch"] if "held out" in set(history["rows"]) else None
        charts.draw(loss_curve(history, best), alt=f"Loss at each of {history['epoch'].max()} epochs of training")
        why = f"This is the first part of the rows. {best} epochs were best for all parts on average; so long all rows taught."
        if best is None:
            why = "Too few rows to hold some out: it learned until it converged."
        st.caption(f"Loss: cross-entropy with the label model's probabilities. {why}")
    st.header("Settings")
    st.markdown(plain(f"Change them under `[end_model]` in `{task.folder / 'task.toml'}`, then train again."))
    table = opened_end_model.settings(run)
    html = figures.table(table, "Settings of the end model", words=("value", "default", "what it is"))
    st.html(html.replace('<th scope="row">', '<th scope="row" style="white-space:nowrap">'))


@st.fragment(run_every=1.0)
def live(task: Task) -> None:
    """Draw the curve of the training under way; the sidebar says how far the line is, and draws the page anew at its end."""
    history = end_model.history_table(end_model.live_history(task.folder))
    if history.empty:
        st.caption("The line is under way; the curve of the training appears here.")
        return
    epoch, loss = history[["epoch", "loss"]].iloc[-1]
    charts.draw(loss_curve(history, None), alt=f"Loss by epoch of the training under way, {loss:.3f} at epoch {epoch:.0f}")
