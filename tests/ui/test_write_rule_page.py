"""The page on which a rule is tried before it is saved, as its user meets it."""

import shutil
import subprocess
import sys
import tomllib

import pytest

from workbench.project import jobs
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.ui import write_rule


def clean(app):
    """Fail on a traceback in a page; return the page."""
    assert not app.exception, app.exception[0].value
    return app


def said(app):
    """Return what a page says outside of fields, as Markdown shows it."""
    kinds = ("header", "markdown", "caption", "info", "warning", "error", "success", "html")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind)).replace("\\", "")


def typed(app, text, key="find"):
    return clean(app.text_input(key=key).set_value(text).run())


def figures(app):
    return {metric.label: metric.value for metric in app.metric}


@pytest.fixture
def page(open_app, ran):
    """Return the page over a task that ran, with the rule to vote spam."""
    return clean(open_app("write_rule", **{"label": "spam"}))


def rows(app):
    return next(block.value for block in app.html if "wb-rows" in block.value)


def test_without_a_task_the_page_leads_to_one(open_app):
    app = clean(open_app("write_rule"))
    assert "There is no task in" in said(app) and any("Open a file" in link.label for link in app.get("page_link"))


def test_what_is_typed_is_counted_on_train_and_valid_rows(page):
    assert "on 24 train and valid rows; test rows are left out; votes are those of run" in said(page)
    app = typed(page, "win")
    # "win" stands in two of six texts, twice in each split; `promises` votes spam on all of them
    assert figures(app) == {"Coverage": "33.3%", "Right on valid gold": "100.0%", "New rows": "0", "In conflict": "0"}
    assert "8 of 24 rows" in said(app) and "4 of 4, 95 % interval 51–100%" in said(app)
    assert "promises votes the same on nearly all of its rows: it would add little." in said(app)
    assert '<th scope="row">promises</th><td>0</td><td>8</td><td>0%</td>' in said(app)


def test_rows_are_shown_by_what_they_tell_with_the_matches_marked(page):
    app = typed(page, "see, hello")
    assert "<mark>see</mark> you" in rows(app) and "hello" not in rows(app), "says_hello votes on those: they are not new"
    app.button_group(key="shown").set_value("wrong").run()
    assert "gold ham · ham: says_hello" in rows(clean(app)) and "<mark>hello</mark> mum" in rows(app)
    assert "test" not in rows(app)


def test_a_draft_in_the_url_is_tried_at_once(open_app, ran):
    app = clean(open_app("write_rule", **{"label": "spam", "find": "hello", "case": "true"}))
    assert figures(app)["In conflict"] == "8" and app.checkbox(key="case").value


def test_what_rows_and_rules_say_is_no_markup(page, ran):
    lines = (ran / "rows.csv").read_text() + 'nasty,"<img src=x> **win** & <b>",spam,train\n'
    (ran / "rows.csv").write_text(lines)
    app = typed(clean(page.run()), "<img")
    app = clean(app.checkbox(key="part").check().run())
    assert "<mark>&lt;img</mark> src=x&gt; **win** &amp; &lt;b&gt;" in rows(app)


@pytest.mark.parametrize(
    ("kind", "fields", "votes"),
    [
        ("regex", {"find": r"^win\b.*car$"}, "16.7%"),
        ("lookup", {"find": "See You", "column": "text"}, "16.7%"),
        ("column", {"find": "see you", "column": "text"}, "16.7%"),
    ],
    ids=["regex", "lookup", "column"],
)
def test_every_kind_has_its_form(page, kind, fields, votes):
    app = clean(page.button_group(key="kind").set_value(kind).run())
    if "column" in fields:
        app = clean(app.selectbox(key="column").set_value(fields["column"]).run())
    assert figures(typed(app, fields["find"]))["Coverage"] == votes


def test_a_task_without_numbers_says_so(page):
    assert "No column of this task holds numbers" in said(clean(page.button_group(key="kind").set_value("threshold").run()))


def test_a_pattern_that_cannot_be_is_one_sentence_with_a_way_out(page):
    app = typed(clean(page.button_group(key="kind").set_value("regex").run()), "(?<=a)b")
    assert "no look-around and no back-references: write the condition as two rules, or as a Python function" in said(app)
    assert not app.metric


def test_words_are_offered_and_one_click_tries_them(open_app, ran):
    more = [f'm{i},"{"grand prize" if i % 2 else "lunch"}",{"spam" if i % 2 else "ham"},valid\n' for i in range(40)]
    (ran / "rows.csv").write_text((ran / "rows.csv").read_text() + "".join(more))
    app = clean(open_app("write_rule", **{"label": "spam"}))
    [word] = [button for button in app.button if button.key == "word known grand"]
    assert word.label == "**grand** :small[20 of 20 · 20 new]"
    app = clean(word.click().run())
    assert app.text_input(key="find").value == "grand" and figures(app)["New rows"] == "20"


def keep(app):
    app.session_state["keep"] = True
    return clean(app.run())


def test_a_rule_is_saved_where_the_command_reads_it(page, ran, monkeypatch):
    before = (ran / "rules.toml").read_text()
    app = keep(typed(page, "see"))
    assert 'words = ["see"]' in app.code[0].value and "says_see = keyword(" in app.code[1].value
    app.text_input(key="reason").set_value("They wait.")
    app.text_input(key="tags").set_value("words, short").run()
    app = clean(app.button(key="save").click().run())
    assert "Saved says_see at rules.toml:17" in said(app) and not app.text_input(key="find").value
    text = (ran / "rules.toml").read_text()
    assert text.startswith(before)
    assert tomllib.loads(text)["rule"][-1] == {
        "name": "says_see", "kind": "keyword", "label": "spam", "reason": "They wait.", "tags": ["words", "short"],
        "words": ["see"], "fires": ["see you"], "abstains": tomllib.loads(text)["rule"][-1]["abstains"],
    }  # fmt: skip
    assert any(link.label == "See it among the functions" for link in app.get("page_link"))
    started = []
    monkeypatch.setattr(jobs, "start", lambda folder, until: started.append((folder.name, until)) or True)
    app = clean(app.button(key="apply").click().run())
    assert started == [("toy", "fit")]
    run(load_task(ran), until="apply")
    app = clean(app.run())
    assert "Saved says_see at rules.toml:17, and applied." in said(app)
    assert not [button for button in app.button if button.key == "apply"]
    assert figures(typed(app, "see"))["New rows"] == "0", "the saved rule counts, though no run asked it yet"


def test_a_rule_that_was_saved_is_said_of_its_task_alone(page, ran):
    shutil.copytree(ran, ran.parent / "other")
    app = clean(keep(typed(page, "see")).button(key="save").click().run())
    app = clean(app.selectbox(key="task").set_value("other").run())
    assert "Saved" not in said(app) and not [button for button in app.button if button.key == "apply"]


def test_words_that_tell_nothing_are_not_said_to(open_app, toy):
    text = "\n".join(line if "id,text" in line else ",".join([*line.rsplit(",", 2)[:1], "", line.rsplit(",", 1)[1]])
                     for line in (toy / "rows.csv").read_text().splitlines())  # fmt: skip
    (toy / "rows.csv").write_text(text + "\n")
    (toy / "rules.toml").unlink()
    app = clean(open_app("write_rule", label="spam"))
    assert "Frequent words" in said(app) and "Frequent in rows without votes" in said(app)
    assert "apart" not in said(app) and [button.label for button in app.button if str(button.key).startswith("word")]


def test_a_name_of_other_signs_is_refused_with_one_that_would_do(page, ran):
    app = keep(typed(page, "see"))
    app.text_input(key="name").set_value("hopes and wishes!").run()
    app = clean(app.button(key="save").click().run())
    assert "'hopes and wishes!' holds more than letters, digits and _; call the rule 'hopes_and_wishes'" in said(app)


def test_a_name_that_is_taken_is_said_and_nothing_is_written(page, ran):
    before = (ran / "rules.toml").read_bytes()
    app = keep(typed(page, "see"))
    app.text_input(key="name").set_value("promises").run()
    app = clean(app.button(key="save").click().run())
    assert "a function called 'promises' stands in spam:6 already; give the rule another name" in said(app)
    assert (ran / "rules.toml").read_bytes() == before and app.text_input(key="find").value == "see"


def test_an_example_that_does_not_hold_is_said_before_saving(page):
    app = keep(typed(page, "see"))
    app = clean(next(area for area in app.text_area if area.label == "Fires on").set_value("nothing").run())
    assert "the rule abstains on 'nothing', given as one on which it fires" in said(app)
    assert not [button for button in app.button if button.key == "save"]


def test_before_the_first_run_every_row_is_new(open_app, toy):
    (toy / "rules.toml").unlink()
    app = typed(clean(open_app("write_rule", **{"label": "spam"})), "win")
    assert "nothing has voted yet, so every row counts as new" in said(app)
    assert figures(app)["New rows"] == "8" and "There are no votes to compare with." in said(app)


def test_reviewed_rows_judge_beside_gold(page, ran):
    from workbench.project.reviewing import decide
    from workbench.project.task import load_task
    from workbench.review.decision import Decision

    task = load_task(ran)
    decide(task, task.dataset()[0], [Decision(row="train0", kind="label", reviewer="ann", label="ham")])
    app = typed(clean(page.run()), "win")
    assert figures(app)["Right on reviewed"] == "0.0%" and "0 of 1, 95 % interval" in said(app)


def test_the_page_loads_no_model_library():
    heavy = {"torch", "spacy", "snorkel", "scipy", "sklearn"}
    code = f"import sys; import {write_rule.__name__}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
