"""What a function returns is a vote, or a fault that says why not."""

import enum

import numpy as np
import pytest

from workbench.lfs.votes import call_on_rows, check_length, resolve_label, validate_votes
from workbench.tables import WorkbenchError

LABELS = ("ham", "spam")


class Color(enum.IntEnum):
    SPAM = 1


class Silent(Exception):
    def __str__(self):
        return None

    __repr__ = __str__


@pytest.mark.parametrize(
    ("output", "vote"),
    [
        (0, 0), (1, 1), (-1, -1), ("spam", 1), (np.int8(1), 1), (np.int64(-1), -1), (np.uint8(1), 1),
        (np.str_("ham"), 0), (Color.SPAM, 1),
    ],
    ids=repr,
)  # fmt: skip
def test_class_indexes_names_and_abstain_are_votes(output, vote):
    votes, faults = validate_votes([output, 0], LABELS)
    assert votes.tolist() == [vote, 0] and votes.dtype == np.int16 and faults == []


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (None, "returned None; return ABSTAIN where"),
        (True, r"returned True \(bool\); allowed are -1 \(abstain\) and 0..1 \('ham', 'spam'\), or a class name"),
        (np.True_, r"returned True \(bool\); .*; return a class or ABSTAIN, not a truth value$"),
        (1.0, r"returned 1.0 \(float\); .*; return int\(\.\.\.\) of it$"),
        (0.5, r"returned 0.5 \(float\); .*, or a class name$"),
        (float("nan"), "returned nan"),
        ("spamm", "returned 'spamm' .*; did you mean 'spam'"),
        ("", "returned ''"),
        (2, r"voted 2; allowed are -1 \(abstain\) and 0..1"),
        (-7, "voted -7; allowed are"),
        (10**30, "voted 10{30}; allowed are"),
        (np.uint64(2**64 - 1), "voted 18446744073709551615; allowed are"),
        ([1], r"returned \[1\] \(list\)"),
        ("x" * 500, "returned 'xxx.*\\.\\.\\. \\(str\\)"),
        (10**5000, r"voted <repr\(\) of int raises ValueError>"),
        (Silent(), r"returned <repr\(\) of Silent raises TypeError> \(Silent\)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_a_fault_and_the_rest_still_votes(output, said):
    votes, faults = validate_votes([1, output, 0], LABELS)
    assert votes.tolist() == [1, -1, 0]
    assert [fault.position for fault in faults] == [1]
    with pytest.raises(ValueError, match=said):
        raise ValueError(faults[0].error)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64, list, tuple], ids=lambda kind: kind.__name__)
def test_arrays_and_lists_give_the_same_votes(kind):
    numbers = [0, 1, 1, 99]
    outputs = kind(numbers) if kind in (list, tuple) else np.array(numbers, dtype=kind)
    votes, faults = validate_votes(outputs, LABELS)
    assert votes.tolist() == [0, 1, 1, -1]
    assert [(fault.position, fault.error[:8]) for fault in faults] == [(3, "voted 99")]


@pytest.mark.parametrize(
    "outputs",
    [["spam", -1, "ham", "spamm", 0], np.array(["spam", -1, "ham", "spamm", 0], dtype=object)],
    ids=["list", "array of objects"],
)
def test_class_names_among_indexes_are_votes(outputs):
    votes, faults = validate_votes(outputs, LABELS)
    assert votes.tolist() == [1, -1, 0, -1, 0]
    assert [fault.position for fault in faults] == [3] and "did you mean 'spam'" in faults[0].error


def test_huge_unsigned_numbers_do_not_wrap_around_to_abstain():
    votes, faults = validate_votes(np.array([2**64 - 1, 1], dtype=np.uint64), LABELS)
    assert votes.tolist() == [-1, 1] and [fault.position for fault in faults] == [0]


def test_a_vote_beyond_the_declared_labels_is_a_fault():
    votes, faults = validate_votes([1, 0, -1, "ham"], LABELS, allowed=["spam"])
    assert votes.tolist() == [1, -1, -1, -1]
    assert [fault.error for fault in faults] == ["voted 0, which is not among the labels it declares: [1]"] * 2


def test_outside_a_task_only_indexes_are_votes():
    votes, faults = validate_votes([0, 70, "spam"], None)
    assert votes.tolist() == [0, 70, -1] and "'spam'" in faults[0].error


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("spamm", "label 'spamm' is not among the labels 'ham', 'spam'; did you mean 'spam'"),
        (2, "label 2 is not a class; allowed are 0..1"),
        (-1, "label -1 is not a class"),
        (True, "label True is neither"),
        (0.5, "label 0.5 is neither"),
    ],
    ids=repr,
)
def test_an_unknown_label_lists_the_known(label, said):
    with pytest.raises(WorkbenchError, match=said):
        resolve_label(label, LABELS)


def test_a_label_name_without_a_task_says_what_to_do():
    with pytest.raises(WorkbenchError, match=r"load_lfs\(folder, labels=\[...\]\), or give the class index"):
        resolve_label("spam", None)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([0], "returned 1 votes for 2 rows"),
        (1, "returned a int for 2 rows"),
        ("ab", "returned a str"),
        (None, "returned a NoneType"),
        (np.zeros((2, 1), int), r"returned a ndarray of shape \(2, 1\)"),
        ({"a": 1, "b": 0}, "returned a dict"),
        (iter([0, 1]), "returned a list_iterator"),
    ],
    ids=["short", "int", "str", "none", "matrix", "dict", "iterator"],
)
def test_a_batch_returns_one_vote_a_row(outputs, said):
    with pytest.raises(WorkbenchError, match=said):
        check_length(outputs, 2)


def test_a_fault_on_one_row_leaves_the_others_and_traces_the_first():
    def invert(row):
        return 1 // row

    outputs, faults = call_on_rows(invert, [1, 0, 1, 0])
    assert outputs == [1, -1, 1, -1]
    assert [(fault.position, fault.error.partition(":")[0]) for fault in faults] == [
        (1, "ZeroDivisionError"),
        (3, "ZeroDivisionError"),
    ]
    assert "return 1 // row" in faults[0].traceback and faults[1].traceback == ""


def test_a_traceback_begins_in_the_users_code():
    def asks(row):
        return row.missing

    _, faults = call_on_rows(asks, ["no row"])
    assert faults[0].traceback.splitlines()[1].strip().startswith(f'File "{__file__}"')
    assert "votes.py" not in faults[0].traceback


def test_stop_iteration_inside_a_function_is_a_fault_like_any_other():
    outputs, faults = call_on_rows(lambda row: next(iter([])), [1, 2])
    assert outputs == [-1, -1] and [fault.position for fault in faults] == [0, 1]


def test_an_error_that_cannot_be_told_or_quotes_a_whole_text_is_a_fault_of_its_row():
    errors = [Silent(), ValueError("no number: " + "text " * 10_000)]

    def fails(row):
        raise errors[row]

    _, (silent, long) = call_on_rows(fails, [0, 1])
    assert silent.error == "Silent: <str() of Silent raises TypeError>"
    assert long.error.startswith("ValueError: no number: text text") and len(long.error) == 500
