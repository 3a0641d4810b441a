"""Label models side by side on public data sets: scores, anchors, fit time, memory; and which targets are met.

    python benchmarks/label_models.py [--only trec,dog] [--anchors 50,100,200] [--patient] [--million] [--stability]

Needs the data sets in WRENCH JSON (train/valid/test.json, label.json) and the crowd sets (label.csv, truth.csv). Every model
has one configuration for all sets, learns on train without gold unless said, and is scored on test: on all rows (ties count as
random) and on covered rows, those on which any function votes. Each set is fitted without a class balance and, where there is
a valid split, with the balance of its gold, given to every model. A crowd set has no split: all items. Snorkel's model runs
500 epochs; where an adapter refuses a set, a dash stands and the reason below. --anchors: how many random gold rows of train
the generative model gets. --patient: five timings of Snorkel even where they take minutes. --million: a million planted rows.
--stability: other seeds, and other orders of rows and functions.
"""

import os

# before numpy starts its threads: everybody has two
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2"))

import argparse
import re
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench.evaluate import score
from workbench.io import read_crowd, read_wrench
from workbench.label_models import LABEL_MODELS, GenerativeModel
from workbench.tables import ABSTAIN, VoteMatrix, WorkbenchError, tied_classes

ROOT = Path(__file__).resolve().parents[1]
TEXT_SETS = ("youtube", "sms", "trec", "adult", "banking77")
CROWD_SETS = ("bluebird", "dog", "product")
MODELS = ("majority_vote", "weighted_vote", "triplet", "dawid_skene", "snorkel", "generative")
MEASURES = [(rows, measure) for measure in ("accuracy", "macro_f1") for rows in ("all", "covered")]
DRAWS, REPEATS, SEEDS = 20, 5, 20

TARGETS = {  # "at least" or "at most" a number, which the worst set must reach
    "points": ("points over the better of majority vote and Snorkel", ">=", -0.5),
    "above": ("sets strictly above majority vote and Snorkel", ">=", 3),
    "log loss": ("log loss as a share of Snorkel's, covered rows", "<=", 0.8),
    "log loss mean": ("log loss as a share of Snorkel's, covered rows, mean over sets", "<=", 0.7),
    "ece": ("ECE, covered rows, no anchors", "<=", 0.15),
    "anchored ece": ("ECE, covered rows, over the limit for its n", "<=", 0.0),
    "anchored": ("accuracy change in standard errors, all rows and covered rows", ">=", -1.96),
    "bluebird": ("accuracy, three decimals", ">=", 0.898),
    "dog": ("accuracy, three decimals", ">=", 0.843),
    "product": ("accuracy, three decimals", ">=", 0.939),
    "time": ("fit time, Snorkel's over ours", ">=", 100),
    "million": ("fit, seconds", "<=", 20),
    "linear": ("fit, times as long as 250,000 rows", "<=", 5),
    "banking77": ("fit, seconds", "<=", 15),
    "memory": ("peak memory of fit and predict, MB", "<=", 2000),
    "spread": ("accuracy spread, points", "<=", 0.1),
}
VERDICTS = []


class Votes(NamedTuple):
    """What models learn from and are scored on; gold is class index by row id, balance that of valid gold."""

    train: VoteMatrix
    train_gold: pd.Series
    test: VoteMatrix
    gold: pd.Series
    balance: list[float] | None


def load(name, data):
    if name in CROWD_SETS:
        imported = read_crowd(data / "crowd" / name / "label.csv", data / "crowd" / name / "truth.csv")
    else:
        imported = read_wrench(data / name)
    codes = np.column_stack([imported.votes[lf].cat.codes for lf in imported.votes])
    votes = VoteMatrix.from_array(codes, imported.labels, imported.frame["id"], imported.votes.columns)
    gold = pd.Series(imported.frame["gold"].cat.codes.to_numpy(), index=votes.ids)
    split = imported.frame["split"].to_numpy()
    test = split == "test"
    train = test if name in CROWD_SETS else split == "train"
    counts = np.bincount(gold[(split == "valid") & (gold >= 0)], minlength=len(votes.labels))
    balance = list(counts / counts.sum()) if counts.sum() else None
    return Votes(votes.take(train), gold[train], votes.take(test), gold[test], balance)


def scores(soft, gold):
    return {rows: score(soft, gold, split="test", rows=rows) for rows in ("all", "covered")}


def table(title, head, rows):
    if not rows:
        return
    print(f"\n{title}\n\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    sys.stdout.flush()


def judge(target, figures, how):
    """Keep for the last table the worst of figures, which are by set, and the sets that miss the target."""
    what, relation, limit = TARGETS[target]
    sign = 1 if relation == ">=" else -1
    missed = [name for name, figure in figures.items() if sign * figure < sign * limit - 1e-9]
    if figures:
        worst = min(figures, key=lambda name: sign * figures[name])
        figure = f"{figures[worst]:.3g}" if abs(figures[worst]) < 100 else f"{figures[worst]:,.0f}"
        met = f"NOT MET: {', '.join(missed)}" if missed else "met"
        VERDICTS.append((what, how, f"{relation} {limit:g}", f"{figure} ({worst})", met))


def compare(sets):
    """Return {(set, balance): {model: its scores, or why it was refused}} for each balance that a set has."""
    found = {}
    for name, votes in sets.items():
        for balance, given in (("none", None), ("valid", votes.balance)):
            if balance == "none" or given is not None:
                found[name, balance] = {model: answers(model, votes, given) for model in MODELS}
    return found


def answers(model, votes, balance):
    try:
        return scores(LABEL_MODELS[model](class_balance=balance).fit(votes.train).predict_proba(votes.test), votes.gold)
    except WorkbenchError as refused:
        return str(refused)


def cell(by_model, model, rows, measure, over=None):
    """Return a score in words, a dash where the model was refused; over: other scores to divide by it."""
    if isinstance(by_model[model], str):
        return "-"
    figure = by_model[model][rows][measure]
    return f"{over[rows][measure] / figure:.2f}" if over else f"{figure:.3f}"


def comparison(found):
    """Print one table a measure, and judge what the generative model must reach."""
    for rows, measure in [*MEASURES, ("covered", "log_loss"), ("covered", "ece")]:
        lines = []
        for (name, balance), by_model in found.items():
            n, covered = (by_model["generative"][part]["n"] for part in ("all", "covered"))
            share = f"{n:,}" if rows == "all" else f"{covered:,} of {n:,}"
            cells = [cell(by_model, model, rows, measure) for model in MODELS]
            lines.append([name, balance, share, *cells, cell(by_model, "snorkel", rows, measure, by_model["generative"])])
        head = ("set", "balance", "n", *MODELS, "generative / snorkel")
        table(f"**{measure.replace('_', ' ')}, {rows} rows of test**", head, lines)
    for balance in ("none", "valid"):
        judge_comparison(balance, {name: by_model for (name, given), by_model in found.items() if given == balance})
    for answer in {text for by_model in found.values() for text in by_model.values() if isinstance(text, str)}:
        print(f"\n-: {answer}")


def judge_comparison(balance, chosen):
    for rows, measure in MEASURES:
        points, how = {}, f"balance {balance}, {measure}, {rows} rows"
        for name, by_model in chosen.items():
            peers = [one for one in (by_model["majority_vote"], by_model["snorkel"]) if not isinstance(one, str)]
            best = max(peer[rows][measure] for peer in peers)
            points[name] = 100 * (by_model["generative"][rows][measure] - best)
        judge("points", points, how)
        if balance == "valid" and len(points) == 4:
            judge("above", {"of 4": sum(gain > 1e-9 for gain in points.values())}, how)
    fair = {name: by_model for name, by_model in chosen.items() if not isinstance(by_model["snorkel"], str)}
    loss = {name: [fair[name][model]["covered"]["log_loss"] for model in ("generative", "snorkel")] for name in fair}
    ratios = {name: ours / theirs for name, (ours, theirs) in loss.items()}
    judge("log loss", ratios, f"balance {balance}")
    judge("log loss mean", {f"mean of {len(fair)}": statistics.mean(ratios.values())} if fair else {}, f"balance {balance}")
    judge("ece", {name: by_model["generative"]["covered"]["ece"] for name, by_model in chosen.items()}, f"balance {balance}")


def crowds(found):
    lines = []
    for (name, _), by_model in found.items():
        lines.append([name, f"{by_model['generative']['all']['n']:,}", *(cell(by_model, m, "all", "accuracy") for m in MODELS)])
        judge(name, {name: round(by_model["generative"]["all"]["accuracy"], 3)}, "all items")
    table("**accuracy, crowd sets, all items, no balance** (dawid_skene is Crowd-Kit's)", ["set", "n", *MODELS], lines)


def right(soft, gold):
    """float64[n]: how much of each row's answer is right; ties count as random."""
    tied = tied_classes(soft.probs)
    return tied[np.arange(len(gold)), gold.loc[soft.ids]] / tied.sum(axis=1)


def planted_errors(soft, rng):
    """Return the ECE of covered rows whose truth is drawn from the very probabilities, 20 times: of perfect calibration."""
    drawn = (soft.probs.cumsum(axis=1)[None] > rng.random((DRAWS, len(soft), 1))).argmax(axis=2)
    return [score(soft, pd.Series(truth, index=soft.ids), split="test", rows="covered")["ece"] for truth in drawn]


def anchors(name, votes, n):
    """Give n random gold rows of train, 20 times; return the line of the table and judge the means.

    The limit of ECE is max(.05, q + .02), q the 95 % quantile over 20 x 20 draws of the truth from the model's own answers. The
    standard error of a change is over test rows, paired, and over draws.
    """
    alone = GenerativeModel().fit(votes.train).predict_proba(votes.test)
    known, rng = votes.train_gold[votes.train_gold >= 0], np.random.default_rng(0)
    found, perfect, changes = [], [], []
    for draw in range(DRAWS):
        gold = known.iloc[np.random.default_rng(draw).choice(len(known), n, replace=False)]
        soft = GenerativeModel().fit(votes.train, gold).predict_proba(votes.test)
        found.append(scores(soft, votes.gold))
        changes.append(right(soft, votes.gold) - right(alone, votes.gold))
        perfect += planted_errors(soft.take(soft.covered), rng)
    before, cells, worst = scores(alone, votes.gold), [], []
    for rows, part in (("all", np.ones(len(alone), bool)), ("covered", alone.covered)):
        change = 100 * np.array(changes)[:, part]
        error = np.sqrt(change.mean(axis=0).var() / change.shape[1] + change.mean(axis=1).var() / DRAWS)
        cells += [f"{before[rows]['accuracy']:.3f}", f"{change.mean():+.1f} ({error:.1f})", f"{change.mean(axis=1).min():+.1f}"]
        worst.append(change.mean() / error if error else 0.0)
    loss, ece = (float(np.mean([one["covered"][measure] for one in found])) for measure in ("log_loss", "ece"))
    quantile = float(np.quantile(perfect, 0.95))
    limit = max(0.05, quantile + 0.02)
    cells += [f"{before['covered']['log_loss']:.3f}", f"{loss:.3f}", f"{before['covered']['ece']:.3f}", f"{ece:.3f}"]
    share = f"{alone.covered.sum():,} of {len(alone):,}"
    return [name, n, share, *cells, f"{limit:.3f} ({quantile:.3f})"], ece - limit, min(worst)


def anchored(sets, numbers):
    lines = []
    for n in numbers:
        over, change = {}, {}
        for name, votes in sets.items():
            line, over[name], change[name] = anchors(name, votes, n)
            lines.append(line)
        judge("anchored ece", over, f"{n} anchors, mean of {DRAWS} draws")
        judge("anchored", change, f"{n} anchors, mean of {DRAWS} draws")
    change = ("change in points (standard error)", "lowest draw")
    head = ["set", "anchors", "covered test n", "accuracy, all rows, none", *change, "accuracy, covered rows, none", *change]
    head += ["log loss, covered, none", "anchored", "ECE, covered, none", "anchored", "its limit (perfect, 95 %)"]
    table(f"**gold anchors of train, generative, no balance: mean of {DRAWS} draws**", head, lines)


def plant(n, m, k, coverage, seed=0, one_class=False):
    """Return votes of planted accuracy .6 to .9 on n rows of k equally frequent classes, and the truth.

    coverage: float64[m]. one_class: each function votes one class only, as keyword rules do, else any class.
    """
    rng = np.random.default_rng(seed)
    truth, accuracy = rng.integers(k, size=n), rng.uniform(0.6, 0.9, m)
    votes = np.full((n, m), ABSTAIN, np.int16, order="F")
    for j in range(m):
        if one_class:
            hit = truth == j % k
            fires = rng.random(n) < coverage[j] * np.where(hit, k * accuracy[j], k * (1 - accuracy[j]) / (k - 1))
            votes[fires, j] = j % k
        else:
            fires = np.flatnonzero(rng.random(n) < coverage[j])
            wrong = rng.random(len(fires)) > accuracy[j]
            votes[fires, j] = (truth[fires] + wrong * rng.integers(1, k, len(fires))) % k
    votes.flags.writeable = False
    ids, lfs = pd.RangeIndex(n).astype("str"), tuple(f"f{j}" for j in range(m))
    return VoteMatrix(ids, lfs, tuple(f"c{c}" for c in range(k)), votes), pd.Series(truth, index=ids)


def seconds(fit):
    start = time.perf_counter()
    fit()
    return time.perf_counter() - start


def snorkel(votes, epochs, threads):
    import torch
    from snorkel.labeling.model import LabelModel

    torch.set_num_threads(threads)
    LabelModel(len(votes.labels), verbose=False).fit(votes.votes.astype(int), n_epochs=epochs, seed=0, progress_bar=False)


def fit_times(trec, patient):
    """Time ours and Snorkel in turn, so that a busy moment falls on both: five rounds, or 20 seconds unless patient.

    Two threads may wait for each other in Snorkel's small matrices, so that it gets the faster of one and two.
    """
    coverage, lines = np.random.default_rng(1).uniform(0.001, 0.02, 164), []
    planted, _ = plant(1749, 164, 9, coverage, one_class=True)
    for name, votes in (("trec", trec), ("semeval-sized, planted", planted)):
        GenerativeModel().fit(votes), snorkel(votes, 1, 2)  # imports are not fitting
        probes = [seconds(lambda votes=votes, n=n: snorkel(votes, 20, n)) for n in (1, 2)]
        threads = 1 + int(probes[1] < probes[0])
        ours, theirs = [], {500: [], 100: []}
        while len(theirs[500]) < REPEATS and (patient or sum(theirs[500]) < 20):
            ours += [seconds(lambda votes=votes: GenerativeModel().fit(votes)) for _ in range(REPEATS)]
            for epochs, took in theirs.items():
                took.append(seconds(lambda votes=votes, e=epochs, n=threads: snorkel(votes, e, n)))
        median = statistics.median(ours)
        lines.append([name, len(votes), len(votes.lfs), len(votes.labels), f"{1000 * median:.1f} ({len(ours)})", threads])
        for epochs, took in theirs.items():
            ratio = statistics.median(took) / median
            lines[-1] += [f"{1000 * statistics.median(took):,.0f} ({len(took)})", f"{ratio:.0f}x"]
            judge("time", {name: ratio}, f"Snorkel at {epochs} epochs")
    head = ["votes", "rows", "functions", "classes", "ours ms (fits)", "Snorkel's threads, 1 or 2"]
    head += ["Snorkel ms, 500 epochs (fits)", "ratio", "Snorkel ms, 100 epochs, its default (fits)", "ratio"]
    table("**fit time, median, at two threads**", head, lines)


def peak():
    """Return the peak memory of this process in MB, from Linux; what getrusage tells counts the parent's from before exec."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6


def alone(what, data):
    """Fit and predict; return seconds, and peak MB before, after fit and after predict."""
    if what == "banking77":
        train, _, test, gold, _ = load(what, data)
    else:
        rows, coverage = what
        train, gold = plant(rows, 100, 4, np.full(100, coverage))
        test = train
    model, before, busy = GenerativeModel(), peak(), time.process_time()
    took = {"fit": seconds(lambda: model.fit(train)), "cpu": time.process_time() - busy, "memory": (before, peak())}
    start = time.perf_counter()
    soft = model.predict_proba(test)
    took |= {"predict": time.perf_counter() - start, "memory": (*took["memory"], peak())}
    return took | {"rows": len(train), "n_iter": model.n_iter_, "accuracy": scores(soft, gold)["all"]["accuracy"]}


def sizes(names, million, data):
    """Print time and memory of large votes."""
    lines = []

    def measure(what, title):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(alone, what, data).result()
        times = [f"{found['fit']:.2f} ({found['cpu']:.2f})", found["n_iter"], f"{found['predict']:.2f}"]
        memory = [f"{part:,.0f}" for part in found["memory"]]
        lines.append([title, f"{found['rows']:,}", *times, *memory, f"{found['accuracy']:.3f}"])
        return found["fit"], max(found["memory"])

    if "banking77" in names:
        took, memory = measure("banking77", "banking77, 335 x 77")
        judge("banking77", {"banking77": took}, "train")
        judge("memory", {"banking77": memory}, "with the reading of its files")
    for coverage in (0.05, 0.3) if million else ():
        title = f"planted, 100 x 4, {coverage:.0%} coverage"
        quarter, (took, memory) = (measure((rows, coverage), title) for rows in (250_000, 1_000_000))
        for target, figure in (("million", took), ("memory", memory), ("linear", took / quarter[0])):
            judge(target, {title: figure}, "1,000,000 rows")
    head = ("votes, functions x classes", "rows", "fit s (of CPU)", "iterations", "predict s", "MB before", "peak MB, fit")
    table("**large votes, each in a process of its own**", (*head, "peak MB, predict", "accuracy"), lines)


def spreads(name, votes):
    """Judge how far accuracy on all test rows moves with the seed, the order of rows and the order of functions."""
    rng, rows, lfs = np.random.default_rng(0), np.arange(len(votes.train)), np.arange(len(votes.train.lfs))

    def accuracy(seed, rows, lfs):
        both = votes.train.take(rows), votes.test
        train, test = (VoteMatrix(v.ids, tuple(v.lfs[j] for j in lfs), v.labels, v.votes[:, lfs]) for v in both)
        return scores(GenerativeModel(seed=seed).fit(train).predict_proba(test), votes.gold)["all"]["accuracy"]

    reached = {
        "seeds": [accuracy(seed, rows, lfs) for seed in range(SEEDS)],
        "row orders": [accuracy(0, rng.permutation(rows), lfs) for _ in range(SEEDS)],
        "function orders": [accuracy(0, rows, rng.permutation(lfs)) for _ in range(SEEDS)],
    }
    for what, found in reached.items():
        judge("spread", {name: 100 * (max(found) - min(found))}, f"{SEEDS} {what}")
    return [name, f"{len(votes.test):,}", *(f"{min(found):.4f} to {max(found):.4f}" for found in reached.values())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default=",".join((*TEXT_SETS, *CROWD_SETS)), help="sets, by comma; fit time needs trec")
    parser.add_argument("--anchors", default="100", help="numbers of gold rows, by comma")
    parser.add_argument("--patient", action="store_true", help="time Snorkel five times even where it takes minutes")
    parser.add_argument("--million", action="store_true", help="1,000,000 planted rows as well: time and peak memory")
    parser.add_argument("--stability", action="store_true", help="20 seeds, row orders and function orders, youtube and trec")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(f"there is no folder {arguments.data}; give --data")
    names = arguments.only.split(",")
    for name in set(names).difference(TEXT_SETS, CROWD_SETS):
        sys.exit(f"--only: {name!r} is unknown; known are {', '.join((*TEXT_SETS, *CROWD_SETS))}")
    print(f"Snorkel {version('snorkel')}, Crowd-Kit {version('crowd-kit')}, {os.cpu_count()} cores")
    sets = {name: load(name, arguments.data) for name in names}
    texts = {name: sets[name] for name in TEXT_SETS if name in sets}
    comparison(compare(texts))
    anchored(texts, [int(n) for n in arguments.anchors.split(",")])
    crowds(compare({name: sets[name] for name in CROWD_SETS if name in sets}))
    if "trec" in sets:
        fit_times(sets["trec"].train, arguments.patient)
    sizes(sets, arguments.million, arguments.data)
    stable = [spreads(name, sets[name]) for name in ("youtube", "trec") if arguments.stability and name in sets]
    head = ("set", "test n", "seeds", "row orders", "function orders")
    table("**accuracy, all rows of test, no balance, lowest to highest**", head, stable)
    table("**Targets**, on the sets of this run", ("target", "how", "limit", "worst figure (set)", ""), VERDICTS)


if __name__ == "__main__":
    main()
