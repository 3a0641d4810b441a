"""What a page of reviewers takes in and hands out: answers it may send twice, and rows that two people do not get at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from workbench.project.card import answers
from workbench.project.queues import Opened, open_rows, review_queue, waiting
from workbench.project.reviewing import audit_queue, decide, fingerprints, open_record
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.review.decision import Decision, Refused
from workbench.tables import Dataset, SoftLabels

if TYPE_CHECKING:
    from workbench.review.record import Record

_HANDED: Final = 120  # rows at a time: more than a page shows ahead, so that it need not ask after each answer
_HELD: Final = 300.0  # seconds for which rows that were handed to one reviewer are nobody else's first choice
_GIVEN: Final = ("failure_mode", "reason", "note", "seconds", "shown")


@dataclass
class TakenIn:
    """What became of a page's entries: the ids that need not be sent again, and in words what was not kept and why."""

    settled: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def take_in(
    task: Task,
    dataset: Dataset,
    record: Record,
    reviewer: str,
    entries: Sequence[Mapping[str, Any]],
    soft: SoftLabels | None = None,
    plan: str = "",
) -> TakenIn:
    """Store the entries of a page in their order; those that are stored already are not stored twice.

    An entry is {id, row, kind} with label, shown, seconds, ... or undoes. One about a row that is gone or was edited since it
    was shown, or that the record refuses, is left out with a notice, so that the page can go on. What an audit plan drew is
    measured, under `plan` where that drew it. Raises WorkbenchError where the record cannot be written; then nothing is
    settled, and the page sends all again.
    """
    taken = TakenIn([str(entry["id"]) for entry in entries])
    wanted = _as_decisions(task, dataset, reviewer, entries, taken)
    drawn = record.measure_rows().to_dict() | (dict.fromkeys(record.audit(plan).rows, plan) if plan else {})
    wanted = [replace(one, purpose="measure", plan=drawn[one.row]) if one.row in drawn else one for one in wanted]
    models = answers(soft, [one.row for one in wanted])
    wanted = [_with_model(one, model) for one, model in zip(wanted, models, strict=True)]
    while wanted:
        try:
            decide(task, dataset, wanted, record)
            break
        except Refused as refused:  # it must not keep the others from being stored
            bad = wanted[refused.place]
            taken.notices.append(f"Not kept: {refused}.")
            wanted = [one for one in wanted if bad.id not in (one.id, one.undoes)]
    return taken


def _as_decisions(
    task: Task, dataset: Dataset, reviewer: str, entries: Sequence[Mapping[str, Any]], taken: TakenIn
) -> list[Decision]:
    """Return the decisions about rows that are as they were shown; of the others the notices tell."""
    rows = list(dict.fromkeys(str(entry["row"]) for entry in entries))
    here = [row for row, place in zip(rows, dataset.ids.get_indexer(pd.Index(rows, dtype="str")), strict=True) if place >= 0]
    now = dict(zip(here, fingerprints(task, dataset, here), strict=True))
    kept: list[Decision] = []
    dropped = set()
    for entry in entries:
        row, is_undo = str(entry["row"]), entry["kind"] == "undo"
        if is_undo or now.get(row) == entry["shown"]:
            kept += [_decision(entry, reviewer)] if entry.get("undoes") not in dropped else []
            continue
        dropped.add(entry["id"])
        what = "is gone from the data" if row not in now else "was edited after it was shown, and comes again"
        taken.notices.append(f"Row {row} {what}: your answer was not kept.")
    return kept


def _decision(entry: Mapping[str, Any], reviewer: str) -> Decision:
    about: dict[str, Any] = {"id": str(entry["id"]), "row": str(entry["row"]), "kind": str(entry["kind"]), "reviewer": reviewer}
    if entry["kind"] == "undo":
        return Decision(**about, undoes=str(entry["undoes"]))
    given = {name: entry[name] for name in _GIVEN if entry.get(name) not in (None, "")}
    return Decision(**about, label=entry.get("label"), **given)


def _with_model(one: Decision, model: Sequence[tuple[str, float]]) -> Decision:
    return replace(one, model_label=model[0][0], model_probability=model[0][1]) if model and one.kind != "undo" else one


class Claims:
    """Which rows were handed to whom a while ago: in one process, so that people who review at once get rows of their own."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def held(self) -> int:
        """Return how many rows are held, or were a while ago."""
        return len(self._held)

    def hand_out(self, rows: Iterable[str], holder: str, n: int) -> list[str]:
        """Return n of the rows and hold them for a holder: first those that nobody else holds, then what others come to last.

        rows: best first. A row is held for five minutes after it was last handed out.
        """
        now = time.monotonic()
        with self._lock:
            self._held = {row: claim for row, claim in self._held.items() if now - claim[1] < _HELD}
            free: list[str] = []
            taken: list[str] = []
            for row in rows:
                (free if self._held.get(row, (holder, 0.0))[0] == holder else taken).append(row)
                if len(free) == n:
                    break
            given = [*free, *reversed(taken)][:n]
            self._held |= {row: (holder, now) for row in given if row in free}
            return given


@dataclass(frozen=True)
class Queue:
    """The head of a queue: its rows with why they are there, best first, and how many of the whole are done and left."""

    reasons: dict[str, str]
    done: int
    left: int


def head_of_queue(task: Task, run: Run, dataset: Dataset, kind: str, kept: Opened, claims: Claims, reviewer: str) -> Queue:
    """Return the next rows of a reviewer, held for them, and how far they are.

    kept: what `opened` of queues.py returns for the kind.
    """
    if kind == "requested":  # its queue is no ranking of a run, so that it is counted whole
        table = review_queue(task, run, dataset, reviewer, kind, len(dataset), kept)
        record = open_record(task)
        asked = pd.Index(record.requested()).difference(record.measure_rows().index)
        handed = claims.hand_out(table.index, reviewer, _HANDED)
        reasons: dict[str, str] = {row: table["reason"][row] for row in handed}
        return Queue(reasons, int(open_rows(asked, dataset).sum()) - len(table), len(table))
    left, done = waiting(task, kept, reviewer)
    head = left[: _HANDED + claims.held()]
    place = dict(zip(kept.votes.ids[head], head.tolist(), strict=True))
    return Queue({row: kept.said(place[row], kind) for row in claims.hand_out(place, reviewer, _HANDED)}, done, len(left))


def head_of_audit(task: Task, dataset: Dataset, plan: str, claims: Claims, reviewer: str) -> Queue:
    """Return the next rows of an audit plan, in its order, held for a reviewer, and how far they are."""
    table = audit_queue(task, dataset, reviewer, plan)
    reasons: dict[str, str] = {row: table["reason"][row] for row in claims.hand_out(table.index, reviewer, _HANDED)}
    return Queue(reasons, len(open_record(task).audit(plan).rows) - len(table), len(table))
