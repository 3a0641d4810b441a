"""Commands are killed at any moment: what was there is whole, what was acknowledged is kept, and the same command works again.

WORKBENCH_KILLS says how often a command is killed, 3 times unless told; `-s` shows the counts:
`WORKBENCH_KILLS=25 python -m pytest tests/robustness/test_killed.py -m slow -s`. The moment of a kill is drawn uniformly, from
a seed, over the time that the command took undisturbed, without its imports.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.end_model import EndModel
from workbench.io.files import read_json, sha256
from workbench.project import reviewing
from workbench.project.answer_log import read_log
from workbench.project.monitoring import batches
from workbench.project.production import production_ids
from workbench.project.run_history import history_of
from workbench.project.runs import list_runs
from workbench.project.task import load_task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
KILLS = int(os.environ.get("WORKBENCH_KILLS", "3"))
VISIBLE = {
    "task.toml",
    "rules.toml",
    "rows.csv",
    "rows",
    "runs",
    "cache",
    "review",
    "monitor",
    "production.parquet",
    "draws.json",
}

COMMANDS = {
    "apply": ["apply", "{task}"],
    "fit": ["fit", "{task}"],
    "train": ["train", "{task}"],
    "run": ["run", "{task}"],
    "run in partitions": ["run", "{parted}", "--workers", "2"],
    "export": ["export", "{task}", "--to", "{root}/out"],
    "decide": ["decide", "{task}", "{root}/acknowledged", "150"],
    "predict": ["predict", "{task}", "{root}/many.csv", "{root}/answers.csv", "--log", "{root}/log.jsonl", "--overwrite"],
    "predict in partitions": [
        *("predict", "{task}", "{root}/week", "--to", "{root}/answers"),
        *("--log", "{root}/log.jsonl", "--workers", "2", "--overwrite"),
    ],
    "intake": ["review", "{task}", "--from", "{root}/asked.jsonl", "--rows", "{root}/week.csv"],
    "monitor": ["monitor", "{task}", "{root}/week.csv"],
    "prune": ["runs", "prune", "{task}", "--keep", "1", "--yes"],
}


class Warm:
    """A process that forks one for each command; `state` holds what that process and all its children are known by."""

    def __init__(self, root, task):
        self.cache, self.out = root / "kept texts", root / "said.txt"
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm.py"))],
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True},
            env={**os.environ, "WORKBENCH_CACHE": str(self.cache)},
        )
        self._send([["run", str(task)], str(root / "modules.txt")])
        assert self.process.stdout.readline() == "ready\n"

    def _send(self, asked):
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()

    def run(self, arguments, kill_after=None):
        """Run a command, and kill it after some seconds; return its exit code (-9: killed) and how long it took."""
        self.out.unlink(missing_ok=True)
        self._send({"arguments": arguments, "out": str(self.out)})
        child, begun = int(self.process.stdout.readline()), time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):  # it has ended
                os.kill(child, signal.SIGKILL)
        code = int(self.process.stdout.readline())
        return code, time.monotonic() - begun

    def children(self):
        """Return the processes of commands that still live: they are known by their cache."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                mine = f"WORKBENCH_CACHE={self.cache}\0".encode() in (place / "environ").read_bytes()
                dead = (place / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue  # it ended meanwhile, or is another user's
            if mine and not dead and int(place.name) != self.process.pid:
                found.append(int(place.name))
        return found


@pytest.fixture(scope="module")
def warm(tmp_path_factory, write_tiny):
    """Return what runs commands, and the folder that every kill starts from: two tasks with a run each."""
    root = tmp_path_factory.mktemp("killed")
    task = write_tiny(root / "first")
    toml = task / "task.toml"
    toml.write_text(toml.read_text().replace('features = ["tfidf"]', 'features = ["tfidf"]\nepochs = 3\nfolds = 2'))
    server = Warm(root, task)
    start = root / "first"
    parted = start / "data" / "parted"
    shutil.copytree(task, parted, ignore=shutil.ignore_patterns("runs", "cache", "review"))
    (parted / "rows").mkdir()
    rows = pd.read_csv(task / "rows.csv", dtype=str)
    for place, part in enumerate(np.array_split(np.arange(len(rows)), 4)):
        rows.iloc[part].to_parquet(parted / "rows" / f"{place}.parquet", index=False)
    text = (parted / "task.toml").read_text()
    (parted / "task.toml").write_text(text.replace('"rows.csv"', '"rows"').replace('"tiny"\nlabels', '"parted"\nlabels'))
    new = rows.assign(id=[f"n{i}" for i in range(len(rows))], text=rows["text"] + " again")
    new.to_csv(start / "week.csv", index=False)
    many = pd.concat([new] * 100).assign(id=[f"m{i}" for i in range(100 * len(new))])
    many.to_csv(start / "many.csv", index=False)
    (start / "week").mkdir()
    for place in range(6):
        many[place::6].to_parquet(start / "week" / f"{place}.parquet", index=False)
    asked = [word.format(task=task, root=start) for word in COMMANDS["predict"]]
    asked = [word.replace("many.csv", "week.csv").replace("log.jsonl", "asked.jsonl") for word in asked]
    for arguments in (asked, ["decide", str(task), str(start / "acknowledged"), "20"]):
        assert server.run(arguments)[0] == 0, server.out.read_text()
    (start / "answers.csv").unlink()
    shutil.rmtree(task / "cache" / "models")  # a training is to be killed, and not the reading of one
    yield server, start
    server.process.communicate()


def check(root):
    """Everything that can be seen opens and is whole."""
    for name in ("tiny", "parted"):
        task = load_task(root / "data" / name)
        assert {path.name for path in task.folder.iterdir() if not path.name.startswith(".")} <= VISIBLE
        runs = list_runs(task)
        assert [run.id for run in runs] == sorted(path.name for path in task.runs_folder.glob("[!.]*"))
        for run in runs:
            assert not list(run.folder.rglob(".*")), "a finished run holds nothing unfinished"
            check_run(run, task)
        assert len(history_of(task)) == len(runs)
        assert reviewing.open_record(task).decisions()["id"].is_unique
        for batch in batches(task):
            assert len(pd.read_parquet(task.folder / "monitor" / batch["batch"] / "rows.parquet")) == batch["rows"]
        for path in (task.folder / "review").glob("*.sqlite"):
            with closing(sqlite3.connect(path)) as db:
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert len(production_ids(task.folder)) in (0, 120), "all rows of an intake, or none"
    acknowledged = (root / "acknowledged").read_text().split()
    assert set(acknowledged) <= set(reviewing.open_record(load_task(root / "data" / "tiny")).decisions()["id"])
    for manifest in root.glob("out/manifest.json"):
        for file in read_json(manifest)["files"]:
            assert sha256(manifest.parent / file["name"]) == file["sha256"]
    for file in root.glob("answers.csv"):
        assert len(pd.read_csv(file)) == 12_000
    for manifest in root.glob("answers/manifest.json"):
        parts = read_json(manifest)["parts"]
        assert sum(part["rows"] for part in parts) == 12_000
        assert all(sha256(manifest.parent / part["file"]) == part["sha256"] for part in parts)
    if (log := root / "log.jsonl").exists() and log.stat().st_size:
        assert read_log(log).lines % 12_000 == 0, "the lines of an answered file, or none of them"


def check_run(run, task):
    """Every file of a run opens, and none is missing that its stage writes."""
    stage = ("apply", "diagnose", "fit", "export", "train", "evaluate").index(run.about["until"])
    assert len(run.votes()) == 120
    if stage >= 2:
        assert len(run.soft_labels()) == 120 and run.kept_model() is not None
    if stage >= 4:
        EndModel.load(run.end_model_folder(), labels=task.labels)  # checks every checksum
    if stage >= 5:
        assert run.metrics()
    for path in run.folder.rglob("*.json"):
        read_json(path)
    for path in run.folder.rglob("*.parquet"):
        pd.read_parquet(path)


def copied(start, root):
    """Copy the state to start from to where the next kill happens: always the same place, as tasks name folders."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(start, root)
    reviewing._record.cache_clear()  # its connections are to the files before


def left(root):
    return [str(path.relative_to(root)) for path in root.rglob(".unfinished-*")]


@pytest.mark.parametrize("name", COMMANDS, ids=str)
def test_a_command_killed_at_any_moment_loses_nothing_and_works_again(warm, tmp_path, name):
    server, start = warm
    root = tmp_path / "work"
    words = {"task": root / "data" / "tiny", "parted": root / "data" / "parted", "root": root}
    arguments = [word.format(**words) for word in COMMANDS[name]]
    whole = 60.0
    for _ in range(2):
        copied(start, root)
        code, seconds = server.run(arguments)
        assert code == 0, server.out.read_text()
        whole = min(whole, seconds)
    check(root)
    counts = {"killed": 0, "ended before": 0, "left something": 0}
    for share in np.random.default_rng([0, list(COMMANDS).index(name)]).random(KILLS):
        copied(start, root)
        code, _ = server.run(arguments, kill_after=share * whole)
        ends = time.monotonic() + 60
        while server.children() and time.monotonic() < ends:
            time.sleep(0.02)
        assert not server.children(), "workers outlived the command"
        counts["killed" if code == -signal.SIGKILL else "ended before"] += 1
        counts["left something"] += bool(left(root))
        check(root)
        if not (root / "out").exists():  # an export that is there is whole, and not replaced
            code, _ = server.run(arguments)
            assert code == 0, server.out.read_text()
        if name == "prune":
            assert len(list_runs(load_task(root / "data" / "tiny"))) == 1
            assert server.run(["apply", str(root / "data" / "tiny")])[0] == 0
        assert left(root) == []
        check(root)
    print(f"\n{name}: {whole:.1f} s, {counts}", end="")  # noqa: T201  # for -s
