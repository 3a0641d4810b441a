"""Tables about votes."""

from workbench.diagnose.functions import (
    by_slice,
    coverage_summary,
    function_table,
    pairwise,
    redundant,
    slice_errors,
    warnings_in_words,
)

__all__ = [
    "by_slice",
    "coverage_summary",
    "function_table",
    "pairwise",
    "redundant",
    "slice_errors",
    "warnings_in_words",
]
