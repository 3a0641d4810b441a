"""Columns of a file as typed Arrow arrays, and those as a frame; nothing is lost without a count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.tables import WorkbenchError

LONG_CELL: Final = 1_000_000
TEXT: Final = pa.large_string()
# A leading zero marks a code and not a number (007, 01234), and so do digits that would not survive as int64 or float64.
_WHOLE: Final = r"^-?(0|[1-9][0-9]{0,17})$"
_SAFE_WHOLE: Final = r"^-?(0|[1-9][0-9]{0,14})$"
_NUMBER: Final = r"^(-?((0|[1-9][0-9]{0,15})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?|-?(?i:inf|nan))$"
_KIND_NAMES: Final = {bool: "true/false", int: "numbers", float: "numbers", str: "text"}
_TRUTH: Final = r"^(?i:true|false)$"


def cell_text(value: Any) -> str:
    """Return a cell as text, the same for every file format: '' where missing, `1` for 1 and 1.0, JSON for lists and objects.

    >>> [cell_text(value) for value in ("a", 1.0, 2.5, True, None, [1, "ü"])]
    ['a', '1', '2.5', 'True', '', '[1, "ü"]']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if pd.api.types.is_float(value) and float(value).is_integer():
        return str(int(value))
    return str(value)


def mend(text: str) -> str:
    """Return text in which a half of a surrogate pair, which UTF-8 cannot hold, is the replacement character U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def text_array(name: str, values: Sequence[str | None], warnings: list[str]) -> pa.Array:
    """Return strings as an Arrow array, broken characters replaced and counted."""
    try:
        return pa.array(values, TEXT)
    except UnicodeEncodeError:
        mended = [None if value is None else mend(value) for value in values]
        count = sum(old != new for old, new in zip(values, mended, strict=True))
        warnings.append(f"column {name!r}: a lone surrogate replaced by '\ufffd' in {_cells(count)}")
        return pa.array(mended, TEXT)


def infer_type(name: str, column: pa.Array, warnings: list[str]) -> pa.Array:
    """Return text cells as booleans, whole numbers or numbers where every cell is one; empty cells are missing."""
    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, TEXT), column)
    filled = len(column) - column.null_count
    if not filled:
        return column
    trimmed = pc.utf8_trim_whitespace(column)

    def every(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(trimmed, pattern)).as_py())

    if every(_TRUTH):
        return pc.equal(pc.utf8_lower(trimmed), "true")
    # With a gap pandas holds whole numbers as float64, exact up to 15 digits.
    if every(_SAFE_WHOLE if column.null_count else _WHOLE):
        return trimmed.cast(pa.int64())
    is_number = pc.match_substring_regex(trimmed, _NUMBER)
    numbers = pc.sum(is_number).as_py()
    if numbers == filled and not every(_WHOLE):
        return trimmed.cast(pa.float64())
    if filled > numbers > filled / 2:
        odd = column.filter(pc.invert(is_number))[0].as_py()
        warnings.append(
            f"column {name!r} is read as text: no plain number in {filled - numbers:,} of {filled:,} cells, "
            f"such as {shorten(odd)}"
        )
    return column


def from_json(name: str, values: list[Any], text: bool, warnings: list[str]) -> pa.Array:
    """Return the values of one key over all JSON objects; lists and objects become JSON text, a mix of types becomes text."""
    nested = sum(isinstance(value, dict | list) for value in values)
    if nested:
        warnings.append(f"column {name!r}: lists and objects are kept as JSON text in {_cells(nested)}")
    kinds = {type(value) for value in values if value is not None}
    if not text and (kinds == {bool} or kinds in ({int}, {float}, {int, float})):
        try:
            return pa.array(values, from_pandas=True)
        except (OverflowError, pa.ArrowInvalid):
            pass  # whole numbers beyond 64 bits are kept as text
    if not text and len(kinds) > 1 and not nested:
        found = sorted({_KIND_NAMES[kind] for kind in kinds})
        warnings.append(f"column {name!r} mixes {' and '.join(found)}; it is read as text")
    cells = [value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    return text_array(name, cells, warnings)


def from_arrow(name: str, column: pa.ChunkedArray, text: bool, warnings: list[str]) -> pa.Array:
    """Return a Parquet column as text, boolean, number or date; lists and structs become JSON text."""
    kind = column.type
    try:
        return _from_arrow(name, column.combine_chunks(), text, warnings)
    except (pa.ArrowException, ValueError, OverflowError) as error:  # bytes that are no UTF-8, dates beyond what is kept
        why = str(error).partition("\n")[0]
        raise WorkbenchError(f"column {name!r} holds {kind} cells that cannot be read: {why}; write it as text") from None


def _from_arrow(name: str, array: pa.Array, text: bool, warnings: list[str]) -> pa.Array:
    kind = array.type
    if pa.types.is_nested(kind):
        warnings.append(f"column {name!r}: lists and structs are kept as JSON text in {_cells(len(array) - array.null_count)}")
        return text_array(
            name, [None if cell is None else json.dumps(cell, default=str) for cell in array.to_pylist()], warnings
        )
    if pa.types.is_dictionary(kind):
        array, kind = array.cast(kind.value_type), kind.value_type
    if not text and (pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_timestamp(kind)):
        return array
    if not text and (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return array.cast(pa.float64())
    if not text and pa.types.is_date(kind):
        return array.cast(pa.timestamp("us"))
    return array.cast(TEXT)


def to_frame(columns: Mapping[str, pa.Array], warnings: list[str]) -> pd.DataFrame:
    """Return typed columns as a frame: text as `str`, gaps in whole numbers as float64, gaps in booleans as `boolean`."""
    series = {}
    for name, column in columns.items():
        if column.type == TEXT:
            _warn_odd_cells(name, column, warnings)
        if pa.types.is_boolean(column.type) and column.null_count:
            series[name] = pd.Series(column.to_pylist(), dtype="boolean")
        else:
            series[name] = column.to_pandas().rename(None)
    return pd.DataFrame(series)


def _warn_odd_cells(name: str, column: pa.Array, warnings: list[str]) -> None:
    """Count cells that are kept but will surprise: very long ones, and those with NUL characters."""
    sizes = pc.binary_length(column)
    longest = pc.max(sizes).as_py() or 0
    if longest > LONG_CELL:
        count = pc.sum(pc.greater(sizes, LONG_CELL)).as_py()
        warnings.append(f"column {name!r}: {_cells(count)} of more than {LONG_CELL:,} bytes kept, the longest has {longest:,}")
    count = pc.sum(pc.match_substring(column, "\0")).as_py() or 0
    if count:
        warnings.append(f"column {name!r}: NUL characters kept in {_cells(count)}")


def shorten(cell: str, width: int = 60) -> str:
    """Return a cell in quotes, cut where it is long."""
    return repr(cell if len(cell) <= width else cell[:width] + "...")


def _cells(count: int) -> str:
    return f"{count:,} cell{'s' * (count != 1)}"
