"""A seeded sample of a table of any size, read once, some rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.headers import columns_in
from workbench.io.pieces import Pieces

_KEYS: Final = 1_000_000  # that are drawn at once
_OWN: Final = 20_000  # any number, beside the seed


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
    pieces = Pieces(path, text, *to_read(columns_in(path, **layout), text, needed, optional, typed), **layout)
    rng = _generator(seed)
    kept, keys, of = pd.DataFrame(), np.zeros(0), 0
    for piece in pieces:
        kept = pd.concat([kept, piece]) if of else piece
        of += len(piece)
        keys = np.concatenate([keys, rng.random(len(piece))])  # the rows with the smallest keys are a fair sample
        if len(kept) > limit:
            rows = np.sort(np.argpartition(keys, limit)[:limit])
            kept, keys = kept.iloc[rows], keys[rows]
    return Sampled(kept, of, pieces.warnings())


def drawn(of: int, limit: int, seed: int = 0) -> NDArray[np.int64]:
    """int64[limit]: which of so many rows `sample_rows` returns, from 0, in order; all where there are no more."""
    rng = _generator(seed)
    kept, keys = np.zeros(0, np.int64), np.zeros(0)
    for first in range(0, of, _KEYS):
        more = np.arange(first, min(first + _KEYS, of))
        kept, keys = np.concatenate([kept, more]), np.concatenate([keys, rng.random(len(more))])
        if len(kept) > limit:
            rows = np.sort(np.argpartition(keys, limit)[:limit])
            kept, keys = kept[rows], keys[rows]
    return kept


def _generator(seed: int) -> np.random.Generator:
    """Return a stream of its own: made-up rows whose classes were drawn with the same seed must not be drawn by these."""
    return np.random.default_rng([_OWN, seed])


def to_read(
    there: Sequence[str],
    text: Sequence[str],
    needed: Sequence[str] = (),
    optional: Sequence[str] = (),
    typed: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """Return the columns to read beside the text of a file that has those `there`: as text, and as booleans and numbers."""
    asked = dict.fromkeys([*needed, *(name for name in optional if name in there)])
    wanted = [name for name in asked if name not in text]
    return [name for name in wanted if name not in typed], [name for name in wanted if name in typed]
