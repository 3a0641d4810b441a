"""Rows in partitions on one machine: rows a second, memory per process, two workers against one, Dask against processes.

    python benchmarks/scale.py [--rows 10000000] [--compare 2000000] [--folder /tmp/scale] [--skip-snorkel]

Varied tickets (scale_rows.py) go through `workbench fit` with 40 functions. The comparisons take `--compare` rows, each run
from nothing, in turns: one worker, two workers, a Dask cluster of two workers; and Snorkel's Dask applier, with two processes
and 40 functions that look for the same, written for it, on the first 100,000 of them. What two processes of plain Python gain
on this machine, with no workbench in them, is measured first. Then all rows with two workers. Memory is the proportional set
size (shared pages count by their share), looked at every half second, the most of any one process.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scale_rows import watched, write_rows, write_task

STAGES = ("apply", "look 1", "look 2", "label model", "labels", "export")
FEW = 100_000


def fit(task: Path, *options: str, until: str = "fit") -> tuple[dict, dict]:
    """Run a command of the line from nothing; return what parts.json says, and seconds and memory of the whole."""
    for left in ("runs", "cache"):
        shutil.rmtree(task / left, ignore_errors=True)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", until, str(task), *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with watched(process.pid) as seen:
        _, said = process.communicate()
    if process.returncode:
        raise SystemExit(said.decode())
    run = sorted((task / "runs").glob("2*"))[-1]
    learned = json.loads((run / "label_model.json").read_text(encoding="utf-8"))
    whole = {
        "iterations": learned["iterations"],
        "seconds": time.perf_counter() - start,
        "driver": seen.driver,
        "worker": seen.worker,
    }
    return json.loads((run / "parts.json").read_text(encoding="utf-8")), whole


def tell(name: str, about: dict, whole: dict) -> float:
    """Print one line a run; return the rows a second of apply."""
    rate = about["rows"] / about["seconds"]["apply"]
    parts = ", ".join(f"{stage} {about['seconds'][stage]:.1f} s" for stage in STAGES if stage in about["seconds"])
    looks = sum(seconds for stage, seconds in about["seconds"].items() if stage.startswith("look"))
    each = (about["seconds"]["label model"] - looks) / whole["iterations"]
    parts += f"; {whole['iterations']} iterations of {1_000 * each:.0f} ms"
    memory = f"driver {whole['driver']:,.0f} MB, largest worker process {whole['worker']:,.0f} MB"
    print(
        f"{name}: {about['rows']:,} rows, {rate:,.0f} rows/s in apply; {parts}; whole {whole['seconds']:.0f} s; {memory}",
        flush=True,
    )
    return rate


PLAIN = """
import re, time
from multiprocessing import Process
texts = [f"hello, charged twice for seat {n}, please refund" for n in range(200_000)]
word = re.compile(r"\\b(refund|charged|invoice)\\b", re.I)
def work():
    for _ in range(10):
        for text in texts:
            word.search(text), len(text.lower().split())
def seconds(n):
    start, processes = time.perf_counter(), [Process(target=work) for _ in range(n)]
    for process in processes: process.start()
    for process in processes: process.join()
    return time.perf_counter() - start
seconds(1)
one, two = zip(*[(seconds(1), seconds(2)) for _ in range(5)])
print(f"{2 * min(one) / min(two):.2f}")
"""
SNORKEL = r"""
import json, re, sys, time, tomllib
from pathlib import Path
import dask.dataframe as dd
import pandas as pd
from snorkel.labeling import LabelingFunction
from snorkel.labeling.apply.dask import DaskLFApplier
folder, n = Path(sys.argv[1]), int(sys.argv[2])
task = tomllib.loads((folder / "task.toml").read_text())
frame = pd.read_parquet(sorted(Path(task["data"]["file"]).glob("*.parquet"))[0]).iloc[:n]
classes = {name: place for place, name in enumerate(task["labels"])}
def keyword(words, label):
    pattern = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in words), re.IGNORECASE)
    return lambda row: label if pattern.search(row.text) else -1
def regex(pattern, label):
    pattern = re.compile(pattern)
    return lambda row: label if pattern.search(row.text) else -1
def has(words, label):
    return lambda row: label if any(word in row.text for word in words) else -1
functions = []
for rule in tomllib.loads((folder / "rules.toml").read_text())["rule"]:
    label = classes.get(rule.get("label"))
    if rule["kind"] == "keyword":
        f = keyword(rule["words"], label)
    elif rule["kind"] == "regex":
        f = regex(rule["pattern"], label)
    elif rule["kind"] == "threshold":
        f = lambda row, label=label: label if row.amount > 300 else -1
    else:
        f = lambda row: classes.get(row.tag, -1)
    functions.append(LabelingFunction(rule["name"], f))
five = {"tax_or_plan": ([" tax ", " plan "], 0), "cookie_or_profile": (["cookie", "profile"], 1), "lags": (["lag"], 2)}
five |= {"wants_more": (["api", "font"], 3), "free_and_urgent": (["urgent"], 1)}
functions += [LabelingFunction(name, has(words, label)) for name, (words, label) in five.items()]
start = time.perf_counter()  # fault-tolerant: Dask tries the functions on rows that it makes up, without text
votes = DaskLFApplier(functions).apply(dd.from_pandas(frame, npartitions=2), scheduler="processes", fault_tolerant=True)
print(json.dumps([len(votes) / (time.perf_counter() - start), len(functions)]))
"""


def snorkel(task: Path) -> None:
    """Print the rate of Snorkel's Dask applier with functions of its own that look for the same, or why it does not run."""
    found = subprocess.run([sys.executable, "-c", SNORKEL, str(task), str(FEW)], capture_output=True, text=True)
    if found.returncode:
        print(f"Snorkel's Dask applier does not run here: {found.stderr.strip().splitlines()[-1]}")
        return
    rate, functions = json.loads(found.stdout)
    print(f"Snorkel's DaskLFApplier, two processes, {FEW:,} rows, {functions} functions written for it: {rate:,.0f} rows/s")


def main() -> None:
    """Write the rows, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--compare", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/workbench-scale"))
    parser.add_argument("--skip-snorkel", action="store_true")
    given = parser.parse_args()
    few, many = given.folder / f"rows-{given.compare}", given.folder / f"rows-{given.rows}"
    write_rows(few, given.compare, group=min(250_000, given.compare // 8))
    small = write_task(given.folder / "small", few, chunk_rows=10_000)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    gain = subprocess.run([sys.executable, "-c", PLAIN], capture_output=True, text=True, check=True).stdout.strip()
    print(f"two processes of plain Python against one, here: {gain} times, of the best of five each", flush=True)
    one = tell("one worker", *fit(small, "--workers", "1"))
    two = tell("two workers", *fit(small, "--workers", "2"))
    dask = tell("Dask, two workers", *fit(small, "--engine", "dask", "--workers", "2"))
    print(
        f"two workers against one: {two / one:.2f} times; Dask against processes: {two / dask - 1:+.1%} time in apply",
        flush=True,
    )
    if not given.skip_snorkel:
        snorkel(small)
    if given.rows:
        write_rows(many, given.rows)
        tell("all rows, two workers", *fit(write_task(given.folder / "large", many), "--workers", "2", until="export"))


if __name__ == "__main__":
    main()
