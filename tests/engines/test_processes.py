"""Worker processes: the same votes as in this process, and whatever a function does ends that function alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from workbench import Dataset, apply_lfs, labeling_function, load_lfs
from workbench.apply import VoteCache
from workbench.apply.cache import UNKNOWN
from workbench.engines import Processes
from workbench.tables import WorkbenchError

ROWS = 60
DATA = Dataset(
    pd.DataFrame(
        {"text": [f"row {i} {'refund' if i % 3 else 'hello'}" for i in range(ROWS)]}, index=[f"r{i}" for i in range(ROWS)]
    ),
    labels=("ham", "spam"),
)
GOOD = """
import random
from workbench import ABSTAIN, labeling_function
from workbench.lfs import keyword, phrase
from .words import NEEDLES

says_refund = keyword("refund", 1, name="says_refund")
a_phrase = phrase(["row 7"], 0, name="a_phrase")

@labeling_function()
def reaches_a_helper(row):
    return 1 if any(word in row.text for word in NEEDLES) else ABSTAIN

@labeling_function()
def faults_on_one(row):
    return 1 // (row.name != "r11") - 1

@labeling_function(batch=True)
def whole(frame):
    return [i % 2 for i in frame["text"].str.len()]

@labeling_function(resources={"words": ["hello"]}, pre=[lambda row: row])
def with_resources(row, words):
    return 0 if words[0] in row.text else ABSTAIN
"""
BAD = """
import ctypes, os, re, sys, random, time
from workbench import labeling_function

@labeling_function()
def loops(row):
    while row.name == "r33":
        pass
    return 0

@labeling_function()
def hangs_in_c(row):
    return 0 if re.match(r"(\\w+\\s?)+$", "a" * 60 + "!") and row.name == "r2" else 1

@labeling_function()
def exits(row):
    os._exit(3)

@labeling_function()
def segfaults(row):
    ctypes.string_at(0)
    return 0

@labeling_function()
def hogs(row):
    return len(bytearray(40 * 2**30)) % 2

@labeling_function()
def floods(row):
    while True:
        print("x" * 10_000)

@labeling_function()
def leaves(row):
    sys.exit(1)

@labeling_function()
def panics(row):
    raise KeyboardInterrupt("not an Exception")

@labeling_function()
def kills_its_worker(row):
    os.kill(os.getppid(), 9)
    while True:
        time.sleep(1)

@labeling_function()
def leaves_a_process(row):
    if row.name == "r5" and os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    return 0

@labeling_function()
def spoils_the_world(row):
    random.random = lambda: 7.0
    str.__class__
    os.environ["SPOILT"] = "1"
    sys.modules["workbench"].SPOILT = True
    return 0
"""
RAISE = "raise `{}`, a setting of Processes and of [apply]"
AFTER = """
import os, random, sys
from workbench import labeling_function

@labeling_function()
def zz_finds_the_world_as_it_was(row):
    spoilt = random.random() == 7.0 or "SPOILT" in os.environ or hasattr(sys.modules["workbench"], "SPOILT")
    return 1 if spoilt else 0
"""


def folder(path: Path, **files: str) -> list:
    path.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        (path / f"{name}.py").write_text(source, "utf-8")
    return load_lfs(path, labels=DATA.labels)


@pytest.mark.parametrize(("workers", "chunk_rows"), [(1, 100), (2, 7)], ids=["one worker", "two workers"])
def test_votes_and_faults_are_those_of_this_process(tmp_path, workers, chunk_rows):
    lfs = folder(tmp_path / "lfs", functions=GOOD, words="NEEDLES = ['refund', 'row 9']\n")
    here = apply_lfs(lfs, DATA)
    there = apply_lfs(lfs, DATA, engine=Processes(workers=workers), chunk_rows=chunk_rows)
    assert there.fingerprint == here.fingerprint and there.votes.max() == 1
    assert here.faults["id"].tolist() == there.faults["id"].tolist() == ["r11"]
    assert there.faults["error"][0].startswith("ZeroDivisionError") and "faults_on_one" in there.faults["traceback"][0]


def test_functions_of_a_notebook_are_sent_by_value():
    needle = "refund"
    lfs = [labeling_function(name="closure")(lambda row: 1 if needle in row.text else -1)]
    assert apply_lfs(lfs, DATA, engine=Processes(workers=1)).fingerprint == apply_lfs(lfs, DATA).fingerprint


def test_what_cannot_be_sent_is_named():
    lock = __import__("threading").Lock()
    holds = labeling_function(name="holds_a_lock")(lambda row: 1 if lock else 0)
    with pytest.raises(WorkbenchError, match=r"'holds_a_lock' .* cannot be sent to another process .*; put it into the folder"):
        apply_lfs([holds], DATA, engine=Processes(workers=1))


def workers(mark: Path) -> set[int]:
    """Return the processes of workers, and of their children, that were started while MARK was set to a path."""
    found = subprocess.run(["ps", "axeww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return {int(line.split()[0]) for line in found.splitlines() if "engines.worker" in line and f"MARK={mark} " in f"{line} "}


def test_progress_tells_which_functions_workers_are_at(tmp_path):
    waits = """
import time
from workbench import labeling_function

def waits(row):
    time.sleep(0.05)
    return 0

one, two = (labeling_function(name=name)(waits) for name in ("one", "two"))
"""
    ticks = []
    rows, lfs = DATA.take(range(4)), folder(tmp_path / "lfs", functions=GOOD, words="NEEDLES = ['row']\n", waits=waits)
    apply_lfs(lfs, rows, engine=Processes(workers=2), chunk_rows=2, progress=ticks.append)
    assert {name for tick in ticks for name in tick.working} == {lf.name for lf in lfs}
    assert max(len(tick.working) for tick in ticks) == 2 and ticks[-1].working == () and ticks[-1].done == 4 * len(lfs)


@pytest.fixture(scope="module")
def misbehaved(tmp_path_factory):
    path = tmp_path_factory.mktemp("bad") / "lfs"
    os.environ["MARK"] = str(path)
    lfs = folder(path, functions=GOOD, words="NEEDLES = ['refund', 'row 9']\n", misbehave=BAD, z_last=AFTER)
    start = time.monotonic()
    votes = apply_lfs(lfs, DATA, engine=Processes(workers=2, seconds=1.5, memory_mb=512, output_mb=0.1), chunk_rows=30)
    seconds = time.monotonic() - start
    del os.environ["MARK"]
    assert gone(path)
    return votes, seconds, apply_lfs([lf for lf in lfs if lf.place.startswith("functions")], DATA)


def gone(mark: Path) -> bool:
    """Wait for the workers to be gone: a killed process takes its time."""
    end = time.monotonic() + 15
    while workers(mark) and time.monotonic() < end:
        time.sleep(0.1)
    return not workers(mark)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("loops", f"it ran longer than 1.5 s on 30 rows; if it is only slow, {RAISE.format('seconds')}"),
        ("hangs_in_c", f"it ran longer than 1.5 s on 30 rows; if it is only slow, {RAISE.format('seconds')}"),
        ("exits", "it ended its process (exit code 3)"),
        ("segfaults", "it crashed (SIGSEGV)"),
        ("floods", f"it printed more than 104,857 bytes on 30 rows; print less, or {RAISE.format('output_mb')}"),
        ("hogs", f"it failed on more than 50% of the rows, first with: MemoryError; {RAISE.format('memory_mb')}"),
        ("leaves", "it failed on more than 50% of the rows, first with: SystemExit: 1"),
        ("panics", "it raised KeyboardInterrupt: not an Exception"),
        ("kills_its_worker", "its worker process ended (SIGKILL)"),
    ],
    ids=lambda text: text.split()[0],
)
def test_a_function_is_stopped_whatever_it_does(misbehaved, function, reason):
    votes, _, _ = misbehaved
    assert votes.stopped[function] == reason
    assert set(votes.to_frame()[function]) == {-1}


def test_the_other_functions_votes_are_those_they_have_alone(misbehaved):
    votes, seconds, alone = misbehaved
    pd.testing.assert_frame_equal(votes.to_frame()[list(alone.lfs)], alone.to_frame())
    assert len(votes.stopped) == 9 and set(votes.to_frame()["leaves_a_process"]) == {0}
    assert seconds < 30


def test_a_function_that_changes_global_state_changes_it_for_nobody_else(misbehaved):
    votes, _, _ = misbehaved
    assert set(votes.to_frame()["spoils_the_world"]) == {0}
    assert set(votes.to_frame()["zz_finds_the_world_as_it_was"]) == {0}
    assert random.random() != 7.0 and "SPOILT" not in os.environ


def test_a_function_that_changes_its_row_changes_it_for_nobody_else(tmp_path):
    lists = """
from workbench import labeling_function

@labeling_function()
def changes(row):
    row.tags.append("seen")
    return 0

@labeling_function()
def counts(row):
    return len(row.tags) - 1
"""
    rows = Dataset(DATA.frame.assign(tags=[["new"] for _ in range(ROWS)]), labels=DATA.labels)
    lfs = folder(tmp_path / "lfs", lists=lists)
    assert set(apply_lfs(lfs, rows, engine=Processes(workers=1)).to_frame()["counts"]) == {0}
    assert rows.frame["tags"].map(len).eq(1).all()


def test_a_function_that_draws_lots_is_named_by_workers_too(tmp_path):
    draws = """
import random
from workbench import labeling_function

@labeling_function()
def draws(row):
    return random.randrange(2)
"""
    votes = apply_lfs(folder(tmp_path / "lfs", draws=draws), DATA, engine=Processes(workers=1))
    assert votes.stopped["draws"].startswith("it answers differently when a row is asked again, first on row")
    assert set(votes.votes[:, 0]) == {-1} and votes.faults.empty


def test_a_folder_that_changed_since_it_was_loaded_is_refused(tmp_path):
    lfs = folder(tmp_path / "lfs", functions=GOOD, words="NEEDLES = ['refund']\n")
    (tmp_path / "lfs" / "words.py").write_text("NEEDLES = ['hello']\n", "utf-8")
    with pytest.raises(WorkbenchError, match=r"^labeling function 'reaches_a_helper' is not .* changed since it was loaded"):
        apply_lfs(lfs, DATA, engine=Processes(workers=1))


def test_workers_agree_on_the_order_of_a_set(tmp_path):
    ties = """
from workbench import labeling_function

@labeling_function()
def ties(row):
    words = row.text.split()
    return len(max(set(words), key=words.count)) % 2
"""
    lfs = folder(tmp_path / "lfs", ties=ties)
    assert len({apply_lfs(lfs, DATA, engine=Processes(workers=n), chunk_rows=30).fingerprint for n in (1, 2, 2)}) == 1


def test_a_file_of_the_current_folder_is_not_taken_for_a_library(tmp_path, monkeypatch):
    (tmp_path / "queue.py").write_text("raise SystemExit('not a library')\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    lfs = [labeling_function(name="fine")(lambda row: 0)]
    assert set(apply_lfs(lfs, DATA, engine=Processes(workers=1)).votes[:, 0]) == {0}


def test_what_a_function_prints_arrives_and_leaves_the_output_to_data(tmp_path, capfd, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    prints = """
from workbench import labeling_function

print("loaded")

@labeling_function()
def prints(row):
    print("seen", row.name)
    return 0
"""
    lfs = folder(tmp_path / "lfs", prints=prints)
    capfd.readouterr()
    apply_lfs(lfs, DATA, engine=Processes(workers=1))
    out, err = capfd.readouterr()
    assert out == "" and set(err.splitlines()) == {"loaded", *(f"seen {name}" for name in DATA.ids)}


def test_memory_is_limited_where_the_system_limits_it_too(tmp_path):
    folder(tmp_path / "lfs", hog="""
from workbench import labeling_function

@labeling_function()
def hogs(row):
    return len(bytearray(2**30)) % 2
""")  # fmt: skip
    script = f"""
import resource
import pandas as pd
from workbench import Dataset, apply_lfs, load_lfs
from workbench.engines import Processes
resource.setrlimit(resource.RLIMIT_AS, (2**36, 2**36))
data = Dataset(pd.DataFrame({{"text": ["x"]}}, index=["r"]), labels=("ham", "spam"))
engine = Processes(workers=1, memory_mb=200)
print(apply_lfs(load_lfs({str(tmp_path / "lfs")!r}, labels=data.labels), data, engine=engine).stopped)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "MemoryError" in run.stdout


def test_nothing_is_started_where_everything_is_known(tmp_path):
    lfs = folder(
        tmp_path / "lfs", functions=GOOD.replace("faults_on_one", "fine").replace('"r11"', '"none"'), words="NEEDLES = ['a']\n"
    )
    cache = VoteCache(tmp_path / "votes.sqlite")
    first = apply_lfs(lfs, DATA, cache=cache)
    start = time.monotonic()
    assert apply_lfs(lfs, DATA, cache=cache, engine=Processes(workers=2)).fingerprint == first.fingerprint
    assert time.monotonic() - start < 0.5


def test_no_process_is_left_behind_by_an_end_a_cancel_or_a_kill(tmp_path, monkeypatch):
    monkeypatch.setenv("MARK", str(tmp_path))

    told = []

    def cancel(tick):
        if tick.done:
            told.append(tick.function)
            raise KeyboardInterrupt

    lfs = folder(tmp_path / "a", functions=GOOD, words="NEEDLES = ['refund']\n", misbehave=BAD)
    cache = VoteCache(tmp_path / "votes.sqlite")
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        apply_lfs(lfs, DATA, engine=Processes(workers=2, seconds=30), chunk_rows=30, progress=cancel, cache=cache)
    assert gone(tmp_path)
    kept = cache.known([next(lf.fingerprint for lf in lfs if lf.name == told[0])])
    assert (kept != UNKNOWN).sum() == 30  # what was finished when the cancel came

    folder(tmp_path / "b", functions=BAD)
    script = f"""
import pandas as pd
from workbench import Dataset, apply_lfs, load_lfs
from workbench.engines import Processes
data = Dataset(pd.DataFrame({{"text": ["x"] * 40}}, index=[f"r{{i}}" for i in range(40)]), labels=("ham", "spam"))
if __name__ == "__main__":
    print("go", flush=True)
    apply_lfs(load_lfs({str(tmp_path / "b")!r}, labels=data.labels)[:1], data, engine=Processes(workers=1, seconds=60))
"""
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    run.stdout.readline()
    end = time.monotonic() + 15
    while not workers(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1.5)  # it has begun to loop
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert gone(tmp_path)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"workers": 0}, "workers is 0; give a whole number from 1 on"),
        ({"workers": "2"}, "workers is '2'; give a whole number"),
        ({"workers": 2.5}, "workers is 2.5; give a whole number"),
        ({"workers": True}, "workers is True; give a whole number"),
        ({"seconds": 0.0}, "seconds is 0.0; give a number above 0"),
        ({"seconds": float("inf")}, "seconds is inf; give a number above 0"),
        ({"output_mb": "1"}, "output_mb is '1'; give a number above 0"),
        ({"memory_mb": -1}, "memory_mb is -1; give a whole number from 1 on"),
        ({"memory_mb": 0.5}, "memory_mb is 0.5; give a whole number from 1 on"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(settings, error):
    with pytest.raises(WorkbenchError, match=error):
        Processes(**settings)
