"""CSV, TSV, JSONL and Parquet files as frames: bad input gets one clear error or a counted warning."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.io.columns import from_arrow, from_json, infer_type, mend, text_array, to_frame
from workbench.io.files import OddJson, parsed_json, read_bytes
from workbench.io.names import did_you_mean, listed
from workbench.tables import WorkbenchError

# UTF-32's little-endian mark starts with UTF-16's, so it is tried first.
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS: Final = {";": "';'", "\t": "'\\t' (a tab)", "|": "'|'", ",": "','"}
SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".parquet")
_SHEETS: Final = (".xlsx", ".xlsm", ".xls", ".ods")
_SAVE_SHEET: Final = "; open it there and save the sheet as CSV UTF-8"


def no_table(path: Path) -> WorkbenchError:
    """Return the error for a file whose suffix no reader takes."""
    suffix = path.suffix.lower()
    way_out = _SAVE_SHEET if suffix in _SHEETS else did_you_mean(suffix, SUFFIXES)
    return WorkbenchError(f"{path} ends in {suffix!r}; tables are read from {listed(SUFFIXES)}{way_out}")


def file_layout(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the files of a `[data]` table are written, as readers take it: encoding and delimiter where they are named."""
    return {key: data[key] for key in ("encoding", "delimiter") if key in data}


def read_frame(
    path: Path | str, *, text_columns: Sequence[str] = (), encoding: str = "utf-8", delimiter: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of a .csv, .tsv, .jsonl or .parquet file, and what was odd about them as counted sentences.

    text_columns: kept as strings exactly as they stand ("007", "NA"), '' where missing. Other columns are typed: booleans,
    numbers, else text; an empty CSV cell is missing. delimiter: `,` or a tab by the suffix, unless given. Raises
    WorkbenchError naming file, line or column, and the way out.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_file() and suffix not in SUFFIXES:
        raise no_table(path)
    data = read_bytes(path)
    if data.startswith(b"PK\x03\x04"):
        raise WorkbenchError(f"{path} holds a zip file, as Excel writes them under .xlsx{_SAVE_SHEET}")
    if not data.strip(b" \t\r\n" + codecs.BOM_UTF8):
        raise WorkbenchError(f"{path} is empty; it needs a header and rows")
    warnings: list[str] = []
    if suffix == ".parquet":
        columns = _parquet_columns(path, data, text_columns, warnings)
    else:
        text = _decode(path, data, encoding, warnings)
        if suffix == ".jsonl":
            columns = _jsonl_columns(path, text, text_columns, warnings)
        else:
            columns = _csv_columns(path, text, text_columns, delimiter_of(path, delimiter), warnings)
    return to_frame(columns, warnings), warnings


def check_columns(wanted: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Refuse a wanted column that is not there, listing those that are and naming the nearest."""
    for name in wanted:
        if name not in columns:
            raise WorkbenchError(
                f"{where} has no column {name!r}; its columns are {listed(columns, 30)}{did_you_mean(name, columns)}"
            )


def check_header(path: Path | str, names: Sequence[str], text_columns: Sequence[str]) -> None:
    """Refuse a column name that stands twice, with both places, and text columns that are not there."""
    for place, name in enumerate(names):
        if name in names[:place]:
            raise WorkbenchError(
                f"{path} has the column {name!r} twice, as columns {names.index(name) + 1} and {place + 1}; rename one of them"
            )
    check_columns(text_columns, names, str(path))


def _decode(path: Path, data: bytes, encoding: str, warnings: list[str]) -> str:
    """Return the text of a file; a byte order mark wins over the default encoding.

    Raises WorkbenchError naming the byte, its line and the encodings to try.
    """
    mark = next((found for start, found in MARKS if data.startswith(start)), None)
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8") and mark:
        encoding = mark
        if mark != "utf-8-sig":
            warnings.append(f"{path} is read as {mark.upper()}, as its byte order mark says")
    try:
        text = data.decode(encoding)
    except (LookupError, ValueError) as error:
        if not isinstance(error, UnicodeDecodeError):
            raise no_encoding(path, encoding, error) from None
        line = data.count(b"\n", 0, error.start) + 1
        raise WorkbenchError(
            f"{path} is not {encoding} text: byte 0x{data[error.start]:02x} on line {line} (byte {error.start} of the file); "
            'name its encoding, often encoding = "cp1252" (Windows) or "latin-1"'
        ) from None
    if text.count("\0") > len(text) / 4:
        raise WorkbenchError(f'{path} holds too many NUL characters to be {encoding} text; try encoding = "utf-16-le"')
    return text


def no_encoding(path: Path, encoding: str, error: Exception) -> WorkbenchError:
    """Return the error for an encoding that is unknown (LookupError; ValueError where it holds a NUL), or reads no text."""
    why = str(error) if isinstance(error, UnicodeError) else "it is unknown"
    known = "'utf-8', 'cp1252', 'latin-1', 'utf-16' or 'utf-16-le'"
    return WorkbenchError(f"{path} cannot be read with encoding {encoding!r}: {why}; try {known}")


def delimiter_of(path: Path, given: str | None) -> str:
    """Return what stands between the cells of a .csv or .tsv file: a comma or a tab by its suffix, unless given."""
    delimiter = ("\t" if path.suffix.lower() == ".tsv" else ",") if given is None else given
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise WorkbenchError(f"delimiter {delimiter!r} for {path} is not one character, such as {listed(_DELIMITERS)}")
    return delimiter


def _csv_records(path: Path, text: str, delimiter: str) -> Any:
    """Return an iterator over the records of a CSV text; strict, so that a stray quote is an error and not a guess."""
    # The csv module refuses cells over 131,072 characters unless told otherwise, for the whole process.
    csv.field_size_limit(2**31 - 1)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _csv_columns(
    path: Path, text: str, text_columns: Sequence[str], delimiter: str, warnings: list[str]
) -> dict[str, pa.Array]:
    """Return the columns of a CSV text, typed; a record of another width is an error that names its line."""
    try:
        records = [record for record in _csv_records(path, text, delimiter) if record]  # a blank line gives an empty record
    except csv.Error:
        raise _first_bad_record(path, text, delimiter) from None
    if not records:  # nothing but a byte order mark, or blank lines
        raise WorkbenchError(f"{path} is empty; it needs a header and rows")
    header = records.pop(0)
    hint = other_delimiter(header, delimiter)
    if len(header) == 1 and hint:
        raise WorkbenchError(f"{path} has the single column {header[0]!r}{hint}")
    width = len(header)
    if any(len(record) != width for record in records):
        raise _first_bad_record(path, text, delimiter)
    if not records:
        raise WorkbenchError(f"{path} has a header ({listed(header)}) and no rows; it needs at least one row")
    names = column_names(header, warnings)
    check_header(path, names, text_columns)
    arrays = (text_array(name, cells, warnings) for name, cells in zip(names, zip(*records, strict=True), strict=True))
    return {
        name: column if name in text_columns else infer_type(name, column, warnings)
        for name, column in zip(names, arrays, strict=True)
    }


def column_names(header: Sequence[str], warnings: list[str]) -> list[str]:
    """Return column names with `column_<place>` for those the header leaves empty."""
    names = [name or f"column_{place}" for place, name in enumerate(header, start=1)]
    for place, (given, name) in enumerate(zip(header, names, strict=True), start=1):
        if not given:
            warnings.append(f"column {place} has no name; it is called {name!r}")
    return names


def _first_bad_record(path: Path, text: str, delimiter: str) -> WorkbenchError:
    """Return the error for the first record that does not parse or has not as many fields as the header."""
    reader = _csv_records(path, text, delimiter)
    header: list[str] = []
    line = 1
    try:
        for record in reader:
            header = header or record
            if record and len(record) != len(header):
                break
            line = reader.line_num + 1
    except csv.Error as error:
        why = "a quote is opened and not closed" if "end of data" in str(error) else str(error)
        return WorkbenchError(f'{path}, row starting on line {line}: {why}; inside a quoted cell write a quote twice ("")')
    hint = (
        other_delimiter(header, delimiter) or f"; a cell that holds {_DELIMITERS.get(delimiter, repr(delimiter))} needs quotes"
    )
    count = f"{len(record)} field{'s' * (len(record) != 1)}"
    return WorkbenchError(f"{path}, line {line} has {count}, but the header has {len(header)} ({listed(header)}){hint}")


def other_delimiter(header: Sequence[str], delimiter: str) -> str:
    """Return a hint where the header looks separated otherwise than it was cut, else nothing."""
    other = evident_delimiter(header, delimiter)
    if other == delimiter:
        return ""
    flag = "$'\\t'" if other == "\t" else f'"{other}"'
    return (
        f"; it looks separated by {_DELIMITERS[other]}: set delimiter = {json.dumps(other)} under [data], "
        f"or with `workbench new` say --delimiter {flag}"
    )


def evident_delimiter(header: Sequence[str], delimiter: str) -> str:
    """Return the delimiter a header was cut at, or another that it holds more of."""
    line = delimiter.join(header)
    other = max(_DELIMITERS, key=line.count)
    return other if line.count(other) > line.count(delimiter) else delimiter


def json_records(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and object of every line that is not blank; raises WorkbenchError naming the line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = parsed_json(line)
        except json.JSONDecodeError as error:
            hint = "; a .jsonl file holds one object a line, not one array" if number == 1 and line.lstrip()[0] == "[" else ""
            raise WorkbenchError(
                f"{path}, line {number} is not valid JSON: {error.msg} at column {error.colno}{hint}"
            ) from None
        except OddJson as error:
            raise WorkbenchError(f"{path}, line {number}: {error}") from None
        if not isinstance(record, dict):
            raise WorkbenchError(
                f'{path}, line {number} is {json.dumps(record)[:40]}, not an object; write {{"column": value}} on each line'
            )
        yield number, record


def _jsonl_columns(path: Path, text: str, text_columns: Sequence[str], warnings: list[str]) -> dict[str, pa.Array]:
    """Return one column a key, in the order in which keys first appear; a key that a line lacks is missing there."""
    # splitlines would also cut at U+2028, which JSON allows in text
    records = [record for _, record in json_records(path, text.split("\n"))]
    keys = list(dict.fromkeys(key for record in records for key in record))
    if not keys:
        raise WorkbenchError(f"{path} holds objects without keys; it needs columns")
    check_header(path, [mend(key) for key in keys], text_columns)
    columns = {}
    for key in keys:
        name = mend(key)
        column = from_json(name, [record.get(key) for record in records], name in text_columns, warnings)
        columns[name] = column.fill_null("") if name in text_columns else column
    return columns


def _parquet_columns(path: Path, data: bytes, text_columns: Sequence[str], warnings: list[str]) -> dict[str, pa.Array]:
    """Return the columns of a Parquet file; the names are checked before any data is read."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        # An index without a name, as pandas stores it, is no column of the user's.
        names = [name for name in file.schema_arrow.names if not name.startswith("__index_level_")]
        check_header(path, names, text_columns)
        table = file.read(names)
    except (pa.ArrowException, OSError) as error:
        raise WorkbenchError(f"{path} is not a readable Parquet file: {str(error).splitlines()[0]}") from None
    if not table.num_rows:
        raise WorkbenchError(f"{path} has columns ({listed(names)}) and no rows; it needs at least one row")
    try:
        columns = {name: from_arrow(name, table[name], name in text_columns, warnings) for name in names}
    except WorkbenchError as error:
        raise WorkbenchError(f"{path}: {error}") from None
    return {name: column.fill_null("") if name in text_columns else column for name, column in columns.items()}
