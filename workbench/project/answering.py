"""What a process of its own tells a page about the end model of a run: its decision on a typed row, and the measured rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from workbench.project.driving_words import driving_words
from workbench.project.runs import Run
from workbench.project.steps import one_row
from workbench.project.steps.defer import measure_rows
from workbench.project.task import Task
from workbench.tables import WorkbenchError


@dataclass(frozen=True)
class Answering:
    """A run opened for questions."""

    task: Task
    opened: one_row.Opened

    @classmethod
    def open(cls, task: Task, run: Run) -> Self:
        """Load what answers; this takes seconds."""
        return cls(task, one_row.open_run(task, run))

    def row(self, values: Mapping[str, str | None], at_work: Callable[[str], None]) -> dict[str, Any]:
        """Return what `one_row.answer` does; of the end model also `words`, of `driving_words`."""
        found = one_row.answer(self.opened, values, at_work)
        model = self.opened.end_model
        if isinstance(model, str):
            return found
        found["end_model"]["words"] = driving_words(model, one_row.typed_row(values, self.opened.head))
        return found

    def measured(self) -> dict[str, Any]:
        """Return the rows by which a threshold is found, asked about anew: confidence, correct, weights, what.

        Raises WorkbenchError where there is no end model.
        """
        model = self.opened.end_model
        if isinstance(model, str):
            raise WorkbenchError(model)
        dataset = self.task.visible(self.task.dataset()[0])
        ids, truth, weights, what = measure_rows(self.task, dataset)
        rows = dataset.take(dataset.ids.get_indexer(ids.unique()))
        (soft, novel), at = model.ask(rows), rows.ids.get_indexer(ids)
        sure = np.where(novel, 0.0, soft.probs.max(axis=1))[at]
        correct = soft.probs.argmax(axis=1)[at] == truth
        told = None if weights is None else weights.tolist()
        return {"confidence": sure.tolist(), "correct": correct.tolist(), "weights": told, "what": what}
