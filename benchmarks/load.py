"""Many reviewers at once on one server: how long an answer takes to be saved, whether any is lost, and the server's memory.

    python benchmarks/load.py [--rows 100000] [--reviewers 20] [--minutes 30] [--pause 3]

Makes the task of planted text of app.py, serves the app and opens a page for each reviewer in one headless Chromium (needs
playwright) on the same machine. Each answers the row before them, waits until it is saved, and answers the next one `--pause`
seconds after the last, give or take up to a half, drawn from a seed: an even pause would keep people who once met in step.
Saved lasts from the key to the page's own count of what the server has acknowledged. At the end every row and label that a page
showed as saved is looked for in the record, once.
"""

import argparse
import asyncio
import os
import random
import shutil
import signal
import statistics
import tempfile
import time
from pathlib import Path

from playwright.async_api import async_playwright
from screenshot import serve

from app import CLASSES, make_task
from workbench.project.reviewing import open_record
from workbench.project.task import load_task

MEDIAN, LATE, SIZE = 300, 1_500, {"width": 1000, "height": 700}
ANSWER = """(expected) => new Promise((resolve) => {
  const host = [...document.querySelectorAll('*')].find((element) => element.shadowRoot?.querySelector('[data-as=row]'));
  const text = (name) => host.shadowRoot.querySelector(`[data-as=${name}]`).textContent;
  const before = text('row');
  let start = null, next = null;
  addEventListener('keydown', () => { start = performance.now(); }, { capture: true, once: true });
  const watch = new MutationObserver(() => {
    if (start === null) return;
    if (text('row') !== before) next ??= performance.now() - start;
    if (next === null || parseInt(text('saved').replace(/\\D/g, '')) < expected) return;
    watch.disconnect();
    resolve({ row: before.replace('row ', ''), next, saved: performance.now() - start });
  });
  watch.observe(host.shadowRoot, { subtree: true, childList: true, characterData: true, attributes: true });
  window.watching = true;
})"""


async def review(browser, address, i, opening, ready, given):
    """Answer rows as person i; return [(row, class, ms to the next card, ms to saved, minutes since the start)]."""
    async with opening:
        context = await browser.new_context(viewport=SIZE, reduced_motion="reduce")
        page = await context.new_page()
        await page.goto(f"{address}review?task=planted&reviewer=person{i}&queue=conflict", timeout=120_000)
        await page.locator("[data-as=row]").filter(has_text="row ").wait_for(timeout=120_000)
    await ready.wait()
    pauses = random.Random(i)
    await asyncio.sleep(pauses.uniform(0, given.pause))
    answers, start = [], time.monotonic()
    until = start + 60 * given.minutes
    while (began := time.monotonic()) < until:
        key = "1234"[len(answers) % 4]
        await page.evaluate("window.watching = false")
        answer = asyncio.create_task(page.evaluate(ANSWER, len(answers) + 1))
        await page.wait_for_function("window.watching")
        await page.keyboard.press(key)
        took = await asyncio.wait_for(answer, 60)
        answers.append((took["row"], CLASSES[int(key) - 1], took["next"], took["saved"], (began - start) / 60))
        pause = pauses.uniform(0.5, 1.5) * given.pause
        await asyncio.sleep(max(0, began + pause - time.monotonic()))
    await context.close()
    return answers


def worked(process):
    """Return the seconds of CPU that the server took so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def remember(process, sizes, every=10):
    """Note the resident memory of the server, MB, every ten seconds."""
    while True:
        status = Path(f"/proc/{process.pid}/status").read_text()
        sizes.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        await asyncio.sleep(every)


async def work(server, address, given):
    """Let all reviewers work; return what each answered, the memory of the server as it went, and its seconds of CPU."""
    sizes, before = [], worked(server)
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        opening, ready = asyncio.Semaphore(2), asyncio.Barrier(given.reviewers)
        noting = asyncio.create_task(remember(server, sizes))
        people = [review(browser, address, i, opening, ready, given) for i in range(given.reviewers)]
        answers = await asyncio.gather(*people)
        noting.cancel()
        await browser.close()
    return answers, sizes, worked(server) - before


def judged(answers, record):
    """Return how many answers are lost, how many stand twice, and how many rows two people were given."""
    kept = record.decisions()
    stored = list(zip(kept["reviewer"], kept["row"], kept["label"], strict=True))
    said = {(f"person{i}", row, label) for i, one in enumerate(answers) for row, label, *_ in one}
    rows = [row for one in answers for row, *_ in one]
    return len(said - set(stored)), len(stored) - len(set(stored)), len(rows) - len(set(rows))


def by_time(answers, sizes, minutes):
    """Print a line for each sixth of the time; sizes: noted all the while, the last ones during it."""
    print("| minutes | saved, median, ms | 95 of 100, ms | memory, MB |\n|---|---|---|---|")
    sizes = sizes[-round(6 * minutes) :]
    for i in range(6):
        took = sorted(saved for one in answers for *_, saved, at in one if i <= 6 * at / minutes < i + 1)
        held = sizes[i * len(sizes) // 6 : (i + 1) * len(sizes) // 6]
        if not took or not held:  # a run of seconds
            continue
        ends = f"{i * minutes / 6:.3g} to {(i + 1) * minutes / 6:.3g}"
        print(
            f"| {ends} | {statistics.median(took):,.0f} | {took[int(0.95 * len(took))]:,.0f} | {statistics.mean(held):,.0f} |"
        )


def line(what, took, limit, unit):
    print(f"| {what} | {took:,.0f} {unit} | {limit:,.0f} {unit} | {'met' if took <= limit else 'NOT MET'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--pause", type=float, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        task = make_task(Path(folder) / "data", given.rows)
        server, address = serve(task)
        try:
            answers, sizes, cpu = asyncio.run(work(server, address, given))
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
        saved = sorted(took for one in answers for *_, took, _ in one)
        cards = [took for one in answers for _, _, took, *_ in one]
        lost, twice, shared = judged(answers, open_record(load_task(task)))
    print(f"{given.reviewers} reviewers, {given.minutes:g} minutes, {len(saved):,} decisions, one each {given.pause:g} s")
    print(f"CPU of the server: {1000 * cpu / len(saved):,.0f} ms a decision, the opening of {given.reviewers} pages among it")
    by_time(answers, sizes, given.minutes)
    print("| | found | at most | |\n|---|---|---|---|")
    line("saved, median", statistics.median(saved), MEDIAN, "ms")
    line("saved, 95 of 100", saved[int(0.95 * len(saved))], LATE, "ms")
    line("next card, median", statistics.median(cards), MEDIAN, "ms")
    line("decisions lost", lost, 0, "")
    line("decisions twice", twice, 0, "")
    line("rows given to two people", shared, 0, "")
    warm, last = sizes[len(sizes) // 3 : len(sizes) // 2 + 1], sizes[-max(1, len(sizes) // 6) :]
    line("memory of the server at the end", statistics.mean(last), 1.05 * statistics.mean(warm), "MB")


if __name__ == "__main__":
    main()
