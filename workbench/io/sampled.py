"""A seeded sample of a table of any size, read once, some rows at a time."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.io.pieces import Pieces
from workbench.io.readers import column_names, json_records

_LINES: Final = 1_000  # of a .jsonl file, whose keys are its columns


class Sampled(NamedTuple):
    """Rows in the order of the file, indexed by their number in it, from 1; how many the file has; what was odd about it."""

    frame: pd.DataFrame
    of: int
    warnings: list[str]


def sample_rows(
    path: Path,
    limit: int,
    *,
    text: Sequence[str],
    needed: Sequence[str] = (),
    optional: Sequence[str] = (),
    typed: Sequence[str] = (),
    seed: int = 0,
    **layout: Any,
) -> Sampled:
    """Return so many rows of a .csv, .tsv, .jsonl or .parquet file, each with the same chance, and all where there are no more.

    text: columns that hold text in every row. needed: others that must be there; optional: those that may be missing, which
    the frame then lacks. typed: of these the ones read as booleans and numbers; the others are text, None where empty. layout:
    `encoding` and `delimiter`. Raises WorkbenchError naming file, line or row, column, and the way out.
    """
    there = _columns(path, **layout)
    wanted = list(dict.fromkeys([*needed, *(name for name in optional if name in there)]))
    wanted = [name for name in wanted if name not in text]
    numbers = [name for name in wanted if name in typed]
    pieces = Pieces(path, text, [name for name in wanted if name not in numbers], numbers, **layout)
    rng = np.random.default_rng(seed)
    kept, keys, of = pd.DataFrame(), np.zeros(0), 0
    for piece in pieces:
        kept = pd.concat([kept, piece]) if of else piece
        of += len(piece)
        keys = np.concatenate([keys, rng.random(len(piece))])  # the rows with the smallest keys are a fair sample
        if len(kept) > limit:
            rows = np.sort(np.argpartition(keys, limit)[:limit])
            kept, keys = kept.iloc[rows], keys[rows]
    return Sampled(kept, of, pieces.warnings())


def _columns(path: Path, **layout: Any) -> list[str]:
    """Return the columns of a file; none where it cannot be read, which is told with its reason by whoever reads the rows."""
    suffix, pieces = path.suffix.lower(), Pieces(path, **layout)
    try:
        if suffix == ".parquet":
            return [str(name) for name in pq.read_schema(path).names]
        if suffix not in (".csv", ".tsv", ".jsonl"):
            return []
        with pieces._opened("\n" if suffix == ".jsonl" else "") as file:
            if suffix == ".jsonl":
                return list(dict.fromkeys(key for _, one in islice(json_records(path, file), _LINES) for key in one))
            delimiter = pieces.delimiter or ("\t" if suffix == ".tsv" else ",")
            return column_names(next((line for line in csv.reader(file, delimiter=delimiter) if line), []), [])
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException):
        return []
