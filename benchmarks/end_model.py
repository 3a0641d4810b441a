"""The end model on public data sets and the bundled task: what weak labels teach it, and what 100 reviewed rows add.

    python benchmarks/end_model.py [--only youtube,trec] [--features tfidf,static,minilm] [--seeds 3] [--draws 5] [--ablate]

(minilm is MiniLM, of the extra `sentence`; with `--features tfidf,static` nothing but the workbench is needed.)

Needs the data sets in WRENCH JSON; tickets is the bundled task, its functions run in a temporary copy, its train truth the
human. Label model and end model learn from train votes; test gold only scores. Anchors are 100 rows of train drawn at random,
gold the human: they teach label model and end model. "100 rows alone" is the same end model taught by them and nothing else,
"ceiling" by the gold of all train rows. Accuracy of all rows of the split; ties count as random. PGR is the share of the gap
between the better of majority vote and label model and the ceiling, of mean accuracies; none where the gap is under 5 points.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from queues import ROOT, load, table

from workbench.end_model import EndModel
from workbench.evaluate import score
from workbench.label_models import GenerativeModel, MajorityVote
from workbench.tables import Dataset, SoftLabels

SETS = ("youtube", "sms", "trec", "tickets")
FEATURES = ("tfidf", "static", "minilm")
ANCHORS = 100
TRUE = {"second_look": 0.0}  # labels that are true give way to nothing
#: settings beside the chosen ones, for --ablate
ABLATIONS = {
    "as chosen": {},
    "tfidf alone": {"features": ("tfidf",)},
    "all rows count alike": {"certainty": 0.0},
    "no second look": {"second_look": 0.0},
    "second look alone": {"second_look": 1.0},
    "smoothest 60 %": {"keep": 0.6},
    "confidence loss .5": {"confidence_loss": 0.5},
    "self-training": {"self_training": 1.0},
    "uncovered rows teach the balance": {"use_uncovered": True},
}
#: set: what is asked of a model, at least; F1 is of the second class
TARGETS = {
    ("youtube", "weak labels", "accuracy"): 0.955,
    ("sms", "weak labels", "f1"): 0.90,
    ("sms", "with anchors", "f1"): 0.93,
    ("trec", "weak labels", "accuracy"): 0.66,
    ("trec", "with anchors", "accuracy"): 0.80,
}


def dataset_of(task):
    """Return rows, votes and gold of a set as the end model reads them."""
    ids = task.votes.ids
    frame = pd.DataFrame({"text": task.texts}, index=ids)
    gold = pd.Series(task.gold, index=ids)
    return Dataset(frame, task.votes.labels, ("text",), pd.Series(task.split, index=ids), gold)


def one_hot(ids, labels, classes):
    return SoftLabels(ids, labels, np.eye(len(labels))[classes], np.ones(len(ids), bool))


def f1(answer, truth, positive=1):
    """Return the F1 of one class."""
    both = ((answer == positive) & (truth == positive)).sum()
    return 2 * both / max((answer == positive).sum() + (truth == positive).sum(), 1)


class Bench:
    """One set: its splits, and what a model scores on test."""

    def __init__(self, name, data, split):
        self.task, self.split = load(name, data), split
        self.dataset, votes = dataset_of(self.task), self.task.votes
        self.train = np.flatnonzero(self.task.split == "train")
        self.test = np.flatnonzero((self.task.split == split) & (self.task.gold >= 0))
        self.known = self.train[self.task.gold[self.train] >= 0]
        self.votes, self.on_test = votes.take(self.train), votes.take(self.test)
        self.rows, self.asked = self.dataset.take(self.train), self.dataset.take(self.test)
        self.truth = self.task.gold[self.test]
        self.gold = pd.Series(self.truth, index=self.asked.ids)

    def anchors(self, draw):
        place = np.random.default_rng(draw).choice(self.known, ANCHORS, replace=False)
        return pd.Series(self.task.gold[place], index=self.dataset.ids[place])

    def measures(self, soft):
        found = score(soft, self.gold, split=self.split, rows="all")
        uncovered = ~self.on_test.covered
        answer = soft.probs.argmax(axis=1)
        return {
            "accuracy": found["accuracy"],
            "f1": f1(answer, self.truth),
            "ece": found["ece"],
            "perfect": calibrated(soft.probs.max(axis=1)),
            "uncovered": (answer == self.truth)[uncovered].mean() if uncovered.any() else np.nan,
        }

    def majority(self):
        """Return the accuracy of the commonest class of uncovered test rows, and how many there are."""
        rest = self.truth[~self.on_test.covered]
        return (np.bincount(rest).max() / len(rest) if len(rest) else np.nan), len(rest)

    def models(self, settings, seeds, draws):
        """Return {model: [measures]}, one for each seed or draw."""
        found = {"label model": [], "weak labels": [], "with anchors": [], "100 rows alone": [], "ceiling": []}
        plain = GenerativeModel().fit(self.votes)
        found["majority vote"] = [self.measures(MajorityVote().fit(self.votes).predict_proba(self.on_test))]
        found["label model"].append(self.measures(plain.predict_proba(self.on_test)))
        for seed in range(seeds):
            model = EndModel(**settings, seed=seed).fit(self.rows, plain.predict_proba(self.votes))
            found["weak labels"].append(self.measures(model.predict_proba(self.asked)))
        gold = one_hot(self.dataset.ids[self.known], self.votes.labels, self.task.gold[self.known])
        found["ceiling"].append(self.measures(EndModel(**settings | TRUE).fit(self.dataset, gold).predict_proba(self.asked)))
        for draw in range(draws):
            anchors = self.anchors(draw)
            soft = GenerativeModel().fit(self.votes, anchors).predict_proba(self.votes)
            model = EndModel(**settings, seed=draw).fit(self.rows, soft, anchors=anchors)
            found["with anchors"].append(self.measures(model.predict_proba(self.asked)))
            alone = one_hot(anchors.index, self.votes.labels, anchors.to_numpy())
            few = EndModel(**settings | TRUE | {"folds": 0}, seed=draw).fit(self.dataset, alone)
            found["100 rows alone"].append(self.measures(few.predict_proba(self.asked)))
        return {model: pd.DataFrame(lines) for model, lines in found.items()}


def bench(name, data, settings, seeds, draws, split):
    start = time.perf_counter()
    each = Bench(name, data, split)
    found = each.models(settings, seeds, draws)
    return name, found, each.majority(), time.perf_counter() - start


def calibrated(confidence, draws=2_000):
    """Return the 95 % quantile of the ECE of answers that are right exactly as often as these say."""
    rng = np.random.default_rng(0)
    bins = np.minimum((confidence * 10).astype(int), 9)
    right = rng.random((draws, len(confidence))) < confidence
    gaps = [np.abs(np.bincount(bins, each - confidence, minlength=10)).sum() / len(confidence) for each in right]
    return float(np.quantile(gaps, 0.95))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--features", default=",".join(FEATURES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--split", default="test", choices=("valid", "test"), help="settings were chosen on valid")
    parser.add_argument("--ablate", action="store_true", help="other settings beside the chosen ones, one seed and draw")
    given = parser.parse_args()
    names, settings = given.only.split(","), {"features": tuple(given.features.split(","))}
    if not given.data.is_dir() and names != ["tickets"]:
        sys.exit(f"there is no folder {given.data}; give --data")
    every = ABLATIONS if given.ablate else {"as chosen": {}}
    seeds, draws = (1, 1) if given.ablate else (given.seeds, given.draws)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = {
            (what, name): pool.submit(bench, name, given.data, settings | more, seeds, draws, given.split)
            for what, more in every.items()
            for name in names
        }
        found = {key: run.result() for key, run in runs.items()}
    if given.ablate:
        ablation(found, names, every, given.split)
    else:
        report([found["as chosen", name] for name in names], given)


def ablation(found, names, every, split):
    for model in ("weak labels", "with anchors"):
        lines = [[what, *(f"{found[what, name][1][model]['accuracy'].mean():.3f}" for name in names)] for what in every]
        table(f"accuracy, {split}, {model}", ["settings", *names], lines)


def report(found, given):
    order = ("majority vote", "label model", "weak labels", "with anchors", "100 rows alone", "ceiling")
    lines, met = [], []
    for name, models, _, seconds in found:
        mean = {model: models[model]["accuracy"].mean() for model in order}
        weak = max(mean["majority vote"], mean["label model"])
        gap = mean["ceiling"] - weak
        shares = [f"{(mean[model] - weak) / gap:.2f}" if gap >= 0.05 else "-" for model in ("weak labels", "with anchors")]
        lines.append([name, *(f"{mean[model]:.3f}" for model in order), *shares, f"{seconds:.0f} s"])
        met += [
            [name, model, measure, f"{models[model][measure].mean():.3f}", least]
            for (of, model, measure), least in TARGETS.items()
            if of == name
        ]
    table(f"accuracy, {given.split}; features {given.features}", ["set", *order, "PGR", "PGR, anchors", "took"], lines)
    lines = []
    for name, models, (majority, n), _ in found:
        pair = [models[model] for model in ("weak labels", "with anchors")]
        cells = [f"{each[measure].mean():.3f}" for measure in ("uncovered", "ece") for each in pair]
        lines.append([name, n, f"{majority:.3f}", *cells, f"{max(0.05, pair[1]['perfect'].mean() + 0.02):.3f}"])
    head = ["set", "uncovered rows", "commonest class", "weak labels", "with anchors", "ECE", "ECE, anchors", "at most"]
    table("accuracy on rows without votes, and calibration", head, lines)
    table("targets", ["set", "model", "measure", "measured", "at least"], met)


if __name__ == "__main__":
    main()
