"""The page of labeling functions: its table, filters and details, switching, trying again and applying what changed."""

import errno
import os
import shutil

import pytest

from workbench.project import jobs
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.ui import one_function

KINDS = ("title", "header", "subheader", "markdown", "caption", "text", "info", "warning", "error", "html")


def said(app):
    """Return what the page says outside of its table, as Markdown shows it; fail on a traceback."""
    assert not app.exception, app.exception[0].value
    return "\n".join(str(element.value) for kind in KINDS for element in getattr(app, kind)).replace("\\", "")


def names(app):
    return app.dataframe[0].value["name"].tolist()


def line(app, name):
    return app.dataframe[0].value.set_index("name").loc[name]


def edit(task, old, new):
    file = task / "rules.toml"
    file.write_text(file.read_text().replace(old, new))


@pytest.fixture
def started(monkeypatch):
    """Return what is asked of the job process, which does not start."""
    asked = []
    monkeypatch.setattr(jobs, "start", lambda task, **settings: asked.append((task.name, settings)) or True)
    return asked


def test_the_table_of_functions_has_a_row_each(open_app, ran):
    app = open_app("functions")
    assert "Nothing changed since the run made" in said(app)
    assert names(app) == ["promises", "fails_on_question", "says_free", "says_hello"]
    free = line(app, "says_free")
    assert free["coverage"] == pytest.approx(100 * 12 / 36)
    assert (free["state"], free["labels"], free["interval"]) == ("on", "spam", "51–100%, n 4")
    assert free["wrong"] == 0
    assert free["learned"] > 50 and free["microseconds"] > 0
    assert line(app, "fails_on_question")["faults"] == 6


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"q": "HELLO"}, ["says_hello"]),
        ({"q": "spam.py"}, []),
        ({"q": "prizes"}, ["promises"]),
        ({"q": "rules.toml", "class": "spam"}, ["says_free"]),
        ({"tag": "words"}, ["says_free"]),
        ({"only": "with faults"}, ["fails_on_question"]),
        ({"only": "off"}, []),
        ({"only": "hurts"}, []),
    ],
    ids=["name in another case", "nothing", "reason", "place and class", "tag", "faults", "off", "hurts"],
)
def test_filters_stand_in_the_url(open_app, ran, filters, left):
    app = open_app("functions", **filters)
    words = said(app)
    assert (names(app) if left else len(app.dataframe)) == (left or 0)
    assert left or "None of 4 functions fits" in words


ALTS = ("Rows of says_free: votes outside test", "says_free by slice", "says_free run by run")


def test_a_selected_function_shows_its_code_examples_rows_slices_and_runs(open_app, ran):
    run(load_task(ran), until="fit")
    app = open_app("functions", lf="says_free")
    words = said(app)
    assert app.header[0].value == r"says\_free" and "Who gives things away wants something." in words
    assert "It votes on 12 rows, 33.3% of all. Of 4 votes on valid rows with gold 100.0% are right" in words
    assert "rules.toml:1 · words · fingerprint" in words
    assert app.code[0].value.startswith("[[rule]]") and app.code[0].language == "toml"
    assert [text.value for text in app.text if "free" in text.value][-2:] == ["votes: a free car", "abstains: freedom"]
    tables = [block.value for block in app.html if "aria-label" in block.value]
    rows, slices, runs = (next(one for one in tables if f'"{alt}"' in one) for alt in ALTS)
    assert rows.count("spam: promises") == 8 and "train0" in rows and 'row">test' not in rows
    # "win" stands in a third of the rows, half of which say "free"
    assert '<th scope="row">prizes</th><td>12</td><td>50.0%</td><td>100.0%</td><td>34–100%</td><td>2</td>' in slices
    assert runs.count("33.3%") == 2 and runs.count("kept") == 1, "the second run asked nobody again"


@pytest.mark.parametrize(
    ("kind", "ids"),
    [("right", {"valid0", "valid2"}), ("wrong", set()), ("alone", set()), ("abstains", {"train1", "valid1"})],
    ids=["right", "wrong", "alone", "abstains"],
)
def test_the_kind_of_rows_shown_stands_in_the_url(open_app, ran, kind, ids):
    app = open_app("functions", lf="says_free", rows=kind)
    words = said(app)
    assert all(f'<th scope="row">{row}</th>' in words for row in ids)
    assert ids or "There is none." in words


def test_selecting_a_row_names_the_function_in_the_url(open_app, ran):
    app = open_app("functions", q="says")
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    app.run()
    assert app.header[0].value == r"says\_hello" and app.query_params["lf"] == "says_hello" and said(app)


def test_a_function_that_fails_shows_its_first_traceback_and_can_be_tried_again(open_app, ran, started):
    app = open_app("functions", lf="fails_on_question")
    assert "It failed on 6 rows, first on train3" in said(app)
    assert any("ZeroDivisionError" in block.value for block in app.code)
    app.button(key="again fails_on_question").click().run()
    assert started == [("toy", {"until": "fit", "again": ["fails_on_question"]})]


def test_what_is_asked_for_while_another_job_runs_is_not_lost_in_silence(open_app, ran, monkeypatch):
    app = open_app("functions", lf="fails_on_question")
    monkeypatch.setattr(jobs, "start", lambda task, **settings: False)
    monkeypatch.setattr(one_function.st, "rerun", lambda: None)  # what the test sees of a page is emptied by it
    app.button(key="again fails_on_question").click().run()
    assert "another job of this task is under way" in app.toast[0].value


def test_functions_are_listed_before_the_first_run(open_app, toy, started):
    app = open_app("functions", lf="promises")
    assert "have not voted yet" in said(app) and "It has not voted yet." in said(app) and len(names(app)) == 4
    assert app.code[0].value.startswith("@labeling_function")
    app.button(key="apply").click().run()
    assert started == [("toy", {"until": "fit"})]


def test_what_changed_since_the_run_is_told_and_applied(open_app, ran, started):
    run(load_task(ran), until="apply")  # without figures, so the page stays with the run before
    edit(ran, '["free"]', '["free", "gratis"]')
    edit(ran, "says_hello", "greets")
    app = open_app("functions")
    assert "1 function changed, 1 new, 1 removed** since the run" in said(app)
    assert [line(app, name)["state"] for name in ("says_free", "greets", "says_hello")] == ["changed", "new", "removed"]
    app.selectbox(key="only").set_value("changed").run()
    assert names(app) == ["says_free", "says_hello", "greets"]
    app.button(key="apply").click().run()
    assert started == [("toy", {"until": "fit"})]


def test_an_earlier_run_is_looked_at_as_it_was(open_app, ran):
    older = ran / "runs" / "20200101-000000-000"
    shutil.copytree(next(ran.glob("runs/2*")), older)
    edit(ran, '["free"]', '["free", "gratis"]')
    app = open_app("functions", run=older.name, lf="says_free")
    assert "1 function changed** since the run" in said(app) and "Choose the newest run to apply." in said(app)
    assert not [button for button in app.button if button.label == "Apply"] and "Run by run" not in said(app)


def test_a_function_is_switched_off_and_on_and_keeps_its_last_figures(open_app, ran):
    app = open_app("functions", lf="says_hello")
    app.button(key="off says_hello").click().run()
    assert "1 function switched off** since the run" in said(app)
    assert load_task(ran).disabled == ("says_hello",)
    run(load_task(ran), until="fit")
    app = open_app("functions", lf="says_hello")
    assert "Nothing changed since the run" in said(app) and "It is off: these figures are of run" in said(app)
    assert line(app, "says_hello")["state"] == "off" and line(app, "says_hello")["coverage"] == pytest.approx(100 / 3)
    app.button(key="on says_hello").click().run()
    assert "1 function new** since the run" in said(app) and load_task(ran).disabled == ()


def test_a_switch_that_cannot_be_turned_says_why(open_app, ran, monkeypatch):
    replace = os.replace

    def refuse(source, target):
        if target.name == "task.toml":
            raise PermissionError(errno.EACCES, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    app = open_app("functions", lf="says_hello")
    app.button(key="off says_hello").click().run()
    assert "task.toml cannot be written: Permission denied; make room or see that you may" in said(app)
    assert load_task(ran).disabled == () and line(app, "says_hello")["state"] == "on"


def test_a_broken_file_is_told_beside_the_functions_of_the_last_run(open_app, ran):
    (ran / "functions" / "spam.py").write_text("def f(:\n")
    app = open_app("functions", lf="promises")
    words = said(app)
    assert "spam.py** cannot be loaded: spam.py:1: invalid syntax" in words and "Mend what cannot be loaded" in words
    assert "Its file cannot be loaded, this is what it last held" in words
    assert line(app, "promises")["state"] == "on, broken" and line(app, "promises")["coverage"] > 0
    assert len(names(app)) == 4


def test_files_that_end_the_process_leave_the_figures_of_the_run(open_app, ran):
    (ran / "functions" / "spam.py").write_text("import os\nos._exit(3)\n")
    app = open_app("functions")
    assert "ended with code 3" in said(app) and len(names(app)) == 4


def test_a_task_without_functions_shows_how_to_write_one(open_app, toy):
    (toy / "functions" / "spam.py").write_text("")
    (toy / "rules.toml").unlink()
    app = open_app("functions")
    assert "no labeling function yet" in said(app) and "@labeling_function" in app.code[0].value


def test_a_cancelled_run_is_said(open_app, ran):
    folder = ran / "runs" / ".job"
    folder.mkdir(parents=True)
    jobs.write_json(folder / "job.json", {"pid": 1, "started": 0})
    (folder / "cancelled").touch()
    assert "was cancelled" in said(open_app("functions"))
