"""The two charts of the page Disagreement: a heatmap of pairs of functions, and vote patterns over a matrix of dots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

#: Okabe and Ito's colours, which colour-blind people tell apart, darkened for text of 3:1 on white and readable on dark ground.
_CLASSES: Final = ("#0072b2", "#c65102", "#00805e", "#b0528c", "#8a6d00", "#3a86b8", "#6b6b6b", "#a01c1c")
_FEWEST: Final = 5  # common rows below which a share is no colour's worth
_STEP: Final = 26  # pixels a pattern
_TWO_DIGITS: Final = 14  # pixels that a number such as 26 takes
_INK: Final = {False: "#0f1316", True: "#eceeec"}


def heatmap(cells: pd.DataFrame, order: Sequence[str], by: str, dark: bool) -> dict[str, Any]:
    """Return a chart of pairs of functions as a matrix, in Vega-Lite; by: `rate` or `disagree`, which the colour shows."""
    import altair as alt

    low, high = ("#2d2722", "#ffb27a") if dark else ("#f8efe5", "#8c2d04")
    ink = _INK[dark]
    title = {"rate": "share that disagrees", "disagree": "rows that disagree"}[by]
    scale = alt.Scale(range=[low, high], domain=[0, 1] if by == "rate" else [0, max(int(cells["disagree"].max()), 1)])
    legend = alt.Legend(
        format=".0%" if by == "rate" else ",d",
        orient="top",
        gradientLength=160,
        labelColor=ink,
        titleColor=ink,
        titleLimit=200,
        tickCount=3,
    )
    shade = alt.Color(f"{by}:Q", scale=scale, title=title, legend=legend)
    few = alt.value("#3f484c" if dark else "#dcdfde")
    size = max(11, min(18, 380 // max(len(order), 1)))
    x, y = _axes(order, size, ink)
    chart = (
        alt.Chart(cells)
        .mark_rect(stroke="#14181a" if dark else "#ffffff", strokeWidth=1, cursor="pointer")
        .encode(
            x=x,
            y=y,
            color=shade if by == "disagree" else alt.condition(f"datum.both >= {_FEWEST}", shade, few),
            tooltip=[
                alt.Tooltip("a:N", title="one"),
                alt.Tooltip("b:N", title="other"),
                alt.Tooltip("disagree:Q", title="rows they disagree on", format=",d"),
                alt.Tooltip("both:Q", title="of rows both vote on", format=",d"),
                alt.Tooltip("rate:Q", title="share", format=".0%"),
            ],
        )
        .add_params(alt.selection_point("cell", fields=["a", "b"]))
        .properties(width=alt.Step(size), height=alt.Step(size))
    )
    spec: dict[str, Any] = chart.to_dict()  # Altair takes 0.1 s to make it: what is drawn again and again is kept
    return spec


def _axes(order: Sequence[str], size: int, ink: str) -> tuple[Any, Any]:
    """Return the axes of a matrix: names and numbers on the left, below numbers, each second where there is no room for all."""
    import altair as alt

    number = f"indexof({json.dumps(list(order))}, datum.value) + 1"
    shown = number if size >= _TWO_DIGITS else f"({number}) % 2 ? {number} : ''"
    axis: dict[str, Any] = {"labelOverlap": False, "labelFlush": False, "labelColor": ink, "domain": False, "ticks": False}
    below = alt.Axis(labelExpr=shown, labelAngle=0, labelFontSize=10, **axis)
    left = alt.Axis(labelExpr=f"datum.label + '  ' + ({number})", labelLimit=190, labelFontSize=min(12, size), **axis)
    domain = alt.Scale(domain=list(order))
    return alt.X("b:N", title=None, axis=below, scale=domain), alt.Y("a:N", title=None, axis=left, scale=domain)


def upset(bars: pd.DataFrame, dots: pd.DataFrame, order: Sequence[str], labels: Sequence[str], dark: bool) -> dict[str, Any]:
    """Return a chart, in Vega-Lite, of the rows of each pattern over a matrix that tells which function votes for what.

    bars: pattern, rows. dots: pattern, function, label. order: the functions from top to bottom. labels: the
    classes, which have colours and shapes of their own as long as there are eight at most.
    """
    import altair as alt

    ink, accent = _INK[dark], "#2f7f97" if dark else "#1d5f73"
    first = bars["pattern"].tolist()
    x = alt.X("pattern:N", sort=first, axis=None, scale=alt.Scale(domain=first))
    base = alt.Chart(bars).encode(x=x, tooltip=[alt.Tooltip("said:N", title="votes"), alt.Tooltip("rows:Q", format=",d")])
    bar = base.mark_bar(color=accent, cursor="pointer", width=14)
    bar = bar.encode(y=alt.Y("rows:Q", axis=None)).add_params(alt.selection_point("pattern", fields=["pattern"]))
    number = base.mark_text(dy=-6, color=ink, fontSize=11).encode(y="rows:Q", text=alt.Text("rows:Q", format=",d"))
    y = alt.Y("function:N", sort=list(order), scale=alt.Scale(domain=list(order)), axis=_names(alt, dark))
    voted = set(dots["label"])
    shown = [label for label in labels if label in voted]
    dot = alt.Chart(dots).mark_point(filled=True, size=110, opacity=1)
    dot = dot.encode(x=x, y=y, tooltip=[alt.Tooltip("function:N"), alt.Tooltip("label:N", title="votes")])
    if len(shown) <= len(_CLASSES):
        legend = alt.Legend(orient="bottom", columns=4, symbolSize=90, labelColor=ink)
        hues = alt.Scale(domain=shown, range=list(_CLASSES[: len(shown)]))
        color = alt.Color("label:N", scale=hues, legend=legend, title=None)
        dot = dot.encode(color=color, shape=alt.Shape("label:N", scale=alt.Scale(domain=shown), legend=legend, title=None))
    else:
        dot = dot.encode(color=alt.value(accent))
    line = alt.Chart(dots).mark_line(color=ink, opacity=0.35, strokeWidth=1.5).encode(x=x, y=y, detail="pattern:N")
    width = _STEP * max(len(first), 1)
    top = alt.layer(bar, number).properties(width=width, height=130)
    below = alt.layer(line, dot).properties(width=width, height=alt.Step(18))
    spec: dict[str, Any] = alt.vconcat(top, below, spacing=4).resolve_scale(x="shared").to_dict()
    return spec


def _names(alt: Any, dark: bool) -> Any:
    grid = "#2c3438" if dark else "#e7eae8"
    return alt.Axis(
        labelOverlap=False,
        labelLimit=190,
        domain=False,
        ticks=False,
        title=None,
        grid=True,
        gridColor=grid,
        labelColor=_INK[dark],
    )
