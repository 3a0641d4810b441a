"""Disagreement: where do functions disagree, who is right then, and where does nobody vote?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st

from workbench.project import disagreement
from workbench.project.disagreement import Asked, Sight
from workbench.ui import figures, opened_votes
from workbench.ui.coverage_gaps import show_coverage
from workbench.ui.frame import chosen_run, chosen_task, rows_beside
from workbench.ui.vote_patterns import show_patterns
from workbench.ui.vote_rows import Looked, dark, pick, show_rows
from workbench.ui.wording import count, interval, percent, plain

_LISTED: Final = 200  # pairs
_VIEWS: Final = ("Pairs", "Vote patterns", "Coverage", "Redundant functions")
_COLOURS: Final = {"Share of common rows": "rate", "Number of rows": "disagree"}


def show() -> None:
    """Draw the page."""
    st.title("Disagreement")
    st.caption("Where functions disagree, which of them is right, and where nobody votes. Test rows are left out.")
    task = chosen_task()
    run = chosen_run(task, "votes.parquet")
    if run is None:
        st.info("The functions have not voted yet. Run the line to see where they disagree.", icon=":material/info:")
        st.page_link(Path(__file__).parent / "overview.py", label="Go to the overview to run it", icon=":material/dashboard:")
        return
    dataset = rows_beside(task, run)
    sight = opened_votes.sight(task, run, dataset)
    view = st.radio("View", _VIEWS, horizontal=True, key="part", bind="query-params", label_visibility="collapsed")
    asked, conflicts = _filters(sight, view)
    draw = dict(zip(_VIEWS, (_pairs, show_patterns, show_coverage, _redundant), strict=True))[view]
    draw(Looked(task, run, dataset, sight, asked, conflicts))


def _filters(sight: Sight, view: str) -> tuple[Asked, bool]:
    """Ask which rows to look at, by what the view can tell apart; what was asked for in another view is kept."""
    of_votes, of_rows = view in _VIEWS[:2], view in _VIEWS[:3]
    offered = {
        "in_slice": ("Slice", list(sight.masks) if of_rows else [], "Rows of a slice."),
        "voted": ("Class", sight.votes.labels if of_votes else [], "Rows on which a function votes for the class."),
        "voter": ("Function", sight.votes.lfs if of_votes else [], "Rows on which the function votes."),
    }
    offered = {key: one for key, one in offered.items() if one[1]}
    if not offered:
        return Asked(), True
    columns = st.columns([*[3] * len(offered), 2 + 3 * (3 - len(offered))], vertical_alignment="bottom")
    picked = {
        key: column.selectbox(
            label, names, index=None, key=key, bind="query-params", placeholder="all", help=help_, persist_state="session"
        )
        for column, (key, (label, names, help_)) in zip(columns, offered.items(), strict=False)
    }
    conflicts = True
    if of_votes:
        conflicts = columns[-1].toggle("Conflicts only", True, key="conflicts", bind="query-params", persist_state="session")
    return Asked(picked.get("in_slice"), picked.get("voted"), picked.get("voter")), conflicts


# ---------------------------------------------------------------- pairs


def _pairs(page: Looked) -> None:
    table = opened_votes.pairs(page.task, page.run, page.dataset, page.asked)
    differing = int((table["disagree"] > 0).sum())
    if table.empty or (page.conflicts and not differing):
        st.info(_no_pair(page, table), icon=":material/info:")
        return
    with st.container(horizontal=True, gap="large"):  # side by side where there is room
        with st.container(width=540):
            _heatmap(page, table)
        with st.container(width=840):
            shown = table[table["disagree"] > 0] if page.conflicts else table
            _pair_table(page, shown.head(_LISTED))
            more = f", the first {_LISTED:,} of them here" if len(shown) > _LISTED else ""
            said = f"{differing:,} of {len(table):,} pairs that meet disagree somewhere{more}."
            st.caption(said)
    _pair_rows(page)


def _no_pair(page: Looked, table: pd.DataFrame) -> str:
    where = "here; take a filter away" if any(page.asked) else "in this run"
    if table.empty:
        return f"No two functions vote on a common row {where}. Functions that look at the same rows can check each other."
    none = f"None of the {len(table):,} pairs that meet disagrees" if len(table) > 1 else "The one pair that meets agrees"
    return f"{none} {where}. Switch off “Conflicts only” to see where they agree."


def _heatmap(page: Looked, table: pd.DataFrame) -> None:
    decided = table["rate"].isin([0, 1]).all()  # functions of one class each: their share says no more than their classes
    colour = st.radio(
        "Colour",
        tuple(_COLOURS),
        int(decided),
        horizontal=True,
        key="colour",
        bind="query-params",
        label_visibility="collapsed",
    )
    by = _COLOURS[colour]
    spec, drawn = opened_votes.heat(page.task, page.run, page.dataset, page.asked, by, dark())
    key = f"heat {page.rows_key} {by}"
    st.vega_lite_chart(
        spec=spec,
        key=key,
        width="content",
        on_select=partial(_picked_cell, key),
        selection_mode="cell",
        alt=f"How often each two of {drawn:,} functions disagree; the table of pairs says the same in words",
    )
    st.caption(_about_heat(page, drawn))


def _about_heat(page: Looked, drawn: int) -> str:
    every = len(page.sight.votes.lfs)
    shown = f"The {drawn:,} of {every:,} functions most in conflict" if drawn < every else "All functions"
    return f"{shown}, those of one class or alike together. No cell: the two never meet. Grey: fewer than five common rows."


def _pair_table(page: Looked, table: pd.DataFrame) -> None:
    names = list(zip(table["a"], table["b"], strict=True))
    picked = (st.query_params.get("a"), st.query_params.get("b"))
    shown = pd.DataFrame(
        {
            "a": table["a"],
            "b": table["b"],
            "disagree": table["disagree"],
            "both": table["both"],
            "rate": table["rate"] * 100,
            "interval": [interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)],
        }
    )
    if table["n_gold"].gt(0).any():
        shown["better"] = table["better"].where(table["better"] != "", "unclear").where(table["n_gold"] > 0, "")
        shown["right"] = [
            f"{line['a_right']} : {line['b_right']} of {line['n_gold']}" if line["n_gold"] else ""
            for line in table.to_dict("records")
        ]
    column = st.column_config
    key = f"pairs {page.key}"
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=min(35 * len(shown) + 38, 460),
        on_select=partial(_picked_row, key, names),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [names.index(picked)]}} if picked in names else None,
        column_config={
            "a": column.TextColumn("one", width=140),
            "b": column.TextColumn("other", width=140),
            "disagree": column.NumberColumn("disagree", help="Rows on which the two vote differently.", width=64),
            "both": column.NumberColumn("of", help="Rows on which both vote.", width=48),
            "rate": column.NumberColumn("share", format="%.0f%%", width=52),
            "interval": column.TextColumn("95 % interval", width=84),
            "better": column.TextColumn(
                "more right",
                help="On valid rows with gold where they differ; unclear: 95 % interval holds one half.",
                width=150,
            ),
            "right": column.TextColumn("right, one : other", help="Of n valid rows with gold where they differ.", width=110),
        },
        alt=f"{len(table):,} pairs of functions, most disagreements first",
    )


def _picked_cell(key: str) -> None:
    """Show the rows of a cell; only the rows are drawn again."""
    cells = st.session_state[key]["selection"].get("cell") or []
    pick(a=cells[0]["a"] if cells else None, b=cells[0]["b"] if cells else None)


def _picked_row(key: str, names: Sequence[tuple[str, str]]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    a, b = names[rows[0]] if rows else (None, None)
    pick(a=a, b=b)


@st.fragment(key="rows")
def _pair_rows(page: Looked) -> None:
    a, b = (st.query_params.get(name) for name in ("a", "b"))
    if a not in page.sight.votes.lfs or b not in page.sight.votes.lfs or a is None or b is None or a == b:
        st.caption("Select a pair, in the heatmap or by its box in the table (Shift+Space), to see the rows behind it.")
        return
    st.header(f"{plain(a)} and {plain(b)}")
    rows = disagreement.pair_rows(page.sight, page.asked, a, b, page.conflicts)
    what = "on which the two disagree" if page.conflicts else "on which both vote"
    show_rows(page, rows, what, f"{a} and {b} disagree" if page.conflicts else f"{a} and {b} both vote", (a, b))


# ---------------------------------------------------------------- redundant functions


def _redundant(page: Looked) -> None:
    table = opened_votes.doubles(page.task, page.run, page.dataset)
    if table.empty:
        st.success(
            "No two functions say the same: none agree on 95 % or more of at least ten rows on which either votes.",
            icon=":material/check_circle:",
        )
        return
    shown = pd.DataFrame(
        {
            "other": table["b"],
            "same": table["same"].map(count),
            "of": table["either"].map(count),
            "share": table["agreement"].map(partial(percent, digits=0)),
            "what to do": table["advice"],
        }
    )
    shown.index = pd.Index(table["a"], name="one")
    st.html(figures.table(shown, "Pairs of functions that say the same", words=["other", "what to do"]))
    st.caption(
        "Same: rows on which both give one class, of those on which either votes. Two that say the same add votes and no "
        "evidence: majority vote counts it twice. Switch a function off on the page Labeling functions."
    )


if __name__ == "__main__":
    show()
