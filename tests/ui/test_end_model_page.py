"""The end model page: scores side by side, differences from the labels, what is left to a person, and a text to try."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from workbench.io.votes import read_soft_labels, write_soft_labels
from workbench.project import jobs
from workbench.project.catalogue import catalogue
from workbench.project.steps import evaluate
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import SoftLabels, WorkbenchError
from workbench.ui import opened_end_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def _trained_once(tmp_path_factory, _ran_once):
    folder = tmp_path_factory.mktemp("trained") / "toy"
    shutil.copytree(_ran_once, folder, ignore=shutil.ignore_patterns("runs"))
    task = folder / "task.toml"
    task.write_text(task.read_text().replace("enabled = false", 'features = ["tfidf"]'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "SLOW_CELLS", 0)  # without Snorkel's model
        run(load_task(folder))
    catalogue(load_task(folder))
    return folder


@pytest.fixture
def trained(_trained_once, tmp_path):
    """Return the folder of a task with one whole run and its end model, for this test alone."""
    shutil.copytree(_trained_once, tmp_path / "data" / "toy")
    return tmp_path / "data" / "toy"


def clean(app):
    """Fail on a traceback in a page; return the page."""
    assert not app.exception, app.exception[0].value
    return app


def words(app):
    """Return what a page says outside of tables, as Markdown shows it."""
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error", "success", "html")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind)).replace("\\", "")


def board(app, title):
    """Return the text of a table as a list of its lines, each a list of cells."""
    html = next(block.value for block in app.html if f'<table class="wb" aria-label="{title}' in block.value)
    lines = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in html.split("<tr>")[1:]]
    return {line[0]: line[1:] for line in lines}


def test_all_models_stand_side_by_side_with_intervals(open_app, trained):
    app = clean(open_app("end_model"))
    shown = board(app, "Models side by side on test, all rows")
    assert list(shown) == [
        *("model", "majority vote", "generative model", "end model", "logistic regression", "gold-trained ceiling"),
    ]
    assert shown["end model"][0] == "83.3%" and shown["end model"][-1] == "12" and all(shown["end model"])
    assert "On these 12 rows the end model is not clearly apart from" in words(app)
    assert "the better label model is right on" in words(app) and "The end model recovers" in words(app)
    app.segmented_control(key="split").set_value("valid").run()
    assert "Models side by side on valid, all rows" in words(clean(app))


def test_rows_without_votes_are_held_against_the_commonest_class(open_app, trained):
    app = clean(open_app("end_model", scored="without votes"))
    shown = board(app, "Models side by side on test, without votes rows")
    assert shown["always ham"] == ["100.0%", "34.2–100.0%", "", "", "", "", "", "", "2"]
    assert "always ham (" in words(app)


def test_the_crossover_is_drawn_where_it_was_measured(open_app, trained):
    app = clean(open_app("end_model"))
    assert app.code[0].value.startswith("workbench evaluate ") and app.code[0].value.endswith(" --crossover")
    (run_,) = (path for path in trained.glob("runs/2*") if (path / "metrics.json").exists())
    curve = [{"n": n, "accuracy": [one] * 3, "mean": one} for n, one in ((25, 0.6), (50, 0.8))]
    found = {"format": 1, "end_model": 0.7, "curve": curve, "sentence": "It takes about 35 gold labels."}
    (run_ / "crossover.json").write_text(json.dumps(found))
    app = clean(open_app("end_model"))
    assert "It takes about 35 gold labels." in words(app) and not app.code
    assert "Accuracy by gold labels: 25 labels 60.0%; 50 labels 80.0%" in str(app.get("vega_lite_chart")[0].proto)


def test_a_cell_of_the_confusion_matrix_shows_its_rows(open_app, trained):
    (path,) = trained.glob("runs/2*/answers/end_model.parquet")
    soft = read_soft_labels(path)
    write_soft_labels(SoftLabels(soft.ids, soft.labels, soft.probs[:, ::-1], soft.covered), path)
    app = clean(open_app("end_model", end="Classes"))
    assert board(app, "Scores by class")["ham"][:2] == ["6", "33.3%"]
    assert board(app, "The commonest confusions")["spam"] == ["ham", "6", "100.0%"]
    assert "**10** valid rows with gold, answered wrongly, the surest first." in words(app)
    assert "spam taken for ham 6; ham taken for spam 4" in str(app.get("vega_lite_chart")[0].proto)
    app.selectbox(key="cell_gold").set_value("ham").run()
    app.selectbox(key="cell_answer").set_value("spam").run()
    assert "**4** valid rows of ham, answered spam" in words(clean(app))
    rows = app.dataframe[0].value
    assert len(rows) == 4 and rows["gold"].str.startswith("ham").all() and rows["answer"].str.startswith("spam").all()
    again = clean(open_app("end_model", end="Classes", cell_gold="spam", cell_answer="spam"))
    assert "**0** valid rows of spam, answered spam" in words(again) and not again.dataframe


MEASURED = pd.DataFrame({"row": range(100), "confidence": [0.9] * 80 + [0.6] * 20, "correct": [True] * 80 + [False] * 20})
COUNTS = {"n": 100, "answered": 80, "errors": 0, "given": 100, "more": 0}
PROMISE = {"format": 1, "threshold": 0.7, "risk": 0.05, "confidence": 0.95, **COUNTS, "measured": "100 rows"}


@pytest.fixture
def measured(trained):
    """Return the file of measured rows of a run with a promise, both made up."""
    (path,) = trained.glob("runs/2*/deferral.json")
    path.write_text(json.dumps(PROMISE))
    MEASURED.to_parquet(path.with_name("measured.parquet"))
    return path.with_name("measured.parquet")


def test_a_target_risk_says_at_once_what_is_answered(open_app, measured):
    app = clean(open_app("end_model", end="Confidence"))
    assert "**answers 80 % of rows, wrong on at most 5 % of them, 95 % sure**. Measured on 100 rows" in words(app)
    assert [one.value for one in app.metric] == ["80.0%", "5.0%", "0.600"]
    assert "0 of 80 were" in words(app) and "`risk = 0.05` under `[end_model]`" in words(app)
    app.slider(key="risk").set_value(0.01).run()
    assert clean(app).metric[0].value == "none" and "no 1 % promise possible" in words(app)
    assert "keeps the best has no guarantee" in words(app)


def test_confidence_is_drawn_for_all_answers_and_for_a_class(open_app, measured):
    app = clean(open_app("end_model", end="Confidence"))
    assert "on 12 valid rows" in words(app) and "of all 12, 16.7% are wrong. Area under the curve (AURC) 0." in words(app)
    assert len(app.get("vega_lite_chart")) == 2
    app.selectbox(key="worth_of").set_value("spam").run()
    assert "on 8 valid rows" in words(clean(app))


def test_a_run_without_measured_rows_promises_nothing(open_app, trained):
    (path,) = trained.glob("runs/2*/deferral.json")
    path.unlink()
    app = clean(open_app("end_model", end="Confidence"))
    assert "**Nothing is promised**" in words(app) and not app.slider


def test_a_run_of_an_older_workbench_has_no_slider(open_app, measured):
    measured.unlink()
    app = clean(open_app("end_model", end="Confidence"))
    assert "older than the slider" in words(app) and not app.slider and len(app.get("vega_lite_chart")) == 2


def test_rows_that_it_answers_otherwise_are_shown_with_both_answers(open_app, trained):
    (path,) = trained.glob("runs/2*/soft_labels.parquet")
    soft = read_soft_labels(path)
    write_soft_labels(
        SoftLabels(soft.ids, soft.labels, soft.probs[:, ::-1], soft.covered), path
    )  # every label is the other one
    app = clean(open_app("end_model", end="Differences"))
    assert "on **20** of 10 valid and 10 train rows with a label" in words(app)
    assert board(app, "Pairs of label and answer")["ham → spam"] == ["6", "6", "6", "0", "0"]
    rows = app.dataframe[0].value
    assert len(rows) == 20 and set(rows["split"]) == {"train", "valid"}
    assert (rows.loc[rows["split"] == "train", "gold"] == "").all()
    app.selectbox(key="pair").set_value("spam → ham").run()
    rows = clean(app).dataframe[0].value
    assert len(rows) == 8 and rows["label"].str.startswith("spam").all() and rows["end model"].str.startswith("ham").all()
    again = clean(open_app("end_model", end="Differences", pair="spam → ham", of_split="valid"))
    assert set(again.dataframe[0].value["split"]) == {"valid"} and len(again.dataframe[0].value) == 4
    again.segmented_control(key="fate").set_value("overruled rightly").run()
    assert "**10** rows, of valid with gold" in words(clean(again)) and len(again.dataframe[0].value) == 10


def test_what_became_of_labels_is_counted_and_rules_to_mend_are_linked(open_app, trained):
    (path,) = trained.glob("runs/2*/metrics.json")
    metrics = json.loads(path.read_text())
    metrics["overruled"]["valid"]["functions"] = [{"lf": "says_free", "wrong": 3, "copied": 2, "overruled_right": 1}]
    path.write_text(json.dumps(metrics))
    app = clean(open_app("end_model", end="Differences"))
    counted = board(app, "What became of the labels")
    assert counted["followed it, rightly"][:2] == ["10", "100.0%"] and counted["copied its error"][0] == "0"
    assert "No label of the 10 test rows with gold is wrong." in words(app)
    html = next(block.value for block in app.html if "Functions whose errors" in block.value)
    assert 'href="functions?task=toy&amp;lf=says_free&amp;rows=wrong"' in html and "<td>2</td><td>1</td><td>3</td>" in html


def test_the_training_is_told(open_app, trained):
    app = clean(open_app("end_model", end="Training"))
    assert "10 of 12 train rows, those that functions vote on" in words(app)
    assert "Too few rows to hold some out" in words(app)
    assert board(app, "Settings of the end model")["features"][:2] == ["tfidf", "tfidf, static"]
    assert "under `[end_model]` in `" in words(app)


class Told:
    """Stands for the process that answers."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def ready(self, task, run):
        self.asked.append(None)

    def ask(self, task, run, row):
        return self.say(row)

    def say(self, asked):
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


ANSWER = {
    "end_model": {
        "probs": {"ham": 0.1, "spam": 0.9},
        "decision": "needs review",
        "why": "confidence 0.900 is not above 0.950",
        "promise": "Promised: at most 5% wrong.",
        "words": {"label": "spam", "drops": {"free": 0.5, "x": -0.25, "img": 0.0}, "left": 3},
    },
    "functions": {
        "votes": [{"lf": "says_<b>", "label": "spam", "since": "changed"}],
        "faults": [{"lf": "fails_on_question", "error": "ZeroDivisionError: ![x](y)"}],
        "unasked": ["judge"],
        "silent": 2,
    },
    "label_model": {"probs": {"ham": 0.5, "spam": 0.5}, "covered": False},
}


def test_a_typed_text_is_asked_about_and_the_answer_told(open_app, trained, monkeypatch):
    told = Told(ANSWER)
    monkeypatch.setattr(opened_end_model, "tryer", lambda: told)
    app = clean(open_app("end_model", end="Try it"))
    assert told.asked == [None] and "Type a text and ask" in words(app)
    app.text_area[0].set_value("free <img src=x>")
    next(button for button in app.button if button.label == "Ask").click().run()
    said = words(clean(app))
    assert told.asked[-1] == {"text": "free <img src=x>"}
    assert "The end model says <b>spam</b>, 90.0% sure." in said
    assert "**Needs review**: confidence 0.900 is not above 0.950. Promised: at most 5% wrong." in said
    assert ">free</span>" in said and "&lt;img src=" in said and "60%, transparent" in said, "words are coloured, and escaped"
    assert "Only the first 3 words were tried; 3 were not." in said
    assert "lost without each word: free +0.50, img +0.00, x -0.25" in str(app.get("vega_lite_chart")[1].proto)
    assert "50.0% sure, which is only the class balance: no function votes." in said
    assert "says_&lt;b&gt;" in said and "changed" in said, "names are escaped"
    assert "fails_on_question fails on it: ZeroDivisionError: ![x](y)" in said
    assert r"\!\[x\]" in app.warning[-1].value
    assert "2 functions abstain. Not asked, as they would call a client: judge." in said


def test_an_answer_without_review_says_what_is_promised(open_app, trained, monkeypatch):
    about = ANSWER["end_model"] | {"decision": "answer", "why": "", "words": {"label": "spam", "drops": {}, "left": 0}}
    told = Told(ANSWER | {"end_model": about})
    monkeypatch.setattr(opened_end_model, "tryer", lambda: told)
    app = clean(open_app("end_model", end="Try it"))
    next(button for button in app.button if button.label == "Ask").click().run()
    assert "**Answered** without review. Promised: at most 5% wrong." in words(clean(app))
    assert "No word of the text makes a difference." in words(app)


def test_an_answer_that_does_not_come_is_one_sentence(open_app, trained, monkeypatch):
    monkeypatch.setattr(opened_end_model, "tryer", lambda: Told(WorkbenchError("no answer within 20 s: 'slow' was at work")))
    app = clean(open_app("end_model", end="Try it"))
    next(button for button in app.button if button.label == "Ask").click().run()
    assert "no answer within 20 s: 'slow' was at work" in words(clean(app))


def test_the_real_process_answers(open_app, trained):
    app = clean(open_app("end_model", end="Try it"))
    app.text_area[0].set_value("win a free car")
    next(button for button in app.button if button.label == "Ask").click().run(timeout=120)
    said = words(clean(app))
    assert "The end model says <b>spam</b>" in said and "The label model says <b>spam</b>" in said
    assert "Words for and against spam" in [block.value for block in app.header] and ">win</span>" in said
    assert '<th scope="row">promises</th>' in said and '<th scope="row">says_free</th>' in said
    opened_end_model.tryer().close()


def test_a_training_under_way_shows_its_curve(open_app, trained):
    folder = trained / "runs" / ".job"
    folder.mkdir(parents=True, exist_ok=True)
    jobs.write_json(folder / "job.json", {"pid": 1, "started": 0})
    (folder / "log").touch()
    place = {"stage": "train", "step": 4, "steps": 6, "done": 1, "total": 20}
    said = "epoch 1: loss 0.5, on the hold-out 0.6"
    (folder / "progress").write_text(json.dumps(place | {"detail": said}) + "\n")
    with jobs._lock(folder, jobs.fcntl.LOCK_EX):
        app = clean(open_app("end_model"))
        assert app.button(key="train").disabled and app.sidebar.progress[0].text.startswith("Step 5 of 6")
        assert "Loss by epoch of the training under way, 0.600 at epoch 1" in str(app.get("vega_lite_chart")[0].proto)


def test_a_task_whose_end_model_is_off_says_how_to_switch_it_on(open_app, ran):
    app = clean(open_app("end_model"))
    assert "`enabled = false` stands under `[end_model]`" in words(app)
    assert not any(button.label == "Train" for button in app.button)


def test_a_task_without_an_end_model_offers_to_train_one(open_app, toy):
    task = toy / "task.toml"
    task.write_text(task.read_text().replace("enabled = false", ""))
    app = clean(open_app("end_model"))
    assert "No end model has been trained yet" in words(app) and not app.button(key="train").disabled


def test_a_run_that_ended_before_says_so(open_app, trained):
    (scored,) = (path for path in trained.glob("runs/2*") if (path / "end_model").exists())
    shutil.rmtree(scored / "answers")
    assert "This run ended before the end model was scored" in words(clean(open_app("end_model", end="Differences")))
    older = trained / "runs" / "20200101-000000-000"
    shutil.copytree(scored, older, ignore=shutil.ignore_patterns("end_model"))
    app = clean(open_app("end_model", run=older.name))
    assert f"Run {older.name} ended before its end model was trained" in words(app)


def test_without_a_task_the_page_leads_to_opening_a_file(open_app):
    assert "There is no task in" in words(clean(open_app("end_model")))


def test_neither_page_loads_a_model_library(trained):
    code = f"""
import sys
sys.argv = ["app.py", {str(trained.parent)!r}]
from streamlit.testing.v1 import AppTest
from workbench.ui import opened_end_model
app = AppTest.from_file("app.py", default_timeout=60)
app.run()
app.switch_page("workbench/ui/training_set.py").run()
assert not app.exception and app.metric, app
for view in ("Scores", "Classes", "Differences", "Confidence", "Training", "Try it"):
    app.query_params["end"] = view
    app.switch_page("workbench/ui/end_model.py").run()
    assert not app.exception and app.title[0].value == "End model", app
opened_end_model.tryer().close()
print(sorted({{"torch", "spacy", "snorkel", "sklearn", "transformers", "sentence_transformers"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_answers_older_than_the_rules_say_so(open_app, trained):
    assert "Since then" not in words(clean(open_app("end_model")))
    rules = trained / "rules.toml"
    rules.write_text(rules.read_text().replace('words = ["free"]', 'words = ["free", "gratis"]'))
    app = clean(open_app("end_model"))
    assert "Since then: changed function says_free." in words(app) and not app.button(key="again").disabled
