"""Try it: what do the end model, the functions and the label model say of a text that somebody types?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import driving_words
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset, WorkbenchError
from workbench.ui import figures, opened_end_model
from workbench.ui import label_model_charts as charts
from workbench.ui.curves import probability_bars, word_bars
from workbench.ui.wording import count, percent, plain

_COLOURS: Final = {"end model": charts.GOLD, "label model": charts.LEARNED}
_DRAWN: Final = 12  # classes, the likeliest first
_BARS: Final = 10  # words
_LEAST: Final = 0.005  # log probability that a word must move to be spoken of
_SEEN: Final = 4  # percent of a colour


def show(task: Task, run: Run, dataset: Dataset) -> None:
    """Draw the form and the last answer."""
    opened_end_model.tryer().ready(task.folder, run.id)  # while somebody types
    left, right = st.columns([2, 3], gap="large")
    with left:
        row = _form(task, dataset)
    with right:
        key = f"answer {task.folder} {run.id}"
        if row is not None:
            st.session_state.pop(key, None)
            try:
                with st.spinner("Asking; the first answer waits until the models are loaded", show_time=True):
                    found = opened_end_model.tryer().ask(task.folder, run.id, row)
                st.session_state[key] = found | {"texts": [row[name] or "" for name in dataset.text]}
            except WorkbenchError as error:
                st.error(plain(str(error)), icon=":material/error:")
        if key in st.session_state:
            _answer(st.session_state[key])
        elif row is None:
            st.caption("Type a text and ask: here stands what the end model, the functions and the label model say of it.")


def _form(task: Task, dataset: Dataset) -> dict[str, str | None] | None:
    """Return what was typed, by column, when it is sent."""
    hidden = task.data.get("hidden", ())
    texts, others = dataset.text, {name: few for name, few in opened_end_model.columns(dataset).items() if name not in hidden}
    used = [name for name in task.end_model.get("columns", []) if name in others]
    row: dict[str, str | None] = {}
    with st.form("typed", border=False):
        for place, name in enumerate(texts):
            row[name] = st.text_area(plain(name), key=f"typed {name}", height=160 if place == len(texts) - 1 else 80)
        row |= _fields(used if texts else list(others), others)
        rest = [name for name in others if name not in used] if texts else []
        if rest:
            with st.expander(f"{len(rest):,} more columns that functions may read"):
                row |= _fields(rest, others)
        sent = st.form_submit_button("Ask", type="primary", icon=":material/arrow_forward:")
    return row if sent else None


def _fields(names: Sequence[str], others: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """Ask for cells, two beside each other: a list where a column holds few values, in which another can be typed."""
    row: dict[str, str | None] = {}
    columns = st.columns(2)
    for place, name in enumerate(names):
        settings: dict[str, Any] = {"key": f"typed {name}", "placeholder": "missing"}
        if others[name]:
            row[name] = columns[place % 2].selectbox(plain(name), others[name], index=None, accept_new_options=True, **settings)
        else:
            row[name] = columns[place % 2].text_input(plain(name), **settings)
    return row


def _answer(found: dict[str, Any]) -> None:
    models = {"end model": found["end_model"], "label model": found["label_model"]}
    told = {name: pd.Series(one["probs"]) for name, one in models.items() if "probs" in one}
    for name, one in models.items():
        if name in told:
            best = str(told[name].idxmax())
            assumed = "" if one.get("covered", True) else ", which is only the class balance: no function votes"
            said = f"The {name} says <b>{escape(best)}</b>, {percent(told[name][best])} sure{assumed}."
            st.html(f'<span style="color:{_COLOURS[name]}" aria-hidden="true">●</span> {said}')
        else:
            st.info(f"The {name} has no answer: {plain(one['reason'])}", icon=":material/info:")
        if "decision" in one:
            _decision(one)
    if told:
        table = pd.DataFrame(told)
        table = table.loc[table.iloc[:, 0].sort_values(ascending=False, kind="stable").index[:_DRAWN]]
        charts.draw(
            probability_bars(table, _COLOURS),
            alt="Probability of each class: "
            + "; ".join(f"{name} {label} {percent(p)}" for name in told for label, p in table[name].items()),
        )
    if "words" in found["end_model"]:
        _words(found["end_model"]["words"], found["texts"])
    _functions(found["functions"])


def _decision(said: dict[str, Any]) -> None:
    """Say whether the end model answers by itself, or why a person should look."""
    if said["decision"] == "answer":
        st.success(f"**Answered** without review. {plain(said['promise'])}", icon=":material/check_circle:")
    else:
        st.warning(f"**Needs review**: {plain(said['why'])}. {plain(said['promise'])}", icon=":material/person_search:")


def _words(said: dict[str, Any], texts: Sequence[str]) -> None:
    """Draw the words of the text in colours, and those that do most as bars."""
    st.header(f"Words for and against {plain(said['label'])}")
    drops: dict[str, float] = said["drops"]
    most = max((abs(drop) for drop in drops.values()), default=0.0)
    if most < _LEAST:
        st.caption("No word of the text makes a difference.")
        return
    lines = "<br>".join(_coloured(text, drops, most) for text in texts if text)
    st.html(f'<p style="line-height:1.9;white-space:pre-line;overflow-wrap:anywhere">{lines}</p>')
    table = pd.DataFrame({"word": list(drops), "drop": list(drops.values())})
    table = table.loc[table["drop"].abs().sort_values(ascending=False, kind="stable").index[:_BARS]]
    table = table.sort_values("drop", ascending=False, kind="stable")
    told = ", ".join(f"{one.word} {one.drop:+.2f}" for one in table.itertuples())
    charts.draw(word_bars(table), alt=f"Log probability of {said['label']} lost without each word: {told}")
    left = f" Only the first {len(drops):,} words were tried; {said['left']:,} were not." if said["left"] else ""
    st.caption(
        f"Blue speaks for {plain(said['label'])}, orange against it: how much log probability it loses when the word is left "
        f"out wherever it stands. Two words that say the same each seem to do little. Other columns stay as they are.{left}"
    )


def _coloured(text: str, drops: Mapping[str, float], most: float) -> str:
    found = []
    for piece, drop in driving_words.pieces(text, drops):
        share = 0 if drop is None else round(60 * abs(drop) / most)
        colour = charts.LEARNED if (drop or 0) > 0 else charts.GOLD
        style = f"background:color-mix(in srgb, {colour} {share}%, transparent);border-radius:3px;padding:1px 2px"
        found.append(f'<span style="{style}">{escape(piece)}</span>' if share >= _SEEN else escape(piece))
    return "".join(found)


def _functions(said: dict[str, Any]) -> None:
    if "reason" in said:
        st.info(plain(said["reason"]), icon=":material/info:")
        return
    votes = pd.DataFrame(said["votes"], columns=["lf", "label", "since"]).set_index("lf").rename_axis("function")
    if len(votes):
        votes = votes.rename(columns={"label": "votes", "since": "since the run"})
        st.html(figures.table(votes if votes["since the run"].any() else votes[["votes"]], "Functions that vote"))
    else:
        st.markdown("No function votes.")
    for fault in said["faults"]:
        st.warning(f"{plain(fault['lf'])} fails on it: {plain(fault['error'])}", icon=":material/warning:")
    more = f" Not asked, as they would call a client: {', '.join(said['unasked'])}." if said["unasked"] else ""
    st.caption(plain(f"{count(said['silent'])} functions abstain.{more}"))
