"""What tests of a task share: rows in partitions that are mapped in this process, and a task with columns of several kinds."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from workbench.project.steps import run as line
from workbench.project.task import load_task

COUNTED = '''
from pathlib import Path


@labeling_function()
def counted(row):
    """Writes down which rows it is asked about."""
    with Path("{log}").open("a") as log:
        log.write(row.text + "\\n")
    return BUG if "error" in row.text else ABSTAIN
'''


@pytest.fixture
def task(tiny_task):
    """Return the tiny task with a column of numbers, one of codes and one of yes and no, and a train row without gold, 003."""
    rows = pd.read_csv(tiny_task / "rows.csv", dtype=str)
    rows["label"] = rows["label"].where(rows["id"] != "003", "")
    more = {"age": range(120), "code": ["007", "1", "x"] * 40, "paid": ["true", "false"] * 60}
    rows.assign(**more).to_csv(tiny_task / "rows.csv", index=False)
    return load_task(tiny_task)


@pytest.fixture(scope="session")
def here():
    """Return what maps in this process: where it is taken the work is tested, and mappers are tested where they live."""
    return lambda work, items: ((place, work(item)) for place, item in enumerate(items))


@pytest.fixture(scope="session")
def change():
    """Return what replaces text in a file of a task."""

    def replace(folder, old, new, file="task.toml"):
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return replace


@pytest.fixture(scope="session")
def in_parts(change):
    """Return what turns the rows of the tiny task into three Parquet files of several row groups each, and loads it."""

    def cut(folder, cuts=(50, 90), **more):
        rows = pd.read_csv(folder / "rows.csv", dtype=str).assign(**more)
        (folder / "rows").mkdir()
        for number, part in enumerate(np.split(np.arange(len(rows)), cuts)):
            rows.iloc[part].to_parquet(folder / "rows" / f"{number}.parquet", index=False, row_group_size=20)
        change(folder, 'file = "rows.csv"', 'file = "rows"\npartition_rows = 20')
        return load_task(folder)

    return cut


@pytest.fixture(scope="session")
def add_function():
    """Return what adds Python to the functions of the tiny task."""

    def add(folder, text):
        with (folder.parent.parent / "labeling_functions" / "tiny" / "functions.py").open("a", encoding="utf-8") as file:
            file.write(text)

    return add


@pytest.fixture(scope="session")
def add_counted(add_function):
    """Return what adds a function that writes the text of each row it is asked about to a file."""
    return lambda folder, log: add_function(folder, COUNTED.replace("{log}", str(log)))


@pytest.fixture
def parted(tiny_task, here, monkeypatch):
    """Return the folder of the tiny task, whose partitions are mapped in this process."""
    monkeypatch.setattr(line, "kept_mapper", lambda task: nullcontext(here))
    return tiny_task
