"""A process that answers typed rows, so that a page need not load models: JSON lines over its standard input and output.

It starts with the first question, or when `ready` expects one, and ends after ten idle minutes, or with the process that asks:
its input closes then. After a crash, or an answer that took too long, the next question starts another.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from workbench.tables import WorkbenchError

ANSWERING: Final = 20.0  # seconds for an answer
OPENING: Final = 180.0  # seconds for reading rows and loading models and functions, once a run and edit
IDLE: Final = 600.0
_KEPT: Final = 2  # runs that stay loaded
_READ: Final = 65_536


class Tryer:
    """Asks a process of its own about typed rows; safe to be shared by threads, which wait for one another."""

    def __init__(self, answering: float = ANSWERING, opening: float = OPENING, idle: float = IDLE) -> None:
        self.answering, self.opening, self.idle = answering, opening, idle
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._ends: Any = None

    def ask(self, task: Path, run: str, row: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the answer of `steps.one_row.answer` for a row of a task, by the models of a run.

        Raises WorkbenchError where that does, and where the process crashes or takes too long, naming the function at work.
        """
        question = _line(task, run, row)
        with self._lock:
            process = self._living()
            try:
                self._send(process, question)
            except BrokenPipeError:  # it went idle just now
                self.close()
                process = self._living()
                self._send(process, question)
            return self._answer(process)

    def ready(self, task: Path, run: str) -> None:
        """Have a run loaded, without waiting for it, where nobody asks just now."""
        if self._lock.acquire(blocking=False):
            try:
                if self.pid is None:
                    self._send(self._living(), _line(task, run, None))
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._ends is not None:
            self._ends()
        self._process = self._errors = self._ends = None

    @property
    def pid(self) -> int | None:
        """The id of the living process, None where there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def _living(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._errors = tempfile.TemporaryFile(prefix="workbench-")  # noqa: SIM115  # as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.project.trying", str(self.idle)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # so that its children end with it
        )
        self._ends = weakref.finalize(self, _end, self._process, self._errors)
        return self._process

    def _send(self, process: subprocess.Popen[bytes], question: bytes) -> None:
        assert process.stdin is not None
        process.stdin.write(question)
        process.stdin.flush()

    def _answer(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Read what the process says until it has answered: first that all is loaded, then which function is at work."""
        assert process.stdout is not None
        limit, at_work, buffer = self.opening, "", b""
        end = time.monotonic() + limit
        while True:
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                self.close()
                raise WorkbenchError(_too_long(limit, at_work))
            read = os.read(process.stdout.fileno(), _READ)
            if not read:
                raise WorkbenchError(self._crashed(process, at_work))
            *lines, buffer = (buffer + read).split(b"\n")
            for said in map(json.loads, lines):
                if "answer" in said:
                    answer: dict[str, Any] = said["answer"]
                    return answer
                if "error" in said:
                    raise WorkbenchError(said["error"])
                if "opened" in said:
                    limit = self.answering
                    end = time.monotonic() + limit
                at_work = said.get("at_work", at_work)

    def _crashed(self, process: subprocess.Popen[bytes], at_work: str) -> str:
        code = process.wait()
        assert self._errors is not None
        self._errors.seek(0)
        last = "".join(f": {line}" for line in self._errors.read().decode("utf-8", "replace").strip().splitlines()[-1:])
        self.close()
        who = f" while {at_work} was at work" if at_work else ""
        return f"the process that answers ended with code {code}{who}{last}; ask again to start another"


def _line(task: Path, run: str, row: Mapping[str, str | None] | None) -> bytes:
    return json.dumps({"task": str(task.resolve()), "run": run, "row": None if row is None else dict(row)}).encode() + b"\n"


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """End a process and whatever it started, and close what leads to it."""
    with suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, errors):
        with suppress(BrokenPipeError):  # a question that nobody reads any more
            if stream is not None:
                stream.close()


def _too_long(limit: float, at_work: str) -> str:
    if at_work:
        return (
            f"no answer within {limit:g} s, so it was stopped: labeling function {at_work!r} was at work; look there for a "
            "loop, or for something that waits"
        )
    return f"no answer within {limit:g} s, so it was stopped while models were loading; ask again when the machine is less busy"


def main(arguments: Sequence[str]) -> None:
    """Answer questions from standard input until it closes, or stays silent for so many seconds; what `Tryer` starts."""
    from workbench.project.steps.one_row import answer

    questions: queue.Queue[bytes] = queue.Queue()
    # What functions print or ask for must not get between the lines.
    inside, outside = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)

    def listen() -> None:
        for line in inside:
            questions.put(line)
        os._exit(0)  # who asks has gone: end even where a function hangs

    threading.Thread(target=listen, daemon=True).start()

    def say(**said: Any) -> None:
        outside.write(json.dumps(said).encode() + b"\n")
        outside.flush()

    kept: dict[tuple[str, ...], Any] = {}
    while True:
        try:
            question = json.loads(questions.get(timeout=float(arguments[0])))
        except queue.Empty:
            os._exit(0)
        try:
            opened = _loaded(question, kept)
            if question["row"] is not None:
                say(opened=True)
                say(answer=answer(opened, question["row"], lambda name: say(at_work=name)))
        except WorkbenchError as error:
            if question["row"] is not None:  # who only wants it loaded does not listen
                say(error=str(error))


def _loaded(question: dict[str, Any], kept: dict[tuple[str, ...], Any]) -> Any:
    """Return what answers a question; files that changed are loaded anew."""
    from workbench.project.catalogue import files_stamp
    from workbench.project.runs import find_run
    from workbench.project.steps.one_row import open_run
    from workbench.project.task import load_task

    task = load_task(question["task"])
    key = (question["task"], question["run"], files_stamp(task))
    if key not in kept:
        while len(kept) >= _KEPT:
            kept.pop(next(iter(kept)))
        kept[key] = open_run(task, find_run(task, question["run"]))
    return kept[key]


if __name__ == "__main__":
    main(sys.argv[1:])
