"""Intervals, tests, bounds and resampling: one place, each with its source, each verified by a simulation in tests/stats."""

from workbench.stats.bootstrap import paired_bootstrap
from workbench.stats.bounds import error_bound, log_wealth, more_without_error, rows_to_promise
from workbench.stats.fixed_sequence import Accepted, allowed_errors, lowest_threshold, tried_sizes
from workbench.stats.intervals import clopper_pearson_interval, clopper_pearson_upper, hajek, wilson_interval
from workbench.stats.share_tests import binomial_greater, false_discovery, fisher_greater, fisher_less
from workbench.stats.sizes import rows_for_half_width

__all__ = [
    "Accepted",
    "allowed_errors",
    "binomial_greater",
    "clopper_pearson_interval",
    "clopper_pearson_upper",
    "error_bound",
    "false_discovery",
    "fisher_greater",
    "fisher_less",
    "hajek",
    "log_wealth",
    "lowest_threshold",
    "more_without_error",
    "paired_bootstrap",
    "rows_for_half_width",
    "rows_to_promise",
    "tried_sizes",
    "wilson_interval",
]
