"""Are the promises of an audit true, and what do they cost? A simulation of the bounds that `workbench audit` prints.

    python benchmarks/audit.py [--quick] [--seed 0]

Each line is many audits of a population with a known error rate. Its rows stand in one stratum, or in four (55, 25, 15 and
5 % of the rows, with 0.4, 1, 2 and 4.6 times the error rate) that are drawn by Neyman's allocation over a floor of half the
proportional one. Rows are drawn with replacement and judged one at a time. 'At every look' is the share of audits in which
the 95 % upper bound is not below the truth at any moment, so whatever the rule by which one stops; 'at 100' and 'at 300' stop
there. 'Normal' is the estimate plus 1.645 standard errors on the same draws, the first look after 30 labels. 'Hájek' is the
two-sided 95 % interval of a description. 'Labels to' is the median number of labels until the bound is down at 5 %, and at
twice the true error rate; in brackets what `rows_to_promise` says beforehand, and how many audits are there by then. Exits
with 1 where a bound covers less than .95 minus two Monte-Carlo standard errors.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # before numpy starts

import argparse
import math
import sys
import time
from typing import NamedTuple

import numpy as np

from workbench.stats import hajek, log_wealth, rows_to_promise, wilson_interval
from workbench.tables import WorkbenchError

RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
SIZES, RELATIVE, FLOOR = np.array([0.55, 0.25, 0.15, 0.05]), np.array([0.4, 1.0, 2.0, 4.6]), 0.5
CONFIDENCE, TARGET, Z = 0.95, 0.05, 1.6449
GOAL = -math.log(1 - CONFIDENCE)
LOOKS, FIRST_LOOK = (100, 300), 30
HEADER = (
    "| error | strata | at every look | at 100 | at 300 | normal, every look | normal at 100 | normal at 300 | Hájek at 100 | "
    "Hájek at 300 | labels to 5 % | labels to twice the error |"
)


class Audits(NamedTuple):
    """Many audits: errors and weights by audit and draw [repeats, draws], and the largest weight there is."""

    errors: np.ndarray
    weights: np.ndarray
    largest: float


def audits(rate, strata, repeats, draws, rng):
    """Draw strata, then errors within them."""
    if strata == 1:
        return Audits((rng.random((repeats, draws)) < rate).astype(float), np.ones((repeats, draws)), 1.0)
    share = rate * RELATIVE
    spread = SIZES * np.sqrt(share * (1 - share))
    chance = FLOOR * SIZES + (1 - FLOOR) * spread / spread.sum()
    stratum = np.searchsorted(np.cumsum(chance)[:-1], rng.random((repeats, draws)), side="right")
    weight = SIZES / chance
    return Audits((rng.random((repeats, draws)) < share[stratum]).astype(float), weight[stratum], float(weight.max()))


def true_until_the_end(made, rate):
    """Return by audit and draw whether no bound so far is below the rate: [repeats, draws]."""
    caught = log_wealth(made.errors * made.weights, rate, made.largest) >= GOAL
    return ~np.maximum.accumulate(caught, axis=1)


def normal_upper(made):
    """Return the plain upper bound after each draw: mean plus Z standard errors [repeats, draws]."""
    loss, n = made.errors * made.weights, np.arange(1, made.errors.shape[1] + 1)
    mean = np.cumsum(loss, axis=1) / n
    variance = np.maximum(np.cumsum(loss**2, axis=1) / n - mean**2, 0) / np.maximum(n - 1, 1)
    return mean + Z * np.sqrt(variance)


def hajek_coverage(made, rate, n):
    """Return the share of audits whose interval after n draws holds the rate."""
    ends = (hajek(errors[:n], weights[:n]) for errors, weights in zip(made.errors, made.weights, strict=True))
    return np.mean([low <= rate <= high for _, low, high in ends])


def labels_to(target, rate, strata, repeats, rng):
    """Return the median number of labels until the bound is at the target, and what is said beforehand."""
    largest = audits(rate, strata, 1, 1, rng).largest
    try:
        said = rows_to_promise(target, CONFIDENCE, rate, largest)
    except WorkbenchError:
        return "never"
    made = audits(rate, strata, repeats, 3 * said, rng)
    there = log_wealth(made.errors * made.weights, target, largest) >= GOAL
    first = np.where(there.any(axis=1), there.argmax(axis=1) + 1, np.inf)
    return f"{np.median(first):,.0f} ({said:,}: {(first <= said).mean():.0%})"


def line(rate, strata, settings, rng):
    """Print one line of the table; return the bounds' coverages."""
    made = audits(rate, strata, settings.repeats, settings.draws, rng)
    true, normal = true_until_the_end(made, rate), normal_upper(made) >= rate
    bound = [true[:, -1].mean(), *(true[:, n - 1].mean() for n in LOOKS)]
    plain = [normal[:, FIRST_LOOK - 1 :].all(axis=1).mean(), *(normal[:, n - 1].mean() for n in LOOKS)]
    described = [hajek_coverage(made, rate, n) for n in LOOKS]
    cost = [labels_to(target, rate, strata, settings.repeats // 10, rng) for target in (TARGET, 2 * rate)]
    cells = [f"{rate:.1%}", str(strata), *(f"{share:.3f}" for share in (*bound, *plain, *described)), *cost]
    print("|", " | ".join(cells), "|", flush=True)
    return bound


def plain_at(rate, n, repeats, rng):
    """Return how often the plain two-sided interval, and how often Wilson's, holds a small error rate."""
    errors = rng.binomial(n, rate, repeats)
    share = errors / n
    half = 1.96 * np.sqrt(share * (1 - share) / n)
    low, high = wilson_interval(errors, n, CONFIDENCE)
    return np.mean(abs(share - rate) <= half), np.mean((low <= rate) & (rate <= high))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="500 audits of 400 draws in place of 4,000 of 1,000")
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    settings.repeats, settings.draws = (500, 400) if settings.quick else (4_000, 1_000)
    rng, start = np.random.default_rng(settings.seed), time.perf_counter()
    print(HEADER)
    print("|" + " ---: |" * HEADER.count(" | ") + " ---: |")
    lowest = min(share for strata in (1, 4) for rate in RATES for share in line(rate, strata, settings, rng))
    usual, right = plain_at(0.006, 190, 100_000, rng)
    error = math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / settings.repeats)
    print(
        f"\nAt 0.6 % error and 190 labels the plain two-sided interval holds the truth in {usual:.1%}, Wilson's in {right:.1%}"
    )
    print(
        f"{settings.repeats:,} audits of {settings.draws:,} draws a line, a tenth of them for the labels; lowest coverage of a "
        f"bound {lowest:.3f}, least allowed {CONFIDENCE - 2 * error:.3f}; {time.perf_counter() - start:.0f} s"
    )
    sys.exit(int(lowest < CONFIDENCE - 2 * error))


if __name__ == "__main__":
    main()
