"""What an audit promises: by hand, by laws that hold for any losses, and by simulation."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats import clopper_pearson_upper, error_bound, log_wealth, more_without_error, rows_to_promise
from workbench.tables import WorkbenchError

GOAL = math.log(20)
WEIGHTS = [0.0, 0.6, 1.0, 1.7, 2.0]
losses = st.lists(st.sampled_from(WEIGHTS), min_size=1, max_size=80).map(np.array)


def test_nothing_is_known_after_errors_alone() -> None:
    assert error_bound([1, 1, 1], 1.0).tolist() == [1, 1, 1]
    assert error_bound([], 1.0).shape == (0,)


def test_without_an_error_the_bound_is_near_the_least_that_any_bound_can_say() -> None:
    """1 - 0.05^(1/n) is the error rate at which n right labels in a row are as rare as a promise may fail."""
    n = np.arange(1, 1001)
    bound, least = error_bound(np.zeros(1000), 1.0), 1 - 0.05 ** (1 / n)
    assert (bound > least).all()
    assert (bound[49:] < 1.16 * least[49:]).all()


def test_a_right_label_says_half_where_a_wrong_one_may_weigh_twice() -> None:
    plain, weighted = error_bound(np.zeros(300), 1.0), error_bound(np.zeros(300), 2.0)
    assert weighted[100:] == pytest.approx(2 * plain[100:], abs=1e-9)


@given(losses)
def test_the_bound_is_where_the_wealth_reaches_the_goal(loss: np.ndarray) -> None:
    bound = error_bound(loss, 2.0)[-1]
    if bound < 1:
        assert log_wealth(loss, bound, 2.0).max() == pytest.approx(GOAL, abs=1e-6)
    else:
        assert log_wealth(loss, 1 - 1e-9, 2.0).max() < GOAL + 1e-6


@given(losses)
def test_looking_longer_never_raises_a_bound(loss: np.ndarray) -> None:
    bound = error_bound(loss, 2.0)
    assert ((bound > 0) & (bound <= 1)).all()
    assert (np.diff(bound) <= 0).all()


@given(losses, st.data())
def test_a_larger_loss_never_lowers_a_bound(loss: np.ndarray, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(loss) - 1))
    worse = loss.copy()
    worse[place] = data.draw(st.sampled_from([weight for weight in WEIGHTS if weight >= loss[place]]))
    assert (error_bound(worse, 2.0) >= error_bound(loss, 2.0) - 1e-9).all()


@given(losses, st.integers(1, 80))
def test_later_draws_do_not_change_what_was_promised(loss: np.ndarray, n: int) -> None:
    assert error_bound(loss[:n], 2.0) == pytest.approx(error_bound(loss, 2.0)[:n], abs=1e-9)


@given(losses)
def test_more_confidence_costs_a_higher_bound(loss: np.ndarray) -> None:
    assert (error_bound(loss, 2.0, 0.99) >= error_bound(loss, 2.0, 0.9) - 1e-9).all()


@given(losses, st.floats(0.02, 0.6))
def test_as_many_more_as_said_bring_the_bound_to_the_target(loss: np.ndarray, target: float) -> None:
    more = more_without_error(loss, 2.0, target)
    assert more is not None
    assert error_bound(np.append(loss, np.zeros(more)), 2.0)[-1] <= target + 1e-9
    assert more == 0 or error_bound(np.append(loss, np.zeros(more - 1)), 2.0)[-1] > target - 1e-9


def test_a_long_audit_is_bounded_as_a_short_one() -> None:
    rng = np.random.default_rng(0)
    loss = np.where(rng.random(5000) < 0.05, rng.choice(WEIGHTS, 5000), 0)
    bound = error_bound(loss, 2.0)
    for n in (1, 700, 2048, 2049, 5000):
        lowest = bound[n - 1]
        assert lowest == 1 or log_wealth(loss[:n], lowest, 2.0).max() == pytest.approx(GOAL, abs=1e-6)


def test_two_thousand_draws_keep_nobody_waiting() -> None:
    rng = np.random.default_rng(1)
    loss = np.where(rng.random(2000) < 0.1, rng.choice(WEIGHTS, 2000), 0)
    error_bound(loss, 2.0)
    started = time.process_time()
    error_bound(loss, 2.0)
    assert time.process_time() - started < 0.2  # about 0.01 on an idle machine


def test_too_many_more_rows_are_no_answer() -> None:
    assert more_without_error(np.ones(2000), 1.0, 0.001) is None
    assert more_without_error([], 1.0, 0.00001) is None
    assert more_without_error([], 1.0, 0.0001) > 29_956  # what Clopper and Pearson need


def test_the_rows_a_promise_takes() -> None:
    assert clopper_pearson_upper(0, 58) > 0.05 >= clopper_pearson_upper(0, 59)
    assert rows_to_promise(0.05, fixed=True) == 59
    assert rows_to_promise(0.05) == more_without_error([], 1.0, 0.05) == 68
    rows = [rows_to_promise(0.05, error=error) for error in (0, 0.005, 0.01, 0.02, 0.03)]
    assert rows == sorted(rows) and rows[-1] < 2000
    assert 59 < rows_to_promise(0.05, error=0.01, fixed=True) < rows_to_promise(0.05, error=0.01)
    assert rows_to_promise(0.05, error=0.01) < rows_to_promise(0.05, error=0.01, largest=2.0)


def test_most_audits_need_no_more_rows_than_said() -> None:
    said = rows_to_promise(0.05, error=0.01)
    errors = np.random.default_rng(2).random((500, said)) < 0.01
    assert (log_wealth(errors, 0.05, 1.0).max(axis=1) >= GOAL).mean() == pytest.approx(0.7, abs=0.07)


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "betting"])
def test_a_target_at_the_error_rate_is_never_promised(fixed: bool) -> None:
    with pytest.raises(WorkbenchError, match="no number of rows promises at most 5"):
        rows_to_promise(0.05, error=0.05, fixed=fixed)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: error_bound([0, 2], 1.0), "between 0 and the largest, 1"),
        (lambda: error_bound([0, math.nan], 1.0), "between 0 and the largest"),
        (lambda: error_bound([0], 0.5), "largest loss is 0.5"),
        (lambda: error_bound([0], 1.0, 95), "confidence is 95"),
        (lambda: more_without_error([0], 1.0, 5), "target is 5"),
        (lambda: rows_to_promise(0.05, error=1.5), "error rate from 0"),
        (lambda: rows_to_promise(0.05, largest=2.0, fixed=True), "largest weight"),
    ],
    ids=["too large", "nan", "small largest", "percent", "target in percent", "error", "weighted and fixed"],
)
def test_what_is_impossible_is_refused(call, said) -> None:
    with pytest.raises(WorkbenchError, match=said):
        call()


def share_of_true_audits(rate: float, strata: bool, repeats: int, draws: int) -> float:
    """Return in how many audits no bound of any moment is below the rate: one stratum, or two of uneven weight."""
    rng = np.random.default_rng(3)
    second = rng.random((repeats, draws)) < (0.5 if strata else 0)  # a fifth of the rows, half of the draws, 3 x the errors
    weight = np.where(second, 0.4, 1.6) if strata else np.ones((repeats, draws))
    chance = np.where(second, rate * 3, rate / 2) if strata else rate
    loss = weight * (rng.random((repeats, draws)) < chance)
    return float((log_wealth(loss, rate, weight.max()).max(axis=1) < GOAL).mean())


@pytest.mark.parametrize("strata", [False, True], ids=["one stratum", "two strata"])
@pytest.mark.parametrize("rate", [0.01, 0.1], ids=str)
def test_bounds_are_true_however_often_one_looks(rate: float, strata: bool) -> None:
    assert share_of_true_audits(rate, strata, 600, 400) >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / 600)


@pytest.mark.slow
@pytest.mark.parametrize("strata", [False, True], ids=["one stratum", "two strata"])
@pytest.mark.parametrize("rate", [0.005, 0.01, 0.02, 0.05, 0.1, 0.2], ids=str)
def test_bounds_are_true_over_a_thousand_looks(rate: float, strata: bool) -> None:
    assert share_of_true_audits(rate, strata, 3000, 1000) >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / 3000)


def test_the_simulation_catches_a_promise_that_is_not_true() -> None:
    """A bound is there to fall: of audits at 10 % error, hardly one is left above 20 % after 400 labels."""
    errors = np.random.default_rng(4).random((600, 400)) < 0.1
    assert (log_wealth(errors, 0.2, 1.0).max(axis=1) < GOAL).mean() < 0.05
