"""Every label model on the same votes, side by side, and whether majority vote is enough."""

import json
import sys

import numpy as np
import pytest

from workbench.label_models import LABEL_MODELS
from workbench.project import steps
from workbench.project.runs import find_run
from workbench.project.steps.compare import compare, enough
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import VoteMatrix, WorkbenchError


def change(task_folder, old, new, file="task.toml"):
    text = (task_folder / file).read_text(encoding="utf-8")
    assert old in text
    (task_folder / file).write_text(text.replace(old, new), encoding="utf-8")


def compared(task_folder):
    return run(load_task(task_folder), until="fit", compared=True).comparison()


def test_every_model_stands_in_the_comparison(tiny_task):
    found = compared(tiny_task)
    assert list(found["models"]) == list(found["agreement"]) == list(LABEL_MODELS)
    assert (found["chosen"], found["rows"], found["covered"], found["gold"]) == ("generative", 120, 120, "valid")
    for name, model in found["models"].items():
        assert model["seconds"] > 0
        assert model["agreement"] == found["agreement"][name]["generative"] == found["agreement"]["generative"][name]
        assert found["agreement"][name][name] == 1
        assert list(model["valid"]) == ["all", "covered"] and model["valid"]["covered"]["n"] == 15
        assert ("over_majority_vote" in model["valid"]["all"]) == (name != "majority_vote")
    assert sum(line["n"] for line in found["reliability"]) == 15
    assert found["majority_vote"]["sentence"].startswith("Majority vote")


def test_models_are_fitted_as_a_run_fits_them(tiny_task):
    change(tiny_task, 'kind = "column"', 'kind = "column"\nenabled = false', "rules.toml")
    change(tiny_task, '"invoice", "subscription"', '"amount"', "rules.toml")
    change(tiny_task, 'fires = ["my invoice is wrong"]', "", "rules.toml")
    task = load_task(tiny_task)
    found = compared(tiny_task)
    dataset, votes = task.visible(task.dataset()[0]), find_run(task).votes()
    hard = {name: steps.fit.fit_label_model(task, name, dataset, votes)[0].hard()[votes.covered] for name in LABEL_MODELS}
    assert 0 < found["covered"] == votes.covered.sum() < 120
    for one in LABEL_MODELS:
        assert found["models"][one]["undecided"] == (hard[one] == -1).mean()
        assert found["agreement"][one] == {other: (hard[one] == hard[other]).mean() for other in LABEL_MODELS}


def test_a_comparison_is_made_on_request_only_and_kept_in_its_run(tiny_task):
    task = load_task(tiny_task)
    plain = run(task, until="fit")
    with pytest.raises(WorkbenchError, match=r"holds no compare\.json"):
        plain.comparison()
    done = run(task, until="fit", compared=True)
    assert done.id != plain.id and find_run(task, holding="compare.json").id == done.id


@pytest.mark.parametrize(("split", "same"), [("train", True), ("test", True), ("valid", False)], ids=["train", "test", "valid"])
def test_only_the_gold_of_valid_is_read(tiny_task, split, same):
    before = compared(tiny_task)
    change(tiny_task, f",billing,{split}", f",bug,{split}", "rows.csv")
    after = compared(tiny_task)
    for found in (before, after):
        for model in found["models"].values():
            del model["seconds"]
    assert (before == after) is same


def test_a_model_that_refuses_is_left_out_with_its_reason(tiny_task, monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    monkeypatch.setattr(steps.evaluate, "SLOW_CELLS", 9)
    found = compared(tiny_task)
    assert found["models"]["snorkel"]["skipped"].startswith("5 functions x 2 classes = 10: above 9")
    assert "is not installed; run pip install" in found["models"]["dawid_skene"]["skipped"]
    assert list(found["agreement"]) == ["majority_vote", "generative", "weighted_vote", "triplet"]


@pytest.mark.parametrize(
    ("old", "new"),
    [('gold = "label"\n', ""), ('split = "split"\n', "split = {train = 1.0, valid = 0.0, test = 0.0}\n")],
    ids=["no gold", "no valid split"],
)
def test_without_gold_there_is_agreement_alone(tiny_task, old, new):
    change(tiny_task, old, new)
    found = compared(tiny_task)
    assert found["gold"] is None and found["reliability"] == []
    assert 0.5 < found["models"]["triplet"]["agreement"] <= 1
    json.dumps(found, allow_nan=False)


def test_votes_on_no_row_leave_nothing_to_compare(tiny_task):
    task = load_task(tiny_task)
    dataset = task.dataset()[0]
    silent = VoteMatrix.from_array(np.full((120, 2), -1), task.labels, ids=dataset.ids)
    found = compare(task, dataset, silent)
    assert found["covered"] == 0 and found["conflict"] is None
    assert found["models"]["generative"]["agreement"] is None
    assert found["models"]["generative"]["valid"]["covered"]["reason"] == "no row of valid that functions vote on has gold"
    assert found["majority_vote"]["sentence"] == "No function votes on any row, so there is nothing to compare."


def models(accuracy, n, interval, detectable, clear=False, log_loss=0.5):
    """Return what is known of majority vote, at .7 and log loss .9, and of weighted vote on n covered rows of valid."""
    more = {"n": n, "value": accuracy - 0.7, "interval": interval, "detectable": detectable, "clear": clear}
    covered = {"n": n, "accuracy": accuracy, "log_loss": log_loss, "over_majority_vote": more}
    base = {"n": n, "accuracy": 0.7, "log_loss": 0.9}
    return {name: {"valid": {"covered": each}} for name, each in (("majority_vote", base), ("weighted_vote", covered))}


def hard(changed, settled, rows=1000):
    """Return answers to rows: weighted vote says ham to all, majority vote spam to some and nothing to others."""
    majority = np.repeat([1, -1, 0], [changed, settled, rows - changed - settled])
    return {"majority_vote": majority, "weighted_vote": np.zeros(rows, int)}


@pytest.mark.parametrize(
    ("known", "answers", "verdict", "sentence"),
    [
        (
            models(0.75, 400, [0.02, 0.08], 0.03, clear=True),
            hard(60, 40),
            False,
            "Majority vote is not enough: weighted vote changes the answer to 6.0% of 1,000 covered rows and settles 4.0% "
            "where classes tie, which moves accuracy on 400 covered valid rows by +5.0 points [+2.0, +8.0].",
        ),
        (
            models(0.705, 400, [-0.01, 0.02], 0.02),
            hard(5, 0),
            True,
            "Majority vote is enough: weighted vote changes the answer to 0.5% of 1,000 covered rows, so no more than 0.5 "
            "points of accuracy are at stake; majority vote's log loss is 0.90 against 0.50.",
        ),
        (
            models(0.701, 9000, [-0.007, 0.009], 0.008, log_loss=0.9),
            hard(60, 0),
            True,
            "Majority vote is enough: weighted vote changes the answer to 6.0% of 1,000 covered rows, which moves accuracy on "
            "9,000 covered valid rows by +0.1 points [-0.7, +0.9].",
        ),
        (
            models(0.72, 400, [-0.01, 0.05], 0.03, log_loss=0.9),
            hard(60, 0),
            None,
            "Majority vote may be enough: 400 covered valid rows cannot tell it from weighted vote, which changes the answer "
            "to 6.0% of 1,000 covered rows; accuracy there moves by +2.0 points [-1.0, +5.0], and less than 3.0 points may be "
            "chance.",
        ),
        (
            {"majority_vote": {}, "weighted_vote": {}},
            hard(20, 30),
            None,
            "Without gold on covered rows of valid nobody can say whether majority vote is enough: weighted vote changes the "
            "answer to 2.0% of 1,000 covered rows and settles 3.0% where classes tie, so no more than 5.0 points of accuracy "
            "are at stake.",
        ),
        (
            {"majority_vote": {}, "weighted_vote": {}},
            hard(0, 0),
            True,
            "Majority vote is enough: weighted vote changes the answer to 0.0% of 1,000 covered rows, so no more than 0.0 "
            "points of accuracy are at stake.",
        ),
    ],
    ids=["clear gain", "few differ", "many rows of gold", "chance", "no gold", "no gold, none differs"],
)
def test_whether_majority_vote_is_enough_is_said_in_a_sentence(known, answers, verdict, sentence):
    found = enough("weighted_vote", known, answers)
    assert (found["enough"], found["sentence"]) == (verdict, sentence)


def test_the_best_on_valid_is_set_against_majority_vote_and_without_gold_the_chosen_one():
    known = models(0.72, 400, [-0.01, 0.05], 0.03)
    known["triplet"] = models(0.74, 400, [-0.01, 0.05], 0.03)["weighted_vote"]
    answers = {**hard(60, 0), "triplet": np.ones(1000, int)}
    assert enough("weighted_vote", known, answers)["model"] == "triplet"
    blind = {name: {} for name in known}
    assert enough("weighted_vote", blind, answers)["model"] == "weighted_vote"
    assert enough("majority_vote", blind, answers)["model"] == "triplet"  # differs most


def test_a_chosen_model_that_loses_to_majority_vote_is_named():
    known = models(0.63, 400, [-0.09, -0.05], 0.02)
    found = enough("weighted_vote", known, hard(60, 0))
    assert found["sentence"].endswith("The chosen weighted vote is worse than majority vote: -7.0 points [-9.0, -5.0].")
