"""What a gate said, in the words that terminal, page and report share."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pandas as pd

from workbench.project.reference import promoted
from workbench.project.task import Task
from workbench.stats.words import p_in_words

Found = Mapping[str, Any]  # a gate.json, or one of its checks


def limits_hash(task: Task) -> str:
    """Return what tells the limits of a task from others."""
    return sha256(repr(sorted(task.gate, key=lambda one: one.key)).encode()).hexdigest()


def fails(check: Found) -> bool:
    """Return whether a check fails the gate: broken, or without data that are required."""
    return check["passed"] is False or (check["passed"] is None and bool(check.get("required")))


def verdict(check: Found) -> str:
    """Return the verdict on a check in a few words."""
    if check["passed"] is None:
        return "required and missing" if fails(check) else "not checked"
    if not check["passed"]:
        return "failed"
    return "passed, within chance" if check["kind"] == "absolute" and check.get("beyond") else "passed"


def counts_in_words(found: Found) -> str:
    """Return how many checks passed, failed, or have no data."""
    told = [verdict(one).partition(",")[0] for one in found["checks"]]
    counts = {name: told.count(name) for name in ("passed", "failed", "required and missing", "not checked")}
    passed = f"{counts['passed']:,} check{'s' * (counts['passed'] != 1)} passed, {counts['failed']:,} failed"
    return ", ".join([passed, *(f"{counts[name]:,} {name}" for name in list(counts)[2:] if counts[name])])


def checks_table(found: Found) -> pd.DataFrame:
    """Return the checks as texts, one line each, those that fail first; level: what p is held against."""
    lines = []
    for one in sorted(found["checks"], key=lambda one: (not fails(one), not one["primary"])):
        limit = _figure(one, "limit")
        side = {"higher": "≥ ", "lower": "≤ "}.get(str(one.get("better")), "") if limit else ""
        p, alpha = one["p"], one["alpha"]
        lines.append(
            {
                "check": f"{one['name']}{', primary' if one['primary'] else ''}",
                "verdict": verdict(one),
                "held against": "the reference" if one["kind"] == "against" else "a limit",
                "now": _figure(one, "value"),
                "reference": _figure(one, "reference"),
                "limit": f"{side}{limit}",
                "n": f"{one['n']:,}",
                "p": "" if p is None else p_in_words(p).removeprefix("= "),
                "level": "" if alpha is None else f"{alpha:.2g}",
            }
        )
    columns = ["check", "verdict", "held against", "now", "reference", "limit", "n", "p", "level"]
    return pd.DataFrame(lines, columns=columns)


def _figure(one: Found, key: str) -> str:
    value = one[key]
    return "" if value is None else f"{value:,.1f}" if str(one["name"]).startswith("latency") else f"{value:.3f}"


def stale(task: Task, found: Found) -> list[str]:
    """Return in sentences what a kept gate no longer knows: other limits, or another reference."""
    said = []
    if "limits" in found and found["limits"] != limits_hash(task):
        said.append("The limits under [gate] have changed since. Run the gate again.")
    now = next((line["run"] for line in promoted(task)[-1:]), None)
    if now is not None and now not in (found["against"], found["run"]):
        said.append(f"The reference is another run by now: {now}. Run the gate again.")
    return said
