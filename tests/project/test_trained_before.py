"""A training from just the same as before is not done again."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.end_model import EndModel
from workbench.project import trained_before as kept
from workbench.project.steps import train as step
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import SoftLabels


@pytest.fixture
def asked(tiny_task, monkeypatch):
    """Return what trains on the tiny task, and a list with an item for every training."""
    dataset, fits, fit = load_task(tiny_task).dataset()[0], [], EndModel.fit
    soft = SoftLabels.from_hard(dataset.ids, dataset.labels, dataset.gold)
    monkeypatch.setattr(EndModel, "fit", lambda self, *given: fits.append(1) or fit(self, *given))

    def train(soft=soft, anchors=None, **settings):
        task = load_task(tiny_task)
        task = replace(task, end_model={**task.end_model, "epochs": 2, "folds": 2, **settings})
        return step.train(task, dataset, soft, anchors=anchors, reuse=True).predict_proba(dataset).probs

    return train, fits


def test_the_same_training_is_done_once(asked):
    train, fits = asked
    first, second = train(), train()
    assert len(fits) == 1 and np.array_equal(first, second)


def test_another_setting_or_label_is_another_training(asked):
    train, fits = asked
    soft = train.__defaults__[0]
    train()
    train(seed=1)
    train(SoftLabels(soft.ids, soft.labels, soft.probs[:, ::-1], soft.covered))
    assert len(fits) == 3


def test_other_reviewed_rows_are_another_training(asked):
    train, fits = asked
    rows = train.__defaults__[0].ids[:20]
    for label in (0, 0, 1):
        known = {"label": np.full(20, label), "weight": np.ones(20), "drawn": np.ones(20, bool)}
        train(anchors=pd.DataFrame(known, pd.Index(rows, name="id")))
    assert len(fits) == 2


def test_a_run_has_the_same_model_kept_or_trained(tiny_task):
    runs = [run(load_task(tiny_task), until="train", say=lambda _: None).folder for _ in range(2)]
    shutil.rmtree(tiny_task / "cache" / "models")
    runs.append(run(load_task(tiny_task), until="train", say=lambda _: None).folder)
    first, *others = [
        {file.relative_to(one): file.read_bytes() for file in (one / "end_model").rglob("*") if file.is_file()} for one in runs
    ]
    assert len(first) > 2 and others == [first, first]


def test_a_name_among_kept_models_that_leads_nowhere_is_passed_over(asked, tiny_task):
    train, fits = asked
    (tiny_task / "cache" / "models").mkdir(parents=True)
    (tiny_task / "cache" / "models" / "gone").symlink_to("nowhere")
    train()
    train()
    assert len(fits) == 1


def test_changed_code_is_another_training(asked, monkeypatch):
    train, fits = asked
    train()
    monkeypatch.setattr(kept, "_code", lambda: "other")
    train()
    assert len(fits) == 2


def test_a_kept_model_that_is_damaged_is_trained_anew(asked, tiny_task):
    train, fits = asked
    first = train()
    (folder,) = (tiny_task / "cache" / "models").iterdir()
    (folder / "parameters.safetensors").write_bytes(b"x")
    assert np.array_equal(train(), first) and len(fits) == 2
    assert np.array_equal(train(), first) and len(fits) == 2


def test_four_models_are_kept_the_last_used_longest(asked, tiny_task):
    train, fits = asked
    for seed in (0, 1, 2, 3, 0, 4):
        train(seed=seed)
    assert len(list((tiny_task / "cache" / "models").iterdir())) == 4 and len(fits) == 5
    train(seed=0)
    assert len(fits) == 5
    train(seed=1)
    assert len(fits) == 6


def test_a_run_has_its_model_where_none_can_be_kept(asked, tiny_task):
    train, _ = asked
    (tiny_task / "cache").mkdir()
    (tiny_task / "cache" / "models").write_text("no folder")
    assert len(train()) == 120
