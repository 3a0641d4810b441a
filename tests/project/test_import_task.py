"""A user imports rows that came with votes, and gets a task that loads."""

import json
from pathlib import Path

import pytest

from workbench.apply import apply_lfs
from workbench.io import read_wrench
from workbench.project.steps.importing import import_crowd, import_wrench
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def wrench(folder: Path, gold: int | None = 1) -> Path:
    rows = {"0": {"data": {"text": "hi"}, "weak_labels": [0, -1]}, "1": {"data": {"text": "win"}, "weak_labels": [1, 1]}}
    if gold is not None:
        rows["1"]["label"] = gold  # type: ignore[assignment]
    folder.mkdir()
    (folder / "train.json").write_text(json.dumps(rows))
    (folder / "label.json").write_text('{"0": "ham", "1": "spam"}')
    return folder


def test_stored_votes_become_functions(tmp_path: Path) -> None:
    assert import_wrench(wrench(tmp_path / "src"), tmp_path / "data" / "mail") == []
    task = load_task(tmp_path / "data" / "mail")
    dataset, warnings = task.dataset()
    assert (task.name, task.labels, dataset.text) == ("mail", ("ham", "spam"), ("text",))
    assert list(dataset.ids) == ["train:0", "train:1"]
    assert dataset.gold is not None and dataset.gold.tolist() == [-1, 1]
    assert warnings == []
    votes = apply_lfs(task.functions(), dataset)
    assert votes.lfs == ("lf_0", "lf_1")
    assert votes.votes.tolist() == [[0, -1], [1, 1]]
    assert votes.faults.empty
    assert task.functions()[0].reason == "votes stored with the data set"


def test_a_set_without_gold_says_so_in_its_task(tmp_path: Path) -> None:
    import_wrench(wrench(tmp_path / "src", gold=None), tmp_path / "mail")
    assert "\n# gold = " in (tmp_path / "mail" / "task.toml").read_text()
    assert load_task(tmp_path / "mail").dataset()[0].gold is None


def test_an_existing_task_is_not_overwritten(tmp_path: Path) -> None:
    source = wrench(tmp_path / "src")
    import_wrench(source, tmp_path / "mail")
    before = (tmp_path / "mail" / "task.toml").read_bytes()
    with pytest.raises(WorkbenchError, match="mail exists already; choose another folder, or remove it first"):
        import_wrench(source, tmp_path / "mail")
    assert (tmp_path / "mail" / "task.toml").read_bytes() == before


def test_a_broken_source_leaves_nothing_behind(tmp_path: Path) -> None:
    source = wrench(tmp_path / "src", gold=7)
    with pytest.raises(WorkbenchError, match="has the label 7"):
        import_wrench(source, tmp_path / "data" / "mail")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["src"]


def test_crowd_workers_become_functions_and_nothing_is_trained(tmp_path: Path) -> None:
    (tmp_path / "label.csv").write_text("item,worker,label\na,w1,0\na,w2,1\nb,w2,1\n")
    (tmp_path / "truth.csv").write_text("item,truth\nb,1\nc,0\n")
    warnings = import_crowd(tmp_path / "label.csv", tmp_path / "truth.csv", tmp_path / "crowd")
    assert "a crowd set has no split" in warnings[0]
    task = load_task(tmp_path / "crowd")
    dataset, _ = task.dataset()
    assert task.end_model == {"enabled": False, "columns": []}
    assert dataset.text == () and set(dataset.split) == {"test"}
    votes = apply_lfs(task.functions(), dataset)
    assert votes.lfs == ("worker_w1", "worker_w2")
    assert votes.votes.tolist() == [[0, 1], [-1, 1], [-1, -1]]
    import_crowd(tmp_path / "label.csv", None, tmp_path / "untrue")
    assert load_task(tmp_path / "untrue").dataset()[0].gold is None


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("banking77", "adult")]


@pytest.mark.parametrize("name", ["youtube", "sms", "trec", *SLOW], ids=str)
def test_public_wrench_sets_become_tasks(shared_data: Path, tmp_path: Path, name: str) -> None:
    found = read_wrench(shared_data / name)
    assert import_wrench(shared_data / name, tmp_path / name) == []
    task = load_task(tmp_path / name)
    dataset, warnings = task.dataset()
    assert warnings == []
    assert dataset.ids.tolist() == found.frame["id"].tolist()
    assert dataset.split.tolist() == found.frame["split"].tolist()
    assert dataset.gold is not None and dataset.gold.tolist() == found.frame["gold"].cat.codes.tolist()
    votes = apply_lfs(task.functions(), dataset)
    assert votes.faults.empty
    for function in votes.lfs:
        assert votes.to_frame()[function].tolist() == found.votes[function].cat.codes.tolist()
    if name == "adult":
        assert task.end_model["features"] == [] and len(task.end_model["columns"]) == 14


@pytest.mark.parametrize(
    ("name", "items", "workers"),
    [("bluebird", 108, 39), ("dog", 807, 109), ("product", 8315, 176)],
    ids=["bluebird", "dog", "product"],
)
def test_public_crowd_sets_become_tasks(shared_data: Path, tmp_path: Path, name: str, items: int, workers: int) -> None:
    folder = shared_data / "crowd" / name
    import_crowd(folder / "label.csv", folder / "truth.csv", tmp_path / name)
    task = load_task(tmp_path / name)
    dataset, _ = task.dataset()
    assert (len(dataset), len(task.functions())) == (items, workers)
    assert dataset.gold is not None and (dataset.gold >= 0).all()
