"""The process behind the mapper `Pool`: `python -m workbench.engines.pool_worker FD`, started and ended by it alone."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread

from workbench.engines.child import ENDED
from workbench.engines.outcome import outcome

_Items = SimpleQueue[tuple[bytes, bytes]]


def main(line: Connection) -> None:
    """Run item after item, until the other end of the line is closed: then end at once, with every child."""
    items: _Items = SimpleQueue()
    Thread(target=_listen, args=(line, items), daemon=True).start()
    while True:
        line.send_bytes(outcome(*items.get()))


def _listen(line: Connection, items: _Items) -> None:
    with suppress(*ENDED):
        while True:
            items.put(line.recv())
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    with suppress(OSError):  # a closed one
        os.dup2(2, 1)  # the work may print, and the output is for data
    with suppress(*ENDED):  # who started us is gone
        main(Connection(int(sys.argv[1])))
