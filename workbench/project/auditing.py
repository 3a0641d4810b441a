"""Audit plans of a task: which labels are measured, how many rows that takes, and which rows are drawn.

The population of a plan is the label set of one run: the rows of a split to which its label model gives a class, without those
whose label people gave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.project.failures import candidates
from workbench.project.reviewing import fingerprints, kept_anchors, open_record
from workbench.project.runs import Run, find_run
from workbench.project.task import Task
from workbench.review.estimates import CONFIDENCE
from workbench.review.plan import (
    ALLOCATIONS,
    FLOOR,
    AuditPlan,
    agreement_bands,
    draw,
    label_set_fingerprint,
    probabilities,
    strata_of,
)
from workbench.spec import SEVERITIES, Slice, slice_masks
from workbench.stats import rows_for_half_width, rows_to_promise
from workbench.tables import ABSTAIN, SPLITS, Dataset, VoteMatrix, WorkbenchError

__all__ = ["ALLOCATIONS", "Asked", "Planned", "label_set", "plan_audit", "plan_weekly", "tolerated"]

ROWS: Final = 300  # draws where nobody says how many
_MOST: Final = 100_000
_HALF_WIDTH: Final = 0.03
_LITTLE: Final = 0.1  # a promise of a stratum above this tells little


@dataclass(frozen=True)
class Asked:
    """What a plan is asked for: draws, by number, for a half width or for a promise; without any of them, 300.

    rows and promise together: so many draws, towards that promise.
    by: columns or names of [slices] that cut strata, beside predicted class and agreement. minimum: draws that are expected of
    a stratum at least. split: whose labels are measured. name: made up where it is None.
    """

    rows: int | None = None
    half_width: float | None = None
    promise: float | None = None
    by: Sequence[str] = ()
    allocation: str = "minimum"
    minimum: int = 10
    split: str = "train"
    seed: int = 0
    name: str | None = None

    def __post_init__(self) -> None:
        given = [f"--{name.replace('_', '-')}" for name in ("rows", "half_width", "promise") if getattr(self, name) is not None]
        if len(given) > 1 and self.half_width is not None:
            raise WorkbenchError(f"{' and '.join(given)} are given; one of them says how many rows are drawn")
        if self.rows is not None and not 1 <= self.rows <= _MOST:
            raise WorkbenchError(f"{self.rows:,} rows cannot be drawn; give 1 to {_MOST:,}")
        for name, value, most in (("half_width", self.half_width, 0.5), ("promise", self.promise, 1)):
            if value is not None and not 0 < value < most:
                raise WorkbenchError(f"{name} is {value}; it is a share of the labels above 0 and below {most}, such as 0.05")
        if self.minimum < 0 or self.seed < 0:
            raise WorkbenchError(f"minimum is {self.minimum} and seed {self.seed}; both are 0 or more")
        if self.split not in SPLITS:
            raise WorkbenchError(
                f"there is no split {self.split!r}; they are {listed(SPLITS)}{did_you_mean(self.split, SPLITS)}"
            )


@dataclass(frozen=True, eq=False)
class LabelSet:
    """The labels that a plan measures: class name by row id, the guessed chance that each is wrong, and the votes behind it."""

    run: Run
    labels: pd.Series[Any]
    guesses: NDArray[np.float64]
    votes: VoteMatrix

    def take(self, rows: NDArray[np.bool_]) -> LabelSet:
        """Return some of the rows."""
        return LabelSet(self.run, self.labels[rows], self.guesses[rows], self.votes.take(rows))


class Planned(NamedTuple):
    """A plan, its name, whether it is new in the record (None in a trial), and what it takes, in words.

    enough: whether the number of draws is what was asked for: False in a trial for a promise that none is known to reach.
    beside: in words which plans the label set has already, '' where it has none.
    """

    plan: AuditPlan
    name: str
    new: bool | None
    sentences: list[str]
    enough: bool = True
    beside: str = ""


def tolerated(task: Task) -> float:
    """Return the share of wrong labels that the task tolerates: what a promise aims at."""
    return float(task.audit.get("tolerated", 0.05))


def label_set(run: Run, dataset: Dataset, split: str) -> LabelSet:
    """Return the labels of a run on a split that no person gave; guesses are 1 less the label model's probability."""
    soft, votes = run.soft_labels(), run.votes()
    hard, places = soft.hard().to_numpy(), dataset.ids.get_indexer(soft.ids)
    kept = (hard != ABSTAIN) & (places >= 0) & (dataset.split.to_numpy() == split)[places]
    kept &= ~soft.ids.isin(kept_anchors(run.folder).index)
    if not kept.any():
        raise WorkbenchError(f"run {run.id} labels no row of {split} that people did not label; there is nothing to measure")
    labels = pd.Series(np.array(soft.labels, dtype=object)[hard[kept]], index=soft.ids[kept], dtype="str")
    return LabelSet(run, labels, 1 - soft.probs[kept].max(axis=1), votes.take(votes.ids.get_indexer(labels.index)))


def plan_audit(task: Task, asked: Asked, store: bool = True) -> Planned:
    """Draw rows from the label set of the newest run, keep the plan in the record, and say what it takes; store: else a trial.

    The same question about the same label set is the same plan, and is kept once.
    """
    dataset = task.dataset()[0]
    found = label_set(find_run(task, holding="soft_labels.parquet"), dataset, asked.split)
    return _planned(task, dataset, found, asked, store)


def plan_weekly(task: Task, rows: int, store: bool = True) -> Planned | None:
    """Draw rows from those labels of the newest run whose rows no weekly plan knew before; None where there are none."""
    dataset, record = task.dataset()[0], open_record(task)
    found = label_set(find_run(task, holding="soft_labels.parquet"), dataset, "train")
    plans = record.plans()
    earlier = plans.loc[plans["recurring"], "id"]
    known = {row for plan in earlier for row in record.audit(plan).members or ()}
    new = ~found.labels.index.isin(list(known))
    if not new.any():
        return None
    asked = Asked(rows=rows, name=_free(f"week-{len(earlier) + 1}", plans))
    return _planned(task, dataset, found.take(new), asked, store, recurring=True)


def _planned(
    task: Task, dataset: Dataset, found: LabelSet, asked: Asked, store: bool = True, recurring: bool = False
) -> Planned:
    """Cut strata, size the plan, draw, and keep it."""
    at = dataset.ids.get_indexer(found.labels.index)
    modes = _failure_modes(task, dataset, found.labels, at)
    names = strata_of(_cells(task, dataset.take(at), found, asked.by), modes)
    by = pd.DataFrame({"name": names, "guess": found.guesses}).groupby("name")["guess"].agg(["size", "mean"])
    by = by.sort_values(["size"], ascending=False, kind="stable")
    special = by.index.isin(["failure: " + mode for mode in modes.dropna().unique()])
    by, special = pd.concat([by[special], by[~special]]), np.sort(special)[::-1]
    sizes, guesses = by["size"].to_numpy(), by["mean"].to_numpy(np.float64)
    n, chances, minimum, enough = _sized(asked, sizes, guesses, special)
    if store and not enough:
        raise WorkbenchError(
            f"at the guessed error rate of {found.guesses.mean():.1%} no number of draws up to {_MOST:,} promises at most "
            f"{asked.promise:.1%}; say beside it how many rows are drawn all the same, as the rate is only guessed"
        )
    shown = pd.Series(fingerprints(task, dataset, found.labels.index), index=found.labels.index)
    fingerprint = label_set_fingerprint(found.labels, shown)
    draws = draw(names, pd.Series(chances, index=by.index), n, asked.seed, fingerprint)
    draws = draws.assign(label=found.labels[draws["row"]].to_numpy(), shown=shown[draws["row"]].to_numpy())
    settings = {**asdict(asked), "by": list(asked.by), "draws": n, "kept_minimum": minimum, "floor": FLOOR}
    target = asked.promise or tolerated(task)
    settings |= {"target": target, "confidence": CONFIDENCE, "guess": float(found.guesses.mean())}
    settings.pop("name")
    table = pd.DataFrame({"name": by.index, "rows": sizes, "probability": chances}).rename_axis("stratum")
    members = tuple(found.labels.index) if recurring else None
    plan = AuditPlan(settings, fingerprint, found.run.id, table, draws, members)
    sentences = _in_words(target, asked, n, sizes, guesses, chances)
    if 0 < minimum < asked.minimum:
        sentences.append(
            f"The minimum is lowered from {asked.minimum} to {minimum} expected draws a stratum: {len(by)} strata of "
            f"{asked.minimum} would leave the others too few of {n:,}."
        )
    sentences += _thin_in_words(n, chances, _largest(sizes / sizes.sum(), chances))
    return _kept(task, plan, asked.name, store, sentences)._replace(enough=enough)


def _kept(task: Task, plan: AuditPlan, name: str | None, store: bool, sentences: list[str]) -> Planned:
    record = open_record(task)
    plans = record.plans()
    if name is not None and (name in ("plan", "") or len(name) > 100 or not name.isprintable()):
        raise WorkbenchError(f"a plan cannot be named {name!r}; give a short name other than 'plan'")
    kept = plans.loc[plans["id"] == plan.id, "name"].tolist()
    beside = plans[(plans["fingerprint"] == plan.fingerprint) & (plans["id"] != plan.id) & ~plans["recurring"]]
    said = (
        ""
        if beside.empty or plan.members is not None
        else (
            f"Rows of these labels are drawn already, by {listed(beside['name'])}. Decide now, before you see an answer, which "
            "plan counts: the promise of each holds by itself, that of the best, picked afterwards, does not."
        )
    )
    named = kept[0] if kept else name or _free(f"audit-{len(plans) + 1}", plans)
    return Planned(plan, named, record.add_audit(plan, named) if store else None, sentences, beside=said)


def _free(name: str, plans: pd.DataFrame) -> str:
    """Return a name made up for a plan, longer where another plan has it."""
    while name in set(plans["name"]):
        name += "b"
    return name


def _failure_modes(task: Task, dataset: Dataset, labels: pd.Series[Any], at: NDArray[np.intp]) -> pd.Series[Any]:
    """Return the worst failure mode that each label could be, missing where it could be none."""
    worst = pd.Series(None, index=labels.index, dtype="str")
    failures = sorted(task.failures, key=lambda one: SEVERITIES.index(one.severity))
    masks = candidates(task, failures, dataset, labels) if failures else {}
    for failure in reversed(failures):
        worst[masks[failure.name][at]] = failure.name
    return worst


def _cells(task: Task, rows: Dataset, found: LabelSet, by: Sequence[str]) -> pd.DataFrame:
    """Return what cuts the rows into strata, one column a cut, by row id."""
    named = {one.name: one for one in task.slices}
    cut = {}
    for name in dict.fromkeys(by):
        if name not in named and name not in rows.frame.columns:
            known = dict.fromkeys([*named, *(column for column in rows.frame.columns if column not in rows.text)])
            raise WorkbenchError(
                f"there is no column or slice {name!r}; there are {listed(known, 40)}{did_you_mean(name, known)}"
            )
        cut[f"by {name}"] = np.full(len(rows), f"{name}: none" if name not in named else f"not {name}", dtype=object)
        for value, mask in slice_masks([named.get(name, Slice(name, name, "by"))], rows).items():
            cut[f"by {name}"][mask] = value
    return pd.DataFrame({**cut, "label": found.labels, "band": agreement_bands(found.votes)}, index=found.labels.index)


def _sized(
    asked: Asked, sizes: NDArray[Any], guesses: NDArray[np.float64], special: NDArray[np.bool_]
) -> tuple[int, NDArray[np.float64], int, bool]:
    """Return how many draws there are, the chance of every stratum, the minimum kept, and whether these draws are enough.

    The first three depend on one another. Where no number is enough for a promise, they are as if none was asked for.
    """
    n, enough = asked.rows or ROWS, True
    for _ in range(4):
        chances, minimum = probabilities(sizes, guesses, special, n, asked.allocation, asked.minimum)
        before, wanted = n, _draws(asked, sizes / sizes.sum(), guesses, chances)
        n, enough = (ROWS, False) if wanted is None else (wanted, True)
        if n == before:
            break
    chances, minimum = probabilities(sizes, guesses, special, n, asked.allocation, asked.minimum)
    if n > _MOST:
        raise WorkbenchError(f"that takes {n:,} rows; at most {_MOST:,} are drawn, so ask for less")
    return n, chances, minimum, enough


def _draws(asked: Asked, share: NDArray[Any], guesses: NDArray[np.float64], chances: NDArray[np.float64]) -> int | None:
    """Return how many draws that takes, None where no number is known to be enough for a promise."""
    if asked.half_width is not None:
        return rows_for_half_width(share, guesses, chances, asked.half_width, CONFIDENCE)
    if asked.promise is not None and asked.rows is None:
        takes = _takes(asked.promise, float(share @ guesses), _largest(share, chances))
        return int(takes) if takes <= _MOST else None
    return asked.rows or ROWS


def _takes(target: float, error: float, largest: float) -> float:
    """Return how many draws a promise takes where so many labels are wrong, infinitely many where none are enough."""
    try:
        return rows_to_promise(target, CONFIDENCE, error, largest)
    except WorkbenchError:
        return math.inf


def _to_expect(draws: int, error: float, largest: float) -> float:
    """Return the least promise that so many draws reach where so many labels are wrong: `rows_to_promise` the other way."""
    low, high = error, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if _takes(middle, error, largest) <= draws else (middle, high)
    return high


def _largest(share: NDArray[Any], chances: NDArray[np.float64]) -> float:
    return max(1.0, float((share / chances).max()))


def _in_words(
    target: float, asked: Asked, n: int, sizes: NDArray[Any], guesses: NDArray[np.float64], chances: NDArray[np.float64]
) -> list[str]:
    """Say how many rows a promise and a description take, and what n draws promise, before anyone labels one."""
    share = sizes / sizes.sum()
    largest, guess = _largest(share, chances), float(share @ guesses)
    takes = _takes(target, guess, largest)
    likely = f"and about {takes:,} at the guessed error rate of {guess:.1%}"
    if takes > _MOST:
        likely = f"and at the guessed error rate of {guess:.1%} no number up to {_MOST:,} is enough: mend labels first"
    half = asked.half_width or _HALF_WIDTH
    wide = rows_for_half_width(share, guesses, chances, half, CONFIDENCE)
    least, watched = rows_to_promise(target, CONFIDENCE, fixed=True), rows_to_promise(target, CONFIDENCE, 0.0, largest)
    expected = f"With {n:,} draws, of which the guessed share is wrong, the promise to expect is that at most "
    expected += f"{_to_expect(n, guess, largest):.1%} of the labels are."
    return [
        f"A promise that at most {target:.1%} of these labels are wrong takes {least:,} answered draws at the very least, "
        f"{watched:,} where one looks after every label and none is wrong, {likely}.",
        *([expected] if takes != n else []),
        f"An interval of {half:.1%} to either side takes about {wide:,} at that rate.",
    ]


def _thin_in_words(n: int, chances: NDArray[np.float64], largest: float) -> list[str]:
    """Say where most strata get too few draws to promise anything by themselves."""
    few = rows_to_promise(_LITTLE, CONFIDENCE, fixed=True)
    thin = int((n * chances < few).sum())
    if 2 * thin <= len(chances):
        return []
    whole = "; the allocation proportional may tighten the promise for the whole" if largest > 1.05 else ""
    return [
        f"{thin} of {len(chances)} strata expect fewer than {few} draws: without any error one of them by itself promises no "
        f"better than {_LITTLE:.0%}. Fewer cuts, or more draws, give each of them more{whole}."
    ]
