"""How far off what a label model learned may be: the error it makes on votes simulated from itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.tables import ABSTAIN, VoteMatrix

Floats = NDArray[np.float64]

_MOST: Final = 50_000  # rows simulated; for more rows than these, intervals are wider than they need be


class Intervals(NamedTuple):
    """accuracy: low and high by function. class_balance: low and high by class, of covered rows."""

    accuracy: pd.DataFrame
    class_balance: pd.DataFrame


def simulated_errors(
    learn: Callable[[VoteMatrix], tuple[Floats, Floats]],
    votes: VoteMatrix,
    believe: Callable[[np.random.Generator], tuple[Floats, Floats]],
    draws: int,
    rng: np.random.Generator,
    progress: Callable[[int], None],
) -> tuple[Floats, Floats]:
    """Return float64[draws, m] and float64[draws, k]: what a model learns of accuracy and balance, less what was simulated.

    learn: returns accuracy [m] and covered balance [k] for votes. believe: returns, for each draw anew, float64[m, k, k], how
    often each function votes each class on rows of each class, and float64[k], the balance. This is the parametric bootstrap
    (Efron and Tibshirani 1993, chapter 6): it sees the model's own bias, such as a prior's pull, beside the noise.
    """
    m, k = len(votes.lfs), len(votes.labels)
    n = min(len(votes), _MOST)
    of_accuracy, of_balance = np.full((draws, m), np.nan), np.full((draws, k), np.nan)
    for draw in range(draws):
        progress(draw)
        rates, balance = believe(rng)
        steps = rates.cumsum(axis=1)
        truth = rng.choice(k, n, p=balance)
        array = np.full((n, m), ABSTAIN, np.int16, order="F")
        for j in range(m):
            place = (rng.random(n)[:, None] > steps[j, :, truth]).sum(axis=1)
            array[:, j] = np.where(place < k, place, ABSTAIN)
        covered = (array != ABSTAIN).any(axis=1)
        array, truth = array[covered], truth[covered]
        if not len(array):
            continue
        accuracy, learned = learn(VoteMatrix.from_array(array, votes.labels, lfs=votes.lfs))
        cast = (array != ABSTAIN).sum(axis=0)
        right = (array == truth[:, None]).sum(axis=0)
        of_accuracy[draw] = accuracy - np.where(cast > 0, right / np.maximum(cast, 1), np.nan)
        of_balance[draw] = learned - np.bincount(truth, minlength=k) / len(truth)
    return of_accuracy, of_balance


def interval(estimate: Floats, errors: Floats, level: float, names: Any) -> pd.DataFrame:
    """Return low and high by name, within 0 and 1: the estimate less its mean error, give or take a multiple of its spread.

    Half of the mean error counts as spread, for it was found at the estimate and not at the truth.
    """
    from scipy.stats import norm

    missing = np.isnan(errors).all(axis=0) | np.isnan(estimate)
    found = np.where(missing, 0, errors)
    bias = np.nanmean(found, axis=0)
    reach = norm.ppf((1 + level) / 2) * np.sqrt(np.nanvar(found, axis=0) + bias**2 / 4)
    ends = np.clip(estimate - bias + np.outer([-1, 1], reach), 0, 1)
    ends[:, missing] = np.nan
    return pd.DataFrame({"low": ends[0], "high": ends[1]}, index=list(names))
