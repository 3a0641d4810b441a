"""Which of the surest rows may be answered: by hand, by laws, and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats import allowed_errors, clopper_pearson_upper, lowest_threshold, tried_sizes
from workbench.tables import WorkbenchError


def descending(n: int) -> np.ndarray:
    """Return scores n/n, (n-1)/n, ..., 1/n."""
    return np.arange(n, 0, -1) / n


def wrong_at(n: int, *places: int) -> np.ndarray:
    return np.isin(np.arange(n), places)


@pytest.mark.parametrize("risk", [0.01, 0.05, 0.2], ids=str)
def test_allowed_errors_are_the_most_whose_exact_bound_is_at_the_target(risk: float) -> None:
    allowed = allowed_errors(300, risk)
    n = np.flatnonzero(allowed >= 0)
    assert (clopper_pearson_upper(allowed[n], n) <= risk).all()
    assert (clopper_pearson_upper(allowed + 1, np.arange(301))[1:] > risk)[allowed[1:] + 1 < np.arange(1, 301)].all()


def test_fifty_nine_right_rows_are_all_answered_and_fifty_eight_are_not() -> None:
    assert lowest_threshold(descending(59), wrong_at(59), 0.05) == (0.0, 59, 0)
    assert lowest_threshold(descending(58), wrong_at(58), 0.05) is None


def test_the_threshold_is_the_score_of_the_first_row_that_is_not_answered() -> None:
    """Of 100 rows 59, 93 and all are tried; 93 and 100 allow one error."""
    score = descending(100)
    assert lowest_threshold(score, wrong_at(100, 70, 80), 0.05) == (score[59], 59, 0)
    assert lowest_threshold(score, wrong_at(100, 70, 95), 0.05) == (score[93], 93, 1)
    assert lowest_threshold(score, wrong_at(100, 70), 0.05) == (0.0, 100, 1)


def test_after_the_first_refusal_nothing_looser_is_tried() -> None:
    """One error among the surest 59 is too many, though one among all 100 is not."""
    assert lowest_threshold(descending(100), wrong_at(100, 3), 0.05) is None


def test_rows_of_one_score_enter_together() -> None:
    score = np.repeat([0.9, 0.5], [80, 20])
    assert lowest_threshold(score, wrong_at(100, 90, 91), 0.05) == (0.5, 80, 0)
    assert lowest_threshold(np.ones(100), wrong_at(100, 90, 91), 0.05) is None
    assert lowest_threshold(np.ones(100), wrong_at(100, 90), 0.05) == (0.0, 100, 1)


def test_a_score_of_zero_is_never_answered() -> None:
    score = np.repeat([0.8, 0.0], [60, 300])
    assert lowest_threshold(score, wrong_at(360, *range(60, 360)), 0.05) == (0.0, 60, 0)
    assert lowest_threshold(np.zeros(300), wrong_at(300), 0.05) is None


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.7, 0.8, 0.9, 1.0]), st.booleans()), max_size=120), st.randoms())
def test_the_order_of_the_rows_does_not_matter_and_the_count_is_that_above_the_threshold(rows, random) -> None:
    def found(these):
        score, wrong = np.array([row[0] for row in these]), np.array([row[1] for row in these], dtype=bool)
        return lowest_threshold(score, wrong, 0.3), score, wrong

    accepted, score, wrong = found(rows)
    assert found(random.sample(rows, len(rows)))[0] == accepted
    if accepted:
        above = score > accepted.threshold
        assert accepted[1:] == (above.sum(), (above & wrong).sum())
        assert clopper_pearson_upper(accepted.errors, accepted.answered) <= 0.3


@pytest.mark.parametrize("rounded", [False, True], ids=["continuous", "tied"])
def test_a_promise_is_broken_in_at_most_five_percent_of_samples(rounded: bool) -> None:
    """The least sure rows are wrong more often; the risk of all that is answered above t is (1 - t) / 4."""
    rng, risk, repeats = np.random.default_rng(0), 0.1, 1000
    broken = 0
    for _ in range(repeats):
        score = rng.random(300)
        wrong = rng.random(300) < (1 - score) / 2
        found = lowest_threshold(np.ceil(score * 20) / 20 if rounded else score, wrong, risk)
        broken += found is not None and (1 - found.threshold) / 4 > risk
    assert broken / repeats <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / repeats)


def test_where_every_answer_is_as_risky_as_just_not_allowed_the_level_is_used_up() -> None:
    rng = np.random.default_rng(1)
    promised = [lowest_threshold(rng.random(300), rng.random(300) < 0.0501, 0.05) is not None for _ in range(2000)]
    assert 0.02 < np.mean(promised) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 2000)


def test_sizes_depend_on_the_number_of_rows_alone_and_end_with_all() -> None:
    assert tried_sizes(allowed_errors(60, 0.05)).tolist() == [59, 60]
    assert tried_sizes(allowed_errors(58, 0.05)).tolist() == []
    assert tried_sizes(allowed_errors(0, 0.05)).tolist() == []


def test_what_is_no_score_or_no_risk_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="scores from 0 to 1"):
        lowest_threshold([1.2], [False], 0.05)
    with pytest.raises(WorkbenchError, match="whether that row is wrong"):
        lowest_threshold([0.2, 0.3], [False], 0.05)
    with pytest.raises(WorkbenchError, match="the risk is 5"):
        lowest_threshold([0.2], [False], 5)
