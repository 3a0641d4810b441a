"""What a run promises of its end model, and on which rows that is measured."""

import json
from dataclasses import replace

import numpy as np

from workbench.project.auditing import Asked, plan_audit
from workbench.project.end_model_confidence import Measured
from workbench.project.reviewing import Decision, decide, open_record
from workbench.project.steps.defer import DEFERRAL, defer, measure_rows
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import SoftLabels


class AlwaysFirst:
    """Answers every row with the first class; the last row it is asked about is unlike all others."""

    def ask(self, rows):
        probs = np.tile([0.8, *[0.2 / (len(rows.labels) - 1)] * (len(rows.labels) - 1)], (len(rows), 1))
        soft = SoftLabels(rows.ids, rows.labels, probs, np.ones(len(rows), bool))
        return soft, np.arange(len(rows)) == len(rows) - 1


def test_valid_gold_measures_where_there_is_some(tiny_task, tmp_path):
    task = load_task(tiny_task)
    dataset = task.dataset()[0]
    (said,) = defer(tmp_path, task, dataset, AlwaysFirst())
    kept = json.loads((tmp_path / DEFERRAL).read_text())
    assert kept["given"] == (dataset.split == "valid").sum() and kept["threshold"] is None
    assert "valid rows with gold: no 5 % promise possible" in said


def test_without_it_the_draws_of_an_audit_do_and_a_row_may_be_drawn_twice(tiny_task, tmp_path):
    task = load_task(tiny_task)
    run(task, until="fit")
    dataset = replace(task.dataset()[0], gold=None)
    plan = plan_audit(task, Asked(rows=60)).plan
    assert plan.draws["row"].duplicated().any()
    assert len(measure_rows(task, dataset)[0]) == 0 and defer(tmp_path, task, dataset, AlwaysFirst()) == []
    told = [Decision(row, "label", "ann", dataset.labels[0], purpose="measure", plan=plan.id) for row in plan.rows]
    decide(task, task.dataset()[0], told, open_record(task))
    ids, truth, weights, what = measure_rows(task, dataset)
    assert len(ids) == len(truth) == len(weights) == 60 and set(truth) == {0} and "60 draws of the audit plan" in what
    defer(tmp_path, task, dataset, AlwaysFirst())
    assert json.loads((tmp_path / DEFERRAL).read_text())["given"] == 60


def test_the_measured_rows_give_the_threshold_that_the_run_found(tiny_task):
    done = run(load_task(tiny_task))
    kept = json.loads((done.folder / DEFERRAL).read_text())
    assert kept["measured"] == "15 valid rows with gold"
    found = Measured.of(done).at(0.05).as_dict()
    assert found == {name: value for name, value in kept.items() if name not in ("format", "measured")}
