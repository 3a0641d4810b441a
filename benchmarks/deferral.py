"""Is a promised risk kept, and how much is answered for it?

Each split draws measure rows of a world in which the error rate of a row follows from its rank by confidence, learns a
threshold by `lowest_threshold` (all that `learn_deferral` decides), and looks up the true risk of all rows above it. 'Broken'
is the share of splits in which that risk is above the target, 'promised' how often there is a promise, 'answered' the mean
share of rows answered, 0 where there is none. 'Naive' takes the lowest threshold whose error rate on the measure rows is at
most the target; 'oracle' knows the true risk and takes the lowest threshold that keeps it. 'Tied' rounds confidence to
twentieths; in 'crosses often' the risk swings around 5 % as more is answered. Exits with 1 where a promise is broken in more
than 5 % of splits plus two Monte-Carlo standard errors.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # before numpy starts

import argparse
import sys
import time

import numpy as np

from workbench.stats import lowest_threshold

RISKS = (0.02, 0.05, 0.1)
LEVEL = 0.95
GRID = (np.arange(20_000) + 0.5) / 20_000  # rank of a row, 0 the surest


def waves(rank):
    """Return an error rate that swings around 5 %, so that the risk crosses it again and again."""
    return 0.05 + 0.05 * np.sign(np.sin(2 * np.pi * 5 * rank**0.5))


# name: error rate by rank, confidence by rank and error rate
WORLDS = {
    "well calibrated": (lambda rank: 0.35 * rank**2, lambda rank, error: 1 - error),
    "well calibrated, tied": (lambda rank: 0.35 * rank**2, lambda rank, error: np.round(20 * (1 - error)) / 20),
    "overconfident": (lambda rank: 0.02 + 0.2 * rank**1.5, lambda rank, error: 1 - 0.05 * rank),
    "few errors": (lambda rank: 0.01 + 0 * rank, lambda rank, error: 1 - 0.1 * rank),
    "few, all unsure": (lambda rank: 0.12 * rank**4, lambda rank, error: 1 - error),
    "hopeless": (lambda rank: 0.3 + 0 * rank, lambda rank, error: 1 - 0.5 * rank),
    "just over the target": (None, lambda rank, error: 1 - 0.5 * rank),
    "worst at the top": (
        lambda rank: np.where(rank < 0.1, 0.15, np.where(rank < 0.5, 0.02, 0.3)),
        lambda rank, error: 1 - 0.5 * rank,
    ),
    "crosses often": (waves, lambda rank, error: 1 - 0.5 * rank),
}


def naive(confidence, correct, risk):
    """Return the threshold that looks good on the measure rows: rows above it are answered."""
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], np.cumsum(~correct[order])
    rest = np.append(sure[1:], 0.0)
    fine = (rest < sure) & (wrong <= risk * np.arange(1, len(sure) + 1))
    return rest[np.flatnonzero(fine)[-1]] if fine.any() else None


def line(name, risk, settings, rng):
    """Print one line of the table; return how often the promise was broken."""
    error_at, confidence_at = WORLDS[name]
    error_at = error_at or (lambda rank: risk + 1e-4 + 0 * rank)
    error = error_at(GRID)
    world = confidence_at(GRID, error)  # falls with rank
    falling = -world
    total = np.concatenate([[0], np.cumsum(error)])

    def truth(threshold):
        """Return the share of rows above a threshold, and how many of these are wrong."""
        if threshold is None:
            return 0.0, 0.0
        above = int(np.searchsorted(falling, -threshold, side="left"))
        return above / len(GRID), total[above] / max(above, 1)

    ours, plain, promised = [], [], 0
    for _ in range(settings.splits):
        rank = rng.random(settings.rows)
        rate = error_at(rank)
        confidence, correct = confidence_at(rank, rate), rng.random(settings.rows) >= rate
        found = lowest_threshold(confidence, ~correct, risk, LEVEL)
        promised += found is not None
        ours.append(truth(found and found.threshold))
        plain.append(truth(naive(confidence, correct, risk)))
    ends = np.flatnonzero(np.diff(world, append=-1) < 0) + 1  # counts that a threshold can cut at
    kept = ends[total[ends] <= risk * ends]
    best = kept[-1] / len(GRID) if kept.size else 0.0
    broken, worse = (float(np.mean([wrong > risk for _, wrong in of])) for of in (ours, plain))
    answered, more = (float(np.mean([share for share, _ in of])) for of in (ours, plain))
    cells = [name, f"{risk:.0%}", f"{broken:.1%}", f"{promised / settings.splits:.0%}", f"{answered:.0%}"]
    print("|", " | ".join([*cells, f"{worse:.0%}", f"{more:.0%}", f"{best:.0%}"]), "|", flush=True)
    return broken


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=300, help="measure rows")
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(settings.seed)
    print(f"{settings.rows} measure rows, {settings.splits:,} splits, level {LEVEL:.0%}\n")
    print("| world | risk | broken | promised | answered | naive: broken | naive: answered | oracle: answered |")
    print("|---|---|---|---|---|---|---|---|")
    broken = [line(name, risk, settings, rng) for name in WORLDS for risk in RISKS]
    most = 1 - LEVEL + 2 * np.sqrt(LEVEL * (1 - LEVEL) / settings.splits)
    print(f"\nmost often broken: {max(broken):.1%}, allowed {most:.1%}; {time.perf_counter() - start:.0f} s")
    sys.exit(max(broken) > most)


if __name__ == "__main__":
    main()
