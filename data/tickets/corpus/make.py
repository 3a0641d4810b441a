"""Makes tickets.jsonl and train_truth.csv from the hand-written material beside this file; always the same bytes.

    python data/tickets/corpus/make.py [FOLDER]

README.md, one folder up, tells how and why.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sources import AGENTS, LABELS, Row, agent_priority, agents_of, outcomes, priority, small_model, tag
from writing import fill, log_lines, noisy, slots_of

HERE = Path(__file__).parent
SEED = 20260302
START = datetime(2026, 3, 2)  # a Monday
WEEKS = 26
TICKETS = 6_000
OLD = 1_200  # older tickets, which only the small model ever saw
NEW_FEATURE_FROM = 21  # the week Wren is launched
VALID_FROM, TEST_FROM = 19, 22
INCIDENTS = (  # week, hours after Monday 0:00, length in hours, and what the status page showed
    *((3, 33, 3, "degraded"), (7, 56, 5, "major"), (11, 10, 2, "degraded"), (14, 80, 6, "degraded")),
    *((18, 31, 4, "major"), (20, 57, 3, "degraded"), (23, 33, 5, "major"), (25, 82, 6, "degraded")),
)
LOCALES = {"en": 0.76, "es": 0.08, "de": 0.09, "fr": 0.07}


def load() -> tuple[list[Row], dict[str, Any]]:
    """Return the situations of all classes and the shared material."""
    situations = []
    for file in sorted((HERE / "material").glob("*.toml")):
        for one in tomllib.loads(file.read_text("utf-8"))["situation"]:
            label = one.get("class") or next(name for name in LABELS if file.name.startswith(name))
            situations.append({"new_feature": False, "polite_security": False, "outage": False, **one, "label": label})
    shared, said = (tomllib.loads((HERE / name).read_text("utf-8")) for name in ("shared.toml", "said.toml"))
    return situations, {**shared, "said": said}


def deal(items: list[Any], plan: str, rng: random.Random) -> dict[str, list[Any]]:
    """Deal items to splits, one letter of the plan each: (t)rain, (v)alid, te(s)t, (a)ll three, in random order."""
    mixed = rng.sample(items, len(items))
    names = {"t": "train", "v": "valid", "s": "test"}
    return {name: [item for item, to in zip(mixed, plan, strict=True) if to in (key, "a")] for key, name in names.items()}


def prepare(situations: list[Row], said: dict[str, Any], rng: random.Random) -> None:
    """Deal all words to the splits, and draw how common a situation is and whether it only starts late."""
    for label, lines in said.items():
        said[label] = deal(lines, "a" * 22 + "t" * 7 + "v" * 3 + "s" * 6, rng)
    for one in situations:
        one["weight"] = rng.lognormvariate(0, 0.45)
        one["late"] = rng.random() < 0.04
        voices = list(enumerate(one["texts"]))
        one["texts"] = deal(voices, "aaaaaaas", rng)
        for key, plan in (("subjects", "aaas"), ("details", "aaas"), ("asks", "aas")):
            one[key] = deal(one[key], plan, rng)
        one["side"] = deal(one["side"], "ts", rng)
        for language in ("es", "de", "fr", "mixed"):
            if language in one:
                one[language] = deal(one[language], "a" + rng.choice("aaas"), rng)


def customers(shared: dict[str, Any], rng: random.Random) -> list[Row]:
    """Return 400 companies with plan, segment, seats and language."""
    kinds = {  # segment: its share, the shares of free, starter, business and enterprise plans, and the range of seats
        "small": (0.5, (0.25, 0.5, 0.24, 0.01), (2, 20)),
        "midmarket": (0.28, (0.02, 0.28, 0.6, 0.1), (20, 150)),
        "enterprise": (0.14, (0, 0.02, 0.23, 0.75), (150, 3000)),
        "public": (0.08, (0, 0.3, 0.5, 0.2), (10, 400)),
    }
    names = [f"{a} {b}" for a in shared["fills"]["company_first"] for b in shared["fills"]["company_last"]]
    out = []
    for name in rng.sample(names, 400):
        segment = rng.choices(list(kinds), [share for share, _, _ in kinds.values()])[0]
        _, plans, seats = kinds[segment]
        out.append(
            {
                "company": name,
                "plan": rng.choices(("free", "starter", "business", "enterprise"), plans)[0],
                "segment": segment,
                "seats": rng.randrange(*seats),
                "locale": rng.choices(list(LOCALES), list(LOCALES.values()))[0],
                "weight": rng.lognormvariate(0, 0.7),
            }
        )
    return out


def moments(rng: random.Random) -> list[datetime]:
    """Return when the tickets came, sorted: growing by the week, in office hours mostly, in swarms during incidents."""
    shares = [130 + 8.4 * week for week in range(WEEKS)]
    weeks = rng.choices(range(1, WEEKS + 1), shares, k=TICKETS)
    out = []
    for week in weeks:
        monday = START + timedelta(weeks=week - 1)
        incidents = [one for one in INCIDENTS if one[0] == week]
        if incidents and rng.random() < 0.1:
            _, start, length, _ = incidents[0]
            out.append(monday + timedelta(hours=start + length * rng.random()))
        else:
            day = rng.choices(range(7), (22, 20, 19, 18, 16, 3, 2))[0]
            hour = min(23.9, max(0, rng.gauss(12.5, 3.4)))
            out.append(monday + timedelta(days=day, hours=hour))
    return sorted(moment.replace(microsecond=0) for moment in out)


def outage_at(when: datetime) -> str:
    hours = (when - START) / timedelta(hours=1)
    for week, start, length, level in INCIDENTS:
        if 0 <= hours - (week - 1) * 168 - start < length:
            return level
    return "none"


def split_of(week: int, rng: random.Random) -> str:
    """Return the split by time; the last weeks before test are shared by train and valid."""
    if week >= TEST_FROM:
        return "test"
    return "valid" if week >= VALID_FROM and rng.random() < 0.7 else "train"


def choose(situations: list[Row], week: int, outage: str, language: str, split: str, rng: random.Random) -> Row | None:
    """Return the situation of a ticket; None where nobody wrote of such a matter in this language."""
    label = rng.choices(LABELS, (0.26, 0.23, 0.30, 0.21))[0]
    new = week >= NEW_FEATURE_FROM and rng.random() < 0.03 + 0.015 * min(4, week - NEW_FEATURE_FROM)
    swarm = outage != "none" and rng.random() < 0.45
    pool = [
        one
        for one in situations
        if (one["outage"] if swarm else one["label"] == label and one["new_feature"] == new and not one["outage"])
        and (not one["late"] or week >= NEW_FEATURE_FROM)
        and (language == "en" or one.get(language, {}).get(split))
    ]
    return rng.choices(pool, [one["weight"] for one in pool])[0] if pool else None


@dataclass(frozen=True)
class Draft:
    """What is drawn of a ticket before a word is written. spoken: the language, or `mixed`; voice: 0..7."""

    when: datetime
    split: str
    situation: Row
    spoken: str
    channel: str
    voice: int
    core: str
    slots: dict[str, str]

    @property
    def language(self) -> str:
        return "en" if self.spoken == "mixed" else self.spoken

    @property
    def brief(self) -> bool:
        return self.channel in ("chat", "phone")


class Writer:
    """Writes one ticket after another, each from a situation, a customer and a moment."""

    def __init__(self, situations: list[Row], shared: dict[str, Any], rng: random.Random) -> None:
        self.situations, self.shared, self.rng = situations, shared, rng
        self.people = customers(shared, rng)
        self.used: Counter[tuple[int, str]] = Counter()  # how often each text was written, so that the least used come next

    def ticket(self, when: datetime, split: str, foreign: bool = True) -> tuple[Row, Row, tuple[int, int]]:
        """Return the row, its situation, and reach and haste as its text tells them."""
        rng, week = self.rng, (when - START).days // 7 + 1
        customer = rng.choices(self.people, [one["weight"] for one in self.people])[0]
        agent = rng.choice(agents_of(max(1, week)))["name"]
        draft = self.draft(when, week, split, customer, agent, foreign)
        situation = draft.situation
        reach, haste, said = self.circumstances(draft)
        second = self.second_issue(draft, week)
        flags = {
            "polite_security": situation["polite_security"],
            "new_vocabulary": situation["new_feature"],
            "code_switched": draft.spoken == "mixed",
            "multi_issue": bool(second),
        }
        detected = customer["locale"] if draft.language == "en" and rng.random() < 0.03 else draft.language  # it errs
        row = {
            "split": split,
            "label": situation["label"],
            "annotation": " ".join(name for name, holds in flags.items() if holds),
            "subject": self.subject(draft),
            "body": self.body(draft, said, second),
            "created_at": when.isoformat(sep=" "),
            "channel": draft.channel,
            "language": detected,
            "plan": customer["plan"],
            "segment": customer["segment"],
            "outage": outage_at(when),
            "error_log": self.log(draft),
            "agent": agent,
        }
        row["log_level"] = next((level for level in ("FATAL", "ERROR", "WARN", "INFO") if level in row["error_log"]), "")
        row["agent_tag"] = tag(AGENTS[agent], row, rng)
        return row, situation, (reach, haste)

    def draft(self, when: datetime, week: int, split: str, customer: Row, agent: str, foreign: bool) -> Draft:
        """Draw language, situation, voice and channel."""
        rng, spoken, outage = self.rng, "en", outage_at(when)
        if customer["locale"] != "en" and foreign:
            spoken = rng.choices((customer["locale"], "mixed", "en"), (0.5, 0.25, 0.25))[0]
        situation = choose(self.situations, week, outage, spoken, split, rng)
        while situation is None:
            situation, spoken = choose(self.situations, week, outage, "en", split, rng), "en"
        channel = rng.choices(("email", "web_form", "chat"), (0.5, 0.25, 0.25))[0]
        voice, core = 2, rng.choice(situation[spoken][split]) if spoken != "en" else ""
        if spoken == "en":
            voice, core = self.least_used(situation["texts"][split])
            channel = "phone" if voice == 6 else "chat" if voice == 0 and rng.random() < 0.7 else channel
        slots = slots_of(self.shared, customer, agent, when, "en" if spoken == "mixed" else spoken, rng)
        return Draft(when, split, situation, spoken, channel, voice, core, slots)

    def least_used(self, texts: list[tuple[int, str]]) -> tuple[int, str]:
        """Return one of the texts written least often so far; hints and long stories (voices 7 and 2) are half as common."""
        least = min(self.used[text] for text in texts)
        text = self.rng.choice([text for text in texts if self.used[text] == least])
        self.used[text] += 2 if text[0] in (2, 7) else 1
        return text

    def circumstances(self, draft: Draft) -> tuple[int, int, list[str]]:
        """Draw reach and haste and the sentences that tell them; what is drawn but not told counts as none."""
        rng, shared, said = self.rng, self.shared, []
        reach = rng.choices((0, 1, 2), (0.65, 0.25, 0.1))[0] if draft.spoken == "en" else 0
        haste = rng.choices((-1, 0, 1, 2), (0.18 if draft.situation["severity"] < 3 else 0.02, 0.58, 0.18, 0.12))[0]
        if reach or (draft.spoken == "en" and rng.random() < 0.12):
            said.append(fill(rng.choice(shared["reach"][str(reach)]), draft.slots, rng))
        told = shared["haste" if draft.language == "en" else f"haste_{draft.language}"].get(str(haste))
        if told:
            said.append(fill(rng.choice(told), draft.slots, rng))
        return reach, haste if told else 0, said

    def second_issue(self, draft: Draft, week: int) -> str:
        """Return an afterthought about another class's matter, in one English mail or form of eight."""
        if draft.spoken != "en" or draft.brief or self.rng.random() >= 0.13:
            return ""
        others = [
            one
            for one in self.situations
            if one["label"] != draft.situation["label"]
            and one["new_feature"] <= (week >= NEW_FEATURE_FROM)
            and not one["outage"]
        ]
        return self.rng.choice(self.rng.choice(others)["side"]["test" if draft.split == "test" else "train"])

    def body(self, draft: Draft, said: list[str], second: str) -> str:
        """Return the whole text: the situation's own words, what goes with them, and what stands around."""
        rng, shared, english = self.rng, self.shared, draft.spoken == "en"
        middle = [draft.core]
        if english:
            details = draft.situation["details"][draft.split]
            middle += rng.sample(details, min(len(details), rng.choice([0, 0, 1, 1, 2] if draft.voice else [0, 0, 0, 1])))
        if rng.random() < (0.1 if draft.brief else 0.4):
            middle.insert(rng.randrange(len(middle) + 1), rng.choice(shared["fillers"][draft.language]))
        if english and rng.random() < (0.35 if draft.voice == 0 else 0.65):
            label = draft.situation["label"] if rng.random() < 0.94 else rng.choice(LABELS)
            middle.insert(rng.randrange(1, len(middle) + 1), rng.choice(shared["said"][label][draft.split]))
        middle += said
        if english and rng.random() < (0.1 if draft.brief else 0.35):
            middle.append(rng.choice(draft.situation["asks"][draft.split]))
        if draft.channel != "phone" and draft.voice and rng.random() < 0.3:
            middle.insert(0, rng.choice(shared["openers"][draft.language]))
        text = noisy(fill(" ".join(middle), draft.slots, rng), draft.voice, draft.channel, rng)
        if second:
            joined = rng.choice(shared["second_issue"]["en"]).replace("{side}", second)
            text += rng.choice([" ", "\n\n"]) + fill(joined, draft.slots, rng)
        if draft.channel != "phone" and rng.random() < {"bug": 0.1, "auth": 0.06}.get(draft.situation["label"], 0.02):
            text += "\n\n" + log_lines(shared["logs"][rng.choice(list(shared["logs"]))], draft.when, rng)
        return text if draft.brief else self.around(text, draft)

    def around(self, text: str, draft: Draft) -> str:
        """Put greeting, closing, signature, an earlier answer or a forward around the text of a mail or a form."""
        rng, shared, mail = self.rng, self.shared, draft.channel == "email"
        parts = []
        if rng.random() < (0.75 if mail else 0.35):
            parts.append(rng.choice(shared["greetings"][draft.language]))
        parts.append(text)
        if rng.random() < (0.7 if mail else 0.3):
            parts.append(rng.choice(shared["closings"][draft.language]))
        if rng.random() < (0.6 if mail else 0.15):
            parts.append(rng.choice(shared["signatures"]["any"]))
        whole = fill(rng.choice(["\n\n", "\n", "\n\n"]).join(parts), draft.slots, rng)
        roll = rng.random()
        if mail and roll < 0.08:
            frame = rng.choice(shared["wrappers"]["any"]).replace("{subject}", rng.choice(shared["subjects"]["any"]))
            return fill(frame.replace("{body}", "\0"), draft.slots, rng).replace("\0", whole)
        if mail and roll < 0.15:
            quoted = fill(rng.choice(shared["quoted"]["any"]), draft.slots, rng)
            return f"{whole}\n\nOn {draft.slots['date']}, Tidewell Support wrote:\n> {quoted}"
        return whole

    def subject(self, draft: Draft) -> str:
        """Return a subject line: the situation's own, one that says nothing, or none in chats and calls."""
        if draft.brief:
            return ""
        own = draft.situation["subjects"][draft.split]
        vague = self.shared["subjects" if draft.language == "en" else f"subjects_{draft.language}"]["any"]
        if draft.channel != "email":
            vague = [line for line in vague if not line.startswith(("Re:", "Fwd:"))]
        source = own if self.rng.random() < (0.55 if draft.language == "en" else 0.1) else vague
        return fill(self.rng.choice(source), draft.slots, self.rng)

    def log(self, draft: Draft) -> str:
        """Return the lines a client program sent along, most often of the class's own kind, sometimes of another."""
        rng, logs, label = self.rng, self.shared["logs"], draft.situation["label"]
        if draft.channel == "phone" or rng.random() >= {"bug": 0.45, "auth": 0.33}.get(label, 0.12):
            return ""
        kind = label if label in logs and rng.random() < 0.8 else rng.choice(("other", "other", *logs))
        return log_lines(logs[kind], draft.when, rng)


def make() -> list[Row]:
    """Return all tickets by time, with every column."""
    rng = random.Random(SEED)
    situations, shared = load()
    prepare(situations, shared["said"], rng)
    writer = Writer(situations, shared, rng)
    old = [writer.ticket(START - timedelta(hours=rng.random() * 2000), "train", foreign=False)[0] for _ in range(OLD)]
    rows = []
    for number, when in enumerate(moments(rng)):
        row, situation, (reach, haste) = writer.ticket(when, split_of((when - START).days // 7 + 1, rng))
        row = {"id": f"T-{20_001 + number}", **row}
        row["priority"] = priority(row, situation["severity"], reach, haste)
        row["agent_priority"] = agent_priority(row, rng)
        outcomes(row, situation, rng)
        rows.append(row)
    small_model(old, rows)
    return rows


def write(rows: list[Row], folder: Path) -> None:
    """Write the tickets, and the truth of train apart from them."""
    hidden = ("label", "priority", "annotation")
    with (folder / "tickets.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            shown = {name: None if row["split"] == "train" and name in hidden else row[name] for name in row}
            file.write(json.dumps(shown, ensure_ascii=False) + "\n")
    with (folder / "train_truth.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("id", "label", "priority"))
        table.writerows((row["id"], row["label"], row["priority"]) for row in rows if row["split"] == "train")


if __name__ == "__main__":
    write(make(), Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent)
