"""Parquet tables of more rows than fit one machine: which files they are, cut into partitions, and each of these read alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.io.columns import from_arrow, to_frame
from workbench.io.files import atomic_write
from workbench.io.readers import check_header
from workbench.io.urls import without_secret
from workbench.tables import WorkbenchError

ROWS: Final = 250_000  # of a partition, about: a row group is never cut
_LARGEST: Final = 4  # times as many rows in one row group are refused
DAMAGED: Final = (pa.ArrowException, OSError)


class Unreadable(WorkbenchError):
    """A file, or a partition of one, that is damaged or not there."""


class Partition(NamedTuple):
    """Some row groups of one Parquet file, which are read together.

    number: its place among all partitions, from 0. url: of the file, as fsspec takes it. first, last: row groups, the last one
    not included. stamp: 16 hexadecimal digits of the file's name, size and time of change, of the row groups and the casts.
    casts: columns that have this dtype as a whole, float64 or boolean, for other partitions have gaps or fractions there.
    """

    number: int
    url: str
    first: int
    last: int
    rows: int
    stamp: str
    casts: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        groups = f"row group {self.first + 1}" if self.last == self.first + 1 else f"row groups {self.first + 1} to {self.last}"
        return f"{self.url}, {groups}"


def in_partitions(file: str, folder: Path = Path()) -> bool:
    """Return whether what is to be read is more than a file: a folder, a pattern, or a URL; a path is from the folder on."""
    there = folder / file
    return "://" in file or there.is_dir() or (_is_pattern(file) and not there.exists())


def source_in(folder: Path, file: str) -> str:
    """Return the path of a file, a folder or a pattern that is from this folder on, or a URL, as `partitions` takes it."""
    if "://" in file:
        return file
    whole = (folder / file).resolve()
    return str(Path(escape(str(folder.resolve())), file).resolve()) if _is_pattern(file) and not whole.exists() else str(whole)


def _is_pattern(file: str) -> bool:
    return any(sign in file for sign in "*?[")


def partitions(source: str, rows: int = ROWS, skipped: list[str] | None = None) -> list[Partition]:
    """Cut a Parquet file, a folder or a pattern of such files, local or at any URL that fsspec knows, into partitions.

    Only the footers are read. Files come in the order of their names; a partition holds row groups of one file, about `rows`
    rows. skipped: gets, in words, the files that cannot be read, which are refused without it. Raises WorkbenchError where no
    file is found, one cannot be read, or columns differ.
    """
    fs, paths = _files(without_secret(source, "the address of the rows"))
    files, wider, narrower = list[tuple[list[Any], list[int]]](), set[tuple[str, str]](), set[tuple[str, str]]()
    for path in paths:
        url = fs.unstrip_protocol(path).removeprefix("file://")
        try:
            footer = _footer(fs, path, url)
        except Unreadable as error:
            if skipped is None:
                raise
            skipped.append(str(error))
            continue
        names = set(footer.schema.to_arrow_schema().names)
        if not files:
            first, known = url, names
        if names != known:
            raise WorkbenchError(f"{url} has other columns than {first}, such as {min(names ^ known)!r}; make them alike")
        sizes = [footer.row_group(group).num_rows for group in range(footer.num_row_groups)]
        if max(sizes, default=0) > _LARGEST * rows:
            raise WorkbenchError(
                f"{url} has a row group of {max(sizes):,} rows, and a partition is read as a whole: write it again with "
                f"row_group_size={rows}, or raise partition_rows in [data] if the memory of a worker allows it"
            )
        files.append(([url, *_state(fs, path)], sizes))
        for kinds, more in zip((wider, narrower), _kinds(footer), strict=True):
            kinds |= more
    casts, found = tuple(sorted(wider & narrower)), list[Partition]()
    for state, sizes in files:
        for start, end in _cuts(sizes, rows):
            stamp = hashlib.sha256(repr([*state, start, end, *casts]).encode()).hexdigest()[:16]
            found.append(Partition(len(found), state[0], start, end, sum(sizes[start:end]), stamp, casts))
    if not found:
        raise WorkbenchError(skipped[0] if skipped else f"{source} has no rows; it needs at least one")
    return found


def _cuts(sizes: Sequence[int], rows: int) -> Iterator[tuple[int, int]]:
    """Yield the first row group of each partition, and the one behind its last."""
    start = 0
    for end in range(1, len(sizes) + 1):
        if end == len(sizes) or sum(sizes[start : end + 1]) > rows:
            if any(sizes[start:end]):
                yield start, end
            start = end


def _state(fs: Any, path: str) -> list[Any]:
    """Return what changes when a file does."""
    about = fs.info(path)
    changed = next((str(about[key]) for key in ("mtime", "ETag", "LastModified") if key in about), None)
    return [about["size"], fs.ukey(path) if changed is None else changed]


def _kinds(footer: Any) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return the columns that gaps or fractions make float64 or boolean, and those that would be int64 or bool without."""
    groups = [footer.row_group(group) for group in range(footer.num_row_groups)]
    places = {footer.schema.column(place).path: place for place in range(footer.num_columns)}
    wider, narrower = set[tuple[str, str]](), set[tuple[str, str]]()
    for field in footer.schema.to_arrow_schema():
        if pa.types.is_null(field.type):
            wider |= {(field.name, "float64"), (field.name, "boolean")}
        elif pa.types.is_floating(field.type) or pa.types.is_decimal(field.type):
            wider.add((field.name, "float64"))
        elif pa.types.is_integer(field.type) or pa.types.is_boolean(field.type):
            kind = (field.name, "boolean" if pa.types.is_boolean(field.type) else "float64")
            narrower.add(kind)
            counts = (group.column(places[field.name]).statistics for group in groups)
            if any(one is not None and one.null_count for one in counts):
                wider.add(kind)
    return wider, narrower


def _files(source: str) -> tuple[Any, list[str]]:
    """Return the file system and the paths of the Parquet files that a path, folder, pattern or URL names."""
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(source)
        fs.invalidate_cache()  # of listings, which a process that lives long has made long ago
        if fs.exists(path):
            files = sorted(fs.find(path)) if fs.isdir(path) else [path]
        else:
            files = sorted(fs.glob(path)) if _is_pattern(source) else []
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
    except DAMAGED as error:
        raise unreadable(url, error) from None


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
    except DAMAGED as error:
        raise unreadable(part, error) from None
    if len(table) != part.rows:
        raise WorkbenchError(f"{part} has {len(table):,} rows, and had {part.rows:,} when the work began; run again")
    columns = {name: column.fill_null("") if name in text_columns else column for name, column in columns.items()}
    frame = to_frame(columns, [])
    for name, kind in part.casts:
        if name in frame and (frame[name].isna().all() or frame[name].dtype.kind in ("b" if kind == "boolean" else "iufb")):
            frame = frame.astype({name: kind})
    return frame


def unreadable(what: object, error: BaseException) -> Unreadable:
    """Return the error of a file or a partition that cannot be read."""
    why = (str(error).splitlines() or [type(error).__name__])[0]
    return Unreadable(f"{what} cannot be read: {why}; put the file back, and run again")


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
    fs.invalidate_cache()  # others write there
    return [fs.unstrip_protocol(file).removeprefix("file://") for file in sorted(fs.glob(path))]


def remove_at(url: str) -> None:
    """Remove a small file, where it is there."""
    import fsspec

    fs, path = fsspec.core.url_to_fs(url)
    with suppress(FileNotFoundError):
        fs.rm_file(path)
