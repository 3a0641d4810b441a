"""Streamlit's own command line, in a process that stays small and imports what the pages need before they are asked for."""

import ctypes
import sys
import threading
from importlib import import_module
from typing import Final

import pyarrow as pa
from streamlit.web.cli import main

# Of malloc.h. Each thread with an arena of its own keeps what it frees: a fifth of the memory at 100,000 rows.
_TRIM_THRESHOLD: Final = (-1, 128 * 1024)
_ARENAS: Final = (-8, 1)
_TURN: Final = 0.0005  # seconds until another thread may go on, a tenth of Python's: 20 reviewers wait a quarter as long


def _give_back_memory() -> None:
    """Return what is freed to the system, where the C library is glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for setting in (_TRIM_THRESHOLD, _ARENAS):
            mallopt(*setting)
    pa.set_memory_pool(pa.system_memory_pool())


def _import_ahead() -> None:
    """Import what pages import while the browser still loads Streamlit's files."""
    for name in ("workbench.ui.overview", "sqlalchemy", "pyarrow.parquet"):
        import_module(name)


_give_back_memory()
sys.setswitchinterval(_TURN)
threading.Thread(target=_import_ahead, daemon=True).start()
main(prog_name="streamlit")
