"""Weighted vote, checked by eye and against the law it follows."""

import numpy as np
import pandas as pd
import pytest

from workbench.label_models import MajorityVote, WeightedVote
from workbench.tables import ABSTAIN, PatternCounts, VoteMatrix, WorkbenchError

LABELS = ["ham", "spam", "ad"]


def test_weights_are_log_odds_and_probabilities_their_softmax():
    """Ten rows on which `yes` and `also` agree: each is right 10 times of 10, with ten more votes at .8 before that."""
    votes = VoteMatrix.from_array([[0, 0]] * 10, LABELS, lfs=["yes", "also"])
    model = WeightedVote().fit(votes)
    assert model.accuracy_.tolist() == pytest.approx([0.9, 0.9])
    assert model.weights_.tolist() == pytest.approx([np.log(2 * 0.9 / 0.1)] * 2)
    odds = 18**2  # two votes, each with odds of 18 against either other class
    assert model.predict_proba(votes).probs[0] == pytest.approx([odds / (odds + 2), 1 / (odds + 2), 1 / (odds + 2)])


def test_who_contradicts_the_others_loses_weight_and_says_nothing_alone():
    array = [[0, 0, 1], [1, 1, 0]] * 30 + [[-1, -1, 0]]
    model = WeightedVote().fit(VoteMatrix.from_array(array, LABELS[:2], lfs=["a", "b", "liar"]))
    assert model.accuracy_["liar"] == pytest.approx(8 / 70)  # 0 of 60, and ten more at .8
    assert model.weights_["liar"] == 0
    alone = VoteMatrix.from_array([[-1, -1, 0]], LABELS[:2], lfs=["a", "b", "liar"])
    assert model.predict_proba(alone).probs.tolist() == [[0.5, 0.5]]
    assert model.predict_proba(alone).hard().tolist() == [ABSTAIN]


def test_a_function_that_votes_alone_does_not_confirm_itself():
    votes = VoteMatrix.from_array([[0, -1, -1]] * 100 + [[-1, 1, 1]] * 20, LABELS, lfs=["alone", "a", "b"])
    model = WeightedVote().fit(votes)
    assert np.isnan(model.accuracy_["alone"])
    assert model.predict_proba(votes).probs[0, 0] == pytest.approx(0.8)  # what it was taken for


def planted(accuracies, n=4000, k=3, seed=0):
    rng = np.random.default_rng(seed)
    truth, m = rng.integers(0, k, n), len(accuracies)
    wrong = (truth[:, None] + rng.integers(1, k, (n, m))) % k
    votes = np.where(rng.random((n, m)) < accuracies, truth[:, None], wrong)
    votes[rng.random((n, m)) < 0.2] = ABSTAIN
    return VoteMatrix.from_array(votes, LABELS), truth


def test_planted_accuracies_are_recovered_and_beat_equal_votes():
    accuracies = [0.85, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4]
    votes, truth = planted(accuracies)
    model = WeightedVote().fit(votes)
    assert np.abs(model.accuracy_ - accuracies).max() < 0.04
    weighted, equal = (m.fit(votes).predict_proba(votes).probs.argmax(axis=1) == truth for m in (model, MajorityVote()))
    assert weighted.mean() > equal.mean() + 0.02


def test_gold_outweighs_a_majority_that_errs_together():
    """Two copies of one bad function outvote a good one until gold speaks; a gold row of weight 0 does not."""
    truth = np.arange(60) % 2
    bad = np.where(np.arange(60) % 3 == 0, truth, 1 - truth)
    votes = VoteMatrix.from_array(np.column_stack([bad, bad, truth]), LABELS[:2], lfs=["bad", "copy", "good"])
    gold = pd.DataFrame({"label": truth[:30], "weight": 1.0}, index=votes.ids[:30])
    assert WeightedVote().fit(votes).weights_["good"] < WeightedVote().fit(votes).weights_["bad"]
    told = WeightedVote().fit(votes, gold=gold)
    assert (told.predict_proba(votes).probs.argmax(axis=1) == truth).all()
    assert told.weights_["bad"] == 0
    unheard = WeightedVote().fit(votes, gold=gold.assign(weight=0.0))
    assert unheard.weights_["bad"] > unheard.weights_["good"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accuracy": 0.3}, "accuracy is 0.3; the prior is better than chance"),
        ({"strength": 0}, "strength is 0; it must be above 0"),
        ({"max_iter": -3}, "max_iter is -3; it must be above 0"),
        ({"gold_weight": np.inf}, "gold_weight is inf; it must be above 0 and finite"),
    ],
    ids=["accuracy", "strength", "max_iter", "gold_weight"],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(WorkbenchError, match=message):
        WeightedVote(**settings).fit(planted([0.8], n=10)[0])


def test_gold_needs_rows_with_names():
    votes, truth = planted([0.8, 0.8], n=10)
    with pytest.raises(WorkbenchError, match="pattern counts have none"):
        WeightedVote().fit(PatternCounts.from_votes(votes), gold=pd.Series(truth, index=votes.ids))
