"""Small tables and intervals as HTML: figures under one another, readable by a screen reader, styled by style.css."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from workbench.ui.wording import count, figure, interval, percent


def table(frame: pd.DataFrame, alt: str, words: Sequence[str] = (), at_most: int | None = None) -> str:
    """Return a frame of texts as a table: its named index on the left, its columns right-aligned, those named in words left.

    at_most: with more lines than these it scrolls, by the keyboard too.
    """
    kinds = [' class="words"' if name in words else "" for name in frame.columns]
    cells = zip(("", *kinds), (frame.index.name, *frame.columns), strict=True)
    head = "".join(f'<th scope="col"{kind}>{escape(str(name))}</th>' for kind, name in cells)
    lines = [
        _line(str(name), [f"<td{kind}>{escape(str(cell))}</td>" for kind, cell in zip(kinds, cells, strict=True)])
        for name, *cells in frame.itertuples()
    ]
    html = _table(alt, head, lines)
    if at_most is None or len(lines) <= at_most:
        return html
    return f'<div class="wb-scroll" tabindex="0" role="region" aria-label="{escape(alt)}">{html}</div>'


def scoreboard(blocks: Sequence[tuple[str, pd.DataFrame]]) -> str:
    """Return scoreboards under one header, each under its title, their accuracies drawn on one axis."""
    ends = pd.concat([board[["low", "high"]] for _, board in blocks]).dropna()
    low = math.floor(ends["low"].min() * 20) / 20 if len(ends) else 0.0
    high = math.ceil(ends["high"].max() * 20) / 20 if len(ends) else 1.0
    axis = f'<span class="ends"><span>{low:.0%}</span><span>{high:.0%}</span></span>'
    names = ("accuracy", "95 % interval", "macro-F1", "log loss", "ECE", "n")
    head = f'<th scope="col">model</th><th scope="col" aria-label="accuracy on a line">{axis}</th>'
    head += "".join(f'<th scope="col">{name}</th>' for name in names)
    lines = []
    for title, board in blocks:
        lines.append(f'<tr><th class="block" scope="rowgroup" colspan="{len(names) + 2}">{escape(title)}</th></tr>')
        rows = board.reset_index(names="model").to_dict("records")
        lines += [_line(row["model"], _scores(row, low, high, len(names))) for row in rows]
    return _table("Models side by side", head, lines)


def _table(alt: str, head: str, lines: Sequence[str]) -> str:
    body = "".join(lines)
    return f'<table class="wb" aria-label="{escape(alt)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _line(name: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _scores(row: Mapping[Any, Any], low: float, high: float, width: int) -> list[str]:
    if pd.isna(row["accuracy"]):
        return [f'<td class="words" colspan="{width + 1}">{escape(row["reason"])}</td>']
    ends = interval(row["low"], row["high"], digits=1)
    texts = [percent(row["accuracy"]), ends, *(figure(row[name]) for name in ("macro_f1", "log_loss", "ece")), count(row["n"])]
    return [f"<td>{_interval(row, low, high)}</td>", *(f"<td>{text}</td>" for text in texts)]


def _interval(row: Mapping[Any, Any], low: float, high: float) -> str:
    """Draw an accuracy as a dot on its interval; the same figures stand beside it as text."""
    first, dot, last = ((row[name] - low) / (high - low) * 100 for name in ("low", "accuracy", "high"))
    line = f'<i style="left:{first:.1f}%;width:{last - first:.1f}%"></i><b style="left:{dot:.1f}%"></b>'
    return f'<div class="track" aria-hidden="true">{line}</div>'
