"""Drift of the runs' page: batches as a series, what drifted in one of them, and the rows behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

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
from workbench.ui.wording import ago, capitalised, plain

_DRAWN: Final = 24  # batches on a chart: the newest
_OPENED: Final = 20  # drifted checks that open on their rows; the choice below has all
_PAGE: Final = 50
_HEIGHT: Final = 76  # pixels a row, of four lines
_WIDTH: Final = 208  # pixels of a small chart
Batch = Mapping[str, Any]


def show(task: Task) -> None:
    """Draw the view."""
    series = opened_runs.series(task)
    command = plain(f"`workbench monitor {task.folder} NEWFILE`")
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
    """Draw one batch: what drifted, each check with the rows behind it, and the other rows of the batch."""
    drifted = [check for check in found["checks"] if check["drifted"]]
    quiet = [check for check in found["checks"] if not check["drifted"]]
    st.header("What drifted")
    about = f"{Path(found['source']).name}: {found['rows']:,} rows, held against run {found['run']}, {ago(found['finished'])}"
    st.caption(plain(about))
    said = f"{len(drifted):,} of {len(found['checks']):,} checks drifted."
    if drifted:
        st.markdown(f"**{said}** Open one to see the rows behind it.")
    else:
        st.success(said if found["checks"] else "Nothing was compared.", icon=":material/check_circle:")
    sight = _Sight(task, found, opened.rows(task)[0], next((run for run in list_runs(task) if run.id == found["run"]), None))
    for check in drifted[:_OPENED]:
        name = f"check {found['batch']} {check['kind']} {check['of']}"
        box = st.expander(plain(_sentence(check)), key=name, on_change="rerun")
        if box.open:
            with box:
                _rows(sight, check["kind"], check["of"], name)
    if len(drifted) > _OPENED:
        _listed(f"{len(drifted) - _OPENED:,} more that drifted", map(_sentence, drifted[_OPENED:]))
    if quiet:
        _listed(f"{len(quiet):,} checks without drift", map(_sentence, quiet))
    if found.get("notes"):
        _listed(f"{len(found['notes']):,} notes", found["notes"])
    _any_rows(sight)


class _Sight(NamedTuple):
    """Where rows are looked for: a batch, beside the rows of the task and the run it was held against, if that is there."""

    task: Task
    found: Batch
    dataset: Dataset
    run: Run | None


def _listed(title: str, sentences: Iterable[str]) -> None:
    with st.expander(title):
        st.markdown("\n".join(f"- {plain(one)}" for one in sentences))


def _sentence(check: Batch) -> str:
    """Return what a check says, with a capital unless it begins with a name."""
    text = str(check["said"])
    return text if check["of"] and text.startswith(check["of"]) else capitalised(text)


def _any_rows(sight: _Sight) -> None:
    """Draw the choice of rows: those behind a check, with a new term, that need review, without a vote, or all."""
    st.header("Rows of the batch")
    by_name = {_named(*one): one for one in batch_rows.sights(sight.found)}
    name = st.selectbox(
        "Rows behind", list(by_name), index=None, key="behind", bind="query-params", width=420, placeholder="choose which"
    )
    if name is not None:
        _rows(sight, *by_name[name], f"any {name}")


def _named(kind: str, of: str) -> str:
    """Return rows as the list and the URL name them."""
    words = {batch_rows.EVERY: "every row", batch_rows.UNCOVERED: "rows without a vote"}
    return words.get((kind, of)) or f"{monitoring_facts.KINDS.get(kind, kind)}{f': {of}' if of else ''}"


def _rows(sight: _Sight, kind: str, of: str, key: str) -> None:
    """Draw the rows of the batch behind a check."""
    batch, run = sight.found["batch"], sight.run
    rows = opened_runs.batch(sight.task, batch, sight.dataset)
    if rows is None:
        st.info("The rows of this batch are no longer kept.", icon=":material/info:")
        return
    mask, said = opened_runs.behind(sight.task, batch, sight.dataset, kind, of, run)
    total = int(mask.sum())
    hidden = f" {rows.hidden:,} test rows of the task are left out." if rows.hidden else ""
    st.markdown(f"**{total:,}** row{'s' * (total != 1)} {plain(said)}{', the least sure first' * (total > 1)}.{hidden}")
    if total:
        _page(rows, mask, total, f"{batch} {key}")
    elif kind == "coverage" and run is not None and of in run.about["functions"]:
        st.page_link(
            Path(__file__).parent / "functions.py", label=plain(f"Rows of the run that {of} votes on"), icon=":material/rule:",
            query_params={"task": sight.task.folder.name, "lf": of, "run": run.id},
        )  # fmt: skip


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
