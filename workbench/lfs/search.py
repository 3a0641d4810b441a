"""Where texts hold words and patterns: plain words over the bytes of all texts at once, patterns by Arrow's RE2.

Comparing bytes finds a word about twice as fast as RE2 does, and ten times as fast as RE2 finds a pattern that begins with a
class, a group or `\\b`. So words are looked for first, and the pattern only in the texts that hold one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.lfs.chunk import Chunk

_FEW: Final = 8  # words up to which looking for one after another is quicker than RE2 looking for all at once
_SAMPLE: Final = 2**16  # bytes that tell which bytes are rare
_BLOCK: Final = 2**18  # bytes compared at a time, so that they stay in the processor's cache

_PART, _UNKNOWN, _WHOLE = np.int8(0), np.int8(1), np.int8(2)
# What a byte beside a word makes of it: part of a longer one; whole; unknown where it is half of a sign outside ASCII.
_EDGE: Final = np.array(
    [_UNKNOWN if byte > 127 else _PART if chr(byte).isalnum() or chr(byte) == "_" else _WHOLE for byte in range(256)]
)


class Bytes:
    """The texts of a column end to end, in UTF-8."""

    def __init__(self, texts: pa.Array) -> None:
        """texts: a large_string array without missing values."""
        _, offsets, data = texts.buffers()
        places = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        everything = np.frombuffer(data or b"", np.uint8)
        self.data = everything[places[0] : places[-1]]
        self.starts = places - places[0]  # int64[n + 1]: where each text begins, and where the last one ends
        self.counts = np.bincount(self.data[:_SAMPLE], minlength=256)
        # Kept, because the system takes longer to give fresh memory for each word than the comparison lasts.
        self._first, self._second = np.empty((2, _BLOCK), dtype=bool)

    def places(self, word: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where a word of at least one byte stands: the position of each text, and where in the data it begins there."""
        rare = sorted(range(len(word)), key=lambda i: self.counts[word[i]])
        a, b = rare[0], rare[min(1, len(word) - 1)]
        last = len(self.data) - len(word) + 1
        pieces = [np.empty(0, np.int64)]
        for start in range(0, last, _BLOCK):
            n = min(_BLOCK, last - start)
            here = np.equal(self.data[start + a : start + a + n], word[a], out=self._first[:n])
            here &= np.equal(self.data[start + b : start + b + n], word[b], out=self._second[:n])
            pieces.append(np.flatnonzero(here) + start)
        begins = np.concatenate(pieces)
        for i in rare[2:]:
            begins = begins[self.data[begins + i] == word[i]]
        texts = np.searchsorted(self.starts, begins, side="right") - 1
        inside = begins + len(word) <= self.starts[texts + 1]  # not across the end of a text
        return texts[inside], begins[inside]

    def edges(self, texts: NDArray[np.int64], begins: NDArray[np.int64], length: int) -> NDArray[np.int8]:
        """int8, one a place: whether the word is whole there, as `_EDGE` says of the byte on either side."""
        ends = begins + length
        left = np.where(begins == self.starts[texts], _WHOLE, _EDGE[self.data.take(begins - 1, mode="clip")])
        right = np.where(ends == self.starts[texts + 1], _WHOLE, _EDGE[self.data.take(ends, mode="clip")])
        return np.minimum(left, right)


def folded(texts: pa.Array) -> pa.Array:
    """Return texts in which ASCII words stand in lower case wherever RE2, ignoring case, finds them."""
    import pyarrow.compute as pc

    lower = pc.ascii_lower(texts)
    if not pc.all(pc.string_is_ascii(lower)).as_py():
        for sign, letter in (("\N{KELVIN SIGN}", "k"), ("\N{LATIN SMALL LETTER LONG S}", "s")):
            lower = pc.replace_substring(lower, sign, letter)
    return lower


@dataclass(frozen=True)
class Search:
    """A pattern in RE2's dialect, looked for in one column (None: all text columns).

    words: plain texts of which every match holds one; none where they are not known. Such a word is a match wherever it stands
    (`part`), where it is whole (`whole`), or where the pattern says so (`pattern`).
    """

    pattern: str
    words: Sequence[str]
    match: Literal["part", "whole", "pattern"]
    column: str | None
    case: bool

    @property
    def few(self) -> bool:
        """Whether words are looked for, before or instead of the pattern."""
        return 1 <= len(self.words) <= _FEW

    @property
    def share(self) -> tuple[Any, ...]:
        """What this search takes from a chunk, by the method of Chunk that makes it."""
        in_bytes = self.few and (self.case or any(map(str.isascii, self.words)))
        return ("text_bytes", self.column, self.case) if in_bytes else ("arrow_text", self.column)

    def __call__(self, chunk: Chunk) -> NDArray[np.bool_]:
        """bool[n]: the texts in which the pattern is found."""
        texts = chunk.arrow_text(self.column)
        if not self.few:
            return self._matches(texts, self.pattern)
        certainty = np.zeros(len(chunk), np.int8)
        for word in self.words:
            found, certain = self._places(chunk, word)
            np.maximum.at(certainty, found, certain)
        doubtful = np.flatnonzero(certainty == _UNKNOWN)
        if len(doubtful):
            certainty[doubtful] = self._matches(texts.take(doubtful), self.pattern) * _WHOLE
        return np.asarray(certainty == _WHOLE)

    def _places(self, chunk: Chunk, word: str) -> tuple[NDArray[np.int64], NDArray[np.int8] | np.int8]:
        """Return positions of texts that hold a word, and how certain each is to match."""
        certain = _WHOLE if self.match == "part" else _UNKNOWN
        if not self.case and not word.isascii():
            return np.flatnonzero(self._matches(chunk.arrow_text(self.column), escape(word))), certain
        searched = chunk.text_bytes(self.column, self.case)
        wanted = (word if self.case else word.lower()).encode()
        texts, begins = searched.places(wanted)
        return texts, searched.edges(texts, begins, len(wanted)) if self.match == "whole" else certain

    def _matches(self, texts: Any, pattern: str) -> NDArray[np.bool_]:
        import pyarrow.compute as pc

        return np.array(pc.match_substring_regex(texts, pattern, ignore_case=not self.case))


def escape(word: str) -> str:
    """Escape a literal for RE2, which refuses Python's escaped non-ASCII and spaces."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", word)


def words_of(pattern: str) -> list[str]:
    """Return plain texts of which every match of a pattern holds one: one an alternative, or none where they are not sure.

    A text read too short costs time, one that need not be there would cost votes: what is unusual ends the reading.
    """
    unusual = r"^\^|\{|\[:|\(\?(?!:)|\\[^bBdDsSwW\W]"  # an anchor, which is quick alone; counts, [:alpha:], flags, \Q, \p, \x
    if re.search(unusual, pattern):
        return []
    plain = re.sub(r"\\.", "\0", pattern, flags=re.DOTALL)  # \0 stands for what is no plain text
    plain = re.sub(r"\[\^?\]?[^\]]*\]", "\0", plain)
    while plain != (plain := re.sub(r"\([^()]*\)", "\0", plain)):
        pass
    plain = re.sub(r".?[*+?]*[*?]", "\0", plain, flags=re.DOTALL)  # what may be missing
    words = [max(re.split(r"[\0.^$+]", branch), key=len) for branch in plain.split("|")]
    return words if min(map(len, words)) > 2 else []  # shorter ones let most texts through
