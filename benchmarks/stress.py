"""Suites on the bundled tickets, and the outside check: are queries of no class deferred?

    python benchmarks/stress.py [--data ../shared/data] [--only clinc150,tickets] [--noise 0.2] [--train 4500]

clinc150 has 150 intents and queries that belong to none. An end model learns the intents from weak labels of train queries and
finds its threshold at a risk of 5 % on the 3,000 in-scope queries of val; what it answers of the 4,500 in-scope and the 1,000
out-of-scope queries of test is printed, with 95 % Wilson intervals. No out-of-scope query is seen before. The weak labels are
made in two ways, as the set has no functions:

- `noise`: the gold of a query, for a share of them (--noise) that of another intent drawn by chance; the soft label says so.
- `words`: the intent whose name is nearest to the query by the static embedding, and probabilities by its distance. No gold.

Functions err alike on rows that are alike, which neither shows; `words` does so most. --train queries teach, drawn by intent.
On tickets a run is made in a copy of the task, and `workbench stress` with its time printed; minutes.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # before numpy starts

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.end_model import EndModel
from workbench.end_model.deferral import learn_deferral
from workbench.stats import wilson_interval
from workbench.tables import Dataset, SoftLabels
from workbench.text.encoders import encode

ROOT = Path(__file__).resolve().parents[1]
RISK = 0.05
SHARPNESS = 20  # of `words`: log odds between two names that are 1 apart by cosine


def rows_of(pairs, labels, split):
    ids = pd.Index([f"{split}:{n}" for n in range(len(pairs))], dtype="str")
    gold = pd.Index(labels).get_indexer(pd.Index([label for _, label in pairs]))
    frame = pd.DataFrame({"text": [text for text, _ in pairs]}, index=ids, dtype="str")
    return Dataset(frame, labels, ("text",), pd.Series("train", index=ids), pd.Series(gold, index=ids, dtype=np.int16))


def by_noise(rows, share, rng):
    """Return the gold of the rows, for a share of them that of another class."""
    k, gold = len(rows.labels), rows.gold.to_numpy()
    wrong = rng.random(len(rows)) < share
    given = np.where(wrong, (gold + rng.integers(1, k, size=len(rows))) % k, gold)
    probs = np.full((len(rows), k), share / (k - 1))
    probs[np.arange(len(rows)), given] = 1 - share
    return SoftLabels(rows.ids, rows.labels, probs, np.ones(len(rows), bool))


def by_words(rows):
    """Return probabilities by how near the name of each class is to the row."""
    near = encode(rows.texts()) @ encode([label.replace("_", " ") for label in rows.labels]).T
    odds = np.exp(SHARPNESS * (near - near.max(axis=1, keepdims=True)).astype(float))
    return SoftLabels(rows.ids, rows.labels, odds / odds.sum(axis=1, keepdims=True), np.ones(len(rows), bool))


def share(hits):
    low, high = wilson_interval(hits.sum(), len(hits))
    return f"{hits.mean():.3f} [{low:.3f}, {high:.3f}]"


def clinc150(folder, noise, n_train):
    found = json.loads((folder / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    labels = tuple(sorted({label for _, label in found["train"]}))
    train, valid, test = (rows_of(found[split], labels, split) for split in ("train", "val", "test"))
    strange = rows_of(found["oos_test"], labels, "oos_test")
    rng = np.random.default_rng(0)
    some = np.argsort(_rank_in_class(train, rng), kind="stable")[:n_train]
    train = train.take(np.sort(some))
    print(f"clinc150: {len(labels)} intents, {len(train):,} train queries, risk {RISK:.0%}")
    told = ("weak labels", "right", "end model right", "threshold", "in scope answered", "of these wrong")
    print("| " + " | ".join((*told, "out of scope deferred", "as unlike the training rows", "s")) + " |")
    print("|" + "---|" * 9)
    for name, soft in (("noise", by_noise(train, noise, rng)), ("words", by_words(train))):
        start = time.perf_counter()
        model = EndModel().fit(train, soft)
        right = soft.probs.argmax(axis=1) == train.gold
        sure = {split: model.ask(rows) for split, rows in (("valid", valid), ("test", test), ("strange", strange))}
        known = {split: np.where(unlike, 0, soft.probs.max(axis=1)) for split, (soft, unlike) in sure.items()}
        correct = {
            split: sure[split][0].probs.argmax(axis=1) == rows.gold for split, rows in (("valid", valid), ("test", test))
        }
        learned = learn_deferral(known["valid"], correct["valid"].to_numpy(), RISK)
        answered, answered_strange = learned.answers(known["test"]), learned.answers(known["strange"])
        wrong = share(~correct["test"].to_numpy()[answered]) if answered.any() else "-"
        threshold = "none" if learned.threshold is None else f"{learned.threshold:.3f}"
        cells = [name, f"{right.mean():.3f}", f"{correct['test'].mean():.3f}", threshold, share(answered), wrong]
        cells += [share(~answered_strange), share(sure["strange"][1]), f"{time.perf_counter() - start:.0f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


def _rank_in_class(rows, rng):
    """Return of each row the place that a draw gives it among the rows of its class, so that a head holds all alike."""
    drawn = pd.Series(rng.random(len(rows)), index=rows.ids)
    return drawn.groupby(rows.gold).rank().to_numpy(int)


def tickets():
    with tempfile.TemporaryDirectory() as folder:
        for part in ("data/tickets", "labeling_functions/tickets"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("runs", "cache", "review"))
        task = Path(folder) / "data" / "tickets"
        for command in (["run", task, "--json"], ["stress", task]):
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "workbench", *map(str, command)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(done.stderr)
            seconds = time.perf_counter() - start
        print(done.stderr + done.stdout)
        print(f"`workbench stress data/tickets` took {seconds:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default="clinc150,tickets")
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--train", type=int, default=4500)
    given = parser.parse_args()
    if "clinc150" in given.only and not (given.data / "clinc150").is_dir():
        sys.exit(f"there is no folder {given.data / 'clinc150'}; give --data, or --only tickets")
    if "clinc150" in given.only:
        clinc150(given.data, given.noise, given.train)
    if "tickets" in given.only:
        tickets()


if __name__ == "__main__":
    main()
