"""`workbench evaluate --crossover`: how many gold labels a supervised model of the same architecture needs to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.evaluate import score
from workbench.io.files import write_json
from workbench.project.monitoring_facts import read_found
from workbench.project.runs import Run
from workbench.project.steps.evaluate import CROSSOVER, stored_answers
from workbench.project.steps.fit import Report
from workbench.project.steps.train import train_on_gold
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, SoftLabels, WorkbenchError

FEWEST: Final = 25  # gold labels at which the curve begins; each next point has twice as many
DRAWS: Final = 3  # of the labels of a point


def crossover(task: Task, run: Run, dataset: Dataset, report: Report = lambda *_: None) -> dict[str, Any]:
    """Return the curve of a run, measured once and then kept beside its scores.

    {end_model, n_test, curve, labels, bound, by_draw, sentence}: end_model is its accuracy on test; curve has n, accuracy of
    each draw and mean; labels is where the mean meets end_model, `bound` saying whether `about`, `at most` or `more than`;
    by_draw is the same for the curve of each draw. Train gold alone teaches; test gold scores, and chooses nothing.
    """
    path = run.folder / CROSSOVER
    if (found := read_found(path)) is not None:
        return found
    student = stored_answers(run, dataset)["end_model"]
    if isinstance(student, str):
        raise WorkbenchError(f"run {run.id} has no end model to match: {student}")
    test = dataset.ids[(dataset.split == "test").to_numpy()]
    own = score(student.take(student.ids.get_indexer(test)), dataset.gold, split="test", rows="all")
    if not own["n"]:
        raise WorkbenchError("a crossover is measured on test rows with gold, and there are none")
    known = dataset.ids[(task.train_truth(dataset) != ABSTAIN).to_numpy()]
    if len(known) < FEWEST:
        raise WorkbenchError(f"a crossover takes train rows with gold, {FEWEST} at least, and there are {len(known)}")
    same = replace(
        task, end_model=run.about["settings"]["end_model"]
    )  # the architecture of the run, whatever task.toml says now
    curve = _curve(same, task.visible(dataset), known, report)
    sizes, accuracy = [line["n"] for line in curve], np.array([line["accuracy"] for line in curve])
    where = meeting(sizes, accuracy.mean(axis=1), own["accuracy"])
    by_draw = [meeting(sizes, column, own["accuracy"]) for column in accuracy.T]
    document = {
        "format": 1,
        "data": dataset.fingerprint,
        "end_model": own["accuracy"],
        "n_test": own["n"],
        "curve": curve,
        **where,
        "by_draw": by_draw,
        "sentence": in_words(where, by_draw, own, len(known)),
    }
    write_json(path, document)
    return document


def _curve(task: Task, dataset: Dataset, known: pd.Index, report: Report) -> list[dict[str, Any]]:
    """Train on 25, 50, 100, ... and all rows with gold, three draws each, and score on test; draws of one seed are nested."""
    truth = task.train_truth(dataset)
    test = dataset.select("test")
    sizes = [*(FEWEST * 2**step for step in range(64) if FEWEST * 2**step < len(known)), len(known)]
    lines: list[dict[str, Any]] = []
    for place, size in enumerate(sizes):
        each: list[float] = []
        for draw in range(DRAWS if size < len(known) else 1):  # all rows are one draw
            chosen = np.random.default_rng(draw).permutation(len(known))[:size]
            taught = dataset.take(np.sort(dataset.ids.get_indexer(known[chosen])))
            gold = SoftLabels.from_hard(taught.ids, dataset.labels, truth[taught.ids])
            told = partial(_tell, report, place, len(sizes), f"{size:,} labels, draw {draw + 1}")
            told(0, 0, "reading the rows")
            model = train_on_gold(task, taught, gold, told)
            each.append(score(model.predict_proba(test), test.gold, split="test", rows="all")["accuracy"])
        each *= DRAWS // len(each)
        lines.append({"n": size, "accuracy": each, "mean": float(np.mean(each))})
    return lines


def _tell(report: Report, place: int, points: int, what: str, _done: int, _total: int, said: str) -> None:
    report("crossover", place, points, f"{what}: {said}")


def meeting(sizes: Sequence[int], accuracy: NDArray[np.float64], target: float) -> dict[str, Any]:
    """Return {bound, labels}: at how many labels a curve first reaches a target, the logarithm of n interpolated.

    >>> meeting([25, 50, 100], np.array([0.5, 0.6, 0.8]), 0.7)
    {'bound': 'about', 'labels': 71}
    >>> meeting([25, 50, 100], np.array([0.5, 0.6, 0.8]), 0.9)
    {'bound': 'more than', 'labels': 100}
    """
    reached = np.flatnonzero(np.asarray(accuracy) >= target)
    if not len(reached):
        return {"bound": "more than", "labels": int(sizes[-1])}
    at = int(reached[0])
    if at == 0:
        return {"bound": "at most", "labels": int(sizes[0])}
    low, high = accuracy[at - 1], accuracy[at]
    share = (target - low) / (high - low)
    return {"bound": "about", "labels": round(float(sizes[at - 1] * (sizes[at] / sizes[at - 1]) ** share))}


def in_words(where: dict[str, Any], by_draw: Sequence[dict[str, Any]], own: dict[str, Any], known: int) -> str:
    """Return the crossover in a sentence; own: the score of the end model. known: train rows with gold."""
    model = f"the end model, right on {own['accuracy']:.1%} of {own['n']:,} test rows"
    if where["bound"] == "more than":
        return (
            f"All {known:,} gold labels of train are too few for a supervised model of the same architecture to match {model}."
        )
    spread = ", ".join(_amount(one) for one in by_draw)
    return (
        f"A supervised model of the same architecture takes {_amount(where)} gold labels, drawn at random, to match {model} "
        f"(three draws: {spread})."
    )


def _amount(where: dict[str, Any]) -> str:
    return f"{where['bound']} {where['labels']:,}"
