"""Suites as one table in which each share is drawn as a dot on its interval, beside a tick for what it is held against."""

from __future__ import annotations

import math
from html import escape
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from workbench.ui.wording import count, interval, percent

#: Kinds of suites as blocks of the table, in words.
KINDS: Final = {
    "new_terms": "New words",
    "failures": "What must not go wrong",
    "messy": "Messy mail",
    "language": "Languages",
    "invariance": "Changes that must not matter",
    "direction": "Changes that speak for a class",
    "python": "Suites in Python",
    "out_of_scope": "Rows of no class",
    "rules_removed": "Lost rules, learned again",
}
MORE: Final = "▲"
LESS: Final = "▼"
_WIDE: Final = "width:110px"  # of a line with a dot


class _Measure(NamedTuple):
    """A share that is drawn: its title, its column and the prefix of its ends, whether less of it is good, and the axis."""

    title: str
    column: str
    prefix: str
    less_is_good: bool
    low: float
    high: float


def suite_board(table: pd.DataFrame) -> str:
    """Return suites as HTML, in blocks by kind; table: of `monitoring_facts.suite_table`."""
    measures = [_measure(table, "right", "accuracy", "", False), _measure(table, "answered and wrong", "wrong", "wrong_", True)]
    head = '<th scope="col">suite</th><th scope="col">n</th>'
    for one in measures:
        axis = f'<span class="ends" style="{_WIDE}"><span>{one.low:.0%}</span><span>{one.high:.0%}</span></span>'
        head += f'<th scope="col" aria-label="{one.title} on a line">{axis}</th>'
        head += "".join(f'<th scope="col">{name}</th>' for name in (one.title, "against"))
    head += '<th scope="col">answered</th><th scope="col">against</th>'
    width = 4 + 3 * len(measures)
    lines = []
    for kind, some in table.groupby("kind", sort=False):
        lines.append(
            f'<tr><th class="block" scope="rowgroup" colspan="{width}">{escape(KINDS.get(str(kind), str(kind)))}</th></tr>'
        )
        lines += [_line(str(name), row, measures) for name, row in some.iterrows()]
    body = "".join(lines)
    return f'<table class="wb" aria-label="Suites in figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _measure(table: pd.DataFrame, title: str, column: str, prefix: str, less_is_good: bool) -> _Measure:
    """Return a measure with an axis, in steps of 5 %, on which all of its dots and ticks stand."""
    values = table[[column, f"{prefix}low", f"{prefix}high", f"of_{column}"]].to_numpy(float)
    values = values[~np.isnan(values)]
    low = math.floor(values.min() * 20) / 20 if len(values) else 0.0
    high = math.ceil(values.max() * 20) / 20 if len(values) else 1.0
    return _Measure(title, column, prefix, less_is_good, low, max(high, low + 0.05))


def _line(name: str, row: pd.Series[Any], measures: list[_Measure]) -> str:
    cells = [f"<td>{count(row['n'])}</td>"]
    for one in measures:
        low, high, other = (row[key] for key in (f"{one.prefix}low", f"{one.prefix}high", f"of_{one.column}"))
        sign = _sign(one, low, high, other)
        other = float("nan") if pd.isna(row[one.column]) else other  # a figure that stands alone compares nothing
        ends = f" ({interval(low, high)})" if interval(low, high) else ""
        cells.append(f"<td>{_track(one, row)}</td><td>{sign}{percent(row[one.column])}{ends}</td><td>{percent(other)}</td>")
    cells.append(f"<td>{percent(row['answered'])}</td><td>{percent(row['of_answered'])}</td>")
    return f'<tr><th scope="row" style="min-width:10.5rem">{escape(name)}</th>{"".join(cells)}</tr>'


def _sign(one: _Measure, low: float, high: float, other: float) -> str:
    """Return a sign where the whole interval is worse than what the suite is held against."""
    if pd.isna(low) or pd.isna(other):
        return ""
    if one.less_is_good:
        return f"{MORE} " if low > other else ""
    return f"{LESS} " if high < other else ""


def _track(one: _Measure, row: pd.Series[Any]) -> str:
    """Draw a share as a dot on its interval and what it is held against as a tick; the figures stand beside it as text."""
    if pd.isna(row[one.column]):
        return ""

    def at(value: float) -> float:
        return (value - one.low) / (one.high - one.low) * 100

    first, dot, last = (at(row[key]) for key in (f"{one.prefix}low", one.column, f"{one.prefix}high"))
    marks = "" if math.isnan(first) else f'<i style="left:{first:.1f}%;width:{last - first:.1f}%"></i>'
    other = row[f"of_{one.column}"]
    if not pd.isna(other):
        where = f"position:absolute;left:{at(other):.1f}%;top:0;height:14px;margin-left:-1px"
        marks += f'<span style="{where};border-left:2px solid currentColor;opacity:0.65"></span>'
    return f'<div class="track" style="{_WIDE}" aria-hidden="true">{marks}<b style="left:{dot:.1f}%"></b></div>'
