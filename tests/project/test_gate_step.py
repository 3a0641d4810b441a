"""`workbench evaluate --gate` on a task of 300 rows, two runs of it, and a reference."""

import json
import shutil
import time
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.cli.gate import junit_xml
from workbench.end_model.deferral import learn_deferral
from workbench.io.votes import read_soft_labels, write_soft_labels
from workbench.project.auditing import Asked, plan_audit
from workbench.project.gate_in_words import stale
from workbench.project.reference import promote
from workbench.project.reviewing import Decision, decide, open_record
from workbench.project.steps.gate import GATE, pass_gate
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import SoftLabels, WorkbenchError

OLD, NEW = "20260101-000000-000", "20260102-000000-000"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, write_tiny):
    """A task whose 80 test rows are known, with the run OLD and its copy NEW."""
    root = tmp_path_factory.mktemp("gate")
    folder = write_tiny(root, rows=240, train=120, valid=40)
    task = load_task(folder)
    made = run(task, until="fit")
    dataset = task.dataset()[0]
    held = dataset.take((dataset.split != "train").to_numpy())
    right = np.where(held.gold.to_numpy()[:, None] == [0, 1], 0.9, 0.1)
    write_soft_labels(
        SoftLabels(held.ids, held.labels, right, np.ones(len(held), bool)), made.folder / "answers" / "end_model.parquet"
    )
    (made.folder / "end_model").mkdir()  # a whole run trains one and asks it; what it answers is all that a gate reads
    for name in (OLD, NEW):
        shutil.copytree(made.folder, folder / "runs" / name)
    shutil.rmtree(made.folder)
    return root


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "house") / "data" / "tiny"


def spoil(folder, run_id, count):
    """Let a run answer so many test rows with the other class, as sure as before."""
    path = folder / "runs" / run_id / "answers" / "end_model.parquet"
    soft = read_soft_labels(path)
    probs = soft.probs.copy()
    wrong = np.flatnonzero(soft.ids.str.strip("0").str.len() > 0)[-count:]  # the last rows of the file are of test
    probs[wrong] = probs[wrong][:, ::-1]
    write_soft_labels(SoftLabels(soft.ids, soft.labels, probs, soft.covered), path)


def limit(folder, text):
    path = folder / "task.toml"
    path.write_text(path.read_text(encoding="utf-8") + f"\n[gate]\n{text}\n", encoding="utf-8")
    return load_task(folder)


def command(folder, *arguments):
    return CliRunner().invoke(main, ["evaluate", str(folder), "--gate", *arguments])


def test_a_run_as_good_as_the_reference_passes_and_keeps_its_gate(folder):
    promote(load_task(folder), OLD, "ann")
    found = pass_gate(load_task(folder))
    assert (found["run"], found["against"], found["passed"], found["split"], found["common"]) == (NEW, OLD, True, "test", 80)
    assert found == json.loads((folder / "runs" / NEW / GATE).read_text())
    assert {"format", "run", "against", "finished", "passed", "alpha", "checks"} <= set(found)
    for check in found["checks"]:
        keys = {"name", "kind", "primary", "value", "reference", "limit", "n", "p", "alpha", "passed", "said"}
        assert keys <= set(check) and check["kind"] in ("absolute", "against")
    assert [check["name"] for check in found["checks"] if check["primary"]] == ["accuracy"]
    assert "sets no limits under [gate], so the reference alone decides" in found["notes"][0]
    assert not (folder / "runs" / OLD / GATE).exists()


def test_a_run_that_got_worse_fails_with_exit_code_1_and_says_so(folder):
    promote(load_task(folder), OLD, "ann")
    spoil(folder, NEW, 9)
    done = command(folder)
    assert done.exit_code == 1
    assert "0.887 on 80 rows, 1.000 with the reference: worse; 9 rows got worse and 0 better" in done.stdout
    assert "gate FAILED" in done.stdout and "FAILED" in done.stdout
    assert command(folder, "--run", OLD, "--against", NEW).exit_code == 0


def test_json_is_what_the_run_keeps(folder):
    done = command(folder, "--against", OLD, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads((folder / "runs" / NEW / GATE).read_text())


def test_without_a_reference_limits_alone_decide(folder):
    with pytest.raises(WorkbenchError, match=r"nothing to hold run .* no run is the reference yet .*runs promote"):
        pass_gate(load_task(folder))
    assert command(folder).exit_code == 2
    task = limit(folder, "accuracy = {at_least = 0.9}\nslices.pro.accuracy = {at_least = 0.9}\ncoverage = {at_least = 0.5}")
    found = pass_gate(task)
    assert found["passed"] and found["against"] is None and found["common"] is None
    assert [check["name"] for check in found["checks"]] == ["accuracy", "slices.pro.accuracy", "coverage"]
    (note,) = found["notes"]
    assert note.startswith(
        "no run is the reference yet, so nothing is compared, and limits alone decide; `workbench runs promote"
    )
    spoil(folder, NEW, 30)
    assert not pass_gate(task)["passed"]
    promote(task, NEW, "ann", anyway=True)
    assert "is the reference itself" in pass_gate(task)["notes"][0]


def test_a_run_is_not_held_against_itself_nor_one_without_an_end_model(folder):
    with pytest.raises(WorkbenchError, match="cannot be held against itself"):
        pass_gate(load_task(folder), NEW, NEW)
    (folder / "runs" / OLD / "answers" / "end_model.parquet").unlink()
    with pytest.raises(WorkbenchError, match=f"run {OLD} has no answers of an end model"):
        pass_gate(load_task(folder), NEW, OLD)


def test_rows_that_came_later_are_left_out_and_said(folder):
    with (folder / "rows.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"x{i},refund for invoice {i},pro,billing,billing,test\n" for i in range(7))
    path = folder / "runs" / OLD / "answers" / "end_model.parquet"
    soft = read_soft_labels(path)
    write_soft_labels(soft.take(np.arange(len(soft) - 20)), path)
    found = pass_gate(load_task(folder), NEW, OLD)
    assert (found["rows"], found["common"]) == (80, 60) and found["checks"][0]["n"] == 60
    assert any("compared on the 60 that both answered" in note for note in found["notes"])
    assert any("has not answered 7 rows that are in test now" in note for note in found["notes"])
    write_soft_labels(soft.take(np.arange(len(soft) - 31)), path)
    with pytest.raises(WorkbenchError, match="answered 49 rows both, and a comparison takes 50"):
        pass_gate(load_task(folder), NEW, OLD)


def test_rows_that_were_edited_between_the_runs_are_counted(folder):
    path = folder / "runs" / OLD / "rows.parquet"
    rows = pd.read_parquet(path)
    rows.loc[rows["id"].isin(["200", "201"]), "hash"] += 1
    rows.to_parquet(path)
    assert (
        "2 of the 80 rows that both answered were edited between the two runs"
        in pass_gate(load_task(folder), NEW, OLD)["notes"]
    )


def test_suites_of_stress_json_are_checked_and_missing_ones_are_said(folder):
    task = limit(
        folder, "suites.typos.accuracy = {at_least = 0.9}\nsuites.typos.wrong_confident = {at_most = 0.05, required = true}"
    )
    found = pass_gate(task)
    assert [check["passed"] for check in found["checks"]] == [None, None] and not found["passed"]
    assert f"`workbench stress {folder} --run {NEW}` runs them" in found["checks"][0]["said"]
    suite = {"name": "typos", "kind": "typos", "n": 80, "accuracy": 0.6, "answered": 0.5, "wrong_confident": 0.02}
    document = {
        "format": 1,
        "run": NEW,
        "finished": "2026-01-02T00:00:00+00:00",
        "split": "test",
        "rows": 80,
        "suites": [suite],
    }
    (folder / "runs" / NEW / "stress.json").write_text(json.dumps(document), encoding="utf-8")
    assert [check["passed"] for check in pass_gate(task)["checks"]] == [False, True]


def stress_file(folder, run_id, threshold=None, **more):
    suite = {"name": "typos", "kind": "typos", "n": 80, "accuracy": 0.9, "answered": 0.5, "wrong_confident": 0.02, **more}
    document = {"format": 1, "threshold": threshold, "suites": [suite]}
    (folder / "runs" / run_id / "stress.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"settings": "a1", "rows": "b1"}, {"settings": "a1", "rows": "b1"}, "not shown to be worse"),
        ({"settings": "a1", "rows": "b1"}, {"settings": "a2", "rows": "b1"}, "is not checked: it has other settings than"),
        ({"settings": "a1", "rows": "b1"}, {"settings": "a1", "rows": "b2"}, "is not checked: it has other rows than"),
        ({}, {"settings": "a2", "rows": "b2"}, "not shown to be worse"),
    ],
    ids=["same", "settings", "rows", "older file"],
)
def test_suites_of_other_settings_or_rows_are_not_compared_and_said(folder, before, now, said):
    stress_file(folder, OLD, **before)
    stress_file(folder, NEW, **now)
    checks = {check["name"]: check for check in pass_gate(load_task(folder), NEW, OLD)["checks"]}
    assert said in checks["suites.typos.accuracy"]["said"]
    assert (checks["suites.typos.accuracy"]["passed"] is None) == ("not checked" in said)


def test_suites_that_were_answered_at_other_thresholds_are_said(folder):
    stress_file(folder, OLD, 0.8)
    stress_file(folder, NEW, 0.7)
    assert not any("answered suites above" in note for note in pass_gate(load_task(folder), NEW, OLD)["notes"]), (
        "accuracy has no threshold"
    )
    task = limit(folder, "suites.typos.wrong_confident = {worse_by = 0.01}")
    assert pass_gate(task, NEW, OLD)["notes"][-1].startswith(
        f"run {NEW} answered suites above a confidence of 0.700, and run {OLD} above 0.800: compared by 'suites.typos.wrong_c"
    )
    stress_file(folder, NEW, 0.8)
    assert not any("answered suites above" in note for note in pass_gate(task, NEW, OLD)["notes"])


def test_of_the_reference_the_files_named_for_ci_are_enough(folder, monkeypatch):
    task = limit(folder, "audit = {at_most = 0.5}\nlatency_ms = {at_most = 1000}")
    promote(task, OLD, "ann")
    plan_audit(task, Asked(rows=20))
    shutil.rmtree(folder / "runs" / OLD / "end_model")
    kept = ("run.json", "rows.parquet", "votes.parquet", "deferral.json", "stress.json")
    for path in (folder / "runs" / OLD).iterdir():
        if path.is_file() and path.name not in kept:
            path.unlink()
    asked = []
    monkeypatch.setattr(
        "workbench.project.steps.gate.open_model",
        lambda task, run: asked.append(run.id) or SimpleNamespace(model=SlowModel()),
    )
    found = pass_gate(task)
    assert found["passed"] and asked == [NEW]
    assert {check["name"] for check in found["checks"] if check["kind"] == "absolute"} == {"audit", "latency_ms"}


@pytest.mark.parametrize("name", ["tyops", "nothing_like_it"], ids=["a slip", "another name"])
def test_a_limit_on_a_suite_that_the_task_does_not_have_is_refused(folder, name):
    limit(folder, f"suites.{name}.accuracy = {{at_least = 0.9}}")
    done = command(folder)
    assert done.exit_code == 2 and f"there is no suite '{name}'" in done.stderr and "typos" in done.stderr


def test_a_kept_verdict_says_where_limits_or_reference_are_others_by_now(folder):
    task = limit(folder, "accuracy = {at_least = 0.9}")
    found = pass_gate(task)
    assert stale(task, found) == []
    other = replace(task, gate=())
    assert stale(other, found) == ["The limits under [gate] have changed since. Run the gate again."]
    promote(task, OLD, "ann")
    assert stale(task, found) == [f"The reference is another run by now: {OLD}. Run the gate again."]


def test_the_table_says_what_a_value_below_its_limit_is_held_against_and_that_it_may_be_chance(folder):
    limit(
        folder, "accuracy = {at_least = 0.95}\naudit = {at_most = 0.1, required = true}\nwrong_confident = {at_most = 0.0001}"
    )
    spoil(folder, NEW, 5)
    said = " ".join(command(folder).stdout.split())
    assert "accuracy, primary passed, within chance a limit 0.938 ≥ 0.950 80" in said
    assert "audit required and missing a limit" in said
    assert "gate FAILED: 1 check passed, 1 failed, 1 required and missing" in said and "p < 0.0001" in said


def test_a_comparison_of_no_known_class_does_not_pass(folder):
    text = (folder / "task.toml").read_text(encoding="utf-8").replace('gold = "label"\n', "")
    (folder / "task.toml").write_text(text, encoding="utf-8")
    found = pass_gate(load_task(folder), NEW, OLD)
    assert (found["checks"][0]["name"], found["checks"][0]["passed"], found["passed"]) == ("accuracy", None, False)
    assert found["checks"][0]["said"] == "accuracy is not checked, and it is required: no row has gold."
    assert pass_gate(limit(folder, "accuracy = {at_least = 0.5}"))["passed"], "a limit alone is required where it says so"


def test_a_run_that_promises_nothing_answers_every_row_and_one_that_may_not_answers_none(folder):
    task = limit(folder, "answered = {at_least = 0.9}")
    assert pass_gate(task)["checks"][0]["value"] == 1
    deferral = learn_deferral(np.full(40, 0.9), np.zeros(40, bool), 0.05)
    document = {"format": 1, **deferral.as_dict(), "measured": "40 valid rows with gold"}
    (folder / "runs" / NEW / "deferral.json").write_text(json.dumps(document), encoding="utf-8")
    assert pass_gate(task)["checks"][0]["value"] == 0


class SlowModel:
    """Takes a millisecond to answer a row."""

    def ask(self, rows):
        assert len(rows) == 1
        time.sleep(0.001)


def test_latency_is_measured_row_by_row_where_a_limit_asks_for_it(folder, monkeypatch):
    monkeypatch.setattr("workbench.project.steps.gate.open_model", lambda task, run: SimpleNamespace(model=SlowModel()))
    found = pass_gate(limit(folder, "latency_ms = {at_most = 0.5, worse_by = 1000}"), NEW, OLD)
    checks = [check for check in found["checks"] if check["name"] == "latency_ms"]
    assert [(check["kind"], check["passed"], check["n"]) for check in checks] == [
        ("against", True, 60),
        ("absolute", False, 60),
    ]
    assert all(check["value"] >= 1 for check in checks)


def test_an_audit_of_a_runs_labels_keeps_its_promise_or_has_none(folder):
    task = limit(folder, "audit = {at_most = 0.1}")
    assert "no audit plan is drawn from the labels" in pass_gate(task)["checks"][0]["said"]
    plan = plan_audit(task, Asked(rows=60)).plan
    assert "no draw of the audit plan" in pass_gate(task)["checks"][0]["said"]
    dataset = task.dataset()[0]
    known = {row: "billing" if int(row) % 2 == 0 else "bug" for row in dataset.ids}
    told = [Decision(row, "label", "ann", known[row], purpose="measure", plan=plan.id) for row in plan.rows]
    decide(task, dataset, told, open_record(task))
    (check,) = pass_gate(task)["checks"]
    assert check["passed"] is True and check["n"] == 60 and 0 < check["value"] <= 0.1
    assert pass_gate(task, OLD)["checks"][0]["passed"] is True  # the same labels


def test_junit_has_a_case_a_check_and_a_failure_with_the_sentence(folder, tmp_path):
    spoil(folder, NEW, 9)
    limit(folder, "audit = {at_most = 0.1}\ncoverage = {at_least = 0.9}")
    done = command(folder, "--against", OLD, "--junit", str(tmp_path / "reports" / "gate.xml"))
    assert done.exit_code == 1
    root = ElementTree.parse(tmp_path / "reports" / "gate.xml").getroot()
    (suite,) = root
    cases = suite.findall("testcase")
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert root.tag == "testsuites" and suite.tag == "testsuite"
    assert counts == {"tests": len(cases), "failures": len(suite.findall("testcase/failure")), "errors": 0, "skipped": 1}
    assert len({(case.attrib["classname"], case.attrib["name"]) for case in cases}) == len(cases)
    assert cases[0].attrib["name"] == "accuracy against the reference" and "worse" in cases[0].find("failure").attrib["message"]
    assert [child.tag for case in cases for child in case if child.tag not in ("failure", "skipped")] == []
    assert [child.tag for child in suite if child.tag != "testcase"] == ["properties", "system-out", "system-err"]
    assert "coverage is 1.000 on 80 rows" in suite.find("system-out").text


def test_junit_holds_what_xml_cannot():
    check = {"name": 'slices.a\x00<b>&"', "kind": "absolute", "passed": False, "required": False, "said": "x\x1b < y"}
    found = {
        "finished": "2026-01-01T00:00:00+00:00",
        "run": "r",
        "against": None,
        "split": "test",
        "alpha": 0.025,
        "notes": [],
        "checks": [check],
    }
    case = ElementTree.fromstring(junit_xml("tïny", found)).find("testsuite/testcase")
    assert case.attrib["name"] == 'slices.a\ufffd<b>&" against its limit' and case.find("failure").text == "x\ufffd < y"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--junit", "x.xml"], "--junit is of the gate"),
        (["--against", OLD], "--against is of the gate"),
        (["--gate", "--crossover"], "two questions"),
    ],
    ids=["junit", "against", "crossover"],
)
def test_options_that_do_not_fit_are_refused(folder, arguments, message):
    done = CliRunner().invoke(main, ["evaluate", str(folder), *arguments])
    assert done.exit_code == 2 and message in done.output


def test_a_limit_that_is_misspelt_is_refused_when_the_task_is_read(folder):
    with pytest.raises(WorkbenchError, match=r"unknown key 'acuracy' in .*task\.toml \[gate\]"):
        limit(folder, "acuracy = {at_least = 0.9}")


def test_without_test_rows_valid_ones_are_looked_at_and_said(folder):
    text = (folder / "rows.csv").read_text(encoding="utf-8")
    (folder / "rows.csv").write_text(text.replace(",test", ",valid"), encoding="utf-8")
    found = pass_gate(load_task(folder), NEW, OLD)
    assert found["split"] == "valid" and found["rows"] == 120 and "no test row with gold" in found["notes"][-1]
    assert pd.notna(found["checks"][0]["p"])
