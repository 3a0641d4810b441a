"""A user brings crowd votes in long form."""

from pathlib import Path

import pytest

from workbench.io import read_crowd
from workbench.tables import WorkbenchError


def save(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_one_column_a_worker_and_one_row_an_item(tmp_path: Path) -> None:
    labels = save(tmp_path, "label.csv", ["item,worker,label", "i1,10,1", "i1,9,0", "i2,9,10"])
    truth = save(tmp_path, "truth.csv", ["item,truth", "i2,10.0", "i3,2"])
    found = read_crowd(labels, truth)
    assert found.labels == ("0", "1", "2", "10")
    assert found.frame["id"].tolist() == ["i1", "i2", "i3"]
    assert found.frame["gold"].astype(object).where(found.frame["gold"].notna(), "?").tolist() == ["?", "10", "2"]
    votes = found.votes.astype(object).where(found.votes.notna(), "-")
    assert votes.to_dict("list") == {"worker_9": ["0", "10", "-"], "worker_10": ["1", "-", "-"]}
    assert set(found.frame["split"]) == {"test"}
    assert found.warnings == [
        "a crowd set has no split: all items are in test, and the label model learns from their votes without gold"
    ]


def test_the_last_label_of_a_worker_stands_and_the_others_are_counted(tmp_path: Path) -> None:
    found = read_crowd(save(tmp_path, "label.csv", ["item,worker,label", "i1,w,cat", "i2,w,cat", "i1,w,dog"]))
    assert found.votes["worker_w"].tolist() == ["dog", "cat"]
    assert (
        found.warnings[1]
        == "1 label replaced by a later one of the same worker on the same item, such as worker 'w' on item 'i1'"
    )
    assert found.labels == ("cat", "dog")
    assert found.frame["gold"].isna().all()


@pytest.mark.parametrize(
    ("labels", "truth", "message"),
    [
        (
            ["item,worker,vote", "i,w,1"],
            ["item,truth", "i,1"],
            r"label\.csv has no column 'label'; its columns are 'item', 'worker', 'vote'",
        ),
        (
            ["item,worker,label", "i,,1"],
            ["item,truth", "i,1"],
            r"label\.csv: column 'worker' is empty on row 1; every row needs item",
        ),
        (
            ["item,worker,label", "i,w,1"],
            ["item,truth", "i,1", "i,0"],
            r"truth\.csv: item 'i' has the truths '1' and '0'; keep one",
        ),
    ],
    ids=["missing column", "empty worker", "two truths"],
)
def test_broken_input_is_refused(tmp_path: Path, labels: list[str], truth: list[str], message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        read_crowd(save(tmp_path, "label.csv", labels), save(tmp_path, "truth.csv", truth))


@pytest.mark.parametrize(
    ("name", "items", "workers", "classes", "votes"),
    [("bluebird", 108, 39, 2, 4212), ("dog", 807, 109, 4, 8070), ("product", 8315, 176, 2, 24945)],
    ids=["bluebird", "dog", "product"],
)
def test_public_sets_come_in_whole(shared_data: Path, name: str, items: int, workers: int, classes: int, votes: int) -> None:
    folder = shared_data / "crowd" / name
    found = read_crowd(folder / "label.csv", folder / "truth.csv")
    assert found.votes.shape == (items, workers)
    assert found.labels == tuple(str(place) for place in range(classes))
    assert int(found.votes.notna().to_numpy().sum()) == votes
    assert found.frame["gold"].notna().all()
