"""What a training set says about each row, and which rows a filter keeps."""

import numpy as np
import pandas as pd
import pytest

from workbench.export import Filters, apply_filters, training_frame
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

IDS = pd.Index(["sure", "split", "tied", "none", "held"])
LABELS = ("ham", "spam")
FRAME = pd.DataFrame({"text": ["a", "b", "c", "d", "e"], "label": [7, 7, 7, 7, 7]}, index=IDS)
SPLIT = pd.Series(["train", "train", "train", "train", "test"], index=IDS)
DATASET = Dataset(FRAME, LABELS, split=SPLIT, gold=pd.Series([1, 0, 0, -1, 1], index=IDS))
VOTES = VoteMatrix(
    IDS, ("links", "caps", "quiet"), LABELS, np.array([[1, 1, -1], [1, 0, 1], [0, 1, -1], [-1, -1, -1], [1, -1, -1]])
)
PROBS = np.array([[0.1, 0.9], [0.45, 0.55], [0.5, 0.5], [0.7, 0.3], [0.0, 1.0]])
SOFT = SoftLabels(IDS, LABELS, PROBS, VOTES.covered)


def built() -> pd.DataFrame:
    return training_frame(DATASET, VOTES, SOFT)


def test_each_row_says_all_that_is_known_of_it() -> None:
    frame = built()
    assert list(frame.columns) == [
        *("text", "data:label", "split", "p_ham", "p_spam", "label", "entropy", "agreement", "weight", "needs_review"),
        *("n_votes", "covered", "lf:links", "lf:caps", "lf:quiet"),
    ]
    assert frame.index.equals(IDS) and frame.index.name == "id"
    assert frame["label"].fillna("?").tolist() == ["spam", "spam", "?", "?", "spam"]
    assert frame["n_votes"].tolist() == [2, 3, 2, 0, 1]
    assert frame["covered"].tolist() == [True, True, True, False, True]
    assert frame["agreement"].fillna(-1).tolist() == pytest.approx([1, 2 / 3, -1, -1, 1])
    assert frame["needs_review"].tolist() == [False, True, True, True, False]
    assert frame["lf:caps"].fillna("?").tolist() == ["spam", "ham", "spam", "?", "?"]


def test_a_column_of_the_data_is_never_taken_for_one_of_ours() -> None:
    frame = FRAME.assign(gold=1, p_spam=2, p_value=3).rename(columns={"label": "lf:mine"})
    columns = list(training_frame(Dataset(frame, LABELS), VOTES, SOFT).columns)
    assert columns[:5] == ["text", "data:lf:mine", "data:gold", "data:p_spam", "p_value"]
    with pytest.raises(WorkbenchError, match="column 'data:gold' would stand twice"):
        training_frame(Dataset(frame.assign(**{"data:gold": 1}), LABELS), VOTES, SOFT)


def test_entropy_is_in_nats_and_weight_falls_with_it() -> None:
    frame = built()
    assert frame["entropy"]["sure"] == pytest.approx(-0.1 * np.log(0.1) - 0.9 * np.log(0.9))
    assert frame["entropy"]["tied"] == pytest.approx(np.log(2)) and frame["entropy"]["held"] == 0
    assert frame["weight"]["held"] == 1 and frame["weight"]["tied"] == pytest.approx(0) and frame["weight"]["none"] == 0
    assert frame["weight"]["sure"] == pytest.approx(1 - frame["entropy"]["sure"] / np.log(2))


def test_gold_stays_out() -> None:
    assert DATASET.gold is not None and "gold" not in built()


def test_votes_and_labels_are_matched_by_id() -> None:
    order = np.array([3, 1, 4, 0, 2])
    pd.testing.assert_frame_equal(training_frame(DATASET, VOTES.take(order), SOFT.take(order[::-1])), built())
    few = DATASET.take(np.array([1, 0]))
    pd.testing.assert_frame_equal(training_frame(few, VOTES, SOFT), built().iloc[[1, 0]])


def test_a_row_without_votes_cannot_be_exported() -> None:
    with pytest.raises(WorkbenchError, match="the vote matrix lacks row 'sure'"):
        training_frame(DATASET, VOTES.take(np.array([1, 2])), SOFT)
    with pytest.raises(WorkbenchError, match="the soft labels lacks row 'held'"):
        training_frame(DATASET, VOTES, SOFT.take(np.arange(4)))


def test_other_classes_are_refused() -> None:
    other = SoftLabels(IDS, ("spam", "ham"), PROBS, VOTES.covered)
    with pytest.raises(WorkbenchError, match="the dataset has classes"):
        training_frame(DATASET, VOTES, other)


def test_a_set_of_one_class_without_functions_still_has_its_frame() -> None:
    dataset = Dataset(FRAME, ("ham",))
    votes = VoteMatrix(IDS, (), ("ham",), np.zeros((5, 0)))
    frame = training_frame(dataset, votes, SoftLabels(IDS, ("ham",), np.ones((5, 1)), np.ones(5, bool)))
    assert frame["weight"].tolist() == [1] * 5 and frame["agreement"].isna().all() and not frame["needs_review"].any()


@pytest.mark.parametrize(
    ("filters", "kept", "removed"),
    [
        (Filters(), ["sure", "split", "tied"], {"splits": 1, "covered_only": 1}),
        (Filters(covered_only=False), ["sure", "split", "tied", "none"], {"splits": 1}),
        (
            Filters(splits=("train", "test"), min_agreement=0.7),
            ["sure", "held"],
            {"splits": 0, "covered_only": 1, "min_agreement": 2},
        ),
        (Filters(min_confidence=0.55), ["sure", "split"], {"splits": 1, "covered_only": 1, "min_confidence": 1}),
        (Filters(exclude_review=True), ["sure"], {"splits": 1, "covered_only": 1, "exclude_review": 2}),
        (Filters(classes=("ham",)), [], {"splits": 1, "covered_only": 1, "classes": 3}),
    ],
    ids=["default", "uncovered too", "agreement", "confidence", "review", "classes"],
)
def test_a_filter_keeps_its_rows_and_counts_the_others(filters: Filters, kept: list[str], removed: dict[str, int]) -> None:
    frame, counts = apply_filters(built(), filters)
    assert (list(frame.index), counts) == (kept, removed)


def test_mistaken_filters_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="filter splits names 'dev'; allowed are train, valid, test"):
        Filters(splits=("dev",))
    with pytest.raises(WorkbenchError, match="filter min_agreement is 90"):
        Filters(min_agreement=90)
    with pytest.raises(WorkbenchError, match="filter classes names 'eggs'; the classes are ham, spam"):
        apply_filters(built(), Filters(classes=("eggs",)))
