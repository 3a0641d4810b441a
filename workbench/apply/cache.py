"""Votes kept between runs: a function that did not change is asked about new and changed rows alone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workbench.tables import Dataset
from workbench.text.cache import Store

UNKNOWN: Final = -2  # no vote is kept
_FLUSH: Final = 1.0  # seconds of work that a kill may lose


class VoteCache:
    """Votes on disk by function and row, in one SQLite file that can be deleted at any time.

    Votes lie in blocks of rows that were voted on together: the hashes of a block's rows once, and its votes by function. Rows
    are known by a 64-bit hash of id and cells: the chance that any two of a million rows collide is 3e-8. A function is known
    by its fingerprint, which its helpers and constants are part of. Rows that faulted are not kept. limit_mb: beyond it the
    oldest blocks go.
    """

    def __init__(self, path: Path, limit_mb: int = 512) -> None:
        self.path, self.limit = Path(path), limit_mb * 2**20
        self._waiting: dict[str, dict[str, bytes]] = {}
        self._flushed = time.monotonic()

    def open(self, dataset: Dataset) -> None:
        """Look at the rows and labels of a data set, which the next calls are about."""
        head = "\0".join([*dataset.labels, "|", *dataset.text, "|", *map(str, dataset.frame.dtypes.items())])
        kind = hashlib.sha256(head.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._rows, self._votes = Store(self.path, f"rows {kind}"), Store(self.path, f"votes {kind}")
        self._hashes = dataset.row_hashes
        self._order = np.argsort(self._hashes, kind="stable")
        self._forgotten: set[str] = set()

    def known(self, fingerprints: Sequence[str]) -> NDArray[np.int16]:
        """int16[n, m], column-major: the votes that are kept, UNKNOWN elsewhere."""
        votes = np.full((len(self._hashes), len(fingerprints)), UNKNOWN, np.int16, order="F")
        for block, stored in self._rows.get_all().items():
            theirs = np.frombuffer(stored, np.uint64)
            places = self._places(theirs)
            here = places >= 0
            if not here.any():
                continue
            found = self._votes.get_many(f"{fingerprint} {block}" for fingerprint in fingerprints)
            whole = here.all() and np.array_equal(places, np.arange(places[0], places[0] + len(places)))
            for j, fingerprint in enumerate(fingerprints):
                if (kept := found.get(f"{fingerprint} {block}")) is not None:
                    values = np.frombuffer(kept, np.int16)
                    if whole:
                        votes[places[0] : places[0] + len(places), j] = values
                    else:
                        votes[places[here], j] = values[here]
        return votes

    def _places(self, hashes: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return where rows of these hashes stand in the data set, -1 for those it does not have."""
        if not len(self._hashes):
            return np.full(len(hashes), -1)
        at = np.minimum(np.searchsorted(self._hashes, hashes, sorter=self._order), len(self._order) - 1)
        places = self._order[at]
        return np.where(self._hashes[places] == hashes, places, -1)

    def keep(self, fingerprint: str, rows: slice | NDArray[np.intp], votes: NDArray[np.int16], faulted: Sequence[int]) -> None:
        """Keep a function's votes on some rows, but for the positions that faulted; written about once a second."""
        if fingerprint in self._forgotten:
            return
        hashes = self._hashes[rows]
        values = votes.astype(np.int16)
        if len(faulted):
            values[list(faulted)] = UNKNOWN
        block = hashlib.sha256(hashes.tobytes()).hexdigest()[:32]
        self._waiting.setdefault("rows", {})[block] = hashes.tobytes()
        self._waiting.setdefault("votes", {})[f"{fingerprint} {block}"] = values.tobytes()
        if time.monotonic() - self._flushed > _FLUSH:
            self.flush()

    def forget(self, fingerprint: str) -> None:
        """Drop a function's votes on any rows, and keep none until a data set is opened again."""
        self.flush()
        self._votes.drop(f"{fingerprint} ")
        self._forgotten.add(fingerprint)

    def flush(self) -> None:
        """Write what waits, and let the oldest go where the file is over its limit."""
        if self._waiting:
            self._rows.put_many(self._waiting["rows"])
            self._votes.put_many(self._waiting["votes"])
            self._waiting = {}
            if self.path.stat().st_size > self.limit:
                self._rows.prune(self.limit // 2)  # far below, for the whole file is written anew
        self._flushed = time.monotonic()


class KnownVotes:
    """Votes of functions on all rows, by fingerprint, that need not be cast again; new ones are not kept."""

    def __init__(self, columns: Mapping[str, NDArray[np.int16]]) -> None:
        self.columns, self._rows = columns, 0

    def open(self, dataset: Dataset) -> None:
        """Take the number of rows."""
        self._rows = len(dataset)

    def known(self, fingerprints: Sequence[str]) -> NDArray[np.int16]:
        """int16[n, m], column-major: the votes that are known, UNKNOWN in the columns of other functions."""
        votes = np.full((self._rows, len(fingerprints)), UNKNOWN, np.int16, order="F")
        for j, fingerprint in enumerate(fingerprints):
            if fingerprint in self.columns:
                votes[:, j] = self.columns[fingerprint]
        return votes

    def keep(self, fingerprint: str, rows: slice | NDArray[np.intp], votes: NDArray[np.int16], faulted: Sequence[int]) -> None:
        """Keep nothing."""

    def forget(self, fingerprint: str) -> None:
        """Forget nothing."""

    def flush(self) -> None:
        """Write nothing."""
