"""Scores of the end model's page: every model side by side, what the end model gains, and how many gold labels it is worth."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import end_model, end_model_scores, overview
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.ui import figures, opened
from workbench.ui import label_model_charts as charts
from workbench.ui.curves import crossover_curve
from workbench.ui.wording import count, figure, interval, percent, plain

_ROWS: Final = {"all": "all", "with votes": "covered", "without votes": "uncovered"}  # as the URL names them
_SHARES: Final = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
_FIGURES: Final = {"log_loss": "log loss", "ece": "ECE"}


def show(task: Task, run: Run) -> None:
    """Draw the view."""
    metrics = opened.metrics(run)
    st.header("Side by side")
    if overview.scored_splits(metrics):
        _board(metrics)
    else:
        st.info("There is no row outside the train split, so there is nothing to score on.", icon=":material/info:")
    st.header("Worth in gold labels")
    st.markdown(plain(end_model.gap_in_words(metrics["pgr"])))
    _crossover(task, run)


@st.fragment
def _board(metrics: dict[str, Any]) -> None:
    """Draw the table, in a part of its own: what is chosen here draws nothing else anew."""
    splits = overview.scored_splits(metrics)
    with st.container(horizontal=True, gap="large"):
        split = st.segmented_control("Split", splits, default=splits[0], required=True, key="split", bind="query-params")
        which = st.segmented_control("Rows", _ROWS, default="all", required=True, key="scored", bind="query-params")
    rows = _ROWS[which]
    board = end_model_scores.board(metrics, split, rows)
    shown = pd.DataFrame(index=board.index.rename("model"))
    for name, title in _SHARES.items():
        shown[title] = board[name].map(percent)
        shown[f"{title}, 95 %"] = _ends(board, name, lambda low, high: interval(low, high, digits=1))
    for name, title in _FIGURES.items():
        shown[title] = board[name].map(figure)
        shown[f"{title}, 95 %"] = _ends(board, name, lambda low, high: f"{low:.3f}–{high:.3f}")
    shown["n"] = board["n"].map(count)
    scored = board["accuracy"].notna()
    title = f"Models side by side on {split}, {which} rows"
    table = figures.table(shown[scored], title)
    st.html(f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{title}">{table}</div>')
    for model, reason in board.loc[~scored, "reason"].items():
        st.caption(plain(f"No score of the {model}: {reason}."))
    st.markdown(plain(end_model_scores.gains_in_words(metrics, split, rows)))
    with st.expander("What the columns mean"):
        st.markdown(_MEANING)


def _ends(board: pd.DataFrame, name: str, form: Any) -> list[str]:
    pairs = zip(board[f"{name}_low"], board[f"{name}_high"], strict=True)
    return ["" if pd.isna(low) or pd.isna(high) else form(low, high) for low, high in pairs]


_MEANING: Final = """
- **accuracy**: the share of rows whose answer is right; **macro-F1**: the mean of F1 over classes, rare ones alike.
- **log loss**: how surprised the probabilities are by gold, in nats; less is better.
- **ECE** (expected calibration error): how far confidence is from accuracy, over ten bins; 0 is best.
- Behind each figure stand the ends of its 95 % interval: rows drawn anew 2,000 times (bootstrap). n: rows with gold.
- **With votes**: rows on which a function votes. **Without votes** shows what was learned beyond the rules; label models
  can only say the class balance there, and a model has to pass whoever *always* says the class that is most frequent.
"""


def _crossover(task: Task, run: Run) -> None:
    found = end_model_scores.crossover_of(run)
    if found is None:
        st.markdown("How many gold labels would a supervised model need to match it? This trains some twenty models:")
        st.code(f"workbench evaluate {task.folder} --run {run.id} --crossover", language=None, wrap_lines=True)
        return
    st.markdown(plain(found["sentence"]))
    table = end_model_scores.crossover_table(found)
    points = "; ".join(f"{line.n:,} labels {line.mean:.1%}" for line in table.itertuples())
    with st.container(width=760):
        charts.draw(crossover_curve(table, found["end_model"]), alt=f"Accuracy by gold labels: {points}")
    st.caption("The same architecture, trained on gold labels drawn at random; the band is the spread of three draws.")
