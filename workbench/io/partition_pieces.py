"""The rows of a partition, some at a time, as `Pieces` reads those of a file: memory does not grow with the partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from workbench.io.columns import to_frame
from workbench.io.partitions import DAMAGED, Partition, unreadable
from workbench.io.pieces import ROWS, Pieces
from workbench.io.readers import check_header
from workbench.tables import WorkbenchError


class PartitionPieces(Pieces):
    """The rows of a partition, frame after frame; each is indexed by the row's number in its file, from 1.

    text, columns, numbers: as `Pieces` has them. Raises WorkbenchError naming file and row groups.
    """

    def __init__(self, part: Partition, text: Sequence[str], columns: Sequence[str] = (), numbers: Sequence[str] = ()) -> None:
        super().__init__(Path(str(part)), text, columns, numbers)
        self.part = part

    def __iter__(self) -> Iterator[pd.DataFrame]:
        import fsspec

        try:
            with fsspec.open(self.part.url, "rb") as opened:
                yield from self._read(pq.ParquetFile(opened, buffer_size=1 << 20, pre_buffer=False))
        except DAMAGED as error:
            raise unreadable(self.part, error) from None

    def _read(self, file: pq.ParquetFile) -> Iterator[pd.DataFrame]:
        first, last = self.part.first, min(self.part.last, file.num_row_groups)
        sizes = [file.metadata.row_group(group).num_rows for group in range(last)]
        if sum(sizes[first:]) != self.part.rows:
            raise WorkbenchError(f"{self.part} had {self.part.rows:,} rows when the work began, and has others now; run again")
        check_header(self.path, file.schema_arrow.names, self.wanted)
        row = 1 + sum(sizes[:first])
        for batch in file.iter_batches(ROWS, row_groups=list(range(first, last)), columns=self.wanted, use_threads=False):
            frame = to_frame({name: self._parquet_column(name, batch.column(name), row) for name in self.wanted}, [])
            self._count_empty(frame)
            yield frame.set_axis(pd.RangeIndex(row, row + len(frame)), axis=0)
            row += len(frame)


def columns_of(part: Partition) -> list[str]:
    """Return the columns of the file that a partition is of; all partitions have the same ones."""
    import fsspec

    try:
        with fsspec.open(part.url, "rb") as opened:
            return [str(name) for name in pq.read_schema(opened).names]
    except DAMAGED as error:
        raise unreadable(part, error) from None
