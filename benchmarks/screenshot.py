"""Take the screenshot in docs/img: serve the app over a task that has run, open a page, and keep what a visitor sees first.

    python benchmarks/screenshot.py data/tickets docs/img/app.png --page "?task=tickets"

Needs Chromium and playwright; the task must have a finished run.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from workbench.project.steps.app import command


def serve(task: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the app on a free port and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "STREAMLIT_SERVER_HEADLESS": "true"}
    server = subprocess.Popen(command(task, port), env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    return server, f"http://127.0.0.1:{port}/"


def main() -> None:
    """Parse, serve, photograph."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--page", default="", help='path and query, such as "functions?lf=wishes"')
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--size", default="1280x800")
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    server, address = serve(given.task)
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            scheme = "dark" if given.dark else "light"
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce")
            page.goto(address + given.page)
            page.get_by_role("heading", level=1).wait_for(timeout=60_000)
            page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=60_000)
            page.wait_for_timeout(1500)  # fonts, canvases
            given.target.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=given.target)
            browser.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    print(f"{given.target}: {width} x {height}")


if __name__ == "__main__":
    main()
