"""The page Label model: models, functions, classes, certainty, one row, two runs, and what it says where things are missing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.project import jobs

ROOT = Path(__file__).resolve().parents[2]


def said(app):
    """Return all that a page says, as Markdown shows it; fail on a traceback."""
    assert not app.exception, app.exception[0].value
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error", "html")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind)).replace("\\", "")


def only_run(task):
    return next(task.glob("runs/2*"))


def edit(path, **values):
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


# ---------------------------------------------------------------- fitting


def test_before_the_first_fit_the_page_says_what_it_needs(open_app, toy):
    app = open_app("label_model")
    assert "No label model has been fitted yet" in said(app) and "three or more vote" in said(app)
    assert not app.button(key="fit").disabled


def test_without_a_task_the_page_leads_to_opening_a_file(open_app):
    assert "There is no task in" in said(open_app("label_model"))


@pytest.mark.parametrize("ticked", [(), ("compared",), ("compared", "intervals")], ids=["plain", "compared", "both"])
def test_fit_starts_a_job_with_what_is_ticked(open_app, toy, monkeypatch, ticked):
    asked = []
    monkeypatch.setattr(jobs, "start", lambda task, **settings: asked.append((task, settings)) or True)
    app = open_app("label_model")
    for name in ticked:
        app.checkbox(key=name).check()
    app.button(key="fit").click().run()
    assert asked == [(toy, {"until": "fit", "compared": "compared" in ticked, "intervals": "intervals" in ticked})]


def test_a_fit_under_way_is_shown_beside_the_last_result(open_app, ran):
    folder = ran / "runs" / ".job"
    folder.mkdir(parents=True)
    jobs.write_json(folder / "job.json", {"pid": 1, "started": 0})
    (folder / "log").touch()
    (folder / "progress").write_text('{"stage": "intervals", "step": 2, "steps": 3, "done": 7, "total": 100}\n')
    with jobs._lock(folder, jobs.fcntl.LOCK_EX):
        app = open_app("label_model")
        assert "Is majority vote enough?" in said(app) and app.button(key="fit").disabled
        texts = [bar.text for bar in app.progress]
        assert "Step 3 of 3: intervals of what is learned, by refits, 7 of 100" in texts


def test_a_run_that_ended_before_the_fit_says_so(open_app, ran):
    early = ran / "runs" / "20200101-000000-000"
    early.mkdir()
    shutil.copy(only_run(ran) / "run.json", early)
    assert "ended before its label model was fitted" in said(open_app("label_model", run=early.name))


# ---------------------------------------------------------------- models


def test_majority_vote_stands_beside_the_model(open_app, ran):
    app = open_app("label_model")
    board = next(block.value for block in app.html if "Models side by side" in block.value)
    assert "majority vote" in board and "generative model" in board and "Covered valid rows" in board
    text = said(app)
    assert "the same answer as the generative model" in text and "generative model** · run" in text
    assert "It converged: after" in text and "fitted without gold rows" in text
    assert len(app.get("vega_lite_chart")) == 1


def test_a_comparison_says_whether_majority_vote_is_enough(open_app, ran):
    run = only_run(ran)
    scores = json.loads((run / "label_model.json").read_text())["scores"]
    models = {
        "majority_vote": {"agreement": 1.0, "undecided": 0.25, **scores["majority_vote"]},
        "generative": {"agreement": 1.0, "undecided": 0.0, **scores["generative"]},
        "snorkel": {"skipped": "it would take *minutes*"},
    }
    found = {"models": models, "covered": 30, "majority_vote": {"sentence": "Majority vote is enough: 0.0% change."}}
    (run / "compare.json").write_text(json.dumps(found))
    text = said(open_app("label_model"))
    assert "Majority vote is enough: 0.0% change." in text and "on 30 covered rows" in text
    assert "it would take *minutes*" in text and "25.0%" in text


def test_a_model_that_did_not_converge_says_what_to_do(open_app, ran):
    edit(only_run(ran) / "label_model.json", converged=False, doubts=["Doubt *one*."] * 5)
    app = open_app("label_model")
    assert "not converged" in said(app) and "Raise `max_iter`" in said(app)
    assert len(app.warning) == 3 and app.warning[0].value == r"Doubt \*one\*\."
    assert any("2 more doubts" in box.label for box in app.expander)


def test_a_run_of_an_earlier_version_asks_to_fit_again(open_app, ran):
    path = only_run(ran) / "label_model.json"
    old = {key: json.loads(path.read_text())[key] for key in ("model", "class_balance", "accuracy", "iterations")}
    path.write_text(json.dumps(old))
    (path.parent / "label_model.safetensors").unlink()
    assert "of an earlier version" in said(open_app("label_model"))
    for view in ("functions", "classes", "certainty", "runs"):
        said(open_app("label_model", view=view))
    assert "keeps no label model that explains rows" in said(open_app("label_model", view="row"))


# ---------------------------------------------------------------- functions, classes, certainty


def test_learned_accuracy_stands_beside_the_one_on_gold(open_app, ran):
    edit(only_run(ran) / "label_model.json", accuracy_interval={"promises": [0.8, 0.95]})
    app = open_app("label_model", view="functions")
    table = next(block.value for block in app.html if "Learned and audited accuracy" in block.value)
    assert "80–95%" in table and "51–100%" in table  # learned, and of four right votes of four
    assert "fails_on_question" not in table, "it never votes"
    assert "outside the 95 % interval" in said(app) and len(app.get("vega_lite_chart")) == 1


def test_the_class_balance_is_shown_as_prior_posterior_and_gold(open_app, ran):
    app = open_app("label_model", view="classes")
    table = next(block.value for block in app.html if 'aria-label="Class balance"' in block.value)
    assert '<th scope="row">spam</th>' in table and "50.0%" in table
    assert "n = 12 valid rows with gold" in said(app)


def test_without_gold_nothing_is_claimed(open_app, toy):
    from workbench.project.steps.run import run
    from workbench.project.task import load_task

    toml = (toy / "task.toml").read_text().replace('gold = "gold"\n', "")
    (toy / "task.toml").write_text(toml)
    run(load_task(toy), until="fit")
    assert "no row of valid has gold" in said(open_app("label_model"))
    assert "nothing can be set beside" in said(open_app("label_model", view="functions"))
    assert "No valid row has gold" in said(open_app("label_model", view="classes"))
    assert "nobody can say whether the confidence holds" in said(open_app("label_model", view="certainty"))


def test_a_threshold_tells_how_many_rows_want_a_look_and_stands_in_the_url(open_app, ran):
    app = open_app("label_model", view="certainty", threshold="1.0")
    assert app.slider(key="threshold").value == 1.0
    assert "30 of 30 covered rows (100.0%)" in said(app) and "Expected calibration error" in said(app)
    app.slider(key="threshold").set_value(0.5).run()
    assert "0 of 30 covered rows (0.0%)" in said(app) and "such valid rows" in said(app)


# ---------------------------------------------------------------- one row


def test_the_least_sure_row_is_explained_until_one_is_named(open_app, ran):
    app = open_app("label_model", view="row")
    listed = app.dataframe[0].value
    assert len(listed) == 20 and not any(name.startswith("test") for name in listed.index)
    assert f"row {listed.index[0]}" in said(app) and "Why " in said(app)
    app.text_input(key="row").set_value("train0").run()
    assert "Why spam, and not ham?" in said(app) and "win a free car" in said(app)
    figures = next(block.value for block in app.html if "What each vote adds" in block.value)
    assert "class balance" in figures and "promises" in figures and "says_free" in figures


def test_the_url_names_the_row_and_gold_shows_on_valid_alone(open_app, ran):
    assert "gold spam" in said(open_app("label_model", view="row", row="valid0"))
    assert "gold" not in said(open_app("label_model", view="row", row="train0"))


def test_selecting_a_row_explains_it(open_app, ran):
    app = open_app("label_model", view="row")
    name = app.dataframe[0].value.index[3]
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": [3], "columns": [], "cells": []}}
    app.run()
    assert app.text_input(key="row").value == name and f"row {name} ·" in said(app)


@pytest.mark.parametrize(
    ("row", "why"),
    [("nope", "there is no row 'nope' in this run"), ("test0", "is in the test split, whose votes stay hidden")],
    ids=["unknown", "test row"],
)
def test_a_row_that_cannot_be_explained_is_one_sentence(open_app, ran, row, why):
    assert why in said(open_app("label_model", view="row", row=row))


def test_a_row_that_a_person_labelled_says_that_this_stands(open_app, ran):
    import pandas as pd

    pd.DataFrame({"id": ["train0"], "label": [0], "weight": [1.0]}).to_parquet(only_run(ran) / "anchors.parquet")
    assert "A person labelled this row ham, and that stands" in said(open_app("label_model", view="row", row="train0"))
    assert "A person labelled" not in said(open_app("label_model", view="row", row="train1"))


# ---------------------------------------------------------------- two runs


def test_two_runs_are_set_side_by_side(open_app, ran):
    assert "There is one run with a label model" in said(open_app("label_model", view="runs"))
    older = ran / "runs" / "20200101-000000-000"
    shutil.copytree(only_run(ran), older)
    about = json.loads((older / "run.json").read_text())
    about["settings"]["label_model"] = {"strength": 20.0}
    about["functions"].pop("promises")
    (older / "run.json").write_text(json.dumps(about))
    app = open_app("label_model", view="runs")
    text = said(app)
    assert "Before: run 20200101-000000-000, " in text and "label_model.strength" in text
    assert "New functions**: promises" in text and "Of 36 rows of both runs **0** changed" in text
    assert "None moved by half a point" in text and "The same on each of the 12 rows" in text


def test_the_url_names_the_other_run_whenever_that_was(open_app, ran):
    newest = only_run(ran)
    for name in ("20200101-000000-000", "20210101-000000-000"):
        shutil.copytree(newest, newest.parent / name)
    app = open_app("label_model", view="runs", **{"with": "20200101-000000-000"})
    assert "Before: run 20200101-000000-000" in said(app)
    app.selectbox(key="with").set_value("20210101-000000-000").run()
    app.selectbox(key="run").set_value("20210101-000000-000").run()
    assert "Before: run 20200101-000000-000" in said(app) and "After: run 20210101-000000-000" in said(app)


# ---------------------------------------------------------------- the process


def test_the_page_explains_a_row_without_loading_what_fits(ran):
    code = f"""
import sys
sys.argv = ["app.py", {str(ran.parent)!r}]
from streamlit.testing.v1 import AppTest
for view in ("models", "functions", "classes", "certainty", "row", "runs"):
    app = AppTest.from_file("app.py", default_timeout=60)
    app.query_params["view"] = view
    app.switch_page("workbench/ui/label_model.py").run()
    assert not app.exception and app.title[0].value == "Label model", app
heavy = {{"torch", "spacy", "snorkel", "transformers", "sklearn", "crowdkit", "scipy.optimize", "scipy.stats"}}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_a_fit_that_is_older_than_the_functions_says_so(open_app, ran):
    assert "Since then" not in said(open_app("label_model"))
    file = ran / "task.toml"
    file.write_text(file.read_text().replace("[data]", 'disabled = ["says_free"]\n\n[data]'))
    assert "Since then: switched off function says_free." in said(open_app("label_model"))
