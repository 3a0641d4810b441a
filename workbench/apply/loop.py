"""The loop: what is known comes from the cache, the rest from an engine, and everything lands in one vote matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.apply.cache import UNKNOWN, KnownVotes, VoteCache
from workbench.apply.job import VoteJob, Wavering
from workbench.engines import Answer, Begun, Engine, Piece, serial
from workbench.io.columns import mend
from workbench.lfs.load import bind
from workbench.lfs.votes import Fault
from workbench.tables import ABSTAIN, Dataset, VoteMatrix, WorkbenchError, no_faults

_ASKED_TWICE: Final = 100  # rows, about
_WAVERS: Final = "it answers differently when a row is asked again"
_WAY_OUT: Final = "let its vote depend on the row alone, not on chance, time, state or other rows"


class Tick(NamedTuple):
    """How far an apply is: which function has just voted, on how many of how many rows so far, and all votes done and due.

    seconds: the function's own work so far. rate: rows a second it has voted on. left: seconds it still needs at that rate.
    working: who is at work now. One tick is told when a function begins on a chunk, `working` then, and one when it has voted.
    """

    function: str
    rows: int
    rows_of: int
    seconds: float
    rate: float
    done: int
    of: int
    working: tuple[str, ...] = ()

    @property
    def left(self) -> float:
        return (self.rows_of - self.rows) / self.rate if self.rate else math.inf


def apply_lfs(
    lfs: Iterable[Any],
    dataset: Dataset,
    *,
    engine: Engine = serial,
    chunk_rows: int = 10_000,
    cache: VoteCache | str | Path | None = None,
    max_faults: float = 0.5,
    progress: Callable[[Tick], None] | None = None,
) -> VoteMatrix:
    """Let every function vote on every row.

    The result is the same whatever the chunk size, engine and cache, of functions whose vote depends on the row alone. To find
    others, about a hundred rows are asked twice: who answers one differently is stopped, and who does so seldom may pass.
    lfs: our functions or Snorkel's. A function that raises, or returns what is no vote, abstains on that row and the fault is
    recorded with row, function and error, the first of each function with its traceback. A function that fails on more than
    `max_faults` of the rows (0..1), or that the engine had to end, is stopped: it abstains everywhere and `stopped` says why.
    engine: `serial` runs in this process, `Processes(workers=2)` in others that can be killed. cache: where votes are kept,
    such as "votes.sqlite"; what was finished before an interruption is there the next time. progress: called with a Tick when
    a function begins on a chunk and when it has voted; what it raises ends the work.

    >>> from workbench import Dataset, labeling_function
    >>> refund = labeling_function()(lambda row: 0 if "refund" in row.text else -1)
    >>> rows = pd.DataFrame({"text": ["refund me", "hello"]}, index=["a", "b"])
    >>> apply_lfs([refund], Dataset(rows, labels=("billing", "bug"))).votes.tolist()
    [[0], [-1]]
    """
    _check_arguments(lfs, dataset, engine, cache, progress)
    check_settings(chunk_rows, max_faults)
    cache = VoteCache(Path(cache)) if isinstance(cache, (str, Path)) else cache
    job = VoteJob(bind(lfs, dataset.labels, dataset.text), dataset.labels, dataset.text, one_in_of(len(dataset)))
    return run_job(job, dataset, engine, chunk_rows, cache, max_faults, progress)


def one_in_of(rows: int) -> int:
    """Return of how many rows one is asked twice, where there are so many."""
    return max(5, rows // _ASKED_TWICE)


def run_job(
    job: VoteJob,
    dataset: Dataset,
    engine: Engine,
    chunk_rows: int,
    cache: VoteCache | KnownVotes | None,
    max_faults: float,
    progress: Callable[[Tick], None] | None = None,
) -> VoteMatrix:
    """Let the functions of a job, which are bound to the dataset's labels, vote on every row, as `apply_lfs` says."""
    functions = job.functions
    prints = [] if cache is None else [function.fingerprint for function in functions]
    if cache is None:
        votes = np.full((len(dataset), len(functions)), UNKNOWN, np.int16, order="F")
    else:
        cache.open(dataset)
        votes = cache.known(prints)
    pieces = _pieces(votes, dataset.frame, chunk_rows)
    collected = _Collected([function.name for function in functions], dataset.ids, votes, pieces, max_faults, progress)
    answers = engine(job, pieces, collected.stopped)
    try:
        for answer in answers:
            if isinstance(answer, Begun):
                collected.begin(answer)
                continue
            if cache is not None and not answer.stopped:
                _keep(cache, prints[answer.function], pieces[answer.piece], *answer.result)
            collected.add(answer)
    finally:
        if hasattr(answers, "close"):
            answers.close()  # an engine's processes end here, not when somebody collects garbage
        if cache is not None:
            cache.flush()
    return collected.matrix(dataset)


def check_settings(chunk_rows: int = 1, max_faults: float = 0.0) -> None:
    """Refuse settings out of range."""
    if isinstance(chunk_rows, bool) or not isinstance(chunk_rows, Integral) or chunk_rows < 1:
        raise WorkbenchError(f"chunk_rows is {chunk_rows!r}; give a whole number from 1 on")
    if isinstance(max_faults, bool) or not isinstance(max_faults, (int, float)) or not 0 <= max_faults <= 1:
        raise WorkbenchError(f"max_faults is {max_faults!r}; give a share of the rows, from 0 to 1")


def _check_arguments(lfs: Any, dataset: Any, engine: Any, cache: Any, progress: Any) -> None:
    """Refuse what is likely to be typed in a notebook in place of what is meant, with the way out."""
    if isinstance(lfs, str) or not isinstance(lfs, Iterable):
        raise WorkbenchError(f"lfs is a {type(lfs).__name__}; give a list of functions, of one function too: [function]")
    if not isinstance(dataset, Dataset):
        given = f"a {type(dataset).__name__}"
        raise WorkbenchError(
            f"dataset is {given}; give Dataset(frame, labels=[...], text=[...]), the frame's index being row ids"
        )
    if isinstance(engine, type) or not callable(engine):
        raise WorkbenchError(f"engine is {engine!r}; of workbench.engines give serial, or Processes(workers=2) with brackets")
    if not isinstance(cache, (VoteCache, str, Path, type(None))):
        raise WorkbenchError(f"cache is {cache!r}; give a path such as 'votes.sqlite', a VoteCache, or None")
    if not (progress is None or callable(progress)):
        raise WorkbenchError(f"progress is {progress!r}; give a function that takes a Tick, such as print, or None")


def _keep(cache: VoteCache | KnownVotes, fingerprint: str, piece: Piece, votes: NDArray[np.int16], faults: list[Fault]) -> None:
    """Keep a function's votes; of one that wavers none are kept, or it would look better with every run."""
    if any(isinstance(fault, Wavering) for fault in faults):
        cache.forget(fingerprint)
    else:
        cache.keep(fingerprint, piece.rows, votes, [fault.position for fault in faults])


def _pieces(votes: NDArray[np.int16], table: pd.DataFrame, chunk_rows: int) -> list[Piece]:
    """Cut the rows that lack votes into pieces, together for the functions that lack them on the same rows."""
    alike: dict[bytes, list[int]] = {}
    for j in range(votes.shape[1]):
        alike.setdefault(np.packbits(votes[:, j] == UNKNOWN).tobytes(), []).append(j)
    pieces = []
    for functions in alike.values():
        missing = np.flatnonzero(votes[:, functions[0]] == UNKNOWN)
        for start in range(0, len(missing), chunk_rows):
            rows = missing[start : start + chunk_rows]
            together = rows[-1] - rows[0] + 1 == len(rows)
            pieces.append(Piece(table, slice(int(rows[0]), int(rows[-1]) + 1) if together else rows, tuple(functions)))
    return pieces


class _Collected:
    """Votes and faults as they come in, and which functions are to vote no more."""

    def __init__(
        self,
        names: list[str],
        ids: pd.Index,
        votes: NDArray[np.int16],
        pieces: list[Piece],
        max_faults: float,
        progress: Callable[[Tick], None] | None,
    ) -> None:
        self.names, self.ids, self.votes, self.pieces, self.progress = names, ids, votes, pieces, progress
        self.limit = max_faults * len(votes)
        self.stopped: dict[int, str] = {}
        self.faults: dict[int, dict[int, list[tuple[int, Fault]]]] = {j: {} for j in range(len(names))}  # function, piece
        self.order = {j: [place for place, piece in enumerate(pieces) if j in piece.functions] for j in range(len(names))}
        self.counted, self.failed = [0] * len(names), [0] * len(names)  # pieces from the first on, and faults in them
        self.rows = [int((votes[:, j] != UNKNOWN).sum()) for j in range(len(names))]
        self.kept = list(self.rows)  # rows whose votes came from the cache, which cost no time
        self.seconds = [0.0] * len(names)
        self.working: dict[int, int] = {}  # function by piece

    def begin(self, begun: Begun) -> None:
        """Tell which function is at work, so that one that takes long or hangs is seen."""
        if self.working.get(begun.piece) != begun.function:
            self.working[begun.piece] = begun.function
            if self.progress is not None:
                self.progress(self._tick(begun.function))

    def add(self, answer: Answer) -> None:
        """Place what a function made of a piece."""
        j = answer.function
        self.working.pop(answer.piece, None)
        if j in self.stopped:
            return
        if answer.stopped:
            self.stopped[j] = answer.stopped
            return
        rows = self.pieces[answer.piece].rows
        column, faults = answer.result
        self.votes[rows, j] = column
        positions = range(rows.start, rows.stop) if isinstance(rows, slice) else rows.tolist()
        self.faults[j][answer.piece] = sorted((positions[fault.position], fault) for fault in faults)
        self._stop_what_fails(j)
        self.rows[j] += len(column)
        self.seconds[j] += answer.seconds
        if self.progress is not None:
            self.progress(self._tick(j))

    def _tick(self, j: int) -> Tick:
        rate = (self.rows[j] - self.kept[j]) / max(self.seconds[j], 1e-9)
        working = tuple(dict.fromkeys(self.names[at] for at in self.working.values()))
        return Tick(
            self.names[j], self.rows[j], len(self.votes), self.seconds[j], rate, sum(self.rows), self.votes.size, working
        )

    def _stop_what_fails(self, j: int) -> None:
        """Stop a function that wavers, or whose faults are over the limit, as it is found from the first row on.

        So neither the order of answers nor the size of pieces matters.
        """
        order, faults = self.order[j], self.faults[j]
        while j not in self.stopped and self.counted[j] < len(order) and order[self.counted[j]] in faults:
            for row, fault in faults[order[self.counted[j]]]:
                self.failed[j] += 1
                if isinstance(fault, Wavering):
                    self.stopped[j] = f"{_WAVERS}, first on row {self.ids[row]!r}: {fault.error}; {_WAY_OUT}"
                    return
                if self.failed[j] > self.limit:
                    first = next(fault for place in order for _, fault in faults[place])
                    share = f"more than {self.limit / len(self.votes):.0%} of the rows"
                    self.stopped[j] = f"it failed on {share}, first with: {first.error}"
                    return
            self.counted[j] += 1

    def matrix(self, dataset: Dataset) -> VoteMatrix:
        """Return all votes; a stopped function abstains everywhere and keeps its first fault."""
        for j in self.stopped:
            self.votes[:, j] = ABSTAIN
        self.votes.flags.writeable = False  # so that the table takes it as it is, without a copy
        faults = []
        for j, by_piece in self.faults.items():
            found = sorted((fault for place in by_piece for fault in by_piece[place]), key=lambda one: one[0])
            told = found[:1] if j in self.stopped else found
            faults += [(j, row, fault) for row, fault in told if not isinstance(fault, Wavering)]
        stopped = {self.names[j]: mend(reason) for j, reason in sorted(self.stopped.items())}
        table = _fault_table(faults, self.names, dataset.ids)
        return VoteMatrix(dataset.ids, tuple(self.names), dataset.labels, self.votes, table, stopped)


def _fault_table(faults: list[tuple[int, int, Fault]], names: list[str], ids: pd.Index) -> pd.DataFrame:
    """Return faults by function and row, with the first traceback of each function."""
    if not faults:
        return no_faults()
    table = pd.DataFrame(
        # mended: half of a surrogate pair in a message is text that no file can hold
        [(ids[row], names[j], mend(fault.error), mend(fault.traceback)) for j, row, fault in faults],
        columns=list(no_faults().columns),
    )
    later = table["lf"].where(table["traceback"] != "").duplicated()
    return table.assign(traceback=table["traceback"].mask(later, "")).astype("str")
