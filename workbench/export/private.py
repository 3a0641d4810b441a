"""Private data in what is exported: counted always, and masked where somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.text.private import counts, find_private, in_words, masked


def private_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what `find_private` finds in cells that are text: row (its place), column, start, end, kind."""
    parts = []
    for name in frame:
        if not (pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_datetime64_any_dtype(frame[name])):
            texts = [cell if isinstance(cell, str) else "" for cell in frame[name].tolist()]
            parts.append(find_private(texts).assign(column=str(name)))
    empty = find_private([]).assign(column=pd.Series(dtype=object))
    return pd.concat(parts or [empty], ignore_index=True)


def without_private(frame: pd.DataFrame, found: pd.DataFrame, at: NDArray[np.intp]) -> pd.DataFrame:
    """Return the frame with marks in place of private data; found: of the table of which these are the rows at some places."""
    place = pd.Series(np.arange(len(at)), index=at)
    here = found[found["row"].isin(place.index)]
    here = here.assign(row=place[here["row"]].to_numpy()).sort_values(["row", "start"])
    cells = {
        name: pd.Series(masked(frame[name].tolist(), part), index=frame.index, dtype=frame[name].dtype)
        for name, part in here.groupby("column", sort=False)
    }
    return frame.assign(**{str(name): column for name, column in cells.items()})


def private_facts(found: pd.DataFrame, kept: NDArray[np.bool_], mask: bool) -> dict[str, Any]:
    """Return what a manifest says of the rows that are kept: {masked, rows, found: {kind: how many}}."""
    here = found[kept[found["row"].to_numpy(np.intp)]]
    return {"masked": mask, "rows": int(here["row"].nunique()), "found": counts(here["kind"])}


def private_in_words(facts: Mapping[str, Any], n: int) -> str:
    """Return a note on what `private_facts` found in n rows, '' where that is nothing."""
    if not facts["found"]:
        return ""
    what = f"Private data in {facts['rows']:,} of {n:,} exported rows: {in_words(facts['found'])}"
    return f"{what}, each masked." if facts["masked"] else f"{what}; `mask = true` under [export], or `--mask`, masks it."
