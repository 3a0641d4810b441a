"""Lines added to the end of a file that several processes write: each addition whole or not at all, and on the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from workbench.tables import WorkbenchError

_COPIED: Final = 1 << 20  # bytes at a time


@contextmanager
def appended(path: Path) -> Iterator[Callable[[Iterable[str]], None]]:
    """Yield what takes lines; they stand at the end of the file, in one block, once the with-block ends well.

    Until then they wait in a file without a name, so that no reader sees half of them. What stands in the file is not changed;
    a last line that a crash cut short gets its end, so that it spoils no other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise WorkbenchError(f"{path} is a folder, not a file; name a file for the log")
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
    try:
        with os.fdopen(os.dup(handle), "ab") as log:
            if end and os.pread(handle, 1, end - 1) != b"\n":
                log.write(b"\n")
            shutil.copyfileobj(lines, log, _COPIED)
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)  # the disk is full, say: half of the lines are worse than none
        raise
