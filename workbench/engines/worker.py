"""The process behind the `processes` engine: `python -m workbench.engines.worker FD`, started and ended by it alone.

It reads the job, then pieces. Each function runs in a forked child, which is watched: its result, what it prints, and the
clock. The child shares by copy-on-write what was prepared, so that it costs a millisecond and not a start of Python.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from select import select
from typing import Any, NoReturn

from workbench.engines.contract import Answer
from workbench.engines.processes import Limits

_READ = 1 << 16


def main(line: Connection) -> None:
    """Answer pieces until the line is closed."""
    try:
        job, limits = pickle.loads(line.recv_bytes())
    except Exception as error:  # noqa: BLE001  # whatever user code raises when it is imported here
        line.send(f"the functions cannot be sent to a worker process ({type(error).__name__}: {error}); keep them in a folder")
        return
    while True:
        try:
            place, rows, functions = line.recv()
        except EOFError:
            return
        chunk = job.chunk(rows)
        for function in functions:
            line.send(function)  # from here on, a death of this process is this function's doing
            job.prepare(chunk, function)
            gc.freeze()
            start = time.perf_counter()
            result, reason = guarded(line, partial(job.run, chunk, function), limits)
            line.send(Answer(place, function, result, time.perf_counter() - start, reason))
        line.send(None)


def guarded(line: Connection, work: Callable[[], Any], limits: Limits) -> tuple[Any, str]:
    """Run work in a child process; return its result and '', or None and why there is no result."""
    result_in, result_out = os.pipe()
    print_in, print_out = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_child(work, limits, result_out, print_out)
    os.close(result_out)
    os.close(print_out)
    try:
        sent, reason = _watch(line.fileno(), result_in, print_in, limits)
    finally:
        os.close(result_in)
        os.close(print_in)
        os.kill(child, signal.SIGKILL)  # it has ended, or is to end: until we wait for it, its number is its own
        status = os.waitpid(child, 0)[1]
    if sent is not None:
        return pickle.loads(sent), ""
    return None, reason or _how_it_ended(status)


def _be_the_child(work: Callable[[], Any], limits: Limits, result_out: int, print_out: int) -> NoReturn:
    """Work, send the length of the pickled result and the result, and end without any of the parent's last rites."""
    try:
        os.dup2(print_out, 1)
        os.dup2(print_out, 2)
        _limit_memory(limits.memory)
        data = pickle.dumps(work(), protocol=5)
        with open(result_out, "wb") as pipe:
            pipe.write(len(data).to_bytes(8, "big"))
            pipe.write(data)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  # a child must never return into its parent's code
        with suppress(BaseException):
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)


def _limit_memory(extra: int) -> None:
    """Let this process map so many bytes more than it has; a request beyond raises MemoryError, or ends it."""
    with suppress(OSError, ValueError):  # no /proc, or a limit the system does not know
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, resource.RLIM_INFINITY))


def _watch(line: int, result_in: int, print_in: int, limits: Limits) -> tuple[bytes | None, str]:
    """Collect a child's result, pass on what it prints, and give it up when it is over a limit."""
    end, sent, printed, open_ends = time.monotonic() + limits.seconds, bytearray(), 0, [result_in, print_in]
    while True:
        ready = select([*open_ends, line], [], [], max(0.0, end - time.monotonic()))[0]
        if not ready:
            return None, f"it ran longer than {limits.seconds:g} s"
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
                os.write(2, data[: max(0, limits.output - printed + len(data))])
        if printed > limits.output:
            return None, f"it printed more than {limits.output:,} bytes"
        if len(sent) >= 8 and len(sent) - 8 == int.from_bytes(sent[:8], "big"):
            return bytes(sent[8:]), ""
        if result_in not in open_ends:
            return None, ""


def _how_it_ended(status: int) -> str:
    """Return in words how a child ended that sent no result."""
    if os.WIFSIGNALED(status):
        return f"it crashed ({signal.Signals(os.WTERMSIG(status)).name})"
    return f"it ended its process (exit code {os.WEXITSTATUS(status)})"


if __name__ == "__main__":
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # who started us is gone
        main(Connection(int(sys.argv[1])))
