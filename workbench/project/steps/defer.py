"""From which confidence the end model answers by itself: found on rows whose class is known and that taught it nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.files import write_json
from workbench.io.toml import expect
from workbench.project.reviewing import open_record
from workbench.project.task import Task
from workbench.review.estimates import answers
from workbench.tables import ABSTAIN, Dataset

DEFERRAL: Final = "deferral.json"  # beside the end model of a run
RISK: Final = 0.05


def defer(folder: Path, task: Task, dataset: Dataset, model: Any) -> list[str]:
    """Write what is promised of the end model's answers, and return it in words.

    Measured on valid rows with gold, or else on the draws of the newest audit plan. Nothing is written where there is neither:
    then every row gets an answer, and nothing is promised.
    """
    from workbench.end_model.deferral import learn_deferral

    risk = float(expect(task.end_model, "risk", float, f"{task.folder / 'task.toml'} [end_model]", RISK))
    rows, truth, weights, what = measure_rows(task, dataset)
    if not len(rows):
        return []
    soft = model.predict_proba(rows)
    sure = np.where(model.novel(rows), 0.0, soft.probs.max(axis=1))
    found = learn_deferral(sure, soft.probs.argmax(axis=1) == truth, risk, weights=weights)
    write_json(folder / DEFERRAL, {"format": 1, **found.as_dict(), "measured": what})
    return [f"The end model, measured on {what}: {found.in_words()}."]


def measure_rows(task: Task, dataset: Dataset) -> tuple[Dataset, np.ndarray[Any, Any], np.ndarray[Any, Any] | None, str]:
    """Return measure rows, their classes (-1 where nobody could say), the weights of draws, and in words what they are."""
    valid = (dataset.split == "valid").to_numpy()
    if dataset.gold is not None:
        known = valid & (dataset.gold != ABSTAIN).to_numpy()
        if known.any():
            rows = dataset.take(known)
            return rows, rows.gold.to_numpy(np.intp), None, f"{known.sum():,} valid rows with gold"  # type: ignore[union-attr]
    record = open_record(task)
    plans = record.plans()
    main = plans[~plans["recurring"].astype(bool)].iloc[::-1]
    for id, name in zip(main["id"], main["name"], strict=True):
        plan = record.audit(id)
        found = answers(plan, record.current())
        asked = (found["asked"] & plan.draws["row"].isin(dataset.ids)).to_numpy()
        if asked.any():
            rows = dataset.take(dataset.ids.get_indexer(pd.Index(plan.draws["row"][asked])))
            truth = pd.Index(dataset.labels).get_indexer(pd.Index(found["truth"][asked]))
            return rows, truth, plan.weights[asked], f"{asked.sum():,} draws of the audit plan {name!r}"
    return dataset.take(np.zeros(len(dataset), np.bool_)), np.zeros(0, np.intp), None, "nothing"
