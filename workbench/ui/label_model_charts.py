"""Charts of the label model's page: dots on their intervals, a waterfall, a few lines; sorted, with direct labels.

They are Vega-Lite as it stands: to load Altair takes half a second, and to have it check a chart a tenth of one at each click.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

Spec = dict[str, Any]

# Three colours that stand out on white and on near-black alike (3:1 and more) and stay apart for the colour-blind.
LEARNED: Final = "#2b87a3"
GOLD: Final = "#c8641b"
QUIET: Final = "#7a8488"
_SHARES: Final = {"format": "%", "tickCount": 6}
_ROOM: Final = {"left": 5, "top": 5, "right": 46, "bottom": 5}  # pixels, for words behind the last mark
_DASHED: Final = {"color": QUIET, "strokeDash": [4, 4], "strokeWidth": 1}


def draw(spec: Spec, alt: str) -> None:
    """Draw a chart; alt: what it says, for those who do not see it."""
    st.vega_lite_chart(spec=spec, alt=alt)


def ink() -> str:
    """Return the colour of text on the ground of now."""
    return "#d3d8d9" if st.context.theme.type == "dark" else "#30373b"


def styled_axis(**settings: Any) -> Spec:
    return {"labelColor": ink(), "titleColor": ink(), "titleFontWeight": "normal", **settings}


def _names(order: Sequence[str]) -> Spec:
    """Return the axis of names, in this order, none left out."""
    axis = styled_axis(labelLimit=260, labelOverlap=False, ticks=False, domain=False, labelFontSize=12)
    return {"field": "name", "type": "nominal", "sort": list(order), "title": None, "axis": axis}


def quantity(field: str, **settings: Any) -> Spec:
    return {"field": field, "type": "quantitative", **settings}


def _text(field: str = "text", **settings: Any) -> tuple[Spec, Spec]:
    """Return the mark and the channel of words beside a dot or bar."""
    return {"type": "text", "align": "left", "fontSize": 11, "color": ink(), **settings}, {"field": field, "type": "nominal"}


def values_of(table: pd.DataFrame) -> Spec:
    return {"values": json.loads(table.to_json(orient="records", double_precision=15))}  # NaN becomes null


def dots(
    table: pd.DataFrame, series: Mapping[str, tuple[str, str, str]], title: str, *, step: int = 26, zero: bool = True
) -> Spec:
    """Return one line a row of a table, on it a dot with its interval for each series, all on one axis of shares.

    table: indexed by name, drawn in its order. series: by name its column, the prefix of its `low` and `high`, and its colour.
    A column n, where there is one, stands as text beside the last series. step: pixels a row. zero: begin the axis at 0.
    """
    data = _long(table, series)
    counted = (data["series"] == list(series)[-1]) & data["n"].notna()
    data = data.assign(end=data["high"].fillna(data["value"]), text=[f"n {n:,.0f}" for n in data["n"].fillna(0)])
    x = {"title": title, "axis": styled_axis(grid=True, **_SHARES), "scale": {"zero": zero}}
    colours = {"domain": list(series), "range": [colour for *_, colour in series.values()]}
    where = {
        "y": _names(list(table.index)),
        "yOffset": {"field": "series", "type": "nominal", "sort": list(series), "scale": {"paddingOuter": 0.3}},
    }
    coloured = {**where, "color": {"field": "series", "type": "nominal", "scale": colours, "legend": None}}
    told = [{"field": "name", "type": "nominal", "title": " "}, {"field": "series", "type": "nominal", "title": "figure"}]
    told += [quantity(name, format=".1%") for name in ("value", "low", "high")]
    words, text = _text(dx=5)
    return {
        "height": {"step": step / len(series)},
        "padding": _ROOM,
        "layer": [
            {
                "data": values_of(data),
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.55},
                "encoding": {**coloured, "x": quantity("low", **x), "x2": {"field": "high"}},
            },
            {
                "data": values_of(data),
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
                "encoding": {**coloured, "x": quantity("value", **x), "tooltip": told},
            },
            {"data": values_of(data[counted]), "mark": words, "encoding": {**where, "x": quantity("end", **x), "text": text}},
        ],
    }


def _long(table: pd.DataFrame, series: Mapping[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Return one line a dot: name, series, value, low, high, n; dots without a value are left out."""
    parts = []
    for name, (column, prefix, _) in series.items():
        wanted = {"value": column, "low": f"{prefix}low", "high": f"{prefix}high", "n": "n"}
        found = {to: table[own] if own in table else pd.Series(dtype=float, index=table.index) for to, own in wanted.items()}
        parts.append(pd.DataFrame({"name": table.index, "series": name} | {to: one.to_numpy() for to, one in found.items()}))
    return pd.concat(parts, ignore_index=True).dropna(subset="value")


def reliability(table: pd.DataFrame) -> Spec:
    """Return accuracy against confidence: where both are equal the dots lie on the line."""
    low = max(0.0, min(float(table["confidence"].min()), float(table["accuracy_low"].min())) - 0.05)
    shared = {"scale": {"domain": [low, 1.02], "nice": False}, "axis": styled_axis(**_SHARES)}
    x = {"x": quantity("confidence", title="mean confidence of the model", **shared)}
    y = {"title": "share of valid rows it is right on", **shared}
    told = [quantity(name, format=".1%") for name in ("confidence", "accuracy", "accuracy_low", "accuracy_high")]
    words, text = _text(dx=7, dy=4)
    data = values_of(table.assign(text=[f"n {n:,.0f}" for n in table["n"]]))
    line = {"x": quantity("at"), "y": quantity("at")}
    return {
        "height": 320,
        "padding": _ROOM,
        "layer": [
            {"data": {"values": [{"at": low}, {"at": 1}]}, "mark": {"type": "line", **_DASHED}, "encoding": line},
            {
                "data": data,
                "mark": {"type": "rule", "color": GOLD, "strokeWidth": 2, "opacity": 0.55},
                "encoding": {**x, "y": quantity("accuracy_low", **y), "y2": {"field": "accuracy_high"}},
            },
            {
                "data": data,
                "mark": {"type": "point", "filled": True, "size": 60, "color": GOLD, "opacity": 1},
                "encoding": {**x, "y": quantity("accuracy", **y), "tooltip": [*told, quantity("n", format=",d")]},
            },
            {"data": data, "mark": words, "encoding": {**x, "y": quantity("accuracy", **y), "text": text}},
        ],
    }


def histogram(table: pd.DataFrame, threshold: float) -> Spec:
    """Return how many rows have which confidence; those under the threshold stand out."""
    data = table.assign(under=table["high"] <= threshold + 1e-9)
    told = [quantity("low", format=".0%"), quantity("high", format=".0%"), quantity("n", format=",d")]
    return {
        "height": 220,
        "data": values_of(data),
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": quantity("low", bin="binned", axis=styled_axis(**_SHARES), title="confidence of the model"),
            "x2": {"field": "high"},
            "y": quantity("n", title="covered rows", axis=styled_axis(tickCount=4, format=",d")),
            "color": {"condition": {"test": "datum.under", "value": GOLD}, "value": LEARNED},
            "tooltip": told,
        },
    }


def convergence(history: Sequence[float], tol: float | None) -> Spec:
    """Return the largest change of a probability at each iteration, on a logarithmic axis, and where it may stop."""
    points = [{"iteration": i, "change": change} for i, change in enumerate(history, 1) if change > 0]  # no log of 0
    axis = styled_axis(format="~g", tickCount=5)
    y = {"y": quantity("change", scale={"type": "log"}, axis=axis, title="largest change")}
    x = {"x": quantity("iteration", axis=styled_axis(format="d", tickMinStep=1), title="iteration")}
    dot = {"size": 30, "color": LEARNED}
    layers = [{"data": {"values": points}, "mark": {"type": "line", "color": LEARNED, "point": dot}, "encoding": {**x, **y}}]
    if tol is not None:
        stop = {"values": [{"iteration": 1, "change": tol, "text": f"stops below {tol:g}"}]}
        words, text = _text(dy=-7)
        layers.append({"data": stop, "mark": {"type": "rule", **_DASHED}, "encoding": y})
        layers.append({"data": stop, "mark": words, "encoding": {**x, **y, "text": text}})
    return {"height": 200, "layer": layers}


def waterfall(lines: pd.DataFrame, first: str, second: str, log_odds: float) -> Spec:
    """Return what each line adds to the log odds of first against second, from 0 on, and their sum last."""
    total: Spec = {"line": "sum", "vote": "", "adds": log_odds, "before": 0.0, "after": log_odds}
    bars: list[Spec] = []
    steps: list[Any] = [*lines.to_dict("records"), total]
    for place, bar in enumerate(steps):
        name = f"{bar['line']} → {bar['vote']}" if bar["vote"] else bar["line"]
        kind = "sum" if place == len(lines) else "for" if bar["adds"] >= 0 else "against"
        bars.append({**bar, "name": name, "kind": kind, "text": f"{bar['adds']:+.2f}", "end": max(bar["before"], bar["after"])})
    y = {"y": _names([bar["name"] for bar in bars])}
    x = {"title": f"← {second}  ·  log odds  ·  {first} →", "axis": styled_axis(tickCount=6)}
    colours = {"domain": ["for", "against", "sum"], "range": [LEARNED, GOLD, QUIET]}
    told = [{"field": "name", "type": "nominal"}, quantity("adds", format="+.3f")]
    words, text = _text(dx=5)
    return {
        "height": {"step": 24},
        "padding": _ROOM,
        "data": {"values": bars},
        "layer": [
            {"data": {"values": [{"at": 0}]}, "mark": {"type": "rule", "color": QUIET}, "encoding": {"x": quantity("at", **x)}},
            {
                "mark": {"type": "bar", "height": 14},
                "encoding": {
                    **y,
                    "x": quantity("before", **x),
                    "x2": {"field": "after"},
                    "color": {"field": "kind", "type": "nominal", "scale": colours, "legend": None},
                    "tooltip": [*told, quantity("after", format="+.3f", title="sum so far")],
                },
            },
            {"mark": words, "encoding": {**y, "x": quantity("end", **x), "text": text}},
        ],
    }
