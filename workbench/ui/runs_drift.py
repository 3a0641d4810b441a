"""Drift of the runs' page: batches as a series, what drifted in one of them, and the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from workbench.project import batch_rows, monitoring_facts
from workbench.project.batch_rows import BatchRows
from workbench.project.run_history import lines_of
from workbench.project.runs import Run, list_runs
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import opened, opened_runs, run_charts
from workbench.ui.label_model_charts import draw
from workbench.ui.vote_rows import dark
from workbench.ui.wording import ago, plain

_DRAWN: Final = 24  # batches on a chart: the newest
_BUTTONS: Final = 12  # drifted checks with a button; the list below has all
_PAGE: Final = 50
_HEIGHT: Final = 76  # pixels a row, of four lines
_WIDTH: Final = 208  # pixels of a small chart
Batch = Mapping[str, Any]
Sight = tuple[str, str]


def show(task: Task) -> None:
    """Draw the view."""
    series = opened_runs.series(task)
    command = f"`workbench monitor {task.folder} NEWFILE`"
    if not series:
        st.info(
            f"No batch has been looked at yet. {command} holds the rows of a file against the reference run, and keeps what "
            "it finds; nothing has to be uploaded here.",
            icon=":material/info:",
        )
        return
    _series(series)
    names = [one["batch"] for one in reversed(series)]
    name = st.selectbox("Batch", names, key="batch", bind="query-params", width=420)
    _batch(task, next(one for one in series if one["batch"] == name))
    st.caption(f"A new batch: {command}")


def _series(series: Sequence[Batch]) -> None:
    """Draw how many checks of each kind drifted over the batches, and the batches in figures."""
    some = series[-_DRAWN:]
    moments = [one["finished"] for one in some]
    table = monitoring_facts.drift_table(some)
    st.header("Batches")
    if table["drifted"].any():
        by_batch = table.groupby("batch", sort=False)["drifted"].sum()
        said = "; ".join(f"batch {batch}: {n:,}" for batch, n in by_batch.items())
        with st.container(width=run_charts.grid_width(moments)):
            draw(run_charts.drift_grid(table, moments, dark()), alt=f"Drifted checks by kind and batch, in all {said}")
        st.caption("How many checks of a kind drifted in each batch, the newest on the right; · is none.")
    else:
        st.markdown(f"Nothing drifted in {len(some):,} batch{'es' * (len(some) > 1)}.")
    figures, panels = monitoring_facts.batch_figures(some)
    with st.container(horizontal=True, gap="small"):
        for panel in panels:
            lines = lines_of(figures, panel)
            with st.container(width=_WIDTH, gap=None):
                st.markdown(f"**{plain(panel.title)}**")
                alt = f"{panel.title}, {run_charts.told(lines, panel.share)} batches"
                draw(run_charts.over_time(lines, moments, panel.share), alt=alt)


def _batch(task: Task, found: Batch) -> None:
    """Draw one batch: what drifted, and the rows behind that."""
    drifted = [check for check in found["checks"] if check["drifted"]]
    quiet = [check for check in found["checks"] if not check["drifted"]]
    st.header("What drifted")
    about = f"{Path(found['source']).name}: {found['rows']:,} rows, held against run {found['run']}, {ago(found['finished'])}"
    st.caption(plain(about))
    said = f"{len(drifted):,} of {len(found['checks']):,} checks drifted."
    if not drifted:
        st.success(said if found["checks"] else "Nothing was compared.", icon=":material/check_circle:")
    else:
        st.markdown(f"**{said}**")
    for check in drifted[:_BUTTONS]:
        with st.container(horizontal=True, vertical_alignment="top", border=True):
            with st.container(width="stretch"):
                st.markdown(plain(_sentence(check)))
            sight = (check["kind"], check["of"])
            st.button(
                "Its rows", key=f"rows {sight}", icon=":material/table_rows:", on_click=_look, args=(sight,), width=120,
                help=f"Rows behind: {_named(sight)}",
            )  # fmt: skip
    if len(drifted) > _BUTTONS:
        with st.expander(f"{len(drifted) - _BUTTONS:,} more that drifted"):
            st.markdown("\n".join(f"- {plain(_sentence(check))}" for check in drifted[_BUTTONS:]))
    if quiet:
        with st.expander(f"{len(quiet):,} checks without drift"):
            st.markdown("\n".join(f"- {plain(_sentence(check))}" for check in quiet))
    if found.get("notes"):
        with st.expander(f"{len(found['notes']):,} notes"):
            st.markdown("\n".join(f"- {plain(note)}" for note in found["notes"]))
    dataset, _ = opened.rows(task)
    _rows(task, found, dataset, next((run for run in list_runs(task) if run.id == found["run"]), None))


def _sentence(check: Batch) -> str:
    text = str(check["said"])
    return f"{text[:1].upper()}{text[1:]}"


def _named(sight: Sight) -> str:
    """Return a sight as the list and the URL name it."""
    kind, of = sight
    words = {batch_rows.EVERY: "every row", batch_rows.UNCOVERED: "rows without a vote"}
    return words.get(sight) or f"{monitoring_facts.KINDS.get(kind, kind)}{f': {of}' if of else ''}"


def _look(sight: Sight) -> None:
    st.session_state["behind"] = _named(sight)


def _rows(task: Task, found: Batch, dataset: Dataset, run: Run | None) -> None:
    """Draw the rows of the batch behind what was chosen."""
    st.header("Rows of the batch", anchor="rows")
    rows = opened_runs.batch(task, found["batch"], dataset)
    if rows is None:
        st.info("The rows of this batch are no longer kept.", icon=":material/info:")
        return
    by_name = {_named(sight): sight for sight in batch_rows.sights(found)}
    if st.session_state.get("behind") not in (None, *by_name):
        st.session_state.pop("behind")  # of another batch
    name = st.selectbox("Rows behind", list(by_name), key="behind", bind="query-params", width=420)
    mask, said = opened_runs.behind(task, found["batch"], dataset, *by_name[name], run)
    total = int(mask.sum())
    hidden = f" {rows.hidden:,} test rows of the task are left out." if rows.hidden else ""
    st.markdown(f"**{total:,}** row{'s' * (total != 1)} {plain(said)}, the least sure first.{hidden}")
    if total:
        _page(rows, mask, total, f"{found['batch']} {name}")


def _page(rows: BatchRows, mask: batch_rows.Mask, total: int, key: str) -> None:
    page = st.pagination(-(-total // _PAGE), key=f"page {key}") if total > _PAGE else 1
    table = batch_rows.rows_shown(rows, mask, (page - 1) * _PAGE, _PAGE)
    table["answer"] = [f"{one} {sure:.0%}" for one, sure in zip(table["label"], table["confidence"], strict=True)]
    column = st.column_config
    st.dataframe(
        table[["row", "answer", "decision", "votes"]],
        column_config={
            "id": column.TextColumn("id", width=100),
            "row": column.TextColumn("row", width=420),
            "answer": column.TextColumn("answer", help="Of the end model, with its confidence.", width=140),
            "decision": column.TextColumn("decision", width=110),
            "votes": column.TextColumn("votes", width=260),
        },
        row_height=_HEIGHT,
        height=min(_HEIGHT * len(table) + 38, 480),
        key=f"batch rows {key} {page}",
        alt=f"{len(table)} of {total:,} rows of the batch, the least sure first",
    )
