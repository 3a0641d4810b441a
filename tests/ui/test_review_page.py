"""The page of reviews around its card: what the card is given, and what becomes of what it sends."""

import json
import sqlite3

import pytest

from workbench.project.auditing import Asked, plan_audit, plan_weekly
from workbench.project.reviewing import Decision, decide, fingerprints, open_record, request
from workbench.project.task import load_task

KINDS = ("title", "markdown", "caption", "text", "info", "warning", "error")


def said(app):
    """Return what the page says outside of its card, as Markdown shows it; fail on a traceback."""
    assert not app.exception, app.exception[0].value
    return "\n".join(str(element.value) for kind in KINDS for element in getattr(app, kind)).replace("\\", "")


def given(app):
    """Return what the card is given."""
    said(app)
    (card,) = app.get("bidi_component")
    return json.loads(card.proto.json)


def send(app, folder, *entries, reviewer="Ann", n=1, have=(), want=()):
    """Send entries as the card does, and draw the page anew."""
    log = {"n": n, "entries": list(entries), "have": [list(one) for one in have], "want": list(want)}
    app.session_state[f"card {folder} {reviewer}"] = {"log": log}
    return app.run()


def answer(folder, id, row, label="spam", **more):
    task = load_task(folder)
    shown = fingerprints(task, task.dataset()[0], [row])[0]
    return {"id": id, "row": row, "kind": "label", "label": label, "shown": shown, "seconds": 2.0, "reason": "why", **more}


def stands(folder):
    current = open_record(load_task(folder)).current()
    return dict(zip(current["row"], current["label"], strict=True))


def test_the_name_is_asked_once_and_kept_in_the_url(open_app, ran):
    app = open_app("review")
    app.text_input[0].set_value("  Ann ")
    app.button[0].click().run()
    assert app.query_params["reviewer"] == "Ann" and given(app)["reviewer"] == "Ann"
    assert given(open_app("review", reviewer="Bo"))["reviewer"] == "Bo"


def test_a_mistake_in_failures_toml_is_one_sentence(open_app, ran):
    (ran / "failures.toml").write_text("format = 1\n[[failures]]\n", encoding="utf-8")
    app = open_app("review", reviewer="Ann")
    (error,) = app.error
    assert not app.exception and "failures.toml" in error.value.replace("\\", "")


def test_a_name_from_the_url_is_no_markup(open_app, ran):
    assert open_app("review", reviewer="![x](y)").button(key="rename ask").label == r"\!\[x\]\(y\)"


def test_another_name_can_be_given(open_app, ran):
    app = open_app("review", reviewer="Ann")
    app.button(key="rename ask").click().run()
    assert app.text_input[0].value == "Ann" and not app.get("bidi_component")
    app.text_input[0].set_value("Bo")
    app.button[0].click().run()
    assert given(app)["reviewer"] == "Bo" and app.query_params["reviewer"] == "Bo"


def test_the_card_gets_the_queue_with_reasons_finds_votes_and_the_model(open_app, ran):
    data = given(open_app("review", reviewer="Ann", queue="uncertain"))
    assert data["labels"] == ["ham", "spam"] and not data["show"] and data["queue_name"] == "uncertain"
    assert data["left"] == len(data["queue"]) == 20, "ten of twelve rows of train and of valid have votes"
    assert not any(row.startswith("test") for row in data["queue"])
    card = data["cards"]["train0"]
    assert card["text"] == [["win a ", False], ["free", True], [" car", False]]
    assert ["says_free", "spam"] in card["votes"] and card["model"][0][0] == "spam"
    assert "spam" in card["reason"] and "spam" not in card["blind"]


def test_votes_are_shown_before_the_answer_where_the_url_says_so(open_app, ran):
    assert given(open_app("review", reviewer="Ann", votes="true"))["show"]


def test_the_value_queue_says_why_each_row_is_there_and_where_its_weights_stand(open_app, ran):
    app = open_app("review", reviewer="Ann")
    assert "task.toml under [review.weights]" in said(app) and "teaches the label model" in said(app)
    cards = given(app)["cards"].values()
    assert {card["blind"][:24] for card in cards} == {"Drawn at random from all", "Drawn at random from the"}
    assert not any(word in card["blind"] for card in cards for word in ("spam", "ham"))
    assert any("'spam'" in card["reason"] for card in cards)
    assert "[review.weights]" not in said(open_app("review", reviewer="Ann", queue="random"))


def test_other_reviewers_rows_are_counted_apart_from_ones_own(open_app, ran):
    plan_audit(load_task(ran), Asked(rows=5, seed=1))
    drawn = len(open_record(load_task(ran)).measure_rows())
    rows = given(open_app("review", reviewer="Ann", queue="random"))["queue"][:2]
    send(open_app("review", reviewer="Ann", queue="random"), ran, *(answer(ran, row, row) for row in rows))
    data = given(open_app("review", reviewer="Bo", queue="random"))
    assert (data["saved"], data["done"], data["left"]) == (0, 2, 24 - drawn - 2), "what an audit drew is no row of a queue"


def test_an_audit_tells_nothing_of_labels_until_all_its_rows_are_decided(open_app, ran):
    task = load_task(ran)
    plan_audit(task, Asked(rows=6, name="spring"))
    app = open_app("review", reviewer="Ann", queue="audit", votes="true")
    rows = given(app)["queue"]
    for n, row in enumerate(rows, start=1):
        words, data = said(app), given(app)
        assert "Plan spring." in words and "teaches nothing" in words and "teaches the label model" not in words
        assert "wrong, unsure" not in words and "At most" not in words and not data["show"]
        assert data["done"] == n - 1 and not app.toggle
        for card in data["cards"].values():
            assert card["measures"] and card["model"] == [] and card["votes"] == []
            assert not any(found for _, found in card["text"]), "what rules found is not marked"
        assert not any("model_label" in one for one in data["history"])
        app = send(app, ran, answer(ran, row, row), n=n)
    assert given(app)["left"] == 0 and "At most" in said(app) and "rows answered" in said(app)
    data = given(open_app("review", reviewer="Ann", queue="random"))
    assert all(data["cards"][row]["model"] == [] for row in rows), "nor do the last ten of another queue"


def test_a_main_plan_is_answered_before_weekly_ones_and_the_choice_is_seen(open_app, ran):
    task = load_task(ran)
    main = plan_audit(task, Asked(rows=4, name="spring")).plan
    week = plan_weekly(task, 12)
    app = open_app("review", reviewer="Ann", queue="audit")
    choice = app.selectbox(key="review plan")
    assert choice.options == ["spring", week.name] and choice.value == main.id
    assert given(app)["queue"] == main.rows and "Plan spring." in said(app)
    choice.select(week.plan.id).run()
    assert set(given(app)["queue"]) <= set(week.plan.rows) and f"Plan {week.name}." in said(app)
    decide(task, task.dataset()[0], [Decision(r, "unsure", "Ann", purpose="measure", plan=main.id) for r in main.rows])
    assert open_app("review", reviewer="Ann", queue="audit").selectbox(key="review plan").value == week.plan.id
    assert open_app("review", reviewer="Ann", queue="audit", plan=main.id).selectbox(key="review plan").value == main.id


def test_an_answer_is_stored_once_and_its_row_leaves_the_queue(open_app, ran):
    app = open_app("review", reviewer="Ann", queue="uncovered")
    before = given(app)["queue"]
    entry = answer(ran, "1", before[0], "ham", failure_mode="sarcasm", note="hm")
    data = given(send(app, ran, entry))
    assert data["acked"] == ["1"] and data["n"] == 1 and data["queue"] == before[1:]
    assert (data["saved"], data["done"], data["left"]) == (1, 1, len(before) - 1)
    assert data["history"][0]["row"] == before[0] and data["history"][0]["label"] == "ham"
    send(app, ran, entry, n=2)
    decisions = open_record(load_task(ran)).decisions()
    assert len(decisions) == 1 and stands(ran) == {before[0]: "ham"}
    assert decisions.iloc[0][["failure_mode", "note", "seconds", "reviewer"]].tolist() == ["sarcasm", "hm", 2.0, "Ann"]


def test_an_undo_brings_the_row_back(open_app, ran):
    app = open_app("review", reviewer="Ann", queue="uncovered")
    row = given(app)["queue"][0]
    send(app, ran, answer(ran, "1", row))
    data = given(send(app, ran, {"id": "2", "row": row, "kind": "undo", "undoes": "1"}, n=2))
    assert row in data["queue"] and data["saved"] == 0 and data["history"] == [] and stands(ran) == {}


def test_answers_of_an_earlier_session_can_be_taken_back(open_app, ran):
    send(open_app("review", reviewer="Ann"), ran, answer(ran, "1", "train0"), answer(ran, "2", "train1"))
    data = given(open_app("review", reviewer="Ann"))
    assert [one["id"] for one in data["history"]] == ["2", "1"]
    assert data["cards"]["train1"]["excerpt"] == "hello mum"


def test_only_cards_that_the_browser_lacks_are_sent(open_app, ran):
    app = open_app("review", reviewer="Ann", queue="random")
    first = given(app)
    have = [(row, card["seen"]) for row, card in first["cards"].items()]
    assert given(send(app, ran, n=1, have=have))["cards"] == {}
    assert list(given(send(app, ran, n=2, have=have, want=["train3"]))["cards"]) in ([], ["train3"])
    assert list(given(send(app, ran, n=3, have=have[1:]))["cards"]) == [have[0][0]]


def test_a_row_edited_or_deleted_meanwhile_is_skipped_with_a_note(open_app, ran):
    app = open_app("review", reviewer="Ann", queue="random")
    have = [(row, card["seen"]) for row, card in given(app)["cards"].items()]
    entries = [answer(ran, str(place), row) for place, row in enumerate(("train0", "train1", "train4"))]
    rows = ran / "rows.csv"
    lines = [line for line in rows.read_text().splitlines() if not line.startswith("train1,")]
    rows.write_text("\n".join(lines).replace('train0,"win', 'train0,"WIN') + "\n")
    data = given(send(app, ran, *entries, have=have))
    assert stands(ran) == {"train4": "spam"} and data["acked"] == ["0", "1", "2"]
    assert "train0 was edited" in data["notices"][0] and "train1 is gone" in data["notices"][1]
    assert data["gone"] == ["train1"] and data["cards"]["train0"]["excerpt"].startswith("WIN")


def test_a_record_that_cannot_be_written_blocks_and_loses_nothing(open_app, ran):
    app = open_app("review", reviewer="Ann")
    record = open_record(load_task(ran))
    record.request(["train0"], "why")
    with sqlite3.connect(ran / "review" / "decisions.sqlite") as db:
        db.execute("ALTER TABLE decisions RENAME TO gone")
    entry = answer(ran, "1", "train0")
    data = given(send(app, ran, entry))
    assert "cannot be used" in data["error"] and data["acked"] == []
    with sqlite3.connect(ran / "review" / "decisions.sqlite") as db:
        db.execute("ALTER TABLE gone RENAME TO decisions")
    data = given(send(app, ran, entry, n=2))
    assert data["error"] == "" and data["acked"] == ["1"] and stands(ran) == {"train0": "spam"}


def test_an_empty_queue_says_why_and_offers_the_others(open_app, ran):
    request(load_task(ran), ["train4"], "odd")
    app = open_app("review", reviewer="Ann", queue="conflict")  # no two functions of this task disagree
    data = given(app)
    assert data["queue"] == [] and data["ended"] == "No row is left on which functions disagree."
    offered = [button.label for button in app.button if button.label.endswith("rows")]
    assert offered == ["Value: 12 rows", "Uncertain: 20 rows", "Uncovered: 4 rows", "Requested: 1 rows", "Random: 24 rows"]
    app.button(key="go to requested").click().run()
    data = given(app)
    assert data["queue"] == ["train4"] and data["cards"]["train4"]["reason"] == "odd"
    assert app.query_params["queue"] == "requested"


def test_who_has_decided_everything_is_told_so(open_app, ran):
    task = load_task(ran)
    rows = [row for row in task.dataset()[0].ids if not row.startswith("test")]
    app = open_app("review", reviewer="Ann", queue="random")
    app = send(app, ran, *(answer(ran, row, row, "ham") for row in rows))
    assert given(app)["done"] == 24 and "Every row that you may review is decided" in said(app)


def test_two_reviewers_get_rows_of_their_own_and_no_row_twice(open_app, ran):
    ann, bo = (open_app("review", reviewer=name, queue="random") for name in ("Ann", "Bo"))
    assert given(ann)["queue"] and given(bo)["queue"]
    rows = given(ann)["queue"][:3]
    send(ann, ran, *(answer(ran, row, row) for row in rows))
    assert not set(rows) & set(given(open_app("review", reviewer="Bo", queue="random"))["queue"])


def test_failure_modes_of_the_task_are_offered(open_app, ran):
    with (ran / "task.toml").open("a") as file:
        file.write('\n[review]\nfailure_modes = ["sarcasm", "two languages"]\n')
    assert given(open_app("review", reviewer="Ann"))["modes"] == ["sarcasm", "two languages"]


def test_a_row_can_be_reviewed_where_functions_are_broken(open_app, ran):
    (ran / "functions" / "spam.py").write_text("import os\nos._exit(3)\n")
    app = open_app("review", reviewer="Ann", queue="random")
    assert "Nothing is marked in the texts" in said(app) and given(app)["queue"]


def test_without_a_run_the_page_says_what_to_do(open_app, toy):
    app = open_app("review")
    assert "Run the line first" in said(app)
    assert [link.label for link in app.get("page_link")] == ["Go to the overview"]


@pytest.mark.parametrize("kind", ["value", "conflict", "uncertain", "uncovered", "requested", "random"], ids=str)
def test_every_queue_opens_from_the_url(open_app, ran, kind):
    app = open_app("review", reviewer="Ann", queue=kind)
    assert given(app)["queue_name"] == kind
