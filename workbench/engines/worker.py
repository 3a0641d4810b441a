"""The process behind the `processes` engine: `python -m workbench.engines.worker FD`, started and ended by it alone.

It reads the job, then pieces. A function runs in a forked child, which is watched: its result, what it prints, and the clock.
The child shares by copy-on-write what was prepared, so that it costs milliseconds and not a start of Python. Functions that
can change nothing share one child.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from select import select
from typing import IO, Any, NoReturn

from workbench.engines.contract import Answer, Job
from workbench.engines.processes import Processes
from workbench.tables import WorkbenchError

_READ = 1 << 16
_RAISE = "raise `{}`, a setting of Processes and of [apply]"


def main(line: Connection) -> None:
    """Answer pieces until the line is closed."""
    try:
        job, limits = pickle.loads(line.recv_bytes())  # nosec B301  # of the process that started this one
    except Exception as error:  # noqa: BLE001  # whatever user code raises when it is imported here
        way_out = f"the functions cannot be sent to a worker process ({type(error).__name__}: {error}); keep them in a folder"
        line.send(str(error) if isinstance(error, WorkbenchError) else way_out)
        return
    while True:
        try:
            place, rows, functions = line.recv()
        except EOFError:
            return
        chunk = job.chunk(rows)
        together = [function for function in functions if not job.alone(function)]
        for group in (together, *([function] for function in functions if job.alone(function))):
            for result in _results(line, job, chunk, group, limits, len(rows)):
                line.send(Answer(place, *result))
        line.send(None)


def _results(
    line: Connection, job: Job, chunk: Any, group: list[int], limits: Processes, rows: int
) -> Iterator[tuple[Any, ...]]:
    """Run functions in one child, and those after one that ends it in another; yield what an answer takes beside its piece."""
    for function in group:
        line.send(function)  # from here on, a death of this process is this function's doing
        job.prepare(chunk, function)
    gc.freeze()
    waiting = deque(group)
    while waiting:
        line.send(waiting[0])
        for found in guarded(line, partial(_run, job, chunk, tuple(waiting)), limits, rows):
            stopped = isinstance(found, str)
            yield waiting.popleft(), *((None, 0.0, found) if stopped else (*found, ""))
            if stopped or not waiting:  # what else the child says, does or leaves behind is nobody's matter
                break
            line.send(waiting[0])


def _run(job: Job, chunk: Any, group: Sequence[int]) -> Iterator[tuple[Any, float]]:
    """Yield results and seconds."""
    for function in group:
        start = time.perf_counter()
        result = job.run(chunk, function)
        yield result, time.perf_counter() - start


def guarded(line: Connection, work: Callable[[], Iterable[Any]], limits: Processes, rows: int) -> Iterator[Any]:
    """Yield in this process what work yields in a child, then in words how the child ended."""
    result_in, result_out = os.pipe()
    print_in, print_out = os.pipe()
    child = os.fork()
    if child == 0:
        line.close()  # it belongs to this process: by its end others see that this process has ended
        _be_the_child(work, limits, result_out, print_out)
    os.close(result_out)
    os.close(print_out)
    reason = ""
    try:
        reason = yield from _watch(line.fileno(), result_in, print_in, limits, rows)
    finally:
        os.close(result_in)
        os.close(print_in)
        os.kill(child, signal.SIGKILL)  # it has ended, or is to end: until we wait for it, its number is its own
        status = os.waitpid(child, 0)[1]
    yield reason or _how_it_ended(status)


def _be_the_child(work: Callable[[], Iterable[Any]], limits: Processes, result_out: int, print_out: int) -> NoReturn:
    """Work, send each result pickled behind its length, and end without any of the parent's last rites."""
    try:
        os.dup2(print_out, 1)
        os.dup2(print_out, 2)
        _limit_memory(limits.memory_mb * 2**20)
        with open(result_out, "wb", closefd=False) as pipe:
            try:
                for result in work():
                    _send(pipe, result)
            except BaseException as error:  # noqa: BLE001  # what is no Exception: Rust's panics, a KeyboardInterrupt
                _send(pipe, f"it raised {type(error).__name__}: {error}".removesuffix(": "))
    finally:
        os._exit(1)  # a child must never return into its parent's code; who has all results looks at no exit code


def _send(pipe: IO[bytes], result: Any) -> None:
    data = pickle.dumps(result, protocol=5)
    pipe.write(len(data).to_bytes(8, "big") + data)
    pipe.flush()


def _limit_memory(extra: int) -> None:
    """Let this process map so many bytes more than it has; a request beyond raises MemoryError, or ends it."""
    with suppress(OSError, ValueError):  # no /proc, or a limit the system does not know
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        bound = resource.getrlimit(resource.RLIMIT_AS)[1]  # a process may lower it, and not raise it again
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, bound))


def _watch(line: int, result_in: int, print_in: int, limits: Processes, rows: int) -> Generator[Any, None, str]:
    """Yield a child's results, each with a clock of its own, pass on what it prints, and return why it is given up."""
    sent, printed, open_ends = bytearray(), 0, [result_in, print_in]
    most = int(limits.output_mb * 2**20)
    where = f" on {rows:,} rows" if rows else ""
    end = time.monotonic() + limits.seconds
    while result_in in open_ends:
        ready = select([*open_ends, line], [], [], max(0.0, end - time.monotonic()))[0]
        if not ready:
            return f"it ran longer than {limits.seconds:g} s{where}; if it is only slow, {_RAISE.format('seconds')}"
        if line in ready:  # nothing is sent while we work, so the line is closed: nobody wants the answer
            raise EOFError
        for pipe in ready:
            data = os.read(pipe, _READ)
            if not data:
                open_ends.remove(pipe)
            elif pipe == result_in:
                sent += data
            else:
                printed += len(data)
                with suppress(OSError):  # nobody listens to us
                    os.write(2, data[: max(0, most - printed + len(data))])
        if printed > most:
            return f"it printed more than {most:,} bytes{where}; print less, or {_RAISE.format('output_mb')}"
        while len(sent) >= 8 and len(sent) >= (size := 8 + int.from_bytes(sent[:8], "big")):
            yield pickle.loads(sent[8:size])  # nosec B301  # of our own child
            del sent[:size]
            printed, end = 0, time.monotonic() + limits.seconds
    return ""


def _how_it_ended(status: int) -> str:
    """Return in words how a child ended that sent no result."""
    if os.WIFSIGNALED(status):
        return f"it crashed ({signal.Signals(os.WTERMSIG(status)).name})"
    return f"it ended its process (exit code {os.WEXITSTATUS(status)})"


if __name__ == "__main__":
    with suppress(OSError):  # a closed one
        os.dup2(2, 1)  # a file of functions may print when it is loaded, and the output is for data
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # who started us is gone
        main(Connection(int(sys.argv[1])))
