"""What the paired tests promise: by hand, against a second implementation, and by simulation."""

from math import comb

import numpy as np
import pytest

from workbench.stats.paired import holm, more_often, worse_than, worst_drop
from workbench.tables import WorkbenchError


def test_five_rows_lost_and_none_won_is_one_of_32_tosses():
    assert worse_than(lost=5, won=0, n=5) == 1 / 32
    assert worse_than(lost=0, won=0, n=5) == 1
    assert worse_than(lost=3, won=1, n=90) == pytest.approx((comb(4, 3) + 1) / 16)


@pytest.mark.parametrize(("lost", "won"), [(9, 3), (30, 41), (117, 70)], ids=str)
def test_without_a_margin_it_is_the_sign_test_of_scipy(lost, won):
    from scipy.stats import binomtest

    assert worse_than(lost, won, 1000) == pytest.approx(binomtest(lost, lost + won, alternative="greater").pvalue)


def test_a_margin_near_none_is_the_test_without():
    assert worse_than(200, 150, 5_000, margin=1e-9) == pytest.approx(worse_than(200, 150, 5_000), abs=0.001)


@pytest.mark.parametrize(("lost", "won", "n"), [(20, 20, 1000), (0, 0, 300), (5, 40, 200), (60, 1, 100)], ids=str)
def test_the_worst_drop_is_the_margin_that_is_just_ruled_out(lost, won, n):
    drop = worst_drop(lost, won, n)
    assert (lost - won) / n < drop < (lost - won) / n + 0.2
    if drop > 0:
        assert worse_than(lost, won, n, drop) == pytest.approx(0.975, abs=1e-6)
    assert worst_drop(lost, won, n, confidence=0.8) < drop


def test_nothing_differs_on_300_rows_and_a_point_may_be_lost_all_the_same():
    assert worst_drop(0, 0, 300) == pytest.approx(0.0126, abs=1e-3)
    assert worse_than(9, 0, 9, margin=1.0) == 0.5 and worse_than(0, 0, 300, margin=1.0) == 1  # nothing loses more than all


@pytest.mark.parametrize(("n", "differ", "drop"), [(300, 0.12, 0.0), (1556, 0.12, 0.02), (400, 0.1, 0.03)], ids=str)
def test_a_run_that_is_worse_by_the_margin_alone_is_called_worse_in_no_more_than_alpha(n, differ, drop):
    rng = np.random.default_rng(0)
    found = rng.multinomial(n, [(differ + drop) / 2, (differ - drop) / 2, 1 - differ], 2000)
    worse = np.mean([worse_than(lost, won, n, drop) <= 0.025 for lost, won, _ in found])
    assert 0.012 < worse < 0.025 + 3 * np.sqrt(0.025 * 0.975 / 2000)
    if drop:
        fine = np.mean([worse_than(lost, won, n, drop) >= 0.975 for lost, won, _ in found])
        assert fine < 0.025 + 3 * np.sqrt(0.025 * 0.975 / 2000)


def test_three_points_of_twelve_percent_are_caught_on_1556_rows():
    found = np.random.default_rng(0).multinomial(1556, [0.075, 0.045, 0.88], 1000)
    assert np.mean([worse_than(lost, won, 1556) <= 0.025 for lost, won, _ in found]) > 0.8


@pytest.mark.parametrize("margin", [0.0, 0.03], ids=str)
def test_shares_that_differ_by_the_margin_alone_are_found_in_no_more_than_alpha(margin):
    rng = np.random.default_rng(0)
    here, there = rng.binomial(300, 0.1 + margin, 3000), rng.binomial(200, 0.1, 3000)
    found = np.mean([more_often(a, 300, b, 200, margin) <= 0.025 for a, b in zip(here, there, strict=True)])
    assert found < 0.025 + 3 * np.sqrt(0.025 * 0.975 / 3000)
    assert more_often(60, 300, 10, 200, margin) < 0.01


def test_the_smallest_p_shares_with_all_the_next_with_the_rest():
    """.01 <= .05/3; .02 <= .05/2; .3 > .05/1. Were .02 a .04, it would stop there, and .045 be held against its level."""
    assert holm([0.3, 0.01, 0.02], 0.05).tolist() == pytest.approx([0.05, 0.05 / 3, 0.025])
    assert holm([0.045, 0.01, 0.04], 0.05).tolist() == pytest.approx([0.025, 0.05 / 3, 0.025])
    assert holm([], 0.05).shape == (0,)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.99, -1.0], ids=["independent", "correlated", "nearly one test", "opposed"])
def test_holms_share_holds_however_the_tests_depend_on_each_other(shared):
    """Twenty true hypotheses beside five false ones: any of the twenty is rejected in at most alpha of all samples."""
    rng, alpha, repeats = np.random.default_rng(0), 0.05, 4000
    from scipy.stats import norm

    common, own = rng.normal(size=(repeats, 1)), rng.normal(size=(repeats, 25))
    opposed = np.where(np.arange(25) % 2, -1, 1) * common  # every second test sees the opposite of the one before
    z = opposed if shared < 0 else np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    z[:, 20:] += 4
    p = norm.sf(z)
    wrong = np.mean([(one <= holm(one, alpha))[:20].any() for one in p])
    assert wrong <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / repeats)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 6, 10, 0), "no more lost"),
        ((-1, 0, 10, 0), "no more lost"),
        ((0, 0, 0, 0), "needs rows"),
        ((1, 1, 9, 2), "margin is 2"),
    ],
    ids=["more than there are", "below none", "no rows", "margin"],
)
def test_counts_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(WorkbenchError, match=message):
        worse_than(*arguments)
