"""Lines of JSON added to the end of a file that several processes write: each addition whole or not at all, and on the disk."""

from __future__ import annotations

import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from workbench.io.files import refusals_in_words
from workbench.tables import WorkbenchError

_COPIED: Final = 1 << 20  # bytes at a time


@contextmanager
def appended(path: Path) -> Iterator[Callable[[Iterable[str]], None]]:
    """Yield what takes lines; they stand at the end of the file, in one block, once the with-block ends well.

    Until then they wait in a file without a name, so that no reader sees half of them. What stands in the file is not changed,
    but for the half line at its end of a process that was killed as it wrote, which is taken away.
    """
    if path.is_dir():
        raise WorkbenchError(f"{path} is a folder, not a file; name a file for the log")
    with refusals_in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)  # now: a refusal must not come after the work
        try:
            with tempfile.TemporaryFile(dir=path.parent) as waiting:
                yield lambda lines: waiting.writelines(f"{line}\n".encode() for line in lines)
                waiting.seek(0)
                _append(handle, waiting)
        finally:
            os.close(handle)


def _append(handle: int, lines: IO[bytes]) -> None:
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX)  # released when the handle is closed
    end = os.fstat(handle).st_size
    last = _last_line(handle) if end else b""
    try:
        with os.fdopen(os.dup(handle), "ab") as log:
            if _is_whole(last):  # its end was lost in an editor, say
                log.write(b"\n")
            elif last:
                end -= len(last)
                os.ftruncate(handle, end)
            shutil.copyfileobj(lines, log, _COPIED)
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)  # the disk is full, say: half of the lines are worse than none
        raise


def _last_line(handle: int) -> bytes:
    """Return what stands behind the last line end."""
    with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as file:
        return file[file.rfind(b"\n") + 1 :]


def _is_whole(line: bytes) -> bool:
    """Return whether it is JSON: half of an object is none."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
