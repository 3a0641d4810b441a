"""What gold rows may and may not change about a model's answers."""

import numpy as np
import pytest

from workbench.label_models.calibration import Calibration


def calibrated(rows):
    """Return the calibration by gold rows, given as {(score of class 0, class): how many}."""
    scores = np.array([[score, 0.0] for (score, _), n in rows.items() for _ in range(n)]).reshape(-1, 2)
    label = np.array([label for (_, label), n in rows.items() for _ in range(n)], dtype=np.intp)
    return Calibration.fitted(scores, label, np.ones(len(label)))


def test_no_gold_changes_nothing():
    slope, offset = calibrated({})
    assert slope == 1 and list(offset) == [0, 0]


@pytest.mark.parametrize(("times", "turned"), [(1, False), (100, True)], ids=["few rows", "many rows"])
def test_rows_nobody_disputes_are_turned_only_by_gold_beyond_two_standard_errors(times, turned):
    """Of ten rows that lean to class 0 four are of it, while those that clearly lean are what they look like."""
    rows = {(0.4, 0): 4, (0.4, 1): 6, (3.0, 0): 9, (3.0, 1): 1, (-3.0, 0): 0, (-3.0, 1): 10}
    scores = calibrated({row: times * n for row, n in rows.items()})(np.array([[0.4, 0.0]]))
    assert (scores[0, 1] > scores[0, 0]) == turned


def test_a_model_that_is_too_sure_gets_a_slope_below_one():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (2000, 2))
    sure = 1 / (1 + np.exp(-0.3 * (scores[:, 1] - scores[:, 0])))
    label = (rng.random(2000) < sure).astype(np.intp)
    slope, offset = Calibration.fitted(scores, label, np.ones(2000))
    assert slope == pytest.approx(0.3, abs=0.05) and np.abs(offset).max() < 0.1
