"""Two samples of rows: whether they differ by more than chance, and by how much.

Each test comes with an effect that does not grow with the number of rows, since of many rows every trifle is sure.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.tables import WorkbenchError

_EXPECTED: Final = 5.0  # rows a cell must expect before the chi-square distribution is near enough (Cochran 1954)
_RESAMPLES: Final = 9_999
_FOLDS: Final = 5


def cohens_h(share: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """Return how far two shares are apart: .2 is small, .5 middling, .8 large (Cohen, 1988, Statistical Power, section 6.2).

    The distance of their arcsines, signed as share - other: near 0 and 1 a point weighs more than near one half.

    >>> [round(float(h), 2) for h in cohens_h([0.6, 0.1], [0.5, 0.0])]
    [0.2, 0.64]
    """
    return np.asarray(2 * (np.arcsin(np.sqrt(share)) - np.arcsin(np.sqrt(other))), np.float64)


def mixes_differ(first: ArrayLike, second: ArrayLike, seed: int = 0) -> float:
    """Return the p that two samples have the same mix of k kinds: Pearson's chi-square, conditional on the sizes of both.

    first, second: int[k], rows of each kind. Where a kind expects under five rows of either sample, the statistic is held
    against 9,999 draws of the second from both together, in place of its limit (Hope, J. R. Stat. Soc. B 30, 1968, p. 582),
    and p is at least 1 / 10,000.

    >>> mixes_differ([30, 10, 10], [30, 10, 10])
    1.0
    >>> mixes_differ([50, 0], [0, 9]) < 0.001
    True
    """
    from scipy.stats import chi2

    counts = np.array([first, second], np.int64)
    if counts.ndim != 2 or (counts < 0).any():
        raise WorkbenchError("two mixes need the rows of each kind, as many kinds on both sides and none below 0")
    counts = counts[:, counts.sum(axis=0) > 0]
    total, sizes = counts.sum(axis=0), counts.sum(axis=1)
    if not sizes.all() or len(total) < 2:
        return 1.0
    expected = np.outer(sizes, total) / sizes.sum()

    def statistic(second: NDArray[np.int64]) -> NDArray[np.float64]:
        # what one sample lacks the other has, so that the squares of both follow from one
        return np.asarray((second - expected[1]) ** 2 @ (1 / expected[1] + 1 / expected[0]), np.float64)

    found = float(statistic(counts[1]))
    if expected.min() >= _EXPECTED:
        return float(chi2.sf(found, len(total) - 1))
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(total, int(sizes[1]), size=_RESAMPLES)
    return _permuted(np.asarray(statistic(drawn)), found)


def moved(first: ArrayLike, second: ArrayLike) -> float:
    """Return the share of rows that would have to change kind to make one mix the other (total variation), 0 to 1.

    >>> moved([50, 50], [6, 4])
    0.1
    """
    shares = [np.asarray(counts, np.float64) / max(np.sum(counts), 1) for counts in (first, second)]
    return round(float(np.abs(shares[0] - shares[1]).sum() / 2), 12)


def ranks_differ(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Return the two-sided p that two samples of numbers are alike, and in which share of pairs the second's is the larger.

    The test of Mann & Whitney (Ann. Math. Stat. 18, 1947, p. 50), by its normal limit with ties; the share counts ties as one
    half, so that .5 is no difference (the area under the ROC curve).

    >>> p, share = ranks_differ(range(40), range(10, 50))
    >>> round(p, 3), round(share, 3)
    (0.001, 0.719)
    """
    from scipy.stats import mannwhitneyu

    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if not (len(one) and len(other)) or np.ptp(np.concatenate([one, other])) == 0:
        return 1.0, 0.5
    found = mannwhitneyu(other, one, method="asymptotic")
    return float(found.pvalue), float(found.statistic / (len(one) * len(other)))


def told_apart(
    first: NDArray[np.floating], second: NDArray[np.floating], *, permutations: int = 999, seed: int = 0
) -> tuple[float, float]:
    """Return the p that two samples of vectors are alike, and in which share of pairs a linear model tells which is which.

    first: [n, d], second: [m, d]. The classifier two-sample test (Lopez-Paz & Oquab, ICLR 2017): ridge regression on the
    sample a row is of, asked about rows that it did not learn from, in five folds. The share is the area under its ROC curve,
    .5 for chance and about 1 for samples that nothing joins. p is exact whatever the model: of so many permutations of the
    samples within folds, and the true one, those that are told apart as well (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9,
    2010, art. 39). Below five rows on a side nothing is told: (1, .5).
    """
    if min(len(first), len(second)) < _FOLDS:
        return 1.0, 0.5
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(first) + len(second))  # of equal rows chance says which is the larger
    rows = np.concatenate([first, second]).astype(np.float32)[order]
    rows -= rows.mean(axis=0)
    sides = np.repeat([0, 1], [len(first), len(second)])[order]
    fold = np.empty(len(rows), np.int64)
    guess = np.empty((permutations + 1, len(rows)), np.float32)  # the first line is the truth
    guess[0] = sides
    for side in (0, 1):
        fold[sides == side] = np.arange((sides == side).sum()) % _FOLDS
    for k in range(_FOLDS):
        guess[1:, fold == k] = rng.permuted(np.tile(sides[fold == k], (permutations, 1)), axis=1)
    penalty = np.float32((rows**2).sum() / rows.shape[1]) * np.eye(rows.shape[1], dtype=np.float32)
    scores = np.empty_like(guess)
    for k in range(_FOLDS):
        taught = rows[fold != k]
        told = (guess[:, fold != k] - np.float32(sides.mean())) @ taught
        scores[:, fold == k] = np.linalg.solve(taught.T @ taught + penalty, told.T).T @ rows[fold == k].T
    ranked = np.take_along_axis(guess, scores.argsort(axis=1), axis=1)
    above = ranked.astype(np.float64) @ np.arange(1, len(rows) + 1) - len(second) * (len(second) + 1) / 2
    share = above / (len(first) * len(second))
    return _permuted(share[1:], share[0]), float(share[0])


def unseen_draws(counts: ArrayLike) -> tuple[int, int]:
    """Return the share of new rows that are of a kind not among these, as successes in a number of draws of equal precision.

    counts: rows of each kind. A row left out is of a kind that no other has where its count is 1, which is the estimate of
    Good (Biometrika 40, 1953, p. 237). It varies more than as many draws would, by twice the kinds with two rows (Esty, Ann.
    Stat. 11, 1983, p. 905), so that fewer are given: a test of two shares is then no surer than it may be.

    >>> unseen_draws([1, 1, 1, 1, 2, 2, 20])
    (2, 14)
    """
    kinds = np.asarray(counts, np.int64)
    n, once, twice = int(kinds.sum()), int((kinds == 1).sum()), int((kinds == 2).sum())
    kept = once / (once + 2 * twice) if once else 1.0
    return round(once * kept), round(n * kept)


def _permuted(drawn: NDArray[np.floating], found: float) -> float:
    """Return the share of draws, the one found among them, that are as large; a rounding error does not make one smaller."""
    return float((1 + (drawn >= found * (1 - 1e-6)).sum()) / (1 + len(drawn)))
