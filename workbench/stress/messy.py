"""Rows as people really write: two matters, quoted mails, signatures, slips, logs, hardly a word; their class stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from workbench.stress.contract import Suite, by_row, main_column
from workbench.tables import ABSTAIN, Dataset

Rng = np.random.Generator
_WORD: Final = re.compile(r"\S+")
_SECOND: Final = 25  # words of a second matter: an afterthought, not a mail of its own
_LETTERS: Final = re.compile(r"[^\W\d_]{3,}")
#: What lies around a key on the keyboards most people write on.
_NEAR: Final = {
    "a": "qsw", "b": "vng", "c": "xvd", "d": "sfe", "e": "wrd", "f": "dgr", "g": "fht", "h": "gjy", "i": "uok", "j": "hku",
    "k": "jli", "l": "kop", "m": "nj", "n": "bmh", "o": "ipl", "p": "ol", "q": "wa", "r": "etf", "s": "adw", "t": "ryg",
    "u": "yij", "v": "cbf", "w": "qes", "x": "zcs", "y": "tuh", "z": "xs",
}  # fmt: skip
_JOINTS: Final = (
    "\n\nOne more thing: ", "\n\nAnd while I am writing: ", "\n\nSeparately, ", "\n\nAlso, from a colleague:\n", "\n\n2) ",
)  # fmt: skip
_REPLIES: Final = (
    "Hello,\nthank you for getting in touch. We have received your message and will come back to you as soon as we can.",
    "Hi there,\nthis is an automatic reply. Our desk is staffed from Monday to Friday. Your message has been given a number.",
    "Dear customer,\ncould you tell us a little more, so that we can pass this on to the right person? A picture helps.",
    "Good morning,\nI have taken over from my colleague and am reading through your messages. Please bear with me.",
    "Hello again,\nsince we have not heard from you for some days, I wanted to ask whether this is still open.",
)
_SENDERS: Final = ("The support team", "Customer Care", "Robin at the service desk", "No Reply", "Help Desk")
_PEOPLE: Final = ("Jo Harper", "Milena Novak", "Tomás Iglesias", "Birgit Lenz", "Amadou Keita", "Lea Fontaine", "Sam Okafor")
_ROLES: Final = ("Office Manager", "Head of Operations", "Assistant to the Board", "Field Coordinator", "Managing Partner")
_FIRMS: Final = ("Brightwater Ltd", "Nordhang GmbH", "Alder & Finch", "Casa Robledo S.L.", "Atelier Marchand SARL")
_SMALL_PRINT: Final = (
    "This message and its attachments are meant for the addressee alone. If you are not, delete it and tell the sender.",
    "Please think of the trees before you print this mail.",
    "Registered office: 4 Mill Lane. Company number 0481526. Managing directors are listed on our website.",
    "Sent from my phone, so please excuse short words and long thumbs.",
)
_LEVELS: Final = ("DEBUG", "INFO", "INFO", "WARN")
_EVENTS: Final = (
    "heartbeat ok in {a} ms", "GET /v2/ping 200 {a}ms", "gc pause {a}.{b} ms", "queue depth {a}", "worker {a} idle",
    "config reloaded, {b} keys", "cache hit ratio 0.{a}", "scheduled task {h} done", "session {h} extended", "flush {a} kB",
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """How a text is changed: by `change` from text, generator and strength, in its main column or in all text columns."""

    change: Callable[[str, Rng, float], str]
    strength: float
    about: str
    everywhere: bool = False


def typos(text: str, rng: Rng, strength: float) -> str:
    """Give a share of the words one slip each: two letters swapped, one lost, doubled, or taken for its neighbour key."""

    def slip(found: re.Match[str]) -> str:
        word = found[0]
        if rng.random() >= strength:
            return word
        at, kind = int(rng.integers(len(word) - 1)), int(rng.integers(4))
        wrong = str(rng.choice(list(_NEAR.get(word[at].lower(), word[at]))))
        pair = (word[at + 1] + word[at], word[at + 1], word[at] * 2 + word[at + 1], wrong + word[at + 1])[kind]
        return word[:at] + pair + word[at + 2 :]

    return _LETTERS.sub(slip, text)


def casing(text: str, rng: Rng, strength: float) -> str:
    """Write a share of the texts in capitals, the others without any."""
    return text.upper() if rng.random() < strength else text.lower()


def truncation(text: str, rng: Rng, strength: float) -> str:
    """Break a text off in the middle of a word, a share of it lost, the first three words never."""
    words = list(_WORD.finditer(text))
    if len(words) <= 3:
        return text
    return text[: max(round(len(text) * (1 - strength)), words[2].end())].rstrip()


def near_empty(text: str, rng: Rng, strength: float) -> str:
    """Keep so many first words."""
    words = list(_WORD.finditer(text))
    return text if len(words) <= strength else text[: words[max(int(strength), 1) - 1].end()]


def quoted_thread(text: str, rng: Rng, strength: float) -> str:
    """Put so many earlier mails of a service desk below the text, the newest first, quoted ever deeper."""
    for depth in range(1, max(int(strength), 1) + 1):
        day, clock = f"{2 + rng.integers(26):02d}/{1 + rng.integers(12):02d}", f"{8 + rng.integers(10)}:{rng.integers(60):02d}"
        mark = "> " * depth
        lines = [f"On {day} at {clock}, {rng.choice(_SENDERS)} wrote:", *str(rng.choice(_REPLIES)).splitlines()]
        text += "\n\n" + "\n".join([mark[:-2] + lines[0], *(mark + line for line in lines[1:])])
    return text


def signature(text: str, rng: Rng, strength: float) -> str:
    """Put the sender's card and so many lines of small print below the text."""
    person, digits = str(rng.choice(_PEOPLE)), "".join(map(str, rng.integers(10, size=9)))
    address = re.sub(r"\W", "", person.split()[0].lower())
    lines = [
        "--",
        person,
        f"{rng.choice(_ROLES)} | {rng.choice(_FIRMS)}",
        f"T +{20 + rng.integers(40)} {digits[:3]} {digits[3:]}",
    ]
    small = rng.permutation(_SMALL_PRINT)[: max(int(strength), 1)].tolist()
    return "\n".join([text, "", *lines, f"{address}@example.com", *small])


def log_noise(text: str, rng: Rng, strength: float) -> str:
    """Paste so many lines of a log that tells nothing, above or below the text."""
    lines = []
    for _ in range(max(int(strength), 1)):
        clock = f"2031-{1 + rng.integers(12):02d}-{1 + rng.integers(28):02d}T{rng.integers(24):02d}:{rng.integers(60):02d}:00Z"
        event = str(rng.choice(_EVENTS)).format(a=rng.integers(10, 90), b=rng.integers(9), h=f"{rng.integers(2**28):07x}")
        lines.append(f"{clock} {rng.choice(_LEVELS):5} {event}")
    parts = [text, "\n".join(lines)]
    return "\n\n".join(parts if rng.random() < 0.5 else parts[::-1])


SECOND_ISSUE: Final = "second_issue"  # needs other rows to take the second matter from, and has no strength
WAYS: Final[dict[str, Way]] = {
    "quoted_thread": Way(quoted_thread, 2, "earlier mails of the desk quoted below"),
    "signature": Way(signature, 2, "a signature with small print below"),
    "truncation": Way(truncation, 0.5, "the text broken off"),
    "typos": Way(typos, 0.2, "slips of the keyboard", everywhere=True),
    "casing": Way(casing, 0.5, "all in capitals, or in none", everywhere=True),
    "log_noise": Way(log_noise, 8, "lines of a log that tells nothing"),
    "near_empty": Way(near_empty, 3, "the first words alone, other texts empty"),
}
MESSY: Final = (SECOND_ISSUE, *WAYS)
#: Ways whose strength is a share; that of the others is a number of at least 1.
SHARES: Final = ("truncation", "typos", "casing")


def messy_suite(name: str, how: str, strength: float | None, seed: int, donors: Dataset) -> Suite:
    """Return the suite of one of MESSY; its classes and ids are those of the rows it is made of.

    strength: that of the way unless given. donors: rows whose texts may be put behind others: never test rows, for people read
    what the suite finds. Without their gold the second matter may be of the same class.
    """
    if how == SECOND_ISSUE:
        about = "the beginning of a message of another class put at the end"
        return Suite(name, "messy", about, lambda rows: _second_issue(rows, donors, name, seed))
    way = WAYS[how]
    amount = way.strength if strength is None else strength

    def make(rows: Dataset) -> Dataset:
        main = main_column(rows)
        columns = rows.text if way.everywhere else (main,)
        rngs = [by_row(seed, name, id) for id in rows.ids]
        new = {
            column: [way.change(text, rng, amount) for text, rng in zip(rows.frame[column], rngs, strict=True)]
            for column in columns
        }
        if how == "near_empty":
            new |= {column: [""] * len(rows) for column in rows.text if column != main}
        return with_texts(rows, new)

    return Suite(name, "messy", way.about, make)


def with_texts(rows: Dataset, texts: dict[str, list[str]]) -> Dataset:
    """Return the rows with other texts in some columns; all else stays."""
    columns = {name: pd.Series(cells, index=rows.ids, dtype=rows.frame[name].dtype) for name, cells in texts.items()}
    return replace(rows, frame=rows.frame.assign(**columns))


def _second_issue(rows: Dataset, donors: Dataset, name: str, seed: int) -> Dataset:
    main = main_column(rows)
    texts = donors.frame[main].tolist()
    of = np.full(len(donors), ABSTAIN) if donors.gold is None else donors.gold.to_numpy()
    mine = np.full(len(rows), ABSTAIN) if rows.gold is None else rows.gold.to_numpy()
    written = np.array([bool(text.strip()) for text in texts], bool)
    other = {own: np.flatnonzero(written & ((of != own) | (of == ABSTAIN))) for own in np.unique(mine).tolist()}
    made = []
    for id, text, own in zip(rows.ids, rows.frame[main], mine.tolist(), strict=True):
        rng = by_row(seed, name, id)
        choice = other[own][donors.ids[other[own]] != id] if len(other[own]) else other[own]
        second = _WORD.findall(texts[int(rng.choice(choice))]) if len(choice) else []
        made.append(f"{text}{rng.choice(_JOINTS)}{' '.join(second[:_SECOND])}" if second else text)
    return with_texts(rows, {main: made})
