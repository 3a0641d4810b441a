"""Rows on which a draft votes, with what it found marked, and unit examples made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.io.names import shortened
from workbench.lfs.chunk import texts_of
from workbench.lfs.spans import Find, finds_of, spans
from workbench.lfs.toml_rules import make_rule
from workbench.project.rule_draft import Ground, Rule, Tried, votes_on
from workbench.tables import ABSTAIN, WorkbenchError

Span = tuple[int, int]

_LENGTH: Final = 360  # characters of a row that are shown
_EXAMPLE: Final = 90  # characters of a unit example
_SAYS: Final = 15  # characters with which a line begins to mean something
_LOOKED_AT: Final = 40  # rows that examples are taken from


class Part(NamedTuple):
    """A text of a row: name says which column it is, '' for what the row reads as; spans are the places of what was found."""

    name: str
    text: str
    spans: list[Span]


class Row(NamedTuple):
    """A row to look at: gold and reviewed are '' where nobody knows, others the functions that vote there, by class."""

    id: str
    vote: str
    gold: str
    reviewed: str
    others: dict[str, list[str]]
    parts: list[Part]


def rows_of(ground: Ground, tried: Tried, kind: str, start: int = 0, size: int = 10) -> list[Row]:
    """Return some of the rows of a kind (new, conflicting, wrong, all), their texts cut to what was found."""
    places = tried.rows[kind][start : start + size]
    labels = (*ground.data.labels, "")  # the last is ABSTAIN's
    found = []
    for place, parts in zip(places.tolist(), _parts(ground, tried.rule, places), strict=True):
        others: dict[str, list[str]] = {}
        for j in np.flatnonzero(ground.votes[place] != ABSTAIN).tolist():
            others.setdefault(labels[ground.votes[place, j]], []).append(ground.lfs[j])
        shown = [_cut(part, _LENGTH) for part in parts]
        gold, reviewed = labels[ground.gold[place]], labels[ground.reviewed[place]]
        found.append(Row(str(ground.data.ids[place]), labels[tried.votes[place]], gold, reviewed, others, shown))
    return found


def _parts(ground: Ground, rule: Rule, places: NDArray[np.intp]) -> list[list[Part]]:
    """Return what each row reads as, and before it the cell that a rule looks at where that is no part of the text."""
    rows, find = ground.data.take(places), _find(ground, rule)
    column = find["column"]
    inside = column is None or column in rows.text
    if rows.text:
        wholes = [Part("", text, []) for text in rows.texts()]
    else:
        names = [name for name in rows.frame.columns if name != column]
        lines = zip(*(texts_of(rows.frame[name]) for name in names), strict=True) if names else iter([()] * len(rows))
        wholes = [Part("", ", ".join(map(" ".join, zip(names, cells, strict=True))), []) for cells in lines]
    if inside and rows.text:
        before = rows.text.index(column) if column else 0
        starts = [
            sum(len(cell) + 1 for cell in cells[:before]) for cells in zip(*(rows.frame[c] for c in rows.text), strict=True)
        ]
        looked = texts_of(rows.frame[column]) if column else rows.texts()
        return [
            [whole._replace(spans=[(first + start, last + start) for first, last in marks])]
            for whole, start, marks in zip(wholes, starts, spans(looked, find), strict=True)
        ]
    cells = texts_of(rows.frame[column])
    marked = spans(cells, find) if find["pattern"] else [[(0, len(cell))] for cell in cells]
    first = [Part(str(column), cell, marks) for cell, marks in zip(cells, marked, strict=True)]
    return [[one, whole] for one, whole in zip(first, wholes, strict=True)]


def _find(ground: Ground, rule: Rule) -> Find:
    """Return what a draft looks for; phrases as keywords, for spaCy is not in this process."""
    plain: Rule = rule
    if rule["kind"] == "phrase":
        others = {key: value for key, value in rule.items() if key not in ("kind", "phrases", "language")}
        plain = {**others, "kind": "keyword", "words": rule["phrases"]}
    return finds_of(make_rule(plain, ground.folder, ground.data.labels, ground.data.text, where="the rule", place="draft"))[0]


def _cut(part: Part, length: int) -> Part:
    """Return so much of a text as shows the first thing found in it."""
    if len(part.text) <= length:
        return part
    first = part.spans[0][0] if part.spans else 0
    start = 0 if first < length * 3 // 4 else first - length // 3
    end = start + length
    before, after = "… " if start else "", " …" if end < len(part.text) else ""
    shift = len(before) - start
    kept = [(max(a, start) + shift, min(b, end) + shift) for a, b in part.spans if a < end and b > start]
    return Part(part.name, f"{before}{part.text[start:end]}{after}", kept)


def proposed_examples(ground: Ground, tried: Tried, each: int = 2) -> tuple[list[str], list[str]]:
    """Return lines on which a draft fires, and lines that are near to these and on which it abstains; each was tried.

    A line is a piece of a text, or for a rule about a column its cell, as `example_of` reads it.
    """
    right = np.setdiff1d(tried.rows["all"], tried.rows["wrong"])
    fires = _lines(ground, tried.rule, _first(right[ground.known[right] != ABSTAIN], right))
    abstains = _lines(ground, *_near(ground, tried))
    return (
        list(islice(_that(ground, tried.rule, fires, fire=True), each)),
        list(islice(_that(ground, tried.rule, abstains, fire=False), each)),
    )


def _near(ground: Ground, tried: Tried) -> tuple[Rule, NDArray[np.intp]]:
    """Return rows on which the draft abstains though they are like those it votes on, and what to look for in them.

    For whole words these are rows that hold them as part of others; else rows that are known to be of another class.
    """
    rule, silent = tried.rule, np.flatnonzero(tried.votes == ABSTAIN)
    if rule["kind"] == "keyword" and rule.get("whole_word", True) and rule.get("match", "any") == "any":
        parts = {**rule, "whole_word": False}
        function = make_rule(parts, ground.folder, ground.data.labels, ground.data.text, where="the rule", place="draft")
        with ground.lock:
            held = function.votes(ground.chunk)[0][silent] != ABSTAIN
        if held.any():
            return parts, _first(silent[held])
    known = ground.known[silent]
    other = silent[(known != ABSTAIN) & ~np.isin(known, tried.votes[tried.rows["all"]])]
    return rule, _first(other, silent)


def _first(*places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first of these places, each once: enough to take examples from."""
    return np.array(list(dict.fromkeys(np.concatenate([part[:_LOOKED_AT] for part in places]).tolist()))[:_LOOKED_AT], np.intp)


def _lines(ground: Ground, rule: Rule, places: NDArray[np.intp]) -> list[str]:
    """Return from each row one line around what was found, short ones first that still say something."""
    parts = _parts(ground, rule, places)
    lines = {" ".join(_around(row[0]).split()) for row in parts}
    return sorted((line for line in lines if line), key=lambda line: (len(line) < _SAYS, len(line), line))


def _around(part: Part) -> str:
    """Return the line of a text in which the first thing was found, or where that is long the words around it."""
    first, last = part.spans[0] if part.spans else (0, 0)
    text = part.text.replace("\n", " ") if part.name else part.text
    begin, end = text.rfind("\n", 0, first) + 1, text.find("\n", last)
    line = text[begin : len(text) if end < 0 else end]
    if len(line) <= _EXAMPLE or part.name:
        return line
    first, last = first - begin, last - begin
    start = max(0, min(first - _EXAMPLE // 3, last - _EXAMPLE))
    piece = line[start : max(start + _EXAMPLE, last)]
    whole = re.sub(r"^\S*\s", "", piece) if start else piece  # no halves of words
    return re.sub(r"\s\S*$", "", whole)


def _that(ground: Ground, rule: Rule, lines: Sequence[str], fire: bool) -> Iterator[str]:
    """Yield the lines on which a draft fires, or abstains."""
    votes = votes_on(ground, rule, [example_of(ground, rule, line) for line in lines]) if lines else []
    return (line for line, vote in zip(lines, votes, strict=True) if (vote != ABSTAIN) == fire)


def example_of(ground: Ground, rule: Rule, line: str) -> dict[str, Any]:
    """Return a line as a unit example: a dict of columns."""
    column = rule.get("column") or next(iter(ground.data.text), "text")
    if rule["kind"] != "threshold":
        return {column: line}
    if line in ("True", "False"):
        return {column: line == "True"}
    try:
        number = float(line)
    except ValueError:
        raise WorkbenchError(f"the example {line!r} of a threshold is no number; write one number a line") from None
    return {column: int(number) if number.is_integer() else number}


def with_examples(ground: Ground, rule: Rule, fires: Iterable[str], abstains: Iterable[str]) -> dict[str, Any]:
    """Return a draft with its unit examples; raises WorkbenchError where one does not hold."""
    found: dict[str, Any] = dict(rule)
    for key, lines in (("fires", list(fires)), ("abstains", list(abstains))):
        examples = [example_of(ground, rule, line) for line in lines]
        votes = votes_on(ground, rule, examples) if examples else []
        for line, vote in zip(lines, votes, strict=True):
            if (vote == ABSTAIN) == (key == "fires"):
                does = "abstains on" if vote == ABSTAIN else f"votes {ground.data.labels[vote]!r} on"
                stands = "one on which it fires" if key == "fires" else "one on which it abstains"
                raise WorkbenchError(
                    f"the rule {does} {shortened(line, 80)!r}, given as {stands}; change the example or the rule"
                )
        if examples:
            found[key] = [_short(example, ground, rule) for example in examples]
    return found


def _short(example: dict[str, Any], ground: Ground, rule: Rule) -> Any:
    """Return an example in the form a person would write: a text that stands in the first text column stands alone."""
    plain = rule.get("column") is None
    return next(iter(example.values())) if plain and ground.data.text else example
