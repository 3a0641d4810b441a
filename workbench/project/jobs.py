"""A run in a process of its own, which outlives the page that started it: its whole state is files in `runs/.job/`.

Whoever works holds the lock file, so the kernel says whether it lives: no process id is trusted for that, a second start is
refused whoever asks, and after `kill -9` the lock is free. Errors of the task are kept in words, anything else in the log.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from workbench.io.files import write_json
from workbench.tables import WorkbenchError

_GRACE: Final = 5.0  # seconds a cancelled run has to tidy up before it is killed
_TAIL: Final = 20  # lines of the log that are shown
_READ: Final = 100_000  # bytes at the end of a file that are looked at; only the log and the progress grow beyond


@dataclass(frozen=True)
class Job:
    """What the last job of a task does or did.

    status: `none` (there never was one), `running`, `done`, `failed` or `cancelled`. step: the stage, from 0, of so many steps.
    done, total: how far it is, total 0 where nothing is counted. detail: what it does now, in words. run: the id of the run it
    made, or whose training set it wrote to `folder`. seconds: since its start, or how long it took. tail: the last lines of its
    output.
    """

    status: str
    stage: str = ""
    step: int = 0
    steps: int = 1
    done: int = 0
    total: int = 0
    detail: str = ""
    seconds: float = 0.0
    run: str | None = None
    folder: str | None = None
    error: str = ""
    tail: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """How much of the line is behind it, 0..1, all stages counting alike."""
        inside = min(self.done / self.total, 1.0) if self.total else 0.0
        return 1.0 if self.status == "done" else min((self.step + inside) / self.steps, 1.0)


def start(
    task: Path,
    until: str = "evaluate",
    *,
    compared: bool = False,
    intervals: bool = False,
    again: Sequence[str] = (),
    write: dict[str, Any] | None = None,
) -> bool:
    """Start the line for a task folder in the background; returns False where a job of that task runs already.

    compared, intervals, again: as for `run`. write: {run, to, settings}, to write the training set of that run to a
    folder, with these settings of `[export]`, in place of the line.
    """
    folder = _folder(task)
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder, fcntl.LOCK_EX, patience=0.5) as lock:
        if lock is None:
            return False
        for old in ("job.json", "progress", "log", "end.json", "cancelled"):  # what names the process goes first
            (folder / old).unlink(missing_ok=True)
        settings = json.dumps({"compared": compared, "intervals": intervals, "again": list(again), "write": write})
        arguments = [sys.executable, "-u", "-m", "workbench.project.jobs", str(task.resolve()), until, settings]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that cancelling reaches its children too, and closing the terminal does not
                pass_fds=[lock.fileno()],
            )
        write_json(folder / "job.json", {"pid": process.pid, "started": time.time()})
    threading.Thread(target=process.wait, daemon=True).start()  # or it stays a zombie when it ends
    return True


def state(task: Path) -> Job:
    """Return what the last job of a task folder does or did."""
    folder = _folder(task)
    if not folder.is_dir():
        return Job("none")
    with _lock(folder, fcntl.LOCK_SH) as lock:  # no job starts while its files are read, unless one runs
        about, end = _read(folder / "job.json"), _read(folder / "end.json")
        known = {**_last_progress(folder), "tail": _tail(folder / "log")}
        started = about.get("started", time.time())  # a job that is just starting has no job.json yet
        if lock is None:
            return Job("running", seconds=time.time() - started, **known)
        if not about:
            return Job("none")
        cancelled, log = folder / "cancelled", folder / "log"
        if cancelled.exists() and "run" not in end:  # a run that was finished before the signal came is kept
            return Job("cancelled", seconds=cancelled.stat().st_mtime - started, **known)
        if end:
            seconds = end.pop("ended") - started
            return Job("failed" if "error" in end else "done", seconds=seconds, **end, **known)
        said_last = log.stat().st_mtime if log.exists() else started
    reason = "The run ended without a result; the last lines of its output say why, or the system ended it (out of memory?)."
    return Job("failed", error=reason, seconds=said_last - started, **known)


def cancel(task: Path) -> None:
    """End the running job of a task, if there is one: asked first, so that it removes its half-made run, then killed."""
    folder = _folder(task)
    if state(task).status != "running" or not (about := _read(folder / "job.json")):  # gone, or not yet there to be ended
        return
    (folder / "cancelled").touch()
    _signal(about["pid"], signal.SIGTERM)

    def insist() -> None:
        end = time.monotonic() + _GRACE
        while time.monotonic() < end and state(task).status == "running":
            time.sleep(0.1)
        if state(task).status == "running":
            _signal(about["pid"], signal.SIGKILL)

    threading.Thread(target=insist, daemon=True).start()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)  # the job leads a process group of its own
    except ProcessLookupError:
        return  # it has ended meanwhile, which is what was asked for


def _folder(task: Path) -> Path:
    return task / "runs" / ".job"


@contextmanager
def _lock(folder: Path, kind: int, patience: float = 0.0) -> Iterator[IO[bytes] | None]:
    """Yield the locked file, or None where a living process holds it; a child that inherits the file keeps the lock.

    Those who only look share the lock for an instant, so who wants it alone tries for `patience` seconds.
    """
    with (folder / "lock").open("wb") as file:
        end = time.monotonic() + patience
        while not (locked := _try(file, kind)) and time.monotonic() < end:
            time.sleep(0.02)
        yield file if locked else None


def _try(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_end_of(file) or b"{}")
    return found


def _last_progress(folder: Path) -> dict[str, Any]:
    """Return the last whole line of progress; the worker may be writing the next one."""
    lines = _end_of(folder / "progress").split(b"\n")[:-1]
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return found


def said(task: Path, stage: str) -> list[str]:
    """Return in words what the last job of a task folder did in one stage, as far as the end of its progress goes back."""
    lines = _end_of(_folder(task) / "progress").split(b"\n")[:-1]
    whole = (json.loads(line) for line in lines if line.startswith(b'{"stage"'))  # the first may be cut
    return [line["detail"] for line in whole if line["stage"] == stage]


def _tail(log: Path) -> tuple[str, ...]:
    text = _end_of(log).decode("utf-8", "replace")
    return tuple(line for line in text.splitlines() if line.strip())[-_TAIL:]


def _end_of(file: Path) -> bytes:
    """Return the last bytes of a file, nothing where it is missing: a job that starts removes those of the one before."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, os.fstat(opened.fileno()).st_size - _READ))
            return opened.read()
    except FileNotFoundError:
        return b""


def main(arguments: Sequence[str]) -> int:
    """Run the line for one task folder, writing progress as JSON lines; what `start` starts."""
    from workbench.project.steps.export import write_asked
    from workbench.project.steps.run import STAGES, run
    from workbench.project.task import load_task

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt  # unwinds, so that the half-made run folder is removed; a file of functions may exit by itself

    signal.signal(signal.SIGTERM, stop)
    task, until, settings = Path(arguments[0]), arguments[1], json.loads(arguments[2])
    write = settings.pop("write")
    folder, steps = _folder(task), 1 if write else STAGES.index(until) + 1
    with (folder / "progress").open("w", encoding="utf-8") as progress:

        def report(stage: str, done: int, total: int, detail: str) -> None:
            place = {
                "stage": stage,
                "step": 0 if write else STAGES.index(stage if stage in STAGES else "fit"),  # others are parts of a fit
                "steps": steps,
                "done": done,
                "total": total,
                "detail": detail,
            }
            progress.write(json.dumps(place) + "\n")
            progress.flush()

        try:
            if write:
                end: dict[str, Any] = write_asked(load_task(task), write, report)
            else:
                end = {"run": run(load_task(task), until=until, report=report, **settings).id}
        except WorkbenchError as error:
            end = {"error": str(error)}
    write_json(folder / "end.json", {**end, "ended": time.time()})
    return 1 if "error" in end else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
