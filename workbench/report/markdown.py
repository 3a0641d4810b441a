"""A report as Markdown: the facts of the page, its charts as tables, the user's words escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from workbench.report import blocks as b

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#|~&])|(?<=http)(:)|(?<=https)(:)|(?<=www)(\.)|(?<=\w)(@)(?=\w)", re.IGNORECASE)
_START: Final = re.compile(r"^(\d*)([-+=]|(?<=\d)[.)])(?=\s|[-=]|$)")  # what would begin a list or a line
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def to_markdown(document: b.Document) -> str:
    """Return Markdown with tables as GitHub reads them."""
    parts = [f"# {_safe(document.title)}", _safe(document.subtitle)]
    for section in document.sections:
        parts += _section(section, "##")
    parts.append("## What the words mean")
    parts.append(_listed(f"**{_safe(term)}**: {_safe(said)}" for term, said in document.terms))
    parts.append("## Appendix for engineers")
    for section in document.appendix:
        parts += _section(section, "###")
    return "\n\n".join([*parts, "---", *(_safe(said) for said in document.foot)]) + "\n"


def _safe(words: str) -> str:
    """Return text that Markdown shows as it stands, on one line: no markup, no HTML, no link."""
    line = _MARKUP.sub(lambda found: f"\\{found[0]}", _CONTROL.sub(" ", words).strip())
    return _START.sub(lambda found: f"{found[1]}\\{found[2]}", line)


def _section(section: b.Section, mark: str) -> list[str]:
    head = [f"{mark} {_safe(section.title)}"] if section.title else []
    return head + [_block(block) for block in section.blocks]


def _block(block: b.Block) -> str:
    match block:
        case b.Text():
            return _words(block.words)
        case b.Points():
            return _listed(map(_words, block.items))
        case b.Table():
            return _table(block.caption, block.columns, block.rows)
        case b.Bars():
            return _table(block.caption, ("", " / ".join(block.parts)), [(one.name, one.said) for one in block.bars])
        case b.Dots():
            return _table(block.caption, ("", " / ".join(block.marks)), [(one.name, one.said) for one in block.dots])
        case b.Steps():
            return _table(block.caption, ("", "checks"), [(when, f"{n:,}") for when, n in block.counts])
        case b.Quote():
            return f"> {_safe(block.text)}\n>\n> ({_safe(block.source)})"
        case b.Actions():
            return "\n".join(f"{place}. {_action(one)}" for place, one in enumerate(block.items, start=1))


def _words(words: b.Words) -> str:
    return "".join(_code(word.text) if isinstance(word, b.Code) else _kept_ends(word) for word in words)


def _kept_ends(word: str) -> str:
    """Return escaped words with the blanks at their ends, which part them from code."""
    return f"{' ' if word[:1] == ' ' else ''}{_safe(word)}{' ' if len(word) > 1 and word[-1:] == ' ' else ''}"


def _code(command: str) -> str:
    """Return code between more backticks than it holds."""
    line = _CONTROL.sub(" ", command)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _action(one: b.Action) -> str:
    return f"**{_safe(one.title)}** ({_safe(one.worth)}). {_safe(one.basis)} {_code(one.do)}"


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns)]
    text = [f"| {' | '.join(cell if place == 1 else _safe(cell) for cell in line)} |" for place, line in enumerate(lines)]
    text += [f"| {' | '.join(_safe(cell) for cell in row)} |" for row in rows]
    return "\n".join([f"*{_safe(caption)}*", "", *text])
