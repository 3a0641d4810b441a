"""The end model page: scores side by side, differences from the labels, what is left to a person, and a text to try."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

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


def test_the_scores_of_all_models_and_classes_stand_side_by_side(open_app, trained):
    app = clean(open_app("end_model"))
    board = next(block.value for block in app.html if "Models side by side" in block.value)
    for said in (
        "majority vote",
        "generative model",
        "end model",
        "gold-trained ceiling",
        "All test rows",
        "Covered valid rows",
    ):
        assert said in board
    assert "the better label model is right on" in words(app) and "The end model recovers" in words(app)
    table = next(block.value for block in app.html if "Scores by class" in block.value)
    assert '<th scope="row">ham</th><td>6</td>' in table


def test_a_threshold_says_how_many_rows_are_left_to_people(open_app, trained):
    app = clean(open_app("end_model", end="Confidence", review_below="0.0"))
    assert app.metric[0].value == "0.0%" and app.metric[1].value == app.metric[2].value
    assert "0 of 24 rows outside train" in words(app) and "n = 12 valid rows" in words(app)
    app.slider(key="review_below").set_value(1.0).run()
    assert clean(app).metric[0].value == "100.0%" and app.metric[1].value == "–"
    assert "--review-below 1" in app.code[-1].value


def test_rows_that_it_answers_otherwise_are_shown_with_both_answers(open_app, trained):
    (path,) = trained.glob("runs/2*/soft_labels.parquet")
    soft = read_soft_labels(path)
    write_soft_labels(
        SoftLabels(soft.ids, soft.labels, soft.probs[:, ::-1], soft.covered), path
    )  # every label is the other one
    app = clean(open_app("end_model", end="Differences"))
    assert "It answers otherwise on **20** labelled rows, of 10 valid, 10 train that were compared." in words(app)
    assert "the end model is right on **10**, the label on **0**, neither on 0" in words(app)
    pairs, rows = app.dataframe[0].value, app.dataframe[1].value
    assert pairs.loc["ham → spam"].tolist() == [6, 6, 6, 0, 0]
    assert (
        len(rows) == 20
        and set(rows["split"]) == {"train", "valid"}
        and (rows.loc[rows["split"] == "train", "gold"] == "").all()
    )
    app.selectbox(key="pair").set_value("spam → ham").run()
    rows = clean(app).dataframe[1].value
    assert len(rows) == 8 and rows["label"].str.startswith("spam").all() and rows["end model"].str.startswith("ham").all()
    again = clean(open_app("end_model", end="Differences", pair="spam → ham", of_split="valid"))
    assert set(again.dataframe[1].value["split"]) == {"valid"} and len(again.dataframe[1].value) == 4


def test_the_training_is_told(open_app, trained):
    app = clean(open_app("end_model", end="Training"))
    assert "10 of 12 train rows, those that functions vote on" in words(app)
    assert "Too few rows to hold some out" in words(app)


class Told:
    """Stands for the process that answers."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def ready(self, task, run):
        self.asked.append(None)

    def ask(self, task, run, row):
        self.asked.append(row)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


ANSWER = {
    "end_model": {"probs": {"ham": 0.1, "spam": 0.9}},
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
    assert "50.0% sure, which is only the class balance: no function votes." in said
    assert "says_&lt;b&gt;" in said and "changed" in said, "names are escaped"
    assert "fails_on_question fails on it: ZeroDivisionError: ![x](y)" in said
    assert r"\!\[x\]" in app.warning[0].value
    assert "2 functions abstain. Not asked, as they would call a client: judge." in said


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
for view in ("Scores", "Differences", "Confidence", "Training", "Try it"):
    app.query_params["end"] = view
    app.switch_page("workbench/ui/end_model.py").run()
    assert not app.exception and app.title[0].value == "End model", app
opened_end_model.tryer().close()
print(sorted({{"torch", "spacy", "snorkel", "sklearn", "transformers", "sentence_transformers"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_answers_older_than_the_rules_say_so(open_app, trained):
    assert "older than" not in words(clean(open_app("end_model")))
    rules = trained / "rules.toml"
    rules.write_text(rules.read_text().replace('words = ["free"]', 'words = ["free", "gratis"]'))
    app = clean(open_app("end_model"))
    assert "older than: changed function says_free." in words(app) and not app.button(key="again").disabled
