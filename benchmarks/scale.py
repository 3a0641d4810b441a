"""Rows in partitions on one machine: rows a second, memory per process, two workers against one, Dask against processes.

    python benchmarks/scale.py [--rows 10000000] [--compare 1000000] [--folder /tmp/scale] [--skip-snorkel]

Varied tickets (scale_rows.py) go through `workbench fit` with 40 functions. The comparisons take `--compare` rows, each run
from nothing, in turns: one worker, two workers, a Dask cluster of two workers; and Snorkel's Dask applier with the same
functions and two processes on the first 10,000 of them. Then all rows with two workers. Memory is the proportional set size
(shared pages count by their share), looked at every half second, the most of any one process.
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

STAGES = ("apply", "look 1", "look 2", "labels", "export")
FEW = 10_000


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
    whole = {"seconds": time.perf_counter() - start, "driver": seen.driver, "worker": seen.worker}
    return json.loads((run / "parts.json").read_text(encoding="utf-8")), whole


def tell(name: str, about: dict, whole: dict) -> float:
    """Print one line a run; return the rows a second of apply."""
    rate = about["rows"] / about["seconds"]["apply"]
    parts = ", ".join(f"{stage} {about['seconds'][stage]:.1f} s" for stage in STAGES if stage in about["seconds"])
    memory = f"driver {whole['driver']:,.0f} MB, largest worker process {whole['worker']:,.0f} MB"
    print(
        f"{name}: {about['rows']:,} rows, {rate:,.0f} rows/s in apply; {parts}; whole {whole['seconds']:.0f} s; {memory}",
        flush=True,
    )
    return rate


SNORKEL = """
import sys, time, json
import pandas as pd
from workbench.project.task import load_task
task = load_task(sys.argv[1])
source = task.source()
frame = source.dataset(source.frame(source.partitions[0]), source.partitions[0]).frame.iloc[:int(sys.argv[2])]
import dask.dataframe as dd
from snorkel.labeling.apply.dask import DaskLFApplier
start = time.perf_counter()
# Dask tries functions on rows that it makes up: on missing text, which Python functions fail on, and with an unknown tag
functions = [one for one in task.functions() if one.kind != "python" and one.name != "agent_tag"]
votes = DaskLFApplier(functions).apply(dd.from_pandas(frame, npartitions=2), scheduler="processes")
print(json.dumps([len(votes) / (time.perf_counter() - start), len(functions)]))
"""


def snorkel(task: Path) -> None:
    """Print the rate of Snorkel's Dask applier on some rows, or why it does not run."""
    found = subprocess.run([sys.executable, "-c", SNORKEL, str(task), str(FEW)], capture_output=True, text=True)
    if found.returncode:
        print(f"Snorkel's Dask applier does not run here: {found.stderr.strip().splitlines()[-1]}")
        return
    rate, functions = json.loads(found.stdout)
    print(
        f"Snorkel's DaskLFApplier, two processes, {FEW:,} rows, the {functions} functions that it can run: {rate:,.0f} rows/s"
    )


def main() -> None:
    """Write the rows, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--compare", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/workbench-scale"))
    parser.add_argument("--skip-snorkel", action="store_true")
    given = parser.parse_args()
    few, many = given.folder / f"rows-{given.compare}", given.folder / f"rows-{given.rows}"
    write_rows(few, given.compare, group=min(250_000, given.compare // 8))
    small = write_task(given.folder / "small", few, chunk_rows=10_000)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
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
