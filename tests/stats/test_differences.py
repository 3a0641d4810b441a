"""What intervals and tests of two samples promise: against a second implementation, by hand, and by simulation."""

import math

import numpy as np
import pytest

from workbench.stats.differences import fisher_two_sided, mean_difference, mean_interval, share_difference
from workbench.tables import WorkbenchError


def test_a_mean_and_its_interval_equal_scipy() -> None:
    from scipy.stats import t

    values = [1, 2, 2, 5, 4]
    theirs = t.interval(0.95, 4, loc=np.mean(values), scale=np.std(values, ddof=1) / math.sqrt(5))
    assert mean_interval(values) == pytest.approx((2.8, *theirs))


def test_one_value_says_nothing_of_how_far_off_it_is() -> None:
    assert mean_interval([4]) == (4, -math.inf, math.inf)
    assert math.isnan(mean_interval([])[0])


def test_values_that_are_missing_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="leave missing ones out"):
        mean_interval([1, math.nan])


def test_the_difference_of_shares_has_newcombes_published_ends() -> None:
    """His table II, methods 10: 56/70 - 48/80, 9/10 - 3/10 and 0/10 - 0/20."""
    assert share_difference(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert share_difference(9, 10, 3, 10) == pytest.approx((0.6, 0.1705, 0.8090), abs=5e-5)
    assert share_difference(0, 10, 0, 20) == pytest.approx((0, -0.1611, 0.2775), abs=5e-5)
    assert math.isnan(share_difference(0, 0, 3, 10)[0])


def test_welch_equals_scipy() -> None:
    from scipy.stats import ttest_ind

    one, other = [1, 2, 3, 5], [4, 4, 5, 5, 3, 5]
    theirs = ttest_ind(one, other, equal_var=False)
    found = mean_difference(one, other)
    assert found[3] == pytest.approx(theirs.pvalue)
    assert found[1:3] == pytest.approx(tuple(theirs.confidence_interval()))


@pytest.mark.parametrize("others", [[5], [4, 4]], ids=["one value", "no spread"])
def test_what_cannot_be_tested_has_no_p(others: list[int]) -> None:
    difference, low, high, p = mean_difference([5, 5], others)
    assert (difference, low, high) == (5 - others[0], -math.inf, math.inf) and math.isnan(p)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """2,000 samples each of rates .1 against .25 and of scores 1 to 5: about 95 of 100 intervals hold the difference."""
    rng = np.random.default_rng(0)
    pairs = zip(rng.binomial(60, 0.1, 2000), rng.binomial(90, 0.25, 2000), strict=True)
    shares = [share_difference(int(a), 60, int(b), 90) for a, b in pairs]
    assert 0.935 < np.mean([low <= -0.15 <= high for _, low, high in shares]) < 0.975
    one, other = rng.choice([1, 4, 5], (2000, 40), p=[0.2, 0.3, 0.5]), rng.choice([1, 3, 5], (2000, 25))
    truth = (0.2 + 1.2 + 2.5) - 3
    means = [mean_difference(a, b)[1:3] for a, b in zip(one, other, strict=True)]
    assert 0.935 < np.mean([low <= truth <= high for low, high in means]) < 0.965
    ends = [mean_interval(a)[1:] for a in one]
    assert 0.92 < np.mean([low <= 3.9 <= high for low, high in ends]) < 0.965  # Student's is approximate on skewed scores


def test_where_nothing_differs_few_tests_say_so() -> None:
    rng = np.random.default_rng(1)
    p = fisher_two_sided(rng.binomial(60, 0.2, 4000), 60, rng.binomial(40, 0.2, 4000), 40)
    assert np.mean(p <= 0.05) <= 0.05
    assert float(fisher_two_sided(2, 4, 2, 4)) == 1
    scores = rng.integers(1, 6, (2000, 45))
    assert 0.035 < np.mean([mean_difference(row[:25], row[25:])[3] <= 0.05 for row in scores]) < 0.065
