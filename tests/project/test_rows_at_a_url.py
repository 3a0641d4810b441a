"""Rows and votes at URLs: fsspec's store in memory stands for an object store, in this process."""

import fsspec
import numpy as np
import pandas as pd
import pytest

from workbench.project import partitioned
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


@pytest.fixture
def bucket():
    """Return a store that is empty at first, and at last."""
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture
def task_at_a_url(parted, bucket, change):
    """Return the folder of a task whose rows and votes are in the store."""
    rows = pd.read_csv(parted / "rows.csv", dtype=str)
    for number, part in enumerate(np.split(np.arange(len(rows)), [50])):
        with bucket.open(f"/desk/rows/{number}.parquet", "wb") as file:
            rows.iloc[part].to_parquet(file, index=False, row_group_size=20)
    change(parted, 'file = "rows.csv"', 'file = "memory://desk/rows"\npartition_rows = 20')
    with (parted / "task.toml").open("a", encoding="utf-8") as file:
        file.write('\n[apply]\nstore = "memory://desk/votes"\n')
    return parted


def test_rows_and_votes_at_urls_give_what_one_file_gives(task_at_a_url, bucket, change, monkeypatch):
    parted = run(load_task(task_at_a_url), until="export")
    votes = sorted(bucket.find("/desk/votes"))
    assert sum(name.endswith(".parquet") for name in votes) == 7 and not (task_at_a_url / "cache" / "parts").exists()
    monkeypatch.setattr(partitioned, "GROUPS", 3)  # seven partitions are looked at three by three, as a thousand are by four
    again = run(load_task(task_at_a_url), until="export")
    assert sorted(bucket.find("/desk/votes")) == votes
    change(task_at_a_url, 'file = "memory://desk/rows"\npartition_rows = 20', 'file = "rows.csv"')
    change(task_at_a_url, '\n[apply]\nstore = "memory://desk/votes"\n', "")
    monkeypatch.undo()
    whole = run(load_task(task_at_a_url), until="export")
    for done in (parted, again):
        assert np.array_equal(done.votes().votes, whole.votes().votes)
        assert np.abs(done.soft_labels().probs - whole.soft_labels().probs).max() < 1e-10


def test_an_error_says_the_url(task_at_a_url, bucket):
    with bucket.open("/desk/rows/0.parquet", "wb") as file:
        pd.DataFrame({"id": ["1"], "txt": ["hello"]}).to_parquet(file)
    with pytest.raises(WorkbenchError, match=r"memory://\S*desk/rows/"):
        run(load_task(task_at_a_url))
    bucket.rm("/desk/rows", recursive=True)
    with pytest.raises(WorkbenchError, match=r"^memory://desk/rows names no Parquet file"):
        run(load_task(task_at_a_url))
