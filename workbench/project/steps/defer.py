"""From which confidence the end model answers by itself: found on rows whose class is known and that taught it nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.files import write_frame, write_json
from workbench.io.toml import expect
from workbench.project.reviewing import open_record
from workbench.project.task import Task
from workbench.review.estimates import answers
from workbench.tables import ABSTAIN, Dataset

if TYPE_CHECKING:
    from workbench.end_model.deferral import Deferral

DEFERRAL: Final = "deferral.json"  # beside the end model of a run
MEASURED: Final = "measured.parquet"  # the rows behind it
RISK: Final = 0.05


def defer(folder: Path, task: Task, dataset: Dataset, model: Any) -> list[str]:
    """Write what is promised of the end model's answers and the rows behind it, and return it in words.

    Measured on valid rows with gold, or else on the draws of the newest audit plan. Nothing is written where there is neither:
    then every row gets an answer, and nothing is promised. Of a row are kept confidence, 0 where it is unlike those learned
    from, correct, and the weight of a draw.
    """
    found = learned_deferral(task, dataset, model)
    if found is None:
        return []
    learned, table, what = found
    write_frame(table, folder / MEASURED)
    write_json(folder / DEFERRAL, {"format": 1, **learned.as_dict(), "measured": what})
    return [f"The end model, measured on {what}: {learned.in_words()}."]


def learned_deferral(task: Task, dataset: Dataset, model: Any) -> tuple[Deferral, pd.DataFrame, str] | None:
    """Return what may be promised of a model's answers, the rows behind it and in words what they are; None without any."""
    from workbench.end_model.deferral import learn_deferral

    risk = float(expect(task.end_model, "risk", float, f"{task.folder / 'task.toml'} [end_model]", RISK))
    ids, truth, weights, what = measure_rows(task, dataset)
    if not len(ids):
        return None
    rows = dataset.take(dataset.ids.get_indexer(ids.unique()))
    (soft, novel), at = model.ask(rows), rows.ids.get_indexer(ids)  # a row may be drawn twice, and is asked about once
    sure = np.where(novel, 0.0, soft.probs.max(axis=1))[at]
    correct = soft.probs.argmax(axis=1)[at] == truth
    table = pd.DataFrame({"row": ids, "confidence": sure, "correct": correct})
    learned = learn_deferral(sure, correct, risk, weights=weights)
    return learned, table if weights is None else table.assign(weight=weights), what


def measure_rows(task: Task, dataset: Dataset) -> tuple[pd.Index[Any], NDArray[Any], NDArray[Any] | None, str]:
    """Return ids of measure rows, their classes (-1 where nobody could say), weights of draws, and in words what they are."""
    valid = (dataset.split == "valid").to_numpy()
    if dataset.gold is not None:
        known = valid & (dataset.gold != ABSTAIN).to_numpy()
        if known.any():
            return dataset.ids[known], dataset.gold.to_numpy(np.intp)[known], None, f"{known.sum():,} valid rows with gold"
    record = open_record(task)
    plans = record.plans()
    main = plans[~plans["recurring"].astype(bool)].iloc[::-1]
    for id, name in zip(main["id"], main["name"], strict=True):
        plan = record.audit(id)
        found = answers(plan, record.current())
        asked = (found["asked"] & plan.draws["row"].isin(dataset.ids)).to_numpy()
        if asked.any():
            truth = pd.Index(dataset.labels).get_indexer(pd.Index(found["truth"][asked]))
            return (
                pd.Index(plan.draws["row"][asked]),
                truth,
                plan.weights[asked],
                f"{asked.sum():,} draws of the audit plan {name!r}",
            )
    return dataset.ids[:0], np.zeros(0, np.intp), None, "nothing"
