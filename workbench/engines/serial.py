"""One chunk after another, in this process."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def serial(work: Callable[[int], Any], chunks: Iterable[int]) -> Iterator[Any]:
    """Yield the answer of every chunk in order, working only when asked for the next."""
    return map(work, chunks)
