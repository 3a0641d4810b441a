"""Named slices: rows that deserve their own figures, parsed, validated and evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.tables import Dataset, WorkbenchError

MAX_EXPANDED: Final = 20
_CONDITIONS: Final = ("equals", "in", "at_least", "at_most", "contains", "missing")
_KEYS: Final = ("column", *_CONDITIONS, "by")


@dataclass(frozen=True)
class Slice:
    """Rows that deserve their own figures, chosen by one column.

    kind: `equals`, `in`, `range`, `contains`, `missing`, or `by`, which stands for one slice a distinct value. value: what the
    column is compared with; a pair (at least, at most) with None for an open end where kind is `range`.
    """

    name: str
    column: str
    kind: str
    value: Any = None


def parse_slices(table: Mapping[str, Any], where: str) -> tuple[Slice, ...]:
    """Read slices from a table of tables, name -> {column, one condition} or {by}.

    where: the place named in errors, such as `data/tickets/task.toml [slices]`.

    >>> parse_slices({"long": {"column": "words", "at_least": 100}}, "task.toml [slices]")
    (Slice(name='long', column='words', kind='range', value=(100, None)),)
    """
    return tuple(parse_slice(name, entry, f"{where} slice {name!r}") for name, entry in table.items())


def parse_slice(name: str, entry: Any, where: str) -> Slice:
    """Read one slice; where: the place named in errors."""
    if not isinstance(entry, Mapping):
        raise WorkbenchError(f'{where} is {entry!r}; a slice is a table such as {{column = "plan", equals = "premium"}}')
    for key in entry:
        if key not in _KEYS:
            raise WorkbenchError(f"{where} has the unknown key {key!r}{nearest(key, _KEYS)}; known are {', '.join(_KEYS)}")
    if "by" in entry:
        if len(entry) > 1:
            raise WorkbenchError(f"{where} has `by` and other keys; `by` names a column and stands alone")
        return Slice(name, _string(entry["by"], "by", where), "by")
    if "column" not in entry:
        raise WorkbenchError(f"{where} names no column; give column = ... and one condition, or by = ...")
    column = _string(entry["column"], "column", where)
    given = [key for key in _CONDITIONS if key in entry]
    if given and set(given) <= {"at_least", "at_most"}:
        return Slice(name, column, "range", (entry.get("at_least"), entry.get("at_most")))
    if len(given) != 1:
        raise WorkbenchError(
            f"{where} has {' and '.join(given) or 'no condition'}; give exactly one of {', '.join(_CONDITIONS)} "
            "(at_least and at_most may stand together)"
        )
    return Slice(name, column, given[0], _value(given[0], entry[given[0]], where))


def _value(kind: str, value: Any, where: str) -> Any:
    """Return the value of a condition; whether it fits its column is checked on the rows, by slice_mask."""
    if kind == "in":
        if isinstance(value, str) or not isinstance(value, Iterable) or not list(value):
            raise WorkbenchError(f"{where} has in = {value!r}; give a list with at least one value")
        return tuple(value)
    if kind == "missing" and value is not True:
        raise WorkbenchError(f"{where} has missing = {value!r}; only `missing = true` is a condition")
    return _string(value, kind, where) if kind == "contains" else value


def _string(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise WorkbenchError(f"{where} has {key} = {value!r}; it must be a non-empty string")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the known name nearest to `name`, '' where none is near."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def slice_masks(slices: Iterable[Slice], dataset: Dataset) -> dict[str, NDArray[np.bool_]]:
    """Return the rows of every slice, bool[n] by name, in the order of the slices.

    A `by` slice becomes one slice `name=value` a distinct value, sorted; missing cells are in none of them.
    """
    masks: dict[str, NDArray[np.bool_]] = {}
    for one in slices:
        for part in _expand(one, dataset):
            if part.name in masks:
                raise WorkbenchError(f"slice {part.name!r} stands twice; rename the one on column {part.column!r}")
            masks[part.name] = slice_mask(part, dataset)
    return masks


def slice_mask(one: Slice, dataset: Dataset) -> NDArray[np.bool_]:
    """Return bool[n], True on the rows of the slice.

    A missing cell belongs to no slice but a `missing` one; `missing` also takes blank text, which is how a text column says
    that there is none. Raises WorkbenchError where the column is unknown or its type does not fit the condition.
    """
    column = _column(one, dataset)
    if one.kind == "by":
        raise WorkbenchError(f"slice {one.name!r} stands for several, one a value of {one.column!r}; ask slice_masks for them")
    absent = column.isna().to_numpy(dtype=bool)
    if one.kind == "missing":
        blank = [isinstance(cell, str) and not cell.strip() for cell in column]
        return np.asarray(absent | np.array(blank, dtype=bool))
    if one.kind == "contains":
        needle = one.value.casefold()
        found = [needle in str(cell).casefold() for cell in column]
        return np.asarray(np.array(found, dtype=bool) & ~absent)
    return np.asarray(_compare(one, column) & ~absent)


def missing_value(one: Slice, dataset: Dataset) -> str:
    """Return in words the first value of an `equals` or `in` slice that no row has, with the nearest that one has; '' if none.

    >>> from workbench.tables import Dataset
    >>> frame = pd.DataFrame({"plan": ["pro"]}, index=pd.Index(["r1"], dtype="str"))
    >>> rows = Dataset(frame, ("ham",), (), pd.Series("train", index=frame.index), None)
    >>> missing_value(Slice("paying", "plan", "equals", "pros"), rows)
    "no row has plan = 'pros' (did you mean 'pro'?)"
    """
    if one.kind not in ("equals", "in"):
        return ""
    here = _column(one, dataset).dropna().unique().tolist()
    for value in one.value if one.kind == "in" else (one.value,):
        if not slice_mask(replace(one, kind="equals", value=value), dataset).any():
            hint = nearest(value, [cell for cell in here if isinstance(cell, str)]) if isinstance(value, str) else ""
            return f"no row has {one.column} = {value!r}{hint}"
    return ""


def _compare(one: Slice, column: pd.Series[Any]) -> NDArray[np.bool_]:
    if one.kind == "range":
        met = np.ones(len(column), dtype=bool)
        low, high = one.value
        for bound, over in ((low, True), (high, False)):
            if bound is not None:
                limit = _comparable(one, column, bound)
                kept = column.ge(limit) if over else column.le(limit)
                met &= kept.fillna(False).to_numpy(dtype=bool)
        return met
    wanted = one.value if one.kind == "in" else (one.value,)
    return np.asarray(column.isin([_comparable(one, column, value) for value in wanted]).to_numpy(dtype=bool))


def _comparable(one: Slice, column: pd.Series[Any], value: Any) -> Any:
    """Return the value as the column's type, or say that the two never meet: a slice that is silently empty helps nobody."""
    types = pd.api.types
    if types.is_bool_dtype(column):
        fits = isinstance(value, bool) and one.kind != "range"
    elif types.is_numeric_dtype(column):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif types.is_datetime64_any_dtype(column):
        value = pd.to_datetime(value, errors="coerce")
        fits = not pd.isna(value) and (value.tzinfo is None) == (getattr(column.dtype, "tz", None) is None)
    else:
        fits = one.kind != "range" and (isinstance(value, str) or not types.is_string_dtype(column))
    if not fits:
        raise WorkbenchError(
            f"slice {one.name!r} compares column {one.column!r} of type {column.dtype} with {value!r}; "
            "numbers and dates have ranges, and a value must be of the column's type"
        )
    return value


def _expand(one: Slice, dataset: Dataset) -> list[Slice]:
    """List the slices that one stands for, by value; more than a screen of them would hide what matters and is refused."""
    if one.kind != "by":
        return [one]
    values = _column(one, dataset).dropna().unique().tolist()
    if len(values) > MAX_EXPANDED:
        raise WorkbenchError(
            f"slice {one.name!r} by {one.column!r} would make {len(values):,} slices, at most {MAX_EXPANDED} are made; "
            "pick values with `in`, or a column with fewer"
        )
    values = sorted(values, key=lambda value: (str(type(value)), value))
    return [replace(one, name=f"{one.name}={value}", kind="equals", value=value) for value in values]


def _column(one: Slice, dataset: Dataset) -> pd.Series[Any]:
    known = list(dataset.frame.columns)
    if one.column not in known:
        raise WorkbenchError(
            f"slice {one.name!r} names the unknown column {one.column!r}{nearest(one.column, known)}; "
            f"the rows have {', '.join(known) or 'none'}"
        )
    column = dataset.frame[one.column]
    nested = column.dtype == object and not all(pd.api.types.is_hashable(cell) for cell in column)
    if nested and one.kind in ("equals", "in", "by"):
        raise WorkbenchError(f"slice {one.name!r} compares column {one.column!r}, which holds lists or records; use `contains`")
    return column
