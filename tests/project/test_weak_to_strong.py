"""What the end model learned beyond the labels: scores with intervals, rows without votes, errors copied and overruled."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.evaluate import score
from workbench.project.logistic import logistic_answers
from workbench.project.steps import evaluate
from workbench.project.steps.evaluate import rescore, whole_report
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.project.weak_to_strong import (
    METRICS,
    fates,
    gains,
    overruled,
    score_intervals,
    side_by_side,
    telling_rows,
    without_votes,
)
from workbench.tables import Dataset, SoftLabels, VoteMatrix

LABELS = ("ham", "spam")


def soft(ids, probs, covered=True):
    """Return soft labels of rows; probs are those of spam."""
    ids = pd.Index(list(ids))
    return SoftLabels(ids, LABELS, [[1 - p, p] for p in probs], np.broadcast_to(covered, len(ids)))


def rows(ids, split, gold):
    index = pd.Index(list(ids))
    frame = pd.DataFrame({"text": [f"text {row}" for row in index]}, index=index)
    return Dataset(frame, LABELS, split=pd.Series(split, index=index), gold=pd.Series(gold, index=index))


def many(n, seed, shift=0.0):
    """Return labels of three classes as sure as they are right but for the shift, and the truth."""
    rng = np.random.default_rng(seed)
    top = 0.4 + 0.6 * rng.beta(4, 1.5, n)
    probs = np.column_stack([top, (1 - top) * 0.7, (1 - top) * 0.3])
    right = rng.random(n) < top + shift
    truth = np.where(right, 0, 1 + (rng.random(n) < 0.3))
    turn = rng.integers(3, size=n)  # each class is the likeliest as often
    turned = np.take_along_axis(probs, (np.arange(3) - turn[:, None]) % 3, axis=1)
    ids = pd.Index([f"r{i}" for i in range(n)])
    return SoftLabels(ids, ("a", "b", "c"), turned, np.ones(n, bool)), (truth + turn) % 3


def test_intervals_hold_the_figures_of_the_score():
    own, truth = many(300, 1)
    tied = SoftLabels(own.ids, own.labels, np.full((300, 3), 1 / 3), own.covered)
    ends = score_intervals({"own": own, "tied": tied, "again": own}, truth)
    gold = pd.Series(truth, index=own.ids)
    for name, one in (("own", own), ("tied", tied)):
        told = score(one, gold, split="test", rows="all")
        for metric in METRICS:
            low, high = ends[name][metric]
            assert low <= told[metric] + 1e-12 and told[metric] - 1e-12 <= high, (name, metric)
            assert high - low < 0.2
    assert ends["own"] == ends["again"], "models are measured on the same resamples"
    low, high = ends["own"]["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.83 * 0.17 / 300), rel=0.2)


@pytest.mark.parametrize("shift", [0.0, 0.03, -0.1], ids=["calibrated", "shy", "too sure"])
def test_intervals_of_calibration_error_hold_the_truth(shift):
    """A plain percentile interval holds the 0 of a calibrated model in no sample at all."""
    whole, truth = many(200_000, 0, shift)
    true = 0.0 if shift == 0 else score(whole, pd.Series(truth, index=whole.ids), split="test", rows="all")["ece"]
    held = {"ece": 0, "macro_f1": 0}
    f1 = score(whole, pd.Series(truth, index=whole.ids), split="test", rows="all")["macro_f1"]
    for seed in range(1, 61):
        own, gold = many(250, seed, shift)
        ends = score_intervals({"own": own}, gold, n_boot=200)["own"]
        held["ece"] += ends["ece"][0] <= true <= ends["ece"][1]
        held["macro_f1"] += ends["macro_f1"][0] <= f1 <= ends["macro_f1"][1]
    assert held["ece"] >= 54 and held["macro_f1"] >= 52


def test_rows_without_votes_stand_apart():
    dataset = rows("abcdef", ["test"] * 5 + ["valid"], [1, 1, 0, 0, 0, -1])
    covered = pd.Series([True, True, False, False, False, True], index=dataset.ids)
    answers = {"end_model": soft("abcdef", [0.9, 0.2, 0.1, 0.2, 0.9, 0.5]), "ceiling": "no gold"}
    found = side_by_side(answers, dataset, covered)
    assert found["ceiling"] == {"skipped": "no gold"}
    assert {name: (one["n"], one["accuracy"]) for name, one in found["end_model"]["test"].items()} == {
        "all": (5, pytest.approx(0.6)), "covered": (2, 0.5), "uncovered": (3, pytest.approx(2 / 3)),
    }  # fmt: skip
    assert found["end_model"]["test"]["uncovered"]["rows"] == "uncovered"
    assert set(found["end_model"]["test"]["uncovered"]["intervals"]) == set(METRICS)
    assert found["end_model"]["valid"]["covered"]["reason"] == "no row of valid that functions vote on has gold"
    assert found["end_model"]["valid"]["uncovered"]["reason"] == "no row of valid without votes has gold"
    most = without_votes(dataset, covered)
    assert (most["test"]["n"], most["test"]["majority_class"], most["test"]["accuracy"]) == (3, "ham", 1)
    assert most["valid"] == {"n": 0, "majority_class": None, "accuracy": None, "interval": None}
    more = gains(answers | {"weak": soft("abcdef", [0.1] * 6)}, dataset, covered)["test"]
    assert more["all"]["weak"]["value"] == pytest.approx(0) and more["covered"]["weak"]["value"] == 0.5
    assert more["uncovered"]["majority_class"]["value"] == pytest.approx(-1 / 3)


#                  followed copied right wrong, then ties, nobody votes, no gold
FATE_ROWS = rows("abcdefg", ["valid"] * 7, [1, 1, 1, 0, 1, 1, -1])
TAUGHT = soft("abcdefg", [0.9, 0.2, 0.3, 0.1, 0.5, 0.5, 0.9], covered=[1, 1, 1, 1, 1, 0, 1])
STUDENT = soft("abcdefg", [0.8, 0.4, 0.7, 0.6, 0.9, 0.9, 0.9])


def test_a_label_is_followed_copied_or_overruled():
    table = fates(TAUGHT, STUDENT, FATE_ROWS, "valid")
    assert table["fate"].to_dict() == {"a": "followed", "b": "copied", "c": "overruled_right", "d": "overruled_wrong"}
    three = ("ham", "spam", "scam")
    ids, one = pd.Index(["x"]), np.ones(1, bool)
    dataset = Dataset(pd.DataFrame({"text": ["t"]}, index=ids), three, split=pd.Series("valid", ids), gold=pd.Series(2, ids))
    found = fates(SoftLabels(ids, three, [[1, 0, 0]], one), SoftLabels(ids, three, [[0, 1, 0]], one), dataset, "valid")
    assert found["fate"].tolist() == ["overruled_neither"]


def test_copied_errors_are_counted_by_class_and_by_function():
    votes = VoteMatrix.from_array(
        [[1, -1], [0, -1], [-1, 0], [0, 0], [0, 1], [-1, -1], [1, 1]], LABELS, ids=FATE_ROWS.ids, lfs=["one", "two"]
    )
    found = overruled(TAUGHT, STUDENT, FATE_ROWS, votes)["valid"]
    counts = {name: found[name] for name in ("n", "label_wrong", "followed", "copied", "overruled_right", "overruled_wrong")}
    assert counts == {"n": 4, "label_wrong": 2, "followed": 1, "copied": 1, "overruled_right": 1, "overruled_wrong": 1}
    assert found["copied_share"] == 0.5 and found["interval"][0] < 0.1
    assert {(one["gold"], one["label"], one["answer"], one["fate"], one["n"]) for one in found["pairs"]} == {
        ("spam", "ham", "ham", "copied", 1), ("spam", "ham", "spam", "overruled_right", 1),
        ("ham", "ham", "spam", "overruled_wrong", 1),
    }  # fmt: skip
    assert found["functions"] == [
        {"lf": "one", "wrong": 1, "copied": 1, "overruled_right": 0},
        {"lf": "two", "wrong": 1, "copied": 0, "overruled_right": 1},
    ]
    told = telling_rows(TAUGHT, STUDENT, FATE_ROWS)
    assert [line["id"] for line in told] == ["b", "c", "d"]
    assert told[0] == {
        "id": "b", "gold": "spam", "label": "ham", "answer": "ham",
        "label_probability": 0.8, "answer_probability": pytest.approx(0.6), "fate": "copied",
    }  # fmt: skip
    assert overruled("none", STUDENT, FATE_ROWS, votes) == {} and telling_rows(TAUGHT, "none", FATE_ROWS) == []


def test_test_rows_are_counted_and_never_named():
    dataset = rows("abcdefg", ["test"] * 7, FATE_ROWS.gold.tolist())
    votes = VoteMatrix.from_array(np.zeros((7, 1)), LABELS, ids=dataset.ids)
    found = overruled(TAUGHT, STUDENT, dataset, votes)
    assert found["test"]["copied"] == 1 and "functions" not in found["test"] and list(found) == ["test"]
    assert telling_rows(TAUGHT, STUDENT, dataset) == []


def test_a_plain_regression_learns_from_the_same_labels():
    ids = [f"r{i}" for i in range(40)]
    frame = pd.DataFrame({"text": [("win money", "hello friend")[i % 2] for i in range(40)]}, index=pd.Index(ids))
    dataset = Dataset(frame, LABELS)
    taught = soft(ids, [0.1 if i % 2 else 0.9 for i in range(40)], covered=[i > 1 for i in range(40)])
    found = logistic_answers(dataset, taught, dataset)
    assert found.hard().tolist() == [1, 0] * 20 and found.probs[0, 1] == pytest.approx(0.9, abs=0.05)
    assert "all of one class" in logistic_answers(dataset, soft(ids, [1] * 40), dataset)
    assert "is covered" in logistic_answers(dataset, soft(ids, [0.5] * 40, covered=False), dataset)
    apart = Dataset(frame.assign(text=ids), LABELS)
    assert "no two training rows share a word" in logistic_answers(apart, taught, apart)
    assert "the rows have none" in logistic_answers(Dataset(frame, LABELS, text=()), taught, dataset)


def test_a_run_holds_the_report_and_an_older_one_says_what_it_lacks(tiny_task, monkeypatch):
    monkeypatch.setattr(evaluate, "SLOW_CELLS", 0)  # without Snorkel's model
    task = load_task(tiny_task)
    done, dataset = run(task), task.dataset()[0]
    metrics = done.metrics()
    assert metrics["logistic"]["test"]["all"]["n"] == 25 and metrics["logistic"]["test"]["all"]["accuracy"] > 0.8
    assert json.loads(json.dumps(rescore(done, dataset))) == metrics
    whole = whole_report(task, done, dataset)
    assert [line["group"] for line in whole["confidence"]["test"]] == ["all rows", "answer billing", "answer bug", "slice pro"]
    (done.folder / "deferral.json").unlink()
    every = whole_report(task, done, dataset)["confidence"]["test"][0]
    assert every["answered"] == 1, "without a threshold every row gets an answer"
    assert whole["crossover"] is None and {line["id"] for line in whole["rows"]} <= set(dataset.ids[dataset.split == "valid"])
    (done.folder / "answers" / "logistic.parquet").unlink()
    old = {name: metrics[name] for name in ("label_model", "end_model", "ceiling", "pgr")}
    (done.folder / "metrics.json").write_text(json.dumps(old))
    again = rescore(done, dataset)
    assert again["logistic"] == {"skipped": "this run is older than it; run again"}
    assert again["end_model"] == metrics["end_model"]
