"""The end model page in a real browser: a cell that is clicked, a risk that is moved, a training that goes on elsewhere."""

import json
import re
import shutil

import pytest

from workbench.project.steps import evaluate
from workbench.project.steps.run import run
from workbench.project.task import load_task

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(serve, _ran_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "data" / "toy"
    shutil.copytree(_ran_once, folder, ignore=shutil.ignore_patterns("runs"))
    task = folder / "task.toml"
    task.write_text(task.read_text().replace("enabled = false", 'features = ["tfidf"]'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "SLOW_CELLS", 0)  # without Snorkel's model
        done = run(load_task(folder))
    metrics = done.metrics()  # that nothing was copied would show no rule to mend
    metrics["overruled"]["valid"]["functions"] = [{"lf": "says_free", "wrong": 3, "copied": 2, "overruled_right": 1}]
    (done.folder / "metrics.json").write_text(json.dumps(metrics))
    return serve(folder)


@pytest.fixture
def page(chromium, server):
    """Return a page in a browser; an error in it fails the test."""
    crashes = []
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(30_000)
    one = context.new_page()
    one.on("pageerror", lambda error: crashes.append(str(error)))
    yield one
    context.close()
    assert crashes == []


def test_a_click_on_a_cell_shows_its_rows_and_a_reload_too(page, server):
    page.goto(f"{server.url}/end_model?task=toy&end=Classes")
    page.get_by_text("valid rows with gold, answered wrongly").wait_for()
    page.locator(".mark-rect path").nth(1).click()  # the first line, the second column
    page.get_by_text("2 valid rows of ham, answered spam").wait_for()
    assert "cell_gold=ham" in page.url and "cell_answer=spam" in page.url
    page.reload()
    page.get_by_text("2 valid rows of ham, answered spam").wait_for()


def test_a_risk_that_is_moved_says_what_may_be_answered(page, server):
    page.goto(f"{server.url}/end_model?task=toy&end=Confidence")
    page.get_by_text("n = 12 measured rows").wait_for()
    page.get_by_role("slider").first.press("ArrowRight")
    page.get_by_text("no 5.5 % promise possible").wait_for()
    assert "risk=0.055" in page.url


def test_a_rule_to_mend_opens_on_its_own_page(page, server):
    page.goto(f"{server.url}/end_model?task=toy&end=Differences")
    page.get_by_role("link", name="says_free").click()
    page.get_by_role("heading", name="says_free", exact=True).wait_for()
    assert "/functions?" in page.url and "rows=wrong" in page.url


def test_a_text_is_tried_and_its_words_are_coloured(page, server):
    page.goto(f"{server.url}/end_model?task=toy&end=Try+it")
    page.get_by_role("textbox", name="text").fill("win a free car")
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("heading", name="Words for and against spam").wait_for()
    assert page.locator("span", has_text=re.compile("^win$")).count() == 1


@pytest.mark.slow
def test_a_training_goes_on_while_other_pages_are_looked_at(page, server):
    page.goto(f"{server.url}/end_model?task=toy")
    page.get_by_role("button", name="Train").click()
    page.get_by_text(re.compile("^Step [1-6] of 6|^Starting")).wait_for()
    page.get_by_role("link", name="Label model", exact=True).click()
    page.get_by_role("heading", name="Label model", level=1).wait_for()
    page.get_by_role("link", name="End model", exact=True).click()
    page.get_by_role("heading", name="End model", level=1).wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached", timeout=60_000)
    page.get_by_text("just now").wait_for()
    assert page.get_by_role("button", name="Train").is_enabled()
