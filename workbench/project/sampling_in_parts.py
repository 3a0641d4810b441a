"""A seeded sample of rows in partitions: the rows that one of a single file has, read by whatever engine maps the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.engines import Mapper
from workbench.io.partition_pieces import PartitionPieces, columns_of
from workbench.io.partitions import Partition
from workbench.io.pieces import Pieces
from workbench.io.sampled import Sampled, drawn, to_read
from workbench.project.partitioned import in_order


class _Drawn(NamedTuple):
    """The rows of a partition that are drawn. start: how many rows there are before it; places: in it, from 0, in order."""

    part: Partition
    start: int
    places: NDArray[np.int64]

    def __str__(self) -> str:
        return str(self.part)


def sample_partitions(
    parts: Sequence[Partition], limit: int, mapper: Mapper, *, text: Sequence[str], seed: int = 0, **columns: Sequence[str]
) -> Sampled:
    """Return what `sample_rows` returns of one file with the same rows, however they are cut; indexed by number among all.

    columns: `needed`, `optional` and `typed`, as there. A worker holds one piece of a partition and the rows that it returns.
    Raises WorkbenchError naming file and row groups.
    """
    sizes = [part.rows for part in parts]
    starts = np.cumsum([0, *sizes])
    rows = drawn(sum(sizes), limit, seed)
    cuts = np.searchsorted(rows, starts)
    asked = [
        _Drawn(part, start, rows[first:last] - start)
        for part, start, first, last in zip(parts, starts.tolist(), cuts, cuts[1:], strict=False)
        if first < last
    ]
    read = partial(_read, text, *to_read(columns_of(parts[0]), text, **columns))
    frames, odd = list[pd.DataFrame](), Counter[str]()
    for frame, said in in_order(mapper, read, asked):
        frames.append(frame)
        odd.update(said)
    return Sampled(pd.concat(frames), sum(sizes), Pieces(Path(parts[0].url), said=odd).warnings())


def _read(
    text: Sequence[str], columns: Sequence[str], numbers: Sequence[str], drawn: _Drawn
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the drawn rows of a partition, and what was odd about all of its rows."""
    pieces, found, first = PartitionPieces(drawn.part, text, columns, numbers), [], 0
    for piece in pieces:
        start, end = np.searchsorted(drawn.places, [first, first + len(piece)])
        found.append(piece.iloc[drawn.places[start:end] - first])
        first += len(piece)
    return pd.concat(found).set_axis(drawn.start + 1 + drawn.places, axis=0), dict(pieces.said)
