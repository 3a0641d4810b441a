"""Snorkel's LabelModel behind our contract, with its global seeds and its crash fenced off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import pandas as pd

from workbench.label_models.contract import (
    Balance,
    Votes,
    check_balance,
    check_fitted,
    check_same,
    random_state_kept,
    rows_of,
    soft_labels,
)
from workbench.tables import ABSTAIN, SoftLabels, VoteMatrix, WorkbenchError

MOST_CELLS = 8_000  # functions x classes; near 25,000 it takes the whole process down


class SnorkelModel:
    """The LabelModel of Snorkel 0.10 (Ratner et al. 2019), for comparison.

    class_balance: None leaves Snorkel's default, which is uniform. Uncovered rows, which Snorkel labels with its prior's class,
    are flagged as uncovered. Raises WorkbenchError above 8,000 functions x classes, where Snorkel crashes or runs for minutes.
    """

    def __init__(
        self, class_balance: Balance = None, n_epochs: int = 500, learning_rate: float = 0.01, l2: float = 0.0, seed: int = 0
    ) -> None:
        self.class_balance = class_balance
        self.n_epochs = n_epochs
        self.learning_rate = learning_rate
        self.l2 = l2
        self.seed = seed

    def fit(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Train Snorkel's model; gold is not used, as Snorkel uses it for the class balance alone."""
        k = len(votes.labels)
        cells = len(votes.lfs) * k
        if cells > MOST_CELLS:
            raise WorkbenchError(
                f"Snorkel's label model is refused at {len(votes.lfs)} functions x {k} classes = {cells:,}: "
                f"above {MOST_CELLS:,} it runs for minutes and then crashes the process; use the generative model"
            )
        rows = rows_of(votes)
        given = check_balance(self.class_balance, votes.labels)
        self.class_balance_ = given if given is not None else np.full(k, 1 / k)
        self.model_: Any = None
        # With one class, or no vote at all, there is nothing to learn, and Snorkel would fail.
        if k > 1 and (rows != ABSTAIN).any():
            with _global_state_kept():
                from snorkel.labeling.model import LabelModel

                self.model_ = LabelModel(cardinality=k, verbose=False)
                settings = {"n_epochs": self.n_epochs, "lr": self.learning_rate, "l2": self.l2, "seed": self.seed}
                balance = None if given is None else list(given)
                self.model_.fit(_at_least_three(rows), class_balance=balance, progress_bar=False, **settings)
        self.fitted_ = (votes.lfs, votes.labels)
        return self

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return Snorkel's posteriors on covered rows and the class balance elsewhere."""
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        if self.model_ is None or not len(votes):
            probs = np.tile(self.class_balance_, (len(votes), 1))
        else:
            with _global_state_kept():
                probs = np.asarray(self.model_.predict_proba(_at_least_three(votes.votes)), dtype=np.float64)
        return soft_labels(votes, probs, self.class_balance_)


def _at_least_three(votes: Any) -> Any:
    """Add silent functions up to the three that Snorkel insists on."""
    missing = max(0, 3 - votes.shape[1])
    return np.hstack([votes, np.full((len(votes), missing), ABSTAIN)]).astype(int)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Put back the random states of Python, numpy and torch: Snorkel seeds all three, even when it is imported.

    Meanwhile torch has one thread: Snorkel's matrices are so small that two spend nine tenths of the time on waiting.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    state = torch.random.get_rng_state()
    try:
        with random_state_kept():
            yield
    finally:
        torch.random.set_rng_state(state)
        torch.set_num_threads(threads)
