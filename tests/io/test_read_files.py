"""What a user's file may look like: read right, counted, or refused in one sentence."""

import codecs
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.io import read_frame
from workbench.tables import WorkbenchError


def save(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_cells_are_typed_unless_they_are_text(tmp_path: Path) -> None:
    rows = "id,text,age,price,gap,paid,maybe,plan\n007,NA,41,1.5,3,true,FALSE,pro\n008,None,9,2,,False,,\n"
    frame, warnings = read_frame(save(tmp_path, "a.csv", rows), text_columns=["id", "text"])
    assert warnings == []
    assert frame["id"].tolist() == ["007", "008"]
    assert frame["text"].tolist() == ["NA", "None"]
    assert frame["age"].tolist() == [41, 9] and frame["age"].dtype == np.int64
    assert frame["price"].tolist() == [1.5, 2.0]
    assert frame["gap"][0] == 3 and np.isnan(frame["gap"][1])
    assert frame["paid"].tolist() == [True, False] and frame["paid"].dtype == bool
    assert str(frame["maybe"].dtype) == "boolean" and pd.isna(frame["maybe"][1])
    assert frame["plan"][0] == "pro" and pd.isna(frame["plan"][1])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["01234", "98765", "4"], ["column 'x' is read as text: no plain number in 1 of 3 cells, such as '01234'"]),
        (["+49301", "+49302"], []),
        (["12345678901234567890", "1"], []),
        (["12345678901234567", "1", '""'], []),
        (["NA", "1", "2", "3"], ["column 'x' is read as text: no plain number in 1 of 4 cells, such as 'NA'"]),
        (["yes", "no"], []),
    ],
    ids=["postcode", "phone", "beyond 64 bits", "17 digits with a gap", "numbers but one", "words"],
)
def test_a_column_that_would_lose_something_as_numbers_stays_text(tmp_path: Path, cells: list[str], said: list[str]) -> None:
    frame, warnings = read_frame(save(tmp_path, "a.csv", "x\n" + "\n".join(cells) + "\n"))
    assert frame["x"].fillna('""').tolist() == cells
    assert warnings == said


def test_a_header_without_a_name_gets_one(tmp_path: Path) -> None:
    frame, warnings = read_frame(save(tmp_path, "a.csv", ",text\n0,hi\n"))
    assert list(frame.columns) == ["column_1", "text"]
    assert warnings == ["column 1 has no name; it is called 'column_1'"]


def test_blank_lines_and_windows_line_ends_are_no_rows(tmp_path: Path) -> None:
    frame, warnings = read_frame(save(tmp_path, "a.csv", 'text,n\r\n\r\n"two\r\nlines",1\r\n\r\n'))
    assert frame.to_dict("list") == {"text": ["two\r\nlines"], "n": [1]}
    assert warnings == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "text,label\nhi,ham\na, b,spam\n",
            r"line 3 has 3 fields, but the header has 2 \('text', 'label'\); a cell that holds",
        ),
        ('text,label\n"two\nlines",ham\nalone\n', r"line 4 has 1 field, but the header has 2"),
        (
            'text,label\nhi,ham\n"open,spam\nlast,ham\n',
            r"row starting on line 3: a quote is opened and not closed; inside a quoted",
        ),
        ('text,label\n"a"b,ham\n', r"row starting on line 2: .* expected after"),
        ("text;label\nhi;ham\n", r"has the single column 'text;label'; it looks separated by ';': set delimiter = \";\""),
        ("id;text;label\n1;hi, you;ham\n", r"looks separated by ';'"),
        ("text\tlabel\nhi\tham\n", r"looks separated by '\\t' \(a tab\): set delimiter = \"\\t\""),
        ("text,label,text\na,b,c\n", r"has the column 'text' twice, as columns 1 and 3; rename one of them"),
        ("", r"a\.csv is empty; it needs a header and rows"),
        ("\n \n", r"a\.csv is empty"),
        ("\ufeff\n", r"a\.csv is empty"),
        ("text,label\n", r"has a header \('text', 'label'\) and no rows"),
    ],
    ids=[
        "too many",
        "too few",
        "open quote",
        "text after a quote",
        "semicolons",
        "semicolons and a comma",
        "tabs",
        "columns twice",
        "empty",
        "blank",
        "only a mark",
        "header only",
    ],
)
def test_a_broken_csv_is_refused_in_one_sentence(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        read_frame(save(tmp_path, "a.csv", content))


def test_the_hinted_delimiter_works(tmp_path: Path) -> None:
    frame, _ = read_frame(save(tmp_path, "a.csv", "id;text\n1;hi, you\n"), delimiter=";")
    assert frame["text"].tolist() == ["hi, you"]
    tabs, _ = read_frame(save(tmp_path, "a.tsv", "id\ttext\n1\thi, you\n"))
    assert tabs["text"].tolist() == ["hi, you"]
    with pytest.raises(WorkbenchError, match=r"delimiter ';;' for .* is not one character"):
        read_frame(tmp_path / "a.csv", delimiter=";;")


def test_an_empty_delimiter_is_not_a_silent_comma(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"delimiter '' for .* is not one character"):
        read_frame(save(tmp_path, "a.csv", "id,text\n1,hi\n"), delimiter="")


def test_a_missing_column_lists_the_columns_and_the_nearest(tmp_path: Path) -> None:
    path = save(tmp_path, "a.csv", "id,Text\n1,hi\n")
    with pytest.raises(WorkbenchError, match=r"has no column 'text'; its columns are 'id', 'Text'; did you mean 'Text'\?"):
        read_frame(path, text_columns=["text"])


class TestEncodings:
    def test_the_wrong_encoding_names_the_line_and_the_way_out(self, tmp_path: Path) -> None:
        path = save(tmp_path, "a.csv", "text\nhello\nMüller\n".encode("latin-1"))
        with pytest.raises(
            WorkbenchError, match=r'not utf-8 text: byte 0xfc on line 3 \(byte 12 of the file\); .*"cp1252".*"latin-1"'
        ):
            read_frame(path)
        assert read_frame(path, encoding="latin-1")[0]["text"].tolist() == ["hello", "Müller"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"], ids=str)
    def test_a_byte_order_mark_is_believed(self, tmp_path: Path, encoding: str) -> None:
        frame, warnings = read_frame(save(tmp_path, "a.csv", "text\nMüller\n".encode(encoding)), text_columns=["text"])
        assert frame["text"].tolist() == ["Müller"]
        assert [encoding.upper() in warning for warning in warnings] == ([] if encoding == "utf-8-sig" else [True])

    def test_utf_16_without_a_mark_is_recognised(self, tmp_path: Path) -> None:
        with pytest.raises(WorkbenchError, match='too many NUL characters to be utf-8 text; try encoding = "utf-16-le"'):
            read_frame(save(tmp_path, "a.csv", "text\nhello\n".encode("utf-16-le")))

    def test_an_unknown_encoding_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WorkbenchError, match="cannot be read with encoding 'utf9': it is unknown; try 'utf-8'"):
            read_frame(save(tmp_path, "a.csv", "text\nhello\n"), encoding="utf9")

    def test_the_mark_is_not_part_of_the_first_column(self, tmp_path: Path) -> None:
        path = save(tmp_path, "a.jsonl", codecs.BOM_UTF8 + b'{"text": "hi"}\n')
        assert list(read_frame(path)[0].columns) == ["text"]


class TestOddCells:
    def test_a_10_mb_cell_is_kept_and_counted(self, tmp_path: Path) -> None:
        frame, warnings = read_frame(save(tmp_path, "a.csv", "text\n" + "x" * 10_485_760 + "\nshort\n"), text_columns=["text"])
        assert frame["text"].str.len().tolist() == [10_485_760, 5]
        assert warnings == ["column 'text': 1 cell of more than 1,000,000 bytes kept, the longest has 10,485,760"]

    def test_nul_characters_are_kept_and_counted(self, tmp_path: Path) -> None:
        frame, warnings = read_frame(save(tmp_path, "a.csv", "text\na\0b\nc d e f\n"))
        assert frame["text"].tolist() == ["a\0b", "c d e f"]
        assert warnings == ["column 'text': NUL characters kept in 1 cell"]

    def test_half_a_character_is_replaced_and_counted(self, tmp_path: Path) -> None:
        frame, warnings = read_frame(save(tmp_path, "a.jsonl", '{"text": "a\\ud83d"}\n{"text": "\\ud83d\\ude00"}\n'))
        assert frame["text"].tolist() == ["a\ufffd", "😀"]
        assert warnings == ["column 'text': a lone surrogate replaced by '\ufffd' in 1 cell"]


class TestJsonLines:
    def test_keys_become_columns_in_order_of_appearance(self, tmp_path: Path) -> None:
        lines = ['{"id": 7, "text": "NA", "n": 1}', "", '{"text": null, "n": 2.5, "ok": true, "id": 1.0}']
        frame, warnings = read_frame(save(tmp_path, "a.jsonl", "\r\n".join(lines)), text_columns=["id", "text"])
        assert list(frame.columns) == ["id", "text", "n", "ok"]
        assert frame["id"].tolist() == ["7", "1.0"]
        assert frame["text"].tolist() == ["NA", ""]
        assert frame["n"].tolist() == [1.0, 2.5]
        assert pd.isna(frame["ok"][0]) and frame["ok"][1]
        assert warnings == []

    def test_lists_and_objects_are_kept_as_json_text(self, tmp_path: Path) -> None:
        frame, warnings = read_frame(save(tmp_path, "a.jsonl", '{"tags": ["ä", 1], "n": 1}\n{"tags": null, "n": 2}\n'))
        assert frame["tags"][0] == '["ä", 1]' and pd.isna(frame["tags"][1])
        assert warnings == ["column 'tags': lists and objects are kept as JSON text in 1 cell"]

    def test_a_mix_of_types_becomes_text_and_is_said(self, tmp_path: Path) -> None:
        frame, warnings = read_frame(save(tmp_path, "a.jsonl", '{"x": 1}\n{"x": "one"}\n'))
        assert frame["x"].tolist() == ["1", "one"]
        assert warnings == ["column 'x' mixes numbers and text; it is read as text"]

    def test_numbers_beyond_64_bits_keep_every_digit(self, tmp_path: Path) -> None:
        frame, _ = read_frame(save(tmp_path, "a.jsonl", '{"x": 123456789012345678901234}\n'))
        assert frame["x"].tolist() == ["123456789012345678901234"]

    def test_a_line_separator_inside_text_ends_no_line(self, tmp_path: Path) -> None:
        frame, _ = read_frame(save(tmp_path, "a.jsonl", '{"text": "a\u2028b"}\n'))
        assert frame["text"].tolist() == ["a\u2028b"]

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ('{"text": "x"', r"a\.jsonl, line 17 is not valid JSON: .* at column 13"),
            ("[1, 2]", r"a\.jsonl, line 17 is \[1, 2\], not an object; write"),
            ('"just text"', r'line 17 is "just text", not an object'),
            ('{"a": 1, "a": 2}', r"line 17: the key 'a' stands twice in one object"),
            ("[" * 100_000, r"line 17: lists and objects lie in each other too deep; write them flat"),
        ],
        ids=["broken", "list", "string", "key twice", "too deep"],
    )
    def test_a_broken_line_17_is_named(self, tmp_path: Path, line: str, message: str) -> None:
        with pytest.raises(WorkbenchError, match=message):
            read_frame(save(tmp_path, "a.jsonl", '{"text": "fine"}\n' * 16 + line + "\n"))

    def test_objects_without_keys_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WorkbenchError, match=r"a\.jsonl holds objects without keys; it needs columns"):
            read_frame(save(tmp_path, "a.jsonl", "{}\n{}\n"))

    def test_one_big_array_is_recognised(self, tmp_path: Path) -> None:
        with pytest.raises(
            WorkbenchError, match=r"line 1 is not valid JSON: .*; a \.jsonl file holds one object a line, not one array"
        ):
            read_frame(save(tmp_path, "a.jsonl", '[\n{"text": "hi"}\n]\n'))


class TestParquet:
    def test_every_arrow_type_becomes_a_plain_column(self, tmp_path: Path) -> None:
        table = pa.table(
            {
                "text": pa.array(["a", None]),
                "kind": pa.array(["x", "y"]).dictionary_encode(),
                "n": pa.array([1, None], pa.int32()),
                "price": pa.array([Decimal("1.00"), Decimal("2.50")]),
                "ok": pa.array([True, None]),
                "day": pa.array([0, 1], pa.date32()),
                "raw": pa.array([b"abc", b"d"]),
                "tags": pa.array([["a"], None]),
                "nothing": pa.nulls(2),
            }
        )
        pq.write_table(table, tmp_path / "a.parquet")
        frame, warnings = read_frame(tmp_path / "a.parquet", text_columns=["text"])
        assert frame["text"].tolist() == ["a", ""]
        assert frame["kind"].tolist() == ["x", "y"]
        assert frame["n"][0] == 1.0 and np.isnan(frame["n"][1])
        assert frame["price"].tolist() == [1.0, 2.5]
        assert str(frame["ok"].dtype) == "boolean"
        assert frame["day"].astype("str").tolist() == ["1970-01-01", "1970-01-02"]
        assert frame["raw"].tolist() == ["abc", "d"]
        assert frame["tags"][0] == '["a"]' and pd.isna(frame["tags"][1])
        assert frame["nothing"].isna().all()
        assert warnings == ["column 'tags': lists and structs are kept as JSON text in 1 cell"]

    def test_a_numeric_id_is_read_as_text(self, tmp_path: Path) -> None:
        pd.DataFrame({"id": [7, 8]}).to_parquet(tmp_path / "a.parquet")
        assert read_frame(tmp_path / "a.parquet", text_columns=["id"])[0]["id"].tolist() == ["7", "8"]

    def test_the_index_pandas_stored_is_a_column_only_when_it_has_a_name(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"text": ["a", "b"]}, index=["x", "y"])
        frame.to_parquet(tmp_path / "bare.parquet")
        frame.rename_axis("id").to_parquet(tmp_path / "named.parquet")
        assert list(read_frame(tmp_path / "bare.parquet")[0].columns) == ["text"]
        assert list(read_frame(tmp_path / "named.parquet")[0].columns) == ["text", "id"]

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), r"has the column 'text' twice"),
            (pa.table({"text": pa.array([], pa.string())}), r"has columns \('text'\) and no rows"),
            (pa.table({"text": pa.array([b"\xff"])}), r"column 'text' holds binary cells that cannot be read"),
        ],
        ids=["columns twice", "no rows", "bytes"],
    )
    def test_odd_tables_are_refused(self, tmp_path: Path, table: pa.Table, message: str) -> None:
        pq.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(WorkbenchError, match=message):
            read_frame(tmp_path / "a.parquet")

    @pytest.mark.parametrize("content", [b"text\nhi\n", b"PAR1 cut short PAR1"], ids=["csv", "cut short"])
    def test_a_broken_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        with pytest.raises(WorkbenchError, match=r"a\.parquet is not a readable Parquet file: "):
            read_frame(save(tmp_path, "a.parquet", content))


class TestPaths:
    def test_a_missing_file_names_the_nearest(self, tmp_path: Path) -> None:
        save(tmp_path, "tickets.csv", "text\nhi\n")
        with pytest.raises(WorkbenchError, match=r"ticket\.csv does not exist; did you mean 'tickets\.csv'\?"):
            read_frame(tmp_path / "ticket.csv")
        with pytest.raises(WorkbenchError, match=r"zzz\.csv does not exist; its folder holds 'tickets\.csv'"):
            read_frame(tmp_path / "zzz.csv")
        with pytest.raises(WorkbenchError, match=r"does not exist, nor does its folder"):
            read_frame(tmp_path / "nowhere" / "a.csv")

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        save(tmp_path, "tickets.csv", "text\nhi\n")
        with pytest.raises(WorkbenchError, match=r"is a folder, not a file; it holds 'tickets\.csv'"):
            read_frame(tmp_path)

    def test_an_excel_file_under_another_name_is_known(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"PK\x03\x04" + bytes(100))
        with pytest.raises(WorkbenchError, match=r"a\.csv holds a zip file, as Excel writes them"):
            read_frame(tmp_path / "a.csv")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("a.xlsx", r"ends in '\.xlsx'; tables are read from .*'\.parquet'; open it there and save the sheet as CSV UTF-8"),
            ("a.json", r"ends in '\.json'; .*did you mean '\.jsonl'\?"),
        ],
        ids=["excel", "json"],
    )
    def test_an_unknown_suffix_lists_the_known(self, tmp_path: Path, name: str, message: str) -> None:
        with pytest.raises(WorkbenchError, match=message):
            read_frame(save(tmp_path, name, "{}"))


def test_nothing_is_lost_between_the_formats(tmp_path: Path) -> None:
    rows = [
        {"id": "007", "n": 1, "x": 0.1, "ok": True, "text": 'a "b", c'},
        {"id": "8", "n": 2, "x": 1e-9, "ok": False, "text": "NA"},
    ]
    save(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    frames = [read_frame(tmp_path / name, text_columns=["id", "text"])[0] for name in ("a.csv", "a.jsonl", "a.parquet")]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    pd.testing.assert_frame_equal(frames[0], frames[2])


def test_tens_of_thousands_of_rows_read_in_a_second(shared_data: Path) -> None:
    frame, warnings = read_frame(shared_data / "it_tickets" / "tickets.csv", text_columns=["Document"])
    assert frame.shape == (47_837, 2)
    assert frame["Topic_group"].nunique() == 8
    assert warnings == []
