"""Processes that this one starts: a fresh Python with the same modules, one thread a library, in a group that ends together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Final

from workbench.tables import WorkbenchError

# forked children cannot use a pool of threads that their parent began, and processes side by side have a core each
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SAME_ORDER: Final = {"PYTHONHASHSEED": "0"}  # of a set's members, in every worker and every run
ENDED: Final = (EOFError, BrokenPipeError, ConnectionResetError)


def same_modules() -> dict[str, str]:
    """Return the variable by which what is importable here is importable there."""
    return {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}


def start(command: list[str], fds: tuple[int, ...] = (), **variables: str) -> subprocess.Popen[bytes]:
    """Start Python with arguments, in a group of its own."""
    if not hasattr(os, "fork"):
        raise WorkbenchError("worker processes need Linux or macOS; use the serial engine here")
    environment = {**SAME_ORDER, **os.environ, **ONE_THREAD, **same_modules(), **variables}
    # -P: no other module of the current folder is taken for a library's; -u: what a child printed is not lost at its end
    python = [sys.executable, "-P", "-u", *command]
    return subprocess.Popen(python, pass_fds=fds, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)


def start_worker(module: str) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a module of ours that takes a file descriptor as its argument, and return our end of the line to it."""
    line, theirs = Pipe()
    with theirs:
        return start(["-m", module, str(theirs.fileno())], (theirs.fileno(),)), line


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
