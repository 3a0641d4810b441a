"""Items over processes of this machine, without a cluster."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Final

from workbench.engines.child import ENDED, kill, start_worker
from workbench.engines.contract import R, T
from workbench.engines.outcome import check, died, packed, processes, result

_LOOK: Final = 1.0  # seconds: the line of a worker that died stays open as long as a child of the work holds it


@dataclass(frozen=True)
class Pool:
    """A mapper over processes of this machine, each with one item; an item whose process died is run again after the others.

    workers: None is one a core. retries: how often an item is run again. Needs Linux or macOS.
    """

    workers: int | None = None
    retries: int = 2

    def __post_init__(self) -> None:
        check(self.workers, self.retries)

    @contextmanager
    def kept(self) -> Iterator[_Kept]:
        """Keep processes for the next call; they start when they are needed."""
        workers: list[_Worker] = []
        try:
            yield _Kept(self.workers, self.retries, workers)
        finally:
            for worker in workers:
                worker.kill()

    def __call__(self, work: Callable[[T], R], items: Sequence[T]) -> Generator[tuple[int, R]]:
        """Yield (place, result) as items are finished; the processes end with the iterator."""
        with self.kept() as pool:
            yield from pool(work, items)


@dataclass(frozen=True)
class _Kept(Pool):
    """A pool whose processes are here, idle between calls."""

    there: list[_Worker] = field(default_factory=list)

    @contextmanager
    def kept(self) -> Iterator[_Kept]:
        yield self

    def __call__(self, work: Callable[[T], R], items: Sequence[T]) -> Generator[tuple[int, R]]:
        job, waiting, deaths, workers = packed(work), deque(range(len(items))), Counter[int](), self.there
        came: list[tuple[int, bytes]] = []
        try:
            while len(workers) < min(processes(self.workers), len(items)):
                workers.append(_Worker())
            while waiting or came or _busy(workers):
                for worker in workers:
                    if worker.place is None and waiting:
                        worker.begin(waiting[0], job, packed(items[waiting.popleft()]))
                while came:  # workers are at their next items while who asked looks at these
                    place, answer = came.pop()
                    yield place, result(answer, place, items[place])
                for worker in _ready(workers):
                    place, found = worker.end()
                    if found is not None:
                        came.append((place, found))
                        continue
                    deaths[place] += 1
                    if deaths[place] > self.retries:
                        raise died(place, items[place], deaths[place])
                    waiting.append(place)
                    worker.kill()  # its children may live on
                    workers[workers.index(worker)] = _Worker()
        finally:
            for worker in _busy(workers):
                worker.kill()
                workers.remove(worker)


class _Worker:
    """One worker process, and the place of the item it is at."""

    def __init__(self) -> None:
        self.process, self.line = start_worker("workbench.engines.pool_worker")
        self.place: int | None = None

    def begin(self, place: int, work: bytes, item: bytes) -> None:
        """Send an item."""
        self.place = place
        with suppress(*ENDED):  # a worker that is gone is noticed where its answers are read
            self.line.send((work, item))

    def end(self) -> tuple[int, bytes | None]:
        """Return the item's place and what came of it; None where the process died of it."""
        assert self.place is not None  # it is busy
        place, self.place = self.place, None
        with suppress(*ENDED):
            if self.line.poll():
                return place, self.line.recv_bytes()
        return place, None

    def kill(self) -> None:
        """End the process and its children."""
        kill(self.process)
        self.line.close()


def _busy(workers: list[_Worker]) -> list[_Worker]:
    return [worker for worker in workers if worker.place is not None]


def _ready(workers: list[_Worker]) -> list[_Worker]:
    """Wait for answers or ends; return the workers that have one."""
    busy = _busy(workers)
    ready = wait([worker.line for worker in busy], timeout=_LOOK) if busy else []
    return [worker for worker in busy if worker.line in ready or worker.process.poll() is not None]
