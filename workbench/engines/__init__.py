"""How chunks are mapped: every engine takes the work and the chunks, and yields the answers in order."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from workbench.engines.serial import serial

Engine = Callable[[Callable[[int], Any], Iterable[int]], Iterator[Any]]

__all__ = ["Engine", "serial"]
