"""How a situation becomes the text of one ticket: slots and alternatives, voices, noise, and what stands around it."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

SHORT = {
    "please": "pls",
    "because": "bc",
    "thanks": "thx",
    "you": "u",
    "tomorrow": "tmrw",
    "with": "w/",
    "about": "abt",
    "message": "msg",
}
NEIGHBOURS = {
    "a": "s",
    "e": "r",
    "i": "o",
    "o": "p",
    "n": "m",
    "t": "r",
    "s": "d",
    "r": "t",
    "l": "k",
    "c": "v",
    "u": "y",
    "h": "g",
}


# A date after such words lies ahead.
AHEAD = re.compile(
    r"(?i)\b(until|by|before|due|due on|ends? on|ending|expires? on|renew\w* on|coming up on|starts? on|open|from) \{date\}"
)


def fill(text: str, slots: dict[str, str], rng: random.Random) -> str:
    """Choose one of every `[a|b]`, then put the ticket's values into its {slots}."""
    text = AHEAD.sub(r"\1 {soon}", text)
    chosen = re.sub(r"\[([^\[\]]*\|[^\[\]]*)\]", lambda found: rng.choice(found[1].split("|")), text)
    return re.sub(r"\{(\w+)\}", lambda found: slots[found[1]], chosen)


def slots_of(
    shared: dict[str, Any], customer: dict[str, Any], agent: str, when: datetime, language: str, rng: random.Random
) -> dict[str, str]:
    """Return one value for every slot; the same in all parts of a ticket."""
    fills = shared["fills"]
    person, person2 = rng.sample(fills["person"], 2)
    surname = rng.choice(fills["surname"])
    calendar = shared["calendar"][language]
    past, soon = (
        when - timedelta(days=rng.choice([1, 2, 3, 5, 8, 13, 30])),
        when + timedelta(days=rng.choice([1, 2, 4, 7, 10, 21])),
    )
    clock = max(when - timedelta(minutes=rng.randrange(20, 400)), when.replace(hour=min(6, when.hour), minute=0))

    def date(day: datetime) -> str:
        month = calendar["months"][day.month - 1]
        forms = [f"{day.day} {month}", f"{day:%Y-%m-%d}", f"{day:%d/%m}", f"{month} {day.day}"]
        return rng.choice(forms if language == "en" else forms[:3])

    def address(name: str) -> str:
        plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
        return f"{plain}@{host}.example"

    money = rng.choice([9, 12, 29, 48, 75, 99, 120, 240, 360, 499, 588, 720, 1240, 1860, 2400, 4980, 12600]) + rng.choice(
        [0, 0, 0.5, 0.99]
    )
    host = re.sub(r"\W+", "", customer["company"].lower())
    return {
        "amount": rng.choice(
            [f"${money:,.2f}", f"{money:,.0f} USD", f"€{money:,.2f}", f"{money:.0f} EUR", f"£{money:,.2f}", f"{money:.0f}€"]
        ),
        "invoice": rng.choice(
            [f"TW-2026-{rng.randrange(1000, 9999)}", f"#{rng.randrange(20000, 60000)}", f"INV{rng.randrange(100000, 999999)}"]
        ),
        "date": date(past),
        "soon": date(soon),
        "month": calendar["months"][past.month - 1],
        "weekday": calendar["days"][past.weekday()],
        "time": rng.choice([f"{clock.hour}:{clock.minute // 5 * 5:02d}", f"{clock.hour}.{clock.minute:02d}"]),
        "n": str(rng.randrange(2, 10)),
        "count": str(rng.randrange(10, 400)),
        "seats": str(customer["seats"]),
        "plan": customer["plan"].capitalize(),
        "person": person,
        "person2": person2,
        "surname": surname,
        "initials": person[0].lower() + surname[0].lower(),
        "job_title": rng.choice(fills["job_title"]),
        "company": customer["company"],
        "client": rng.choice(fills["client"]),
        "email": address(person),
        "email2": address(person2),
        "version": f"{rng.randrange(4, 7)}.{rng.randrange(0, 30)}.{rng.randrange(0, 10)}",
        "code": rng.choice(
            [f"TW-{rng.randrange(1000, 9999)}", f"{rng.randrange(400, 600)}", f"0x{rng.randrange(4096, 65535):x}"]
        ),
        "browser": rng.choice(fills["browser"]),
        "job": f"{rng.choice(['J-', '#', ''])}{rng.randrange(1000, 9999)}",
        "street": rng.choice(fills["street"]),
        "phone": f"+{rng.choice([1, 33, 34, 44, 49])} {rng.randrange(100, 999)} {rng.randrange(100000, 999999)}",
        "ticket": f"T-{rng.randrange(11000, 19999)}",
        "agent": agent.capitalize(),
    }


def log_lines(lines: Sequence[str], when: datetime, rng: random.Random) -> str:
    """Return one to three lines of a log, with times and ids drawn."""

    def value(found: re.Match[str]) -> str:
        stamp = when - timedelta(seconds=rng.randrange(5, 7200))
        return {
            "ts": f"{stamp:%Y-%m-%dT%H:%M:%SZ}",
            "hex": f"{rng.randrange(16**7):07x}",
            "num": str(rng.choice([rng.randrange(2, 60), rng.randrange(100, 9000)])),
            "few": str(rng.randrange(3, 13)),
            "ip": ".".join(str(rng.randrange(2, 250)) for _ in range(4)),
        }[found[1]]

    return "\n".join(re.sub(r"\{(\w+)\}", value, rng.choice(lines)) for _ in range(rng.choice([1, 1, 2, 3])))


def misspell(text: str, share: float, rng: random.Random) -> str:
    """Slip on `share` of the longer words: letters swapped, dropped, doubled, or hit on the next key."""

    def slip(found: re.Match[str]) -> str:
        word = found[0]
        if rng.random() >= share:
            return word
        at = rng.randrange(1, len(word) - 1)
        return rng.choice([
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + NEIGHBOURS.get(word[at], word[at]) + word[at + 1 :],
        ])  # fmt: skip

    return re.sub(r"[^\W\d_]{4,}", slip, text)


def chatty(text: str, rng: random.Random) -> str:
    """Write as people do in a chat window: lower case, few points, short forms."""
    out = text.lower() if rng.random() < 0.7 else text
    out = re.sub(r"\b\w+\b", lambda found: SHORT.get(found[0], found[0]) if rng.random() < 0.4 else found[0], out)
    if rng.random() < 0.5:
        out = out.replace("'", "")
    return out.rstrip(".") if rng.random() < 0.8 else out


def angry(text: str, rng: random.Random) -> str:
    """Raise the voice: one sentence in capitals, or more marks than needed."""
    parts = re.split(r"(?<=[.!?]) ", text)
    at = rng.randrange(len(parts))
    if rng.random() < 0.4 and len(parts[at]) < 120:
        parts[at] = parts[at].upper()
    else:
        parts[at] = parts[at].rstrip(".") + rng.choice(["!!", "!!!", "?!", "..."])
    return " ".join(parts)


def noisy(text: str, voice: int, channel: str, rng: random.Random) -> str:
    """Leave the marks of a voice and a channel on a text that was written cleanly."""
    if voice == 5 and rng.random() < 0.6:
        text = angry(text, rng)
    if channel == "chat" or voice == 0:
        text = chatty(text, rng)
    share = rng.choice([0, 0, 0, 0.02, 0.06]) if voice not in (0, 3) else rng.choice([0, 0.04, 0.1])
    return misspell(text, share, rng)
