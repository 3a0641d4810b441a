"""Functions over rows: one loop, any engine; faults are recorded and kept apart from abstains, votes are kept between runs."""

from workbench.apply.cache import VoteCache
from workbench.apply.loop import Tick, apply_lfs, check_settings

__all__ = ["Tick", "VoteCache", "apply_lfs", "check_settings"]
