"""A promise that a user reads, from measure rows small enough to count."""

import json

import numpy as np
import pytest

from workbench.end_model.deferral import Deferral, learn_deferral
from workbench.tables import WorkbenchError


def descending(n: int) -> np.ndarray:
    return np.arange(n, 0, -1) / n


def right_but(n: int, *places: int) -> np.ndarray:
    return ~np.isin(np.arange(n), places)


def test_the_promise_says_how_much_is_answered_and_how_often_wrong() -> None:
    found = learn_deferral(descending(100), right_but(100, 70, 95, 96), 0.05)
    assert found.in_words() == "answers 93 % of rows, wrong on at most 5 % of them, 95 % sure"
    assert (found.n, found.answered, found.errors, found.more) == (100, 93, 1, 0)
    assert found.answers(descending(100)).sum() == 93
    assert found.share == pytest.approx((0.93, 0.863, 0.966), abs=1e-3)


@pytest.mark.parametrize(
    ("n", "wrong", "more"),
    [(0, [], 59), (19, [], 40), (58, [], 1), (58, [57], 60), (19, [0], None)],
    ids=["nothing yet", "too few", "one too few", "last one wrong", "the surest one wrong"],
)
def test_where_no_promise_is_possible_it_says_how_many_rows_are_missing(n: int, wrong: list[int], more: int | None) -> None:
    """Of 58 with the least sure one wrong the surer half are right, so that 2 x 59 rows may do; 1 of 19 is more than 5 %."""
    found = learn_deferral(descending(n), right_but(n, *wrong), 0.05)
    assert found.threshold is None and found.more == more
    assert not found.answers([1.0, 0.3]).any()
    asked = f"label {more} more such rows" if more else "by these errors, 20,000 labelled rows would not be enough"
    assert found.in_words() == f"no 5 % promise possible: {asked}"


def test_as_many_more_rows_as_asked_for_make_the_promise_possible_if_nothing_changes() -> None:
    n = 19 + learn_deferral(descending(19), right_but(19), 0.05).more
    assert learn_deferral(descending(n), right_but(n), 0.05).threshold == 0
    assert learn_deferral(descending(n - 1), right_but(n - 1), 0.05).threshold is None


def test_rows_to_be_reviewed_whatever_happens_count_as_not_answered() -> None:
    sure = np.repeat([0.8, 0.0], [60, 40])
    found = learn_deferral(sure, right_but(100), 0.05)
    assert found.share[0] == 0.6 and found.answers(sure).sum() == 60
    few = learn_deferral(np.repeat([0.8, 0.0], [19, 19]), right_but(38), 0.05)
    assert few.more == 2 * 40  # every second row drawn cannot be answered
    assert learn_deferral(np.zeros(70), right_but(70), 0.05).more is None


def test_equal_weights_change_nothing_and_uneven_ones_thin() -> None:
    sure, right = descending(200), right_but(200, 190)
    assert learn_deferral(sure, right, 0.05, weights=np.full(200, 3.0)) == learn_deferral(sure, right, 0.05)
    uneven = learn_deferral(sure, right, 0.05, weights=np.tile([1.0, 2.0], 100))
    assert uneven == learn_deferral(sure, right, 0.05, weights=np.tile([1.0, 2.0], 100))
    assert uneven.given == 200 and 130 < uneven.n < 170  # half of the light ones count


def test_a_promise_holds_on_draws_that_favour_easy_rows() -> None:
    """Every second row of the world is hard and wrong in 1 of 5, but only every fifth row drawn is. The surest are no better,
    so that at 9.9 % nothing may be promised: the true risk is 10 %, though of the rows drawn only 4 % are wrong."""
    rng, repeats, promised = np.random.default_rng(0), 150, 0
    for _ in range(repeats):
        hard = rng.random(400) < 0.2
        right = ~(hard & (rng.random(400) < 0.2))
        found = learn_deferral(rng.random(400), right, 0.099, weights=np.where(hard, 2.5, 0.625))
        promised += found.threshold is not None
    assert promised / repeats <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize("n", [19, 100], ids=["no promise", "promise"])
def test_a_deferral_survives_json(n: int) -> None:
    found = learn_deferral(descending(n), right_but(n), 0.05)
    assert Deferral.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": "high"}, "threshold of a saved deferral is 'high'"),
        ({"threshold": float("nan")}, "threshold of a deferral is nan"),
        ({"n": 1.5}, "n of a saved deferral is 1.5"),
        ({"n": True}, "n of a saved deferral is True"),
        ({"risk": 5}, "risk of a deferral is 5"),
        ({"errors": 101}, "errors <= answered <= n"),
        ({"kind": "ltt"}, "has the unknown field 'kind'"),
    ],
    ids=["text", "not a number", "half a row", "truth value", "percent", "more errors than rows", "unknown"],
)
def test_a_changed_file_is_refused(change: dict, message: str) -> None:
    document = learn_deferral(descending(100), right_but(100), 0.05).as_dict() | change
    with pytest.raises(WorkbenchError, match=message):
        Deferral.from_dict(document)


def test_a_file_that_lacks_a_field_is_refused() -> None:
    document = learn_deferral(descending(100), right_but(100), 0.05).as_dict()
    del document["risk"]
    with pytest.raises(WorkbenchError, match="lacks 'risk'"):
        Deferral.from_dict(document)


def test_measure_rows_that_do_not_match_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="one confidence and one answer"):
        learn_deferral([0.5], [True, False], 0.05)
    with pytest.raises(WorkbenchError, match="one positive weight"):
        learn_deferral([0.5, 0.6], [True, False], 0.05, weights=[1.0, 0.0])


def test_how_many_rows_are_missing_is_said_in_two_digits() -> None:
    told = Deferral(None, 0.05, 0.95, 300, 0, 0, 300, 4_886).in_words()
    assert told == "no 5 % promise possible: label roughly 4,900 more such rows"
