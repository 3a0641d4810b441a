"""How many short texts a second `workbench predict` answers, in what memory, and whether that grows with the file.

    python benchmarks/predict.py [--rows 200000,400000] [--features tfidf,static]

Learns from the bundled task in a temporary copy. A text is the subject of one ticket, a sentence of another and a number of its
own, drawn by a seed: as long as a comment or a text message, and no two alike. Each file is answered in a process of its own,
from reading the CSV to writing answers and log. Seconds of the CPU stand beside those of the clock, as others may use the
machine. Exits with 1 where 5,000 texts a second are not reached, or memory grows by more than a twentieth.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.project.runs import find_run
from workbench.project.steps.predict import open_model, predict
from workbench.project.steps.run import run
from workbench.project.task import load_task

ROOT = Path(__file__).resolve().parents[1]
LEAST = 5_000  # texts a second
GROWTH = 1.05  # of the peak memory, from the smallest file to the largest


def learn(folder, features):
    """Train on a copy of the bundled task, its texts alone; return the task's folder."""
    for part in ("data", "labeling_functions"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("runs", "cache", "review"))
    task = load_task(folder / "data" / "tickets")
    run(replace(task, end_model={"features": features}), until="train")
    return task.folder


def write_texts(path, n, seed=0):
    """Write n texts as CSV; return their mean length."""
    tickets = pd.read_json(ROOT / "data" / "tickets" / "tickets.jsonl", lines=True)
    said = tickets["body"].str.split(r"(?<=[.!?])\s+|\n+", regex=True).explode()
    said = said[said.str.split().str.len() > 2].to_numpy(object)
    rng = np.random.default_rng(seed)
    subject = rng.choice(tickets["subject"].to_numpy(object), n)
    body = [f"{sentence} {number}" for number, sentence in enumerate(rng.choice(said, n))]
    frame = pd.DataFrame({"id": np.arange(n), "subject": subject, "body": body})
    frame.to_csv(path, index=False)
    return float((frame["subject"].str.len() + frame["body"].str.len()).mean())


def answer(task, source):
    """Answer a file; return seconds of clock and CPU, and the peak memory of this process in MB before and after."""
    loaded = load_task(task)
    opened = open_model(loaded, find_run(loaded))
    before, clock, busy = peak(), time.perf_counter(), time.process_time()
    predict(opened, source, source.with_suffix(".answers.csv"), log=source.with_suffix(".log.jsonl"))
    return time.perf_counter() - clock, time.process_time() - busy, before, peak()


def peak():
    """Return the peak memory of this process in MB, from Linux; what getrusage tells counts the parent's from before exec."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="200000,400000")
    parser.add_argument("--features", default="tfidf,static")
    parser.add_argument("--answer", nargs=2, type=Path, help=argparse.SUPPRESS)  # in a process of its own
    given = parser.parse_args()
    if given.answer:
        print(json.dumps(answer(*given.answer)))
        return
    speeds, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        task = learn(Path(folder), given.features.split(","))
        print("| rows | characters a text | s | CPU s | rows/s | rows/CPU s | peak MB, model loaded | peak MB |")
        print("|---|---|---|---|---|---|---|---|")
        for rows in map(int, given.rows.split(",")):
            source = Path(folder) / f"{rows}.csv"
            length = write_texts(source, rows)
            done = subprocess.run([sys.executable, __file__, "--answer", task, source], check=True, stdout=subprocess.PIPE)
            clock, busy, before, most = json.loads(done.stdout)
            cells = [f"{one:,.0f}" for one in (rows, length, clock, busy, rows / clock, rows / busy, before, most)]
            print("|", " | ".join(cells), "|", flush=True)
            speeds.append(rows / clock)
            peaks.append(most)
    growth = peaks[-1] / peaks[0]
    print(f"\nslowest: {min(speeds):,.0f} rows/s, at least {LEAST:,}; memory, last / first: {growth:.3f}, at most {GROWTH}")
    sys.exit(min(speeds) < LEAST or growth > GROWTH)


if __name__ == "__main__":
    main()
