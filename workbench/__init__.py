"""A workbench for weak supervision: functions vote, a label model weighs them, an end model learns past them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.apply import apply_lfs
    from workbench.lfs import labeling_function, load_lfs
    from workbench.tables import ABSTAIN, Dataset, PatternCounts, SoftLabels, VoteMatrix, WorkbenchError

__version__ = "0.1.0"
__all__ = [
    "ABSTAIN",
    "Dataset",
    "PatternCounts",
    "SoftLabels",
    "VoteMatrix",
    "WorkbenchError",
    "apply_lfs",
    "labeling_function",
    "load_lfs",
]
_ROOMS = {"apply_lfs": "workbench.apply", "labeling_function": "workbench.lfs", "load_lfs": "workbench.lfs"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import workbench` stays light (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_ROOMS.get(name, "workbench.tables")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
