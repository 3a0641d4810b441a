"""One sentence a suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.io.names import capitalised
from workbench.stress.contract import REVIEW, SAME
from workbench.stress.measure import UNCHANGED


def said(found: Mapping[str, Any]) -> str:
    """Return what a suite found in one sentence, as `measured` and `rules_removed` return it."""
    if found["kind"] == "rules_removed":
        return _of_functions(found)
    if not found["n"]:
        return f"Not run: {found['reason']}."
    n, of = f"{found['n']:,} row{'s' * (found['n'] != 1)}", found["of"] or {}
    parts = []
    if found["expects"] == REVIEW:
        parts.append(f"of {n} that belong to no class {_share(1 - found['answered'])} need review")
        parts.append(f"{_share(found['wrong_confident'])} are answered all the same (of {of['what']} {_share(of['answered'])})")
        return _sentence(parts)
    if found["broken"] is not None and found["expects"] != SAME:
        parts.append(f"the class becomes less likely on {_share(found['broken'])} of {n}")
    elif found["broken"] is not None:
        parts.append(f"the answer changes on {_share(found['broken'])} of {n}")
    if found["accuracy"] is not None:
        low, high = map(_share, found["interval"])
        parts.append(f"right on {_share(found['accuracy'])} [{low}, {high}] of {n}{_held_against(found, of)}")
    parts.append(f"{_share(found['answered'])} are answered{_was(of, 'answered')}")
    if found["wrong_confident"] is not None:
        low, high = map(_share, found["wrong_confident_interval"])
        share = f"{_share(found['wrong_confident'])} [{low}, {high}]"
        parts.append(f"{share} are answered and wrong{_was(of, 'wrong_confident')}")
    return _sentence(parts)


def _of_functions(found: Mapping[str, Any]) -> str:
    if found.get("label_model") is None:
        return f"Not run: {found['reason']}."
    label = found["label_model"]
    ends = "" if label["low"] == label["high"] else f" ({_share(label['low'])} to {_share(label['high'])})"
    rows = f"{found['n']:,} rows, with all functions on {_share(label['of'])}"
    parts = [f"the label model is right on {_share(label['accuracy'])}{ends} of {rows}"]
    missed = [one for one in found.get("lost", []) if one["accuracy"] < label["of"]]
    if missed:
        points = [f"{one['lf']} ({100 * (one['accuracy'] - label['of']):+.1f} points)" for one in missed]
        parts.append(f"missed most: {', '.join(points)}")
    if found["accuracy"] is not None:
        low, high = (100 * end for end in found["change"]["interval"])
        change = f"{100 * found['change']['accuracy']:+.1f} points [{low:+.1f}, {high:+.1f}]"
        parts.append(f"the end model that learns from it on {_share(found['accuracy'])}, {change}")
        parts.append(f"{_share(found['wrong_confident'])} are answered and wrong{_was(found['of'], 'wrong_confident')}")
    return _sentence(parts)


def _held_against(found: Mapping[str, Any], of: Mapping[str, Any]) -> str:
    if of.get("accuracy") is None:
        return ""
    if of["what"] != UNCHANGED:
        return f" (of {of['what']} {_share(of['accuracy'])})"
    change = found["change"]
    if change is None:
        return ""
    low, high = (100 * end for end in change["interval"])
    return f", {100 * change['accuracy']:+.1f} points [{low:+.1f}, {high:+.1f}] against {of['what']}"


def _was(of: Mapping[str, Any], name: str) -> str:
    what = "unchanged" if of.get("what") == UNCHANGED else of.get("what")
    return f" ({what}: {_share(of[name])})" if of.get(name) is not None else ""


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _sentence(parts: list[str]) -> str:
    return f"{capitalised('; '.join(parts))}."
