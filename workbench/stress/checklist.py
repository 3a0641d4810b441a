"""Changes that must not change an answer, and sentences that must not make a class less likely (CheckList).

Ribeiro, Wu, Guestrin & Singh, "Beyond accuracy: behavioral testing of NLP models with CheckList", ACL 2020, section 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from workbench.stress.contract import SAME, NotLower, Suite, by_row, main_column
from workbench.stress.messy import with_texts
from workbench.tables import Dataset

Rng = np.random.Generator
#: First names in several languages; none that is a common word in one of them.
NAMES: Final = (
    "Anna", "Peter", "Maria", "Thomas", "Julia", "David", "Laura", "Daniel", "Elena", "Martin", "Sofia", "Lukas", "Camille",
    "Pierre", "Carmen", "Javier", "Katrin", "Stefan", "Isabelle", "Antoine", "Lucía", "Miguel", "Heike", "Jürgen", "Emily",
    "Michael", "Sarah", "Ahmed", "Fatima", "Wei", "Priya", "Olga", "Ivan", "Aisha", "Kofi", "Yuki", "Nina", "Oskar", "Hanna",
)  # fmt: skip
_NUMBER: Final = re.compile(r"\d+")
_MONEY: Final = r"[$€£]|(?:eur|euros?|usd|gbp|chf|dollars?|pounds?)\b"
_AMOUNT: Final = re.compile(rf"(?:{_MONEY})\s?\d[\d.,]*|\d[\d.,]*\s?(?:{_MONEY})", re.IGNORECASE)
_OPENINGS: Final = ("Hello, I hope you are well. ", "Hi there, ", "Good morning! ", "Dear all,\n", "Sorry to bother you. ")
_CLOSINGS: Final = (
    "\nThank you very much in advance.", "\nMany thanks and kind regards", "\nMuch appreciated!", "\nHave a nice day.",
)  # fmt: skip


def _other_digits(found: re.Match[str], rng: Rng) -> str:
    """Return a number of as many digits, the first of which is no 0 unless it was."""
    return "".join(sign if sign == "0" or not sign.isdigit() else str(rng.integers(1, 10)) for sign in found[0])


def numbers(text: str, rng: Rng) -> str:
    """Put other digits in the place of every digit but 0."""
    return _NUMBER.sub(lambda found: _other_digits(found, rng), text)


def amounts(text: str, rng: Rng) -> str:
    """Put other digits in the place of those of sums of money."""
    return _AMOUNT.sub(lambda found: _other_digits(found, rng), text)


def politeness(text: str, rng: Rng) -> str:
    """Put a greeting before the text and thanks behind it."""
    return f"{rng.choice(_OPENINGS)}{text}{rng.choice(_CLOSINGS)}"


def swapped(words: Sequence[str]) -> Callable[[str, Rng], str]:
    """Return what puts another of the words in the place of each, whole and in this spelling, the same one all over a text."""
    found = _whole_words(words)

    def change(text: str, rng: Rng) -> str:
        order = rng.permutation(len(words))
        following = {words[a]: words[b] for a, b in zip(order, np.roll(order, 1), strict=True)}
        return found.sub(lambda one: following[one[0]], text)

    return change


def replaced(pairs: Sequence[tuple[str, str]]) -> Callable[[str, Rng], str]:
    """Return what puts the second of a pair in the place of the first, whole words, whatever their case."""
    new = {old.casefold(): other for old, other in pairs}
    found = _whole_words([old for old, _ in pairs], re.IGNORECASE)
    return lambda text, rng: found.sub(
        lambda one: new.get(one[0].casefold(), one[0]), text
    )  # a Turkish dotted I folds to two signs


def _whole_words(words: Sequence[str], flags: int = 0) -> re.Pattern[str]:
    """Return the pattern of any of the words, the longest first, with no letter, digit or underscore on either side."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})(?!\w)", flags)


#: Changes that need no words of the task's own, and what they are.
CHANGES: Final[dict[str, tuple[Callable[[str, Rng], str], str]]] = {
    "names": (swapped(NAMES), "first names exchanged for others"),
    "numbers": (numbers, "other digits in every number"),
    "amounts": (amounts, "other sums of money"),
    "politeness": (politeness, "a greeting before and thanks behind"),
}


def invariance_suite(name: str, about: str, change: Callable[[str, Rng], str], seed: int) -> Suite:
    """Return the suite of the rows that a change changes; what it adds, politeness for one, is added to the main text alone."""

    def make(rows: Dataset) -> Dataset:
        columns = (main_column(rows),) if change is politeness else rows.text
        rngs = [by_row(seed, name, id) for id in rows.ids]
        texts = {column: [change(text, rng) for text, rng in zip(rows.frame[column], rngs, strict=True)] for column in columns}
        return with_texts(rows, texts)

    return Suite(name, "invariance", about, make, SAME)


def direction_suite(name: str, append: Sequence[str], expect: NotLower, seed: int) -> Suite:
    """Return the suite of all rows with one of the sentences behind the text; each of them speaks for the class."""

    def make(rows: Dataset) -> Dataset:
        main = main_column(rows)
        added = [str(by_row(seed, name, id).choice(list(append))) for id in rows.ids]
        return with_texts(rows, {main: [f"{text}\n{more}" for text, more in zip(rows.frame[main], added, strict=True)]})

    return Suite(name, "direction", f"a sentence of {expect.label!r} put at the end", make, expect)
