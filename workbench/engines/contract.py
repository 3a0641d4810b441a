"""What engines and those who use them agree on: a job of several functions, pieces of the rows, and answers; and mappers."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Piece:
    """Some rows of a table, cut out when they are needed, and which functions are to run on them.

    rows: positions, as a slice where they lie together, which copies nothing. functions: positions in the job.
    """

    table: pd.DataFrame
    rows: slice | NDArray[np.intp]
    functions: tuple[int, ...]

    def cut(self) -> pd.DataFrame:
        """Return the rows."""
        return self.table.iloc[self.rows]


class Answer(NamedTuple):
    """What one function made of one piece: its result, or why there will be none from it on any piece.

    piece, function: positions. seconds: how long it took.
    """

    piece: int
    function: int
    result: Any
    seconds: float = 0.0
    stopped: str = ""


class Begun(NamedTuple):
    """News that a function is at work on a piece, until its answer comes or another begins there; an engine may tell none."""

    piece: int
    function: int


class Job(Protocol):
    """What an engine runs. A job can be pickled; its functions run one by one on what `chunk` makes of a piece's rows."""

    def chunk(self, rows: pd.DataFrame) -> Any:
        """Return the rows as functions take them; what several functions need is made there once."""

    def alone(self, function: int) -> bool:
        """Whether a function is to run in a process of its own, for it may change what others read."""

    def prepare(self, chunk: Any, function: int) -> None:
        """Make what a function shares with others, so that who runs it in a process of its own makes it only once."""

    def run(self, chunk: Any, function: int) -> Any:
        """Return the function's result on a chunk."""


# The last argument holds the functions that are to run no more. It grows while the engine works: who uses an engine adds what
# an answer says is stopped before asking for the next one.
Engine = Callable[[Job, Sequence[Piece], Container[int]], Iterator[Answer | Begun]]


class Mapper(Protocol):
    """What runs one function on many items in other processes: for data that no one machine holds, an item names a part of it.

    The work reads and writes files itself and returns a small result; work, items and results can be pickled. A process runs
    one item at a time. About twice as many items as there are workers are on their way at most.
    """

    def __call__(self, work: Callable[[T], R], items: Sequence[T]) -> Generator[tuple[int, R]]:
        """Yield (place, result) as items are finished, in any order; closed early, cancel the rest and end what was started.

        An item whose process dies is run again in another one, so the work must bear to be repeated. Raises WorkbenchError
        where that happens more often than `retries` says, and where the work raises: its own WorkbenchError as it is.
        """

    def kept(self) -> AbstractContextManager[Mapper]:
        """Return, until the end of the context, a mapper whose processes stay from one call to the next."""
