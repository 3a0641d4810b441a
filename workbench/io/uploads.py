"""What comes through a browser is bounded before it is read: rows, columns, and what a small file would unfold to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.tables import WorkbenchError

ROWS: Final = 5_000_000
BYTES: Final = 2 * 2**30  # in memory
HEADER: Final = 2**20  # bytes of the first line, or columns of Parquet times a hundred
_AT_ONCE: Final = 256  # rows unfolded at a time: each may hold the same long text that the file holds once
_BLOCK: Final = 2**20


def check_upload(path: Path, rows: int = ROWS, most: int = BYTES) -> None:
    """Refuse an uploaded file of more rows, wider or, unfolded, larger than a page can show; one on this machine is not.

    rows: the most lines, too. most: bytes. Raises WorkbenchError.
    """
    way_out = "give the path of a file on this machine instead, or use `workbench new DEST --from FILE`"
    try:
        why = _parquet(path, rows, most) if path.suffix.lower() == ".parquet" else _lines(path, rows)
    except (pa.ArrowException, OSError) as error:
        raise WorkbenchError(f"{path.name} cannot be read: {str(error).splitlines()[0]}; write the file again") from None
    if why:
        raise WorkbenchError(f"{path.name} {why}, too much for an upload; {way_out}")


def _lines(path: Path, rows: int) -> str:
    """Return why a file of text is too large, '' where it is not."""
    lines, first = 0, 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if lines == 0:
                end = block.find(b"\n")
                first += len(block) if end < 0 else end
            lines += block.count(b"\n") or block.count(b"\r")
            if lines > rows:
                return f"has more than {rows:,} lines"
            if first > HEADER and path.suffix.lower() != ".jsonl":
                return f"has a first line of more than {HEADER:,} bytes"
    return ""


def _parquet(path: Path, rows: int, most: int) -> str:
    with pq.ParquetFile(path) as file:
        about = file.metadata
        if about.num_rows > rows:
            return f"has {about.num_rows:,} rows of at most {rows:,}"
        if about.num_columns > HEADER // 100:
            return f"has {about.num_columns:,} columns of at most {HEADER // 100:,}"
        if sum(about.row_group(place).total_byte_size for place in range(about.num_row_groups)) > most:
            return f"unfolds to more than {most / 2**20:,.0f} MiB"
        size = 0
        for batch in file.iter_batches(_AT_ONCE, use_threads=False):
            size += sum((one.dictionary_decode() if pa.types.is_dictionary(one.type) else one).nbytes for one in batch.columns)
            if size > most:
                return f"unfolds to more than {most / 2**20:,.0f} MiB"
    return ""
