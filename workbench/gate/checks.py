"""Which checks a gate makes: a limit held against a number, or against what the reference shows on the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from workbench.gate.facts import Facts
from workbench.gate.found import FEWEST, Found, held_against, held_to
from workbench.gate.limits import MEASURES, Limit
from workbench.tables import WorkbenchError

ABSOLUTE: Final = "absolute"
AGAINST: Final = "against"
_COMPARED: Final = ("accuracy", "coverage", "conflict", "wrong_confident", "risk_at_coverage", "ece")  # unless told otherwise
_TOLD: Final = ["accuracy", "wrong_confident"]  # by a suite, the first of them where it can


@dataclass(frozen=True)
class Check:
    """A limit and what was found; limit: what the value is held against, worse than the reference by `margin` at most."""

    of: Limit
    kind: str
    found: Found
    limit: float | None
    margin: float = 0.0
    primary: bool = False

    @property
    def required(self) -> bool:
        """Whether the gate fails where there are no data: a comparison that compares nothing shows nothing."""
        return self.of.required or (self.primary and self.kind == AGAINST)

    @property
    def beyond(self) -> bool:
        """Whether the value is on the wrong side of the limit, be it by chance."""
        if self.found.value is None or self.limit is None:
            return False
        over = self.found.value - self.limit
        return (-over if MEASURES[self.of.measure].higher_is_better else over) > 1e-12


def absolute_checks(limits: Iterable[Limit], now: Facts, primary: bool = False) -> Iterator[Check]:
    """Yield a check for every limit that is a number; primary: that of overall accuracy is the primary one."""
    for one in limits:
        if one.absolute is not None:
            found = held_to(one, one.absolute, now)
            yield Check(one, ABSOLUTE, found, one.absolute, primary=primary and one.key == "accuracy")


def against_checks(limits: Iterable[Limit], now: Facts, before: Facts) -> Iterator[Check]:
    """Yield a check for every measure that is held against the reference, on the rows that both answered; accuracy is first.

    Those of `_COMPARED`, accuracy of every slice of 50 rows or more, every suite that both ran, and whatever has a `worse_by`.
    """
    ids = now.rows.index.intersection(before.rows.index, sort=False)
    if len(ids) < FEWEST:
        raise WorkbenchError(
            f"the two runs answered {len(ids):,} rows both, and a comparison takes {FEWEST}; run again, or name another run"
        )
    mine, other = now.on(ids), before.on(ids)
    wanted = {one.key: one for one in limits}
    usual = [*(Limit(measure) for measure in _COMPARED), *_slices(mine), *_suites(mine, other)]
    compared = {one.key: wanted.get(one.key, one) for one in usual}
    compared |= {one.key: one for one in wanted.values() if one.worse_by is not None}
    for one in compared.values():
        margin = MEASURES[one.measure].worse_by if one.worse_by is None else one.worse_by
        found = held_against(one, margin, mine, other)
        side = -margin if MEASURES[one.measure].higher_is_better else margin
        limit = None if found.reference is None else found.reference + side
        yield Check(one, AGAINST, found, limit, margin, primary=one.key == "accuracy")


def _slices(now: Facts) -> list[Limit]:
    sizes = now.slices[now.rows["right"].notna().to_numpy()].sum()
    return [Limit("accuracy", "slices", str(name)) for name in sizes.index[sizes >= FEWEST]]


def _suites(now: Facts, before: Facts) -> list[Limit]:
    """Return what both runs' suites tell: accuracy, or where rows have no class, how many were answered all the same."""
    if isinstance(now.suites, str) or isinstance(before.suites, str):
        return []
    both = now.suites.index.intersection(before.suites.index, sort=False)
    told = now.suites.loc[both, _TOLD].notna() & before.suites.loc[both, _TOLD].notna()
    measures = {str(name): [one for one in _TOLD if line[one]] for name, line in told.iterrows()}
    return [Limit(of[0], "suites", name) for name, of in measures.items() if of]
