"""Tables about votes: what each function covers, where functions conflict, which are right, and what to do about it.

Shares are of all rows, as in Snorkel's LFAnalysis: the overlap of a function is the share of rows on which it and at least one
other function vote, its conflict the share on which another votes differently. What differs: the accuracy of a function that
never voted on a row with gold is missing here and 0 there, and rows without gold are left out here and count as errors there.
"""

from workbench.diagnose.classes import by_class
from workbench.diagnose.functions import coverage_summary, function_table
from workbench.diagnose.gaps import gap_terms, terms_of
from workbench.diagnose.in_words import warnings_in_words
from workbench.diagnose.pairs import block_order, disagreements, pairwise, redundant
from workbench.diagnose.patterns import classes_voted, rows_with, vote_patterns
from workbench.diagnose.slices import by_slice, slice_errors

__all__ = [
    "block_order",
    "by_class",
    "by_slice",
    "classes_voted",
    "coverage_summary",
    "disagreements",
    "function_table",
    "gap_terms",
    "pairwise",
    "redundant",
    "rows_with",
    "slice_errors",
    "terms_of",
    "vote_patterns",
    "warnings_in_words",
]
