"""A user names the rows that deserve their own figures."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.spec import parse_slices, slice_mask, slice_masks
from workbench.tables import Dataset, WorkbenchError

FRAME = pd.DataFrame(
    {
        "text": ["I cannot PAY", "pay [now]", "", "Straße"],
        "plan": ["free", "premium", None, "free"],
        "words": [3, 2, 0, 1],
        "score": [0.5, np.nan, 1.5, -1.0],
        "vip": [True, False, False, True],
        "day": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", None]),
        "tags": [["a"], [], None, ["b"]],
    },
    index=["a", "b", "c", "d"],
)
DATASET = Dataset(FRAME, ("ham", "spam"))


def rows(**condition: Any) -> str:
    """Return the ids of the rows in a slice as one word."""
    (one,) = parse_slices({"mine": condition}, "task.toml [slices]")
    return "".join(DATASET.ids[slice_mask(one, DATASET)])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"column": "plan", "equals": "free"}, "ad"),
        ({"column": "plan", "in": ["free", "premium"]}, "abd"),
        ({"column": "words", "equals": 2}, "b"),
        ({"column": "words", "at_least": 2}, "ab"),
        ({"column": "words", "at_most": 1}, "cd"),
        ({"column": "words", "at_least": 1, "at_most": 2}, "bd"),
        ({"column": "score", "at_most": 1}, "ad"),
        ({"column": "vip", "equals": True}, "ad"),
        ({"column": "day", "at_least": "2024-02-01"}, "bc"),
        ({"column": "text", "contains": "pay"}, "ab"),
        ({"column": "text", "contains": "[now]"}, "b"),
        ({"column": "text", "contains": "STRASSE"}, "d"),
        ({"column": "plan", "contains": "none"}, ""),
        ({"column": "plan", "missing": True}, "c"),
        ({"column": "text", "missing": True}, "c"),
        ({"column": "score", "missing": True}, "b"),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_each_condition_picks_its_rows(condition: dict[str, Any], expected: str) -> None:
    assert rows(**condition) == expected


def test_by_makes_one_slice_a_value() -> None:
    masks = slice_masks(parse_slices({"plan": {"by": "plan"}, "short": {"column": "words", "at_most": 1}}, "t"), DATASET)
    assert {name: mask.sum() for name, mask in masks.items()} == {"plan=free": 2, "plan=premium": 1, "short": 2}


def test_by_refuses_a_column_of_many_values() -> None:
    frame = pd.DataFrame({"text": "x", "user": range(21)}, index=[f"r{i}" for i in range(21)])
    with pytest.raises(WorkbenchError, match="would make 21 slices, at most 20"):
        slice_masks(parse_slices({"user": {"by": "user"}}, "t"), Dataset(frame, ("ham", "spam")))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"colum": "plan", "equals": "free"}, "task.toml slice 'mine' has the unknown key 'colum' .did you mean 'column'"),
        ({"equals": "free"}, "names no column"),
        ({"column": "plan"}, "has no condition; give exactly one of equals, in"),
        ({"column": "plan", "equals": "free", "contains": "f"}, "has equals and contains; give exactly one"),
        ({"column": "plan", "at_least": 1, "missing": True}, "has at_least and missing; give exactly one"),
        ({"column": "plan", "in": "free"}, "has in = 'free'; give a list"),
        ({"column": "plan", "missing": False}, "only `missing = true`"),
        ({"column": "plan", "contains": ""}, "non-empty string"),
        ({"by": "plan", "equals": "free"}, "stands alone"),
        ("free", "a slice is a table"),
    ],
    ids=["misspelt key", "no column", "no condition", "two", "range and other", "in", "missing", "contains", "by", "no table"],
)
def test_a_slice_that_cannot_be_meant_is_refused(entry: Any, said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        parse_slices({"mine": entry}, "task.toml")


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"column": "plann", "equals": "free"}, "unknown column 'plann' .did you mean 'plan'"),
        ({"column": "words", "equals": "2"}, "column 'words' of type int64 with '2'"),
        ({"column": "words", "equals": True}, "with True"),
        ({"column": "plan", "equals": 2}, "with 2"),
        ({"column": "plan", "at_least": "f"}, "numbers and dates have ranges"),
        ({"column": "day", "at_least": "soon"}, "column 'day'"),
        ({"column": "tags", "equals": "a"}, "holds lists or records"),
    ],
    ids=["column", "text for number", "truth for number", "number for text", "range of text", "no date", "lists"],
)
def test_a_slice_that_does_not_fit_the_data_is_refused(condition: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        rows(**condition)


def test_two_slices_of_one_name_are_refused() -> None:
    table = {"plan": {"by": "plan"}, "plan=free": {"column": "plan", "equals": "free"}}
    with pytest.raises(WorkbenchError, match="slice 'plan=free' stands twice"):
        slice_masks(parse_slices(table, "t"), DATASET)
