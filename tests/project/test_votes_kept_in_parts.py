"""Votes on partitions are kept: what is taken over, what is cast anew, and who is stopped everywhere."""

import json
import re
import shutil
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from workbench.io.partitions import Unreadable
from workbench.project import partitioned, voting_in_parts
from workbench.project.production import take_in
from workbench.project.reviewing import Decision, decide
from workbench.project.steps import export
from workbench.project.steps import run as line
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import ABSTAIN, WorkbenchError

CRASHES = '''
import os


@labeling_function()
def bad(row):
    """Is not to be relied on."""
    if "number 31" in row.text:
        os.kill(os.getpid(), 9)
    return BUG

'''


@pytest.fixture
def asked(parted, tmp_path, add_counted):
    """Return what tells on which rows the task's function `counted` voted since it was asked last."""
    log, told = tmp_path / "log", 0
    log.touch()
    add_counted(parted, log)

    def since():
        nonlocal told
        rows = log.read_text().splitlines()
        told, new = len(rows), set(rows[told:])
        return len(new)

    return since


def test_a_file_between_others_leaves_their_votes_as_they_are(parted, in_parts, asked):
    task = in_parts(parted)
    run(task, until="apply")
    assert asked() == 120
    more = pd.read_parquet(parted / "rows" / "0.parquet")[:7]
    more.assign(id=[f"n{i}" for i in range(7)]).to_parquet(parted / "rows" / "0-more.parquet", index=False)
    assert len(run(task, until="apply").votes()) == 127
    assert asked() == 7


def test_a_function_that_is_to_vote_again_votes_on_all_partitions_and_alone(parted, in_parts, asked, change, add_function):
    first = run(in_parts(parted), until="apply")
    change(parted, 'words = ["invoice", "subscription"]', 'words = ["invoice"]', "rules.toml")
    run(load_task(parted), until="apply")
    asked()
    again = run(load_task(parted), until="apply", again=["counted"])
    assert asked() == 120
    change(parted, 'words = ["invoice"]', 'words = ["invoice", "subscription"]', "rules.toml")
    assert (run(load_task(parted), until="apply").votes().votes == first.votes().votes).all()
    assert asked() == 0  # the votes it cast anew are taken over
    assert again.votes().lfs == first.votes().lfs
    with pytest.raises(WorkbenchError, match="there is no labeling function 'countd' to try again; did you mean 'counted'"):
        run(load_task(parted), until="apply", again=["countd"])


def test_a_function_is_stopped_though_the_worker_that_saw_it_crash_died_too(parted, in_parts, add_function, monkeypatch):
    add_function(parted, CRASHES)
    write, dead = voting_in_parts.write_vote_part, []

    def dies_once(part, url):
        if part.votes.stopped and not dead:
            dead.append(url)
            raise MemoryError
        return write(part, url)

    def tries_twice(work, items):
        for place, item in enumerate(items):
            try:
                yield place, work(item)
            except MemoryError:
                yield place, work(item)

    monkeypatch.setattr(voting_in_parts, "write_vote_part", dies_once)
    monkeypatch.setattr(line, "kept_mapper", lambda task: nullcontext(tries_twice))
    votes = run(in_parts(parted), until="apply").votes()
    assert dead and list(votes.stopped) == ["bad"] and "(first in " in votes.stopped["bad"]
    assert (votes.votes[:, votes.lfs.index("bad")] == ABSTAIN).all()


def test_a_store_is_a_path_from_the_folder_of_the_task(parted, in_parts, change, tmp_path, monkeypatch):
    change(parted, "[label_model]", '[apply]\nstore = "kept/votes/"\n[label_model]')
    monkeypatch.chdir(tmp_path)
    done = run(in_parts(parted), until="apply")
    files = [part["votes"]["file"] for part in json.loads((done.folder / "parts.json").read_text())["partitions"]]
    assert all(file.startswith(str(parted / "kept" / "votes")) for file in files)


def test_files_and_partitions_that_cannot_be_read_are_left_out_only_if_asked_and_come_back(parted, in_parts, change):
    task = in_parts(parted)
    whole = {name: (parted / "rows" / f"{name}.parquet").read_bytes() for name in ("1", "2")}
    truncated, damaged = whole["1"][:-100], whole["2"][:4] + bytes(390) + whole["2"][394:]
    (parted / "rows" / "1.parquet").write_bytes(truncated)
    with pytest.raises(WorkbenchError, match=r"1\.parquet cannot be read: .*; put the file back, .* skip_unreadable = true"):
        run(task, until="apply")
    (parted / "rows" / "2.parquet").write_bytes(damaged)
    change(parted, "partition_rows = 20", "partition_rows = 20\nskip_unreadable = true")
    done = run(load_task(parted), until="apply")
    assert len(done.votes()) == 60  # of the first file 50, of the last one its second row group
    said = r"partitions skipped: 2, so 20 rows and those of 1 files, which nobody can count, have no votes: .*1\.parquet"
    assert any(re.match(said, note) for note in done.about["notes"])
    for name, data in whole.items():
        (parted / "rows" / f"{name}.parquet").write_bytes(data)
    assert len(run(load_task(parted), until="apply").votes()) == 120


def test_a_partition_that_could_not_be_read_for_a_while_comes_into_the_sample(parted, in_parts, change, monkeypatch):
    in_parts(parted)
    change(parted, "partition_rows = 20", "partition_rows = 20\nskip_unreadable = true")
    read = partitioned.read_partition

    def not_the_first(part, *columns):
        if part.number == 0:
            raise Unreadable(f"{part} cannot be read: the disk is away")
        return read(part, *columns)

    monkeypatch.setattr(partitioned, "read_partition", not_the_first)
    assert len(run(load_task(parted), until="apply").votes()) == 100
    monkeypatch.setattr(partitioned, "read_partition", read)
    assert len(load_task(parted).dataset()[0]) == 100  # as the run has it
    assert len(run(load_task(parted), until="apply").votes()) == 120
    monkeypatch.setattr(partitioned, "read_partition", not_the_first)
    with pytest.raises(WorkbenchError, match=r"row '000' of the sample has no votes: .* remove the task's cache/sample"):
        shutil.rmtree(parted / "cache" / "parts")
        run(load_task(parted), until="apply")


def test_what_is_wrong_with_all_rows_is_told_whatever_may_be_skipped(parted, in_parts, change, monkeypatch):
    in_parts(parted)
    change(parted, "partition_rows = 20", "partition_rows = 20\nskip_unreadable = true")
    change(parted, 'gold = "label"', 'gold = "lable"')
    with pytest.raises(WorkbenchError, match=r"has no column 'lable'; .* did you mean 'label'"):
        run(load_task(parted), until="apply")
    change(parted, 'gold = "lable"', 'gold = "label"')
    load_task(parted).dataset()  # the sample is kept

    def away(part, *columns):
        raise Unreadable(f"{part} cannot be read: the disk is away")

    monkeypatch.setattr(partitioned, "read_partition", away)
    none = r"^none of 7 partitions can be read, such as .*0\.parquet, row group 1 cannot"
    with pytest.raises(WorkbenchError, match=none):
        run(load_task(parted), until="apply")
    shutil.rmtree(parted / "cache")
    with pytest.raises(WorkbenchError, match=none):
        run(load_task(parted), until="apply")


@pytest.mark.parametrize("setting", ["sample = 0", "partition_rows = -5"], ids=["sample", "partition_rows"])
def test_a_number_of_rows_below_one_is_refused(parted, in_parts, change, setting):
    in_parts(parted)
    change(parted, "partition_rows = 20", setting)
    with pytest.raises(WorkbenchError, match=rf"\[data\]: {setting.replace(' =', ' is')}; give a number of rows from 1 on"):
        load_task(parted).source()


def test_a_column_of_two_types_is_told(parted, in_parts):
    task = in_parts(parted)
    rows = pd.read_parquet(parted / "rows" / "2.parquet")
    rows.assign(plan=1).to_parquet(parted / "rows" / "2.parquet", index=False)
    with pytest.raises(WorkbenchError, match=r"some files hold a column as one type.*plan.*make them alike"):
        run(task, until="apply")


def test_a_row_with_gold_whose_id_stands_elsewhere_too_is_found_though_the_sample_holds_it_once(parted, in_parts, change):
    in_parts(parted)
    change(parted, "partition_rows = 20", "partition_rows = 20\nsample = 1")
    rows = pd.read_parquet(parted / "rows" / "2.parquet")[-1:].assign(split="train")  # the others of its id are no train row
    rows.to_parquet(parted / "rows" / "3.parquet", index=False)
    with pytest.raises(WorkbenchError, match=r"'119'.*twice"):
        run(load_task(parted), until="apply")


def test_rows_of_production_teach_and_are_exported_as_beside_one_file(tiny_task, in_parts, tmp_path, here, monkeypatch):
    rows = {"n1": "refund this invoice", "n2": "error, the app crashes", "005": "this one stands in the file by now"}
    rows = pd.DataFrame({"text": rows.values(), "plan": "free", "tag": "bug"}, index=rows)
    take_in(tiny_task, rows)
    task = load_task(tiny_task)
    decide(task, task.dataset()[0], [Decision("n2", "label", "ann", "billing"), Decision("005", "label", "ann", "billing")])
    whole = run(task, until="export")
    monkeypatch.setattr(line, "kept_mapper", lambda task: nullcontext(here))
    cut = run(in_parts(tiny_task), until="export")
    assert cut.votes().ids.equals(whole.votes().ids) and (cut.votes().votes == whole.votes().votes).all()
    assert np.abs(cut.soft_labels().probs - whole.soft_labels().probs).max() < 1e-10
    monkeypatch.setattr(export, "make_mapper", lambda task: here)
    export.export_run(load_task(tiny_task), cut, tmp_path / "again")
    expected = pd.read_parquet(whole.folder / "export" / "train.parquet")
    for folder in (cut.folder / "export", tmp_path / "again"):
        found = pd.concat([pd.read_parquet(file) for file in sorted(folder.glob("train-*.parquet"))], ignore_index=True)
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-9)
    assert expected.set_index("id").loc[["005", "n2"], "reviewed"].all() and len(expected) == 82
