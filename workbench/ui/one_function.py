"""One function close up: why it is right, its code, the rows it votes on, its slices, and what it did in earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import close_up
from workbench.project.functions import history
from workbench.project.runs import Run
from workbench.project.switches import switch
from workbench.project.task import Task
from workbench.tables import WorkbenchError
from workbench.ui import figures, opened, running
from workbench.ui.wording import ago, count, figure, interval, percent, plain

_PAGE: Final = 10
_LONG: Final = 10  # tables of more lines scroll
_WIDE: Final = 960  # pixels: figures that stand further apart are not read together
_KINDS: Final = {
    "votes": ("votes outside test", "Rows on which it votes."),
    "right": ("right", "Valid rows with gold whose class it votes."),
    "wrong": ("wrong", "Valid rows with gold of another class than it votes."),
    "alone": ("alone", "Rows on which no other function votes."),
    "conflict": ("in conflict", "Rows on which another function votes another class."),
    "abstains": ("abstains", "Rows on which it does not vote. Those on which it failed are not among them."),
}


def show(task: Task, name: str, row: Mapping[Any, Any], found: dict[str, Any], runs: list[Run]) -> None:
    """Draw the details of a function; row: its line of the table. found: the catalogue. runs: the newest first."""
    details = next((one for one in found["functions"] if one["name"] == name), None)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header(plain(name), width="content")
        with st.container(horizontal=True, width="content"):
            _buttons(task, name, row, details is not None)
    if details is None:
        st.info("It voted before and is no longer in the files.", icon=":material/info:")
    else:
        st.text(details["reason"] or "It gives no reason: a docstring, or reason = ... in rules.toml, says why it is right.")
    st.text(_in_words(row))
    if details is not None:
        _source(details)
    if runs and name in opened.figures(runs[0]):
        _votes(task, runs[0], name)
    if runs:
        _earlier(name, runs)


def _buttons(task: Task, name: str, row: Mapping[Any, Any], there: bool) -> None:
    """Offer to switch the function, and where it failed or was stopped to try it again."""
    failed = row["stopped"] or (row["faults"] or 0) > 0
    if there and row["on"] and failed:
        busy = running.is_running(task.folder)
        if st.button("Try again", icon=":material/replay:", key=f"again {name}", disabled=busy, help=_AGAIN):
            running.start(task.folder, until="fit", again=[name])
            st.rerun()
    if row["on"]:
        asked = st.button("Switch off", icon=":material/toggle_off:", key=f"off {name}", help=_OFF)
        ways: dict[str, list[str]] = {"off": [name]}
    elif name in task.disabled:
        asked = st.button("Switch on", icon=":material/toggle_on:", key=f"on {name}", help=_ON)
        ways = {"on": [name]}
    else:
        return
    if asked:
        try:
            switch(task, **ways)
        except WorkbenchError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        st.rerun()


_AGAIN: Final = "Let it vote on every row anew, whatever is kept of its votes."
_OFF: Final = "It has no vote from the next run on. Nothing is deleted; `disabled` in task.toml names it."
_ON: Final = "It votes again from the next run on."


def _source(details: dict[str, Any]) -> None:
    facts = [details["kind"], details["place"], *details["tags"], f"fingerprint {details['fingerprint'][:12]}"]
    st.caption(plain(" · ".join(facts)))
    if details["error"]:
        st.error(f"Its file cannot be loaded, this is what it last held: {plain(details['error'])}", icon=":material/error:")
    left, right = st.columns([3, 2], gap="large")
    with left:
        if details["source"]:
            toml = details["place"].startswith("rules.toml:")
            st.code(details["source"], language="toml" if toml else "python", wrap_lines=True)
        else:
            st.caption("Its source stands outside the folder of functions.")
    with right:
        st.markdown("**Unit examples**")
        if not details["examples"]:
            st.caption("None. Examples under fires and abstains are checked by `workbench check`.")
        for example in details["examples"]:
            says = f"votes {example['label']}" if example["label"] else "votes"
            st.text(f"{says if example['fires'] else 'abstains'}: {example['text']}")


def _in_words(row: Mapping[Any, Any]) -> str:
    """Return its figures as sentences."""
    if pd.isna(row["n_votes"]):
        return "It has not voted yet."
    found = [f"It votes on {row['n_votes']:,.0f} rows, {percent(row['coverage'])} of all."]
    if not pd.isna(row["accuracy"]):
        ends = f"95 % interval {interval(row['low'], row['high'])}"
        found.append(f"Of {count(row['n_gold'])} votes on valid rows with gold {percent(row['accuracy'])} are right, {ends}.")
    if not pd.isna(row["learned"]):
        ends = interval(row["learned_low"], row["learned_high"])
        found.append(
            f"The label model takes {percent(row['learned'])} of its votes to be right"
            + (f", 95 % interval {ends}." if ends else ".")
        )
    if not pd.isna(row["microseconds"]):
        when = "when it last voted; its votes are kept since" if row["kept"] else "in the run"
        found.append(f"It took {figure(row['microseconds'], 1)} µs a row {when}.")
    if not row["on"]:
        found.append(f"It is off: these figures are of run {row['run']}, the last in which it voted.")
    return " ".join(found)


def _votes(task: Task, run: Run, name: str) -> None:
    votes, (dataset, _) = opened.votes(run), opened.rows(task)
    if dataset.fingerprint != run.about["data"]:
        st.warning("The rows changed after the run; rows that are gone are not shown.", icon=":material/warning:")
    if name in votes.stopped:
        st.error(f"It was stopped and has no vote: {plain(votes.stopped[name])}", icon=":material/error:")
    faults = votes.faults[votes.faults["lf"] == name]
    if len(faults):
        first = faults.iloc[0]
        st.error(f"It failed on {len(faults):,} rows, first on {plain(first['id'])}:", icon=":material/error:")
        st.code(first["traceback"] or first["error"], language="python", wrap_lines=True)
    visible, truth = opened.visible_rows(run, dataset), opened.valid_gold(run, dataset)
    st.subheader("Rows it votes on, and others")
    by_kind = close_up.where(votes, name, visible, truth)
    kinds = [kind for kind in _KINDS if kind not in ("right", "wrong") or (truth >= 0).any()]
    asked = st.query_params.get("rows", "votes")
    kind = st.segmented_control(
        "Rows",
        kinds,
        default=asked if asked in kinds else "votes",
        required=True,
        format_func=lambda one: f"{_KINDS[one][0]} {len(by_kind[one]):,}",
        key=f"rows {run.id} {name}",
        label_visibility="collapsed",
    )
    kind = kind or "votes"
    if kind != asked:
        st.query_params["rows"] = kind
    rows = by_kind[kind]
    st.caption(f"{_KINDS[kind][1]} Test rows are not shown, gold on valid rows alone.")
    page = 1
    if len(rows) > _PAGE:
        page = st.pagination(-(-len(rows) // _PAGE), key=f"page {run.id} {name} {kind}")
    shown = close_up.rows_shown(dataset, votes, visible, truth, name, rows[(page - 1) * _PAGE : page * _PAGE])
    if len(shown):
        shown = shown.rename(columns={"vote": "its vote", "others": "other votes"}).rename_axis("id")
        st.html(figures.table(shown, f"Rows of {name}: {_KINDS[kind][0]}", words=("row", "its vote", "gold", "other votes")))
    else:
        st.text("There is none.")
    _slices(task, run, name)


def _slices(task: Task, run: Run, name: str) -> None:
    dataset = opened.rows(task)[0]
    found = close_up.slices_of(
        opened.votes(run), name, opened.voted_slices(task, run, dataset), opened.valid_gold(run, dataset)
    )
    st.subheader("By slice")
    if len(found) == 1:
        st.caption("The task names no slice; `[slices]` in task.toml does.")
        return
    lines = {
        "rows": found["n"].map(count),
        "coverage": found["coverage"].map(percent),
        "right on gold": found["accuracy"].map(percent),
        "95 % interval": [interval(low, high) for low, high in zip(found["low"], found["high"], strict=True)],
        "n": found["n_gold"].map(count),
    }
    _table(pd.DataFrame(lines).set_index(found["slice"]), f"{name} by slice")


def _table(lines: pd.DataFrame, alt: str) -> None:
    st.html(figures.table(lines, alt, at_most=_LONG), width=_WIDE)


def _earlier(name: str, runs: list[Run]) -> None:
    found = history(name, [opened.figures(run) for run in runs])
    if len(found) < 2:
        return
    st.subheader("Run by run")
    lines = {
        "made": [ago(moment) for moment in found["finished"]],
        "code": ["edited" if edited else "" for edited in found["edited"]],
        "coverage": found["coverage"].map(percent),
        "right on gold": found["accuracy"].map(percent),
        "95 % interval": [
            interval(low, high) if known else ""
            for low, high, known in zip(found["low"], found["high"], found["accuracy"].notna(), strict=True)
        ],
        "n": found["n_gold"].map(count),
        "learned": found["learned"].map(percent),
        "faults": found["faults"].map(count),
        "µs a row": [
            "kept" if kept else figure(one, 1) for one, kept in zip(found["microseconds"], found["kept"], strict=True)
        ],
    }
    _table(pd.DataFrame(lines, index=found.index), f"{name} run by run")
