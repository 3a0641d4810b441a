"""How far confidence can be believed, and whether one model's answers are better than another's, checked by eye."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.evaluate import gain, reliability, score
from workbench.stats import wilson_interval
from workbench.tables import SoftLabels, WorkbenchError


def sure_of_ham(*confidences: float, covered: list[bool] | None = None) -> SoftLabels:
    """Return rows r0, r1, ... that are ham with the given probabilities."""
    ham = np.array(confidences)
    ids = pd.Index([f"r{i}" for i in range(len(ham))])
    seen = np.ones(len(ham), bool) if covered is None else np.array(covered)
    return SoftLabels(ids, ("ham", "spam"), np.column_stack([ham, 1 - ham]), seen)


def gold(*values: int) -> pd.Series:
    return pd.Series(values, index=[f"r{i}" for i in range(len(values))])


def test_a_line_stands_for_the_rows_of_a_bin() -> None:
    """Four rows near .75, of which three are ham; two near .95, both ham."""
    found = reliability(sure_of_ham(0.72, 0.74, 0.76, 0.78, 0.94, 0.96), gold(0, 0, 1, 0, 0, 0), rows="all")
    assert found[["low", "high", "n"]].to_numpy().tolist() == [[0.7, 0.8, 4], [0.9, 1.0, 2]]
    assert found["confidence"].tolist() == pytest.approx([0.75, 0.95])
    assert found["accuracy"].tolist() == [0.75, 1]
    low, high = wilson_interval([3, 2], [4, 2])
    assert found["accuracy_low"].tolist() == low.tolist() and found["accuracy_high"].tolist() == high.tolist()


def test_the_sure_class_may_be_any() -> None:
    found = reliability(sure_of_ham(0.15, 0.85), gold(1, 0), rows="all")
    assert found[["low", "n", "accuracy"]].to_numpy().tolist() == [[0.8, 2, 1]]


def test_an_edge_belongs_to_the_bin_below_and_a_tie_is_half_right() -> None:
    found = reliability(sure_of_ham(0.5, 0.6, 1.0), gold(1, 0, 0), rows="all")
    assert found[["high", "n", "accuracy"]].to_numpy().tolist() == [[0.5, 1, 0.5], [0.6, 1, 1], [1.0, 1, 1]]


def test_only_rows_with_gold_count_and_on_request_only_covered_ones() -> None:
    soft, truth = sure_of_ham(0.7, 0.7, 0.7, covered=[True, False, True]), gold(0, 0, -1)
    assert reliability(soft, truth, rows="all")["n"].tolist() == [2]
    assert reliability(soft, truth, rows="covered")["n"].tolist() == [1]
    voted = pd.Series({"r0": True, "r1": True, "r2": True})
    assert reliability(soft, truth, rows="covered", covered=voted)["n"].tolist() == [2]
    assert len(reliability(soft, None, rows="all")) == 0
    with pytest.raises(WorkbenchError, match="rows is 'some'"):
        reliability(soft, truth, rows="some")


@pytest.mark.parametrize("seed", range(5), ids=str)
def test_ece_is_the_mean_gap_of_the_table(seed: int) -> None:
    rng = np.random.default_rng(seed)
    soft, truth = sure_of_ham(*rng.random(80)), gold(*rng.integers(0, 2, 80))
    table = reliability(soft, truth, rows="all")
    mean_gap = (table["n"] * (table["confidence"] - table["accuracy"]).abs()).sum() / 80
    assert mean_gap == pytest.approx(score(soft, truth, split="valid", rows="all")["ece"])


def test_a_gain_counts_rows_won_and_lost() -> None:
    """Of ten rows one model is right on nine; the other on six of them and on the tenth, and on one row it is torn."""
    ours = sure_of_ham(*[0.9] * 9, 0.1)
    theirs = sure_of_ham(*[0.8] * 6, 0.5, 0.2, 0.2, 0.8)
    found = gain(ours, theirs, gold(*[0] * 10), rows="all")
    assert found["n"] == 10
    assert found["value"] == pytest.approx((0.5 + 1 + 1 - 1) / 10)
    low, high = found["interval"]
    assert low < 0 < found["value"] < high
    unseen = float(wilson_interval(0, 10)[1])
    assert found["detectable"] == pytest.approx(max((high - low) / 2, unseen)) and found["clear"] is False
    json.dumps(found, allow_nan=False)


def test_a_gain_on_many_rows_is_clear_and_its_reverse_is_not() -> None:
    right, half = sure_of_ham(*[0.9] * 100), sure_of_ham(*[0.9, 0.1] * 50)
    truth = gold(*[0] * 100)
    found, reverse = gain(right, half, truth, rows="all"), gain(half, right, truth, rows="all")
    assert found["clear"] is True and found["value"] == 0.5
    assert reverse["clear"] is False and reverse["value"] == -0.5 and reverse["interval"][1] < 0


def test_where_two_models_are_right_on_the_same_rows_few_rows_prove_nothing() -> None:
    """A bootstrap of zeros is zero; that no row of six differs says little about all the others."""
    soft = sure_of_ham(*[0.9] * 6)
    found = gain(soft, soft, gold(*[0] * 6), rows="all")
    assert (found["value"], found["interval"]) == (0, [0, 0])
    assert found["detectable"] == pytest.approx(1.96**2 / (6 + 1.96**2), abs=1e-3)


@pytest.mark.parametrize(("won", "clear"), [(6, False), (7, True)], ids=["six rows", "seven rows"])
def test_the_few_rows_that_a_bootstrap_is_too_sure_of_are_no_clear_gain(won: int, clear: bool) -> None:
    """At 99 %: without any loss, 6 of 1,000 rows lie above 0 in all but e^-6 = .25 % of resamples; z^2 = 6.6 rows it takes."""
    truth = gold(*[0] * 1000)
    found = gain(
        sure_of_ham(*[0.9] * 1000), sure_of_ham(*[0.1] * won, *[0.9] * (1000 - won)), truth, rows="all", confidence=0.99
    )
    assert found["value"] == won / 1000 and found["interval"][0] > 0
    assert found["clear"] is clear


def test_a_gain_needs_the_same_rows_and_is_unknown_without_gold() -> None:
    soft = sure_of_ham(0.9, 0.8)
    none = {"n": 0, "value": None, "interval": None, "detectable": None, "clear": None}
    assert gain(soft, soft, None, rows="covered") == none
    mixed = soft.take(np.array([1, 0]))
    assert gain(soft, mixed, gold(0, 1), rows="all")["value"] == 0  # matched by id
    with pytest.raises(WorkbenchError, match="soft and base labels are not of the same rows"):
        gain(soft, sure_of_ham(0.9), gold(0, 1), rows="all")
