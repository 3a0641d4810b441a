"""Is calibration worse than a limit, or than that of another model: by hand and by simulation."""

import numpy as np
import pandas as pd
import pytest

from workbench.evaluate import score
from workbench.stats.calibration import calibration_gaps, expected_error, miscalibrated, worse_calibrated
from workbench.tables import SoftLabels, WorkbenchError


def test_two_rows_in_one_bin():
    """Both say .9 and one is right: .4 too sure. A third says .2 and is right: .8 too little, of three rows."""
    gaps = calibration_gaps([0.9, 0.9, 0.2], [1, 0, 1])
    assert expected_error(gaps) == pytest.approx((0.9 + 0.9 - 1) / 3 + 0.8 / 3)


def test_it_is_the_ece_of_the_scores():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet([1, 1, 1], 200)
    ids = pd.Index([f"r{i}" for i in range(200)])
    gold = pd.Series(rng.integers(3, size=200), ids)
    scored = score(SoftLabels(ids, ("a", "b", "c"), probs, np.ones(200, bool)), gold, split="test", rows="all")
    assert expected_error(calibration_gaps(probs.max(axis=1), probs.argmax(axis=1) == gold)) == pytest.approx(scored["ece"])


def drawn(rng, n, too_sure):
    sure = np.clip(rng.beta(4, 1.5, n), 0.26, 0.999)
    return calibration_gaps(sure, rng.random(n) < sure - too_sure(sure))


WORLDS = {"all too sure": lambda sure: 0.08 + 0 * sure, "surest ones too sure": lambda sure: np.where(sure > 0.8, 0.1, 0)}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("n", [300, 1500])
def test_an_ece_of_just_the_limit_breaks_it_in_no_more_than_alpha(world, n):
    rng = np.random.default_rng(0)
    limit = expected_error(drawn(rng, 300_000, WORLDS[world]))
    broken = np.mean([miscalibrated(drawn(rng, n, WORLDS[world]), limit, seed=seed) <= 0.025 for seed in range(100)])
    assert broken <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 100)


@pytest.mark.parametrize("too_sure", [0.0, 0.08], ids=["calibrated", "too sure"])
def test_two_models_alike_are_called_different_in_about_alpha(too_sure):
    rng = np.random.default_rng(1)
    found = []
    for seed in range(100):
        one, two = (drawn(rng, 400, lambda sure: too_sure + 0 * sure) for _ in range(2))
        shared = rng.random(400)[:, None] < 0.6
        found.append(worse_calibrated(one, np.where(shared, one, two), seed=seed) <= 0.025)
    assert np.mean(found) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 100)


def test_two_models_that_err_in_opposite_directions_are_called_different_in_about_alpha():
    """Their mean gaps add up to nothing: swapping rows alone would see no noise, and call any difference one."""
    rng = np.random.default_rng(2)
    found = []
    for seed in range(100):
        sure = rng.uniform(0.5, 0.85, 400)
        over, under = (calibration_gaps(sure, rng.random(400) < sure + side) for side in (-0.1, 0.1))
        found.append(worse_calibrated(over, under, seed=seed) <= 0.025)
    assert np.mean(found) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 100)


def test_a_model_that_is_far_too_sure_is_found_out():
    rng = np.random.default_rng(3)
    fine, bad = (drawn(rng, 1500, lambda sure, by=by: by + 0 * sure) for by in (0.0, 0.15))
    assert miscalibrated(bad, 0.05) < 0.001 and miscalibrated(fine, 0.05) > 0.5
    assert worse_calibrated(bad, fine) < 0.001 and worse_calibrated(fine, bad) == 1 and worse_calibrated(bad, fine, 0.2) == 1


def test_the_same_model_is_no_worse_than_itself():
    gaps = drawn(np.random.default_rng(4), 100, lambda sure: 0 * sure)
    assert worse_calibrated(gaps, gaps) == 1


def test_one_row_has_no_calibration():
    with pytest.raises(WorkbenchError, match="two rows at least"):
        miscalibrated(calibration_gaps([0.9], [1]), 0.1)
