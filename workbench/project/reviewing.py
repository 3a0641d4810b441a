"""What reviewers decide on the rows of a task, and what of it may teach.

A row reviewed from a queue is an anchor: it teaches the label model and keeps the label that people gave it. A row that an
audit plan drew measures, and never teaches. A test row is never an anchor.
"""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from workbench.io.kept import read_kept_table
from workbench.io.names import did_you_mean, listed
from workbench.project.task import Task
from workbench.review.agreement import agreement
from workbench.review.decision import ADJUDICATION, Decision, Refused
from workbench.review.estimates import measured
from workbench.review.queue import chosen_by_chance, settled
from workbench.review.resolve import resolve, to_adjudicate
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

if TYPE_CHECKING:
    from workbench.review.record import Record

__all__ = [  # what pages and commands use
    "ADJUDICATION",
    "Decision",
    "anchors",
    "audit_queue",
    "decide",
    "default_reviewer",
    "export_decisions",
    "import_decisions",
    "open_record",
    "request",
    "reviewed",
    "status",
]

KEPT_ANCHORS: Final = "anchors.parquet"  # of a run


def kept_anchors(folder: Path) -> pd.DataFrame:
    """Return the anchors of a run, as `Reviewed.anchors`; older ones, and those that knew none, lack drawn."""
    path = folder / KEPT_ANCHORS
    if path.exists():
        return read_kept_table(path, ["id", "label", "weight"]).set_index("id")
    index = pd.Index([], dtype="str", name="id")
    return pd.DataFrame({"label": pd.Series(dtype="int64"), "weight": pd.Series(dtype="float64")}, index)


def open_record(task: Task) -> Record:
    """Return the task's record of decisions: `review/decisions.sqlite` in its folder, or what `[review] url` names."""
    return _record(task.review.get("url", Path("review") / "decisions.sqlite"), task.folder.absolute())


@lru_cache(maxsize=16)
def _record(place: Path | str, folder: Path) -> Record:
    """Return one record for all who ask, as it keeps its connections."""
    from workbench.review.record import Record  # SQLAlchemy takes 0.3 s to load

    return Record(place, folder)


def default_reviewer() -> str:
    """Return the name of who is logged in."""
    return getpass.getuser()


def fingerprints(task: Task, dataset: Dataset, rows: Iterable[str]) -> list[str]:
    """Return what tells each row from the same row edited: a hash of its text, or in a task without text of its cells."""
    hidden = task.data.get("hidden", ())
    columns = dataset.text or [name for name in dataset.frame.columns if name not in hidden]
    places: Any = [dataset.ids.get_loc(row) for row in rows]  # of few rows a tenth of what .loc takes
    cells = zip(*(dataset.frame[name].take(places).to_numpy(dtype=object) for name in columns), strict=True)
    return [hashlib.sha256("\0".join(map(str, row)).encode("utf-8", "surrogatepass")).hexdigest()[:16] for row in cells]


def decide(task: Task, dataset: Dataset, decisions: Sequence[Decision], record: Record | None = None) -> int:
    """Store decisions durably, all or none, and return how many are new; each gets the fingerprint of its row.

    Raises WorkbenchError for a row or label that the task does not have, for a test row that no audit plan drew, and where
    Record.decide does.
    """
    at = dataset.ids.get_indexer(pd.Index([one.row for one in decisions], dtype="str"))
    for place, one in enumerate(decisions):
        problem = None if one.kind == "undo" else _wrong(one, int(at[place]), dataset)
        if problem is not None:
            raise Refused(problem, place)
    new = [one.row for one in decisions if not one.shown and one.kind != "undo"]
    shown = dict(zip(new, fingerprints(task, dataset, new), strict=True))
    told = [one if one.shown or one.kind == "undo" else replace(one, shown=shown[one.row]) for one in decisions]
    return (record or open_record(task)).decide(told)


def export_decisions(task: Task, path: Path) -> int:
    """Write every entry of the record, undos too, to a .csv or .jsonl file, and return how many there are."""
    from workbench.review.exchange import write_decisions

    return write_decisions(open_record(task), path, task.export.get("escape_formulas", True))


def import_decisions(task: Task, dataset: Dataset, path: Path) -> tuple[int, int]:
    """Store the entries of a .csv or .jsonl file, all or none; return how many are new and how many there are.

    Raises WorkbenchError naming file, line, value and the way out where `decide` would.
    """
    from workbench.review.exchange import read_decisions

    found = read_decisions(path)
    try:
        return decide(task, dataset, [one for _, one in found]), len(found)
    except Refused as error:
        raise WorkbenchError(f"{path}, line {found[error.place][0]}: {error}") from None


def _wrong(one: Decision, at: int, dataset: Dataset) -> str | None:
    """Return why a decision cannot be one on these rows, or None; at: where its row stands, -1 where it does not."""
    if at < 0:
        return f"there is no row {one.row!r} in the data; give the id of one that is there"
    if one.label is not None and one.label not in dataset.labels:
        hint = did_you_mean(one.label, dataset.labels)
        return f"there is no class {one.label!r}, on row {one.row!r}; the classes are {listed(dataset.labels)}{hint}"
    if one.purpose == "anchor" and dataset.split.iloc[at] == "test":
        return (
            f"row {one.row!r} is a test row and cannot be reviewed from a queue: test only ever scores; review rows of "
            "train or valid, or let an audit plan draw it"
        )
    return None


@dataclass(frozen=True)
class Reviewed:
    """What the record says of the rows of a data set.

    anchors: label (class index), weight and drawn by row id, of train and valid rows; drawn: chance chose the row, so that it
    speaks for others, where a row that was picked speaks for itself. split: of those rows. entries: how many entries
    the record holds. notes: in words what of it is left out, and why.
    """

    anchors: pd.DataFrame
    split: pd.Series[Any]
    entries: int
    notes: list[str]

    @cached_property
    def teaching(self) -> pd.DataFrame:
        """The anchors that models learn from: those of train, for valid may only set settings."""
        return self.anchors[(self.split == "train").to_numpy()]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What a run says of the decisions it used: anchors that teach, entries of the record, and a hash of all anchors."""
        lines = "\n".join(f"{label} {row}" for row, label in self.anchors["label"].sort_index().items())
        found = hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest() if lines else ""
        return {"anchors": len(self.teaching), "entries": self.entries, "fingerprint": found}


_REVIEWED: WeakKeyDictionary[Dataset, tuple[tuple[str, tuple[int, int, int]], Reviewed]] = WeakKeyDictionary()


def reviewed(task: Task, dataset: Dataset) -> Reviewed:
    """Read what the record says of the rows of a data set, and what of it may teach; kept until something new is written."""
    record = open_record(task)
    state = record.url, record.version()
    kept = _REVIEWED.get(dataset)
    if kept is None or kept[0] != state:
        kept = _REVIEWED[dataset] = state, _read(task, dataset, record, state[1][0])
    return kept[1]


def _read(task: Task, dataset: Dataset, record: Record, entries: int) -> Reviewed:
    current = record.current()
    here = dataset.ids.get_indexer(pd.Index(current["row"])) >= 0
    there = current[here]
    same = (there["shown"] == "") | (there["shown"] == fingerprints(task, dataset, there["row"].tolist()))
    resolved = resolve(there[same])
    split = dataset.split.reindex(resolved.index)
    label = pd.Series(pd.Index(dataset.labels).get_indexer(pd.Index(resolved["label"])), index=resolved.index)
    measures, test = resolved.index.isin(record.measure_rows().index), split == "test"
    free = ~measures & ~test
    kept = label[free & (label != ABSTAIN)]
    lost = resolved["label"][free & (label == ABSTAIN)]
    left_out = {
        "gone from the data": current["row"][~here].nunique(),
        "edited since they were reviewed (review them again)": there["row"][~same].nunique(),
        "in test by now": int((test & ~measures).sum()),
        f"of a class that the task does not have ({lost.dropna().iloc[0]!r})" if lost.notna().any() else "": lost.notna().sum(),
        f"disputed between reviewers (`workbench review {task.folder}` lists them to be adjudicated)": lost.isna().sum(),
    }
    teach = int((split[kept.index] == "train").sum())
    taught = (
        "1 reviewed row is an anchor: it teaches, and keeps"
        if teach == 1
        else f"{teach:,} reviewed rows are anchors: they teach, and keep"
    )
    words = ", ".join(f"{count:,} {what}" for what, count in left_out.items() if count)
    notes = [f"{taught} the label that people gave."] if teach else []
    notes += [f"Reviewed rows that teach nothing: {words}."] if words else []
    by_chance = there["row"][chosen_by_chance(there["reason"]) & (there["kind"] == "label")]
    told = pd.DataFrame({"label": kept, "weight": 1.0, "drawn": kept.index.isin(by_chance)}).rename_axis("id")
    return Reviewed(told, split[kept.index], entries, notes)


def check_teaching(task: Task, dataset: Dataset, gold: pd.DataFrame) -> None:
    """Refuse rows to learn from that only score, or that an audit plan drew."""
    split = dataset.split.reindex(gold.index)
    for row, part in split[(split != "train").to_numpy()].items():
        where = f"is a {part} row" if isinstance(part, str) else "is not in the data"
        raise WorkbenchError(
            f"row {row!r} {where} and cannot teach: models learn from train, valid may set settings, test only ever scores; "
            "give gold of train rows alone"
        )
    drawn = open_record(task).measure_rows()
    for row in gold.index[gold.index.isin(drawn.index)]:
        raise WorkbenchError(
            f"row {row!r} cannot teach: the audit plan {drawn[row]!r} drew it to measure, and what measures never trains; "
            "leave it out"
        )


def with_reviewed_gold(dataset: Dataset, found: Reviewed) -> tuple[Dataset, list[str]]:
    """Return the rows with what reviewers said of valid rows as their gold where that is missing, and in words what that does.

    For diagnosis alone, never for a score: a queue picks hard rows, and figures on them lean that way.
    """
    said = found.anchors.loc[(found.split == "valid").to_numpy(), "label"]
    if said.empty:
        return dataset, []
    gold = pd.Series(ABSTAIN, index=dataset.ids, dtype=np.int16) if dataset.gold is None else dataset.gold.copy()
    known = gold[said.index]
    new, other = said[known == ABSTAIN], said[(known != ABSTAIN) & (known != said)]
    gold[new.index] = new.astype(np.int16)
    notes = []
    if len(new):
        notes.append(
            f"{len(new):,} valid rows without gold are judged by what reviewers said: rows of a queue are harder than others, "
            "so the functions may be better than they look there."
        )
    if len(other):
        row = other.index[0]
        here, there = dataset.labels[other.iloc[0]], dataset.labels[known[row]]
        notes.append(
            f"On {len(other):,} valid rows reviewers contradict the gold, which is kept: {row!r} is {there!r} in the data and "
            f"{here!r} in the record."
        )
    return replace(dataset, gold=gold), notes


def new_decisions(task: Task, dataset: Dataset, since: Mapping[str, Any] | None) -> int:
    """Return how many decisions that stand were made since a run, where they change what a run would learn, else 0.

    It is 1 where some were only taken back. since: the `review` of its run.json; None of a run that knew no record.
    """
    before = since or {"entries": 0, "fingerprint": ""}
    record = open_record(task)
    if record.version()[0] == before["entries"] or reviewed(task, dataset).facts["fingerprint"] == before["fingerprint"]:
        return 0
    current = record.current()
    return max(int(((current.index > before["entries"]) & (current["purpose"] == "anchor")).sum()), 1)


def anchors(task: Task, dataset: Dataset) -> pd.DataFrame:
    """Return label (class index), weight and drawn by row id of the reviewed rows whose label is settled, of train and valid.

    Left out are test rows, rows that an audit plan drew, and rows that are unsure, skipped, undone or disputed.
    """
    return reviewed(task, dataset).anchors.copy()


def request(task: Task, ids: Iterable[str], reason: str, reviewer: str = "") -> int:
    """Send rows to review, saying why, and return how many were not waiting there already."""
    return open_record(task).request(ids, reason, reviewer)


def status(task: Task, dataset: Dataset) -> dict[str, Any]:
    """Return what a reviewer or their lead wants to know: how much is decided, how far reviewers agree, and what is left to do.

    reviewers: {name: {label, unsure, skip, undo}}. rows: labelled rows. anchors, teaching: of `reviewed`. measure: rows that
    audit plans drew, labelled: of those with a label. agreement: see review/agreement. disputed: [{row, said, label}], to be
    adjudicated. requested: rows that wait for a label. notes: what is left out.
    """
    record, found = open_record(task), reviewed(task, dataset)
    current, measured = record.current(), record.measure_rows().index
    resolved = resolve(current)
    disputed = to_adjudicate(resolved).reset_index()[["row", "said", "label"]]
    return {
        "record": record.url,
        "reviewers": record.counts().to_dict(orient="index"),
        "rows": len(resolved),
        "anchors": len(found.anchors),
        "teaching": len(found.teaching),
        "measure": {"rows": len(measured), "labelled": int(resolved.index.isin(measured).sum())},
        "agreement": agreement(current),
        "disputed": disputed.to_dict(orient="records"),
        "requested": int(record.requests()["row"].nunique()),
        "notes": found.notes,
    }


def audit_queue(task: Task, dataset: Dataset, reviewer: str, plan: str) -> pd.DataFrame:
    """Return the rows of an audit plan that a reviewer looks at next, in the order of the plan: `reason` by row id.

    What functions and models say of them is not told, so that it sways nobody. Left out are rows that the reviewer answered,
    those that enough others labelled, and those that are gone or were edited since they were drawn.
    """
    record = open_record(task)
    audit = record.audit(plan)
    drawn = audit.draws.drop_duplicates("row").set_index("row")["shown"]
    here = drawn[drawn.index.isin(dataset.ids)]
    done = settled(measured(audit, record.current()), reviewer, task.review.get("double", 0.0))
    left = here.index[(here == fingerprints(task, dataset, here.index.tolist())) & ~here.index.isin(done)]
    places = drawn.index.get_indexer(left) + 1
    words = [f"Drawn by the audit, row {n:,} of {len(drawn):,}: decide it without knowing how it was labelled." for n in places]
    return pd.DataFrame({"reason": pd.Series(words, index=left, dtype="str")}).rename_axis("id")


def decide_in_words(
    task: Task,
    dataset: Dataset,
    said: Iterable[str],
    reviewer: str,
    adjudicate: bool = False,
    shown: Callable[[list[str]], Mapping[str, str]] = lambda rows: {},
) -> int:
    """Store labels given as `ID=CLASS`, all or none, and return how many are new; adjudicate: they win over other reviewers.

    A row that an audit plan drew is decided under that plan. shown: returns why rows were shown, by row id.
    """
    record = open_record(task)
    drawn = record.measure_rows()
    decisions = []
    said = list(said)
    reasons = shown([words.rpartition("=")[0] for words in said])
    for words in said:
        row, sign, label = words.rpartition("=")
        if not sign:
            raise WorkbenchError(f"{words!r} is no decision; write the row's id, = and a class, as {words}={task.labels[0]}")
        plan = drawn.get(row)
        purpose, reason = "anchor" if plan is None else "measure", ADJUDICATION if adjudicate else reasons.get(row, "")
        decisions.append(Decision(row, "label", reviewer, label, purpose=purpose, plan=plan, reason=reason))
    return decide(task, dataset, decisions, record)
