"""What the tables about votes say, on matrices small enough to count by eye."""

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose import by_slice, coverage_summary, function_table, pairwise, redundant
from workbench.tables import VoteMatrix, WorkbenchError

VOTES = VoteMatrix.from_array(
    [
        [0, 0, -1],
        [1, 0, -1],
        [-1, 1, -1],
        [-1, -1, -1],
    ],
    labels=["ham", "spam"],
    lfs=["mixed", "eager", "silent"],
)
GOLD = pd.Series({"r2": 1, "r1": 1, "r0": 0, "elsewhere": 0})  # another order, one row more, r3 unknown


def test_the_table_counts_what_each_function_does() -> None:
    table = function_table(VOTES, GOLD).set_index("lf")
    assert table["polarity"].tolist() == [("ham", "spam"), ("ham", "spam"), ()]
    assert table["n_votes"].tolist() == [2, 3, 0]
    assert table["coverage"].tolist() == [0.5, 0.75, 0]
    assert table["overlap"].tolist() == [0.5, 0.5, 0]
    assert table["conflict"].tolist() == [0.25, 0.25, 0]
    assert table["n_gold"].tolist() == [2, 3, 0]
    assert table["correct"].tolist() == [2, 2, 0]
    assert table["accuracy"].fillna(-1).tolist() == [1, 2 / 3, -1]
    assert (table["low"] < table["accuracy"].fillna(0.5)).all() and (table["high"]["silent"], table["low"]["silent"]) == (1, 0)


def test_without_gold_its_columns_are_missing_and_not_zero() -> None:
    table = function_table(VOTES)
    assert table[["n_gold", "correct", "accuracy", "low", "high"]].isna().all(axis=None)
    assert table["n_votes"].tolist() == [2, 3, 0]


def test_rows_of_unknown_gold_count_for_nothing() -> None:
    unknown = pd.Series({"r0": -1, "r1": 1, "r2": np.nan})
    assert function_table(VOTES, unknown)["n_gold"].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (pd.Series([0, 1, 1, -1]), r"a Series without ids; .* pd\.Series\(gold, index=votes\.ids\)"),
        (np.array([0, 1, 1, -1]), r"a ndarray without ids; .* pd\.Series\(gold, index=votes\.ids\)"),
        (pd.Series({"c0": 0, "c1": 1}), r"no row id in common: 'c0', \.\.\. and 'r0', .* index=votes\.ids\)"),
        (pd.Series({"r0": "ham"}), r"gold is 'ham' on row 'r0'; allowed are numbers: -1 "),
    ],
    ids=["numbered", "array", "other ids", "class names"],
)
def test_gold_that_cannot_be_matched_says_how_to_give_it(gold, message) -> None:
    with pytest.raises(WorkbenchError, match=message):
        function_table(VOTES, gold)


def test_faults_are_counted_beside_the_abstains() -> None:
    faults = pd.DataFrame({"id": ["r0", "r3"], "lf": ["silent", "silent"], "error": ["KeyError: 'x'"] * 2})
    votes = VoteMatrix(VOTES.ids, VOTES.lfs, VOTES.labels, VOTES.votes, faults)
    assert function_table(votes)["faults"].tolist() == [0, 0, 2]


def test_a_stopped_function_is_marked() -> None:
    votes = VoteMatrix(VOTES.ids, VOTES.lfs, VOTES.labels, VOTES.votes, stopped={"silent": "it ran longer than 1 s"})
    assert function_table(votes)["stopped"].tolist() == [False, False, True]


def test_pairs_that_overlap_say_how_often_they_disagree() -> None:
    table = pairwise(VOTES)
    assert table.to_dict("records") == [{"a": "mixed", "b": "eager", "both": 2, "disagree": 1, "rate": 0.5}]


def test_redundant_pairs_rest_on_rows_where_either_votes() -> None:
    votes = VoteMatrix.from_array([[0, 0, 0], [1, 1, -1], [0, 0, 0], [-1, -1, 0]], ["ham", "spam"])
    assert redundant(votes, min_rows=3).to_dict("records") == [
        {"a": "lf0", "b": "lf1", "either": 3, "same": 3, "agreement": 1.0}
    ]
    assert redundant(votes, min_agreement=0.5, min_rows=3)["agreement"].tolist() == [1, 0.5, 0.5]
    assert redundant(votes).empty  # three rows are too few to say so by default


def test_the_summary_says_what_the_set_does_as_a_whole() -> None:
    summary = coverage_summary(VOTES, GOLD)
    assert summary == {
        "rows": 4,
        "label_coverage": 0.75,
        "overlap": 0.5,
        "conflict": 0.25,
        "uncovered": 1,
        "votes_per_row": 1.25,
        "classes": {"ham": {"votes": 3, "rows": 1, "coverage": 1.0}, "spam": {"votes": 2, "rows": 2, "coverage": 1.0}},
    }
    assert coverage_summary(VOTES)["classes"]["ham"] == {"votes": 3, "rows": None, "coverage": None}


def test_slices_have_their_own_figures() -> None:
    masks = {"first two": np.array([True, True, False, False]), "last": np.array([False, False, False, True])}
    table = by_slice(VOTES, masks, GOLD).set_index("slice")
    assert table["n"].tolist() == [2, 1]
    assert table["label_coverage"].tolist() == [1, 0]
    assert table["conflict"].tolist() == [0.5, 0]
    assert table["votes_per_row"].tolist() == [2, 0]
    assert table["n_gold"].tolist() == [2, 0]
    assert table["accuracy"]["first two"] == 0.75  # one row all right, one half right
    assert np.isnan(table["accuracy"]["last"]) and (table["low"]["last"], table["high"]["last"]) == (0, 1)
    assert by_slice(VOTES, masks)[["n_gold", "correct", "accuracy", "low", "high"]].isna().all(axis=None)


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"slice 'short' has shape \(2,\), but there are 4 rows"):
        by_slice(VOTES, {"short": np.array([True, False])})


def test_gold_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"gold is 2 on row 'r0'; allowed are -1"):
        function_table(VOTES, pd.Series({"r0": 2}))


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (0, 0)], ids=str)
def test_an_empty_matrix_has_empty_tables(shape: tuple[int, int]) -> None:
    votes = VoteMatrix.from_array(np.zeros(shape, np.int16), ["ham", "spam"])
    assert len(function_table(votes, pd.Series(dtype=float))) == shape[1]
    assert pairwise(votes).empty and redundant(votes).empty
    assert coverage_summary(votes)["label_coverage"] == 0
