"""The gate: all checks of a run, what each p is held against, and the verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from workbench.gate.checks import AGAINST, Check, absolute_checks, against_checks
from workbench.gate.facts import Facts
from workbench.gate.limits import MEASURES, Limit
from workbench.stats.paired import holm, worst_drop
from workbench.stats.words import p_in_words

#: Of the primary test, and of all others together: a gate fails by chance in at most twice as many of runs that are as good.
ALPHA: Final = 0.025


def gate(limits: Sequence[Limit], now: Facts, before: Facts | None = None, alpha: float = ALPHA) -> list[dict[str, Any]]:
    """Return one record a check, the primary one first.

    {name, kind, primary, value, reference, limit, better, beyond, n, p, alpha, passed, required, said}. before: the reference;
    without it the primary test is the limit on overall accuracy, if there is one. A check fails, passed is False, where p is
    at or below its alpha; it is None where there are no data, and where an audit neither keeps its limit nor breaks it.
    better: `higher` or `lower`. beyond: whether the value is worse than the limit, by chance or not. required: whether None
    fails the gate.
    """
    checks = [*([] if before is None else against_checks(limits, now, before)), *absolute_checks(limits, now, before is None)]
    checks.sort(key=lambda one: not one.primary)
    tested = [one for one in checks if one.found.p is not None]
    others = holm([one.found.p or 0.0 for one in tested if not one.primary], alpha).tolist()
    levels = iter([*(alpha for one in tested if one.primary), *others])
    return [_record(one, None if one.found.p is None else next(levels)) for one in checks]


def passed(checks: Sequence[dict[str, Any]]) -> bool:
    """Return whether no check fails, nor lacks data that are required."""
    return not any(one["passed"] is False or (one["passed"] is None and one["required"]) for one in checks)


def _record(check: Check, alpha: float | None) -> dict[str, Any]:
    found, verdict = check.found, _verdict(check, alpha)
    return {
        "name": check.of.key,
        "kind": check.kind,
        "primary": check.primary,
        "value": found.value,
        "reference": found.reference,
        "limit": check.limit,
        "better": "higher" if MEASURES[check.of.measure].higher_is_better else "lower",
        "beyond": check.beyond,
        "n": found.n,
        "p": found.p,
        "alpha": alpha,
        "passed": verdict,
        "required": check.required,
        "said": _said(check, verdict),
    }


def _verdict(check: Check, alpha: float | None) -> bool | None:
    if check.found.p is None or alpha is None:
        return None
    if check.found.p <= alpha:
        return False
    return None if check.of.measure == "audit" and check.beyond else True


def _said(check: Check, verdict: bool | None) -> str:
    """Return the check in one sentence."""
    found, measure = check.found, check.of.measure
    if found.p is None:
        needed = ", and it is required" if check.required else ""
        return f"{check.of.key} is not checked{needed}: {found.reason}."
    if measure == "audit":
        return _audit_said(check, verdict)
    where = f"{check.of.key} is {_figure(measure, found.value)} {_rows(measure, found.n)}"
    if check.kind == AGAINST:
        return f"{where}, {_figure(measure, found.reference)} {_reference(check)}: {_compared(check, verdict)}."
    asked = f"at {'least' if MEASURES[measure].higher_is_better else 'most'} {_figure(measure, check.limit)} is asked"
    if verdict is False:
        return f"{where}, and {asked}: the limit is broken, p {p_in_words(found.p or 0.0)}."
    return (
        f"{where}, and {asked}: that may be chance, p {p_in_words(found.p or 0.0)}."
        if check.beyond
        else f"{where}, and {asked}."
    )


def _rows(measure: str, n: int) -> str:
    return f"{'among the surest' if measure == 'risk_at_coverage' else 'on'} {n:,} rows"


def _reference(check: Check) -> str:
    matched = check.of.measure == "wrong_confident" and check.of.group != "suites"
    return "if the reference answered as many, its surest" if matched else "with the reference"


def _compared(check: Check, verdict: bool | None) -> str:
    found = check.found
    slack = f" by more than {_figure(check.of.measure, check.margin)}" if check.margin else ""
    said = f"p {p_in_words(found.p or 0.0)}"
    if found.lost is not None:
        said = f"{found.lost:,} rows got worse and {found.won:,} better, {said}"
    if verdict is False:
        return f"worse{slack}; {said}"
    most = ""
    if check.primary:
        drop = worst_drop(found.lost or 0, found.won or 0, found.n)
        most = f", and {f'at most {drop:.3f} worse' if drop > 0 else f'at least {-drop:.3f} better'}, 97.5 % sure"
    return f"not shown to be worse{slack}{most}; {said}"


def _audit_said(check: Check, verdict: bool | None) -> str:
    found = check.found
    said = (
        f"audit: at most {found.value:.3f} of the labels are wrong, as {found.n:,} draws promise; {check.limit:.3f} is allowed"
    )
    if verdict is False:
        return f"{said}, and more than that are wrong, p {p_in_words(found.p or 0.0)}."
    needed = ", and a promise is required" if check.of.required else ""
    return f"{said}." if verdict else f"{said}, which is neither promised yet nor shown to be broken{needed}; audit more rows."


def _figure(measure: str, value: float | None) -> str:
    return f"{value or 0.0:,.1f} ms" if measure == "latency_ms" else f"{value or 0.0:.3f}"
