"""Labeling functions: the decorator, makers for rules and models, finding and loading them."""

from workbench.lfs.answers import probabilities
from workbench.lfs.classifiers import classifier, classifier_file
from workbench.lfs.function import LabelingFunction
from workbench.lfs.linguistic import entity, textcat, token_pattern
from workbench.lfs.load import load_lfs
from workbench.lfs.python import labeling_function
from workbench.lfs.rules import RULES, column, keyword, lookup, phrase, regex, threshold
from workbench.lfs.similarity import prototypes
from workbench.lfs.toml_rules import load_rules

__all__ = [
    "RULES",
    "LabelingFunction",
    "classifier",
    "classifier_file",
    "column",
    "entity",
    "keyword",
    "labeling_function",
    "load_lfs",
    "load_rules",
    "lookup",
    "phrase",
    "probabilities",
    "prototypes",
    "regex",
    "textcat",
    "threshold",
    "token_pattern",
]
