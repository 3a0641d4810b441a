"""Files written whole or not at all, checksums, and format versions."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import math
import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.names import did_you_mean, listed
from workbench.tables import WorkbenchError

_UNFINISHED: Final = ".unfinished-"  # begins the name of what is being written: readers pass over names with a dot


def _sync(path: Path) -> None:
    """Have the disk hold a file or folder before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


#: What a disk says that is full, that may not be written, or that fails.
_REFUSED: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR}
)


@contextmanager
def refusals_in_words(path: Path | str) -> Iterator[None]:
    """Raise a WorkbenchError that names the target where the disk refuses to write; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        why = os.strerror(error.errno)
        raise WorkbenchError(
            f"{path} cannot be written: {why}; make room or see that you may write there, then try again"
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, so that of two who rewrite a file in it neither is lost; a file that is replaced carries none."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _begun(path: Path, flags: int) -> int:
    """Open what is being written and lock it, which says that its writer lives: a lock ends with its process, killed or not."""
    import fcntl

    handle = os.open(path, flags, 0o666)
    with suppress(OSError):  # a file system without locks: there nothing that is left over is removed
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _ended(handle: int) -> None:
    """Unlock and close what was being written, for children that were forked meanwhile too."""
    import fcntl

    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what writers that were killed left unfinished in a folder; what a living one holds, or another owns, stays."""
    import fcntl

    for left in folder.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(handle)


_sweep_once = cache(_sweep)  # a process may write thousands of files into one folder


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:  # a file has that name
        raise NotADirectoryError(errno.ENOTDIR, folder) from error


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside the target that replaces it when the block ends well, and is removed when it does not.

    Folders on the way are made. A link keeps pointing where it did: its target is replaced. An empty file stands at the path,
    to be written in place. Raises WorkbenchError where the disk refuses.
    """
    target = Path(path).resolve()
    temporary = target.with_name(f"{_UNFINISHED}{uuid.uuid4().hex[:12]}{target.suffix}")  # only beside it a rename is atomic
    with refusals_in_words(path):
        _make_folder(target.parent)
        _sweep_once(target.parent)
        handle = _begun(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            yield temporary
            _sync(temporary)
            os.replace(temporary, target)
            _sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
            _ended(handle)


@contextmanager
def new_folder(path: Path | str) -> Iterator[Path]:
    """Yield a temporary folder that takes the name of the target when the block ends well.

    A target that exists, that another process is writing or that the disk refuses is a WorkbenchError.
    """
    target = Path(path).resolve()
    if target.exists():
        raise _exists(path)
    temporary = unfinished(target)
    with refusals_in_words(path):
        _make_folder(target.parent)
        handle = _begin_folder(path, temporary)
        try:
            yield temporary
            for written in [*temporary.rglob("*"), temporary]:
                _sync(written)
            try:
                os.rename(temporary, target)
            except OSError as error:
                raise _exists(path) if target.exists() else error from None
            _sync(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            _ended(handle)


def remove_folder(folder: Path) -> None:
    """Remove a folder that was finished, which is gone at once: one half removed stands under the name of an unfinished one."""
    _sweep(folder.parent)
    handle, leaving = _begun(folder, os.O_RDONLY), unfinished(folder)
    try:
        os.rename(folder, leaving)
        shutil.rmtree(leaving)
    finally:
        _ended(handle)


def unfinished(folder: Path) -> Path:
    """Return where a new folder stands while it is written."""
    return folder.with_name(f"{_UNFINISHED}{folder.name}")


def _begin_folder(path: Path | str, temporary: Path) -> int:
    """Make and lock the temporary folder of a target."""
    while True:
        _sweep(temporary.parent)
        try:
            temporary.mkdir()
        except FileExistsError:
            raise WorkbenchError(f"{path} is being written by another process; wait for it, or choose another folder") from None
        with suppress(FileNotFoundError):
            handle = _begun(temporary, os.O_RDONLY)
            if temporary.exists():  # else another process took it for left over before it was locked
                return handle
            _ended(handle)


def _exists(path: Path | str) -> WorkbenchError:
    return WorkbenchError(f"{path} exists already; choose another folder, or remove it first")


def write_text(path: Path | str, text: str) -> None:
    """Write text as UTF-8 with its line ends as they stand."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: numpy and paths unpacked, sets sorted, NaN, infinities and missing cells as None."""
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, np.ndarray | pd.Series | pd.Index):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return None if value is pd.NaT or value is pd.NA else str(value)


def write_json(path: Path | str, obj: Any) -> None:
    """Write an object as indented JSON; keys keep their order, sets are sorted, what JSON cannot hold (NaN) is null."""
    write_text(path, json.dumps(plain(obj), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


class OddJson(ValueError):
    """Valid JSON that Python would change silently, or cannot hold: a key said twice, too deep a nest, too long a number."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dict; raises OddJson where it says a key twice, of which Python would keep the last."""
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [key for key, _ in pairs]
        raise OddJson(f"the key {next(key for key in names if names.count(key) > 1)!r} stands twice in one object")
    return record


_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique_keys)


def parsed_json(text: str) -> Any:
    """Return what a JSON text says; raises json.JSONDecodeError, or OddJson in words."""
    try:
        return _JSON.decode(text)
    except RecursionError:
        raise OddJson("lists and objects lie in each other too deep; write them flat") from None
    except (json.JSONDecodeError, OddJson):
        raise
    except ValueError:  # Python's bound on the digits of a whole number
        most = f"{sys.get_int_max_str_digits():,}"
        raise OddJson(f"a whole number has more than {most} digits; write it in quotes, as text") from None


def read_json(path: Path | str) -> Any:
    """Return what a UTF-8 JSON file holds; raises one WorkbenchError naming file, line and column."""
    try:
        return parsed_json(read_bytes(path).decode("utf-8-sig"))
    except OddJson as error:
        raise WorkbenchError(f"{path}: {error}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise WorkbenchError(f"{path} is not valid JSON: {error.msg} at {where}") from None
    except UnicodeDecodeError as error:
        raise WorkbenchError(f"{path} is not UTF-8 text: byte {error.start} cannot be read; save the file as UTF-8") from None


def read_bytes(path: Path | str) -> bytes:
    """Return the bytes of a file; raises WorkbenchError for a missing file (names the nearest one), a folder, a locked file."""
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would keep us waiting
        raise WorkbenchError(f"{path} is no file but a pipe or a device; write what it gives to a file, and give that")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise WorkbenchError(f"{path} does not exist, nor does its folder {path.parent}") from None
        there = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file() and not entry.name.startswith("."))
        hint = did_you_mean(path.name, there) or f"; its folder holds {listed(there) or 'no files'}"
        raise WorkbenchError(f"{path} does not exist{hint}") from None
    except IsADirectoryError:
        there = sorted(entry.name for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
        raise WorkbenchError(f"{path} is a folder, not a file; it holds {listed(there) or 'no files'}") from None
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise WorkbenchError(f"{str(path)!r} holds a NUL character, which no name of a file has; correct the name") from None


def sha256(path: Path | str) -> str:
    """Return the checksum of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_frame(frame: pd.DataFrame, path: Path | str) -> None:
    """Write a frame by the suffix of its path: .csv, .tsv, .jsonl or .parquet; a named index becomes the first column.

    The same frame gives the same bytes. Lists and dicts become JSON text in CSV and TSV; in JSONL a missing cell, a NaN or an
    infinity is null. Raises WorkbenchError for another suffix or for text that UTF-8 cannot hold.
    """
    path = Path(path)
    writers = {".csv": _csv_text, ".tsv": _csv_text, ".jsonl": _jsonl_text, ".parquet": None}
    if path.suffix.lower() not in writers:
        raise WorkbenchError(f"{path} ends in {path.suffix!r}; a table is written as {listed(writers)}")
    table = frame.reset_index() if frame.index.name is not None else frame.reset_index(drop=True)
    write = writers[path.suffix.lower()]
    try:
        if write is not None:
            write_text(path, write(table, "\t" if path.suffix.lower() == ".tsv" else ","))
            return
        with atomic_write(path) as temporary:
            table.to_parquet(temporary, index=False)
    except OSError as error:  # Arrow's has no strerror
        raise WorkbenchError(f"{path} cannot be written: {error}; make room or mend it, and run again") from None
    except UnicodeEncodeError as error:
        raise WorkbenchError(f"{path} cannot hold {error.object[error.start]!r}, half of a character: {error.reason}") from None


def _csv_text(table: pd.DataFrame, delimiter: str) -> str:
    """Return a table as CSV that reads back the same."""
    for name in table:
        if pd.api.types.is_object_dtype(table[name]):
            table[name] = table[name].map(lambda cell: json.dumps(plain(cell)) if _is_nested(cell) else cell)
    text = table.to_csv(index=False, sep=delimiter, lineterminator="\n")
    # Before Python 3.13 the csv module leaves a bare carriage return unquoted, and a reader would end the row there.
    if "\r" in text:
        text = table.to_csv(index=False, sep=delimiter, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return str(text)


def _is_nested(cell: object) -> bool:
    return isinstance(cell, list | tuple | dict | np.ndarray)


def _jsonl_text(table: pd.DataFrame, _delimiter: str) -> str:
    """Return a table as one JSON object a line."""
    columns = [[plain(cell) for cell in table[name].tolist()] for name in table]
    names = list(table.columns)
    rows = (dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True))
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def check_format(document: Mapping[str, Any], path: Path | str, known: int = 1) -> None:
    """Refuse a document whose `format` is missing, not a whole number, or newer than this version of the workbench knows."""
    if "format" not in document:
        raise WorkbenchError(f'{path} has no format version; add the line `format = {known}` (in JSON: "format": {known})')
    version = document["format"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise WorkbenchError(f"{path} has format {version!r}; it is a whole number, 1..{known}")
    if version > known:
        raise WorkbenchError(f"{path} has format {version}, but this workbench knows formats up to {known}; upgrade it")
