"""Labeling functions: which help, which hurt, which are dead, and on which rows do they vote?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project.catalogue import function_rows, rows_voted
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.ui import opened
from workbench.ui.frame import chosen_run, chosen_task, no_task
from workbench.ui.wording import count, interval, percent, plain

_PAGE: Final = 10
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
    if task is None:
        no_task()
        return
    run = chosen_run(task, "diagnosis.json")
    diagnosis = None if run is None else opened.diagnosis(run)
    found = opened.described(task)
    for error in found["errors"]:
        st.error(f"**{plain(error['file'])}** cannot be loaded: {plain(error['error'])}", icon=":material/error:")
        if error["traceback"]:
            st.code(error["traceback"], language="python", wrap_lines=True)
    table = function_rows(diagnosis, {} if run is None else run.about["functions"], found)
    if table.empty:
        _no_functions(task, bool(found["errors"]))
        return
    if run is None:
        st.info(
            "The functions have not voted yet. Run the line on the overview to see what they cover.", icon=":material/info:"
        )
    elif diagnosis is not None and diagnosis["gold"] is None:
        st.caption("No gold in the valid split: accuracies are not known.")
    chosen = _choose(table, "" if run is None else run.id)
    if chosen is not None:
        details = next((one for one in found["functions"] if one["name"] == chosen), None)
        _details(task, run, chosen, table.to_dict("index")[chosen], details)


def _no_functions(task: Task, broken: bool) -> None:
    if not broken:
        st.info("This task has no labeling function yet.", icon=":material/info:")
    folder = task.functions_folder or task.folder / "functions"
    st.markdown(f"Write the first one in {plain(str(folder / 'functions.py'))}, or a rule in {plain(str(task.rules_file))}:")
    st.code(_NEW_FILE, language="python")


def _choose(table: pd.DataFrame, run_id: str) -> str | None:
    """Show the functions that match the filter; return the one whose details are asked for."""
    wanted = st.text_input(
        "Filter", key="q", bind="query-params", type="search", placeholder="name, class, tag, place or reason", width=460
    )
    words = table[["kind", "labels", "place", "reason", "tags"]].agg(" ".join, axis=1) + " " + table.index
    shown = table[words.str.contains(wanted or "", case=False, regex=False)]
    if shown.empty:
        st.info(f"None of {len(table):,} functions matches the filter.", icon=":material/info:")
        return None
    names: list[str] = shown.index.tolist()
    picked = st.query_params.get("lf")
    # What is selected is a position to Streamlit, so rows that are others must be another table.
    version = hashlib.sha256("\0".join([run_id, *names]).encode()).hexdigest()[:12]
    event = st.dataframe(
        _displayed(shown),
        key=f"functions {version}",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [names.index(picked)]}} if picked in names else None,
        column_config=_columns(),
        placeholder="",
        height=min(35 * len(shown) + 38, 460),
        alt=f"{len(shown):,} of {len(table):,} labeling functions with their figures",
    )
    rows = event["selection"]["rows"]
    if not rows:
        st.query_params.pop("lf", None)
        st.caption(f"{len(shown):,} of {len(table):,} functions. Select a row to see its code and the rows it votes on.")
        return None
    st.query_params["lf"] = names[rows[0]]
    return names[rows[0]]


_SHOWN: Final = (
    "error", "since_run", "labels", "coverage", "overlap", "conflict", "n_votes", "accuracy", "interval", "n_gold", "faults",
    "kind", "place", "reason",
)  # fmt: skip


def _displayed(table: pd.DataFrame) -> pd.DataFrame:
    """Order the columns by what is asked first, with shares in percent, and set the interval beside its n."""
    shown = table[[name for name in _SHOWN if name in table]].copy()
    shares = ["coverage", "overlap", "conflict", "accuracy"]
    shown[shares] = shown[shares] * 100
    measured = table["accuracy"].notna()
    ends = [
        interval(low, high) if known else "" for low, high, known in zip(table["low"], table["high"], measured, strict=True)
    ]
    shown.insert(_SHOWN.index("interval"), "interval", ends)
    return shown.drop(columns=shown.columns[(shown.isna() | (shown == "")).all()])  # a column that says nothing only takes room


def _columns() -> dict[str, Any]:
    column = st.column_config

    def share(label: str, help_: str) -> Any:
        return column.NumberColumn(label, help=help_, format="%.1f%%", width=72)

    return {
        "name": column.TextColumn("function", pinned=True, width=170),
        "labels": column.TextColumn("votes for", width=110),
        "coverage": share("coverage", "Share of all rows on which it votes."),
        "overlap": share("overlap", "Share of rows on which another function votes too."),
        "conflict": share("conflict", "Share of rows on which another votes a different class."),
        "n_votes": column.NumberColumn("votes", format="localized", width=56),
        "accuracy": share("accuracy", "Of its votes on valid rows with gold."),
        "interval": column.TextColumn("95 % interval", width=92),
        "n_gold": column.NumberColumn("n", help="Its votes on valid rows with gold.", width=44),
        "faults": column.NumberColumn("faults", help="Rows on which it failed; it abstains there.", width=56),
        "since_run": column.TextColumn("since the run", help="new, changed or removed after the last run", width=96),
        "error": column.TextColumn("problem", width=240),
        "kind": column.TextColumn("kind", width=80),
        "place": column.TextColumn("place", width=130),
        "reason": column.TextColumn("reason", width=420),
    }


def _details(task: Task, run: Run | None, name: str, row: Mapping[Any, Any], details: dict[str, Any] | None) -> None:
    st.header(plain(name))
    if details is None:
        st.info("It voted in the last run and is no longer in the files.", icon=":material/info:")
    else:
        st.text(details["reason"] or "It gives no reason: a docstring, or reason = ... in rules.toml, says why it is right.")
        facts = [details["kind"], details["place"], *details["tags"], f"fingerprint {details['fingerprint'][:12]}"]
        st.caption(plain(" · ".join(facts)))
        left, right = st.columns([3, 2], gap="large")
        with left:
            if details["source"]:
                toml = details["place"].startswith("rules.toml:")
                st.code(details["source"], language="toml" if toml else "python", wrap_lines=True)
            else:
                st.caption("Its source stands outside the folder of functions.")
        with right:
            _examples(details["examples"])
    if run is not None and not pd.isna(row["n_votes"]):
        _votes(task, run, name, row)


def _examples(examples: list[dict[str, Any]]) -> None:
    st.markdown("**Unit examples**")
    if not examples:
        st.caption("None. Examples under fires and abstains are checked by `workbench check`.")
    for example in examples:
        says = f"votes {example['label']}" if example["label"] else "votes"
        st.text(f"{says if example['fires'] else 'abstains'}: {example['text']}")


def _votes(task: Task, run: Run, name: str, row: Mapping[Any, Any]) -> None:
    votes, (dataset, _) = opened.votes(run), opened.rows(task)
    if dataset.fingerprint != run.about["data"]:
        st.warning("The rows changed after the last run; rows that are gone are not shown.", icon=":material/warning:")
    faults = votes.faults[votes.faults["lf"] == name]
    if len(faults):
        first = faults.iloc[0]
        st.error(f"It failed on {len(faults):,} rows, first on {plain(first['id'])}:", icon=":material/error:")
        st.code(first["traceback"] or first["error"], language="python", wrap_lines=True)
    visible = opened.visible_rows(run, dataset)
    _, total = rows_voted(dataset, votes, visible, name, size=0)
    st.markdown("**Rows it votes on**")
    right = f"right on {percent(row['accuracy'])} of {count(row['n_gold'])} valid rows with gold"
    known = "" if pd.isna(row["accuracy"]) else f"; {right}, 95 % interval {interval(row['low'], row['high'])}"
    st.caption(f"{total:,} outside the test split{known}")
    if not total:
        return
    page = 1
    if total > _PAGE:
        page = st.pagination(-(-total // _PAGE), key=f"rows {run.id} {name}")
    shown, _ = rows_voted(dataset, votes, visible, name, (page - 1) * _PAGE, _PAGE)
    column = st.column_config
    st.dataframe(
        shown,
        column_order=["row", "vote", "gold", "others"],
        column_config={
            "id": column.TextColumn("id", width=80),
            "row": column.TextColumn("row", width=450),
            "vote": column.TextColumn("its vote", width=86),
            "gold": column.TextColumn("gold", help="Shown on valid rows only.", width=86),
            "others": column.TextColumn("other votes", width=190),
        },
        row_height=62,
        key=f"votes {run.id} {name} {page}",
        alt=f"Rows on which {name} votes",
    )


if __name__ == "__main__":
    show()
