"""Two runs of the label model's page: what differs, and what did that do?"""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from workbench.project.run_pair import RunPair
from workbench.project.runs import Run, list_runs
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import figures, opened_model
from workbench.ui.wording import ago, count, percent, plain

_MOVES: Final = 12
_FUNCTIONS: Final = 12
_KINDS: Final = {"new": "New functions", "changed": "Changed functions", "removed": "Functions removed or switched off"}


def show(task: Task, run: Run, dataset: Dataset) -> None:
    """Draw the choice of the other run, and the two side by side."""
    others = [one for one in reversed(list_runs(task)) if one.id != run.id and (one.folder / "label_model.json").exists()]
    if not others:
        st.info(
            "There is one run with a label model. Change a function or a setting and fit again to compare.",
            icon=":material/info:",
        )
        return
    by_id = {one.id: one for one in others}
    earlier = next((place for place, one in enumerate(others) if one.id < run.id), 0)
    # The URL takes what stands in the list, so that must not be how long ago a run was.
    other = st.selectbox("Compare with", list(by_id), index=earlier, key="with", bind="query-params", width=420)
    before, after = sorted((by_id[other], run), key=lambda one: one.id)
    made = (f"run {plain(one.id)}, {ago(one.about['finished'])}" for one in (before, after))
    st.caption("Before: {}. After: {}.".format(*made))
    pair = opened_model.run_pair(before, after, dataset)
    _differences(pair)
    _scores(pair)
    _learned(pair)
    _changed(pair, f"{before.id} {after.id}")


def _differences(pair: RunPair) -> None:
    st.header("What differs")
    if pair.other_data:
        st.markdown("The rows, their gold or their splits.")
    if len(pair.settings):
        st.html(figures.table(pair.settings, "Settings that differ"))
    for kind, title in _KINDS.items():
        names = [name for name, what in pair.functions.items() if what == kind]
        if names:
            more = f" and {len(names) - _FUNCTIONS:,} more" if len(names) > _FUNCTIONS else ""
            st.markdown(f"**{title}**: {plain(', '.join(names[:_FUNCTIONS]))}{more}")
    if not (pair.other_data or len(pair.settings) or pair.functions):
        st.markdown("Nothing: rows, functions and settings are the same.")


def _learned(pair: RunPair) -> None:
    if pair.accuracy.empty:
        return
    st.header("Learned accuracy of functions")
    moved = pair.accuracy[pair.accuracy["change"].abs() >= 0.005].head(_FUNCTIONS)
    if len(moved):
        shown = pd.DataFrame({name: moved[name].map(percent) for name in ("before", "after")})
        shown["change"] = [f"{100 * change:+.1f} points" for change in moved["change"]]
        st.html(figures.table(shown, "Learned accuracy of functions before and after"))
    else:
        st.markdown("None moved by half a point.")


def _scores(pair: RunPair) -> None:
    st.header("Scores on valid")
    if pair.scores["n"].fillna(0).sum() == 0:
        st.markdown("No valid row that both runs label has gold in the classes of now.")
        return
    blocks = [(f"{'All' if rows == 'all' else 'Covered'} valid rows", pair.scores.loc[rows]) for rows in ("all", "covered")]
    st.html(figures.scoreboard([(title, board.assign(reason="no gold")) for title, board in blocks]))
    more = pair.gains["all"]
    if more["n"]:
        low, high = (100 * end for end in more["interval"])
        if not (more["value"] or low or high):
            st.markdown(f"The same on each of the {more['n']:,} rows.")
            return
        verdict = "" if more["clear"] or high < 0 else f"; less than {100 * more['detectable']:.1f} points may be chance"
        st.markdown(
            f"Accuracy moved by **{100 * more['value']:+.1f} points**, 95 % interval {low:+.1f} to {high:+.1f}, "
            f"on the same {more['n']:,} rows{verdict}."
        )


def _changed(pair: RunPair, version: str) -> None:
    st.header("Rows whose label changed")
    st.markdown(f"Of {pair.common:,} rows of both runs **{pair.changed:,}** changed.")
    if not pair.changed:
        return
    left, right = st.columns([1, 2], gap="large")
    with left:
        moves = pair.moves.head(_MOVES)
        words = [f"{one} → {other}" for one, other in zip(moves["before"], moves["after"], strict=True)]
        shown = pd.DataFrame({"rows": moves["n"].map(count).tolist()}, index=pd.Index(words, name="before → after"))
        st.html(figures.table(shown, "From which label to which"))
    with right:
        sample = pair.sample
        if sample.empty:
            st.caption("None of them is in train or valid.")
            return
        both = zip(sample["probability_before"], sample["probability"], strict=True)
        shown = sample[["before", "after"]].assign(probability=[f"{then:.0%} → {now:.0%}" for then, now in both])
        shown = shown.assign(gold=sample["gold"], row=sample["row"])
        column = st.column_config
        st.caption(f"{len(shown):,} of train and valid, those first whose new label gained most. Gold is shown on valid alone.")
        st.dataframe(
            shown,
            key=f"changed {version}",
            column_config={
                "id": column.TextColumn("id", width=80),
                "row": column.TextColumn("row", width=330),
                "probability": column.TextColumn(
                    "of the new", help="Probability of the new label, before and after.", width=96
                ),
            },
            height=min(35 * len(shown) + 38, 400),
            alt="Rows whose label changed",
        )
