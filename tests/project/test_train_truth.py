"""Train gold in a file of its own: the ceiling learns from it, and nothing else can see it."""

import json
import re
from shutil import rmtree

import pytest

from workbench.project.steps.check import check
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import ABSTAIN, WorkbenchError


@pytest.fixture
def hidden_truth(tiny_task):
    """Return the tiny task with the gold of its 80 train rows moved to truth.csv."""
    lines = (tiny_task / "rows.csv").read_text("utf-8").splitlines()
    truth, rows = ["id,label"], lines[:1]
    for line in lines[1:]:
        cells = line.split(",")
        if cells[-1] == "train":
            truth.append(f"{cells[0]},{cells[-2]}")
            cells[-2] = ""
        rows.append(",".join(cells))
    (tiny_task / "rows.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (tiny_task / "truth.csv").write_text("\n".join(truth) + "\n", "utf-8")
    config = (tiny_task / "task.toml").read_text("utf-8")
    (tiny_task / "task.toml").write_text(config.replace("[label_model]", 'train_truth = "truth.csv"\n[label_model]'), "utf-8")
    return tiny_task


def test_the_truth_of_train_rows_comes_from_the_file(hidden_truth):
    task = load_task(hidden_truth)
    dataset, _ = task.dataset()
    truth = task.train_truth(dataset)
    assert (dataset.gold[dataset.split == "train"] == ABSTAIN).all()
    assert truth[:4].tolist() == [0, 1, 0, 1]
    assert (truth[dataset.split != "train"] == ABSTAIN).all()


def test_without_a_file_it_is_the_gold_of_the_train_rows(tiny_task):
    task = load_task(tiny_task)
    dataset, _ = task.dataset()
    assert task.train_truth(dataset).equals(dataset.gold.where(dataset.split == "train", ABSTAIN))


def test_the_truth_moves_the_ceiling_and_nothing_else(hidden_truth):
    found = []
    truth = (hidden_truth / "truth.csv").read_text("utf-8")
    swapped = re.sub("billing|bug", lambda word: "bug" if word[0] == "billing" else "billing", truth)
    for text in (truth, swapped):
        (hidden_truth / "truth.csv").write_text(text, "utf-8")
        done = run(load_task(hidden_truth))
        rmtree(hidden_truth / "cache")  # so that functions vote anew
        found.append((done.metrics(), done.soft_labels().probs, (done.folder / "export" / "train.csv").read_bytes()))
    (metrics, probs, export), (metrics_swapped, probs_swapped, export_swapped) = found
    assert (probs == probs_swapped).all() and export == export_swapped
    assert metrics["end_model"] == metrics_swapped["end_model"] and metrics["label_model"] == metrics_swapped["label_model"]
    assert metrics["ceiling"]["test"]["all"]["accuracy"] > 0.9 > 0.1 > metrics_swapped["ceiling"]["test"]["all"]["accuracy"]


@pytest.mark.parametrize(
    ("line", "error"),
    [("999,bug", "'999', which is no train row of rows.csv"), ("100,bug", "'100', which is no train row"), ("000,bgu", "bgu")],
    ids=["unknown id", "id of a test row", "unknown class"],
)
def test_the_check_names_a_line_that_fits_no_train_row(hidden_truth, line, error):
    (hidden_truth / "truth.csv").write_text(f"id,label\n{line}\n", "utf-8")
    with pytest.raises(WorkbenchError, match=error):
        check(load_task(hidden_truth))


@pytest.mark.parametrize(
    ("line", "error"),
    [("002,bug", "calls '002' 'bug', and rows.csv calls it 'billing'"), ("002,billing", None), ("002,", None)],
    ids=["another class", "the same class", "no class"],
)
def test_two_classes_for_one_train_row_are_named(tiny_task, line, error):
    (tiny_task / "truth.csv").write_text(f"id,label\n{line}\n", "utf-8")
    config = (tiny_task / "task.toml").read_text("utf-8")
    (tiny_task / "task.toml").write_text(config.replace("[label_model]", 'train_truth = "truth.csv"\n[label_model]'), "utf-8")
    task = load_task(tiny_task)
    if error is None:
        assert task.train_truth(task.dataset()[0])["002"] == 0
    else:
        with pytest.raises(WorkbenchError, match=error):
            task.train_truth(task.dataset()[0])


def test_truth_without_an_id_column_says_what_to_name(hidden_truth):
    config = (hidden_truth / "task.toml").read_text("utf-8").replace('id = "id"\n', "")
    (hidden_truth / "task.toml").write_text(config, "utf-8")
    task = load_task(hidden_truth)
    with pytest.raises(WorkbenchError, match=r"name the columns `id` and `gold` under \[data\]"):
        task.train_truth(task.dataset()[0])


def test_hidden_columns_are_for_slices_alone(tiny_task):
    config = (tiny_task / "task.toml").read_text("utf-8")
    (tiny_task / "task.toml").write_text(config.replace("[label_model]", 'hidden = ["plan"]\n[label_model]'), "utf-8")
    done = run(load_task(tiny_task), until="diagnose")
    assert [line["slice"] for line in json.loads((done.folder / "diagnosis.json").read_text("utf-8"))["slices"]] == ["pro"]
    functions = tiny_task.parents[1] / "labeling_functions" / "tiny" / "peeks.py"
    functions.write_text(
        "from workbench import labeling_function\n\n@labeling_function()\ndef peeks(row):\n    return row.plan\n", "utf-8"
    )
    assert "the row has no column 'plan'" in run(load_task(tiny_task), until="apply").about["stopped"]["peeks"]


@pytest.mark.parametrize("name", ["text", "plam"], ids=["a text column", "an unknown one"])
def test_what_cannot_be_hidden_is_named_with_what_can(tiny_task, name):
    config = (tiny_task / "task.toml").read_text("utf-8")
    (tiny_task / "task.toml").write_text(config.replace("[label_model]", f'hidden = ["{name}"]\n[label_model]'), "utf-8")
    task = load_task(tiny_task)
    with pytest.raises(WorkbenchError, match=f"hides '{name}'; columns that can be hidden are 'plan', 'tag'"):
        task.visible(task.dataset()[0])
