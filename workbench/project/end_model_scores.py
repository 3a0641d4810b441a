"""The scores of a run as a page sets them down: every figure with its interval, what the end model gains, and the crossover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from workbench.project.monitoring_facts import read_found
from workbench.project.overview import MODELS
from workbench.project.runs import Run
from workbench.project.steps.evaluate import CROSSOVER, STUDENTS
from workbench.project.weak_to_strong import METRICS

ALWAYS: Final = "majority_class"


def board(metrics: dict[str, Any], split: str, rows: str) -> pd.DataFrame:
    """Return one row a model, by name, of `all`, `covered` or `uncovered` rows of a split.

    Columns: each metric with `<metric>_low` and `<metric>_high` (missing in runs of before, but for accuracy), gain, gain_low
    and gain_high (how much more often the end model is right, as a share), n, and reason where there is no score. On uncovered
    rows the first line is that of always saying what is most frequent there.
    """
    found = metrics.get("gains", {}).get(split, {}).get(rows, {})
    lines: dict[str, dict[str, Any]] = {}
    if rows == "uncovered" and (most := metrics.get("uncovered", {}).get(split, {})).get("n"):
        known = {"n": most["n"], "accuracy": most["accuracy"], "interval": most["interval"]}
        lines[f"always {most['majority_class']}"] = _line(known, found.get(ALWAYS))
    each = {**metrics["label_model"], **{name: metrics[name] for name in STUDENTS if name in metrics}}
    for name, scores in each.items():
        nothing = {"reason": scores.get("skipped", "this run is older than this score; train anew")}
        lines[MODELS.get(name, name)] = _line(scores.get(split, {}).get(rows, nothing), found.get(name))
    columns = [*(f"{metric}{end}" for metric in (*METRICS, "gain") for end in ("", "_low", "_high")), "n"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=[*columns, "reason"])
    return table.assign(**{name: pd.to_numeric(table[name]) for name in columns}, reason=table["reason"].fillna(""))


def _line(score: dict[str, Any], gain: dict[str, Any] | None) -> dict[str, Any]:
    ends = {"accuracy": score.get("interval"), **score.get("intervals", {})}
    figures = {name: (score.get(name), ends.get(name)) for name in METRICS}
    if gain is not None:
        figures["gain"] = (gain["value"], gain["interval"])
    line: dict[str, Any] = {"n": score.get("n"), "reason": score.get("reason", "")}
    for name, (value, pair) in figures.items():
        line[name], (line[f"{name}_low"], line[f"{name}_high"]) = value, pair or (None, None)
    return line


def gains_in_words(metrics: dict[str, Any], split: str, rows: str) -> str:
    """Return in a sentence how much more often the end model is right than each other model; '' where nobody can say."""
    found = {name: one for name, one in metrics.get("gains", {}).get(split, {}).get(rows, {}).items() if one["n"]}
    if not found:
        return ""
    always = metrics["uncovered"][split]["majority_class"]
    said: dict[str, list[str]] = {"right more often than": [], "not clearly apart from": [], "right less often than": []}
    for name, one in found.items():
        low, high = one["interval"]
        kind = 0 if one["clear"] else 2 if high < 0 and -one["value"] > one["detectable"] else 1
        shown = f"always {always}" if name == ALWAYS else MODELS.get(name, name)
        said[list(said)[kind]].append(f"{shown} ({_points(one['value'])}, {_points(low)} to {_points(high)})")
    parts = [f"{what} {_and(names)}" for what, names in said.items() if names]
    n = next(iter(found.values()))["n"]
    return f"On these {n:,} rows the end model is {'; '.join(parts)}: points of accuracy, with 95 % intervals."


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def crossover_of(run: Run) -> dict[str, Any] | None:
    """Return what `workbench evaluate --crossover` measured of a run, None where it has not."""
    return read_found(run.folder / CROSSOVER)


def crossover_table(found: dict[str, Any]) -> pd.DataFrame:
    """Return one row a point of the curve: n (gold labels), mean, low and high (accuracy of the draws on test)."""
    lines = [(one["n"], one["mean"], min(one["accuracy"]), max(one["accuracy"])) for one in found["curve"]]
    return pd.DataFrame(lines, columns=["n", "mean", "low", "high"])
