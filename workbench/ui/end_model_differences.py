"""Differences of the end model's page: what became of its labels, on which rows, and which rules to mend."""

from __future__ import annotations

from html import escape
from typing import Any, Final
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from workbench.project import end_model_fates
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.project.weak_to_strong import FATES
from workbench.tables import Dataset
from workbench.ui import figures, opened, opened_end_model
from workbench.ui.wording import count, interval, percent, plain

_PAGE: Final = 50
_LINES: Final = 14
#: As the URL names them: all that it answers otherwise, whatever gold says, and where nobody knows it; then fates.
_KINDS: Final = {
    "all overruled": None,
    "overruled rightly": "overruled_right",
    "wrongly": "overruled_wrong",
    "neither right": "overruled_neither",
    "errors copied": "copied",
}


def show(task: Task, run: Run, dataset: Dataset) -> None:
    """Draw the view."""
    found = opened_end_model.answers(run, dataset)
    overruled = opened.metrics(run).get("overruled", {})
    st.header("What became of its labels")
    compared = " and ".join(f"{n:,} {split}" for split, n in found.compared.items() if split != "test") or "no"
    other = int((found.apart["label"] != found.apart["answer"]).sum()) if len(found.apart) else 0
    st.markdown(
        f"It answers otherwise than the label model on **{other:,}** of {compared} rows with a label. Of "
        "more than 2,000 train rows it compares so many, drawn by chance. "
        f"{plain(end_model_fates.copied_in_words(overruled))}"
    )
    _fates(overruled)
    if found.apart.empty:
        st.info("It answers as the rows are labelled, on all that were compared, and copies no error.", icon=":material/info:")
    else:
        _rows_apart(run, dataset, found.apart)
    _rules(task, overruled)


def _fates(overruled: dict[str, Any]) -> None:
    if not overruled:
        st.info("Without gold outside train, or in a run of before, nobody counted who is right.", icon=":material/info:")
        return
    table = end_model_fates.fate_table(overruled)
    shown = pd.DataFrame(index=pd.Index([FATES[fate] for fate in table.index], name="of a label it"))
    for split in overruled:
        shown[f"{split} rows"] = table[split].map(count).to_numpy()
        shown[f"of {overruled[split]['n']:,}"] = table[f"{split}_share"].map(percent).to_numpy()
        shown[f"95 %, {split}"] = [interval(*ends) for ends in table[[f"{split}_low", f"{split}_high"]].to_numpy()]
    st.html(figures.table(shown, "What became of the labels of rows with gold"))


@st.fragment
def _rows_apart(run: Run, dataset: Dataset, apart: pd.DataFrame) -> None:
    """Draw the rows of a fate, or of a pair of label and answer, in a part of their own."""
    st.header("Rows")
    kind = st.segmented_control(
        "Fate", _KINDS, default="all overruled", required=True, key="fate", bind="query-params", label_visibility="collapsed"
    )
    chosen: dict[str, Any] = {"fate": _KINDS[kind], "pair": None, "split": None}
    if chosen["fate"] is None:
        chosen |= _filters(run, apart)
    total = end_model_fates.rows_apart(apart, dataset, **chosen, size=0)[1]
    st.markdown(f"**{total:,}** row{'s' * (total != 1)}{', of valid with gold' if chosen['fate'] else ''}, the surest first.")
    key = f"{run.id} {list(chosen.values())}"
    page = st.pagination(-(-total // _PAGE), key=f"apart {key}") if total > _PAGE else 1
    table, _ = end_model_fates.rows_apart(apart, dataset, **chosen, start=(page - 1) * _PAGE, size=_PAGE)
    if table.empty:
        return
    st.dataframe(
        pd.DataFrame(
            {
                "row": table["row"],
                "label": [f"{one} {p:.0%}" for one, p in zip(table["label"], table["label_probability"], strict=True)],
                "end model": [f"{one} {p:.0%}" for one, p in zip(table["answer"], table["answer_probability"], strict=True)],
                "gold": table["gold"],
                "split": table["split"],
            },
            index=table.index,
        ),
        column_config=_columns(),
        height=min(35 * len(table) + 38, 460),
        key=f"rows apart {key} {page}",
        alt=f"{len(table)} of {total:,} rows, {kind}, the surest first",
    )


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.TextColumn("id", width=80),
        "row": column.TextColumn("row", width=370),
        "label": column.TextColumn("label", width=140),
        "end model": column.TextColumn("end model", width=140),
        "gold": column.TextColumn("gold", help="Shown on valid rows only.", width=100),
    }


def _filters(run: Run, apart: pd.DataFrame) -> dict[str, Any]:
    """Ask for a pair of label and answer, and a split; return them as `rows_apart` takes them."""
    pairs = end_model_fates.pairs_table(apart)
    by_name = {f"{label} → {answer}": (label, answer) for label, answer in pairs.index}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Label → answer", list(by_name), index=None, key="pair", bind="query-params", placeholder="all")
        split = st.segmented_control("Split", ("valid", "train"), key="of_split", bind="query-params")
    with st.expander(f"Counts of the {len(pairs):,} pairs"):
        names = {"train": "train rows", "valid": "valid rows", "end_model": "end model right", "by_label": "label right"}
        shown = pairs.rename(columns=names)[[*names.values(), "neither"]].map(count)
        shown.index = pd.Index(list(by_name), name="label → answer")
        st.html(figures.table(shown, "Pairs of label and answer", at_most=_LINES))
        st.caption("Right: on valid rows with gold.")
    return {"pair": None if name is None else by_name[name], "split": split}


def _rules(task: Task, overruled: dict[str, Any]) -> None:
    table = end_model_fates.functions_to_mend(overruled)
    if table.empty:
        return
    st.header("Rules to mend")
    st.markdown("Functions that voted for wrong labels of valid rows, those whose errors were copied most first.")
    shown = table[["copied", "overruled_right", "wrong"]].map(count)
    shown.columns = pd.Index(["copied by the end model", "put right by it", "wrong labels voted for"])
    html = figures.table(shown.rename_axis("function"), "Functions whose errors the end model copied", at_most=_LINES)
    for name in table.index:
        link = f"functions?{urlencode({'task': task.folder.name, 'lf': name, 'rows': 'wrong'})}"
        cell = f'<th scope="row">{escape(name)}</th>'
        anchor = f'<a href="{escape(link)}" target="_self" style="color:inherit">{escape(name)}</a>'
        html = html.replace(cell, f'<th scope="row">{anchor}</th>')
    st.html(html, width=760)
