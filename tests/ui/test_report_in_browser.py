"""The report opened from disk in a real browser, without a network: on a screen, on a phone, in the dark, on paper."""

import re
from pathlib import Path

import pytest

from workbench.project.steps.report import report
from workbench.project.task import load_task

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def written(_ran_once, tmp_path_factory):
    return report(load_task(_ran_once), to=tmp_path_factory.mktemp("report") / "report.html")[0]


@pytest.fixture
def opened(chromium, written):
    """Return a function that opens the report; a request beyond the file, or an error, fails the test."""
    contexts, trouble = [], []

    def open_(**settings):
        contexts.append(chromium.new_context(offline=True, **settings))
        page = contexts[-1].new_page()
        page.on("request", lambda asked: trouble.append(asked.url) if asked.url != written.as_uri() else None)
        page.on("console", lambda said: trouble.append(said.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(written.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"], ids=["light", "dark"])
def test_the_report_has_no_serious_violation(opened, scheme):
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, of the extra dev")
    page = opened(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run(document, {{ runOnly: {RULES} }})")["violations"]
    assert [(one["id"], node["html"][:200]) for one in found for node in one["nodes"]] == []


@pytest.mark.parametrize("width", [360, 800], ids=["phone", "tablet"])
def test_nothing_stands_beyond_the_edge(opened, width):
    page = opened(viewport={"width": width, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    beyond = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
    assert page.evaluate(beyond) == 0


def test_lines_are_about_seventy_characters_long(opened):
    page = opened(viewport={"width": 1280, "height": 800})
    width = page.evaluate(
        "document.querySelector('section p').clientWidth / parseFloat(getComputedStyle(document.body).fontSize)"
    )
    assert 30 <= width <= 38  # em: about two letters each


def test_a_link_goes_to_its_part(opened):
    page = opened(viewport={"width": 1280, "height": 800})
    page.get_by_role("link", name=re.compile("to do next")).click()
    assert page.get_by_role("heading", name=re.compile("to do next")).evaluate("e => e.getBoundingClientRect().top") < 800


def test_paper_is_white_in_the_dark_too(opened):
    page = opened(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 26)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden()
    assert len(page.pdf(prefer_css_page_size=True)) > 1000
