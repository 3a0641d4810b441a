"""A fitted label model kept in a file: it predicts and explains as it did, and a broken file is said to be one."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save as as_bytes

from workbench.label_models import GenerativeModel, load, save
from workbench.tables import VoteMatrix, WorkbenchError


def drawn(rows=300, lfs=8, k=3):
    """Return votes of functions that are right on four of five, the last two being copies, and the classes drawn."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, k, rows)
    votes = np.where(rng.random((rows, lfs)) < 0.8, truth[:, None], np.arange(lfs) % k)
    votes[rng.random((rows, lfs)) > 0.4] = -1
    votes[:, -1] = votes[:, -2]
    return VoteMatrix.from_array(votes, labels=["ham", "spam", "eggs"][:k]), truth


@pytest.mark.parametrize(
    ("settings", "gold_rows"),
    [({}, 0), ({"class_balance": "uniform"}, 0), ({"class_balance": [0.2, 0.3, 0.5], "seed": 3}, 60), ({}, 60)],
    ids=["as it comes", "uniform", "given balance and gold", "gold"],
)
def test_a_kept_model_answers_to_the_last_bit(tmp_path, settings, gold_rows):
    votes, truth = drawn()
    gold = pd.Series(truth[:gold_rows], index=votes.ids[:gold_rows]) if gold_rows else None
    model = GenerativeModel(**settings).fit(votes, gold)
    save(model, tmp_path / "model.safetensors")
    kept = load(tmp_path / "model.safetensors")
    assert np.array_equal(kept.predict_proba(votes).probs, model.predict_proba(votes).probs)
    for row in votes.ids[:50]:
        pd.testing.assert_frame_equal(kept.explain(votes, row), model.explain(votes, row), check_exact=True)
    assert kept.accuracy_.equals(model.accuracy_) and kept.history_ == model.history_ and kept.doubts_ == model.doubts_
    assert {name: getattr(kept, name) for name in settings} == settings
    assert kept.intervals(votes, draws=2).accuracy.equals(model.intervals(votes, draws=2).accuracy)


def test_a_kept_model_refuses_votes_of_other_functions(tmp_path):
    votes, _ = drawn()
    save(GenerativeModel().fit(votes), tmp_path / "m")
    with pytest.raises(WorkbenchError, match="'lf8' is on one side only"):
        load(tmp_path / "m").predict_proba(drawn(lfs=9)[0])


def test_a_model_of_no_votes_is_kept_too(tmp_path):
    nothing = VoteMatrix.from_array(np.empty((0, 0)), labels=["ham", "spam"])
    save(GenerativeModel().fit(nothing), tmp_path / "m")
    assert load(tmp_path / "m").class_balance_.tolist() == [0.5, 0.5]


def test_a_model_that_learned_nothing_is_not_kept(tmp_path):
    with pytest.raises(ValueError, match="has learned nothing yet"):
        save(GenerativeModel(), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_what_is_no_whole_model_is_refused(tmp_path):
    path = tmp_path / "m"
    with pytest.raises(WorkbenchError, match="does not exist"):
        load(path)
    save(GenerativeModel().fit(drawn()[0]), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WorkbenchError, match=r"not whole: .*; fit the model again"):
        load(path)
    path.write_bytes(as_bytes({"weights": np.zeros(3)}))
    with pytest.raises(WorkbenchError, match="is no saved label model; give a file that `save` wrote"):
        load(path)


def test_a_model_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(as_bytes({}, {"what": "generative label model", "format": "2", "model": json.dumps({})}))
    with pytest.raises(WorkbenchError, match="has format 2, but this workbench knows formats up to 1; upgrade it"):
        load(path)
