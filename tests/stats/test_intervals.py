"""What the intervals promise, checked by simulation and against an independent implementation."""

import numpy as np
import pytest

from workbench.stats import clopper_pearson_interval, clopper_pearson_upper, paired_bootstrap, wilson_interval
from workbench.tables import WorkbenchError


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (1, 7), (8, 10), (40, 41), (300, 300)], ids=str)
def test_wilson_equals_scipy(hits: int, n: int) -> None:
    from scipy.stats import binomtest

    theirs = binomtest(hits, n).proportion_ci(0.9, method="wilson")
    low, high = wilson_interval(hits, n, 0.9)
    assert (float(low), float(high)) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_nothing_seen_means_nothing_known() -> None:
    low, high = wilson_interval([0, 3], [0, 4])
    assert (low[0], high[0]) == (0, 1)
    assert 0 < low[1] < 0.75 < high[1] < 1


def test_half_a_success_lies_between_none_and_one() -> None:
    low, high = wilson_interval([0, 0.5, 1], 10)
    assert (np.diff(low) > 0).all() and (np.diff(high) > 0).all()


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.02, 0.98, 40_000)
    low, high = wilson_interval(rng.binomial(60, truth), 60)
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(
    ("hits", "n", "confidence", "said"),
    [(3, 2, 0.95, "between 0 and n"), (-1, 2, 0.95, "between 0 and n"), (1, 2, 95, "confidence is 95")],
    ids=["too many", "negative", "percent"],
)
def test_an_impossible_count_is_refused(hits: int, n: int, confidence: float, said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        wilson_interval(hits, n, confidence)


@pytest.mark.parametrize(("errors", "n"), [(0, 5), (1, 7), (8, 10), (10, 10), (3, 300)], ids=str)
def test_clopper_pearson_equals_scipy(errors: int, n: int) -> None:
    from scipy.stats import binomtest

    two_sided = binomtest(errors, n).proportion_ci(0.9, method="exact")
    upper = binomtest(errors, n, alternative="less").proportion_ci(0.95, method="exact").high
    low, high = clopper_pearson_interval(errors, n, 0.9)
    assert (float(low), float(high)) == pytest.approx((two_sided.low, two_sided.high), abs=1e-9)
    assert float(clopper_pearson_upper(errors, n)) == pytest.approx(upper, abs=1e-9)


def test_an_exact_bound_knows_nothing_of_an_empty_stratum() -> None:
    assert clopper_pearson_upper([0, 0, 3], [0, 59, 3]) == pytest.approx([1, 1 - 0.05 ** (1 / 59), 1])
    low, high = clopper_pearson_interval(0, 0)
    assert (float(low), float(high)) == (0, 1)
    with pytest.raises(WorkbenchError, match="between 0 and n"):
        clopper_pearson_upper(3, 2)


def test_exact_bounds_are_true_at_any_rate() -> None:
    rng = np.random.default_rng(5)
    for truth in (0.005, 0.02, 0.1):
        assert (clopper_pearson_upper(rng.binomial(100, truth, 20_000), 100) >= truth).mean() >= 0.945


def difference(means: np.ndarray) -> np.ndarray:
    return means[:, 1] - means[:, 0]


def test_bootstrap_covers_a_paired_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    inside = []
    for seed in range(400):
        first = rng.random(150) < 0.7
        second = first ^ (rng.random(150) < 0.2)  # right on .8 of .7 and .2 of .3: .62, so the true difference is -.08
        low, high = paired_bootstrap(np.column_stack([first, second]).astype(float), difference, n_boot=400, seed=seed)
        inside.append(low <= -0.08 <= high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


def test_bootstrap_repeats_with_its_seed_and_leaves_the_global_state_alone() -> None:
    values = np.random.default_rng(2).random((50, 2))
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must not move
    assert paired_bootstrap(values, difference, seed=3) == paired_bootstrap(values, difference, seed=3)
    assert paired_bootstrap(values, difference, seed=3) != paired_bootstrap(values, difference, seed=4)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_a_statistic_that_resamples_leave_undefined_has_open_ends() -> None:
    values = np.array([[1.0, 0.0], [0.0, 1.0]] * 3)
    assert paired_bootstrap(values, lambda means: np.full(len(means), np.nan)) == (-np.inf, np.inf)


def test_a_bootstrap_without_rows_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="at least one row"):
        paired_bootstrap(np.zeros((0, 2)), difference)
