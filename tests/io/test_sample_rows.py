"""A sample of a table of any size: fair, seeded, and the same whatever the format."""

import numpy as np
import pandas as pd
import pytest

from workbench.io import pieces
from workbench.io.sampled import sample_rows
from workbench.tables import WorkbenchError


def table(n=50):
    return pd.DataFrame({"text": [f"row {i}" for i in range(1, n + 1)], "age": np.arange(n), "code": ["007", None] * (n // 2)})


def written(path, frame):
    if path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        (frame.to_csv if path.suffix == ".csv" else frame.to_parquet)(path, index=False)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"], ids=str)
def test_rows_stand_in_the_order_of_the_file_with_their_numbers(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(pieces, "ROWS", 7)
    path = written(tmp_path / f"new{suffix}", table())
    found = sample_rows(path, 20, text=["text"], optional=["age", "code", "other"], typed=["age"], seed=1)
    assert found.of == 50 and len(found.frame) == 20 and list(found.frame) == ["text", "code", "age"]
    assert found.frame.index.is_monotonic_increasing
    assert found.frame["text"].tolist() == [f"row {i}" for i in found.frame.index]
    assert found.frame["age"].tolist() == [i - 1 for i in found.frame.index]
    assert found.frame["code"].isna().sum() == (found.frame.index % 2 == 0).sum()


def test_a_small_file_is_read_whole(tmp_path):
    found = sample_rows(written(tmp_path / "new.csv", table(6)), 20, text=["text"])
    assert found.frame.index.tolist() == [1, 2, 3, 4, 5, 6] and list(found.frame) == ["text"]


def test_every_row_has_the_same_chance(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "ROWS", 3)
    path = written(tmp_path / "new.csv", table(10))
    drawn = [sample_rows(path, 4, text=["text"], seed=seed).frame.index for seed in range(80)]
    counts = np.bincount(np.concatenate(drawn), minlength=11)[1:]
    assert counts.sum() == 320 and np.abs(counts - 32).max() < 4 * np.sqrt(80 * 0.4 * 0.6)
    assert drawn[0].equals(sample_rows(path, 4, text=["text"], seed=0).frame.index)


def test_rows_made_with_the_same_seed_are_not_drawn_by_what_made_them(tmp_path):
    made = np.random.default_rng(0).random(4000)
    rows = pd.DataFrame({"text": np.where(made < 0.5, "low", "high")})
    found = sample_rows(written(tmp_path / "new.parquet", rows), 400, text=["text"], seed=0)
    assert 150 < (found.frame["text"] == "low").sum() < 250


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("new.csv", "text,age\nhello,1\n", r"new\.csv has no column 'plan'"),
        ("new.csv", "age\n1\n", r"new\.csv has no column 'text'"),
        ("new.csv", "", "is empty; it needs a header and rows"),
        ("new.xlsx", "text\n", "ends in '.xlsx'; tables are read from"),
        ("new.parquet", "text\n", "is not a readable Parquet file"),
        ("new.jsonl", "[1]\n", "not an object"),
    ],
    ids=["a needed column is missing", "no text", "empty", "another format", "no Parquet", "no objects"],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, match):
    (tmp_path / name).write_text(content)
    with pytest.raises(WorkbenchError, match=match):
        sample_rows(tmp_path / name, 5, text=["text"], needed=["plan"])
