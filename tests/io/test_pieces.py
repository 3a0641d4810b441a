"""A table read and written in pieces: the same rows as in one, and an error that names the place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.io import pieces as module
from workbench.io.pieces import Pieces, new_table
from workbench.tables import WorkbenchError

ROWS = pd.DataFrame(
    {"text": ["a,b", 'say "hi"', "two\nlines", "ü €", " "], "code": ["007", "1", None, "1.0", "x"], "n": [1, 2.5, None, -3, 0]}
)


@pytest.fixture(autouse=True)
def two_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 2)


def write(path: Path) -> Path:
    text = {".csv": lambda: ROWS.to_csv(index=False), ".jsonl": lambda: ROWS.to_json(orient="records", lines=True)}
    if path.suffix == ".parquet":
        ROWS.to_parquet(path, index=False)
    else:
        path.write_text(text[path.suffix](), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"], ids=str)
def test_pieces_hold_the_rows_of_the_file_as_they_stand(suffix: str, tmp_path: Path) -> None:
    found = list(Pieces(write(tmp_path / f"rows{suffix}"), ["text"], ["code"], ["n"]))
    assert [list(piece.index) for piece in found] == [[1, 2], [3, 4], [5]]
    whole = pd.concat(found)
    assert whole["text"].tolist() == ROWS["text"].tolist()
    assert whole["code"].fillna("-").tolist() == ["007", "1", "-", "1.0", "x"]  # not 7, and not 1.0 for the gap beside a 1
    assert whole["n"].fillna(9).tolist() == [1, 2.5, 9, -3, 0]


def test_what_is_odd_is_counted_over_all_pieces(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('text\na\n""\nb\n" "\nc\n', encoding="utf-8")
    pieces = Pieces(path)
    assert len(list(pieces)) == 3
    assert pieces.warnings() == ["text column 'text' is empty, and kept so, in 2 cells"]


def test_long_texts_make_short_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHARACTERS", 5)
    path = tmp_path / "rows.csv"
    path.write_text("text\nabcdef\na\nb\n", encoding="utf-8")
    assert [len(piece) for piece in Pieces(path)] == [1, 2]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"text\nok\nok\nok\nb\xe4d\n", r"a\.csv is not utf-8 text: byte 0xe4 on line 5; name its encoding"),
        ("a.csv", b"txt\nok\n", r"a\.csv has no column 'text'; its columns are 'txt'; did you mean 'txt'"),
        ("a.csv", b"text,n\na,1\nb,2\nc\n", r"a\.csv, line 4 has 1 fields, but the header has 2"),
        ("a.csv", b'text\na\n"open\nb\n', r"a\.csv, row starting on line 3: a quote is opened and not closed"),
        ("a.csv", b"text\n", r"a\.csv has no rows"),
        ("a.csv", b"", r"a\.csv is empty"),
        ("a.csv", b"id;text\n1;a\n", r"has the single column 'id;text'; it looks separated by ';'"),
        ("a.jsonl", b'{"text": "a"}\n\n{"text": "b"}\n{"text": null}\n', r"a\.jsonl, line 4 has no text in column 'text'"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "b"}\n{"txt": "c"}\n', r"a\.jsonl, line 3 has no text in column 'text'"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', r"a\.jsonl, line 2 is not valid JSON"),
        ("a.jsonl", b'{"txt": "a"}\n', r"a\.jsonl has no column 'text'"),
        ("a.parquet", b"PAR1 no", r"a\.parquet is not a readable Parquet file"),
        ("a.xlsx", b"x", r"a\.xlsx ends in '\.xlsx'; tables are read from"),
    ],
    ids=[
        "another encoding", "no text column", "a short record", "an open quote", "no rows", "nothing", "another delimiter",
        "null text", "text missing", "broken JSON", "no such key", "broken Parquet", "another kind",
    ],
)  # fmt: skip
def test_an_error_names_the_place(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WorkbenchError, match=said):
        list(Pieces(tmp_path / name))


def test_a_missing_text_in_parquet_is_named_by_row(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a", "b", "c", None]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(WorkbenchError, match=r"a\.parquet, row 4 has no text in column 'text'"):
        list(Pieces(tmp_path / "a.parquet"))
    with pytest.raises(WorkbenchError, match=r"b\.csv does not exist"):
        list(Pieces(tmp_path / "b.csv"))


def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\nü\n".encode("utf-16"))
    assert next(iter(Pieces(tmp_path / "a.csv")))["text"].tolist() == ["ü"]


READ: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, dtype={"t": str}, keep_default_na=False),
    ".jsonl": lambda path: pd.read_json(path, lines=True, precise_float=True, dtype={"t": str}),
    ".parquet": pd.read_parquet,
}


@pytest.mark.parametrize("suffix", list(READ), ids=str)
def test_pieces_written_are_one_table(suffix: str, tmp_path: Path) -> None:
    parts = [pd.DataFrame({"t": ["a\rb", 'c"'], "p": [0.1 + 0.2, 1.0]}), pd.DataFrame({"t": ["ü", "7"], "p": [1e-17, 0.0]})]
    with new_table(tmp_path / f"out{suffix}") as add:
        for part in parts:
            add(part)
    found = READ[suffix](tmp_path / f"out{suffix}")
    assert found["p"].tolist() == [0.1 + 0.2, 1.0, 1e-17, 0.0]
    assert [text.replace("\n", "\r") for text in found["t"]] == ["a\rb", 'c"', "ü", "7"]


@pytest.mark.parametrize("suffix", list(READ), ids=str)
def test_what_fails_half_way_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), new_table(tmp_path / f"out{suffix}") as add:
        add(pd.DataFrame({"a": ["x"]}))
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("mine")
    with pytest.raises(WorkbenchError, match=r"out\.csv exists already; .*--overwrite"), new_table(target):
        raise AssertionError("nothing is to be done")
    assert target.read_text() == "mine"
    with new_table(target, overwrite=True) as add:
        add(pd.DataFrame({"a": ["x"]}))
    assert target.read_text() == "a\nx\n"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    def other(write: Any) -> None:
        write(pd.DataFrame({"a": ["x"]}))
        (tmp_path / "out.csv").write_text("theirs")

    with pytest.raises(WorkbenchError, match="exists already"), new_table(tmp_path / "out.csv") as write:
        other(write)
    assert (tmp_path / "out.csv").read_text() == "theirs" and len(list(tmp_path.iterdir())) == 1
