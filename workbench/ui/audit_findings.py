"""Where labels are wrong together, and where there are none: systematic errors, and groups of rows without a vote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from workbench.project.gaps import measured_in_words
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import figures, opened_audit
from workbench.ui.wording import count, interval, percent, plain

_LINES: Final = 12  # longer tables scroll


def show_errors(task: Task, run: Run, dataset: Dataset) -> None:
    """Show the regions in which labels are wrong more often than chance explains."""
    judged = opened_audit.errors(task, run, dataset, opened_audit.state(task))
    for note in judged.notes:
        st.caption(plain(note))
    found = judged.found
    if not found.rows:
        return
    if found.findings.empty:
        st.success("No region stands out: errors look as chance would spread them.", icon=":material/check_circle:")
    for line in found.findings.to_dict("records"):
        _finding(line, run.about["functions"])
    if found.more:
        st.caption(f"{found.more:,} further regions reach the level too: mend these first, then look again.")
    if len(found.confusions):
        st.subheader("Which classes are mixed up")
        table = found.confusions
        rows = [f"{wrong:,} of {n:,}" for wrong, n in zip(table["errors"], table["n"], strict=True)]
        shown = pd.DataFrame({"truly": table["truly"], "rows": rows})
        shown["share"] = table["share"].map(percent)
        shown["95 % interval"] = [interval(low, high) for low, high in zip(table["low"], table["high"], strict=True)]
        shown.index = pd.Index(table["predicted"], name="labelled")
        st.html(figures.table(shown, "Confusions by class", words=("truly",), at_most=_LINES))


def _are(target: str) -> str:
    """Return what the errors of a region are: wrong labels, or rows of one class that are labelled another."""
    return f"are {plain(target)} and labelled another class" if target else "wrong"


def _finding(line: Mapping[Any, Any], names: Iterable[str]) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(line['region'])}**")
        most = f"{plain(line['predicted'])} where it is {plain(line['truly'])}: {line['confused']:,} rows"
        st.markdown(
            f"{line['errors']:,} of {line['n']:,} {_are(line['target'])} ({percent(line['rate'])}, elsewhere "
            f"{percent(line['rate_elsewhere'])}; q = {line['q']:.2g}). Most often {most}."
        )
        if line["marks"]:
            st.caption(f"Marked by {plain(', '.join(line['marks']))}")
        st.markdown(_with_link(line["next"], names))
        also = f"; nearly the same rows: {'; '.join(line['also'])}" if line["also"] else ""
        st.caption(f"Such as {_rows(line['examples'])}{plain(also)}")


def _with_link(sentence: str, names: Iterable[str]) -> str:
    """Return what to do next, with a link to the function that is to be mended."""
    name = next((one for one in names if sentence.startswith(f"Mend {one!r}")), None)
    if name is None:
        return plain(sentence)
    return f"Mend [{plain(name)}]({_address('functions', lf=name)}){plain(sentence.removeprefix(f'Mend {name!r}'))}"


def _rows(ids: Iterable[str]) -> str:
    """Return row ids as links to what the label model makes of each."""
    return ", ".join(f"[{plain(row)}]({_address('label_model', view='row', row=row)})" for row in ids)


def _address(page: str, **query: str) -> str:
    return f"{page}?{urlencode({'task': st.query_params['task'], **query})}"


def show_gaps(task: Task, run: Run, dataset: Dataset) -> None:
    """Show the groups of rows that no function votes on, each with the rule that would cover most of it."""
    end_model = (run.folder / "end_model").exists()
    guess = end_model and st.toggle(
        "Ask the end model too",
        key="guess",
        bind="query-params",
        help="As `workbench gaps` does: it guesses the classes of rows without a vote, and finds more words that tell one. It "
        "takes some seconds, for its libraries are large.",
    )
    found = opened_audit.groups(task, run, dataset, opened_audit.state(task), guess)
    st.markdown(f"**{found.uncovered:,}** of {found.rows:,} train and valid rows have no vote.")
    for note in found.notes:
        st.caption(plain(note))
    for line in found.groups.to_dict("records"):
        with st.container(border=True):
            names = ", ".join(line["terms"]) or "rows without common terms"
            st.markdown(f"**{plain(names)}** · {line['size']:,} rows, {percent(line['share'])}")
            if line["slices"]:
                st.caption(plain(f"More than elsewhere: {', '.join(line['slices'])}"))
            _rule(line)
            st.caption(f"Such as {_rows(line['examples'])}")


def _rule(line: Mapping[Any, Any]) -> None:
    rule = line["rule"]
    if rule is None:
        st.caption("No word tells a class here; look at the rows, or label some.")
        return
    finds = rule["words"] if rule["kind"] == "keyword" else rule["values"]  # values: in a task without text
    words = ", ".join(f'"{one}"' if "," in one else one for one in finds)
    where = f"{rule['column']} is " if "column" in rule else ""
    st.markdown(
        f"A rule for **{plain(rule['label'])}**: {plain(f'{where}{words}')} · votes on {count(line['inside'])} of these "
        f"rows and {count(line['gain'])} of all without a vote · {plain(measured_in_words(line))}"
    )
    st.page_link(
        Path(__file__).parent / "write_rule.py",
        label="Try it on the page Write a rule",
        icon=":material/edit_note:",
        query_params={
            **{"task": st.query_params["task"], "kind": rule["kind"], "find": words, "label": rule["label"]},
            **({"column": rule["column"]} if "column" in rule else {}),
        },
    )
