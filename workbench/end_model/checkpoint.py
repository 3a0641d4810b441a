"""Where a training stands, on disk: one that was killed goes on there and ends with the numbers it would have had."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from workbench.io.files import atomic_write, plain

_FORMAT: Final = 1  # of the kept states; another one begins anew
_LEAST: Final = 5.0  # seconds of work that are worth keeping
_SHARE: Final = 0.02  # of the time may go into writing
_FORGOTTEN: Final = 7 * 24 * 3600.0  # seconds after which nobody comes back for a training


def key_of(*learned_from: Any) -> str:
    """Return a name for a training from all that its numbers depend on: arrays, and what JSON can hold."""
    key = hashlib.sha256()
    for part in learned_from:
        content = part.tobytes() if isinstance(part, np.ndarray) else json.dumps(part, default=plain).encode()
        key.update(f"\0{len(content)}\0".encode() + content)
    return key.hexdigest()[:32]


class Checkpoint:
    """The states of one training by stage, in a folder of its own; without a folder nothing is kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._written = time.monotonic()
        self._pause = _LEAST

    @classmethod
    def of(cls, root: Path, *learned_from: Any) -> Self:
        """Return that of a training, found again by all that its numbers depend on: arrays, and what JSON can hold.

        Those that nobody came back to for a week are removed.
        """
        for other in root.iterdir() if root.is_dir() else ():
            with suppress(FileNotFoundError):  # another training removed it just now
                if time.time() - other.stat().st_mtime > _FORGOTTEN:
                    shutil.rmtree(other, ignore_errors=True)
        return cls(root / key_of(f"format {_FORMAT}", *learned_from))

    def read(self, stage: str) -> dict[str, Any]:
        """Return what was kept of a stage last, tensors on the CPU; nothing where nothing was, or it cannot be read."""
        import pickle

        import torch

        if self.folder is None:
            return {}
        try:
            found: dict[str, Any] = torch.load(self.folder / f"{stage}.pt", map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return {}
        except (RuntimeError, EOFError, pickle.UnpicklingError):  # damaged: the training begins anew
            return {}
        return found

    def keep(self, stage: str, state: Mapping[str, Any]) -> None:
        """Write the state of a stage in place of its last one: tensors, numbers, lists and dicts of them.

        Nothing is written for the first five seconds, nor so often that it takes more than 2 % of the time.
        """
        import torch

        begun = time.monotonic()
        if self.folder is None or begun - self._written < self._pause:
            return
        with suppress(FileNotFoundError), atomic_write(self.folder / f"{stage}.pt") as temporary:  # the same training ended
            torch.save(dict(state), temporary)
        self._written = time.monotonic()
        self._pause = max(_LEAST, (self._written - begun) / _SHARE)

    def remove(self) -> None:
        """Forget all stages: the training is done."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
