"""What the end model of a run learned, where it leaves its labels, and what it leaves to a person."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.end_model import EndModel
from workbench.project import end_model, jobs
from workbench.project.end_model import Answers
from workbench.project.label_model import Certainty
from workbench.project.steps import train
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels

LABELS = ("ham", "spam")


def soft(ids, probs, covered=True):
    """Return soft labels of rows; probs are those of spam."""
    ids = pd.Index(list(ids))
    return SoftLabels(ids, LABELS, [[1 - p, p] for p in probs], np.broadcast_to(covered, len(ids)))


def rows(ids, split, gold):
    index = pd.Index(list(ids))
    frame = pd.DataFrame({"text": [f"text {row}" for row in index]}, index=index)
    return Dataset(frame, LABELS, split=pd.Series(split, index=index), gold=pd.Series(gold, index=index))


def test_scores_by_class_count_what_is_found_and_what_is_right():
    dataset = rows("abcde", ["valid"] * 5, [1, 1, 1, 0, -1])
    table = end_model.class_table(soft("abcde", [0.9, 0.8, 0.1, 0.7, 0.9]), dataset)
    assert table.loc["spam", ["gold", "answered"]].tolist() == [3, 3]
    assert table.loc["spam", ["found", "right", "f1"]].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3])
    assert table.loc["ham", ["gold", "answered", "found", "right", "f1"]].tolist() == [1, 1, 0, 0, 0]
    assert table.loc["spam", "found_low"] < 2 / 3 < table.loc["spam", "found_high"]
    nobody = end_model.class_table(soft("a", [0.9]), rows("a", ["valid"], [-1]))
    assert nobody["gold"].sum() == 0 and nobody[["found", "right", "f1"]].isna().all(axis=None)


def test_differences_are_those_from_labels_and_show_gold_on_valid_alone():
    dataset = rows("abcdef", ["valid", "valid", "train", "valid", "train", "valid"], [1, 0, 1, 1, 0, -1])
    labels = soft("abcdef", [0.1, 0.8, 0.2, 0.5, 0.9, 0.9], covered=[1, 1, 1, 1, 0, 1])  # d ties, nobody votes on e
    valid, taught = soft("abdf", [0.9, 0.1, 0.9, 0.2]), soft("ce", [0.7, 0.1])
    apart, compared = end_model.differences([valid, taught], labels, dataset)
    assert apart.index.tolist() == ["a", "b", "f", "c"] and compared == {"valid": 3, "train": 1}
    assert apart.loc["a"].tolist() == ["valid", "ham", 0.9, "spam", 0.9, "spam"]
    assert apart.loc["c", "gold"] == "" and apart.loc["f", "gold"] == ""
    pairs = end_model.pairs_table(apart)
    assert pairs.loc[("ham", "spam")].to_dict() == {"valid": 1, "train": 1, "end_model": 1, "by_label": 0, "neither": 0}
    assert pairs.loc[("spam", "ham")].to_dict() == {"valid": 2, "train": 0, "end_model": 1, "by_label": 0, "neither": 0}
    assert end_model.who_is_right(apart) == {"n": 2, "end_model": 2, "by_label": 0, "neither": 0}
    shown, total = end_model.rows_apart(apart, dataset, ("spam", "ham"), "valid", 1, 5)
    assert total == 2 and shown["row"].to_dict() == {"f": "text f"}
    same, _ = end_model.differences([soft("a", [0.2])], labels, dataset)
    assert same.empty and end_model.who_is_right(same)["n"] == 0


def test_a_threshold_leaves_the_surest_rows_to_the_model():
    dataset = rows("abcd", ["valid"] * 4, [1, 1, 0, -1])
    sure = Certainty.of(soft("abcd", [0.95, 0.7, 0.6, 0.99]), dataset, np.arange(4))
    table = end_model.deferral_curve(sure, dataset).set_index("threshold")
    assert table.loc[0.0, ["n", "answered", "accuracy"]].tolist() == pytest.approx([3, 1, 2 / 3])
    assert table.loc[0.7, ["n", "answered", "accuracy"]].tolist() == pytest.approx([2, 2 / 3, 1])
    assert table.loc[0.95, "n"] == 1 and table.index.max() == 0.95, "above, no row is left"


def test_the_recovered_gap_is_said_in_words():
    pgr = {"weak": 0.7, "student": 0.8, "ceiling": 0.9, "n": 1200, "value": 0.5, "interval": [-0.1, None], "reason": None}
    said = end_model.gap_in_words(pgr)
    assert said.startswith("On all 1,200 test rows the better label model is right on 70.0%, the end model on 80.0%")
    assert said.endswith("The end model recovers 50% of the gap (PGR; 95 % interval −10% to ?).")
    assert "falls behind the labels" in end_model.gap_in_words(pgr | {"value": -0.2})
    assert end_model.gap_in_words(pgr | {"value": None, "reason": "small"}).endswith(
        "the gap is too small to say which share of it is recovered."
    )
    nothing = {"weak": None, "reason": "not defined: there is no test split with gold"}
    assert end_model.gap_in_words(nothing).endswith("is not defined: there is no test split with gold.")


@pytest.mark.parametrize("n", [300, 30], ids=["with a hold-out", "without"])
def test_what_a_training_says_is_its_history(n):
    ids = pd.Index([f"r{i}" for i in range(n)])
    frame = pd.DataFrame({"text": [f"word{i % 7} {'win' if i % 2 else 'hello'}" for i in range(n)]}, index=ids)
    said = []
    model = EndModel(features=["tfidf"], epochs=4).fit(
        Dataset(frame, LABELS),
        soft(ids, [0.9 if i % 2 else 0.2 for i in range(n)]),
        progress=lambda *told: said.append(told[2]),
    )
    history = end_model.epochs_said(said)
    assert len(history) == len(model.history_) > 0
    for line, kept in zip(history, model.history_, strict=True):
        assert line == pytest.approx(kept, abs=1e-4) and line.keys() == kept.keys()
    kinds = set(end_model.history_table(history)["rows"])
    assert kinds == ({"held out", "taught"} if n == 300 else {"taught"})


def test_a_run_keeps_the_answers_on_the_rows_that_taught(tiny_task, monkeypatch):
    monkeypatch.setattr(train, "_ANSWERED", 50)
    task = load_task(tiny_task)
    done = run(task)
    dataset = task.dataset()[0]
    found = Answers.of(done, dataset, done.soft_labels())
    assert found.compared == {"valid": 15, "train": 50}
    assert set(found.held_out.ids) == set(dataset.ids[dataset.split != "train"]) and found.classes["gold"].sum() == 15
    assert set(found.apart["split"]) <= {"train", "valid"}
    facts = end_model.trained_on(done, dataset, done.soft_labels())
    assert facts["rows"] == "80 of 80 train rows, those that functions vote on" and facts["text features"] == "tfidf"


def test_the_curve_of_a_job_is_read_from_what_it_wrote_so_far(tmp_path):
    folder = tmp_path / "runs" / ".job"
    folder.mkdir(parents=True)
    assert end_model.live_history(tmp_path) == []
    lines = [
        ("apply", "epoch 9: loss 9.0"),
        ("train", "epoch 1: loss 0.5, on the hold-out 0.6"),
        ("train", "all rows, epoch 1: loss 0.4"),
    ]
    places = [json.dumps({"stage": stage, "detail": detail}) for stage, detail in lines]
    (folder / "progress").write_text('cut": 1}\n' + "\n".join(places) + '\n{"stage": "tra')
    assert jobs.said(tmp_path, "train") == [detail for stage, detail in lines if stage == "train"]
    assert end_model.live_history(tmp_path) == [{"epoch": 1, "loss": 0.5, "holdout_loss": 0.6}]


def test_columns_of_few_values_offer_them():
    frame = pd.DataFrame({"text": ["a"] * 40, "plan": ["free", "pro", "pro", None] * 10, "n": range(40), "tags": [["x"]] * 40})
    dataset = Dataset(frame.set_index(pd.Index([f"r{i}" for i in range(40)])), LABELS)
    assert end_model.columns_to_type(dataset) == {"plan": ["pro", "free"], "n": [], "tags": []}
