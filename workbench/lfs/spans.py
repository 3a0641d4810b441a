"""Where in a text a rule finds what it looks for, so that a person sees it. Python functions know no places."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypedDict

from workbench.lfs.function import LabelingFunction
from workbench.lfs.rules import ColumnRule
from workbench.lfs.search import escape

_ANY_CASE: Final = "(?i)"
_MARKS: Final = range(0xE000, 0xF8FF)  # signs of no meaning, of which texts hold hardly any


class Find(TypedDict):
    """What a rule looks for, as plain data.

    column: where; None for all text columns. pattern: in RE2's dialect; '' where the whole cell decides. whole: whether only
    whole words count.
    """

    column: str | None
    pattern: str
    whole: bool


def finds_of(function: LabelingFunction) -> list[Find]:
    """Return what a rule looks for; nothing for functions of other kinds, which may look anywhere."""
    if isinstance(function, ColumnRule):
        return [Find(column=function.column, pattern="", whole=False)]
    told: dict[str, Any] = getattr(function, "settings", {})
    if function.kind in ("threshold", "lookup"):
        return [Find(column=told["column"], pattern="", whole=False)]
    if function.kind in ("keyword", "phrase"):
        pattern = "|".join(map(escape, told["words" if function.kind == "keyword" else "phrases"]))
        whole = told.get("whole_word", True)  # a phrase is compared token by token
    elif function.kind == "regex":
        pattern, whole = told["pattern"], False
    else:
        return []
    return [Find(column=told["column"], pattern=pattern if told["case"] else f"{_ANY_CASE}{pattern}", whole=whole)]


def spans(texts: Sequence[str], find: Find) -> list[list[tuple[int, int]]]:
    """Return the places, first and one past the last character, at which each text holds the pattern; none for a whole cell.

    >>> spans(["a free car, free!", "freedom"], {"column": None, "pattern": "free", "whole": True})
    [[(2, 6), (12, 16)], []]
    """
    if not find["pattern"]:
        return [[] for _ in texts]
    return [_words(text, find["pattern"]) for text in texts] if find["whole"] else _matches(texts, find["pattern"])


def _words(text: str, pattern: str) -> list[tuple[int, int]]:
    """Return where one of some plain words stands whole; a mark set on its last letter makes it another word."""
    found = (match.span() for match in _whole(pattern).finditer(text))
    return [(start, end) for start, end in found if not unicodedata.category(text[end : end + 1] or " ").startswith("M")]


@cache
def _whole(pattern: str) -> re.Pattern[str]:
    """Return a pattern for plain words, which cannot run away; RE2 takes milliseconds to read its own for letters."""
    words = pattern.removeprefix(_ANY_CASE)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE if words != pattern else re.NOFLAG)


def _matches(texts: Sequence[str], pattern: str) -> list[list[tuple[int, int]]]:
    """Return where RE2 finds a pattern. Arrow tells no more than the first place, but replaces at all of them: with marks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    readable = [text.encode("utf-8", "replace").decode() for text in texts]  # half of a surrogate pair has no UTF-8 form
    used = set().union(*readable)
    first, last = [sign for sign in map(chr, _MARKS) if sign not in used][:2]
    marked = pc.replace_substring_regex(pa.array(readable, pa.large_string()), f"({pattern})", rf"{first}\1{last}")
    return [_places(text, first, last) for text in marked.to_pylist()]


def _places(marked: str, first: str, last: str) -> list[tuple[int, int]]:
    """Return where the marked parts of a text stand without the marks."""
    found, place, start = [], 0, 0
    for part in re.split(f"([{first}{last}])", marked):
        if part == first:
            start = place
        elif part == last:
            found.append((start, place))
        else:
            place += len(part)
    return [(a, b) for a, b in found if a < b]
