"""The same rows and settings give the same bytes, in any process, with any number of workers; times lie in few places."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from workbench.io.files import sha256

# Keys of JSON files, at any depth, that hold times, places on the disk, or how many workers were asked for.
TIMES = {
    "run.json": {"finished", "microseconds", "workers"},
    "manifest.json": {"run"},  # of an export with --to: a run is named after its time
    "parts.json": {"seconds", "file", "stamp"},  # files of rows are known by their place and their time of change
}


def without(value, keys):
    """Return a JSON value without some keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(item, keys) for key, item in value.items() if key not in keys}
    return [without(item, keys) for item in value] if isinstance(value, list) else value


def contents(folder):
    """Return what each file of a run holds: its checksum, or of one with times the JSON without them."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        found[name] = without(json.loads(path.read_text()), TIMES[name]) if name in TIMES else sha256(path)
    return found


def line(root, write_tiny, *, seed, workers, parted):
    """Run the whole line over a copy of the task in a process of its own, and return what it wrote."""
    folder = write_tiny(root)
    toml = folder / "task.toml"
    text = toml.read_text().replace('features = ["tfidf"]', 'features = ["tfidf"]\nepochs = 3')
    text += f"[apply]\nworkers = {workers}\n"
    if parted:
        rows = pd.read_csv(folder / "rows.csv", dtype=str)
        (folder / "rows").mkdir()
        for place, part in enumerate(np.array_split(np.arange(len(rows)), 5)):
            rows.iloc[part].to_parquet(folder / "rows" / f"{place}.parquet", index=False)
        text = text.replace('"rows.csv"', '"rows"')
    toml.write_text(text)
    formats = [word for name in ("parquet", "csv", "jsonl", "hf") for word in ("--format", name)]
    for arguments in (["run", "data/tiny"], ["export", "data/tiny", "--to", "out", *([] if parted else formats)]):
        done = subprocess.run(
            [sys.executable, "-c", "from workbench.cli import main; main()", *arguments],
            **{"cwd": root, "capture_output": True, "text": True},
            env={**os.environ, "PYTHONHASHSEED": seed, "WORKBENCH_CACHE": str(root / "texts")},
        )
        assert done.returncode == 0, done.stderr
    (run,) = (folder / "runs").glob("[!.]*")
    return contents(run), contents(root / "out")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("parted", [False, True], ids=["one file", "in partitions"])
def test_two_processes_write_the_same_bytes(tmp_path, write_tiny, parted):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, out = line(tmp_path / "a", write_tiny, seed="1", workers=1, parted=parted)
    other, again = line(tmp_path / "b", write_tiny, seed="2", workers=3, parted=parted)
    assert one.keys() == other.keys() and "metrics.json" in one and "end_model/manifest.json" in one
    assert [name for name in one if one[name] != other[name]] == []
    assert out == again and any(name.startswith("train") for name in out)
