"""A user brings WRENCH JSON: rows, stored votes and class names come in, or one sentence says why not."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.io import read_wrench
from workbench.tables import WorkbenchError

LABELS = {"0": "ham", "1": "spam"}


def save(folder: Path, **files: Any) -> Path:
    for name, content in {"label": LABELS, **files}.items():
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def row(text: str = "hi", votes: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"data": {"text": text}, "weak_labels": [0, -1] if votes is None else votes, **more}


def test_rows_votes_and_gold_come_in_by_class_name(tmp_path: Path) -> None:
    train = {"0": row("a", [1, -1]), "1": row("b", [-1, -1], label=None)}
    test = {"0": row("c", [0, 1], labels=1), "1": row("d", label=-1)}
    found = read_wrench(save(tmp_path, train=train, test=test))
    assert found.frame["id"].tolist() == ["train:0", "train:1", "test:0", "test:1"]
    assert found.frame["split"].tolist() == ["train", "train", "test", "test"]
    assert found.frame["gold"].astype(object).where(found.frame["gold"].notna(), "?").tolist() == ["?", "?", "spam", "?"]
    assert found.frame["text"].tolist() == ["a", "b", "c", "d"]
    votes = found.votes.astype(object).where(found.votes.notna(), "-")
    assert votes.to_dict("list") == {"lf_0": ["spam", "-", "ham", "ham"], "lf_1": ["-", "-", "spam", "-"]}
    assert (found.labels, found.text, found.columns, found.warnings) == (("ham", "spam"), ("text",), [], [])


def test_tabular_data_becomes_columns(tmp_path: Path) -> None:
    train = {"a": row() | {"data": {"age": 41, "id": "x"}}, "b": row() | {"data": {"age": 50, "tags": ["y"]}}}
    found = read_wrench(save(tmp_path, train=train, label=["ham", "spam"]))
    assert found.text == ()
    assert found.columns == ["age", "data_id", "tags"]
    assert found.frame["age"].tolist() == [41, 50]
    assert found.frame["tags"][1] == '["y"]'
    assert found.warnings == [
        "data column 'id' is called 'data_id': the name is taken",
        "column 'tags': lists and objects are kept as JSON text in 1 cell",
    ]


def test_functions_tell_their_reasons_where_the_set_does(tmp_path: Path) -> None:
    lfs = [{"index": 0, "keyword": "card", "label": 1}, {"index": 1, "keyword": "pay", "label": 0}]
    found = read_wrench(save(tmp_path, train={"0": row()}, lfs=lfs))
    assert found.reasons == {"lf_0": "keyword card", "lf_1": "keyword pay"}
    assert read_wrench(save(tmp_path, lfs=lfs[:1])).reasons == {}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"label": None, "train": {"0": row()}}, r"label\.json does not exist; it names the classes by index"),
        ({"label": {"0": "ham", "2": "spam"}, "train": {"0": row()}}, r"label\.json must name the classes by index 0, 1"),
        ({"label": ["a", "a"], "train": {"0": row()}}, r"names the classes 'a', 'a'; class names must be unique and not empty"),
        ({}, r"has no rows; it needs train\.json, valid\.json or test\.json with at least one row"),
        (
            {"train": {"0": row(votes=[0, 2])}},
            r"train\.json, row '0': function lf_1 voted 2; allowed are -1 \(abstain\) and 0\.\.1",
        ),
        ({"train": {"0": row(votes=[0, "spam"])}}, r"row '0': function lf_1 voted 'spam'"),
        ({"train": {"0": row(votes=[0, [1]])}}, r"row '0': function lf_1 voted \[1\]"),
        ({"train": {"0": row(votes=[0, 0.5])}}, r"row '0': function lf_1 voted 0\.5"),
        ({"train": {"0": row(votes=[0, True])}}, r"train\.json, row '0': function lf_1 voted True"),
        ({"train": {"0": row(votes=[0, 1.0])}}, r"train\.json, row '0': function lf_1 voted 1\.0"),
        ({"train": {"0": row()}, "test": {"7": row(votes=[0])}}, r"row 'test:7' has 1 votes, but row 'train:0' has 2"),
        ({"train": {"0": row(label=5)}}, r"row '0' has the label 5; allowed are -1 \(abstain\) and 0\.\.1 \('ham', 'spam'\)"),
        ({"train": {"0": row(label=True)}}, r"train\.json, row '0' has the label True"),
        ({"train": [row()]}, r"train\.json must hold one object, row id to row, not a list"),
        ({"train": {"0": {"data": {"text": "hi"}}}}, r"row '0' needs \"weak_labels\""),
        ({"train": {"0": "hi"}}, r"row '0' needs \"weak_labels\""),
    ],
    ids=[
        "no label.json",
        "gap in label.json",
        "class twice",
        "no rows",
        "vote outside",
        "vote by name",
        "vote in a list",
        "half a vote",
        "true as a vote",
        "vote with a point",
        "number of votes",
        "gold outside",
        "true as gold",
        "list of rows",
        "no votes",
        "row is text",
    ],
)
def test_broken_input_is_refused(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        read_wrench(save(tmp_path, **files))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        WorkbenchError, match=r"nowhere is not a folder; give the folder that holds train\.json and label\.json"
    ):
        read_wrench(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "splits", "functions", "labels"),
    [
        ("youtube", {"train": 1686, "valid": 120, "test": 250}, 10, ("HAM", "SPAM")),
        ("sms", {"train": 4571, "valid": 500, "test": 500}, 73, ("ham", "spam")),
        ("trec", {"train": 5033, "valid": 500, "test": 500}, 68, ("DESC", "ENTY", "HUM", "ABBR", "LOC", "NUM")),
        ("banking77", {"train": 10003, "test": 3080}, 335, None),
        ("adult", {"train": 11000, "valid": 5561, "test": 16281}, 83, ("<=50K", ">50K")),
    ],
    ids=["youtube", "sms", "trec", "banking77", "adult"],
)
def test_public_sets_come_in_whole(
    shared_data: Path, name: str, splits: dict[str, int], functions: int, labels: tuple[str, ...] | None
) -> None:
    found = read_wrench(shared_data / name)
    assert found.frame["split"].value_counts().to_dict() == splits
    assert found.votes.shape == (sum(splits.values()), functions)
    assert found.labels == labels if labels else len(found.labels) == 77
    assert found.frame["gold"].notna().all()
    assert found.frame["id"].is_unique and found.frame["id"][0] == "train:0"
    assert found.warnings == []
    # One row against the file itself.
    last = json.loads((shared_data / name / "test.json").read_text(encoding="utf-8"))
    key, record = list(last.items())[-1]
    mine = found.frame.iloc[-1]
    assert (mine["id"], mine["gold"]) == (f"test:{key}", found.labels[record["label"]])
    assert [mine[column] for column in (*found.text, *found.columns)] == list(record["data"].values())
    expected = [None if vote == -1 else found.labels[vote] for vote in record["weak_labels"]]
    assert [None if pd.isna(vote) else vote for vote in found.votes.iloc[-1]] == expected
