"""A small task that a person can check by eye, and the app over a folder of tasks."""

import shutil
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from workbench.project.catalogue import catalogue
from workbench.project.steps import evaluate
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


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Return a function that opens a page of the app over tmp_path/data, with words of the URL."""
    import streamlit as st

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
