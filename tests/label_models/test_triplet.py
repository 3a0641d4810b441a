"""The triplet method: planted rates come back in closed form."""

import numpy as np
import pytest

from workbench.label_models import Triplet
from workbench.label_models.triplet import MOST_PARTNERS
from workbench.tables import ABSTAIN, VoteMatrix, WorkbenchError


def planted(rates, balance, n=20_000, silent=0.3, seed=0):
    """Votes by rates[function][class] = probability to be right on rows of that class; wrong votes go to any other class."""
    rng, rates, k = np.random.default_rng(seed), np.asarray(rates), len(balance)
    truth, m = rng.choice(k, n, p=balance), len(rates)
    wrong = (truth[:, None] + rng.integers(1, k, (n, m))) % k
    votes = np.where(rng.random((n, m)) < rates[:, truth].T, truth[:, None], wrong)
    votes[rng.random((n, m)) < silent] = ABSTAIN
    return VoteMatrix.from_array(votes, [f"c{c}" for c in range(k)]), truth


def expected_right(votes, truth):
    return np.array([(votes.votes[:, j] == truth)[votes.votes[:, j] >= 0].mean() for j in range(len(votes.lfs))])


@pytest.mark.parametrize(
    ("rates", "balance"),
    [
        ([[0.9, 0.9], [0.8, 0.8], [0.7, 0.7]], [0.5, 0.5]),
        ([[0.95, 0.6], [0.7, 0.9], [0.8, 0.8], [0.9, 0.5]], [0.8, 0.2]),
        ([[0.9] * 4, [0.8] * 4, [0.7] * 4, [0.5] * 4, [0.6] * 4], [0.4, 0.3, 0.2, 0.1]),
    ],
    ids=["three functions", "errors differ by class, rare class", "four classes"],
)
def test_planted_accuracies_are_recovered(rates, balance):
    votes, truth = planted(rates, balance)
    model = Triplet(class_balance=balance).fit(votes)
    assert np.abs(model.accuracy_ - expected_right(votes, truth)).max() < 0.03


def test_three_functions_by_hand():
    """Errors that are independent to the row, so that covariances are exact: p = 1/2 and d = 1/2, 1/2, 1."""
    both = np.array([[c if a else 1 - c, c if b else 1 - c, c] for c in (0, 1) for a in (1, 1, 1, 0) for b in (1, 1, 1, 0)])
    votes = VoteMatrix.from_array(np.tile(both, (100, 1)), ["ham", "spam"])
    model = Triplet(class_balance="uniform", strength=1e-9).fit(votes)
    assert model.accuracy_.tolist() == pytest.approx([0.75, 0.75, 1.0], abs=1e-6)


def test_chance_and_worse_than_chance_are_told_from_the_good_ones():
    """The function at chance makes denominators near zero, which must not reach the others."""
    rates = np.tile([[0.9], [0.8], [0.8], [0.7], [0.5], [0.2]], (1, 2))
    votes, truth = planted(rates, [0.5, 0.5])
    model = Triplet(class_balance="uniform").fit(votes)
    assert np.abs(model.accuracy_ - rates[:, 0]).max() < 0.03
    signs = np.where(votes.votes == 1, 1, np.where(votes.votes == 0, -1, 0))
    best = (signs @ np.log(rates[:, 0] / (1 - rates[:, 0])) > 0) == truth  # who knows the planted rates
    assert (model.predict_proba(votes).probs.argmax(axis=1) == truth).mean() > best.mean() - 0.003


def test_a_function_of_one_class_keeps_the_prior_and_has_no_accuracy():
    rng = np.random.default_rng(0)
    votes, _ = planted([[0.9, 0.9]] * 3, [0.5, 0.5], n=500, silent=0)
    keyword = np.where(rng.random(500) < 0.3, 1, ABSTAIN)
    model = Triplet(class_balance="uniform").fit(VoteMatrix.from_array(np.column_stack([votes.votes, keyword]), votes.labels))
    assert model.accuracy_.isna().tolist() == [False, False, False, True]
    alone = VoteMatrix.from_array([[-1, -1, -1, 1]], votes.labels)
    assert model.predict_proba(alone).probs[0] == pytest.approx([0.2, 0.8])


def test_two_functions_make_no_triplet():
    votes, _ = planted([[0.9, 0.9], [0.8, 0.8]], [0.5, 0.5], n=200)
    model = Triplet().fit(votes)
    assert model.accuracy_.isna().all()
    assert model.predict_proba(votes).probs[votes.covered].max() > 0.5


def test_more_functions_than_partners():
    rng = np.random.default_rng(0)
    accuracy = np.sort(rng.uniform(0.5, 0.95, MOST_PARTNERS + 50))
    votes, _ = planted(np.tile(accuracy[:, None], (1, 2)), [0.5, 0.5], n=2000, silent=0.5)
    model = Triplet(class_balance="uniform").fit(votes)
    assert np.abs(model.accuracy_ - accuracy).mean() < 0.02


def test_a_vote_for_a_class_of_nearly_all_rows_is_no_evidence_against_it():
    """One keyword for a class of 95 % of the rows: a prior of .8 alone would make its vote lower that."""
    votes = VoteMatrix.from_array([[0], [-1]], ["ham", "spam"])
    probs = Triplet(class_balance=[0.95, 0.05]).fit(votes).predict_proba(votes).probs
    assert probs[0, 0] > probs[1, 0] == pytest.approx(0.95)


def test_a_prior_worse_than_chance_is_refused():
    with pytest.raises(WorkbenchError, match=r"accuracy is 0.3; the prior is better than chance"):
        Triplet(accuracy=0.3).fit(VoteMatrix.from_array([[0], [1]], ["ham", "spam"]))
