"""The back of a report: what an engineer audits, what the words mean, and what was redacted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.report.blocks import Block, Section, Table, points, text
from workbench.report.facts import Changes, Failures, FunctionLine, Gate, Missing, Outcomes, Report, Share, Suites
from workbench.report.figures import percent, thousandth

TERMS: Final = (
    ("row", "one thing to be sorted, such as a ticket"),
    ("class", "what a row is sorted into"),
    ("function", "a rule or a small model that votes for a class of a row, or abstains"),
    ("coverage", "the share of rows on which at least one function votes"),
    ("conflict", "the share of rows on which functions vote for different classes"),
    ("label model", "weighs the votes on each row into a label with a probability"),
    ("end model", "learns from those labels and answers new rows, also where no function votes"),
    ("train, valid, test", "rows that teach, rows by which settings are chosen, and rows that only score"),
    ("gold", "a class that a person has given a row"),
    ("interval", "where the true figure lies, 95 times in 100"),
    ("promise", "the most that may be wrong, kept 95 times in 100 on rows like those it was measured on"),
    ("audit", "rows drawn by chance whose labels a person checks"),
    (
        "suite",
        "rows chosen or changed to look like a bad day; “usually” is of the same rows unchanged, or of all rows",
    ),
    ("gate", "limits that a run is held against before it may answer"),
    ("drift", "new rows that are other than those that the system was made on"),
    ("reference run", "the run that answers now, and that others are held against"),
    ("points", "hundredths: from 80 % to 82 % is 2 points"),
)


def masked_in_words(masked: Mapping[str, int] | None) -> tuple[str, ...]:
    """Say what was redacted of the words that are quoted; None: nothing was, as somebody asked for."""
    where = "Quoted rows are of train, valid or production, never of test."
    if masked is None:
        return ("NOT REDACTED, as asked for: quoted rows may hold personal data and secrets.", where)
    found = ", ".join(f"{kind} {n:,}" for kind, n in masked.items() if n)
    return (f"Personal data and secrets in quoted words are redacted ({found or 'none were found'}).", where)


def appendix_of(report: Report) -> tuple[Section, ...]:
    """Return the sections for engineers; a part that holds nothing is left out."""
    told = report.appendix
    parts: list[tuple[str, str, list[Block]]] = [
        ("run", "Run", [Table("What was run", ("", ""), told.facts, code=True)]),
        ("settings", "Settings that are not default", _settings(told.settings)),
        ("functions", "Functions", _functions(told.functions)),
        ("all-failures", "All failures", _all_failures(report.failures)),
        ("all-changes", "All that changed", _sentences(report.changes, Changes)),
        ("all-suites", "All suites", _all_suites(report.suites)),
        ("all-checks", "All checks of the gate", _all_checks(report.gate)),
        ("all-outcomes", "Outcomes in full", _sentences(report.outcomes, Outcomes)),
        ("notes", "Notes of the run", [points(told.notes)] if told.notes else []),
        ("checksums", "Checksums", [Table("sha256 of the files", ("File", "sha256"), told.checksums, code=True)]),
    ]
    return tuple(Section(anchor, title, tuple(blocks)) for anchor, title, blocks in parts if blocks)


def _settings(settings: tuple[tuple[str, str], ...]) -> list[Block]:
    return [Table("Settings", ("Setting", "Value"), settings)] if settings else [text("All settings are default.")]


def _functions(lines: tuple[FunctionLine, ...]) -> list[Block]:
    rows = tuple(
        (
            one.name, f"{one.votes:,}", percent(one.covered), percent(one.conflict),
            "" if one.learned is None else percent(one.learned, 0), _share(one.gold), _share(one.audited),
        )
        for one in lines
    )  # fmt: skip
    said = (
        "Learned: how often the label model takes it to be right. Gold: right on valid rows with gold. Audited: right on rows "
        "that an audit drew. In brackets the 95 % interval and the rows."
    )
    columns = ("Function", "votes", "coverage", "conflict", "learned", "gold", "audited")
    return [text(said, kind="note"), Table("Functions", columns, rows, frozenset(range(1, 7)), wide=True)] if rows else []


def _share(found: Share | None) -> str:
    if found is None:
        return ""
    return f"{percent(found.value, 0)} ({100 * found.low:.0f}–{100 * found.high:.0f}; {found.n:,})"


def _sentences(found: Changes | Outcomes | Missing, kind: type) -> list[Block]:
    return [points(found.said)] if isinstance(found, kind) and not isinstance(found, Missing) and found.said else []


def _all_failures(found: Failures | Missing) -> list[Block]:
    if isinstance(found, Missing):
        return []
    rows = tuple(
        (
            one.name, one.severity, one.owner, thousandth(one.tolerated),
            "" if one.candidates is None else f"{one.candidates:,}", "" if one.expected is None else thousandth(one.expected),
            "" if one.estimate is None else thousandth(one.estimate), f"{one.n:,}", one.verdict_in_words,
        )
        for one in found.lines
    )  # fmt: skip
    columns = ("Failure", "severity", "owner", "tolerated", "could be", "likely", "found", "n", "verdict")
    said = f"Tolerated, likely and found: of 1,000 labels. Could be: of {found.labels:,}. n: labels that people checked."
    return [text(said, kind="note"), Table("Failures", columns, rows, frozenset({3, 4, 5, 6, 7}), wide=True)]


def _all_suites(found: Suites | Missing) -> list[Block]:
    if isinstance(found, Missing):
        return []
    rows = tuple(
        (
            one.name, f"{one.n:,}", _share(one.right), "" if one.usual is None else percent(one.usual, 0),
            "" if one.wrong_confident is None else thousandth(one.wrong_confident),
            "" if one.wrong_confident_usual is None else thousandth(one.wrong_confident_usual),
        )
        for one in found.lines
    )  # fmt: skip
    columns = ("Suite", "rows", "right", "usually", "answered and wrong, in 1,000", "usually")
    others = [f"{one.name}: {one.said}" for one in found.lines if one.right is None and one.said]
    table = Table("Suites, the largest loss first", columns, rows, frozenset(range(1, 6)), wide=True)
    return [table, *([points(others)] if others else [])]


def _all_checks(found: Gate | Missing) -> list[Block]:
    if isinstance(found, Missing):
        return []
    rows = tuple((one.name, one.verdict, one.said) for one in found.lines)
    return [Table("Checks", ("Check", "Verdict", "In words"), rows)]
