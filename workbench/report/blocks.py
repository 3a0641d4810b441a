"""What a report is made of, whatever it is written as: paragraphs, lists, tables, charts and quoted rows.

All strings are plain text, the user's among them; who writes HTML or Markdown escapes every one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Code:
    """A command or a name that stands in type of its own."""

    text: str


Words = tuple[str | Code, ...]


@dataclass(frozen=True)
class Text:
    """A paragraph; kind: `lead` (larger), `note` (smaller), `missing`, or ''."""

    words: Words
    kind: str = ""


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[Words, ...]


@dataclass(frozen=True)
class Table:
    """A table with a caption; numbers: which columns stand at the right. wide: in smaller type. code: it holds checksums."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = field(default_factory=frozenset)
    wide: bool = False
    code: bool = False


@dataclass(frozen=True)
class Bar:
    """A line of a bar chart: a share, the part of it that is marked, and both in words."""

    name: str
    value: float
    part: float
    said: str


@dataclass(frozen=True)
class Bars:
    """Shares as bars from 0 to 100 %; parts: what value and marked part are, in words."""

    caption: str
    parts: tuple[str, str]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Dot:
    """A line of a dot plot: a share with its interval, what it is held against (None for nothing), and all in words."""

    name: str
    value: float
    low: float
    high: float
    usual: float | None
    said: str


@dataclass(frozen=True)
class Dots:
    """Shares with intervals as dots; marks: what the dot and the ring are, in words."""

    caption: str
    marks: tuple[str, str]
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Steps:
    """A short series of counts, oldest first: when, and how many."""

    caption: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Quote:
    """Somebody's words: a row's text, and where it is from."""

    text: str
    source: str


@dataclass(frozen=True)
class Action:
    """Something to do: what it is worth and why, and the command that does it."""

    title: str
    worth: str
    basis: str
    do: str


@dataclass(frozen=True)
class Actions:
    """Things to do, the most useful first."""

    items: tuple[Action, ...]


Block = Text | Points | Table | Bars | Dots | Steps | Quote | Actions


@dataclass(frozen=True)
class Section:
    """A heading and what stands below; anchor: its name in a link."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report. appendix: sections for engineers. terms: each with what it means. foot: how it was made."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    appendix: tuple[Section, ...]
    terms: tuple[tuple[str, str], ...]
    foot: tuple[str, ...]


def text(*words: str | Code, kind: str = "") -> Text:
    """Return a paragraph of words."""
    return Text(words, kind)


def points(items: Sequence[str | Words]) -> Points:
    """Return a list; an item is a sentence, or words with code among them."""
    return Points(tuple((item,) if isinstance(item, str) else item for item in items))
