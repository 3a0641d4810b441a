"""`workbench app`: how the app is started, on this machine only, silent towards any other, in our own colours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from workbench.tables import WorkbenchError

PAGES: Final = Path(__file__).parents[2] / "ui"
OPTIONS: Final = {
    # Streamlit listens on every interface unless told, and takes any Host header, which lets a web page reach it by rebinding.
    "server.address": "127.0.0.1",
    "server.allowedHosts": ("localhost", "127.0.0.1"),
    "browser.gatherUsageStats": "false",
    "server.showEmailPrompt": "false",
    # No deploy button, no key that clears caches, no links from an error to search engines.
    "client.toolbarMode": "minimal",
    "client.showErrorLinks": "false",
    # The functions of a task are read by their content; the app itself does not change while it runs.
    "server.fileWatcherType": "none",
    "theme.base": str(PAGES / "theme.toml"),
}


def command(task: Path | None = None, port: int | None = None) -> list[str]:
    """Return the command that serves the app for the tasks in `data/`, or in the folder that holds the given task."""
    if task is not None and not (task / "task.toml").is_file():
        raise WorkbenchError(f"{task} is no task: there is no {task / 'task.toml'}; leave it out to choose in the app")
    options = {**OPTIONS, **({} if port is None else {"server.port": str(port)})}
    flags = [
        f"--{name}={value}" for name, values in options.items() for value in ((values,) if isinstance(values, str) else values)
    ]
    where = ["data"] if task is None else [str(task.resolve().parent), task.resolve().name]
    return [sys.executable, "-m", "workbench.ui", "run", str(PAGES / "app.py"), *flags, "--", *where]
