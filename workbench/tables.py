"""The frozen tables that flow between rooms, each checked once, when it is built."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

ABSTAIN: Final = -1
SPLITS: Final = ("train", "valid", "test")
_HASHED: Final = 100_000  # rows at a time, for each cell becomes a Python object first
_set: Final = object.__setattr__  # fills a frozen table while it is built


class WorkbenchError(ValueError):
    """A mistake in what a user gave: the message names the place, the value and the way out."""


def _fail(message: str) -> NoReturn:
    raise WorkbenchError(message)


def _digest(*parts: bytes) -> str:
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "little") + part)
    return state.hexdigest()


def _check_unique(what: str, names: pd.Index) -> None:
    for name in names[names.duplicated()]:
        _fail(f"{what} {name!r} stands twice; {what}s must be unique")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _check_names(what: str, names: Iterable[str]) -> tuple[str, ...]:
    checked = tuple(names)
    for name in [name for name in checked if not isinstance(name, str) or not name.strip()]:
        _fail(f"{what} {name!r} is not a non-empty string")
    _check_unique(what, pd.Index(checked, dtype=object))
    return checked


def _check_labels(labels: Iterable[str]) -> tuple[str, ...]:
    if isinstance(labels, str):
        _fail(f"labels must be a list of class names, not the single string {labels!r}")
    checked = _check_names("label", labels)
    if not 1 <= len(checked) <= np.iinfo(np.int16).max:
        _fail(f"labels is {'too long' if checked else 'empty'}; give 1 to {np.iinfo(np.int16).max:,} class names")
    return checked


def _check_ids(ids: Iterable[str] | pd.Index) -> pd.Index:
    index = ids if isinstance(ids, pd.Index) else pd.Index(list(ids), dtype="object")
    typed = isinstance(index.dtype, pd.StringDtype) and not index.hasnans and bool((index != "").all())
    for place, value in enumerate(() if typed else index):
        if not isinstance(value, str) or not value:
            _fail(f"row id {value!r} at position {place} is not a non-empty string; write df.set_index(df.index.astype(str))")
    for twice in () if index.is_unique else index[index.duplicated()]:
        places = np.flatnonzero(index == twice)[:2]
        _fail(f"row id {twice!r} stands twice, at positions {places[0]} and {places[1]}; ids must be unique over all splits")
    return index.astype("str").rename("id")


def _by_row(name: str, values: NDArray[Any], ids: pd.Index) -> pd.Series[Any]:
    return pd.Series(_read_only(values), index=ids, dtype=values.dtype, name=name, copy=False)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to label: one frame whose index is the row id.

    frame: columns of any type; text columns hold strings only. labels: k class names, in the order of every probability
    column. text: names of the text columns. split: `train`, `valid` or `test` by id. gold: class index 0..k-1 by id, -1 or
    missing where nobody knows; None where no row has any. Raises WorkbenchError naming column, row and value.
    """

    frame: pd.DataFrame
    labels: tuple[str, ...]
    text: tuple[str, ...] = ("text",)
    split: pd.Series[Any] = None  # type: ignore[assignment]  # None means all train; a Series once built
    gold: pd.Series[Any] | None = None

    def __post_init__(self) -> None:
        ids = _check_ids(self.frame.index)
        _set(self, "frame", self.frame.set_axis(ids))
        _set(self, "labels", _check_labels(self.labels))
        _set(self, "text", (self.text,) if isinstance(self.text, str) else tuple(self.text))
        self._check_columns()
        for name, series in (("split", self.split), ("gold", self.gold)):
            if series is not None and not series.index.equals(ids):
                _fail(f"{name} has not the row ids of the frame in their order; give it the index of the frame")
        split = pd.Series("train", index=ids) if self.split is None else self.split
        for row, value in split[~split.isin(SPLITS)].items():
            _fail(f"split is {value!r} on row {row!r}; allowed are {', '.join(SPLITS)}")
        _set(self, "split", _by_row("split", np.array(split, dtype=object), ids))
        if self.gold is not None:
            _set(self, "gold", _by_row("gold", aligned_gold(ids, self.labels, self.gold).astype(np.int16), ids))

    def _check_columns(self) -> None:
        columns = self.frame.columns
        for column in [name for name in columns if not isinstance(name, str)]:
            _fail(f"column name {column!r} is not a string")
        _check_unique("column", columns)
        for column in self.text:
            if column not in columns:
                _fail(f"text column {column!r} is not among the columns {list(columns)}")
            cells = self.frame[column]
            if isinstance(cells.dtype, pd.StringDtype) and not cells.hasnans:
                continue  # a look at each cell would hold them all twice
            for row, cell in cells[[not isinstance(cell, str) for cell in cells.tolist()]].items():
                _fail(f"text column {column!r} holds {cell!r} on row {row!r}; text must be strings: .fillna('') where none is")

    @property
    def ids(self) -> pd.Index:
        return self.frame.index

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, split: str) -> Dataset:
        """Return the rows of one split (none, where it has none)."""
        return self.take(self.split.to_numpy() == split)

    def take(self, rows: NDArray[Any]) -> Dataset:
        """Return the rows of a boolean mask or of positions, in that order."""
        gold = None if self.gold is None else self.gold.iloc[rows]
        return Dataset(self.frame.iloc[rows], self.labels, self.text, self.split.iloc[rows], gold)

    def texts(self) -> list[str]:
        """Return one string a row: its text columns joined by a line break."""
        columns = [self.frame[column].tolist() for column in self.text]
        return ["\n".join(cells) for cells in zip(*columns, strict=True)] if columns else [""] * len(self)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over ids, columns, cells, labels, splits and gold: the same in every process."""
        head = "\0".join([*self.frame.columns, "|", *self.labels, "|", *self.text, "|", *map(str, self.frame.dtypes)])
        gold = b"" if self.gold is None else self.gold.to_numpy().tobytes()
        return _digest(head.encode(), self.row_hashes.tobytes(), "\0".join(self.split).encode(), gold)

    @cached_property
    def row_hashes(self) -> NDArray[np.uint64]:
        """uint64[n]: a hash of each row's id and cells (an array in a cell as it prints), the same in every process."""
        mixed = [name for name in self.frame.columns if pd.api.types.is_object_dtype(self.frame[name])]
        frame = self.frame.assign(**{name: self.frame[name].map(repr) for name in mixed})  # pandas hashes no list, and 1 as "1"
        steps = (frame.iloc[at : at + _HASHED] for at in range(0, max(len(frame), 1), _HASHED))
        gaps = ((step, bool(step.isna().any(axis=None))) for step in steps)  # categorized, missing cells hash as such
        return _read_only(np.concatenate([pd.util.hash_pandas_object(step, categorize=gap) for step, gap in gaps]))


def describe_votes(labels: Sequence[str]) -> str:
    """Return the allowed votes in words, for error messages."""
    return f"-1 (abstain) and 0..{len(labels) - 1} ({', '.join(map(repr, labels[:8]))}{', ...' if len(labels) > 8 else ''})"


def aligned_gold(ids: pd.Index, labels: Sequence[str], gold: pd.Series[Any]) -> NDArray[np.int64]:
    """int64[n]: the class index of each row id, -1 where gold is missing or silent; gold may know other rows, in any order.

    Raises WorkbenchError naming row and value.
    """
    if not isinstance(gold, pd.Series) or (len(gold) and pd.api.types.is_numeric_dtype(gold.index)):
        _fail(f"gold is a {type(gold).__name__} without ids; for gold in row order write pd.Series(gold, index=votes.ids)")
    _check_unique("gold row", gold.index)
    found = gold.reindex(ids)
    codes = np.where(found.isna(), ABSTAIN, pd.to_numeric(found, errors="coerce").to_numpy(dtype=float, na_value=np.nan))
    bad = np.isnan(codes) | (codes != np.floor(codes)) | (codes < ABSTAIN) | (codes >= len(labels))
    for row in ids[bad]:
        value = gold[[row]].tolist()[0]
        _fail(f"gold is {value!r} on row {row!r}; allowed are {'numbers: ' * (value in labels)}{describe_votes(labels)}")
    return codes.astype(np.int64)


def _check_votes(array: ArrayLike, rows: pd.Index | range, lfs: Sequence[str], labels: Sequence[str]) -> NDArray[np.int16]:
    """Return votes as int16, column-major, read-only, and shared with nobody who can write; rows are named in errors."""
    votes = np.asarray(array)
    if votes.shape != (len(rows), len(lfs)):
        _fail(f"votes has shape {votes.shape}, but there are {len(rows)} rows and {len(lfs)} functions")
    if votes.size and votes.dtype.kind not in "iuf":
        _fail(f"votes has type {votes.dtype}; votes are whole numbers, {describe_votes(labels)}")
    for j, name in enumerate(lfs):
        column = votes[:, j]
        bad = ~((column >= ABSTAIN) & (column < len(labels)))
        if votes.dtype.kind == "f":
            bad |= column != np.floor(column)
        for i in np.flatnonzero(bad).tolist():
            _fail(f"labeling function {name!r} voted {column[i]} on row {rows[i]!r}; allowed are {describe_votes(labels)}")
    shared = votes.flags.owndata and not votes.flags.writeable and votes.flags.f_contiguous and votes.dtype == np.int16
    return votes if shared else _read_only(votes.astype(np.int16, order="F"))


def no_faults() -> pd.DataFrame:
    """Return an empty table of faults."""
    return pd.DataFrame({name: pd.Series(dtype="str") for name in ("id", "lf", "error", "traceback")})


@dataclass(frozen=True, eq=False)
class VoteMatrix:
    """Votes of m labeling functions on n rows.

    votes: int16[n, m], column-major and read-only, a class index or -1 where the function abstains. faults: one line for each
    vote that is missing because the function failed (id, lf, error, and the traceback of each function's first fault).
    stopped: functions whose votes are left out whole, and why. Raises WorkbenchError naming function, row and value.
    """

    ids: pd.Index
    lfs: tuple[str, ...]
    labels: tuple[str, ...]
    votes: NDArray[np.int16]
    faults: pd.DataFrame = field(default_factory=no_faults)
    stopped: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _set(self, "ids", _check_ids(self.ids))
        _set(self, "labels", _check_labels(self.labels))
        _set(self, "lfs", _check_names("function name", self.lfs))
        _set(self, "votes", _check_votes(self.votes, self.ids, self.lfs, self.labels))
        for missing in sorted({"id", "lf", "error"} - set(self.faults.columns)):
            _fail(f"faults lacks the column {missing!r}; it needs id, lf and error")
        for name, here in (("id", self.ids), ("lf", self.lfs)):
            for strange in pd.Index(self.faults[name]).difference(pd.Index(here)):
                _fail(f"faults holds the {name} {strange!r}, which these votes do not have")
        _set(self, "faults", self.faults.copy(deep=False))

    @classmethod
    def from_array(
        cls, array: ArrayLike, labels: Iterable[str], ids: Iterable[str] | None = None, lfs: Iterable[str] | None = None
    ) -> VoteMatrix:
        """Build from any n x m array; ids default to r0, r1, ... and functions to lf0, lf1, ...

        >>> VoteMatrix.from_array([[0, -1], [1, 1]], labels=["ham", "spam"]).covered
        array([ True,  True])
        """
        votes = np.asarray(array)
        if votes.ndim != 2:
            _fail(f"votes has shape {votes.shape}; give rows x functions")
        rows = (f"r{i}" for i in range(len(votes))) if ids is None else ids
        names = (f"lf{j}" for j in range(votes.shape[1])) if lfs is None else lfs
        return cls(_check_ids(rows), tuple(names), _check_labels(labels), votes)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def n_votes(self) -> NDArray[np.int64]:
        """int64[n]: how many functions vote on each row."""
        return np.asarray((self.votes != ABSTAIN).sum(axis=1))

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """bool[n]: rows on which at least one function votes."""
        return self.n_votes > 0

    @cached_property
    def conflicting(self) -> NDArray[np.bool_]:
        """bool[n]: rows with votes for two classes, that is with a vote other than their highest."""
        highest = self.votes.max(axis=1, initial=ABSTAIN)
        return np.asarray(((self.votes != ABSTAIN) & (self.votes != highest[:, None])).any(axis=1))

    def take(self, rows: NDArray[Any]) -> VoteMatrix:
        """Return the rows of a boolean mask or of positions, in that order, with their faults."""
        ids = self.ids[rows]
        faults = self.faults[ids.get_indexer(pd.Index(self.faults["id"])) >= 0]
        return VoteMatrix(ids, self.lfs, self.labels, self.votes[rows], faults, self.stopped)

    def to_frame(self) -> pd.DataFrame:
        """Return a frame with one int16 column a function, indexed by row id."""
        return pd.DataFrame({name: self.votes[:, j] for j, name in enumerate(self.lfs)}, index=self.ids)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over ids, function names, labels and votes: the same in every process."""
        return _digest("\0".join([*self.lfs, "|", *self.labels, "|", *self.ids]).encode(), self.votes.tobytes(order="F"))


@dataclass(frozen=True, eq=False)
class PatternCounts:
    """Distinct vote rows and how often each occurs: all that a label model needs to learn.

    patterns: int16[p, m], no two rows equal. counts: int64[p], positive. Both are read-only.
    """

    lfs: tuple[str, ...]
    labels: tuple[str, ...]
    patterns: NDArray[np.int16]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        _set(self, "labels", _check_labels(self.labels))
        _set(self, "lfs", _check_names("function name", self.lfs))
        counts = np.array(self.counts)
        if counts.ndim != 1 or (counts.size and (counts.dtype.kind not in "iu" or counts.min() < 1)):
            _fail(f"counts holds {counts.min()}; counts are whole numbers above 0, one a pattern")
        _set(self, "counts", _read_only(counts.astype(np.int64)))
        _set(self, "patterns", _check_votes(self.patterns, range(len(counts)), self.lfs, self.labels))
        for again in np.setdiff1d(np.arange(len(counts)), distinct_rows(self.patterns)[0]):
            _fail(f"the pattern {self.patterns[again].tolist()} stands twice; give each once, with its count")

    @classmethod
    def from_votes(cls, votes: VoteMatrix) -> PatternCounts:
        """Count the distinct rows of a vote matrix."""
        return cls._count(votes, votes.votes, np.ones(len(votes), np.int64))

    def merge(self, other: PatternCounts) -> PatternCounts:
        """Return the counts of both sets of rows together; functions and labels must be the same."""
        if (self.lfs, self.labels) != (other.lfs, other.labels):
            _fail(f"pattern counts of {self.lfs} and {other.lfs} do not merge; functions and labels must be the same")
        return self._count(self, np.concatenate([self.patterns, other.patterns]), np.concatenate([self.counts, other.counts]))

    @classmethod
    def _count(cls, of: VoteMatrix | PatternCounts, votes: NDArray[np.int16], weights: NDArray[np.int64]) -> PatternCounts:
        first, inverse = distinct_rows(votes)
        return cls(of.lfs, of.labels, votes[first], np.bincount(inverse, weights, minlength=len(first)).astype(np.int64))


def distinct_rows(votes: NDArray[np.int16]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the position of the first row of each distinct kind, in the order of a hash, and for every row its kind.

    Rows are compared by 64 bits of hash, which are then checked against the votes; a collision falls back to comparing rows.
    """
    weights = np.asarray(np.random.default_rng(0).integers(1, 2**63, size=votes.shape[1], dtype=np.uint64)) | np.uint64(1)
    key = np.zeros(len(votes), np.uint64)
    for j in range(len(weights)):
        key = (key ^ key >> np.uint64(29)) * np.uint64(0x9E3779B97F4A7C15)
        key += weights[j] * (votes[:, j].astype(np.uint64) + np.uint64(2))
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    if not all(np.array_equal(votes[first, j][inverse], votes[:, j]) for j in range(len(weights))):
        _, first, inverse = np.unique(votes, axis=0, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """A probability for every class on every row that came in.

    probs: float64[n, k], rows sum to 1, columns in the order of labels. covered: bool[n], False where no function voted: there
    probs is the class balance, an assumption and not a finding.
    """

    ids: pd.Index
    labels: tuple[str, ...]
    probs: NDArray[np.float64]
    covered: NDArray[np.bool_]

    def __post_init__(self) -> None:
        _set(self, "ids", _check_ids(self.ids))
        _set(self, "labels", _check_labels(self.labels))
        probs = np.array(self.probs, dtype=np.float64)
        covered = np.array(self.covered, dtype=bool)
        n, k = len(self.ids), len(self.labels)
        if probs.shape != (n, k) or covered.shape != (n,):
            _fail(f"probs has shape {probs.shape} and covered {covered.shape}, but there are {n} ids and {k} labels")
        bad = ~(np.isfinite(probs).all(axis=1) & (probs >= 0).all(axis=1) & (np.abs(probs.sum(axis=1) - 1) < 1e-6))
        for i in np.flatnonzero(bad).tolist():
            _fail(f"probs of row {self.ids[i]!r} are {probs[i].tolist()}; they must be 0 or more and sum to 1")
        _set(self, "probs", _read_only(probs))
        _set(self, "covered", _read_only(covered))

    @classmethod
    def from_hard(cls, ids: pd.Index, labels: Iterable[str], hard: ArrayLike) -> SoftLabels:
        """Build one-hot rows from class indexes; -1 becomes an uncovered, uniform row."""
        names = _check_labels(labels)
        index = np.asarray(hard, dtype=np.intp)
        probs = np.vstack([np.eye(len(names)), np.full(len(names), 1 / len(names))])[index]
        return cls(ids, names, probs, index != ABSTAIN)

    def __len__(self) -> int:
        return len(self.ids)

    def hard(self) -> pd.Series[Any]:
        """Return the likeliest class index by row id; -1 on uncovered rows and where classes tie.

        >>> SoftLabels(pd.Index(["a", "b"]), ("ham", "spam"), [[0.9, 0.1], [0.5, 0.5]], [True, True]).hard().tolist()
        [0, -1]
        """
        answer = np.where(self.covered & (tied_classes(self.probs).sum(axis=1) == 1), self.probs.argmax(axis=1), ABSTAIN)
        return pd.Series(answer.astype(np.int16), index=self.ids, name="label")

    def take(self, rows: NDArray[Any]) -> SoftLabels:
        """Return the rows of a boolean mask or of positions, in that order."""
        return SoftLabels(self.ids[rows], self.labels, self.probs[rows], self.covered[rows])

    def to_frame(self) -> pd.DataFrame:
        """Return one column a class and `covered`, indexed by row id."""
        return pd.DataFrame(self.probs, index=self.ids, columns=list(self.labels)).assign(covered=self.covered)


def tied_classes(probs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool[n, k]: the classes that share the highest probability of their row, equal within 1e-9."""
    return np.asarray(probs >= probs.max(axis=1, keepdims=True) - 1e-9)
