"""A durable key -> bytes store in one SQLite file, shared by everything that is costly to compute twice."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from workbench.tables import WorkbenchError

Answer = TypeVar("Answer")

_MENDABLE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN)  # damaged, or not there
_PATIENCE = 60.0  # seconds to wait for another process that writes


def cache_folder() -> Path:
    """Return `WORKBENCH_CACHE` of the environment, else `~/.cache/workbench`; the folder can be deleted at any time."""
    return Path(os.environ.get("WORKBENCH_CACHE") or Path.home() / ".cache" / "workbench")


def text_key(text: str) -> str:
    """Return the sha256 of a text in hex: the same in every process."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Store:
    """Values by key in one namespace of a file; safe with several processes and threads.

    path: the SQLite file, by default `store.sqlite` in `cache_folder()`; created when first used. namespace: what the values
    are, the identity of the model that made them included, so that nobody reads another's values. A value damaged on disk
    counts as absent; a damaged file is moved to `<name>.corrupt` with a warning and begun anew.
    """

    def __init__(self, path: Path | None = None, namespace: str = "") -> None:
        self.path = Path(path) if path is not None else cache_folder() / "store.sqlite"
        self.namespace = namespace

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values of the keys that are there."""
        wanted = json.dumps(list(keys))

        def read(db: sqlite3.Connection) -> dict[str, bytes]:
            rows = db.execute(
                "SELECT key, value, crc FROM entries WHERE namespace = ? AND key IN (SELECT value FROM json_each(?))",
                (self.namespace, wanted),
            )
            return {key: value for key, value, crc in rows if zlib.crc32(value) == crc}

        return self._run(read)

    def get_all(self) -> dict[str, bytes]:
        """Return all values of the namespace."""

        def read(db: sqlite3.Connection) -> dict[str, bytes]:
            rows = db.execute("SELECT key, value, crc FROM entries WHERE namespace = ? ORDER BY rowid", (self.namespace,))
            return {key: value for key, value, crc in rows if zlib.crc32(value) == crc}

        return self._run(read)

    def prune(self, limit: int) -> None:
        """Let the entries go that were written first, of every namespace, until the values of the file take `limit` bytes."""

        def cut(db: sqlite3.Connection) -> None:
            if self.path.stat().st_size <= limit:
                return
            newest_first = "SELECT rowid AS place, sum(length(value)) OVER (ORDER BY rowid DESC) AS size FROM entries"
            with db:
                gone = db.execute(
                    f"DELETE FROM entries WHERE rowid IN (SELECT place FROM ({newest_first}) WHERE size > ?)", (limit,)
                )
            if gone.rowcount:
                db.execute("VACUUM")

        self._run(cut)

    def put_many(self, items: Mapping[str, bytes]) -> None:
        """Write all values in one transaction; a key that is there gets the new value."""
        rows = [(self.namespace, key, value, zlib.crc32(value)) for key, value in items.items()]

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", rows)

        self._run(write)

    def _run(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return the answer of `work` on a connection for this call alone: none crosses a fork or a thread."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._connect() as db:
                    return work(db)
            except sqlite3.DatabaseError as error:
                if _primary(error) not in _MENDABLE:
                    raise
            self._mend()
            with self._connect() as db:
                return work(db)
        except (sqlite3.Error, OSError) as error:
            way_out = "delete it, or set WORKBENCH_CACHE to a folder you can write to"
            raise WorkbenchError(f"the cache {self.path} cannot be used ({error}); {way_out}") from error

    def _connect(self) -> closing[sqlite3.Connection]:
        # rw, not rwc: an empty file appearing while another process puts the real one in place would be lost work
        return closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True, timeout=_PATIENCE))

    def _mend(self) -> None:
        """Make the file, or move a damaged one aside; of several processes one does it, the others find it done."""
        with closing(sqlite3.connect(f"{self.path}.lock", timeout=_PATIENCE)) as lock:
            lock.execute("BEGIN EXCLUSIVE")  # SQLite's own locks lie in the file that is to be replaced
            if self.path.exists():
                if self._is_sound():
                    return
                os.replace(self.path, f"{self.path}.corrupt")
                warnings.warn(f"the cache {self.path} was damaged; it was moved to {self.path}.corrupt", stacklevel=4)
            self._create()

    def _is_sound(self) -> bool:
        try:
            with self._connect() as db:
                return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError as error:
            if _primary(error) not in _MENDABLE:
                raise
            return False

    def _create(self) -> None:
        """Make the file beside its place and rename it: switching a file that others have open to WAL fails at once."""
        new = Path(f"{self.path}.new")
        for left_over in (new, Path(f"{self.path}-wal"), Path(f"{self.path}-shm")):
            left_over.unlink(missing_ok=True)
        with closing(sqlite3.connect(new)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(
                "CREATE TABLE entries "
                "(namespace TEXT, key TEXT, value BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (namespace, key))"
            )
        os.replace(new, self.path)


def _primary(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the higher bytes name the variant
