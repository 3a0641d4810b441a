"""How many gold labels a supervised model of the same architecture needs to match the end model."""

import numpy as np
import pytest

from workbench.project.runs import find_run
from workbench.project.steps import crossover as steps
from workbench.project.steps import evaluate
from workbench.project.steps.crossover import crossover, meeting
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import ABSTAIN, WorkbenchError


@pytest.mark.parametrize(
    ("target", "found"),
    [(0.4, ("at most", 25)), (0.6, ("about", 50)), (0.7, ("about", 71)), (0.8, ("about", 100)), (0.81, ("more than", 100))],
    ids=["below the curve", "on a point", "between", "on the last", "above the curve"],
)
def test_a_curve_meets_a_target(target, found):
    where = meeting([25, 50, 100], np.array([0.5, 0.6, 0.8]), target)
    assert (where["bound"], where["labels"]) == found


@pytest.fixture(autouse=True)
def without_snorkel(monkeypatch):
    monkeypatch.setattr(evaluate, "SLOW_CELLS", 0)


def test_the_curve_is_measured_once_by_train_gold_alone_and_kept(tiny_task, monkeypatch):
    task = load_task(tiny_task)
    done, dataset, told, taught = run(task), task.dataset()[0], [], []
    train = steps.train_on_gold

    def spy(task, rows, soft, progress):
        taught.append((rows, soft))
        return train(task, rows, soft, progress)

    monkeypatch.setattr(steps, "train_on_gold", spy)
    found = crossover(task, done, dataset, lambda *said: told.append(said))
    assert [line["n"] for line in found["curve"]] == [25, 50, 80]
    assert all(len(line["accuracy"]) == 3 for line in found["curve"])
    assert found["curve"][-1]["mean"] == pytest.approx(done.metrics()["ceiling"]["test"]["all"]["accuracy"]), "all of train"
    assert found["end_model"] == done.metrics()["end_model"]["test"]["all"]["accuracy"] and found["n_test"] == 25
    assert f"{found['bound']} {found['labels']}" in found["sentence"] or "too few" in found["sentence"]
    assert told[0][0] == "crossover" and "25 labels, draw 1" in told[0][3]
    assert [len(rows) for rows, _ in taught] == [25] * 3 + [50] * 3 + [80]
    for rows, soft in taught:
        assert set(rows.split) == {"train"} and soft.covered.all() and soft.hard().tolist() == rows.gold.tolist()
    drawn = [set(rows.ids) for rows, _ in taught]
    assert drawn[0] < drawn[3] and drawn[0] != drawn[1], "draws differ, those of one seed are nested"
    monkeypatch.setattr(steps, "train_on_gold", None)
    assert crossover(task, find_run(task), dataset) == found, "read, not trained again"


def test_what_cannot_be_measured_is_said(tiny_task):
    task = load_task(tiny_task)
    done, dataset = run(task), task.dataset()[0]
    hidden = dataset.gold.where(dataset.split != "test", ABSTAIN)
    with pytest.raises(WorkbenchError, match="measured on test rows with gold, and there are none"):
        crossover(task, done, type(dataset)(dataset.frame, dataset.labels, dataset.text, dataset.split, hidden))
    few = dataset.gold.where((dataset.split != "train") | (np.arange(120) < 24), ABSTAIN)
    with pytest.raises(WorkbenchError, match="25 at least, and there are 24"):
        crossover(task, done, type(dataset)(dataset.frame, dataset.labels, dataset.text, dataset.split, few))
    text = (tiny_task / "task.toml").read_text()
    (tiny_task / "task.toml").write_text(text.replace("[end_model]", "[end_model]\nenabled = false"))
    off = load_task(tiny_task)
    with pytest.raises(WorkbenchError, match="has no end model to match: the end model is switched off"):
        crossover(off, run(off), dataset)
    assert not list(off.runs_folder.glob("*/crossover.json"))
