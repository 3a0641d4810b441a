"""Votes on partitions are kept: what is taken over, what is cast anew, and who is stopped everywhere."""

import json
from contextlib import nullcontext

import pandas as pd
import pytest

from workbench.project import voting_in_parts
from workbench.project.steps import run as line
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import ABSTAIN, WorkbenchError

COUNTED = '''
from pathlib import Path


@labeling_function()
def counted(row):
    """Writes down which rows it is asked about."""
    with Path("{log}").open("a") as log:
        log.write(row.text + "\\n")
    return BUG if "error" in row.text else ABSTAIN
'''
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
def asked(parted, tmp_path, add_function):
    """Return what tells on which rows the task's function `counted` voted since it was asked last."""
    log, told = tmp_path / "log", 0
    log.touch()
    add_function(parted, COUNTED.replace("{log}", str(log)))

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
    run(load_task(parted), until="apply", again=["crashes"])
    assert asked() == 0
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
