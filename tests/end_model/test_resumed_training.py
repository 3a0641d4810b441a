"""A training that was ended in the middle goes on where it stood, to the same numbers."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.end_model import EndModel, checkpoint
from workbench.end_model.descent import Descent
from workbench.project.steps.train import train
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels


class Ended(Exception):
    """What ends a training here."""


def ending_at(text: str) -> Callable[[int, int, str], None]:
    """Return what ends a training when its progress says so; that epoch is not kept yet."""

    def progress(done: int, total: int, said: str) -> None:
        if said.startswith(text):
            raise Ended

    return progress


@pytest.fixture(autouse=True)
def keeping_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_LEAST", -1.0)
    monkeypatch.setattr(checkpoint, "_SHARE", float("inf"))


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[Descent]:
    """Return a list that grows by one with every epoch of a view."""
    done: list[Descent] = []
    epoch = Descent.epoch

    def counted(view: Descent) -> None:
        done.append(view)
        epoch(view)

    monkeypatch.setattr(Descent, "epoch", counted)
    return done


HARD = {"hidden": 3, "confidence_loss": 0.3, "self_training": 0.5, "keep": 0.9}


@pytest.mark.parametrize("settings", [{}, HARD], ids=["as they come", "every stage"])
@pytest.mark.parametrize(
    "where", ["epoch 3", "fold 2, epoch 2", "all rows, epoch 2"], ids=["first fold", "second", "on all rows"]
)
def test_an_ended_training_goes_on_and_ends_with_the_same_bits(
    dataset: Dataset, soft: SoftLabels, tmp_path: Path, epochs: list[Descent], where: str, settings: dict[str, object]
) -> None:
    whole = EndModel(**settings).fit(dataset, soft)
    needed = len(epochs)
    with pytest.raises(Ended):
        EndModel(**settings).fit(dataset, soft, progress=ending_at(where), checkpoint=tmp_path)
    epochs.clear()
    said: list[str] = []
    again = EndModel(**settings).fit(dataset, soft, progress=lambda *call: said.append(call[2]), checkpoint=tmp_path)
    assert len(epochs) <= needed - 4  # two views, two epochs
    assert said[0].startswith("epoch 1: loss") and said[-1] == "trained"
    assert np.array_equal(again.predict_proba(dataset).probs, whole.predict_proba(dataset).probs)
    assert (again.history_, again.best_epoch_) == (whole.history_, whole.best_epoch_)
    assert list(tmp_path.iterdir()) == []


def test_a_training_ended_in_its_last_stage_does_not_repeat_the_others(
    dataset: Dataset, soft: SoftLabels, tmp_path: Path, epochs: list[Descent]
) -> None:
    with pytest.raises(Ended):
        EndModel().fit(dataset, soft, progress=ending_at("all rows, epoch 2"), checkpoint=tmp_path)
    epochs.clear()
    model = EndModel().fit(dataset, soft, checkpoint=tmp_path)
    assert len(epochs) <= 2 * (model.best_epoch_ - 1)  # two views


@pytest.mark.parametrize(
    "change",
    [
        lambda dataset, soft: (EndModel(weight_decay=0.2), soft, None),
        lambda dataset, soft: (EndModel(), SoftLabels(soft.ids, soft.labels, soft.probs[:, ::-1], soft.covered), None),
        lambda dataset, soft: (EndModel(), soft, pd.Series([1], index=["r0"])),
    ],
    ids=["setting", "labels", "anchor"],
)
def test_another_training_begins_at_its_start(
    dataset: Dataset, soft: SoftLabels, tmp_path: Path, change: Callable[..., tuple[EndModel, SoftLabels, pd.Series]]
) -> None:
    with pytest.raises(Ended):
        EndModel().fit(dataset, soft, progress=ending_at("epoch 3"), checkpoint=tmp_path)
    model, labels, anchors = change(dataset, soft)
    model.fit(dataset, labels, anchors=anchors, checkpoint=tmp_path)
    fresh = EndModel(**model.settings()).fit(dataset, labels, anchors=anchors)
    assert np.array_equal(model.predict_proba(dataset).probs, fresh.predict_proba(dataset).probs)
    assert len(list(tmp_path.iterdir())) == 1  # what the first one left


def test_a_damaged_checkpoint_counts_as_none(dataset: Dataset, soft: SoftLabels, tmp_path: Path) -> None:
    with pytest.raises(Ended):
        EndModel().fit(dataset, soft, progress=ending_at("epoch 3"), checkpoint=tmp_path)
    (kept,) = tmp_path.rglob("fold 0.pt")
    kept.write_bytes(kept.read_bytes()[:1000])
    again = EndModel().fit(dataset, soft, checkpoint=tmp_path)
    assert np.array_equal(again.predict_proba(dataset).probs, EndModel().fit(dataset, soft).predict_proba(dataset).probs)


def test_a_training_of_seconds_writes_nothing(
    dataset: Dataset, soft: SoftLabels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_LEAST", 5.0)
    with pytest.raises(Ended):
        EndModel().fit(dataset, soft, progress=ending_at("all rows, epoch 2"), checkpoint=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_came_back_to_for_a_week_is_removed(dataset: Dataset, soft: SoftLabels, tmp_path: Path) -> None:
    for name, days in (("old", 8), ("recent", 6)):
        (tmp_path / name).mkdir()
        then = (tmp_path / name).stat().st_mtime - days * 24 * 3600
        os.utime(tmp_path / name, (then, then))
    EndModel(epochs=1).fit(dataset, soft, checkpoint=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["recent"]


def test_a_task_keeps_its_training_in_its_cache(tiny_task: Path) -> None:
    task = load_task(tiny_task)
    dataset, _ = task.dataset()
    soft = SoftLabels.from_hard(dataset.ids, dataset.labels, np.arange(len(dataset)) % 2)
    with pytest.raises(Ended):
        train(task, dataset, soft, ending_at("all rows, epoch 2"))
    assert len(list((tiny_task / "cache" / "training").rglob("all rows.pt"))) == 1
    train(task, dataset, soft)
    assert list((tiny_task / "cache" / "training").iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np, pandas as pd
from workbench.end_model import EndModel, checkpoint
from workbench.tables import Dataset, SoftLabels

checkpoint._LEAST, checkpoint._SHARE = -1.0, float("inf")
texts = [f"{text} {i}" for i in range(120) for text in ("free prize", "see you")]
dataset = Dataset(pd.DataFrame({"text": texts}, index=[f"r{i}" for i in range(240)]), ("ham", "spam"))
probs = np.tile([[0.1, 0.9], [0.8, 0.2]], (120, 1))
said = []

def progress(done, total, text):
    said.append(text)
    if sys.argv[1] and len(said) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

soft = SoftLabels(dataset.ids, dataset.labels, probs, np.ones(240, bool))
model = EndModel().fit(dataset, soft, progress=progress, checkpoint=Path("kept"))
sys.stdout.buffer.write(model.predict_proba(dataset).probs.tobytes())
"""


@pytest.mark.slow
def test_kill_9_in_the_middle_changes_no_bit(tmp_path: Path) -> None:
    def run(kill_at: str, folder: str) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / folder).mkdir(exist_ok=True)
        command = [sys.executable, "-c", KILLED, kill_at]
        return subprocess.run(command, cwd=tmp_path / folder, capture_output=True)

    assert run("4", "killed").returncode == -9
    assert len(list((tmp_path / "killed" / "kept").rglob("fold 0.pt"))) == 1
    resumed, whole = run("", "killed"), run("", "whole")
    assert resumed.returncode == 0 and len(resumed.stdout) == 240 * 2 * 8
    assert resumed.stdout == whole.stdout
    assert list((tmp_path / "killed" / "kept").iterdir()) == []
