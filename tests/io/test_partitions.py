"""Parquet files cut into partitions: which files are meant, how columns are typed, and what tells that a file has changed."""

from typing import ClassVar

import fsspec
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from workbench.io.partitions import found_at, in_partitions, partitions, read_partition, remove_at, source_in
from workbench.io.readers import read_frame
from workbench.tables import WorkbenchError

ROWS = pd.DataFrame(
    {
        "text": ["a", "b", "c", "d"],
        "age": pd.array([1, 2, None, 4], "Int64"),
        "paid": pd.array([True, False, True, None], "boolean"),
        "n": [1, 2, 3, 4],
        "code": ["1", "2", None, None],
    }
)


def write(folder, *parts, **settings):
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(parts):
        part.to_parquet(folder / f"{number}.parquet", index=False, **settings)
    return folder


def read(source, rows=1):
    return [read_partition(part, ["text"]) for part in partitions(str(source), rows)]


@pytest.mark.parametrize("cuts", [(4,), (2, 2), (1, 1, 1, 1)], ids=str)
def test_a_gap_in_one_partition_types_the_column_in_all(tmp_path, cuts):
    starts = [sum(cuts[:at]) for at in range(len(cuts))]
    parts = [ROWS.iloc[start : start + n] for start, n in zip(starts, cuts, strict=True)]
    found = read(write(tmp_path / "rows", *parts, row_group_size=1))
    ROWS.to_parquet(tmp_path / "whole.parquet", index=False)
    whole, _ = read_frame(tmp_path / "whole.parquet", text_columns=["text"])
    assert len(found) == 4
    for number, part in enumerate(found):
        assert part.to_dict("records")[0].keys() == whole.to_dict("records")[0].keys()
        pd.testing.assert_frame_equal(part, whole.iloc[[number]].reset_index(drop=True))


def test_files_may_hold_their_columns_in_another_order_and_not_others(tmp_path):
    folder = write(tmp_path / "rows", ROWS[:2], ROWS[["n", "code", "paid", "text", "age"]][2:])
    assert [len(part) for part in read(folder)] == [2, 2]
    ROWS.rename(columns={"n": "count"}).to_parquet(folder / "2.parquet")
    with pytest.raises(WorkbenchError, match=r"2\.parquet has other columns than .*0\.parquet, such as 'count'; make"):
        partitions(str(folder))


def test_numbers_in_one_file_and_text_in_another_stay_what_they_are(tmp_path):
    found = read(write(tmp_path / "rows", ROWS[:3], ROWS[3:].assign(age="old")))
    assert [part["age"].tolist()[-1] for part in found][1:] == ["old"]


def test_a_file_whose_path_has_the_signs_of_a_pattern_is_a_file(tmp_path):
    folder = tmp_path / "desk [new]"
    write(folder, ROWS)
    (folder / "0.parquet").rename(folder / "rows[1].parquet")
    assert not in_partitions("rows[1].parquet", folder) and not in_partitions("missing.csv", folder)
    assert len(partitions(source_in(folder, "rows[1].parquet"))) == 1
    assert in_partitions(".", folder) and len(partitions(source_in(folder, "."))) == 1
    assert in_partitions("*.parquet", folder) and len(partitions(source_in(folder, "*.parquet"))) == 1
    assert len(partitions(source_in(folder / "task", "../r*.parquet"))) == 1


def test_a_file_that_is_written_anew_is_another_where_no_time_of_change_is_known():
    store = fsspec.filesystem("memory")

    def stamp():
        with store.open("/stamps/0.parquet", "wb") as file:
            ROWS.to_parquet(file)
        return partitions("memory://stamps")[0].stamp

    try:
        assert stamp() != stamp()
        assert partitions("memory://stamps") == partitions("memory://stamps")
    finally:
        store.rm("/stamps", recursive=True)


class Remembering(MemoryFileSystem):
    """A store that asks once what is there, as those of clouds do."""

    protocol = "remembering"
    listed: ClassVar[dict[str, list[str]]] = {}

    def glob(self, path, **settings):
        return self.listed.setdefault(path, super().glob(path, **settings))

    def invalidate_cache(self, path=None):
        self.listed.clear()


def test_what_others_write_to_a_store_that_remembers_is_found():
    fsspec.register_implementation("remembering", Remembering, clobber=True)
    with fsspec.open("remembering://stopped/one", "wb") as file:
        file.write(b"1")
    assert len(found_at("remembering://stopped/*")) == 1
    with fsspec.open("remembering://stopped/two", "wb") as file:
        file.write(b"2")
    assert len(found_at("remembering://stopped/*")) == 2
    remove_at("remembering://stopped/one")
    remove_at("remembering://stopped/one")  # another run was faster
    remove_at("remembering://stopped/two")
    assert found_at("remembering://stopped/*") == []
