"""Regions: places in the data that can be named in words, where labels may go wrong more often than elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose.gaps import terms_of
from workbench.tables import ABSTAIN, Dataset, VoteMatrix

KINDS: Final = ("slice", "column", "word", "function")
_VALUES: Final = 30  # distinct values up to which a column is looked at value by value
_WORDS: Final = 3_000  # words and pairs of words that are looked at, the most frequent ones
Found = tuple[str, str, NDArray[np.intp]]  # kind, name in words, positions of the rows


@dataclass(frozen=True, eq=False)
class Regions:
    """Named sets of the same n rows.

    names, kinds: one a region. vote: int64[r], of a function's region the class it votes there, else ABSTAIN. inside: a sparse
    float64[n, r] of ones, by columns. terms: what each row holds, its words and those of `values`, such as `column is value`.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    vote: NDArray[np.int64]
    inside: Any
    terms: Sequence[set[str]]
    values: frozenset[str]

    def __len__(self) -> int:
        return len(self.names)


def regions_of(
    data: Dataset, masks: Mapping[str, NDArray[np.bool_]], votes: VoteMatrix | None = None, fewest: int = 8
) -> Regions:
    """Name the regions of some rows: slices, values of columns, lengths of texts, words, and what each function votes.

    masks: bool[n] a slice, by name as it is shown. votes: of these rows, in their order. fewest: rows that a region, and what
    lies outside it, has at least. Of regions with the same rows the first stays, in the order of KINDS, of words the shorter.
    """
    words = [terms_of(text) for text in data.texts()]
    values = list(_of_columns(data, fewest))
    found: list[Found] = [("slice", name, np.flatnonzero(mask)) for name, mask in masks.items()]
    found += [*values, *_of_lengths(data), *_of_words(words, fewest)]
    kept: dict[bytes, Found] = {}
    for one in found:
        if fewest <= len(one[2]) <= len(data) - fewest:
            kept.setdefault(one[2].tobytes(), one)
    cast = [] if votes is None else [(one, vote) for one, vote in _of_functions(votes) if len(one[2]) >= fewest]
    every = [*kept.values(), *(one for one, _ in cast)]
    marks = [set(one) for one in words]
    for _, name, rows in values:
        for row in rows.tolist():
            marks[row].add(name)
    return Regions(
        names=tuple(name for _, name, _ in every),
        kinds=tuple(kind for kind, _, _ in every),
        vote=np.array([ABSTAIN] * len(kept) + [vote for _, vote in cast], dtype=np.int64),
        inside=_sparse([one[2] for one in every], len(data)),
        terms=marks,
        values=frozenset(name for _, name, _ in values),
    )


def _sparse(rows: Sequence[NDArray[np.intp]], n: int) -> Any:
    from scipy.sparse import csc_array

    ends = np.cumsum([0, *map(len, rows)])
    places = np.concatenate([np.zeros(0, np.intp), *rows])
    return csc_array((np.ones(len(places)), places, ends), shape=(n, len(rows)))


def _of_columns(data: Dataset, fewest: int) -> Iterator[Found]:
    """Yield the values of columns that have few, and the lowest and highest quarter of numbers and times."""
    for name in data.frame.columns.drop(list(data.text)):
        column = data.frame[name]
        there = column.notna()
        if not there.all():
            yield "column", f"{name} is missing", np.flatnonzero(~there)
        if _nested(column):
            continue
        counts = column.value_counts()
        if len(counts) <= _VALUES:
            for value in sorted(counts.index[counts >= fewest], key=str):
                yield (
                    "column",
                    f"{name} is {value if value != '' else 'empty'}",
                    np.flatnonzero((column == value).fillna(False)),
                )
        elif (scale := _scale(column)) is not None:
            for share, word in ((0.25, "at most"), (0.75, "at least")):
                bound = scale.dropna().quantile(share, interpolation="nearest")
                kept = scale <= bound if word == "at most" else scale >= bound
                yield "column", f"{name} {word} {_said(bound)}", np.flatnonzero(kept.fillna(False))


def _nested(column: pd.Series[Any]) -> bool:
    return column.dtype == object and not all(pd.api.types.is_hashable(cell) for cell in column)


def _scale(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return a column as numbers or times, None where it holds neither."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    return times if times.notna().sum() > 0.9 * column.notna().sum() else None


def _said(bound: Any) -> str:
    return bound.isoformat(sep=" ", timespec="minutes")[:16] if isinstance(bound, pd.Timestamp) else f"{bound:g}"


def _of_lengths(data: Dataset) -> Iterator[Found]:
    if data.text and len(data):
        lengths = np.array([len(text.split()) for text in data.texts()])
        short, long = np.quantile(lengths, (0.25, 0.75), method="nearest").tolist()
        yield "column", f"the text has at most {short} words", np.flatnonzero(lengths <= short)
        yield "column", f"the text has at least {long} words", np.flatnonzero(lengths >= long)


def _of_words(terms: Sequence[set[str]], fewest: int) -> Iterator[Found]:
    """Yield the most frequent words and pairs of words, single words before pairs."""
    counts = Counter(term for row in terms for term in row)
    often = sorted((term for term, n in counts.items() if n >= fewest), key=lambda term: (-counts[term], term))[:_WORDS]
    holding: dict[str, list[int]] = {term: [] for term in sorted(often, key=lambda term: (term.count(" "), len(term), term))}
    for place, row in enumerate(terms):
        for term in row & holding.keys():
            holding[term].append(place)
    for term, rows in holding.items():
        yield "word", f"the text holds “{term}”", np.array(rows, dtype=np.intp)


def _of_functions(votes: VoteMatrix) -> Iterator[tuple[Found, int]]:
    for j, name in enumerate(votes.lfs):
        column = votes.votes[:, j]
        for vote in np.unique(column[column != ABSTAIN]).tolist():
            yield ("function", f"{name} votes {votes.labels[vote]}", np.flatnonzero(column == vote)), vote
