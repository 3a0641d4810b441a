"""The whole line on public data sets: import, run, and the models side by side as a Markdown table.

    python benchmarks/main_line.py [--data ../shared/data] [--only youtube,trec]

Needs the data sets in WRENCH JSON (train/valid/test.json, label.json) and the crowd sets (label.csv, truth.csv). Every model
learns on train without gold and is scored on all rows of test by accuracy (ties count as random); the ceiling is the same end
model trained on train gold. Crowd sets have no text and no split: all items, no end model.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEXT_SETS = ("youtube", "sms", "trec", "banking77", "adult")
CROWD_SETS = ("bluebird", "dog", "product")
COLUMNS = ("majority_vote", "generative", "snorkel", "end_model", "ceiling")
ROOT = Path(__file__).resolve().parents[1]


def workbench(*arguments):
    command = [sys.executable, "-m", "workbench", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def run(name, data, folder):
    """Import and run one set; return its metrics and the seconds that both took."""
    start = time.perf_counter()
    if name in CROWD_SETS:
        source = data / "crowd" / name
        workbench("import", "crowd", source / "label.csv", folder / name, "--truth", source / "truth.csv")
    else:
        workbench("import", "wrench", data / name, folder / name)
    metrics = json.loads(workbench("run", folder / name, "--json"))
    return metrics, time.perf_counter() - start


def row(name, metrics):
    scores = {**metrics["label_model"], "end_model": metrics["end_model"], "ceiling": metrics["ceiling"]}
    majority = scores["majority_vote"]["test"]
    share = majority["covered"]["n"] / majority["all"]["n"]
    cells = [name, f"{majority['all']['n']:,}", f"{share:.0%}"]
    cells += ["-" if "skipped" in scores[key] else f"{scores[key]['test']['all']['accuracy']:.3f}"[1:] for key in COLUMNS]
    pgr = metrics["pgr"]
    ends = ", ".join("?" if end is None else f"{end:.2f}" for end in pgr["interval"]) if pgr.get("interval") else ""
    cells.append("-" if pgr["value"] is None else f"{pgr['value']:.2f} [{ends}]")
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default=",".join((*TEXT_SETS, *CROWD_SETS)))
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(f"there is no folder {arguments.data}; give --data")
    head = ("set", "test n", "covered", "majority vote", "generative", "Snorkel", "end model", "gold ceiling", "PGR")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only.split(","):
            metrics, seconds = run(name, arguments.data.resolve(), Path(folder))
            print(row(name, metrics), flush=True)
            print(f"{name}: import and run took {seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
