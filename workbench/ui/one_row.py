"""One row of the label model's page: why does it get this label?"""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from workbench.project.explaining import Explained, explain
from workbench.project.label_model import gold_of, row_in_words, rows_table, said_by_people
from workbench.project.runs import Run
from workbench.tables import Dataset, WorkbenchError
from workbench.ui import figures, opened, opened_model
from workbench.ui import label_model_charts as charts
from workbench.ui.wording import figure, percent, plain

_PAGE: Final = 25
_LINES: Final = 16  # of a waterfall; lesser votes are folded into one
_TEXT: Final = 240  # characters of a row shown at once


@st.fragment
def show(run: Run, dataset: Dataset) -> None:
    """Draw the list of uncertain rows and the one that is explained, in a part of their own."""
    try:
        opened_model.kept_model(run)
    except WorkbenchError as error:
        st.info(plain(str(error)), icon=":material/info:")
        return
    left, right = st.columns(2, gap="large")
    with left:
        typed = st.container()
        picked = _choose(run, dataset)
        if picked is not None and picked != st.session_state.get("picked row"):
            st.session_state["row"] = picked
        st.session_state["picked row"] = picked
        row = typed.text_input("Row id", key="row", bind="query-params", placeholder="the least sure row")
    with right:
        rows = opened_model.certainty(run, dataset).least_sure
        if not row and not len(rows):
            st.info("No row of train or valid has a vote, so there is nothing to explain.", icon=":material/info:")
            return
        _explain(run, dataset, row or str(opened.soft_labels(run).ids[rows[0]]))


def _choose(run: Run, dataset: Dataset) -> str | None:
    """Show the rows that the model is least sure of; return the id of the one that is selected."""
    rows = opened_model.certainty(run, dataset).least_sure
    st.caption(f"{len(rows):,} rows of train and valid have votes; those first whose two likeliest classes are closest.")
    page = st.pagination(-(-len(rows) // _PAGE), key=f"unsure {run.id}") if len(rows) > _PAGE else 1
    table = rows_table(opened.soft_labels(run), dataset, opened.visible_rows(run, dataset), rows, (page - 1) * _PAGE, _PAGE)
    pairs = zip(*(table[name] for name in ("label", "probability", "next", "next_probability")), strict=True)
    between = [f"{one} {p:.0%}" + (f", {two} {q:.0%}" if two else "") for one, p, two, q in pairs]
    shown = pd.DataFrame({"between": between, "row": table["row"]}, index=table.index)
    column = st.column_config
    event = st.dataframe(
        shown,
        key=f"unsure rows {run.id} {page}",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "id": column.TextColumn("id", width=72),
            "between": column.TextColumn("likeliest, runner-up", width=200),
            "row": column.TextColumn("row", width=320),
        },
        height=min(35 * len(shown) + 38, 560),
        alt="Rows that the model is least sure of; select one to have it explained",
    )
    picked = event["selection"]["rows"]
    return str(shown.index[picked[0]]) if picked else None


def _explain(run: Run, dataset: Dataset, row: str) -> None:
    votes = opened.votes(run)
    try:
        likeliest = found = explain(opened_model.kept_model(run), votes, dataset, row)
        others = [label for label in votes.labels if label != found.first]
        if st.session_state.get("against") not in others:
            st.session_state["against"] = None
        second = st.session_state["against"] or found.second
        found = explain(opened_model.kept_model(run), votes, dataset, row, first=found.first, second=second, at_most=_LINES)
    except WorkbenchError as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        return
    st.header(f"Why {plain(found.first)}, and not {plain(found.second)}?")
    place = dataset.ids.get_indexer(pd.Index([row]))[0]
    if place >= 0:
        text = row_in_words(dataset, place)
        with st.container(border=True):
            st.text(text if len(text) <= _TEXT else f"{text[:_TEXT]} …")
        if len(text) > _TEXT:
            with st.expander("The whole row"):
                st.text(text)
    human = said_by_people(run, row)
    if human is not None:
        st.info(f"A person labelled this row {plain(human)}, and that stands. What follows is what the model would say.")
    gold = gold_of(dataset, place) if place >= 0 else ""
    facts = [f"row {row}", *(f"{label} {percent(share)}" for label, share in list(found.probs.items())[:4])]
    st.caption(plain(" · ".join([*facts, *([f"gold {gold}"] if gold else [])])))
    if len(others) > 1:
        st.selectbox(
            "Against", others, index=None, key="against", bind="query-params", placeholder=f"the runner-up, {likeliest.second}"
        )
    _waterfall(found)


def _waterfall(found: Explained) -> None:
    charts.draw(
        charts.waterfall(found.lines, found.first, found.second, found.log_odds),
        alt=f"What each vote adds to the log odds of {found.first} against {found.second}; the figures stand below",
    )
    p, q = found.probs[found.first], found.probs[found.second]
    st.caption(
        f"Each bar begins where the one above it ended. Blue ones lead right, towards {plain(found.first)}, orange ones left, "
        f"towards {plain(found.second)}. The last is their sum, {found.log_odds:+.2f}: the log of {percent(p)} over "
        f"{percent(q)}. A function that only copies another one adds nothing."
    )
    with st.expander("Figures"):
        lines = found.lines.set_index("line")
        shown = pd.DataFrame(
            {"vote": lines["vote"], "adds": lines["adds"].map(figure), "sum so far": lines["after"].map(figure)}
        )
        st.html(figures.table(shown.rename_axis("what"), "What each vote adds"))
