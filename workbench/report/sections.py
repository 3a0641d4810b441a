"""A report in words, in the order in which it is read: one sentence, what changed, what may go wrong, what to do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from workbench.report.appendix import TERMS, appendix_of, masked_in_words
from workbench.report.blocks import (
    Action,
    Actions,
    Bar,
    Bars,
    Block,
    Document,
    Dot,
    Dots,
    Quote,
    Section,
    Steps,
    Table,
    points,
    text,
)
from workbench.report.facts import (
    Audits,
    Change,
    Changes,
    Coverage,
    Drift,
    Example,
    FailureLine,
    Failures,
    Gate,
    Missing,
    OutcomeLine,
    Outcomes,
    Report,
    Share,
    Step,
    Suites,
    Voted,
)
from workbench.report.figures import counted, day, percent, points_moved, thousandth
from workbench.report.front import front, joined, missing

_FUNCTIONS: Final = 8  # drawn as bars; the appendix has all
_SUITES: Final = 6
_LINES: Final = 7  # failures; the appendix has all
_NAMED: Final = 3
_SAID: Final = 5  # sentences of a list


def document_of(report: Report) -> Document:
    """Return a report as titles, paragraphs, tables and charts."""
    told = report.answering
    parts: Sequence[tuple[str, str, Any, Callable[[Any], list[Block]]]] = (
        ("changes", "What changed", report.changes, _changes),
        ("failures", "What must not happen", report.failures, _failures),
        ("coverage", "Coverage and conflict", report.coverage, _coverage),
        ("suites", "Stress suites", report.suites, _suites),
        ("gate", "Gate", report.gate, _gate),
        ("drift", "Drift", report.drift, _drift),
        ("audits", "Audits", report.audits, _audits),
        ("outcomes", "Outcomes", report.outcomes, _outcomes),
    )
    sections = [
        Section(anchor, title, (missing(facts),) if isinstance(facts, Missing) else tuple(words(facts)))
        for anchor, title, facts, words in parts
    ]
    which = "the reference run" if told.reference else "run"
    kind = f"Weekly report {report.label}" if report.weekly else "Report"
    return Document(
        title=report.task,
        subtitle=f"{kind} on {which} {told.run} of {day(told.finished)}",
        sections=(
            Section("answer", "", front(report)),
            *sections,
            Section("next", _to_do(report.steps), _next(report.steps)),
        ),
        appendix=appendix_of(report),
        terms=TERMS,
        foot=(*masked_in_words(report.masked), f"Made by workbench {report.version} from the files of run {told.run}."),
    )


def _some(names: Sequence[str], most: int = _NAMED) -> str:
    return joined(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most:,} more"


def _changes(found: Changes) -> list[Block]:
    blocks: list[Block] = []
    if found.scores:
        last = found.scores[-1]
        now = f"right on {percent(last.after)} of {last.n:,} {last.split} rows, before on {percent(last.before)}"
        blocks.append(text(f"The {last.model} is {now}: {_verdict(last)}."))
        lines = [
            (one.model, percent(one.before), percent(one.after), points_moved(one.after - one.before), _ends(one))
            for one in found.scores
        ]
        caption = f"Right answers on {last.split} rows; change in points, with its 95 % interval"
        blocks.append(Table(caption, ("Model", "before", "now", "change", "interval"), tuple(lines), frozenset({1, 2, 3, 4})))
    said = [f"Functions {state}: {_some(names)}." for state, names in found.functions.items()]
    said += [f"Rows: {', '.join(f'{n:,} {change}' for change, n in found.rows.items())}."] if found.rows else []
    if found.settings:
        said.append(f"Settings changed: {_some([name for name, _, _ in found.settings])}.")
    if found.common:
        said.append(_flipped(found))
    blocks += [points(said)] if said else []
    blocks += _quotes(found.examples)
    return [*blocks, text(f"Compared with run {found.before} of {day(found.finished)}, {found.which}.", kind="note")]


def _verdict(one: Change) -> str:
    if one.low > 0:
        return "it became better"
    return "it became worse" if one.high < 0 else "the difference may be chance"


def _ends(one: Change) -> str:
    return f"{points_moved(one.low)} to {points_moved(one.high)}"


def _flipped(found: Changes) -> str:
    if not found.flipped:
        return f"None of {found.common:,} labels flipped."
    reasons = ", ".join(f"{what} ({n:,})" for what, n in found.because.items())
    why = f" In train and valid because {reasons}." if reasons else ""
    most = "; ".join(f"{before} → {after} {n:,}" for before, after, n in found.moves[:_NAMED])
    return f"{found.flipped:,} of {found.common:,} labels flipped; most: {most}.{why}"


def _quotes(examples: Sequence[Example]) -> list[Block]:
    return [Quote(one.text, f"{one.row}: {one.why}") for one in examples]


def _failures(found: Failures) -> list[Block]:
    if not found.plan:
        return _feared_failures(found)
    over = sum(one.verdict == "over" for one in found.lines)
    said = f"{counted(over, 'failure is', 'failures are')}" if over else "No failure is shown to be"
    rows = [(_owned(one), one.severity, thousandth(one.tolerated), _measured(one), one.verdict_in_words) for one in found.lines]
    columns = ("Failure", "severity", "tolerated", "found", "verdict")
    table = _first("Failures, as labels in 1,000", columns, rows, frozenset({2, 3}))
    return [text(f"{said} over what is tolerated, by audit {found.plan}."), *table]


def _feared_failures(found: Failures) -> list[Block]:
    said = (
        "No audit has measured these yet. The table says how many of 1,000 labels are tolerated, how many could be the "
        f"failure, and how many likely are it by the label model's own doubts ({found.labels:,} labels)."
    )
    rows = [
        (_owned(one), one.severity, thousandth(one.tolerated), _could(one, found.labels), _feared(one), one.verdict_in_words)
        for one in found.lines
    ]
    columns = ("Failure", "severity", "tolerated", "could be", "likely are", "verdict")
    return [text(said), *_first("Failures, as labels in 1,000", columns, rows, frozenset({2, 3, 4}))]


def _first(caption: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], numbers: frozenset[int]) -> list[Block]:
    """Return a table of the first rows, and where the others are."""
    more = len(rows) - _LINES
    table = Table(caption, columns, tuple(rows[:_LINES]), numbers)
    return [table, *([text(f"{more:,} more, of lesser weight, are in the appendix.", kind="note")] if more > 0 else [])]


def _owned(one: FailureLine) -> str:
    return f"{one.name} ({one.owner})"


def _could(one: FailureLine, labels: int) -> str:
    return "unknown" if one.candidates is None or not labels else thousandth(one.candidates / labels)


def _feared(one: FailureLine) -> str:
    return "unknown" if one.expected is None else thousandth(one.expected)


def _measured(one: FailureLine) -> str:
    if one.estimate is None or one.low is None or one.high is None:
        return "not measured"
    return f"{thousandth(one.estimate)} ({thousandth(one.low)} to {thousandth(one.high)})"


def _coverage(found: Coverage) -> list[Block]:
    whole = found.whole
    said = (
        f"The functions vote on {percent(whole.covered)} of {whole.n:,} rows, and contradict each other on "
        f"{percent(whole.conflict)}."
    )
    if found.classes:
        least = min(found.classes, key=lambda one: one.covered)
        most = max(found.classes, key=lambda one: one.conflict)
        said += (
            f" Fewest votes go to rows of {least.name} ({percent(least.covered, 0)} have one); most disputed are those of "
            f"{most.name} ({percent(most.conflict, 0)})."
        )
    shown = found.functions[:_FUNCTIONS]
    more = f"; the {len(shown)} widest of {len(found.functions)}" if len(found.functions) > len(shown) else ""
    parts = ("have a vote", "contradicted")
    blocks: list[Block] = [text(said)]
    if found.classes:
        blocks.append(Bars(f"Rows of each class, {found.told_by}", parts, tuple(map(_bar, found.classes))))
    return [*blocks, Bars(f"Rows that each function votes on{more}", ("votes", "contradicted"), tuple(map(_bar, shown)))]


def _bar(one: Voted) -> Bar:
    return Bar(one.name, one.covered, one.conflict, f"{percent(one.covered, 0)}, {percent(one.conflict, 0)} contradicted")


def _suites(found: Suites) -> list[Block]:
    scored = [one for one in found.lines if one.right is not None]
    lower = [one for one in scored if one.usual is not None and one.right is not None and one.right.high < one.usual]
    some = f"; {counted(len(scored), 'of them tells', 'of them tell')} how often it is right"
    every = counted(len(found.lines) + len(found.skipped), "stress suite")
    said = f"Of {every}, {len(lower):,} make the end model clearly worse than usual{some}."
    dangerous = max(found.lines, key=lambda one: one.wrong_confident or 0, default=None)
    if dangerous is not None and dangerous.wrong_confident:
        usual = (
            f" (usually {thousandth(dangerous.wrong_confident_usual)})" if dangerous.wrong_confident_usual is not None else ""
        )
        said += (
            f" The dangerous number, answered and wrong, is highest in {dangerous.name}: "
            f"{thousandth(dangerous.wrong_confident)} in 1,000 of its {counted(dangerous.n, 'row')}{usual}."
        )
    dots = tuple(
        Dot(one.name, one.right.value, one.right.low, one.right.high, one.usual, _dot_said(one.right, one.usual))
        for one in scored[:_SUITES]
        if one.right is not None
    )
    blocks: list[Block] = [text(said)]
    if dots:
        more = f"; the {len(dots)} worst of {len(scored)}" if len(scored) > len(dots) else ""
        caption = f"Right answers on {found.split} rows{more}"
        blocks.append(Dots(caption, ("in the suite, with its interval", "usually"), dots))
    if found.promise:
        blocks.append(text(found.promise, kind="note"))
    if found.skipped:
        blocks.append(text(f"Not run: {_some([f'{name} ({why})' for name, why in found.skipped])}.", kind="note"))
    return [*blocks, *_quotes(found.examples)]


def _dot_said(right: Share, usual: float | None) -> str:
    ends = f"{percent(right.value, 0)} ({100 * right.low:.0f} to {percent(right.high, 0)})"
    return f"{ends}{'' if usual is None else f', usually {percent(usual, 0)}'}"


def _gate(found: Gate) -> list[Block]:
    failed = [one for one in found.lines if one.failed]
    without = sum(not one.checked and not one.failed for one in found.lines)
    against = f" against run {found.against}" if found.against else ""
    verdict = "Passed" if found.passed else "Failed"
    said = f"{verdict}{against}: {len(failed) or 'none'} of {counted(len(found.lines), 'check')} failed"
    said += f", {without:,} had no data." if without else "."
    blocks: list[Block] = [text(one) for one in (said, *found.stale)]
    return [*blocks, *([points([one.said for one in failed[:_SAID]])] if failed else [])]


def _drift(found: Drift) -> list[Block]:
    said = (
        f"In the newest batch, {counted(found.rows, 'row')} looked at on {day(found.finished)}, {len(found.drifted):,} of "
        f"{counted(found.checks, 'check')} against run {found.run} drifted."
    )
    blocks: list[Block] = [text(said)]
    blocks += [points(found.drifted[:_SAID])] if found.drifted else []
    if found.new_terms and not any(found.new_terms[0][0] in one for one in found.drifted):
        terms = ", ".join(f"“{term}” in {counted(rows, 'row')}" for term, rows in found.new_terms[:_SAID])
        blocks.append(text(f"New words: {terms}.", kind="note"))
    if len(found.series) > 1:
        blocks.append(Steps("Checks that drifted, by batch", found.series))
    return blocks


def _audits(found: Audits) -> list[Block]:
    left = found.rows - found.answered
    said = f"Of {counted(found.rows, 'row')} that audit {found.plan} drew from the labels of run {found.run}, "
    said += f"{found.answered:,} are answered and {left:,} are open." if left else "all are answered."
    return [text(said), points(found.said), *([points(found.weekly)] if found.weekly else [])]


def _outcomes(found: Outcomes) -> list[Block]:
    begin, end = day(found.begin), day(found.end)
    when = f"On {begin}" if begin == end else f"From {begin} to {end}"
    said = (
        f"{when} the system answered {percent(found.deflection)} of the logged rows by itself; of {counted(found.rows, 'row')} "
        "it is known what became of them."
    )
    if found.wrong is not None:
        ends = f"{percent(found.wrong.low)} to {percent(found.wrong.high)}"
        said += f" Of {found.wrong.n:,} answers drawn by chance people found {percent(found.wrong.value)} wrong ({ends})."
    rows = [
        (one.name, _outcome(one.answered, one), _outcome(one.deferred, one), "yes" if one.differs else "not shown")
        for one in found.lines
    ]
    columns = ("Outcome", "rows answered", "rows left to people", "differ")
    decided = [text(found.decided, kind="note")] if found.decided else []
    return [text(said), *decided, Table("What became of rows, with 95 % intervals", columns, tuple(rows), frozenset({1, 2}))]


def _outcome(figures: tuple[float, float, float, int] | None, line: OutcomeLine) -> str:
    if figures is None:
        return "not known"
    value, low, high = (percent(one) if line.is_share else f"{one:.2f}" for one in figures[:3])
    return f"{value} ({low} to {high})"


def _to_do(steps: Sequence[Step]) -> str:
    numbers = ("Nothing", "One thing", "Two things", "Three things", "Four things", "Five things")
    return f"{numbers[len(steps)]} to do next"


def _next(steps: Sequence[Step]) -> tuple[Block, ...]:
    if not steps:
        return (text("No gap, conflict, failed check or missing promise was found that is worth a step."),)
    items = tuple(Action(one.title, _worth(one), one.basis, one.do) for one in steps)
    said = (
        "The largest expected gain first, what takes thousands of labels last, all in one unit: rows in 1,000. Gains overlap, "
        "so they do not add up."
    )
    return (text(said, kind="note"), Actions(items))


def _worth(step: Step) -> str:
    if step.gain is None:
        return f"gain not known: {step.what}"
    return f"about {thousandth(step.gain / 1000)} rows in 1,000 {step.what}"
