"""Votes go to disk and come back with every fault, however many there are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.io.votes import read_soft_labels, read_votes, write_soft_labels, write_votes
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError, no_faults


def silent_votes(n: int, faults: int, error: str = "ValueError: no text") -> VoteMatrix:
    ids = pd.Index([f"r{i}" for i in range(n)])
    table = pd.DataFrame({"id": ids[:faults], "lf": "reads", "error": error, "traceback": ""}) if faults else no_faults()
    return VoteMatrix(ids, ("reads",), ("ham", "spam"), np.full((n, 1), -1, np.int16), table, {"reads": "it ran too long"})


@pytest.mark.parametrize("faults", [0, 2], ids=["no fault", "two faults"])
def test_votes_come_back_as_they_were(tmp_path: Path, faults: int) -> None:
    votes = silent_votes(3, faults)
    write_votes(votes, tmp_path / "votes.parquet")
    again = read_votes(tmp_path / "votes.parquet")
    assert again.fingerprint == votes.fingerprint and again.stopped == {"reads": "it ran too long"}
    pd.testing.assert_frame_equal(again.faults, votes.faults)
    assert (tmp_path / "votes.faults.parquet").exists() == bool(faults)


def test_faults_on_every_row_can_be_read_back(tmp_path: Path) -> None:
    error = "AttributeError: " + "x" * 1000  # as JSON in the head of the file these were more than a reader takes
    write_votes(silent_votes(120_000, 120_000, error), tmp_path / "votes.parquet")
    assert len(read_votes(tmp_path / "votes.parquet").faults) == 120_000


def test_lost_faults_are_noticed(tmp_path: Path) -> None:
    write_votes(silent_votes(3, 2), tmp_path / "votes.parquet")
    (tmp_path / "votes.faults.parquet").unlink()
    with pytest.raises(WorkbenchError, match=r"votes.faults.parquet holds 0 of 2 faults; put the file back, or run again"):
        read_votes(tmp_path / "votes.parquet")


def test_faults_of_an_earlier_write_do_not_come_back(tmp_path: Path) -> None:
    write_votes(silent_votes(3, 2), tmp_path / "votes.parquet")
    write_votes(silent_votes(3, 0), tmp_path / "votes.parquet")
    assert not len(read_votes(tmp_path / "votes.parquet").faults)
    assert [path.name for path in tmp_path.iterdir()] == ["votes.parquet"]


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    soft = SoftLabels.from_hard(pd.Index(["a"]), ("ham", "spam"), [1])
    write_soft_labels(soft, tmp_path / "soft.parquet")
    assert read_soft_labels(tmp_path / "soft.parquet").probs.tolist() == [[0.0, 1.0]]
    with pytest.raises(WorkbenchError, match="does not hold votes"):
        read_votes(tmp_path / "soft.parquet")
    (tmp_path / "text.parquet").write_text("no parquet", encoding="utf-8")
    with pytest.raises(WorkbenchError, match="cannot be read as votes"):
        read_votes(tmp_path / "text.parquet")
