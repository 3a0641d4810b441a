"""What rows that people labelled add to a model that weak labels taught."""

import numpy as np
import pandas as pd
import pytest

from workbench.end_model import EndModel
from workbench.end_model.anchors import Adjustment, held_out_slopes
from workbench.end_model.model import _known_rows
from workbench.tables import Dataset, SoftLabels, WorkbenchError

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(2, size=400)
FEATURES = np.eye(2)[TRUTH] + RNG.normal(0, 0.3, (400, 2))  # tells the class
EVERY = np.ones(400)
HALF = np.full(2, 0.5)


def logits(correct):
    """float64[1, n, 2]: one view, right or wrong where asked, two to one in logs."""
    says = np.where(correct, TRUTH, 1 - TRUTH)
    return (2 * np.eye(2)[says])[None]


def accuracy(adjustment, views, rows=slice(200, 400)):
    return (adjustment(views[:, rows], FEATURES[rows]).argmax(axis=1) == TRUTH[rows]).mean()


def fitted(views, n=200, drawn=True):
    return Adjustment.fitted(
        np.full(len(views), 1 / len(views)), views[:, :n], FEATURES[:n], TRUTH[:n], EVERY[:n], np.full(n, drawn)
    )


def test_without_anchors_it_is_the_mean_of_the_views():
    views = np.concatenate([logits(EVERY > 0), 3 * logits(EVERY > 0)])
    assert np.allclose(Adjustment.none(HALF, 2, 2)(views, FEATURES), views.mean(axis=0))


def test_a_view_that_is_right_is_trusted_more_and_one_that_guesses_less():
    guess = RNG.random(400) < 0.5
    found = Adjustment.fitted(
        HALF,
        np.concatenate([logits(EVERY > 0), logits(guess)])[:, :200],
        np.zeros((200, 0)),
        TRUTH[:200],
        EVERY[:200],
        EVERY[:200] > 0,
    )
    assert found.slopes[0] > 1 and abs(found.slopes[1]) < 0.2


def test_where_all_views_are_wrong_the_embedding_corrects_them():
    wrong_on_ones = logits(TRUTH == 0)
    found = fitted(wrong_on_ones)
    assert accuracy(Adjustment.none(np.ones(1), 2, 2), wrong_on_ones) < 0.6 < 0.9 < accuracy(found, wrong_on_ones)


@pytest.mark.parametrize("n", [1, 2, 10], ids=str)
def test_few_anchors_move_little(n):
    views = logits(RNG.random(400) < 0.9)
    assert accuracy(fitted(views, n), views) >= accuracy(Adjustment.none(np.ones(1), 2, 2), views) - 0.01


def test_three_picked_rows_that_are_wrong_leave_the_model_nearly_as_it_was():
    views = logits(EVERY > 0)
    picked = np.array([*np.flatnonzero(TRUTH == 0)[:2], np.flatnonzero(TRUTH == 1)[0]])
    wrong = 1 - TRUTH[picked]
    found = Adjustment.fitted(np.ones(1), views[:, picked], FEATURES[picked], wrong, np.ones(3), np.zeros(3, bool))
    assert found.slopes[0] > 0.7 and np.abs(found.offset).max() < 0.1


def test_confidence_is_calibrated_on_rows_left_out():
    right = RNG.random(400) < 0.7
    views = 5 * logits(right)  # sure to e^10 : 1
    scores = fitted(views)(views[:, 200:], np.zeros((200, 2)))
    sure = np.exp(scores.max(axis=1)) / np.exp(scores).sum(axis=1)
    assert 0.6 < sure.mean() < 0.9


def test_picked_anchors_say_nothing_of_how_sure_to_be():
    views = logits(RNG.random(400) < 0.8)
    assert fitted(views, drawn=False).scale == 1


def test_anchors_of_one_class_do_not_make_all_rows_of_it():
    views, ones = logits(RNG.random(400) < 0.9), np.flatnonzero(TRUTH[:200] == 1)
    told = views[:, ones], FEATURES[ones], TRUTH[ones], EVERY[ones], np.zeros(len(ones), bool)
    assert len(ones) > 50 and accuracy(Adjustment.fitted(np.ones(1), *told), views) > 0.85


def test_anchors_mend_what_the_weak_labels_teach_wrongly(dataset: Dataset, soft: SoftLabels):
    turned = SoftLabels(soft.ids, soft.labels, soft.probs[:, ::-1].copy(), soft.covered)
    told = pd.Series(soft.probs.argmax(axis=1), index=soft.ids).iloc[:60]
    plain, mended = EndModel().fit(dataset, turned), EndModel().fit(dataset, turned, anchors=told)
    truth = soft.probs.argmax(axis=1)[60:]
    right = [(model.predict_proba(dataset).probs.argmax(axis=1)[60:] == truth).mean() for model in (plain, mended)]
    assert right[0] < 0.5 < 0.8 < right[1]


def test_anchors_do_not_teach_as_weak_labels(dataset: Dataset, soft: SoftLabels):
    told = pd.Series(0, index=soft.ids[:60])
    rest = soft.take(np.arange(len(soft)) >= 60)
    with_anchors, without = EndModel().fit(dataset, soft, anchors=told), EndModel().fit(dataset, rest)
    assert with_anchors.history_[0]["loss"] == pytest.approx(without.history_[0]["loss"], abs=0.05)
    elsewhere = EndModel().fit(dataset, rest, anchors=told)
    assert np.array_equal(elsewhere.parameters_[0]["bias"], without.parameters_[0]["bias"]), "rows it does not know are left"
    assert np.array_equal(elsewhere.adjustment_.slopes, without.adjustment_.slopes)


def test_a_view_that_soft_labels_contradict_is_trusted_less():
    views = np.concatenate([logits(EVERY > 0), logits(RNG.random(400) < 0.5)])
    better, worse = held_out_slopes(views, np.eye(2)[TRUTH], EVERY)
    assert better > 0.6 and worse == pytest.approx(0.25, abs=0.1), "half of the way from the mean"


def test_a_model_with_anchors_is_kept(dataset: Dataset, soft: SoftLabels, tmp_path):
    model = EndModel().fit(dataset, soft, anchors=pd.Series(np.arange(60) % 2, index=soft.ids[:60]))
    assert model.adjustment_.offset.any()
    model.save(tmp_path / "kept")
    again = EndModel.load(tmp_path / "kept")
    assert np.array_equal(again.predict_proba(dataset).probs, model.predict_proba(dataset).probs)


def test_an_anchor_of_no_class_is_refused(dataset: Dataset, soft: SoftLabels):
    with pytest.raises(WorkbenchError, match="has class 7; classes are 0 to 1"):
        EndModel().fit(dataset, soft, anchors=pd.Series(7, index=soft.ids[:1]))


@pytest.mark.parametrize("n", [30, 600])
def test_where_all_rows_are_anchors_some_of_them_teach(dataset: Dataset, soft: SoftLabels, n: int):
    soft = soft.take(np.arange(min(n, len(soft))))
    truth = pd.Series(dataset.gold.to_numpy(), index=dataset.ids)[soft.ids]
    wrong = SoftLabels(soft.ids, soft.labels, soft.probs[:, ::-1], soft.covered)
    model = EndModel().fit(dataset, wrong, anchors=truth)
    assert (model.predict_proba(dataset).hard()[soft.ids] == truth).mean() > 0.9


@pytest.mark.parametrize(
    ("n", "weak", "teach"),
    [
        (150, 0, 75),
        (150, 100, 50),
        (150, 130, 20),
        (150, 150, 0),
        (240, 0, 140),
        (30, 0, 15),
        (30, 20, 10),
        (1, 0, 1),
        (0, 0, 0),
    ],
)
def test_as_many_anchors_stay_as_there_are_weak_rows_and_picked_ones_teach_first(
    soft: SoftLabels, n: int, weak: int, teach: int
):
    table = pd.DataFrame({"label": 0, "weight": 1.0, "drawn": np.arange(n) < n // 3}, index=soft.ids[:n])
    staying, teaching = _known_rows(table, soft).parted(weak, seed=0)
    assert (len(staying.place), len(teaching.place)) == (n - teach, teach)
    assert not teaching.drawn.any()
