"""Where in a text a rule finds what it looks for, so that a person sees it. Python functions know no places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypedDict

from workbench.lfs.function import LabelingFunction
from workbench.lfs.rules import EDGE_LEFT, EDGE_RIGHT, ColumnRule
from workbench.lfs.search import escape

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
    return [Find(column=told["column"], pattern=pattern if told["case"] else f"(?i){pattern}", whole=whole)]


def spans(texts: Sequence[str], find: Find) -> list[list[tuple[int, int]]]:
    """Return the places, first and one past the last character, at which each text holds the pattern; none for a whole cell.

    >>> spans(["a free car, free!", "freedom"], {"column": None, "pattern": "free", "whole": True})
    [[(2, 6), (12, 16)], []]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not find["pattern"]:
        return [[] for _ in texts]
    # half of a surrogate pair has no UTF-8 form; and Arrow gives no more than the first place, but replaces at all of them
    readable = [text.encode("utf-8", "replace").decode() for text in texts]
    used = set().union(*readable)
    first, last = [sign for sign in map(chr, _MARKS) if sign not in used][:2]
    pattern, marks = f"({find['pattern']})", rf"{first}\1{last}"
    if find["whole"]:
        pattern, marks = f"({EDGE_LEFT}){pattern}({EDGE_RIGHT})", rf"\1{first}\2{last}\3"
    marked = pa.array(readable, pa.large_string())
    for _ in range(2 if find["whole"] else 1):  # a space between two words is the edge of one of them at a time
        marked = pc.replace_substring_regex(marked, pattern, marks)
    return [_places(text, first, last) for text in marked.to_pylist()]


def _places(marked: str, first: str, last: str) -> list[tuple[int, int]]:
    """Return where the marked parts of a text stand without the marks; a part may be marked twice."""
    found, place, start = [], 0, 0
    for part in re.split(f"([{first}{last}])", marked):
        if part == first:
            start = place
        elif part == last:
            found.append((start, place))
        else:
            place += len(part)
    return [(a, b) for a, b in dict.fromkeys(found) if a < b]
