"""How figures and foreign text stand on a page."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd

_JOINER: Final = "\N{WORD JOINER}"  # has no width
# What Streamlit makes links, icons, emoji and arrows of after it has read the escapes: each is parted where it matches.
_MADE: Final = re.compile(
    r"https?(?=://)|www(?=\.)|\w(?=@\w)|:(?=(?:[a-z+-][\w+-]*|100|1234):)|<(?=-|=)|-(?=-|>)|[>~](?==)", flags=re.IGNORECASE
)


def plain(text: str) -> str:
    """Return text that Markdown shows as it stands: what comes from rows, files or errors must not become markup or images.

    Commands between single backticks stay code, in which nothing is markup. A link or an arrow is kept from being made by a
    sign without width, for an escape does not.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0 or "``" in text or any("\n" in code or ":material/" in code for code in parts[1::2]):
        return _escaped(text)
    return "".join(f"`{part}`" if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    parted = _MADE.sub(lambda made: made[0] + _JOINER, text)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", parted)


def capitalised(text: str) -> str:
    """Return a text as a sentence begins: only its first letter changes."""
    return text[:1].upper() + text[1:]


def percent(share: Any, digits: int = 1) -> str:
    """Return a share as a percentage, or nothing where it is missing."""
    return "" if pd.isna(share) else f"{share:.{digits}%}"


def figure(value: Any, digits: int = 3) -> str:
    """Return a number, or nothing where it is missing."""
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def count(value: Any) -> str:
    """Return a whole number with thousands apart, or nothing where it is missing."""
    return "" if pd.isna(value) else f"{value:,.0f}"


def interval(low: Any, high: Any, digits: int = 0) -> str:
    """Return an interval of shares."""
    return "" if pd.isna(low) or pd.isna(high) else f"{100 * low:.{digits}f}–{high:.{digits}%}"


def ago(moment: str) -> str:
    """Return how long ago an ISO time was, to the unit that matters."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        number = int(seconds // size)
        if number:
            return f"{number} {unit}{'s' * (number > 1)} ago"
    return "just now"
