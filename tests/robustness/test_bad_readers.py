"""Whatever stands in a file, a reader gives its rows or one sentence that names the file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.io import read_crowd, read_frame, read_json, read_toml, read_wrench
from workbench.io.pieces import Pieces
from workbench.project.answer_log import read_log
from workbench.review.exchange import read_decisions
from workbench.tables import WorkbenchError

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DEEP = settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

CELL = st.sampled_from(["", "a", "007", "1e400", "NA", '"', '""', "x,y", "\r", "\n", "\0", "\ufeff", "ü", "\u2028", "{}"])
CSV = st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=5).map(lambda rows: "\n".join(map(",".join, rows)))
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "id", "row", "label"]), inner),
    max_leaves=6,
)
JSONL = st.lists(JSON, max_size=4).map(lambda rows: "\n".join(map(json.dumps, rows)))
TEXT = CSV | JSONL | st.text(max_size=40)
ENCODING = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
CONTENT = st.tuples(TEXT, ENCODING).map(lambda both: both[0].encode(both[1], "replace")) | st.binary(max_size=40)


def rows_or_one_sentence(read: Callable[[Path], int], path: Path) -> int | None:
    """Return the count of rows, or None where the file is refused by its name."""
    try:
        return read(path)
    except WorkbenchError as error:
        assert str(path.parent) in str(error)
        return None


def in_pieces(path: Path) -> int:
    return sum(map(len, Pieces(path)))


def whole(path: Path) -> int:
    return len(read_frame(path, text_columns=["text"])[0])


READERS: dict[str, Callable[[Path], int]] = {
    "whole": whole,
    "pieces": in_pieces,
    "crowd": lambda path: len(read_crowd(path).frame),
    "decisions": lambda path: len(read_decisions(path)),
    "log": lambda path: read_log(path).lines,
}


def read_all(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content)
    found = {name: rows_or_one_sentence(read, path) for name, read in READERS.items()}
    if found["whole"] is not None and found["pieces"] is not None:
        assert found["whole"] == found["pieces"]


@QUICK
@given(suffix=st.sampled_from([".csv", ".tsv", ".jsonl"]), content=CONTENT)
def test_any_text_gives_rows_or_one_sentence(tmp_path: Path, suffix: str, content: bytes) -> None:
    read_all(tmp_path, suffix, content)


@pytest.mark.slow
@DEEP
@given(suffix=st.sampled_from([".csv", ".tsv", ".jsonl"]), content=CONTENT)
def test_any_text_gives_rows_or_one_sentence_at_length(tmp_path: Path, suffix: str, content: bytes) -> None:
    read_all(tmp_path, suffix, content)


@QUICK
@given(place=st.floats(0, 0.999), bit=st.integers(0, 7), cut=st.floats(0.5, 1))
def test_a_damaged_parquet_file_gives_rows_or_one_sentence(tmp_path: Path, place: float, bit: int, cut: float) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"text": [f"text {i}" for i in range(9)], "n": range(9)}).to_parquet(path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content[: int(cut * len(content))] if cut < 0.9 else content)
    for read in (whole, in_pieces):
        rows_or_one_sentence(read, path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "n": ' + "9" * 5000 + "}", "line 1: a whole number has more than 4,300 digits; write it in quotes"),
        ('{"text": ' * 50_000, "line 1: lists and objects lie in each other too deep; write them flat"),
        ('{"text": "a", "text": "b"}', "line 1: the key 'text' stands twice in one object"),
    ],
    ids=["long number", "deep", "key twice"],
)
@pytest.mark.parametrize("name", ["whole", "pieces", "decisions", "log"])
def test_json_that_python_cannot_hold_is_one_sentence(tmp_path: Path, name: str, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(WorkbenchError, match=message):
        READERS[name](path)


def test_a_json_file_of_long_numbers_or_deep_nests_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": ' + "9" * 5000 + "}")
    with pytest.raises(WorkbenchError, match=r"a\.json: a whole number has more than 4,300 digits"):
        read_json(path)
    path.write_text("[" * 100_000)
    with pytest.raises(WorkbenchError, match=r"a\.json: lists and objects lie in each other too deep"):
        read_json(path)


def test_a_toml_file_of_long_numbers_or_deep_nests_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a = " + "9" * 5000)
    with pytest.raises(WorkbenchError, match=r"a\.toml holds a value that cannot be read: Exceeds the limit"):
        read_toml(path)
    path.write_text("a = " + "[" * 50_000)
    with pytest.raises(WorkbenchError, match=r"a\.toml has lists or tables that lie in each other too deep"):
        read_toml(path)


@pytest.mark.parametrize("read", [whole, in_pieces, READERS["log"]], ids=["whole", "pieces", "log"])
def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(tmp_path: Path, read: Callable[[Path], int]) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    with pytest.raises(WorkbenchError, match=r"rows\.csv is no file but a pipe or a device; write what it gives to a file"):
        read(tmp_path / "rows.csv")


@pytest.mark.parametrize("encoding", ["nope", "undefined", "\0", "base64"])
def test_an_encoding_that_reads_no_text_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text\na\n")
    for read in (lambda: read_frame(path, encoding=encoding), lambda: list(Pieces(path, encoding=encoding))):
        with pytest.raises(WorkbenchError, match=r"rows\.csv cannot be read with encoding .*; try 'utf-8'"):
            read()


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "\n"], ids=["empty", "two", "quote", "line end"])
def test_a_delimiter_that_cuts_nothing_is_refused(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text\na\n")
    for read in (lambda: read_frame(path, delimiter=delimiter), lambda: list(Pieces(path, delimiter=delimiter))):
        with pytest.raises(WorkbenchError, match=r"delimiter .* for .*rows\.csv is not one character"):
            read()


def test_a_date_that_no_column_holds_names_file_and_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["a"], "day": pa.array([2**30], pa.int32()).cast(pa.date32())}), path)
    with pytest.raises(WorkbenchError, match=r"rows\.parquet: column 'day' holds date32\[day\] cells that cannot be read"):
        read_frame(path)


def test_a_file_that_is_a_byte_order_mark_alone_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(WorkbenchError, match=r"rows\.csv is empty; it needs a header and rows"):
        read_frame(path)


def test_half_a_character_in_a_log_or_a_class_name_is_replaced(tmp_path: Path) -> None:
    line = {"time": "2026-11-22T10:00:00+00:00", "id": "\ud800", "model": "m", "label": "bug", "decision": "answer"}
    (tmp_path / "log.jsonl").write_text(json.dumps({**line, "confidence": 0.9}) + "\n")
    assert list(read_log(tmp_path / "log.jsonl").newest.index) == ["\ufffd"]
    (tmp_path / "label.json").write_text('["ham", "\\ud800"]')
    (tmp_path / "train.json").write_text('{"a": {"weak_labels": [1], "data": {"text": "t"}}}')
    assert read_wrench(tmp_path).labels == ("ham", "\ufffd")
