"""The step behind `workbench diagnose`: which errors in slices a run keeps, and under which names."""

import json

import pandas as pd
import pytest

from workbench.project.steps import diagnose as step
from workbench.project.steps.run import run
from workbench.project.task import load_task


def test_a_function_may_be_called_majority_vote(tiny_task):
    rules = (tiny_task / "rules.toml").read_text("utf-8")
    (tiny_task / "rules.toml").write_text(rules.replace('name = "error_code"', 'name = "majority vote"'), "utf-8")
    done = run(load_task(tiny_task), until="diagnose")
    assert "majority vote" in [line["lf"] for line in done.diagnosis()["functions"]]


def test_errors_are_kept_that_are_unlikely_alone_or_among_many(tiny_task, monkeypatch: pytest.MonkeyPatch):
    errors = pd.DataFrame({"lf": ["alone", "among many", "neither"], "p": [0.04, 0.06, 0.06], "q": [0.9, 0.09, 0.9]})
    columns = {"slice": "pro", "n": 3, "accuracy": 0.0, "n_elsewhere": 3, "accuracy_elsewhere": 1.0}
    monkeypatch.setattr(step, "slice_errors", lambda *_: errors.assign(**columns))
    done = run(load_task(tiny_task), until="diagnose")
    found = json.loads((done.folder / "diagnosis.json").read_text("utf-8"))["slice_errors"]
    assert [line["lf"] for line in found] == ["alone", "among many"]
