"""The runs of a task over time: how right, how sure and how large each was, and which of them was the reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from workbench.project.label_model import chosen_in
from workbench.project.overview import MODELS, scoreboard, scored_splits
from workbench.project.reference import promoted
from workbench.project.runs import Run, list_runs
from workbench.project.steps.predict import promised
from workbench.project.task import Task

SPLITS: Final = ("test", "valid")
_MODELS: Final = {"label": "label model", "end": "end model"}
_ENDS: Final = ("", "_low", "_high")
_SCORES: Final = tuple(f"{model}_{split}{end}" for split in SPLITS for model in _MODELS for end in _ENDS)
_FIGURES: Final = (
    *_SCORES, *(f"n_{split}" for split in SPLITS), "coverage", "conflict", "answered", "answered_low", "answered_high", "risk",
    "functions", "rows",
)  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """One small chart of a history: what it shows, and of which columns. series: column by name; share: else a count."""

    title: str
    series: Mapping[str, str]
    share: bool = True


def panels(history: pd.DataFrame) -> list[Panel]:
    """Return the charts of a history that have anything to show."""
    every = [
        *(Panel(f"Right on {split}", {name: f"{model}_{split}" for model, name in _MODELS.items()}) for split in SPLITS),
        Panel("Coverage", {"coverage": "coverage"}),
        Panel("Conflict", {"conflict": "conflict"}),
        Panel("Answered, as promised", {"answered": "answered"}),
        Panel("Functions", {"functions": "functions"}, share=False),
        Panel("Rows", {"rows": "rows"}, share=False),
    ]
    return [one for one in every if history[list(one.series.values())].notna().any(axis=None)]


def facts_of(run: Run) -> dict[str, Any]:
    """Return what a history tells of one run; what a run does not hold is left out.

    finished, until, label_model, end_model (whether it has one), promise (in words), and of the figures: accuracy of label
    model and end model on all rows of test and valid with gold (`label_test`, `end_valid`, `n_test` ...), coverage and conflict
    of all its rows, answered: the share of rows that the promise lets it answer, at that risk.
    """
    about = run.about
    found: dict[str, Any] = {
        "finished": about["finished"],
        "until": f"{about['until']}, partial" if about.get("stopped") else about["until"],
        "label_model": MODELS[chosen_in(run)],
        "end_model": (run.folder / "end_model").exists(),
        "rows": about["rows"],
        "functions": len(about["functions"]),
    }
    if (run.folder / "diagnosis.json").exists():
        summary = run.diagnosis()["summary"]
        found |= {"coverage": summary["label_coverage"], "conflict": summary["conflict"]}
    if (run.folder / "metrics.json").exists():
        found |= _scores(run)
    return found | _promise(run)


def _scores(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = {}
    metrics = run.metrics()
    for split in scored_splits(metrics):
        board = scoreboard(metrics, split, "all")
        for model, name in (("label", MODELS[chosen_in(run)]), ("end", MODELS["end_model"])):
            line = board.loc[name]
            found |= {f"{model}_{split}{end}": line[end[1:] or "accuracy"] for end in _ENDS}
            if pd.notna(line["n"]):
                found[f"n_{split}"] = line["n"]
    return found


def _promise(run: Run) -> dict[str, Any]:
    told = promised(run)
    if told is None:
        return {"promise": "nothing was measured" if (run.folder / "end_model").exists() else ""}
    learned, measured = told
    share, low, high = learned.share
    if learned.threshold is None:
        said = f"no row is answered: at risk {learned.risk:.0%} nothing can be promised by {measured}"
        return {"promise": said, "risk": learned.risk, "answered": 0.0}
    said = f"answers {share:.0%} of rows, wrong on at most {learned.risk:.0%} of them, shown by {measured}"
    return {"promise": said, "risk": learned.risk, "answered": share, "answered_low": low, "answered_high": high}


def history(facts: Mapping[str, Mapping[str, Any]], references: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row a run, oldest first, by id; facts: of `facts_of` by run id; references: what `promoted` returns.

    reference: `now` for the run that is the reference, `before` for one that was, else ''; since, by and why: of its last
    promotion.
    """
    told = {line["run"]: line for line in references}
    now = references[-1]["run"] if references else None
    lines = {}
    for run, found in facts.items():
        line = told.get(run)
        reference = "" if line is None else "now" if run == now else "before"
        lines[run] = {**found, "reference": reference, **{name: (line or {}).get(name, "") for name in ("since", "by", "why")}}
    words = ("finished", "until", "label_model", "end_model", "promise", "reference", "since", "by", "why")
    table = pd.DataFrame.from_dict(lines, orient="index", columns=[*words, *_FIGURES]).rename_axis("run")
    return table.assign(**{name: pd.to_numeric(table[name]) for name in _FIGURES})


def history_of(task: Task) -> pd.DataFrame:
    """Return the `history` of all runs of a task."""
    return history({run.id: facts_of(run) for run in list_runs(task)}, promoted(task))


def lines_of(history: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Return one line a run and series of a chart: place (1 for the oldest), run, when, series, value, low, high."""
    parts = []
    for name, column in panel.series.items():
        ends = {end: history.get(f"{column}_{end}", pd.Series(dtype=float)).reindex(history.index) for end in ("low", "high")}
        about = {"place": range(1, len(history) + 1), "run": history.index, "when": history["finished"], "series": name}
        parts.append(pd.DataFrame({**about, "value": history[column], **ends}, index=history.index))
    return pd.concat(parts, ignore_index=True).dropna(subset="value")


def is_constant(history: pd.DataFrame, panel: Panel) -> bool:
    """Tell whether a count is the same in all runs, so that a sentence says as much as a chart."""
    return not panel.share and len(history) > 1 and all(history[one].nunique() == 1 for one in panel.series.values())


def before_it(history: pd.DataFrame, run: str, holding: Iterable[str]) -> str | None:
    """Return what a run is compared with unless told: the reference, else the run before it, else the one after it.

    holding: the runs that can be compared.
    """
    others = [one for one in history.index if one != run and one in set(holding)]
    reference = [one for one in others if history.at[one, "reference"] == "now"]
    earlier = [one for one in others if one < run]
    return next(iter([*reference, *reversed(earlier), *others]), None)


def files_of(folder: Path) -> tuple[Path, ...]:
    """Return the files of a run that its facts come from."""
    return tuple(folder / name for name in ("run.json", "diagnosis.json", "metrics.json", "deferral.json"))
