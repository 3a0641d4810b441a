"""Items over a Dask cluster: one that runs, or one of this machine's processes."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Final

from workbench.engines.child import kill, start
from workbench.engines.contract import R, T
from workbench.engines.outcome import Outcomes, check, named, outcome, packed, processes, repeated
from workbench.tables import WorkbenchError

_CONNECT: Final = 7  # seconds
_NO_WORKER: Final = 60  # seconds; none of our own for so long is an error, and not a wait for ever
# The command `dask worker`, with prints to stderr, for the output is for data, and with the order of a set's members that all
# our workers have: Dask gives its own another one where the seed is 0, and not where it is 00, which is the same.
_WORKERS: Final = """
import os, dask
if os.environ["PYTHONHASHSEED"] == "0":
    os.environ["PYTHONHASHSEED"] = "00"
dask.config.set({"distributed.nanny.pre-spawn-environ.PYTHONHASHSEED": "00", "distributed.worker.daemon": False})
os.dup2(2, 1)
from distributed.cli.dask_worker import main
main()
"""
_ONE_AT_A_TIME: Final = Lock()  # for workers of other people's clusters, which may have several threads


@dataclass(frozen=True)
class Dask:
    """A mapper over the workers of a Dask scheduler, by its address; without one, over a cluster of this machine's processes.

    workers: processes of our own cluster, None is one a core. retries: how often an item is run again, after the others and by
    itself, so that an item is not blamed for its neighbour. A cluster that is not ours counts by its own `allowed-failures`,
    and an item that it gives up beside others is run there once more. Items wait for its workers as long as there are none;
    start those with `--nthreads 1`, and with DASK_DISTRIBUTED__WORKER__DAEMON=False where the work uses multiprocessing.
    """

    scheduler: str | None = None
    workers: int | None = None
    retries: int = 2

    def __post_init__(self) -> None:
        check(self.workers, self.retries, self.scheduler)

    @contextmanager
    def kept(self) -> Iterator[Dask]:
        """Start a cluster for the calls, where none is named."""
        try:
            import distributed  # noqa: F401  # is it there?
        except ImportError:
            way_out = "run pip install 'weak-supervision-workbench[dask]', or use a pool of processes"
            raise WorkbenchError(f"Dask is not installed; {way_out}") from None
        if self.scheduler is not None:
            yield self
            return
        with _quiet(), _cluster(processes(self.workers)) as address:
            yield Dask(address, retries=self.retries)

    def __call__(self, work: Callable[[T], R], items: Sequence[T]) -> Generator[tuple[int, R]]:
        """Yield (place, result) as items are finished; our own cluster ends with the iterator, others' items are cancelled."""
        if not items:
            return
        with self.kept() as cluster:
            yield from cluster._mapped(work, items)

    def _mapped(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R]]:
        assert self.scheduler is not None  # it is kept
        with _quiet(), _connected(self.scheduler) as client:
            try:
                job = packed(work)
                yield from repeated(lambda places: _outcomes(client, job, items, places), items, self.retries)
            except WorkbenchError:
                raise
            except Exception as error:
                if client.status == "running" and not isinstance(error, CancelledError | OSError):
                    raise
                lost = f"the connection to Dask's scheduler {self.scheduler} was lost, or it dropped our items"
                way_out = "run again once it is there, for only what is missing is done then"
                raise WorkbenchError(f"{lost} ({type(error).__name__}); {way_out}") from error


def _outcomes(client: Any, work: bytes, items: Sequence[Any], places: Iterable[int]) -> Outcomes:
    from distributed import KilledWorker, as_completed

    waiting = deque(places)
    at: dict[Any, int] = {}
    done = as_completed(loop=client.loop)
    while waiting or at:
        most = 2 * max(1, int(sum(client.nthreads().values())))  # what is queued tells a cluster to grow
        for _ in range(min(len(waiting), most - len(at))):
            future = client.submit(run_item, work, packed(items[waiting[0]]), pure=False)
            at[future] = waiting.popleft()
            done.add(future)
        future = next(done)
        place, error = at.pop(future), future.exception()
        if error is None:
            yield place, future.result()
        elif isinstance(error, KilledWorker):
            yield place, error.allowed_failures + 1
        else:
            raise WorkbenchError(f"{named(place, items[place])} did not get to a worker: {type(error).__name__}: {error}")


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    from distributed import Client
    from distributed.comm import resolve_address

    class Careful(Client):  # type: ignore[misc]  # it is Any here
        async def _ensure_connected(self, *args: Any, **settings: Any) -> None:
            try:  # Dask does not limit the time of who takes the call and says nothing
                await asyncio.wait_for(super()._ensure_connected(*args, **settings), _CONNECT + 1)
            except (MemoryError, TimeoutError) as error:  # a web server's HTTP/1.1 read as a number of bytes
                raise OSError("what is there does not speak Dask's language; is it the dashboard?") from error

    try:
        resolve_address(address)
        client = Careful(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        way_out = "start one with `dask scheduler`, or give the address that it prints, such as tcp://host:8786"
        raise WorkbenchError(f"no Dask scheduler answers at {address!r} ({error}); {way_out}") from error
    with client:
        yield client


@contextmanager
def _cluster(n: int) -> Iterator[str]:
    """Start a scheduler here, and workers in processes of their own that are no daemons, for these may start no others."""
    from dask import config
    from distributed import LocalCluster

    settings = {"distributed.scheduler.no-workers-timeout": f"{_NO_WORKER}s", "distributed.scheduler.allowed-failures": 0}
    no_dashboard = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with config.set(settings):
        cluster = LocalCluster(n_workers=0, dashboard_address=None, scheduler_kwargs=no_dashboard, silence_logs=False)
    with TemporaryDirectory() as folder, cluster:
        own = ["--nthreads=1", "--no-dashboard", "--memory-limit=0", "--host=127.0.0.1", f"--local-directory={folder}"]
        workers = start(["-c", _WORKERS, cluster.scheduler_address, f"--nworkers={n}", *own], DASK_LOGGING__DISTRIBUTED="error")
        try:
            cluster.wait_for_workers(n, _NO_WORKER)
            yield cluster.scheduler_address
        except TimeoutError as error:
            raise WorkbenchError(f"not all of Dask's {n} workers have started in {_NO_WORKER} seconds; use fewer") from error
        finally:
            kill(workers)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what Dask's client and our scheduler log: all of it comes back as errors, or is mended."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def run_item(work: bytes, item: bytes) -> bytes:
    """Run an item on a worker."""
    with _ONE_AT_A_TIME:
        return outcome(work, item)
