"""A new batch of rows against those of a run: what changed by more than chance, and by enough to matter."""

from workbench.monitor.checks import Check
from workbench.monitor.compare import Compared, compare
from workbench.monitor.sample import Sample

__all__ = ["Check", "Compared", "Sample", "compare"]
