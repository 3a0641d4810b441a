"""A whole small audit in a real browser: planned, decided by keyboard without seeing a label, promised; a refit begins anew."""

import re

import pytest

from workbench.project.audit_report import audit_plans, audit_report
from workbench.project.reviewing import open_record
from workbench.project.steps.run import run
from workbench.project.task import load_task

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium, serve, ran):
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(f"{serve(ran).url}/audit?task=toy")
    yield page
    context.close()


def settled(page):
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(200)


def card(page, name):
    return page.locator(f"[data-as={name}]")


def test_a_small_audit_from_plan_to_promise(page, ran):
    page.get_by_role("button", name="Plan an audit").click()
    draws = page.get_by_role("spinbutton", name="Draws")
    draws.fill("14")
    draws.press("Enter")
    page.get_by_text(re.compile("14 draws, .* distinct rows")).wait_for()
    page.get_by_role("button", name="Draw these rows").click()
    page.get_by_text(re.compile("Plan audit-1 is kept")).wait_for()
    task = load_task(ran)
    (plan,) = audit_plans(task)
    page.get_by_role("radio", name="promise").click()
    page.get_by_text("No row is answered yet").wait_for()
    page.get_by_role("link", name=re.compile("Decide the next of")).click()
    page.get_by_role("button", name="Start reviewing").click()
    card(page, "row").filter(has_text="row ").wait_for()
    settled(page)
    truth = {"0": "2", "1": "1", "2": "2", "3": "1", "4": "1", "5": "2"}  # the key of each text's class: 1 ham, 2 spam
    rows = audit_report(task)["progress"]["rows"]
    for number in range(rows):
        row = card(page, "row").text_content().removeprefix("row ")
        assert row == open_record(task).audit(plan).rows[number], "in the order of the plan"
        assert not card(page, "evidence").is_visible(), "nothing of the label is seen before the answer"
        page.keyboard.press(truth[str(int(row.removeprefix("train")) % 6)])
        card(page, "saved").filter(has_text=re.compile(f"^{number + 1} saved")).wait_for()
    page.get_by_text(re.compile("^Every row that the audit drew is decided")).wait_for()
    page.get_by_role("link", name="Audit", exact=True).click()
    found = audit_report(task)
    assert found["progress"]["open"] == 0 and found["promise"]["draws"] == 14
    page.get_by_text(found["promise"]["words"][0]).wait_for()
    stored = open_record(task).decisions()
    assert len(stored) == rows and set(stored["purpose"]) == {"measure"} and set(stored["plan"]) == {plan}
    (ran / "rules.toml").write_text((ran / "rules.toml").read_text().replace('"free"', '"free", "win"'), encoding="utf-8")
    run(load_task(ran), until="fit")
    page.reload()
    page.get_by_text(re.compile("the promise holds for (run|it too)")).wait_for()
