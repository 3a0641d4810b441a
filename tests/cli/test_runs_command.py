"""`workbench runs` as typed in a terminal."""

import json

import pytest
from click.testing import CliRunner

from workbench.cli import main, runs
from workbench.project.runs import list_runs
from workbench.project.steps.run import run
from workbench.project.task import load_task


def typed(*words, code=0, answer=None):
    done = CliRunner().invoke(main, ["runs", *map(str, words)], input=answer)
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def task(tiny_task):
    return load_task(tiny_task)


def test_the_list_needs_no_word_before_the_task(task):
    assert typed(task.folder).stdout == "no run yet\n"
    done = run(task)
    first = typed(task.folder).stdout
    assert done.id in first and "test, n = 25" in first and "reference" not in first
    assert typed("list", task.folder).stdout == first
    promoted = typed("promote", task.folder, done.id, "--why", "it is good", "--by", "ann").stdout
    assert promoted == f"run {done.id} is the reference\n" and "reference" in typed(task.folder).stdout
    assert typed("promote", task.folder, done.id).stdout == f"run {done.id} is the reference already\n"
    (line,) = json.loads(typed(task.folder, "--json").stdout)
    assert line["run"] == done.id and line["reference"] == "now" and line["n_test"] == 25
    assert line["end_test"] == done.metrics()["end_model"]["test"]["all"]["accuracy"]


def test_two_runs_are_set_side_by_side(task):
    before = run(task, until="fit")
    rules = task.rules_file.read_text(encoding="utf-8")
    task.rules_file.write_text(rules.replace('"invoice", "subscription"', '"invoice"'), encoding="utf-8")
    after = run(load_task(task.folder), until="fit")
    said = typed("diff", task.folder, before.id, after.id).stdout
    assert "The rows are the same." in said and "Functions that are changed: 'says_invoice'." in said
    assert '+words = ["invoice"]' in said and "15 votes changed" in said
    found = json.loads(typed("diff", task.folder, before.id, after.id, "--json").stdout)
    assert found["words"][0] == "The rows are the same." and found["functions"][0]["function"] == "says_invoice"
    assert found["votes"] == [{"function": "says_invoice", "before": "billing", "after": "abstains", "n": 15}]
    assert {line["id"] for line in found["labels"]["rows"]} <= {f"{i:03d}" for i in range(95)}


def test_the_size_of_runs_is_told_and_pruning_asks_first(task, monkeypatch):
    first, second = (run(task, until="apply").id for _ in range(2))
    size = sum(file.stat().st_size for file in (task.folder / "runs").rglob("*") if file.is_file()) / 1e6
    assert typed(task.folder).stdout.endswith(f"2 runs, {size:.1f} MB\n")
    monkeypatch.setattr(runs, "_MANY", 1)
    assert typed(task.folder).stdout.endswith(f" MB; `workbench runs prune {task.folder} --keep 1` lets old ones go\n")
    asked = typed("prune", task.folder, "--keep", 1, answer="n\n", code=1).stdout
    assert first in asked and "MB" in asked and "for good?" in asked and len(list_runs(task)) == 2
    typed("prune", task.folder, "--keep", 1, code=1)  # nobody answers
    assert len(list_runs(task)) == 2
    assert "deleted: 1 run" in typed("prune", task.folder, "--keep", 1, answer="y\n").stdout
    assert [one.id for one in list_runs(task)] == [second]
    assert typed("prune", task.folder, "--keep", 0, "--yes").stdout.endswith("MB\n") and list_runs(task) == []


def test_mistakes_name_the_way_out(task):
    assert "has no command 'prun'; did you mean 'prune'?" in typed("prun", task.folder, code=2).stderr
    assert "is no task" in typed("nowhere", code=2).stderr
    assert "no run 'x'" in typed("promote", task.folder, "x", code=2).stderr
    kept = run(task, until="apply").id
    assert "end_model" in typed("promote", task.folder, kept, code=2).stderr
