"""The record of decisions: append-only, in SQLite unless a URL names another database.

Nothing is ever changed or deleted. A call returns once what it wrote is durable, and a batch is one transaction. SQLite runs in
WAL mode with synchronous=FULL.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from workbench.io.urls import hidden
from workbench.review.decision import FIELDS, FIGURES, TEXTS, Decision, Refused, new_id, now
from workbench.review.kept_plans import has_plan, list_plans, read_audit, write_audit, write_plan
from workbench.review.plan import AuditPlan
from workbench.review.schema import DECISIONS, PLAN_ROWS, REQUESTS, is_current, migrate
from workbench.review.standing import Standing
from workbench.tables import WorkbenchError

_PATIENCE: Final = 60.0  # seconds to wait for another process that writes
_AT_ONCE: Final = 1_000  # ids asked about in one statement
_WITHDRAWN: Final = -1  # the column `after` of a line by which the requests of its row before it count no more


class Record:
    """What reviewers said, in the order in which it was written.

    place: a SQLite file, or any SQLAlchemy URL; the relative path of a SQLite file is one in `folder`. The first write makes
    the file. Raises WorkbenchError where the database cannot be used.
    """

    def __init__(self, place: Path | str, folder: Path | None = None) -> None:
        try:
            url = sa.URL.create("sqlite", database=str(place)) if isinstance(place, Path) else sa.make_url(place)
            lite = url.get_backend_name() == "sqlite"
            if lite and (url.database or ":memory:") == ":memory:":
                raise WorkbenchError(f"the record {place} would be forgotten with the process; name a file, as sqlite:///FILE")
            if lite:
                url = url.set(database=str((folder or Path()).absolute() / str(url.database)))
            self._engine = sa.create_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            raise WorkbenchError(
                f"the record {hidden(str(place))} cannot be opened ({hidden(str(error))}); give an SQLAlchemy URL and install "
                "its driver"
            ) from None
        self.url = url.render_as_string(hide_password=True)
        self._file = Path(str(url.database)) if lite else None
        weakref.finalize(self, self._engine.dispose)
        self._place = self._where()
        self._kept: Standing | None = None  # what `current` last read
        self._measured: tuple[int, pd.Series[Any]] | None = None  # what `measure_rows` last read, and at which version
        if lite:
            event.listen(self._engine, "connect", _settle)
            event.listen(self._engine, "begin", _begin)

    def decide(self, decisions: Sequence[Decision]) -> int:
        """Store decisions in their order, all or none, and return how many are new; an id that is stored is not stored twice.

        An undo of an entry that is undone already is left out. Raises WorkbenchError for an id that is stored and says another
        thing, an undo of nothing or of another reviewer's entry, a measure decision on a row that its plan did not draw, and an
        anchor decision on a row that some plan did.
        """
        with self._writing() as db:
            return _store(db, decisions)

    def undo(self, reviewer: str, id: str | None = None) -> Decision | None:
        """Undo the newest entry of a reviewer that stands, and return it; None where nothing stands.

        id: of the undo itself; where that is stored already, the entry it undid is returned and nothing is written.
        """
        with self._writing() as db:
            stored = _find(db, [id]) if id is not None else {}
            if id is not None and id in stored:
                return _find(db, [str(stored[id].undoes)])[str(stored[id].undoes)]
            last = db.execute(
                _standing().where(DECISIONS.c.reviewer == reviewer).order_by(DECISIONS.c.seq.desc()).limit(1)
            ).first()
            if last is None:
                return None
            undone = _decision(last)
            _store(db, [undone.undo(id)])
            return undone

    def decisions(self) -> pd.DataFrame:
        """Return every entry, undos and undone ones too, one column a field of Decision, in the order of writing."""
        return self._since(0)

    def current(self) -> pd.DataFrame:
        """Return the latest entry that stands for each row and reviewer, in the order of writing.

        A reviewer who also adjudicated a row has a second line for it: what they said as one of several is not overwritten.
        """
        version, kept = self.version(), self._kept
        if kept is None or kept.version != version:
            grows = kept is not None and kept.seq > 0 and self._file is not None  # others may number ahead of their commits
            later = kept.and_then(version, self._since(kept.seq)) if kept is not None and grows else None
            kept = self._kept = later or Standing.of(version, self._since(0))
        return kept.current.copy(deep=False)

    def _since(self, seq: int) -> pd.DataFrame:
        return _frame(self._read(sa.select(DECISIONS).where(DECISIONS.c.seq >= seq).order_by(DECISIONS.c.seq)))

    def history(self, reviewer: str, n: int = 10) -> list[Decision]:
        """Return the last entries of a reviewer that stand, the newest first."""
        columns = DECISIONS.c
        found = self._read(_standing().where(columns.reviewer == reviewer).order_by(columns.seq.desc()).limit(n))
        return [_decision(row) for row in found]

    def counts(self) -> pd.DataFrame:
        """Return one row a reviewer: how many labels, unsure and skips stand, and how many entries they undid."""
        columns = DECISIONS.c
        undone = columns.id.in_(sa.select(columns.undoes).where(columns.undoes.is_not(None)))
        counted = sa.select(columns.reviewer, columns.kind, sa.func.count()).where(~undone)
        table = pd.DataFrame(self._read(counted.group_by(columns.reviewer, columns.kind)), columns=["reviewer", "kind", "n"])
        wide = table.pivot(index="reviewer", columns="kind", values="n")
        return wide.reindex(columns=["label", "unsure", "skip", "undo"]).fillna(0).astype(int)

    def saved(self, reviewer: str) -> int:
        """Return how many entries of a reviewer stand."""
        mine = _standing().where(DECISIONS.c.reviewer == reviewer).subquery()
        found = self._read(sa.select(sa.func.count()).select_from(mine))
        return int(found[0][0]) if found else 0

    def version(self) -> tuple[int, int, int]:
        """Return the numbers of the newest decision, request and drawn row: others after whatever is written."""
        newest = (sa.select(sa.func.max(table.c.seq)).scalar_subquery() for table in (DECISIONS, REQUESTS, PLAN_ROWS))
        found = self._read(sa.select(*newest))
        one, two, three = (number or 0 for number in (found[0] if found else (0, 0, 0)))
        return one, two, three

    def request(self, rows: Iterable[str], reason: str, reviewer: str = "") -> int:
        """Put rows on the list of those that somebody wants reviewed, and return how many were not waiting there already."""
        with self._writing() as db:
            waiting = {row for row, *_ in db.execute(_waiting())}
            new = [row for row in dict.fromkeys(rows) if row not in waiting]
            after = db.execute(sa.select(sa.func.max(DECISIONS.c.seq))).scalar() or 0
            about = {"reason": reason, "reviewer": reviewer, "after": after, "time": now()}
            if new:
                db.execute(REQUESTS.insert(), [{"row": row, **about} for row in new])
            return len(new)

    def withdraw(self, rows: Iterable[str]) -> int:
        """Take rows off the list of those that somebody wants reviewed, and return how many waited there."""
        with self._writing() as db:
            waiting = {row for row, *_ in db.execute(_waiting())}
            gone = [row for row in dict.fromkeys(rows) if row in waiting]
            about = {"reason": "withdrawn", "reviewer": "", "after": _WITHDRAWN, "time": now()}
            if gone:
                db.execute(REQUESTS.insert(), [{"row": row, **about} for row in gone])
            return len(gone)

    def requests(self) -> pd.DataFrame:
        """Return row, reason, reviewer, time and `after` (the newest entry then) of requests that no later label answers."""
        table = pd.DataFrame(self._read(_waiting()), columns=["row", "reason", "reviewer", "time", "after"])
        return table.astype({**dict.fromkeys(table.columns, "str"), "after": "int64"})

    def requested(self) -> list[str]:
        """Return every row that was ever requested, answered or not, but for those whose requests were withdrawn."""
        return [row for (row,) in self._read(_requested(REQUESTS.c.row).distinct())]

    def add_plan(self, name: str, rows: Iterable[str], id: str | None = None) -> str:
        """Keep a list of rows as an audit plan, and return its id; they measure, and train nothing from now on."""
        drawn = list(dict.fromkeys(rows))
        if not drawn:
            raise WorkbenchError(f"the audit plan {name!r} draws no row; give at least one")
        with self._writing() as db:
            plan = new_id() if id is None else id
            if not has_plan(db, plan):
                write_plan(db, plan, name, drawn)
            return plan

    def add_audit(self, plan: AuditPlan, name: str) -> bool:
        """Keep an audit plan with its draws, and return whether it was new: one that is stored keeps the name it has.

        Raises WorkbenchError where another plan has the name.
        """
        with self._writing() as db:
            new = not has_plan(db, plan.id)
            if new:
                write_audit(db, plan, name)
            return new

    def audit(self, id: str) -> AuditPlan:
        """Return an audit plan as it was made; raises WorkbenchError where the database no longer holds it so."""
        return read_audit(self._read, id, self.url)

    def plans(self) -> pd.DataFrame:
        """Return id, name, time, number of drawn rows, run, fingerprint and `recurring` of every audit plan, the oldest first.

        fingerprint: of the label set that `run` made; both are missing where a plan has no draws. recurring: whether it keeps
        which rows it knew.
        """
        return list_plans(self._read)

    def measure_rows(self) -> pd.Series[Any]:
        """Return the plan that drew each measure row, by row id; the first, where there are several."""
        version, kept = self.version()[2], self._measured
        if kept is None or kept[0] != version:
            found = self._read(sa.select(PLAN_ROWS.c.row, PLAN_ROWS.c.plan).order_by(PLAN_ROWS.c.seq))
            table = pd.DataFrame(found, columns=["row", "plan"], dtype="str").drop_duplicates("row")
            self._measured = kept = version, table.set_index("row")["plan"]
        return kept[1].copy(deep=False)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that nobody else writes beside, with the tables of this version."""
        with self._used():
            if self._file is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.connect().execution_options(workbench_writes=True) as db, db.begin():
                migrate(db, self.url)
                yield db

    def _read(self, statement: sa.Select[Any]) -> list[sa.Row[Any]]:
        """Return the rows of a statement; none where there is no record yet."""
        with self._used():
            if self._file is not None and not self._file.exists():
                return []
            with self._engine.connect() as db:
                ready = is_current(db)
                if ready:
                    return list(db.execute(statement))
            with self._writing() as db:
                return list(db.execute(statement))

    def _where(self) -> tuple[int, int | None]:
        """Return the process, and what tells the file from another of its name."""
        there = self._file is not None and self._file.exists()
        return os.getpid(), self._file.stat().st_ino if self._file is not None and there else None

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Begin anew where connections kept open are another process's or of a file that is gone; put errors in words."""
        try:
            if self._where() != self._place:  # where the file was moved, closing leaves it whole
                self._engine.dispose(close=os.getpid() == self._place[0])
                self._kept = self._measured = None
            yield
            self._place = self._where()
        except (SQLAlchemyError, OSError) as error:
            why = str(getattr(error, "orig", None) or error)
            raise WorkbenchError(
                f"the record {self.url} cannot be used ({hidden(why)}); nothing of this call was stored: see that the database "
                "is there, whole, and can be written, then try again"
            ) from error


def _settle(connection: Any, _: Any) -> None:
    """Set up a SQLite connection: transactions are begun by us, and a commit is on the disk."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(_PATIENCE * 1000)}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 1")  # the file itself is whole after a commit: it may be copied or moved
    until = time.monotonic() + _PATIENCE
    while True:  # the first switch to WAL does not wait for others that have the file open, whatever busy_timeout says
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except connection.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin(db: sa.Connection) -> None:
    """Take the write lock at once where a transaction will write: what it reads first is then what it writes beside."""
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("workbench_writes") else "BEGIN")


def _standing() -> sa.Select[Any]:
    """Select the entries that are no undo and that none undoes."""
    undo = DECISIONS.alias()
    return sa.select(DECISIONS).where(
        DECISIONS.c.kind != "undo", ~sa.exists().where(undo.c.undoes == DECISIONS.c.id).correlate(DECISIONS)
    )


def _requested(*columns: sa.Column[Any]) -> sa.Select[Any]:
    """Select columns of the requests that are not withdrawn."""
    seq, row, after = REQUESTS.c.seq, REQUESTS.c.row, REQUESTS.c.after
    last = sa.select(row, sa.func.max(seq).label("seq")).where(after == _WITHDRAWN).group_by(row).subquery()
    asked = sa.select(*columns).outerjoin_from(REQUESTS, last, last.c.row == row)
    return asked.where(sa.or_(last.c.seq.is_(None), seq > last.c.seq))


def _waiting() -> sa.Select[Any]:
    """Select the requests that no standing label of a later time answers."""
    said = _standing().where(DECISIONS.c.kind == "label").subquery()
    answered = sa.exists().where(said.c.row == REQUESTS.c.row, said.c.seq > REQUESTS.c.after).correlate(REQUESTS)
    columns = REQUESTS.c
    wanted = columns.row, columns.reason, columns.reviewer, columns.time, columns.after
    return _requested(*wanted).where(~answered).order_by(columns.seq)


def _decision(row: Any) -> Decision:
    return Decision(**{name: row._mapping[name] for name in FIELDS})


def _frame(rows: Sequence[sa.Row[Any]]) -> pd.DataFrame:
    """Return entries as a frame by number, with the fields in their order; text that is missing is NaN."""
    kinds = {"seq": "int64", **dict.fromkeys(TEXTS, "str"), **dict.fromkeys(FIGURES, "float64")}
    cells = zip(*rows, strict=True) if rows else ((),) * len(DECISIONS.c)
    columns = dict(zip(DECISIONS.c.keys(), cells, strict=True))
    return pd.DataFrame({name: pd.Series(columns[name], dtype=kinds[name]) for name in ("seq", *FIELDS)}).set_index("seq")


def _some(values: Iterable[str]) -> Iterator[list[str]]:
    every = list(dict.fromkeys(values))
    return (every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE))


def _find(db: sa.Connection, ids: Iterable[str]) -> dict[str, Decision]:
    """Return the stored entries of some ids."""
    found = (row for some in _some(ids) for row in db.execute(sa.select(DECISIONS).where(DECISIONS.c.id.in_(some))))
    return {row.id: _decision(row) for row in found}


def _store(db: sa.Connection, decisions: Sequence[Decision]) -> int:
    """Check decisions against what is stored, write those that are new, and return how many there are."""
    wanted = [one.undoes for one in decisions if one.undoes is not None]
    stored = _find(db, (*(one.id for one in decisions), *wanted))
    undone = {
        id for some in _some(wanted) for id in db.scalars(sa.select(DECISIONS.c.undoes).where(DECISIONS.c.undoes.in_(some)))
    }
    drawn = _drawn(db, (one.row for one in decisions))
    new = []
    for place, one in enumerate(decisions):
        if one.id in stored:
            problem = None if one.same_as(stored[one.id]) else _altered(one, stored[one.id])
        elif one.undoes is not None:
            problem = _wrong_undo(one, stored.get(one.undoes))
        else:
            problem = _wrong_purpose(one, drawn.get(one.row, []))
        if problem is not None:
            raise Refused(problem, place)
        if one.id not in stored and one.undoes not in undone:
            stored[one.id] = one
            new.append({name: getattr(one, name) for name in FIELDS})
            if one.undoes is not None:
                undone.add(one.undoes)
    if new:
        db.execute(DECISIONS.insert(), new)
    return len(new)


def _drawn(db: sa.Connection, rows: Iterable[str]) -> dict[str, list[str]]:
    """Return the audit plans that drew each of some rows."""
    plans: dict[str, list[str]] = {}
    for some in _some(rows):
        for found in db.execute(sa.select(PLAN_ROWS).where(PLAN_ROWS.c.row.in_(some)).order_by(PLAN_ROWS.c.seq)):
            plans.setdefault(found.row, []).append(found.plan)
    return plans


def _altered(one: Decision, stored: Decision) -> str:
    name = next(name for name in FIELDS if name != "time" and getattr(one, name) != getattr(stored, name))
    return (
        f"the decision {one.id} on row {stored.row!r} is stored with {name} {getattr(stored, name)!r}, and now has "
        f"{getattr(one, name)!r}; what is stored never changes: undo it and decide anew, under an id of its own"
    )


def _wrong_undo(one: Decision, target: Decision | None) -> str | None:
    if target is None:
        return f"the entry {one.undoes!r} that {one.reviewer!r} wants to undo is not stored; name a stored one"
    if target.kind == "undo":
        return f"the entry {one.undoes!r} is an undo itself, which cannot be undone; decide row {one.row!r} anew"
    if (target.reviewer, target.row) != (one.reviewer, one.row):
        return (
            f"the entry {one.undoes!r} is of {target.reviewer!r} on row {target.row!r}; {one.reviewer!r} cannot undo it as "
            f"one on row {one.row!r}"
        )
    return None


def _wrong_purpose(one: Decision, plans: Sequence[str]) -> str | None:
    """Return why a decision cannot have its purpose; plans: those that drew its row."""
    if one.purpose == "measure" and one.plan not in plans:
        return (
            f"row {one.row!r} cannot measure: there is no audit plan {one.plan!r} that drew it; only rows that a plan drew "
            "measure, any other is an anchor"
        )
    if one.purpose == "anchor" and plans:
        return (
            f"row {one.row!r} cannot be an anchor: the audit plan {plans[0]!r} drew it to measure, and what measures never "
            "trains; decide it under that plan: a file needs the columns purpose, here measure, and plan"
        )
    return None
