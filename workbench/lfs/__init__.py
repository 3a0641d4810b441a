"""Labeling functions: the decorator, makers for rules and models, finding and loading them."""

from workbench.lfs.function import LabelingFunction
from workbench.lfs.load import load_lfs
from workbench.lfs.python import labeling_function
from workbench.lfs.rules import RULES, column, keyword, lookup, phrase, regex, threshold
from workbench.lfs.toml_rules import load_rules

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
