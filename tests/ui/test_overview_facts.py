"""The figures of the overview, from tables small enough to count by hand."""

import dataclasses
import os

import numpy as np
import pandas as pd
import pytest

from workbench.project.catalogue import catalogue, changes
from workbench.project.overview import (
    class_table,
    next_steps,
    scoreboard,
    scored_splits,
    slice_table,
    split_table,
    steps_since,
)
from workbench.project.runs import find_run, newest_run
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels

IDS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def five():
    """Return five rows: three train, two test, gold on one of each."""
    frame = pd.DataFrame({"text": IDS}, index=IDS)
    split = pd.Series(["train", "train", "train", "test", "test"], index=IDS)
    return Dataset(frame, ("ham", "spam"), ("text",), split, pd.Series([0, -1, -1, 1, -1], index=IDS))


def test_splits_count_rows_and_known_gold_in_their_order(five):
    assert split_table(five).reset_index().to_numpy().tolist() == [["train", 3, 1], ["test", 2, 1]]


def test_classes_count_the_labels_of_training_rows_and_those_without_one(five):
    probs = [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.1, 0.9], [0.5, 0.5]]
    soft = SoftLabels(pd.Index(IDS), ("ham", "spam"), np.array(probs), np.array([True, True, True, True, False]))
    diagnosis = {"summary": {"classes": {"ham": {"votes": 4}, "spam": {"votes": 7}}}}
    table = class_table(five, soft, diagnosis)
    assert table["labelled"].to_dict() == {"ham": 1, "spam": 1, "(no label)": 1}
    assert table["share"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert table["votes"].tolist()[:2] == [4, 7] and pd.isna(table["votes"].iloc[2])
    nothing = class_table(five, None, None)
    assert list(nothing.index) == ["ham", "spam"] and nothing.columns.empty


def test_a_skipped_model_stands_in_the_table_with_its_reason():
    score = {"accuracy": 0.8, "interval": [0.7, 0.9], "macro_f1": 0.7, "log_loss": 0.5, "ece": 0.1, "n": 50}
    metrics = {
        "label_model": {"majority_vote": {"test": {"all": score, "covered": score}}, "snorkel": {"skipped": "too large"}},
        "end_model": {"skipped": "switched off"},
        "ceiling": {"skipped": "no gold"},
    }
    assert scored_splits(metrics) == ["test"]
    board = scoreboard(metrics, "test", "all")
    assert list(board.index) == ["majority vote", "Snorkel's LabelModel", "end model", "gold-trained ceiling"]
    assert board.loc["majority vote", ["accuracy", "low", "high", "n"]].tolist() == [0.8, 0.7, 0.9, 50]
    assert board["reason"].tolist() == ["", "too large", "switched off", "no gold"]


def test_slices_leave_out_accuracies_where_nobody_knows():
    line = {
        "slice": "pro",
        "n": 5,
        "label_coverage": 0.6,
        "conflict": 0.2,
        "accuracy": 0.5,
        "low": 0.1,
        "high": 0.9,
        "n_gold": 2,
    }
    assert slice_table({"slices": [line], "gold": "valid"}).loc["pro"].tolist() == [5, 0.6, 0.2, 0.5, 0.1, 0.9, 2]
    unknown = slice_table({"slices": [{**line, "accuracy": None, "low": 0.0, "high": 1.0, "n_gold": 0}], "gold": "valid"})
    assert unknown.loc["pro", ["accuracy", "low", "high"]].isna().all(), "no interval of nothing"
    assert slice_table({"slices": [line], "gold": None}).loc["pro"].tolist() == [5, 0.6, 0.2]


def test_before_the_first_run_the_next_step_is_to_run(toy):
    task = load_task(toy)
    assert newest_run(task, "metrics.json") is None
    assert next_steps(None, None, None)[0].startswith("Run the line")


def since(folder):
    task = load_task(folder)
    return steps_since(task, find_run(task), task.dataset()[0], catalogue(task))


def test_a_file_written_again_as_it_was_asks_for_no_run(ran):
    for file in (ran / "rules.toml", ran / "task.toml", ran / "rows.csv", ran / "functions" / "spam.py"):
        os.utime(file)
    assert since(ran) == []


def test_functions_edited_after_the_run_are_named_and_ask_for_another(ran):
    rules = ran / "rules.toml"
    rules.write_text(rules.read_text().replace('["free"]', '["free", "gratis"]').replace("says_hello", "greets"))
    (step,) = since(ran)
    assert step.endswith("below: new function greets; changed function says_free; removed function says_hello.")
    run = find_run(load_task(ran))
    assert next_steps(run, run.diagnosis(), run.metrics(), [step])[0] == step


def test_other_rows_and_settings_ask_for_another_run(ran):
    with (ran / "rows.csv").open("a") as rows:
        rows.write("more,win more,spam,train\n")
    assert since(ran)[0].endswith("below: other rows.")
    (ran / "task.toml").write_text((ran / "task.toml").read_text().replace("enabled", "seed = 3\nenabled"))
    assert since(ran)[0].endswith("below: other rows; other settings.")


def test_an_edited_list_of_a_lookup_changes_its_rule(ran):
    rule = '[[rule]]\nname = "shop"\nkind = "lookup"\ncolumn = "text"\nfile = "lists/shops.txt"\nlabel = "spam"\n'
    (ran / "lists").mkdir()
    (ran / "lists" / "shops.txt").write_text("acme\n")
    (ran / "rules.toml").write_text((ran / "rules.toml").read_text() + rule)
    task = load_task(ran)
    before = {one["name"]: one["fingerprint"] for one in catalogue(task)["functions"]}
    (ran / "lists" / "shops.txt").write_text("acme\nbestbuy\n")
    assert changes(before, catalogue(task)) == {"shop": "changed"}


def test_a_file_that_cannot_be_loaded_is_to_be_mended_first(ran):
    (ran / "functions" / "spam.py").write_text("def f(:\n")
    assert since(ran)[0].startswith("Mend spam.py, which cannot be loaded: spam.py:1: invalid syntax")


def test_an_end_model_below_its_teachers_is_said_aloud(ran):
    run = find_run(load_task(ran))
    worse = {**run.metrics(), "pgr": {"weak": 0.79, "student": 0.58, "n": 100, "value": None}}
    assert any("right on 58.0%" in step and "79.0%" in step for step in next_steps(run, run.diagnosis(), worse))


def test_without_gold_in_valid_the_next_step_is_to_label_some(ran):
    run = find_run(load_task(ran))
    blind = {**run.diagnosis(), "gold": None, "warnings": []}
    assert any("valid split" in step for step in next_steps(run, blind, run.metrics()))


def test_rows_are_to_be_reviewed_until_some_were(ran):
    run = newest_run(load_task(ran), "diagnosis.json")
    asked = next_steps(run, run.diagnosis(), run.metrics())
    assert any(step.startswith("Review some rows") for step in asked)
    agreed = {**run.diagnosis(), "summary": {**run.diagnosis()["summary"], "conflict": 0.0}}
    assert "Review some rows: what people say of random ones" in next_steps(run, agreed, run.metrics())[-1]
    reviewed = dataclasses.replace(run, about={**run.about, "review": {"anchors": 3}})
    assert not any(step.startswith("Review") for step in next_steps(reviewed, run.diagnosis(), run.metrics()))
