"""The queue of most value: which rows come first, why, and how they are spread, on votes small enough to rank by eye."""

import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from workbench.review.queue import chosen_by_chance
from workbench.review.second_opinion import second_opinion
from workbench.review.value import (
    ANY,
    PATTERN,
    PICKED,
    UNCOVERED,
    WEIGHTS,
    Opinion,
    Rows,
    best_first,
    check_weights,
    suspected,
)
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError

ALONE = dict.fromkeys(WEIGHTS, 0.0)  # give one weight at a time


def rows(array, probs, **more):
    votes = VoteMatrix.from_array(array, ["ham", "spam"], lfs=["x", "y"])
    soft = SoftLabels(votes.ids, votes.labels, np.array(probs), votes.covered)
    return Rows(votes, soft, more.pop("open_", np.ones(len(votes), bool)), **more)


def names(found):
    return [f"r{place}" for place in found.order]


#: three rows of one unsure pattern, one of another, one sure, one without votes
MIXED = rows(
    [[0, 1], [0, 1], [0, 1], [0, -1], [1, 1], [-1, -1]],
    [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]],
)


def test_a_pattern_counts_for_less_with_each_row_it_gives():
    found = best_first(MIXED, ALONE | {"ambiguity": 1.0, "uncovered": 1.0})
    worth = {"r3": 0.8, "r4": 0.2}  # beside 1, 1/2 and 1/3 of the unsure pattern
    order = [row for row in names(found) if row != "r5"]
    assert order[1] == "r3" and order[4] == "r4" and set(order) - set(worth) == {"r0", "r1", "r2"}
    assert sorted(found.order) == list(range(6)) and found.how[names(found).index("r5")] == UNCOVERED


@pytest.mark.parametrize("name", ["conflict", "ambiguity", "reach"])
def test_each_reason_of_votes_leads_where_it_alone_has_weight(name):
    reason = {"conflict": [1, 1, 1, 0, 0, 0], "ambiguity": [1, 1, 1, 0.8, 0.2, 0], "reach": [1, 1, 1, 0.5, 0.5, 0]}[name]
    assert np.allclose(MIXED.reasons[name], reason)
    assert best_first(MIXED, ALONE | {name: 1.0}).order[0] in (0, 1, 2)


def test_many_sure_rows_outweigh_one_unsure_row_as_reach_says():
    some = rows([[0, 1]] + [[1, 1]] * 99, [[0.5, 0.5]] + [[0.0, 1.0]] * 99)
    unsure, sure = some.by_votes(ALONE | {"ambiguity": 0.9})[:2], some.by_votes(ALONE | {"ambiguity": 0.9, "reach": 1.0})[:2]
    assert unsure == pytest.approx([1.0, 0.1]) and sure == pytest.approx([1 / 99, 0.1])


def test_no_row_stands_twice_and_closed_ones_stand_nowhere():
    some = rows(
        [[0, 1]] * 40, [[0.5, 0.5]] * 40, open_=np.arange(40) % 2 == 0, opinion=Opinion(np.arange(3), np.eye(2)[[1, 1, 0]])
    )
    for seed in range(5):
        found = best_first(some, WEIGHTS, seed)
        assert sorted(found.order) == list(range(0, 40, 2))
    assert np.array_equal(best_first(some, WEIGHTS, 1).order, best_first(some, WEIGHTS, 1).order)
    assert not np.array_equal(best_first(some, WEIGHTS, 1).order, best_first(some, WEIGHTS, 2).order)


def test_a_text_that_stood_before_comes_after_all_others():
    twins = rows([[0, 1]] * 6, [[0.5, 0.5]] * 6, text=np.array([0, 0, 0, 1, 1, 2]))
    assert sorted(twins.text[best_first(twins).order[:3]]) == [0, 1, 2]


def test_confident_learning_suspects_the_label_that_another_class_would_claim():
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.13, 0.87]])
    label = np.array([0, 0, 1, 1, 0, 0])
    usual = probs[label == 1, 1].mean()  # .85: the last row reaches it, the fifth does not
    assert suspected(probs, label).tolist() == pytest.approx([0, 0, 0, 0, 0, 0.87]) and usual == pytest.approx(0.85)
    assert suspected(probs, np.full(6, -1)).tolist() == [0] * 6


def test_rows_wrong_by_their_text_and_feared_failures_are_picked_and_say_why():
    opinion = Opinion(np.array([3, 4]), np.array([[0.04, 0.96], [0.05, 0.95]]))
    feared = {"spam let through": np.array([0, 0, 0, 0, 1.0, 0]), "mild": np.array([0, 0, 0, 0, 0.1, 0])}
    some = rows(MIXED.votes.votes, MIXED.soft.probs, opinion=opinion, severity=feared)
    found = best_first(some, ALONE | {"ambiguity": 0.01, "severity": 1.0, "label_error": 0.5})
    place = names(found).index("r4")
    assert found.how[place] == PICKED and place == 0
    assert some.in_words(WEIGHTS, 4, PICKED).startswith("Picked: it may be 'spam let through', 'mild'; ")
    assert "label 'ham' looks wrong" in some.in_words(WEIGHTS, 3, PICKED)


def test_reasons_in_words_say_whether_chance_chose_the_row():
    said = [MIXED.in_words(WEIGHTS, place, how) for place, how in ((0, PATTERN), (5, UNCOVERED), (3, ANY))]
    assert said == [
        "Drawn at random from the rows with its votes, 3 in all: the label model takes it for 'ham' 50% and 'spam' 50%; "
        "functions vote for 'ham' and 'spam'.",
        "Drawn at random from the rows that no function votes on, 1 in all.",
        "Drawn at random.",
    ]
    others = ["No function votes on it.", "Picked: it may be 'x'.", "Functions disagree ('ham': x).", "", "adjudication"]
    assert chosen_by_chance(pd.Series([*said, *others])).tolist() == [True] * 4 + [False] * 4


def test_a_share_of_the_list_is_drawn_from_all_rows():
    many = rows([[0, 1]] * 50 + [[1, 1]] * 50 + [[-1, -1]] * 100, [[0.5, 0.5]] * 200)
    how = best_first(many, WEIGHTS | {"random": 0.5}).how[:60]
    assert 20 <= (how == ANY).sum() <= 35 and 10 <= (how == UNCOVERED).sum() <= 20
    assert set(best_first(many, WEIGHTS | {"random": 0.0, "uncovered": 0.0}).how[:100]) == {PATTERN}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ambiguty": 1}, r"unknown weight 'ambiguty' in here; known are .*did you mean 'ambiguity'"),
        ({"reach": -1}, r"reach in here is -1; it is a number from 0 to 100"),
        ({"random": 2}, r"random in here is 2; it is a number from 0 to 1"),
        ({"random": True}, r"random in here is True; it is a number"),
        ({"ambiguity": 0, "reach": 0}, r"here takes the weight from 'conflict', 'ambiguity', 'reach'; at least one"),
    ],
    ids=["unknown", "negative", "no share", "no number", "nothing left"],
)
def test_wrong_weights_are_refused(given, message):
    with pytest.raises(WorkbenchError, match=message):
        check_weights(given, "here")


def test_weights_not_given_keep_their_defaults():
    assert check_weights({"reach": 2}, "here") == WEIGHTS | {"reach": 2.0}


def test_a_second_opinion_contradicts_labels_that_the_words_contradict():
    texts = [f"{word} number {i % 7}" for i in range(200) for word in [("invoice", "crash")[i % 2]]]
    label = np.arange(200) % 2
    label[:10] = 1 - label[:10]
    soft = SoftLabels.from_hard(pd.RangeIndex(200).astype("str"), ["billing", "bug"], np.where(np.arange(200) < 190, label, -1))
    probs = second_opinion(texts, soft)
    assert (probs.argmax(axis=1) == np.arange(200) % 2).all() and np.allclose(probs.sum(axis=1), 1)
    assert (suspected(probs, soft.hard().to_numpy(np.intp)) > 0).nonzero()[0].tolist() == list(range(10))


@pytest.mark.parametrize("kept", [0, 5, 200], ids=["no label", "few labels", "one class"])
def test_without_enough_labels_there_is_no_second_opinion(kept):
    soft = SoftLabels.from_hard(pd.RangeIndex(200).astype("str"), ["a", "b"], np.where(np.arange(200) < kept, 0, -1))
    assert second_opinion(["some words"] * 200, soft) is None


@pytest.mark.parametrize(
    ("n", "most"), [(100_000, 1.0), pytest.param(1_000_000, 10.0, marks=pytest.mark.slow)], ids=["100,000", "1,000,000"]
)
def test_many_rows_are_ranked_fast_and_in_little_memory(n, most):
    draw, m, k = np.random.default_rng(0), 40, 4
    array = np.full((n, m), -1, np.int16, order="F")
    for j in range(m):
        fires = draw.random(n) < 0.05
        array[fires, j] = draw.integers(0, k, fires.sum())
    votes = VoteMatrix(pd.RangeIndex(n).astype(str), tuple(f"lf{j}" for j in range(m)), tuple("abcd"), array)
    soft = SoftLabels(votes.ids, votes.labels, draw.dirichlet(np.ones(k), n), votes.covered)
    opinion = Opinion(np.arange(10_000), draw.dirichlet(np.ones(k), 10_000))
    some = Rows(votes, soft, np.ones(n, bool), opinion, {"feared": draw.random(n)})
    start = time.process_time()
    if n > 100_000:
        tracemalloc.start()
    assert len(best_first(some).order) == n
    if n > 100_000:
        assert tracemalloc.get_traced_memory()[1] < 500e6
        tracemalloc.stop()
    assert time.process_time() - start < most
