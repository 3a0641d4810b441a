"""A light row reads as a pandas row does."""

import pickle

import numpy as np
import pandas as pd
import pytest

from workbench import labeling_function
from workbench.lfs import column, lookup, threshold
from workbench.lfs.chunk import Chunk
from workbench.lfs.rows import OpenRow, cells_of, light_rows

CELLS = {"text": "hello", "n": 3, "a b": None}


@pytest.fixture(params=["light", "open", "pandas"])
def row(request):
    kinds = {
        "light": light_rows({name: [cell] for name, cell in CELLS.items()}, ["r7"])[0],
        "open": OpenRow(CELLS, "r7"),
        "pandas": pd.Series(CELLS, dtype=object, name="r7"),
    }
    return kinds[request.param]


def test_cells_are_read_by_attribute_and_by_key(row):
    assert (row.text, row["text"], row["a b"], row.name) == ("hello", "hello", None, "r7")


def test_in_get_keys_and_items_speak_of_columns(row):
    assert "text" in row and "hello" not in row
    assert row.get("n", 0) == 3 and row.get("missing", 0) == 0
    assert list(row.keys()) == ["text", "n", "a b"]
    assert dict(row.items()) == CELLS


def test_a_missing_column_is_an_error_of_the_usual_kind(row):
    assert getattr(row, "missing", "default") == "default"
    with pytest.raises(AttributeError, match="missing"):
        _ = row.missing
    with pytest.raises(KeyError, match="missing"):
        _ = row["missing"]


def test_length_iteration_and_index_are_those_of_pandas():
    light = light_rows({name: [cell] for name, cell in CELLS.items()}, ["r7"])[0]
    series = pd.Series(CELLS, dtype=object, name="r7")
    assert len(light) == len(series) == 3
    assert list(light) == list(series)
    assert list(light.index) == list(series.index)
    assert light.to_dict() == series.to_dict()
    with pytest.raises(KeyError, match="0"):
        _ = light[0]
    with pytest.raises(KeyError, match="0"):
        _ = series[0]


def test_a_light_row_is_read_only():
    light = light_rows({"text": ["hello"]}, ["r7"])[0]
    with pytest.raises(AttributeError, match=r"cannot set 'text': .* pre=\[step\]"):
        light.text = "changed"
    with pytest.raises(AttributeError, match="cannot set 'new'"):
        light["new"] = "added"
    assert "r7" in repr(light) and "hello" in repr(light)


@pytest.mark.parametrize(
    "name", ["name", "index", "count", "keys", "items", "get", "to_dict", "_id", "class", "a.b", "", "über"], ids=repr
)
def test_a_column_may_have_any_name(name):
    row = light_rows({"text": ["hello"], name: ["cell"]}, ["r7"])[0]
    assert row[name] == getattr(row, name) == "cell"
    assert cells_of(row)[0] == {"text": "hello", name: "cell"}
    assert OpenRow({name: "cell"}, "r7")[name] == "cell"


def test_an_open_row_takes_changes_and_survives_a_copy():
    row = OpenRow({"text": "hello"}, "r7")
    row.tokens = ["hello"]
    row["n"] = 1
    copy = pickle.loads(pickle.dumps(row))
    assert (copy.tokens, copy.n, copy.name) == (["hello"], 1, "r7")
    assert "r7" not in vars(copy).values()  # a memoised step must see two equal rows as equal


@pytest.mark.parametrize(
    "row",
    [
        {"text": "hello", "n": 3},
        pd.Series({"text": "hello", "n": 3}),
        light_rows({"text": ["hello"], "n": [3]}, ["r7"])[0],
        OpenRow({"text": "hello", "n": 3}, "r7"),
        next(pd.DataFrame({"text": ["hello"], "n": [3]}).itertuples(index=False)),
    ],
    ids=["dict", "series", "light", "open", "namedtuple"],
)
def test_cells_of_any_kind_of_row(row):
    assert cells_of(row)[0] == {"text": "hello", "n": 3}


def test_a_missing_truth_value_is_none():
    frame = pd.DataFrame({"text": ["a", "b"], "paid": pd.array([True, None], dtype="boolean")}, index=["r1", "r2"])
    chunk = Chunk(frame, ("text",), ("ham", "spam"))
    assert [row.paid for row in chunk.rows()] == [True, None]


def ask_a_row(row):
    return 0 if row.age > 2 else -1


@pytest.mark.parametrize(
    "function",
    [
        labeling_function(name="row")(ask_a_row),
        labeling_function(batch=True, name="frame")(lambda frame: np.where(frame["age"] > 2, 0, -1)),
        labeling_function(batch="age", name="one column")(lambda ages: np.where(ages > 2, 0, -1)),
        threshold("age", 0, above=2),
        lookup("age", 0, values=["3"]),
        column("age", {3: 0}),
    ],
    ids=lambda function: function.name,
)
def test_a_missing_whole_number_is_above_nothing_and_the_others_stay_whole(function):
    frame = pd.DataFrame({"text": ["a", "b", "c"], "age": pd.array([3, None, 1], dtype="Int64")}, index=["r1", "r2", "r3"])
    votes, faults = function.votes(Chunk(frame, ("text",), ("ham", "spam")))
    assert (votes.tolist(), faults) == ([0, -1, -1], [])
    assert [repr(row.age) for row in Chunk(frame, ("text",), None).rows()] == ["3", "nan", "1"]
    assert next(Chunk(frame, ("text",), None).series_rows([1])).age != 3


def test_a_misspelt_column_names_the_nearest():
    (row,) = light_rows({"text": ["hello"], "plan": ["pro"]}, ["r1"])
    with pytest.raises(AttributeError, match="the row has no column 'txt'; it has text, plan; did you mean 'text'"):
        _ = row.txt
    with pytest.raises(KeyError, match="the row has no column 'plans'; it has text, plan; did you mean 'plan'"):
        _ = row["plans"]
