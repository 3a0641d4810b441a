"""Rows in partitions: a folder of Parquet files gives what one file gives, and a rerun does only what is missing."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from workbench.io.vote_parts import read_label_part, read_vote_part
from workbench.project.runs import find_run
from workbench.project.steps import export
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import ABSTAIN, WorkbenchError


def parts_of(done):
    return json.loads((done.folder / "parts.json").read_text(encoding="utf-8"))


def all_votes(done):
    found = [read_vote_part(**_named(part["votes"])) for part in parts_of(done)["partitions"]]
    return np.concatenate([part.votes.votes for part in found]), found


def _named(file):
    return {"url": file["file"], "checksum": file["sha256"]}


def test_a_folder_of_parquet_files_gives_what_one_file_gives(tiny_task, in_parts):
    whole = run(load_task(tiny_task), until="export")
    parted = run(in_parts(tiny_task), until="export")  # with worker processes
    assert np.array_equal(parted.votes().votes, whole.votes().votes) and parted.votes().ids.equals(whole.votes().ids)
    assert np.abs(parted.soft_labels().probs - whole.soft_labels().probs).max() < 1e-10
    about = parts_of(parted)
    assert [part["rows"] for part in about["partitions"]] == [20, 20, 10, 20, 20, 20, 10]
    assert np.array_equal(all_votes(parted)[0], whole.votes().votes)
    labels = [
        read_label_part(f"{parted.folder}/{part['labels']['file']}", part["labels"]["sha256"]) for part in about["partitions"]
    ]
    assert np.array_equal(np.concatenate([part.probs for part in labels]), parted.soft_labels().probs)
    table = {one["lf"]: one for one in whole.diagnosis()["functions"]}
    for one in about["functions"]:
        assert {name: one[name] for name in ("n_votes", "coverage", "overlap", "conflict")} == pytest.approx(
            {name: table[one["lf"]][name] for name in ("n_votes", "coverage", "overlap", "conflict")}
        )
    files = sorted((parted.folder / "export").glob("train-*.parquet"))
    exported = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    expected = pd.read_parquet(whole.folder / "export" / "train.parquet")
    pd.testing.assert_frame_equal(exported, expected, check_dtype=False, rtol=1e-9)
    manifest = json.loads((parted.folder / "export" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["rows"] == len(expected) and sum(file["rows"] for file in manifest["files"]) == 3 * len(expected)


def test_the_whole_line_runs_on_a_sample_with_all_gold_rows(parted, in_parts, change):
    task = in_parts(parted)
    change(parted, "partition_rows = 20", "partition_rows = 20\nsample = 30")
    done = run(load_task(parted))
    assert parts_of(done)["rows"] == 120 and parts_of(done)["splits"] == {"train": 80, "valid": 15, "test": 25}
    assert 45 < done.about["rows"] < 75  # about a quarter of the 80 train rows, and 40 that have gold outside of train
    assert done.metrics()["end_model"]["test"]["all"]["n"] == 25
    assert any(
        "120 rows in 7 partitions: pages, audits and the end model use a sample of" in note for note in done.about["notes"]
    )
    assert task.dataset()[0].ids.is_unique


def test_a_rerun_votes_only_on_what_is_missing_or_damaged(parted, tmp_path, in_parts, add_counted):
    add_counted(parted, tmp_path / "log")
    task = in_parts(parted)
    first = run(task, until="apply")
    asked = (tmp_path / "log").read_text().splitlines()
    assert len(set(asked)) == 120
    files = [part["votes"]["file"] for part in parts_of(first)["partitions"]]
    os.unlink(files[2])
    with open(files[4], "ab") as file:
        file.write(b"damaged")
    again = run(task, until="apply")
    assert len(set((tmp_path / "log").read_text().splitlines()[len(asked) :])) == 10 + 20  # of the two partitions
    assert parts_of(again)["partitions"] == parts_of(first)["partitions"]


def test_a_rule_that_is_added_leaves_the_votes_of_others_as_they_are(parted, tmp_path, in_parts, change, add_counted):
    add_counted(parted, tmp_path / "log")
    task = in_parts(parted)
    first = run(task, until="apply")
    asked = (tmp_path / "log").read_text()
    change(parted, 'words = ["invoice", "subscription"]', 'words = ["invoice"]', "rules.toml")
    second = run(load_task(parted), until="apply")
    assert (tmp_path / "log").read_text() == asked
    j = first.votes().lfs.index("says_invoice")
    same = np.delete(all_votes(first)[0] == all_votes(second)[0], j, axis=1)
    assert same.all() and (all_votes(first)[0][:, j] != all_votes(second)[0][:, j]).any()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('os.kill(os.getpid(), 9) if "number 61" in row.text else None', "its worker process ended|SIGKILL"),
        ('time.sleep(60) if "number 61" in row.text else None', "ran longer than 0.5 s"),
        (
            "1 / 0 if int(row.text.split()[-1]) % 3 else None",
            "failed on more than 50% of the rows, first with: ZeroDivisionError",
        ),
    ],
    ids=["crashes", "hangs", "fails"],
)
def test_a_function_that_is_stopped_in_one_partition_abstains_in_all(parted, body, reason, in_parts, change, add_function):
    function = f'''
import os
import time


@labeling_function()
def bad(row):
    """Is not to be relied on."""
    {body}
    return BUG
'''
    add_function(parted, function)
    change(parted, "[label_model]", "[apply]\nseconds = 0.5\n[label_model]")
    done = run(in_parts(parted), until="fit")
    votes = done.votes()
    assert list(votes.stopped) == ["bad"]
    assert re.search(reason, votes.stopped["bad"])
    j = votes.lfs.index("bad")
    assert (votes.votes[:, j] == ABSTAIN).all()
    told = next(one for one in parts_of(done)["functions"] if one["lf"] == "bad")
    assert told["n_votes"] == 0 and told["stopped"]
    assert (np.delete(votes.votes, j, axis=1) != ABSTAIN).any(axis=0).all()


def test_a_damaged_partition_is_named_and_skipped_only_if_asked(parted, in_parts, change):
    task = in_parts(parted)
    file = parted / "rows" / "1.parquet"
    data = bytearray(file.read_bytes())
    data[10:400] = bytes(390)
    file.write_bytes(bytes(data))
    with pytest.raises(WorkbenchError, match=r"1\.parquet, row group 1 cannot be read.*skip_unreadable = true"):
        run(task, until="apply")
    change(parted, "partition_rows = 20", "partition_rows = 20\nskip_unreadable = true")
    done = run(load_task(parted), until="fit")
    about = parts_of(done)
    assert about["rows"] == 100 and len(about["skipped"]) == 1 and "1.parquet, row group 1" in about["skipped"][0]
    assert any("partitions skipped: 1, so 20 rows have no votes" in note for note in done.about["notes"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "id"\n', "", "rows in partitions need `id`"),
        ('split = "split"', 'split = {train = 0.5, test = 0.5, without_gold = "train"}', "looks at all rows at once"),
        ("[label_model]", '[apply]\nengine = "sparc"\n[label_model]', "engine 'sparc' is unknown; .* did you mean 'spark'"),
        ("[label_model]", '[apply]\nscheduler = "tcp://a:1"\n[label_model]', "has no use with engine 'processes'"),
    ],
    ids=["no id", "shares by gold", "unknown engine", "scheduler for nobody"],
)
def test_what_cannot_be_done_in_parts_is_refused(tiny_task, old, new, message, in_parts, change):
    in_parts(tiny_task)
    change(tiny_task, old, new)
    with pytest.raises(WorkbenchError, match=message):
        run(load_task(tiny_task), until="apply")


def test_an_engine_for_partitions_says_how_one_file_becomes_some(tiny_task, change):
    change(tiny_task, "[label_model]", '[apply]\nengine = "dask"\n[label_model]')
    with pytest.raises(WorkbenchError, match=r"rows.csv is read as a whole; for a Parquet file write partitioned = true"):
        run(load_task(tiny_task), until="apply")


def test_an_id_that_stands_in_two_files_is_found(parted, in_parts):
    task = in_parts(parted)
    rows = pd.read_parquet(parted / "rows" / "0.parquet")
    rows.to_parquet(parted / "rows" / "3.parquet", index=False)
    with pytest.raises(WorkbenchError, match="id '000' in column 'id' stands twice"):
        run(task, until="apply")


def test_a_newer_run_keeps_the_older_one(parted, in_parts):
    task = in_parts(parted)
    first = run(task, until="fit")
    run(task, until="fit")
    assert all_votes(find_run(task, first.id))[0].shape == (120, 5)


def test_the_training_set_of_a_finished_run_is_of_all_rows_too(parted, tmp_path, monkeypatch, in_parts, change, here):
    monkeypatch.setattr(export, "make_mapper", lambda task: here)
    in_parts(parted)
    change(parted, "partition_rows = 20", "partition_rows = 20\nsample = 30")
    task = load_task(parted)
    done = run(task, until="export")
    assert export.export_run(export.asked(task, formats=["csv"]), done, tmp_path / "set") == 80
    files = sorted((tmp_path / "set").glob("*.csv"))
    assert len(files) == 5 and sum(len(pd.read_csv(file)) for file in files) == 80  # the others hold no train row
    rows = pd.read_parquet(parted / "rows" / "0.parquet")
    rows.assign(text="other").to_parquet(parted / "rows" / "0.parquet", index=False, row_group_size=20)
    with pytest.raises(WorkbenchError, match=r"the rows are other than those run .* voted on|0\.parquet is other than it was"):
        export.export_run(task, done, tmp_path / "again")


SLOW = '''
import time


@labeling_function()
def slow(row):
    """Takes its time, so that something can happen to it."""
    time.sleep(0.02)
    return BUG if "error" in row.text else ABSTAIN
'''


def start(folder, *options, **also):
    """Start `workbench fit` in a process of its own."""
    command = [sys.executable, "-m", "workbench", "fit", str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **also)


def _finish(process):
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said


def voted(folder):
    """Return the partitions with votes so far."""
    return sorted((folder / "cache" / "parts").glob("*/part-*.json"))


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def workers_of(pid):
    """Return the processes that hold an item: children of the driver."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in found]


def files_of(folder):
    """Return the votes and labels of the newest run, by checksum."""
    return [(part["votes"]["sha256"], part["labels"]["sha256"]) for part in parts_of(find_run(load_task(folder)))["partitions"]]


@pytest.fixture
def expected(parted, in_parts, add_function):
    """Return a task with a slow function, and what a run that nothing happens to writes."""
    add_function(parted, SLOW)
    run(in_parts(parted), until="fit")
    files = files_of(parted)
    shutil.rmtree(parted / "cache")
    shutil.rmtree(parted / "runs")
    return parted, files


@pytest.mark.slow
def test_workers_that_are_killed_twice_cost_their_partition_and_change_nothing(expected):
    folder, files = expected
    process = start(folder, "--workers", "2")
    for done in (1, 3):
        wait_for(lambda done=done: len(voted(folder)) >= done)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert files_of(folder) == files


@pytest.mark.slow
def test_a_run_that_is_interrupted_goes_on_where_it_was(expected):
    folder, files = expected
    process = start(folder, "--workers", "1")
    wait_for(lambda: len(voted(folder)) >= 3)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    kept = {path: path.stat().st_mtime_ns for path in voted(folder)}
    assert " of 7 partitions are kept; run again to go on" in said
    assert process.returncode != 0 and 3 <= len(kept) < 7 and not list((folder / "runs").glob("2*"))
    _finish(start(folder, "--workers", "2"))
    assert files_of(folder) == files
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # these were not voted on again


@pytest.mark.slow
def test_a_full_disk_is_said_and_a_rerun_goes_on(expected):
    folder, files = expected
    limit = "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500)); "
    code = limit + "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from workbench.cli import main; main()"
    said = subprocess.run([sys.executable, "-c", code, "apply", str(folder), "--workers", "2"], capture_output=True, text=True)
    assert said.returncode == 2 and re.search("cannot be written: .*File too large", said.stderr)
    assert "Traceback" not in said.stderr and not voted(folder) and not list(folder.rglob(".*.parquet"))
    _finish(start(folder))
    assert files_of(folder) == files


def dask(*arguments):
    """Start a scheduler or workers, as a cluster has them."""
    env = {**os.environ, "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:], "--no-dashboard"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=env,
    )  # fmt: skip


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_files_and_its_scheduler_may_start_anew(expected):
    pytest.importorskip("distributed")
    folder, files = expected
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"

    def cluster():
        scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", str(port))
        return [scheduler, *(dask("worker", address, "--nthreads", "1") for _ in range(2))]

    processes = cluster()
    try:
        process = start(folder, "--engine", "dask", "--scheduler", address)
        wait_for(lambda: len(voted(folder)) >= 2, 120)
        os.killpg(processes[0].pid, signal.SIGKILL)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 2 and "connection" in said and "Traceback" not in said
        processes += cluster()
        again = start(folder, "--engine", "dask", "--scheduler", address)
        _, said = again.communicate(timeout=180)
        assert again.returncode == 0, said
        assert files_of(folder) == files
    finally:
        for one in processes:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()


@pytest.mark.slow
def test_spark_gives_the_same_files(expected):
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none here")
    folder, files = expected
    process = start(folder, "--engine", "spark", "--workers", "2")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert files_of(folder) == files
