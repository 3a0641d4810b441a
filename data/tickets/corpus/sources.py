"""What the support desk knows about a ticket beside its words: agents' tags, a small model, outcomes, the policy."""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path
from typing import Any

LABELS = ("billing", "auth", "bug", "feature_request")
PRIORITIES = ("low", "normal", "high", "urgent")
Row = dict[str, Any]


_DESK = tomllib.loads(Path(__file__).with_name("desk.toml").read_text("utf-8"))
AGENTS: dict[str, Row] = {agent["name"]: agent for agent in _DESK["agent"]}


def agents_of(week: int) -> list[Row]:
    return [agent for agent in AGENTS.values() if agent["weeks"][0] <= week <= agent["weeks"][1]]


def tag(agent: Row, row: Row, rng: random.Random) -> str:
    """Return the tag the agent sets while reading: their own spelling, `other`, or nothing."""
    if rng.random() >= agent["tags"]:
        return ""
    if rng.random() < 0.06:
        return "other"
    text, meant = f"{row['subject']} {row['body']}".lower(), row["label"]
    if rng.random() >= agent["right"]:
        meant = agent.get("mixes", {}).get(meant) or rng.choice([label for label in LABELS if label != meant])
    for word, label, share in agent.get("words", ()):
        if re.search(rf"\b{word}", text) and rng.random() < share:
            meant = label
            break
    return rng.choice(agent.get("names", {}).get(meant, [meant]))


MEANING = {label: label for label in LABELS} | {
    name.lower(): label for agent in AGENTS.values() for label, names in agent.get("names", {}).items() for name in names
}
MEANING["technical"] = "bug"


def small_model(old: list[Row], rows: list[Row]) -> None:
    """Add model_label and model_score: naive Bayes over words, trained on older tickets as their agents tagged them."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    tagged = [(row["body"], MEANING[row["agent_tag"].lower()]) for row in old if row["agent_tag"].lower() in MEANING]
    words = CountVectorizer(min_df=2, max_df=0.3, binary=True)
    model = MultinomialNB(alpha=0.5).fit(words.fit_transform([text for text, _ in tagged]), [label for _, label in tagged])
    for row, probs in zip(rows, model.predict_proba(words.transform([row["body"] for row in rows])), strict=True):
        best = int(probs.argmax())
        row["model_label"], row["model_score"] = str(model.classes_[best]), round(float(probs[best]), 3)


def outcomes(row: Row, situation: Row, rng: random.Random) -> None:
    """Add what is known only weeks later; a ticket that was sorted wrongly comes back more often and pleases less."""
    meant = MEANING.get(row["agent_tag"].lower())
    wrong = meant is not None and meant != row["label"]
    money_back = row["label"] == "billing" and re.search(r"refund|double|twice|wrong|overcharg|charge", situation["name"])
    row["reopened"] = rng.random() < (0.3 if wrong else 0.07)
    row["escalated"] = rng.random() < {1: 0.01, 2: 0.04, 3: 0.12, 4: 0.35}[situation["severity"]] * (
        1.4 if row["label"] == "bug" else 0.8
    )
    row["refund_issued"] = rng.random() < (0.55 if money_back else 0.04 if row["label"] == "billing" else 0.008)
    row["corrected"] = ""
    if rng.random() < (0.35 if wrong else 0.01):  # the weekly check of tags
        row["corrected"] = row["label"] if rng.random() < 0.94 else rng.choice(LABELS)
    row["csat"] = min(5, max(1, round(rng.gauss(2.6 if wrong else 4.0, 1.1)))) if rng.random() < 0.35 else None


def priority(row: Row, severity: int, reach: int, haste: int) -> str:
    """Apply the desk's written policy: what is at stake, for how many, how soon, on which plan, during what.

    Points: 2 a step of severity; reach 0..2; haste -1..2; plan -2..3; outage +2 degraded, +3 major where it can be the cause
    (auth and bug); the log +1 for ERROR, +3 for FATAL. A wish is at most normal, a matter of safety at least high.
    """
    points = 2 * severity + reach + haste + {"free": -2, "starter": 0, "business": 1, "enterprise": 3}[row["plan"]]
    if row["label"] in ("auth", "bug"):
        points += {"none": 0, "degraded": 2, "major": 3}[row["outage"]]
    points += {"FATAL": 3, "ERROR": 1}.get(row["log_level"], 0)
    level = 0 if points < 4 else 1 if points < 7 else 2 if points < 10 else 3
    if row["label"] == "feature_request":
        level = min(level, 1)
    if "polite_security" in row["annotation"]:
        level = max(level, 2)
    return PRIORITIES[level]


def agent_priority(row: Row, rng: random.Random) -> str:
    """Return P1..P4 as agents set it: by how loudly it is said and by who pays most, hardly by what is at stake."""
    if rng.random() < 0.25:
        return ""
    text = f"{row['subject']} {row['body']}"
    loud = len(re.findall(r"urgent|asap|immediately|right now|!!|dringend|urgente", text, re.IGNORECASE)) + (
        row["subject"].isupper()
    )
    level = {"low": 0.6, "normal": 1.2, "high": 1.7, "urgent": 2.3}[row["priority"]] + 0.8 * min(loud, 2)
    level += 0.5 * (row["plan"] == "enterprise") + rng.gauss(0, 0.6)
    return f"P{4 - min(3, max(0, round(level)))}"
