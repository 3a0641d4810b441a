"""The gate: all checks of a run, what each p is held against, and the verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from workbench.gate.checks import AGAINST, Check, absolute_checks, against_checks
from workbench.gate.facts import Facts
from workbench.gate.limits import MEASURES, Limit
from workbench.stats.paired import holm, worst_drop

#: Of the primary test, and of all others together: a gate fails by chance in at most twice as many of runs that are as good.
ALPHA: Final = 0.025


def gate(limits: Sequence[Limit], now: Facts, before: Facts | None = None, alpha: float = ALPHA) -> list[dict[str, Any]]:
    """Return one record a check, the primary one first.

    {name, kind, primary, value, reference, limit, better, n, p, alpha, passed, required, said}. before: the reference; without
    it the primary test is the limit on overall accuracy, if there is one. A check fails, passed is False, where p is at or
    below its alpha; it is None where there are no data, and where an audit neither keeps its limit nor breaks it. required:
    whether None fails the gate. better: `higher` or `lower`.
    """
    checks = [*([] if before is None else against_checks(limits, now, before)), *absolute_checks(limits, now)]
    if before is None:
        checks = [replace(one, primary=one.of.key == "accuracy") for one in checks]
    checks.sort(key=lambda one: not one.primary)
    primary = [one.p for one in checks if one.primary and one.p is not None]
    others = [one.p for one in checks if not one.primary and one.p is not None]
    levels = iter([*(alpha for _ in primary), *holm(others, alpha).tolist()])
    return [_record(one, None if one.p is None else next(levels)) for one in checks]


def passed(checks: Sequence[dict[str, Any]]) -> bool:
    """Return whether no check fails, nor lacks data that are required."""
    return not any(one["passed"] is False or (one["passed"] is None and one["required"]) for one in checks)


def _record(check: Check, alpha: float | None) -> dict[str, Any]:
    verdict = _verdict(check, alpha)
    return {
        "name": check.of.key,
        "kind": check.kind,
        "primary": check.primary,
        "value": check.value,
        "reference": check.reference,
        "limit": check.limit,
        "better": "higher" if MEASURES[check.of.measure].higher_is_better else "lower",
        "n": check.n,
        "p": check.p,
        "alpha": alpha,
        "passed": verdict,
        "required": check.of.required,
        "said": _said(check, verdict),
    }


def _verdict(check: Check, alpha: float | None) -> bool | None:
    if check.p is None or alpha is None:
        return None
    if check.p <= alpha:
        return False
    return None if check.of.measure == "audit" and _beyond(check) else True


def _beyond(check: Check) -> bool:
    """Return whether what was found is worse than the limit, be it by chance."""
    value, limit = check.value or 0.0, check.limit or 0.0
    return value < limit - 1e-12 if MEASURES[check.of.measure].higher_is_better else value > limit + 1e-12


def _said(check: Check, verdict: bool | None) -> str:
    """Return the check in one sentence."""
    if check.p is None:
        needed = ", and it is required" if check.of.required else ""
        return f"{check.of.key} is not checked{needed}: {check.reason}."
    if check.of.measure == "audit":
        return _audit_said(check, verdict)
    where = f"{check.of.key} is {_figure(check, check.value)}{_rows(check)}"
    if check.kind == AGAINST:
        return f"{where}, {_figure(check, check.reference)} {_reference(check)}: {_compared(check, verdict)}."
    asked = f"at {'least' if MEASURES[check.of.measure].higher_is_better else 'most'} {_figure(check, check.limit)}"
    if verdict is False:
        return f"{where}, and {asked} is asked: shown to break the limit, p = {check.p:.2g}."
    if _beyond(check):
        return f"{where}, and {asked} is asked: so many rows may do so by chance, p = {check.p:.2g}."
    return f"{where}, and {asked} is asked."


def _rows(check: Check) -> str:
    what = {"risk_at_coverage": f" among the surest {check.n:,} rows", "latency_ms": f" of {check.n:,} rows"}
    return what.get(check.of.measure, f" on {check.n:,} rows")


def _reference(check: Check) -> str:
    if check.of.measure == "wrong_confident" and check.paired:
        return "if the reference answered as many, its surest"
    return "with the reference"


def _compared(check: Check, verdict: bool | None) -> str:
    allowed = abs((check.limit or 0.0) - (check.reference or 0.0))
    slack = f" by more than {_figure(check, allowed)}" if allowed > 1e-12 else ""
    found = f"p = {check.p:.2g}"
    if check.paired:
        found = f"{check.lost:,} rows got worse, {check.won:,} better, {found}"
    if verdict is False:
        return f"shown to be worse{slack}; {found}"
    most = ""
    if check.primary and check.n:
        drop = worst_drop(check.lost, check.won, check.n)
        most = f", and {f'at most {drop:.3f} worse' if drop > 0 else f'at least {-drop:.3f} better'}, 97.5 % sure"
    return f"not shown to be worse{slack}{most}; {found}"


def _audit_said(check: Check, verdict: bool | None) -> str:
    said = (
        f"audit: at most {check.value:.3f} of the labels are wrong, as {check.n:,} draws promise; {check.limit:.3f} is allowed"
    )
    if verdict is False:
        return f"{said}, and more than that are shown to be wrong, p = {check.p:.2g}."
    needed = ", and a promise is required" if check.of.required else ""
    return (
        f"{said}."
        if verdict
        else f"{said}, which is neither promised yet nor shown to be broken{needed}; go on with the audit."
    )


def _figure(check: Check, value: float | None) -> str:
    shown = 0.0 if value is None else value
    return f"{shown:,.1f} ms" if check.of.measure == "latency_ms" else f"{shown:.3f}"
