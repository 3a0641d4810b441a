"""Weighted descriptions, and how many rows they take: by hand and by simulation."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.stats import hajek, rows_for_half_width, wilson_interval
from workbench.tables import WorkbenchError

SIZES, RATES, CHANCES = np.array([0.8, 0.2]), np.array([0.05, 0.3]), np.array([0.5, 0.5])


@given(st.integers(0, 40), st.integers(1, 40), st.floats(0.1, 10))
def test_equal_weights_give_wilsons_interval(hits: int, more: int, weight: float) -> None:
    n = hits + more
    low, high = wilson_interval(hits, n)
    assert hajek(np.arange(n) < hits, np.full(n, weight)) == pytest.approx((hits / n, float(low), float(high)), abs=1e-6)


def test_a_weight_counts_as_often_as_it_says() -> None:
    """One error of weight 3 and three right ones of weight 1: half, known from less than four equal draws."""
    share, low, high = hajek([1, 0, 0, 0], [3, 1, 1, 1])
    assert share == pytest.approx(0.5)
    assert low < wilson_interval(2, 4)[0] and high > wilson_interval(2, 4)[1]


def test_no_error_leaves_kishs_size() -> None:
    """(2 + 1 + 1)^2 / (4 + 1 + 1) = 16 / 6 draws."""
    assert hajek([0, 0, 0], [2, 1, 1]) == pytest.approx((0, 0, float(wilson_interval(0, 16 / 6)[1])))


def test_no_draw_knows_nothing() -> None:
    share, low, high = hajek([], [])
    assert math.isnan(share) and (low, high) == (0, 1)


@pytest.mark.parametrize(
    ("values", "weights"),
    [([2], [1]), ([0], [0]), ([math.nan], [1]), ([0], [math.inf])],
    ids=["value 2", "weight 0", "value nan", "weight inf"],
)
def test_an_impossible_draw_is_refused(values: list[float], weights: list[float]) -> None:
    with pytest.raises(WorkbenchError, match="values between 0 and 1 and positive weights"):
        hajek(values, weights)


def drawn(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    stratum = rng.choice(2, n, p=CHANCES)
    return rng.random(n) < RATES[stratum], (SIZES / CHANCES)[stratum]


def test_weighted_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng, truth = np.random.default_rng(0), float(SIZES @ RATES)
    ends = [hajek(*drawn(150, rng)) for _ in range(1500)]
    assert np.mean([low <= truth <= high for _, low, high in ends]) == pytest.approx(0.95, abs=0.02)
    assert np.mean([share for share, _, _ in ends]) == pytest.approx(truth, abs=0.003)


def one_stratum(share: float, half_width: float, confidence: float = 0.95) -> int:
    return rows_for_half_width([1], [share], [1], half_width, confidence)


@given(st.floats(0, 1), st.floats(0.005, 0.3), st.floats(0.5, 0.99))
@example(5e-324, 0.125, 0.5)  # a share that no product may round
def test_the_rows_are_the_fewest_that_are_enough(share: float, half: float, confidence: float) -> None:
    z = NormalDist().inv_cdf((1 + confidence) / 2)

    def reached(n: int) -> float:
        return z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))

    n = one_stratum(share, half, confidence)
    assert reached(n) <= half + 1e-9
    assert n == 1 or reached(n - 1) > half - 1e-9


def test_half_a_share_takes_the_most_rows() -> None:
    assert one_stratum(0.5, 0.05) == math.ceil(1.959964**2 * (0.25 / 0.05**2 - 1))
    assert one_stratum(0.05, 0.05) < one_stratum(0.5, 0.05) < one_stratum(0.5, 0.03)


def test_strata_drawn_in_proportion_take_the_rows_of_no_strata() -> None:
    assert rows_for_half_width(SIZES, RATES, SIZES, 0.03) == one_stratum(0.1, 0.03)
    assert rows_for_half_width(SIZES, [0, 0], SIZES, 0.03) == one_stratum(0, 0.03)


def test_the_rows_of_a_stratified_plan_reach_the_half_width() -> None:
    rng = np.random.default_rng(1)
    n = rows_for_half_width(SIZES, RATES, CHANCES, 0.04)
    ends = [hajek(*drawn(n, rng)) for _ in range(300)]
    assert np.mean([(high - low) / 2 for _, low, high in ends]) == pytest.approx(0.04, abs=0.002)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: one_stratum(0.5, 3), "half width between 0 and 0.5"),
        (lambda: one_stratum(5, 0.03), "shares between 0 and 1"),
        (lambda: rows_for_half_width([0.5, 0.6], [0, 0], [0.5, 0.5], 0.03), "add to 1"),
        (lambda: rows_for_half_width([0.5, 0.5], [0, 0], [1, 0], 0.03), "add to 1"),
    ],
    ids=["half width in percent", "share in percent", "sizes", "stratum never drawn"],
)
def test_an_impossible_plan_is_refused(call, said) -> None:
    with pytest.raises(WorkbenchError, match=said):
        call()
