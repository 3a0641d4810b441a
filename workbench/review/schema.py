"""The tables of the record, and how an older record becomes one of this version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from workbench.tables import WorkbenchError

_TABLES: Final = sa.MetaData()
_VERSION: Final = sa.Table("schema_version", _TABLES, sa.Column("version", sa.Integer, nullable=False))
DECISIONS: Final = sa.Table(
    "decisions",
    _TABLES,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("reviewer", sa.String(200), nullable=False, index=True),
    sa.Column("label", sa.Text),
    sa.Column("failure_mode", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("plan", sa.String(64)),
    sa.Column("model_label", sa.Text),
    sa.Column("model_probability", sa.Double),
    sa.Column("seconds", sa.Double),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("undoes", sa.String(64), unique=True),  # an entry is undone once
    sa.Column("time", sa.String(64), nullable=False),
    sqlite_autoincrement=True,
)
REQUESTS: Final = sa.Table(
    "requests",
    _TABLES,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("reviewer", sa.String(200), nullable=False),
    sa.Column("after", sa.Integer, nullable=False),  # the newest decision then: a later one answers the request
    sa.Column("time", sa.String(64), nullable=False),
    sqlite_autoincrement=True,
)
PLANS: Final = sa.Table(
    "plans",
    _TABLES,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("time", sa.String(64), nullable=False),
)
PLAN_ROWS: Final = sa.Table(
    "plan_rows",
    _TABLES,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("plan", sa.String(64), sa.ForeignKey("plans.id"), nullable=False, index=True),
    sa.Column("row", sa.Text, nullable=False),
)
#: What an audit plan says beyond the rows it drew.
_AUDITS: Final = sa.MetaData()
PLAN_DESIGNS: Final = sa.Table(
    "plan_designs",
    _AUDITS,
    sa.Column("plan", sa.String(64), sa.ForeignKey(PLANS.c.id), primary_key=True),
    sa.Column("settings", sa.Text, nullable=False),  # JSON
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of the label set
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("members", sa.LargeBinary),  # JSON, compressed: ids of the label set, of a recurring plan
)
PLAN_STRATA: Final = sa.Table(
    "plan_strata",
    _AUDITS,
    sa.Column("plan", sa.String(64), sa.ForeignKey(PLANS.c.id), primary_key=True),
    sa.Column("stratum", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
)
PLAN_DRAWS: Final = sa.Table(
    "plan_draws",
    _AUDITS,
    sa.Column("plan", sa.String(64), sa.ForeignKey(PLANS.c.id), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("stratum", sa.Integer, nullable=False),
    sa.Column("q", sa.Double, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
)
#: Step i takes a record from version i to i + 1; those that are missing run in one transaction.
MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_TABLES.create_all, _AUDITS.create_all)


def is_current(db: sa.Connection) -> bool:
    """Return whether a record has the tables of this version."""
    return _version(db) == len(MIGRATIONS)


def _version(db: sa.Connection) -> int:
    if not sa.inspect(db).has_table(_VERSION.name):
        return 0
    return int(db.execute(sa.select(_VERSION.c.version)).scalar_one())


def migrate(db: sa.Connection, url: str) -> None:
    """Bring the tables to the version of this workbench, in the transaction of `db`."""
    version, known = _version(db), len(MIGRATIONS)
    if version > known:
        raise WorkbenchError(f"the record {url} has version {version}, and this workbench knows {known}; upgrade it")
    if version == known:
        return
    for step in MIGRATIONS[version:]:
        step(db)
    db.execute(_VERSION.delete())
    db.execute(_VERSION.insert(), {"version": known})
