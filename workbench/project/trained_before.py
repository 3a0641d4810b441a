"""End models that learned from just the same before: the task's cache gives them back, and nobody waits for them twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import workbench
from workbench.io.files import remove_folder
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    from workbench.end_model import EndModel

_KEPT: Final = 4  # models: two runs' worth, each with its ceiling
_LIBRARIES: Final = ("torch", "numpy", "scipy", "scikit-learn", "wordllama", "transformers", "sentence-transformers")


def trained_before(root: Path, learned_from: tuple[Any, ...], train: Callable[[], EndModel]) -> EndModel:
    """Return the model that root keeps of a training from the same, else train, keep it, and forget the oldest.

    learned_from: all that its numbers depend on, arrays and what JSON can hold; the code that trains counts by itself. One that
    cannot be read is trained anew.
    """
    from workbench.end_model import EndModel
    from workbench.end_model.checkpoint import key_of

    folder = root / key_of(_code(), *learned_from)
    if folder.exists():
        with suppress(WorkbenchError, OSError):  # another process may remove it
            model = EndModel.load(folder)
            os.utime(folder)
            return model
        with suppress(OSError):
            remove_folder(folder)
    model = train()
    with suppress(WorkbenchError, OSError):  # the disk is full, or another process keeps the same: this run has its model
        model.save(folder)
        for old in sorted(root.glob("[!.]*"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            remove_folder(old)
    return model


@cache
def _code() -> str:
    """Return a hash of what trains: libraries, and the code of the end model and of what reads texts."""
    found = hashlib.sha256()
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found.update(f"{name} {version(name)} ".encode())
    home = Path(workbench.__file__).parent
    for file in sorted([*(home / "end_model").rglob("*.py"), *(home / "text").rglob("*.py")]):
        found.update(file.read_bytes())
    return found.hexdigest()
