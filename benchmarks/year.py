"""A year of use on one task: how large its folders grow, and what commands and the app cost at the end of it.

    python benchmarks/year.py [--rows 1000] [--runs 500] [--decisions 10000] [--edits 50]

Makes the task of planted text of app.py and works on it in one process: edits a Python function or a rule now and then, runs
the line to the training set (every tenth time to the end model), stores decisions of four reviewers one by one, and measures
after the first run and after the last: seconds of commands, of the app's first page and of the opening of two more (headless
Chromium, needs playwright), megabytes of folders. At the end old runs are pruned, and it measures again.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from screenshot import serve

from app import CLASSES, go, make_task
from workbench.io.datasets import read_dataset
from workbench.project.reviewing import open_record
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.review.decision import Decision

COMMANDS = ("runs", "check", "review")
PAGES = {"Review": "review", "Runs": "runs"}
FUNCTION = '''"""A function of planted text that is edited through the year."""

from workbench import ABSTAIN, labeling_function


@labeling_function()
def says_a_word(row):
    """Its word is another one after each edit."""
    return "billing" if "word{edit}" in row.text.split() else ABSTAIN
'''


def prepare(folder, rows):
    """Return the folder of the task, with a Python function, kept votes and an end model."""
    task = make_task(folder / "data", rows)
    file = task / "task.toml"
    text = file.read_text(encoding="utf-8").replace("cache = false", "cache = true")
    file.write_text(text.replace("enabled = false", 'enabled = true\nfeatures = ["tfidf"]'), encoding="utf-8")
    shutil.rmtree(task / "runs")
    return task


def edit(task, number):
    """Edit the Python function, or every other time the word of a rule."""
    if number % 2 == 0:
        (task / "functions.py").write_text(FUNCTION.replace("{edit}", str(number)), encoding="utf-8")
        return
    rules = task / "rules.toml"
    before = rules.read_text(encoding="utf-8")
    sign = f'words = ["sign{number % 40}"'
    rules.write_text(before.replace(sign, f'{sign}, "word{number}"'), encoding="utf-8")


def seconds(*arguments):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "workbench", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measured(task, browser):
    """Return seconds of commands and pages, and megabytes of folders, medians of three."""
    found = {f"workbench {name}, s": statistics.median(seconds(name, task) for _ in range(3)) for name in COMMANDS}
    first, pages = [], {name: [] for name in PAGES}
    for _ in range(3):
        start = time.perf_counter()
        server, address = serve(task)
        try:
            page = browser.new_page()
            go(page, address, "")
            first.append(time.perf_counter() - start)
            for name, path in PAGES.items():
                start = time.perf_counter()
                page.locator(f'[data-testid=stSidebarNav] a[href*="/{path}"]').click()
                page.get_by_role("heading", level=1, name=name).wait_for()
                page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=120_000)
                pages[name].append(time.perf_counter() - start)
            page.close()
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
    found["the app's first page, s"] = statistics.median(first)
    found |= {f"opening {name}, s": statistics.median(took) for name, took in pages.items()}
    for name in ("runs", "cache", "review"):
        files = [path for path in (task / name).rglob("*") if path.is_file()]
        found[f"{name}/, MB"] = sum(path.stat().st_size for path in files) / 1e6
    found["runs"] = len(list((task / "runs").glob("[!.]*")))
    return found


def live(task, given):
    """Work on the task from the second run to the last; every part of the year has its share of edits and decisions."""
    ids = list(
        read_dataset(task / "rows.parquet", labels=CLASSES, text=["text"], id="id", gold="gold", split="split")[0].frame.index
    )
    record, decided, edits = open_record(load_task(task)), 0, 0
    for number in range(1, given.runs):
        while edits < given.edits * number // given.runs:
            edit(task, edits := edits + 1)
        while decided < given.decisions * number // (given.runs - 1):
            row, who = ids[decided % len(ids)], f"person{decided // len(ids) % 4}"
            record.decide([Decision(row, "label", who, CLASSES[decided % len(CLASSES)])])
            decided += 1
        run(load_task(task), until="evaluate" if number % 10 == 0 else "export", say=lambda sentence: None)
        if number % 50 == 0:
            print(f"{number} runs, {decided:,} decisions, {edits} edits", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, count in (("rows", 1_000), ("runs", 500), ("decisions", 10_000), ("edits", 50)):
        parser.add_argument(f"--{name}", type=int, default=count)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["WORKBENCH_CACHE"] = str(Path(folder) / "kept texts")
        task = prepare(Path(folder), given.rows)
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        edit(task, 0)
        seconds("run", task)
        columns = {"first run": measured(task, browser)}
        live(task, given)
        columns["last run"] = measured(task, browser)
        seconds("runs", "prune", task, "--keep", 20, "--yes")
        columns["pruned"] = measured(task, browser)
    print("| | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for name in columns["first run"]:
        print(f"| {name} | " + " | ".join(f"{column[name]:,.2f}" for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
