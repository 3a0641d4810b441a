"""The gate: limits a pipeline can trust, each a test that fails only where the data show that it is broken."""

from workbench.gate.facts import SUITE, Audit, Facts, answered_rows
from workbench.gate.found import FEWEST
from workbench.gate.limits import MEASURES, Limit, parse_limits
from workbench.gate.verdict import ALPHA, gate, passed

__all__ = ["ALPHA", "FEWEST", "MEASURES", "SUITE", "Audit", "Facts", "Limit", "answered_rows", "gate", "parse_limits", "passed"]
