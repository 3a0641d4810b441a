"""Coverage gaps: what the rows that no function votes on have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


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
