"""Vote patterns: the most frequent combinations of votes, drawn and listed, and the rows of one."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from workbench.project import disagreement
from workbench.project.disagreement import votes_in_words
from workbench.ui import opened_votes
from workbench.ui.vote_rows import Looked, dark, pick, picked_line, show_rows
from workbench.ui.wording import percent, plain


def show_patterns(page: Looked) -> None:
    grain = st.radio(
        "Patterns of", ("functions", "classes"), horizontal=True, key="of", bind="query-params",
        help="Functions: who votes for what. Classes: which classes are voted on a row, whoever votes for them.",
    )  # fmt: skip
    classes = grain == "classes"
    table, every = opened_votes.patterns(page.task, page.run, page.dataset, page.asked, page.conflicts, classes)
    if table.empty:
        st.info(_no_pattern(page), icon=":material/info:")
        return
    spec, drawn = opened_votes.upset_of(page.task, page.run, page.dataset, page.asked, page.conflicts, classes, dark())
    key = f"upset {page.key} {grain}"
    st.vega_lite_chart(
        spec=spec,
        key=key,
        width="content",
        on_select=partial(_picked_pattern, key),
        selection_mode="pattern",
        alt=f"The {drawn} most frequent vote patterns; the table below says the same in words",
    )
    kind = " in conflict" if page.conflicts else ""
    shown = "All" if drawn == every["patterns"] else f"The {drawn:,} most frequent of"
    share = percent(table["rows"].sum() / every["rows"], 0)
    st.caption(f"{shown} {every['patterns']:,} patterns{kind}. The table holds {share} of {every['rows']:,} rows{kind}.")
    _pattern_table(page, table, grain)
    _pattern_rows(page, table, classes)


def _no_pattern(page: Looked) -> str:
    where = "here; take a filter away" if any(page.asked) else "in this run"
    return f"No row has votes for two classes {where}." if page.conflicts else f"No function votes {where}."


def _pattern_table(page: Looked, table: pd.DataFrame, grain: str) -> None:
    names = table.index.tolist()
    picked = st.query_params.get("pattern")
    shown = pd.DataFrame({"rows": table["rows"], "share": table["share"] * 100, "votes": table["votes"].map(votes_in_words)})
    if table["gold"].any():
        shown["gold"] = [", ".join(f"{label} {n}" for label, n in gold.items()) for gold in table["gold"]]
    column = st.column_config
    key = f"patterns {page.key} {grain}"
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        width=960,
        on_select=partial(picked_line, key, names, "pattern"),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [names.index(picked)]}} if picked in names else None,
        column_config={
            "rows": column.NumberColumn("rows", format="localized", width=56),
            "share": column.NumberColumn("share", format="%.1f%%", width=60),
            "votes": column.TextColumn("votes", width=520),
            "gold": column.TextColumn("gold", help="Valid rows of the pattern with gold, by class.", width=240),
        },
        alt=f"{len(table):,} vote patterns, the most frequent first",
    )


def _picked_pattern(key: str) -> None:
    found = st.session_state[key]["selection"].get("pattern") or []
    pick(pattern=found[0]["pattern"] if found else None)


@st.fragment(key="rows")
def _pattern_rows(page: Looked, table: pd.DataFrame, classes: bool) -> None:
    picked = st.query_params.get("pattern")
    if picked not in table.index:
        st.caption("Select a pattern, a bar of the chart or a line of the table, to see its rows.")
        return
    votes = table.to_dict("index")[picked]["votes"]
    st.header(plain(votes_in_words(votes)))
    rows = disagreement.pattern_rows(page.sight, page.asked, votes, classes)
    show_rows(page, rows, "with these votes", f"votes: {votes_in_words(votes)}")
