"""What stress, gate, monitor and outcomes left in files, as tables that a page sets down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from workbench.io.files import check_format
from workbench.io.kept import read_kept
from workbench.project.label_model import gold_of, row_in_words
from workbench.project.run_history import Panel
from workbench.tables import Dataset

Found = Mapping[str, Any]

#: What a monitor compares, in words, in the order in which a page draws them.
KINDS: Final = {
    "coverage": "coverage of a function",
    "mix": "classes a function votes for",
    "agreement": "agreement of two functions",
    "covered": "rows with a vote",
    "conflict": "rows in conflict",
    "patterns": "new combinations of votes",
    "new terms": "new terms",
    "unseen words": "unseen words",
    "length": "length of texts",
    "language": "languages",
    "embedding": "what texts are about",
    "confidence": "confidence of the end model",
    "classes": "classes answered",
    "deferred": "rows that need review",
}
_SUMMARY: Final = {
    "Rows with a vote": "coverage",
    "Rows in conflict": "conflict",
    "Middle confidence": "confidence",
    "Need review": "deferred",
}
_ENDS: Final = ("low", "high")


def read_found(path: Path) -> dict[str, Any] | None:
    """Return what a command wrote into a JSON file, None where it has not run; raises WorkbenchError for a damaged one."""
    if not path.exists():
        return None
    found = read_kept(path, suites=list[dict], checks=list[dict], groups=list[dict], differences=list[dict])  # type: ignore[type-arg]
    check_format(found, path)
    return found


# ---------------------------------------------------------------- suites


def suite_table(found: Found) -> pd.DataFrame:
    """Return one row a suite of which gold tells something, by name: what it measured, and what that is held against.

    kind, n, accuracy, low, high, answered, wrong (answered and wrong, of all rows), wrong_low, wrong_high; of (in words),
    of_accuracy, of_low, of_high, of_answered, of_wrong, of_wrong_low, of_wrong_high, worst (how many rows are named).
    """
    lines = {}
    for one in found["suites"]:
        if one["n"] and (one.get("accuracy") is not None or one.get("wrong_confident") is not None):
            of = one["of"] or {}
            own, other = _measures(one), {f"of_{name}": value for name, value in _measures(of).items()}
            told = {"kind": one["kind"], "n": one["n"], "of": of.get("what", ""), "worst": len(one["worst"])}
            lines[one["name"]] = {**told, **own, **other}
    measured = list(_measures({}))
    columns = ["kind", "n", *measured, "of", *(f"of_{name}" for name in measured), "worst"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis("suite")
    return table.assign(**{name: pd.to_numeric(table[name]) for name in columns if name not in ("kind", "of")})


def _measures(one: Found) -> dict[str, Any]:
    low, high = one.get("interval") or (None, None)
    wrong_low, wrong_high = one.get("wrong_confident_interval") or (None, None)
    wrong = {"wrong": one.get("wrong_confident"), "wrong_low": wrong_low, "wrong_high": wrong_high}
    return {"accuracy": one.get("accuracy"), "low": low, "high": high, "answered": one.get("answered"), **wrong}


def broken_table(found: Found) -> pd.DataFrame:
    """Return one row a suite that expects something else than gold, by name: kind, n, broken (share of rows), low, high."""
    lines = {}
    for one in found["suites"]:
        if one["n"] and one.get("broken") is not None and one["kind"] != "out_of_scope":  # there, answered and wrong says it
            low, high = one.get("broken_interval") or (None, None)
            lines[one["name"]] = {"kind": one["kind"], "n": one["n"], "broken": one["broken"], "low": low, "high": high}
    table = pd.DataFrame.from_dict(lines, orient="index", columns=["kind", "n", "broken", *_ENDS]).rename_axis("suite")
    return table.assign(**{name: pd.to_numeric(table[name]) for name in ("n", "broken", *_ENDS)})


def lost_rules(found: Found) -> pd.DataFrame:
    """Return one row a suite of removed functions, by what happens to them: the label model's accuracy, its draws, of, change.

    low..high: the worst and the best draw; of: with all functions; change, in words: the end model's where it learned again.
    """
    lines = {}
    for one in found["suites"]:
        label = one.get("label_model")
        if label:
            more = one.get("change")
            change = "" if not more else f"{100 * more['accuracy']:+.1f} points"
            figures = {name: label[name] for name in ("accuracy", *_ENDS, "of")}
            lines[str(one.get("about") or one["name"])] = {**figures, "change": change}
    return pd.DataFrame.from_dict(lines, orient="index", columns=["accuracy", *_ENDS, "of", "change"]).rename_axis("functions")


def not_run(found: Found) -> dict[str, str]:
    """Return why each suite that has no figures was not run."""
    return {one["name"]: one["reason"] for one in found["suites"] if not one["n"] and one.get("reason")}


def worst_rows(suite: Found, dataset: Dataset) -> pd.DataFrame:
    """Return the worst rows of a suite by id: row as the suite asked it, was (as it stands, '' where nothing changed), gold.

    Rows of other splits than valid are left out, whatever the file says.
    """
    places = dataset.ids.get_indexer(pd.Index(suite["worst"], dtype="str"))
    changed = suite.get("changed") or {}
    lines = {}
    for row, place in zip(suite["worst"], places.tolist(), strict=True):
        if place >= 0 and dataset.split.iloc[place] == "valid":
            stands = row_in_words(dataset, place)
            made = str(changed.get(row, "")).strip()
            told = {"row": made or stands, "was": stands if made and made != stands else ""}
            lines[row] = {**told, "gold": gold_of(dataset, place)}
    return pd.DataFrame.from_dict(lines, orient="index", columns=["row", "was", "gold"]).rename_axis("id")


# ---------------------------------------------------------------- drift


def drift_table(batches: Sequence[Found]) -> pd.DataFrame:
    """Return one line a kind of check and batch: place (1 for the oldest), batch, kind (in words), drifted and of how many."""
    lines = []
    for place, batch in enumerate(batches, 1):
        by_kind: dict[str, list[bool]] = {}
        for check in batch["checks"]:
            by_kind.setdefault(check["kind"], []).append(bool(check["drifted"]))
        for kind, marks in by_kind.items():
            counted = {"drifted": sum(marks), "of": len(marks)}
            lines.append({"place": place, "batch": batch["batch"], "kind": KINDS.get(kind, kind), **counted})
    order = {kind: place for place, kind in enumerate(KINDS.values())}
    table = pd.DataFrame(lines, columns=["place", "batch", "kind", "drifted", "of"])
    return table.sort_values("kind", key=lambda kinds: kinds.map(order).fillna(len(order)), kind="stable", ignore_index=True)


def batch_figures(batches: Sequence[Found]) -> tuple[pd.DataFrame, list[Panel]]:
    """Return the figures of each batch by its id, with `finished`, and the charts that have anything to show."""
    lines = {one["batch"]: {"finished": one["finished"], **one.get("summary", {})} for one in batches}
    table = pd.DataFrame.from_dict(lines, orient="index", columns=["finished", *_SUMMARY.values()])
    table = table.assign(**{name: pd.to_numeric(table[name]) for name in _SUMMARY.values()})
    every = [Panel(title, {title.lower(): name}) for title, name in _SUMMARY.items()]
    return table, [one for one in every if table[list(one.series.values())].notna().any(axis=None)]


# ---------------------------------------------------------------- outcomes


def outcome_table(found: Found, outcome: str, by: str) -> pd.DataFrame:
    """Return one row a group, in the file's order: of answered rows and of those that needed review value, low, high and n.

    Columns: answered, answered_low, answered_high, answered_n, review, review_low ...; value: a rate, or of a number its mean.
    """
    sides = {"answer": "answered", "needs review": "review"}
    lines: dict[str, dict[str, Any]] = {}
    for line in found["groups"]:
        side = sides.get(line["decision"])
        if line["by"] == by and side is not None and outcome in line:
            figure = line[outcome]
            low, high = figure.get("interval") or (None, None)
            value = figure.get("rate", figure.get("mean"))
            told = {side: value, f"{side}_low": low, f"{side}_high": high, f"{side}_n": figure["n"]}
            lines.setdefault(str(line["of"]), {}).update(told)
    columns = [f"{side}{end}" for side in sides.values() for end in ("", "_low", "_high", "_n")]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis(by)
    return table.assign(**{name: pd.to_numeric(table[name]) for name in columns})


def is_rate(found: Found, outcome: str) -> bool:
    """Tell whether an outcome is a share of rows, else it is a number."""
    return any("rate" in line[outcome] for line in found["groups"] if outcome in line)


def groupings(found: Found) -> list[str]:
    """Return by what the rows are grouped, beside all of them."""
    return [by for by in dict.fromkeys(str(line["by"]) for line in found["groups"]) if by != "all"]
