"""Overview: what is this task, how healthy is it, and what to do next?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import overview
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import WorkbenchError
from workbench.ui import figures, opened, running
from workbench.ui.frame import chosen_run, chosen_task
from workbench.ui.wording import ago, count, figure, interval, percent, plain

_WARNINGS: Final = 3  # shown at once
_SLICES: Final = 12  # more than these scroll


def show() -> None:
    """Draw the page."""
    task = chosen_task()
    diagnosed, scored = chosen_run(task, "diagnosis.json"), chosen_run(task, "metrics.json")
    diagnosis = None if diagnosed is None else opened.diagnosis(diagnosed)
    metrics = None if scored is None else opened.metrics(scored)
    of_this_run = scored is not None and diagnosed is not None and scored.id == diagnosed.id
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        with st.container(width="content", gap=None):
            st.title(plain(task.name))
            st.caption("Not run yet" if diagnosed is None else f"Last run {ago(diagnosed.about['finished'])} · {diagnosed.id}")
        running.start_button(task.folder)
    running.panel(task.folder)
    next_ = st.container()
    if diagnosis is not None:
        _votes(diagnosis)
    if metrics is not None:
        _side_by_side(metrics, None if of_this_run or scored is None else scored.id)
    if diagnosis is not None and diagnosis["slices"]:
        _slices(diagnosis)
    if not running.is_running(task.folder):
        with next_:  # drawn last of what is above the rows, for it may have to read them
            st.header("Next")
            since = [] if diagnosed is None else _since(task, diagnosed)
            for step in overview.next_steps(diagnosed, diagnosis, metrics if of_this_run else None, since):
                st.markdown(f"- {plain(step)}")
    _what_it_is(task, diagnosed)


def _since(task: Task, run: Run) -> list[str]:
    """Return what edits after a run ask for; what cannot be read is said, and hides no figure of the run."""
    try:
        return overview.steps_since(task, run, opened.rows(task)[0], opened.described(task))
    except WorkbenchError as error:
        return [f"Mend what cannot be read: {error}"]


def _votes(diagnosis: dict[str, Any]) -> None:
    st.header("Votes")
    whole = diagnosis["summary"]
    columns = st.columns(4)
    columns[0].metric("Coverage", percent(whole["label_coverage"]), help="Rows on which at least one function votes.")
    columns[1].metric("Overlap", percent(whole["overlap"]), help="Rows on which two or more functions vote.")
    columns[2].metric("Conflict", percent(whole["conflict"]), help="Rows with votes for different classes.")
    columns[3].metric("Votes a row", figure(whole["votes_per_row"], 2), help="Votes on all rows, by the number of rows.")
    warnings = diagnosis["warnings"]
    for warning in warnings[:_WARNINGS]:
        st.warning(plain(warning), icon=":material/warning:")
    if len(warnings) > _WARNINGS:
        with st.expander(f"{len(warnings) - _WARNINGS:,} more warning{'s' * (len(warnings) > _WARNINGS + 1)}"):
            for warning in warnings[_WARNINGS:]:
                st.text(warning)


def _side_by_side(metrics: dict[str, Any], older: str | None) -> None:
    """Draw the scores; older: the run they are of, where that is not the run of the votes above."""
    st.header("Models side by side")
    if older is not None:
        st.warning(f"These scores are of the earlier run {older}, not of the votes above.", icon=":material/warning:")
    splits = overview.scored_splits(metrics)
    if not splits:
        st.info("There is no row outside the train split, so there is nothing to score on.", icon=":material/info:")
        return
    split = splits[0]
    if len(splits) > 1:
        split = st.radio("Split", splits, horizontal=True, key="split", bind="query-params", label_visibility="collapsed")
    titles = {"all": f"All {split} rows", "covered": f"Covered {split} rows: those on which a function votes"}
    st.html(figures.scoreboard([(title, overview.scoreboard(metrics, split, rows)) for rows, title in titles.items()]))
    st.caption(plain(_gap(metrics["pgr"])))


def _gap(pgr: dict[str, Any]) -> str:
    if pgr["value"] is None:
        return f"Performance gap recovered: {pgr['reason']}."
    low, high = (figure(end, 2) or "?" for end in pgr["interval"])
    return f"Performance gap recovered: {pgr['value']:.2f}, 95 % interval {low} to {high}, n = {pgr['n']:,} test rows."


def _slices(diagnosis: dict[str, Any]) -> None:
    st.header("Slices")
    table = overview.slice_table(diagnosis)
    shown = pd.DataFrame({"rows": table["n"].map(count)})
    shown = shown.assign(coverage=table["label_coverage"].map(percent), conflict=table["conflict"].map(percent))
    if "accuracy" in table:
        shown["votes right"] = table["accuracy"].map(percent)
        shown["95 % interval"] = [interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)]
        shown["n"] = table["n_gold"].map(count)
    st.html(figures.table(shown, "Votes by slice", at_most=_SLICES))
    if "accuracy" in table:
        st.caption("Votes right: the mean share of a row's votes that equal its gold, on n covered valid rows.")


def _what_it_is(task: Task, diagnosed: Run | None) -> None:
    st.header("Rows and classes")
    dataset, warnings = opened.rows(task)
    splits, classes = opened.counts(dataset, chosen_run(task, "soft_labels.parquet"), diagnosed)
    left, right = st.columns([2, 3], gap="large")
    with left:
        shown = pd.DataFrame({"rows": splits["rows"].map(count), "with gold": splits["gold"].map(count)})
        st.html(figures.table(shown.rename_axis("split"), "Rows by split"))
        for warning in warnings:
            st.text(warning)
    with right:
        styles: dict[str, Callable[[Any], str]] = {"votes": count, "labelled": count, "share": percent}
        texts = {name: classes[name].map(style) for name, style in styles.items() if name in classes}
        shown = pd.DataFrame(texts, index=classes.index).rename(columns={"labelled": "training labels"})
        st.html(figures.table(shown.rename_axis("class"), "Classes with votes and labels"))


if __name__ == "__main__":
    show()
