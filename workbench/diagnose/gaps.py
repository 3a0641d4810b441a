"""Coverage gaps: what the rows that no function votes on have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SIZES: Final = (2, 3, 4, 6, 8, 11, 15)  # numbers of groups that are tried
_FEWEST: Final = 15  # rows a group has on average at least
_LOOKED_AT: Final = 1_000  # rows on which groupings are compared
_DIMENSIONS: Final = 50
_TERMS: Final = 1_000  # telling terms by which rows are grouped


def terms_of(text: str) -> set[str]:
    """Return the words of a text and its pairs of neighbouring words, case folded.

    >>> sorted(terms_of("Can't log in, can't"))
    ["can't", "can't log", 'in', "in can't", 'log', 'log in']
    """
    words = _WORD.findall(text.casefold())
    return {*words, *map(" ".join, pairwise(words))}


def gap_terms(
    uncovered: Sequence[Collection[str]], covered: Sequence[Collection[str]], fewest: int = 5, top: int = 50, prior: float = 10
) -> pd.DataFrame:
    """Return the terms that are more frequent in uncovered rows than in covered ones, the most telling first.

    uncovered, covered: the terms of each row. Columns: term; uncovered and covered (rows that hold it), share_uncovered and
    share_covered (of the rows of each kind); log_odds and z, the log-odds ratio with an informative Dirichlet prior and its
    z-score (Monroe, Colaresi & Quinn, Political Analysis 16, 2008, p. 372, eqs. 15-22), over rows instead of tokens, so that a
    word said ten times in a row counts once. fewest: uncovered rows a term must stand in. prior: how many rows of average
    composition are added on either side; it keeps rare terms from the top. Terms with z up to 1.96 are left out,
    and those whose rows are as many as those of a word in them.
    """
    here, there = _counted(uncovered), _counted(covered)
    n, n_other = len(uncovered), len(covered)
    terms = sorted(
        term
        for term, count in here.items()
        if count >= fewest
        and count + there[term] < n + n_other  # what stands in every row has no odds, and tells nothing
        and not any((here[word], there[word]) == (count, there[term]) for word in term.split() if word != term)
    )
    y, other = (np.array([counts[term] for term in terms], dtype=float) for counts in (here, there))
    usual = prior * (y + other) / max(n + n_other, 1)
    cells = y + usual, n + prior - y - usual, other + usual, n_other + prior - other - usual
    log_odds = np.log(cells[0] / cells[1]) - np.log(cells[2] / cells[3])
    # Rows without the term count in the variance too: unlike one word among all tokens, a term may stand in most rows.
    z = log_odds / np.sqrt(sum(1 / cell for cell in cells))
    table = pd.DataFrame({"term": pd.Series(terms, dtype="str"), "uncovered": y.astype(int), "covered": other.astype(int)})
    table = table.assign(share_uncovered=y / max(n, 1), share_covered=other / max(n_other, 1), log_odds=log_odds, z=z)
    return table[table["z"] > 1.96].sort_values("z", ascending=False, kind="stable", ignore_index=True).head(top)


def _counted(rows: Iterable[Collection[str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for terms in rows:
        counts.update(terms)
    return counts


def gap_clusters(uncovered: Sequence[Collection[str]], covered: Sequence[Collection[str]], seed: int = 0) -> NDArray[np.int64]:
    """int64[n]: the group of each uncovered row, 0 the largest, -1 of a row without a term that is more frequent there.

    uncovered, covered: the terms of each row. Terms are weighed by tf-idf and by their log-odds of `gap_terms`, so that what
    all rows say alike, such as greetings, makes no group; then 50 directions (truncated singular value decomposition) and
    k-means; of the numbers of groups the one with the highest mean silhouette on a sample of rows (Rousseeuw, J. Comput. Appl.
    Math. 20, 1987, p. 53).
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import silhouette_score

    places, told = _directions(uncovered, covered, seed)
    points = places[told]
    look = np.random.default_rng(seed).permutation(len(points))[:_LOOKED_AT]
    best, found = -np.inf, np.zeros(len(points), np.int64)
    distinct = len(np.unique(points[look].round(9), axis=0))
    for k in _SIZES:
        if k * _FEWEST > len(points) or k > distinct:
            break
        groups = MiniBatchKMeans(k, n_init=3, batch_size=2048, random_state=seed).fit(points).labels_
        if len(np.unique(groups[look])) > 1 and (value := silhouette_score(points[look], groups[look])) > best:
            best, found = value, groups
    rank = np.empty(found.max(initial=-1) + 1, np.int64)
    rank[np.argsort(-np.bincount(found), kind="stable")] = np.arange(len(rank))
    answer = np.full(len(uncovered), -1)
    answer[told] = rank[found]
    return answer


def _directions(
    uncovered: Sequence[Collection[str]], covered: Sequence[Collection[str]], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """float64[n, d]: rows as unit vectors, and which of them hold a term that tells them from covered ones."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    terms = gap_terms(uncovered, covered, fewest=3, top=_TERMS)
    weights = dict(zip(terms["term"], terms["log_odds"], strict=True))
    pairs = [term for term in weights if any(word in weights for word in term.split() if word != term)]
    for term in pairs:  # says again what its word says, and parts rows by what happens to stand beside it
        del weights[term]
    if len(weights) < 2:
        told = np.array([not weights.keys().isdisjoint(row) for row in uncovered], bool)
        return told[:, None].astype(float), told

    def analyzer(row: Collection[str]) -> list[str]:
        return [term for term in weights if term in row]  # one order in every process

    vectorizer = TfidfVectorizer(analyzer=analyzer, sublinear_tf=True)
    table = vectorizer.fit_transform(uncovered)
    table = table.multiply([weights[term] for term in vectorizer.get_feature_names_out()]).tocsr()
    size = min(_DIMENSIONS, table.shape[1] - 1, max(len(uncovered) - 1, 1))
    with np.errstate(invalid="ignore"):  # where all rows are alike, it divides 0 by 0 for a figure that nobody asks for
        points = TruncatedSVD(size, random_state=seed).fit_transform(table)
    return np.asarray(normalize(points)), np.diff(table.indptr) > 0
