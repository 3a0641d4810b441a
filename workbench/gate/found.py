"""What the data say of one limit: a value, and how surprising it would be if the limit were kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.gate.facts import Audit, Facts, bad_rows, surest
from workbench.gate.limits import MEASURES, Limit
from workbench.io.names import did_you_mean, listed
from workbench.stats import binomial_greater, log_wealth
from workbench.stats.calibration import calibration_gaps, expected_error, miscalibrated, worse_calibrated
from workbench.stats.paired import more_often, worse_than
from workbench.tables import WorkbenchError

FEWEST: Final = 50  # rows that both runs answered, and that calibration takes
_NO_ANSWER: Final = "the run answers no row"
_SLOW: Final = 0.05  # of the answers may take longer than latency_ms


@dataclass(frozen=True)
class Found:
    """p: one-sided, None where there are no data, as reason says. lost, won: rows that got worse and better, of pairs."""

    value: float | None = None
    n: int = 0
    p: float | None = None
    reference: float | None = None
    lost: int | None = None
    won: int | None = None
    reason: str = ""


def held_to(one: Limit, limit: float, now: Facts) -> Found:
    """Hold a run against a number."""
    if one.measure == "audit":
        return _audit(now.audit, limit)
    if one.measure == "latency_ms":
        return _latency(now, limit)
    if one.group == "suites":
        suite = _suite(now, one)
        return suite if suite.reason else _share(one, suite.lost or 0, suite.n, limit)
    inside = _inside(now, one)
    if one.measure == "ece":
        gaps = _gaps(now, inside)
        return _few(len(gaps)) or Found(expected_error(gaps), len(gaps), miscalibrated(gaps, limit))
    if one.measure == "risk_at_coverage":
        inside, bad = _at_coverage(now, one, inside), bad_rows(now.rows, "accuracy")
    else:
        bad = bad_rows(now.rows, one.measure)
        inside = inside & ~np.isnan(bad)
        if _answers_none(one, now, inside):
            return Found(reason=_NO_ANSWER)
    return _share(one, int(bad[inside].sum()), int(inside.sum()), limit) if inside.any() else Found(reason=_none(one))


def held_against(one: Limit, margin: float, now: Facts, before: Facts) -> Found:
    """Hold a run against another one on the same rows, than which it may be worse by the margin."""
    if one.measure == "latency_ms":
        return _slower(now, before, margin)
    if one.group == "suites":
        return _suites(one, now, before, margin)
    inside = _inside(now, one)
    if one.measure == "ece":
        gaps, other = _gaps(now, inside), _gaps(before, inside)
        few = _few(len(gaps))
        return few or Found(expected_error(gaps), len(gaps), worse_calibrated(gaps, other, margin), expected_error(other))
    bad, worse = (bad_rows(facts.rows, one.measure) for facts in (now, before))
    if one.measure == "risk_at_coverage":
        bad, worse = (_at_coverage(facts, one, inside) * bad_rows(facts.rows, "accuracy") for facts in (now, before))
    elif one.measure == "wrong_confident":
        # as many as this run answers: who answers more rows has more of them wrong, and may be better all the same
        known = inside & ~np.isnan(bad)
        if _answers_none(one, now, known):
            return Found(reason=_NO_ANSWER)
        as_many = surest(before.rows, known, int((known & now.rows["answered"].to_numpy(bool)).sum()))
        worse = as_many * bad_rows(before.rows, "accuracy")
    known = inside & ~(np.isnan(bad) | np.isnan(worse))
    n = int(known.sum())
    if not n:
        return Found(reason=_none(one))
    lost, won = int((bad > worse)[known].sum()), int((bad < worse)[known].sum())
    among = math.ceil(one.coverage * n) if one.measure == "risk_at_coverage" else n
    value, reference = (_value(one, int(marks[known].sum()), among) for marks in (bad, worse))
    return Found(value, among, worse_than(lost, won, n, margin * among / n), reference, lost, won)


def _share(one: Limit, bad: int, n: int, limit: float) -> Found:
    """Test a share of bad rows: so many of n, or more, though each is bad with the chance that the limit allows."""
    allowed = 1 - limit if MEASURES[one.measure].higher_is_better else limit
    return Found(_value(one, bad, n), n, float(binomial_greater(bad, n, allowed)))


def _value(one: Limit, bad: int, n: int) -> float:
    return 1 - bad / n if MEASURES[one.measure].higher_is_better else bad / n


def _none(one: Limit) -> str:
    if one.group:
        return "there is no such row"
    return "no row has votes" if one.measure in ("coverage", "conflict") else "no row has gold"


def _answers_none(one: Limit, now: Facts, inside: NDArray[np.bool_]) -> bool:
    """Return whether no row is answered, so that none can be answered wrongly."""
    return one.measure == "wrong_confident" and bool(inside.any()) and not now.rows["answered"].to_numpy(bool)[inside].any()


def _few(n: int) -> Found | None:
    return Found(n=n, reason=f"calibration takes {FEWEST} rows with gold") if n < FEWEST else None


def _inside(facts: Facts, one: Limit) -> NDArray[np.bool_]:
    """bool[n]: the rows that a limit is about."""
    if not one.group:
        return np.ones(len(facts.rows), bool)
    if one.name not in facts.slices.columns:
        names = [str(name) for name in facts.slices.columns]
        hint = did_you_mean(one.name, names) or f"; there are {listed(names, 40) or 'none'}"
        raise WorkbenchError(f"[gate] has the limit {one.key}, and there is no slice {one.name!r}{hint}")
    return facts.slices[one.name].to_numpy(bool)


def _at_coverage(facts: Facts, one: Limit, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    known = inside & facts.rows["right"].notna().to_numpy()
    return surest(facts.rows, known, math.ceil(one.coverage * int(known.sum())))


def _gaps(facts: Facts, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    known = inside & facts.rows["right"].notna().to_numpy()
    return calibration_gaps(facts.rows["confidence"].to_numpy()[known], facts.rows["right"].to_numpy()[known])


def _suite(facts: Facts, one: Limit) -> Found:
    """Return how many rows a suite has, and as `lost` how many are bad, or the reason why nobody knows."""
    if isinstance(facts.suites, str):
        return Found(reason=facts.suites)
    if one.name not in facts.suites.index:
        names = [str(name) for name in facts.suites.index]
        return Found(
            reason=f"there is no suite {one.name!r}{did_you_mean(one.name, names) or f'; there are {listed(names, 20)}'}"
        )
    line = facts.suites.loc[one.name]
    if pd.isna(line[one.measure]) or not line["n"]:
        return Found(reason="the suite does not tell it")
    if one.measure == "wrong_confident" and line["answered"] == 0:
        return Found(reason=_NO_ANSWER)
    n, share = int(line["n"]), float(line[one.measure])
    return Found(share, n, lost=round(n * (1 - share if MEASURES[one.measure].higher_is_better else share)))


def _suites(one: Limit, now: Facts, before: Facts, margin: float) -> Found:
    mine, other = _suite(now, one), _suite(before, one)
    if mine.reason or other.reason:
        return Found(reason=mine.reason or other.reason)
    for part in ("settings", "rows"):
        parts = [facts.suites.loc[one.name].get(part) for facts in (now, before) if not isinstance(facts.suites, str)]
        if parts[0] != parts[1] and not any(pd.isna(told) for told in parts):
            return Found(
                reason=f"it has other {part} than the suite of the reference; run `workbench stress` on both runs again"
            )
    p = more_often(mine.lost or 0, mine.n, other.lost or 0, other.n, margin)
    return Found(mine.value, mine.n, p, other.value)


def _latency(now: Facts, limit: float) -> Found:
    if isinstance(now.latency, str):
        return Found(reason=now.latency)
    n, slow = len(now.latency), int((now.latency > limit).sum())
    return Found(float(np.quantile(now.latency, 1 - _SLOW)), n, float(binomial_greater(slow, n, _SLOW)))


def _slower(now: Facts, before: Facts, margin: float) -> Found:
    """Test medians by sign: were one as fast as the other, each would be the slower one on half of the rows."""
    if isinstance(now.latency, str) or isinstance(before.latency, str):
        return Found(reason=str(now.latency if isinstance(now.latency, str) else before.latency))
    n, slower = len(now.latency), int((now.latency > before.latency + margin).sum())
    p = float(binomial_greater(slower, n, 0.5))
    return Found(float(np.median(now.latency)), n, p, float(np.median(before.latency)))


def _audit(audit: Audit | str, limit: float) -> Found:
    """Bet on every draw that more labels are wrong than allowed: 1 / p is what the stake has become (Ville 1939)."""
    if isinstance(audit, str):
        return Found(reason=audit)
    least = max(limit, 1e-9)
    won = log_wealth(audit.largest - audit.losses, audit.largest - least, audit.largest)
    return Found(audit.bound, len(audit.losses), math.exp(-max(0.0, float(won[-1]))))
