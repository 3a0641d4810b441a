"""Rows of production that people are to label: taken into a task beside its file, as train rows without gold, and never twice.

They stand in `production.parquet` in the task's folder, with the columns of the task's own file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.columns import cell_text, shorten
from workbench.io.datasets import row_ids
from workbench.io.files import locked, write_frame
from workbench.io.headers import data_of
from workbench.io.names import listed
from workbench.io.readers import check_columns, file_layout, read_frame
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

PRODUCTION: Final = "production.parquet"
_GIVEN: Final = "correct the cell, or empty it"
_KEPT: Final = "write the row into the task's own file with the right cell: there it counts as it stands, and here no more"


def with_production(folder: Path, dataset: Dataset) -> tuple[Dataset, list[str]]:
    """Return the rows of a task's file, behind them those taken in from production, and in words how many these are.

    A row that was added to the file since stands there alone: the file may know more of it.
    """
    path = folder / PRODUCTION
    if not path.exists():
        return dataset, []
    kept = _read(path)
    new = kept[~kept.index.isin(dataset.ids)]
    notes = [f"train rows that were taken in from production for people to label: {len(new):,}"] if len(new) else []
    if len(new) < len(kept):
        notes.append(
            f"rows of {path} that stand in the task's own file by now, and count as they do there: {len(kept) - len(new):,}"
        )
    if new.empty:
        return dataset, notes
    frame = pd.concat([dataset.frame, as_in(dataset, new, str(path), _KEPT)])
    split = pd.Series([*dataset.split, *["train"] * len(new)], index=frame.index)
    gold = None
    if dataset.gold is not None:
        gold = dataset.gold.reindex(frame.index, fill_value=ABSTAIN)
    return replace(dataset, frame=frame, split=split, gold=gold), notes


def take_in(folder: Path, rows: pd.DataFrame) -> int:
    """Keep rows (of `NewRows`, indexed by id) for good and return how many are new; an id that is kept is not kept again."""
    path = folder / PRODUCTION
    with locked(folder):
        before = _read(path) if path.exists() else rows.iloc[:0]
        new = rows[~rows.index.isin(before.index)]
        if len(new):
            after = pd.concat([before, new]) if len(before) else new
            write_frame(after.rename_axis(_key(after)), path)
    return len(new)


def production_ids(folder: Path) -> pd.Index:
    """Return the ids of the rows that were taken in."""
    path = folder / PRODUCTION
    return _read(path).index if path.exists() else pd.Index([], dtype="str")


def release(folder: Path, keep: Collection[str]) -> set[str]:
    """Take rows out for good, all but those to keep, and return their ids."""
    path = folder / PRODUCTION
    with locked(folder):
        before = _read(path) if path.exists() else pd.DataFrame(index=pd.Index([], dtype="str"))
        left = before[before.index.isin(list(keep))]
        if len(left):
            write_frame(left.rename_axis(_key(left)), path)
        else:
            path.unlink(missing_ok=True)
    return set(before.index) - set(left.index)


def _key(rows: pd.DataFrame) -> str:
    """Return the name of the first column of the file, which holds the ids: one that no column of the task has."""
    name = "id"
    while name in rows.columns:
        name = f"_{name}"
    return name


def _read(path: Path) -> pd.DataFrame:
    try:
        rows = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # Arrow's errors are ValueErrors
        said = str(error).splitlines()[0]
        raise WorkbenchError(
            f"{path} is damaged ({said}); put it back from a copy, or remove it and take its rows in again"
        ) from None
    return rows.set_index(rows.columns[0]).rename_axis("id")


@dataclass(frozen=True)
class NewRows:
    """Rows of a file that was predicted, as a task would hold them.

    rows: the wanted ones by id, in the columns of the task. refused: why a row cannot be one of the task, by id. missing: ids
    that the file lacks. notes: what was odd about the file.
    """

    rows: pd.DataFrame
    refused: dict[str, str]
    missing: list[str]
    notes: list[str]


def read_new_rows(path: Path, data: Mapping[str, Any], dataset: Dataset, ids: Iterable[str]) -> NewRows:
    """Read the rows of some ids from a file; data: the table [data] of the task, dataset: its rows, whose columns they get.

    Ids are those that `workbench predict` logs. A row with another text than the task, or another row of the file, has under
    its id is refused. Raises WorkbenchError for a cell that does not fit its column.
    """
    task_names_ids = "id" in data
    data, notes = data_of(path, data)
    frame, odd = _read_like(path, data, dataset)
    notes += odd
    wanted = list(dict.fromkeys(ids))
    frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1), axis=0)
    named = row_ids(frame, dataset.text, data.get("id"), str(path))  # as `workbench predict` logs them
    frame = frame.set_axis(pd.Index(named, dtype="str", name="id"), axis=0)
    frame = frame[frame.index.isin(wanted)]
    if task_names_ids and "id" not in data:
        texts = row_ids(dataset.frame, dataset.text, None, str(path))
        otherwise_called = frame.index.isin(texts) & ~frame.index.isin(dataset.ids)
        if otherwise_called.any():
            notes.append(f"rows of {path} left out, as the task holds their text under another id: {otherwise_called.sum():,}")
        frame = frame[~otherwise_called]
    lacking = [name for name in dataset.frame.columns if name not in frame.columns]
    if lacking:
        notes.append(f"{path} lacks {listed(lacking)}: these cells are missing in its rows")
    there = as_in(dataset, frame, str(path))
    # what came in later, such as an outcome, makes no other row of it
    same = list(dataset.text) or [
        name for name in dataset.frame.columns if name in frame.columns and name not in data.get("outcomes", ())
    ]
    content = _content(there, same)
    first, held = content.groupby(level=0).first(), _content(dataset.frame.loc[dataset.ids.isin(wanted)], same)
    again = content.index[content.to_numpy() != first[content.index].to_numpy()]
    refused = dict.fromkeys(again, "stands twice in the file, with another text")
    known = first[first.index.isin(held.index)]
    edited = known.index[known.to_numpy() != held[known.index].to_numpy()]
    refused |= dict.fromkeys(edited, "has another text in the task")
    rows = there[~there.index.duplicated() & ~there.index.isin(list(refused))]
    return NewRows(rows, refused, [row for row in wanted if row not in first.index], notes)


def _read_like(path: Path, data: Mapping[str, Any], dataset: Dataset) -> tuple[pd.DataFrame, list[str]]:
    """Read a file; what the task holds as text is text exactly as it stands, also where all of its cells look like numbers."""
    settings = file_layout(data)
    exact = [*([data["id"]] if "id" in data else []), *dataset.text]
    frame, notes = read_frame(path, text_columns=exact, **settings)
    texts = [name for name in dataset.frame.columns if isinstance(dataset.frame[name].dtype, pd.StringDtype)]
    typed = [name for name in texts if name in frame.columns and not isinstance(frame[name].dtype, pd.StringDtype)]
    if typed:
        frame, notes = read_frame(path, text_columns=[*exact, *typed], **settings)
        frame = frame.assign(**{name: frame[name].where(frame[name] != "", None) for name in typed})
    return frame, notes


def _content(frame: pd.DataFrame, columns: list[str]) -> pd.Series[Any]:
    """Return the cells of some columns as one text a row, by id."""
    cells = zip(*([cell_text(cell) for cell in frame[name].tolist()] for name in columns), strict=True)
    return pd.Series(["\0".join(row) for row in cells], index=frame.index, dtype=object)


def as_in(dataset: Dataset, rows: pd.DataFrame, where: str, way_out: str = _GIVEN) -> pd.DataFrame:
    """Return rows in the columns and types of a task's rows, missing where they lack a column.

    Raises WorkbenchError naming column, row and value of a cell that is of another kind, and a text column that is not there;
    way_out: what to do about such a cell.
    """
    check_columns(dataset.text, list(rows.columns), where)
    nothing = pd.Series([None] * len(rows), index=rows.index, dtype=object)
    cells = {name: _as(rows.get(name, nothing), like, where, way_out) for name, like in dataset.frame.items()}
    return pd.DataFrame(cells, index=rows.index, columns=dataset.frame.columns)


def _as(cells: pd.Series[Any], like: pd.Series[Any], where: str, way_out: str) -> pd.Series[Any]:
    """Return cells in the type of a column; with gaps, whole numbers and booleans in the type that may hold them."""
    kind, gaps = like.dtype, cells.isna()
    found: pd.Series[Any]
    if pd.api.types.is_bool_dtype(kind):
        found = cells.map(lambda cell: {"true": True, "false": False}.get(str(cell).lower())).astype("boolean")
    elif pd.api.types.is_numeric_dtype(kind):
        found = _numbers(cells, kind)
    elif pd.api.types.is_datetime64_any_dtype(kind):
        found = pd.to_datetime(cells, errors="coerce")
    else:
        found = cells.map(cell_text).where(~gaps, None)
    for row in cells.index[found.isna() & ~gaps]:
        value = cells[[row]].tolist()[0]
        raise WorkbenchError(
            f"{where}: column {like.name!r} holds {shorten(str(value))} on row {row!r}, and in the task it holds "
            f"{_in_words(kind)}; {way_out}"
        )
    return found if gaps.any() and not _holds_gaps(kind) else found.astype(kind)


def _numbers(cells: pd.Series[Any], kind: Any) -> pd.Series[Any]:
    """Return cells as numbers, missing where they are none, and among whole ones where they have a fraction or do not fit.

    For that would make fractions of them all, and 3.0 is another content of a row than 3: kept votes, and in a task without
    text what people decided, would be void.
    """
    found: pd.Series[Any] = pd.to_numeric(cells, errors="coerce", dtype_backend="numpy_nullable")
    if not pd.api.types.is_integer_dtype(kind):
        return found.astype(np.float64)
    with_gaps: Any = f"{'U' if kind.kind == 'u' else ''}Int{8 * kind.itemsize}"
    held = np.iinfo(f"{kind.kind}{kind.itemsize}")
    whole = (found % 1 == 0) & found.between(held.min, held.max)
    return found.where(whole.fillna(False)).astype(with_gaps)


def _in_words(kind: Any) -> str:
    if pd.api.types.is_bool_dtype(kind):
        return "true and false"
    if pd.api.types.is_integer_dtype(kind):
        return "whole numbers"
    return "numbers" if pd.api.types.is_numeric_dtype(kind) else "dates"


def _holds_gaps(kind: Any) -> bool:
    """Return whether a column of this type may have missing cells."""
    return not (isinstance(kind, np.dtype) and kind.kind in "biu")
