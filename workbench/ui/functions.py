"""Labeling functions: which help, which hurt, which are dead, and on which rows do they vote?"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project.catalogue import changes, files_stamp
from workbench.project.functions import changes_in_words, diagnosed, matching, newest_run
from workbench.project.runs import Run
from workbench.project.task import Task, load_task
from workbench.tables import WorkbenchError
from workbench.ui import one_function, opened, running
from workbench.ui.frame import chosen_run, chosen_task
from workbench.ui.wording import ago, interval, plain

_NEW_FILE = """from workbench import ABSTAIN, labeling_function


@labeling_function(fires=["please refund me"], abstains=["hello"])
def asks_refund(row):
    "Only billing customers ask for refunds."
    return "billing" if "refund" in row.text else ABSTAIN
"""


def show() -> None:
    """Draw the page."""
    st.title("Labeling functions")
    task = chosen_task()
    st.caption("Which functions help, which hurt, and on which rows do they vote?")
    run, found = chosen_run(task, "diagnosis.json"), _described(task)
    runs = [] if run is None else diagnosed(task, run.id)
    table = opened.function_table(found, runs)
    running.outcome(task.folder)
    for error in found["errors"]:
        st.error(f"**{plain(error['file'])}** cannot be loaded: {plain(error['error'])}", icon=":material/error:")
        if error["traceback"]:
            st.code(error["traceback"], language="python", wrap_lines=True)
    _watch(task, run, found, newest_run(task))
    if table.empty:
        _no_functions(task, bool(found["errors"]))
        return
    if run is not None and opened.diagnosis(run)["gold"] is None:
        st.caption("No gold in the valid split: accuracies are not known.")
    _explore(task, run, found, runs)


def _described(task: Task) -> dict[str, Any]:
    """Return the catalogue; where nothing at all can be loaded, one without functions that says so."""
    try:
        return opened.described(task)
    except WorkbenchError as error:
        said = {"file": task.folder.name, "error": str(error), "traceback": ""}
        return {"functions": [], "errors": [said], "off": task.disabled, "stamp": files_stamp(task)}


@st.fragment(run_every=2.0)
def _watch(task: Task, run: Run | None, found: dict[str, Any], newest: str) -> None:
    """Offer to apply what changed since the run; every two seconds look whether files, switches or runs are others now."""
    try:
        now = load_task(task.folder)
        drawn = files_stamp(now) == found["stamp"] and now.disabled == found["off"] and newest_run(now) == newest
    except WorkbenchError:
        drawn = False  # drawn anew, the page says what is wrong
    if not drawn:
        st.rerun()
    since = {} if run is None else changes(run.about["functions"], found)
    with st.container(horizontal=True, vertical_alignment="center"):
        if running.is_running(task.folder):
            st.markdown("The functions are being applied; the sidebar says how far they are.")
        elif found["errors"]:
            st.markdown("The figures are of the last run. Mend what cannot be loaded, then apply.")
        elif run is None and found["functions"]:
            st.markdown("The functions have not voted yet. Apply them to see what they cover.")
            _apply_button(task)
        elif run is not None and since:
            st.markdown(f"**{changes_in_words(since)}** since the run made {ago(run.about['finished'])}.")
            if "run" in st.query_params:
                st.caption("Choose the newest run to apply.")
            else:
                _apply_button(task)
        elif run is not None:
            st.caption(
                f"Nothing changed since the run made {ago(run.about['finished'])}. An edited file is seen within two seconds."
            )


def _apply_button(task: Task) -> None:
    if st.button("Apply", type="primary", icon=":material/play_arrow:", key="apply", help=_APPLY):
        running.start(task.folder, until="fit")
        st.rerun()  # all of the page: only then does what watches the run get its timer


_APPLY: Final = "Functions that did not change keep their votes. The label model is fitted anew."


def _no_functions(task: Task, broken: bool) -> None:
    if not broken:
        st.info("This task has no labeling function yet.", icon=":material/info:")
    folder = task.functions_folder or task.folder / "functions"
    st.markdown(f"Write the first one in {plain(str(folder / 'functions.py'))}, or a rule in {plain(str(task.rules_file))}:")
    st.code(_NEW_FILE, language="python")


@st.fragment
def _explore(task: Task, run: Run | None, found: dict[str, Any], runs: list[Run]) -> None:
    """Draw table and details in a part of their own, so that a click on a row draws nothing else anew."""
    table = opened.function_table(found, runs)
    shown = _filtered(table)
    if shown.empty:
        st.info(f"None of {len(table):,} functions fits the filters.", icon=":material/info:")
        return
    name = _choose(shown, len(table), "" if run is None else run.id)
    if name is not None:
        one_function.show(task, name, table.loc[name].to_dict(), found, runs)


_ONLY: Final = {
    "hurts": "hurts",
    "faults": "with faults",
    "changed": "changed since the run",
    "off": "off",
    "broken": "in a broken file",
}


_HURTS: Final = (
    "*Hurts*: on valid gold it is surely, by the 95 % interval, less right than the label model takes it to be, so its votes "
    "weigh more than they are worth; without a label model, less right than a guess."
)


def _filtered(table: pd.DataFrame) -> pd.DataFrame:
    tags = sorted({tag for own in table["tags"] for tag in own})
    columns = st.columns([3, 2, 2, 2] if tags else [3, 2, 2])
    text = columns[0].text_input("Search", key="q", bind="query-params", type="search", placeholder="name, reason, place, tag")
    labels = sorted({label for own in table["labels"] for label in own})
    label = columns[1].selectbox("Votes for", labels, index=None, key="class", bind="query-params", placeholder="any class")
    tag = None
    if tags:
        tag = columns[2].selectbox("Tag", tags, index=None, key="tag", bind="query-params", placeholder="any tag")
    only = columns[-1].selectbox(
        "Only", list(_ONLY), index=None, key="only", bind="query-params", placeholder="all", format_func=_ONLY.__getitem__,
        help=_HURTS,
    )  # fmt: skip
    return matching(table, text or "", label, tag, only)


def _choose(shown: pd.DataFrame, of: int, run_id: str) -> str | None:
    """Show functions as a table; return the one whose details are asked for, which the URL names."""
    names: list[str] = shown.index.tolist()
    picked = st.query_params.get("lf")
    displayed = _displayed(shown)
    # What is selected is a position to Streamlit, so rows that are others must be another table.
    version = hashlib.sha256("\0".join([run_id, *displayed.columns, "", *names]).encode()).hexdigest()[:12]
    key = f"functions {version}"
    if key not in st.session_state:
        # Kept, for a table that began with another selection at every click would be sent anew at every click.
        st.session_state[f"begins {key}"] = [names.index(picked)] if picked in names else []
    begin: Any = {"selection": {"rows": st.session_state[f"begins {key}"]}}
    close_up = st.session_state.get(key, begin)["selection"]["rows"]  # then the details need room
    # Above the table, where the tools that it shows under the mouse cover the line's empty end and no filter.
    most = "wrong" if "wrong" in displayed else "coverage"
    said = "" if close_up else f"Select one to see its code and rows; a click on a header, such as *{most}*, sorts."
    st.caption(f"{len(shown):,} of {of:,} functions. {said}")
    event = st.dataframe(
        displayed,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        selection_default=begin,
        column_config=_columns(),
        placeholder="",
        hide_index=True,
        height=min(35 * len(shown) + 38, 390 if close_up else 740),
        alt=f"{len(shown):,} of {of:,} labeling functions with their figures",
    )
    rows = event["selection"]["rows"]
    if not rows:
        st.query_params.pop("lf", None)
        return None
    if picked != names[rows[0]]:
        st.query_params["lf"] = names[rows[0]]
    return names[rows[0]]


_ALWAYS: Final = ("name", "state", "labels", "coverage", "accuracy")
_SHARES: Final = ("coverage", "overlap", "conflict", "accuracy", "learned")


def _displayed(table: pd.DataFrame) -> pd.DataFrame:
    """Return what is asked first on the left: shares in percent, intervals beside their n; an empty column takes no room."""
    ends = table[["low", "high"]].where(table["accuracy"].notna()).to_numpy()
    on_gold = [interval(low, high) for low, high in ends]
    counted = [f"{end}, n {n:.0f}" if end else "" for end, n in zip(on_gold, table["n_gold"], strict=True)]
    believed = [interval(low, high) for low, high in table[["learned_low", "learned_high"]].to_numpy()]
    shown: dict[str, Any] = {
        "name": table.index,
        "state": table["state"],
        "labels": table["labels"].map(", ".join),
        **{name: table[name] * 100 for name in ("coverage", "conflict", "accuracy")},
        "interval": counted,
        "wrong": table["wrong"],
        "learned": table["learned"] * 100,
        "learned interval": believed,
        "faults": table["faults"].where(table["faults"] > 0),
        "microseconds": table["microseconds"],
        "overlap": table["overlap"] * 100,
        **{name: table[name] for name in ("n_votes", "kind", "place", "reason")},
        "tags": table["tags"].map(", ".join),
    }
    frame = pd.DataFrame({name: list(column) for name, column in shown.items()})
    empty = (frame.isna() | (frame == "")).all()
    return frame.drop(columns=[name for name in shown if empty[name] and name not in _ALWAYS])


_STATE: Final = "On or off, what became of it since the run, and whether its file is broken or it was stopped."


def _columns() -> dict[str, Any]:
    column = st.column_config

    def share(label: str, help_: str, width: int) -> Any:
        return column.NumberColumn(label, help=help_, format="%.1f%%", width=width)

    return {
        "name": column.TextColumn("function", width=200),  # pinned it would be grey, as if it were off
        "state": column.TextColumn("state", help=_STATE, width=80),
        "labels": column.TextColumn("votes for", width=96),
        "coverage": share("coverage", "Share of all rows on which it votes.", 80),
        "conflict": share("conflict", "Share of all rows on which another function votes another class.", 72),
        "accuracy": share("accuracy", "Share of its votes on valid rows with gold that are right.", 80),
        "interval": column.TextColumn("95 % interval", help="Of the accuracy, which rests on n votes.", width=116),
        "wrong": column.NumberColumn("wrong", help="Votes on valid rows with gold of another class.", width=60),
        "learned": share("learned", "Its accuracy as the label model learned it from the votes, without gold.", 74),
        "learned interval": column.TextColumn("95 % interval", help="Of the learned accuracy.", width=96),
        "faults": column.NumberColumn("faults", help="Rows on which it failed; it abstains there.", width=56),
        "microseconds": column.NumberColumn(
            "µs a row",
            help="Time a row when it last voted, loading left out; kept votes cost nothing.",
            format="%.1f",
            width=72,
        ),
        "overlap": share("overlap", "Share of all rows on which another function votes too.", 76),
        "n_votes": column.NumberColumn("votes", format="localized", width=64),
        "kind": column.TextColumn("kind", width=80),
        "place": column.TextColumn("place", width=140),
        "reason": column.TextColumn("reason", width=420),
        "tags": column.TextColumn("tags", width=120),
    }


if __name__ == "__main__":
    show()
