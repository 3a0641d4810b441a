"""A row as a person reviews it: its text with what rules found there, its other columns, the votes and the model's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.lfs.chunk import texts_of
from workbench.lfs.spans import Find, spans
from workbench.project.reviewing import fingerprints
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix

_EXCERPT: Final = 90  # characters
_CLASSES: Final = 3  # of the model's answer

Span = tuple[int, int]


class Card(TypedDict):
    """A row, ready to be shown; all of it is plain text.

    seen: the fingerprint of what is shown. text: its text columns, cut where rules found something, each piece with whether it
    is a find. fields: its other columns: name, cell, whether a rule that votes here looks at it, and whether the cell may tell
    what functions say. votes: function and class. model: the likeliest classes with their probability; empty where no function
    votes.
    """

    seen: str
    text: list[tuple[str, bool]]
    fields: list[tuple[str, str, bool, bool]]
    excerpt: str
    votes: list[tuple[str, str]]
    model: list[tuple[str, float]]


def make_cards(
    task: Task,
    dataset: Dataset,
    ids: Sequence[str],
    functions: Sequence[Mapping[str, Any]] = (),
    votes: VoteMatrix | None = None,
    soft: SoftLabels | None = None,
) -> dict[str, Card]:
    """Return a card for each of some rows; one that is gone has none.

    functions: those of the catalogue, which know what rules look for. votes, soft: of a run, in which rows may be missing.
    """
    places = dataset.ids.get_indexer(pd.Index(list(ids), dtype="str"))
    kept = [row for row, place in zip(ids, places, strict=True) if place >= 0]
    rows = dataset.frame.iloc[places[places >= 0]]
    hidden = task.data.get("hidden", ())
    cells = {str(name): texts_of(rows[name]) for name in rows.columns if name not in hidden}
    given = _votes_on(votes, kept)
    finds = _finds(functions, votes, given)
    telling = _telling(task, functions, list(cells))
    marked, looked = _found(dataset.text, cells, finds, len(kept))
    told = zip(kept, fingerprints(task, dataset, kept), answers(soft, kept), strict=True)
    cards: dict[str, Card] = {}
    for i, (row, seen, model) in enumerate(told):
        text = "\n".join(cells[name][i] for name in dataset.text)
        others = [(name, column[i]) for name, column in cells.items() if name not in dataset.text and column[i]]
        short = " ".join(text.split()) if dataset.text else ", ".join(f"{name} {value}" for name, value in others)
        cards[row] = Card(
            seen=seen,
            text=_cut(text, marked[i]),
            fields=[(name, value, name in looked[i], name in telling) for name, value in others],
            excerpt=short if len(short) <= _EXCERPT else f"{short[: _EXCERPT - 1]}…",
            votes=[]
            if votes is None
            else [(votes.lfs[j], votes.labels[given[i, j]]) for j in np.flatnonzero(given[i] != ABSTAIN)],
            model=model,
        )
    return cards


def answers(soft: SoftLabels | None, ids: Sequence[str]) -> list[list[tuple[str, float]]]:
    """Return the model's likeliest classes of each row with their probabilities; nothing where no function votes."""
    if soft is None:
        return [[] for _ in ids]
    found = []
    for place in soft.ids.get_indexer(pd.Index(list(ids), dtype="str")):
        best = np.argsort(-soft.probs[place], kind="stable")[:_CLASSES] if place >= 0 and soft.covered[place] else ()
        found.append([(soft.labels[label], round(float(soft.probs[place, label]), 4)) for label in best])
    return found


def _finds(
    functions: Sequence[Mapping[str, Any]], votes: VoteMatrix | None, given: NDArray[np.int16]
) -> list[tuple[NDArray[np.intp], Find]]:
    """Return what rules look for, each with the rows it votes on."""
    finds = []
    for function in functions:
        if votes is not None and function["name"] in votes.lfs:
            at = np.flatnonzero(given[:, votes.lfs.index(function["name"])] != ABSTAIN)
            finds += [(at, find) for find in function["finds"]]
    return finds


def _telling(task: Task, functions: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> set[str | None]:
    """Return the columns whose cells may tell what functions say: votes, and what the end model is not given."""
    votes = {find["column"] for function in functions if function["kind"] == "column" for find in function["finds"]}
    return votes | {name for name in columns if name not in task.end_model.get("columns", columns)}


def _found(
    text: Sequence[str], cells: Mapping[str, list[str]], finds: Sequence[tuple[NDArray[np.intp], Find]], n: int
) -> tuple[list[list[Span]], list[set[str]]]:
    """Return for each of n rows where its joined text holds a find, and the other columns that rules look at."""
    joined = ["\n".join(parts) for parts in zip(*(cells[name] for name in text), strict=True)]
    marked: list[list[Span]] = [[] for _ in range(n)]
    looked: list[set[str]] = [set() for _ in range(n)]
    for at, find in finds:
        column = find["column"]
        if column is not None and column not in text:
            for i in at:
                looked[i].add(column)
            continue
        before = [] if column is None else list(text)[: list(text).index(column)]
        for i, places in zip(at, spans([joined[i] if column is None else cells[column][i] for i in at], find), strict=True):
            shift = sum(len(cells[name][i]) + 1 for name in before)
            marked[i] += [(start + shift, end + shift) for start, end in places]
    return marked, looked


def _cut(text: str, marked: Sequence[Span]) -> list[tuple[str, bool]]:
    """Return a text in pieces: finds, of which those that overlap are one, and what lies between; no empty line at an end."""
    pieces: list[tuple[str, bool]] = []
    place = 0
    for start, end in sorted(marked):
        if start > place or not pieces or not pieces[-1][1]:
            pieces.append((text[place:start], False))
            pieces.append((text[start:end], True))
        elif end > place:
            pieces[-1] = (pieces[-1][0] + text[place:end], True)
        place = max(place, end)
    pieces.append((text[place:].rstrip("\n"), False))
    pieces[0] = (pieces[0][0].lstrip("\n"), pieces[0][1])
    return [(piece, found) for piece, found in pieces if piece]


def _votes_on(votes: VoteMatrix | None, ids: Sequence[str]) -> NDArray[np.int16]:
    """int16[len(ids), m]: the votes on some rows, ABSTAIN on those the run does not have."""
    if votes is None:
        return np.empty((len(ids), 0), np.int16)
    places = votes.ids.get_indexer(pd.Index(list(ids), dtype="str"))
    return np.where((places >= 0)[:, None], votes.votes[places], np.int16(ABSTAIN))
