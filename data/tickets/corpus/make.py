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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sources import LABELS, Row, agent_priority, agents_of, outcomes, priority, small_model, tag
from writing import fill, log_lines, noisy, slots_of

HERE = Path(__file__).parent
SEED = 20260302
START = datetime(2026, 3, 2)  # a Monday
WEEKS = 26
TICKETS = 6_000
OLD = 1_200  # older tickets, which only the small model ever saw
NEW_FEATURE_FROM = 21  # the week Wren is launched
VALID_FROM, TEST_FROM = 19, 22
COLUMNS = (
    *(
        "id",
        "split",
        "label",
        "priority",
        "annotation",
        "subject",
        "body",
        "created_at",
        "channel",
        "language",
        "plan",
        "segment",
    ),
    *("outage", "error_log", "log_level", "agent", "agent_tag", "agent_priority", "model_label", "model_score"),
    *("reopened", "escalated", "refund_issued", "corrected", "csat"),
)
INCIDENTS = (  # week, hours after Monday 0:00, length in hours, and what the status page showed
    *((3, 33, 3, "degraded"), (7, 56, 5, "major"), (11, 10, 2, "degraded"), (14, 80, 6, "degraded")),
    *((18, 31, 4, "major"), (20, 57, 3, "degraded"), (23, 33, 5, "major"), (25, 82, 6, "degraded")),
)
LOCALES = (("en", 0.76), ("es", 0.08), ("de", 0.09), ("fr", 0.07))
CHANNELS = (("email", 0.5), ("web_form", 0.25), ("chat", 0.25))


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
    names = {"o": "old", "t": "train", "v": "valid", "s": "test"}
    return {
        name: [item for item, letter in zip(mixed, plan, strict=True) if letter == key or letter == "a"]
        for key, name in names.items()
    }


def prepare(situations: list[Row], rng: random.Random) -> None:
    """Deal every situation's words to the splits, and draw how common it is and whether it only starts late."""
    for one in situations:
        one["weight"] = rng.lognormvariate(0, 0.45)
        one["late"] = rng.random() < 0.04
        voices = list(enumerate(one["texts"]))
        one["texts"] = deal(voices, "aaaaaavs", rng)
        for key, plan in (("subjects", "aavs"), ("details", "aavs"), ("asks", "aas")):
            one[key] = deal(one[key], plan, rng)
        one["side"] = deal(one["side"], "ts", rng)
        for language in ("es", "de", "fr", "mixed"):
            if language in one:
                one[language] = deal(one[language], "a" + rng.choice("aavs"), rng)


def customers(shared: dict[str, Any], rng: random.Random) -> list[Row]:
    """Return 400 companies with plan, segment, seats and language."""
    out = []
    names = [f"{a} {b}" for a in shared["fills"]["company_first"] for b in shared["fills"]["company_last"]]
    for name in rng.sample(names, 400):
        segment = rng.choices(("small", "midmarket", "enterprise", "public"), (0.5, 0.28, 0.14, 0.08))[0]
        plans = {
            "small": (0.25, 0.5, 0.24, 0.01),
            "midmarket": (0.02, 0.28, 0.6, 0.1),
            "enterprise": (0, 0.02, 0.23, 0.75),
            "public": (0, 0.3, 0.5, 0.2),
        }
        plan = rng.choices(("free", "starter", "business", "enterprise"), plans[segment])[0]
        seats = {
            "small": rng.randrange(2, 20),
            "midmarket": rng.randrange(20, 150),
            "enterprise": rng.randrange(150, 3000),
            "public": rng.randrange(10, 400),
        }[segment]
        locale = rng.choices([name for name, _ in LOCALES], [share for _, share in LOCALES])[0]
        out.append(
            {
                "company": name,
                "plan": plan,
                "segment": segment,
                "seats": seats,
                "locale": locale,
                "weight": rng.lognormvariate(0, 0.7),
            }
        )
    return out  # fmt: skip


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
    new = week >= NEW_FEATURE_FROM and rng.random() < 0.04 + 0.02 * min(4, week - NEW_FEATURE_FROM)
    swarm = outage != "none" and rng.random() < 0.45
    pool = [
        one
        for one in situations
        if (one["outage"] if swarm else one["label"] == label and one["new_feature"] == new and not one["outage"])
        and (not one["late"] or week >= NEW_FEATURE_FROM)
        and (language == "en" or one.get(language, {}).get(split))
    ]
    return rng.choices(pool, [one["weight"] for one in pool])[0] if pool else None


class Writer:
    """Writes one ticket after another, each from a situation, a customer and a moment."""

    def __init__(self, situations: list[Row], shared: dict[str, Any], rng: random.Random) -> None:
        self.situations, self.shared, self.rng = situations, shared, rng
        self.people = customers(shared, rng)
        self.recent: dict[int, int] = {}  # text -> how often used, so that the least used come next

    def ticket(self, when: datetime, split: str) -> tuple[Row, Row, tuple[int, int]]:
        """Return the row, its situation, and reach and haste as its text tells them."""
        rng, week = self.rng, (when - START).days // 7 + 1
        customer = rng.choices(self.people, [one["weight"] for one in self.people])[0]
        outage = outage_at(when)
        spoken = "en"
        if customer["locale"] != "en" and split != "old":
            spoken = rng.choices((customer["locale"], "mixed", "en"), (0.5, 0.25, 0.25))[0]
        situation = choose(self.situations, week, outage, spoken, split, rng)
        while situation is None:
            situation, spoken = choose(self.situations, week, outage, "en", split, rng), "en"
        agent = rng.choice(agents_of(max(1, week)))
        slots = slots_of(self.shared, customer, agent["name"], when, rng)
        language = (
            customer["locale"]
            if spoken in ("en", "mixed") and rng.random() < 0.03
            else "en"
            if spoken in ("en", "mixed")
            else spoken
        )
        channel = rng.choices([name for name, _ in CHANNELS], [share for _, share in CHANNELS])[0]
        voice, core = (
            (2, rng.choice(situation[spoken][split])) if spoken != "en" else self.least_used(situation["texts"][split])
        )
        channel = "phone" if spoken == "en" and voice == 6 else "chat" if voice == 0 and rng.random() < 0.7 else channel
        reach, haste, said = self.circumstances(situation, spoken, slots)
        second = self.second_issue(situation, spoken, channel, split, week)
        body = self.body(situation, core, voice, spoken, channel, split, slots, said, second)
        notes = (
            [name for name in ("polite_security",) if situation[name]]
            + ["new_vocabulary"] * situation["new_feature"]
            + ["code_switched"] * (spoken == "mixed")
            + ["multi_issue"] * bool(second)
        )
        row = {
            "split": split,
            "label": situation["label"],
            "annotation": " ".join(notes),
            "subject": self.subject(situation, channel, split, slots),
            "body": body,
            "created_at": when.isoformat(sep=" "),
            "channel": channel,
            "language": language,
            "plan": customer["plan"],
            "segment": customer["segment"],
            "outage": outage,
            "error_log": self.log(situation["label"], when),
            "agent": agent["name"],
        }
        row["log_level"] = next((level for level in ("FATAL", "ERROR", "WARN", "INFO") if level in row["error_log"]), "")
        row["agent_tag"] = tag(agent, row, rng)
        return row, situation, (reach, haste)

    def least_used(self, texts: list[tuple[int, str]]) -> tuple[int, str]:
        """Return one of the texts written least often so far; hints and long stories (voices 8 and 3) are half as common."""
        used = {id(text): self.recent.get(id(text), 0) for text in texts}
        text = self.rng.choice([text for text in texts if used[id(text)] == min(used.values())])
        self.recent[id(text)] = used[id(text)] + (2 if text[0] in (2, 7) else 1)
        return text

    def circumstances(self, situation: Row, spoken: str, slots: dict[str, str]) -> tuple[int, int, list[str]]:
        """Draw reach and haste and the sentences that tell them; what is drawn but not told counts as none."""
        rng, shared, said = self.rng, self.shared, []
        reach = rng.choices((0, 1, 2), (0.6, 0.28, 0.12))[0] if situation["label"] != "feature_request" else 0
        haste = rng.choices((-1, 0, 1, 2), (0.18 if situation["severity"] < 3 else 0.02, 0.58, 0.18, 0.12))[0]
        if spoken == "en" and (reach or rng.random() < 0.15) and situation["label"] != "feature_request":
            said.append(fill(rng.choice(shared["reach"][str(reach)]), slots, rng))
        elif spoken != "en":
            reach = 0
        told = shared["haste" if spoken in ("en", "mixed") else f"haste_{spoken}"].get(str(haste))
        if told:
            said.append(fill(rng.choice(told), slots, rng))
        return reach, haste, said

    def second_issue(self, situation: Row, spoken: str, channel: str, split: str, week: int) -> str:
        """Return an afterthought about another class's matter, in one longer English mail of eight."""
        rng = self.rng
        if spoken != "en" or channel in ("chat", "phone") or split == "old" or rng.random() >= 0.13:
            return ""
        others = [
            one
            for one in self.situations
            if one["label"] != situation["label"] and one["new_feature"] <= (week >= NEW_FEATURE_FROM) and not one["outage"]
        ]
        return rng.choice(rng.choice(others)["side"]["test" if split == "test" else "train"])

    def body(
        self,
        situation: Row,
        core: str,
        voice: int,
        spoken: str,
        channel: str,
        split: str,
        slots: dict[str, str],
        said: list[str],
        second: str,
    ) -> str:
        rng, shared = self.rng, self.shared
        language = "en" if spoken == "mixed" else spoken
        source = "train" if split == "old" else split
        middle = [core]
        if spoken == "en":
            middle += rng.sample(
                situation["details"][source],
                min(len(situation["details"][source]), rng.choice([0, 0, 1, 1, 2] if voice else [0, 0, 0, 1])),
            )
        if rng.random() < (0.1 if channel in ("chat", "phone") else 0.4):
            middle.insert(rng.randrange(len(middle) + 1), rng.choice(shared["fillers"][language]))
        if spoken == "en" and rng.random() < (0.4 if voice == 0 else 0.7):
            label = situation["label"] if rng.random() < 0.94 else rng.choice(LABELS)
            middle.insert(rng.randrange(1, len(middle) + 1), rng.choice(shared["said"][label]))
        middle += said
        if spoken == "en" and rng.random() < (0.1 if channel in ("chat", "phone") else 0.35):
            middle.append(rng.choice(situation["asks"][source]))
        if channel != "phone" and voice and rng.random() < 0.3:
            middle.insert(0, rng.choice(shared["openers"][language]))
        text = noisy(fill(" ".join(middle), slots, rng), voice, channel, rng)
        if second:
            text += rng.choice([" ", "\n\n"]) + fill(
                rng.choice(shared["second_issue"]["en"]).replace("{side}", second), slots, rng
            )
        if rng.random() < {"bug": 0.1, "auth": 0.06}.get(situation["label"], 0.02):
            text += "\n\n" + log_lines(
                shared["logs"][rng.choice(list(shared["logs"]))], datetime.fromisoformat("2026-05-05 09:00:00"), rng
            )
        if channel in ("chat", "phone"):
            return text
        return self.around(text, language, channel, slots)

    def around(self, text: str, language: str, channel: str, slots: dict[str, str]) -> str:
        """Put greeting, closing, signature, an earlier answer or a forward around the text of a mail or a form."""
        rng, shared = self.rng, self.shared
        parts = []
        if rng.random() < (0.75 if channel == "email" else 0.35):
            parts.append(rng.choice(shared["greetings"][language]))
        parts.append(text)
        if rng.random() < (0.7 if channel == "email" else 0.3):
            parts.append(rng.choice(shared["closings"][language]))
        if rng.random() < (0.6 if channel == "email" else 0.15):
            parts.append(rng.choice(shared["signatures"]["any"]))
        whole = fill(rng.choice(["\n\n", "\n", "\n\n"]).join(parts), slots, rng)
        roll = rng.random()
        if channel == "email" and roll < 0.08:
            frame = rng.choice(shared["wrappers"]["any"]).replace("{subject}", rng.choice(shared["subjects"]["any"]))
            return fill(frame.replace("{body}", "\0"), slots, rng).replace("\0", whole)
        if channel == "email" and roll < 0.15:
            quoted = fill(rng.choice(shared["quoted"]["any"]), slots, rng)
            return f"{whole}\n\nOn {slots['date']}, Tidewell Support wrote:\n> {quoted}"
        return whole

    def subject(self, situation: Row, channel: str, split: str, slots: dict[str, str]) -> str:
        """Return a subject line: the situation's own, one that says nothing, or none in chats and calls."""
        if channel in ("chat", "phone"):
            return ""
        own = situation["subjects"]["train" if split == "old" else split]
        source = own if self.rng.random() < 0.55 else self.shared["subjects"]["any"]
        return fill(self.rng.choice(source), slots, self.rng)

    def log(self, label: str, when: datetime) -> str:
        """Return the lines a client program sent along, most often of the class's own kind, often of another."""
        rng, logs = self.rng, self.shared["logs"]
        if rng.random() >= {"bug": 0.42, "auth": 0.3, "billing": 0.1, "feature_request": 0.1}[label]:
            return ""
        kind = label if label in logs and rng.random() < 0.7 else rng.choice(list(logs))
        return log_lines(logs[kind], when, rng)


def make() -> list[Row]:
    """Return all tickets by time, with every column."""
    rng = random.Random(SEED)
    situations, shared = load()
    prepare(situations, rng)
    writer = Writer(situations, shared, rng)
    old = [writer.ticket(START - timedelta(hours=rng.random() * 2000), "old")[0] for _ in range(OLD)]
    rows = []
    for number, when in enumerate(moments(rng)):
        row, situation, (reach, haste) = writer.ticket(when, split_of((when - START).days // 7 + 1, rng))
        row["id"] = f"T-{20_001 + number}"
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
            shown = {name: None if row["split"] == "train" and name in hidden else row[name] for name in COLUMNS}
            file.write(json.dumps(shown, ensure_ascii=False) + "\n")
    with (folder / "train_truth.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("id", *hidden))
        table.writerows([row["id"], *(row[name] for name in hidden)] for row in rows if row["split"] == "train")


if __name__ == "__main__":
    write(make(), Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent)
