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

# What says nothing about the file; any other error may come of damage, in whose words SQLite is inventive.
_NOT_DAMAGE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
_FAILS = (sqlite3.DatabaseError, UnicodeDecodeError)  # the second where the bytes of a message are damaged themselves
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
        return self._read("AND key IN (SELECT value FROM json_each(?))", json.dumps(list(keys)))

    def get_all(self) -> dict[str, bytes]:
        """Return all values of the namespace, the oldest first."""
        return self._read("ORDER BY rowid")

    def _read(self, which: str, *parameters: str) -> dict[str, bytes]:
        def read(db: sqlite3.Connection) -> dict[str, bytes]:
            select = f"SELECT key, value, crc FROM entries WHERE namespace = ? {which}"  # nosec  # words of ours
            rows = db.execute(select, (self.namespace, *parameters))
            return {key: value for key, value, crc in rows if isinstance(value, bytes) and self._crc(key, value) == crc}

        return self._run(read)

    def _crc(self, key: str, value: bytes) -> int:
        """Return a checksum that tells, where the index is damaged, a value from another key's."""
        return zlib.crc32(value, zlib.crc32(f"{self.namespace}\0{key}".encode()))

    def prune(self, limit: int) -> None:
        """Let the entries go that were written first, of every namespace, until the values of the file take `limit` bytes."""

        def cut(db: sqlite3.Connection) -> None:
            newest_first = "SELECT rowid AS place, sum(length(value)) OVER (ORDER BY rowid DESC) AS size FROM entries"
            with db:
                gone = db.execute(
                    f"DELETE FROM entries WHERE rowid IN (SELECT place FROM ({newest_first}) WHERE size > ?)",
                    (limit,),  # nosec
                )
            if gone.rowcount:
                db.execute("VACUUM")

        self._run(cut)

    def drop(self, beginning: str) -> None:
        """Delete the values whose key begins so."""

        def cut(db: sqlite3.Connection) -> None:
            with db:
                which = "namespace = ? AND substr(key, 1, ?) = ?"
                db.execute(f"DELETE FROM entries WHERE {which}", (self.namespace, len(beginning), beginning))  # nosec

        self._run(cut)

    def put_many(self, items: Mapping[str, bytes]) -> None:
        """Write all values in one transaction; a key that is there gets the new value."""
        rows = [(self.namespace, key, value, self._crc(key, value)) for key, value in items.items()]

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
            except _FAILS as error:
                if _primary(error) in _NOT_DAMAGE:
                    raise
            self._mend()
            with self._connect() as db:
                return work(db)
        except (*_FAILS, OSError) as error:
            elsewhere = ", or set WORKBENCH_CACHE to another folder" if self.path.parent == cache_folder() else ""
            raise WorkbenchError(
                f"the cache {self.path} cannot be used ({error}); delete it, or see that there is room and that it can be "
                f"written{elsewhere}"
            ) from error

    def _connect(self) -> closing[sqlite3.Connection]:
        # rw, not rwc: an empty file appearing while another process puts the real one in place would be lost work
        db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True, timeout=_PATIENCE)
        db.text_factory = lambda text: text.decode("utf-8", "replace")  # a damaged key is one that nobody asks for
        return closing(db)

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
                db.execute("SELECT namespace, key, value, crc FROM entries LIMIT 1")
                return bool(db.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
        except _FAILS as error:
            if _primary(error) in _NOT_DAMAGE:
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


def _primary(error: Exception) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the higher bytes name the variant
