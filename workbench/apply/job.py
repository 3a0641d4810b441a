"""What an engine runs for us: labeling functions on a chunk of rows, each asked a second time about a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.lfs import LabelingFunction
from workbench.lfs.chunk import Chunk
from workbench.lfs.ship import pack, unpack
from workbench.lfs.votes import Fault


class Wavering(Fault):
    """A row on which a function voted otherwise when it was asked again, so that none of its votes can be relied on."""


class VoteJob:
    """Functions bound to a task, as an engine runs them.

    one_in: of how many rows one is asked about twice. Which, its id decides, so that neither chunks nor engines matter.
    """

    sent = False  # to a worker process, where memory is limited

    def __init__(self, functions: Sequence[LabelingFunction], labels: Sequence[str], text: Sequence[str], one_in: int) -> None:
        self.functions, self.labels, self.text, self.one_in = functions, tuple(labels), tuple(text), one_in

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (pack(self.functions), self.labels, self.text, self.one_in)

    def chunk(self, rows: pd.DataFrame) -> tuple[Chunk, Chunk, NDArray[np.intp]]:
        """Return the rows, the sample that is asked about twice, and its positions."""
        again = np.flatnonzero(pd.util.hash_array(rows.index.to_numpy(dtype=object)) % np.uint64(self.one_in) == 0)
        whole = Chunk(rows, self.text, self.labels, [share for function in self.functions for share in function.shares])
        return whole, whole.take(again), again

    def alone(self, function: int) -> bool:
        """Whether a function may change what others read."""
        return self.functions[function].alone

    def prepare(self, chunk: tuple[Chunk, Chunk, NDArray[np.intp]], function: int) -> None:
        """Make what the function shares with others."""
        for part in chunk[:2]:
            self.functions[function].prepare(part)

    def run(self, chunk: tuple[Chunk, Chunk, NDArray[np.intp]], function: int) -> tuple[NDArray[np.int16], list[Fault]]:
        """Return int16[n] votes and faults, the first row whose second answer differs among them."""
        rows, sample, again = chunk
        votes, faults = self.functions[function].votes(rows)
        faults = [self._with_way_out(fault) for fault in faults]
        if len(again) and self.functions[function].asked_twice:
            second, failures = self.functions[function].votes(sample)
            failed = {fault.position for fault in faults}
            failed_now = {fault.position: fault.error for fault in failures}
            for place, position in enumerate(again.tolist()):
                if votes[position] != second[place] and position not in failed:
                    now = f"{second[place]} when asked again"
                    if place in failed_now:
                        now = f"when asked again it failed: {failed_now[place]}"
                    return votes, [*faults, Wavering(position, f"voted {votes[position]}, and {now}", "")]
        return votes, faults

    def _with_way_out(self, fault: Fault) -> Fault:
        """Name, in a worker process, the limit of memory where a function has met it."""
        if not self.sent or not fault.error.partition(":")[0].endswith("MemoryError"):
            return fault
        return fault._replace(error=f"{fault.error}; raise `memory_mb`, a setting of Processes and of [apply]")


def _unpacked(packed: bytes, labels: tuple[str, ...], text: tuple[str, ...], one_in: int) -> VoteJob:
    job = VoteJob(unpack(packed), labels, text, one_in)
    job.sent = True
    return job
