"""The training set page: filters in the URL, live counts, what will be written, and files that hold just that."""

import io
import re
import time

import pandas as pd
import pytest

from workbench.project import jobs
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.ui import training_set as page


def clean(app):
    """Fail on a traceback in a page; return the page."""
    assert not app.exception, app.exception[0].value
    return app


def words(app):
    """Return what a page says outside of tables, as Markdown shows it."""
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error", "success", "html")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind)).replace("\\", "")


def figures(app):
    return [metric.value for metric in app.metric]


def preview(app):
    return app.dataframe[0].value


def test_the_page_counts_what_is_kept_believed_and_measured(open_app, ran):
    app = clean(open_app("training_set"))
    # of twelve train rows two are "see you", on which nobody votes; all labels of covered valid rows are right
    assert figures(app)[0] == "10" and figures(app)[2] == "100.0%"
    assert "83.3% of 12 train rows" in words(app) and "n = 10 valid rows" in words(app)
    assert "not calibrated: no row is reviewed" in words(app)
    table = next(block.value for block in app.html if "Rows by class" in block.value)
    assert '<th scope="row">spam</th><td>6</td><td>6</td><td>60.0%</td><td>60.0%</td>' in table
    rows = preview(app)
    assert len(rows) == 10 and rows["votes"]["train0"] == "spam: promises, says_free" and rows["label"]["train1"] == "ham"


def test_filters_come_from_the_url_and_count_at_once(open_app, ran):
    app = clean(open_app("training_set", covered="false", exclude_review="true", classes="spam"))
    assert set(preview(app)["label"]) == {"spam"} and figures(app)[0] == "6"
    app.multiselect(key="classes").set_value([]).run()
    assert figures(clean(app))[0] == "10", "what nobody votes on needs review"
    app.toggle(key="exclude_review").set_value(False).run()
    assert figures(clean(app))[0] == "12" and preview(app)["votes"]["train4"] == ""
    app.slider(key="min_confidence").set_value(0.99).run()
    assert figures(clean(app))[0] == "0" and "min confidence 12" in words(app)


def test_a_slice_is_a_filter_and_the_command_says_so(open_app, ran):
    app = clean(open_app("training_set", slices="prizes"))
    assert preview(app)["row"].str.contains("win").all() and figures(app)[0] == "4"
    command = app.code[-1].value
    assert re.search(r"workbench export \S*toy --run \S+ --to \S*export-2 --slices prizes$", command)


def test_filters_begin_as_task_toml_has_them(open_app, ran):
    with (ran / "task.toml").open("a") as file:
        file.write('[export]\nclasses = ["ham"]\nhard_labels = true\nformats = ["csv"]\n')
    app = clean(open_app("training_set"))
    assert app.multiselect(key="classes").value == ["ham"] and app.toggle(key="hard").value
    assert set(preview(app)["label"]) == {"ham"}
    assert "--classes" not in app.code[-1].value and "--format" not in app.code[-1].value
    app.multiselect(key="classes").set_value([]).run()
    assert set(preview(clean(app))["label"]) == {"ham", "spam"} and app.code[-1].value.endswith("--classes ''")


def test_filters_that_leave_nothing_say_which_took_the_rows(open_app, ran):
    app = clean(open_app("training_set", slices="prizes", classes="ham"))
    assert "No row passes. Removed by each filter in turn: splits 24, covered only 2, classes 6, slices 4." in words(app)
    assert not app.dataframe and not app.get("download_button")


def test_the_card_is_shown_as_it_will_be_written(open_app, ran):
    app = clean(open_app("training_set", shown="Card", classes="spam"))
    assert (
        app.code[0].value.startswith("# Training set of 6 rows in 2 classes")
        and "- Label noise: of 6 valid" in app.code[0].value
    )


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_download_holds_what_passes(open_app, ran, monkeypatch, kind):
    taken = []
    monkeypatch.setattr(page.st, "download_button", lambda label, data, **settings: taken.append((label, data, settings)))
    clean(open_app("training_set", classes="spam", format=kind, hard="true"))
    label, data, settings = taken[-1]
    read = {"parquet": pd.read_parquet, "csv": pd.read_csv}[kind]
    table = read(io.BytesIO(data()))
    assert label == "Download 6 rows" and settings["file_name"].endswith(f".{kind}") and settings["on_click"] == "ignore"
    assert set(table["label"]) == {"spam"} and len(table) == 6 and "p_spam" not in table


def test_a_button_writes_the_folder_in_the_background(open_app, ran):
    app = clean(open_app("training_set", classes="spam"))
    app.pills(key="formats").set_value(["jsonl"]).run()
    next(button for button in app.button if button.label == "Write to the folder").click().run()
    assert not app.exception
    while jobs.state(ran).status == "running":
        time.sleep(0.1)
    app.run()
    (written,) = ran.glob("runs/2*/export-2")
    assert f"Written: {written}" in words(clean(app))
    table = pd.read_json(written / "train.jsonl", lines=True)
    assert len(table) == 6 and set(table["label"]) == {"spam"}
    assert app.text_input[0].value.endswith("export-3"), "the next one goes elsewhere"


def test_too_many_rows_for_a_browser_go_to_a_folder(open_app, ran, monkeypatch):
    monkeypatch.setattr(page.training_set, "DOWNLOADED", 9)
    app = clean(open_app("training_set"))
    assert app.get("download_button")[0].proto.disabled and "More than 9 rows are too many for a browser" in words(app)


def test_a_task_without_labels_offers_to_run(open_app, toy):
    app = clean(open_app("training_set"))
    assert "There are no labels to export yet" in words(app) and app.button(key="start").label == "Run"


def test_rows_that_changed_since_the_run_ask_for_another(open_app, ran):
    path = ran / "rows.csv"
    path.write_text(path.read_text("utf-8").replace("win now", "win later"), "utf-8")
    app = clean(open_app("training_set"))
    assert "The rows changed after run" in words(app) and not app.metric


def test_without_a_task_the_page_leads_to_opening_a_file(open_app):
    assert "There is no task in" in words(clean(open_app("training_set")))


def test_labels_that_are_older_than_the_rules_say_so_and_offer_a_run(open_app, ran, monkeypatch):
    assert "Since then" not in words(clean(open_app("training_set")))
    with (ran / "rules.toml").open("a") as file:
        file.write('\n[[rule]]\nname = "says_see"\nkind = "keyword"\nwords = ["see"]\nlabel = "ham"\n')
    run(load_task(ran), until="diagnose")
    app = clean(open_app("training_set"))
    labelled = next(folder.parent.name for folder in ran.glob("runs/*/soft_labels.parquet"))
    assert f"These labels are of run {labelled}. Since then: new function says_see." in words(app)
    started = []
    monkeypatch.setattr(jobs, "start", lambda folder, until: started.append((folder.name, until)) or True)
    app.button(key="again").click().run()
    assert started == [("toy", "fit")]
