"""Streamlit's own command line; while a browser loads Streamlit's files, what the pages import is imported already."""

import threading
from importlib import import_module

from streamlit.web.cli import main


def _import_ahead() -> None:
    for name in ("workbench.ui.overview", "workbench.ui.frame", "sqlalchemy", "pyarrow.parquet"):
        import_module(name)


threading.Thread(target=_import_ahead, daemon=True).start()
main(prog_name="streamlit")
