"""What an audit plan and its answers prove, and what they merely suggest: promises and descriptions, kept apart.

A promise holds for the label set that the plan was drawn from, at the stated confidence, however often one looks: what is
unsure, skipped, disputed or not answered counts as wrong in it. A description tells what the labelled draws look like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.review.plan import AuditPlan
from workbench.review.resolve import resolve
from workbench.stats import clopper_pearson_upper, error_bound, hajek, more_without_error, rows_to_promise

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LABELLED, UNSURE, DISPUTED, OPEN = STATES = ("labelled", "unsure", "disputed", "open")  # of a draw
CONFIDENCE: Final = 0.95


def measured(plan: AuditPlan, current: pd.DataFrame) -> pd.DataFrame:
    """Return the entries that measure rows of a plan, whichever plan they were given under.

    current: of Record.current. An entry on a row whose text was another than the one drawn says nothing of its label.
    """
    shown = plan.draws.drop_duplicates("row").set_index("row")["shown"].reindex(current["row"])
    same = (current["shown"] == "").to_numpy() | (current["shown"].to_numpy() == shown.to_numpy())
    kept: pd.DataFrame = current[(current["purpose"] == "measure").to_numpy() & shown.notna().to_numpy() & same]
    return kept


def answers(plan: AuditPlan, current: pd.DataFrame) -> pd.DataFrame:
    """Return `state` (one of STATES) and `truth` (the resolved label, missing where there is none) of every draw.

    asked: whether the draw has had its turn: up to the last row answered under this plan, and what is answered right behind. A
    row that is drawn again later, or was answered under another plan, is no sign that anybody got there.
    """
    said = measured(plan, current)
    resolved = resolve(said)
    rows = pd.Index(plan.draws["row"])
    truth = resolved["label"].reindex(rows).to_numpy(object)
    settled, differ, asked = pd.notna(truth), rows.isin(resolved.index), rows.isin(said["row"])
    state = np.select([settled, differ, asked], [LABELLED, DISPUTED, UNSURE], OPEN)
    here = np.flatnonzero(rows.isin(said["row"][said["plan"] == plan.id]) & ~rows.duplicated())
    upto = int(here[-1]) + 1 if len(here) else 0
    behind = np.flatnonzero(state[upto:] == OPEN)
    turn = np.arange(len(rows)) < (upto + behind[0] if len(behind) else len(rows))
    table = {"state": state, "truth": pd.Series(truth, index=plan.draws.index, dtype="str"), "asked": turn}
    return pd.DataFrame(table, index=plan.draws.index)


def promise(plan: AuditPlan, found: pd.DataFrame, target: float, confidence: float = CONFIDENCE) -> dict[str, Any]:
    """Return what is promised of the whole label set: at most `bound` of its labels are wrong.

    found: of `answers`. The bound is that of weighted errors in the order of the plan (stats.error_bound). draws: how many it
    rests on, those that were asked; bounds: after each of them; open: those of them not answered; errors: those that are wrong
    or count as it. rows: distinct rows of them that were answered; beyond: rows that were answered behind them, which do not
    count yet. more: draws without an error from here to the target, None where no number is known; left: draws after those.
    least: the fewest answered draws that could prove the target at all. largest: the largest weight of a draw.
    """
    upto = int(found["asked"].sum())
    known = np.flatnonzero((found["state"] != OPEN).to_numpy()[:upto])
    wrong = _counts_wrong(plan, found)[:upto]
    loss, largest = plan.weights[:upto] * wrong, max(1.0, float(plan.stratum_weights.max()))
    bounds = error_bound(loss, largest, confidence).tolist()
    rows, answered = plan.draws["row"].iloc[known].nunique(), plan.draws["row"][(found["state"] != OPEN).to_numpy()].nunique()
    return {
        "bound": bounds[-1] if upto else 1.0,
        "bounds": bounds,
        "confidence": confidence,
        "target": target,
        "draws": upto,
        "errors": int(wrong.sum()),
        "open": upto - len(known),
        "rows": rows,
        "beyond": answered - rows,
        "more": more_without_error(loss, largest, target, confidence),
        "left": len(plan.draws) - upto,
        "least": rows_to_promise(target, confidence, fixed=True),
        "largest": largest,
    }


def _counts_wrong(plan: AuditPlan, found: pd.DataFrame) -> Floats:
    return np.asarray(found["truth"] != plan.draws["label"], np.float64)  # a missing truth equals nothing


def stratum_promises(plan: AuditPlan, found: pd.DataFrame, confidence: float = CONFIDENCE) -> list[dict[str, Any]]:
    """Return what is promised of every stratum by itself, one line each, in the order of the plan.

    Clopper and Pearson's bound at the planned number of draws, those not answered counting as wrong: so it may be read at any
    time. errors: of the draws that are answered. Each line holds at the confidence alone, not all of them together.
    """
    table = plan.draws.assign(wrong=_counts_wrong(plan, found), known=(found["state"] != OPEN).astype(float))
    by = table.groupby("stratum")[["wrong", "known"]].agg(["sum", "size"]).reindex(plan.strata.index, fill_value=0)
    draws, wrong, known = (by[name].to_numpy(np.int64) for name in (("wrong", "size"), ("wrong", "sum"), ("known", "sum")))
    upper = [float(clopper_pearson_upper(w, n, confidence)) if n else 1.0 for w, n in zip(wrong, draws, strict=True)]
    lines = zip(plan.strata["name"], plan.strata["rows"], draws, known, wrong - (draws - known), upper, strict=True)
    names = ("stratum", "rows", "draws", "answered", "errors", "bound")
    kinds = (str, int, int, int, int, float)
    return [{name: kind(cell) for name, kind, cell in zip(names, kinds, line, strict=True)} for line in lines]


def labelled(found: pd.DataFrame) -> Mask:
    """bool[draws]: the draws that descriptions rest on, asked and labelled; found: of `answers`."""
    return np.asarray((found["state"] == LABELLED) & found["asked"], np.bool_)


def description(plan: AuditPlan, wrong: Floats, here: Mask, confidence: float = CONFIDENCE) -> dict[str, Any]:
    """Return {n, wrong, estimate, low, high} of the share of wrong labels among some labelled draws; None where there is none.

    wrong: float64[draws], 0 or 1. here: bool[draws], labelled draws alone. Hajek's estimate, with Wilson's interval where these
    rows had the same chance.
    """
    n, found = int(here.sum()), dict.fromkeys(("estimate", "low", "high"))
    if n:
        found = dict(zip(found, hajek(wrong[here], plan.weights[here], confidence=confidence), strict=True))
    return {"n": n, "wrong": int(wrong[here].sum()), **found}


def described(
    plan: AuditPlan, found: pd.DataFrame, groups: Mapping[str, Mask], labels: pd.Series[Any] | None = None
) -> list[dict[str, Any]]:
    """Return `description` of every group of draws, with its name; draws not asked or not labelled are left out.

    groups: bool[draws]. labels: other labels to judge than those of the set, by position, missing where a row has none.
    """
    judged = plan.draws["label"] if labels is None else labels
    known = labelled(found) & judged.notna().to_numpy()
    wrong = np.asarray(found["truth"] != judged, np.float64)
    return [{"name": name, **description(plan, wrong, mask & known)} for name, mask in groups.items()]
