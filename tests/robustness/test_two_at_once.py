"""Two processes work on one task at once: both end well with the same answer, or one is refused and told why."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from workbench.io.files import read_json, sha256
from workbench.io.vote_parts import read_vote_part
from workbench.lfs.write_rules import add_rule
from workbench.project.run_sources import kept_functions
from workbench.project.runs import list_runs
from workbench.project.task import load_task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Imports first, so that both begin their work at the same moment: when the other end of their input is closed.
COMMAND = """
import sys
import workbench.project.steps.run, workbench.project.predicting_in_parts, workbench.cli.line
from workbench.cli import main
print("ready", flush=True)
sys.stdin.read()
main(sys.argv[1:])
"""


def begin(*arguments):
    """Start a command that waits for `together`."""
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    words = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    process = subprocess.Popen(words, text=True, **streams)
    assert process.stdout.readline() == "ready\n"
    return process


def together(*processes):
    """Let commands begin; return the exit code and what each said, the ones that ended well first."""
    for process in processes:
        process.stdin.close()
        process.stdin = None
    said = [process.communicate() for process in processes]
    return sorted((process.returncode, err) for process, (_, err) in zip(processes, said, strict=True))


def test_two_runs_of_one_task_are_two_runs_with_the_same_labels(tiny_task):
    done = together(*(begin("export", tiny_task) for _ in range(3)))
    assert [code for code, _ in done] == [0, 0, 0], done
    runs = list_runs(load_task(tiny_task))
    assert len(runs) == 3
    for name in ("votes.parquet", "soft_labels.parquet", "export/manifest.json", "export/train.parquet"):
        assert len({sha256(run.folder / name) for run in runs}) == 1, name
    assert not list(tiny_task.rglob(".unfinished-*"))


def test_of_two_exports_to_one_folder_one_is_refused(tiny_task, tmp_path):
    assert together(begin("fit", tiny_task))[0][0] == 0
    (one, _), (other, why) = together(*(begin("export", tiny_task, "--to", tmp_path / "out") for _ in range(2)))
    assert (one, other) == (0, 2)
    assert "out is being written by another process" in why or "out exists already" in why
    for file in read_json(tmp_path / "out" / "manifest.json")["files"]:
        assert sha256(tmp_path / "out" / file["name"]) == file["sha256"]


def test_a_run_while_rules_are_saved_uses_one_state_of_them(tiny_task):
    running = begin("fit", tiny_task)
    running.stdin.close()
    running.stdin = None
    saved = 0
    while running.poll() is None:
        add_rule(tiny_task / "rules.toml", {"name": f"new_{saved}", "kind": "keyword", "words": ["app"], "label": "bug"})
        saved += 1
    assert running.returncode == 0, running.communicate()[1]
    running.communicate()
    task = load_task(tiny_task)
    (run,) = list_runs(task)
    names = [function.name for function in task.functions()]
    assert len(names) == 5 + saved and saved > 3, "no rule is lost"
    assert list(run.votes().lfs) == names[: len(run.votes().lfs)], "the rules of one moment"
    assert set(kept_functions(run)["functions"]) == set(run.votes().lfs) == set(run.about["functions"])


def test_two_runs_in_partitions_share_what_is_kept(tiny_task):
    rows = pd.read_csv(tiny_task / "rows.csv", dtype=str)
    (tiny_task / "rows").mkdir()
    for place, part in enumerate(np.array_split(np.arange(len(rows)), 6)):
        rows.iloc[part].to_parquet(tiny_task / "rows" / f"{place}.parquet", index=False)
    toml = tiny_task / "task.toml"
    toml.write_text(toml.read_text().replace('"rows.csv"', '"rows"'))
    done = together(*(begin("export", tiny_task, "--workers", "2") for _ in range(2)))
    assert [code for code, _ in done] == [0, 0], done
    one, other = (json.loads((run.folder / "parts.json").read_text()) for run in list_runs(load_task(tiny_task)))
    assert one["rows"] == other["rows"] == 120 and one["functions"] == other["functions"]
    for found in (one, other):
        for part in found["partitions"]:
            assert len(read_vote_part(part["votes"]["file"], part["votes"]["sha256"]).votes) == 20
