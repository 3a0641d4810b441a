"""Majority vote, checked by eye."""

import numpy as np
import pytest

from workbench.label_models import MajorityVote
from workbench.tables import VoteMatrix, WorkbenchError

VOTES = VoteMatrix.from_array([[0, 0, 1], [0, 1, -1], [1, -1, -1], [-1, -1, -1]], ["ham", "spam"])


def test_shares_of_the_votes():
    soft = MajorityVote().fit(VOTES).predict_proba(VOTES)
    assert np.allclose(soft.probs[:3], [[2 / 3, 1 / 3], [0.5, 0.5], [0, 1]])
    assert np.allclose(soft.probs[3], np.mean([[2 / 3, 1 / 3], [0.5, 0.5], [0, 1]], axis=0))
    assert soft.hard().tolist() == [0, -1, 1, -1]


def test_a_random_tie_depends_on_the_row_and_not_on_its_place():
    many = VoteMatrix.from_array([[0, 1]] * 200, ["ham", "spam"])
    soft = MajorityVote(ties="random").fit(many).predict_proba(many)
    assert 60 < (soft.hard() == 0).sum() < 140
    back = many.take(np.arange(200)[::-1])
    assert MajorityVote(ties="random").fit(back).predict_proba(back).hard()[many.ids].equals(soft.hard())


def test_an_unknown_tie_policy_is_refused():
    with pytest.raises(WorkbenchError, match="ties is 'first'; allowed are split, random"):
        MajorityVote(ties="first").fit(VOTES)
