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


def risk_curve(table: pd.DataFrame, target: float, at: float | None) -> Spec:
    """Return the share of wrong answers, with its interval, over the share of rows answered, the surest first.

    table: of `evaluate.risk_coverage`. target: the risk that is drawn as a line. at: the share answered that is marked.
    """
    x = quantity("coverage", title="share of rows answered", axis=styled_axis(format="%", tickCount=6, grid=False))
    x["scale"] = {"domain": [0, 1]}
    top = max(float(table["risk_high"].iloc[len(table) // 10 :].max()), target) * 1.1  # of a few rows it is up to 100 %
    y = {"title": "wrong among them", "axis": styled_axis(format="%", tickCount=5), "scale": {"domain": [0, min(top, 1)]}}
    tips = [quantity("coverage", format=".1%", title="answered"), quantity("risk", format=".1%", title="wrong")]
    tips += [quantity(f"risk_{end}", format=".1%", title=f"interval, {end} end") for end in ("low", "high")]
    tips.append(quantity("threshold", format=".3f", title="confidence from"))
    band = {"x": x, "y": quantity("risk_low", **y), "y2": {"field": "risk_high"}}
    line = {"type": "line", "color": GOLD, "strokeWidth": 2, "clip": True, "point": {"size": 12, "opacity": 0}}
    goal = {"values": [{"coverage": 0, "risk": target, "text": f"target {target:.1%}"}]}
    words = {"type": "text", "align": "left", "dx": 4, "dy": -7, "fontSize": 11, "color": ink()}
    xy = {"x": x, "y": quantity("risk", **y)}
    layers = [
        {"data": values_of(table), "mark": {"type": "area", "color": GOLD, "opacity": 0.16, "clip": True}, "encoding": band},
        {"data": values_of(table), "mark": line, "encoding": {**xy, "tooltip": tips}},
        {"data": goal, "mark": {"type": "rule", "color": QUIET, "strokeDash": [4, 4]}, "encoding": {"y": xy["y"]}},
        {"data": goal, "mark": words, "encoding": {**xy, "text": {"field": "text", "type": "nominal"}}},
    ]
    if at is not None and len(table):
        near = table.iloc[[int((table["coverage"] - at).abs().argmin())]]
        mark = {"type": "point", "filled": True, "size": 110, "opacity": 1, "color": GOLD}
        layers.append({"data": values_of(near), "mark": mark, "encoding": {**xy, "tooltip": tips}})
    return {"height": 320, "layer": layers}


def crossover_curve(table: pd.DataFrame, end_model: float) -> Spec:
    """Return accuracy over the number of gold labels, the draws' spread about it, and the end model's accuracy as a line.

    table: of `end_model_scores.crossover_table`.
    """
    axis = styled_axis(values=table["n"].tolist(), format=",d", grid=False, labelOverlap=True)
    x = quantity("n", title="gold labels", scale={"type": "log", "nice": False}, axis=axis)
    y = {"title": "right on test", "axis": styled_axis(format="%", tickCount=5), "scale": {"zero": False}}
    tips = [quantity("n", format=",d", title="gold labels"), quantity("mean", format=".1%", title="mean of the draws")]
    tips += [quantity(end, format=".1%", title=f"{name} draw") for end, name in (("low", "lowest"), ("high", "highest"))]
    line = {"type": "line", "color": LEARNED, "strokeWidth": 2, "point": {"size": 40, "color": LEARNED}}
    rule = {"values": [{"n": int(table["n"].min()), "mean": end_model, "text": f"end model {end_model:.1%}"}]}
    words = {"type": "text", "align": "left", "dx": 4, "dy": -8, "fontSize": 12, "fontWeight": 600, "color": GOLD}
    spread = {"x": x, "y": quantity("low", **y), "y2": {"field": "high"}}
    xy = {"x": x, "y": quantity("mean", **y)}
    return {
        "height": 260,
        "layer": [
            {"data": values_of(table), "mark": {"type": "area", "color": LEARNED, "opacity": 0.16}, "encoding": spread},
            {"data": values_of(table), "mark": line, "encoding": {**xy, "tooltip": tips}},
            {"data": rule, "mark": {"type": "rule", "color": GOLD, "strokeWidth": 2}, "encoding": {"y": xy["y"]}},
            {"data": rule, "mark": words, "encoding": {**xy, "text": {"field": "text", "type": "nominal"}}},
        ],
    }


def confusion_cells(cells: pd.DataFrame, order: Sequence[str], dark: bool) -> Spec:
    """Return a confusion matrix that can be clicked: the colour is the share of the gold class's rows, the number their count.

    cells: of `end_model_confusion.confusion`. A click selects `gold` and `answer` of a cell.
    """
    size = _cell_size(order)
    low, high = ("#22313a", "#7cc3da") if dark else ("#eef4f6", "#14556a")
    axis = styled_axis(labelLimit=160, labelOverlap=False, ticks=False, domain=False)
    told: Spec = {"type": "nominal", "sort": list(order)}
    x = {
        **told,
        "field": "answer",
        "title": "answered",
        "axis": {**axis, "orient": "top", "labelAngle": -40, "titlePadding": 4},
    }
    y = {**told, "field": "gold", "title": "gold", "axis": axis}
    shade = quantity("share", scale={"range": [low, high], "domain": [0, 1]}, legend=None)
    tips = [{"field": name, "type": "nominal"} for name in ("gold", "answer")]
    tips += [quantity("n", format=",d", title="rows"), quantity("of", format=",d", title="of the class")]
    tips.append(quantity("share", format=".1%"))
    rect = {"type": "rect", "cursor": "pointer", "stroke": "#14181a" if dark else "#ffffff", "strokeWidth": 1}
    pale, deep = ("#0f1316", "#eceeec") if dark else ("#ffffff", "#0f1316")
    words = {"condition": {"test": f"datum.share > {0.5 if dark else 0.75}", "value": pale}, "value": deep}
    picked = {"name": "cell", "select": {"type": "point", "fields": ["gold", "answer"]}}
    layers: list[Spec] = [{"params": [picked], "mark": rect, "encoding": {"color": shade, "tooltip": tips}}]
    if size >= 26:
        text = {"field": "n", "type": "quantitative", "format": ",d"}
        layers.append({"mark": {"type": "text", "fontSize": 12}, "encoding": {"text": text, "color": words}})
        layers[1]["transform"] = [{"filter": "datum.n > 0"}]
        layers[1]["mark"]["tooltip"] = None
        layers[1]["mark"]["cursor"] = "pointer"
    data = values_of(cells)
    return {
        "width": {"step": size},
        "height": {"step": size},
        "padding": {"left": 0, "top": 0, "right": 0.66 * _name_room(order), "bottom": 0},
        "data": data,
        "encoding": {"x": x, "y": y},
        "layer": layers,
    }


def confusion_width(order: Sequence[str]) -> int:
    """Return the pixels that a confusion matrix takes with its names."""
    return round(1.66 * _name_room(order)) + _cell_size(order) * len(order) + 40


def _cell_size(order: Sequence[str]) -> int:
    return max(18, min(46, 520 // max(len(order), 1)))


def _name_room(order: Sequence[str]) -> int:
    """Return the pixels of the longest name; those above a matrix lean to the right."""
    return min(160, 7 * max(map(len, order)))


def word_bars(table: pd.DataFrame) -> Spec:
    """Return what each word adds to the log probability of the answer; table: word, drop, the first at the top."""
    data = table.assign(text=table["drop"].map("{:+.2f}".format).str.replace("-", "−"), speaks=table["drop"] >= 0)
    data["end"] = data["drop"].clip(lower=0)
    names = styled_axis(labelLimit=200, labelOverlap=False, ticks=False, domain=False)
    y = {"field": "word", "type": "nominal", "sort": table["word"].tolist(), "title": None, "axis": names}
    x = {"title": "log probability lost without the word", "axis": styled_axis(tickCount=4)}
    colour = {"condition": {"test": "datum.speaks", "value": LEARNED}, "value": GOLD}
    words = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": ink()}
    text = {"field": "text", "type": "nominal"}
    return {
        "height": {"step": 22},
        "padding": {"left": 5, "top": 5, "right": 40, "bottom": 5},
        "data": values_of(data),
        "layer": [
            {"mark": {"type": "bar", "height": 10}, "encoding": {"y": y, "x": quantity("drop", **x), "color": colour}},
            {"mark": words, "encoding": {"y": y, "x": quantity("end", **x), "text": text}},
        ],
    }
