"""The table of functions and the close-up of one: the run joined with the files and with what was before."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.project.catalogue import catalogue, visible_rows
from workbench.project.close_up import rows_shown, slices_of, valid_gold, voted_slices, where
from workbench.project.functions import diagnosed, function_rows, history, matching, run_figures
from workbench.project.runs import Run
from workbench.project.steps.run import run
from workbench.project.switches import switch
from workbench.project.task import load_task
from workbench.spec import Slice
from workbench.tables import Dataset, VoteMatrix

IDS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def looked_at():
    """Return rows, votes and the valid gold: f is right on b, wrong on d and alone on e; c is a test row."""
    split = pd.Series(["train", "valid", "test", "valid", "train"], index=IDS)
    gold = pd.Series([0, 1, 1, 0, -1], index=IDS)
    frame = pd.DataFrame({"text": ["one", "two\n\n  two", "three", "four", "five"], "n": [1, 2, 3, 4, 5]}, index=IDS)
    dataset = Dataset(frame, ("ham", "spam"), ("text",), split, gold)
    faults = pd.DataFrame({"id": ["a"], "lf": ["f"], "error": ["boom"], "traceback": ["boom"]})
    cast = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1], [1, 0, 1], [1, -1, -1]])
    votes = VoteMatrix(pd.Index(IDS), ("f", "g", "h"), ("ham", "spam"), cast, faults)
    visible = visible_rows(dataset, votes)
    return dataset, votes, visible, valid_gold(dataset, votes, visible)


def test_gold_is_shown_on_valid_rows_alone(looked_at):
    assert looked_at[3].tolist() == [-1, 1, -1, 0, -1]


def test_rows_of_a_function_are_sorted_by_how_it_does_there(looked_at):
    _, votes, visible, truth = looked_at
    found = {kind: [IDS[place] for place in places] for kind, places in where(votes, "f", visible, truth).items()}
    assert found == {
        "right": ["b"],
        "wrong": ["d"],
        "alone": ["e"],
        "conflict": ["d"],
        "votes": ["b", "d", "e"],
        "abstains": [],
    }
    assert [IDS[place] for place in where(votes, "g", visible, truth)["abstains"]] == ["b", "e"]


def test_rows_are_shown_with_the_votes_of_others_by_class(looked_at):
    dataset, votes, visible, truth = looked_at
    shown = rows_shown(dataset, votes, visible, truth, "f", np.array([1, 3]))
    assert shown.loc["b"].tolist() == ["two\n  two", "spam", "spam", "spam: h"]
    assert shown.loc["d"].tolist() == ["four", "spam", "ham", "ham: g; spam: h"]
    bare = Dataset(dataset.frame, dataset.labels, (), dataset.split, dataset.gold)
    assert rows_shown(bare, votes, visible, truth, "g", np.array([4])).loc["e"].tolist()[:2] == ["text five, n 5", ""]


def test_a_slice_has_its_own_coverage_and_accuracy(looked_at):
    dataset, votes, _, truth = looked_at
    masks = voted_slices((Slice("late", "n", "range", (3, None)),), dataset, votes)
    table = slices_of(votes, "f", masks, truth).set_index("slice")
    assert table.loc["all rows", ["n", "n_votes", "coverage", "n_gold", "accuracy"]].tolist() == [5, 4, 0.8, 2, 0.5]
    assert table.loc["late", ["n", "n_votes", "n_gold", "accuracy"]].tolist() == [3, 3, 1, 0]
    assert table.loc["late", "low"] == 0 and 0.7 < table.loc["late", "high"] < 0.8
    assert pd.isna(slices_of(votes, "g", {"none": np.zeros(5, bool)}, truth).loc[0, ["coverage", "accuracy", "low"]]).all()


def test_rows_that_left_the_data_or_other_classes_show_nothing(looked_at):
    dataset, votes, visible, _ = looked_at
    fewer = dataset.take(np.array([1, 2]))
    places = visible_rows(fewer, votes)
    assert places.tolist() == [-1, 0, -1, -1, -1]
    assert voted_slices((Slice("all", "n", "range", (0, None)),), fewer, votes)["all"].tolist() == [
        False,
        True,
        True,
        False,
        False,
    ]
    other = Dataset(dataset.frame, ("spam", "ham"), ("text",), dataset.split, dataset.gold)
    assert set(valid_gold(other, votes, visible)) == {-1}


@pytest.fixture
def runs(tiny_task):
    """Return the task after two runs, between which one function was edited and one switched off, and one edited since."""
    run(load_task(tiny_task), until="fit")
    rules = tiny_task / "rules.toml"
    first, second = [one["name"] for one in catalogue(load_task(tiny_task))["functions"] if "rules" in one["place"]][:2]
    switch(load_task(tiny_task), off=[second])
    rules.write_text(rules.read_text().replace('words = ["', 'words = ["quux", "', 1))
    done = run(load_task(tiny_task), until="fit")
    path = done.folder / "label_model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"accuracy_interval": {first: [0.25, 0.75]}}))
    rules.write_text(rules.read_text().replace('"quux"', '"quuux"', 1))
    return load_task(tiny_task), first, second


def test_the_table_joins_files_the_run_and_what_was_before(runs):
    task, edited, off = runs
    figures = [run_figures(one) for one in diagnosed(task)]
    table = function_rows(catalogue(task), figures)
    assert table.loc[[edited, off], "state"].tolist() == ["changed", "off"]
    assert (table["state"] == "on").sum() == len(table) - 2
    assert table.loc[off, "run"] == figures[1][off]["run"] and table.loc[off, "coverage"] == figures[1][off]["coverage"]
    assert table.loc[edited, ["learned_low", "learned_high"]].tolist() == [0.25, 0.75]
    assert not table.loc[edited, "kept"] and table.loc[edited, "microseconds"] > 0
    kept = table.index.difference([edited, off])[0]
    assert table.loc[kept, "kept"] and table.loc[kept, "microseconds"] == figures[1][kept]["microseconds"]
    before = function_rows(catalogue(task))
    assert set(before["state"]) == {"on", "off"} and before["coverage"].isna().all()


def test_the_history_of_a_function_says_when_its_code_changed(runs):
    task, edited, off = runs
    figures = [run_figures(one) for one in diagnosed(task)]
    assert history(edited, figures)["edited"].tolist() == [True, False]
    assert len(history(off, figures)) == 1 and history(off, figures)["n_gold"].notna().all()
    assert len(diagnosed(task, upto=diagnosed(task)[1].id)) == 1, "nothing later than the run that is looked at"


def test_filters_choose_functions(runs):
    task, edited, off = runs
    table = function_rows(catalogue(task), [run_figures(one) for one in diagnosed(task)])
    assert matching(table, only="off").index.tolist() == [off]
    assert matching(table, only="changed").index.tolist() == [edited]
    assert matching(table, edited.upper()).index.tolist() == [edited]
    assert set(matching(table, label="bug")["labels"].map(lambda own: "bug" in own)) == {True}
    learned = table.drop(index=off).iloc[[0]]
    assert learned["wrong"].iloc[0] == round(learned["n_gold"].iloc[0] * (1 - learned["accuracy"].iloc[0]))
    assert matching(table, only="faults").empty and matching(table, tag="none").empty


HURTS = {"accuracy": 0.4, "low": 0.3, "high": 0.5, "n_gold": 100, "correct": 40}


@pytest.mark.parametrize(
    ("learned", "interval", "gold", "hurts"),
    [
        (0.6, None, HURTS, True),
        (0.5, None, HURTS, False),
        (0.6, [0.45, 0.75], HURTS, False),
        (None, None, HURTS, False),
        (None, None, HURTS | {"accuracy": 0.1, "low": 0.0, "high": 0.2, "correct": 10}, True),
        (0.6, None, dict.fromkeys(HURTS), False),
    ],
    ids=["believed", "maybe as right", "learned loosely", "better than a guess", "worse than a guess", "no gold"],
)
def test_a_function_hurts_where_it_is_surely_less_right_than_believed(tmp_path, learned, interval, gold, hurts):
    line = {"lf": "f", "polarity": ["a"], "n_votes": 9, "coverage": 0.5, "overlap": 0, "conflict": 0, "faults": 0, **gold}
    kept = {
        "run": {"functions": {"f": "1"}, "finished": "2026-01-01T00:00:00+00:00"},
        "diagnosis": {"functions": [line], "summary": {"classes": dict.fromkeys("abcd")}},
        "label_model": {"accuracy": {"f": learned}, "accuracy_interval": {"f": interval}},
    }
    for name, content in kept.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content | {"format": 1}))
    found = {"functions": [{"name": "f", "fingerprint": "1"}], "off": [], "errors": []}
    table = function_rows(found, [run_figures(Run(tmp_path, kept["run"]))])
    assert matching(table, only="hurts").index.tolist() == ["f"] * hurts
    assert matching(function_rows(found | {"off": ["f"]}, [run_figures(Run(tmp_path, kept["run"]))]), only="hurts").empty, (
        "it is off"
    )
