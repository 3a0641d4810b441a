"""A log that several processes write: every addition whole, nothing of it lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.io.append import appended

WRITER = """
import json, sys
from pathlib import Path
from workbench.io.append import appended
for turn in range(20):
    with appended(Path("log.jsonl")) as add:
        add(json.dumps({"who": sys.argv[1], "turn": turn, "filler": "x" * 3000}) for _ in range(50))
"""


def test_lines_of_several_processes_stand_whole_and_together(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, who], cwd=tmp_path) for who in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    blocks = [(line["who"], line["turn"]) for line in lines[::50]]
    assert len(lines) == 3000 and len(set(blocks)) == 60
    assert [(line["who"], line["turn"]) for line in lines] == [block for block in blocks for _ in range(50)]


def test_nothing_is_added_when_the_work_fails(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("old\n")
    with pytest.raises(RuntimeError, match="stop"), appended(log) as add:
        add(["new"])
        raise RuntimeError("stop")
    assert log.read_text() == "old\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"half', ""),
        ('{"old": 1}\n{"half": "of a', '{"old": 1}\n'),
        ('{"old": 1}\n{"whole": 2}', '{"old": 1}\n{"whole": 2}\n'),
    ],
    ids=["half a line alone", "half a line behind another", "a line without its end"],
)
def test_half_a_line_does_not_stay_and_a_whole_one_does(tmp_path: Path, before: str, after: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(before)
    with appended(log) as add:
        add(['"new"'])
    assert log.read_text() == after + '"new"\n'


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("old\n")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"), appended(log) as add:
            add(["new"])
    assert log.read_text() == "old\n"
