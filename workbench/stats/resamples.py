"""Resampling once for many quantities: what several models show on the same rows, each by several metrics."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from workbench.tables import WorkbenchError

_AT_ONCE: Final = 100  # resamples whose row counts are held at once


def resampled_means(values: NDArray[np.float64], *, n_boot: int = 2000, seed: int = 0) -> NDArray[np.float64]:
    """Return float64[n_boot, s], the column means of resamples of the rows (Efron, Ann. Stat. 7, 1979, p. 1).

    values: [n, s]. A resample has the same rows for every column, so that what differs between columns is measured in pairs.
    For one statistic `paired_bootstrap` is simpler; here the draws, which cost the most, serve for all.
    """
    n = len(values)
    if not n:
        raise WorkbenchError("a bootstrap needs at least one row")
    rng = np.random.default_rng(seed)
    means = np.empty((n_boot, values.shape[1]))
    for start in range(0, n_boot, _AT_ONCE):
        size = min(_AT_ONCE, n_boot - start)
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]  # resample b counts in places b n .. b n + n - 1
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        means[start : start + size] = counts.astype(np.float64) @ values / n
    return means
