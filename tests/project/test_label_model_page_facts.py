"""What a run says of its label model: models, functions, balance, certainty, one row explained, two runs compared."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.label_models import GenerativeModel
from workbench.project import steps
from workbench.project.catalogue import visible_rows
from workbench.project.explaining import BALANCE, CALIBRATION, explain
from workbench.project.label_model import (
    Certainty,
    balance_table,
    below,
    confidences,
    functions_table,
    histogram,
    least_sure,
    models_table,
    rows_table,
    score_above,
)
from workbench.project.run_pair import compare_runs
from workbench.project.runs import find_run
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError


def change(task_folder, old, new, file="task.toml"):
    text = (task_folder / file).read_text(encoding="utf-8")
    assert old in text
    (task_folder / file).write_text(text.replace(old, new), encoding="utf-8")


def soft(*probs, covered=None):
    ids = pd.Index([f"r{i}" for i in range(len(probs))])
    shares = np.array([[p, 1 - p] for p in probs])
    return SoftLabels(ids, ("ham", "spam"), shares, np.ones(len(probs), bool) if covered is None else np.array(covered))


def rows(split, gold=None):
    frame = pd.DataFrame({"text": [f"text {i}" for i in range(len(split))]}, index=[f"r{i}" for i in range(len(split))])
    split = pd.Series(split, index=frame.index)
    return Dataset(frame, ("ham", "spam"), split=split, gold=None if gold is None else pd.Series(gold, index=frame.index))


# ---------------------------------------------------------------- a run's files


def test_a_fit_keeps_what_the_page_shows(tiny_task, monkeypatch):
    monkeypatch.setattr(steps.fit, "_DRAWS", 8)
    said = CliRunner().invoke(main, ["fit", str(tiny_task), "--intervals"]).stdout
    done = find_run(load_task(tiny_task))
    model = done.label_model()
    low, high = model["accuracy_interval"]["agent_tag"]
    assert f"{model['accuracy']['agent_tag']:.2f} [{low:.2f}, {high:.2f}]" in said
    assert model["converged"] is True and len(model["history"]) == model["iterations"]
    assert model["calibration"] == {"slope": 1.0, "offset": {"billing": 0.0, "bug": 0.0}}
    assert model["settings"]["strength"] == 100.0 and model["doubts"] == done.kept_model().doubts_
    assert set(model["scores"]) == {"majority_vote", "generative"} and 0.5 < model["same_as_majority_vote"] <= 1
    assert model["interval_level"] == 0.95 and set(model["accuracy_interval"]) == set(model["accuracy"])
    assert all(0 <= low <= high <= 1 for low, high in model["accuracy_interval"].values())
    assert set(model["covered_balance_interval"]) == {"billing", "bug"}
    again = done.kept_model().predict_proba(done.votes())
    assert np.array_equal(again.probs, done.soft_labels().probs)


def test_a_model_that_explains_nothing_is_not_kept_and_the_way_out_is_said(tiny_task):
    change(tiny_task, 'model = "generative"', 'model = "majority_vote"')
    done = run(load_task(tiny_task), until="fit", intervals=True)
    assert "accuracy_interval" not in done.label_model() and done.label_model()["history"] == []
    with pytest.raises(WorkbenchError, match=r"keeps no label model that explains rows \(its model: MajorityVote\)"):
        done.kept_model()


# ---------------------------------------------------------------- models, functions, classes


def test_majority_vote_stands_beside_the_model_with_and_without_a_comparison(tiny_task):
    model = run(load_task(tiny_task), until="fit").label_model()
    alone = models_table(model, None, "all")
    assert list(alone.index) == ["majority vote", "generative model"] and (alone["n"] == 15).all()
    compared = {
        "majority_vote": {"agreement": 0.9, "undecided": 0.1, **model["scores"]["majority_vote"]},
        "snorkel": {"skipped": "it would take minutes"},
        "triplet": {
            "agreement": 0.8,
            "undecided": 0.0,
            "valid": {"all": {"n": 15, "accuracy": 0.6, "over_majority_vote": {"value": -0.1, "interval": [-0.3, 0.1]}}},
        },
    }
    every = models_table(model, {"models": compared}, "all")
    assert list(every.index) == ["majority vote", "Snorkel's LabelModel", "triplet method"]
    shared = ["accuracy", "low", "high", "macro_f1", "log_loss", "ece", "n"]
    assert every.loc["majority vote", shared].equals(alone.loc["majority vote", shared])
    assert every.loc["triplet method", ["points", "points_low", "points_high", "agreement"]].tolist() == [-0.1, -0.3, 0.1, 0.8]
    assert every["reason"].tolist() == ["", "it would take minutes", ""]


def test_without_gold_the_models_say_why_they_have_no_score(tiny_task):
    change(tiny_task, 'gold = "label"\n', "")
    table = models_table(run(load_task(tiny_task), until="fit").label_model(), None, "covered")
    assert table["accuracy"].isna().all() and (table["reason"] == "no row of valid has gold").all()


def test_functions_stand_in_the_order_of_their_gap():
    figures = {"low": 0.4, "high": 0.6, "n_votes": 50}
    diagnosis = {
        "functions": [
            {"lf": "as it seems", "accuracy": 0.5, "n_gold": 10, **figures},
            {"lf": "not on gold", "accuracy": None, "n_gold": 0, **figures},
            {"lf": "overrated", "accuracy": 0.5, "n_gold": 10, **figures},
            {"lf": "silent", "accuracy": None, "n_gold": 0, **figures, "n_votes": 0},
        ]
    }
    accuracy = {"as it seems": 0.55, "not on gold": 0.7, "overrated": 0.8, "silent": None}
    table = functions_table({"accuracy": accuracy, "accuracy_interval": {"overrated": [0.7, 0.9], "silent": None}}, diagnosis)
    assert list(table.index) == ["overrated", "as it seems", "not on gold"]
    assert table["gap"].round(2).tolist()[:2] == [0.3, 0.05] and table["outside"].tolist() == [True, False, False]
    assert table.loc["overrated", ["learned_low", "learned_high"]].tolist() == [0.7, 0.9]
    assert np.isnan(table.loc["not on gold", "low"]), "an interval without votes says nothing"


def test_the_balance_is_set_beside_gold_of_valid_alone():
    dataset = rows(["train", "valid", "valid", "valid", "test"], gold=[0, 1, 1, -1, 0])
    model = {"class_balance": {"ham": 0.6, "spam": 0.4}, "covered_balance": {"ham": 0.7, "spam": 0.3}}
    table = balance_table(model, dataset)
    assert table["gold"].tolist() == [0, 1] and table["n"].tolist() == [2, 2]
    assert table["posterior"].tolist() == [0.7, 0.3] and table["posterior_low"].isna().all()
    without = balance_table(model, rows(["train"]))
    assert without["n"].tolist() == [0, 0] and without["gold"].isna().all()


# ---------------------------------------------------------------- certainty


def test_confidence_is_counted_over_covered_rows():
    ordered = confidences(soft(0.9, 0.2, 0.55, 0.5, covered=[True, True, True, False]))
    assert ordered.tolist() == [0.55, 0.8, 0.9]
    counts = histogram(ordered)
    assert counts["n"].sum() == 3 and counts["low"].iloc[0] == 0.55
    assert below(ordered, 0.8) == {"rows": 1, "of": 3, "share": 1 / 3, "confidence_of_others": pytest.approx(0.85)}
    assert below(np.zeros(0), 0.8)["share"] is None


def test_the_least_sure_rows_come_first_and_no_test_row_among_them():
    answers = soft(0.9, 0.55, 0.1, 0.5, 0.6, covered=[True, True, True, True, False])
    dataset = rows(["train", "valid", "train", "test", "train"], gold=[0, 1, 1, 1, 0])
    visible = np.where((dataset.split == "test").to_numpy(), -1, np.arange(5))
    order = least_sure(answers, visible)
    assert order.tolist() == [1, 0, 2]
    table = rows_table(answers, dataset, visible, order)
    assert table["label"].tolist() == ["ham", "ham", "spam"] and table["next"].tolist() == ["spam", "spam", "ham"]
    assert table["gold"].tolist() == ["spam", "", ""], "gold of train stays hidden"
    sure = Certainty.of(answers, dataset, visible)
    assert sure.bins["n"].tolist() == [1] and bool(sure.bins["apart"].iloc[0]) is False
    assert score_above(sure.valid, dataset, 0.6)["n"] == 0 and score_above(sure.valid, dataset, 0.5)["accuracy"] == 0


def test_gold_of_other_classes_than_the_labels_is_not_used():
    dataset = rows(["valid"], gold=[1])
    other = SoftLabels(pd.Index(["r0"]), ("spam", "ham"), np.array([[0.9, 0.1]]), np.ones(1, bool))
    assert Certainty.of(other, dataset, np.zeros(1, int)).ece is None


# ---------------------------------------------------------------- one row


@pytest.fixture
def taught():
    """Return a model taught by gold too, its votes, and the rows: the last 100 of 400 are test rows."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 400)
    array = np.where(rng.random((400, 9)) < 0.7, truth[:, None], rng.integers(0, 3, (400, 9)))
    array[rng.random((400, 9)) > 0.5] = -1
    votes = VoteMatrix.from_array(array, labels=["ham", "spam", "eggs"])
    gold = pd.Series(np.where(rng.random(150) < 0.3, 2, truth[:150]), index=votes.ids[:150])  # leans, so that it calibrates
    frame = pd.DataFrame({"text": "x"}, index=votes.ids)
    split = pd.Series(["train"] * 300 + ["test"] * 100, index=votes.ids)
    return GenerativeModel().fit(votes, gold), votes, Dataset(frame, votes.labels, split=split)


def test_the_lines_of_a_row_sum_to_its_log_odds(taught):
    model, votes, dataset = taught
    probs = model.predict_proba(votes).to_frame()
    assert model.calibration_.offset.any(), "or calibration has no line"
    for row in votes.ids[:40]:
        found = explain(model, votes, dataset, row)
        assert list(found.probs) == [found.first, found.second, *list(found.probs)[2:]]
        assert [probs.loc[row, label] for label in found.probs] == pytest.approx(list(found.probs.values()), abs=1e-12)
        assert found.log_odds == pytest.approx(np.log(probs.loc[row, found.first] / probs.loc[row, found.second]), abs=1e-9)
        lines = found.lines
        assert lines["line"].iloc[0] == BALANCE
        assert lines["after"].iloc[-1] == pytest.approx(found.log_odds) and lines["before"].iloc[0] == 0
        assert np.allclose(lines["before"].iloc[1:], lines["after"].iloc[:-1])


def test_votes_come_by_weight_and_the_least_are_folded(taught):
    model, votes, dataset = taught
    row = votes.ids[int(np.argmax(votes.n_votes[:300]))]
    every = explain(model, votes, dataset, row)
    cast = every.lines[~every.lines["line"].isin([BALANCE, CALIBRATION])]
    assert len(cast) == votes.n_votes[:300].max() and cast["adds"].abs().is_monotonic_decreasing
    few = explain(model, votes, dataset, row, at_most=4)
    assert len(few.lines) <= 5 and f"{len(cast) - 2} lesser votes" in few.lines["line"].tolist()
    assert few.log_odds == pytest.approx(every.log_odds)


def test_two_classes_may_be_chosen(taught):
    model, votes, dataset = taught
    row = votes.ids[0]
    top, *others = explain(model, votes, dataset, row).probs
    assert explain(model, votes, dataset, row, second=others[1]).second == others[1]
    assert explain(model, votes, dataset, row, second=top).first == others[0]
    turned = explain(model, votes, dataset, row, first=others[0], second=top)
    assert turned.log_odds == pytest.approx(-explain(model, votes, dataset, row, second=others[0]).log_odds)


@pytest.mark.parametrize(
    ("row", "second", "said"),
    [
        ("r9999", None, "there is no row 'r9999' in this run; its ids are such as 'r0', 'r1', 'r2'"),
        ("r399", None, "row 'r399' is in the test split, whose votes stay hidden"),
        ("r0", "hamm", "class 'hamm' is unknown; did you mean 'ham'"),
    ],
    ids=["unknown row", "test row", "unknown class"],
)
def test_what_cannot_be_explained_is_said(taught, row, second, said):
    with pytest.raises(WorkbenchError, match=said.replace("'", ".")):
        explain(*taught, row, second=second)


def test_a_row_without_votes_is_explained_by_the_balance_alone(taught):
    model, votes, dataset = taught
    silent = VoteMatrix.from_array(np.full((400, 9), -1), votes.labels)
    found = explain(model, silent, dataset, "r0")
    assert found.lines["line"].tolist() == [BALANCE]
    assert list(found.probs.values()) == pytest.approx(sorted(model.class_balance_, reverse=True))


# ---------------------------------------------------------------- two runs


def test_two_runs_show_what_differs_and_which_labels_changed(tiny_task):
    task = load_task(tiny_task)
    before = run(task, until="fit")
    change(tiny_task, 'model = "generative"', 'model = "generative"\nclass_balance = [0.9, 0.1]')
    change(tiny_task, '"invoice", "subscription"', '"number"', "rules.toml")
    change(tiny_task, 'fires = ["my invoice is wrong"]\n', "", "rules.toml")
    after = run(load_task(tiny_task), until="fit")
    pair = compare_runs(before, after, task.dataset()[0])
    assert pair.settings.to_dict("index") == {"label_model.class_balance": {"before": "not set", "after": "[0.9, 0.1]"}}
    assert pair.functions == {"says_invoice": "changed"} and not pair.other_data
    assert pair.scores.loc[("all", "before"), "n"] == 15 and pair.gains["all"]["n"] == 15
    old, new = before.soft_labels().hard(), after.soft_labels().hard()
    assert pair.common == 120 and pair.changed == (old != new).sum() > 0
    assert pair.moves["n"].sum() == pair.changed
    assert set(pair.sample.index) == set(old.index[:95][(old != new)[:95]]), "train and valid alone"
    assert set(pair.accuracy.index) == set(after.label_model()["accuracy"])
    assert pair.accuracy["change"].abs().is_monotonic_decreasing


def test_the_same_run_twice_changes_nothing(tiny_task):
    task = load_task(tiny_task)
    pair = compare_runs(run(task, until="fit"), run(task, until="fit"), task.dataset()[0])
    assert pair.changed == 0 and pair.settings.empty and not pair.functions and pair.sample.empty
    assert (pair.accuracy["change"] == 0).all() and pair.gains["covered"]["value"] == 0


def test_runs_of_other_classes_compare_their_labels_by_name(tiny_task):
    task = load_task(tiny_task)
    before = run(task, until="fit")
    change(tiny_task, 'labels = ["billing", "bug"]', 'labels = ["bug", "billing"]')
    change(tiny_task, "BILLING, BUG = 0, 1", "BILLING, BUG = 1, 0", "../../labeling_functions/tiny/functions.py")
    pair = compare_runs(before, run(load_task(tiny_task), until="fit"), load_task(tiny_task).dataset()[0])
    assert pair.changed < 12 and pair.gains == {} and pair.scores.empty


# ---------------------------------------------------------------- the command


def test_a_row_is_explained_on_the_command_line(tiny_task):
    task = load_task(tiny_task)
    done = run(task, until="fit")
    said = CliRunner().invoke(main, ["explain", str(tiny_task), "000", "--json"])
    found = json.loads(said.stdout)
    assert found["first"] == "billing" and found["log_odds"] == sum(line["adds"] for line in found["lines"])
    table = CliRunner().invoke(main, ["explain", str(tiny_task), "000", "--against", "bug", "--run", done.id]).stdout
    assert "class balance" in table and "says_invoice" in table and "row 000: billing" in table
    refused = CliRunner().invoke(main, ["explain", str(tiny_task), "119"])
    assert refused.exit_code == 2 and "is in the test split" in refused.stderr
    assert visible_rows(task.dataset()[0], done.votes())[-1] == -1 and find_run(task).id == done.id
