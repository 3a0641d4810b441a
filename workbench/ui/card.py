"""The card on which a person answers rows: a component of our own, for native buttons lose key presses and are slow.

The contract between the JavaScript and a page: the page gives data (see `show_card`), and the card gives back
{n, entries, have, want} each time anything changes. Entries are all that the page has not acknowledged; each has an id, so that
taking it twice does no harm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import streamlit as st

_HERE: Final = Path(__file__).parent
_CARD: Final = st.components.v2.component(
    "workbench_review_card",
    html=(_HERE / "card.html").read_text(encoding="utf-8"),
    css=(_HERE / "card.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("card_log.js", "card.js")),
)
_NOTHING: Final[dict[str, Any]] = {"n": 0, "entries": [], "have": [], "want": []}


def log_of(key: str) -> dict[str, Any]:
    """Return what the card of a key gave back last: n, which grows; entries; have, the rows it holds; want, those it lacks."""
    return (st.session_state.get(_without_pairs(key)) or {}).get("log") or _NOTHING


def show_card(key: str, data: dict[str, Any]) -> None:
    """Draw the card.

    data: session, task, reviewer; n and acked: the last log taken and the ids in it that need not come again; notices, error;
    labels, modes, show (votes before the answer); queue_name, queue (row ids, best first), done, left, ended (why no row is
    left); cards: those of project/card.py by row, with reason, blind (the reason without what votes tell) and measures (votes
    stay unsaid after the answer, too); gone: rows that are no more; saved: how many entries of the reviewer stand; history: the
    last of them, newest first.
    """
    _CARD(key=_without_pairs(key), data=data, on_log_change=_stay)


def _without_pairs(key: str) -> str:
    """Return a key that Streamlit takes: in a component's it allows no two underscores in a row, which paths and names have."""
    return key.replace("_", "_ ") if "__" in key else key


def _stay() -> None:
    """Do nothing: the log is taken when the page is drawn."""
