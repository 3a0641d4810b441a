"""How fast the app answers, clicked by a real browser: median milliseconds by page, time to the first page, memory.

    python benchmarks/app.py [--rows 100000,1000000] [--clicks 12]

Makes a task of planted text with 40 keyword rules in a temporary folder, runs it to the training set, serves the app and drives
a headless Chromium (needs playwright). A click lasts from the key or mouse event in the page to the second animation frame when
the script it started has ended; where a text field waits for a pause of typing, that pause counts. Labelling lasts from the
key to the second frame after the next card stands. Medians; other work on the machine makes every figure larger.
"""

import argparse
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright
from screenshot import serve

RULES, CLASSES, WORDS = 40, ("billing", "auth", "bug", "feature_request"), 20
#: milliseconds, and by rows milliseconds to the first page and megabytes of the server
LABEL, CLICK, SWITCH = 50, 300, 500
FIRST, MEMORY = {100_000: 3_500, 1_000_000: 8_000}, {100_000: 400, 1_000_000: 1_500}

CLOCK = """(answer) => {
  const frames = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
  const state = () => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
  const hosts = answer === 'card' ? [...document.querySelectorAll('*')].filter((element) => element.shadowRoot) : [];
  const shown = hosts.map((host) => host.shadowRoot.querySelector('[data-as=row]')).find(Boolean);
  const text = () => (answer === 'card' ? shown : document.querySelector('h1'))?.textContent;
  const clocked = (window.clocked = { start: null, ran: false, took: null }), before = text();
  const begin = () => { clocked.start ??= performance.now(); };
  addEventListener('pointerdown', begin, { capture: true, once: true });
  addEventListener('keydown', begin, { capture: true, once: true });
  const changed = () => (answer === 'script' ? clocked.ran : text() && text() !== before);
  const done = () => changed() && (answer === 'card' || state() !== 'running');
  const watch = new MutationObserver((changes) => {
    clocked.ran ||= changes.some((change) => change.attributeName === 'data-test-script-state');
    if (clocked.start === null || clocked.took !== null || !done()) return;
    frames(() => { if (done()) clocked.took ??= performance.now() - clocked.start; });
  });
  watch.observe(shown ?? document.body, { attributes: true, subtree: true, childList: true, characterData: true });
}"""


def make_task(folder, rows):
    """Write planted rows and keyword rules, and run them to the training set; return the folder of the task."""
    rng = np.random.default_rng(0)
    task = folder / "planted"
    task.mkdir(parents=True)
    vocabulary = np.array([f"word{i}" for i in range(5_000)])
    truth = rng.integers(len(CLASSES), size=rows)
    words = vocabulary[rng.integers(len(vocabulary), size=(rows, WORDS))]
    for rule in range(RULES):  # the sign of a rule stands in 6 % of the rows of its class and 1 % of the others
        hit = rng.random(rows) < np.where(truth == rule % len(CLASSES), 0.06, 0.01)
        words[hit, rule % WORDS] = f"sign{rule}"
    frame = pd.DataFrame({"id": np.arange(rows).astype(str), "text": [" ".join(row) for row in words]})
    frame["plan"] = rng.choice(["free", "team", "enterprise"], rows)
    frame["split"] = rng.choice(["train", "valid", "test"], rows, p=[0.9, 0.05, 0.05])
    frame["gold"] = np.where(frame["split"] == "train", "", np.array(CLASSES)[truth])
    frame.to_parquet(task / "rows.parquet")
    rules = [
        f'[[rule]]\nname = "says_sign_{i}"\nkind = "keyword"\nwords = ["sign{i}"]\nlabel = "{CLASSES[i % len(CLASSES)]}"\n'
        for i in range(RULES)
    ]
    (task / "rules.toml").write_text("\n".join(rules), encoding="utf-8")
    (task / "task.toml").write_text(
        f'format = 1\nname = "planted"\nlabels = {list(CLASSES)!r}\n[data]\nfile = "rows.parquet"\nid = "id"\ngold = "gold"\n'
        'split = "split"\n[apply]\ncache = false\n[end_model]\nenabled = false\n[slices]\nplan = { by = "plan" }\n',
        encoding="utf-8",
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "workbench", "run", str(task)], check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{rows:,} rows: run in {time.perf_counter() - start:.0f} s, at most {peak:,.0f} MB", flush=True)
    return task


def memory(process):
    """Return the peak resident memory of the server in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def timed(page, act, answer="script"):
    """Do something and return the milliseconds until its answer: the end of a script, another "title" or the next "card"."""
    settled(page)
    page.wait_for_timeout(500 if answer == "card" else 0)  # for a moment after the queue was read keys do nothing
    page.evaluate(CLOCK, answer)
    act()
    page.wait_for_function("() => window.clocked.took !== null", timeout=60_000)
    return page.evaluate("() => window.clocked.took")


def settled(page):
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=120_000)
    page.wait_for_timeout(150)


def go(page, address, path):
    page.goto(f"{address}{path}?task=planted")
    page.get_by_role("heading", level=1).wait_for(timeout=120_000)
    settled(page)


def row_of_table(page, i):
    page.get_by_test_id("stDataFrame").first.locator(".dvn-scroller").click(position={"x": 16, "y": 52 + 35 * (i % 8)})


def option(page, names, i):
    page.get_by_role("radio", name=re.compile(f"^{names[i % len(names)]}$", re.IGNORECASE)).click()


#: page: what is clicked there, and the click
CLICKS = {
    "overview": ("another split", lambda page, i: page.get_by_role("radiogroup").get_by_text(("valid", "test")[i % 2]).click()),
    "functions": ("a function", row_of_table),
    "write_rule": (
        "a letter",
        lambda page, i: page.get_by_role("textbox").or_(page.get_by_role("searchbox")).first.press("abc"[i % 3]),
    ),
    "disagreement": ("a pair", row_of_table),
    "label_model": ("another view", lambda page, i: option(page, ("Functions", "Classes", "Certainty", "Row"), i)),
    "training_set": ("stricter", lambda page, i: page.get_by_role("slider").first.press("ArrowRight")),
}


def clicks(page, address, n):
    """Yield (page, what, [ms]), the first click of each left out."""
    for path, (what, act) in CLICKS.items():
        go(page, address, "" if path == "overview" else path)
        yield path, what, [timed(page, lambda act=act, i=i: act(page, i)) for i in range(n + 1)][1:]


def labels(page, address, n):
    page.goto(f"{address}review?task=planted&reviewer=ann&queue=conflict")
    page.locator("[data-as=row]").filter(has_text="row ").wait_for(timeout=60_000)
    return [timed(page, lambda i=i: page.keyboard.press("1234"[i % 4]), "card") for i in range(n + 1)][1:]


def switches(page, address, n):
    """Return milliseconds of going from page to page by the menu: {title: [ms]}, the first visits left out."""
    go(page, address, "")
    titles = [link.inner_text().split("\n")[-1].strip() for link in page.get_by_test_id("stSidebarNavLink").all()]
    took = {title: [] for title in titles}
    for turn in range(1 + n):
        for title in titles[1:] + titles[:1]:
            ms = timed(page, page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click, "title")
            if turn:
                took[title].append(ms)
    return took


def line(rows, what, took, limit, unit="ms"):
    met = "met" if took <= limit else "NOT MET"
    print(f"| {rows:,} | {what} | {took:,.0f} {unit} | {limit:,} {unit} | {met} |", flush=True)


def measure(rows, n, folder):
    task = make_task(folder, rows)
    start = time.perf_counter()
    server, address = serve(task)
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
            up = time.perf_counter() - start
            go(page, address, "")
            first = 1000 * (time.perf_counter() - start - up)
            print("| rows | what, median | took | at most | |\n|---|---|---|---|---|")
            line(rows, "first page, cold server", first, FIRST.get(rows, 8_000))
            line(rows, f"label given, next card ({5 * n})", statistics.median(labels(page, address, 5 * n)), LABEL)
            for where, what, took in clicks(page, address, n):
                line(rows, f"{where}: {what} ({n})", statistics.median(took), CLICK)
            for title, took in switches(page, address, max(2, n // 4)).items():
                line(rows, f"to {title} ({len(took)})", statistics.median(took), SWITCH)
            line(rows, "peak memory of the server", memory(server), MEMORY.get(rows, 1_500), "MB")
            browser.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="100000")
    parser.add_argument("--clicks", type=int, default=12)
    given = parser.parse_args()
    for rows in map(int, given.rows.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            measure(rows, given.clicks, Path(folder) / "data")


if __name__ == "__main__":
    main()
