"""Charts of training set and end model, as plain Vega-Lite: accuracy against what is kept, a training's loss, probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.ui.label_model_charts import GOLD, LEARNED, QUIET, Spec, ink, quantity, styled_axis, values_of


def accuracy_curve(table: pd.DataFrame, told: int, chosen: float, kept: str, title: str, form: str) -> Spec:
    """Return the accuracy measured on valid, with its interval, over what each threshold keeps, and the one that is chosen.

    table: one line a threshold, from 0 on, with the column kept (in the format form), n (valid rows with gold), accuracy, low,
    high, and where something is believed too, expected. told: fewest rows on which an accuracy is drawn.
    """
    measured = table[table["n"] >= told]
    x = quantity(kept, title=title, axis=styled_axis(format=form, tickCount=6, grid=False), scale={"nice": False})
    tips = [quantity("threshold", format=".2f"), quantity(kept, format=form, title=title)]
    tips += [quantity("accuracy", format=".1%", title="measured"), quantity("n", format=",d", title="valid rows")]
    layers = []
    if len(measured):
        band = {"x": x, "y": _right("low"), "y2": {"field": "high"}}
        layers.append({"data": values_of(measured), "mark": {"type": "area", "color": GOLD, "opacity": 0.16}, "encoding": band})
        layers.append(_line(measured, x, "accuracy", GOLD, [1, 0], tips))
        layers.append(_name(measured, x, "low", "measured on valid", GOLD, align="right", dx=-6, dy=12))
    if "expected" in table:
        layers.append(_line(table, x, "expected", LEARNED, [5, 4], tips))
        layers.append(_name(table, x, "expected", "believed by the label model", LEARNED, align="left", dx=6, dy=-6))
    at = table[table["threshold"] <= chosen + 1e-9].tail(1)
    column = "accuracy" if at.index.isin(measured.index).all() or "expected" not in table else "expected"
    mark = {"type": "point", "filled": True, "size": 110, "opacity": 1, "color": GOLD if column == "accuracy" else LEARNED}
    layers.append({"data": values_of(at), "mark": mark, "encoding": {"x": x, "y": _right(column), "tooltip": tips}})
    return {"height": 260, "layer": layers}


def _right(column: str) -> Spec:
    return quantity(column, title="right", axis=styled_axis(format="%", tickCount=5), scale={"zero": False, "nice": True})


def _line(table: pd.DataFrame, x: Spec, column: str, colour: str, dash: list[int], tips: list[Spec]) -> Spec:
    mark = {"type": "line", "color": colour, "strokeWidth": 2, "strokeDash": dash, "point": {"size": 12, "opacity": 0}}
    encoding = {"x": x, "y": _right(column), "order": quantity("threshold"), "tooltip": tips}
    return {"data": values_of(table), "mark": mark, "encoding": encoding}


def _name(table: pd.DataFrame, x: Spec, column: str, name: str, colour: str, **place: Any) -> Spec:
    """Return the name of a curve, which stands at its middle."""
    along = table[str(x["field"])].to_numpy(float)
    middle = table.iloc[[int(np.abs(along - (along.max() + along.min()) / 2).argmin())]]
    mark = {"type": "text", "text": name, "fontSize": 12, "fontWeight": 600, "color": colour, **place}
    return {"data": values_of(middle), "mark": mark, "encoding": {"x": x, "y": _right(column)}}


def loss_curve(history: pd.DataFrame, best: int | None) -> Spec:
    """Return the loss at each epoch; history: epoch, rows (`taught` or `held out`), loss; best: the epoch that is marked."""
    colours = {"domain": ["held out", "taught"], "range": [GOLD, QUIET]}
    encoding = {
        "x": quantity("epoch", title="epoch", axis=styled_axis(format="d", tickMinStep=1, grid=False)),
        "y": quantity("loss", title="loss", scale={"zero": False}, axis=styled_axis(tickCount=5)),
        "color": {"field": "rows", "type": "nominal", "scale": colours, "legend": None},
    }
    names = {"type": "text", "align": "right", "dy": -9, "fontSize": 12, "fontWeight": 600}
    tips = [{"field": "rows", "type": "nominal"}, quantity("epoch"), quantity("loss", format=".4f")]
    layers: list[Spec] = [
        {"data": values_of(history), "mark": {"type": "line", "point": {"size": 28}}, "encoding": encoding | {"tooltip": tips}},
        {
            "data": values_of(history.groupby("rows", sort=False).tail(1)),
            "mark": names,
            "encoding": encoding | {"text": {"field": "rows", "type": "nominal"}},
        },
    ]
    if best is not None:
        at = history[(history["epoch"] == best) & (history["rows"] == "held out")]
        layers.append({"data": values_of(at), "mark": {"type": "point", "size": 160, "strokeWidth": 2}, "encoding": encoding})
    return {"height": 240, "layer": layers}


def probability_bars(table: pd.DataFrame, colours: Mapping[str, str]) -> Spec:
    """Return a bar for each class (the table's index, in its order) and answer (its columns), with the figure at its end."""
    data = table.rename_axis("class").reset_index().melt("class", var_name="by", value_name="p")
    data = data.assign(text=data["p"].map("{:.1%}".format))
    by = [str(name) for name in table.columns]
    names = styled_axis(labelLimit=200, labelOverlap=False, ticks=False, domain=False)
    scale = {"domain": by, "range": [colours[name] for name in by]}
    encoding = {
        "y": {"field": "class", "type": "nominal", "sort": [str(name) for name in table.index], "title": None, "axis": names},
        "yOffset": {"field": "by", "type": "nominal", "sort": by},
        "x": quantity("p", title=None, axis=None, scale={"domain": [0, 1.12]}),
    }
    tips = [*({"field": name, "type": "nominal"} for name in ("class", "by")), quantity("p", format=".2%")]
    bars = {"color": {"field": "by", "type": "nominal", "scale": scale, "legend": None}, "tooltip": tips}
    words = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": ink()}
    return {
        "height": len(table) * (16 * len(by) + 8),
        "data": values_of(data),
        "layer": [
            {"mark": {"type": "bar", "height": 10}, "encoding": encoding | bars},
            {"mark": words, "encoding": encoding | {"text": {"field": "text", "type": "nominal"}}},
        ],
    }


def bound_path(bounds: Sequence[float], target: float) -> Spec:
    """Return the promised share of wrong labels after each draw, and the target it is to reach."""
    values = [{"draw": place, "bound": bound} for place, bound in enumerate(bounds, 1)]
    last = len(bounds)
    wide = {"domain": [1, max(last * 1.15, last + 1)], "nice": False}  # the name of the last bound stands behind it
    x = quantity("draw", title="draws", axis=styled_axis(format="d", tickMinStep=1, tickCount=8, grid=False), scale=wide)
    y = quantity("bound", title="at most wrong", axis=styled_axis(format="%", tickCount=5), scale={"domain": [0, 1]})
    text = {"field": "text", "type": "nominal"}
    end = [{"draw": last, "bound": bounds[-1]}]
    named = [{"draw": last, "bound": max(bounds[-1], target), "text": f"at most {bounds[-1]:.1%}"}]
    goal = [{"draw": 1, "bound": target, "text": f"target {target:.1%}"}]
    words = {"type": "text", "fontSize": 11, "color": ink(), "dy": -8}
    tips = [quantity("draw", title="draws"), quantity("bound", format=".1%", title="at most wrong")]
    line = {"type": "line", "interpolate": "step-after", "color": LEARNED, "strokeWidth": 2}
    dot = {"type": "point", "filled": True, "size": 80, "opacity": 1, "color": LEARNED}
    dashed = {"type": "rule", "color": QUIET, "strokeDash": [4, 4]}
    return {
        "height": 220,
        "layer": [
            {"data": {"values": values}, "mark": line, "encoding": {"x": x, "y": y, "tooltip": tips}},
            {"data": {"values": goal}, "mark": dashed, "encoding": {"y": y}},
            {"data": {"values": goal}, "mark": {**words, "align": "left"}, "encoding": {"x": x, "y": y, "text": text}},
            {"data": {"values": end}, "mark": dot, "encoding": {"x": x, "y": y, "tooltip": tips}},
            {
                "data": {"values": named},
                "mark": {**words, "align": "left", "dx": 6},
                "encoding": {"x": x, "y": y, "text": text},
            },
        ],
    }
