"""What a training set says about each row, and which rows a filter keeps."""

import numpy as np
import pandas as pd
import pytest

from workbench.export import Candidates, Filters, in_columns, passing, quality
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


SLICES = {"early": np.array([True, True, False, False, False]), "late": np.array([False, False, False, True, True])}


def candidates() -> Candidates:
    return Candidates.of(DATASET, VOTES, SOFT, SLICES)


def built() -> pd.DataFrame:
    return candidates().frame()


def test_each_row_says_all_that_is_known_of_it() -> None:
    frame = built()
    assert list(frame.columns) == [
        *("text", "data:label", "split", "p_ham", "p_spam", "label", "entropy", "agreement", "weight", "needs_review"),
        *("reviewed", "n_votes", "covered", "lf:links", "lf:caps", "lf:quiet"),
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
    columns = list(Candidates.of(Dataset(frame, LABELS), VOTES, SOFT).frame().columns)
    assert columns[:5] == ["text", "data:lf:mine", "data:gold", "data:p_spam", "p_value"]
    with pytest.raises(WorkbenchError, match="column 'data:gold' would stand twice"):
        Candidates.of(Dataset(frame.assign(**{"data:gold": 1}), LABELS), VOTES, SOFT).frame()


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
    pd.testing.assert_frame_equal(Candidates.of(DATASET, VOTES.take(order), SOFT.take(order[::-1])).frame(), built())
    few = DATASET.take(np.array([1, 0]))
    pd.testing.assert_frame_equal(Candidates.of(few, VOTES, SOFT).frame(), built().iloc[[1, 0]])


def test_a_row_without_votes_cannot_be_exported() -> None:
    with pytest.raises(WorkbenchError, match="the vote matrix lacks row 'sure'"):
        Candidates.of(DATASET, VOTES.take(np.array([1, 2])), SOFT)
    with pytest.raises(WorkbenchError, match="the soft labels lacks row 'held'"):
        Candidates.of(DATASET, VOTES, SOFT.take(np.arange(4)))


def test_other_classes_are_refused() -> None:
    other = SoftLabels(IDS, ("spam", "ham"), PROBS, VOTES.covered)
    with pytest.raises(WorkbenchError, match="the dataset has classes"):
        Candidates.of(DATASET, VOTES, other)


def test_a_set_of_one_class_without_functions_still_has_its_frame() -> None:
    dataset = Dataset(FRAME, ("ham",))
    votes = VoteMatrix(IDS, (), ("ham",), np.zeros((5, 0)))
    frame = Candidates.of(dataset, votes, SoftLabels(IDS, ("ham",), np.ones((5, 1)), np.ones(5, bool))).frame()
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
        (Filters(covered_only=False, slices=("early", "late")), ["sure", "split", "none"], {"splits": 1, "slices": 1}),
        (Filters(covered_only=False, slices=()), [], {"splits": 1, "slices": 4}),
        (Filters(covered_only=False, hard_labels=True), ["sure", "split"], {"splits": 1, "hard_labels": 2}),
    ],
    ids=["default", "uncovered too", "agreement", "confidence", "review", "classes", "slices", "no slice", "hard labels"],
)
def test_a_filter_keeps_its_rows_and_counts_the_others(filters: Filters, kept: list[str], removed: dict[str, int]) -> None:
    mask, counts = passing(candidates(), filters)
    assert (list(IDS[mask]), counts) == (kept, removed)


def test_mistaken_filters_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="filter splits names 'dev'; allowed are train, valid, test"):
        Filters(splits=("dev",))
    with pytest.raises(WorkbenchError, match="filter min_agreement is 90"):
        Filters(min_agreement=90)
    with pytest.raises(WorkbenchError, match="filter classes names 'eggs'; the classes are 'ham', 'spam'"):
        passing(candidates(), Filters(classes=("eggs",)))
    with pytest.raises(WorkbenchError, match=r"filter slices names 'ealry'; .*; did you mean 'early'"):
        passing(candidates(), Filters(slices=("ealry",)))
    with pytest.raises(WorkbenchError, match="the slices are none; name some under"):
        passing(Candidates.of(DATASET, VOTES, SOFT), Filters(slices=("early",)))


def test_a_label_that_a_person_gave_needs_no_agreement() -> None:
    rows = Candidates.of(DATASET, VOTES, SOFT, reviewed=pd.Index(["split", "gone"]))
    assert rows.frame()["reviewed"].tolist() == [False, True, False, False, False]
    kept, removed = passing(rows, Filters(min_agreement=0.9))
    assert list(IDS[kept]) == ["sure", "split"] and removed["min_agreement"] == 1
    assert not candidates().frame()["reviewed"].any()


def test_some_rows_have_the_frame_they_have_among_all() -> None:
    pd.testing.assert_frame_equal(candidates().frame(np.array([3, 0])), built().iloc[[3, 0]])
    pd.testing.assert_frame_equal(candidates().frame(SLICES["late"]), built()[SLICES["late"]])


def test_hard_labels_come_without_probabilities() -> None:
    own = FRAME.assign(p_value=3)
    frame = Candidates.of(Dataset(own, LABELS), VOTES, SOFT).frame()
    lost = set(frame) - set(in_columns(frame, LABELS, hard=True))
    assert lost == {"p_ham", "p_spam", "entropy"} and in_columns(frame, LABELS, hard=False) is frame


def test_quality_is_believed_on_what_is_kept_and_measured_on_valid() -> None:
    split = pd.Series(["train", "valid", "valid", "valid", "valid"], index=IDS)
    dataset = Dataset(FRAME, LABELS, split=split, gold=pd.Series([0, 1, 1, -1, 1], index=IDS))
    rows = Candidates.of(dataset, VOTES, SOFT)
    found = quality(rows, Filters())
    assert found["expected"] == pytest.approx(0.9)  # of "sure", the only covered train row
    assert (found["valid"]["n"], found["valid"]["accuracy"]) == (3, pytest.approx(2.5 / 3))  # a tie is half right
    low, high = found["valid"]["interval"]
    assert low < 2.5 / 3 < high
    sure = quality(rows, Filters(min_confidence=0.95))
    assert sure["expected"] is None and sure["valid"]["n"] == 1
    assert quality(candidates(), Filters())["valid"] == {"n": 0, "accuracy": None, "interval": None}, "train and test gold"
