"""Functions over rows: one loop, any engine; faults are recorded and kept apart from abstains, votes are kept between runs."""

from workbench.apply.cache import KnownVotes, VoteCache
from workbench.apply.job import VoteJob
from workbench.apply.loop import Tick, apply_lfs, check_settings, one_in_of, run_job

__all__ = ["KnownVotes", "Tick", "VoteCache", "VoteJob", "apply_lfs", "check_settings", "one_in_of", "run_job"]
