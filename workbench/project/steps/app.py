"""`workbench app`: how the app is started, on this machine only, silent towards any other, in our own colours."""

from __future__ import annotations

import errno
import importlib.util
import socket
import sys
import tomllib
from pathlib import Path
from typing import Final

from workbench.tables import WorkbenchError

_SECRETS: Final = (Path(".streamlit/secrets.toml"), Path("~/.streamlit/secrets.toml"))  # where Streamlit looks for them
PAGES: Final = Path(__file__).parents[2] / "ui"
OPTIONS: Final = {
    # Streamlit listens on every interface unless told, and takes any Host header, which lets a web page reach it by rebinding.
    "server.address": "127.0.0.1",
    "server.allowedHosts": ("localhost", "127.0.0.1"),
    # Said though they are Streamlit's own: a flag wins over any .streamlit/config.toml, which may come with a folder of data.
    "server.enableCORS": "true",
    "server.corsAllowedOrigins": ("http://localhost", "http://127.0.0.1"),
    "server.enableXsrfProtection": "true",
    "server.enableStaticServing": "false",
    "server.enableAgentApi": "false",
    "server.runOnSave": "false",
    "server.maxUploadSize": "200",  # MB
    "browser.gatherUsageStats": "false",
    "server.showEmailPrompt": "false",
    # No deploy button, no key that clears caches, no links from an error to search engines.
    "client.toolbarMode": "minimal",
    "client.showErrorLinks": "false",
    # The functions of a task are read by their content; the app itself does not change while it runs.
    "server.fileWatcherType": "none",
    # Python's own pace: to walk all objects after every click is a third of what an answer of a reviewer costs.
    "runner.postScriptGC": "false",
    "theme.base": str(PAGES / "theme.toml"),
}


def command(task: Path | None = None, port: int | None = None, shared_as: str | None = None) -> list[str]:
    """Return the command that serves the app for the tasks in `data/`, or in the folder that holds the given task.

    shared_as: the host name under which a proxy on this machine hands requests on, which needs a sign-in.
    """
    if task is not None and not (task / "task.toml").is_file():
        from workbench.project.task import no_task

        raise WorkbenchError(no_task(task))
    if importlib.util.find_spec("streamlit") is None:
        raise ModuleNotFoundError(name="streamlit")
    if port is not None:
        _check_free(port)
    signs_in = _signs_in()
    if shared_as is not None and not signs_in:
        way_out = f"write [auth] into {_SECRETS[0]}, as docs/app.md says"
        raise WorkbenchError(f"others can reach the app as {shared_as}, so they have to sign in: {way_out}")
    hosts = (
        {}
        if shared_as is None
        else {
            "server.allowedHosts": (*OPTIONS["server.allowedHosts"], shared_as),
            "server.corsAllowedOrigins": (*OPTIONS["server.corsAllowedOrigins"], f"https://{shared_as}"),
        }
    )
    options = {**OPTIONS, **hosts, **({} if port is None else {"server.port": str(port)})}
    flags = [
        f"--{name}={value}" for name, values in options.items() for value in ((values,) if isinstance(values, str) else values)
    ]
    where = ["data"] if task is None else [str(task.resolve().parent), task.resolve().name]
    return [sys.executable, "-m", "workbench.ui", "run", str(PAGES / "app.py"), *flags, "--", *where]


def _check_free(port: int) -> None:
    """Refuse a port that cannot be listened on, before anything starts."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((OPTIONS["server.address"], port))
        except OSError as error:
            why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be had: {error}"
            raise WorkbenchError(f"port {port} {why}; leave --port out, which finds a free one, or give another") from error


def others_settings() -> list[str]:
    """Return, by name, what a .streamlit/config.toml sets here beside what is set by us, which wins."""
    try:
        read = tomllib.loads(Path(".streamlit/config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # Streamlit itself says that a file is no TOML
    named = [f"{section}.{key}" for section, table in read.items() if isinstance(table, dict) for key in table]
    return [name for name in named if name not in OPTIONS]


def _signs_in() -> bool:
    """Return whether people sign in; raises WorkbenchError for a file that Streamlit would pass over, and let all in."""
    found = False
    for path in _SECRETS:
        try:
            read = tomllib.loads(path.expanduser().read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise WorkbenchError(f"{path} cannot be read: {error}; mend it, for it says who may use the app") from None
        found = found or "auth" in read
    if found and importlib.util.find_spec("authlib") is None:
        raise WorkbenchError("[auth] needs packages to sign in; run pip install 'weak-supervision-workbench[sign-in]'")
    return found
