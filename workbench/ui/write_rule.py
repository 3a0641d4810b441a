"""Write a rule: would it work, before it is saved?"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project.phrases import expect_phrases
from workbench.project.rule_draft import Ground, Precision, Tried, columns_for, refusal, rule_of, try_rule, words_in
from workbench.project.rule_rows import Part, Row, proposed_examples, rows_of, with_examples
from workbench.project.rule_saving import proposed_name, python_text, save_rule, told, toml_text
from workbench.project.runs import Run, newest_run
from workbench.project.task import Task
from workbench.tables import WorkbenchError
from workbench.ui import figures, opened, opened_rules, running
from workbench.ui.frame import chosen_run, chosen_task
from workbench.ui.wording import count, interval, percent, plain

_PAGE: Final = 10
_SHOWN: Final = 8  # functions beside the draft that stand without scrolling
_KINDS: Final = {
    "keyword": ("Keywords", "Words, with commas", "refund, money back", "Any of these words, as whole words."),
    "regex": ("Pattern", "Pattern", r"[$€£]\s?\d", "A regular expression as RE2 reads it: no look-around, no back-references."),
    "phrase": ("Phrases", "Phrases, with commas", "is there a way, we want to", "Compared token by token, as spaCy does."),
    "threshold": ("Threshold", "", "", "A number strictly above or below a bound."),
    "lookup": ("Lookup", "Values, with commas", "enterprise, premium", "A cell that equals one of these values."),
    "column": ("Column", "Cells, with commas", "empty: each cell is itself a class", "What an earlier system or person said."),
}  # fmt: skip
_KEPT: Final[dict[str, Any]] = {"bind": "query-params", "persist_state": "session"}  # a draft survives reload and other pages
_ROWS: Final = {
    "new": ("New", "A function votes on each of its rows already."),
    "conflicting": ("In conflict", "No function votes for another class there."),
    "wrong": ("Wrong", "None of its votes is known to be wrong."),
    "all": ("All", "It votes on no row."),
}


def show() -> None:
    """Draw the page."""
    st.title("Write a rule")
    task = chosen_task()
    run = chosen_run(task, "votes.parquet")
    dataset, _ = opened.rows(task)
    ground = opened_rules.ground(task, run, dataset)
    if not len(ground.data):
        st.info("All rows are test rows, on which no rule is tried. Give the task train rows.", icon=":material/info:")
        return
    st.caption(plain(_about(ground, run)))
    _draft(task, ground)


def _about(ground: Ground, run: Run | None) -> str:
    """Say in one line what the figures of the page are about."""
    rows = f"{ground.total:,} train and valid rows"
    if ground.counted < ground.total:
        rows = f"{ground.counted:,} of {rows}, drawn at random"
    votes = "nothing has voted yet, so every row counts as new" if run is None else f"votes are those of run {run.id}"
    if ground.since:
        rules = f"the {len(ground.since)} rules written since" if len(ground.since) > 1 else "the rule written since"
        votes = f"{votes} and of {rules}" if run is not None else "no run yet, so that only the rules in rules.toml have votes"
    return f"Would it work, before it is saved? Counted as you type, on {rows}; test rows are left out; {votes}."


@st.fragment
def _draft(task: Task, ground: Ground) -> None:
    """Ask for a rule and show what it does; typing draws this part of the page alone."""
    said = st.container()
    rule, label, column = _form(task, ground)
    if rule is None:
        with said:
            _saved(task)
        _suggest(ground, label, column, wide=True)
        return
    st.session_state.pop("rule saved", None)
    try:
        with st.spinner("spaCy splits the texts", show_time=True) if rule["kind"] == "phrase" else st.empty():
            tried = try_rule(ground, rule)
    except WorkbenchError as error:
        st.error(plain(refusal(error)), icon=":material/error:")
        _suggest(ground, label, column, wide=True)
        return
    _figures(ground, tried)
    _keep(task, ground, tried)
    left, right = st.columns([4, 3], gap="large")
    with left:
        _rows(ground, tried)
    with right:
        _functions(ground, tried)
        _suggest(ground, label, column, wide=False)


# ---------------------------------------------------------------- the form


def _form(task: Task, ground: Ground) -> tuple[dict[str, Any] | None, str, str | None]:
    """Return what stands in the form as a rule (None where it is empty), its class, and the column it looks in."""
    kind = st.segmented_control(
        "Kind", list(_KINDS), format_func=lambda one: _KINDS[one][0], key="kind", required=True, **_KEPT,
        default=None if "kind" in st.session_state else "keyword", label_visibility="collapsed",
    ) or "keyword"  # fmt: skip
    if kind == "phrase":
        expect_phrases()
    in_text = kind in ("keyword", "regex", "phrase")
    columns = columns_for(ground, kind)
    options = ["", *columns] if in_text and ground.data.text else columns
    if not options:
        st.info("No column of this task holds numbers. Choose another kind of rule.", icon=":material/info:")
        return None, task.labels[0], None
    where = "in" if in_text else "number" if kind == "threshold" else "column"  # each has its own columns to choose from
    for key, allowed in ((where, options), ("label", task.labels)):
        if st.session_state.get(key) not in allowed:
            st.session_state.pop(key, None)
    box, middle, right = st.columns([3, 1, 1])
    label = middle.selectbox("Votes for", task.labels, key="label", **_KEPT)
    column = right.selectbox("Looks in", options, format_func=lambda one: one or "all text", key=where, **_KEPT) or None
    with box:
        settings = _bounds() if kind == "threshold" else _find(kind)
    if settings is None:
        return None, label, column
    return rule_of(kind, settings.pop("finds", []), label, column=column, **settings), label, column


def _find(kind: str) -> dict[str, Any] | None:
    """Return what a rule looks for, and its settings."""
    _, label, hint, help_ = _KINDS[kind]
    text = st.text_input(label, key="find", live=True, type="search", placeholder=hint, help=help_, **_KEPT) or ""
    settings: dict[str, Any] = {}
    if kind in ("keyword", "regex", "phrase"):
        with st.container(horizontal=True):
            if kind == "keyword":
                settings["whole_word"] = not st.checkbox("also inside words", key="part", **_KEPT)
                settings["match"] = "all" if st.checkbox("all of them", key="every", **_KEPT) else "any"
            settings["case"] = st.checkbox("case matters", key="case", **_KEPT)
    finds = [text] if kind == "regex" and text else words_in(text) if kind != "regex" else []
    return {**settings, "finds": finds} if finds or kind == "column" else None


def _bounds() -> dict[str, Any] | None:
    """Return the bounds of a threshold."""
    found: dict[str, Any] = {}
    for side, place in zip(("above", "below"), st.columns(2), strict=True):
        text = place.text_input(f"Strictly {side}", key=side, **_KEPT, live=True, placeholder="100") or ""
        if text.strip():
            try:
                found[side] = float(text)
            except ValueError:
                place.error(f"{plain(text)} is no number; write one such as 12.5", icon=":material/error:")
                return None
    return found or None


# ---------------------------------------------------------------- what it does


def _figures(ground: Ground, tried: Tried) -> None:
    if tried.slow:
        share = f"{tried.counted:,} of {ground.total:,} rows"
        st.warning(f"It takes long: counted on a random {share}. A run asks it about all.", icon=":material/hourglass_top:")
    if tried.faults:
        st.warning(f"It fails on {tried.faults:,} rows, first: {plain(tried.fault)}", icon=":material/warning:")
    told_by = [("Right on valid gold", tried.gold, "Of its votes on valid rows with gold.")]
    if (ground.reviewed >= 0).any():
        told_by.append(("Right on reviewed", tried.reviewed, "Of its votes on rows that people labelled in review."))
    boxes = iter(st.columns(3 + len(told_by)))
    counts = tried.counts
    with next(boxes):
        st.metric("Coverage", percent(tried.coverage), help="Share of rows on which it votes.")
        st.caption(f"{counts['all']:,} of {tried.counted:,} rows")
    for name, precision, help_ in told_by:
        with next(boxes):
            st.metric(name, percent(precision.share) or "—", help=help_)
            st.caption(_of(precision))
    with next(boxes):
        st.metric("New rows", count(counts["new"]), help="Rows on which no function votes so far.")
        st.caption(f"{percent(counts['new'] / max(counts['all'], 1), 0)} of its rows")
    with next(boxes):
        st.metric("In conflict", count(counts["conflicting"]), help="Rows on which a function votes for another class.")
        st.caption(f"{percent(counts['conflicting'] / max(counts['all'], 1), 0)} of its rows")
    if not counts["all"]:
        st.info("It votes on no row. Try fewer letters, another column, or a word from the list.", icon=":material/info:")
    elif tried.twin:
        st.warning(
            f"{plain(tried.twin)} votes the same on nearly all of its rows: it would add little.",
            icon=":material/content_copy:",
        )


def _of(precision: Precision) -> str:
    if not precision.n:
        return "none of its rows is known"
    ends = interval(precision.low, precision.high)
    return f"{precision.right:,} of {precision.n:,}, 95 % interval {ends}"


def _rows(ground: Ground, tried: Tried) -> None:
    st.header("Rows it votes on")
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = st.segmented_control(
            "Rows", list(_ROWS), format_func=lambda one: _ROWS[one][0], key="shown", default="new", required=True,
            **_KEPT, label_visibility="collapsed",
        ) or "new"  # fmt: skip
        total, page = len(tried.rows[kind]), 1
        if total > _PAGE:
            page = st.pagination(-(-total // _PAGE), key=f"page {kind} {_digest(tried.rule)}", max_visible_pages=5)
    if not total:
        st.caption(_ROWS[kind][1])
        return
    shown = rows_of(ground, tried, kind, (page - 1) * _PAGE, _PAGE)
    st.html("".join(["<div class='wb-rows' role='list'>", *map(_row, shown), "</div>"]))
    st.caption(f"{total:,} rows, in random order.")


def _row(row: Row) -> str:
    """Return a row as HTML: everything of the user's is escaped before the marks are set."""
    facts = [f"<b>{escape(row.vote)}</b>"]
    facts += [f"{name} {escape(label)}" for name, label in (("gold", row.gold), ("reviewed", row.reviewed)) if label]
    facts += [f"{escape(label)}: {escape(', '.join(names))}" for label, names in row.others.items()]
    parts = [(f"<i>{escape(part.name)}</i> " if part.name else "") + _marked(part) for part in row.parts if part.text]
    about = f"<span>{escape(row.id)}</span> {' · '.join(facts)}"
    return f"<div role='listitem'><p class='about'>{about}</p>{''.join(f'<p>{part}</p>' for part in parts)}</div>"


def _marked(part: Part) -> str:
    pieces, end = [], 0
    for first, last in part.spans:
        if first >= end:
            pieces += [escape(part.text[end:first]), f"<mark>{escape(part.text[first:last])}</mark>"]
            end = last
    return re.sub(r"\s*\n\s*", "\n", "".join([*pieces, escape(part.text[end:])]).strip())  # blank lines only take room


def _functions(ground: Ground, tried: Tried) -> None:
    st.header("Beside other functions")
    table = tried.functions
    if table.empty:
        st.caption("No function votes on its rows." if ground.lfs else "There are no votes to compare with.")
        return
    shown = pd.DataFrame({"differ": table["differ"].map(count), "of": table["both"].map(count)}, index=table.index)
    shown["share"] = table["share"].map(lambda share: percent(share, 0))
    st.html(figures.table(shown[:_SHOWN], "Votes of other functions on the same rows"))
    if len(shown) > _SHOWN:
        with st.expander(f"{len(shown) - _SHOWN:,} more functions"):
            st.html(figures.table(shown[_SHOWN:], "Votes of more functions on the same rows"))
    st.caption("Differ: rows on which they vote for another class, of those on which they vote too.")


# ---------------------------------------------------------------- words worth a rule


def _suggest(ground: Ground, label: str, column: str | None, wide: bool) -> None:
    """Offer words to look for; a rule about cells is none of words."""
    if not ground.data.text or (column is not None and column not in ground.data.text):
        return
    found = opened_rules.words(ground, label, column)
    titles = {
        "known": ("In rows of known class", "Right of n rows with the word, by valid gold and by reviewers."),
        "uncovered": ("In rows without votes", "Right of n rows with the word that have votes, by what most of these say."),
    }
    told = any(len(table) and table["n"].any() for table in found.values())
    st.header(f"Words that tell {plain(label)} apart" if told else "Frequent words")
    places = st.columns(2, gap="large") if wide else [st.container(), st.container()]
    for (kind, (title, help_)), place in zip(titles.items(), places, strict=True):
        with place:
            if kind == "uncovered" and len(found[kind]) and not found[kind]["n"].any():  # nothing tells classes apart there
                title, help_ = "Frequent in rows without votes", "They say nothing of a class: no such row has votes or gold."
            st.markdown(f"**{title}**", help=help_)
            _words(found[kind], kind)


def _words(table: pd.DataFrame, kind: str) -> None:
    if table.empty:
        said = {
            "known": "No word is surely more frequent in its known rows than in others; more gold or reviews may show some.",
            "uncovered": "Nothing stands out in these rows.",
        }
        st.caption(said[kind])
    with st.container(horizontal=True, gap="xsmall"):
        for word, line in table.iterrows():
            told_of = f"{line['right']:,} of {line['n']:,} · " if line["n"] else ""
            same = f" · as {plain(line['twin'])}" if line["twin"] else ""
            st.button(
                f"**{plain(str(word))}** :small[{told_of}{line['new']:,} new{same}]",
                key=f"word {kind} {word}", on_click=_take, args=(str(word),),
            )  # fmt: skip


def _take(word: str) -> None:
    """Put a word into the form as a keyword."""
    st.session_state.update({"kind": "keyword", "find": f'"{word}"' if "," in word else word, "part": False, "every": False})


# ---------------------------------------------------------------- keeping it


def _keep(task: Task, ground: Ground, tried: Tried) -> None:
    box = st.expander("Save this rule, or copy it as Python", key="keep", on_change="rerun", icon=":material/save:")
    if not box.open:
        return
    with box:
        version = _digest(tried.rule)
        known = {*ground.lfs, *(one["name"] for one in opened.described(task)["functions"])}
        left, right = st.columns(2, gap="large")
        with left:
            guess = proposed_name(tried.rule, known)
            name = (st.text_input("Name", key="name", placeholder=guess) or "").strip() or guess
            reason = st.text_input("Reason", key="reason", placeholder="why its votes are right, in one line") or ""
            tags = words_in(st.text_input("Tags, with commas", key="tags") or "")
        with right:
            fires, abstains = proposed_examples(ground, tried)
            help_ = (
                "Unit examples, one a line, which `workbench check` tries. They are taken from rows: change what is private."
            )
            fires = _lines("Fires on", f"fires {version}", fires, help_)
            abstains = _lines("Abstains on", f"abstains {version}", abstains, help_)
        try:
            rule = told(with_examples(ground, tried.rule, fires, abstains), name, reason.strip(), tags)
        except WorkbenchError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        st.button("Save to rules.toml", type="primary", on_click=_save, args=(task, rule), key="save", icon=":material/save:")
        refused, why = st.session_state.get("rule refused", (None, ""))
        if refused == rule:
            st.error(plain(why), icon=":material/error:")
        toml, python = st.tabs(["As it is saved", "As Python"])
        toml.code(toml_text(rule), language="toml", wrap_lines=True)
        python.code(python_text(rule), language="python", wrap_lines=True)


def _lines(label: str, key: str, proposed: list[str], help_: str) -> list[str]:
    text = st.text_area(label, value="\n".join(proposed), key=key, height=80, help=help_) or ""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _save(task: Task, rule: dict[str, Any]) -> None:
    """Write the rule, empty the form, and draw the whole page anew: its votes now stand among the others."""
    try:
        st.session_state["rule saved"] = (task.folder, rule["name"], save_rule(task, rule))
    except WorkbenchError as error:
        st.session_state["rule refused"] = (rule, str(error))
        return
    emptied = dict.fromkeys(("find", "above", "below", "name", "reason", "tags"), "")
    st.session_state.update({**emptied, "kind": "keyword", "keep": False})
    st.rerun()


def _saved(task: Task) -> None:
    """Say until the next draft where the last rule was saved, and what to do with it."""
    folder, name, place = st.session_state.get("rule saved", (None, "", ""))
    if folder != task.folder:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        last = newest_run(task, "votes.parquet")
        applied = last is not None and name in last.about["functions"]
        said = f"Saved {name} at {place}{', and applied' if applied else ''}."
        st.success(plain(said), icon=":material/check_circle:", width=420)
        if not applied and not running.is_running(task.folder):
            st.button("Apply it", on_click=_apply, args=(task,), key="apply", icon=":material/play_arrow:")
        st.page_link(
            Path(__file__).parent / "functions.py", label="See it among the functions", icon=":material/rule:",
            query_params={"task": task.folder.name, "lf": name},
        )  # fmt: skip


def _apply(task: Task) -> None:
    running.start(task.folder, until="fit")
    st.rerun()  # the whole page: the sidebar watches the job


def _digest(rule: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(rule, sort_keys=True).encode()).hexdigest()[:12]


if __name__ == "__main__":
    show()
