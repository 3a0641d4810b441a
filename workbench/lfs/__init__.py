"""Labeling functions: the decorator, makers for rules and models, finding and loading them."""

from workbench.lfs.function import LabelingFunction, labeling_function
from workbench.lfs.load import load_lfs, load_rules
from workbench.lfs.rules import RULES, column, keyword, lookup, phrase, regex, threshold

__all__ = [
    "RULES",
    "LabelingFunction",
    "column",
    "keyword",
    "labeling_function",
    "load_lfs",
    "load_rules",
    "lookup",
    "phrase",
    "regex",
    "threshold",
]
