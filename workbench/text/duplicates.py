"""Texts that stand twice, or nearly, and rows of valid or test that the model has seen in train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.tables import Dataset, WorkbenchError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SHINGLE: Final = 5  # characters
_HASHES: Final = 60
_RECALL: Final = 0.995
_NEIGHBOURS: Final = 8
_CHUNK: Final = 1 << 20  # characters hashed at once: what fits the cache
_TRAIN_SAMPLE: Final = 64


@dataclass(frozen=True, eq=False)
class DuplicateGroups:
    """Which rows say the same; each row points to the first row of its group, a row that is alone to itself.

    exact: intp[n], equal text after case folding with white space runs as one space. near: intp[n], linked by chains of texts
    whose sets of 5-character shingles have a Jaccard similarity of `threshold` or more. Empty texts are alone.
    """

    exact: NDArray[np.intp]
    near: NDArray[np.intp]
    threshold: float


def fold(text: str) -> str:
    """Return text with case folded and every run of white space as one space.

    >>> fold("  Check   THIS\\tout ")
    'check this out'
    """
    return " ".join(text.casefold().split())


def find_duplicates(texts: Sequence[str], threshold: float = 0.8, seed: int = 0) -> DuplicateGroups:
    """Return groups of exact and near duplicates.

    Near duplicates are sought by MinHash with banding (Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive Datasets,
    section 3.4) such that a pair at the threshold is met with probability 0.995, and every pair met is then compared exactly.
    """
    if not 0 < threshold <= 1:
        raise WorkbenchError(
            f"threshold {threshold!r} for near duplicates is out of range; give a Jaccard similarity in (0, 1]"
        )
    folded = pd.Series([fold(text) for text in texts], dtype=object)
    codes, distinct = pd.factorize(folded)
    first = np.full(len(distinct), len(folded), np.intp)
    np.minimum.at(first, codes, np.arange(len(folded)))
    group = _near_groups(list(distinct), threshold, seed)
    exact, near = first[codes], first[group][codes]
    alone = (folded == "").to_numpy(dtype=bool)
    rows = np.arange(len(folded))
    return DuplicateGroups(np.where(alone, rows, exact), np.where(alone, rows, near), threshold)


def _near_groups(texts: list[str], threshold: float, seed: int) -> NDArray[np.intp]:
    """intp[n]: for each of n distinct texts the first text of its connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(texts)
    group = np.arange(n)
    if n < 2:
        return group
    rng = np.random.default_rng(seed)
    signatures = _signatures(texts, rng)
    width = _band_width(threshold)
    bands = [signatures[:, start : start + width] for start in range(0, _HASHES - width + 1, width)]
    candidates = [_neighbours(band, rng.permutation(n)) for band in bands]
    involved = np.unique(np.concatenate([np.concatenate(pair) for pair in candidates]))
    shingles = _shingle_sets([texts[i] for i in involved])
    edges: list[NDArray[np.intp]] = []
    for left, right in candidates:
        # Texts that a former band linked need no second look: this keeps a thousand copies of one form letter cheap.
        fresh = group[left] != group[right]
        left, right = left[fresh], right[fresh]
        similar = _jaccard(shingles, np.searchsorted(involved, left), np.searchsorted(involved, right)) >= threshold
        if similar.any():
            edges.append(np.stack([left[similar], right[similar]]))
            rows, columns = np.concatenate(edges, axis=1)
            graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(n, n))
            group = connected_components(graph, directed=False)[1]
    firsts = np.full(n, n, np.intp)
    np.minimum.at(firsts, group, np.arange(n))
    return firsts[group]


def _band_width(threshold: float) -> int:
    """Return the most hashes a band may have so that a pair at the threshold shares a band with probability _RECALL."""
    fits = (width for width in range(8, 1, -1) if 1 - (1 - threshold**width) ** (_HASHES // width) >= _RECALL)
    return next(fits, 1)


def _shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the hashes of all windows of five characters, text after text, and where each text starts among them."""
    padded = [text.ljust(_SHINGLE) for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded])
    ends = np.cumsum(lengths)
    windows = len(codes) - _SHINGLE + 1
    hashes = np.zeros(windows, np.uint64)
    for offset in range(_SHINGLE):
        hashes *= np.uint64(0x9E3779B97F4A7C15)
        hashes += codes[offset : offset + windows]
    # A polynomial alone leaves close texts with close hashes; the mixing is splitmix64's (Steele, Lea & Flood 2014).
    hashes ^= hashes >> np.uint64(30)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(27)
    hashes *= np.uint64(0x94D049BB133111EB)
    hashes ^= hashes >> np.uint64(31)
    inside = np.ones(windows, bool)
    for back in range(1, _SHINGLE):  # windows that run over into the next text
        inside[ends[:-1] - back] = False
    return hashes[inside], np.concatenate([[0], np.cumsum(lengths - _SHINGLE + 1)[:-1]])


def _signatures(texts: Sequence[str], rng: np.random.Generator) -> NDArray[np.uint32]:
    """uint32[n, _HASHES]: for each text the least hash of its shingles under each of _HASHES orders."""
    factors = rng.integers(0, 2**31, _HASHES, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    shifts = rng.integers(0, 2**32, _HASHES, dtype=np.uint32)
    signatures = np.empty((len(texts), _HASHES), np.uint32)
    chunk_of = np.cumsum([len(text) for text in texts]) // _CHUNK
    for rows in np.split(np.arange(len(texts)), np.flatnonzero(np.diff(chunk_of)) + 1):
        hashes, starts = _shingles([texts[row] for row in rows])
        short = (hashes >> np.uint64(32)).astype(np.uint32)
        for j in range(_HASHES):
            signatures[rows, j] = np.minimum.reduceat(short * factors[j] + shifts[j], starts)
    return signatures


def _neighbours(band: NDArray[np.uint32], order: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs of rows of equal band: each with the next few of its bucket, in an order given at random.

    Comparing all pairs of a bucket would be quadratic in its size; the orders of other bands bring other neighbours.
    """
    _, key = np.unique(np.ascontiguousarray(band).view(np.dtype((np.void, band.itemsize * band.shape[1]))), return_inverse=True)
    rows = order[np.argsort(key.reshape(-1)[order], kind="stable")]
    keys = key.reshape(-1)[rows]
    pairs = []
    for step in range(1, _NEIGHBOURS + 1):
        same = np.flatnonzero(keys[step:] == keys[:-step])
        pairs.append((rows[same], rows[same + step]))
    return np.concatenate([left for left, _ in pairs]), np.concatenate([right for _, right in pairs])


def _shingle_sets(texts: Sequence[str]) -> csr_array:
    """Return a sparse matrix of one row a text, with ones in the columns named by the hashes of its shingles."""
    from scipy.sparse import csr_array

    hashes, starts = _shingles(texts) if len(texts) else (np.zeros(0, np.uint64), np.zeros(0, np.intp))
    columns = (hashes >> np.uint64(2)).astype(np.int64)
    sets = csr_array((np.ones(len(columns), np.int32), columns, np.append(starts, len(columns))), shape=(len(texts), 2**62))
    sets.sum_duplicates()
    sets.data[:] = 1
    return sets


def _jaccard(sets: csr_array, left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the exact Jaccard similarity of pairs of rows, ten thousand pairs at once."""
    sizes = np.diff(sets.indptr)
    similarity = np.empty(len(left))
    for start in range(0, len(left), 10_000):
        a, b = left[start : start + 10_000], right[start : start + 10_000]
        common = sets[a].multiply(sets[b]).sum(axis=1)
        similarity[start : start + 10_000] = common / (sizes[a] + sizes[b] - common)
    return similarity


@dataclass(frozen=True, eq=False)
class DuplicateReport:
    """How often a dataset repeats itself, and what of valid and test it shows in train.

    identical: rows that repeat an earlier row character by character. exact: rows that do so after folding case and white
    space. exact_groups: how many texts those repeat. near: further rows that nearly repeat an earlier one. leaks: one line a
    row of valid or test that stands in train: id, split, train_id, kind (`exact` or `near`), identical, similarity (Jaccard).
    """

    rows: dict[str, int]
    identical: int
    exact: int
    exact_groups: int
    near: int
    leaks: pd.DataFrame
    threshold: float

    def in_words(self) -> list[str]:
        """Return what was found as sentences; none where no text repeats."""
        said = []
        if self.exact or self.near:
            what = _told(self.exact, self.identical, self.near, "repeat the text of an earlier row", sum(self.rows.values()))
            said.append(what + (f" (similarity {self.threshold:g} or more)" if self.near else ""))
        for split, part in self.leaks.groupby("split", sort=False):
            exact, identical = int((part["kind"] == "exact").sum()), int(part["identical"].sum())
            what = _told(exact, identical, len(part) - exact, "stand in train as well", self.rows[str(split)], f"{split} ")
            said.append(f"{what}: scores on {split} flatter a model that remembers")
        return said


def _told(exact: int, identical: int, near: int, does: str, of: int, split: str = "") -> str:
    """Return how many rows repeat others, and how many nearly do; none is not told."""
    if not exact:
        return f"{near:,} of {of:,} {split}rows nearly {does}"
    how = f" ({identical:,} character by character)" if identical else ""
    return f"{exact:,} of {of:,} {split}rows {does}{how}" + (f" and {near:,} nearly do" if near else "")


def duplicate_report(dataset: Dataset, threshold: float = 0.8) -> DuplicateReport:
    """Return what repeats in the text of a dataset and leaks from train into valid and test; nothing where it has no text."""
    texts = dataset.texts() if dataset.text else []
    groups = find_duplicates(texts, threshold)
    rows = np.arange(len(texts))
    copies = groups.exact != rows
    filled = pd.Series(texts, dtype=object)[[bool(text.strip()) for text in texts]]
    return DuplicateReport(
        rows={str(split): int(count) for split, count in dataset.split.value_counts().items()},
        identical=int(filled.duplicated().sum()),
        exact=int(copies.sum()),
        exact_groups=len(np.unique(groups.exact[copies])),
        near=int(((groups.near != rows) & ~copies).sum()),
        leaks=_leaks(dataset, texts, groups),
        threshold=threshold,
    )


def _leaks(dataset: Dataset, texts: list[str], groups: DuplicateGroups) -> pd.DataFrame:
    """Return the rows of valid and test that stand in train; a copy character by character wins over a folded one."""
    split = dataset.split.to_numpy(dtype=object)[: len(texts)]
    columns = {"row": np.arange(len(texts)), "text": pd.Series(texts, dtype=object), "exact": groups.exact, "near": groups.near}
    table = pd.DataFrame(columns)
    train, held_out = table[split == "train"], table[split != "train"]
    same_text, same_group = (train.groupby(column)["row"].first() for column in ("text", "exact"))
    identical = held_out["text"].map(same_text).where(held_out["exact"].isin(same_group.index))
    exact = held_out.assign(copy=identical.fillna(held_out["exact"].map(same_group)), identical=identical.notna())
    exact = exact.dropna(subset="copy").assign(kind="exact", similarity=1.0)
    near = _near_leaks(held_out.drop(exact.index), train, groups.threshold).assign(kind="near", identical=False)
    found = pd.concat([exact, near]).sort_values("row")
    return pd.DataFrame(
        {
            "id": dataset.ids[found["row"]],
            "split": split[found["row"]],
            "train_id": dataset.ids[found["copy"].to_numpy(dtype=np.intp)],
            **{name: found[name].to_numpy() for name in ("kind", "identical", "similarity")},
        }
    )


def _near_leaks(held_out: pd.DataFrame, train: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return the rows that are similar enough to a train row of their near group, of which at most _TRAIN_SAMPLE are tried."""
    sample = train.drop_duplicates("exact").groupby("near").head(_TRAIN_SAMPLE).assign(copy=lambda found: found["row"])
    pairs = held_out.merge(sample[["near", "copy", "text"]], on="near", suffixes=("", "_copy"))
    left, texts = pd.factorize(pd.concat([pairs["text"], pairs["text_copy"]]))
    pairs["similarity"] = _jaccard(_shingle_sets([fold(text) for text in texts]), left[: len(pairs)], left[len(pairs) :])
    return (
        pairs[pairs["similarity"] >= threshold].sort_values("similarity", ascending=False, kind="stable").drop_duplicates("row")
    )
