"""The journey in a real browser: from a task to an export that says what was reviewed; nothing leaves the machine."""

import json
import re

import pandas as pd
import pytest

from workbench.project.reviewing import open_record
from workbench.project.task import load_task

pytestmark = pytest.mark.browser
NASTY = '<img src="http://rows.example.org/a.png"> ![x](http://rows.example.org/b.png) win'


@pytest.fixture
def journey(chromium, serve, toy):
    """Return a page over the small task, with a row that loads an image and one in dispute; foreign requests fail the test."""
    quoted = NASTY.replace('"', '""')
    with (toy / "rows.csv").open("a") as rows:
        rows.write(f'nasty,"{quoted}",spam,train\ntorn,"hello, win a free car",,train\n')
    server, foreign, crashes = serve(toy), [], []
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(30_000)
    page = context.new_page()
    here = (server.url, server.url.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(here) or foreign.append(request.url))
    page.on("pageerror", lambda error: crashes.append(str(error)))
    page.goto(server.url)
    yield page
    context.close()
    assert foreign == [] and crashes == []


def settled(page):
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(200)


def go(page, title):
    page.get_by_role("link", name=title, exact=True).click()
    page.get_by_role("heading", name=title, exact=True, level=1).wait_for()
    settled(page)


def pick_row(page, i=0):
    """Tick the box of a row of the first table."""
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    settled(page)
    table.locator(".dvn-scroller").click(position={"x": 16, "y": 52 + 35 * i})


def part(page, name):
    return page.locator(f"[data-as={name}]")


def test_from_a_task_to_an_export_of_what_was_reviewed(journey, toy):
    page = journey
    page.get_by_role("heading", name="toy").wait_for()
    assert re.search(r"\?task=toy$", page.url)
    page.get_by_role("button", name="Run").click()
    page.get_by_text(re.compile("^Step [1-6] of 6")).wait_for()
    page.reload()  # the run goes on, and the page finds it again
    page.get_by_role("table", name="Models side by side").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    assert page.get_by_role("rowheader", name="majority vote").count() == 2

    go(page, "Labeling functions")
    pick_row(page)
    page.get_by_role("heading", name="promises", exact=True).wait_for()
    assert re.search(r"/functions\?.*lf=promises", page.url) and "task=toy" in page.url
    page.reload()
    page.get_by_role("heading", name="promises", exact=True).wait_for()

    go(page, "Write a rule")
    page.get_by_placeholder("refund, money back").fill("lunch")
    page.get_by_text("Save this rule, or copy it as Python").click()
    page.get_by_label("Name", exact=True).fill("asks_lunch")
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_role("button", name="Save to rules.toml").click()
    page.get_by_text(re.compile("^Saved asks_lunch at")).wait_for()
    assert 'name = "asks_lunch"' in (toy / "rules.toml").read_text()

    go(page, "Disagreement")
    pick_row(page)
    page.get_by_role("button", name="Send these 1 to review").click()
    page.get_by_text("Sent 1 rows to review, 1 of them new.").wait_for()

    go(page, "Label model")
    page.get_by_role("button", name="Fit").click()
    page.get_by_text(re.compile("^Step [1-3] of 3")).wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached", timeout=60_000)
    page.get_by_role("radio", name=re.compile("^row$", re.IGNORECASE)).click()
    page.get_by_role("heading", name=re.compile("^Why ")).wait_for()

    go(page, "Review")
    page.get_by_label("Your name").fill("Ann")
    page.get_by_role("button", name="Start reviewing").click()
    page.get_by_role("radio", name=re.compile("^random$", re.IGNORECASE)).click()
    part(page, "row").filter(has_text="row ").wait_for()
    page.wait_for_timeout(600)  # in which keys do nothing, for the card changed by itself
    for key in "1212121212z2":
        page.keyboard.press(key)
    part(page, "saved").filter(has_text=re.compile("^10 saved")).wait_for()
    page.reload()
    part(page, "saved").filter(has_text=re.compile("^10 saved")).wait_for()
    said = open_record(load_task(toy)).current()
    assert len(said) == 10 and set(said["kind"]) == {"label"}

    go(page, "Training set")
    folder = toy / "handed"
    page.get_by_role("textbox", name="New folder").fill(str(folder))
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_role("button", name="Write to the folder").click()
    page.get_by_text(f"Written: {folder}").wait_for()
    frame = pd.read_parquet(next(folder.rglob("*.parquet")))
    manifest = json.loads(next(folder.rglob("manifest.json")).read_text())
    assert len(frame) == manifest["rows"] > 0 and set(frame["label"]) <= {"ham", "spam"}


def test_a_file_becomes_a_task(journey, tmp_path):
    page, source = journey, tmp_path / "mails.csv"
    source.write_text("text,label\nhello there,ham\nwin a lot of money now,spam\nsee you at lunch,ham\n")
    page.get_by_role("link", name="Open a file").click()
    path = page.get_by_label("Path of a file on this machine")
    path.fill(str(source))
    path.press("Enter")
    page.get_by_text("2 classes found: ham, spam").wait_for()
    page.get_by_role("button", name="Make the task").click()
    page.get_by_text("Made the task mails").wait_for()
    page.get_by_role("link", name="Go to mails").click()
    page.get_by_role("heading", name="mails", exact=True).wait_for()
    assert "task=mails" in page.url
