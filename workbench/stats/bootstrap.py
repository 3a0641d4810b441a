"""Resampling: an interval for what no formula covers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.stats.intervals import two_sided_z
from workbench.tables import WorkbenchError


def paired_bootstrap(
    values: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    n_boot: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic of column means, rows resampled together (Efron, Ann. Stat. 7, 1979, p. 1).

    values: [n, s], one row an observation, one column a quantity measured on it. statistic: from means [n_boot, s] to
    [n_boot], nan where a resample leaves it undefined. Such a resample counts as minus infinity for the lower end and as plus
    infinity for the upper one, so that an interval is only finite where the data defines one.
    """
    two_sided_z(confidence)
    if not len(values):
        raise WorkbenchError("a bootstrap needs at least one row")
    # Rows that are equal are interchangeable: drawing how often each kind occurs is the same as drawing rows, and far cheaper.
    kinds, counts = np.unique(values, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=n_boot)
    found = statistic(draws @ kinds / len(values))
    lost = np.isnan(found)
    tail = (1 - confidence) / 2
    return (
        _order_statistic(np.where(lost, -np.inf, found), tail, "higher"),
        _order_statistic(np.where(lost, np.inf, found), 1 - tail, "lower"),
    )


def _order_statistic(values: NDArray[np.float64], share: float, method: Any) -> float:
    return float(np.quantile(values, share, method=method))  # no interpolation: it would make nan of two infinities
