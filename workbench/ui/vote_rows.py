"""Rows behind a pair, a pattern or a gap: chosen in the URL, shown a page at a time, sent to review."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import streamlit as st

from workbench.project import disagreement
from workbench.project.disagreement import Asked, Rows, Sight
from workbench.project.reviewing import request
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset, WorkbenchError
from workbench.ui.wording import plain

_ROWS: Final = 100  # a page
_HEIGHT: Final = 76  # pixels a row, of four lines: above 64 Streamlit breaks long lines
_LETTER: Final = 8  # pixels


class Looked(NamedTuple):
    """What is looked at, and which of its rows."""

    task: Task
    run: Run
    dataset: Dataset
    sight: Sight
    asked: Asked
    conflicts: bool

    @property
    def key(self) -> str:
        """A name for what is shown: positions in one table are not those in another."""
        return f"{self.rows_key} {self.conflicts}"

    @property
    def rows_key(self) -> str:
        """A name for the rows that are looked at, with or without conflicts."""
        said = repr((self.run.id, self.dataset.fingerprint, self.asked, self.task.slices))
        return hashlib.sha256(said.encode()).hexdigest()[:12]


def pick(**chosen: str | None) -> None:
    """Name in the URL what is chosen, and draw its rows."""
    for name, value in chosen.items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = value
    st.rerun("rows")


def picked_line(key: str, names: Sequence[str], what: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    pick(**{what: names[rows[0]] if rows else None})


def show_rows(page: Looked, rows: Rows, what: str, reason: str, first: Sequence[str] = (), voted: bool = True) -> None:
    """Show a page of rows and offer to send them all to review."""
    total = len(rows)
    if not total:
        st.caption(f"There is no row {plain(what)}.")
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{total:,}** row{'s' * (total > 1)} {plain(what)}")
        _send_button(page, rows, reason)
    at = 1
    if total > _ROWS:
        key = hashlib.sha256(f"{page.key} {reason}".encode()).hexdigest()[:12]
        at = st.pagination(-(-total // _ROWS), key=f"page {key}")
    table = disagreement.row_table(page.sight, rows[(at - 1) * _ROWS : at * _ROWS], first)
    order = ["row", *(f"vote_{place}" for place in range(len(first))), *(("others", "posterior") if voted else ()), "gold"]
    column = st.column_config
    st.space(20)  # else what the table shows under the mouse covers the button
    st.dataframe(
        table,
        column_order=[name for name in order if name in table and (name == "row" or table[name].ne("").any())],
        column_config={
            "id": column.TextColumn("id", width=80),
            "row": column.TextColumn("row", width=420 if voted else 700),
            **{f"vote_{place}": column.TextColumn(name, width=_width(name)) for place, name in enumerate(first)},
            "others": column.TextColumn("other votes" if first else "votes", width=230),
            "posterior": column.TextColumn("posterior", help="Of the label model: its likeliest classes.", width=150),
            "gold": column.TextColumn("gold", help="Shown on valid rows only.", width=86),
        },
        row_height=_HEIGHT,
        height=min(_HEIGHT * len(table) + 38, 480),
        key=f"rows {page.key} {hashlib.sha256(reason.encode()).hexdigest()[:12]} {at}",
        alt=f"Rows {what}",
    )


def _width(name: str) -> int:
    """Return the pixels of a column whose head can be read, as far as a screen is wide."""
    return min(max(110, _LETTER * len(name) + 24), 240)


def _send_button(page: Looked, rows: Rows, reason: str) -> None:
    ids = disagreement.to_review(page.sight, rows)
    refused, sent = st.session_state.pop("not sent", ""), st.session_state.setdefault("sent", {})
    if refused:
        st.error(plain(refused), icon=":material/error:")
    if said := sent.get((page.task.folder, reason, *ids)):
        st.success(plain(said), icon=":material/check_circle:", width=360)
        st.page_link(
            Path(__file__).parent / "review.py", label="Review them", icon=":material/fact_check:",
            query_params={"task": page.task.folder.name, "queue": "requested"},
        )  # fmt: skip
        return
    if not ids:
        st.caption("The gold of all of them is known: there is nothing to review.")
        return
    label = f"Send these {len(ids):,} to review" if len(ids) == len(rows) else f"Send {len(ids):,} of these to review"
    st.button(
        label, key="send", icon=":material/rate_review:", on_click=_send, args=(page.task, ids, reason),
        help="Rows with gold are left out; of more than 500 rows 500 are drawn at random.",
    )  # fmt: skip


def _send(task: Task, ids: list[str], reason: str) -> None:
    try:
        new = request(task, ids, reason)
    except WorkbenchError as error:
        st.session_state["not sent"] = str(error)
        return
    said = f"Sent {len(ids):,} rows to review, {new:,} of them new." if new else "They wait for review already."
    st.session_state["sent"][task.folder, reason, *ids] = said


def dark() -> bool:
    return st.context.theme.type == "dark"
