"""The `[gate]` table of a task: what may be measured, and which limits a user sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from workbench.io.names import listed
from workbench.io.toml import check_keys, expect
from workbench.tables import WorkbenchError


class Measure(NamedTuple):
    """What a check measures. higher_is_better: it has `at_least`, else `at_most`. says: what it is, in words.

    worse_by: by how much a run may be worse than the reference where nobody says so.
    """

    higher_is_better: bool
    says: str
    worse_by: float = 0.0


#: Coverage, conflict and calibration are means to an end: a little less of them may be the price of better answers.
MEASURES: Final = {
    "accuracy": Measure(True, "share of right answers"),
    "coverage": Measure(True, "share of rows that a function votes on", 0.02),
    "conflict": Measure(False, "share of rows on which functions vote for different classes", 0.02),
    "answered": Measure(True, "share of rows answered without a person"),
    "wrong_confident": Measure(False, "share of all rows that are answered, and wrong"),
    "risk_at_coverage": Measure(False, "share of wrong answers among the surest rows"),
    "ece": Measure(False, "expected calibration error", 0.01),
    "audit": Measure(False, "share of wrong labels that the audit promises at most"),
    "latency_ms": Measure(False, "milliseconds to answer one row, 95 of 100 times"),
}
OF_ROWS: Final = ("accuracy", "coverage", "conflict", "answered", "wrong_confident")  # each row is good or bad
OF_SUITES: Final = ("accuracy", "answered", "wrong_confident")
COVERAGE: Final = 0.8  # the surest rows that risk_at_coverage looks at


@dataclass(frozen=True)
class Limit:
    """What a measure is held against: a number, or how much worse than the reference it may be; None where nobody says.

    group: "" for all rows, else `slices` or `suites`, and name the one of them. required: without data the gate fails.
    coverage: of risk_at_coverage alone.
    """

    measure: str
    group: str = ""
    name: str = ""
    absolute: float | None = None
    worse_by: float | None = None
    required: bool = False
    coverage: float = COVERAGE

    @property
    def key(self) -> str:
        """The name that task.toml and reports give it."""
        return ".".join(part for part in (self.group, self.name, self.measure) if part)


def parse_limits(table: Mapping[str, Any], where: str) -> tuple[Limit, ...]:
    """Read the limits of a `[gate]` table; where: the place named in errors.

    >>> parse_limits({"slices": {"outage": {"accuracy": {"at_least": 0.7}}}}, "task.toml [gate]")[0].key
    'slices.outage.accuracy'
    """
    return tuple(_all(table, where))


def _all(table: Mapping[str, Any], where: str) -> Iterator[Limit]:
    check_keys(table, [*MEASURES, "slices", "suites"], where)
    for key, value in table.items():
        if key in MEASURES:
            yield _limit(key, value, f"{where} {key}")
            continue
        known = OF_ROWS if key == "slices" else OF_SUITES
        for name, limits in expect(table, key, dict, where).items():
            inside = f"{where} {key}.{name}"
            if not isinstance(limits, Mapping):
                raise WorkbenchError(f"{inside} is {limits!r}; write {key}.{name}.accuracy = {{at_least = 0.7}}")
            check_keys(limits, known, inside)
            for measure, one in limits.items():
                yield _limit(measure, one, f"{inside}.{measure}", key, name)


def _limit(measure: str, value: Any, where: str, group: str = "", name: str = "") -> Limit:
    side = "at_least" if MEASURES[measure].higher_is_better else "at_most"
    if not isinstance(value, Mapping):
        raise WorkbenchError(f"{where} is {value!r}; a limit is a table such as {{{side} = 0.1}}")
    other = "at_most" if side == "at_least" else "at_least"
    if other in value:
        better = "more" if side == "at_least" else "less"
        raise WorkbenchError(f"{where} has {other}, but {better} of it is better; write {side} = {value[other]}")
    paired = measure != "audit"  # an audit is of one run's labels
    keys = [side, *(["worse_by"] if paired else []), "required", *(["coverage"] if measure == "risk_at_coverage" else [])]
    check_keys(value, keys, where)
    if not {side, "worse_by"} & set(value):
        raise WorkbenchError(f"{where} sets no limit; give {listed(keys[: 1 + paired])}")
    for key in (side, "worse_by", "coverage"):
        _check_number(value, key, where, shares=measure != "latency_ms")
    return Limit(
        measure,
        group,
        name,
        absolute=value.get(side),
        worse_by=value.get("worse_by"),
        required=expect(value, "required", bool, where, False),
        coverage=value.get("coverage", COVERAGE),
    )


def _check_number(value: Mapping[str, Any], key: str, where: str, shares: bool) -> None:
    number = expect(value, key, float, where, 0.5)
    if not 0 <= number <= (1 if shares else float("inf")) or (key == "coverage" and number == 0):
        allowed = "a share from 0 to 1" if shares else "a number of milliseconds from 0 on"
        raise WorkbenchError(f"{where} has {key} = {number}; it must be {allowed}")
