"""The tables: what they promise and what they refuse, naming the place."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.tables import (
    ABSTAIN,
    Dataset,
    PatternCounts,
    SoftLabels,
    VoteMatrix,
    WorkbenchError,
    aligned_gold,
    distinct_rows,
    tied_classes,
)

LABELS = ("ham", "spam")


def frame(**columns):
    return pd.DataFrame(columns or {"text": ["a", "b"]}, index=["x", "y"])


def test_a_dataset_holds_rows_splits_and_gold():
    rows = Dataset(
        frame(text=["hi", "buy"], plan=["free", "pro"]),
        LABELS,
        split=pd.Series(["train", "test"], index=["x", "y"]),
        gold=pd.Series([None, 1], index=["x", "y"]),
    )
    assert rows.gold.tolist() == [ABSTAIN, 1]
    assert rows.select("test").ids.tolist() == ["y"]
    assert rows.texts() == ["hi", "buy"]
    assert len(rows) == 2


def test_several_text_columns_are_joined_by_a_line_break():
    assert Dataset(frame(subject=["s", ""], body=["b", "c"]), LABELS, text=("subject", "body")).texts() == ["s\nb", "\nc"]


def test_without_a_split_all_rows_train():
    assert Dataset(frame(), LABELS).split.tolist() == ["train", "train"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": frame().set_axis(["x", "x"])}, "row id 'x' stands twice, at positions 0 and 1"),
        ({"frame": frame().set_axis(["x", 7])}, "row id 7 at position 1 is not a non-empty string"),
        ({"frame": pd.DataFrame({"text": ["a"]})}, r"row id 0 .* write df.set_index\(df.index.astype\(str\)\)"),
        ({"frame": frame().set_axis(["x", ""])}, "row id '' at position 1"),
        ({"frame": frame(text=["a", None])}, r"text column 'text' holds (None|nan) on row 'y'"),
        ({"frame": frame(text=["a", 3])}, "text column 'text' holds 3 on row 'y'"),
        ({"text": ("body",)}, r"text column 'body' is not among the columns \['text'\]"),
        ({"labels": ()}, "labels is empty"),
        ({"labels": "ham"}, "not the single string 'ham'"),
        ({"labels": ("ham", "ham")}, "label 'ham' stands twice"),
        ({"labels": ("ham", 1)}, "label 1 is not a non-empty string"),
        ({"split": pd.Series(["train", "dev"], index=["x", "y"])}, "split is 'dev' on row 'y'; allowed are train, valid, test"),
        ({"split": pd.Series(["train", "test"])}, "split has not the row ids of the frame"),
        ({"gold": pd.Series([0, 2], index=["x", "y"])}, r"gold is 2 on row 'y'; allowed are -1 \(abstain\) and 0..1"),
        ({"gold": pd.Series(["ham", "spam"], index=["x", "y"])}, "gold is 'ham' on row 'x'"),
        ({"gold": pd.Series([0, 0.5], index=["x", "y"])}, "gold is 0.5 on row 'y'"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:24],
)
def test_a_wrong_dataset_is_refused(change, message):
    with pytest.raises(WorkbenchError, match=message):
        Dataset(**{"frame": frame(), "labels": LABELS, **change})


def test_a_dataset_does_not_change_with_the_frame_it_was_made_of():
    given_frame = frame()
    rows = Dataset(given_frame, LABELS)
    given_frame.loc["x", "text"] = "changed"
    assert rows.frame.loc["x", "text"] == "a"


@pytest.mark.parametrize("name", ["gold", "split"], ids=["gold", "split"])
def test_gold_and_split_do_not_change_under_a_fingerprint(name):
    split = pd.Series(["train", "test"], index=["x", "y"], dtype=object)
    gold = pd.Series([0, 1], index=["x", "y"], dtype="int16")
    rows = Dataset(frame(), LABELS, split=split, gold=gold)
    series = getattr(rows, name)
    with pytest.raises(ValueError, match="read-only"):
        series.iloc[0] = series.iloc[1]
    split.iloc[0], gold.iloc[0] = "test", 1
    assert (rows.split.tolist(), rows.gold.tolist()) == (["train", "test"], [0, 1])


def test_gold_is_matched_by_id():
    gold = pd.Series([1, 0, None, 1], index=["z", "x", "w", "elsewhere"])
    assert aligned_gold(pd.Index(["w", "x", "y", "z"]), LABELS, gold).tolist() == [-1, 0, -1, 1]


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (pd.Series([0, 2], index=["x", "y"]), r"gold is 2 on row 'y'; allowed are -1 \(abstain\) and 0..1"),
        (pd.Series([0.5], index=["x"]), "gold is 0.5 on row 'x'"),
        (pd.Series([-2], index=["x"]), "gold is -2 on row 'x'"),
        (pd.Series([0, 1], index=["x", "x"]), "gold row 'x' stands twice"),
    ],
    ids=["too high", "fraction", "too low", "twice"],
)
def test_gold_that_is_no_class_is_refused(gold, message):
    with pytest.raises(WorkbenchError, match=message):
        aligned_gold(pd.Index(["x", "y"]), LABELS, gold)


def test_cells_of_any_kind_have_a_hash_of_their_own():
    cells = [1, "1", 1.0, True, None, "None", [1], (1,), {"a": 1}, np.arange(3), "\ud83d"]
    kinds = [Dataset(frame().assign(cell=pd.Series([cell, "other"], dtype=object, index=["x", "y"])), LABELS) for cell in cells]
    assert len({kind.row_hashes[0] for kind in kinds}) == len(cells)
    assert len({kind.row_hashes[1] for kind in kinds}) == 1


def test_the_hash_of_a_row_depends_on_no_other_row(monkeypatch):
    rows = frame().assign(plan=pd.Series(["free", None], dtype="str", index=["x", "y"]))
    together = Dataset(rows, LABELS).row_hashes.tolist()
    assert [Dataset(rows.iloc[[at]], LABELS).row_hashes[0] for at in (0, 1)] == together
    monkeypatch.setattr("workbench.tables._HASHED", 1)  # rows that are hashed at once
    assert Dataset(rows, LABELS).row_hashes.tolist() == together
    assert Dataset(rows.fillna(""), LABELS).row_hashes[1] != together[1]


def test_fingerprints_change_with_content_and_agree_between_processes():
    code = (
        "import pandas as pd; from workbench import Dataset; "
        "print(Dataset(pd.DataFrame({'text': ['a', 'b']}, index=['x', 'y']), ('ham', 'spam')).fingerprint)"
    )
    mine = Dataset(frame(), LABELS).fingerprint
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert mine == other
    gold = pd.Series([0, 1], index=["x", "y"])
    kinds = [
        Dataset(frame(text=["a", "c"]), LABELS),
        Dataset(frame(), ("spam", "ham")),
        Dataset(frame(), LABELS, gold=gold),
        Dataset(frame().set_axis(["x", "z"]), LABELS),
        Dataset(frame(), LABELS, split=pd.Series(["train", "test"], index=["x", "y"])),
    ]
    assert len({mine, *(kind.fingerprint for kind in kinds)}) == 6


def test_votes_are_named_read_only_and_column_major():
    votes = VoteMatrix.from_array([[0, -1], [-1, -1]], LABELS)
    assert votes.ids.tolist() == ["r0", "r1"]
    assert votes.lfs == ("lf0", "lf1")
    assert votes.votes.dtype == np.int16 and votes.votes.flags.f_contiguous
    assert votes.covered.tolist() == [True, False]
    with pytest.raises(ValueError, match="read-only"):
        votes.votes[0, 0] = 1


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[0, 7]], r"labeling function 'lf1' voted 7 on row 'r0'; allowed are -1 \(abstain\) and 0..1 \('ham', 'spam'\)"),
        ([[-7]], "'lf0' voted -7 on row 'r0'"),
        ([[0.5]], "voted 0.5"),
        ([[np.nan]], "voted nan"),
        ([[True]], "votes has type bool"),
        ([["ham"]], "votes are whole numbers"),
        ([0, 1], r"votes has shape \(2,\)"),
    ],
    ids=["too high", "too low", "fraction", "missing", "boolean", "name", "one dimension"],
)
def test_wrong_votes_are_refused(array, message):
    with pytest.raises(WorkbenchError, match=message):
        VoteMatrix.from_array(array, LABELS)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"lfs": ["a", "a"]}, "function name 'a' stands twice"),
        ({"lfs": ["a"]}, "2 rows and 1 functions"),
        ({"ids": ["x"]}, "1 rows and 2 functions"),
    ],
    ids=["same name", "too few names", "too few ids"],
)
def test_wrong_names_are_refused(names, message):
    with pytest.raises(WorkbenchError, match=message):
        VoteMatrix.from_array([[0, 0], [1, 1]], LABELS, **names)


def test_taking_rows_takes_their_faults():
    faults = pd.DataFrame({"id": ["r1"], "lf": ["lf0"], "error": ["ValueError: x"], "traceback": [""]})
    votes = VoteMatrix(pd.Index(["r0", "r1"]), ("lf0",), LABELS, np.array([[0], [-1]]), faults)
    assert len(votes.take(np.array([0])).faults) == 0
    assert len(votes.take(np.array([1])).faults) == 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"id": "r7", "lf": "lf0"}, "faults holds the id 'r7', which these votes do not have"),
        ({"id": "r0", "lf": "lf9"}, "faults holds the lf 'lf9'"),
        ({"id": "r0"}, "faults lacks the column 'lf'"),
    ],
    ids=["row", "function", "column"],
)
def test_faults_of_nobody_are_refused(fault, message):
    with pytest.raises(WorkbenchError, match=message):
        VoteMatrix(pd.Index(["r0"]), ("lf0",), LABELS, np.array([[-1]]), pd.DataFrame([{"error": "e", **fault}]))


def test_votes_do_not_change_with_the_array_they_were_made_of():
    array = np.zeros((2, 1), np.int16, order="F")
    view = array.view()
    view.flags.writeable = False
    votes = VoteMatrix(pd.Index(["a", "b"]), ("f",), LABELS, view)
    array[0, 0] = 7
    assert votes.votes.tolist() == [[0], [0]]


def test_a_vote_matrix_counts_the_votes_of_each_row():
    votes = VoteMatrix.from_array([[-1, -1, -1], [1, -1, -1], [1, 1, -1], [0, 1, -1], [1, -1, 0]], LABELS)
    assert votes.n_votes.tolist() == [0, 1, 2, 2, 2]
    assert votes.conflicting.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patterns": [[0, 1], [0, 1]]}, r"the pattern \[0, 1\] stands twice"),
        ({"lfs": ("a", "a")}, "function name 'a' stands twice"),
        ({"labels": ("ham", "ham")}, "label 'ham' stands twice"),
        ({"patterns": [[0.5, 1], [0, 0]]}, "function 'a' voted 0.5 on row 0"),
        ({"patterns": [[0, 2], [0, 0]]}, "function 'b' voted 2 on row 0"),
        ({"counts": [1, 0]}, "counts holds 0"),
        ({"counts": [1.5, 1]}, "counts are whole numbers above 0"),
        ({"counts": [1]}, "1 rows and 2 functions"),
    ],
    ids=["equal rows", "names", "labels", "fraction", "too high", "zero", "part of a row", "shape"],
)
def test_wrong_pattern_counts_are_refused(change, message):
    right = {"lfs": ("a", "b"), "labels": LABELS, "patterns": [[0, 1], [0, -1]], "counts": [2, 1]}
    with pytest.raises(WorkbenchError, match=message):
        PatternCounts(**right | change)


def test_pattern_counts_are_read_only():
    counted = PatternCounts(("a",), LABELS, np.array([[0]], np.int16), np.array([2]))
    for array in (counted.patterns, counted.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@given(arrays(np.int16, st.tuples(st.integers(0, 12), st.integers(0, 4)), elements=st.integers(-1, 2)))
def test_pattern_counts_are_the_distinct_rows(votes):
    first, kind = distinct_rows(votes)
    assert len(first) == len({tuple(row) for row in votes.tolist()})
    assert np.array_equal(votes[first][kind], votes)


@given(arrays(np.int16, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(-1, 1)), st.integers(0, 12))
def test_merging_counts_of_two_parts_gives_the_counts_of_all(votes, cut):
    def counts(part):
        matrix = VoteMatrix.from_array(part, LABELS)
        return PatternCounts.from_votes(matrix)

    def as_set(counted):
        return {(tuple(row), int(n)) for row, n in zip(counted.patterns.tolist(), counted.counts, strict=True)}

    assert as_set(counts(votes[:cut]).merge(counts(votes[cut:]))) == as_set(counts(votes))


def test_counts_of_other_functions_do_not_merge():
    one = PatternCounts.from_votes(VoteMatrix.from_array([[0]], LABELS))
    other = PatternCounts.from_votes(VoteMatrix.from_array([[0]], LABELS, lfs=["x"]))
    with pytest.raises(WorkbenchError, match="do not merge"):
        one.merge(other)


def test_hard_labels_abstain_on_uncovered_rows_and_ties():
    soft = SoftLabels(pd.Index(list("abc")), LABELS, [[0.9, 0.1], [0.5, 0.5], [0.9, 0.1]], [True, True, False])
    assert soft.hard().tolist() == [0, ABSTAIN, ABSTAIN]
    assert tied_classes(soft.probs).sum(axis=1).tolist() == [1, 2, 1]


def test_soft_labels_of_known_classes():
    soft = SoftLabels.from_hard(pd.Index(list("ab")), LABELS, [1, ABSTAIN])
    assert soft.probs.tolist() == [[0, 1], [0.5, 0.5]]
    assert soft.covered.tolist() == [True, False]


@pytest.mark.parametrize(
    ("probs", "message"),
    [([[0.9, 0.2]], "probs of row 'a'"), ([[np.nan, 1]], "probs of row 'a'"), ([[1.0]], r"probs has shape \(1, 1\)")],
    ids=["sum", "missing", "shape"],
)
def test_wrong_probabilities_are_refused(probs, message):
    with pytest.raises(WorkbenchError, match=message):
        SoftLabels(pd.Index(["a"]), LABELS, probs, [True])
