"""Coverage gaps: what rows without a vote have in common, group by group, each with the rule that would cover most of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
_BESIDE: Final = 1_500  # rows of a group, and of covered ones, whose terms are compared
_GUESSED: Final = 4_000  # rows without a vote whose class the end model guesses
_VALUES: Final = 50  # distinct values up to which a column of a task without text is looked at
_CANDIDATES: Final = 150  # terms of a group of which a rule is made
_WORDS: Final = 6  # of a rule
_FEWEST: Final = 5  # rows with a guess that hold a word of a rule
_KNOWN: Final = 10  # rows with known class that hold a word before they tell its class
_LIKELY: Final = 0.7  # mean probability of the class on these rows
_RIGHT: Final = 0.6  # share of the rows that measure a rule below which it is not proposed
_TELLING: Final = 5  # rows that measure a rule, below which they tell too little
_TOLD: Final = 8
_COLUMNS: Final = [
    "size", "share", "terms", "slices", "examples", "label", "told_by", "rule", "inside", "gain", "right", "n", "precision",
    "low", "high",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Gaps:
    """The groups of the train and valid rows that no function votes on.

    rows, uncovered: how many there are, grouped: of these looked at. groups: the largest first. size: rows; share: of those
    looked at. terms: more frequent than in covered rows; '' groups hold none. slices: over-represented. examples: ids. rule: as
    it would stand in rules.toml, None where no word tells a class. label, told_by: its class and who guessed it (`end model`,
    `label model`, `truth`). inside, gain: rows of the group, and of all rows without a vote, that it votes on. right, n,
    precision, low..high: its votes on rows whose class is known, with the 95 % Wilson interval; missing where nothing is known,
    or where these rows chose the class.
    """

    rows: int
    uncovered: int
    grouped: int
    groups: pd.DataFrame
    notes: list[str]


@dataclass(frozen=True, eq=False)
class _Sight:
    """The rows that are read. terms: of those. sources: the column and value a term stands for, in a task without text.

    guesses: float64[n, k], nan where there is none; by: who made them, of uncovered and of covered rows. choosing: every second
    row with known class, which may choose words; the others measure.
    """

    ground: Ground
    terms: Mapping[int, Collection[str]]
    sources: Mapping[str, tuple[str, str]]
    guesses: NDArray[np.float64]
    by: tuple[str, str]
    choosing: NDArray[np.bool_]


def gaps_of_run(task: Task, dataset: Dataset, run: Run, *, guess: bool = True, seed: int = 0) -> Gaps:
    """Group the rows that no function votes on, and propose a rule for each group.

    The class of a word is that of the rows with known class, every second of which may choose; where fewer than ten of them
    hold it, the label model guesses where functions vote, and the end model of the run elsewhere. The rows that did not choose
    measure the rule. guess: whether the end model is asked, which takes seconds. What an audit plan measured is not looked at:
    who writes rules by it has nothing left to measure with.
    """
    ground = ground_of(task, dataset, run.votes(), run.about["functions"], anchors(task, dataset), seed=seed)
    bare = np.flatnonzero(ground.uncovered[: ground.counted])
    here, there = bare[:UNCOVERED], np.flatnonzero(~ground.uncovered)[:_COVERED]
    terms, sources = _terms(ground, np.concatenate([here, there]))
    choosing = np.zeros(len(ground.data), bool)
    choosing[np.flatnonzero(ground.known != ABSTAIN)[::2]] = True
    sight = _Sight(ground, terms, sources, *_guesses(task, run, ground, here if guess else here[:0]), choosing)
    groups = gap_clusters([terms[row] for row in here.tolist()], [terms[row] for row in there.tolist()], seed)
    masks = {name: mask[dataset.ids.get_indexer(ground.data.ids)] for name, mask in slice_masks(task.slices, dataset).items()}
    members = [here[groups == group] for group in np.unique(groups[groups >= 0]).tolist()]
    named = [_told(sight, rows, there) for rows in members]
    holding = _holding(sight, set().union(*named))
    lines = [
        _group(sight, rows, words, masks, len(here)) | _proposed(sight, rows, {word: holding[word] for word in words})
        for rows, words in zip(members, named, strict=True)
    ]
    scale = ground.total / max(ground.counted, 1)
    table = pd.DataFrame(lines, columns=_COLUMNS)
    table["gain"] = (table["gain"].astype(float) * scale).round().astype("Int64")
    table["inside"] = table["inside"].astype("Int64")
    table["rule"] = pd.Series(_named(table["rule"].tolist(), ground.lfs), dtype=object)
    rest = int((groups < 0).sum())
    notes = _notes(sight, rest, len(bare), len(here), not guess and (run.folder / "end_model").exists())
    return Gaps(ground.total, round(len(bare) * scale), len(here), table, notes)


def measured_in_words(line: Mapping[str, Any]) -> str:
    """Say how often the proposed rule of a group (a line of `Gaps.groups`) is right, and where that tells too little."""
    if pd.isna(line["n"]):
        return "precision unknown: no row whose class is known, and did not choose it, holds a word of it"
    right = f"right on {line['right']:.0f} of {line['n']:.0f} rows whose class is known"
    ends = f"[{line['low']:.0%}, {line['high']:.0%}]"
    return f"{right}, too few to tell" if line["n"] < _TELLING else f"{right}, {line['precision']:.0%} {ends}"


def _terms(ground: Ground, rows: NDArray[np.intp]) -> tuple[dict[int, Collection[str]], dict[str, tuple[str, str]]]:
    """Return the terms of some rows: words and pairs of words, or in a task without text the values of its columns."""
    frame = ground.data.frame.iloc[rows]
    if ground.data.text:
        texts = ground.data.take(rows).texts()
        return {row: terms_of(text) for row, text in zip(rows.tolist(), texts, strict=True)}, {}
    few = [str(name) for name in frame if frame[name].map(str).nunique() <= _VALUES]
    sources = {f"{name} is {value}": (name, str(value)) for name in few for value in frame[name].dropna().unique().tolist()}
    lines: Any = zip(*(frame[name].tolist() for name in few), strict=True) if few else [()] * len(rows)
    held = [{f"{name} is {value}" for name, value in zip(few, cells, strict=True)} & sources.keys() for cells in lines]
    return dict(zip(rows.tolist(), held, strict=True)), sources


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


def _told(sight: _Sight, rows: NDArray[np.intp], covered: NDArray[np.intp]) -> list[str]:
    """Return the terms that tell a group from covered rows, the most telling first."""
    inside, beside = ([sight.terms[row] for row in some[:_BESIDE].tolist()] for some in (rows, covered))
    return gap_terms(inside, beside, fewest=3, top=_CANDIDATES)["term"].tolist()


def _holding(sight: _Sight, terms: set[str]) -> dict[str, list[int]]:
    """Return the rows read that hold each term."""
    holding: dict[str, list[int]] = {term: [] for term in terms}
    for row, held in sight.terms.items():
        for term in terms.intersection(held):
            holding[term].append(row)
    return holding


def _group(
    sight: _Sight, rows: NDArray[np.intp], terms: Sequence[str], masks: Mapping[str, NDArray[np.bool_]], of: int
) -> dict[str, Any]:
    """Return what a group is, as it is shown; its examples hold its first terms."""
    first = [next((row for row in rows.tolist() if term in sight.terms[row]), -1) for term in terms[:_TOLD]]
    examples = list(dict.fromkeys([*(row for row in first if row >= 0), *rows.tolist()]))[:3]
    return {
        **{"size": len(rows), "share": len(rows) / max(of, 1), "terms": terms[:_TOLD]},
        "slices": _slices(sight.ground, rows, masks),
        "examples": [str(sight.ground.data.ids[row]) for row in examples],
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


def _proposed(sight: _Sight, rows: NDArray[np.intp], holding: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return the rule that covers most of a group: of the words that tell one class, those that add rows, one by one.

    holding: the rows of each candidate, the most telling first.
    """
    likely = {term: _likely(sight, np.array(held, dtype=np.intp)) for term, held in holding.items()}
    covers = []
    for label in range(len(sight.ground.data.labels)):
        good = [term for term, (shares, _) in likely.items() if shares[label] >= _LIKELY]
        words, covered = _cover(good, holding, set(rows.tolist()), sight.sources)
        covers += [(words, label, len(covered))] if words else []
    for words, label, _ in sorted(covers, key=lambda cover: -cover[2]):
        found = _measured(sight, words, label, [likely[word][1] for word in words], rows)
        if not found["n"] or (found["high"] >= _LIKELY and (found["n"] < _TELLING or found["precision"] >= _RIGHT)):
            return found
    return dict.fromkeys(_COLUMNS[5:])


def _measured(sight: _Sight, words: list[str], label: int, told_by: list[str], group: NDArray[np.intp]) -> dict[str, Any]:
    """Return a rule of some words and what it does; told_by: who says the class of each word."""
    ground = sight.ground
    column = sight.sources[words[0]][0] if sight.sources else None
    finds = [sight.sources[word][1] for word in words] if sight.sources else words
    rule = rule_of("lookup" if sight.sources else "keyword", finds, ground.data.labels[label], column=column)
    tried = try_rule(ground, rule)
    voted = tried.rows["all"]
    measuring = (ground.known != ABSTAIN) & ~(sight.choosing & ("truth" in told_by))
    truth = ground.known[voted][measuring[voted]]
    right, n = int((truth == label).sum()), len(truth)
    low, high = (float(end) for end in wilson_interval(right, n))
    figures = {"right": right, "n": n, "precision": right / n, "low": low, "high": high} if n else {}
    about = {"label": ground.data.labels[label], "told_by": Counter(told_by).most_common(1)[0][0], "rule": rule}
    return (
        dict.fromkeys(_COLUMNS[5:])
        | about
        | {"inside": int(np.isin(group, voted).sum()), "gain": tried.counts["new"]}
        | figures
    )


def _likely(sight: _Sight, rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], str]:
    """Return how likely each class is on the rows that hold a term, and who says it; of too few rows nothing is likely.

    What models guess weighs as five rows with known class, and tells alone where fewer than ten may choose.
    """
    ground, k = sight.ground, len(sight.ground.data.labels)
    known, guessed = rows[sight.choosing[rows]], rows[np.isfinite(sight.guesses[rows, 0])]
    guess = sight.guesses[guessed].mean(axis=0) if len(guessed) >= _FEWEST else None
    if len(known) >= _KNOWN:
        right = np.eye(k)[ground.known[known]].sum(axis=0)
        return (right if guess is None else right + _FEWEST * guess) / (len(known) + _FEWEST * (guess is not None)), "truth"
    if guess is None:
        return np.zeros(k), ""
    return guess, sight.by[int(2 * ground.uncovered[guessed].sum() < len(guessed))]


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


def _notes(sight: _Sight, rest: int, uncovered: int, grouped: int, unasked: bool) -> list[str]:
    notes = []
    if grouped < uncovered:
        notes.append(f"{grouped:,} of {uncovered:,} rows without a vote, drawn at random, are grouped.")
    if rest:
        first = "1 row without a vote holds" if rest == 1 else f"{rest:,} rows without a vote hold"
        notes.append(f"{first} no term that is rarer in rows with votes, so no group does.")
    if unasked:
        notes.append("The end model is not asked; what it guesses would tell the class of more words.")
    elif not any(sight.by):
        notes.append("No model guesses classes: only words that twenty rows with known class hold can become a rule.")
    elif not sight.by[0]:
        notes.append(
            "No end model guesses the classes of these rows; the label model tells what words mean where functions vote."
        )
    return notes
