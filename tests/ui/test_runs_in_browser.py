"""The runs page in a real browser: a reference made, code that changed, rows behind a check, a report that is downloaded."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from workbench.project.reference import promoted
from workbench.project.runs import list_runs
from workbench.project.steps.run import run
from workbench.project.task import load_task

pytestmark = pytest.mark.browser

FIGURES = {"n": 12, "accuracy": 0.75, "interval": [0.5, 0.9], "answered": 0.5, "wrong_confident": 0.25}
FIGURES["wrong_confident_interval"] = [0.1, 0.5]
SUITE = {
    "name": "typos", "kind": "messy", **FIGURES, "of": {"what": "the same rows unchanged", **FIGURES}, "worst": ["valid0"],
    "said": "Right on 75.0 % of 12 rows.", "reason": None,
}  # fmt: skip
CHECK = {
    "kind": "coverage", "of": "says_free", "reference": 0.5, "batch": 0.1, "effect": 1.0, "p": 0.001, "q": 0.01,
    "drifted": True, "said": "says_free has gone stale, its coverage fell from 50.0% to 10.0%: mend it.",
}  # fmt: skip
GATE = {
    "name": "accuracy", "kind": "absolute", "primary": True, "value": 0.7, "reference": None, "limit": 0.75, "n": 12,
    "p": 0.001, "alpha": 0.025, "passed": False, "required": False, "said": "accuracy is .7.",
}  # fmt: skip
WHEN = {"format": 1, "finished": "2026-11-22T10:00:00+00:00"}
OUTCOME = {"by": "all", "of": "all", "n": 30, "escalated": {"n": 30, "rate": 0.2, "interval": [0.1, 0.4]}}


def monitored(task):
    """Write what stress, gate, monitor and outcomes would write of the newest whole run."""
    whole = list_runs(load_task(task))[0]
    about = {**WHEN, "run": whole.id, "rows": 12}
    (whole.folder / "stress.json").write_text(json.dumps({**about, "split": "test", "suites": [SUITE]}))
    gate = {**about, "against": None, "passed": False, "alpha": 0.025, "checks": [GATE]}
    (whole.folder / "gate.json").write_text(json.dumps(gate))
    batch = task / "monitor" / "b1"
    batch.mkdir(parents=True)
    (batch / "batch.json").write_text(
        json.dumps({**about, "batch": "b1", "source": "new.csv", "drifted": 1, "checks": [CHECK], "new_terms": []})
    )
    rows = {"id": ["p0", "p1"], "text": ["a *free* car", "see you soon"], "label": ["spam", "ham"], "confidence": [0.9, 0.6]}
    frame = pd.DataFrame({**rows, "decision": ["answer", "needs review"], "says_free": ["spam", None]})
    frame.to_parquet(batch / "rows.parquet")
    lines = [{**OUTCOME, "decision": "answer"}, {**OUTCOME, "decision": "needs review"}]
    document = {**WHEN, "log": "a.log", "outcomes": "o.csv", "n": 60, "from": "2026-11-01", "to": "2026-11-08"}
    more = {"columns": ["escalated"], "groups": lines, "said": ["The end model answered 30 of 60."], "deflection": 0.5}
    (task / "outcomes.json").write_text(json.dumps(document | more))


@pytest.fixture(scope="module")
def folder(_ran_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitored") / "data" / "toy"
    shutil.copytree(_ran_once, folder)
    monitored(folder)
    rules = folder / "rules.toml"
    rules.write_text(rules.read_text().replace('words = ["hello"]', 'words = ["see"]'))
    run(load_task(folder), until="fit")
    (list_runs(load_task(folder))[0].folder / "end_model").mkdir()  # that it was trained is all that promoting asks
    return folder


@pytest.fixture(scope="module")
def server(serve, folder):
    return serve(folder)


@pytest.fixture
def page(chromium):
    """Return a page in a browser; an error in it fails the test."""
    crashes = []
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(30_000)
    one = context.new_page()
    one.on("pageerror", lambda error: crashes.append(str(error)))
    yield one
    context.close()
    assert crashes == []


def test_a_run_is_made_the_reference_with_the_keyboard_alone(page, server, folder):
    first = list_runs(load_task(folder))[0].id
    page.goto(f"{server.url}/runs?task=toy&one={first}")
    page.get_by_role("button", name="Make it the reference").press("Enter")
    page.get_by_role("textbox", name="Who says so").fill("ann")
    page.get_by_role("textbox", name="Why").fill("it is right")
    for key in ("Tab", "Space", "Tab", "Enter"):  # the box: it failed the gate
        page.keyboard.press(key)
    page.get_by_text(f"The reference is run {first}, made so by ann, just now: it is right").wait_for()
    assert [line["run"] for line in promoted(load_task(folder))] == [first]


def test_two_runs_show_the_code_that_changed(page, server):
    page.goto(f"{server.url}/runs?task=toy&show=Compare")
    page.get_by_text("says_hello: changed").click()
    page.get_by_text('+words = ["see"]').wait_for()
    assert page.get_by_text("Functions that are changed: 'says_hello'.").is_visible()


def test_a_drifted_check_opens_on_its_rows(page, server):
    page.goto(f"{server.url}/runs?task=toy")
    page.get_by_role("radio", name="Drift").click()
    page.get_by_text("says_free has gone stale, its coverage fell").click()
    page.get_by_text("1 row that says_free votes on.").wait_for()
    page.get_by_test_id("stDataFrame").wait_for()
    assert "show=Drift" in page.url


def test_a_report_is_downloaded(page, server):
    page.goto(f"{server.url}/runs?task=toy")
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Report").click()
    assert re.fullmatch(r"toy-\d{8}-\d{6}-\d{3}\.html", download.value.suggested_filename)
    assert "<html" in Path(download.value.path()).read_text(encoding="utf-8")


RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
READY = {
    "Compare": "In short",
    "Drift": "What drifted",
    "Suites": "One suite",
    "Gate": "Checks",
    "Outcomes": "Answered and needs review",
}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"], ids=["light", "dark"])
@pytest.mark.parametrize("view", READY, ids=READY)
def test_no_view_has_a_serious_violation(chromium, server, view, scheme):
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, of the extra dev")
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{server.url}/runs?task=toy&show={view}")
    page.get_by_role("heading", name=READY[view], exact=True).wait_for(timeout=60_000)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
    page.wait_for_timeout(1_000)  # charts and canvases are drawn after the script
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run(document, {{ runOnly: {RULES} }})")["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    told = [(one["id"], node["html"][:200]) for one in grave for node in one["nodes"]]
    context.close()
    assert told == []
