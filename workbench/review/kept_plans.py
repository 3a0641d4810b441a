"""Audit plans in the tables of the record: written once, and checked whenever they are read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from workbench.review.decision import now
from workbench.review.plan import AuditPlan
from workbench.review.schema import PLAN_DESIGNS, PLAN_DRAWS, PLAN_ROWS, PLAN_STRATA, PLANS
from workbench.tables import WorkbenchError

Read = Callable[[sa.Select[Any]], list[sa.Row[Any]]]


def has_plan(db: sa.Connection, id: str) -> bool:
    """Return whether a plan is stored."""
    return db.execute(sa.select(PLANS.c.id).where(PLANS.c.id == id)).first() is not None


def write_plan(db: sa.Connection, id: str, name: str, rows: Sequence[str]) -> None:
    """Write a plan's name and the distinct rows it drew."""
    db.execute(PLANS.insert(), {"id": id, "name": name, "time": now()})
    db.execute(PLAN_ROWS.insert(), [{"plan": id, "row": row} for row in rows])


def write_audit(db: sa.Connection, plan: AuditPlan, name: str) -> None:
    """Write all that a plan says; raises WorkbenchError where another one has its name."""
    same = db.execute(sa.select(PLANS).where(PLANS.c.name == name)).first()
    if same is not None:
        raise WorkbenchError(f"there is an audit plan {name!r} already, made at {same.time}; give another name")
    write_plan(db, plan.id, name, plan.rows)
    about = {"plan": plan.id, "settings": json.dumps(dict(plan.settings)), "fingerprint": plan.fingerprint, "run": plan.run}
    packed = None if plan.members is None else zlib.compress(json.dumps(plan.members).encode())
    db.execute(PLAN_DESIGNS.insert(), {**about, "members": packed})
    for table, frame in ((PLAN_STRATA, plan.strata), (PLAN_DRAWS, plan.draws)):
        lines = frame.reset_index().to_dict("records")
        db.execute(table.insert(), [{"plan": plan.id, **{str(name): cell for name, cell in line.items()}} for line in lines])


def read_audit(read: Read, id: str, url: str) -> AuditPlan:
    """Return a plan as it was made; raises WorkbenchError where the database at `url` no longer holds it so."""
    found = read(sa.select(PLAN_DESIGNS).where(PLAN_DESIGNS.c.plan == id))
    if not found:
        raise WorkbenchError(
            f"the record {url} holds no draws of the audit plan {id!r}; `workbench audit TASK plan` makes plans"
        )
    tables = []
    for table in (PLAN_STRATA, PLAN_DRAWS):
        kept = list(table.c)[1:]
        lines = read(sa.select(*kept).where(table.c.plan == id).order_by(kept[0]))
        tables.append(pd.DataFrame(lines, columns=[column.name for column in kept]).set_index(kept[0].name))
    about = found[0]
    members = None if about.members is None else tuple(json.loads(zlib.decompress(about.members)))
    plan = AuditPlan(json.loads(about.settings), about.fingerprint, about.run, tables[0], tables[1], members)
    drawn = {row.row for row in read(sa.select(PLAN_ROWS.c.row).where(PLAN_ROWS.c.plan == id))}
    if plan.id != id or drawn != set(plan.rows):
        raise WorkbenchError(
            f"the audit plan {id!r} was altered in {url} after it was made, so it promises nothing; bring back a copy of the "
            "record from before, or make a new plan"
        )
    return plan


def list_plans(read: Read) -> pd.DataFrame:
    """Return one line a plan, for Record.plans."""
    about = PLAN_DESIGNS.c.run, PLAN_DESIGNS.c.fingerprint, PLAN_DESIGNS.c.members.is_not(None)
    rows = sa.select(sa.func.count()).where(PLAN_ROWS.c.plan == PLANS.c.id).scalar_subquery()
    joined = sa.select(PLANS.c.id, PLANS.c.name, PLANS.c.time, rows, *about).outerjoin(
        PLAN_DESIGNS, PLAN_DESIGNS.c.plan == PLANS.c.id
    )
    columns = ["id", "name", "time", "rows", "run", "fingerprint", "recurring"]
    table = pd.DataFrame(read(joined.order_by(PLANS.c.time, PLANS.c.id)), columns=columns)
    return table.astype({"recurring": bool})
