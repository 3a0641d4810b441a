"""The front of a report: what answers now and how often it is wrong, and whether another run may take its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workbench.report.blocks import Block, Code, Text, text
from workbench.report.facts import Answering, Missing, Promise, Report, Share
from workbench.report.figures import day, magnitude, percent, thousandth

_CLASSES: Final = 6  # named in the first sentence


def missing(found: Missing) -> Text:
    """Return why there is nothing to tell, with the command that fills it."""
    return text(f"{found.why} ", Code(found.command), kind="missing")


def joined(names: Sequence[str]) -> str:
    """Return names as they stand in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def front(report: Report) -> tuple[Block, ...]:
    """Return what answers now, then the run that is told of where that is another one, and what the gate said of it."""
    told, now = report.answering, report.now
    first = told if now is None else now
    promise, wrong = first.promise, first.wrong
    blocks: list[Block] = [text(_lead(first), kind="lead")]
    blocks += [] if now is None else [text(f"That is what answers now: the reference, run {now.run}.")]
    blocks += [missing(wrong)] if isinstance(wrong, Missing) else []
    blocks.append(
        missing(promise) if isinstance(promise, Missing) else text(_promised(promise, wrong, first.split), kind="note")
    )
    if now is not None:
        blocks.append(text(_candidate(told)))
    return (*blocks, text(*_gated(report)))


def _lead(told: Answering) -> str:
    classes = joined(told.labels) if len(told.labels) <= _CLASSES else f"{len(told.labels):,} classes"
    when = f"run of {day(told.finished)}"
    promise, wrong = told.promise, told.wrong
    if isinstance(promise, Promise) and promise.answered > 0:
        return (
            f"Of 1,000 new rows the system sorts about {thousandth(promise.answered)} into {classes} by itself and leaves "
            f"{thousandth(1 - promise.answered)} to people; at most {thousandth(promise.risk)} in 1,000 of its answers are "
            f"wrong, {percent(promise.confidence, 0)} sure, as measured on {promise.measured} ({when})."
        )
    if isinstance(wrong, Missing):
        return f"The system sorts rows into {classes}; how often it is wrong is not known."
    return _often(classes, wrong, told.split, when, promise)


def _candidate(told: Answering) -> str:
    """Say how a run that is not the reference would answer."""
    wrong, promise = told.wrong, told.promise
    said = f"The rest tells of a candidate, run {told.run} of {day(told.finished)}. "
    if isinstance(wrong, Missing):
        said += "How often it is wrong is not known"
    else:
        ends = f"{thousandth(wrong.low)} to {thousandth(wrong.high)}; {wrong.n:,} {told.split} rows"
        said += f"Left to itself it would give about {thousandth(wrong.value)} of 1,000 rows the wrong class ({ends})"
    if isinstance(promise, Missing) or not promise.answered:
        return f"{said}, and as nothing can be promised it would answer no row."
    return f"{said}; it would answer about {thousandth(promise.answered)} of 1,000 by itself."


def _gated(report: Report) -> list[str | Code]:
    """Say whether the run passed the gate, and so whether it may become the reference."""
    found, reference = report.gate, report.answering.reference
    if isinstance(found, Missing):
        return ["This run was not held against the gate yet: ", Code(found.command)]
    since = "".join(f" {one}" for one in found.stale)
    if found.passed:
        return [f"This run passed the gate on {day(found.finished)}.{since}"]
    return [f"This run failed the gate on {day(found.finished)}{'.' if reference else ': do not promote it.'}{since}"]


def _often(classes: str, wrong: Share, split: str, when: str, promise: Promise | Missing) -> str:
    ends = f"{thousandth(wrong.low)} to {thousandth(wrong.high)}; {wrong.n:,} {split} rows, {when}"
    often = f"about {thousandth(wrong.value)} of 1,000 rows"
    if isinstance(promise, Missing):
        return f"The system sorts rows into {classes}, {often} wrongly ({ends}), and nothing is promised."
    return (
        f"Left to itself, the system would give {often} the wrong class out of {classes} ({ends}); a promise of at most "
        f"{thousandth(promise.risk)} is not possible yet, so every row still needs a person."
    )


def _promised(promise: Promise, wrong: Share | Missing, split: str) -> str:
    if promise.answered == 0:
        hope = (
            "how many more labelled rows that takes cannot be said"
            if promise.more is None
            else f"{magnitude(promise.more)} labelled rows more may be enough"
        )
        return f"The promise was looked for on {promise.measured}; {hope}."
    said = "The promise holds for rows like those it was measured on."
    if not isinstance(wrong, Missing):
        said += (
            f" Were it to answer every row, about {thousandth(wrong.value)} in 1,000 would be wrong "
            f"({thousandth(wrong.low)} to {thousandth(wrong.high)}; {wrong.n:,} {split} rows)."
        )
    if promise.later is not None:
        said += (
            f" Of the {promise.later.n:,} test rows that it is sure enough of, {percent(promise.later.value)} are wrong "
            f"({percent(promise.later.low)} to {percent(promise.later.high)})."
        )
    return said
