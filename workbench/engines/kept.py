"""A worker process that is kept from one table of rows to the next: functions, models and encoders are loaded once."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Container, Iterator, Sequence

from workbench.engines.contract import Answer, Begun, Job, Piece
from workbench.engines.processes import Processes, Worker, work


class KeptProcesses:
    """An engine like Processes whose workers wait for the next pieces of the same job, until they are closed."""

    def __init__(self, limits: Processes) -> None:
        self.limits = limits
        self._job: Job | None = None
        self._workers: list[Worker] = []

    def __call__(self, job: Job, pieces: Sequence[Piece], stopped: Container[int]) -> Iterator[Answer | Begun]:
        """Yield answers as they come; what is closed early, or fails, ends the workers."""
        if job is not self._job:
            self.close()
            self._job, self._setup = job, pickle.dumps((job, self.limits))
        whole = False
        try:
            while len(self._workers) < min(self.limits.workers or 1, len(pieces)):
                self._workers.append(Worker(self._setup))
            yield from work(self._workers, deque(enumerate(pieces)), self._setup, stopped)
            whole = True
        finally:
            if not whole:
                self.close()

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.kill()
        self._workers = []
