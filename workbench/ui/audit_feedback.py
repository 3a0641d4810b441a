"""After a batch: fit again with what people said, and see what that changed."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from workbench.project.feedback import Feedback, feedback_in_words
from workbench.project.runs import Run, list_runs
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import figures, opened_audit, running
from workbench.ui.wording import count, figure, interval, percent, plain

_LINES: Final = 12  # longer tables scroll
_ROWS: Final = 20  # flipped rows that are shown


def show(task: Task, run: Run, dataset: Dataset) -> None:
    """Offer to fit again, and show what the fit of a run changed against the one before."""
    st.markdown(
        "What people decide on rows of a queue of the page Review teaches the label model from the next fit on. Answers to an "
        "audit measure, and teach nothing."
    )
    running.start_button(task.folder, "Fit with the answers", "refit", until="fit")
    earlier = [one for one in list_runs(task) if one.id < run.id and (one.folder / "label_model.json").exists()]
    if not earlier or not (run.folder / "label_model.json").exists():
        st.info("There is one fit so far. After the next one, this says what it changed.", icon=":material/info:")
        return
    before = earlier[-1]
    st.subheader("What the last fit changed")
    st.caption(f"Before: run {plain(before.id)}. After: run {plain(run.id)}.")
    found = opened_audit.feedback(task, before, run, dataset, opened_audit.state(task))
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in feedback_in_words(found)))
    _functions(found)
    _flipped(found)


def _functions(found: Feedback) -> None:
    table = found.functions[(found.functions["n"] > 0) | (found.functions["hard_n"] > 0)]
    if table.empty:
        return
    st.subheader("Functions on the rows that people decided")
    shown = pd.DataFrame({"audited": table["share"].where(table["n"] > 0).map(percent)})
    shown["95 % interval"] = [interval(low, high) for low, high in table[["low", "high"]].where(table["n"] > 0).to_numpy()]
    shown["n"] = table["n"].map(count)
    shown["learned before"], shown["after"] = table["learned_before"].map(percent), table["learned_after"].map(percent)
    shown["q"] = [figure(q, 3) for q in table["q"]]
    shown["right on hard rows"] = [
        f"{right:,} of {n:,}" if n else "" for right, n in zip(table["hard_right"], table["hard_n"], strict=True)
    ]
    st.html(figures.table(shown.rename_axis("function"), "Audited and learned accuracy of functions", at_most=_LINES))
    st.caption(
        "Audited: on rows that chance chose. Hard rows: picked by a queue because their votes are doubtful, where a good "
        "function looks bad; they judge nobody."
    )


def _flipped(found: Feedback) -> None:
    sample = found.pair.sample.head(_ROWS)
    if sample.empty:
        return
    st.subheader("Labels that flipped")
    shown = sample[["row", "before", "after"]].assign(probability=sample["probability"].map(percent), gold=sample["gold"])
    st.html(figures.table(shown.rename_axis("id"), "Rows with another label", words=("row", "before", "after"), at_most=_LINES))
    st.caption(f"{len(sample):,} of {found.pair.changed:,}, those first whose new label gained most; test rows are not shown.")
