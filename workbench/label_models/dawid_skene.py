"""Crowd-Kit's Dawid-Skene behind our contract: the baseline for crowds, with its defects fenced off."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.label_models.contract import (
    Balance,
    Votes,
    check_balance,
    check_fitted,
    check_positive,
    check_same,
    known_rows,
    one_hot,
    random_state_kept,
    rows_of,
    soft_labels,
    softmax,
)
from workbench.tables import ABSTAIN, PatternCounts, SoftLabels, VoteMatrix, WorkbenchError

MOST_CELLS = 10_000_000  # votes x classes; there an iteration takes a second and 250 MB


class DawidSkene:
    """One confusion matrix a function, learned by EM without a prior (Dawid and Skene 1979), as Crowd-Kit does it.

    It is made for crowds, where everybody may answer anything. A function that votes one class only tells it nothing: whatever
    the class, that vote was certain. A class that nobody votes for has probability 0.

    class_balance: None takes Crowd-Kit's prior; one that is given replaces that prior in predictions and for uncovered rows.
    max_iter, tol: EM stops when the evidence per vote gains less. seed: nothing here is random.

    Learned: class_balance_ [k], accuracy_ (share of a function's training votes expected right; missing for one that never
    votes), model_ (Crowd-Kit's, None where there is nothing to learn), n_iter_, converged_.
    """

    def __init__(self, class_balance: Balance = None, max_iter: int = 100, tol: float = 1e-5, seed: int = 0) -> None:
        self.class_balance = class_balance
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed

    def fit(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Run Crowd-Kit's EM; gold rows keep their class in it, their weights are not used. Forgets earlier fits.

        Raises WorkbenchError where Crowd-Kit is missing, and above 10,000,000 votes x classes.
        """
        check_positive(self, ("max_iter", "tol"))
        _check_size(votes)
        given, k, rows = check_balance(self.class_balance, votes.labels), len(votes.labels), rows_of(votes)
        row, lf = np.nonzero(rows != ABSTAIN)
        cast = pd.DataFrame({"task": row, "worker": lf, "label": rows[row, lf].astype(int)})
        truth = None if gold is None else _truth(votes, gold, cast["label"])
        self.model_: Any = None
        self.n_iter_, self.converged_ = 0, True
        self._scores, prior = np.zeros((len(votes.lfs) * k, k)), np.full(k, 1 / k)
        if len(row):
            self.model_ = _crowd_kit(cast, truth, self.max_iter, self.tol)
            history = self.model_.loss_history_
            self.n_iter_ = len(history)
            self.converged_ = self.n_iter_ < self.max_iter or (self.n_iter_ > 1 and history[-1] - history[-2] < self.tol)
            # Crowd-Kit's rows and columns stand in order of appearance, and those it never saw are left out.
            errors = self.model_.errors_
            worker, label = (errors.index.get_level_values(name).to_numpy(np.intp) for name in ("worker", "label"))
            self._scores[np.ix_(worker * k + label, errors.columns.to_numpy(np.intp))] = np.log(errors.to_numpy())
            prior = self.model_.priors_.reindex(range(k), fill_value=0).to_numpy()
        self.class_balance_ = given if given is not None else prior / prior.sum()
        voted = np.isin(np.arange(k), cast["label"]) | (len(row) == 0)
        self._start = np.where(voted, np.log(np.maximum(self.class_balance_, 1e-10)), -np.inf)
        self.fitted_ = (votes.lfs, votes.labels)
        self.accuracy_ = self._accuracy(rows, votes.lfs)
        return self

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return the posterior under the fitted errors and prior; a vote the function never cast in training says nothing."""
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        return soft_labels(votes, self._posterior(votes.votes), self.class_balance_)

    def _posterior(self, rows: NDArray[np.int16]) -> NDArray[np.float64]:
        return softmax(one_hot(rows, len(self.class_balance_)) @ self._scores + self._start)

    def _accuracy(self, rows: NDArray[np.int16], lfs: tuple[str, ...]) -> pd.Series[float]:
        row, lf = np.nonzero(rows != ABSTAIN)
        right = np.bincount(lf, self._posterior(rows)[row, rows[row, lf]], minlength=len(lfs))
        total = np.bincount(lf, minlength=len(lfs))
        return pd.Series(np.where(total > 0, right / np.maximum(total, 1), np.nan), index=list(lfs), name="accuracy")


def _check_size(votes: Votes) -> None:
    if isinstance(votes, PatternCounts):
        cast = int(votes.counts @ (votes.patterns != ABSTAIN).sum(axis=1))
    else:
        cast = int((rows_of(votes) != ABSTAIN).sum())
    cells = cast * len(votes.labels)
    if cells > MOST_CELLS:
        raise WorkbenchError(
            f"Crowd-Kit's Dawid-Skene is refused at {cast:,} votes x {len(votes.labels)} classes = {cells:,}: "
            f"above {MOST_CELLS:,} it takes minutes and much memory; use the generative model"
        )


def _truth(votes: Votes, gold: pd.Series[Any] | pd.DataFrame, cast: pd.Series[Any]) -> pd.Series[Any]:
    """Return gold as Crowd-Kit wants it; a class that nobody votes for would become a column of missing values there."""
    place, classes, _ = known_rows(votes, gold)
    fit = np.isin(classes, cast)
    return pd.Series(classes[fit], index=place[fit])


def _crowd_kit(cast: pd.DataFrame, truth: pd.Series[Any] | None, max_iter: int, tol: float) -> Any:
    with random_state_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what pandas will drop
        try:
            from crowdkit.aggregation import DawidSkene as CrowdKits
        except ModuleNotFoundError as error:
            raise WorkbenchError(
                f"the label model dawid_skene is Crowd-Kit's, and {error.name!r} is not installed; "
                "run pip install 'weak-supervision-workbench[crowd]', or use the generative model"
            ) from error
        return CrowdKits(n_iter=max_iter, tol=tol).fit(cast, true_labels=truth)
