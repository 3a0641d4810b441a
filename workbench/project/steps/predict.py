"""`workbench predict`: a run's end model answers the rows of a new file, and says which of them a person should look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.append import appended
from workbench.io.columns import cell_text
from workbench.io.datasets import row_ids
from workbench.io.files import check_format, sha256
from workbench.io.formulas import is_spreadsheet, without_formulas
from workbench.io.headers import data_of
from workbench.io.kept import read_kept
from workbench.io.pieces import Pieces, new_table
from workbench.io.readers import file_layout
from workbench.project.runs import Run
from workbench.project.steps.defer import DEFERRAL
from workbench.project.task import Task
from workbench.tables import Dataset, SoftLabels, WorkbenchError

if TYPE_CHECKING:
    from workbench.end_model.deferral import Deferral

ANSWER: Final = "answer"
REVIEW: Final = "needs review"
NONE: Final = 1.0  # the threshold that no confidence is above
_ID_DIGITS: Final = 12
LOGGED: Final = ("id", "model", "label", "decision", "confidence", "why")


@dataclass(frozen=True)
class AnswerRule:
    """Above which confidence the end model answers by itself, None for always, and what is promised of its answers, in words.

    like_learned: only rows like those that it learned from are answered.
    """

    threshold: float | None
    promise: str
    like_learned: bool = False

    @property
    def decides(self) -> bool:
        """Whether a threshold was found, so that some rows are answered and others left to people."""
        return self.threshold is not None and self.threshold < NONE

    @classmethod
    def of(cls, run: Run, review_below: float | None = None) -> AnswerRule:
        """Return what the run has found, or the threshold that is given in its place, 0..1."""
        if review_below is not None:
            if not 0 <= review_below <= 1:
                raise WorkbenchError(f"review_below is {review_below}; it is a share between 0 and 1")
            # the next number below: a row that has just this confidence is not below it
            below = float(np.nextafter(review_below, -1))
            said = "Nothing is promised of the answers: their threshold was given by hand."
            return cls(below, said, like_learned=review_below > 0)
        found = promised(run)
        if found is None:
            return cls(None, f"Nothing is promised: run {run.id} has no threshold for answers, so every row gets one.")
        learned, what = found
        if learned.threshold is None:
            return cls(NONE, f"Every row needs review: measured on {what}, {learned.in_words()}.", like_learned=True)
        promise = f"Promised for rows like the {what} that it was measured on: {learned.in_words()}."
        return cls(learned.threshold, promise, like_learned=True)


def promised(run: Run) -> tuple[Deferral, str] | None:
    """Return what a run may promise of its end model's answers, and in words the rows that show it; None where none do."""
    from workbench.end_model.deferral import Deferral

    path = run.folder / DEFERRAL
    if not path.exists():
        return None
    told = read_kept(path)
    if "format" in told:
        check_format(told, path)
    try:
        learned = Deferral.from_dict({name: value for name, value in told.items() if name not in ("format", "measured")})
    except WorkbenchError as error:
        raise WorkbenchError(f"{path} is damaged, or of another version: {error}; run the task again") from None
    return learned, str(told.get("measured", "rows"))


@dataclass(frozen=True)
class Opened:
    """A run's end model, ready to answer; id: of the model as it was saved, the same in every copy of it."""

    task: Task
    run: str
    model: Any
    id: str
    rule: AnswerRule


def open_model(task: Task, run: Run, review_below: float | None = None) -> Opened:
    """Load the end model of a run; raises WorkbenchError where it is damaged or learned other labels than the task's."""
    from workbench.end_model import EndModel

    rule = AnswerRule.of(run, review_below)
    folder = run.end_model_folder()
    model = EndModel.load(folder, labels=task.labels)
    return Opened(task, run.id, model, model_id(folder), rule)


def model_id(folder: Path) -> str:
    """Return what names the end model in a folder, the same in every copy of it."""
    return sha256(folder / "manifest.json")[:_ID_DIGITS]


def decide(soft: SoftLabels, threshold: float | None, unlike: NDArray[np.bool_] | None = None) -> pd.DataFrame:
    """Return `decision` and `why` ('' for an answer) by row id: only a row above the threshold is answered, and
    none that is unlike.

    unlike: bool[n], rows of a kind that the model has not learned from.
    """
    confidence = soft.probs.max(axis=1)
    low = np.zeros(len(soft), bool) if threshold is None else confidence <= threshold
    strange = np.zeros(len(soft), bool) if unlike is None else unlike
    why = np.full(len(soft), "", dtype=object)
    why[low] = (
        "no confidence is enough yet"
        if threshold == NONE
        else [f"confidence {found:.3f} is not above {threshold:.3f}" for found in confidence[low]]
    )
    why[strange] = [f"{said}; unlike what it learned from".removeprefix("; ") for said in why[strange]]
    return pd.DataFrame({"decision": np.where(low | strange, REVIEW, ANSWER), "why": why}, index=soft.ids, dtype="str")


def ask(model: Any, rule: AnswerRule, rows: Dataset) -> tuple[SoftLabels, pd.DataFrame]:
    """Return the probabilities of rows, and what `decide` makes of them."""
    if not rule.like_learned:
        soft = model.predict_proba(rows)
        return soft, decide(soft, rule.threshold)
    soft, unlike = model.ask(rows)
    return soft, decide(soft, rule.threshold, unlike)


def answers(opened: Opened, rows: Dataset) -> pd.DataFrame:
    """Return by row id `label`, one `p_<class>` a class, `confidence`, `decision`, `why` and `model`."""
    soft, decided = ask(opened.model, opened.rule, rows)
    best = soft.probs.argmax(axis=1)
    named: dict[str, Any] = {"label": np.array(soft.labels, dtype=object)[best]}
    named |= {f"p_{label}": soft.probs[:, c] for c, label in enumerate(soft.labels)}
    named |= {"confidence": soft.probs.max(axis=1), "decision": decided["decision"], "why": decided["why"]}
    return pd.DataFrame({**named, "model": opened.id}, index=soft.ids).astype({"label": "str", "model": "str"})


@dataclass(frozen=True)
class Predicted:
    """How many rows got an answer or need review, and what was odd about the file, in counted sentences."""

    answered: int
    review: int
    warnings: list[str]


def predict(
    opened: Opened,
    source: Path,
    target: Path,
    *,
    log: Path | None = None,
    keep: Sequence[str] = (),
    overwrite: bool = False,
    report: Callable[[str, int, int, str], None] = lambda *_: None,
) -> Predicted:
    """Write `id` and the `answers` of every row of a file, in its order, whole or not at all; memory does not grow with it.

    In CSV and TSV text that a spreadsheet would run gets a leading apostrophe, unless `escape_formulas` of [export] says no.

    keep: columns of the file to stand behind the id, as text, '' where missing; one whose name is taken becomes `data:<name>`.
    log: gets a line of JSON a row, once all are answered. Ids may repeat, as each row is answered by itself; where the task
    names no id column, or the file lacks it, they are those of `row_ids`; without text, the row's number.
    """
    _check_paths(source, target, log)
    data, notes = data_of(source, opened.task.data)
    opened = replace(opened, task=replace(opened.task, data=data))
    pieces = Pieces(source, *columns_read(opened, keep), **file_layout(data))
    answered = review = 0
    safe = is_spreadsheet(target) and opened.task.export.get("escape_formulas", True)
    with new_table(target, overwrite) as write, nullcontext() if log is None else appended(log) as note:
        for piece in pieces:
            found = answer_piece(opened, str(source), piece, keep)
            write(without_formulas(found) if safe else found)
            if note is not None:
                note(log_lines(found, opened.run, opened.rule.threshold))
            needing = int((found["decision"] == REVIEW).sum())
            answered, review = answered + len(found) - needing, review + needing
            report("predict", answered + review, 0, "")
    return Predicted(answered, review, [*notes, *pieces.warnings()])


def _check_paths(source: Path, target: Path, log: Path | None) -> None:
    for path, what in ((target, "write to"), (log, "log to")):
        if path is not None and path.resolve() == source.resolve():
            raise WorkbenchError(f"{path} is the file to be read; give another file to {what}")
    if log is not None and log.resolve() == target.resolve():
        raise WorkbenchError(f"{log} is the file for the answers; give another file to log to")


def columns_read(opened: Opened, keep: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the columns that answers need, as `Pieces` takes them: of text, others as they stand, and those read as numbers.

    Numbers are what the model reads as such; in a piece of a file the cells cannot tell: a code may look like one.
    """
    data, learned = opened.task.data, opened.model.features_.columns
    numbers = [number.name for number in learned.numbers] if learned else []
    others = [*([data["id"]] if "id" in data else []), *opened.model.columns, *keep]
    return list(data["text"]), [name for name in others if name not in data["text"] and name not in numbers], numbers


def answer_piece(opened: Opened, where: str, piece: pd.DataFrame, keep: Sequence[str]) -> pd.DataFrame:
    """Return id, kept columns and answers of some rows, whose index is their number in the file; where: it, in errors."""
    data = opened.task.data
    ids = row_ids(piece, data["text"], data.get("id"), where) if "id" in data or data["text"] else list(map(str, piece.index))
    rows = Dataset(piece.set_axis(piece.index.astype("str"), axis=0), opened.task.labels, data["text"])
    try:
        found = answers(opened, rows)
    except WorkbenchError as error:
        raise WorkbenchError(f"{where}: {error}") from None
    kept = {f"data:{name}" if name in ("id", *found) else name: rows.frame[name].map(cell_text) for name in dict.fromkeys(keep)}
    return pd.concat([pd.DataFrame({"id": ids, **kept}, index=found.index), found], axis=1)


def log_lines(found: pd.DataFrame, run: str, threshold: float | None) -> list[str]:
    """Return a line of JSON a row; threshold: above it rows are answered, null where all are, 1 where none is."""
    same = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "run": run, "threshold": threshold}
    rows = found[list(LOGGED)].to_dict("records")
    return [json.dumps({**same, **row}, ensure_ascii=False) for row in rows]
