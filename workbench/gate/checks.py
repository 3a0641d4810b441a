"""One check a limit, with its one-sided p: how surprising what was found would be if the limit were kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.gate.facts import Audit, Facts, bad_rows, surest
from workbench.gate.limits import MEASURES, OF_ROWS, Limit
from workbench.io.names import did_you_mean, listed
from workbench.stats import binomial_greater, log_wealth
from workbench.stats.calibration import calibration_gaps, expected_error, miscalibrated, worse_calibrated
from workbench.stats.paired import more_often, worse_than
from workbench.tables import WorkbenchError

ABSOLUTE: Final = "absolute"
AGAINST: Final = "against"
FEWEST: Final = 50  # rows that both runs answered
_COMPARED: Final = ("accuracy", "coverage", "conflict", "wrong_confident", "risk_at_coverage", "ece")  # unless told otherwise
_SLOW: Final = 0.05


@dataclass(frozen=True)
class Check:
    """A measure held against a limit, or against the reference.

    limit: the value that it is held against; for `against` the one of the reference, less or more what it may be worse. p is
    None, and reason says why, where there are no data. lost, won: rows that only this run, and only the reference, has bad.
    """

    of: Limit
    kind: str
    primary: bool = False
    value: float | None = None
    reference: float | None = None
    limit: float | None = None
    n: int = 0
    p: float | None = None
    reason: str = ""
    lost: int = 0
    won: int = 0

    @property
    def paired(self) -> bool:
        return (
            self.kind == AGAINST
            and self.of.group != "suites"
            and (self.of.measure in OF_ROWS or self.of.measure == "risk_at_coverage")
        )


def absolute_checks(limits: Iterable[Limit], now: Facts) -> Iterator[Check]:
    """Yield a check for every limit that is a number."""
    for one in limits:
        if one.absolute is not None:
            yield replace(_absolute(Check(one, ABSOLUTE, limit=one.absolute), now), limit=one.absolute)


def against_checks(limits: Iterable[Limit], now: Facts, before: Facts) -> Iterator[Check]:
    """Yield a check for every measure that is held against the reference, on the rows that both answered; accuracy is first.

    Those of `_COMPARED`, accuracy of every slice of 50 rows or more, every suite that both ran, and whatever has a `worse_by`.
    """
    ids = now.rows.index.intersection(before.rows.index, sort=False)
    if len(ids) < FEWEST:
        raise WorkbenchError(
            f"the two runs answered {len(ids):,} rows both, and a comparison takes {FEWEST}; run again, or name another run"
        )
    wanted = {one.key: one for one in limits}
    usual = [*(Limit(measure) for measure in _COMPARED), *_slices_of(now.on(ids)), *_suites_of(now, before)]
    compared = {one.key: wanted.get(one.key, one) for one in usual}
    compared |= {one.key: one for one in wanted.values() if one.worse_by is not None}
    for one in compared.values():
        margin = MEASURES[one.measure].worse_by if one.worse_by is None else one.worse_by
        found = _against(Check(one, AGAINST, primary=one.key == "accuracy"), now.on(ids), before.on(ids), margin)
        if found.reference is not None:
            side = -margin if MEASURES[one.measure].higher_is_better else margin
            found = replace(found, limit=found.reference + side)
        yield found


def _slices_of(now: Facts) -> list[Limit]:
    known = now.rows["right"].notna().to_numpy()
    sizes = now.slices[known].sum()
    return [Limit("accuracy", "slices", str(name)) for name in sizes.index[sizes >= FEWEST]]


def _suites_of(now: Facts, before: Facts) -> list[Limit]:
    if isinstance(now.suites, str) or isinstance(before.suites, str):
        return []
    both = now.suites.loc[now.suites.index.isin(before.suites.index)]
    measures = {str(name): "wrong_confident" if pd.isna(line["accuracy"]) else "accuracy" for name, line in both.iterrows()}
    return [Limit(measure, "suites", name) for name, measure in measures.items()]


def _absolute(check: Check, now: Facts) -> Check:
    one, limit = check.of, float(check.limit or 0)
    if one.measure == "audit":
        return _audit(check, now.audit, limit)
    if one.measure == "latency_ms":
        return _latency(check, now, limit)
    if one.group == "suites":
        bad, n, reason = _suite(now, one)
    else:
        rows = _rows_of(now, one)
        if one.measure == "ece":
            return _calibration(check, rows, limit)
        if one.measure == "risk_at_coverage":
            rows = _at_coverage(rows, one)
            rows, reason = rows[rows["answered"]], "no row has gold"
        marks = bad_rows(rows, "accuracy" if one.measure == "risk_at_coverage" else one.measure)
        bad, n, reason = int(marks.sum()), len(marks), _no_rows(one)
    if not n:
        return replace(check, reason=reason)
    allowed = 1 - limit if MEASURES[one.measure].higher_is_better else limit
    p = float(binomial_greater(bad, n, min(max(allowed, 0.0), 1.0)))
    return replace(check, value=_value(one, bad, n), n=n, p=p)


def _against(check: Check, now: Facts, before: Facts, margin: float) -> Check:
    one = check.of
    if one.measure == "latency_ms":
        return _slower(check, now, before, margin)
    if one.group == "suites":
        return _suites(check, now, before, margin)
    rows, others = _rows_of(now, one), _rows_of(before, one)
    if one.measure == "ece":
        return _calibrations(check, rows, others, margin)
    n_all, share = None, margin
    if one.measure == "risk_at_coverage":
        rows, others = _at_coverage(rows, one), _at_coverage(others, one)
        n_all, share = int(rows["answered"].sum()), margin * rows["answered"].mean() if len(rows) else margin
    elif one.measure == "wrong_confident":
        rows = rows[rows["right"].notna()]
        others = surest(others, int(rows["answered"].sum()))  # as many as this run answers
    measure = "wrong_confident" if one.measure == "risk_at_coverage" else one.measure
    bad, worse = bad_rows(rows, measure), bad_rows(others, measure)
    both = bad.index.intersection(worse.index, sort=False)
    bad, worse, n = bad[both], worse[both], len(both)
    if not n:
        return replace(check, reason=_no_rows(one))
    lost, won = int((bad & ~worse).sum()), int((worse & ~bad).sum())
    p = worse_than(lost, won, n, share)
    values = [_value(one, int(marks.sum()), n_all or n) for marks in (bad, worse)]
    return replace(check, value=values[0], reference=values[1], n=n_all or n, p=p, lost=lost, won=won)


def _value(one: Limit, bad: int, n: int) -> float:
    return 1 - bad / n if MEASURES[one.measure].higher_is_better else bad / n


def _no_rows(one: Limit) -> str:
    return (
        "no such row" if one.group else "no row has gold" if one.measure not in ("coverage", "conflict") else "no row has votes"
    )


def _rows_of(facts: Facts, one: Limit) -> pd.DataFrame:
    if not one.group:
        return facts.rows
    if one.name not in facts.slices.columns:
        names = [str(name) for name in facts.slices.columns]
        hint = did_you_mean(one.name, names) or f"; there are {listed(names, 40) or 'none'}"
        raise WorkbenchError(f"[gate] has the limit {one.key}, and there is no slice {one.name!r}{hint}")
    return facts.rows[facts.slices[one.name].to_numpy(bool)]


def _at_coverage(rows: pd.DataFrame, one: Limit) -> pd.DataFrame:
    return surest(rows, math.ceil(one.coverage * int(rows["right"].notna().sum())))


def _gaps(rows: pd.DataFrame) -> Any:
    known = rows[rows["right"].notna()]
    return calibration_gaps(known["confidence"], known["right"])


def _calibration(check: Check, rows: pd.DataFrame, limit: float) -> Check:
    gaps = _gaps(rows)
    if len(gaps) < FEWEST:
        return replace(check, n=len(gaps), reason=f"calibration takes {FEWEST} rows with gold")
    return replace(check, value=expected_error(gaps), n=len(gaps), p=miscalibrated(gaps, limit))


def _calibrations(check: Check, rows: pd.DataFrame, others: pd.DataFrame, margin: float) -> Check:
    gaps, other = _gaps(rows), _gaps(others)
    if len(gaps) < FEWEST:
        return replace(check, n=len(gaps), reason=f"calibration takes {FEWEST} rows with gold")
    p = worse_calibrated(gaps, other, margin)
    return replace(check, value=expected_error(gaps), reference=expected_error(other), n=len(gaps), p=p)


def _suite(facts: Facts, one: Limit) -> tuple[int, int, str]:
    """Return how many rows of a suite are bad, of how many, and why there is none."""
    if isinstance(facts.suites, str):
        return 0, 0, facts.suites
    if one.name not in facts.suites.index:
        names = [str(name) for name in facts.suites.index]
        return 0, 0, f"there is no such suite{did_you_mean(one.name, names) or f'; there are {listed(names, 20)}'}"
    line = facts.suites.loc[one.name]
    if pd.isna(line[one.measure]) or not line["n"]:
        return 0, 0, "the suite does not measure it"
    n = int(line["n"])
    share = float(line[one.measure])
    return round(n * (1 - share if MEASURES[one.measure].higher_is_better else share)), n, ""


def _suites(check: Check, now: Facts, before: Facts, margin: float) -> Check:
    one = check.of
    (bad, n, reason), (worse, m, other) = _suite(now, one), _suite(before, one)
    if not n or not m:
        return replace(check, reason=reason or f"the reference: {other}")
    if one.measure == "wrong_confident" and before.suites.loc[one.name, "answered"] == 0:  # type: ignore[union-attr]
        return replace(check, value=_value(one, bad, n), n=n, reason="the reference answers no row of it")
    return replace(
        check, value=_value(one, bad, n), reference=_value(one, worse, m), n=n, p=more_often(bad, n, worse, m, margin)
    )


def _latency(check: Check, now: Facts, limit: float) -> Check:
    if isinstance(now.latency, str):
        return replace(check, reason=now.latency)
    n, slow = len(now.latency), int((now.latency > limit).sum())
    value = float(np.quantile(now.latency, 1 - _SLOW))
    return replace(check, value=value, n=n, p=float(binomial_greater(slow, n, _SLOW)))


def _slower(check: Check, now: Facts, before: Facts, margin: float) -> Check:
    """Toss a coin a row: where both are as fast, each is the slower one of half of them (sign test)."""
    for facts in (now, before):
        if isinstance(facts.latency, str):
            return replace(check, reason=facts.latency)
    mine, other = np.asarray(now.latency), np.asarray(before.latency)
    n, slower = len(mine), int((mine > other + margin).sum())
    middle = [float(np.median(each)) for each in (mine, other)]
    return replace(check, value=middle[0], reference=middle[1], n=n, p=float(binomial_greater(slower, n, 0.5)))


def _audit(check: Check, audit: Audit | str, limit: float) -> Check:
    """Bet that more labels are wrong than allowed; p is the inverse of the most that was won (Ville 1939), at any look."""
    if isinstance(audit, str):
        return replace(check, reason=audit)
    p = 1.0
    if len(audit.losses) and limit < 1:
        floor = max(limit, 1e-9)
        p = math.exp(-max(0.0, float(log_wealth(audit.largest - audit.losses, audit.largest - floor, audit.largest).max())))
    return replace(check, value=audit.bound, n=len(audit.losses), p=p)
