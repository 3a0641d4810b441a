"""The runs of a task in one table: which is the reference, what each holds, and how right it is."""

from __future__ import annotations

import pandas as pd

from workbench.project.label_model import chosen_in
from workbench.project.overview import MODELS, scoreboard, scored_splits
from workbench.project.reference import promoted
from workbench.project.runs import Run, list_runs
from workbench.project.task import Task

_COLUMNS = (
    "reference", "finished", "until", "rows", "functions", "label_model", "split", "n", "accuracy", "low", "high",
    "end_model", "end_low", "end_high", "notes",
)  # fmt: skip


def run_table(task: Task) -> pd.DataFrame:
    """Return one row a run, oldest first, by id.

    reference: `now` for the run that is the reference, `before` for one that was, else ''. split: the one that accuracy (of the
    label model) and end_model (accuracy too) are of, on all its n rows with gold: test, or valid where there is no other; ''
    where the run has no scores. low..high, end_low..end_high: their 95 % intervals. notes: how many the run made.
    """
    was = [line["run"] for line in promoted(task)]
    found = {}
    for run in list_runs(task):
        about = run.about
        found[run.id] = {
            "reference": "now" if was and run.id == was[-1] else "before" if run.id in was else "",
            "finished": about["finished"],
            "until": f"{about['until']}, partial" if about.get("stopped") else about["until"],
            "rows": about["rows"],
            "functions": len(about["functions"]),
            "label_model": chosen_in(run),
            "notes": len(about.get("notes", ())),
            **_scores(run),
        }
    table = pd.DataFrame.from_dict(found, orient="index", columns=list(_COLUMNS)).rename_axis("run")
    figures = ["accuracy", "low", "high", "end_model", "end_low", "end_high", "n"]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in figures})


def _scores(run: Run) -> dict[str, object]:
    """Return how right label model and end model are, and on which split."""
    nothing: dict[str, object] = {"split": ""}
    if not (run.folder / "metrics.json").exists():
        return nothing
    metrics = run.metrics()
    splits = scored_splits(metrics)
    if not splits:
        return nothing
    board = scoreboard(metrics, splits[0], "all")
    model, student = board.loc[MODELS[chosen_in(run)]], board.loc[MODELS["end_model"]]
    return {
        "split": splits[0],
        "n": model["n"],
        **{name: model[name] for name in ("accuracy", "low", "high")},
        "end_model": student["accuracy"],
        "end_low": student["low"],
        "end_high": student["high"],
    }
