"""Charts of the label model's page: dots on their intervals, a waterfall, a few lines; sorted, with direct labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

# Three colours that stand out on white and on near-black alike (3:1 and more) and stay apart for the colour-blind.
LEARNED: Final = "#2b87a3"
GOLD: Final = "#c8641b"
QUIET: Final = "#7a8488"


def ink() -> str:
    """Return the colour of text on the ground of now."""
    return "#d3d8d9" if st.context.theme.type == "dark" else "#30373b"


def _names() -> Any:
    return alt.Axis(labelLimit=260, labelOverlap=False, ticks=False, domain=False, labelFontSize=12, labelColor=ink())


def _axis(**settings: Any) -> Any:
    return alt.Axis(labelColor=ink(), titleColor=ink(), titleFontWeight="normal", **settings)


def dots(
    table: pd.DataFrame, series: Mapping[str, tuple[str, str, str]], title: str, *, step: int = 26, zero: bool = True
) -> Any:
    """Return one line a row of a table, on it a dot with its interval for each series, all on one axis of shares.

    table: indexed by name, drawn in its order. series: by name its column, the prefix of its `low` and `high`, and its colour.
    A column n, where there is one, stands as text beside the last series. step: pixels a row. zero: begin the axis at 0.
    """
    data = _long(table, series)
    colours = alt.Scale(domain=list(series), range=[colour for *_, colour in series.values()])
    base = alt.Chart(data).encode(
        y=alt.Y("name:N", sort=list(table.index), title=None, axis=_names()),
        yOffset=alt.YOffset("series:N", sort=list(series), scale=alt.Scale(paddingOuter=0.3)),
        color=alt.Color("series:N", scale=colours, legend=None),
    )
    shares = _axis(format="%", tickCount=6, grid=True)
    told = [
        alt.Tooltip("name:N", title=" "),
        alt.Tooltip("series:N", title="figure"),
        alt.Tooltip("value:Q", format=".1%"),
        alt.Tooltip("low:Q", format=".1%"),
        alt.Tooltip("high:Q", format=".1%"),
    ]
    scale = alt.Scale(zero=zero, nice=True)
    lines = base.mark_rule(strokeWidth=2, opacity=0.55).encode(
        x=alt.X("low:Q", title=title, axis=shares, scale=scale), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=55, opacity=1).encode(
        x=alt.X("value:Q", title=title, axis=shares, scale=scale), tooltip=told
    )
    layers = [lines, points]
    if "n" in table:
        counted = data[(data["series"] == list(series)[-1]) & data["n"].notna()]
        ends = counted.assign(end=counted["high"].fillna(counted["value"]), text=[f"n {n:,.0f}" for n in counted["n"]])
        layers.append(
            alt.Chart(ends)
            .mark_text(align="left", dx=5, fontSize=11, color=ink())
            .encode(
                x="end:Q",
                y=alt.Y("name:N", sort=list(table.index)),
                yOffset=alt.YOffset("series:N", sort=list(series), scale=alt.Scale(paddingOuter=0.3)),
                text="text:N",
            )
        )
    return alt.layer(*layers).properties(height=alt.Step(step / len(series)))


def _long(table: pd.DataFrame, series: Mapping[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Return one line a dot: name, series, value, low, high, n; dots without a value are left out."""
    parts = []
    for name, (column, prefix, _) in series.items():
        wanted = {"value": column, "low": f"{prefix}low", "high": f"{prefix}high", "n": "n"}
        found = {to: table[own] if own in table else pd.Series(dtype=float, index=table.index) for to, own in wanted.items()}
        parts.append(pd.DataFrame({"name": table.index, "series": name} | {to: one.to_numpy() for to, one in found.items()}))
    return pd.concat(parts, ignore_index=True).dropna(subset="value")


def reliability(table: pd.DataFrame) -> Any:
    """Return accuracy against confidence: where both are equal the dots lie on the line."""
    low = min(float(table["confidence"].min()), float(table["accuracy_low"].min()))
    scale = alt.Scale(domain=[max(0.0, low - 0.05), 1.02], nice=False)
    axis = _axis(format="%", tickCount=6)
    ends = pd.DataFrame({"at": [max(0.0, low - 0.05), 1.0]})
    line = alt.Chart(ends).mark_line(color=QUIET, strokeDash=[4, 4], strokeWidth=1).encode(x="at:Q", y="at:Q")
    x = alt.X("confidence:Q", scale=scale, axis=axis, title="mean confidence of the model")
    data = table.assign(text=[f"n {n:,.0f}" for n in table["n"]])
    base = alt.Chart(data).encode(x=x)
    title = "share of valid rows it is right on"
    bars = base.mark_rule(color=GOLD, strokeWidth=2, opacity=0.55).encode(
        y=alt.Y("accuracy_low:Q", scale=scale, axis=axis, title=title), y2="accuracy_high:Q"
    )
    points = base.mark_point(filled=True, size=60, color=GOLD, opacity=1).encode(
        y=alt.Y("accuracy:Q", title=title),
        tooltip=[
            alt.Tooltip("confidence:Q", format=".1%"),
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip("accuracy_low:Q", format=".1%", title="low"),
            alt.Tooltip("accuracy_high:Q", format=".1%", title="high"),
            "n:Q",
        ],
    )
    texts = base.mark_text(align="left", dx=7, dy=4, fontSize=11, color=ink()).encode(y="accuracy:Q", text="text:N")
    return alt.layer(line, bars, points, texts).properties(height=320)


def histogram(table: pd.DataFrame, threshold: float) -> Any:
    """Return how many rows have which confidence; those under the threshold stand out."""
    data = table.assign(under=table["high"] <= threshold + 1e-9)
    colour = alt.condition(alt.datum.under, alt.value(GOLD), alt.value(LEARNED))
    return (
        alt.Chart(data)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("low:Q", bin="binned", axis=_axis(format="%", tickCount=6), title="confidence of the model"),
            x2="high:Q",
            y=alt.Y("n:Q", title="covered rows", axis=_axis(tickCount=4, format=",d")),
            color=colour,
            tooltip=[alt.Tooltip("low:Q", format=".0%"), alt.Tooltip("high:Q", format=".0%"), alt.Tooltip("n:Q", format=",")],
        )
        .properties(height=220)
    )


def convergence(history: list[float], tol: float | None) -> Any:
    """Return the largest change of a probability at each iteration, on a logarithmic axis, and where it may stop."""
    data = pd.DataFrame({"iteration": range(1, len(history) + 1), "change": history})
    data = data[data["change"] > 0]  # a logarithmic axis has no 0
    axis = _axis(format="~g", tickCount=5)
    y = alt.Y("change:Q", scale=alt.Scale(type="log"), axis=axis, title="largest change")
    x = alt.X("iteration:Q", axis=_axis(format="d", tickMinStep=1))
    lines: list[Any] = [alt.Chart(data).mark_line(point={"size": 30, "color": LEARNED}, color=LEARNED).encode(x=x, y=y)]
    if tol is not None:
        stop = pd.DataFrame({"change": [tol], "text": [f"stops below {tol:g}"], "iteration": [1]})
        lines.append(alt.Chart(stop).mark_rule(color=QUIET, strokeDash=[4, 4]).encode(y="change:Q"))
        words = alt.Chart(stop).mark_text(align="left", dy=-7, fontSize=11, color=ink())
        lines.append(words.encode(x="iteration:Q", y="change:Q", text="text:N"))
    return alt.layer(*lines).properties(height=200)


def waterfall(lines: pd.DataFrame, first: str, second: str, log_odds: float) -> Any:
    """Return what each line adds to the log odds of first against second, from 0 on, and their sum last."""
    total = {"line": "sum", "vote": "", "adds": log_odds, "before": 0.0, "after": log_odds}
    data = pd.concat([lines, pd.DataFrame([total])], ignore_index=True)
    names = [f"{line} → {vote}" if vote else line for line, vote in zip(data["line"], data["vote"], strict=True)]
    data = data.assign(
        name=names,
        text=data["adds"].map("{:+.2f}".format),
        end=data[["before", "after"]].max(axis=1),
        kind=["sum" if i == len(data) - 1 else "for" if adds >= 0 else "against" for i, adds in enumerate(data["adds"])],
    )
    colours = alt.Scale(domain=["for", "against", "sum"], range=[LEARNED, GOLD, QUIET])
    base = alt.Chart(data).encode(y=alt.Y("name:N", sort=names, title=None, axis=_names()))
    title = f"← {second}  ·  log odds  ·  {first} →"
    bars = base.mark_bar(height=14).encode(
        x=alt.X("before:Q", title=title, axis=_axis(tickCount=6)),
        x2="after:Q",
        color=alt.Color("kind:N", scale=colours, legend=None),
        tooltip=["name:N", alt.Tooltip("adds:Q", format="+.3f"), alt.Tooltip("after:Q", format="+.3f", title="sum so far")],
    )
    texts = base.mark_text(align="left", dx=5, fontSize=11, color=ink()).encode(x="end:Q", text="text:N")
    zero = alt.Chart(pd.DataFrame({"at": [0.0]})).mark_rule(color=QUIET).encode(x="at:Q")
    return alt.layer(zero, bars, texts).properties(height=alt.Step(24))
