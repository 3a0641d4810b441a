"""Planning an audit: what it takes before anyone labels a row; and the weekly batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project.auditing import ALLOCATIONS, ROWS, Asked, Planned, plan_audit, plan_weekly, tolerated
from workbench.project.task import Task
from workbench.tables import SPLITS, WorkbenchError
from workbench.ui import figures, opened_audit
from workbench.ui.wording import ago, capitalised, count, figure, interval, percent, plain

_SIZES: Final = {"rows": "Number of rows", "promise": "Promise of a share", "half_width": "Width of an interval"}
_SPREAD: Final = {"minimum": "Minimum for each", "proportional": "Proportional", "neyman": "Neyman"}
_SPREAD_HELP: Final = "\n".join(f"- **{_SPREAD[one]}**: {said}" for one, said in ALLOCATIONS.items())
_LINES: Final = 20


def show_new(task: Task) -> None:
    """Ask what is to be drawn, and say what that takes before it is kept."""
    kept, refused = (st.session_state.pop(name, None) for name in ("planned", "not planned"))
    if kept is not None:
        st.success(f"Plan {plain(kept.name)} is kept.", icon=":material/check_circle:")
        _to_review(kept)
    if refused is not None:
        st.error(plain(capitalised(refused)), icon=":material/error:")
    asked = _ask(task)
    try:
        made = plan_audit(task, asked, store=False)
    except WorkbenchError as error:
        st.error(plain(capitalised(str(error))), icon=":material/error:")
        return
    for sentence in made.sentences:
        st.markdown(plain(sentence))
    if not made.enough:
        st.info("Choose *Number of rows* above to draw as many as you can pay for all the same.", icon=":material/info:")
        return
    if made.beside:
        st.warning(plain(made.beside), icon=":material/warning:")
    plan = made.plan
    st.markdown(
        f"**{len(plan.draws):,}** draws, {len(plan.rows):,} distinct rows, of {plan.population:,} labels of run "
        f"{plain(plan.run)}."
    )
    st.button("Draw these rows", type="primary", icon=":material/casino:", on_click=_keep, args=(task, asked), help=_KEPT)
    st.subheader("Strata")
    st.html(figures.table(_strata(made), "Strata of the plan", at_most=_LINES))
    st.caption(
        "Expected: draws on average over all seeds, which the minimum is about. Chance of a row: in one draw. Weight: what a "
        "draw counts; strata that are drawn more often than their share count less. Small cells are merged, and candidates of "
        "a failure are a stratum of their own."
    )


def _to_review(made: Planned) -> None:
    """Show the way to the rows of a plan on the page Review."""
    st.page_link(
        Path(__file__).parent / "review.py",
        label=f"Decide its {len(made.plan.rows):,} rows",
        icon=":material/fact_check:",
        query_params={"queue": "audit", "plan": made.plan.id, "task": st.query_params["task"]},
    )


_KEPT: Final = "The plan is kept in the record and never changed. Its rows measure from now on, and teach nothing."


def _ask(task: Task) -> Asked:
    first, second, third = st.columns(3)
    size = first.selectbox("Sized by", list(_SIZES), key="sized", format_func=_SIZES.__getitem__)
    given: dict[str, Any] = {}
    if size == "rows":
        given["rows"] = int(second.number_input("Draws", 1, 100_000, ROWS, 50))
    elif size == "promise":
        wanted = second.number_input("At most wrong, %", 0.1, 99.0, 100 * tolerated(task), 0.5, format="%.1f")
        given["promise"] = wanted / 100
    else:
        given["half_width"] = second.number_input("To either side, points", 0.1, 40.0, 3.0, 0.5, format="%.1f") / 100
    allocation = third.selectbox("Spread over strata", list(ALLOCATIONS), format_func=_SPREAD.__getitem__, help=_SPREAD_HELP)
    columns = st.columns([3, 1, 1, 1])
    by = columns[0].multiselect(
        "Strata by",
        [one.name for one in task.slices],
        placeholder="class and agreement",
        help="Slices, beside class and agreement.",
    )
    split = columns[1].selectbox("Labels of", SPLITS)
    seed = int(columns[2].number_input("Seed", 0, 1_000_000, 0))
    name = columns[3].text_input("Name", placeholder="made up", max_chars=100) or None
    return Asked(**given, by=tuple(by), allocation=allocation, split=split, seed=seed, name=name)


def _keep(task: Task, asked: Asked) -> None:
    try:
        made = plan_audit(task, asked)
    except WorkbenchError as error:
        st.session_state["not planned"] = f"Nothing was kept: {error}"
        return
    st.session_state["planned"] = made
    st.query_params["plan"] = made.plan.id


def _strata(made: Planned) -> pd.DataFrame:
    plan = made.plan
    draws = plan.draws["stratum"].value_counts().reindex(plan.strata.index, fill_value=0)
    shown = pd.DataFrame({"rows": plan.strata["rows"].map(count), "draws": draws.map(count)})
    shown["expected"] = [figure(chance * len(plan.draws), 1) for chance in plan.strata["probability"]]
    shown["share"] = [percent(rows / plan.population) for rows in plan.strata["rows"]]
    shown["chance of a row"] = [percent(q, 4) for q in plan.strata["probability"] / plan.strata["rows"]]
    shown["weight"] = [f"{weight:.2f}" for weight in plan.stratum_weights]
    shown.index = pd.Index(plan.strata["name"], name="stratum")
    return shown


def show_weekly(task: Task) -> None:
    """Show the weekly batches and offer to draw the next."""
    said = st.session_state.pop("drawn", None)
    if isinstance(said, Planned):
        st.success(f"{plain(said.name)} is drawn: {len(said.plan.rows):,} rows wait on Review.", icon=":material/check_circle:")
        _to_review(said)
    elif said is not None:
        st.info(plain(capitalised(said)), icon=":material/info:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rows = int(st.number_input("Rows a week", 1, 10_000, 50, 10, width=160))
        st.button("Draw this week's rows", icon=":material/casino:", on_click=_draw_weekly, args=(task, rows), help=_WEEKLY)
    series = opened_audit.weeks(task, opened_audit.state(task))
    if not series["batches"]:
        st.info(
            "No weekly batch yet. Each draws a few rows of those labels that no batch before knew, so that a slow decay shows.",
            icon=":material/info:",
        )
        return
    table = pd.DataFrame(series["batches"])
    shown = pd.DataFrame({"drawn": table["time"].map(ago), "labels": table["population"].map(count)})
    shown["answered"] = [f"{a:,} of {n:,}" for a, n in zip(table["answered"], table["rows"], strict=True)]
    shown["wrong"], shown["n"] = table["estimate"].map(percent), table["n"].map(count)
    shown["95 % interval"] = [interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)]
    shown["error budget used"] = table["budget"].map(lambda share: percent(share, 0))
    shown.index = pd.Index(table["name"], name="batch")
    st.html(figures.table(shown, "Weekly batches", at_most=_LINES))
    together = series["all"]
    if together["batches"]:
        st.markdown(
            f"Together {percent(together['estimate'])} of {together['population']:,} labels are wrong, 95 % interval "
            f"{interval(together['low'], together['high'])}: **{percent(together['budget'], 0)}** of the "
            f"{percent(series['tolerated'])} that are tolerated."
        )


_WEEKLY: Final = "From labels of the newest run whose rows no weekly batch knew. Decide them on the page Review, queue Audit."


def _draw_weekly(task: Task, rows: int) -> None:
    try:
        made = plan_weekly(task, rows)
    except WorkbenchError as error:
        st.session_state["drawn"] = str(error)
        return
    nothing = "No label is new since the last batch. Run the line once there are new rows."
    st.session_state["drawn"] = made or nothing
