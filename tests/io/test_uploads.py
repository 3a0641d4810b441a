"""A small file that unfolds to a large one is refused before it is read."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.io import uploads
from workbench.io.uploads import check_upload
from workbench.tables import WorkbenchError


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_file_of_usual_size_passes(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    frame = pd.DataFrame({"text": ["hello", "win"]})
    frame.to_parquet(path) if suffix == ".parquet" else path.write_text(frame.to_csv())
    check_upload(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_more_lines_than_rows_are_allowed_are_refused(tmp_path, end):
    path = tmp_path / "rows.csv"
    path.write_text("text" + f"{end}a" * 11, newline="")
    with pytest.raises(WorkbenchError, match=r"^rows.csv has more than 10 lines, too much for an upload; give the path"):
        check_upload(path, rows=10)


def test_a_header_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "HEADER", 100)
    path = tmp_path / "rows.csv"
    path.write_text("a," * 60)
    with pytest.raises(WorkbenchError, match="has a first line of more than 100 bytes"):
        check_upload(path)
    pd.DataFrame({"a": [1], "b": [1]}).to_parquet(tmp_path / "wide.parquet")
    with pytest.raises(WorkbenchError, match="has 2 columns of at most 1"):
        check_upload(tmp_path / "wide.parquet")


def test_a_parquet_that_repeats_one_long_text_is_refused_for_what_it_unfolds_to(tmp_path):
    path = tmp_path / "bomb.parquet"
    text = pa.array(["a" * 2**20]).dictionary_encode()
    pq.write_table(pa.table({"text": pa.DictionaryArray.from_arrays([0] * 10_000, text.dictionary)}), path)
    assert path.stat().st_size < 2**20
    with pytest.raises(WorkbenchError, match=r"bomb.parquet unfolds to more than 64 MiB, too much for an upload"):
        check_upload(path, most=64 * 2**20)
    with pytest.raises(WorkbenchError, match="has 10,000 rows of at most 9,999"):
        check_upload(path, rows=9_999)


def test_what_only_calls_itself_parquet_is_refused_in_words(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(WorkbenchError, match=r"rows.parquet cannot be read: .*; write the file again"):
        check_upload(path)
