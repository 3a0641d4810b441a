"""History of the runs' page: every run in figures over time, and which one is the reference."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import reference, run_history
from workbench.project.reviewing import default_reviewer
from workbench.project.runs import list_runs
from workbench.project.task import Task
from workbench.tables import WorkbenchError
from workbench.ui import figures, opened_runs, run_charts
from workbench.ui.label_model_charts import draw
from workbench.ui.signing_in import who
from workbench.ui.wording import ago, capitalised, count, interval, percent, plain

_DRAWN: Final = 40  # runs on a chart: the newest
_LINES: Final = 12  # of the table before it scrolls
_WIDTH: Final = 240  # pixels of a chart


def show(task: Task) -> None:
    """Draw the view."""
    history = opened_runs.history(task)
    _charts(history.tail(_DRAWN), len(history))
    st.header("Runs")
    _reference_in_words(history)
    _table(history)
    _one_run(task, history)


def _charts(history: pd.DataFrame, total: int) -> None:
    st.html(
        run_charts.legend(["label model", "end model"], *(["┆ the reference"] if (history["reference"] == "now").any() else []))
    )
    moments = history["finished"].tolist()
    at = [place for place, one in enumerate(history["reference"], 1) if one == "now"]
    every = run_history.panels(history)
    constant = [panel for panel in every if run_history.is_constant(history, panel)]
    with st.container(horizontal=True, gap="small"):
        for panel in every:
            if panel in constant:
                continue
            lines = run_history.lines_of(history, panel)
            with st.container(width=_WIDTH, gap=None):
                st.markdown(f"**{plain(panel.title)}**{_counted(history, panel)}")
                alt = f"{panel.title}, {run_charts.told(lines, panel.share)} runs; the figures stand in the table below"
                draw(run_charts.over_time(lines, moments, panel.share, next(iter(at), None)), alt=alt)
    more = f" The newest {_DRAWN} of {total:,} runs." if total > _DRAWN else ""
    same = [f"{history[column].iloc[-1]:,.0f} {column}" for panel in constant for column in panel.series.values()]
    kept = f" The same in all of them: {' and '.join(same)}." if same else ""
    st.caption(
        f"Runs in their order, the newest on the right. Right: of rows with gold; upright lines are 95 % intervals.{kept}{more}"
    )


def _counted(history: pd.DataFrame, panel: run_history.Panel) -> str:
    """Return on how many rows the last value of an accuracy rests."""
    split = panel.title.rpartition(" ")[2]
    known = history[f"n_{split}"].dropna() if f"n_{split}" in history else pd.Series(dtype=float)
    return f" · {count(known.iloc[-1])} rows" if len(known) else ""


def _reference_in_words(history: pd.DataFrame) -> None:
    now = history[history["reference"] == "now"]
    if now.empty:
        st.markdown(
            "No run is the reference yet. It is the one that answers in production; gate and monitor hold others against it. "
            "Choose a run below to make it so."
        )
        return
    line = now.iloc[0]
    why = f": {line['why']}" if line["why"] else ""
    st.markdown(plain(f"The reference is run {now.index[0]}, made so by {line['by']}, {ago(line['since'])}{why}"))


_REFERENCE: Final = {"now": "reference", "before": "was reference", "": ""}


def _table(history: pd.DataFrame) -> None:
    newest = history.iloc[::-1]
    shown = pd.DataFrame(index=newest.index)
    shown["finished"] = newest["finished"].map(ago)
    shown["reference"] = newest["reference"].map(_REFERENCE)
    if newest["until"].nunique() > 1:
        shown["ended after"] = newest["until"]
    for split in run_history.SPLITS:
        for model, name in (("end", "end model"), ("label", "label model")):
            column = f"{model}_{split}"
            if newest[column].notna().any():
                told = newest[[column, f"{column}_low", f"{column}_high"]].to_numpy()
                shown[f"{name}, {split}"] = ["" if pd.isna(v) else f"{v:.1%} ({interval(*ends)})" for v, *ends in told]
    for column in ("answered", "coverage", "conflict"):
        shown[column] = newest[column].map(percent)
    for column in ("functions", "rows"):
        shown[column] = newest[column].map(count)
    table = figures.table(shown, "Runs, the newest first", at_most=_LINES)
    whole = table.replace('<th scope="row">', '<th scope="row" style="white-space:nowrap">')  # an id that is broken is none
    run_charts.wide(whole, "Runs")
    st.caption("In brackets the 95 % interval; all rows with gold.")


def _one_run(task: Task, history: pd.DataFrame) -> None:
    """Draw the choice of a run, what it is, and what can be done with it."""
    ids = history.index[::-1].tolist()
    run = st.selectbox("One run", ids, key="one", bind="query-params", width=420)
    line = history.loc[run]
    with st.container(border=True):
        st.markdown(plain(_in_words(line)))
        if line["reference"]:
            st.caption(plain(f"{_REFERENCE[line['reference']]} since {line['since'][:16]}, by {line['by']}. {line['why']}"))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Open", key="open", icon=":material/open_in_new:", on_click=_open, args=(run, ids[0]),
                help="Every page then shows this run; the sidebar chooses another.",
            )  # fmt: skip
            _promotion(task, run, line)
        if said := st.session_state.pop("opened run", ""):
            st.success(plain(said), icon=":material/check_circle:")
        if refused := st.session_state.pop("not promoted", ""):
            st.error(plain(refused), icon=":material/error:")
    notes = next((one.about.get("notes", ()) for one in list_runs(task) if one.id == run), ())
    if notes:
        with st.expander(f"{len(notes):,} notes of the run"):
            st.markdown("\n".join(f"- {plain(note)}" for note in notes))
    st.caption(
        plain(
            f"Old runs go in a terminal alone, which lists them and asks first: `workbench runs prune {task.folder} --keep 10`"
        )
    )


def _in_words(line: pd.Series[Any]) -> str:
    parts = [f"Finished {line['finished'][:16].replace('T', ' ')} UTC, ended after {line['until']}", line["label_model"]]
    return f"{'; '.join(parts)}. {capitalised(line['promise'])}"


def _open(run: str, newest: str) -> None:
    """Choose a run in the sidebar, before the page is drawn again."""
    st.session_state["run"] = "" if run == newest else run
    st.session_state["opened run"] = f"Every page shows run {run} now."


def _promotion(task: Task, run: str, line: pd.Series[Any]) -> None:
    """Offer to make a run the reference: who says so, and why, are kept."""
    if line["reference"] == "now":
        st.caption("It is the reference.")
        return
    asked = st.popover("Make it the reference", icon=":material/flag:", disabled=not line["end_model"])
    with asked, st.form(f"promote {run}", border=False, enter_to_submit=False):
        st.markdown("It answers in production from then on, and gate and monitor hold others against it.")
        name = who() or st.session_state.get("reviewer") or default_reviewer()
        st.text_input("Who says so", value=name, key=f"by {run}", disabled=bool(who()))
        st.text_input("Why", key=f"why {run}", placeholder="right on 2 points more of test, and the gate passed")
        if failed := next((reference.failed_gate(one) for one in list_runs(task) if one.id == run), ""):
            st.checkbox(f"All the same, though it failed the gate {ago(failed)}", key=f"anyway {run}")
        st.form_submit_button("Make it the reference", type="primary", on_click=_promote, args=(task, run))
    if not line["end_model"]:
        st.caption("It has no end model, so it cannot answer in production.")


def _promote(task: Task, run: str) -> None:
    by, why = (str(st.session_state.get(f"{name} {run}") or "").strip() for name in ("by", "why"))
    if not by or not why:
        st.session_state["not promoted"] = "Not made the reference: fill in who says so, and why; both are kept with the time."
        return
    try:
        reference.promote(task, run, by, why, anyway=bool(st.session_state.get(f"anyway {run}")))
    except (WorkbenchError, OSError) as error:
        said = str(error).replace("--anyway promotes it all the same", "tick the box to promote it all the same")
        st.session_state["not promoted"] = f"Not made the reference: {said}"
