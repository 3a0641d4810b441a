"""Tables of any size, read and written some rows at a time: memory does not grow with the file."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.io.columns import from_arrow, from_json, infer_type, mend, text_array, to_frame
from workbench.io.files import atomic_write, read_bytes
from workbench.io.names import listed
from workbench.io.readers import (
    MARKS,
    SUFFIXES,
    check_columns,
    check_header,
    column_names,
    delimiter_of,
    json_records,
    no_encoding,
    no_table,
    other_delimiter,
)
from workbench.tables import WorkbenchError

ROWS: Final = 8192  # of a piece, at most
_CHARACTERS: Final = 8_000_000  # about as many in a piece of CSV or JSONL at most, as long texts would fill the memory
_LONGEST: Final = 2**27  # characters of a CSV cell: a quote that is never closed must not read the whole file
Columns = dict[str, pa.Array]


@dataclass
class Pieces:
    """The rows of a .csv, .tsv, .jsonl or .parquet file, frame after frame; each is indexed by row number, from 1.

    text: columns that every row must have, as text exactly as it stands; '' is allowed. columns: others as text, None where
    empty or missing. numbers: others that are typed, booleans and numbers. encoding, delimiter: as for `read_frame`. said: what
    was odd, counted while rows are read. Raises WorkbenchError naming file, line or row, column, and the way out.
    """

    path: Path
    text: Sequence[str] = ("text",)
    columns: Sequence[str] = ()
    numbers: Sequence[str] = ()
    encoding: str = "utf-8"
    delimiter: str | None = None
    said: Counter[str] = field(default_factory=Counter)

    @property
    def wanted(self) -> list[str]:
        """The columns that are read, each once."""
        return list(dict.fromkeys([*self.text, *self.columns, *self.numbers]))

    def __iter__(self) -> Iterator[pd.DataFrame]:
        suffix = self.path.suffix.lower()
        if not self.path.is_file():
            read_bytes(self.path)  # which says what is wrong, and what there is
        if suffix not in SUFFIXES:
            raise no_table(self.path)
        read = {".jsonl": self._from_jsonl, ".parquet": self._from_parquet}.get(suffix, self._from_csv)
        first = 1
        try:
            for columns in read():
                frame = to_frame(columns, [])
                self._count_empty(frame)
                yield frame.set_axis(pd.RangeIndex(first, first + len(frame)), axis=0)
                first += len(frame)
        except UnicodeDecodeError as error:
            raise _undecodable(self.path, error) from None
        except UnicodeError as error:
            raise no_encoding(self.path, self.encoding, error) from None
        if first == 1:
            raise WorkbenchError(f"{self.path} has no rows; it needs at least one")

    def warnings(self) -> list[str]:
        """Return what was odd about the rows read so far, in counted sentences."""
        return [f"{what} in {n:,} cell{'s' * (n != 1)}" if n else what for what, n in self.said.items()]

    def _count_empty(self, frame: pd.DataFrame) -> None:
        for name in self.text:
            if empty := int(frame[name].str.strip().eq("").sum()):
                self.said[f"text column {name!r} is empty, and kept so,"] += empty

    def _count(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            counted = re.fullmatch(r"(.*) in ([\d,]+) cells?", sentence, re.DOTALL)
            self.said[counted[1] if counted else sentence] += int(counted[2].replace(",", "")) if counted else 0

    def _opened(self, newline: str) -> TextIO:
        """Open the file as text; a byte order mark wins over the default encoding."""
        with self.path.open("rb") as file:
            head = file.read(4)
        mark = next((found for start, found in MARKS if head.startswith(start)), None)
        default = self.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        try:
            return self.path.open(encoding=mark if mark and default else self.encoding, newline=newline)
        except (LookupError, ValueError) as error:
            raise no_encoding(self.path, self.encoding, error) from None

    def _from_csv(self) -> Iterator[Columns]:
        delimiter = delimiter_of(self.path, self.delimiter)
        csv.field_size_limit(_LONGEST)
        with self._opened("") as file:
            records = _csv_records(self.path, csv.reader(file, delimiter=delimiter, strict=True), delimiter)
            header = next(records, None)
            if header is None:
                raise WorkbenchError(f"{self.path} is empty; it needs a header and rows")
            if len(header) == 1 and (hint := other_delimiter(header, delimiter)):
                raise WorkbenchError(f"{self.path} has the single column {header[0]!r}{hint}")
            names = column_names(header, [])
            check_header(self.path, names, self.wanted)
            places = [(name, names.index(name)) for name in self.wanted]
            for _, rows in _in_pieces(enumerate(records), lambda record: sum(map(len, record))):
                yield {name: self._csv_column(name, [row[place] for row in rows]) for name, place in places}

    def _csv_column(self, name: str, cells: list[str]) -> pa.Array:
        odd: list[str] = []
        column = text_array(name, cells if name in self.text else [cell or None for cell in cells], odd)
        if name in self.numbers and name not in self.text:
            column = infer_type(name, column, [])  # what is no number is told by who wants one
        self._count(odd)
        return column

    def _from_jsonl(self) -> Iterator[Columns]:
        checked = False
        with self._opened("\n") as file:  # other line ends may stand inside of text
            for lines, records in _in_pieces(
                json_records(self.path, file), lambda record: 20 + sum(map(_length, record.values()))
            ):
                if not checked:
                    check_columns(self.wanted, list(dict.fromkeys(mend(key) for one in records for key in one)), str(self.path))
                    checked = True
                yield {name: self._json_column(name, records, lines) for name in self.wanted}

    def _json_column(self, name: str, records: list[dict[str, Any]], lines: list[int]) -> pa.Array:
        cells, odd = [record.get(name) for record in records], list[str]()
        if name in self.text and None in cells:
            raise self._without_text(name, f"line {lines[cells.index(None)]:,}")
        column = from_json(name, cells, name in self.text or name not in self.numbers, odd)
        self._count(odd)
        return column

    def _from_parquet(self) -> Iterator[Columns]:
        first = 1
        try:
            with pq.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False) as file:
                check_header(self.path, file.schema_arrow.names, self.wanted)
                for batch in file.iter_batches(ROWS, columns=self.wanted, use_threads=False):
                    yield {name: self._parquet_column(name, batch.column(name), first) for name in self.wanted}
                    first += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise WorkbenchError(f"{self.path} is not a readable Parquet file: {str(error).splitlines()[0]}") from None

    def _parquet_column(self, name: str, cells: pa.Array, first: int) -> pa.Array:
        if name in self.text and cells.null_count:
            raise self._without_text(name, f"row {first + cells.is_null().index(True).as_py():,}")
        odd: list[str] = []
        as_text = name in self.text or name not in self.numbers
        try:
            column = from_arrow(name, pa.chunked_array([cells]), as_text, odd)
        except WorkbenchError as error:
            raise WorkbenchError(f"{self.path}: {error}") from None
        self._count(odd)
        return column

    def _without_text(self, name: str, place: str) -> WorkbenchError:
        return WorkbenchError(f"{self.path}, {place} has no text in column {name!r}; write '' where there is none")


def _length(cell: Any) -> int:
    return len(cell) if isinstance(cell, str) else 8


def _in_pieces(rows: Iterable[tuple[int, Any]], size: Callable[[Any], int]) -> Iterator[tuple[list[int], list[Any]]]:
    """Yield the numbers and rows of one piece after the other; size: the characters of a row."""
    numbers: list[int] = []
    piece: list[Any] = []
    characters = 0
    for number, row in rows:
        numbers.append(number)
        piece.append(row)
        characters += size(row)
        if len(piece) == ROWS or characters > _CHARACTERS:
            yield numbers, piece
            numbers, piece, characters = [], [], 0
    if piece:
        yield numbers, piece


def _csv_records(path: Path, reader: Any, delimiter: str) -> Iterator[list[str]]:
    """Yield the records that are not blank; one that does not parse, or is not as wide as the first, is refused by line."""
    width = line = 0
    try:
        for record in reader:
            width = width or len(record)
            if record and len(record) != width:
                raise WorkbenchError(
                    f"{path}, line {line + 1:,} has {len(record)} fields, but the header has {width}; "
                    f"a cell that holds {delimiter!r} needs quotes"
                )
            if record:
                yield record
            line = reader.line_num
    except csv.Error as error:
        open_quote = "end of data" in str(error) or "limit" in str(error)
        why = "a quote is opened and not closed" if open_quote else str(error)
        raise WorkbenchError(
            f'{path}, row starting on line {line + 1:,}: {why}; inside a quoted cell write a quote twice ("")'
        ) from None


def _undecodable(path: Path, error: UnicodeDecodeError) -> WorkbenchError:
    """Return the error for text in another encoding, with the first line at fault: known only by reading again."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(error.encoding)
            except UnicodeDecodeError as here:
                place = f"byte 0x{line[here.start]:02x} on line {number:,}"
                break
        else:  # of an encoding whose lines do not end in the byte of a line break
            place = f"{error.reason} at 0x{error.object[error.start]:02x}"
    return WorkbenchError(
        f'{path} is not {error.encoding} text: {place}; name its encoding, often encoding = "cp1252" (Windows) or "latin-1"'
    )


@contextmanager
def new_table(path: Path, overwrite: bool = False) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Yield what writes a frame behind those before it; the file is there once the block ends well.

    It is .csv, .tsv, .jsonl or .parquet. All frames have the columns of the first. A file that exists is refused unless it is
    to be overwritten.
    """
    writers = {".csv": _csv_writer, ".tsv": _csv_writer, ".jsonl": _jsonl_writer, ".parquet": _parquet_writer}
    if path.suffix.lower() not in writers:
        raise WorkbenchError(f"{path} ends in {path.suffix!r}; a table is written as {listed(writers)}")
    _refuse(path, overwrite)
    with atomic_write(path) as temporary:
        with writers[path.suffix.lower()](temporary) as write:
            yield write
        _refuse(path, overwrite)  # another process may have written it meanwhile


def _refuse(path: Path, overwrite: bool) -> None:
    if path.exists() and not (overwrite and path.is_file()):
        raise WorkbenchError(f"{path} exists already; choose another file, or overwrite it with --overwrite")


@contextmanager
def _csv_writer(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    with path.open("w", encoding="utf-8", newline="") as file:

        def write(frame: pd.DataFrame) -> None:
            layout: dict[str, Any] = {"index": False, "header": file.tell() == 0, "lineterminator": "\n"}
            layout["sep"] = "\t" if path.suffix.lower() == ".tsv" else ","
            text = frame.to_csv(**layout)
            # Before Python 3.13 the csv module leaves a bare carriage return unquoted, and a reader would end the row there.
            file.write(frame.to_csv(**layout, quoting=csv.QUOTE_NONNUMERIC) if "\r" in text else text)

        yield write


@contextmanager
def _jsonl_writer(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    with path.open("w", encoding="utf-8", newline="") as file:

        def write(frame: pd.DataFrame) -> None:
            cells = frame.astype(object).where(frame.notna(), None)
            rows = zip(*(cells[name].tolist() for name in cells), strict=True)
            file.writelines(json.dumps(dict(zip(cells, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)

        yield write


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    writer: pq.ParquetWriter | None = None

    def write(frame: pd.DataFrame) -> None:
        nonlocal writer
        table = pa.Table.from_pandas(frame, schema=writer.schema if writer else None, preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
