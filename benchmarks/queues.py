"""Queues side by side, gold as the human: what 0 to 300 reviewed rows do for the label model and for an end model.

    python benchmarks/queues.py [--only youtube,tickets] [--seeds 5] [--points 0,25,50,100,200,300] [--split test]

Needs the data sets in WRENCH JSON; tickets is the bundled task, its functions run in a temporary copy and its train truth is
the human. Each seed learns from 80 % of the train rows. A queue hands out train rows up to the next number; then the label
model is fitted anew with all answers (rows that chance chose set calibration, see docs/review.md) and the queue ranked anew.
The end model is a logistic regression on words and pairs of words, taught by the soft labels of covered and answered rows. Both
are scored on all rows. Printed are means over seeds and, over sets, of the differences to random with their standard errors.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from workbench.evaluate import score
from workbench.io import read_wrench
from workbench.label_models import GenerativeModel
from workbench.project.steps.run import run as run_line
from workbench.project.task import load_task
from workbench.review.queue import ranked
from workbench.review.second_opinion import second_opinion, soft_regression
from workbench.review.value import PICKED, WEIGHTS, Opinion, Rows, best_first
from workbench.tables import SoftLabels, VoteMatrix

ROOT = Path(__file__).resolve().parents[1]
SETS = ("youtube", "sms", "trec", "tickets")
QUEUES = ("random", "entropy", "conflict", "value")
MEASURES = {"log loss of the label model": "log_loss", "accuracy of the end model": "accuracy"}
WORDS = {"ngram_range": (1, 2), "sublinear_tf": True, "min_df": 2, "token_pattern": r"(?u)\b\w+\b|[^\w\s]"}


class Task(NamedTuple):
    votes: VoteMatrix
    gold: np.ndarray
    split: np.ndarray
    texts: list[str]


def load(name, data):
    if name == "tickets":
        return tickets()
    found = read_wrench(data / name)
    codes = np.column_stack([found.votes[lf].cat.codes for lf in found.votes])
    votes = VoteMatrix.from_array(codes, found.labels, found.frame["id"], found.votes.columns)
    words = found.frame[list(found.text or found.columns)].astype(str)
    if not found.text:  # a cell is a word
        words = words.apply(lambda cells: cells.name.replace("-", "") + "_" + cells.str.replace(r"\W+", "", regex=True))
    texts = [" ".join(cells) for cells in words.to_numpy()]
    return Task(votes, found.frame["gold"].cat.codes.to_numpy(np.intp), found.frame["split"].to_numpy(str), texts)


def tickets():
    with tempfile.TemporaryDirectory() as folder:
        for part in ("data", "labeling_functions"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("runs", "cache", "review"))
        task = load_task(Path(folder) / "data" / "tickets")
        dataset, _ = task.dataset()
        votes = run_line(task, until="apply").votes()
        truth = task.train_truth(dataset).where(dataset.split == "train", dataset.gold)
    return Task(votes, truth.to_numpy(np.intp), dataset.split.to_numpy(str), dataset.texts())


def ask(queue, votes, soft, texts, weights, seed):
    """Return the positions of all rows, best first, and which of them chance chose."""
    every = np.ones(len(votes), bool)
    if queue == "value":
        # only rows without an answer have the model's label; to the quick model all are alike
        probs = second_opinion(texts, soft, seed)
        opinion = None if probs is None else Opinion(np.arange(len(votes)), probs)
        text = pd.factorize(np.array(texts, dtype=object))[0]
        found = best_first(Rows(votes, soft, every, opinion, text=text), weights, seed)
        return found.order, found.how != PICKED
    if queue == "entropy":
        order = np.random.default_rng(seed).permutation(np.flatnonzero(votes.covered))
        entropy = -(soft.probs * np.log(np.maximum(soft.probs, 1e-300))).sum(axis=1)
        return order[np.argsort(-entropy[order], kind="stable")], np.zeros(len(order), bool)
    order = ranked(queue, votes, soft, every, seed)
    if queue == "conflict":  # where no row is left on which functions differ, the least certain ones
        order = pd.unique(np.concatenate([order, ranked("uncertain", votes, soft, every, seed)]))
    return order, np.full(len(order), queue == "random")


def curve(task, queue, seed, points, split, weights=WEIGHTS):
    """Return {rows answered: (log loss, accuracy)} of one queue and seed."""
    train = np.flatnonzero((task.split == "train") & (task.gold >= 0))
    rows = np.sort(np.random.default_rng(100 + seed).choice(train, int(0.8 * len(train)), replace=False))
    votes, truth, texts = task.votes.take(rows), task.gold[rows], [task.texts[i] for i in rows]
    held = np.flatnonzero((task.split == split) & (task.gold >= 0))
    counted = TfidfVectorizer(**WORDS, dtype=np.float32)
    words, unseen = counted.fit_transform(texts), counted.transform([task.texts[i] for i in held])
    scored = task.votes.take(held)
    gold = pd.Series(task.gold[held], index=scored.ids)
    asked, chance, found = np.zeros(0, np.intp), np.zeros(0, bool), {}
    for place, n in enumerate(points):
        known = pd.DataFrame({"label": truth[asked], "weight": 1.0, "drawn": chance}, index=votes.ids[asked])
        model = GenerativeModel().fit(votes, known if len(asked) else None)
        soft = model.predict_proba(votes)
        probs, covered = soft.probs.copy(), soft.covered.copy()
        probs[asked], covered[asked] = np.eye(len(votes.labels))[truth[asked]], True
        soft = SoftLabels(votes.ids, votes.labels, probs, covered)
        student = soft_regression(words[covered], np.where(probs[covered] > 0.02, probs[covered], 0))
        loss = score(model.predict_proba(scored), gold, split=split, rows="all")["log_loss"]
        found[n] = loss, float((student.predict(unseen) == gold).mean())
        if place + 1 < len(points):
            order, by_chance = ask(queue, votes, soft, texts, weights, seed)
            new = ~np.isin(order, asked)
            more = points[place + 1] - n
            asked, chance = np.append(asked, order[new][:more]), np.append(chance, by_chance[new][:more])
    return found


def curves(name, data, seeds, points, split):
    """Return float[queues, seeds, points, measures] of one set."""
    task = load(name, data)
    found = [[list(curve(task, queue, seed, points, split).values()) for seed in range(seeds)] for queue in QUEUES]
    return name, np.array(found)


def table(title, head, rows):
    print(f"\n**{title}**\n\n| " + " | ".join(map(str, head)) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    sys.stdout.flush()


def with_error(values, digits):
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():.{digits}f} ({error:.{digits}f})"


def report(found, points, split):
    """Print the curves of each set, and the mean over sets of what each queue gains over random with the same seed."""
    for at, measure in enumerate(MEASURES):
        lines = [
            [name, queue, *(with_error(values[q, :, p, at], 3) for p in range(len(points)))]
            for name, values in found.items()
            for q, queue in enumerate(QUEUES)
        ]
        table(f"{measure}, {split}, all rows: mean (standard error over seeds)", ["set", "queue", *points], lines)
    for at, measure in enumerate(MEASURES):
        gains = [values[:, :, :, at] - values[:1, :, :, at] for values in found.values()]
        mean = np.mean(gains, axis=0)  # over sets: [queues, seeds, points]
        lines = [[queue, *(with_error(mean[q, :, p], 4) for p in range(len(points)))] for q, queue in enumerate(QUEUES)]
        table(f"{measure}, {split}: queue minus random, mean over sets (standard error over seeds)", ["queue", *points], lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default=",".join(SETS), help="sets, by comma; adult can be asked for too")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--points", default="0,25,50,100,200,300", help="numbers of answered rows, by comma, from 0 on")
    parser.add_argument("--split", default="test", choices=("valid", "test"), help="weights were chosen on valid")
    arguments = parser.parse_args()
    names, points = arguments.only.split(","), [int(n) for n in arguments.points.split(",")]
    if not arguments.data.is_dir() and names != ["tickets"]:
        sys.exit(f"there is no folder {arguments.data}; give --data")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(curves, name, arguments.data, arguments.seeds, points, arguments.split) for name in names]
        report(dict(one.result() for one in asked), points, arguments.split)


if __name__ == "__main__":
    main()
