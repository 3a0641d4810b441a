"""`workbench review --from LOG`: rows that the end model did not answer, or a draw of those it did, become work for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.files import check_format, locked, write_json
from workbench.io.kept import read_kept
from workbench.project import production
from workbench.project.answer_log import AnswerLog, read_log_of, runs_by_model
from workbench.project.production import NewRows, read_new_rows, take_in
from workbench.project.reviewing import open_record, request
from workbench.project.steps.predict import AnswerRule
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

DRAWS: Final = "audited_answers.json"  # which answered rows were drawn for people to judge, and what was answered then
_FORMAT: Final = 1
DRAWN: Final = "answered: drawn by chance among answered rows, to see how often answers are wrong"


@dataclass(frozen=True)
class FromLog:
    """What became of a log. deferred: rows that need review; asked: those of them sent now; drawn: answered rows sent.

    taken: rows of either kind that the task did not hold before. left_out: deferred rows that were not sent, by why. notes: in
    words.
    """

    deferred: int
    asked: int
    drawn: int
    taken: int
    left_out: dict[str, int]
    notes: list[str]


def review_from_log(
    task: Task, log: Path, rows: Path | None = None, *, limit: int | None = None, audit_answered: int = 0, seed: int = 0
) -> FromLog:
    """Send the rows of a log that need review to people, the least confident first, before them a draw of those answered.

    rows: the file that was predicted, for rows that the task does not hold. limit: of rows that need review, at most so many
    now; the next call goes on with the others. What the task lacks is taken in for good before any row is asked.
    """
    _check(task, rows, audit_answered)
    logged = read_log_of(task, log)
    dataset, _ = task.dataset()
    closed = _closed(task, dataset)
    deferred = logged.deferred.sort_values("confidence", kind="stable")
    open_ = deferred[~deferred.index.isin(list(closed))]
    drawable = _drawable(task, dataset, logged) if audit_answered else logged.answered.iloc[:0]
    new = _new_rows(task, dataset, rows, [*open_.index, *drawable.index])
    there = (set(dataset.ids) | set(new.rows.index)) - set(new.refused)
    found = open_[open_.index.isin(list(there))]
    asked = found[:limit]
    left_out = Counter(closed[row] for row in deferred.index if row in closed)
    left_out.update({"not to be had": len(open_) - len(found), "left for the next call": len(found) - len(asked)})
    drawable = drawable[drawable.index.isin(list(there))]
    drawn = drawable.loc[_draw(drawable.index, audit_answered, seed)]
    notes = [*logged.notes, *new.notes, *_not_had(dataset, rows, new), *_too_few(len(drawn), audit_answered, logged, rows)]
    notes += _ask_again(task, [row for row in dataset.ids if row not in closed])
    wanted = new.rows.index.isin([*drawn.index, *asked.index]) & ~new.rows.index.isin(dataset.ids)
    taken = take_in(task.folder, new.rows[wanted])
    if len(drawn):
        _keep_draw(task, drawn, {"log": str(log), "of": len(drawable), "seed": seed})
        request(task, drawn.index, DRAWN)
    for reason, lines in groupby(_reasons(task, asked), key=itemgetter(1)):
        request(task, [row for row, _ in lines], reason)
    return FromLog(len(deferred), len(asked), len(drawn), taken, {why: n for why, n in left_out.items() if n}, notes)


def release(task: Task) -> int:
    """Take the rows that a log brought, and that nobody decided on, out of the task again; return how many these are.

    Nobody is asked about them any more; a log may bring them again, as new ones. Draws lose them, and may draw them again.
    """
    record = open_record(task)
    gone = production.release(task.folder, {*record.current()["row"], *record.measure_rows().index})
    with locked(task.folder):
        draws = read_draws(task)
        if gone and draws:
            left = [{**draw, "rows": [line for line in draw["rows"] if line["id"] not in gone]} for draw in draws]
            write_json(task.folder / DRAWS, {"format": _FORMAT, "draws": left})
    record.withdraw(gone)
    return len(gone)


def _check(task: Task, rows: Path | None, audit_answered: int) -> None:
    if "id" not in task.data and not task.data["text"]:
        raise WorkbenchError(
            f"a row of {task.name!r} has neither id nor text, so its log numbers the rows of one file; name a column `id` "
            f"under [data] in {task.folder / 'task.toml'}, and predict again"
        )
    if audit_answered and rows is None:
        raise WorkbenchError(
            "answered rows are drawn from those that the task does not hold; name the file that was predicted as rows"
        )


def _closed(task: Task, dataset: Dataset) -> dict[str, str]:
    """Return by row id why nobody is asked about a row."""
    record = open_record(task)
    current = record.current()
    known = dataset.ids[:0] if dataset.gold is None else dataset.ids[(dataset.gold != ABSTAIN).to_numpy()]
    why = {
        "waiting for review already": dataset.ids[dataset.ids.isin(record.requests()["row"])],
        "of a known class": known,
        "labelled by people already": current.loc[current["kind"] == "label", "row"],
        "drawn by an audit plan, which asks about them": record.measure_rows().index,
        "test rows, which nobody looks at": dataset.ids[(dataset.split == "test").to_numpy()],
    }
    return {row: reason for reason, rows in why.items() for row in rows}


def _drawable(task: Task, dataset: Dataset, logged: AnswerLog) -> pd.DataFrame:
    """Return the answered rows that may be drawn: none that the task holds, for it may have taught, and none drawn before."""
    before = {line["id"] for draw in read_draws(task) for line in draw["rows"]}
    rows = logged.answered.sort_index()  # so that the draw does not depend on the order of the log
    return rows[~rows.index.isin(dataset.ids) & ~rows.index.isin(list(before))]


def _ask_again(task: Task, open_: list[str]) -> list[str]:
    """Ask about drawn rows that nobody was ever asked about, as a call was cut off in between, and say how many there are."""
    record = open_record(task)
    told = {*record.requested(), *record.current()["row"]}
    drawn = {line["id"] for draw in read_draws(task) for line in draw["rows"]} - told
    lost = [row for row in open_ if row in drawn]
    if not lost:
        return []
    request(task, lost, DRAWN)
    return [f"answered rows that were drawn earlier and are asked about only now: {len(lost):,}"]


def _draw(ids: pd.Index, n: int, seed: int) -> pd.Index:
    return ids[np.sort(np.random.default_rng(seed).choice(len(ids), min(n, len(ids)), replace=False))]


def _new_rows(task: Task, dataset: Dataset, rows: Path | None, ids: list[str]) -> NewRows:
    if rows is not None:
        return read_new_rows(rows, task.data, dataset, ids)
    return NewRows(dataset.frame.iloc[:0], {}, [row for row in ids if row not in dataset.ids], [])


def _not_had(dataset: Dataset, rows: Path | None, new: NewRows) -> list[str]:
    """Return in words which rows neither task nor file has, and which the task cannot take."""
    notes = []
    missing = [row for row in new.missing if row not in dataset.ids]
    if missing:
        where = "not in the task" if rows is None else f"neither in the task nor in {rows}"
        way_out = f"name the file that was predicted{' with --rows FILE' if rows is None else ''}"
        notes.append(f"rows that are {where}: {len(missing):,}, the first {missing[0]!r}; {way_out}")
    if new.refused:
        row, why = next(iter(new.refused.items()))
        notes.append(
            f"rows that are refused: {len(new.refused):,}, the first {row!r}, which {why}; an id stands for one text: give the "
            "other text an id of its own, and predict it again"
        )
    return notes


def _too_few(drawn: int, wanted: int, logged: AnswerLog, rows: Path | None) -> list[str]:
    if drawn >= wanted:
        return []
    why = f"{rows} has no more that are new to the task" if len(logged.answered) else "all logged rows need review"
    return [f"answered rows that were drawn: {drawn:,} of {wanted:,}, as {why}"]


def _reasons(task: Task, asked: pd.DataFrame) -> list[tuple[str, str]]:
    """Return each row's id and why it needs review; to two digits, so that few reasons differ."""
    thresholds = _thresholds(task, set(asked.loc[asked["why"] == "", "model"]))
    told = []
    for row, line in zip(asked.index, asked.to_dict("records"), strict=True):
        limit, sure = thresholds.get(line["model"]), line["confidence"]
        if not line["why"] and limit is not None and limit < 1 and sure <= limit:
            line["why"] = f"confidence {sure:.2f} is not above {limit:.2f}"
        told.append((row, f"needs review: {line['why'] or f'confidence {sure:.2f}'}"))
    return told


def _thresholds(task: Task, models: set[str]) -> dict[str, float | None]:
    """Return above which confidence models of the task's runs answer, by what the log calls them."""
    runs = runs_by_model(task) if models else {}
    return {model: AnswerRule.of(run).threshold for name, run in runs.items() for model in models if name.startswith(model)}


def read_draws(task: Task) -> list[dict[str, Any]]:
    """Return the draws of answered rows, oldest first: time, log, of (how many it drew from), seed, rows.

    A row has id, label, model and confidence as they were logged then.
    """
    path = task.folder / DRAWS
    if not path.exists():
        return []
    found = read_kept(path, draws=list[dict])  # type: ignore[type-arg]
    check_format(found, path, known=_FORMAT)
    draws: list[dict[str, Any]] = found["draws"]
    return draws


def _keep_draw(task: Task, drawn: pd.DataFrame, about: dict[str, Any]) -> None:
    rows = drawn[["label", "model", "confidence"]].reset_index().to_dict("records")
    now = {"time": datetime.now(UTC).isoformat(timespec="seconds"), **about, "rows": rows}
    with locked(task.folder):
        write_json(task.folder / DRAWS, {"format": _FORMAT, "draws": [*read_draws(task), now]})
