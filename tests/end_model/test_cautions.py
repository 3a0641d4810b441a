"""Which weak labels a model learns from, and how much: cautions against labels that are wrong."""

import numpy as np
import pytest

from workbench.end_model import EndModel
from workbench.end_model.cautions import certainty, smooth, together
from workbench.end_model.inputs import Inputs
from workbench.tables import Dataset, SoftLabels, WorkbenchError


def test_a_label_counts_as_it_is_certain():
    probs = np.array([[1.0, 0.0], [0.5, 0.5], [0.89, 0.11]])
    assert certainty(probs, 1.0) == pytest.approx([1, 0, 0.5], abs=0.01)
    assert certainty(probs, 2.0) == pytest.approx([1, 0, 0.25], abs=0.01)
    assert certainty(probs, 0.0).tolist() == [1, 1, 1]


def test_votes_and_text_that_agree_are_surer_together_and_a_tie_is_settled_by_the_text():
    votes = np.array([[0.8, 0.2], [0.5, 0.5], [0.2, 0.8], [0.5, 0.5]])  # of each class one half
    text = np.array([[0.8, 0.2], [0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    assert together(votes, text, np.ones(4))[:, 0] == pytest.approx([16 / 17, 0.9, 0.5, 0.1])


def test_a_class_that_is_rare_needs_no_less_of_the_text():
    votes = np.array([[0.9, 0.1]] * 20)
    assert together(votes, votes, np.ones(20)) == pytest.approx(votes)  # a text that says no more than the balance adds nothing


def test_a_label_that_rules_a_class_out_may_be_overruled_by_a_text_that_is_surer():
    assert together(np.eye(2), np.array([[1e-9, 1], [0.5, 0.5]]), np.ones(2))[:, 0] == pytest.approx([0, 0], abs=0.01)


def test_a_class_that_no_label_names_is_not_brought_in_by_the_text():
    votes, text = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] * 50), np.array([[0.3, 0.2, 0.5]] * 100)
    assert together(votes, text, np.ones(100)).argmax(axis=1).tolist() == [0, 1] * 50


def test_the_second_look_puts_right_labels_that_the_text_speaks_against(dataset: Dataset, soft: SoftLabels):
    truth, at = soft.probs.argmax(axis=1), np.arange(len(soft))
    probs = soft.probs.copy()
    probs[at % 5 == 0] = [0.5, 0.5]
    mixed = SoftLabels(soft.ids, soft.labels, probs, soft.covered)
    once, twice = (EndModel(second_look=s).fit(dataset, mixed).predict_proba(dataset).probs[at, truth] for s in (0.0, 1.0))
    assert twice[at % 5 == 0].mean() > once[at % 5 == 0].mean() + 0.03


def test_rows_whose_neighbours_have_another_label_are_left_out():
    place = np.repeat(np.eye(2, dtype=np.float32), 50, axis=0)  # two heaps of rows that are all alike
    label = np.repeat([0, 1], 50)
    label[[3, 70]] = 1 - label[[3, 70]]  # one wrong label in each
    kept = smooth(Inputs.of(100, dense=place), np.eye(2)[label], 0.98)
    assert not kept[3] and not kept[70] and kept.sum() == 98


@pytest.mark.parametrize("n", [1, 2, 5], ids=str)
def test_of_few_rows_every_class_keeps_one(n):
    probs = np.eye(2)[np.arange(n) % 2]
    assert smooth(Inputs.of(n, dense=np.ones((n, 3), np.float32)), probs, 0.1).sum() == min(n, 2)


def test_wrong_and_unsure_labels_teach_less(dataset: Dataset, soft: SoftLabels):
    truth, wrong = soft.probs.argmax(axis=1), np.arange(len(soft)) // 10 % 2 == 0
    probs = np.where(wrong[:, None], np.array([[0.45, 0.55], [0.55, 0.45]])[truth], np.array([[0.6, 0.4], [0.4, 0.6]])[truth])
    mixed = SoftLabels(soft.ids, soft.labels, probs, soft.covered)
    loose, careful = (EndModel(certainty=power).fit(dataset, mixed).predict_proba(dataset).probs for power in (0.0, 3.0))
    of_truth = np.arange(len(soft)), truth
    assert careful[of_truth].mean() > loose[of_truth].mean() + 0.02


def test_where_one_row_alone_is_sure_there_are_no_folds(dataset: Dataset, soft: SoftLabels):
    probs = np.full(soft.probs.shape, 0.5)
    probs[np.flatnonzero(soft.covered)[0]] = [1.0, 0.0]
    model = EndModel().fit(dataset, SoftLabels(soft.ids, soft.labels, probs, soft.covered))
    assert np.isfinite(model.predict_proba(dataset).probs).all() and "holdout_loss" not in model.history_[0]


def test_where_caution_leaves_nothing_everything_counts(dataset: Dataset, soft: SoftLabels):
    tied = SoftLabels(soft.ids, soft.labels, np.full(soft.probs.shape, 0.5), soft.covered)
    assert np.allclose(EndModel().fit(dataset, tied).predict_proba(dataset).probs, 0.5, atol=0.01)


def test_the_confidence_loss_makes_answers_surer(dataset: Dataset, soft: SoftLabels):
    plain, own = (EndModel(confidence_loss=share, folds=0).fit(dataset, soft).predict_proba(dataset) for share in (0.0, 0.5))
    assert own.probs.max(axis=1).mean() > plain.probs.max(axis=1).mean() + 0.02
    assert (own.probs.argmax(axis=1) == plain.probs.argmax(axis=1)).mean() > 0.95


def test_self_training_learns_from_rows_without_votes(dataset: Dataset, soft: SoftLabels):
    few = SoftLabels(soft.ids, soft.labels, soft.probs, soft.covered & (np.arange(len(soft)) < 120))
    once, twice = (EndModel(self_training=share).fit(dataset, few) for share in (0.0, 1.0))
    assert not np.array_equal(once.parameters_[0]["sparse"], twice.parameters_[0]["sparse"])
    truth = soft.probs.argmax(axis=1)
    assert (twice.predict_proba(dataset).probs.argmax(axis=1) == truth).mean() > 0.95


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("keep", 0, "keep is 0; it is a share, above 0 to 1"),
        ("confidence_loss", 1.5, "confidence_loss is 1.5; it is a share, 0 to 1"),
        ("self_training", -0.1, "self_training is -0.1; it is a share, 0 to 1"),
        ("second_look", 2, "second_look is 2; it is a share, 0 to 1"),
        ("certainty", -1, "certainty is -1; it must be 0 or more"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(setting, value, message):
    with pytest.raises(WorkbenchError, match=message):
        EndModel(**{setting: value}).check_settings()
