"""Every page as a user meets it: with a run, without, with nothing at all, and with a mistake in the files."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.project import jobs

ROOT = Path(__file__).resolve().parents[2]


def words(app):
    """Return all that a page says outside of tables."""
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error", "success", "html")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))


def clean(app):
    """Fail on a traceback in a page; return the page."""
    assert not app.exception, app.exception[0].value
    return app


def plain_words(app):
    """Return what a page says, as Markdown shows it."""
    return words(app).replace("\\", "")


# ---------------------------------------------------------------- overview


def test_the_overview_sets_the_models_side_by_side(open_app, ran):
    app = clean(open_app())
    assert app.title[0].value == "toy"
    assert [metric.label for metric in app.metric] == ["Coverage", "Overlap", "Conflict", "Votes a row"]
    assert app.metric[0].value == "83.3%"  # all but "see you", two of twelve
    board = next(block.value for block in app.html if "Models side by side" in block.value)
    for model in ("majority vote", "generative model", "LabelModel", "end model", "gold-trained ceiling"):
        assert model in board
    assert "All test rows" in board and "Covered test rows" in board
    assert "the end model is switched off in task.toml" in board
    assert "Function 'fails_on_question' failed on 6 of 36 rows" in plain_words(app)
    assert app.query_params["task"] == "toy"


def test_another_split_is_one_click_away_and_in_the_url(open_app, ran):
    app = open_app(split="valid")
    assert any("All valid rows" in block.value for block in app.html)
    app.radio(key="split").set_value("test").run()
    assert any("All test rows" in block.value for block in clean(app).html)


def test_the_overview_counts_rows_and_classes(open_app, ran):
    tables = [block.value for block in open_app().html]
    assert any('<th scope="row">train</th><td>12</td><td>12</td>' in table for table in tables)
    assert any('<th scope="row">ham</th><td>12</td>' in table for table in tables)


def test_the_overview_shows_the_votes_of_each_slice(open_app, ran):
    table = next(block.value for block in open_app().html if "Votes by slice" in block.value)
    # "win" stands in two of six texts, so in four rows of each split: all spam, all voted on, nobody says ham
    cells = ("12", "100.0%", "0.0%", "100.0%", "51–100%", "4")
    assert '<th scope="row">prizes</th>' + "".join(f"<td>{cell}</td>" for cell in cells) in table


def test_a_task_that_never_ran_offers_to(open_app, toy):
    app = clean(open_app())
    assert "Not run yet" in words(app) and "Run the line" in words(app)
    assert app.button(key="start").label == "Run" and not app.button(key="start").disabled


def test_without_a_task_every_page_leads_to_opening_a_file(open_app):
    for page in ("overview", "functions"):
        app = clean(open_app(page))
        assert "There is no task in" in words(app)
        assert any("Open a file" in link.label for link in app.get("page_link"))
    assert "each row is one text or one case" in words(clean(open_app("open_file")))


def test_an_unknown_task_in_the_url_is_said_and_another_shown(open_app, toy):
    app = clean(open_app(task="toyz"))
    assert "There is no task toyz" in plain_words(app)
    assert app.title[0].value == "toy" and app.query_params["task"] == "toy"


def test_a_mistake_in_the_settings_is_one_sentence_and_the_other_tasks_work(open_app, toy):
    broken = toy.parent / "broken"
    broken.mkdir()
    (broken / "task.toml").write_text('format = 1\nlabel = ["a"]\n')
    app = clean(open_app(task="broken"))
    assert "did you mean 'labels'" in plain_words(app)
    app.selectbox(key="task").set_value("toy").run()
    assert clean(app).title[0].value == "toy"


def test_functions_that_cannot_be_read_hide_no_figure_of_the_run(open_app, ran):
    (ran / "functions" / "spam.py").write_text("import os\nos._exit(3)\n")
    app = clean(open_app())
    assert "Mend what cannot be read: loading the functions of 'toy' ended with code 3" in plain_words(app)
    assert any("Models side by side" in block.value for block in app.html)


def test_a_failed_run_shows_why_and_what_it_said(open_app, toy):
    folder = toy / "runs" / ".job"
    folder.mkdir(parents=True)
    jobs.write_json(folder / "job.json", {"pid": 1, "started": 0})
    jobs.write_json(folder / "end.json", {"error": "column '![x](http://x.y/z)' is missing", "ended": 9})
    (folder / "log").write_text("reading\nboom\n")
    app = clean(open_app())
    assert app.error[0].value.replace("\N{WORD JOINER}", "") == r"column \'\!\[x\]\(http\:\/\/x\.y\/z\)\' is missing", (
        "foreign words are no markup"
    )
    assert app.code[0].value == "reading\nboom"


def test_a_run_that_cannot_be_started_says_why(open_app, toy, monkeypatch):
    def refuse(task, until):
        raise PermissionError(13, "Permission denied", "runs/.job")

    app = open_app()
    monkeypatch.setattr(jobs, "start", refuse)
    app.button(key="start").click().run()
    said = clean(app).toast[0].value.replace("\\", "")
    assert said.startswith("Not started: runs/.job cannot be written (Permission denied); see that you may")


def test_a_run_under_way_shows_how_far_it_is_on_every_page(open_app, toy):
    folder = toy / "runs" / ".job"
    folder.mkdir(parents=True)
    jobs.write_json(folder / "job.json", {"pid": 1, "started": 0})
    (folder / "log").touch()
    (folder / "progress").write_text('{"stage": "train", "step": 4, "steps": 6, "done": 5, "total": 20}\n{"sta')
    with jobs._lock(folder, jobs.fcntl.LOCK_EX):
        app = clean(open_app())
        assert app.progress[0].text == "Step 5 of 6: training the end model, 5 of 20"
        assert app.button(key="start").disabled
        (folder / "progress").write_text('{"stage": "apply", "step": 0, "steps": 6, "done": 12, "total": 144}\n')
        said = "Step 1 of 6: functions vote on the rows, 12 of 144 votes, one a row and function"
        assert clean(open_app()).progress[0].text == said
        (folder / "progress").unlink()
        assert clean(open_app()).progress[0].text == "Starting: reading rows and functions"
        (folder / "progress").write_text('{"stage": "train", "step": 4, "steps": 6, "done": 5, "total": 20}\n')
        assert [button.label for button in app.button] == ["Run", "Cancel"]
        assert clean(open_app("functions")).sidebar.progress[0].text.startswith("Step 5 of 6")


# ---------------------------------------------------------------- open a file


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "my mails.csv"
    path.write_text("subject,text,label\n" + "Hi,hello there,ham\nWin,free money now,spam\nYo,see you at lunch,ham\n" * 4)
    return path


def test_a_file_is_previewed_and_its_columns_are_proposed(open_app, table):
    app = clean(open_app("open_file", file=str(table)))
    assert len(app.dataframe[0].value) == 12 and "12 rows, 3 columns" in words(app)
    assert app.multiselect[0].value == ["text"]
    assert [box.value for box in app.selectbox] == ["label", None, None]
    assert "2 classes found: ham, spam" in words(app)
    assert [box.value for box in app.text_input if box.label == "Name of the task"] == ["my_mails"]


def test_the_task_is_made_where_the_app_finds_it(open_app, table, tmp_path):
    app = open_app("open_file", file=str(table))
    app.button(key="make").click().run()
    assert "Made the task my_mails" in plain_words(clean(app))
    assert "workbench run" in app.code[0].value
    assert [link.label for link in app.get("page_link")] == ["Write your first rule", r"Go to my\_mails"]
    assert (tmp_path / "data" / "my_mails" / "task.toml").exists()
    assert app.selectbox(key="task").value == "my_mails" and app.query_params["task"] == "my_mails"
    assert open_app(task="my_mails").title[0].value == r"my\_mails"


def test_a_task_without_classes_is_refused_beside_their_field(open_app, tmp_path):
    (tmp_path / "mails.csv").write_text("text\nhello there\nfree money now\n")
    app = open_app("open_file", file=str(tmp_path / "mails.csv"))
    app.button(key="make").click().run()
    [error] = clean(app).error
    assert error.value == "Fill in Classes\\, or choose the column that holds them under Gold\\."


def test_a_name_that_is_taken_is_refused_in_words(open_app, table, toy):
    app = open_app("open_file", file=str(table))
    next(box for box in app.text_input if box.label == "Name of the task").set_value("toy").run()
    app.button(key="make").click().run()
    assert "exists already" in plain_words(clean(app))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.csv", None, "does not exist"),
        ("ragged.csv", b"a,b\n1,2\n3\n", "line 3"),
        ("empty.jsonl", b"", "is empty"),
        ("mails.xlsx", b"PK", "tables are read from"),
        ("old.csv", "text\nfür\n".encode("cp1252"), "cp1252"),
    ],
    ids=["missing", "ragged", "empty", "spreadsheet", "encoding"],
)
def test_what_is_wrong_with_a_file_is_said_as_the_reader_says_it(open_app, tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    app = clean(open_app("open_file", file=str(tmp_path / name)))
    assert said in plain_words(app) and len(app.error) == 1


def test_an_encoding_can_be_named(open_app, tmp_path):
    (tmp_path / "old.csv").write_bytes("text,n\nfür,1\n".encode("cp1252"))
    app = open_app("open_file", file=str(tmp_path / "old.csv"))
    app.text_input(key="encoding").set_value("cp1252").run()
    assert clean(app).dataframe[0].value["text"].tolist() == ["für"]


def test_an_uploaded_file_is_opened_like_one_on_disk(open_app, table):
    app = open_app("open_file")
    app.file_uploader(key="upload").set_value(("my mails.csv", table.read_bytes(), "text/csv")).run()
    assert "12 rows, 3 columns" in words(clean(app))


# ---------------------------------------------------------------- the process


@pytest.mark.parametrize("page", sorted((ROOT / "workbench" / "ui").glob("*.py")), ids=lambda page: page.stem)
def test_pages_read_files_through_steps(page):
    """A page parses, calls and shows: what reads, votes or learns stands behind `workbench.project`."""
    met = set(re.findall(r"^(?:from|import) workbench\.(\w+)", page.read_text(), re.MULTILINE))
    assert met <= {"project", "tables", "ui"}


def test_the_app_never_loads_a_model_library(ran):
    """Drawing every page, with a selected function and its rows, leaves torch, spaCy and snorkel alone."""
    code = f"""
import sys
sys.argv = ["app.py", {str(ran.parent)!r}]
from streamlit.testing.v1 import AppTest
from workbench.ui.frame import _LISTED
for page, title, *_ in _LISTED:
    app = AppTest.from_file("app.py", default_timeout=60)
    app.query_params["lf"] = "says_free"
    if page == "open_file":
        app.run()
    (app if page == "overview" else app.switch_page(f"workbench/ui/{{page}}.py")).run()
    assert not app.exception and app.title[0].value == ("toy" if page == "overview" else title), app
print(sorted({{"torch", "spacy", "snorkel", "transformers", "sentence_transformers"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_an_earlier_run_can_be_looked_at_and_the_url_names_it(ran, open_app):
    older = ran / "runs" / "20200101-000000-000"
    shutil.copytree(next(ran.glob("runs/2*")), older)
    app = open_app()
    assert app.query_params.get("run") is None
    app.selectbox(key="run").select(older.name).run()
    assert app.query_params["run"] == older.name
    assert any(older.name in caption.value for caption in app.caption)
    assert not any(older.name in caption.value for caption in open_app(run="gone").caption)
