"""The functions of a task in one table: what the files say of them, and what they did in the last run and before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import pandas as pd

from workbench.project.catalogue import changes
from workbench.project.runs import Run, list_runs
from workbench.project.task import Task

Figures = dict[str, dict[str, Any]]
_FIGURES: Final = (
    "coverage", "overlap", "conflict", "n_votes", "accuracy", "low", "high", "n_gold", "wrong", "learned", "learned_low",
    "learned_high", "believed", "faults", "microseconds",
)  # fmt: skip
_COLUMNS: Final = ("on", "state", "kind", "labels", *_FIGURES, "kept", "place", "reason", "tags", "error", "stopped", "run")
_HISTORY: Final = 20  # runs looked back on: the newest


def diagnosed(task: Task, upto: str | None = None) -> list[Run]:
    """Return the newest runs with a diagnosis, at most 20, the newest first; upto: leave out those later than this run."""
    runs = [run for run in list_runs(task) if (run.folder / "diagnosis.json").exists() and (upto is None or run.id <= upto)]
    return runs[::-1][:_HISTORY]


def run_figures(run: Run) -> Figures:
    """Return what each function did in a run, by name: its line of the diagnosis, what was learned of it, time and fingerprint.

    microseconds: a row; `kept` where its votes are those of an earlier run. learned_low..learned_high: the 95 % interval of the
    learned accuracy, where the run found one. wrong: votes on valid rows with gold of another class. believed: the accuracy
    that its votes are taken to have at least, learned or, where none was, that of a guess among the classes.
    """
    learned = run.label_model() if (run.folder / "label_model.json").exists() else {"accuracy": {}}
    intervals, about = learned.get("accuracy_interval", {}), run.about
    times = about.get("microseconds", {})
    diagnosis, found = run.diagnosis(), {}
    classes = diagnosis["summary"].get("classes")  # runs of earlier versions do not say
    chance = 1 / len(classes) if classes else None
    for line in diagnosis["functions"]:
        name = line["lf"]
        low, high = intervals.get(name) or (None, None)
        found[name] = {
            **line,
            "wrong": None if line["accuracy"] is None else line["n_gold"] - line["correct"],
            "learned": learned["accuracy"].get(name),
            "learned_low": low,
            "learned_high": high,
            "believed": next((one for one in (low, learned["accuracy"].get(name)) if one is not None), chance),
            "microseconds": times.get(name),
            "kept": "microseconds" in about and name not in times,  # runs of earlier versions do not say
            "stopped": about.get("stopped", {}).get(name, ""),
            "fingerprint": about["functions"].get(name),
            "run": run.id,
            "finished": about["finished"],
        }
    return found


def function_rows(found: dict[str, Any], runs: Sequence[Figures] = ()) -> pd.DataFrame:
    """Return one row a function, of the last run and of the files alike, indexed by name.

    found: the catalogue. runs: the `run_figures` of the run that is looked at and of those before it, the newest first.
    Columns: on; state (`on`, `off` or what became of it since the run, and `broken`, `stopped`, joined by commas); kind,
    place, reason, error as text; labels and tags as tuples; the figures, which for a function that is off are those of the last
    run it voted in, named under run; microseconds, which are of the last time that it voted, `kept` telling that this was
    before the run; stopped, the reason why its votes were left out.
    """
    now: Figures = runs[0] if runs else {}
    described = {one["name"]: one for one in found["functions"]}
    since = changes({name: line["fingerprint"] for name, line in now.items()}, found) if runs else {}
    rows = {}
    for name in dict.fromkeys([*now, *described, *found["off"]]):
        one, off = described.get(name, {}), name in found["off"]
        line = now.get(name) or (next((run[name] for run in runs if name in run), {}) if off else {})
        was = since.get(name, "off" if off else "on")
        states = {was: True, "broken": one.get("error"), "stopped": line.get("stopped")}
        rows[name] = {figure: line.get(figure) for figure in _FIGURES} | {
            "on": not off and was != "removed",
            "state": ", ".join(state for state, holds in states.items() if holds),
            "labels": tuple(one.get("labels") or line.get("polarity", ())),
            "tags": tuple(one.get("tags", ())),
            "microseconds": _time(line, name, runs),
            "kept": line.get("kept", False),
            **{key: one.get(key, "") for key in ("kind", "place", "reason", "error")},
            **{key: line.get(key, "") for key in ("stopped", "run")},
        }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(_COLUMNS)).rename_axis("name")
    numbers = table[list(_FIGURES)].apply(pd.to_numeric)
    return table.assign(**{figure: numbers[figure] for figure in _FIGURES})


def _time(line: Mapping[str, Any], name: str, runs: Sequence[Figures]) -> float | None:
    """Return the microseconds a row a function took when it last voted as it is written now."""
    same = (run[name] for run in runs if name in run and run[name]["fingerprint"] == line.get("fingerprint"))
    return next((one["microseconds"] for one in same if one["microseconds"] is not None), None)


def matching(
    table: pd.DataFrame, text: str = "", label: str | None = None, tag: str | None = None, only: str | None = None
) -> pd.DataFrame:
    """Return the functions of `function_rows` that fit.

    text: found in name, kind, class, tag, place or reason, in any case. label, tag: among its own. only: `hurts` (it is on, and
    its accuracy on valid gold, by the 95 % interval, surely lower than is believed), `faults`, `changed` (in any way since the
    run), `off` or `broken`.
    """
    words = table["labels"].map(" ".join) + " " + table["tags"].map(" ".join)
    for column in ("kind", "place", "reason"):
        words = words + " " + table[column]
    fits = (table.index + " " + words).str.contains(text, case=False, regex=False)
    for wanted, column in ((label, "labels"), (tag, "tags")):
        if wanted is not None:
            fits &= table[column].map(lambda own, wanted=wanted: wanted in own)
    if only == "hurts":
        fits &= table["on"] & table["accuracy"].notna() & (table["high"] < table["believed"])
    elif only == "faults":
        fits &= (table["faults"] > 0) | (table["stopped"] != "")
    elif only is not None:
        pattern = {"changed": "new|changed|switched off|removed", "off": "off", "broken": "broken"}[only]
        fits &= table["state"].str.contains(pattern)
    return table[fits]


def newest_run(task: Task) -> str:
    """Return the id of the newest run, '' where there is none, without reading one."""
    return max((file.parent.name for file in task.runs_folder.glob("[!.]*/run.json")), default="")


def changes_in_words(since: Mapping[str, str]) -> str:
    """Return how many functions are other than in the last run, such as `2 functions changed, 1 new`; '' where none is."""
    counts = Counter(since.values())
    words = [f"{counts[kind]:,} {kind}" for kind in ("changed", "new", "switched off", "removed") if kind in counts]
    if words:
        number, kind = words[0].split(" ", 1)
        words[0] = f"{number} {'function' if number == '1' else 'functions'} {kind}"
    return ", ".join(words)


def history(name: str, runs: Sequence[Figures]) -> pd.DataFrame:
    """Return what a function did in each run it voted in, the newest first, indexed by run id.

    Columns: finished, edited (its code is other than in the run before), coverage, accuracy, low, high, n_gold, learned,
    faults, microseconds, kept.
    """
    lines = [run[name] for run in runs if name in run]
    edited = [one["fingerprint"] != before["fingerprint"] for one, before in pairwise(lines)]
    columns = ["run", "finished", "coverage", "accuracy", "low", "high", "n_gold", "learned", "faults"]
    columns += ["microseconds", "kept"]
    table = pd.DataFrame(lines, columns=columns).set_index("run")
    table.insert(1, "edited", [*edited, False][: len(table)])
    return table
