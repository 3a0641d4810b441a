"""Which row a reviewer sees next, on votes small enough to rank by eye."""

import time

import numpy as np
import pandas as pd
import pytest

from workbench.review.decision import Decision
from workbench.review.queue import QUEUES, in_double_share, ranked, reason, settled
from workbench.review.record import Record
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError

VOTES = VoteMatrix.from_array(
    [[0, 1, -1], [0, 0, -1], [0, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, -1, -1]],
    ["ham", "spam"],
    list("abcdef"),
    ["x", "y", "z"],
)
PROBS = np.array([[0.7, 0.3], [0.9, 0.1], [0.45, 0.55], [0.5, 0.5], [0.4, 0.6], [0.5, 0.5]])
SOFT = SoftLabels(VOTES.ids, VOTES.labels, PROBS, VOTES.covered)


def rows(kind, open_=(True,) * 6, seed=0):
    return VOTES.ids[ranked(kind, VOTES, SOFT, np.array(open_), seed)].tolist()


def test_conflict_begins_where_the_model_is_least_sure():
    assert rows("conflict") == ["c", "a"]


def test_uncertain_begins_where_two_classes_are_nearest():
    assert rows("uncertain") == ["c", "e", "a", "b"]


def test_uncovered_and_random_are_drawn_the_same_every_time():
    assert sorted(rows("uncovered")) == ["d", "f"]
    assert sorted(rows("random")) == list("abcdef")
    assert rows("random") == rows("random") != rows("random", seed=1)


@pytest.mark.parametrize("kind", [name for name in QUEUES if name not in ("value", "requested")])
def test_closed_rows_are_in_no_queue(kind):
    assert set(rows(kind, (False, True, True, False, True, True))) <= set("bcef")


def test_an_unknown_queue_names_the_nearest():
    with pytest.raises(WorkbenchError, match=r"no queue 'conflicts'.*did you mean 'conflict'"):
        rows("conflicts")


@pytest.mark.parametrize(
    ("kind", "place", "words"),
    [
        (
            "conflict",
            2,
            "Functions disagree ('spam': y, z; 'ham': x), and the label model takes it for 'spam' 55% and 'ham' 45%.",
        ),
        ("uncertain", 4, "The label model takes it for 'spam' 60% and 'ham' 40%."),
        ("uncovered", 3, "No function votes on it."),
        ("random", 0, "Drawn at random."),
    ],
    ids=["conflict", "uncertain", "uncovered", "random"],
)
def test_every_row_says_why_it_is_there(kind, place, words):
    assert reason(VOTES, SOFT, place, kind) == words


def test_rows_that_enough_people_labelled_are_settled(tmp_path):
    record = Record(tmp_path / "decisions.sqlite")
    twice, once = (
        next(row for row in map(str, range(99)) if in_double_share([row], 0.5)[0] == wanted) for wanted in (True, False)
    )
    record.decide([Decision(row, "label", "ann", "ham") for row in (twice, once)] + [Decision("x", "skip", "ann")])
    current = record.current()
    assert set(settled(current, "ann", 0.5)) == {twice, once, "x"}
    assert set(settled(current, "bob", 0.5)) == {once}
    assert set(settled(current, "bob", 0.0)) == {once, twice}
    record.decide([Decision(twice, "label", "bob", "spam")])
    assert set(settled(record.current(), "carl", 0.5)) == {once, twice}


def test_the_share_that_two_label_is_about_as_large_as_asked():
    drawn = in_double_share([f"row {i}" for i in range(2000)], 0.1)
    assert 150 < drawn.sum() < 250
    assert in_double_share(["any"], 1.0).all() and not in_double_share(["any"], 0.0).any()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [name for name in QUEUES if name not in ("value", "requested")])
def test_a_million_rows_are_ranked_in_a_second_of_one_core(kind):
    draw = np.random.default_rng(0)
    n, m, k = 1_000_000, 40, 4
    array = np.where(draw.random((n, m)) < 0.05, draw.integers(0, k, (n, m)), -1).astype(np.int16)
    votes = VoteMatrix(pd.RangeIndex(n).astype(str), tuple(f"lf{j}" for j in range(m)), tuple("abcd"), np.asfortranarray(array))
    soft = SoftLabels(votes.ids, votes.labels, draw.dirichlet(np.ones(k), n), votes.covered)
    start = time.process_time()
    assert len(ranked(kind, votes, soft, np.ones(n, bool))) > 100_000
    assert time.process_time() - start < 1
