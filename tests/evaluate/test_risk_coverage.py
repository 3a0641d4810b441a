"""How often the surest answers are wrong, by hand."""

import numpy as np
import pytest

from workbench.evaluate import aurc, risk_coverage
from workbench.stats import wilson_interval
from workbench.tables import WorkbenchError


def test_each_line_answers_the_surest_rows_down_to_its_threshold() -> None:
    found = risk_coverage([0.5, 0.9, 0.7, 0.6], [False, True, True, False])
    assert found["threshold"].tolist() == [0.9, 0.7, 0.6, 0.5]
    assert found["coverage"].tolist() == [0.25, 0.5, 0.75, 1]
    assert found["risk"].tolist() == pytest.approx([0, 0, 1 / 3, 1 / 2])
    low, high = wilson_interval([0, 0, 1, 2], [1, 2, 3, 4])
    assert found["risk_low"].tolist() == low.tolist() and found["risk_high"].tolist() == high.tolist()
    assert aurc([0.5, 0.9, 0.7, 0.6], [0, 1, 1, 0]) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


def test_rows_of_one_confidence_enter_together_whatever_their_order() -> None:
    for right in ([1, 0, 1, 1], [0, 1, 1, 1]):
        found = risk_coverage([0.8, 0.8, 0.9, 0.8], right)
        assert found[["coverage", "risk", "threshold"]].to_numpy().tolist() == [[0.25, 0, 0.9], [1, 0.25, 0.8]]
    assert aurc(np.full(10, 0.7), np.arange(10) < 7) == pytest.approx(0.3)


def test_a_right_order_has_a_smaller_area_than_a_wrong_one() -> None:
    sure, right = np.linspace(1, 0.5, 20), np.arange(20) < 15
    assert aurc(sure, right) < aurc(np.full(20, 0.7), right) < aurc(sure, right[::-1])


def test_a_half_right_answer_is_half_wrong() -> None:
    assert risk_coverage([0.5], [0.5])["risk"].tolist() == [0.5]


def test_without_rows_there_is_no_line_and_no_area() -> None:
    assert len(risk_coverage([], [])) == 0 and aurc([], []) is None


def test_rows_that_do_not_match_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="for each row a confidence"):
        risk_coverage([0.5, 0.6], [True])
    with pytest.raises(WorkbenchError, match="how much of it is right"):
        risk_coverage([0.5], [2])
