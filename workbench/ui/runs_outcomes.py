"""Outcomes of the runs' page: what became of rows in production, answered ones against those left to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import monitoring_facts
from workbench.project.outcomes import Q, apart_in_words
from workbench.project.steps.outcomes import OUTCOMES
from workbench.project.task import Task
from workbench.ui import figures, opened_runs, run_charts
from workbench.ui.label_model_charts import draw
from workbench.ui.wording import ago, count, figure, percent, plain

_LINES: Final = 14
_DRAWN: Final = 30  # groups on a chart: those with most rows
_ALL: Final = "all"


def show(task: Task) -> None:
    """Draw the view."""
    found = opened_runs.found_in(task.folder / OUTCOMES)
    command = plain(f"`workbench outcomes {task.folder} LOG OUTCOMES`")
    if found is None:
        st.info(
            f"Nothing is known of what became of answered rows. {command} joins the log of `workbench predict --log` with a "
            "file of outcomes by id: escalated, reopened, corrected, satisfaction.",
            icon=":material/info:",
        )
        return
    span = f"{found['from'][:10]} to {found['to'][:10]}"
    st.caption(
        plain(f"{found['n']:,} rows of {span}, joined {ago(found['finished'])}: {found['log']} with {found['outcomes']}")
    )
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in found["said"]))
    _answered_and_not(found)
    groupings = monitoring_facts.groupings(found)
    if groupings:
        _groups(found, groupings)
    for note in found.get("notes", ()):
        st.caption(plain(note))
    st.caption(f"Join anew: {command}")


def _answered_and_not(found: Mapping[str, Any]) -> None:
    """Draw every outcome of answered rows beside that of rows left to people: shares on one axis, numbers in the table."""
    st.header("Answered and needs review")
    tables = {name: monitoring_facts.outcome_table(found, name, _ALL) for name in found["columns"]}
    whole = pd.concat([table.set_axis([name], axis=0) for name, table in tables.items() if len(table)]).rename_axis("outcome")
    rates = whole[[monitoring_facts.is_rate(found, str(name)) for name in whole.index]]
    if len(rates):
        st.html(run_charts.legend(["answered", "needs review"]))
        with st.container(width=760):
            _draw(rates, "share of rows")
    run_charts.wide(figures.table(_in_figures(found, whole, None), "Outcomes by decision"), "Outcomes by decision")


def _draw(table: pd.DataFrame, title: str) -> None:
    series = {"answered": ("answered", "answered_"), "needs review": ("review", "review_")}
    known = [
        f"{name} {line['answered']:.1%} of answered rows, {line['review']:.1%} of the others" for name, line in table.iterrows()
    ]
    draw(run_charts.two_measures(table, series, title, zero=True), alt=f"{title}: {'; '.join(known)}")


def _in_figures(found: Mapping[str, Any], table: pd.DataFrame, outcome: str | None) -> pd.DataFrame:
    """Return the figures as texts; outcome: which one it is of, None where each line is one."""
    shown = pd.DataFrame(index=table.index)
    rate = [monitoring_facts.is_rate(found, str(outcome or name)) for name in table.index]
    for side, title in (("answered", "answered"), ("review", "needs review")):
        cells = zip(table[side], table[f"{side}_low"], table[f"{side}_high"], rate, strict=True)
        told = [(_value(value, share), _between(low, high, share)) for value, low, high, share in cells]
        shown[title] = [value for value, _ in told]
        shown[f"95 %, {title}"] = [ends for _, ends in told]
        shown[f"n, {title}"] = table[f"{side}_n"].map(count)
    return shown


def _value(value: float, share: bool) -> str:
    return percent(value) if share else figure(value, 2)


def _between(low: float, high: float, share: bool) -> str:
    if pd.isna(low) or pd.isna(high):
        return ""
    return f"{100 * low:.1f}–{high:.1%}" if share else f"{low:.2f}–{high:.2f}"


@st.fragment
def _groups(found: Mapping[str, Any], groupings: list[str]) -> None:
    """Draw one outcome by week, class, function or failure, in a part of its own."""
    st.header("By group")
    with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
        outcome = st.selectbox("Outcome", found["columns"], key="outcome", bind="query-params", width=240)
        by = st.segmented_control("By", groupings, default=groupings[0], required=True, key="by", bind="query-params")
    table = monitoring_facts.outcome_table(found, outcome, by)
    table = table[table[["answered_n", "review_n"]].fillna(0).sum(axis=1) > 0]
    if table.empty:
        st.caption("No row of these groups has this outcome.")
        return
    rows = table[["answered_n", "review_n"]].sum(axis=1)
    drawn = table if by == "week" else table.loc[rows.sort_values(ascending=False, kind="stable").index]
    if monitoring_facts.is_rate(found, outcome):
        st.html(run_charts.legend(["answered", "needs review"]))
        with st.container(width=760):
            _draw(drawn.tail(_DRAWN) if by == "week" else drawn.head(_DRAWN), f"{outcome}, share of rows")
    title = f"{outcome} by {by}"
    run_charts.wide(figures.table(_in_figures(found, drawn, outcome), title, at_most=_LINES), title)
    apart = [one for one in found.get("differences", ()) if (one["outcome"], one["by"]) == (outcome, by) and one["q"] <= Q]
    if not apart:
        st.caption("No group stands out by more than chance." if "differences" in found else "")
    for one in apart:
        st.markdown(f"- {plain(apart_in_words(one, found['kinds'][outcome]))}")
