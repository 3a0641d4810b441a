"""One test over all label models: a new one is tested by being added to LABEL_MODELS."""

import random
from functools import reduce

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from workbench.label_models import LABEL_MODELS, contract, vote_rows
from workbench.label_models.contract import VoteParts
from workbench.tables import ABSTAIN, PatternCounts, VoteMatrix, WorkbenchError

LABELS = ["ham", "spam", "ad"]

pytestmark = pytest.mark.parametrize("name", list(LABEL_MODELS), ids=str)


def planted(n=400, m=6, seed=0):
    """Votes of m functions, right 80 % of the time, silent half of the time; the last five rows uncovered."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    wrong = (truth[:, None] + rng.integers(1, 3, (n, m))) % 3
    votes = np.where(rng.random((n, m)) < 0.8, truth[:, None], wrong)
    votes[rng.random((n, m)) < 0.5] = ABSTAIN
    votes[-5:] = ABSTAIN
    return VoteMatrix.from_array(votes, LABELS), truth


def make(name, **settings):
    return LABEL_MODELS[name](**({"n_epochs": 50} if name == "snorkel" else {}), **settings)


def test_fit_returns_self_and_recovers_a_planted_truth(name):
    votes, truth = planted()
    model = make(name)
    assert model.fit(votes) is model
    soft = model.predict_proba(votes)
    assert (soft.probs.argmax(axis=1) == truth)[soft.covered].mean() > 0.85


def test_same_seed_gives_the_same_numbers(name):
    votes, _ = planted()
    first, second = (make(name, seed=3).fit(votes).predict_proba(votes).probs for _ in range(2))
    assert np.array_equal(first, second)


def test_global_random_state_is_untouched(name):
    import torch

    votes, _ = planted()
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    torch.manual_seed(1)
    expected = np.random.rand(), random.random(), torch.rand(1).item()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    torch.manual_seed(1)
    make(name).fit(votes).predict_proba(votes)
    assert (np.random.rand(), random.random(), torch.rand(1).item()) == expected  # noqa: NPY002


def test_refit_forgets(name):
    votes, _ = planted()
    other, _ = planted(n=50, m=6, seed=9)
    fresh = make(name).fit(votes).predict_proba(votes).probs
    again = make(name).fit(other).fit(votes).predict_proba(votes).probs
    assert np.array_equal(fresh, again)


def test_predict_changes_neither_model_nor_votes(name):
    votes, _ = planted()
    before = votes.fingerprint
    model = make(name).fit(votes)
    first = model.predict_proba(votes).probs
    model.predict_proba(votes.take(np.arange(7)))
    assert np.array_equal(first, model.predict_proba(votes).probs)
    assert votes.fingerprint == before


def test_unfitted_raises(name):
    votes, _ = planted(n=10)
    with pytest.raises(NotFittedError, match="call fit"):
        make(name).predict_proba(votes)


def test_every_row_is_there_and_uncovered_rows_are_flagged(name):
    votes, _ = planted()
    model = make(name).fit(votes)
    soft = model.predict_proba(votes)
    assert list(soft.ids) == list(votes.ids)
    assert not soft.covered[-5:].any()
    assert soft.covered[:-5].mean() > 0.9
    assert np.allclose(soft.probs[-5:], model.class_balance_)
    assert (soft.hard()[-5:] == ABSTAIN).all()


def test_permuting_rows_permutes_the_answer(name):
    votes, _ = planted()
    order = np.random.default_rng(1).permutation(len(votes))
    there = make(name).fit(votes).predict_proba(votes).probs[order]
    shuffled = votes.take(order)
    assert np.allclose(make(name).fit(shuffled).predict_proba(shuffled).probs, there, atol=1e-4)


def test_permuting_functions_changes_nothing(name):
    votes, _ = planted()
    order = [3, 1, 5, 0, 4, 2]
    turned = VoteMatrix(votes.ids, tuple(votes.lfs[j] for j in order), votes.labels, votes.votes[:, order])
    there = make(name).fit(votes).predict_proba(votes).probs
    # Snorkel starts from random weights by position, so its answer moves a little.
    atol = 0.1 if name == "snorkel" else 1e-8
    assert np.allclose(make(name).fit(turned).predict_proba(turned).probs, there, atol=atol)


def test_renaming_classes_renames_the_answer(name):
    votes, _ = planted()
    swap = np.array([2, 0, 1, ABSTAIN])  # the new index of each class; abstain, at -1, stays
    renamed = VoteMatrix.from_array(swap[votes.votes], ["spam", "ad", "ham"])
    there = make(name).fit(votes).predict_proba(votes).probs
    atol = 0.1 if name == "snorkel" else 1e-8
    assert np.allclose(make(name).fit(renamed).predict_proba(renamed).probs[:, swap[:3]], there, atol=atol)


@pytest.mark.parametrize(
    "array",
    [[[0], [-1], [1]], [[0, 0], [-1, 0], [0, -1]], [[-1, -1], [-1, -1]], np.empty((0, 2)), np.empty((2, 0))],
    ids=["one function", "one class voted", "no votes", "no rows", "no functions"],
)
def test_works_on_next_to_nothing(name, array):
    votes = VoteMatrix.from_array(array, LABELS)
    soft = make(name).fit(votes).predict_proba(votes)
    assert soft.probs.shape == (len(votes), 3)
    assert np.isfinite(soft.probs).all()
    assert (soft.hard().to_numpy()[~votes.covered] == ABSTAIN).all()


def test_one_label_is_certain(name):
    votes = VoteMatrix.from_array([[0, -1, 0], [-1, -1, -1]], ["ham"])
    assert make(name).fit(votes).predict_proba(votes).probs.tolist() == [[1.0], [1.0]]


def test_pattern_counts_teach_what_the_rows_teach(name):
    votes, _ = planted()
    from_rows = make(name).fit(votes).predict_proba(votes).probs
    from_counts = make(name).fit(PatternCounts.from_votes(votes)).predict_proba(votes).probs
    assert np.allclose(from_rows, from_counts, atol=1e-4)


@pytest.mark.parametrize(
    ("balance", "message"),
    [([0.5, 0.5], "2 shares for 3 labels"), ([0.9, 0.9, 0.9], "sum to 1"), ("flat", "allowed are None")],
    ids=["wrong length", "wrong sum", "unknown word"],
)
def test_a_wrong_balance_is_refused(name, balance, message):
    votes, _ = planted(n=20)
    with pytest.raises(WorkbenchError, match=message):
        make(name, class_balance=balance).fit(votes)


def test_a_given_balance_is_what_uncovered_rows_get(name):
    votes, _ = planted()
    soft = make(name, class_balance=[0.2, 0.3, 0.5]).fit(votes).predict_proba(votes)
    assert np.allclose(soft.probs[-1], [0.2, 0.3, 0.5])


def test_other_functions_than_learned_are_refused(name):
    votes, _ = planted()
    model = make(name).fit(votes)
    renamed = VoteMatrix(votes.ids, ("x", *votes.lfs[1:]), votes.labels, votes.votes)
    with pytest.raises(WorkbenchError, match="'lf0' is on one side only"):
        model.predict_proba(renamed)


def test_gold_does_no_harm(name):
    votes, truth = planted()
    gold = pd.Series(truth[:50], index=votes.ids[:50])
    soft = make(name).fit(votes, gold=gold).predict_proba(votes)
    assert (soft.probs.argmax(axis=1) == truth)[soft.covered].mean() > 0.85


def test_gold_of_weight_zero_is_no_gold(name):
    votes, truth = planted()
    gold = pd.DataFrame({"label": (truth + 1) % 3, "weight": 0.0}, index=votes.ids)
    blind = make(name).fit(votes).predict_proba(votes).probs
    assert np.allclose(make(name).fit(votes, gold=gold).predict_proba(votes).probs, blind, atol=1e-9)


@pytest.mark.parametrize("whole", [True, False], ids=["votes repeat", "votes do not"])
def test_parts_of_the_rows_teach_what_all_rows_teach(name, whole, monkeypatch):
    if not whole:
        monkeypatch.setattr(vote_rows, "LEARNED_FROM", 60)
    votes, truth = planted()
    gold = pd.Series(truth[::20], index=votes.ids[::20]) if name in ("generative", "majority_vote") else None
    cuts = [np.arange(300, 400), np.arange(0, 7), np.arange(7, 300)]  # in any order, of any size
    parts = VoteParts(votes.lfs, votes.labels, lambda work, add: reduce(add, (work(votes.take(rows)) for rows in cuts)))
    if name in ("snorkel", "dawid_skene"):
        with pytest.raises(WorkbenchError, match="learns from all rows at once"):
            make(name).fit(parts)
        return
    whole_fit, by_parts = make(name).fit(votes, gold), make(name).fit(parts, gold)
    assert np.abs(by_parts.predict_proba(votes).probs - whole_fit.predict_proba(votes).probs).max() < 1e-10
    assert getattr(by_parts, "doubts_", []) == getattr(whole_fit, "doubts_", [])


def test_parts_whose_votes_hardly_repeat_are_refused_where_all_would_be_held(name, monkeypatch):
    monkeypatch.setattr(contract, "_MERGED", 600)
    votes, _ = planted()
    parts = VoteParts(votes.lfs, votes.labels, lambda work, add: add(work(votes), work(votes)))
    if name in ("weighted_vote", "triplet"):
        with pytest.raises(WorkbenchError, match=r"6 functions give more than .* distinct vote rows, .* take model"):
            make(name).fit(parts)
    elif name in ("generative", "majority_vote"):
        make(name).fit(parts)
