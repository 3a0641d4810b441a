"""A rule tried before it is saved: what it would cover, add, contradict and get right, on rows its writer may see.

Test rows are not among them: who writes rules must not see what they are scored on.
"""

from __future__ import annotations

import csv
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import capitalised, did_you_mean, listed
from workbench.lfs import RULES, LabelingFunction
from workbench.lfs.chunk import Chunk
from workbench.lfs.toml_rules import make_rule
from workbench.project.phrases import phrase_votes
from workbench.project.task import Task
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset, VoteMatrix, WorkbenchError

Rule = Mapping[str, Any]

MANY: Final = 100_000  # rows a rule is tried on while somebody types
_KNOWN: Final = 20_000  # rows with a known class that are tried beyond these
_PILOT: Final = 200  # rows that tell how slow a pattern is
_PATIENCE: Final = 1.5  # seconds a draft may take
_SAME: Final = 0.9  # of its rows have the same vote by one function: the draft adds little
_WHERE: Final = "the rule"
_LONGEST: Final = 10_000  # characters of all that a rule says: it is typed, and lists that are longer stand in a file
_MOST: Final = 1_000  # words of a list


@dataclass(frozen=True, eq=False)
class Ground:
    """The rows a draft is tried on, in random order, and what is known of them.

    data: train and valid rows, without hidden columns. counted: the first rows, as many, are a random part of all `total` train
    and valid rows; those behind them are further ones with a known class. gold: of valid alone. reviewed: what people decided
    in review. votes: int16[n, m] of the functions `lfs`, column-major. since: those of them that no run has seen yet. usual:
    the class most of them vote, ABSTAIN where none or several.
    """

    folder: Path
    data: Dataset
    counted: int
    total: int
    gold: NDArray[np.int16]
    reviewed: NDArray[np.int16]
    lfs: tuple[str, ...]
    votes: NDArray[np.int16]
    since: tuple[str, ...]
    usual: NDArray[np.int16]
    chunk: Chunk
    pilot: Chunk
    lock: Lock = field(default_factory=Lock)  # a chunk is made for one reader, and two tabs may ask at once
    kept: dict[Any, Any] = field(default_factory=dict)

    @property
    def known(self) -> NDArray[np.int16]:
        """int16[n]: what people say of each row, reviewed or gold."""
        return np.where(self.reviewed != ABSTAIN, self.reviewed, self.gold)

    @property
    def uncovered(self) -> NDArray[np.bool_]:
        """bool[n]: rows on which no function votes."""
        return np.asarray((self.votes == ABSTAIN).all(axis=1))


def ground_of(
    task: Task,
    dataset: Dataset,
    votes: VoteMatrix | None = None,
    ran: Mapping[str, str] | None = None,
    anchors: pd.DataFrame | None = None,
    *,
    many: int | None = MANY,
    seed: int = 0,
) -> Ground:
    """Lay out the rows of a task to try drafts on.

    votes, ran: of a run, and the fingerprints of its functions; rules of rules.toml that it did not run are asked now. anchors:
    labels by row id, of `reviewing.anchors`. many: the rows to draw where there are more; None takes all.
    """
    ids, split = dataset.ids, dataset.split.to_numpy()
    gold = np.full(len(ids), ABSTAIN, np.int16)
    if dataset.gold is not None:
        gold = np.where(split == "valid", dataset.gold.to_numpy(), gold)
    reviewed = np.full(len(ids), ABSTAIN, np.int16)
    if anchors is not None:
        reviewed[ids.get_indexer(anchors.index)] = anchors["label"].to_numpy()
    order = np.random.default_rng(seed).permutation(np.flatnonzero(split != "test"))
    drawn, rest = order[:many], order[len(order) if many is None else many :]
    places = np.concatenate([drawn, rest[(gold[rest] != ABSTAIN) | (reviewed[rest] != ABSTAIN)][:_KNOWN]])
    data = task.visible(dataset.take(places))
    chunk = Chunk(data.frame, data.text, data.labels)
    lfs, cast = _votes_of_run(votes, dataset, places)
    new = _votes_since(task, chunk, ran or {})
    stay = [j for j, name in enumerate(lfs) if name not in new and name not in task.disabled]
    matrix = np.asfortranarray(np.column_stack([cast[:, stay], *new.values()]))
    return Ground(
        folder=task.folder,
        data=data,
        counted=len(drawn),
        total=len(order),
        gold=gold[places],
        reviewed=reviewed[places],
        lfs=(*(lfs[j] for j in stay), *new),
        votes=matrix,
        since=tuple(new),
        usual=_usual(matrix, len(data.labels)),
        chunk=chunk,
        pilot=Chunk(data.frame.iloc[:_PILOT], data.text, data.labels),
    )


def _votes_of_run(
    votes: VoteMatrix | None, dataset: Dataset, places: NDArray[np.intp]
) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    """Return the functions of a run and their votes on the rows at some places; rows it did not see have none."""
    if votes is None or votes.labels != dataset.labels:
        return (), np.empty((len(places), 0), np.int16)
    found = places if votes.ids.equals(dataset.ids) else votes.ids.get_indexer(dataset.ids[places])
    return votes.lfs, np.where((found >= 0)[:, None], votes.votes[found], np.int16(ABSTAIN))


def _votes_since(task: Task, chunk: Chunk, ran: Mapping[str, str]) -> dict[str, NDArray[np.int16]]:
    """Return the votes of rules that are new or other than in the run, so that a rule just saved counts for the next one.

    Phrases need spaCy, and wait for the run; so does what cannot be read, which the page of functions shows.
    """
    try:
        rules = tomllib.loads(task.rules_file.read_text(encoding="utf-8-sig")).get("rule", [])
    except (OSError, ValueError):
        return {}
    found = {}
    for rule in rules if isinstance(rules, list) else []:
        if not isinstance(rule, dict) or rule.get("kind") == "phrase" or rule.get("enabled") is False:
            continue
        try:
            function = _function(rule, task.folder, chunk)
        except WorkbenchError:
            continue
        if ran.get(function.name) != function.fingerprint and function.name not in task.disabled:
            found[function.name] = function.votes(chunk)[0]
    return found


def _usual(votes: NDArray[np.int16], k: int) -> NDArray[np.int16]:
    counts = np.zeros((len(votes), k), np.int16)
    for column in votes.T:
        rows = np.flatnonzero(column != ABSTAIN)
        counts[rows, column[rows]] += 1
    most = counts.max(axis=1)
    clear = (most > 0) & ((counts == most[:, None]).sum(axis=1) == 1)
    return np.where(clear, counts.argmax(axis=1), ABSTAIN).astype(np.int16)


class Precision(NamedTuple):
    """How many of n votes on rows with a known class are right, with the 95 % interval of their share."""

    right: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share that is right, nan where nothing is known."""
        return self.right / self.n if self.n else float("nan")


@dataclass(frozen=True, eq=False)
class Tried:
    """What a draft does.

    votes: int16, of the first rows of the ground. counted: how many of these are a random part of all rows; figures are about
    them. slow: whether time allowed for no more. rows: the positions by what they show: new (no function votes there yet),
    conflicting, wrong (not what gold or a reviewer says), all. functions: votes_for, both (rows on which both vote), differ and
    share (of its votes there) by function, the most disputed first. twin: the function that votes the same on most of its rows,
    if nine in ten. faults: rows on which it failed; fault: on the first.
    """

    rule: Rule
    votes: NDArray[np.int16]
    counted: int
    slow: bool
    rows: Mapping[str, NDArray[np.intp]]
    counts: Mapping[str, int]
    gold: Precision
    reviewed: Precision
    functions: pd.DataFrame
    twin: str
    faults: int
    fault: str

    @property
    def coverage(self) -> float:
        """The share of rows on which it votes."""
        return self.counts["all"] / max(self.counted, 1)


def try_rule(ground: Ground, rule: Rule) -> Tried:
    """Let a draft vote on the ground and compare it with what is known; raises WorkbenchError for a rule that cannot be.

    rule: what would stand under `[[rule]]`.
    """
    check_size(rule)
    _check_column(rule, ground)
    votes, faults, slow = _vote(ground, rule)
    counted = min(ground.counted, len(votes))
    rows = np.flatnonzero(votes != ABSTAIN)
    cast, inside = votes[rows], rows < counted
    theirs = ground.votes.T.take(rows, axis=1)  # int16[m, covered rows]: nothing else is looked at
    voted = theirs != ABSTAIN
    differ = voted & (theirs != cast)
    gold, reviewed = ground.gold[rows], ground.reviewed[rows]
    wrong = ((gold != ABSTAIN) & (gold != cast)) | ((reviewed != ABSTAIN) & (reviewed != cast))
    kinds = {"new": ~voted.any(axis=0), "conflicting": differ.any(axis=0), "wrong": wrong, "all": np.ones(len(rows), bool)}
    functions, twin = _beside(ground, theirs[:, inside], voted[:, inside], differ[:, inside])
    return Tried(
        rule=rule,
        votes=votes,
        counted=counted,
        slow=slow,
        rows={kind: rows[mask] for kind, mask in kinds.items()},
        counts={kind: int((mask & inside).sum()) for kind, mask in kinds.items()},
        gold=_precision(cast, gold),
        reviewed=_precision(cast, reviewed),
        functions=functions,
        twin=twin,
        faults=len(faults),
        fault=faults[0] if faults else "",
    )


def _precision(cast: NDArray[np.int16], known: NDArray[np.int16]) -> Precision:
    right, n = int((cast == known).sum()), int((known != ABSTAIN).sum())
    low, high = wilson_interval(right, n)
    return Precision(right, n, float(low), float(high))


def _beside(
    ground: Ground, theirs: NDArray[np.int16], voted: NDArray[np.bool_], differ: NDArray[np.bool_]
) -> tuple[pd.DataFrame, str]:
    """Return the functions that vote on the same rows, and the one that says the same on nearly all of them."""
    both, apart = voted.sum(axis=1), differ.sum(axis=1)
    same = both - apart
    table = pd.DataFrame({"both": both, "differ": apart}, index=pd.Index(ground.lfs, dtype="str", name="function"))
    votes_for = [", ".join(ground.data.labels[vote] for vote in np.unique(row) if vote != ABSTAIN) for row in theirs]
    table.insert(0, "votes_for", pd.Series(votes_for, index=table.index, dtype="str"))
    table["share"] = table["differ"] / table["both"].clip(lower=1)
    n = theirs.shape[1]
    twin = ground.lfs[int(same.argmax())] if n and len(same) and same.max() >= _SAME * n else ""
    return table[table["both"] > 0].sort_values(["differ", "both"], ascending=False, kind="stable"), twin


def _vote(ground: Ground, rule: Rule) -> tuple[NDArray[np.int16], list[str], bool]:
    """Return the votes on as many rows of the ground as there is time for, its faults, and whether there was too little."""
    with ground.lock:
        if rule.get("kind") == "phrase":
            votes = phrase_votes(rule, ground.chunk)
            return votes, [], len(votes) < len(ground.data)
        function, chunk = _function(rule, ground.folder, ground.chunk), ground.chunk
        if function.kind == "regex":  # linear, and yet a pattern such as [a-z]*.{100,300}x takes a millisecond a row
            start = time.perf_counter()
            function.votes(ground.pilot)
            a_row = (time.perf_counter() - start) / max(len(ground.pilot), 1)
            if a_row * len(chunk) > _PATIENCE:
                rows = max(int(_PATIENCE / a_row), _PILOT)
                chunk = Chunk(chunk.frame.iloc[:rows], chunk.text_columns, chunk.labels)
        votes, faults = function.votes(chunk)
    return votes, [fault.error for fault in faults], len(chunk) < len(ground.data)


def _function(rule: Rule, folder: Path, chunk: Chunk) -> LabelingFunction:
    return make_rule(rule, folder, chunk.labels or (), chunk.text_columns, where=_WHERE, place="draft")


def votes_on(ground: Ground, rule: Rule, examples: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the vote of a draft on examples, each a dict of columns; in a column it does not give nothing stands."""
    columns, text = ground.data.frame.columns, ground.data.text
    lines = [{name: example.get(name, "" if name in text else None) for name in columns} for example in examples]
    frame = pd.DataFrame(lines, columns=columns, dtype=object, index=[f"example {place}" for place in range(len(lines))])
    chunk = Chunk(frame, text, ground.data.labels)
    if rule.get("kind") == "phrase":
        return list(map(int, phrase_votes(rule, chunk)))
    return list(map(int, _function(rule, ground.folder, chunk).votes(chunk)[0]))


def _check_column(rule: Rule, ground: Ground) -> None:
    known = list(ground.data.frame.columns)
    name = rule.get("column")
    if name is None and not ground.data.text:
        raise WorkbenchError(f"this task has no text column; name the column to look in: {listed(known)}")
    if name is not None and name not in known:
        raise WorkbenchError(f"there is no column {name!r}; the columns are {listed(known)}{did_you_mean(name, known)}")


def check_size(rule: Rule) -> None:
    """Refuse a rule that nobody types: what a browser sends is bounded, whatever the page lets one write."""
    for key, value in rule.items():
        several = value if isinstance(value, Mapping | list | tuple) else [value]
        length = sum(len(str(one)) for one in several)
        if length > _LONGEST or len(several) > _MOST:
            raise WorkbenchError(
                f"{_WHERE}: {key} holds {length:,} characters{f' in {len(several):,} words' * (len(several) > 1)}; allowed are "
                f"{_LONGEST:,} and {_MOST:,} words. Longer lists stand in a file, which a lookup rule in rules.toml names"
            )


def refusal(error: WorkbenchError) -> str:
    """Return why a draft is refused, to who types it and not into a file."""
    said = str(error).removeprefix(f"{_WHERE}: ").partition("; in TOML write")[0]
    return capitalised(said)


def words_in(text: str) -> list[str]:
    """Return what stands between commas; in double quotes a comma is part of a word.

    >>> words_in('refund, "yes, please", ')
    ['refund', 'yes, please']
    """
    words = next(csv.reader([text.replace("\n", " ")], skipinitialspace=True), [])
    return [word.strip() for word in words if word.strip()]


def rule_of(
    kind: str, finds: Sequence[str] = (), label: str = "", *, column: str | None = None, **settings: Any
) -> dict[str, Any]:
    """Return a draft as it would stand in rules.toml, settings at their defaults left out; try_rule says what is wrong with it.

    finds: words, phrases, values, or of a regex its one pattern. settings: of the maker in `workbench.lfs`.
    """
    if kind not in RULES:
        raise WorkbenchError(f"there is no rule of kind {kind!r}; the kinds are {listed(RULES)}{did_you_mean(kind, RULES)}")
    said: dict[str, Any] = {"keyword": {"words": list(finds)}, "phrase": {"phrases": list(finds)}, "threshold": {}}.get(
        kind, {}
    )
    if kind == "regex":
        said = {"pattern": finds[0] if finds else ""}
    if kind == "lookup":
        said = {"values": list(finds)}
    if kind == "column" and finds:
        said = {"values": dict.fromkeys(finds, label)}
    votes = {} if kind == "column" else {"label": label}
    usual = {"match": "any", "whole_word": True, "case": False, "language": "en", "above": None, "below": None}
    changed = {key: value for key, value in settings.items() if value != usual.get(key)}
    where = {} if column is None else {"column": column}
    return {"kind": kind, **votes, **where, **said, **changed}


def columns_for(ground: Ground, kind: str) -> list[str]:
    """Return the columns that a rule of a kind can look in, the likely ones first; text rules may look in all text instead."""
    frame, text = ground.pilot.frame, ground.data.text
    if kind == "threshold":
        return [name for name in frame.columns if name not in text and _numeric(frame[name])]
    others = [name for name in frame.columns if name not in text]
    return [*others, *text] if kind in ("lookup", "column") else [*text, *others]


def _numeric(cells: pd.Series[Any]) -> bool:
    """Tell whether nearly all cells that hold something hold a number."""
    given = int(cells.notna().sum())
    return bool(given and pd.to_numeric(cells, errors="coerce").notna().sum() > 0.9 * given)
