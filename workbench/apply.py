"""Functions over rows: one loop per chunk, any engine; faults are recorded and kept apart from abstains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from workbench.engines import Engine, serial
from workbench.io.columns import mend
from workbench.lfs.chunk import Chunk
from workbench.lfs.load import bind
from workbench.lfs.votes import Fault
from workbench.tables import Dataset, VoteMatrix, WorkbenchError, no_faults

Progress = Callable[[int, int], None]  # rows done, rows in all


def apply_lfs(
    lfs: Iterable[Any],
    dataset: Dataset,
    *,
    engine: Engine = serial,
    chunk_rows: int = 10_000,
    progress: Progress | None = None,
) -> VoteMatrix:
    """Let every function vote on every row; the result is the same whatever the chunk size.

    lfs: our functions or Snorkel's. A function that raises, or returns what is no vote, abstains on that row and the fault is
    recorded with row, function and error, the first of each function with its traceback.

    >>> from workbench import Dataset, labeling_function
    >>> refund = labeling_function()(lambda row: 0 if "refund" in row.text else -1)
    >>> rows = pd.DataFrame({"text": ["refund me", "hello"]}, index=["a", "b"])
    >>> apply_lfs([refund], Dataset(rows, labels=("billing", "bug"))).votes.tolist()
    [[0], [-1]]
    """
    if chunk_rows < 1:
        raise WorkbenchError(f"chunk_rows is {chunk_rows}; a chunk has at least one row")
    functions = bind(lfs, dataset.labels, dataset.text)
    starts = range(0, len(dataset), chunk_rows)
    votes = np.empty((len(dataset), len(functions)), np.int16, order="F")
    faults: list[tuple[int, int, Fault]] = []  # function, row

    def work(start: int) -> list[Any]:
        chunk = Chunk(dataset.frame.iloc[start : start + chunk_rows], dataset.text, dataset.labels)
        return [function.votes(chunk) for function in functions]

    for start, answers in zip(starts, engine(work, starts), strict=True):
        stop = min(start + chunk_rows, len(dataset))
        for j, (column, missing) in enumerate(answers):
            votes[start:stop, j] = column
            faults += [(j, start + fault.position, fault) for fault in missing]
        if progress is not None:
            progress(stop, len(dataset))
    votes.flags.writeable = False  # so that the table takes it as it is, without a copy
    names = tuple(function.name for function in functions)
    return VoteMatrix(dataset.ids, names, dataset.labels, votes, _fault_table(faults, names, dataset.ids))


def _fault_table(faults: list[tuple[int, int, Fault]], names: tuple[str, ...], ids: pd.Index) -> pd.DataFrame:
    """Return faults by function and row, with the first traceback of each function."""
    if not faults:
        return no_faults()
    faults.sort(key=lambda fault: fault[:2])
    table = pd.DataFrame(
        # mended: half of a surrogate pair in a message is text that no file can hold
        [(ids[row], names[j], mend(fault.error), mend(fault.traceback)) for j, row, fault in faults],
        columns=list(no_faults().columns),
    )
    later = table["lf"].where(table["traceback"] != "").duplicated()
    return table.assign(traceback=table["traceback"].mask(later, "")).astype("str")
