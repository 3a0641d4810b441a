"""The page Audit: empty, planned, answered; and the rows of a plan on the page Review."""

import json

import pandas as pd
import pytest

from workbench.diagnose.systematic import SystematicErrors
from workbench.project.audit_report import audit_plans, audit_report
from workbench.project.auditing import Asked, plan_audit, plan_weekly
from workbench.project.gaps import Gaps
from workbench.project.reviewing import Decision, decide, fingerprints, open_record
from workbench.project.steps.run import run
from workbench.project.systematic import Judged
from workbench.project.task import load_task
from workbench.ui import opened_audit

KINDS = ("title", "subheader", "markdown", "caption", "text", "info", "success", "warning", "error")
FAILURES = """format = 1
[[failure]]
name = "gift taken for ham"
why = "A customer misses a gift."
severity = "high"
owner = "Ann"
tolerated = 0.01
rule = { kind = "keyword", words = ["free"] }
"""


def said(app):
    """Return what the page says, tables too, as Markdown shows it; fail on a traceback."""
    assert not app.exception, app.exception[0].value
    tables = [element.proto.body for element in app.get("html")]
    return "\n".join([*(str(one.value) for kind in KINDS for one in getattr(app, kind)), *tables]).replace("\\", "")


@pytest.fixture
def planned(ran):
    """Return the task, and the plan of twelve draws that was kept for it."""
    task = load_task(ran)
    return task, plan_audit(task, Asked(rows=12, name="spring")).plan


def label(task, plan, right=True, rows=None):
    """Decide the first rows of a plan as its labels say, or as they do not."""
    dataset, truth = task.dataset()[0], plan.draws.drop_duplicates("row").set_index("row")["label"]
    other = {"ham": "spam", "spam": "ham"}
    said_ = truth if right else truth.map(other)
    decisions = [Decision(row, "label", "ann", said_[row], purpose="measure", plan=plan.id) for row in plan.rows[slice(rows)]]
    return decide(task, dataset, decisions)


def test_without_a_run_the_page_says_what_to_do(open_app, toy):
    assert "There are no labels to measure yet" in said(open_app("audit"))


def test_without_a_plan_the_page_offers_one(open_app, ran):
    app = open_app("audit")
    assert "No audit is planned yet" in said(app)
    app.button[0].click().run()
    assert "takes 59 answered draws at the very least" in said(app)


def test_a_plan_is_kept_once_and_named(open_app, ran):
    app = open_app("audit", audit="new plan")
    assert not audit_plans(load_task(ran)), "looking keeps nothing"
    app.number_input[0].set_value(7).run()
    app.text_input[0].set_value("summer").run()
    next(one for one in app.button if one.label == "Draw these rows").click().run()
    assert "Plan summer is kept" in said(app)
    assert list(audit_plans(load_task(ran)).values()) == ["summer"]


def test_a_plan_that_cannot_be_made_says_why(open_app, ran):
    app = open_app("audit", audit="new plan")
    app.selectbox(key="sized").set_value("promise").run()
    app.number_input[0].set_value(0.1).run()
    words = said(app)
    assert "no number up to 100,000 is enough: mend labels first" in words and "--" not in words.split("<style>")[0]
    assert not [one for one in app.button if one.label == "Draw these rows"]
    assert "Choose *Number of rows* above" in words


def test_the_picked_plan_and_its_figures_agree_and_stay_in_the_url(open_app, planned):
    task, plan = planned
    label(task, plan)
    other = plan_audit(task, Asked(rows=9, name="summer")).plan
    app = open_app("audit")
    words, rows = said(app), len(set(plan.rows) & set(other.rows))
    assert "Plan **summer**" in words and app.metric[2].value == f"{rows} of {len(other.rows)}"
    assert "No row is answered in its turn yet" in words and f"behind it {rows:,} more rows" in words
    words = said(app.selectbox(key="audit plan").set_value(plan.id).run())
    assert "Plan **spring**" in words and audit_report(task, "spring")["promise"]["words"][0] in words
    assert app.query_params["plan"] == plan.id, "an id, which links have too"
    again = open_app("audit", plan=plan.id)
    assert "Plan **spring**" in said(again) and again.metric[2].value == f"{len(plan.rows)} of {len(plan.rows)}"
    assert "Plan **spring**" in said(open_app("audit", audit="description", plan=plan.id))


def test_a_weekly_batch_is_no_plan_of_the_other_tabs(open_app, planned):
    plan_weekly(planned[0], 5)
    assert "Plan **spring**" in said(open_app("audit"))
    assert not [one for one in open_app("audit").selectbox if one.label == "Plan"]
    assert "week-1" in said(open_app("audit", audit="weekly"))


def test_a_mistake_in_failures_toml_is_one_sentence_and_other_tabs_live(open_app, planned):
    task, _ = planned
    (task.folder / "failures.toml").write_text(FAILURES.replace("high", "hihg"), encoding="utf-8")
    app = open_app("audit", audit="failures")
    (error,) = app.error
    assert not app.exception and "severity = 'hihg' (did you mean 'high'?)" in error.value.replace("\\", "")
    for view in ("promise", "description", "errors", "gaps", "feedback", "weekly"):
        app = open_app("audit", audit=view)
        assert not app.exception and not app.error, view


def test_after_new_labels_the_headline_says_whose_it_is(open_app, planned):
    task, plan = planned
    label(task, plan)
    rules = task.folder / "rules.toml"
    rules.write_text(rules.read_text(encoding="utf-8").replace('label = "ham"', 'label = "spam"'), encoding="utf-8")
    run(load_task(task.folder), until="fit")
    app = open_app("audit")
    assert app.metric[0].delta == f"of the labels of run {plan.run}"
    assert "has other labels or rows: the promise holds for" in "".join(one.value for one in app.warning).replace("\\", "")


def test_a_second_plan_of_the_same_labels_is_warned_of(open_app, planned):
    app = open_app("audit", audit="new plan")
    assert "Rows of these labels are drawn already, by 'spring'" in said(app)
    app.text_input[0].set_value("summer").run()
    next(one for one in app.button if one.label == "Draw these rows").click().run()
    assert "queue=audit" in app.get("page_link")[-1].proto.query_string


def test_what_to_mend_and_rows_are_links(open_app, ran, monkeypatch):
    line = {
        "region": "slice long", "errors": 9, "n": 10, "target": "", "rate": 0.9, "rate_elsewhere": 0.1, "q": 0.01,
        "predicted": "ham", "truly": "spam", "confused": 9, "marks": [], "also": [], "examples": ["valid1"],
        "next": "Mend 'says_free' in slice long: it votes for the wrong label on 9 rows.",
    }  # fmt: skip
    empty = pd.DataFrame()
    found = SystematicErrors(pd.DataFrame([line]), empty, 10, 9, 1, 0.1, 0, empty)
    monkeypatch.setattr(opened_audit, "errors", lambda *_: Judged("run", found, []))
    words = said(open_app("audit", audit="errors"))
    assert "Mend [says_free](functions?task=toy&lf=says_free) in slice long" in words
    assert "[valid1](label_model?task=toy&view=row&row=valid1)" in words


def test_a_plan_that_is_refused_is_not_called_kept(open_app, planned):
    app = open_app("audit", audit="new plan")
    app.text_input[0].set_value("spring").run()
    next(one for one in app.button if one.label == "Draw these rows").click().run()
    assert "Nothing was kept: there is an audit plan 'spring' already" in said(app) and not app.success


def test_rows_that_are_edited_are_said_at_the_next_look(open_app, planned):
    task, plan = planned
    app = open_app("audit")
    assert "edited since they were drawn" not in said(app)
    text = task.dataset()[0].frame["text"][plan.rows[0]]
    file = task.folder / "rows.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(text, f"{text}, please"), encoding="utf-8")
    assert "Drawn rows that are edited since they were drawn" in said(app.run())


def test_a_rule_of_values_is_proposed_for_a_task_without_text(open_app, ran, monkeypatch):
    rule = {"name": "pro", "kind": "lookup", "label": "ham", "column": "plan", "values": ["pro", "a, b"]}
    figures = dict.fromkeys(("right", "n", "precision", "low", "high"), float("nan"))
    line = {"size": 9, "share": 1.0, "terms": ["plan is pro"], "slices": [], "examples": ["m1"], "label": "ham", "rule": rule}
    groups = pd.DataFrame([{**line, "told_by": "truth", "inside": 9, "gain": 12, **figures}])
    monkeypatch.setattr(opened_audit, "groups", lambda *_: Gaps(10, 9, 9, groups, []))
    app = open_app("audit", audit="gaps")
    assert 'plan is pro, "a, b" · votes on 9 of these rows and 12 of all' in said(app)
    link = app.get("page_link")[-1].proto
    assert "kind=lookup" in link.query_string and "column=plan" in link.query_string


def test_the_end_model_is_asked_for_gaps_where_that_is_switched_on(open_app, ran, monkeypatch):
    asked, real = [], opened_audit.gaps.gaps_of_run
    (next((ran / "runs").glob("[!.]*")) / "end_model").mkdir()
    monkeypatch.setattr(
        opened_audit.gaps, "gaps_of_run", lambda *given, guess: asked.append(guess) or real(*given, guess=False)
    )
    app = open_app("audit", audit="gaps")
    assert "The end model is not asked" in said(app) and asked == [False]
    said(next(one for one in app.toggle if one.label == "Ask the end model too").set_value(True).run())
    assert asked == [False, True]


def test_the_promise_is_the_commands(open_app, planned):
    task, plan = planned
    label(task, plan)
    report = audit_report(task)
    words = said(open_app("audit"))
    assert all(sentence in words for sentence in report["promise"]["words"])
    assert report["promise"]["bound"] < 1 and "12 rows answered" not in words
    assert "By class" in said(open_app("audit", audit="description"))


def test_an_answer_changes_the_bound_at_the_next_look(open_app, planned):
    task, plan = planned
    app = open_app("audit")
    assert "No row is answered yet" in said(app)
    label(task, plan, right=False, rows=1)
    assert "1 rows answered" in said(app.run())


def test_failures_are_listed_with_what_was_measured(open_app, ran):
    assert "says nowhere what must not happen" in said(open_app("audit", audit="failures"))
    (ran / "failures.toml").write_text(FAILURES, encoding="utf-8")
    words = said(open_app("audit", audit="failures"))
    assert "gift taken for ham" in words and "cannot tell" in words and "candidates" in words


@pytest.mark.parametrize("view", ["errors", "gaps", "weekly"])
def test_every_view_says_something_of_a_small_task(open_app, ran, view):
    assert len(said(open_app("audit", audit=view))) > 200


def test_a_weekly_batch_is_drawn_and_a_second_needs_new_labels(open_app, ran):
    app = open_app("audit", audit="weekly")
    draw = next(one for one in app.button if "week" in one.label)
    assert "wait on Review" in said(draw.click().run())
    draw = next(one for one in app.button if "week" in one.label)
    assert "No label is new since the last batch" in said(draw.click().run())


def test_the_rows_of_a_plan_are_decided_on_the_page_review_and_measure(open_app, planned):
    task, plan = planned
    app = open_app("review", reviewer="Ann", queue="audit", votes="true")
    (card,) = app.get("bidi_component")
    data = json.loads(card.proto.json)
    assert data["queue"] == plan.rows and not data["show"], "in the order of the plan, and blind whatever the URL says"
    row = plan.rows[0]
    shown = fingerprints(task, task.dataset()[0], [row])[0]
    entry = {"id": "1", "row": row, "kind": "label", "label": "spam", "shown": shown, "seconds": 1.0}
    app.session_state[f"card {task.folder} Ann"] = {"log": {"n": 1, "entries": [entry], "have": [], "want": []}}
    app.run()
    (stored,) = open_record(task).decisions().to_dict("records")
    assert (stored["purpose"], stored["plan"], stored["row"]) == ("measure", plan.id, row)
    data = json.loads(app.get("bidi_component")[0].proto.json)
    assert data["queue"] == plan.rows[1:] and data["done"] == 1
    assert "1 rows answered" not in said(app), "what is proved so far would sway who decides the rest"


def test_without_a_plan_the_page_review_offers_no_audit(open_app, ran):
    app = open_app("review", reviewer="Ann")
    assert "audit" not in app.get("button_group")[0].options


def test_after_a_refit_the_page_says_what_it_changed(open_app, ran):
    assert "There is one fit so far" in said(open_app("audit", audit="feedback"))
    task = load_task(ran)
    decide(task, task.dataset()[0], [Decision("train0", "label", "ann", "ham", reason="Drawn at random.")])
    run(task, until="fit")
    words = said(open_app("audit", audit="feedback"))
    assert "Learned from 1 reviewed rows, 0 before." in words and "Before: no promise." in words
