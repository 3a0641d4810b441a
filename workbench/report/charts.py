"""Small charts as inline SVG that fits any width: places are percentages, letters keep their size, every figure is written out.

A line of a chart is a name and its figures, and below them the mark. Each chart has a title and, for who does not see it, a
description that says the same.
"""

from __future__ import annotations

from html import escape
from typing import Final

from workbench.io.names import shortened
from workbench.report.blocks import Bars, Dots, Steps
from workbench.report.figures import percent

_LINE: Final = 34  # px from one line of a chart to the next
_NAME: Final = 15  # px: where its name stands
_MARK: Final = 24  # px: where its mark stands
_LETTERS: Final = 30  # of a name; the description has all
_COLUMN: Final = 90  # px, the height of a series
_MOST: Final = 12  # batches of a series


def bars(chart: Bars, name: str) -> str:
    """Return bars from 0 to 100 %, the marked part within them."""
    lines = []
    for place, one in enumerate(chart.bars):
        top = place * _LINE
        lines += [
            _label(one.name, f"{percent(one.value, 0)} / {percent(one.part, 0)}", top),
            f'<rect class="track" x="0" y="{top + _MARK - 4}" width="100%" height="8"/>',
            f'<rect class="bar" x="0" y="{top + _MARK - 4}" width="{_at(one.value)}" height="8"/>',
            f'<rect class="part" x="0" y="{top + _MARK - 4}" width="{_at(min(one.part, one.value))}" height="8"/>',
        ]
    said = "; ".join(f"{one.name}: {one.said}" for one in chart.bars)
    return _svg(name, chart.caption, said, len(chart.bars) * _LINE, lines)


def dots(chart: Dots, name: str) -> str:
    """Return shares from 0 to 100 % as dots on their intervals, a ring where what each is held against stands."""
    lines = []
    for place, one in enumerate(chart.dots):
        top = place * _LINE
        y = top + _MARK
        lines += [
            _label(one.name, percent(one.value, 0) + ("" if one.usual is None else f" / {percent(one.usual, 0)}"), top),
            f'<line class="track" x1="0" x2="100%" y1="{y}" y2="{y}"/>',
            f'<line class="ends" x1="{_at(one.low)}" x2="{_at(one.high)}" y1="{y}" y2="{y}"/>',
        ]
        if one.usual is not None:
            lines.append(f'<circle class="ring" cx="{_at(one.usual)}" cy="{y}" r="4"/>')
        lines.append(f'<circle class="dot" cx="{_at(one.value)}" cy="{y}" r="4"/>')
    said = "; ".join(f"{one.name}: {one.said}" for one in chart.dots)
    return _svg(name, chart.caption, said, len(chart.dots) * _LINE, lines)


def steps(chart: Steps, name: str) -> str:
    """Return a series of counts as columns, the newest at the right; only the last dozen."""
    shown = chart.counts[-_MOST:]
    most = max((n for _, n in shown), default=0) or 1
    width = 100 / max(len(shown), 1)
    lines = []
    for place, (_, n) in enumerate(shown):
        height = (_COLUMN - 40) * n / most
        left, middle = place * width, (place + 0.5) * width
        lines += [
            f'<rect class="bar" x="{left + width * 0.2:.2f}%" y="{_COLUMN - 20 - height:.1f}" width="{width * 0.6:.2f}%" '
            f'height="{max(height, 1):.1f}"/>',
            f'<text class="middle" x="{middle:.2f}%" y="{_COLUMN - 25 - height:.1f}">{n:,}</text>',
        ]
    if shown:
        lines.append(f'<text x="0" y="{_COLUMN - 4}">{_safe(shown[0][0])}</text>')
        lines.append(f'<text class="end" x="100%" y="{_COLUMN - 4}">{_safe(shown[-1][0])}</text>' if len(shown) > 1 else "")
    said = "; ".join(f"{when}: {n:,}" for when, n in shown)
    return _svg(name, chart.caption, said, _COLUMN, lines)


def _svg(name: str, title: str, said: str, height: int, lines: list[str]) -> str:
    head = f'<svg role="img" aria-labelledby="{name}-t" aria-describedby="{name}-d" width="100%" height="{height}">'
    told = f'<title id="{name}-t">{_safe(title)}</title><desc id="{name}-d">{_safe(said)}</desc>'
    return f"{head}{told}{''.join(lines)}</svg>"


def _label(name: str, said: str, top: int) -> str:
    y = top + _NAME
    return (
        f'<text x="0" y="{y}">{_safe(shortened(name, _LETTERS))}</text><text class="end" x="100%" y="{y}">{_safe(said)}</text>'
    )


def _at(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.2f}%"


def _safe(words: str) -> str:
    return escape(words)
