"""The entries of a record that stand, carried from one reading to the next: it only grows, so only what is new is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pandas as pd
import pyarrow as pa

from workbench.review.decision import ADJUDICATION


@dataclass(frozen=True)
class Standing:
    """What stood at a version of the record.

    seq, id: of the newest entry then, 0 and '' of an empty record. entries: those that are no undo and that none undoes, by
    number. current: of these the latest for each row and reviewer, adjudications apart.
    """

    version: tuple[int, ...]
    seq: int
    id: str
    entries: pd.DataFrame
    current: pd.DataFrame

    @classmethod
    def of(cls, version: tuple[int, ...], found: pd.DataFrame) -> Self:
        """Return what stands of all entries, which come in their order."""
        return cls._after(version, found[:0], found)

    def and_then(self, version: tuple[int, ...], found: pd.DataFrame) -> Self | None:
        """Return what stands after the entries from self.seq on; None where that one is another: it is another record."""
        return self._after(version, self.entries, found) if len(found) and found["id"].iloc[0] == self.id else None

    @classmethod
    def _after(cls, version: tuple[int, ...], before: pd.DataFrame, found: pd.DataFrame) -> Self:
        new = found[~found.index.isin(before.index)]
        entries = pd.concat([before, new[new["kind"] != "undo"]]) if len(before) else new[new["kind"] != "undo"]
        undone = found["undoes"].dropna()
        if len(undone):
            entries = entries[~entries["id"].isin(undone)]
        entries = _in_one_piece(entries)
        whose = entries[["row", "reviewer"]].assign(adjudicates=entries["reason"] == ADJUDICATION)
        earlier = whose.duplicated(keep="last").to_numpy()
        last = (int(found.index[-1]), str(found["id"].iloc[-1])) if len(found) else (0, "")
        return cls(version, *last, entries, entries[~earlier] if earlier.any() else entries)


def _in_one_piece(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with one chunk of Arrow memory for each column: pd.concat and masks keep every chunk they get."""
    whole: pd.DataFrame = pa.Table.from_pandas(frame).combine_chunks().to_pandas()
    return whole
