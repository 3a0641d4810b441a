"""How much of the gap between the weak labels and the ceiling a student recovers, and when that means nothing."""

import numpy as np
import pandas as pd
import pytest

from workbench.evaluate import pgr, undefined_gap
from workbench.tables import SoftLabels, WorkbenchError

IDS = pd.Index([f"r{i}" for i in range(400)])
GOLD = pd.Series(0, index=IDS)


def right_on(share: float, ids: pd.Index = IDS, labels: tuple[str, ...] = ("ham", "spam")) -> SoftLabels:
    """Return labels that are right on the first rows and wrong on the rest."""
    return SoftLabels.from_hard(ids, labels, np.arange(len(ids)) >= round(share * len(ids)))


def test_half_the_gap_is_half() -> None:
    found = pgr(right_on(0.6), right_on(0.7), right_on(0.8), GOLD)
    assert found["value"] == pytest.approx(0.5)
    assert (found["weak"], found["student"], found["ceiling"], found["n"]) == pytest.approx((0.6, 0.7, 0.8, 400))
    low, high = found["interval"]
    assert 0.3 < low < 0.5 < high < 0.7
    assert found == pgr(right_on(0.6), right_on(0.7), right_on(0.8), GOLD)


def test_a_student_may_lose_or_pass_the_ceiling() -> None:
    assert pgr(right_on(0.6), right_on(0.5), right_on(0.8), GOLD)["value"] == pytest.approx(-0.5)
    assert pgr(right_on(0.6), right_on(0.9), right_on(0.8), GOLD)["value"] == pytest.approx(1.5)


@pytest.mark.parametrize(("ceiling", "defined"), [(0.64, False), (0.65, True), (0.5, False)], ids=["4", "5", "below"])
def test_a_gap_under_five_points_has_no_share(ceiling: float, defined: bool) -> None:
    found = pgr(right_on(0.6), right_on(0.62), right_on(ceiling), GOLD)
    assert (found["value"] is not None) is defined
    assert ("not defined" in (found["reason"] or "")) is not defined
    assert (found["interval"] is None) is not defined


def test_an_interval_that_resamples_leave_open_says_so() -> None:
    """Five rows: a quarter of the resamples have no gap, so no upper end can be promised."""
    ids = IDS[:5]
    found = pgr(right_on(0.6, ids), right_on(0.8, ids), right_on(0.8, ids), GOLD)
    assert found["value"] == 1 and found["interval"] == [None, None]


def test_ties_are_half_right_and_unknown_gold_is_left_out() -> None:
    unsure = SoftLabels(IDS, ("ham", "spam"), np.full((400, 2), 0.5), np.ones(400, bool))
    gold = pd.Series(np.repeat([0, -1], 200), index=IDS)
    found = pgr(unsure, right_on(1), right_on(1), gold)
    assert (found["weak"], found["value"], found["n"]) == (0.5, 1, 200)


def test_rows_are_matched_by_id() -> None:
    student = right_on(0.7)
    shuffled = student.take(np.random.default_rng(0).permutation(400))
    assert pgr(right_on(0.6), shuffled, right_on(0.8), GOLD) == pgr(right_on(0.6), student, right_on(0.8), GOLD)


def test_no_gold_has_no_gap() -> None:
    found = pgr(right_on(0.6), right_on(0.7), right_on(0.8), GOLD - 1)
    assert found["value"] is None and found["n"] == 0 and "no row has gold" in found["reason"]


@pytest.mark.parametrize("ceiling", [0.8, 0.6], ids=["defined", "gap closed"])
def test_a_gap_has_the_same_keys_whether_defined_or_not(ceiling: float) -> None:
    found = pgr(right_on(0.6), right_on(0.7), right_on(ceiling), GOLD)
    assert list(found) == list(undefined_gap("there is no test split with gold"))


@pytest.mark.parametrize(
    "other", [right_on(0.7, IDS[:9]), right_on(0.7, labels=("spam", "ham"))], ids=["other rows", "other classes"]
)
def test_labels_that_cannot_be_compared_are_refused(other: SoftLabels) -> None:
    with pytest.raises(WorkbenchError, match="weak and student labels are not of the same rows and classes"):
        pgr(right_on(0.6), other, right_on(0.8), GOLD)
