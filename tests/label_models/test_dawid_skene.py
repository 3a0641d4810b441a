"""Crowd-Kit's Dawid-Skene: its own answers, without its defects."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from workbench.io.crowd import read_crowd
from workbench.label_models import DawidSkene, dawid_skene
from workbench.tables import ABSTAIN, PatternCounts, VoteMatrix, WorkbenchError

LABELS = ["a", "b", "c"]


def crowd(n=600, silent=0.4, seed=0):
    """Five workers of which the last says b for a half of the time; row 0 has no vote."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    votes = np.where(rng.random((n, 5)) < 0.85, truth[:, None], (truth[:, None] + rng.integers(1, 3, (n, 5))) % 3)
    votes[:, 4] = np.where((truth == 0) & (rng.random(n) < 0.5), 1, truth)
    votes[rng.random((n, 5)) < silent] = ABSTAIN
    votes[0] = ABSTAIN
    return VoteMatrix.from_array(votes, LABELS), truth


def test_the_answers_are_crowd_kits_in_our_order():
    votes, _ = crowd()
    model = DawidSkene(tol=1e-9, max_iter=500).fit(votes)
    soft, theirs = model.predict_proba(votes), model.model_.probas_
    assert len(soft) == len(votes) > len(theirs) == votes.covered.sum()  # there, rows without votes are gone
    assert np.abs(soft.probs[theirs.index] - theirs[[0, 1, 2]].to_numpy()).max() < 1e-3


def test_a_confusion_is_learned_and_used_on_new_rows():
    votes, _ = crowd()
    model = DawidSkene().fit(votes)
    assert model.accuracy_.to_numpy() == pytest.approx([0.85, 0.85, 0.85, 0.85, 0.75], abs=0.06)
    says_b = VoteMatrix.from_array([[-1, -1, -1, -1, 1], [-1, -1, -1, -1, 0]], LABELS)
    probs = model.predict_proba(says_b).probs
    assert 0.3 < probs[0, 0] < 0.6  # b from this worker is often an a
    assert probs[1, 0] > 0.95
    new, answers = crowd(seed=1)
    assert (model.predict_proba(new).probs.argmax(axis=1) == answers)[new.n_votes > 2].mean() > 0.9


def test_gold_rows_and_classes_nobody_votes_for():
    """Gold of a class without votes would become a column of missing values in Crowd-Kit."""
    votes = VoteMatrix.from_array([[0, 0, 1], [1, 1, 0], [0, 1, 0], [1, 0, 1]] * 5, LABELS)
    gold = pd.Series([2, 0], index=votes.ids[:2])
    model = DawidSkene().fit(votes, gold=gold)
    probs = model.predict_proba(votes).probs
    assert np.isfinite(probs).all()
    assert (probs[:, 2] == 0).all()
    assert (DawidSkene().fit(votes, gold=pd.Series([1, 0], index=votes.ids[:2])).predict_proba(votes).probs[0]).argmax() == 1


def test_a_given_balance_takes_the_place_of_the_prior():
    votes, _ = crowd()
    even, tilted = (DawidSkene(class_balance=b).fit(votes).predict_proba(votes).probs for b in ("uniform", [0.01, 0.98, 0.01]))
    assert (tilted[votes.covered, 1] >= even[votes.covered, 1]).all()
    assert tilted[0] == pytest.approx([0.01, 0.98, 0.01])


def test_a_vote_never_cast_in_training_says_nothing():
    votes = VoteMatrix.from_array([[0, 0, 0], [1, 1, -1]] * 10, LABELS[:2])
    model = DawidSkene(class_balance="uniform").fit(votes)
    new = VoteMatrix.from_array([[-1, -1, 1], [0, -1, 1], [0, -1, -1]], LABELS[:2])
    probs = model.predict_proba(new).probs
    assert probs[0].tolist() == [0.5, 0.5]
    assert probs[1].tolist() == probs[2].tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"max_iter": -3}, "max_iter is -3; it must be above 0"), ({"tol": 0}, "tol is 0; it must be above 0")],
    ids=["max_iter", "tol"],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(WorkbenchError, match=message):
        DawidSkene(**settings).fit(crowd(n=10)[0])


def test_too_much_is_refused_before_it_starts(monkeypatch):
    monkeypatch.setattr(dawid_skene, "MOST_CELLS", 29)
    votes = VoteMatrix.from_array([[0]] * 10, LABELS)
    for given in (votes, PatternCounts.from_votes(votes)):
        with pytest.raises(WorkbenchError, match="refused at 10 votes x 3 classes = 30: above 29"):
            DawidSkene().fit(given)


def test_gold_needs_rows_with_names():
    votes, truth = crowd(n=10)
    with pytest.raises(WorkbenchError, match="pattern counts have none"):
        DawidSkene().fit(PatternCounts.from_votes(votes), gold=pd.Series(truth, index=votes.ids))


def test_a_missing_crowd_kit_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdkit", None)
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    with pytest.raises(WorkbenchError, match=r"pip install 'weak-supervision-workbench\[crowd\]'"):
        DawidSkene().fit(crowd(n=10)[0])


def test_importing_crowd_kit_leaves_random_states_alone():
    """In a process of its own, for only the first import moves them."""
    code = """
import random, numpy as np
from workbench.label_models import DawidSkene
from workbench.tables import VoteMatrix
random.seed(1), np.random.seed(1)
before = random.random(), np.random.rand()
random.seed(1), np.random.seed(1)
DawidSkene().fit(VoteMatrix.from_array([[0, 1], [1, 1]], ["a", "b"]))
print((random.random(), np.random.rand()) == before)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize(("name", "accuracy"), [("bluebird", 0.898), ("dog", 0.843)], ids=["bluebird", "dog"])
def test_real_crowds_score_as_crowd_kit_by_itself(shared_data, name, accuracy):
    found = read_crowd(shared_data / "crowd" / name / "label.csv", shared_data / "crowd" / name / "truth.csv")
    codes = np.column_stack([found.votes[worker].cat.codes for worker in found.votes])
    votes, truth = VoteMatrix.from_array(codes, found.labels), found.frame["gold"].cat.codes.to_numpy()
    right = DawidSkene().fit(votes).predict_proba(votes).probs.argmax(axis=1) == truth
    assert right[truth >= 0].mean() == pytest.approx(accuracy, abs=0.002)
