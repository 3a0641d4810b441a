"""Items over Spark, through `mapInPandas`: each is a job of one task, so that results come as they are finished."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from subprocess import TimeoutExpired
from typing import Any, Final
from uuid import uuid4
from warnings import catch_warnings, filterwarnings

import pandas as pd

from workbench.engines.child import ONE_THREAD, SAME_ORDER, same_modules
from workbench.engines.contract import R, T
from workbench.engines.outcome import Outcomes, check, named, outcome, packed, processes, repeated
from workbench.io.names import shortened
from workbench.tables import WorkbenchError

_DIED: Final = ("Python worker exited unexpectedly", "ExecutorLostFailure", "Executor heartbeat timed out")
_GONE: Final = ("SparkContext was shut down", "stopped SparkContext")
_OF_PANDAS: Final = "PySpark does not yet fully support pandas"
_END: Final = 10.0  # seconds for Java to end
_AGAIN: Final = 0.2  # seconds between cancels
_THREADS: Final = 4_096  # at most; each waits for one job
_WAY_OUT: Final = "run pip install 'weak-supervision-workbench[spark]', and have Java 17 or newer (JAVA_HOME says where)"


@dataclass(frozen=True)
class Spark:
    """A mapper over Spark: the session that is there, which stays; else one of its own, on a master or on this machine.

    master: as Spark writes it, such as spark://host:7077 or local[2]. workers: without a master, processes of this machine;
    None is one a core. retries: how often an item is run again, after the others and by itself; a session that was there tries
    each time as often as its spark.task.maxFailures says. Workers need this package and the modules of the work.
    """

    master: str | None = None
    workers: int | None = None
    retries: int = 2

    def __post_init__(self) -> None:
        check(self.workers, self.retries, self.master)

    @contextmanager
    def kept(self) -> Iterator[Spark]:
        """Start a session that the calls find, where none is there."""
        with self._session():
            yield self

    def __call__(self, work: Callable[[T], R], items: Sequence[T]) -> Generator[tuple[int, R]]:
        """Yield (place, result) as items are finished; our own session ends with the iterator, in others jobs are cancelled."""
        if not items:
            return
        with self._session() as session:
            job = packed(work)
            yield from repeated(lambda places: _outcomes(session, job, items, places), items, self.retries)

    @contextmanager
    def _session(self) -> Iterator[Any]:
        """Yield the session that is there, or one that is started here and ended with its Java process."""
        try:
            from py4j.protocol import Py4JError
            from pyspark import SparkContext
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError:
            raise WorkbenchError(f"Spark is not installed; {_WAY_OUT}, or use a pool of processes") from None
        if SparkContext._active_spark_context is not None or SparkSession.getActiveSession() is not None:
            yield SparkSession.builder.getOrCreate()
            return
        java = SparkContext._gateway  # of a session that has ended, perhaps
        try:
            try:
                session = self._built(SparkSession.builder)
            except (PySparkException, Py4JError, OSError) as error:
                where = f" on master {self.master!r}" if self.master else ""
                raise WorkbenchError(f"Spark did not start{where} ({_said(error)}); {_WAY_OUT}") from error
            try:
                yield session
            finally:
                with suppress(Py4JError, OSError):  # it is gone
                    session.stop()
        finally:
            if java is None and SparkContext._gateway is not None:
                _end(SparkContext._gateway)
                SparkContext._gateway = SparkContext._jvm = None

    def _built(self, builder: Any) -> Any:
        """Start a session: one death of a worker ends a job, so that deaths are counted here; workers have one thread."""
        master = self.master or f"local[{processes(self.workers)}]"
        settings = {"spark.task.maxFailures": "1", "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
        variables = {**SAME_ORDER, **ONE_THREAD}
        if master.startswith("local"):
            settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
            variables |= same_modules()
        settings |= {f"spark.executorEnv.{name}": value for name, value in variables.items()}
        for name, value in {**settings, "spark.log.level": "ERROR"}.items():
            builder = builder.config(name, value)
        with catch_warnings():
            filterwarnings("ignore", _OF_PANDAS, FutureWarning)
            session = builder.master(master).appName("workbench").getOrCreate()
        if master.startswith("local"):
            session.sparkContext.pythonExec = sys.executable
        return session


def _outcomes(session: Any, work: bytes, items: Sequence[Any], places: Iterable[int]) -> Outcomes:
    from py4j.protocol import Py4JError

    group = f"workbench-{uuid4()}"  # by which jobs are cancelled
    context = session.sparkContext
    ahead = 1 if context.master.startswith("local") else 2  # jobs that wait tell a cluster to grow
    waiting, at = deque(places), dict[Future[bytes | int], int]()
    threads = ThreadPoolExecutor(_THREADS, initializer=context.setJobGroup, initargs=(group, "workbench", True))
    try:
        while waiting or at:
            for _ in range(min(len(waiting), ahead * context.defaultParallelism - len(at))):
                place = waiting.popleft()
                job = _job(session, work, packed(items[place]))
                at[threads.submit(_run, job, named(place, items[place]))] = place
            for future in wait(at, return_when=FIRST_COMPLETED).done:
                yield at.pop(future), future.result()
    finally:
        threads.shutdown(wait=False)
        with suppress(Py4JError, OSError):  # it is gone
            while wait(at, _AGAIN).not_done:  # a thread may begin its job after a cancel
                context.cancelJobGroup(group)


def _job(session: Any, work: bytes, item: bytes) -> Any:
    """Return the job of one item: a frame of one row, its outcome."""

    def run(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for _ in batches:  # one, of one row
            yield pd.DataFrame({"outcome": [outcome(work, item)]})

    with catch_warnings():  # little is asked of pandas
        filterwarnings("ignore", _OF_PANDAS, FutureWarning)
        return session.range(0, 1, 1, 1).mapInPandas(run, "outcome binary")


def _run(job: Any, name: str) -> bytes | int:
    """Run a job; return its outcome, or 1 where its worker died."""
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException

    try:
        return bytes(job.collect()[0][0])
    except (PySparkException, Py4JError, OSError) as error:
        said = str(error)
        if any(sign in said for sign in _DIED):
            return 1
        if isinstance(error, Py4JNetworkError | OSError) or any(sign in said for sign in _GONE):
            way_out = "run again once it is there, for only what is missing is done then"
            raise WorkbenchError(f"the connection to Spark was lost ({_said(error)}); {way_out}") from error
        raise WorkbenchError(f"{name} did not get to a worker of Spark: {_said(error)}") from error


def _said(error: Exception) -> str:
    """Return the sentence in what Spark says that tells most."""
    from pyspark.errors import PythonException

    lines = str(error).strip().splitlines() or [type(error).__name__]
    return shortened(lines[-1] if isinstance(error, PythonException) else " ".join(lines[:2]), 400)


def _end(gateway: Any) -> None:
    """End the Java process, which waits for the end of its input."""
    with suppress(OSError):
        gateway.shutdown()
        gateway.proc.stdin.close()
    try:
        gateway.proc.wait(_END)
    except TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
