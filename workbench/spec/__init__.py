"""What a task declares about its rows: slices, and the failures that must not happen."""

from workbench.spec.failures import SEVERITIES, Failure, parse_failures
from workbench.spec.slices import MAX_EXPANDED, Slice, missing_value, parse_slices, slice_mask, slice_masks

__all__ = [
    "MAX_EXPANDED",
    "SEVERITIES",
    "Failure",
    "Slice",
    "missing_value",
    "parse_failures",
    "parse_slices",
    "slice_mask",
    "slice_masks",
]
