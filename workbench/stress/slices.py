"""Held-out rows as they stand, but only those of a kind: new words, late ones, of one language, that could be a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.stress.contract import Suite
from workbench.tables import Dataset, WorkbenchError

_TERM: Final = re.compile(r"[^\W\d_]{3,}")
_FEWEST: Final = 5  # terms a text needs, or one strange word makes it all new


def rows_suite(name: str, kind: str, about: str, mask: pd.Series[Any]) -> Suite:
    """Return the suite of the rows for which a mask by row id says so; rows that it does not know are left out."""
    return Suite(name, kind, about, lambda rows: rows.take(mask.reindex(rows.ids, fill_value=False).to_numpy(bool)))


def new_share(rows: Dataset, train: Dataset) -> NDArray[np.float64]:
    """float64[n]: of each row's distinct terms the share that stands in no train row; 0 where it has fewer than five.

    A term is a run of three letters or more, whatever their case.
    """
    known = {term for text in train.texts() for term in _TERM.findall(text.casefold())}
    found = [set(_TERM.findall(text.casefold())) for text in rows.texts()]
    return np.array([len(terms - known) / len(terms) if len(terms) >= _FEWEST else 0.0 for terms in found])


def new_words_suite(name: str, rows: Dataset, train: Dataset, share: float) -> Suite:
    """Return the suite of that share of the rows with the largest share of terms that train lacks, of each split apart.

    Rows without a new term are never among them.
    """
    by_row = pd.Series(new_share(rows, train), index=rows.ids)
    first = by_row.groupby(rows.split).rank(method="first", ascending=False)
    size = rows.split.map(rows.split.value_counts()).astype(int)
    chosen = (first <= np.ceil(size * share)) & (by_row > 0)
    return rows_suite(name, "new_terms", f"the {share:.0%} of rows with most words that train lacks", chosen)


def late_suite(name: str, rows: Dataset, column: str, weeks: float) -> Suite:
    """Return the suite of the rows of the last weeks of each split, by a column of times.

    Raises WorkbenchError where the column is missing or no row's cell is a time.
    """
    if column not in rows.frame.columns:
        raise WorkbenchError(f"suite {name!r} asks for the time in column {column!r}, which the rows do not have")
    cells = rows.frame[column]
    times = pd.to_datetime(cells, errors="coerce", utc=True, format=None if cells.isna().all() else "mixed")
    if times.isna().all():
        raise WorkbenchError(f"suite {name!r}: column {column!r} holds no time, such as 2026-05-31 or 2026-05-31T10:20:00Z")
    newest = times.groupby(rows.split).transform("max")
    late = (times > newest - pd.Timedelta(weeks=weeks)).fillna(False)
    return rows_suite(name, "new_terms", f"rows of the last {weeks:g} weeks", late)


def language_suites(codes: pd.Series[Any], counted_rows: pd.Index[Any], fewest: int) -> list[Suite]:
    """Return a suite for each language that so many of the counted rows have, the commonest first.

    codes: by row id, missing or '' where nobody knows.
    """
    known = codes[codes.notna() & (codes != "")]
    counted = known[known.index.isin(counted_rows)].value_counts()
    return [
        rows_suite(f"language_{code}", "language", f"rows in the language {code!r}", known == code)
        for code in sorted(counted.index, key=lambda code: (-counted[code], str(code)))
        if counted[code] >= fewest
    ]


def failure_suites(found: Mapping[str, pd.Series[Any]], severities: Mapping[str, str]) -> list[Suite]:
    """Return a suite of all rows that could be one of the failures, and one a failure.

    found: bool by row id for each failure. severities: by failure.
    """
    if not found:
        return []
    every = pd.DataFrame(found).any(axis=1)
    words: Sequence[str] = list(dict.fromkeys(severities[name] for name in found))
    several = rows_suite("failures", "failures", f"rows that could be a {' or '.join(words)} failure", every)
    return [
        several,
        *(rows_suite(name, "failures", f"rows that could be it ({severities[name]})", found[name]) for name in found),
    ]
