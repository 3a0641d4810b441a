"""`workbench evaluate`: the weak-to-strong report in a terminal."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.steps import evaluate


def workbench(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def odd_task(tiny_task, monkeypatch):
    """Return the task with labels that are wrong, and rows that no function votes on."""
    monkeypatch.setattr(evaluate, "SLOW_CELLS", 0)  # without Snorkel's model
    frame = pd.read_csv(tiny_task / "rows.csv", dtype=str)
    odd = frame.index[frame["split"] != "train"]
    silent, wrong = odd[odd % 7 == 0], odd[odd % 5 == 0]
    frame.loc[wrong, "label"] = frame.loc[wrong, "label"].map({"billing": "bug", "bug": "billing"})
    frame.loc[silent, "text"], frame.loc[silent, "tag"] = "number", None
    frame.to_csv(tiny_task / "rows.csv", index=False)
    return tiny_task


def test_evaluate_prints_the_report_and_json_gives_it_all(odd_task):
    assert workbench("run", odd_task).exit_code == 0
    answer = workbench("evaluate", odd_task)
    assert answer.exit_code == 0, answer.output
    for said in (
        "test split, all 25 rows with gold", "valid split, all 15 rows with gold", "logistic regression", "no votes, n = ",
        "always 'b", "gap recovered", "copied its error", "functions behind wrong labels of valid",
    ):  # fmt: skip
        assert said in answer.stdout, said
    tables = [line.rstrip() for line in answer.stdout.splitlines() if line.startswith(" ")]
    assert max(map(len, tables)) <= 105
    assert "gold labels" not in answer.stdout, "the crossover is asked for"
    found = json.loads(workbench("evaluate", odd_task, "--json").stdout)
    assert {"label_model", "end_model", "ceiling", "pgr", "logistic", "uncovered", "overruled", "gains", "rows"} <= set(found)
    assert found["overruled"]["test"]["n"] + found["uncovered"]["test"]["n"] <= 25 and found["crossover"] is None
    asked = workbench("evaluate", odd_task, "--crossover")
    assert asked.exit_code == 0, asked.output
    assert "gold labels" in asked.stdout and "upervised model of the same architecture" in asked.stdout
    assert workbench("evaluate", odd_task).stdout == asked.stdout, "once measured it stays"
    assert json.loads(workbench("evaluate", odd_task, "--json").stdout)["crossover"]["curve"][0]["n"] == 25


def test_a_newer_end_model_without_scores_is_named(odd_task):
    workbench("run", odd_task)
    workbench("train", odd_task)
    answer = workbench("evaluate", odd_task)
    older, newer = sorted(path.name for path in (odd_task / "runs").glob("[!.]*"))
    assert answer.stdout.startswith(f"run {older}\n")
    assert f"run {newer} is newer, and its end model has no scores yet; `workbench run` makes a run that has" in answer.stderr


def test_a_run_without_scores_is_refused(tiny_task):
    workbench("fit", tiny_task)
    answer = workbench("evaluate", tiny_task)
    assert answer.exit_code == 2 and "has no scored run yet; run `workbench run" in answer.stderr
