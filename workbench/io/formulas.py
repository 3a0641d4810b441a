"""Text that a spreadsheet would run as a formula, written so that it does not, and read back as it was (CWE-1236)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pandas as pd

# Apostrophes before the sign are one of ours more each time it is written, so that one less on reading gives what it was.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_WRITTEN: Final = re.compile(r"'+[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with an apostrophe before each text or column name that a spreadsheet would run; numbers stay numbers."""
    safe = frame.copy()
    for place in range(frame.shape[1]):  # by place: a name may stand twice
        if not pd.api.types.is_numeric_dtype(frame.iloc[:, place]):
            safe.isetitem(place, frame.iloc[:, place].map(_safe).array)
    return safe.rename(columns=_safe)


def is_spreadsheet(path: Path) -> bool:
    """Return whether spreadsheets open files of this name as text: .csv and .tsv."""
    return path.suffix.lower() in (".csv", ".tsv")


def _safe(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def as_written(cell: str) -> str:
    """Return a cell as it was before `without_formulas`.

    >>> as_written("'=1+1"), as_written("'tis"), as_written("-5")
    ('=1+1', "'tis", '-5')
    """
    return cell[1:] if _WRITTEN.match(cell) else cell
