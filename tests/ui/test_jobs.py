"""A run in a process of its own: it outlives who started it, says how far it is, and can be cancelled."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from workbench.project import jobs
from workbench.project.runs import find_run
from workbench.project.task import load_task

ENDLESS = """
import time
from workbench import labeling_function
print("loading the slow one")

@labeling_function()
def sleeps(row):
    time.sleep(60)
"""


def wait_for(task, *statuses, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = jobs.state(task)
        if job.status in statuses:
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job is still {jobs.state(task)}")


@pytest.fixture
def endless(toy):
    """Return a task whose first function sleeps a minute a row, and end what still runs of it."""
    (toy / "functions" / "a_slow.py").write_text(ENDLESS)
    yield toy
    jobs.cancel(toy)
    wait_for(toy, "none", "cancelled", "failed", "done")


def test_a_task_that_never_ran_has_no_job(toy):
    assert jobs.state(toy) == jobs.Job("none")
    assert not (toy / "runs").exists(), "looking writes nothing"


def test_a_finished_job_names_the_run_it_made(toy):
    assert jobs.start(toy, until="diagnose")
    job = wait_for(toy, "done", "failed")
    assert (job.status, job.error, job.stage, job.step, job.steps) == ("done", "", "diagnose", 1, 2)
    assert job.run == find_run(load_task(toy), holding="diagnosis.json").id
    assert job.share == 1.0 and job.seconds > 0


def test_a_mistake_in_the_task_is_told_in_its_own_words(toy):
    (toy / "rules.toml").write_text('[[rule]]\nname = "r"\nkind = "keywords"\n')
    jobs.start(toy)
    job = wait_for(toy, "done", "failed")
    assert job.status == "failed" and "kind 'keywords' is unknown" in job.error and "'keyword'" in job.error


def test_a_second_start_is_refused_while_one_runs(endless):
    assert jobs.start(endless)
    assert not jobs.start(endless)
    code = f"from pathlib import Path; from workbench.project import jobs; print(jobs.start(Path({str(endless)!r})))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "False", "nor from another process"


def test_a_cancelled_job_leaves_no_half_made_run_and_another_may_start(endless):
    jobs.start(endless)
    while "loading the slow one" not in jobs.state(endless).tail:
        time.sleep(0.05)
    time.sleep(0.3)  # well inside the first function
    jobs.cancel(endless)
    job = wait_for(endless, "cancelled", "failed", "done")
    assert job.status == "cancelled"
    assert [path.name for path in (endless / "runs").iterdir()] == [".job"]
    (endless / "functions" / "a_slow.py").unlink()
    assert jobs.start(endless, until="apply")
    assert wait_for(endless, "cancelled", "failed", "done").status == "done"


def test_a_job_cancelled_while_its_functions_load_is_cancelled(toy):
    (toy / "functions" / "a_slow.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    jobs.start(toy)
    while "loading" not in jobs.state(toy).tail:
        time.sleep(0.05)
    jobs.cancel(toy)
    job = wait_for(toy, "cancelled", "failed", "done")
    assert (job.status, job.error) == ("cancelled", "")


def test_a_run_finished_before_the_cancel_reached_it_is_kept(toy):
    folder = toy / "runs" / ".job"
    folder.mkdir(parents=True)
    jobs.write_json(folder / "job.json", {"pid": 1, "started": 0})
    (folder / "cancelled").touch()
    jobs.write_json(folder / "end.json", {"error": "it was stopped", "ended": 9})
    assert jobs.state(toy).status == "cancelled"
    jobs.write_json(folder / "end.json", {"run": "20260101", "ended": 9})
    assert (jobs.state(toy).status, jobs.state(toy).run) == ("done", "20260101")


def test_a_look_at_a_job_that_is_just_starting_finds_it_whatever_files_are_missing(toy):
    folder = toy / "runs" / ".job"
    folder.mkdir(parents=True)
    assert jobs.state(toy).status == "none"
    with jobs._lock(folder, jobs.fcntl.LOCK_EX):
        assert jobs.state(toy).status == "running", "it has no job.json yet"
        jobs.cancel(toy)
        assert not (folder / "cancelled").exists(), "nothing to be ended yet"
    jobs.write_json(folder / "job.json", {"pid": 1, "started": 0})
    assert jobs.state(toy).status == "failed", "it has no log"


def test_a_killed_job_is_failed_and_shows_what_it_said_last(endless):
    jobs.start(endless)
    while "loading the slow one" not in jobs.state(endless).tail:
        time.sleep(0.05)
    pid = json.loads((endless / "runs" / ".job" / "job.json").read_bytes())["pid"]
    os.killpg(pid, signal.SIGKILL)
    job = wait_for(endless, "cancelled", "failed", "done")
    assert job.status == "failed" and "ended without a result" in job.error
    assert job.tail == ("loading the slow one",)


def test_cancelling_where_nothing_runs_does_nothing(toy):
    jobs.cancel(toy)
    assert jobs.state(toy).status == "none"


@pytest.mark.parametrize(
    ("job", "share"),
    [
        (jobs.Job("running"), 0.0),
        (jobs.Job("running", step=0, steps=6, done=5, total=10), 0.5 / 6),
        (jobs.Job("running", step=4, steps=6), 4 / 6),
        (jobs.Job("running", step=4, steps=6, done=12, total=10), 5 / 6),
        (jobs.Job("done", step=5, steps=6), 1.0),
    ],
    ids=["starting", "half the rows", "uncounted stage", "more than announced", "done"],
)
def test_every_stage_is_an_equal_share_of_the_bar(job, share):
    assert job.share == pytest.approx(share)


def test_many_may_look_at_once_and_none_sees_a_job_that_is_not(toy):
    folder = toy / "runs" / ".job"
    folder.mkdir(parents=True)
    jobs.write_json(folder / "job.json", {"pid": 1, "started": time.time()})
    (folder / "log").touch()
    with jobs._lock(folder, jobs.fcntl.LOCK_SH) as another:
        assert another is not None
        assert jobs.state(toy).status == "failed", "another who looks is not a run"
