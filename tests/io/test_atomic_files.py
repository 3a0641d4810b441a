"""A user's files are written whole or not at all, the same bytes each time."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.io import atomic_write, check_format, new_folder, read_json, sha256, write_frame, write_json, write_text
from workbench.io.files import remove_folder
from workbench.tables import WorkbenchError

FRAME = pd.DataFrame(
    {"text": ["a, b", 'say "hi"\nbye'], "score": [0.1, np.nan], "votes": [[1, 2], []]}, index=pd.Index(["r1", "r2"], name="id")
)


def test_a_file_is_replaced_only_when_the_writing_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "new" / "metrics.json"
    write_text(target, "old")
    with pytest.raises(RuntimeError, match="disk is full"), atomic_write(target) as temporary:
        temporary.write_text("half")
        assert temporary.parent == target.parent
        raise RuntimeError("disk is full")
    assert target.read_text() == "old"
    assert [entry.name for entry in target.parent.iterdir()] == ["metrics.json"]


def test_a_link_keeps_pointing_at_its_file(tmp_path: Path) -> None:
    write_text(tmp_path / "real.toml", "old")
    (tmp_path / "link.toml").symlink_to(tmp_path / "real.toml")
    write_text(tmp_path / "link.toml", "new")
    assert (tmp_path / "link.toml").is_symlink()
    assert (tmp_path / "real.toml").read_text() == "new"


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), new_folder(tmp_path / "task") as folder:
        (folder / "task.toml").write_text("half")
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "task") as folder:
        (folder / "task.toml").write_text("whole")
    assert (tmp_path / "task" / "task.toml").read_text() == "whole"
    with (
        pytest.raises(WorkbenchError, match="task exists already; choose another folder"),
        new_folder(tmp_path / "task"),
    ):
        raise AssertionError("the block must not run")


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-run 1" / "labels").mkdir(parents=True)
    (tmp_path / ".unfinished-0123456789ab.json").write_text("half")
    (tmp_path / ".own").mkdir()
    write_text(tmp_path / "a.txt", "whole")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".own", "a.txt"]
    (tmp_path / ".unfinished-run 2").mkdir()
    with new_folder(tmp_path / "run 2"):
        pass
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".own", "a.txt", "run 2"]


def test_what_a_living_writer_is_at_stays(tmp_path: Path) -> None:
    with new_folder(tmp_path / "one") as one, atomic_write(tmp_path / "file") as file:
        file.write_text("begun")
        with new_folder(tmp_path / "two"):
            assert one.is_dir() and file.read_text() == "begun"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "one", "two"]


def test_a_folder_that_another_is_writing_is_refused(tmp_path: Path) -> None:
    with (
        new_folder(tmp_path / "task"),
        pytest.raises(WorkbenchError, match="task is being written by another process; wait for it, or choose another"),
        new_folder(tmp_path / "task"),
    ):
        raise AssertionError("the block must not run")
    assert [entry.name for entry in tmp_path.iterdir()] == ["task"]


def test_a_folder_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="task exists already"), new_folder(tmp_path / "task"):
        write_text(tmp_path / "task" / "theirs", "1")
    assert [entry.name for entry in (tmp_path / "task").iterdir()] == ["theirs"]


def test_a_removed_folder_is_gone_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "run" / "votes", "1")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="killed"):
        patch.setattr("shutil.rmtree", lambda folder: (_ for _ in ()).throw(OSError("killed")))
        remove_folder(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    write_text(tmp_path / "next" / "votes", "1")
    remove_folder(tmp_path / "next")
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_json_does_not_know_are_null(tmp_path: Path) -> None:
    document = {
        "z": np.float64("nan"),
        "a": np.arange(2),
        "inf": float("inf"),
        "flag": np.bool_(True),
        3: {"b", "a"},
        "path": Path("x"),
        "gone": pd.NA,
        "column": pd.Series([1.5, None]),
    }
    write_json(tmp_path / "m.json", document)
    text = (tmp_path / "m.json").read_text()
    assert json.loads(text) == {
        "z": None,
        "a": [0, 1],
        "inf": None,
        "flag": True,
        "3": ["a", "b"],
        "path": "x",
        "gone": None,
        "column": [1.5, None],
    }
    assert list(read_json(tmp_path / "m.json"))[:2] == ["z", "a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b": }', r"bad\.json is not valid JSON: Expecting value at line 2, column 7"),
        (b'{"a": 1, "a": 2}', r"bad\.json: the key 'a' stands twice in one object"),
        (b'{"a": "\xff"}', r"bad\.json is not UTF-8 text: byte 7 cannot be read"),
    ],
    ids=["broken", "key twice", "latin-1"],
)
def test_broken_json_names_the_place(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(WorkbenchError, match=message):
        read_json(tmp_path / "bad.json")


def test_a_missing_json_file_names_the_nearest(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", {})
    with pytest.raises(WorkbenchError, match=r"manifset\.json does not exist; did you mean 'manifest\.json'\?"):
        read_json(tmp_path / "manifset.json")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"], ids=str)
def test_the_same_frame_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    before = FRAME.copy(deep=True)
    write_frame(FRAME, tmp_path / f"a{suffix}")
    write_frame(FRAME.copy(), tmp_path / f"b{suffix}")
    assert sha256(tmp_path / f"a{suffix}") == sha256(tmp_path / f"b{suffix}")
    pd.testing.assert_frame_equal(FRAME, before)


def test_a_frame_can_be_read_by_eye(tmp_path: Path) -> None:
    write_frame(FRAME, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == 'id,text,score,votes\nr1,"a, b",0.1,"[1, 2]"\nr2,"say ""hi""\nbye",,[]\n'
    write_frame(FRAME.reset_index(drop=True), tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text().splitlines() == [
        '{"text": "a, b", "score": 0.1, "votes": [1, 2]}',
        '{"text": "say \\"hi\\"\\nbye", "score": null, "votes": []}',
    ]


def test_a_table_with_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        WorkbenchError, match=r"ends in '\.xlsx'; a table is written as '\.csv', '\.tsv', '\.jsonl', '\.parquet'"
    ):
        write_frame(FRAME, tmp_path / "a.xlsx")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"], ids=str)
def test_half_a_character_cannot_be_written(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({"text": pd.Series(["a\ud800"], dtype=object)})
    with pytest.raises(WorkbenchError, match=r"cannot hold '\\ud800', half of a character"):
        write_frame(frame, tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, r"run\.json has no format version; add the line `format = 2`"),
        ({"format": "1"}, r"run\.json has format '1'; it is a whole number, 1\.\.2"),
        ({"format": 3}, r"run\.json has format 3, but this workbench knows formats up to 2; upgrade it"),
    ],
    ids=["missing", "text", "newer"],
)
def test_a_format_that_is_not_known_is_refused(document: dict[str, object], message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        check_format(document, "run.json", known=2)


def test_an_older_format_is_accepted() -> None:
    check_format({"format": 1}, "run.json", known=2)


def test_a_file_where_a_folder_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(WorkbenchError, match="cannot be written: Not a directory"), new_folder(tmp_path / "runs" / "one"):
        pass
