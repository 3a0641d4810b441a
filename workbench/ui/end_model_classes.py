"""Classes of the end model's page: which it finds, which it takes for which, and the rows of each confusion."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import end_model_confusion
from workbench.project.runs import Run
from workbench.tables import Dataset
from workbench.ui import figures, opened_end_model
from workbench.ui.curves import confusion_cells, confusion_width
from workbench.ui.wording import count, figure, interval, percent, plain

_PAGE: Final = 50
_LINES: Final = 14  # of a table; longer ones scroll
_MOST: Final = 20  # classes of the matrix
_PAIRS: Final = 8  # confusions that are listed


def show(run: Run, dataset: Dataset) -> None:
    """Draw the view."""
    found = opened_end_model.answers(run, dataset)
    st.header("By class, on valid")
    if not found.classes["gold"].sum():
        st.info("No valid row has gold, so nobody can say which classes it finds.", icon=":material/info:")
        return
    _table(found.classes)
    st.header("Which it takes for which")
    with st.container(horizontal=True, gap="large"):  # side by side where there is room
        _matrix(run, dataset)
    _rows(run, dataset)


def _table(table: pd.DataFrame) -> None:
    shown = pd.DataFrame(
        {
            "rows of it": table["gold"].map(count),
            "found": table["found"].map(percent),
            "95 % interval": _ends(table, "found"),
            "answered so": table["answered"].map(count),
            "right": table["right"].map(percent),
            "its interval": _ends(table, "right"),
            "F1": table["f1"].map(figure),
        },
        index=table.index,
    )
    st.html(figures.table(shown, "Scores by class on valid rows with gold", at_most=_LINES))
    st.caption(
        "Found: of the rows of the class, those answered so (recall). Right: of those answered so, those of it (precision)."
    )


def _ends(table: pd.DataFrame, name: str) -> list[str]:
    known = table[name].notna()
    pairs = zip(table[f"{name}_low"], table[f"{name}_high"], known, strict=True)
    return [interval(low, high) if some else "" for low, high, some in pairs]


def _matrix(run: Run, dataset: Dataset) -> None:
    valid = opened_end_model.answers(run, dataset).certainty.valid
    cells, order = end_model_confusion.confusion(valid, dataset, _MOST)
    wrong = cells[(cells["gold"] != cells["answer"]) & (cells["n"] > 0)].nlargest(_PAIRS, "n")
    worst = "; ".join(f"{one['gold']} taken for {one['answer']} {one['n']:,}" for one in wrong.to_dict("records"))
    key = f"matrix {run.id}"
    with st.container(width=confusion_width(order)):
        st.vega_lite_chart(
            spec=confusion_cells(cells, order, st.context.theme.type == "dark"),
            key=key,
            width="content",
            on_select=partial(_picked, key),
            selection_mode="cell",
            alt=f"Confusion matrix of {len(order)} classes on valid; most often: {worst or 'no error'}",
        )
        rest = len(valid.labels) - len(order)
        st.caption("Valid rows with gold. Click a cell for its rows.")
        if rest:
            st.caption(f"The {len(order)} classes with most errors; {rest:,} more are in the lists below.")
    if len(wrong):
        shown = wrong[["answer"]].assign(rows=wrong["n"].map(count), share=wrong["share"].map(percent))
        shown = shown.set_axis(pd.Index(wrong["gold"], name="gold"), axis=0)
        shown.columns = pd.Index(["answered", "rows", "of the class"])
        with st.container(width=420):
            st.html(figures.table(shown, "The commonest confusions", words=("answered",)))


def _picked(key: str) -> None:
    """Show the rows of the cell; only these are drawn again."""
    cells = st.session_state[key]["selection"].get("cell") or []
    for name in ("gold", "answer"):
        st.session_state[f"cell_{name}"] = cells[0][name] if cells else None
    st.rerun("confused")


@st.fragment(key="confused")
def _rows(run: Run, dataset: Dataset) -> None:
    valid = opened_end_model.answers(run, dataset).certainty.valid
    with st.container(horizontal=True):
        settings: dict[str, Any] = {"index": None, "bind": "query-params", "placeholder": "any"}
        gold = st.selectbox("Gold is", valid.labels, key="cell_gold", **settings)
        answer = st.selectbox("Answered", valid.labels, key="cell_answer", **settings)
    total = end_model_confusion.confused_rows(valid, dataset, gold, answer, 0, 0)[1]
    what = f"of {gold}, answered {answer}" if gold and answer else "with gold, answered wrongly"
    if gold and not answer:
        what = f"of {gold}, answered otherwise"
    if answer and not gold:
        what = f"answered {answer}, which are not"
    st.markdown(f"**{total:,}** valid row{'s' * (total != 1)} {plain(what)}{', the surest first' if total > 1 else ''}.")
    if not total:
        return
    page = st.pagination(-(-total // _PAGE), key=f"confused {run.id} {gold} {answer}") if total > _PAGE else 1
    table, _ = end_model_confusion.confused_rows(valid, dataset, gold, answer, (page - 1) * _PAGE, _PAGE)
    column = st.column_config
    st.dataframe(
        table.assign(
            answer=[f"{name} {p:.0%}" for name, p in zip(table["answer"], table["probability"], strict=True)],
            gold=[f"{name} {p:.0%}" for name, p in zip(table["gold"], table["of_gold"], strict=True)],
        )[["row", "answer", "gold"]],
        column_config={
            "id": column.TextColumn("id", width=80),
            "row": column.TextColumn("row", width=460),
            "answer": column.TextColumn("answer", help="With the probability it gives.", width=160),
            "gold": column.TextColumn("gold", help="With the probability it gives.", width=160),
        },
        height=min(35 * len(table) + 38, 460),
        key=f"confused rows {run.id} {gold} {answer} {page}",
        alt=f"{len(table)} of {total:,} valid rows {what}",
    )
