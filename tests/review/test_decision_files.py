"""Decisions as files: out and in again the same, from elsewhere with a minimum of columns."""

import pytest

from workbench.review.decision import Decision
from workbench.review.exchange import read_decisions, write_decisions
from workbench.review.record import Record
from workbench.tables import WorkbenchError


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_what_is_written_is_read_back_exactly(tmp_path, suffix):
    record, copy = Record(tmp_path / "one.sqlite"), Record(tmp_path / "two.sqlite")
    record.decide(
        [
            Decision(
                "007", "label", "ann", "NA", model_label="ham", model_probability=0.1 + 0.2, seconds=1 / 3, note='a,"b"\r\nc'
            ),
            Decision("true", "unsure", "ann", failure_mode="sarcasm", reason="=1+1", shown="00e1"),
            Decision("r 3", "skip", "böb", note="\u2028 null"),
        ]
    )
    record.undo("ann")
    path = tmp_path / f"decisions{suffix}"
    assert write_decisions(record, path) == 4
    entries = [one for _, one in read_decisions(path)]
    assert [copy.decide(entries), copy.decide(entries)] == [4, 0]
    assert copy.decisions().equals(record.decisions())
    again = tmp_path / f"again{suffix}"
    write_decisions(copy, again)
    assert again.read_bytes() == path.read_bytes()


def test_a_spreadsheet_runs_nothing_of_the_decisions_and_a_file_from_elsewhere_is_taken_as_it_stands(tmp_path):
    record, path = Record(tmp_path / "one.sqlite"), tmp_path / "decisions.csv"
    record.decide([Decision("=r1", "label", "@ann", "ham", note="'=1")])
    write_decisions(record, path)
    assert "'=r1" in path.read_text() and "'@ann" in path.read_text() and "''=1" in path.read_text()
    [(_, read)] = read_decisions(path)
    assert (read.row, read.reviewer, read.note) == ("=r1", "@ann", "'=1")
    write_decisions(record, path, escape_formulas=False)
    assert "\n=r1," in path.read_text()
    path.write_text("row,reviewer,label\n'=r1,ann,ham\n")
    assert [one.row for _, one in read_decisions(path)] == ["'=r1"]


def test_a_file_from_elsewhere_needs_row_reviewer_and_label(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_text("\ufeffrow,reviewer,label\nr1,ann,spam\n\nr2,ann,ham\nr1,ann,spam\n", encoding="utf-8")
    found = read_decisions(path)
    assert [(line, one.row, one.kind, one.label, one.purpose) for line, one in found] == [
        (2, "r1", "label", "spam", "anchor"),
        (4, "r2", "label", "ham", "anchor"),
        (5, "r1", "label", "spam", "anchor"),
    ]
    record = Record(tmp_path / "decisions.sqlite")
    assert record.decide([one for _, one in found]) == 2
    assert record.decide([one for _, one in read_decisions(path)]) == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "row,reviewer,lable\nr1,ann,spam\n", "a.csv, line 2: unknown column 'lable'.*did you mean 'label'"),
        ("a.csv", 'row,reviewer,label,note\nr1,ann,spam,"two\nlines"\n,ann,spam,\n', "a.csv, line 4: row is missing"),
        ("a.csv", "row,reviewer,label\nr1,,spam\n", "line 2: reviewer is missing"),
        ("a.csv", "row,reviewer,kind\nr1,ann,maybe\n", "line 2: the kind .* is 'maybe'; it is label or"),
        ("a.csv", "row,reviewer,label,seconds\nr1,ann,spam,fast\n", "line 2: seconds is 'fast'; it is a number"),
        ("a.csv", "row,reviewer,label\nr1,ann\n", "line 2 has 2 cells, but the header has 3"),
        ("a.csv", "row,row,label\nr1,ann,x\n", "has the column 'row' twice"),
        ("a.csv", 'row,reviewer,label\n"r1,ann,spam\n', "line 2 is not valid CSV"),
        ("a.csv", b"row,reviewer,label\nr1,\xff,spam\n", "a.csv is not UTF-8 text: byte 22"),
        ("a.jsonl", '{"row": "r1"\n', "a.jsonl, line 1 is not valid JSON"),
        ("a.jsonl", '\n["r1", "ann"]\n', 'line 2 is \\["r1", "ann"\\], not an object'),
        ("a.jsonl", '{"row": 7, "reviewer": "ann", "label": "x"}\n', "line 1: row .* is 7; it is text"),
        ("a.xlsx", "", "ends in '.xlsx'; decisions are written and read as '.csv', '.jsonl'"),
    ],
    ids=[
        "unknown column", "no row", "no reviewer", "unknown kind", "no number", "too few cells", "a column twice", "open quote",
        "not UTF-8", "broken JSON", "a list", "a number as id", "another kind of file",
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_named(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WorkbenchError, match=message):
        read_decisions(path)
