"""`workbench report` on a task of 240 rows: what it gathers, which run it looks back to, what it quotes, what it proposes."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.io.votes import read_soft_labels, write_soft_labels
from workbench.project import report_steps
from workbench.project.reference import promote
from workbench.project.report_appendix import not_default
from workbench.project.reporting import earlier_run, facts_of
from workbench.project.runs import find_run
from workbench.project.steps import evaluate
from workbench.project.steps.predict import promised
from workbench.project.steps.report import report, report_html
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.report.facts import Missing
from workbench.tables import SoftLabels, WorkbenchError

NEW, OLD = "20260309-100000-000", "20260302-100000-000"
SECRET = "write to anna.berg@corp.example, card 4111 1111 1111 1111"
TASK = """format = 1
name = "tiny"
labels = ["billing", "bug"]
[data]
file = "rows.csv"
id = "id"
gold = "label"
split = "split"
[end_model]
features = ["tfidf"]
risk = 0.2
"""
RULES = """format = 1
[[rule]]
name = "says_invoice"
kind = "keyword"
words = ["invoice", "subscription"]
label = "billing"
[[rule]]
name = "error_code"
kind = "keyword"
words = ["error"]
label = "bug"
[[rule]]
name = "agent_tag"
kind = "column"
column = "tag"
"""
FAILURES = """format = 1
[[failure]]
name = "bill filed as a bug"
why = "The customer waits for money."
severity = "high"
owner = "billing desk"
tolerated = 0.0
predicted = "bug"
actual = "billing"
"""


def dated(folder, name, finished):
    """Give a copy of a run another id and another time."""
    about = json.loads((folder / "run.json").read_text())
    shutil.copytree(folder, folder.parent / name)
    (folder.parent / name / "run.json").write_text(json.dumps(about | {"finished": finished}))


@pytest.fixture(scope="module")
def _finished(tmp_path_factory):
    """A task with the runs OLD and NEW, which differ in the label of one train row that holds a customer's secrets."""
    folder = tmp_path_factory.mktemp("report") / "tiny"
    folder.mkdir()
    lines = ["id,text,tag,label,split"]
    for i in range(240):
        label, text = (("billing", "refund for my invoice"), ("bug", "app crashes with error"))[i % 2]
        tag = "bug" if i % 7 == 0 else label
        split = "train" if i < 120 else "valid" if i < 180 else "test"
        lines.append(f'{i:03d},"{text} number-{i}{f" {SECRET}" if i == 0 else ""}",{tag},{label},{split}')
    folder.joinpath("rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder.joinpath("task.toml").write_text(TASK, encoding="utf-8")
    folder.joinpath("rules.toml").write_text(RULES, encoding="utf-8")
    folder.joinpath("failures.toml").write_text(FAILURES, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "SLOW_CELLS", 0)  # without Snorkel's model, which takes a while
        made = run(load_task(folder))
    dated(made.folder, NEW, "2026-03-09T10:00:00+00:00")
    dated(made.folder, OLD, "2026-03-02T10:00:00+00:00")
    shutil.rmtree(made.folder)
    path = folder / "runs" / OLD / "soft_labels.parquet"
    soft = read_soft_labels(path)
    probs = soft.probs.copy()
    probs[soft.ids.get_loc("000")] = probs[soft.ids.get_loc("000")][::-1]
    write_soft_labels(SoftLabels(soft.ids, soft.labels, probs, soft.covered), path)
    return folder


@pytest.fixture
def task(_finished, tmp_path):
    """Return the task, for this test alone."""
    shutil.copytree(_finished, tmp_path / "data" / "tiny")
    return load_task(tmp_path / "data" / "tiny")


def facts(task, **settings):
    return facts_of(task, find_run(task, NEW), task.dataset()[0], **settings)


def test_a_report_says_how_often_answers_are_wrong_and_what_is_promised(task):
    told = facts(task).answering
    score = find_run(task, NEW).metrics()["end_model"]["test"]["all"]
    assert (told.wrong.value, told.wrong.n, told.split) == (1 - score["accuracy"], 60, "test")
    assert [told.wrong.low, told.wrong.high] == [1 - score["interval"][1], 1 - score["interval"][0]]
    assert (told.promise.risk, told.promise.measured) == (0.2, "60 valid rows with gold")


def test_a_candidate_stands_beside_the_reference_that_answers_now(task):
    assert facts(task).now is None
    promote(task, OLD, "ann")
    told = facts(task)
    assert (told.now.run, told.now.reference, told.answering.reference) == (OLD, True, False)
    promote(task, NEW, "ann")
    assert facts(task).now is None and facts(task).answering.reference


def test_what_changed_tells_the_flipped_label_and_quotes_no_test_row(task):
    found = facts(task)
    assert (found.changes.before, found.changes.flipped, found.changes.common) == (OLD, 1, 240)
    assert [one.row for one in found.changes.examples] == ["000"]
    page = report_html(task, find_run(task, NEW))
    assert not re.search(r"number-(1[89]\d|2[0-3]\d)\b", page)  # the rows from 180 on are test rows


def test_what_customers_wrote_is_redacted_unless_somebody_asks(task, tmp_path):
    (kept,) = report(task, NEW, to=tmp_path / "kept.html", unredacted=True)
    (masked,) = report(task, NEW, to=tmp_path / "masked.html")
    assert "anna.berg@corp.example" in kept.read_text() and "NOT REDACTED" in kept.read_text()
    said = masked.read_text()
    assert "anna.berg" not in said and "4111" not in said
    assert "are redacted (" in said and "e-mail" in said


def suite(name, n=0, reason=None):
    about = {"kind": "python", "accuracy": None, "interval": None, "wrong_confident": None, "of": None, "worst": [], "said": ""}
    return {"name": name, "n": n, "reason": reason, **about}


def test_why_a_suite_was_not_run_is_redacted_too(task, tmp_path):
    written(task, stress={"split": "test", "suites": [suite("mine", reason=f"could not convert string to float: '{SECRET}'")]})
    (masked,) = report(task, NEW, to=tmp_path / "masked.html")
    assert "could not convert" in masked.read_text() and "anna.berg" not in masked.read_text()


def test_parts_that_nobody_measured_say_the_command(task):
    found = facts(task)
    missing = {name: getattr(found, name) for name in ("suites", "gate", "drift", "audits", "outcomes")}
    assert all(isinstance(one, Missing) for one in missing.values())
    verbs = {name: one.command.split()[1] for name, one in missing.items()}
    assert verbs == {"suites": "stress", "gate": "evaluate", "drift": "monitor", "audits": "audit", "outcomes": "outcomes"}


@pytest.mark.parametrize(
    ("ages", "reference", "weekly", "expected", "why"),
    [
        ({"a": 20, "b": 6, "c": 2}, None, True, "b", "at least 6 days older"),
        ({"a": 5, "b": 2}, "a", True, "a", "the reference run, as no run is 6 days older"),
        ({"a": 5, "b": 2}, None, True, "b", "the run before, as no run"),
        ({"a": 20, "b": 2}, "a", False, "b", "the run before"),
    ],
    ids=["a week ago", "reference", "only newer ones", "not weekly"],
)
def test_a_weekly_report_looks_back_a_week(task, ages, reference, weekly, expected, why):
    folder = task.runs_folder / OLD
    for name, days in ages.items():
        dated(folder, f"2026010{name}", f"2026-03-{9 - days:02d}T09:00:00+00:00" if days < 9 else "2026-02-01T09:00:00+00:00")
    shutil.rmtree(folder)
    if reference:
        promote(task, f"2026010{reference}", "ann")
    before, said = earlier_run(task, find_run(task, NEW), weekly)
    assert before.id == f"2026010{expected}" and why in said


def test_the_first_run_has_nothing_to_look_back_to(task):
    assert earlier_run(task, find_run(task, OLD), weekly=True) is None


def written(task, **documents):
    for name, document in documents.items():
        (task.runs_folder / NEW / f"{name}.json").write_text(json.dumps({"format": 1, **document}))


def test_a_function_that_changed_and_got_worse_is_taken_back(task):
    for id, share, mark in ((OLD, 0.9, "x"), (NEW, 0.4, "y")):
        folder = task.folder / "runs" / id
        for file, edit in (
            ("run.json", lambda d, mark=mark: d["functions"].update(says_invoice=mark)),
            ("label_model.json", lambda d, share=share: d["accuracy"].update(says_invoice=share)),
        ):
            document = json.loads((folder / file).read_text())
            edit(document)
            (folder / file).write_text(json.dumps(document))
    (step,) = [step for step in facts(task).steps if step.title == "Take back the change of says_invoice: it got worse"]
    assert step.gain == pytest.approx(1000 * 0.5 * 120 / 240) and "40 % of its votes" in step.basis
    assert step.do.endswith(f"{OLD} {NEW}")


def test_thousands_of_labels_are_advised_last_and_not_to_the_digit(task, monkeypatch):
    learned = promised(find_run(task, NEW))[0]
    monkeypatch.setattr(report_steps, "promised", lambda run: (replace(learned, threshold=None, more=4_900), "valid rows"))
    steps = [step.title for step in facts(task).steps]
    assert len(steps) > 1 and steps[-1].startswith("Label thousands of rows more, to promise")


def check(name, value, limit, n=60, ok=False):
    about = {"kind": "absolute", "primary": False, "required": ok is None, "reference": None, "p": 0.001, "alpha": 0.025}
    return {"name": name, "value": value, "limit": limit, "n": n, "passed": ok, "said": f"{name} is {value}.", **about}


def test_a_failed_check_is_worth_the_rows_between_it_and_its_limit(task):
    checks = [check("accuracy", 0.7, 0.75), check("slices.pro.accuracy", 0.5, 0.6, n=15), check("coverage", 0.9, 0.8, ok=True)]
    written(
        task,
        gate={"run": NEW, "against": None, "finished": "2026-03-09T11:00:00", "passed": False, "rows": 60, "checks": checks},
    )
    found = facts(task)
    gains = {step.title: step.gain for step in found.steps if "of the gate failed" in step.title}
    assert gains == {
        "Find out why the check “accuracy” of the gate failed": pytest.approx(50),
        "Find out why the check “slices.pro.accuracy” of the gate failed": pytest.approx(100 * 15 / 60),
    }
    assert [line.verdict for line in found.gate.lines] == ["failed", "failed", "passed"]


def test_a_required_check_without_data_is_told_as_failed(task):
    checks = [check("accuracy", 0.9, 0.75, ok=True), check("audit", None, 0.05, n=0, ok=None)]
    about = {"run": NEW, "against": None, "finished": "2026-03-09T11:00:00", "passed": False, "rows": 60}
    written(task, gate={**about, "checks": checks})
    assert "Find out why the check “audit” of the gate failed" in [step.title for step in facts(task).steps]
    said = report(task, NEW)[1].read_text()
    assert "Failed: 1 of 2 checks failed." in said and "| audit | required and missing | audit is None. |" in said


def batch(task, name, *checks):
    folder = task.folder / "monitor" / name
    folder.mkdir(parents=True)
    about = {"batch": name, "run": NEW, "finished": "2026-03-10T10:00:00+00:00", "rows": 200, "sha256": "", "new_terms": []}
    (folder / "batch.json").write_text(json.dumps({"format": 1, **about, "drifted": len(checks), "checks": list(checks)}))


def test_drift_is_worth_the_rows_that_now_need_a_person_and_stands_in_the_series(task):
    drifted = {"kind": "deferred", "of": "", "reference": 0.1, "batch": 0.4, "effect": 1.0, "p": 0, "q": 0, "drifted": True}
    batch(task, "b1")
    batch(task, "b2", {**drifted, "said": "the share that needs review rose"})
    found = facts(task)
    assert found.drift.series == (("2026-03-10", 0), ("2026-03-10", 1))
    assert found.drift.drifted == ("The share that needs review rose",)
    (step,) = [step for step in found.steps if step.title.startswith("Look into drift")]
    assert step.gain == pytest.approx(300)


@pytest.mark.parametrize(("covered", "gain"), [(0.85, 50.0), (0.9, None)], ids=["rows lost their last vote", "others vote"])
def test_lost_votes_are_worth_no_more_than_the_rows_without_any_vote(task, monkeypatch, covered, gain):
    monkeypatch.setattr(report_steps, "_worth_of_a_vote", lambda run: 1.0)
    silent = {"kind": "coverage", "of": "says_invoice", "reference": 0.4, "batch": 0.1, "drifted": True, "said": "it fell"}
    batch(task, "b1", silent, {"kind": "covered", "of": "", "reference": 0.9, "batch": covered, "drifted": False, "said": ""})
    (step,) = [step for step in facts(task).steps if step.title == "Look into drift: coverage of says_invoice"]
    assert step.gain == (None if gain is None else pytest.approx(gain))


def test_a_failure_that_nobody_measured_is_feared_as_much_as_the_label_model_doubts(task):
    (line,) = facts(task).failures.lines
    soft = find_run(task, NEW).soft_labels()
    train = soft.take((task.dataset()[0].split == "train").to_numpy())
    feared = train.probs[(train.hard() == 1).to_numpy(), 0].sum() / len(train)
    assert line.expected == pytest.approx(feared)
    assert (line.candidates, line.verdict) == (int((train.hard() == 1).sum()), "cannot tell")


def test_the_steps_that_are_worth_most_come_first_and_are_five_at_most(task):
    gains = [step.gain for step in facts(task).steps]
    known = [gain for gain in gains if gain is not None]
    assert len(gains) <= 5 and known == sorted(known, reverse=True) and all(gain > 0 for gain in known)


def test_a_report_lands_beside_earlier_ones_and_overwrites_none(task):
    first = report(task)
    assert [path.relative_to(task.folder).as_posix() for path in first] == [f"reports/{NEW}.html", f"reports/{NEW}.md"]
    assert report(task) == first  # the same facts are the same report
    before = first[0].read_bytes()
    batch(task, "b1")
    assert [path.name for path in report(task)] == [f"{NEW}-2.html", f"{NEW}-2.md"]
    assert first[0].read_bytes() == before


def test_a_file_that_holds_something_else_is_refused(task, tmp_path):
    target = tmp_path / "mine.html"
    target.write_text("mine")
    with pytest.raises(WorkbenchError, match=r"mine\.html exists already and holds something else"):
        report(task, to=target)
    with pytest.raises(WorkbenchError, match=r"ends in '\.pdf'; a report is written as \.html or \.md"):
        report(task, to=tmp_path / "mine.pdf")


def test_the_command_writes_a_weekly_report_and_says_where(task):
    done = CliRunner().invoke(main, ["report", str(task.folder), "--weekly"], catch_exceptions=False)
    names = [line.rpartition("/")[2] for line in done.output.split()]
    assert re.fullmatch(r"\d{4}-W\d\d\.html", names[0]) and names[1] == names[0].replace(".html", ".md")
    page = (task.folder / "reports" / names[0]).read_text()
    assert "the newest that is at least 6 days older" in page


def test_settings_that_are_default_are_left_out():
    given = {
        "label_model": {"model": "generative", "seed": 0},
        "end_model": {"seed": 0, "features": ["tfidf"]},
        "apply": {"workers": 2},
    }
    assert not_default(given, "generative") == [("end_model.features", "['tfidf']"), ("apply.workers", "2")]


@pytest.mark.parametrize("until", ["apply", "diagnose", "fit", "export"])
def test_a_run_that_ended_early_has_a_report_of_what_there_is(tiny_task, until):
    task = load_task(tiny_task)
    run(task, until=until)
    (page, _) = report(task)
    said = page.read_text()
    assert "how often it is wrong is not known" in said and "No end model learned" in said
    assert ("The functions vote on" in said) == (until != "apply")


def test_rows_without_gold_promise_nothing_and_name_the_way_out(tiny_task):
    file = tiny_task / "task.toml"
    file.write_text(file.read_text().replace('gold = "label"', ""))
    task = load_task(tiny_task)
    run(task)
    said = report(task)[1].read_text()
    assert "No row outside train has a known class" in said and "Nothing is promised" in said
