"""Coverage: by class and slice, and what the rows that no function votes on have in common."""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from workbench.project import disagreement
from workbench.ui import figures, opened_votes
from workbench.ui.vote_rows import Looked, picked_line, show_rows
from workbench.ui.wording import count, interval, percent, plain

_SHOWN: Final = 12  # more classes or slices than these scroll


def show_coverage(page: Looked) -> None:
    classes, slices = opened_votes.coverage(page.task, page.run, page.dataset)
    with st.container(horizontal=True, gap="large"):  # side by side where there is room
        with st.container(width=720):
            _classes(classes)
        with st.container(width=600):
            _slices(slices)
    _gap(page)


def _classes(classes: pd.DataFrame) -> None:
    st.header("By class")
    shown = pd.DataFrame({"functions": classes["functions"].map(count), "rows": classes["rows"].map(count)})
    shown["contested"] = classes["contested"].map(count)
    if classes["n_gold"].gt(0).any():
        shown["gold covered"] = classes["coverage"].map(percent)
        shown["95 % interval"] = [interval(low, high) for low, high in zip(classes["low"], classes["high"], strict=True)]
        shown["gold found"] = (classes["found"] / classes["n_gold"].where(classes["n_gold"] > 0)).map(percent)
        shown["n"] = classes["n_gold"].map(count)
    shown.index = pd.Index(classes["class"], name="class")
    st.html(figures.table(shown, "Votes by class", at_most=_SHOWN))
    st.caption(
        "Rows: with a vote for the class. Contested: another class is voted too. Of n valid rows whose gold it is, "
        "covered: any function votes; found: one votes for it."
    )


def _slices(slices: pd.DataFrame) -> None:
    st.header("By slice")
    if slices.empty:
        st.caption("No slice yet. Name some under [slices] in task.toml to see where functions are missing.")
        return
    shown = pd.DataFrame({"rows": slices["n"].map(count), "covered": slices["label_coverage"].map(percent)})
    shown = shown.assign(uncovered=slices["uncovered"].map(count), conflict=slices["conflict"].map(percent))
    shown.index = pd.Index(slices["slice"], name="slice")
    st.html(figures.table(shown, "Coverage by slice", at_most=_SHOWN))
    st.caption("Choose a slice above to see the rows of it that no function votes on.")


def _gap(page: Looked) -> None:
    found = opened_votes.gap(page.task, page.run, page.dataset, page.asked.slice)
    st.header("Rows that no function votes on")
    where = f" of slice {plain(page.asked.slice)}" if page.asked.slice else ""
    every = len(found.rows) + found.covered
    if not len(found.rows):
        st.success(f"Functions vote on all {every:,} rows{where}.", icon=":material/check_circle:")
        return
    st.markdown(f"**{len(found.rows):,}** of {every:,} rows{where} ({percent(len(found.rows) / every)}).")
    _gap_table(page, found)
    _gap_rows(page, found)


def _gap_table(page: Looked, found: disagreement.Gap) -> None:
    terms = found.terms
    if terms.empty:
        st.caption("No term is clearly more frequent in them than in covered rows.")
        return
    names = terms["term"].tolist()
    picked = st.query_params.get("term")
    shown = terms[["term", "uncovered", "share_uncovered", "covered", "share_covered", "z"]].copy()
    shown[["share_uncovered", "share_covered"]] *= 100
    column = st.column_config
    key = f"terms {page.key}"
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=min(35 * len(shown) + 38, 320),
        width=640,
        on_select=partial(picked_line, key, names, "term"),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [names.index(picked)]}} if picked in names else None,
        column_config={
            "term": column.TextColumn("term", width=170),
            "uncovered": column.NumberColumn("uncovered rows", format="localized", width=90),
            "share_uncovered": column.NumberColumn("share", format="%.1f%%", width=60),
            "covered": column.NumberColumn("covered rows", format="localized", width=90),
            "share_covered": column.NumberColumn("share", format="%.1f%%", width=60),
            "z": column.NumberColumn(
                "z", format="%.1f", width=44, help="Log-odds ratio by its standard error; above 2 chance is unlikely."
            ),
        },
        alt=f"{len(shown):,} terms that are more frequent where no function votes",
    )
    sampled = " drawn at random" if len(found.read) < len(found.rows) or len(found.beside) < found.covered else ""
    st.caption(
        f"Terms that {len(found.read):,} uncovered rows{sampled} hold more often than {len(found.beside):,} covered ones. "
        "A term here is where to write the next function."
    )


@st.fragment(key="rows")
def _gap_rows(page: Looked, found: disagreement.Gap) -> None:
    term = st.query_params.get("term")
    term = term if term in found.holding else None
    rows = found.rows if term is None else found.holding[term]
    where = f" in slice {page.asked.slice}" if page.asked.slice else ""
    holding = "" if term is None else f" and that hold “{term}”"
    if term is not None and len(found.read) < len(found.rows):
        holding += f", of {len(found.read):,} drawn at random"
    show_rows(page, rows, f"on which no function votes{where}{holding}", f"no function votes{where}{holding}", voted=False)
