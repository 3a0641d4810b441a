"""A Hugging Face dataset folder: a file a split, classes by number, probabilities as a list, and a README that says so."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workbench.export import Candidates, Filters, write_export
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

IDS = pd.Index(["a", "b", "c", "d"])
LABELS = ("ham", 'sp"am: 1')
FRAME = pd.DataFrame(
    {"text": ["x", "y\nz", "ü", ""], "size": [1, 2, 3, 4], "probabilities": ["p"] * 4, "label": ["q"] * 4}, index=IDS
)
SPLIT = pd.Series(["train", "train", "valid", "train"], index=IDS)
VOTES = VoteMatrix(IDS, ("links", "shouts"), LABELS, np.array([[1, -1], [1, 0], [0, 0], [-1, -1]]))
SOFT = SoftLabels(IDS, LABELS, np.array([[0.1, 0.9], [0.4, 0.6], [0.75, 0.25], [0.5, 0.5]]), VOTES.covered)
ROWS = Candidates.of(Dataset(FRAME, LABELS, split=SPLIT, gold=pd.Series([1, 0, 0, 1], index=IDS)), VOTES, SOFT)
TRAIN = "data/train-00000-of-00001.parquet"


def written(folder: Path, kept: Any = (True,) * 4, hard: bool = False, formats: tuple[str, ...] = ("hf",)) -> Path:
    filters = asdict(Filters(splits=("train", "valid"), hard_labels=hard)) | {"removed": {}}
    known = {"data": "d", "votes": "v", "functions": {}, "model": "generative", "settings": {}, "seed": 0, "filters": filters}
    return write_export(folder, ROWS, np.array(kept), provenance=known, formats=formats)


def test_every_split_has_a_file_with_soft_labels(tmp_path: Path) -> None:
    folder = written(tmp_path / "set")
    train, valid = (pd.read_parquet(folder / f"data/{name}-00000-of-00001.parquet") for name in ("train", "validation"))
    assert train["id"].tolist() == ["a", "b", "d"] and valid["id"].tolist() == ["c"]
    assert train["label"].tolist() == [1, 1, -1] and valid["label"].tolist() == [0]
    assert np.vstack(train["probabilities"].tolist()).tolist() == [[0.1, 0.9], [0.4, 0.6], [0.5, 0.5]]
    assert train["weight"].iloc[2] == 0 and (train["weight"].iloc[:2] > 0).all()
    assert list(train) == [
        "id", "text", "size", "data:probabilities", "data:label", "label", "probabilities", "entropy", "agreement", "weight",
        "needs_review", "reviewed", "n_votes", "covered",
    ]  # fmt: skip


def test_gold_is_left_out(tmp_path: Path) -> None:
    assert not [name for name in pq.read_schema(written(tmp_path / "set") / TRAIN).names if "gold" in name]


def test_the_readme_says_files_types_and_classes(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    text = (written(tmp_path / "set") / "README.md").read_text()
    _, head, card = text.split("---\n", 2)
    said = yaml.safe_load(head)
    files = {one["split"]: one["path"] for one in said["configs"][0]["data_files"]}
    assert files == {"train": TRAIN, "validation": TRAIN.replace("train", "validation")}
    types = {one.pop("name"): one for one in said["dataset_info"]["features"]}
    assert list(types) == pq.read_schema(tmp_path / "set" / TRAIN).names
    assert types["label"] == {"dtype": {"class_label": {"names": {"0": "ham", "1": 'sp"am: 1'}}}}
    assert types["probabilities"] == {"sequence": "float64"}
    assert (types["text"], types["size"], types["weight"]) == ({"dtype": "string"}, {"dtype": "int64"}, {"dtype": "float64"})
    assert card.startswith("\n# Training set of 4 rows in 2 classes") and "`probabilities`" in card


def test_the_manifest_proves_the_files(tmp_path: Path) -> None:
    folder = written(tmp_path / "set")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [(file["name"], file["rows"]) for file in manifest["files"]] == [
        (TRAIN, 3),
        (TRAIN.replace("train", "validation"), 1),
    ]
    for file in manifest["files"]:
        assert file["sha256"] == hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest()
    assert [column["name"] for column in manifest["columns"]] == pq.read_schema(folder / TRAIN).names
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "data", "manifest.json"]


def test_it_stands_beside_the_other_formats(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", formats=("csv", "hf"))
    assert {path.name for path in folder.iterdir()} == {"README.md", "card.md", "data", "manifest.json", "train.csv"}
    assert pd.read_csv(folder / "train.csv")["id"].tolist() == list(IDS)


def test_hard_labels_have_no_probabilities(tmp_path: Path) -> None:
    names = pq.read_schema(written(tmp_path / "set", (True, True, False, False), hard=True) / TRAIN).names
    assert "label" in names and not {"probabilities", "entropy"} & set(names)


def test_a_folder_that_exists_is_refused_and_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(WorkbenchError, match="mine exists already"):
        written(tmp_path / "mine")

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="no space left"):
        written(tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_datasets_library_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    found = datasets.load_dataset(str(written(tmp_path / "set")), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in found.items()} == {"train": 3, "validation": 1}
    assert found["train"].features["label"].names == list(LABELS) and found["train"][0]["probabilities"] == [0.1, 0.9]
    assert found["train"][1]["text"] == "y\nz" and found["train"]["label"] == [1, 1, -1]
