"""Soft labels are scored against gold, ties in expectation, covered rows beside all rows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.evaluate import PROBABILITY_FLOOR, score, scores
from workbench.tables import SoftLabels, WorkbenchError

LABELS = ("ham", "spam")


def soft(probs: list[list[float]], covered: list[bool] | None = None) -> SoftLabels:
    array = np.array(probs)
    ids = pd.Index([f"r{i}" for i in range(len(array))])
    names = LABELS if array.shape[1] == 2 else tuple(f"c{i}" for i in range(array.shape[1]))
    return SoftLabels(ids, names, array, np.ones(len(array), bool) if covered is None else np.array(covered))


def gold(*values: float) -> pd.Series:
    return pd.Series(values, index=[f"r{i}" for i in range(len(values))])


def test_a_score_has_the_agreed_fields() -> None:
    found = score(soft([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), gold(0, 1, 1), split="test", rows="all")
    assert list(found) == ["split", "rows", "n", "accuracy", "macro_f1", "log_loss", "ece", "interval"]
    assert (found["split"], found["rows"], found["n"]) == ("test", "all", 3)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx(2 / 3)  # each class: one of each kind of hit, one miss
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4]).mean())
    assert found["ece"] == pytest.approx((0.1 + 0.2 + 0.6) / 3)  # confidences .9, .8, .6 fall into three bins
    assert found["interval"][0] < 2 / 3 < found["interval"][1]
    json.dumps(found, allow_nan=False)


def test_a_tie_is_half_right_whatever_the_order_of_the_classes() -> None:
    tied, swapped = soft([[0.5, 0.5], [1, 0]]), soft([[0.5, 0.5], [0, 1]])
    ours = score(tied, gold(1, 0), split="test", rows="all")
    theirs = score(swapped, gold(0, 1), split="test", rows="all")
    assert ours["accuracy"] == 0.75
    assert ours["macro_f1"] == pytest.approx((2 * 1 / 2.5 + 2 * 0.5 / 1.5) / 2)
    for metric in ("accuracy", "macro_f1", "log_loss", "ece"):
        assert ours[metric] == pytest.approx(theirs[metric])


def test_bins_of_ece_weigh_their_rows() -> None:
    """Ten rows at .75 of which half are right, ten at .95 all right: (10 x .25 + 10 x .05) / 20."""
    probs = [[0.75, 0.25]] * 10 + [[0.95, 0.05]] * 10
    found = score(soft(probs), gold(*[0, 1] * 5, *[0] * 10), split="test", rows="all")
    assert found["ece"] == pytest.approx(0.15)


@pytest.mark.parametrize("seed", range(10), ids=str)
def test_without_ties_scores_equal_scikit_learn(seed: int) -> None:
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 40)), int(rng.integers(2, 6))
    probs = rng.dirichlet(np.full(k, 0.7), n) * 0.9 + 0.1 / k  # above the floor of log loss
    truth = rng.integers(0, k, n)
    found = score(soft(probs.tolist()), gold(*truth), split="test", rows="all")
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, probs.argmax(axis=1)))
    assert found["macro_f1"] == pytest.approx(f1_score(truth, probs.argmax(axis=1), average="macro"))
    assert found["log_loss"] == pytest.approx(log_loss(truth, probs, labels=range(k)))


def test_an_impossible_row_costs_much_and_not_everything() -> None:
    found = score(soft([[1, 0]]), gold(1), split="test", rows="all")
    assert found["log_loss"] == pytest.approx(np.log((1 + PROBABILITY_FLOOR) / PROBABILITY_FLOOR))


def test_rows_without_gold_are_left_out_and_rows_are_matched_by_id() -> None:
    answers = soft([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = score(answers, pd.Series({"r1": 1, "r9": 0, "r0": -1, "r2": np.nan}), split="test", rows="all")
    assert (found["n"], found["accuracy"]) == (1, 1)


def test_covered_rows_are_those_that_functions_vote_on() -> None:
    answers = soft([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], covered=[True, False, False])
    truth = gold(0, 0, 0)
    assert score(answers, truth, split="test", rows="covered")["n"] == 1
    voted = pd.Series({"r2": True, "r1": True, "r0": False})
    found = score(answers, truth, split="test", rows="covered", covered=voted)
    assert (found["n"], found["accuracy"]) == (2, 0.5)


@pytest.mark.parametrize(
    ("truth", "rows", "reason"),
    [
        (None, "all", "no row of test has gold"),
        (gold(-1, -1), "all", "no row of test has gold"),
        (gold(0, -1), "covered", "no row of test that functions vote on has gold"),
    ],
    ids=["no gold", "all unknown", "none covered"],
)
def test_without_gold_the_metrics_are_null_with_a_reason(truth: pd.Series | None, rows: str, reason: str) -> None:
    found = score(soft([[0.9, 0.1], [0.5, 0.5]], covered=[False, True]), truth, split="test", rows=rows)
    assert found["n"] == 0 and found["reason"] == reason
    assert [found[name] for name in ("accuracy", "macro_f1", "log_loss", "ece", "interval")] == [None] * 5


def test_scores_nest_by_split_and_rows_and_leave_train_alone() -> None:
    answers = soft([[0.9, 0.1]] * 4, covered=[True, True, False, True])
    split = pd.Series(["train", "test", "test", "valid"], index=answers.ids)
    found = scores(answers, gold(1, 0, 1, 0), split)
    assert {name: {rows: one["accuracy"] for rows, one in part.items()} for name, part in found.items()} == {
        "test": {"all": 0.5, "covered": 1},
        "valid": {"all": 1, "covered": 1},
    }
    assert list(scores(answers.take(np.arange(3)), gold(1, 0, 1, 0), split)) == ["test"]


def test_mistaken_arguments_are_refused() -> None:
    answers = soft([[0.9, 0.1]])
    with pytest.raises(WorkbenchError, match="rows is 'some'; allowed are 'all' and 'covered'"):
        score(answers, gold(0), split="test", rows="some")
    with pytest.raises(WorkbenchError, match="covered says nothing of row 'r0'"):
        score(answers, gold(0), split="test", rows="covered", covered=pd.Series({"r1": True}))
    with pytest.raises(WorkbenchError, match="split says nothing of row 'r0'"):
        scores(answers, gold(0), pd.Series({"r1": "test"}))
    with pytest.raises(WorkbenchError, match="gold is 2 on row 'r0'; allowed are -1"):
        score(answers, gold(2), split="test", rows="all")


@pytest.mark.parametrize(
    ("name", "accuracy", "log_loss"),
    [("youtube", 0.816, 0.648), ("sms", 0.676, 0.527), ("trec", 0.611, 2.225)],
    ids=["youtube", "sms", "trec"],
)
def test_majority_vote_scores_as_measured_elsewhere(shared_data: Path, name: str, accuracy: float, log_loss: float) -> None:
    """The published figures beside the data: shares of votes as probabilities, uncovered rows uniform."""
    rows = json.loads((shared_data / name / "test.json").read_text()).values()
    k = len(json.loads((shared_data / name / "label.json").read_text()))
    counts = np.array([np.bincount([vote for vote in row["weak_labels"] if vote >= 0], minlength=k) for row in rows])
    total = counts.sum(axis=1, keepdims=True)
    shares = soft(np.where(total > 0, counts / np.maximum(total, 1), 1 / k).tolist())
    found = score(shares, gold(*(row["label"] for row in rows)), split="test", rows="all")
    assert found["accuracy"] == pytest.approx(accuracy, abs=5e-4)
    assert found["log_loss"] == pytest.approx(log_loss, abs=5e-4)
