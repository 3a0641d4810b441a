"""Audit: how many of the labels are wrong, what of that is proved, and where are they wrong together?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project.audit_report import audit_plans
from workbench.project.runs import Run, newest_run
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import audit_feedback, audit_findings, audit_plan, figures, opened_audit
from workbench.ui.curves import bound_path
from workbench.ui.frame import chosen_run, chosen_task, rows_beside
from workbench.ui.label_model_charts import draw
from workbench.ui.wording import ago, count, interval, percent, plain

_VIEWS: Final = (
    "promise",
    "description",
    "errors",
    "gaps",
    "failures",
    "feedback",
    "weekly",
    "new plan",
)  # as the URL names them
_GROUPS: Final = {
    "classes": ("By class that the labels say", "class"),
    "strata": ("By stratum", "stratum"),
    "slices": ("By slice", "slice"),
}
_LINES: Final = 12  # longer tables scroll


def show() -> None:
    """Draw the page."""
    task = chosen_task()
    st.title("Audit")
    st.caption("How many of the labels are wrong, what of that is proved, and where are they wrong together?")
    run = chosen_run(task, "soft_labels.parquet")
    if run is None:
        st.info("There are no labels to measure yet. Run the line first.", icon=":material/info:")
        st.page_link(Path(__file__).parent / "overview.py", label="Go to the overview to run it", icon=":material/dashboard:")
        return
    dataset = rows_beside(task, run)
    view = st.segmented_control(
        "View",
        _VIEWS,
        key="audit",
        bind="query-params",
        default=_VIEWS[0],
        required=True,
        label_visibility="collapsed",
    )
    match view:
        case "errors":
            audit_findings.show_errors(task, run, dataset)
        case "gaps":
            audit_findings.show_gaps(task, run, dataset)
        case "failures":
            _failures(task, run, dataset)
        case "feedback":
            audit_feedback.show(task, run, dataset)
        case "weekly":
            audit_plan.show_weekly(task)
        case "new plan":
            audit_plan.show_new(task)
        case _:
            _of_plan(task, dataset, view == "promise")


def _chosen_report(task: Task, dataset: Dataset) -> dict[str, Any] | None:
    """Let the user choose among the plans, and return what that one has found; None where there is no plan.

    The URL has the id of the plan: a bound widget would write what it shows.
    """
    plans = audit_plans(task)
    if not plans:
        return None
    asked = st.query_params.get("plan")
    st.session_state["audit plan"] = asked if asked in plans else next(iter(plans))
    if len(plans) > 1:
        st.selectbox("Plan", list(plans), key="audit plan", on_change=_name_plan, format_func=plans.__getitem__, width=420)
    now, run = opened_audit.state(task), newest_run(task, "soft_labels.parquet")
    found = opened_audit.report(task, st.session_state["audit plan"], dataset, run, now)
    plan = found["plan"]
    st.caption(
        f"Plan **{plain(plan['name'])}**, drawn {ago(plan['time'])} from the labels of run {plain(plan['run'])}, label set "
        f"{plan['fingerprint'][:12]}."
    )
    return found


def _name_plan() -> None:
    st.query_params["plan"] = st.session_state["audit plan"]


def _of_plan(task: Task, dataset: Dataset, promised: bool) -> None:
    found = _chosen_report(task, dataset)
    if found is None:
        st.info(
            "No audit is planned yet. A plan draws rows at random, you decide them, and a bound follows: at most so many of "
            "the labels are wrong, whatever the label model thinks of itself.",
            icon=":material/info:",
        )
        st.button("Plan an audit", type="primary", icon=":material/casino:", on_click=_go_to, args=("new plan",))
        return
    for note in found["notes"]:
        st.warning(plain(note), icon=":material/warning:")
    (_promise if promised else _description)(found)


def _go_to(view: str) -> None:
    st.session_state["audit"] = view


# ---------------------------------------------------------------- what is promised


def _promise(found: Mapping[str, Any]) -> None:
    plan, said, progress, of = found["plan"], found["promise"], found["progress"], found["label_set"]
    if of["newest"] and not of["same"]:
        st.warning(plain(of["words"]), icon=":material/warning:")
    answered = progress["rows"] - progress["open"]
    columns = st.columns([1.6, 1, 1, 1])
    bound = percent(said["bound"]) if said["rows"] else "unknown"
    columns[0].metric(
        "At most wrong",
        bound,
        delta=f"of the labels of run {plan['run']}",
        delta_color="off",
        delta_arrow="off",
        help=f"Of {plan['population']:,} labels, at {said['confidence']:.0%} confidence.",
    )
    columns[1].metric(
        "Target", percent(said["target"]), help="`tolerated` under [audit] in task.toml, unless the plan had its own."
    )
    columns[2].metric("Rows answered", f"{answered:,} of {progress['rows']:,}", help="Distinct rows: one may be drawn twice.")
    more = "none" if said["bound"] <= said["target"] else "unknown" if said["more"] is None else f"{said['more']:,}"
    columns[3].metric("Draws to go", more, help="Until the target, were none of them wrong. Each error adds some.")
    for sentence in said["words"]:
        st.markdown(plain(sentence))
    if of["same"] or not of["newest"]:
        st.caption(plain(of["words"]))
    if found["new_labels"] is not None:
        newer = found["new_labels"]
        st.caption(f"No promise, but the old answers describe the newest labels: {_share(newer)} wrong, n = {newer['n']:,}.")
    if progress["open"]:
        st.page_link(
            Path(__file__).parent / "review.py",
            label=f"Decide the next of {progress['open']:,} rows",
            icon=":material/fact_check:",
            query_params={"queue": "audit", "plan": plan["id"], "task": st.query_params["task"]},
        )
    if said["bounds"]:
        st.subheader("The bound after each answer")
        draw(bound_path(said["bounds"], said["target"]), _path_in_words(said))
    st.subheader("Each stratum by itself")
    lines = pd.DataFrame(found["strata"])
    shown = pd.DataFrame({name: lines[name].map(count) for name in ("rows", "draws", "answered")})
    shown["wrong"] = lines["errors"].map(count)
    shown["at most wrong"] = lines["bound"].map(percent)
    shown.index = pd.Index(lines["stratum"], name="stratum")
    st.html(figures.table(shown, "Promises by stratum", at_most=_LINES))
    st.caption(
        f"Each holds at {said['confidence']:.0%} by itself, not all together; draws that are not answered count as wrong."
    )


def _path_in_words(said: Mapping[str, Any]) -> str:
    return (
        f"After {said['draws']:,} draws at most {said['bound']:.1%} of the labels are wrong; the target is {said['target']:.1%}"
    )


# ---------------------------------------------------------------- what is described


def _description(found: Mapping[str, Any]) -> None:
    (whole,) = found["descriptions"]["all"]
    if not whole["n"]:
        st.info("Nothing is labelled yet, so there is nothing to describe.", icon=":material/info:")
        return
    st.markdown(f"**{_share(whole)}** of the labels are wrong, n = {whole['n']:,} draws, {whole['wrong']:,} of them wrong.")
    unsure = found["unsure"]
    st.caption(
        f"Descriptions of the labelled draws with 95 % intervals, no promises. Unsure, skipped or disputed: {_share(unsure)} "
        f"of n = {unsure['n']:,} answered draws."
    )
    for group, (title, name) in _GROUPS.items():
        lines = [line for line in found["descriptions"][group] if line["n"]]
        if lines:
            st.subheader(title)
            st.html(figures.table(_described(lines, name), title, at_most=_LINES))
    votes = [line for line in found["descriptions"]["functions"] if line["n"]]
    if votes:
        st.subheader("Votes of functions on the drawn rows")
        votes.sort(key=lambda line: -line["estimate"])
        st.html(figures.table(_described(votes, "function"), "Wrong votes by function", at_most=_LINES))
    for pair in found["agreement"]["pairs"]:
        names = plain(" and ".join(pair["reviewers"]))
        st.caption(f"{names} agree on {pair['same']:.1%} of n = {pair['n']:,} rows that both labelled.")


def _described(lines: Sequence[Mapping[str, Any]], name: str) -> pd.DataFrame:
    table = pd.DataFrame(lines)
    shown = pd.DataFrame({"wrong": table["estimate"].map(percent)})
    shown["95 % interval"] = [interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)]
    shown["wrong draws"], shown["n"] = table["wrong"].map(count), table["n"].map(count)
    shown.index = pd.Index(table["name"], name=name)
    return shown


def _share(of: Mapping[str, Any]) -> str:
    return "unknown" if of["estimate"] is None else f"{of['estimate']:.1%} [{of['low']:.1%}, {of['high']:.1%}]"


# ---------------------------------------------------------------- failures that must not happen


def _failures(task: Task, run: Run, dataset: Dataset) -> None:
    if not task.failures:
        st.info(
            f"This task says nowhere what must not happen. Write it in {plain(str(task.failures_file))}: each failure with its "
            "severity, its owner, how much of it is tolerated, and how to find rows that could be it.",
            icon=":material/info:",
        )
        return
    found = _chosen_report(task, dataset)
    lines = opened_audit.failures(task, run, dataset) if found is None else found["descriptions"]["failures"]
    table = pd.DataFrame(lines)
    shown = table[["severity", "owner"]].assign(candidates=table["candidates"].map(count))
    shown["tolerated"] = [percent(share, 2) for share in table["tolerated"]]
    shown["measured [95 % interval]"] = [_share(line) for line in lines]
    shown["found"] = [f"{line['wrong']:,} of {line['n']:,}" for line in lines]
    shown["verdict"] = table["verdict"]
    shown.index = pd.Index(table["name"], name="failure")
    st.html(figures.table(shown, "Failures that must not happen", words=("owner",), at_most=20))
    st.caption(
        f"Candidates: {'labels of train' if found is None else 'labels of the set'} that could be it by "
        "slice, rule and label; a row that could be several is a candidate of each, and is drawn as the worst. Tolerated and "
        "measured: shares of all labels. Found: draws of the audit that are this failure, of those labelled. Verdict: over "
        "where the whole interval is above what is tolerated, within where it is not, else cannot tell; a description, no "
        "promise. The file is failures.toml."
    )


if __name__ == "__main__":
    show()
