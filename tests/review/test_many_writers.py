"""Several processes write at once, and some are killed: nothing acknowledged is lost, nothing is doubled."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from workbench.review.record import Record

# Writes one decision after another, sends each twice, and says the id of each that was acknowledged.
WRITER = """
import sys
from pathlib import Path
from workbench.review.decision import Decision
from workbench.review.record import Record

path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
record = Record(path)
for i in range(count):
    one = Decision(f"row {i}", "label", name, "spam", id=f"{name}-{i}")
    record.decide([one])
    print(one.id, flush=True)
    if i % 10 == 0:
        assert record.decide([one]) == 0
"""


def start(path, name, count):
    arguments = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(900)  # eight processes share what cores there are
@pytest.mark.parametrize(
    ("writers", "count"), [(2, 50), pytest.param(8, 1000, marks=pytest.mark.slow)], ids=["2 x 50", "8 x 1,000"]
)
def test_no_decision_of_many_writers_is_lost_or_doubled(tmp_path, writers, count):
    path = tmp_path / "review" / "decisions.sqlite"  # which each of them finds missing and makes
    running = [start(path, f"writer{i}", count) for i in range(writers)]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0] * writers
    table = Record(path).decisions()
    assert sorted(table["id"]) == sorted(f"writer{i}-{j}" for i in range(writers) for j in range(count))
    for i in range(writers):  # each writer's own order is kept
        assert table.loc[table["reviewer"] == f"writer{i}", "row"].tolist() == [f"row {j}" for j in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.7, 1.5], ids=lambda seconds: f"after {seconds} s")
def test_what_was_acknowledged_outlives_kill_9(tmp_path, seconds):
    path = tmp_path / "decisions.sqlite"
    running = [start(path, f"writer{i}", 100_000) for i in range(3)]
    for process in running:
        assert process.stdout.readline()  # each has begun
    time.sleep(seconds)
    for process in running:
        os.kill(process.pid, signal.SIGKILL)
    acknowledged = [line for process in running for line in process.communicate()[0].splitlines()]
    stored = Record(path).decisions()["id"]
    assert len(acknowledged) > 10 and set(acknowledged) <= set(stored) and stored.is_unique
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert Record(path).undo("writer0") is not None
