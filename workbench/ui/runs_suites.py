"""Suites of the runs' page: how the end model stands up to rows as production sends them on a bad day."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import monitoring_facts
from workbench.project.reference import promoted
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.ui import figures, opened, opened_runs
from workbench.ui.frame import chosen_run
from workbench.ui.run_charts import wide
from workbench.ui.suite_figures import LESS, MORE, suite_board
from workbench.ui.wording import ago, capitalised, count, interval, percent, plain

FILE: Final = "stress.json"
_LINES: Final = 14
_HEIGHT: Final = 76  # pixels a row, of four lines


def show(task: Task) -> None:
    """Draw the view."""
    run = chosen_run(task, FILE)
    if run is None:
        asked = st.query_params.get("run")
        command = plain(f"`workbench stress {task.folder}{f' --run {asked}' if asked else ''}`")
        st.info(
            f"{f'Run {plain(asked)} went' if asked else 'No run went'} through the suites yet. "
            f"{command} asks its end model about rows as production sends them on a bad day: new "
            "words, messy mail, other languages, rows of no class, lost rules.",
            icon=":material/info:",
        )
        return
    found = opened_runs.found_in(run.folder / FILE)
    assert found is not None, "the run holds the file"
    st.caption(plain(f"Run {run.id}, {found['rows']:,} {found['split']} rows, {ago(found['finished'])}"))
    _more(task, run, len(found["suites"]))
    if found.get("promise"):
        st.markdown(plain(found["promise"]))
    table = monitoring_facts.suite_table(found)
    if len(table):
        st.header("Suites")
        wide(suite_board(table), "Suites in figures")
        st.caption(
            "A dot on its 95 % interval is the suite; the upright tick is what it is held against: the same rows unchanged, or "
            f"all {found['split']} rows. Answered and wrong, a share of all rows, is the dangerous number. {LESS} and {MORE}: "
            "the whole interval is worse than the tick."
        )
    broken = monitoring_facts.broken_table(found)
    if len(broken):
        _broken(broken)
    _worst(task, found)
    lost = monitoring_facts.lost_rules(found)
    if len(lost):
        _lost(lost, found)
    for name, reason in monitoring_facts.not_run(found).items():
        st.caption(plain(f"{name} was not run: {reason}."))
    st.caption(plain(f"Run them again: `workbench stress {task.folder} --run {run.id}`. Limits for them are the gate's."))


def _more(task: Task, run: Run, here: int) -> None:
    """Say where the reference went through more suites than the run that is shown."""
    reference = next((str(line["run"]) for line in promoted(task)[-1:]), run.id)
    found = opened_runs.found_in(task.runs_folder / reference / FILE) if reference != run.id else None
    if found is not None and len(found["suites"]) > here:
        st.info(
            plain(
                f"This run went through {here:,} {'suite' if here == 1 else 'suites'}, the reference, run {reference}, through "
                f"{len(found['suites']):,}: choose it in the sidebar, or run `workbench stress {task.folder} --run {run.id}`"
            ),
            icon=":material/info:",
        )


_BREAKS: Final = {"invariance": "the answer changes", "direction": "the class becomes less likely"}


def _broken(table: pd.DataFrame) -> None:
    st.header("What is expected of changes")
    shown = pd.DataFrame(
        {"where it breaks": [_BREAKS.get(kind, "not as expected") for kind in table["kind"]]}, index=table.index
    )
    shown["broken"] = table["broken"].map(percent)
    shown["95 % interval"] = [interval(low, high, digits=1) for low, high in table[["low", "high"]].to_numpy()]
    shown["n"] = table["n"].map(count)
    st.html(figures.table(shown, "Expectations that break", words=("where it breaks",), at_most=_LINES))


def _worst(task: Task, found: dict[str, Any]) -> None:
    """Draw what one suite found in words, and its worst rows."""
    by_name = {one["name"]: one for one in found["suites"] if one["n"]}
    if not by_name:
        return
    st.header("One suite")
    name = st.selectbox("Suite", list(by_name), key="suite", bind="query-params", width=420)
    suite = by_name[name]
    about = str(suite.get("about") or "")
    st.markdown(plain(f"{capitalised(about)}. {suite['said']}" if about else suite["said"]))
    rows = monitoring_facts.worst_rows(suite, opened.rows(task)[0])
    if rows.empty:
        st.caption("It names no row of valid: none is wrong there, or it is about functions.")
        return
    st.markdown(f"Its **{len(rows):,}** worst row{'s' * (len(rows) != 1)} of valid:")
    column = st.column_config
    changed = ["was"] if rows["was"].ne("").any() else []
    st.dataframe(
        rows[["gold", "row", *changed]],
        column_config={
            "id": column.TextColumn("id", width=90),
            "row": column.TextColumn("row, as the suite asks it" if changed else "row", width=460),
            "was": column.TextColumn("as it stands", width=340),
            "gold": column.TextColumn("gold", width=110),
        },
        row_height=_HEIGHT,
        height=min(_HEIGHT * len(rows) + 38, 480),
        key=f"worst {found['run']} {name}",
        alt=f"The worst rows of {name}",
    )


def _lost(lost: pd.DataFrame, found: dict[str, Any]) -> None:
    st.header("Lost rules")
    shown = pd.DataFrame({"label model right": lost["accuracy"].map(percent)}, index=lost.index)
    shown["worst to best draw"] = [interval(low, high, digits=1) for low, high in lost[["low", "high"]].to_numpy()]
    shown["with all functions"] = lost["of"].map(percent)
    shown["end model"] = lost["change"]
    wide(figures.table(shown, "What lost rules cost"), "What lost rules cost")
    for one in found["suites"]:
        if one.get("lost"):
            st.markdown(plain(one["said"]))
