"""A sample of rows in partitions: that of one file with the same rows, however they are cut; and monitor, which looks at it."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.io import sampled
from workbench.io.partitions import partitions
from workbench.io.sampled import drawn, sample_rows
from workbench.project.sampling_in_parts import sample_partitions
from workbench.project.steps import monitor as step
from workbench.project.steps.monitor import monitor
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def here_backwards(work, items):
    """Map in this process, the last item first."""
    for place in reversed(range(len(items))):
        yield place, work(items[place])


def table(n=100):
    text = [f"row {i}" if i % 10 else " " for i in range(n)]
    return pd.DataFrame(
        {"id": [f"w{i}" for i in range(n)], "text": text, "age": np.arange(n), "code": ["007", None] * (n // 2)}
    )


def write_parts(folder, rows, cuts, row_group_size=10):
    folder.mkdir()
    for number, part in enumerate(np.split(np.arange(len(rows)), cuts)):
        rows.iloc[part].to_parquet(folder / f"{number}.parquet", index=False, row_group_size=row_group_size)
    return folder


COLUMNS = {"text": ["text"], "needed": ["id"], "optional": ["age", "code", "other"], "typed": ["age"]}


@pytest.mark.parametrize("limit", [3, 40, 100, 500], ids="{} rows".format)
@pytest.mark.parametrize("rows", [10, 30, 1000], ids="partitions of {}".format)
def test_however_rows_are_cut_the_sample_is_that_of_one_file(tmp_path, monkeypatch, rows, limit):
    monkeypatch.setattr(sampled, "_KEYS", 7)
    table().to_parquet(tmp_path / "one.parquet", index=False)
    parts = partitions(str(write_parts(tmp_path / "week", table(), [15, 60])), rows)
    one = sample_rows(tmp_path / "one.parquet", limit, seed=5, **COLUMNS)
    found = sample_partitions(parts, limit, here_backwards, seed=5, **COLUMNS)
    pd.testing.assert_frame_equal(found.frame, one.frame)
    assert len(found.frame) == min(limit, 100) and found.of == 100
    if limit > 3:  # of fewer rows, some partitions are not read
        assert found.warnings == one.warnings == ["text column 'text' is empty, and kept so, in 10 cells"]


def test_every_row_has_the_same_chance():
    counts = np.bincount(np.concatenate([drawn(10, 4, seed) for seed in range(200)]), minlength=10)
    assert counts.sum() == 800 and np.abs(counts - 80).max() < 4 * np.sqrt(200 * 0.4 * 0.6)


def test_a_partition_without_a_drawn_row_is_not_read(tmp_path):
    parts, asked = partitions(str(write_parts(tmp_path / "week", table(), [50])), 10), []

    def mapper(work, items):
        asked.extend(map(str, items))
        yield from here_backwards(work, items)

    found = sample_partitions(parts, 2, mapper, **COLUMNS)
    assert asked == [str(parts[row // 10]) for row in found.frame.index - 1] and len(asked) == 2


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (table().drop(columns="text"), r"\d\.parquet, row groups \d to \d has no column 'text'"),
        (table().assign(text=[*["a"] * 14, None, *["a"] * 85]), r"0\.parquet, row groups 1 to 2, row 15 has no text"),
    ],
    ids=["no text column", "a cell without text"],
)
def test_rows_that_cannot_be_read_are_named(tmp_path, rows, match):
    parts = partitions(str(write_parts(tmp_path / "week", rows, [20])), 20)
    with pytest.raises(WorkbenchError, match=match):
        sample_partitions(parts, 100, here_backwards, **COLUMNS)


def test_monitor_finds_in_a_folder_what_it_finds_in_one_file(tiny_task, tmp_path, monkeypatch):
    task = load_task(tiny_task)
    run(task)
    monkeypatch.setattr(step, "ROWS", 60)
    monkeypatch.setattr(step, "mapper_of", lambda task: here_backwards)
    rows = pd.read_csv(tiny_task / "rows.csv", dtype=str).drop(columns=["label", "split"])
    rows = rows.assign(id="n" + rows["id"], text=rows["text"] + " in wren")
    rows.to_parquet(tmp_path / "week.parquet", index=False)
    week = write_parts(tmp_path / "week", rows, [50, 90])
    task.data["partition_rows"] = 20
    one, parted = monitor(task, tmp_path / "week.parquet"), monitor(task, week)
    assert parted["drifted"] and (parted["rows"], parted["of"]) == (60, 120)
    for name in ("checks", "new_terms", "summary", "texts", "silent", "stale"):
        assert parted[name] == one[name]
    assert f"{week} has 120 rows, of which 60 drawn by chance were looked at." in parted["notes"]
    assert any(note.startswith("The same texts were looked at before") for note in parted["notes"])
    assert any(note.startswith("The same file was looked at before") for note in monitor(task, week)["notes"])
    pattern = CliRunner().invoke(main, ["monitor", str(tiny_task), f"{week}/*.parquet", "--json"])
    assert json.loads(pattern.stdout)["source"] == f"{week}/*.parquet" and json.loads(pattern.stdout)["of"] == 120
