"""The runs page: runs over time, two of them side by side, drift with its rows, suites, gate and outcomes."""

import json
import re
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.reference import promote, promoted
from workbench.project.runs import list_runs
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.ui import opened_runs
from workbench.ui.runs import report_of

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def _twice_once(_ran_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("twice") / "toy"
    shutil.copytree(_ran_once, folder)
    rules = folder / "rules.toml"
    rules.write_text(rules.read_text().replace('words = ["hello"]', 'words = ["see"]'))
    run(load_task(folder), until="fit")
    (list_runs(load_task(folder))[0].folder / "end_model").mkdir()  # that it was trained is all that promoting asks
    return folder


@pytest.fixture
def twice(_twice_once, tmp_path):
    """Return the folder of a task with two runs, between which a rule changed: a whole one, and one that ended at labels."""
    shutil.copytree(_twice_once, tmp_path / "data" / "toy")
    return tmp_path / "data" / "toy"


def clean(app):
    """Fail on a traceback in a page; return the page."""
    assert not app.exception, app.exception[0].value
    return app


def words(app):
    """Return what a page says outside of tables, as Markdown shows it."""
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind)).replace("\\", "")


def board(app, title):
    """Return the text of a table as a list of its lines, each a list of cells."""
    html = next(block.value for block in app.html if f'<table class="wb" aria-label="{title}' in block.value)
    lines = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in html.split("<tr>")[1:]]
    return {line[0]: line[1:] for line in lines}


def alts(app):
    """Return what charts say to those who do not see them."""
    return "\n".join(str(chart.proto) for chart in app.get("vega_lite_chart"))


def ids(task):
    return [one.id for one in list_runs(load_task(task))]


# ---------------------------------------------------------------- history and promotion


def test_every_run_is_shown_over_time_and_in_a_table(open_app, twice):
    app = clean(open_app("runs"))
    first, second = ids(twice)
    table = board(app, "Runs, the newest first")
    assert list(table) == ["run", second, first] and "reference" in table["run"]
    assert table[first][2:] == ["evaluate", "83.3% (55–95%)", "83.3% (55–95%)", "", "83.3%", "0.0%", "4", "36"]
    assert "Right on test, label model 83.3% runs" in alts(app) and "Coverage, coverage from 83.3% to" in alts(app)
    assert "The same in all of them: 4 functions and 36 rows." in words(app)
    assert "workbench runs prune" in words(app) and "No run is the reference yet" in words(app)


def test_a_run_is_made_the_reference_by_name_and_reason(open_app, twice):
    first, second = ids(twice)
    app = clean(open_app("runs", one=first))
    app.text_input(key=f"by {first}").set_value("ann")
    app.button[-1].click().run()
    assert "fill in who says so, and why" in words(clean(app)) and promoted(load_task(twice)) == []
    app.text_input(key=f"why {first}").set_value("it is *right*")
    app.button[-1].click().run()
    (line,) = promoted(load_task(twice))
    assert (line["run"], line["by"], line["why"]) == (first, "ann", "it is *right*")
    assert "made so by ann, just now: it is *right*" in words(clean(app)) and "It is the reference." in words(app)
    assert board(app, "Runs, the newest first")[first][1] == "reference"
    app = clean(open_app("runs", one=second))
    assert "It has no end model, so it cannot answer in production." in words(app)


def test_a_run_that_failed_the_gate_is_promoted_only_where_the_box_is_ticked(open_app, twice):
    first, _ = ids(twice)
    failed = {"format": 1, "passed": False, "finished": "2026-01-09T08:00:00+00:00"}
    (twice / "runs" / first / "gate.json").write_text(json.dumps(failed))
    app = clean(open_app("runs", one=first))
    app.text_input(key=f"by {first}").set_value("ann")
    app.text_input(key=f"why {first}").set_value("no other")
    app.button[-1].click().run()
    assert "tick the box" in words(clean(app)) and promoted(load_task(twice)) == []
    app.checkbox(key=f"anyway {first}").check()
    app.text_input(key=f"why {first}").set_value("no other")
    app.button[-1].click().run()
    clean(app)
    assert [line["run"] for line in promoted(load_task(twice))] == [first]


def test_an_earlier_run_is_opened_for_every_page(open_app, twice):
    first, second = ids(twice)
    app = clean(open_app("runs", one=first))
    app.button(key="open").click().run()
    assert clean(app).query_params["run"] == first and f"Every page shows run {first} now." in words(app)
    app.selectbox(key="one").set_value(second).run()
    app.button(key="open").click().run()
    assert "run" not in clean(app).query_params


def test_a_task_without_runs_says_the_command(open_app, toy):
    app = clean(open_app("runs"))
    assert "This task has no run yet" in words(app) and f"workbench run {toy}" in words(app)
    assert not app.segmented_control


# ---------------------------------------------------------------- compare


def test_two_runs_stand_side_by_side_with_the_code_that_changed(open_app, twice):
    app = clean(open_app("runs", show="Compare"))
    first, second = ids(twice)
    assert (app.selectbox(key="after").value, app.selectbox(key="before").value) == (second, first)
    assert "Functions that are changed: 'says_hello'." in words(
        app
    ) and f"workbench runs diff {twice} {first} {second}" in words(app)
    assert [one.label for one in app.expander] == ["says\\_hello\\: changed"]
    assert '-words = ["hello"]' in app.code[0].value and '+words = ["see"]' in app.code[0].value
    assert board(app, "Votes that changed")["says_hello"] == ["abstains", "ham", "6"]  # its last line


def test_flipped_labels_show_their_rows_and_never_test(open_app, twice):
    app = clean(open_app("runs", show="Compare"))
    rows = app.dataframe[0].value
    assert set(rows["split"]) == {"train", "valid"} and "Test rows are counted alone." in words(app)
    assert (rows.loc[rows["split"] == "train", "gold"] == "").all()
    move = rows["label"].iloc[0]
    app.selectbox(key="move").set_value(move).run()
    assert set(clean(app).dataframe[0].value["label"]) == {move}
    app = clean(open_app("runs", show="Compare", because="functions vote otherwise"))
    assert app.dataframe[0].value["why"].str.contains("says_hello").all()


def test_a_run_is_not_compared_with_itself(open_app, twice):
    (first, _) = ids(twice)
    app = clean(open_app("runs", show="Compare", after=first, before=first))
    assert "These are one run." in words(app)


def test_one_run_has_nothing_to_be_compared_with(open_app, ran):
    app = clean(open_app("runs", show="Compare"))
    assert "There is one run with votes, or none." in words(app)


# ---------------------------------------------------------------- drift


def check(kind, of, said, drifted=True):
    return {
        "kind": kind,
        "of": of,
        "reference": 0.5,
        "batch": 0.1,
        "effect": 1.0,
        "p": 0.001,
        "q": 0.01,
        "drifted": drifted,
        "said": said,
    }


def keep_batch(task, name, checks, terms=(), **more):
    folder = task / "monitor" / name
    folder.mkdir(parents=True)
    about = {"format": 1, "batch": name, "source": f"/tmp/{name}.csv", "run": ids(task)[0], "rows": 4, "of": 4}
    found = {
        **about,
        "finished": "2026-11-22T10:00:00+00:00",
        "drifted": sum(one["drifted"] for one in checks),
        "checks": checks,
    }
    summary = {"coverage": 0.5, "conflict": 0.25, "confidence": 0.8, "deferred": 0.5}
    (folder / "batch.json").write_text(
        json.dumps({**found, "summary": summary, "new_terms": list(terms), "notes": ["a note"], **more})
    )
    frame = pd.DataFrame(
        {
            "text": [f"{SCRIPT} shelf sync", "win a free van", "see you soon", "secret of test"],
            "label": ["ham", "spam", "ham", "spam"],
            "confidence": [0.9, 0.6, 0.7, 0.8],
            "decision": ["answer", "needs review", "answer", "answer"],
            "says_free": [None, "spam", None, "spam"],
            "says_hello": [None, None, "ham", None],
        },
        index=pd.Index(["p0", "p1", "p2", "test0"], name="id"),
    )
    frame.reset_index().to_parquet(folder / "rows.parquet")


@pytest.fixture
def drifted(twice):
    """Return the folder of a task with two batches, of which the newer one drifted."""
    quiet = check("coverage", "says_free", "coverage of says_free stayed at 50.0%, no more than chance.", drifted=False)
    keep_batch(twice, "b1", [quiet])
    checks = [
        check("coverage", "says_free", "says_free has gone stale, its coverage fell from 50.0% to 10.0%: mend it."),
        check("new terms", "", f"new or risen terms: “{SCRIPT}” (1 rows): read their rows."),
        check("conflict", "", "share of rows with votes for two classes stayed at 1.0%, no more than chance.", drifted=False),
    ]
    keep_batch(twice, "b2", checks, terms=[{"term": "shelf sync", "rows": 1, "share": 0.25}])
    return twice


def test_drifted_checks_are_sentences_and_batches_a_series(open_app, drifted):
    app = clean(open_app("runs", show="Drift"))
    assert "Drifted checks by kind and batch, in all batch b1: 0; batch b2: 2" in alts(app)
    assert "Need review, need review from 50.0% to 50.0% over 2 batches" in alts(app)
    assert "**2 of 3 checks drifted.**" in words(app) and f"workbench monitor {drifted} NEWFILE" in words(app)
    labels = [one.label.replace("\\", "") for one in app.expander]
    assert (
        labels[0].startswith("says_free has gone stale") and labels[1].startswith("New or risen terms") and SCRIPT in labels[1]
    )
    assert labels[2:] == ["1 checks without drift", "1 notes"] and not any(SCRIPT in block.value for block in app.html)
    app.selectbox(key="batch").set_value("b1").run()
    assert "0 of 1 checks drifted." in words(clean(app))


def test_a_check_that_is_opened_shows_the_rows_behind_it(open_app, drifted):
    app = clean(open_app("runs", show="Drift"))
    assert not app.dataframe
    app.session_state["check b2 coverage says_free"] = True
    app.run()
    assert "**1** row that says_free votes on" in words(clean(app)) and app.dataframe[0].value.index.tolist() == ["p1"]
    assert "1 test rows of the task are left out." in words(app)
    app.session_state["check b2 new terms "] = True
    app.run()
    assert app.dataframe[1].value["row"].tolist() == [f"{SCRIPT} shelf sync"]


def test_any_rows_of_a_batch_can_be_looked_at_but_test_rows(open_app, drifted):
    app = clean(open_app("runs", show="Drift", behind="every row"))
    table = app.dataframe[0].value
    assert table.index.tolist() == ["p1", "p2", "p0"]  # the least sure first
    assert table["answer"].tolist() == ["spam 60%", "ham 70%", "ham 90%"] and table["votes"].iloc[0] == "spam: says_free"
    assert app.selectbox(key="behind").options == [
        *("coverage of a function: says_free", "new terms", "new term: shelf sync"),
        *("rows that need review", "rows without a vote", "every row"),
    ]


def test_a_function_without_a_vote_in_the_batch_leads_to_its_rows_in_the_run(open_app, twice):
    keep_batch(twice, "b1", [check("coverage", "promises", "promises has gone silent.")])
    app = clean(open_app("runs", show="Drift", behind="coverage of a function: promises"))
    assert "**0** rows that promises votes on" in words(app)
    assert app.get("page_link")[0].proto.label == "Rows of the run that promises votes on"


def test_rows_of_a_batch_that_are_gone_are_said_to_be(open_app, drifted):
    (drifted / "monitor" / "b2" / "rows.parquet").unlink()
    assert "no longer kept" in words(clean(open_app("runs", show="Drift", behind="every row")))


def test_without_a_batch_the_command_is_said(open_app, ran):
    app = clean(open_app("runs", show="Drift"))
    assert "No batch has been looked at yet" in words(app) and f"workbench monitor {ran} NEWFILE" in words(app)


# ---------------------------------------------------------------- suites


def suite(name, kind, worst, **more):
    figures = {"n": 12, "accuracy": 0.75, "interval": [0.5, 0.9], "answered": 0.5, "wrong_confident": 0.25}
    figures["wrong_confident_interval"] = [0.1, 0.5]
    of = {"what": "the same rows unchanged", **figures, "accuracy": 1.0}
    return {"name": name, "kind": kind, **figures, "of": of, "worst": worst, "said": f"{name} said so.", "reason": None, **more}


def write(task, name, document):
    path = list_runs(load_task(task))[0].folder / name
    path.write_text(json.dumps({"format": 1, "run": path.parent.name, "finished": "2026-11-22T10:00:00+00:00", **document}))
    return path


def test_suites_stand_beside_the_rows_unchanged_with_their_worst_rows(open_app, twice):
    nothing = dict.fromkeys(("accuracy", "interval", "answered", "wrong_confident", "wrong_confident_interval", "of"))
    suites = [
        suite("typos", "messy", ["valid0", "test0"], changed={"valid0": f"win a fere car {SCRIPT}"}),
        suite("says_ham", "direction", [], **nothing, broken=0.25, broken_interval=[0.1, 0.5]),
        suite("german", "language", [], **nothing, n=0, reason="no row is in German"),
    ]
    write(twice, "stress.json", {"split": "test", "rows": 12, "suites": suites})
    app = clean(open_app("runs", show="Suites"))
    html = next(block.value for block in app.html if 'aria-label="Suites in figures"><thead>' in block.value)
    assert "Messy mail" in html and html.count('class="track"') == 2
    cells = re.sub(r"<[^>]+>", " ", html.split("typos")[1]).split()
    assert cells == ["12", "▼", "75.0%", "(50–90%)", "100.0%", "25.0%", "(10–50%)", "25.0%", "50.0%", "50.0%"]
    assert board(app, "Expectations that break")["says_ham"] == ["the class becomes less likely", "25.0%", "10.0–50.0%", "12"]
    rows = app.dataframe[0].value
    assert rows.index.tolist() == ["valid0"] and rows.iloc[0]["was"] == "win a free car" and rows.iloc[0]["gold"] == "spam"
    assert "german was not run: no row is in German." in words(app) and "typos said so." in words(app)


def test_a_run_with_one_suite_names_the_reference_that_went_through_more(open_app, twice):
    first, second = ids(twice)
    suites = [suite("typos", "messy", []), suite("casing", "messy", [])]
    whole = json.loads(write(twice, "stress.json", {"split": "test", "rows": 12, "suites": suites}).read_text())
    other = {**whole, "run": second, "suites": suites[:1]}
    (twice / "runs" / second / "stress.json").write_text(json.dumps(other))
    promote(load_task(twice), first, "ann")
    said = words(clean(open_app("runs", show="Suites"))).replace("\\", "")
    assert f"This run went through 1 suite, the reference, run {first}, through 2" in said


def test_without_suites_the_command_is_said(open_app, twice):
    assert f"workbench stress {twice}" in words(clean(open_app("runs", show="Suites")))
    first, _ = ids(twice)
    assert f"workbench stress {twice} --run {first}" in words(clean(open_app("runs", show="Suites", run=first)))


# ---------------------------------------------------------------- gate


def gate_check(name, passed, **more):
    one = {
        "name": name,
        "kind": "absolute",
        "primary": False,
        "value": 0.7,
        "reference": None,
        "limit": 0.75,
        "better": "higher",
    }
    return {
        **one,
        "n": 12,
        "p": 0.001,
        "alpha": 0.025,
        "passed": passed,
        "required": False,
        "said": f"{name} was {passed}.",
        **more,
    }


def test_the_gate_says_check_by_check_what_failed_and_against_what(open_app, twice):
    checks = [
        gate_check("ece", True, better="lower", limit=0.1, value=0.05),
        gate_check("accuracy", False, primary=True, kind="against", reference=0.9, limit=None),
        gate_check("audit", None, value=None, p=None, alpha=None, required=True),
    ]
    document = {"against": "long-gone", "passed": False, "alpha": 0.025, "checks": checks, "notes": ["a note of the gate"]}
    path = write(twice, "gate.json", document)
    app = clean(open_app("runs", show="Gate"))
    assert "failed the gate, held against run long-gone and the limits" in app.error[0].value.replace("\\", "")
    assert "1 check passed, 1 failed, 1 required and missing" in words(app) and "a note of the gate" in words(app)
    table = board(app, "Checks of the gate, failed ones first")
    assert list(table) == ["check", "accuracy, primary", "audit", "ece"]
    assert table["accuracy, primary"] == ["✗ failed", "the reference", "0.700", "0.900", "", "12", "0.001", "0.025"]
    assert table["ece"] == ["✓ passed", "a limit", "0.050", "", "≤ 0.100", "12", "0.001", "0.025"]
    assert table["audit"][0] == "✗ required and missing"
    assert "- accuracy was False.\n- audit was None." in words(app)
    assert app.code[0].value == f"workbench evaluate {twice} --gate --junit gate.xml"
    promote(load_task(twice), path.parent.name, "ann", anyway=True)
    assert "The reference is another run" not in words(clean(open_app("runs", show="Gate")))


def test_a_gate_that_knew_another_reference_says_so(open_app, twice):
    first, second = ids(twice)
    document = {"against": None, "passed": True, "alpha": 0.025, "checks": [gate_check("ece", True)]}
    other = list_runs(load_task(twice))[1].folder / "gate.json"
    other.write_text(json.dumps({"format": 1, "run": second, "finished": "2026-11-22T10:00:00+00:00", **document}))
    promote(load_task(twice), first, "ann")
    app = clean(open_app("runs", show="Gate"))
    assert "passed the gate, held against its limits alone" in words(app)
    assert "The reference is another run by now" in words(app)


def test_without_a_gate_the_command_is_said(open_app, ran):
    app = clean(open_app("runs", show="Gate"))
    assert "No run was held against its limits yet" in words(app) and app.code[0].value.endswith("--gate --junit gate.xml")


# ---------------------------------------------------------------- outcomes


def test_outcomes_stand_by_decision_and_by_group(open_app, ran):
    def line(by, of, decision, n, rate, mean):
        return {
            "by": by, "of": of, "decision": decision, "n": n,
            "escalated": {"n": n, "rate": rate, "interval": [0.1, 0.9]},
            "csat": {"n": n, "mean": mean, "interval": None, "reason": "one row has no spread"},
        }  # fmt: skip

    groups = [line("all", "all", "answer", 30, 0.2, 4.5), line("all", "all", "needs review", 10, 0.5, 2.0)]
    groups += [line("class", "ham", "answer", 20, 0.1, 4.0), line("class", "spam", "answer", 10, 0.4, 3.0)]
    apart = {
        "outcome": "escalated",
        "by": "class",
        "of": "ham",
        "between": "groups",
        "n": [20, 10],
        "values": [0.1, 0.4],
        "q": 0.01,
    }
    document = {
        "format": 1, "finished": "2026-11-22T10:00:00+00:00", "log": "a.log", "outcomes": "o.csv", "n": 40,
        "from": "2026-11-01T00:00:00", "to": "2026-11-08T00:00:00", "columns": ["escalated", "csat"],
        "kinds": {"escalated": "rate", "csat": "mean"}, "groups": groups,
        "said": ["The end model answered 30 of 40."], "differences": [apart],
    }  # fmt: skip
    (ran / "outcomes.json").write_text(json.dumps(document))
    app = clean(open_app("runs", show="Outcomes"))
    assert "share of rows: escalated 20.0% of answered rows, 50.0% of the others" in alts(app)
    table = board(app, "Outcomes by decision")
    assert table["escalated"] == ["20.0%", "10.0–90.0%", "30", "50.0%", "10.0–90.0%", "10"]
    assert table["csat"] == ["4.50", "", "30", "2.00", "", "10"]
    assert board(app, "escalated by class")["spam"] == ["40.0%", "10.0–90.0%", "10", "", "", ""]
    assert "escalated, class 'ham': 10.0% of 20 answered rows, 40.0% of 10 answered elsewhere (q = 0.01)." in words(app)
    app.selectbox(key="outcome").set_value("csat").run()
    assert board(clean(app), "csat by class")["ham"][0] == "4.00"


def test_without_outcomes_the_command_is_said(open_app, ran):
    assert f"workbench outcomes {ran} LOG OUTCOMES" in words(clean(open_app("runs", show="Outcomes")))


# ---------------------------------------------------------------- files that change and files that are broken


def test_what_a_command_writes_while_the_app_is_open_is_shown(open_app, ran):
    path = ran / "some.json"
    assert opened_runs.found_in(path) is None
    path.write_text('{"format": 1, "a": 1}')
    assert opened_runs.found_in(path)["a"] == 1
    path.write_text('{"format": 1, "a": 23}')
    assert opened_runs.found_in(path)["a"] == 23


def test_a_report_that_cannot_be_made_says_why(ran):
    (ran / "outcomes.json").write_text('{"format": "<2>"}')
    task = load_task(ran)
    assert "No report was made: " in (said := report_of(task, list_runs(task)[0])) and "<2>" not in said


def test_a_damaged_file_is_one_sentence_on_the_page(open_app, ran):
    (ran / "outcomes.json").write_text("{")
    app = clean(open_app("runs", show="Outcomes"))
    assert "outcomes.json" in app.error[0].value.replace("\\", "")


# ---------------------------------------------------------------- what the commands themselves write


@pytest.mark.slow
def test_what_the_commands_write_is_what_the_page_reads(open_app, _ran_once, tmp_path):
    folder = tmp_path / "data" / "toy"
    shutil.copytree(_ran_once, folder, ignore=shutil.ignore_patterns("runs"))
    settings = (folder / "task.toml").read_text().replace("enabled = false", 'features = ["tfidf"]')
    (folder / "task.toml").write_text(f"{settings}\n[gate]\naccuracy = {{at_least = 0.1}}\n")
    rows = pd.DataFrame({"id": [f"n{i}" for i in range(40)], "text": ["win a free van", "see you soon"] * 20})
    rows.to_csv(tmp_path / "new.csv", index=False)
    done = pd.DataFrame({"id": rows["id"], "escalated": [True, False] * 20})
    done.to_csv(tmp_path / "outcomes.csv", index=False)
    named = [str(folder), str(tmp_path / "new.csv")]
    for arguments in (
        ["run", named[0]], ["monitor", *named], ["stress", named[0], "--suite", "messy"], ["evaluate", named[0], "--gate"],
        ["predict", *named, str(tmp_path / "answers.csv"), "--log", str(tmp_path / "a.log"), "--review-below", ".6"],
        ["outcomes", named[0], str(tmp_path / "a.log"), str(tmp_path / "outcomes.csv")],
    ):  # fmt: skip
        found = CliRunner().invoke(main, arguments)
        assert found.exit_code == 0, found.output
    shown = {
        "History": "Finished",
        "Drift": "checks drifted",
        "Suites": "worst row",
        "Gate": "passed the gate",
        "Outcomes": "deflection",
    }
    for view, said in shown.items():
        app = clean(open_app("runs", show=view))
        assert said in words(app) and not app.error, view
    assert not clean(open_app("runs", show="Drift", behind="every row")).dataframe[0].value.empty
