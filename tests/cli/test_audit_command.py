"""`workbench audit` as typed in a terminal."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.reviewing import Decision, decide
from workbench.project.steps.run import run
from workbench.project.task import load_task


@pytest.fixture
def task(tiny_task):
    text = (tiny_task / "task.toml").read_text(encoding="utf-8").replace('features = ["tfidf"]', "enabled = false")
    (tiny_task / "task.toml").write_text(text, encoding="utf-8")
    loaded = load_task(tiny_task)
    run(loaded, until="fit")
    return loaded


def typed(*words):
    return CliRunner().invoke(main, ["audit", *map(str, words)])


def test_a_plan_is_shown_before_it_is_kept(task):
    trial = typed(task.folder, "plan", "--rows", 40, "--by", "plan", "--dry-run")
    assert trial.exit_code == 0 and "plan audit-1 (" in trial.output and "a trial: nothing is kept" in trial.output
    assert "takes 59 answered draws at the very least" in trial.output.replace("\n", " ")
    kept = typed(task.folder, "plan", "--rows", 40, "--by", "plan", "--name", "spring")
    assert "plan spring (" in kept.output and "kept: its rows measure, and never teach" in kept.output
    again = json.loads(typed(task.folder, "plan", "--rows", 40, "--by", "plan", "--json").output)
    assert (again["name"], again["new"], again["draws"], sum(one["draws"] for one in again["strata"])) == (
        "spring",
        False,
        40,
        40,
    )


def test_promises_and_descriptions_are_shown_apart(task):
    plan = json.loads(typed(task.folder, "plan", "--rows", 40, "--json").output)["id"]
    before = typed(task.folder)
    assert "No row is answered yet, so nothing is promised." in before.output and "nothing is labelled yet" in before.output
    rows = task.dataset()[0]
    queue = json.loads(typed(task.folder, "--next", 50, "--reviewer", "ann", "--json").output)
    assert len(queue) == json.loads(typed(task.folder, "--json").output)["progress"]["open"]
    assert f"{queue[0]['row']}  {queue[0]['text']}" in typed(task.folder, "audit-1", "--next", 1).output
    ids = [line["row"] for line in queue]
    decide(task, rows, [Decision(i, "label", "ann", task.labels[rows.gold[i]], purpose="measure", plan=plan) for i in ids])
    assert typed(task.folder, "--next", 5, "--reviewer", "ann").output == "no row of the plan is left to decide\n"
    output = typed(task.folder, "audit-1").output
    promise, description = output.split("descriptions of the labelled draws: no promises")
    assert "of these labels are wrong, at 95% confidence" in promise and "each at 95%" in promise
    assert "wrong votes by function" in description and "at 95%" not in description
    found = json.loads(typed(task.folder, plan[:8], "--json").output)
    assert found["promise"]["draws"] == 40 and {"classes", "functions", "slices"} <= set(found["descriptions"])


def test_how_many_rows_a_promise_takes_is_answered_also_where_none_are_enough(task):
    trial = typed(task.folder, "plan", "--promise", "0.1%", "--dry-run")
    assert trial.exit_code == 0 and "no number up to 100,000 is enough" in trial.output and "strata of" not in trial.output
    assert json.loads(typed(task.folder, "plan", "--promise", "0.1%", "--dry-run", "--json").output)["enough"] is False
    both = json.loads(typed(task.folder, "plan", "--promise", "10%", "--rows", 33, "--dry-run", "--json").output)
    assert (both["settings"]["target"], both["draws"]) == (0.1, 33)
    assert sum(one["expected"] for one in both["strata"]) == pytest.approx(33)


def test_a_reader_who_stops_is_no_error(task):
    done = subprocess.run(
        f"{sys.executable} -m workbench audit {task.folder} plan --rows 40 --json | head -c 1", shell=True, capture_output=True,
    )  # fmt: skip
    assert done.stdout == b"{" and done.stderr == b""


def test_weekly_batches_are_shown_as_a_series(task):
    assert "week-1" in typed(task.folder, "--weekly", 20).output
    again = typed(task.folder, "--weekly", 20).output
    assert "no label is new since the last weekly plan" in again and again.count("week-1") == 1
    found = json.loads(typed(task.folder, "--weekly", 20, "--json").output)
    assert found["plan"] is None and [batch["name"] for batch in found["batches"]] == ["week-1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rows", "10"], "--rows needs the word plan behind TASK"),
        (["--dry-run"], "--dry-run needs the word plan behind TASK"),
        (["plan", "--weekly", "5"], "--weekly makes a plan of its own"),
        (["--weekly", "0"], "0 rows cannot be drawn"),
        (["plan", "--rows", "5", "--half-width", "0.1"], "--rows and --half-width are given"),
        (["plan", "--promise", "ten"], "'ten' is no share; write it as 0.1 or 10%"),
        ([], "has no audit plan yet"),
    ],
    ids=["rows alone", "trial alone", "weekly plan", "no row", "two sizes", "no share", "nothing planned"],
)
def test_what_makes_no_sense_is_one_sentence(task, words, message):
    done = typed(task.folder, *words)
    assert done.exit_code == 2 and message in done.output and "Traceback" not in done.output
