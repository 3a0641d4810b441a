"""Charts of runs and batches: small multiples over time, a grid of drifted checks, and two measures of the same things."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Final

import pandas as pd
import streamlit as st

from workbench.ui.label_model_charts import GOLD, LEARNED, QUIET, Spec, dots, ink, quantity, styled_axis, values_of

_TICKS: Final = 4
#: Series differ by their sign as well as by their colour.
SIGNS: Final = {"circle": "●", "diamond": "◆"}
_SHAPES: Final = tuple(SIGNS)
_COLOURS: Final = (LEARNED, GOLD)


def over_time(lines: pd.DataFrame, moments: Sequence[str], share: bool, marked: int | None = None) -> Spec:
    """Return one small chart: a line a series over runs or batches, in their order, with intervals and the last values.

    lines: of `run_history.lines_of`. moments: the ISO time of each place on the axis. marked: the place of the reference.
    """
    series = list(dict.fromkeys(lines["series"]))
    lowest, highest = _ends(lines)
    form = ",d" if not share else ".0%" if highest - lowest > 0.05 else ".1%"
    x = quantity("place", title=None, axis=_dates(moments), scale={"domain": [0.6, len(moments) + 0.4], "nice": False})
    y: Spec = {"title": None, "axis": styled_axis(format=form, tickCount=3), "scale": {"zero": False, "nice": True}}
    if not share:
        y["axis"] |= {"tickMinStep": 1}
    if highest - lowest < (0.02 if share else 2):  # a line that does not move must not look as if it did
        pad = 0.01 if share else 1
        top = min(highest + pad, 1.0) if share else highest + pad
        y["scale"] = {"domain": [max(lowest - pad, 0.0), top], "nice": False}
    by_series = {"field": "series", "type": "nominal", "legend": None}
    colour = {"color": {**by_series, "scale": {"domain": series, "range": list(_COLOURS[: len(series)])}}}
    shape = {"shape": {**by_series, "scale": {"domain": series, "range": list(_SHAPES[: len(series)])}}}
    xy = {"x": x, "y": quantity("value", **y)}
    tips = [{"field": name, "type": "nominal"} for name in ("run", "series")]
    tips += [quantity(name, format=".1%" if share else form) for name in ("value", "low", "high")]
    layers: list[Spec] = []
    if marked is not None:
        rule = {"type": "rule", "color": QUIET, "strokeDash": [4, 4]}
        layers.append({"data": {"values": [{"place": marked}]}, "mark": rule, "encoding": {"x": x}})
    known = lines.dropna(subset=["low", "high"])
    if len(known):
        between = {"x": x, "y": quantity("low", **y), "y2": {"field": "high"}, **colour}
        mark = {"type": "rule", "strokeWidth": 2, "opacity": 0.4}
        layers.append({"data": values_of(known), "mark": mark, "encoding": between})
    data = values_of(lines)
    layers.append({"data": data, "mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {**xy, **colour}})
    dot = {"type": "point", "filled": True, "size": 48, "opacity": 1}
    layers.append({"data": data, "mark": dot, "encoding": {**xy, **colour, **shape, "tooltip": tips}})
    last = lines.sort_values("place").groupby("series", sort=False).tail(1).sort_values("value", ascending=False)
    for rank, (_, line) in enumerate(last.iterrows()):
        text = f"{line['value']:.1%}" if share else f"{line['value']:,.0f}"
        mark = {"type": "text", "text": text, "align": "left", "dx": 7, "fontSize": 11, "color": ink()}
        mark["dy"] = 0 if len(last) == 1 else -6 if rank == 0 else 6
        layers.append({"data": values_of(last.loc[[line.name]]), "mark": mark, "encoding": xy})
    return {"height": 150, "padding": {"left": 2, "top": 6, "right": 44, "bottom": 2}, "layer": layers}


def _ends(lines: pd.DataFrame) -> tuple[float, float]:
    values = lines[["value", "low", "high"]].to_numpy(float)
    flat = pd.Series(values.ravel()).dropna()
    return float(flat.min()), float(flat.max())


def _dates(moments: Sequence[str]) -> Spec:
    """Return an axis of places that says the day of some of them, with the time where two would read alike."""
    n = len(moments)
    some = sorted({1 + round(place * (n - 1) / (_TICKS - 1)) for place in range(_TICKS)} if n > _TICKS else range(1, n + 1))
    said = f"{json.dumps(_days(moments))}[datum.value - 1]"
    return styled_axis(values=some, labelExpr=said, grid=False, labelFontSize=10, labelOverlap="greedy", ticks=True)


def drift_grid(table: pd.DataFrame, moments: Sequence[str], dark: bool) -> Spec:
    """Return how many checks drifted, by kind and batch: the count stands in each cell; table: of `drift_table`."""
    kinds = list(dict.fromkeys(table["kind"]))
    dates = _days(moments)
    data = table.assign(
        shade=[0.0 if not n else 0.4 + 0.6 * n / of for n, of in zip(table["drifted"], table["of"], strict=True)],
        text=[str(n) if n else "·" for n in table["drifted"]],
        when=[dates[place - 1] for place in table["place"]],
        said=[f"{n:,} of {of:,}" for n, of in zip(table["drifted"], table["of"], strict=True)],
    )
    low, high = ("#22313a", "#7cc3da") if dark else ("#f1f4f4", "#14556a")
    axis = styled_axis(labelLimit=220, labelOverlap=False, labelFlush=False, ticks=False, domain=False, labelFontSize=12)
    x_axis = {
        **axis, "orient": "top", "labelAngle": 0, "labelFontSize": 10, "labelOverlap": "greedy",
        "labelExpr": f"{json.dumps(dates)}[datum.value - 1]",
    }  # fmt: skip
    x = {"field": "place", "type": "ordinal", "title": None, "axis": x_axis}
    y = {"field": "kind", "type": "nominal", "title": None, "sort": kinds, "axis": axis}
    tips = [{"field": name, "type": "nominal"} for name in ("batch", "kind")]
    tips.append({"field": "said", "type": "nominal", "title": "drifted"})
    shade = quantity("shade", scale={"domain": [0, 1], "range": [low, high]}, legend=None)
    pale, deep = ("#0f1316", "#eceeec") if dark else ("#ffffff", "#0f1316")
    words = {"condition": {"test": "datum.shade > 0.5", "value": pale}, "value": deep}
    rect = {"type": "rect", "stroke": "#14181a" if dark else "#ffffff", "strokeWidth": 1}
    return {
        "height": {"step": 22},
        "data": values_of(data),
        "encoding": {"x": x, "y": y},
        "layer": [
            {"mark": rect, "encoding": {"color": shade, "tooltip": tips}},
            {
                "mark": {"type": "text", "fontSize": 11, "tooltip": None},
                "encoding": {"text": {"field": "text"}, "color": words},
            },
        ],
    }


def grid_width(moments: Sequence[str]) -> int:
    """Return the pixels that a grid of these batches takes with its names."""
    return 220 + len(moments) * (72 if len(moments) <= 8 else 34)


def _days(moments: Sequence[str]) -> list[str]:
    """Return the day of each moment, with the time where two days are the same, and the time alone where all are."""
    when = [datetime.fromisoformat(moment) for moment in moments]
    days, clocks = [f"{one.day} {one:%b}" for one in when], [f"{one:%H:%M}" for one in when]
    if len(set(days)) == len(days):
        return days
    return clocks if len(set(days)) == 1 else [" ".join(both) for both in zip(days, clocks, strict=True)]


def two_measures(table: pd.DataFrame, series: Mapping[str, tuple[str, str]], title: str, zero: bool = False) -> Spec:
    """Return one line a row of a table, on it a dot with its interval for each of two series, apart by sign and colour.

    series: by name its column and the prefix of its `low` and `high`.
    """
    names = list(series)
    spec = dots(
        table,
        {name: (*where, colour) for (name, where), colour in zip(series.items(), _COLOURS, strict=False)},
        title,
        step=34 if len(names) > 1 else 26,
        zero=zero,
    )
    scale = {"domain": names, "range": list(_SHAPES[: len(names)])}
    spec["layer"][1]["encoding"]["shape"] = {"field": "series", "type": "nominal", "scale": scale, "legend": None}
    return spec


def legend(names: Sequence[str], *more: str) -> str:
    """Return the names of series as HTML, each after its sign in its colour, and further words."""
    signs = list(SIGNS.values())
    said = [
        f'<span style="margin-right:1.2rem"><span style="color:{colour}" aria-hidden="true">{sign}</span> {escape(name)}</span>'
        for name, sign, colour in zip(names, signs, _COLOURS, strict=False)
    ]
    said += [f'<span style="margin-right:1.2rem">{escape(one)}</span>' for one in more]
    return f'<div style="font-size:0.85rem">{"".join(said)}</div>'


def wide(html: str, label: str) -> None:
    """Show a table that scrolls sideways where it is wider than the page, by the keyboard too."""
    st.html(f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{escape(label)}">{html}</div>')


def told(lines: pd.DataFrame, share: bool) -> str:
    """Return in words what a small chart shows: the first and the last value of each series."""
    form = "{:.1%}" if share else "{:,.0f}"
    parts = []
    for name, some in lines.groupby("series", sort=False):
        values = some.sort_values("place")["value"]
        first, last = (form.format(values.iloc[place]) for place in (0, -1))
        parts.append(f"{name} {last}" if len(values) == 1 else f"{name} from {first} to {last} over {len(values)}")
    return "; ".join(parts)
