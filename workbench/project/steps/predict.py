"""`workbench predict`: label a new file with a run's end model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.io.datasets import read_dataset
from workbench.io.files import write_frame
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import WorkbenchError


def predict(task: Task, run: Run, source: Path, target: Path, review_below: float | None = None) -> tuple[int, list[str]]:
    """Write the rows of a file with `predicted`, `confidence` and one probability a class; return their number and warnings.

    The file is read with the task's id and text columns; gold and split columns are not needed and stay as they are.
    review_below: adds `needs_review`, whether the confidence is below this, 0..1.
    """
    from workbench.end_model import EndModel

    if review_below is not None and not 0 <= review_below <= 1:
        raise WorkbenchError(f"review_below is {review_below}; it is a share between 0 and 1")
    if source.resolve() == target.resolve():
        raise WorkbenchError(f"{target} is the file to be read; give another file to write to")
    model = EndModel.load(run.end_model_folder(), labels=task.labels)
    kept = {key: task.data[key] for key in ("id", "text", "encoding", "delimiter") if key in task.data}
    dataset, warnings = read_dataset(source, labels=task.labels, **kept)
    try:
        soft = model.predict_proba(dataset)
    except WorkbenchError as error:
        raise WorkbenchError(f"{source}: {error}") from None
    columns = {f"p_{label}": soft.probs[:, c] for c, label in enumerate(soft.labels)}
    best = soft.probs.argmax(axis=1)
    answers: dict[str, Any] = {"predicted": [soft.labels[c] for c in best], "confidence": soft.probs.max(axis=1)}
    if review_below is not None:
        answers["needs_review"] = answers["confidence"] < review_below
    answers |= columns
    taken = [name for name in answers if name in dataset.frame.columns]
    if taken:
        raise WorkbenchError(f"{source} has a column {taken[0]!r}, which the answers need; rename it")
    own = dataset.frame.rename(columns={"id": "data:id"})  # a column called id that is not the row id
    write_frame(own.assign(**answers), target)
    return len(dataset), warnings
