"""What the process behind the end model's page tells of a run."""

import json

import pytest

from workbench.project.answering import Answering
from workbench.project.end_model_confidence import Measured
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def test_the_measured_rows_give_the_threshold_that_the_run_found(tiny_task):
    task = load_task(tiny_task)
    done = run(task)
    asked = Answering.open(task, done)
    found = Measured.from_answer(json.loads(json.dumps(asked.measured())))
    kept = json.loads((done.folder / "deferral.json").read_text())
    assert found.what == kept["measured"] == "15 valid rows with gold"
    assert {name: value for name, value in kept.items() if name not in ("format", "measured")} == found.at(0.05).as_dict()
    told = asked.row({"text": "hello there"}, lambda name: None)["end_model"]
    assert set(told["words"]["drops"]) == {"hello", "there"} and told["decision"] in ("answer", "needs review")
    assert max(told["probs"], key=told["probs"].get) == told["words"]["label"]


def test_a_run_without_an_end_model_says_why(tiny_task):
    task = load_task(tiny_task)
    asked = Answering.open(task, run(task, until="fit"))
    assert "reason" in asked.row({"text": "hello"}, lambda name: None)["end_model"]
    with pytest.raises(WorkbenchError, match="holds no end_model"):
        asked.measured()
