"""Rows as functions see them: read as a pandas row is read, at a hundredth of its cost."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pandas as pd

from workbench.io.names import did_you_mean


@lru_cache(maxsize=128)  # asked of every row where a function tries whether the column is there
def _no_column(name: Any, columns: tuple[str, ...]) -> str:
    return f"the row has no column {name!r}; it has {', '.join(columns)}{did_you_mean(name, columns)}"


@lru_cache(maxsize=128)
def row_type(columns: tuple[str, ...]) -> type[tuple[Any, ...]]:
    """Return the type of read-only rows over these columns, made of one cell a column and the row id.

    A cell is `row.plan` or `row["plan"]`, whatever its column is called. As with a pandas row `in`, `keys` and `index` speak of
    column names, `len` and iteration of cells, and `row.name` is the row id; a column of such a name wins.
    """
    place = {column: i for i, column in enumerate(columns)}
    n = len(columns)
    cell, slots = tuple.__getitem__, tuple.__iter__

    def get_attribute(self: tuple[Any, ...], name: str) -> Any:
        if name in place:  # a name that Python's tuples cannot hold as an attribute, such as "_id" or "class"
            return cell(self, place[name])
        raise AttributeError(_no_column(name, columns))

    def get_item(self: tuple[Any, ...], name: str) -> Any:
        try:
            return cell(self, place[name])
        except KeyError:
            raise KeyError(_no_column(name, columns)) from None

    def refuse(self: tuple[Any, ...], name: str, value: Any) -> None:
        raise AttributeError(f"cannot set {name!r}: rows are shared by all functions; change them in a step, with pre=[step]")

    members = {
        "__slots__": (),
        "__setattr__": refuse,
        "__setitem__": refuse,
        "__getattr__": get_attribute,
        "__getitem__": get_item,
        "__contains__": lambda self, name: name in place,
        "__len__": lambda self: n,
        "__iter__": lambda self: iter(cell(self, slice(n))),
        "__repr__": lambda self: f"row {cell(self, n)!r}: {dict(zip(columns, slots(self), strict=False))}",
        "_columns": columns,
        "index": columns,
        "name": property(lambda self: cell(self, n)),
        "keys": lambda self: columns,
        "items": lambda self: zip(columns, slots(self), strict=False),
        "to_dict": lambda self: dict(zip(columns, slots(self), strict=False)),
        "get": lambda self, name, default=None: cell(self, place[name]) if name in place else default,
    }
    members = {name: member for name, member in members.items() if name not in place}
    return type("Row", (namedtuple("Cells", (*columns, ""), rename=True),), members)


def light_rows(columns: Mapping[str, Sequence[Any]], ids: Sequence[str]) -> list[Any]:
    """Return one read-only row an id, cells as plain Python values."""
    make = row_type(tuple(columns))
    return [tuple.__new__(make, cells) for cells in zip(*columns.values(), ids, strict=True)]


class OpenRow(SimpleNamespace):
    """A row that preprocessing steps may change, in place or by returning another."""

    __slots__ = ("__id",)  # beside the cells: a memoised step must not take two equal rows for different ones

    def __init__(self, cells: Mapping[str, Any], row_id: str) -> None:
        super().__init__(**cells)
        self.__id = row_id

    def __getattr__(self, name: str) -> Any:
        if name == "name":
            return self.__id
        raise AttributeError(_no_column(name, tuple(vars(self))))

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenRow, (vars(self), self.__id)  # Snorkel's preprocessors copy a row this way

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        vars(self)[name] = value

    def __contains__(self, name: object) -> bool:
        return name in vars(self)

    def keys(self) -> Any:
        """Return the column names."""
        return vars(self).keys()

    def items(self) -> Any:
        """Return pairs of column name and cell."""
        return vars(self).items()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a cell, or the default where there is no such column."""
        return vars(self).get(name, default)


def cells_of(row: Any) -> tuple[dict[str, Any], str]:
    """Return the cells by column, and the id, of a row of any kind: pandas Series, dict, light row, namedtuple, object."""
    named = getattr(row, "name", None)
    row_id = named if isinstance(named, str) and named else "row"
    if isinstance(row, (Mapping, pd.Series)):
        return {str(name): value for name, value in row.items()}, row_id
    if hasattr(type(row), "_columns"):
        return dict(zip(type(row)._columns, tuple.__iter__(row), strict=False)), row_id
    return dict(row._asdict() if hasattr(row, "_asdict") else vars(row)), row_id
