"""What a report tells, as figures: frozen tables that know no task, no run and no markup.

A share is 0..1, a time is ISO in UTC, an interval is 95 %. Where a part of the report has nothing to tell, `Missing` stands in
its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Missing:
    """Why there is nothing to tell, and the command that fills it."""

    why: str
    command: str


@dataclass(frozen=True)
class Share:
    """A share of n rows with its interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Example:
    """A row that is quoted: its id, its text, and why it stands here."""

    row: str
    text: str
    why: str


@dataclass(frozen=True)
class Promise:
    """What is promised of the answers: of those given at most `risk` are wrong, `confidence` sure.

    answered: share of rows, 0 where no promise can be made. more: how many more rows with known class would allow one, None
    where too many. measured: on which rows, in words. later: wrong answers among test rows that are sure enough, if any are.
    """

    risk: float
    confidence: float
    answered: float
    more: int | None
    measured: str
    later: Share | None


@dataclass(frozen=True)
class Answering:
    """What the system answers and how often it is wrong.

    run, finished: of the run that is told of; reference: whether it answers in production. model: in words. wrong: if every row
    of the split were answered. rows: of the task.
    """

    run: str
    finished: str
    reference: bool
    labels: tuple[str, ...]
    model: str
    split: str
    rows: int
    wrong: Share | Missing
    promise: Promise | Missing


@dataclass(frozen=True)
class Change:
    """How right a model was before and is now, on the same n rows of a split; low..high: paired interval of the change."""

    model: str
    split: str
    n: int
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True)
class Changes:
    """What is other than in an earlier run; which: why it is that one, in words.

    rows: by kind of change. functions: names by state. settings: name, before, after. flipped of common labels, because: how
    many by reason, in words, moves: before, after, n. said: all of it in sentences, for who audits.
    """

    before: str
    finished: str
    which: str
    scores: tuple[Change, ...]
    rows: Mapping[str, int]
    functions: Mapping[str, tuple[str, ...]]
    settings: tuple[tuple[str, str, str], ...]
    flipped: int
    common: int
    because: Mapping[str, int]
    moves: tuple[tuple[str, str, int], ...]
    examples: tuple[Example, ...]
    said: tuple[str, ...]


@dataclass(frozen=True)
class FailureLine:
    """A failure: what is tolerated, and what was measured, as shares of all labels; estimate is None where nothing was.

    candidates: labels that could be it. expected: the share that is it by the label model's own doubts, None where unknown.
    verdict: `over`, `within` or `cannot tell`.
    """

    name: str
    severity: str
    owner: str
    tolerated: float
    candidates: int | None
    expected: float | None
    n: int
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str

    @property
    def verdict_in_words(self) -> str:
        """What an audit found of it."""
        if self.estimate is None:
            return "not measured"
        return {"over": "too many", "within": "within", "cannot tell": "cannot tell yet"}[self.verdict]


@dataclass(frozen=True)
class Failures:
    """The failures, the worst first; labels: how many they could be among; plan: the audit that measured them, '' for none."""

    labels: int
    plan: str
    lines: tuple[FailureLine, ...]


@dataclass(frozen=True)
class Voted:
    """On which share of rows functions vote (covered), and contradict each other there (conflict)."""

    name: str
    covered: float
    conflict: float
    n: int


@dataclass(frozen=True)
class Coverage:
    """All rows, then by class, told by `told_by`, and by function, the widest first."""

    whole: Voted
    told_by: str
    classes: tuple[Voted, ...]
    functions: tuple[Voted, ...]


@dataclass(frozen=True)
class SuiteLine:
    """What a suite does to the end model; usual: the same measure of what it is held against. Shares are None where unknown."""

    name: str
    n: int
    right: Share | None
    usual: float | None
    wrong_confident: float | None
    wrong_confident_usual: float | None
    said: str


@dataclass(frozen=True)
class Suites:
    """Suites, the largest loss first, on which split, how a row counts as answered, those not run and why, and an example."""

    split: str
    promise: str
    lines: tuple[SuiteLine, ...]
    skipped: tuple[tuple[str, str], ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class GateLine:
    """A check: the verdict in words, whether it fails the gate, and a sentence; checked: whether there are data."""

    name: str
    verdict: str
    failed: bool
    checked: bool
    said: str


@dataclass(frozen=True)
class Gate:
    """What the gate said, and against which run, if any; stale: in sentences what has changed since."""

    passed: bool
    against: str | None
    finished: str
    lines: tuple[GateLine, ...]
    stale: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drift:
    """The newest batch of new rows: how many of its checks drifted, which in words; series: when and how many, oldest first."""

    finished: str
    run: str
    rows: int
    checks: int
    drifted: tuple[str, ...]
    new_terms: tuple[tuple[str, int], ...]
    series: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Audits:
    """The newest audit plan in words, rows that it drew and those answered; weekly: batches in words."""

    plan: str
    run: str
    rows: int
    answered: int
    said: tuple[str, ...]
    weekly: tuple[str, ...]


@dataclass(frozen=True)
class OutcomeLine:
    """An outcome of answered rows and of those left to people: value, low, high and n of each, None where unknown."""

    name: str
    is_share: bool
    answered: tuple[float, float, float, int] | None
    deferred: tuple[float, float, float, int] | None
    differs: bool


@dataclass(frozen=True)
class Outcomes:
    """What became of rows after they were decided.

    decided: by which runs and thresholds, in words, '' where unknown. wrong: of answers that chance drew and people judged,
    None without any.
    """

    begin: str
    end: str
    rows: int
    deflection: float
    decided: str
    wrong: Share | None
    lines: tuple[OutcomeLine, ...]
    said: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """Something to do: what it is worth, as `gain` rows in 1,000 to which `what` happens; None where nobody can say.

    basis: what the gain rests on, and what to do by hand. do: the command that goes on from there.
    """

    title: str
    gain: float | None
    what: str
    basis: str
    do: str


@dataclass(frozen=True)
class FunctionLine:
    """A function: votes cast, shares of rows covered and in conflict, how right the label model takes it for and how right
    people or gold found it (None where nobody knows)."""

    name: str
    votes: int
    covered: float
    conflict: float
    learned: float | None
    gold: Share | None
    audited: Share | None


@dataclass(frozen=True)
class Appendix:
    """What an engineer audits: facts by name, settings that are not default, functions, sha256 by file, notes of the run."""

    facts: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    functions: tuple[FunctionLine, ...]
    checksums: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything; label: the run's id or an ISO week. masked: how many of each kind were redacted, None where nothing was.

    answering: of the run that is told of. now: of the reference run where that is another, which answers in its place.
    """

    task: str
    label: str
    weekly: bool
    answering: Answering
    now: Answering | None
    changes: Changes | Missing
    failures: Failures | Missing
    coverage: Coverage | Missing
    suites: Suites | Missing
    gate: Gate | Missing
    drift: Drift | Missing
    audits: Audits | Missing
    outcomes: Outcomes | Missing
    steps: tuple[Step, ...]
    appendix: Appendix
    masked: Mapping[str, int] | None
    version: str
