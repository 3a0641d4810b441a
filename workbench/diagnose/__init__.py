"""Tables about votes: what each function covers, where functions conflict, which are right, and what to do about it.

Shares are of all rows, as in Snorkel's LFAnalysis: the overlap of a function is the share of rows on which it and at least one
other function vote, its conflict the share on which another votes differently. What differs: the accuracy of a function that
never voted on a row with gold is missing here and 0 there, and rows without gold are left out here and count as errors there.
"""

from workbench.diagnose.functions import coverage_summary, function_table
from workbench.diagnose.in_words import warnings_in_words
from workbench.diagnose.pairs import pairwise, redundant
from workbench.diagnose.slices import by_slice, slice_errors

__all__ = [
    "by_slice",
    "coverage_summary",
    "function_table",
    "pairwise",
    "redundant",
    "slice_errors",
    "warnings_in_words",
]
