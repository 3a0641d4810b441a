"""Suites that look like production's bad days: what the end model makes of them, and what a lost rule would cost."""

from workbench.stress.contract import KINDS, LABEL, REVIEW, SAME, Asked, NotLower, Suite
from workbench.stress.in_words import said
from workbench.stress.measure import Held, look, measured, not_run
from workbench.stress.python_suites import Fault, load_suites, suite
from workbench.stress.settings import Settings, parse_stress

__all__ = [
    "KINDS",
    "LABEL",
    "REVIEW",
    "SAME",
    "Asked",
    "Fault",
    "Held",
    "NotLower",
    "Settings",
    "Suite",
    "load_suites",
    "look",
    "measured",
    "not_run",
    "parse_stress",
    "said",
    "suite",
]
