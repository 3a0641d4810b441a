"""A user's table becomes a Dataset: ids, splits and gold as promised, or one clear sentence."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.io import dataset_from_frame, read_dataset, read_frame, write_frame
from workbench.io.datasets import row_ids
from workbench.tables import WorkbenchError

LABELS = ["ham", "spam"]
SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}


def save(folder: Path, content: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def frame(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_every_column_finds_its_place(tmp_path: Path) -> None:
    path = save(tmp_path, "id,body,plan,fold,label\n007,NA,3,train,ham\n8,free money,,test,\n")
    dataset, warnings = read_dataset(path, labels=LABELS, text=["body"], id="id", split="fold", gold="label")
    assert list(dataset.ids) == ["007", "8"]
    assert list(dataset.frame.columns) == ["body", "plan"]
    assert dataset.texts() == ["NA", "free money"]
    assert dataset.split.tolist() == ["train", "test"]
    assert dataset.gold is not None and dataset.gold.tolist() == [0, -1]
    assert warnings == []


def test_columns_are_renamed_before_they_are_looked_up(tmp_path: Path) -> None:
    path = save(tmp_path, "Nr,Body,Class\n1,hi,ham\n")
    names = {"Nr": "id", "Body": "text", "Class": "gold"}
    dataset, _ = read_dataset(path, labels=LABELS, id="id", gold="gold", rename=names)
    assert (list(dataset.ids), dataset.texts()) == (["1"], ["hi"])
    with pytest.raises(WorkbenchError, match=r"the table has no column 'body'; .*did you mean 'Body'\?"):
        dataset_from_frame(frame(Body=["hi"]), labels=LABELS, rename={"body": "text"})


class TestIds:
    def test_content_ids_hash_the_text_and_count_its_occurrences(self, tmp_path: Path) -> None:
        path = save(tmp_path, "text,n\nhi,1\nbye,2\nhi,3\nhi,4\n")
        dataset, _ = read_dataset(path, labels=LABELS)
        hi = hashlib.sha256(b"hi").hexdigest()[:16]
        bye = hashlib.sha256(b"bye").hexdigest()[:16]
        assert list(dataset.ids) == [hi, bye, f"{hi}-2", f"{hi}-3"]

    @pytest.mark.parametrize("text", [("text",), ("text", "plan"), ()], ids=["text", "two texts", "no text"])
    def test_content_ids_stay_when_gold_and_split_are_added(self, text: tuple[str, ...]) -> None:
        bare = frame(text=["hi", "bye", "hi"], plan=["a", "b", "a"])
        more = bare[["plan", "text"]].assign(gold=["ham", None, "spam"], split="test")
        before, _ = dataset_from_frame(bare, labels=LABELS, text=text)
        after, _ = dataset_from_frame(more, labels=LABELS, text=text, gold="gold", split="split")
        assert list(before.ids) == list(after.ids)

    def test_content_ids_do_not_depend_on_gaps_elsewhere(self) -> None:
        whole, _ = dataset_from_frame(frame(age=[41, 50]), labels=LABELS, text=())
        gap, _ = dataset_from_frame(frame(age=[41, None]), labels=LABELS, text=())
        assert whole.ids[0] == gap.ids[0]

    def test_content_ids_are_the_same_in_every_process(self, tmp_path: Path) -> None:
        path = save(tmp_path, "text,n\nhi,1\nMüller,2\n")
        code = (
            "from workbench.io import read_dataset\n"
            f"d, _ = read_dataset({str(path)!r}, labels=['a'], split={{'train': .5, 'test': .5}})\n"
            "print(*d.ids, *d.split)"
        )
        said = {
            subprocess.run(
                [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
            ).stdout
            for seed in ("1", "2")
        }
        dataset, _ = read_dataset(path, labels=["a"], split={"train": 0.5, "test": 0.5})
        assert said == {" ".join([*dataset.ids, *dataset.split]) + "\n"}

    def test_a_duplicate_id_names_both_rows(self, tmp_path: Path) -> None:
        path = save(tmp_path, "id,text\n7,a\n8,b\n7,c\n")
        with pytest.raises(
            WorkbenchError, match=r"a\.csv: id '7' in column 'id' stands twice, on rows 1 and 3; ids must be unique"
        ):
            read_dataset(path, labels=LABELS, id="id")

    def test_an_empty_id_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WorkbenchError, match=r"id column 'id' is empty on row 2; fill it, or leave id out for content ids"):
            read_dataset(save(tmp_path, "id,text\n7,a\n,b\n"), labels=LABELS, id="id")

    def test_new_rows_are_named_as_the_task_would_name_them_but_copies_share_an_id(self) -> None:
        new = frame(id=["7", "7"], text=["a", "a"])
        made, _ = dataset_from_frame(new[["text"]], labels=LABELS)
        assert row_ids(new, ["text"], None, "new.csv") == [made.ids[0], made.ids[0]] == [made.ids[1][:-2]] * 2
        assert row_ids(new, ["text"], "id", "new.csv") == ["7", "7"]
        with pytest.raises(WorkbenchError, match=r"new\.csv: id column 'id' is empty on row 9; fill it"):
            row_ids(new.assign(id=["7", None]).set_axis([8, 9], axis=0), ["text"], "id", "new.csv")


class TestGold:
    @pytest.mark.parametrize(
        ("cells", "labels"),
        [
            (["1", "0", ""], ["0", "1"]),
            ([1.0, 0.0, None], ["0", "1"]),
            (["1.0", "0.0", ""], ["0", "1"]),
            ([1, 0, None], ["0", "1"]),
            ([True, False, None], ["False", "True"]),
            (["1.0", "0.0", None], ["0.0", "1.0"]),
        ],
        ids=["text", "floats with a gap", "floats as text", "objects", "booleans", "labels that look like floats"],
    )
    def test_cells_are_class_names(self, cells: list[Any], labels: list[str]) -> None:
        dataset, _ = dataset_from_frame(frame(text=["a", "b", "c"], gold=cells), labels=labels, gold="gold")
        assert dataset.gold is not None and dataset.gold.tolist() == [1, 0, -1]

    def test_gold_that_nobody_knows_is_none(self) -> None:
        dataset, _ = dataset_from_frame(frame(text=["a"], gold=[""]), labels=LABELS, gold="gold")
        assert dataset.gold is None

    def test_gold_outside_the_labels_names_row_value_and_the_nearest(self, tmp_path: Path) -> None:
        path = save(tmp_path, "id,text,label\nr1,a,ham\nr2,b,spma\n")
        message = r"gold column 'label' is 'spma' on row 2 \(id 'r2'\); allowed are 'ham', 'spam', .*; did you mean 'spam'\?"
        with pytest.raises(WorkbenchError, match=message):
            read_dataset(path, labels=LABELS, id="id", gold="label")


class TestSplits:
    def test_without_a_split_all_rows_train(self) -> None:
        dataset, _ = dataset_from_frame(frame(text=["a", "b"]), labels=LABELS)
        assert dataset.split.tolist() == ["train", "train"]

    def test_shares_are_drawn_close_to_what_was_asked(self) -> None:
        dataset, _ = dataset_from_frame(frame(text=[f"text {i}" for i in range(5000)]), labels=LABELS, split=SHARES)
        counts = dataset.split.value_counts(normalize=True)
        for name, share in SHARES.items():
            assert abs(counts[name] - share) < 4 * np.sqrt(share * (1 - share) / 5000)

    def test_rows_of_equal_text_share_a_split_and_more_rows_move_none(self) -> None:
        texts = [f"text {i}" for i in range(200)]
        copies = [f"  TEXT\t{i}" for i in range(200)]
        small, _ = dataset_from_frame(frame(text=texts), labels=LABELS, split=SHARES)
        large, _ = dataset_from_frame(frame(text=texts + copies), labels=LABELS, split=SHARES)
        assert large.split.tolist() == small.split.tolist() * 2
        assert set(small.split) == {"train", "valid", "test"}

    def test_a_share_of_zero_gets_no_row(self) -> None:
        shares = {"test": 1.0, "train": 0.0}
        dataset, _ = dataset_from_frame(frame(text=[f"{i}" for i in range(50)]), labels=LABELS, split=shares)
        assert set(dataset.split) == {"test"}

    @pytest.mark.parametrize(
        ("split", "message"),
        [
            ({"train": 0.5, "dev": 0.5}, r"split share 'dev' is unknown; allowed are 'train', 'valid', 'test'"),
            ({"train": 0.5, "test": 0.2}, r"the split shares .* sum to 0\.7; they must sum to 1"),
            ({"train": 1.5, "test": -0.5}, r"the share of split 'train' is 1\.5; it must be a number from 0 to 1"),
            ({"train": True}, r"the share of split 'train' is True"),
            ("fold", r"split column 'fold' is 'validation' on row 2; allowed are .*; did you mean 'valid'\?"),
            ("half", r"split column 'half' is '' on row 1; allowed are"),
        ],
        ids=["unknown share", "sum", "range", "bool", "unknown value", "empty value"],
    )
    def test_a_bad_split_is_refused(self, split: Any, message: str) -> None:
        table = frame(text=["a", "b"], fold=["train", "validation"], half=[None, "test"])
        with pytest.raises(WorkbenchError, match=message):
            dataset_from_frame(table, labels=LABELS, split=split)


@pytest.mark.parametrize(
    "roles", [{"gold": "text"}, {"split": "text"}, {"gold": "x", "split": "x"}, {"id": "x", "gold": "x"}], ids=str
)
def test_a_column_has_one_role(roles: dict[str, str]) -> None:
    with pytest.raises(WorkbenchError, match=r"cannot be (gold|split) and text, id or gold at once"):
        dataset_from_frame(frame(text=["a"], x=["b"]), labels=LABELS, **roles)  # type: ignore[arg-type]


def test_labels_and_columns_are_checked_first() -> None:
    with pytest.raises(WorkbenchError, match="labels must be a list of class names, not the single string 'ham'"):
        dataset_from_frame(frame(text=["a"]), labels="ham")
    with pytest.raises(WorkbenchError, match="column 'text' stands twice; column names must be unique"):
        dataset_from_frame(frame(text=["a"], body=["b"]), labels=LABELS, rename={"body": "text"})


def test_the_text_may_also_be_the_id() -> None:
    dataset, _ = dataset_from_frame(frame(text=["a", "b"]), labels=LABELS, id="text")
    assert (list(dataset.ids), dataset.texts()) == (["a", "b"], ["a", "b"])


def test_empty_text_is_kept_and_counted(tmp_path: Path) -> None:
    path = save(tmp_path, '{"text": "hi"}\n{"text": null}\n{"text": " "}\n{}\n', "a.jsonl")
    dataset, warnings = read_dataset(path, labels=LABELS)
    assert dataset.texts() == ["hi", "", " ", ""]
    assert warnings == ["text column 'text' is empty in 3 rows; kept as empty text"]


def test_text_of_a_raw_frame_becomes_strings_and_the_frame_stays() -> None:
    raw = pd.DataFrame({"text": pd.Series([1.0, np.nan, "a\ud800"], dtype=object)})
    dataset, warnings = dataset_from_frame(raw, labels=LABELS)
    assert dataset.texts() == ["1", "", "a\ufffd"]
    assert warnings == [
        "column 'text': a lone surrogate replaced by '\ufffd' in 1 row",
        "text column 'text' is empty in 1 row; kept as empty text",
    ]
    assert raw["text"][0] == 1.0 and raw["text"][2] == "a\ud800"


def test_a_missing_column_names_the_file_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        WorkbenchError, match=r"a\.csv has no column 'lable'; its columns are 'text', 'label'; did you mean 'label'\?"
    ):
        read_dataset(save(tmp_path, "text,label\nhi,ham\n"), labels=LABELS, gold="lable")


TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=6)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"], ids=str)
@settings(max_examples=40, deadline=None)
@given(texts=TEXTS)
def test_any_text_that_is_written_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, texts: list[str]
) -> None:
    # A NUL in every cell would make a file that looks like UTF-16; the note keeps the share of NULs down.
    path = tmp_path_factory.mktemp("trip") / f"a{suffix}"
    ids = [f"row-{i}" for i in range(len(texts))]
    table = pd.DataFrame({"text": texts, "gold": "ham"}, index=pd.Index(ids, name="id"))
    table["note"] = "a note long enough to outweigh any NUL character in the text"
    write_frame(table, path)
    dataset, _ = read_dataset(path, labels=LABELS, id="id", gold="gold")
    assert dataset.texts() == texts
    assert list(dataset.ids) == ids


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"], ids=str)
@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(-(10**18) + 1, 10**18 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_any_numbers_that_are_written_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, rows: list[tuple[int, float, bool]]
) -> None:
    path = tmp_path_factory.mktemp("trip") / f"a{suffix}"
    table = pd.DataFrame(rows, columns=["whole", "number", "truth"])
    write_frame(table, path)
    read, warnings = read_frame(path)
    pd.testing.assert_frame_equal(read, table)
    assert warnings == []


def test_tickets_split_by_content_and_keep_their_topics(shared_data: Path) -> None:
    topics = [
        "Access",
        "Administrative rights",
        "HR Support",
        "Hardware",
        "Internal Project",
        "Miscellaneous",
        "Purchase",
        "Storage",
    ]
    path = shared_data / "it_tickets" / "tickets.csv"
    dataset, warnings = read_dataset(path, labels=topics, text=["Document"], gold="Topic_group", split=SHARES)
    assert len(dataset) == 47_837
    assert dataset.gold is not None and (dataset.gold >= 0).all()
    assert list(dataset.frame.columns) == ["Document"]
    assert abs((dataset.split == "train").mean() - 0.7) < 0.01
    assert warnings == []


@pytest.mark.parametrize("more", [{}, {"id": "key"}], ids=["content ids", "given ids"])
def test_a_table_of_gold_alone_is_refused(more: dict[str, Any]) -> None:
    frame = pd.DataFrame({"key": ["a", "b"], "label": LABELS})[[*more.values(), "label"]]
    with pytest.raises(WorkbenchError, match="no column is left to learn from: all are id, split or gold"):
        dataset_from_frame(frame, labels=LABELS, text=[], gold="label", **more)
