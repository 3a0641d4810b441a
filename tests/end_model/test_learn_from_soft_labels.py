"""Learning from soft labels: what the end model answers, what it refuses, and what it leaves as it was."""

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError

from workbench.end_model import EndModel
from workbench.tables import Dataset, SoftLabels, WorkbenchError

MakeDataset = Callable[..., Dataset]


@pytest.fixture(scope="module")
def fitted(dataset: Dataset, soft: SoftLabels) -> EndModel:
    return EndModel().fit(dataset, soft)


def test_new_messages_get_the_class_of_the_messages_like_them(fitted: EndModel, make_dataset: MakeDataset) -> None:
    answer = fitted.predict_proba(make_dataset(["a free prize for you!", "are you at the meeting yet?"]))
    assert answer.labels == ("ham", "spam") and answer.ids.tolist() == ["r0", "r1"] and answer.covered.all()
    assert answer.hard().tolist() == [1, 0]


def test_probabilities_stay_near_the_soft_labels_they_were_taught(dataset: Dataset, soft: SoftLabels) -> None:
    probs = EndModel(second_look=0).fit(dataset, soft).predict_proba(dataset).probs
    assert probs[np.arange(len(dataset)), dataset.gold] == pytest.approx(0.8, abs=0.06)


def test_uncovered_rows_teach_nothing(dataset: Dataset, soft: SoftLabels) -> None:
    lies = soft.probs.copy()
    lies[~soft.covered] = [0.0, 1.0]
    other = SoftLabels(soft.ids, soft.labels, lies, soft.covered)
    one, two = (EndModel(epochs=3).fit(dataset, given).predict_proba(dataset).probs for given in (soft, other))
    assert np.array_equal(one, two)


def test_uncovered_rows_teach_the_class_balance_where_asked(dataset: Dataset, soft: SoftLabels) -> None:
    probs = np.where(soft.covered[:, None], soft.probs, [0.0, 1.0])
    lies = SoftLabels(soft.ids, soft.labels, probs, soft.covered)
    plain, balanced = (
        EndModel(use_uncovered=use).fit(dataset, lies).predict_proba(dataset).probs[:, 1] for use in (False, True)
    )
    assert balanced.mean() > plain.mean() + 0.03


def test_soft_labels_are_matched_by_id_not_by_place(dataset: Dataset, soft: SoftLabels) -> None:
    mixed = np.random.default_rng(1).permutation(len(soft))
    straight = EndModel().fit(dataset, soft).predict_proba(dataset).probs
    shuffled = EndModel().fit(dataset, soft.take(mixed)).predict_proba(dataset).probs
    assert shuffled == pytest.approx(straight, abs=0.05)


@pytest.mark.parametrize("as_series", [True, False], ids=["series by id", "array"])
def test_rows_of_weight_zero_teach_nothing(dataset: Dataset, soft: SoftLabels, as_series: bool) -> None:
    wrong = np.arange(len(soft)) % 3 == 0
    probs = np.where(wrong[:, None], soft.probs[:, ::-1], soft.probs)
    misled = SoftLabels(soft.ids, soft.labels, probs, soft.covered)
    weights = pd.Series(1.0 - wrong, index=soft.ids).sample(frac=1, random_state=0) if as_series else 1.0 - wrong
    model = EndModel().fit(dataset, misled, weights=weights)
    clean = EndModel().fit(dataset, soft.take(~wrong))
    assert np.array_equal(model.predict_proba(dataset).probs > 0.5, clean.predict_proba(dataset).probs > 0.5)


def test_a_heavier_row_pulls_harder(make_dataset: MakeDataset) -> None:
    torn = make_dataset(["the same words"] * 2)
    soft = SoftLabels.from_hard(torn.ids, torn.labels, [0, 1])
    probs = EndModel(weight_decay=0).fit(torn, soft, weights=[1, 3]).predict_proba(torn).probs
    assert probs[:, 1] == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("hidden", [0, 8], ids=["linear", "hidden layer"])
def test_the_same_seed_gives_the_same_numbers(dataset: Dataset, soft: SoftLabels, hidden: int) -> None:
    one, two = (EndModel(hidden=hidden, seed=3).fit(dataset, soft).predict_proba(dataset).probs for _ in range(2))
    assert np.array_equal(one, two)
    assert one.argmax(axis=1).tolist() == dataset.gold.tolist()


def test_a_hidden_layer_learns_what_no_line_can(make_dataset: MakeDataset) -> None:
    corners = [(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)] * 30
    xor = make_dataset(a=[a for a, _ in corners], b=[b for _, b in corners], gold=[int(a != b) for a, b in corners])
    soft = SoftLabels.from_hard(xor.ids, xor.labels, xor.gold)
    settings = {"features": (), "columns": ("a", "b")}
    line, bent = (EndModel(**settings, hidden=h).fit(xor, soft).predict_proba(xor).probs for h in (0, 16))
    assert np.abs(line - 0.5).max() < 0.1
    assert bent.argmax(axis=1).tolist() == xor.gold.tolist()


def test_global_random_state_and_threads_stay_as_they_were(dataset: Dataset, soft: SoftLabels) -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads())  # noqa: NPY002
    EndModel(hidden=4, epochs=2).fit(dataset, soft).predict_proba(dataset)
    after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), torch.get_num_threads())  # noqa: NPY002
    assert before == after
    assert not torch.are_deterministic_algorithms_enabled()


def test_models_trained_side_by_side_leave_the_number_of_threads_as_it_was(dataset: Dataset, soft: SoftLabels) -> None:
    def threads_of_a_new_thread() -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(torch.get_num_threads).result()

    before, new_before = torch.get_num_threads(), threads_of_a_new_thread()
    with ThreadPoolExecutor(3) as pool:
        models = list(pool.map(lambda _: EndModel(epochs=3).fit(dataset, soft), range(6)))
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == (before, new_before)
    assert all(np.array_equal(model.parameters_[0]["bias"], models[0].parameters_[0]["bias"]) for model in models)


def test_what_is_given_is_not_changed(dataset: Dataset, soft: SoftLabels) -> None:
    fingerprint, probs = dataset.fingerprint, soft.probs.copy()
    weights = np.ones(len(soft))
    EndModel(epochs=2).fit(dataset, soft, weights=weights).predict_proba(dataset)
    fresh = Dataset(dataset.frame, dataset.labels, dataset.text, dataset.split, dataset.gold)
    assert fresh.fingerprint == fingerprint and np.array_equal(soft.probs, probs) and (weights == 1).all()


def test_permuting_the_rows_permutes_the_answer(fitted: EndModel, dataset: Dataset) -> None:
    mixed = np.random.default_rng(0).permutation(len(dataset))
    answer, shuffled = fitted.predict_proba(dataset), fitted.predict_proba(dataset.take(mixed))
    assert shuffled.ids.tolist() == answer.ids[mixed].tolist()
    assert shuffled.probs == pytest.approx(answer.probs[mixed], abs=1e-6)


def test_an_answer_does_not_depend_on_the_size_of_the_chunk(
    fitted: EndModel, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted.predict_proba(dataset).probs
    monkeypatch.setattr("workbench.end_model.model._PREDICT_ROWS", 7)
    assert fitted.predict_proba(dataset).probs == pytest.approx(whole, abs=1e-6)


def test_gold_is_never_read(dataset: Dataset, soft: SoftLabels) -> None:
    lying = Dataset(dataset.frame, dataset.labels, dataset.text, dataset.split, 1 - dataset.gold)
    one, two = (EndModel(epochs=2).fit(given, soft).predict_proba(dataset).probs for given in (dataset, lying))
    assert np.array_equal(one, two)


def test_a_second_fit_forgets_the_first(dataset: Dataset, soft: SoftLabels, make_dataset: MakeDataset) -> None:
    model = EndModel(epochs=3).fit(
        make_dataset(["other words", "and others"]), SoftLabels.from_hard(["r0", "r1"], ("ham", "spam"), [0, 1])
    )
    again, fresh = model.fit(dataset, soft), EndModel(epochs=3).fit(dataset, soft)
    assert np.array_equal(again.predict_proba(dataset).probs, fresh.predict_proba(dataset).probs)
    assert again.history_ == fresh.history_ and again.best_epoch_ == fresh.best_epoch_


def test_a_fold_stops_where_its_loss_falls_no_more(fitted: EndModel) -> None:
    losses = [line["holdout_loss"] for line in fitted.history_]
    assert [line["epoch"] for line in fitted.history_] == list(range(1, len(losses) + 1))
    since = len(losses) - 1 - losses.index(min(losses))
    assert since <= fitted.patience and 1 <= fitted.best_epoch_ <= fitted.epochs


def test_progress_ends_where_everything_is_done(dataset: Dataset, soft: SoftLabels) -> None:
    calls: list[tuple[int, int, str]] = []
    model = EndModel(epochs=4).fit(dataset, soft, progress=lambda *call: calls.append(call))
    assert calls[0][:2] == (1, 16) and calls[0][2].startswith("epoch 1: loss 0.")
    folds = sum("on the hold-out" in text for _, _, text in calls)
    assert calls[-1][0] == calls[-1][1] == folds + model.best_epoch_ and folds > 2 * model.best_epoch_
    assert all(one[0] <= two[0] and one[0] <= one[1] for one, two in pairwise(calls))


def test_one_class_alone_in_the_soft_labels(dataset: Dataset) -> None:
    soft = SoftLabels.from_hard(dataset.ids, dataset.labels, np.zeros(len(dataset), int))
    probs = EndModel().fit(dataset, soft).predict_proba(dataset).probs
    assert np.isfinite(probs).all() and (probs[:, 0] > 0.9).all()


def test_three_rows_are_enough_to_learn_from(make_dataset: MakeDataset) -> None:
    few = make_dataset(["win cash", "see you", "cash prize"], [1, 0, 1])
    model = EndModel().fit(few, SoftLabels.from_hard(few.ids, few.labels, few.gold))
    assert model.predict_proba(few).hard().tolist() == [1, 0, 1]


def test_predicting_no_rows_gives_no_rows(fitted: EndModel, dataset: Dataset) -> None:
    empty = fitted.predict_proba(dataset.take(np.zeros(len(dataset), bool)))
    assert empty.probs.shape == (0, 2)


def test_an_unfitted_model_does_not_answer(dataset: Dataset) -> None:
    with pytest.raises(NotFittedError, match="call fit"):
        EndModel().predict_proba(dataset)


def test_labels_that_cover_no_row_are_refused(dataset: Dataset, soft: SoftLabels) -> None:
    uncovered = SoftLabels(soft.ids, soft.labels, soft.probs, np.zeros(len(soft), bool))
    with pytest.raises(WorkbenchError, match="nothing to learn from: of 240 rows no row is covered"):
        EndModel().fit(dataset, uncovered)
    with pytest.raises(WorkbenchError, match="every covered row has weight 0"):
        EndModel().fit(dataset, soft, weights=np.zeros(len(soft)))


def test_a_row_that_the_dataset_lacks_is_named(dataset: Dataset, soft: SoftLabels) -> None:
    with pytest.raises(WorkbenchError, match="name row 'r0', which the dataset has not"):
        EndModel().fit(dataset.take(np.arange(1, len(dataset))), soft)


def test_other_labels_are_refused(fitted: EndModel, dataset: Dataset, soft: SoftLabels) -> None:
    other = Dataset(dataset.frame, ("spam", "ham"), dataset.text)
    with pytest.raises(WorkbenchError, match="learned the labels 'ham', 'spam', and the dataset has 'spam', 'ham'"):
        fitted.predict_proba(other)
    with pytest.raises(WorkbenchError, match="the soft labels have the labels"):
        EndModel().fit(other, soft)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 3, r"weights has shape \(3,\), and there are 240 soft labels"),
        ([-1.0] + [1.0] * 239, "the weight of row 'r0' is -1.0; weights are 0 or more"),
        ([float("nan")] + [1.0] * 239, "the weight of row 'r0' is nan"),
        (pd.Series([1.0], index=["r0"]), "weights has no row 'r1'"),
    ],
    ids=["too few", "negative", "nan", "series without a row"],
)
def test_weights_that_make_no_sense_are_refused(dataset: Dataset, soft: SoftLabels, weights: object, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        EndModel().fit(dataset, soft, weights=weights)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0; it must be 1 or more"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0; it must be 0 or more"),
        ({"folds": 11}, "folds is 11; it is a number of parts, 2 to 10, or 0 for none"),
        ({"features": ()}, "no features chosen"),
        ({"features": ("tfdif",)}, "feature 'tfdif' is unknown; did you mean 'tfidf'"),
        ({"features": ("no-such-encoder",)}, "encoder 'no-such-encoder' is not on this machine"),
        ({"features": "tfidf"}, "features is the single string 'tfidf'; give a list"),
        ({"features": ("tfidf", "tfidf")}, "features names 'tfidf' twice"),
        ({"columns": ("txet",)}, "has no column 'txet'; it has 'text'; did you mean 'text'"),
        ({"device": "abacus"}, "device 'abacus'"),
    ],
    ids=["epochs", "decay", "folds", "nothing", "typo", "encoder", "string", "twice", "column", "device"],
)
def test_settings_that_make_no_sense_are_refused(
    dataset: Dataset, soft: SoftLabels, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(WorkbenchError, match=message):
        EndModel(**settings).fit(dataset, soft)


def test_a_real_set_of_comments_is_learned_from_gold(shared_data: Path) -> None:
    def read(split: str) -> Dataset:
        rows = json.loads((shared_data / "youtube" / f"{split}.json").read_text())
        frame = pd.DataFrame({"text": [row["data"]["text"] for row in rows.values()]}, index=pd.Index(list(rows)))
        return Dataset(frame, ("ham", "spam"), gold=pd.Series([row["label"] for row in rows.values()], index=frame.index))

    train, test = read("train"), read("test")
    model = EndModel().fit(train, SoftLabels.from_hard(train.ids, train.labels, train.gold))
    assert (model.predict_proba(test).probs.argmax(axis=1) == test.gold).mean() >= 0.92
