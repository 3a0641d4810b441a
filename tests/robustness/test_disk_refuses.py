"""The disk is full or may not be written: one sentence says so, what was there is whole, and no half is left.

The disk is made to refuse: each step that a write takes on the disk fails in turn, and, in a process of its own, no file may
grow beyond a few hundred bytes.
"""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import count

import pandas as pd
import pytest

from workbench.io.files import read_json, sha256
from workbench.lfs.write_rules import add_rule
from workbench.project.runs import find_run, list_runs
from workbench.project.steps.export import export_run
from workbench.project.steps.predict import open_model, predict
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
RULE = {"name": "new", "kind": "keyword", "words": ["app"], "label": "bug"}
WORK = {
    "apply": lambda task, root: run(task, until="apply"),
    "export": lambda task, root: export_run(task, find_run(task), root / "out"),
    "predict": lambda task, root: predict(
        open_model(task, find_run(task)), task.folder / "rows.csv", root / "answers.csv", log=root / "log.jsonl"
    ),
    "rule saved": lambda task, root: add_rule(task.folder / "rules.toml", RULE),
}


@pytest.fixture(scope="module")
def start(tmp_path_factory, write_tiny):
    """Return a folder with a task that has a run with an end model."""
    root = tmp_path_factory.mktemp("start")
    toml = write_tiny(root) / "task.toml"
    toml.write_text(toml.read_text().replace('features = ["tfidf"]', 'features = ["tfidf"]\nepochs = 3'))
    run(load_task(toml.parent), until="train")
    return root


def state(root):
    """Return the checksum of every file; kept votes and texts may come and go."""
    files = [path for path in root.rglob("*") if path.is_file() and "cache" not in path.parts]
    return {str(path.relative_to(root)): sha256(path) for path in files}


def refuse(patch, nth, error):
    """Make the n-th step that changes the disk fail, and return what counts them down."""
    left = [nth]

    def failing(name, real):
        def step(*arguments, **named):
            changes = {"open": lambda: arguments[1] & os.O_CREAT, "mkdir": lambda: not os.path.exists(arguments[0])}
            if changes.get(name, lambda: True)():
                left[0] -= 1
                if left[0] == 0:
                    raise OSError(error, os.strerror(error), str(arguments[0]))
            return real(*arguments, **named)

        return step

    for name in ("open", "fsync", "replace", "rename", "mkdir"):
        patch.setattr(os, name, failing(name, getattr(os, name)))
    return left


def whole(root, before):
    """What was there is as it was, or whole and new where it is rewritten; what is new is whole."""
    after = state(root)
    assert {name for name in before if after.get(name) != before[name]} <= {"data/tiny/rules.toml"}
    assert not list(root.rglob(".unfinished-*"))
    task = load_task(root / "data" / "tiny")
    assert len(task.functions()) in (5, 6)
    assert all(len(one.votes()) == 120 for one in list_runs(task))
    for manifest in root.glob("out/manifest.json"):
        assert all(sha256(manifest.parent / file["name"]) == file["sha256"] for file in read_json(manifest)["files"])
    for answers in root.glob("answers.csv"):
        assert len(pd.read_csv(answers)) == 120


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
@pytest.mark.parametrize("name", WORK, ids=str)
def test_a_write_refused_at_any_step_is_said_and_leaves_all_whole(start, tmp_path, monkeypatch, name, error):
    root = tmp_path / "work"
    for nth in count(1):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(start, root)
        before, task, said = state(root), load_task(root / "data" / "tiny"), ""
        with monkeypatch.context() as patch:
            left = refuse(patch, nth, error)
            try:
                WORK[name](task, root)
            except WorkbenchError as refused:
                said = str(refused)
        whole(root, before)
        if left[0] > 0:
            break  # it takes no more steps than that
        assert os.strerror(error) in said and "cannot be" in said, (nth, said)
    assert nth > 4 and state(root) != before


FULL = """
import resource, sys
from workbench.cli import main
import workbench.project.steps.run, workbench.project.steps.predict, workbench.review.record

resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "words",
    [
        ["apply", "{task}"],
        ["export", "{task}", "--to", "{root}/out"],
        ["predict", "{task}", "{task}/rows.csv", "{root}/answers.csv", "--log", "{root}/log.jsonl"],
        ["review", "{task}", "--decide", "000=bug", "--reviewer", "ann"],
    ],
    ids=lambda words: words[0],
)
def test_on_a_full_disk_a_command_says_so_in_one_line(start, tmp_path, words):
    root = tmp_path / "work"
    shutil.copytree(start, root)
    before = state(root)
    arguments = [word.format(task=root / "data" / "tiny", root=root) for word in words]
    done = subprocess.run([sys.executable, "-c", FULL, *arguments], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and last.startswith("error: ") and "cannot be" in last and "Traceback" not in done.stderr
    after = state(root)
    assert {name: after[name] for name in before} == before
    for path in root.glob("data/tiny/review/*.sqlite"):  # made, and empty
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert {name.partition("/review/")[0] for name in after.keys() - before.keys()} <= {"data/tiny", "log.jsonl"}
