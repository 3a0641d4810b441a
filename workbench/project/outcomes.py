"""What became of rows that the end model decided on: outcomes by decision and group, with intervals, tests and in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.columns import cell_text
from workbench.io.datasets import check_filled
from workbench.io.names import did_you_mean, listed
from workbench.io.readers import read_frame
from workbench.project.steps.predict import ANSWER, NONE, REVIEW
from workbench.stats import false_discovery, wilson_interval
from workbench.stats.differences import fisher_two_sided, mean_difference, mean_interval, share_difference
from workbench.tables import WorkbenchError

ALL: Final = "all"
Q: Final = 0.05  # of the differences that are named at most this share is expected to be chance
FEWEST: Final = 10  # rows of either side below which nothing is tested: it would only weaken the other tests
_NAMED: Final = 8  # differences between groups, and runs with their thresholds, that are told in words
_OF_CLASSES: Final = ("label", "class")  # how the name of a column ends that holds classes, be they numbers
_RESERVED: Final = ("by", "of", "decision", "n")


@dataclass(frozen=True)
class Outcomes:
    """A file of outcomes: its rows by id, each column a `rate` (yes or no), `mean` (number) or `class` (what it should be)."""

    frame: pd.DataFrame
    kinds: dict[str, str]
    notes: list[str]


def read_outcomes(path: Path, id_column: str, labels: Sequence[str], **settings: str) -> Outcomes:
    """Read a file of outcomes; of lines with one id the last counts, and columns of other kinds are left out, saying so.

    id_column: of the task; `id` serves too. settings: encoding and delimiter, as for `read_frame`.
    """
    frame, notes = read_frame(path, **settings)
    name = next((one for one in (id_column, "id") if one in frame.columns), None)
    if name is None:
        raise WorkbenchError(
            f"{path} has no column {id_column!r} to be joined by; its columns are {listed(frame.columns, 30)}"
            f"{did_you_mean(id_column, frame.columns)}"
        )
    if not isinstance(frame[name].dtype, pd.StringDtype):
        frame, notes = read_frame(path, text_columns=[name], **settings)  # 007 is no 7
    check_filled(frame[name].set_axis(pd.RangeIndex(1, len(frame) + 1)), str(path), "fill it, or leave the row out")
    last = frame.drop_duplicates(name, keep="last").set_index(name).rename_axis("id")
    if len(last) < len(frame):
        notes.append(f"rows of {path} that a later one of their id overtook: {len(frame) - len(last):,}")
    told = last.map(cell_text)
    kinds = {column: _kind(last[column], told[column], labels, path) for column in last.columns}
    for column in _RESERVED:
        if kinds.get(column):
            raise WorkbenchError(f"{path} has the column {column!r}, a name that the report uses itself; rename it")
    odd = [column for column, kind in kinds.items() if not kind]
    if odd:
        notes.append(
            f"columns of {path} that are neither yes or no, numbers nor classes of the task are left out: {listed(odd)}"
        )
    if len(odd) == len(kinds):
        raise WorkbenchError(f"{path} has no outcome beside the id: a column of true and false, of numbers or of classes")
    classes = [column for column, kind in kinds.items() if kind == "class"]
    return Outcomes(last.assign(**told[classes]), {column: kind for column, kind in kinds.items() if kind}, notes)


def _kind(cells: pd.Series[Any], told: pd.Series[Any], labels: Sequence[str], path: Path) -> str:
    """Return what a column is, '' for nothing that can be counted; told: its cells as text, as classes may be called 1, 2."""
    known = set(told) - {""}
    are_classes = bool(known) and known <= set(labels)
    if are_classes and (not pd.api.types.is_numeric_dtype(cells.dtype) or str(cells.name).endswith(_OF_CLASSES)):
        return "class"
    if pd.api.types.is_bool_dtype(cells.dtype):
        return "rate"
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        return ""
    if are_classes:
        raise WorkbenchError(
            f"column {cells.name!r} of {path} holds {listed(sorted(known))}, numbers that are classes of the task too; call it "
            f"'{cells.name}_label' if they are classes, write true and false if they are yes and no, else leave the column out"
        )
    return "rate" if cells.dropna().isin([0, 1]).all() else "mean"


def outcome_values(found: Outcomes, decided: pd.DataFrame) -> pd.DataFrame:
    """Return one column an outcome by the ids of decisions, float64: 1 or 0 for yes or no, or the number; NaN where unknown.

    A class is an outcome of yes where it is another than was answered; an empty cell says that nothing was corrected.
    """
    there = found.frame.loc[decided.index]
    values = {}
    for name, kind in found.kinds.items():
        cells = there[name]
        if kind == "class":
            given = cells.notna() & (cells != "")
            values[name] = (given & (cells.astype(object) != decided["label"].astype(object))).astype(np.float64)
        else:
            values[name] = pd.Series(cells.to_numpy(np.float64, na_value=np.nan), index=decided.index)
    return pd.DataFrame(values, index=decided.index)


class Group(NamedTuple):
    """Rows that are looked at together: what groups them (all, week, class, function, failure), which group, and its rows."""

    by: str
    of: str
    rows: NDArray[np.bool_]


def groups_of(decided: pd.DataFrame, more: Mapping[str, Mapping[str, NDArray[np.bool_]]]) -> list[Group]:
    """Return all rows, each ISO week (UTC) and each class of decisions, and of more, {by: {of: bool[n]}}, those with rows."""
    week = decided["time"].dt.strftime("%G-W%V")
    groups = [Group(ALL, ALL, np.ones(len(decided), dtype=bool))]
    for by, names in (("week", week), ("class", decided["label"])):
        groups += [Group(by, of, (names == of).to_numpy()) for of in sorted(set(names))]
    return groups + [Group(by, of, rows) for by, found in more.items() for of, rows in found.items() if rows.any()]


def group_lines(values: pd.DataFrame, kinds: Mapping[str, str], decision: pd.Series[Any], groups: Iterable[Group]) -> list[Any]:
    """Return {by, of, decision, n, <outcome>: {n, rate or mean, interval}} of each group, by decision and for all rows."""
    lines = []
    for group in groups:
        for name in (ANSWER, REVIEW, ALL):
            rows = group.rows & (True if name == ALL else (decision == name).to_numpy())
            figures = {outcome: _figure(values[outcome].to_numpy()[rows], kinds[outcome]) for outcome in values.columns}
            if rows.any():
                lines.append({"by": group.by, "of": group.of, "decision": name, "n": int(rows.sum()), **figures})
    return lines


def _figure(values: NDArray[np.float64], kind: str) -> dict[str, Any]:
    """Return {n, rate or mean, interval}; both are None, with a reason, where they cannot be said."""
    known = values[~np.isnan(values)]
    name = "mean" if kind == "mean" else "rate"
    if not len(known):
        return {"n": 0, name: None, "interval": None, "reason": "known of none of these rows"}
    if name == "rate":
        low, high = wilson_interval(known.sum(), len(known))
        return {"n": len(known), name: float(known.mean()), "interval": [float(low), float(high)]}
    mean, *ends = mean_interval(known)
    if len(known) < 2:
        return {"n": 1, name: mean, "interval": None, "reason": "one row has no spread"}
    return {"n": len(known), name: mean, "interval": ends}


def differences(
    values: pd.DataFrame, kinds: Mapping[str, str], decision: pd.Series[Any], groups: Iterable[Group]
) -> list[dict[str, Any]]:
    """Return what differs, each with a two-sided test and q (Benjamini and Hochberg), the smallest q first.

    q is over all tests of groups, and for all rows over the outcomes alone: many groups must not hide the main difference.
    Two things are compared for each outcome: in each group answered rows with those that needed review, and answered rows of a
    group with answered rows elsewhere. {outcome, by, of, between: `decisions` or `groups`, n: [here, there], values: [here,
    there], difference, interval, p, q}; pairs with fewer than FEWEST rows on a side, or without spread, are left out.
    """
    answered = (decision == ANSWER).to_numpy()
    pairs = []
    for group in groups:
        if group.by != ALL and group.rows.all():
            continue  # the same tests again
        pairs.append((group, "decisions", group.rows & answered, group.rows & ~answered))
        if group.by != ALL:
            pairs.append((group, "groups", group.rows & answered, ~group.rows & answered))
    lines = []
    for group, between, here, there in pairs:
        for outcome in values.columns:
            cells = values[outcome].to_numpy()
            tested = _compared(cells[here], cells[there], kinds[outcome])
            if tested is not None:
                lines.append({"outcome": outcome, "by": group.by, "of": group.of, "between": between, **tested})
    for family in ([line for line in lines if line["by"] == ALL], [line for line in lines if line["by"] != ALL]):
        for line, q in zip(family, false_discovery([line["p"] for line in family]), strict=True):
            line["q"] = float(q)
    return sorted(lines, key=lambda line: line["q"])


def _compared(here: NDArray[np.float64], there: NDArray[np.float64], kind: str) -> dict[str, Any] | None:
    one, other = here[~np.isnan(here)], there[~np.isnan(there)]
    if min(len(one), len(other)) < FEWEST:
        return None
    if kind == "mean":
        apart, low, high, p = mean_difference(one, other)
    else:
        counts = int(one.sum()), len(one), int(other.sum()), len(other)
        apart, low, high = share_difference(*counts)
        p = float(fisher_two_sided(*counts))
    sides = {"n": [len(one), len(other)], "values": [float(one.mean()), float(other.mean())]}
    return None if math.isnan(p) else {**sides, "difference": apart, "interval": [low, high], "p": p}


def deflection_in_words(answered: int, logged: int) -> str:
    """Return how many rows needed nobody."""
    return f"The end model answered {answered:,} of {logged:,} logged rows by itself (deflection {answered / logged:.1%})."


def decided_in_words(rules: Sequence[Mapping[str, Any]]) -> str:
    """Return by which runs and thresholds logged rows were decided, of `decided_by`; '' for none."""
    told = [f"{_rule(one)} ({one['rows']:,} {'row' if one['rows'] == 1 else 'rows'})" for one in rules[:_NAMED]]
    if len(rules) > _NAMED:
        told.append(f"{len(rules) - _NAMED:,} more in outcomes.json")
    promise = " Nothing is promised of answers above a threshold given by hand." if any(one["by_hand"] for one in rules) else ""
    return f"Logged rows were decided {'; '.join(told)}.{promise}" if told else ""


def _rule(one: Mapping[str, Any]) -> str:
    if not one["run"]:
        return "by a run that is not logged"
    threshold = one["threshold"]
    how = "all answered" if threshold is None else f"answered above {max(threshold, 0.0):.3f}"
    how = "none answered" if threshold == NONE else how
    return f"by run {one['run']}, {how}{', a threshold given by hand' if one['by_hand'] else ''}"


def outcomes_in_words(lines: Sequence[dict[str, Any]], tests: Sequence[dict[str, Any]], kinds: Mapping[str, str]) -> list[str]:
    """Return a sentence an outcome, answered rows against those that needed review, and the differences that stand out."""
    whole = {line["decision"]: line for line in lines if line["by"] == ALL}
    main = {test["outcome"]: test for test in tests if test["by"] == ALL}
    said = []
    for name, kind in kinds.items():
        parts = [_said(whole[which][name], kind, rows) for which, rows in _SIDES.items() if which in whole]
        said.append(f"{_named(name, kind)}: {', '.join(parts)}; {_verdict(main.get(name), kind)}.")
    stand_out = [test for test in tests if test["by"] != ALL and test["q"] <= Q]
    said += [apart_in_words(test, kinds[test["outcome"]]) for test in stand_out[:_NAMED]]
    if len(stand_out) > _NAMED:
        said.append(f"{len(stand_out) - _NAMED:,} more groups differ; outcomes.json has them.")
    return said


_SIDES: Final = {ANSWER: "answered rows", REVIEW: "rows that needed review"}


def _named(name: str, kind: str) -> str:
    return f"{name} (another class than was answered)" if kind == "class" else name


def _said(figure: Mapping[str, Any], kind: str, rows: str) -> str:
    if not figure["n"]:
        return f"not known of {rows}"
    value, over = (figure["mean"], "over") if kind == "mean" else (figure["rate"], "of")
    ends = "" if figure["interval"] is None else f" (95 %: {' to '.join(shown(end, kind) for end in figure['interval'])})"
    return f"{shown(value, kind)} {over} {figure['n']:,} {rows}{ends}"


def shown(value: float, kind: str) -> str:
    """Return a rate or a mean as it is printed."""
    return f"{value:.2f}" if kind == "mean" else f"{value:.1%}"


def _verdict(test: Mapping[str, Any] | None, kind: str) -> str:
    if test is None:
        return "too few rows to compare"
    if test["q"] > Q:
        return f"no difference shown (q = {test['q']:.2g})"
    apart = f"{abs(test['difference']):.2f}" if kind == "mean" else f"{100 * abs(test['difference']):.1f} points"
    return f"{apart} {'more' if test['difference'] > 0 else 'less'} where answered (q = {test['q']:.2g})"


def apart_in_words(test: Mapping[str, Any], kind: str) -> str:
    """Return what differs, one of `differences`, in one sentence; kind: of its outcome."""
    here, there = (f"{shown(value, kind)} of {n:,}" for value, n in zip(test["values"], test["n"], strict=True))
    other = "answered elsewhere" if test["between"] == "groups" else "that needed review there"
    where = f"{_named(test['outcome'], kind)}, {test['by']} {test['of']!r}"
    return f"{where}: {here} answered rows, {there} {other} (q = {test['q']:.2g})."
