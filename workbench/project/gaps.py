"""Coverage gaps: what rows without a vote have in common, group by group, each with the rule that would cover most of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose.chance import stratified_greater
from workbench.diagnose.gaps import gap_clusters, gap_terms, terms_of
from workbench.project.reviewing import anchors
from workbench.project.rule_draft import Ground, ground_of, rule_of, try_rule
from workbench.project.rule_saving import proposed_name
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.spec import slice_masks
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset

UNCOVERED: Final = 20_000  # rows without a vote that are grouped
_COVERED: Final = 5_000  # rows with a vote they are compared with
_BESIDE: Final = 2_000  # of these, with each group
_GUESSED: Final = 4_000  # rows without a vote whose class the end model guesses
_VALUES: Final = 50  # distinct values up to which a column of a task without text is looked at
_CANDIDATES: Final = 150  # terms of a group of which a rule is made
_WORDS: Final = 6  # of a rule
_FEWEST: Final = 5  # rows with a guess that hold a word of a rule
_LIKELY: Final = 0.7  # mean guessed probability of the class on these rows
_TOLD: Final = 8
_COLUMNS: Final = [
    "size", "share", "terms", "slices", "examples", "label", "told_by", "rule", "gain", "right", "n", "precision",
    "low", "high",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Gaps:
    """The groups of the train and valid rows that no function votes on.

    rows, uncovered: how many there are, grouped: of these looked at. groups: the largest first. size: rows; share: of those
    looked at. terms: more frequent than in covered rows; '' groups hold none. slices: over-represented. examples: ids. rule: as
    it would stand in rules.toml, None where no word tells a class. label, told_by: its class and who guessed it (`end model`,
    `label model`, `truth`). gain: rows without a vote it votes on. right, n, precision, low..high: its votes on rows whose
    class is known, with the 95 % Wilson interval; missing where nothing is known, or where these rows chose the class.
    """

    rows: int
    uncovered: int
    grouped: int
    groups: pd.DataFrame
    notes: list[str]


@dataclass(frozen=True, eq=False)
class _Sight:
    """The rows that are read. terms: of those. holding: the rows of each term that as many hold as a rule needs. sources: the
    column and value a term stands for, in a task without text.

    guesses: float64[n, k], nan where there is none; by: who made them, of uncovered and of covered rows.
    """

    ground: Ground
    terms: Mapping[int, Collection[str]]
    holding: Mapping[str, Sequence[int]]
    sources: Mapping[str, tuple[str, str]]
    guesses: NDArray[np.float64]
    by: tuple[str, str]


def gaps_of_run(task: Task, dataset: Dataset, run: Run, *, guess: bool = True, seed: int = 0) -> Gaps:
    """Group the rows that no function votes on, and propose a rule for each group.

    The class of a rule is guessed without truth: by the label model where functions vote, by the end model of the run
    elsewhere, so that the rows with known class measure the rule honestly. guess: whether the end model is asked, which takes
    seconds. Rows that an audit plan drew are not looked at: who writes rules on them would measure nothing.
    """
    ground = ground_of(task, dataset, run.votes(), run.about["functions"], anchors(task, dataset), seed=seed)
    bare = np.flatnonzero(ground.uncovered[: ground.counted])
    here, there = bare[:UNCOVERED], np.flatnonzero(~ground.uncovered)[:_COVERED]
    terms, sources = _terms(ground, np.concatenate([here, there]))
    sight = _Sight(ground, terms, _holding(terms), sources, *_guesses(task, run, ground, here if guess else here[:0]))
    groups = gap_clusters([terms[row] for row in here.tolist()], [terms[row] for row in there.tolist()], seed)
    masks = {name: mask[dataset.ids.get_indexer(ground.data.ids)] for name, mask in slice_masks(task.slices, dataset).items()}
    lines = [_group(sight, here[groups == group], there, masks, len(here)) for group in np.unique(groups[groups >= 0]).tolist()]
    scale = ground.total / max(ground.counted, 1)
    table = pd.DataFrame(lines, columns=_COLUMNS)
    table["gain"] = (table["gain"].astype(float) * scale).round().astype("Int64")
    table["rule"] = pd.Series(_named(table["rule"].tolist(), ground.lfs), dtype=object)
    rest = int((groups < 0).sum())
    return Gaps(ground.total, round(len(bare) * scale), len(here), table, _notes(sight, rest, len(bare), len(here)))


def _terms(ground: Ground, rows: NDArray[np.intp]) -> tuple[dict[int, Collection[str]], dict[str, tuple[str, str]]]:
    """Return the terms of some rows: words and pairs of words, or in a task without text the values of its columns."""
    frame = ground.data.frame.iloc[rows]
    if ground.data.text:
        texts = frame[list(ground.data.text)].astype(str).agg("\n".join, axis=1).tolist()
        return {row: terms_of(text) for row, text in zip(rows.tolist(), texts, strict=True)}, {}
    few = [str(name) for name in frame if frame[name].map(str).nunique() <= _VALUES]
    sources = {f"{name} is {value}": (name, str(value)) for name in few for value in frame[name].dropna().unique().tolist()}
    lines: Any = zip(*(frame[name].tolist() for name in few), strict=True) if few else [()] * len(rows)
    held = [{f"{name} is {value}" for name, value in zip(few, cells, strict=True)} & sources.keys() for cells in lines]
    return dict(zip(rows.tolist(), held, strict=True)), sources


def _holding(terms: Mapping[int, Collection[str]]) -> dict[str, list[int]]:
    counts = Counter(chain.from_iterable(terms.values()))
    holding: dict[str, list[int]] = {term: [] for term, n in counts.items() if n >= _FEWEST}
    for row, held in terms.items():
        for term in held:
            if term in holding:
                holding[term].append(row)
    return holding


def _guesses(task: Task, run: Run, ground: Ground, rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """Return how likely each class is on each row without known class, of the label model or the end model, and who says it."""
    ids, k = ground.data.ids, len(ground.data.labels)
    found = np.full((len(ids), k), np.nan)
    label_model = (run.folder / "soft_labels.parquet").exists()
    if label_model:
        soft = run.soft_labels()
        at = soft.ids.get_indexer(ids)
        there = (at >= 0) & soft.covered[at] & ~ground.uncovered
        found[there] = soft.probs[at[there]]
    asked = rows[:_GUESSED]
    end_model = bool(len(asked)) and (run.folder / "end_model").exists()
    if end_model:
        from workbench.end_model import EndModel

        model = EndModel.load(run.end_model_folder(), labels=task.labels)
        found[asked] = model.predict_proba(ground.data.take(asked)).probs
    found[ground.known != ABSTAIN] = np.nan
    return found, ("end model" if end_model else "", "label model" if label_model else "")


def _group(
    sight: _Sight, rows: NDArray[np.intp], covered: NDArray[np.intp], masks: Mapping[str, NDArray[np.bool_]], of: int
) -> dict[str, Any]:
    """Return a group as it is shown."""
    inside = [sight.terms[row] for row in rows.tolist()]
    terms = gap_terms(inside, [sight.terms[row] for row in covered[:_BESIDE].tolist()], fewest=3, top=_CANDIDATES)[
        "term"
    ].tolist()
    named = {term: row for term in terms[:_TOLD] for row in rows[::-1].tolist() if term in sight.terms[row]}
    examples = list(dict.fromkeys([*named.values(), *rows.tolist()]))[:3]
    return {
        **{"size": len(rows), "share": len(rows) / max(of, 1), "terms": terms[:_TOLD]},
        "slices": _slices(sight.ground, rows, masks),
        "examples": [str(sight.ground.data.ids[row]) for row in examples],
        **_proposed(sight, rows, terms),
    }


def _slices(ground: Ground, rows: NDArray[np.intp], masks: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """Return the slices that hold more of these rows than chance explains, at most three, the surest first."""
    names = list(masks)
    hits = np.array([masks[name][rows].sum() for name in names])
    every = np.array([mask[: ground.counted].sum() for mask in masks.values()])
    p = [
        stratified_greater([hit], [[len(rows)]], [ground.counted], [max(count, hit)])[0]
        for hit, count in zip(hits, every, strict=True)
    ]
    order = np.argsort(p, kind="stable")
    return [names[place] for place in order[:3].tolist() if p[place] * len(names) <= 0.01]


def _proposed(sight: _Sight, rows: NDArray[np.intp], terms: Sequence[str]) -> dict[str, Any]:
    """Return the rule that covers most of a group: of the words that tell one class, those that add rows, one by one."""
    ground, nothing = sight.ground, dict.fromkeys(_COLUMNS[5:])
    holding = {term: sight.holding[term] for term in terms if term in sight.holding}
    by_truth = not np.isfinite(sight.guesses).any()
    told = np.eye(len(ground.data.labels))[ground.known] if by_truth else sight.guesses
    known = (ground.known != ABSTAIN) if by_truth else np.isfinite(told[:, 0])
    likely = {term: told[held][known[held]] for term, held in holding.items()}
    best: tuple[list[str], int, set[int]] = [], 0, set()
    for label in range(len(ground.data.labels)):
        good = [term for term in holding if len(likely[term]) >= _FEWEST and likely[term][:, label].mean() >= _LIKELY]
        words, covered = _cover(good, holding, set(rows.tolist()), sight.sources)
        best = (words, label, covered) if len(covered) > len(best[2]) else best
    words, label, _ = best
    if not words:
        return nothing
    column = sight.sources[words[0]][0] if sight.sources else None
    finds = [sight.sources[word][1] for word in words] if sight.sources else words
    rule = rule_of("lookup" if sight.sources else "keyword", finds, ground.data.labels[label], column=column)
    tried = try_rule(ground, rule)
    voted = tried.rows["all"]
    truth = ground.known[voted]
    n, right = int((truth != ABSTAIN).sum()), int((truth == label).sum())
    votes = Counter(
        chain.from_iterable([int(ground.uncovered[row])] * int(known[row]) for word in words for row in holding[word])
    )
    told_by = "truth" if by_truth else sight.by[0] if votes[1] > votes[0] and sight.by[0] else sight.by[1]
    found = {"label": ground.data.labels[label], "told_by": told_by, "rule": rule, "gain": tried.counts["new"]}
    if by_truth or not n:
        return nothing | found
    low, high = wilson_interval(right, n)
    return found | {"right": right, "n": n, "precision": right / n, "low": float(low), "high": float(high)}


def _cover(
    good: Sequence[str], holding: Mapping[str, Sequence[int]], group: set[int], sources: Mapping[str, tuple[str, str]]
) -> tuple[list[str], set[int]]:
    """Return the words that together hold most rows of a group, each of which adds at least two, and these rows.

    In a task without text a rule looks in one column, that of the first.
    """
    words: list[str] = []
    covered: set[int] = set()
    left = {term: group & set(holding[term]) for term in good}
    while left and len(words) < _WORDS:
        word = max(left, key=lambda term: (len(left[term] - covered), -len(term), term))
        if len(left[word] - covered) < 2:
            break
        words.append(word)
        covered |= left.pop(word)
        left = {term: held for term, held in left.items() if not sources or sources[term][0] == sources[words[0]][0]}
    return words, covered


def _named(rules: Sequence[dict[str, Any] | None], taken: Collection[str]) -> list[dict[str, Any] | None]:
    """Return rules with names that no function and no other of them has."""
    names, found = list(taken), []
    for rule in rules:
        if rule is not None:
            names.append(proposed_name(rule, names))
        found.append(None if rule is None else {"name": names[-1], **rule})
    return found


def _notes(sight: _Sight, rest: int, uncovered: int, grouped: int) -> list[str]:
    notes = []
    if grouped < uncovered:
        notes.append(f"{grouped:,} of {uncovered:,} rows without a vote, drawn at random, are grouped.")
    if rest:
        notes.append(f"{rest:,} rows hold no term that is more frequent there than in rows with votes, and are in no group.")
    if not any(sight.by):
        notes.append("No model guesses classes: rows with known class choose the words, so nothing is left to measure them on.")
    elif not sight.by[0]:
        notes.append(
            "No end model guesses the classes of these rows; the label model tells what words mean where functions vote."
        )
    return notes
