"""Parquet tables of more rows than fit one machine: which files they are, cut into partitions, and each of these read alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.io.columns import from_arrow, to_frame
from workbench.io.files import atomic_write
from workbench.io.readers import check_header
from workbench.tables import WorkbenchError

ROWS: Final = 250_000  # of a partition, about: a row group is never cut
_LARGEST: Final = 4  # times as many rows in one row group are refused
_DAMAGED = (pa.ArrowException, OSError)


class Partition(NamedTuple):
    """Some row groups of one Parquet file, which are read together.

    number: its place among all partitions, from 0. url: of the file, as fsspec takes it. first, last: row groups, the last one
    not included. stamp: 16 hexadecimal digits of the file's name, size and time of change, and of the row groups.
    """

    number: int
    url: str
    first: int
    last: int
    rows: int
    stamp: str

    def __str__(self) -> str:
        groups = f"row group {self.first + 1}" if self.last == self.first + 1 else f"row groups {self.first + 1} to {self.last}"
        return f"{self.url}, {groups}"


def in_partitions(file: str) -> bool:
    """Return whether the `file` of a task names more than a file: a folder, a pattern, or a URL."""
    return "://" in file or any(sign in file for sign in "*?[") or Path(file).is_dir()


def partitions(source: str, rows: int = ROWS) -> list[Partition]:
    """Cut a Parquet file, a folder or a pattern of such files, local or at any URL that fsspec knows, into partitions.

    Only the footers are read. Files come in the order of their names; a partition holds row groups of one file, about `rows`
    rows. Raises WorkbenchError where no file is found, one is no Parquet, or columns differ.
    """
    fs, files = _files(source)
    found: list[Partition] = []
    columns: tuple[str, list[str]] | None = None
    for path in files:
        url, about = fs.unstrip_protocol(path).removeprefix("file://"), fs.info(path)
        state = [url, about["size"], next((str(about[key]) for key in ("mtime", "ETag", "LastModified") if key in about), "")]
        footer = _footer(fs, path, url)
        names = footer.schema.to_arrow_schema().names
        if columns is not None and names != columns[1]:
            odd = sorted(set(names) ^ set(columns[1])) or names
            raise WorkbenchError(f"{url} has other columns than {columns[0]}, such as {odd[0]!r}; make them alike")
        columns = (url, names)
        start = 0
        sizes = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
        if max(sizes, default=0) > _LARGEST * rows:
            raise WorkbenchError(
                f"{url} has a row group of {max(sizes):,} rows, and a partition is read as a whole: write it again with "
                f"row_group_size={rows}, or raise partition_rows in [data] if the memory of a worker allows it"
            )
        for group in range(len(sizes)):
            if group + 1 == len(sizes) or sum(sizes[start : group + 2]) > rows:
                stamp = hashlib.sha256(repr([*state, start, group + 1]).encode()).hexdigest()[:16]
                if n := sum(sizes[start : group + 1]):
                    found.append(Partition(len(found), url, start, group + 1, n, stamp))
                start = group + 1
    if not found:
        raise WorkbenchError(f"{source} has no rows; it needs at least one")
    return found


def _files(source: str) -> tuple[Any, list[str]]:
    """Return the file system and the paths of the Parquet files that a path, folder, pattern or URL names."""
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(source)
        if any(sign in source for sign in "*?["):
            files = sorted(fs.glob(path))
        else:
            files = sorted(fs.find(path)) if fs.isdir(path) else [path] if fs.exists(path) else []
    except (OSError, ValueError, ImportError) as error:
        raise WorkbenchError(f"{source} cannot be opened: {error}") from None
    kept = [file for file in files if file.endswith((".parquet", ".pq")) and not file.rpartition("/")[2].startswith((".", "_"))]
    if not kept:
        there = f"; it holds {files[0].rpartition('/')[2]!r} and the like" if files else ""
        raise WorkbenchError(f"{source} names no Parquet file{there}; rows in partitions are read from .parquet alone")
    return fs, kept


def _footer(fs: Any, path: str, url: str) -> Any:
    try:
        with fs.open(path, "rb") as file:
            return pq.read_metadata(file)
    except _DAMAGED as error:
        raise WorkbenchError(f"{url} is not a readable Parquet file: {_first_line(error)}") from None


def read_partition(part: Partition, text_columns: Sequence[str], only: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the rows of a partition, typed as `read_frame` types them; text_columns: as text, '' where missing.

    only: the columns to read, all by default. Raises WorkbenchError naming file and row groups.
    """
    import fsspec

    try:
        with fsspec.open(part.url, "rb") as opened:
            file = pq.ParquetFile(opened, pre_buffer=False)
            names = [name for name in file.schema_arrow.names if not name.startswith("__index_level_")]
            check_header(part.url, names, [*text_columns, *(only or [])])
            wanted = names if only is None else [name for name in names if name in only]
            table = file.read_row_groups(list(range(part.first, part.last)), columns=wanted, use_threads=False)
            columns = {name: from_arrow(name, table[name], name in text_columns, []) for name in wanted}
    except _DAMAGED as error:
        raise WorkbenchError(f"{part} cannot be read: {_first_line(error)}") from None
    if len(table) != part.rows:
        raise WorkbenchError(f"{part} has {len(table):,} rows, and had {part.rows:,} when the work began; run again")
    return to_frame({name: column.fill_null("") if name in text_columns else column for name, column in columns.items()}, [])


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def write_at(url: str, data: bytes) -> None:
    """Write a small file whole or not at all; on an object store an upload is so by itself."""
    import fsspec

    try:
        if "://" not in url:
            with atomic_write(url) as temporary:
                temporary.write_bytes(data)
            return
        fs, path = fsspec.core.url_to_fs(url)
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        fs.pipe_file(path, data)
    except OSError as error:
        why = error.strerror or error
        raise WorkbenchError(f"{url} cannot be written: {why}; make room or mend it, and run again") from None


def read_at(url: str) -> bytes | None:
    """Return the bytes of a small file, None where it is missing."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(url)
    try:
        data: bytes = fs.cat_file(path)
    except FileNotFoundError:
        return None
    return data


def found_at(pattern: str) -> list[str]:
    """Return the files that a pattern such as `folder/*/part.json` names, in the order of their names."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(pattern)
    return [fs.unstrip_protocol(file).removeprefix("file://") for file in sorted(fs.glob(path))]


def remove_at(url: str) -> None:
    """Remove a small file, where it is there."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(url)
    if fs.exists(path):
        fs.rm_file(path)
