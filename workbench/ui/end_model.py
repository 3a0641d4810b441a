"""End model: what does the model that learned from the labels know, and when should a person look?"""

from __future__ import annotations

from typing import Final

import streamlit as st

from workbench.project import end_model
from workbench.project.task import Task
from workbench.ui import (
    end_model_classes,
    end_model_confidence,
    end_model_differences,
    end_model_scores,
    end_model_training,
    running,
    try_row,
)
from workbench.ui.frame import chosen_run, chosen_task, rows_beside, say_if_older
from workbench.ui.wording import ago, plain

_VIEWS: Final = ("Scores", "Classes", "Differences", "Confidence", "Training", "Try it")  # as the URL names them


def show() -> None:
    """Draw the page."""
    task = chosen_task()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        with st.container(width="content", gap=None):
            st.title("End model")
            st.caption("What does the model that learned from the labels know, and when should a person look?")
        if task.end_model.get("enabled", True):
            running.start_button(task.folder, "Train", key="train")
    if running.is_running(task.folder):
        end_model_training.live(task)
    else:
        running.panel(task.folder)
    run = chosen_run(task, "end_model")
    if run is None:
        _none_yet(task)
        return
    dataset = rows_beside(task, run)
    st.caption(f"Run {plain(run.id)}, {ago(run.about['finished'])}")
    say_if_older(task, run, dataset, "answers", until="evaluate")
    view = st.segmented_control(
        "View", _VIEWS, default=_VIEWS[0], required=True, key="end", bind="query-params", label_visibility="collapsed"
    )
    if view == "Try it":
        try_row.show(task, run, dataset)
    elif view == "Training":
        end_model_training.show(task, run, dataset)
    elif not (run.folder / end_model.HELD_OUT).exists():
        st.info("This run ended before the end model was scored. Train runs the line to its end.", icon=":material/info:")
    elif view == "Classes":
        end_model_classes.show(run, dataset)
    elif view == "Differences":
        end_model_differences.show(task, run, dataset)
    elif view == "Confidence":
        end_model_confidence.show(task, run, dataset)
    else:
        end_model_scores.show(task, run)


def _none_yet(task: Task) -> None:
    asked = st.query_params.get("run")
    if not task.end_model.get("enabled", True):
        said = (
            "The end model is switched off: `enabled = false` stands under `[end_model]` in "
            f"{plain(str(task.folder / 'task.toml'))}. Take that line out, and a button to train appears here."
        )
    elif asked is not None:
        said = f"Run {plain(asked)} ended before its end model was trained. Choose another run in the sidebar, or train one."
    else:
        said = (
            "No end model has been trained yet. It learns from the probabilities of the label model, and answers on rows that "
            "no function votes on. Train runs the whole line; votes that are kept are not cast again."
        )
    st.info(said, icon=":material/info:")


if __name__ == "__main__":
    show()
