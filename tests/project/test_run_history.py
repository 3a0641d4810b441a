"""Runs over time and what commands left in files: as tables that a person can check by eye."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.io.votes import write_votes
from workbench.project import batch_rows, monitoring_facts
from workbench.project.run_history import before_it, facts_of, history, is_constant, lines_of, panels
from workbench.project.runs import Run
from workbench.project.task import load_task
from workbench.tables import Dataset, VoteMatrix, WorkbenchError

SETTINGS = {"label_model": {"model": "generative"}}


def made(folder, name, functions=2, until="evaluate", **files):
    """Write the folder of a run with these JSON documents, and return the run."""
    where = folder / name
    where.mkdir(parents=True)
    for file, document in files.items():
        (where / f"{file}.json").write_text(json.dumps(document))
    about = {"finished": f"2026-01-0{name[-1]}T10:00:00+00:00", "until": until, "settings": SETTINGS, "rows": 50}
    return Run(where, {**about, "functions": dict.fromkeys(map(str, range(functions)), "x"), "notes": ["one"]})


def scores(accuracy):
    return {"accuracy": accuracy, "interval": [accuracy - 0.1, accuracy + 0.1], "n": 40}


def metrics(label, end):
    models = {"generative": {"test": {"all": scores(label)}}}
    return {"label_model": models, "end_model": {"test": {"all": scores(end)}}, "ceiling": {}}


PROMISE = {
    "format": 1, "threshold": 0.7, "risk": 0.05, "confidence": 0.95, "n": 100, "answered": 80, "errors": 1, "given": 100,
    "more": 0, "measured": "100 rows",
}  # fmt: skip
DIAGNOSIS = {"summary": {"label_coverage": 0.8, "conflict": 0.25}}


@pytest.fixture
def runs(tmp_path):
    """Return three runs: one of votes alone, one with scores, one with scores and a promise."""
    return [
        made(tmp_path, "run1", until="apply"),
        made(tmp_path, "run2", metrics=metrics(0.6, 0.7), diagnosis=DIAGNOSIS),
        made(tmp_path, "run3", functions=3, metrics=metrics(0.65, 0.75), diagnosis=DIAGNOSIS, deferral=PROMISE),
    ]


PROMOTED = [
    {"run": "run2", "since": "2026-01-02", "by": "ann", "why": "first"},
    {"run": "run3", "since": "2026-01-03", "by": "bob", "why": "better"},
]


def test_a_history_tells_each_run_in_figures_and_which_is_the_reference(runs):
    table = history({run.id: facts_of(run) for run in runs}, PROMOTED)
    assert table["reference"].tolist() == ["", "before", "now"] and table.loc["run3", "by"] == "bob"
    assert table["end_test"].tolist()[1:] == [0.7, 0.75] and np.isnan(table.loc["run1", "end_test"])
    assert table.loc["run3", ["end_test_low", "n_test", "coverage", "conflict", "answered"]].tolist() == [
        0.65,
        40,
        0.8,
        0.25,
        0.8,
    ]
    assert table.loc["run3", "promise"] == "answers 80% of rows, wrong on at most 5% of them, shown by 100 rows"
    assert table["functions"].tolist() == [2, 2, 3] and table.loc["run1", "until"] == "apply"


def test_a_run_that_promises_nothing_answers_none(tmp_path):
    run = made(tmp_path, "run1", deferral=PROMISE | {"threshold": None, "answered": 0, "errors": 0, "more": None})
    found = facts_of(run)
    assert found["answered"] == 0 and found["promise"].startswith("no row is answered: at risk 5% nothing can be promised")


def test_charts_show_what_runs_have_and_a_count_that_stays_is_said(runs):
    table = history({run.id: facts_of(run) for run in runs}, [])
    shown = panels(table)
    assert [panel.title for panel in shown] == [
        *("Right on test", "Coverage", "Conflict", "Answered, as promised", "Functions", "Rows"),
    ]
    lines = lines_of(table, shown[0])
    assert lines[["place", "series", "value"]].to_numpy().tolist() == [
        *([2, "label model", 0.6], [3, "label model", 0.65], [2, "end model", 0.7], [3, "end model", 0.75]),
    ]
    assert [is_constant(table, panel) for panel in shown] == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("run", "promoted", "expected"),
    [("run3", PROMOTED[:1], "run2"), ("run3", PROMOTED, "run2"), ("run2", [], "run1"), ("run1", [], "run2")],
    ids=["against the reference", "the reference against the run before", "without one, the run before", "the first"],
)
def test_a_run_is_compared_with_the_reference_unless_told(runs, run, promoted, expected):
    table = history({one.id: facts_of(one) for one in runs}, promoted)
    assert before_it(table, run, table.index) == expected
    assert before_it(table, run, [run]) is None


# ---------------------------------------------------------------- suites


def suite(name, kind="messy", worst=(), **more):
    figures = {"n": 10, "accuracy": 0.5, "interval": [0.2, 0.8], "answered": 0.6, "wrong_confident": 0.1}
    other = {"what": "the same rows unchanged", **figures, "accuracy": 0.9}
    one = {"name": name, "kind": kind, **figures, "wrong_confident_interval": [0.0, 0.4], "of": other}
    return {**one, "worst": list(worst), "said": f"{name} is said.", "reason": None, **more}


LOST = {
    "n": 10, "accuracy": None, "interval": None, "answered": None, "wrong_confident": None, "wrong_confident_interval": None,
    "of": None, "about": "half of the functions left out", "change": None,
    "label_model": {"accuracy": 0.6, "low": 0.5, "high": 0.7, "of": 0.8},
}  # fmt: skip
STRESS = {
    "suites": [
        suite("typos", worst=["v0", "t0", "gone"], changed={"v0": "teh text"}),
        suite("drop_half", "rules_removed", **LOST),
        suite("says_ham", "direction", accuracy=None, wrong_confident=None, broken=0.3, broken_interval=[0.1, 0.6]),
        suite("german", "language", n=0, reason="no row is in German"),
    ]
}


@pytest.fixture
def dataset():
    rows = pd.DataFrame({"text": ["the text", "secret", "more"]}, index=["v0", "t0", "a0"])
    split = pd.Series(["valid", "test", "train"], index=rows.index)
    gold = pd.Series([0, 1, 0], index=rows.index)
    return Dataset(rows, ("ham", "spam"), text=("text",), split=split, gold=gold)


def test_suites_stand_beside_what_they_are_held_against(dataset):
    table = monitoring_facts.suite_table(STRESS)
    assert table.index.tolist() == ["typos"]
    assert table.loc["typos", ["accuracy", "of_accuracy", "low", "wrong_high"]].tolist() == [0.5, 0.9, 0.2, 0.4]
    assert monitoring_facts.lost_rules(STRESS).loc["half of the functions left out", ["accuracy", "of"]].tolist() == [0.6, 0.8]
    broken = monitoring_facts.broken_table(STRESS)
    assert broken.loc["says_ham", ["kind", "broken", "high"]].tolist() == ["direction", 0.3, 0.6] and len(broken) == 1
    assert monitoring_facts.not_run(STRESS) == {"german": "no row is in German"}


def test_worst_rows_are_of_valid_whatever_the_file_names(dataset):
    table = monitoring_facts.worst_rows(STRESS["suites"][0], dataset)
    assert table.to_dict("index") == {"v0": {"row": "teh text", "was": "the text", "gold": "ham"}}


def test_a_file_of_another_version_is_refused(tmp_path):
    path = tmp_path / "stress.json"
    assert monitoring_facts.read_found(path) is None
    path.write_text('{"format": 2}')
    with pytest.raises(WorkbenchError, match=r"stress\.json"):
        monitoring_facts.read_found(path)


# ---------------------------------------------------------------- drift


def check(kind, of="", drifted=True, reference=0.5, batch=0.1):
    return {
        "kind": kind,
        "of": of,
        "reference": reference,
        "batch": batch,
        "drifted": drifted,
        "said": f"{kind} of {of} changed.",
    }


BATCHES = [
    {"batch": "b1", "finished": "2026-01-01T00:00:00+00:00", "checks": [check("coverage", "f", False), check("covered")]},
    {
        "batch": "b2", "finished": "2026-01-08T00:00:00+00:00", "summary": {"coverage": 0.75, "conflict": 0.5},
        "checks": [check("coverage", "f"), check("coverage", "g", False)],
        "new_terms": [{"term": "shelf sync", "rows": 1}],
    },
]  # fmt: skip


def test_drifted_checks_are_counted_by_kind_and_batch():
    lines = monitoring_facts.drift_table(BATCHES).set_index(["batch", "kind"])[["drifted", "of"]].to_dict("index")
    assert lines == {
        ("b1", "coverage of a function"): {"drifted": 0, "of": 1},
        ("b1", "rows with a vote"): {"drifted": 1, "of": 1},
        ("b2", "coverage of a function"): {"drifted": 1, "of": 2},
    }
    table, shown = monitoring_facts.batch_figures(BATCHES)
    assert [panel.title for panel in shown] == ["Rows with a vote", "Rows in conflict"]
    assert lines_of(table, shown[0])[["place", "value"]].to_numpy().tolist() == [[2, 0.75]]


@pytest.fixture
def batch(tmp_path, dataset):
    """Return the rows of a batch, one of which is a test row of the task, and one has a test row's words."""
    (tmp_path / "task" / "monitor" / "b2").mkdir(parents=True)
    frame = pd.DataFrame(
        {
            "text": ["Shelf sync fails", "rows of before", "secret", "nothing", "long " * 9, "secret"],
            "label": ["ham", "spam", "ham", "spam", "spam", "ham"],
            "confidence": [0.9, 0.6, 0.5, 0.7, 0.8, 0.1],
            "decision": ["answer", "needs review", "answer", "answer", "answer", "answer"],
            "f and g": ["ham", None, "ham", None, "spam", "ham"],
            "function:label": ["spam", "spam", "ham", None, None, None],
        },
        index=pd.Index(["p0", "p1", "t0", "p3", "p4", "t0-2"], name="id"),
    )
    frame.reset_index().to_parquet(tmp_path / "task" / "monitor" / "b2" / "rows.parquet")
    (tmp_path / "task" / "task.toml").write_text(
        'name = "x"\nformat = 1\nlabels = ["ham", "spam"]\n[data]\nfile = "r.csv"\ntext = ["text"]\n'
    )
    return batch_rows.open_batch(load_task(tmp_path / "task"), "b2", dataset)


def test_rows_of_a_batch_come_the_least_sure_first_and_without_test_rows(batch):
    assert batch.hidden == 2 and batch.rows.index.tolist() == ["p1", "p3", "p4", "p0"]
    shown = batch_rows.rows_shown(batch, np.ones(4, bool), start=2, size=2)
    assert shown["votes"].tolist() == ["spam: f and g", "ham: f and g; spam: label"]


FOUND = {
    "checks": [check("classes", reference={"ham": 0.9, "spam": 0.1}, batch={"ham": 0.2, "spam": 0.8})],
    **{"new_terms": ["shelf sync"]},
}


@pytest.mark.parametrize(
    ("kind", "of", "rows", "said"),
    [
        ("coverage", "f and g", ["p4", "p0"], "that f and g votes on"),
        ("mix", "label", ["p1", "p0"], "that label votes on"),
        ("coverage", "long gone", [], "that long gone votes on"),
        ("agreement", "f and g and label", ["p0"], "on which f and g and label differ"),
        ("covered", "", ["p3"], "that no function votes on"),
        ("conflict", "", ["p0"], "with votes for two classes"),
        ("deferred", "", ["p1"], "that need review"),
        ("classes", "", ["p1", "p3", "p4"], "answered spam, which rose most"),
        ("new terms", "", ["p0"], "that hold a new term"),
        ("new term", "shelf sync", ["p0"], "that hold “shelf sync”"),
        ("embedding", "", ["p1", "p3", "p4", "p0"], "of the batch"),
    ],
    ids=["votes", "mix", "gone", "pair", "uncovered", "conflict", "deferred", "class", "terms", "term", "all"],
)  # fmt: skip
def test_the_rows_behind_a_check_are_found(batch, kind, of, rows, said):
    mask, words = batch_rows.rows_behind(batch, FOUND, kind, of, None)
    assert batch.rows.index[mask].tolist() == rows and words == said


@pytest.mark.parametrize(
    ("kind", "reference", "now", "rows", "said"),
    [
        ("length", 14, 6, ["p3"], "shorter than 14 characters, the middle of before"),
        ("length", 14, 30, ["p4", "p0"], "longer than 14 characters, the middle of before"),
        ("confidence", 0.75, 0.6, ["p1", "p3"], "on which the end model is less sure than 0.750, the middle of before"),
    ],
    ids=["shorter", "longer", "less sure"],
)
def test_rows_beyond_the_middle_of_before_are_found(batch, kind, reference, now, rows, said):
    found = {"checks": [check(kind, reference=reference, batch=now)], "new_terms": []}
    mask, words = batch_rows.rows_behind(batch, found, kind, "", None)
    assert batch.rows.index[mask].tolist() == rows and words == said


def test_rows_of_the_language_that_came_are_found(batch):
    batch.rows["row"] = ["Die Rechnung stimmt nicht, bitte prüfen.", "the invoice is wrong again", "42", "and so is this one"]
    found = {"checks": [check("language", reference={"en": 1.0}, batch={"en": 0.5, "de": 0.5})], "new_terms": []}
    mask, words = batch_rows.rows_behind(batch, found, "language", "", None)
    assert mask.tolist() == [True, False, False, False] and words == "in the language de, which rose most"


def test_a_combination_is_new_where_no_other_row_of_the_run_has_it(batch, tmp_path):
    votes = VoteMatrix.from_array(
        np.array([[-1, 1], [0, -1], [-1, -1], [0, 1]]), ["ham", "spam"], ids=["a", "b", "c", "p0"], lfs=["f and g", "label"]
    )
    (tmp_path / "run").mkdir()
    write_votes(votes, tmp_path / "run" / "votes.parquet")
    mask, words = batch_rows.rows_behind(batch, FOUND, "patterns", "", Run(tmp_path / "run", {"until": "apply"}))
    assert batch.rows.index[mask].tolist() == ["p4", "p0"] and "had not seen" in words
    assert batch_rows.rows_behind(batch, FOUND, "patterns", "", None)[0].all()


def test_what_can_be_looked_at_begins_with_what_drifted():
    assert batch_rows.sights(BATCHES[1]) == [
        *(("coverage", "f"), ("new term", "shelf sync"), ("deferred", ""), ("covered", ""), ("every row", "")),
    ]


# ---------------------------------------------------------------- outcomes


def group(by, of, decision, n, **figure):
    return {"by": by, "of": of, "decision": decision, "n": n, "escalated": {"n": n, "interval": [0.0, 0.5], **figure}}


OUTCOMES = {
    "groups": [
        group("all", "all", "answer", 8, rate=0.25),
        group("all", "all", "needs review", 4, rate=0.5),
        group("all", "all", "all", 12, rate=0.3),
        group("class", "ham", "answer", 8, rate=0.25),
    ]
}


def test_outcomes_of_answered_rows_stand_beside_the_others():
    table = monitoring_facts.outcome_table(OUTCOMES, "escalated", "all")
    assert table.loc["all", ["answered", "answered_n", "review", "review_high"]].tolist() == [0.25, 8, 0.5, 0.5]
    by_class = monitoring_facts.outcome_table(OUTCOMES, "escalated", "class")
    assert by_class.loc["ham", "answered"] == 0.25 and np.isnan(by_class.loc["ham", "review"])
    assert monitoring_facts.groupings(OUTCOMES) == ["class"] and monitoring_facts.is_rate(OUTCOMES, "escalated")
