"""One set of resamples for many quantities."""

import numpy as np
import pytest

from workbench.stats import paired_bootstrap
from workbench.stats.resamples import resampled_means
from workbench.tables import WorkbenchError


def test_resamples_spread_as_the_mean_does():
    values = np.random.default_rng(0).normal(3, 2, size=(400, 1))
    means = resampled_means(values, n_boot=4000)[:, 0]
    assert means.mean() == pytest.approx(values.mean(), abs=0.01)
    assert means.std() == pytest.approx(values.std() / 20, rel=0.05)
    ends = np.quantile(means, [0.025, 0.975])
    assert ends == pytest.approx(paired_bootstrap(values, lambda drawn: drawn[:, 0], n_boot=4000), abs=0.02)


def test_columns_are_resampled_together():
    values = np.random.default_rng(0).random((50, 1))
    means = resampled_means(np.hstack([values, 1 - values, values]), n_boot=150)
    assert means.shape == (150, 3)
    assert np.allclose(means[:, 0] + means[:, 1], 1) and np.array_equal(means[:, 0], means[:, 2])


def test_a_seed_gives_the_same_resamples_and_nothing_global_moves():
    values = np.arange(12.0).reshape(6, 2)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002  # the state that must not move
    assert np.array_equal(resampled_means(values, seed=3), resampled_means(values, seed=3))
    assert not np.array_equal(resampled_means(values, seed=3), resampled_means(values, seed=4))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert np.array_equal(values, np.arange(12.0).reshape(6, 2))


def test_no_row_is_refused():
    with pytest.raises(WorkbenchError, match="a bootstrap needs at least one row"):
        resampled_means(np.zeros((0, 2)))
