"""A saved end model: the same numbers anywhere, and nothing taken from a folder that was changed."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from workbench.end_model import EndModel
from workbench.tables import Dataset, SoftLabels, WorkbenchError


@pytest.fixture(scope="module")
def everything(make_dataset: Callable[..., Dataset]) -> Dataset:
    """Rows that use every kind of feature, with cells hard to write down."""
    texts = ["win a pürize 💰", "see you", "", 'quote " and \\ slash', "line\nbreak"] * 6
    age = [1.5, None, 3.25, 1e300, -7.0] * 6
    return make_dataset(texts, [1, 0, 0, 1, 0] * 6, age=age, job=["köök", None, "", "a,b", "köök"] * 6)


@pytest.fixture(scope="module")
def model(everything: Dataset) -> EndModel:
    soft = SoftLabels.from_hard(everything.ids, everything.labels, everything.gold)
    return EndModel(columns=("age", "job"), hidden=3, seed=np.int64(5)).fit(everything, soft)


def test_a_fresh_process_answers_with_identical_numbers(model: EndModel, everything: Dataset, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    everything.frame.to_json(tmp_path / "rows.json")
    code = """
import sys, json, pandas as pd
from workbench.end_model import EndModel
from workbench.tables import Dataset
columns = json.load(open("rows.json"))
frame = pd.DataFrame({name: list(cells.values()) for name, cells in columns.items()}, index=list(columns["text"]))
soft = EndModel.load("model").predict_proba(Dataset(frame, ("ham", "spam")))
sys.stdout.buffer.write(soft.probs.tobytes())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path)
    assert run.stdout == model.predict_proba(everything).probs.tobytes()


def test_a_loaded_model_knows_its_settings_and_history(model: EndModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = EndModel.load(tmp_path / "model", labels=["ham", "spam"])
    assert (loaded.labels_, loaded.history_, loaded.best_epoch_) == (model.labels_, model.history_, model.best_epoch_)
    assert loaded.settings() == {**model.settings(), "features": ["tfidf", "static"], "columns": ["age", "job"]}


def test_a_saved_folder_holds_no_pickle(model: EndModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    names = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert names == ["features.json", "features.safetensors", "manifest.json", "model.json", "parameters.safetensors"]


def test_an_existing_folder_is_not_overwritten(model: EndModel, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    with pytest.raises(WorkbenchError, match="exists already; choose another folder"):
        model.save(tmp_path / "thesis")


def test_a_write_that_fails_leaves_nothing(model: EndModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if len(list(path.parent.iterdir())) == 3:
            raise OSError("no space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_unfitted_model_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="call fit"):
        EndModel().save(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.json", "features.json", "parameters.safetensors", "features.safetensors"])
def test_a_changed_file_is_refused(model: EndModel, tmp_path: Path, name: str) -> None:
    model.save(tmp_path / "model")
    file = tmp_path / "model" / name
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    with pytest.raises(WorkbenchError, match=f"{name} is not the file that was saved: its sha256 differs"):
        EndModel.load(tmp_path / "model")


def test_a_missing_file_is_named(model: EndModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    (tmp_path / "model" / "features.json").unlink()
    with pytest.raises(WorkbenchError, match=r"features\.json is missing"):
        EndModel.load(tmp_path / "model")


def test_an_older_format_says_train_again(model: EndModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    manifest = tmp_path / "model" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))
    with pytest.raises(WorkbenchError, match="was saved by an older workbench; train it again"):
        EndModel.load(tmp_path / "model")


def test_a_newer_format_is_refused(model: EndModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    manifest = tmp_path / "model" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(WorkbenchError, match="has format 99, but this workbench knows formats up to 3"):
        EndModel.load(tmp_path / "model")


def test_other_labels_are_refused_at_load(model: EndModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    with pytest.raises(WorkbenchError, match="learned 'ham', 'spam', not the labels 'spam', 'ham'"):
        EndModel.load(tmp_path / "model", labels=["spam", "ham"])


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="is no saved end model: it has no manifest"):
        EndModel.load(tmp_path)


def test_another_encoder_under_the_same_name_is_refused(
    model: EndModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.save(tmp_path / "model")
    monkeypatch.setattr("workbench.end_model.words.encode", lambda texts, _: np.full((len(texts), 256), 0.0625, np.float32))
    with pytest.raises(WorkbenchError, match="encoder 'static' on this machine gives other vectors"):
        EndModel.load(tmp_path / "model")
