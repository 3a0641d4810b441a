"""A small task that a person can check by eye, and the app over a folder of tasks."""

import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from workbench.project.catalogue import catalogue
from workbench.project.steps import evaluate
from workbench.project.steps.app import command
from workbench.project.steps.run import run
from workbench.project.task import load_task

ROOT = Path(__file__).resolve().parents[2]

TASK = """format = 1
name = "toy"
labels = ["ham", "spam"]
functions = "functions"

[data]
file = "rows.csv"
id = "id"
gold = "gold"
split = "split"

[end_model]
enabled = false

[slices]
prizes = {column = "text", contains = "win"}
"""
RULES = """[[rule]]
name = "says_free"
kind = "keyword"
words = ["free"]
label = "spam"
reason = "Who gives things away wants something."
tags = ["words"]
fires = ["a free car"]
abstains = ["freedom"]

[[rule]]
name = "says_hello"
kind = "keyword"
words = ["hello"]
label = "ham"
"""
FUNCTIONS = """from workbench import ABSTAIN, labeling_function

SIGNS = ("win", "free")


@labeling_function(labels=["spam"], fires=["win now"])
def promises(row):
    "Prizes are promised by spammers."
    return "spam" if any(sign in row.text for sign in SIGNS) else ABSTAIN


@labeling_function()
def fails_on_question(row):
    "It divides by zero where a question mark stands."
    return 1 // 0 if "?" in row.text else ABSTAIN
"""
TEXTS = [
    ("win a free car", "spam"),
    ("hello mum", "ham"),
    ("free free free", "spam"),
    ("hello, lunch?", "ham"),
    ("see you", "ham"),
    ("win now", "spam"),
]


def write_task(folder: Path) -> Path:
    """Write a task of 36 rows, six texts in each half of each split, and four functions."""
    (folder / "functions").mkdir(parents=True)
    lines = ["id,text,gold,split"]
    for split in ("train", "valid", "test"):
        for place, (text, gold) in enumerate(TEXTS * 2):
            lines.append(f'{split}{place},"{text}",{gold},{split}')
    (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "task.toml").write_text(TASK, encoding="utf-8")
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    (folder / "functions" / "spam.py").write_text(FUNCTIONS, encoding="utf-8")
    return folder


@pytest.fixture
def toy(tmp_path):
    """Return the folder of a task that was never run."""
    return write_task(tmp_path / "data" / "toy")


@pytest.fixture(scope="session")
def _ran_once(tmp_path_factory):
    folder = write_task(tmp_path_factory.mktemp("ran") / "toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "SLOW_CELLS", 0)  # Snorkel's model stands in the table as skipped, and torch is not imported
        run(load_task(folder))
    catalogue(load_task(folder))  # kept beside the run, so that pages need not load the functions again
    return folder


@pytest.fixture
def ran(_ran_once, tmp_path):
    """Return the folder of a task with one whole run, for this test alone."""
    shutil.copytree(_ran_once, tmp_path / "data" / "toy")
    return tmp_path / "data" / "toy"


@functools.cache
def components(scan=manifest_scanner.scan_component_manifests):
    """Return the components of installed packages; Streamlit reads the metadata of every package anew for each opened app."""
    return scan()


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Return a function that opens a page of the app over tmp_path/data, with words of the URL."""
    import streamlit as st

    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", components)
    st.cache_resource.clear()
    (tmp_path / "data").mkdir(exist_ok=True)
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path / "data")])

    def open_(page="overview", **query):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.query_params.update(query)
        if page == "open_file":
            app.run()  # only a run tells the test that its URL is another than its file
        return (app if page == "overview" else app.switch_page(f"workbench/ui/{page}.py")).run()

    return open_


class Server:
    """The app over the folder of a task, as a process on a port of its own that can be killed and started again."""

    def __init__(self, task, log):
        self.task, self.log, self.process, self.folder = task, log, None, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        environment = {**os.environ, "STREAMLIT_SERVER_HEADLESS": "true"}
        arguments = command(self.task, self.port)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                arguments, stdout=out, stderr=out, env=environment, cwd=self.folder, start_new_session=True
            )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)

    def stop(self, how=signal.SIGTERM):
        os.killpg(self.process.pid, how)
        self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Return a function that serves the app over the folder of a task; a traceback in a server's log fails the test run."""
    servers = []

    def serve_(task, secrets=""):
        servers.append(Server(task, tmp_path_factory.mktemp("server") / "log"))
        if secrets:
            servers[-1].folder = servers[-1].log.parent
            (servers[-1].folder / ".streamlit").mkdir()
            (servers[-1].folder / ".streamlit" / "secrets.toml").write_text(secrets.replace("{port}", str(servers[-1].port)))
        servers[-1].start()
        return servers[-1]

    yield serve_
    for server in servers:
        server.stop()
        assert "Traceback" not in server.log.read_text(), server.log.read_text()


@pytest.fixture(scope="session")
def chromium():
    """Return a running headless browser; skip where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine; install it (Debian: apt-get install chromium) to run the browser tests")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()
