"""The columns of a table without its rows, and what they say of a file that is not written as the task's own."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.io.names import did_you_mean
from workbench.io.pieces import Pieces
from workbench.io.readers import column_names, delimiter_of, evident_delimiter, file_layout, json_records

_LINES: Final = 1_000  # of a .jsonl file, whose keys are its columns
Data = Mapping[str, Any]  # the table [data] of a task


def columns_in(path: Path, **layout: Any) -> list[str]:
    """Return the columns of a file; none where it cannot be read, which is told with its reason by whoever reads the rows."""
    suffix, pieces = path.suffix.lower(), Pieces(path, **layout)
    if not path.is_file():
        return []
    try:
        if suffix == ".parquet":
            return [str(name) for name in pq.read_schema(path).names]
        if suffix not in (".csv", ".tsv", ".jsonl"):
            return []
        with pieces._opened("\n" if suffix == ".jsonl" else "") as file:
            if suffix == ".jsonl":
                return list(dict.fromkeys(key for _, one in islice(json_records(path, file), _LINES) for key in one))
            delimiter = delimiter_of(path, pieces.delimiter)
            return column_names(next((line for line in csv.reader(file, delimiter=delimiter) if line), []), [])
    except (OSError, UnicodeError, csv.Error, pa.ArrowException):
        return []


def layout_of(path: Path, data: Data) -> tuple[dict[str, Any], list[str]]:
    """Return how a new file is written, as `file_layout` does, and a note where its delimiter is another than the task's."""
    layout = file_layout(data)
    columns = columns_in(path, **layout) if path.suffix.lower() in (".csv", ".tsv") else []
    if len(columns) != 1:
        return layout, []
    delimiter = delimiter_of(path, layout.get("delimiter"))
    evident = evident_delimiter(columns, delimiter)
    said = [f"{path} is read as separated by {evident!r}, as its header is, not by {delimiter!r}"]
    return ({**layout, "delimiter": evident}, said) if evident != delimiter else (layout, [])


def data_of(path: Path, data: Data) -> tuple[Data, list[str]]:
    """Return `[data]` as it holds for a file of new rows, and in words what differs: the delimiter, or that ids are missing."""
    layout, said = layout_of(path, data)
    known, more = with_known_ids(str(path), {**data, **layout}, columns_in(path, **layout))
    return known, said + more


def with_known_ids(where: str, data: Data, columns: Sequence[str]) -> tuple[Data, list[str]]:
    """Return `[data]` without an id column that is not among the columns, where texts can stand for it, and a note of that."""
    name = data.get("id")
    if name is None or name in columns or not columns or not data["text"]:
        return data, []
    hint = did_you_mean(name, columns)
    said = f"{where} has no column {name!r}: its rows are known by their content, and rows of equal text are one{hint}"
    return {key: value for key, value in data.items() if key != "id"}, [said]
