"""A real help desk from file to training set: twelve functions, an audit, reviewed rows; models before and after as Markdown.

    python benchmarks/it_tickets.py [--data ../shared/data/it_tickets/tickets.csv] [--rows 100]

Needs the IT tickets (columns Document and Topic_group). The functions in benchmarks/it_tickets were written for valid rows.
Gold answers in place of a person, on train rows alone: --rows drawn by an audit plan, which measure, and as many of the queue
`value`, which teach. The two lines are runs without and with those.
"""

import argparse
import csv
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from main_line import ROOT, row, workbench

from workbench.project.task import load_task

FUNCTIONS = Path(__file__).with_suffix("")


def make(folder, data):
    """Return the folder of the task: the rows in the product's own split, and the twelve functions."""
    task, functions = folder / "data" / "it_tickets", folder / "labeling_functions" / "it_tickets"
    workbench("new", task, "--from", data, "--gold", "Topic_group")
    for file in functions.glob("*.py"):
        file.unlink()
    shutil.copy(FUNCTIONS / "functions.py", functions)
    shutil.copy(FUNCTIONS / "rules.toml", task)
    return task


def answer(task, *asked, columns, purpose=""):
    """Answer the rows that a command lists by their gold; columns: of its lines, which go back with the answer."""
    loaded = load_task(task)
    gold, lines = loaded.dataset()[0].gold, json.loads(workbench(*asked, "--reviewer", "lead", "--json"))
    file = task / "answers.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(["row", "reviewer", "label", "purpose", *columns])
        for one in lines:
            label = loaded.labels[gold[one["row"]]]
            writer.writerow([one["row"], "lead", label, purpose, *(one[column] for column in columns)])
    workbench("review", task, "--import", file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "it_tickets" / "tickets.csv")
    parser.add_argument("--rows", type=int, default=100)
    given = parser.parse_args()
    if not given.data.is_file():
        sys.exit(f"there is no file {given.data}; give --data")
    with tempfile.TemporaryDirectory() as folder:
        task, start = make(Path(folder), given.data.resolve()), time.perf_counter()
        print(row("it_tickets", json.loads(workbench("run", task, "--json"))), flush=True)
        print(f"run in {time.perf_counter() - start:.0f} s", file=sys.stderr)
        workbench("audit", task, "plan", "--rows", given.rows)
        answer(task, "audit", task, "--next", given.rows, columns=["plan"], purpose="measure")
        print(workbench("audit", task), file=sys.stderr)
        answer(task, "review", task, "--queue", "value", "--next", given.rows, columns=["reason"])
        print(row(f"with {given.rows} reviewed rows", json.loads(workbench("run", task, "--json"))), flush=True)


if __name__ == "__main__":
    main()
