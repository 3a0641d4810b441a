"""Gate of the runs' page: whether a run keeps its limits and is no worse than the reference, check by check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from workbench.project.end_model import HELD_OUT
from workbench.project.gate_in_words import checks_table, counts_in_words, stale
from workbench.project.runs import newest_run
from workbench.project.task import Task
from workbench.ui import figures, opened_runs
from workbench.ui.frame import chosen_run
from workbench.ui.run_charts import wide
from workbench.ui.wording import ago, plain

FILE: Final = "gate.json"
_MARKS: Final = {"passed": "✓", "failed": "✗", "required and missing": "✗", "not checked": "–"}
_LINES: Final = 20


def show(task: Task) -> None:
    """Draw the view."""
    run = chosen_run(task, FILE)
    command = f"workbench evaluate {task.folder} --gate --junit gate.xml"
    if run is None:
        asked = st.query_params.get("run")
        st.info(
            f"{f'Run {plain(asked)} was not' if asked else 'No run was'} held against its limits yet. The command below does "
            "so, and ends with 1 where the gate fails, so that a pipeline stops.",
            icon=":material/info:",
        )
        st.code(f"{command} --run {asked}" if asked else command, language=None, wrap_lines=True)
        return
    found = opened_runs.found_in(run.folder / FILE)
    assert found is not None, "the run holds the file"
    _verdict(found)
    _stale(task, found)
    for note in found.get("notes", ()):
        st.caption(plain(note))
    _table(found)
    telling = [one for one in found["checks"] if one["passed"] is not True or one["primary"]]
    if telling:
        st.header("In words")
        st.markdown("\n".join(f"- {plain(str(one['said']))}" for one in telling))
    kept = [one for one in found["checks"] if one not in telling]
    if kept:
        with st.expander(f"{len(kept):,} checks that passed"):
            st.markdown("\n".join(f"- {plain(str(one['said']))}" for one in kept))
    st.header("In a pipeline")
    st.markdown("It ends with 0 where the gate passes, with 1 where it fails, and a CI server reads the XML.")
    st.code(command, language=None, wrap_lines=True)


def _verdict(found: Mapping[str, Any]) -> None:
    against = f"held against run {found['against']} and the limits" if found["against"] else "held against its limits alone"
    said = (
        f"Run {found['run']} {'passed' if found['passed'] else 'failed'} the gate, {against}, {ago(found['finished'])}: "
        f"{counts_in_words(found)}."
    )
    (st.success if found["passed"] else st.error)(
        plain(said), icon=":material/check_circle:" if found["passed"] else ":material/block:"
    )


def _stale(task: Task, found: Mapping[str, Any]) -> None:
    """Say where there is a newer run, another reference, or other limits than the gate knew."""
    newest = newest_run(task, HELD_OUT)
    if "run" not in st.query_params and newest is not None and newest.id != found["run"]:
        st.warning(plain(f"Run {newest.id} is newer, and was not held against the limits."), icon=":material/warning:")
    for said in stale(task, found):
        st.warning(plain(said), icon=":material/warning:")


def _table(found: Mapping[str, Any]) -> None:
    st.header("Checks")
    table = checks_table(found).set_index("check")
    table["verdict"] = [f"{_MARKS[verdict.partition(',')[0]]} {verdict}" for verdict in table["verdict"]]
    html = figures.table(table, "Checks of the gate, failed ones first", at_most=_LINES)
    wide(html, "Checks of the gate")
    st.caption(
        f"A check fails only where the rows show at its level that the limit is broken: p of at most its part of alpha. The "
        f"primary one has alpha {found['alpha']:g}; the others share as much by Holm's method."
    )
