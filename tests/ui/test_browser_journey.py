"""The journey in a real browser: open a task, run it, inspect a function, make a task of a file; nothing leaves the machine."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from workbench.project.steps.app import command

pytestmark = pytest.mark.browser
NASTY = '<img src="http://rows.example.org/a.png"> ![x](http://rows.example.org/b.png) win'


@pytest.fixture
def chromium():
    """Return a running headless browser; skip where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine; install it (Debian: apt-get install chromium) to run the browser tests")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def served(toy, tmp_path):
    """Serve the app over the small task, with one row that tries to load an image; return its address."""
    quoted = NASTY.replace('"', '""')
    with (toy / "rows.csv").open("a") as rows:
        rows.write(f'nasty,"{quoted}",spam,train\n')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "server.log"
    environment = {**os.environ, "STREAMLIT_SERVER_HEADLESS": "true"}
    with log.open("wb") as out:
        server = subprocess.Popen(command(toy, port), stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
    assert "Traceback" not in log.read_text(), log.read_text()


def settled(page):
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def test_from_a_task_to_its_scores_and_a_new_task(chromium, served, tmp_path):
    foreign, crashes = [], []
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(30_000)
    page = context.new_page()
    here = (served, served.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(here) or foreign.append(request.url))
    page.on("pageerror", lambda error: crashes.append(str(error)))

    page.goto(served)
    page.get_by_role("heading", name="toy").wait_for()
    assert re.search(r"\?task=toy$", page.url)
    page.get_by_role("button", name="Run").click()
    page.get_by_text(re.compile("^Step [1-6] of 6")).wait_for()
    page.reload()  # the run goes on, and the page finds it again
    page.get_by_role("table", name="Models side by side").wait_for()
    assert page.get_by_role("rowheader", name="majority vote").count() == 2
    assert page.get_by_role("button", name="Cancel").count() == 0

    page.get_by_role("link", name="Labeling functions").click()
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    settled(page)
    table.locator(".dvn-scroller").click(position={"x": 16, "y": 35 + 17})  # the box of the first row
    page.get_by_role("heading", name="promises", exact=True).wait_for()
    assert re.search(r"/functions\?.*lf=promises", page.url) and "task=toy" in page.url
    page.get_by_text("Rows it votes on").wait_for()
    page.reload()
    page.get_by_role("heading", name="promises", exact=True).wait_for()

    source = tmp_path / "mails.csv"
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

    assert foreign == [] and crashes == []
    context.close()
