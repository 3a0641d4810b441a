"""The page Disagreement as a user meets it: pairs, patterns, coverage, and the rows behind them."""

import shutil

import pandas as pd
import pytest

from workbench.project.reviewing import open_record
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError
from workbench.ui import vote_rows
from workbench.ui.disagreement_charts import heatmap

DISSENTER = """
[[rule]]
name = "says_car"
kind = "keyword"
words = ["car"]
label = "ham"
"""
COPY = """
[[rule]]
name = "copies"
kind = "keyword"
words = ["win", "free"]
label = "spam"
"""


@pytest.fixture(scope="module")
def _disputed_once(_ran_once, tmp_path_factory):
    folder = shutil.copytree(_ran_once, tmp_path_factory.mktemp("disputed") / "toy")
    with (folder / "rules.toml").open("a") as rules:
        rules.write(DISSENTER)
    run(load_task(folder), until="fit")
    return folder


@pytest.fixture
def disputed(_disputed_once, tmp_path):
    """Return the toy task, in which `says_car` calls ham what two others call spam, with a run that ended at the labels."""
    return shutil.copytree(_disputed_once, tmp_path / "data" / "toy")


def clean(app):
    """Fail on a traceback in a page; return the page."""
    assert not app.exception, app.exception[0].value
    return app


def words(app):
    """Return all that a page says outside of tables, as Markdown shows it."""
    kinds = ("title", "header", "markdown", "caption", "info", "warning", "error", "success", "html")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind)).replace("\\", "")


def test_the_worst_pairs_stand_in_a_table(open_app, disputed):
    app = clean(open_app("disagreement"))
    table = app.dataframe[0].value
    assert table[["a", "b", "disagree", "both", "rate"]].to_numpy().tolist() == [
        ["promises", "says_car", 4, 4, 100.0],
        ["says_free", "says_car", 4, 4, 100.0],
    ]
    assert table["interval"].tolist() == ["51–100%"] * 2
    assert table["better"].tolist() == ["unclear"] * 2 and table["right"].tolist() == ["2 : 0 of 2"] * 2
    assert "2 of 3 pairs that meet disagree somewhere" in words(app)
    assert "Select a pair" in words(app)


def test_a_pair_in_the_url_shows_its_rows_with_both_votes(open_app, disputed):
    app = clean(open_app("disagreement", a="promises", b="says_car"))
    assert app.header[0].value.replace("\\", "") == "promises and says_car"
    rows = app.dataframe[1].value
    assert sorted(rows.index) == ["train0", "train6", "valid0", "valid6"], "a test row is never shown"
    assert set(rows["row"]) == {"win a free car"} and set(rows["others"]) == {"spam: says_free"}
    assert set(rows["vote_0"]) == {"spam"} and set(rows["vote_1"]) == {"ham"}
    assert rows["gold"].to_dict() == {"train0": "", "train6": "", "valid0": "spam", "valid6": "spam"}
    assert rows["posterior"].str.fullmatch(r"(ham|spam) \d+%, (ham|spam) \d+%").all()


def test_without_conflicts_the_page_says_so_and_shows_who_agrees_on_demand(open_app, ran):
    app = clean(open_app("disagreement"))
    assert "The one pair that meets agrees in this run" in words(app) and not app.dataframe
    app.toggle(key="conflicts").set_value(False).run()
    table = clean(app).dataframe[0].value
    assert table[["a", "b", "disagree", "both"]].to_numpy().tolist() == [["promises", "says_free", 0, 8]]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"in_slice": "prizes"}, "2 of 3 pairs"),
        ({"voted": "ham"}, "2 of 2 pairs"),
        ({"voter": "says_free"}, "1 of 2 pairs"),
        ({"voter": "says_hello"}, "No two functions vote on a common row here; take a filter away"),
    ],
    ids=["slice", "class", "function", "nothing left"],
)
def test_filters_stand_in_the_url(open_app, disputed, filters, said):
    assert said in words(clean(open_app("disagreement", **filters)))


def test_names_in_the_url_that_are_gone_choose_nothing(open_app, disputed):
    app = clean(open_app("disagreement", a="promises", b="gone", in_slice="gone"))
    assert "Select a pair" in words(app) and "2 of 3 pairs" in words(app)
    assert "Select a pattern" in words(clean(open_app("disagreement", part="Vote patterns", pattern="gone")))


def test_patterns_are_listed_and_one_shows_its_rows(open_app, disputed):
    app = clean(open_app("disagreement", part="Vote patterns"))
    table = app.dataframe[0].value
    assert table[["rows", "votes", "gold"]].to_numpy().tolist() == [[4, "spam: promises, says_free; ham: says_car", "spam 2"]]
    assert "All 1 patterns in conflict. The table holds 100% of 4 rows in conflict." in words(app)
    app = clean(open_app("disagreement", part="Vote patterns", pattern=table.index[0]))
    assert len(app.dataframe[1].value) == 4


def test_patterns_of_classes_leave_out_who_votes(open_app, disputed):
    app = clean(open_app("disagreement", part="Vote patterns", of="classes", conflicts="false"))
    table = app.dataframe[0].value
    assert sorted(table[["rows", "votes"]].to_numpy().tolist()) == [[4, "ham and spam"], [8, "ham"], [8, "spam"]]
    assert (
        len(clean(open_app("disagreement", part="Vote patterns", of="classes", pattern=table.index[2])).dataframe[1].value) == 4
    )


def test_coverage_says_where_nobody_votes(open_app, disputed):
    app = clean(open_app("disagreement", part="Coverage"))
    by_class, by_slice = (block.value for block in app.html if "<table" in block.value)
    cells = ("2", "12", "4", "66.7%", "30–90%", "66.7%", "6")  # of ham, "see you" is left out: two of six valid rows
    assert '<th scope="row">ham</th>' + "".join(f"<td>{cell}</td>" for cell in cells) in by_class
    assert '<th scope="row">prizes</th><td>8</td><td>100.0%</td><td>0</td><td>50.0%</td>' in by_slice
    assert "**4** of 24 rows (16.7%)" in words(app) and "No term is clearly more frequent" in words(app)
    assert set(app.dataframe[0].value["row"]) == {"see you"}
    app = clean(open_app("disagreement", part="Coverage", in_slice="prizes"))
    assert "Functions vote on all 8 rows of slice prizes" in words(app)


def test_rows_are_sent_to_review_once(open_app, disputed):
    app = open_app("disagreement", a="promises", b="says_car")
    assert app.button(key="send").label == "Send 2 of these to review", "two have gold"
    app.button(key="send").click().run()
    assert "Sent 2 rows to review, 2 of them new" in words(clean(app))
    waiting = open_record(load_task(disputed)).requests()
    assert sorted(waiting["row"]) == ["train0", "train6"]
    assert set(waiting["reason"]) == {"promises and says_car disagree"}
    assert [link.label for link in app.get("page_link")] == ["Review them"]
    assert not [button for button in app.button if button.key == "send"], "sent, so not offered again"
    app = open_app("disagreement", a="promises", b="says_car")
    app.button(key="send").click().run()
    assert "wait for review already" in words(clean(app))


def test_a_record_that_cannot_be_written_is_one_sentence(open_app, disputed, monkeypatch):
    def refuse(*_):
        raise WorkbenchError("the record cannot be used")

    app = open_app("disagreement", a="promises", b="says_car")
    monkeypatch.setattr(vote_rows, "request", refuse)
    app.button(key="send").click().run()
    assert [error.value for error in clean(app).error] == ["the record cannot be used"]


def test_functions_that_say_the_same_come_with_advice(open_app, disputed):
    app = clean(open_app("disagreement", part="Redundant functions"))
    assert "No two functions say the same" in words(app)
    with (disputed / "rules.toml").open("a") as rules:
        rules.write(COPY)
    run(load_task(disputed), until="apply")
    app = clean(open_app("disagreement", part="Redundant functions"))
    cells = (
        "copies</td><td>12</td><td>12</td><td>100%</td>",
        "Switch off copies: wherever either votes, promises says the same.",
    )
    assert '<th scope="row">promises</th>' + "".join(f'<td class="words">{cell}' for cell in cells) in next(
        block.value for block in app.html if "say the same" in block.value
    )


def test_a_task_that_never_ran_says_what_to_do(open_app, toy):
    app = clean(open_app("disagreement"))
    assert "have not voted yet" in words(app)
    assert [link.label for link in app.get("page_link")] == ["Go to the overview to run it"]


def test_without_a_task_the_page_leads_to_opening_a_file(open_app):
    assert "There is no task in" in words(clean(open_app("disagreement")))


def test_rows_that_changed_after_the_run_are_said(open_app, disputed):
    path = disputed / "rows.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("train0,")))
    app = clean(open_app("disagreement", a="promises", b="says_car"))
    assert "The rows changed after this run" in words(app)
    assert sorted(app.dataframe[1].value.index) == ["train6", "valid0", "valid6"]


@pytest.mark.parametrize(("functions", "every"), [(26, True), (40, False)], ids=["all fit", "each second"])
def test_numbers_below_the_heatmap_can_be_read(functions, every):
    order = [f"f{place}" for place in range(functions)]
    cells = pd.DataFrame({"a": ["f0"], "b": ["f1"], "disagree": [5], "both": [9], "rate": [5 / 9]})
    spec = heatmap(cells, order, "rate", dark=False)
    axis = spec["encoding"]["x"]["axis"]
    assert axis["labelFontSize"] == 10 and spec["width"]["step"] >= 11
    assert ("% 2" not in axis["labelExpr"]) is every, "two digits of ten pixels need 14"
