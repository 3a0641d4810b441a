"""Worker processes that can be killed: what a function does to itself ends that function, not the run or the others' votes."""

from __future__ import annotations

import math
import os
import pickle
import signal
from collections import deque
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from workbench.engines.child import ENDED, kill, start_worker
from workbench.engines.contract import Answer, Begun, Job, Piece
from workbench.tables import WorkbenchError


@dataclass(frozen=True)
class Processes:
    """An engine of several worker processes, which run every function that could change what others read in its own child.

    workers: None is one a core. seconds, memory_mb, output_mb: what one function may use on one piece of the rows, of memory
    beyond what its worker holds; one that goes beyond is stopped, and so is one that crashes. Children are forked, so that each
    function finds the global state the worker began with. Needs Linux or macOS; macOS does not enforce the limit of memory.
    """

    workers: int | None = None
    seconds: float = 60.0
    memory_mb: int = 2_048
    output_mb: float = 1.0

    def __post_init__(self) -> None:
        if self.workers is not None and (type(self.workers) is not int or self.workers < 1):
            raise WorkbenchError(f"workers is {self.workers!r}; give a whole number from 1 on, or None for one a core")
        if type(self.memory_mb) is not int or self.memory_mb < 1:
            raise WorkbenchError(f"memory_mb is {self.memory_mb!r}; give a whole number from 1 on")
        for name in ("seconds", "output_mb"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 < value < math.inf:
                raise WorkbenchError(f"{name} is {value!r}; give a number above 0, for a function needs some")

    def __call__(self, job: Job, pieces: Sequence[Piece], stopped: Container[int]) -> Iterator[Answer | Begun]:
        """Yield answers as they come; workers end with the iterator."""
        setup = pickle.dumps((job, self))
        waiting = deque(enumerate(pieces))
        workers: list[Worker] = []
        try:
            for _ in range(min(self.workers or os.cpu_count() or 1, len(pieces))):
                workers.append(Worker(setup))
            yield from work(workers, waiting, setup, stopped)
        finally:
            for worker in workers:
                worker.kill()


def work(
    workers: list[Worker], waiting: deque[tuple[int, Piece]], setup: bytes, stopped: Container[int]
) -> Iterator[Answer | Begun]:
    """Hand pieces to whoever is free and answers to who asks; a worker that dies is replaced, and what it was at is stopped."""
    while True:
        for worker in workers:
            while worker.piece is None and waiting:
                worker.begin(*waiting.popleft(), stopped)
        busy = {worker.line: worker for worker in workers if worker.piece is not None}
        if not busy:
            return
        for line in wait(list(busy)):
            worker = busy[line]  # type: ignore[index]  # we wait for lines alone
            try:
                message = worker.line.recv()
            except ENDED:
                place, rest, culprit = worker.left()
                waiting.appendleft((place, rest))
                worker.kill()  # a child may outlive it
                workers[workers.index(worker)] = Worker(setup)
                yield Answer(place, culprit, None, 0.0, f"its worker process ended ({worker.exit()})")
                continue
            if message is None:
                worker.piece = None
            elif isinstance(message, int):
                worker.at = message
                assert worker.piece is not None  # it is busy
                yield Begun(worker.piece[0], message)
            elif isinstance(message, str):
                raise WorkbenchError(message)
            else:
                worker.due.remove(message.function)
                yield message


@dataclass(eq=False)
class Worker:
    """One worker process, the piece it works on, which functions have still to answer, and which it is at."""

    setup: bytes
    piece: tuple[int, Piece] | None = None
    due: list[int] = field(default_factory=list)
    at: int | None = None

    def __post_init__(self) -> None:
        self.process, self.line = start_worker("workbench.engines.worker")
        with suppress(*ENDED):
            self.line.send_bytes(self.setup)

    def begin(self, place: int, piece: Piece, stopped: Container[int]) -> None:
        """Send a piece, without the functions that are stopped."""
        functions = [function for function in piece.functions if function not in stopped]
        if functions:
            self.piece, self.due, self.at = (place, piece), functions, None
            with suppress(*ENDED):  # a worker that is gone is noticed where its answers are read
                self.line.send((place, piece.cut(), functions))

    def left(self) -> tuple[int, Piece, int]:
        """Return the piece with the functions that have not answered, and at which of them this worker died."""
        if self.piece is None or self.at is None:
            raise WorkbenchError(f"a worker process ended ({self.exit()}) before it began; is there memory for it?")
        place, piece = self.piece
        return place, Piece(piece.table, piece.rows, tuple(self.due)), self.at

    def exit(self) -> str:
        """Return in words how the process ended."""
        code = self.process.wait()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def kill(self) -> None:
        """End the process and its children."""
        kill(self.process)
        self.line.close()
