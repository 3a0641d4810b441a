"""What mappers have in common: work and its item go to another process as bytes, and what came of them comes back as bytes."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from workbench.io.names import shortened
from workbench.tables import WorkbenchError


def check(workers: object, retries: object, address: str | None = None) -> None:
    """Raise WorkbenchError where a mapper's settings are no whole numbers in range; a cluster at an address has its workers."""
    if workers is not None and (type(workers) is not int or workers < 1):
        raise WorkbenchError(f"workers is {workers!r}; give a whole number from 1 on, or None for one a core")
    if type(retries) is not int or retries < 0:
        raise WorkbenchError(f"retries is {retries!r}; give a whole number from 0 on")
    if address is not None and workers is not None:
        raise WorkbenchError(f"workers is {workers!r}, but the cluster at {address} has its own; leave one out")


def processes(workers: int | None) -> int:
    """Return how many processes are meant."""
    return workers or os.cpu_count() or 1


def packed(what: object) -> bytes:
    """Return the work or an item pickled; functions of a script or a notebook go by value."""
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(what))
    except Exception as error:  # pickling raises whatever an object's own code does
        said = f"{shortened(str(what))} cannot be sent to another process ({type(error).__name__}: {error})"
        raise WorkbenchError(f"{said}; use functions of a module and plain values") from error


def outcome(work: bytes, item: bytes) -> bytes:
    """Run the work where this is called; return, pickled, its result, or an error and where it was raised."""
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps((pickle.loads(work)(pickle.loads(item)), None, "")))  # nosec B301  # of the driver
    except BaseException as error:  # noqa: BLE001  # whatever it is, SystemExit too, it belongs to the one who asked
        return bytes(cloudpickle.dumps((None, _sendable(error), traceback.format_exc())))


def _sendable(error: BaseException) -> WorkbenchError | str:
    """Return a WorkbenchError as it is, unless it does not survive the way, and any other as its type and message."""
    said = f"{type(error).__name__}: {error}".removesuffix(": ")
    if not isinstance(error, WorkbenchError):
        return said
    try:
        return error if isinstance(pickle.loads(packed(error)), type(error)) else WorkbenchError(str(error))  # nosec B301
    except Exception:  # noqa: BLE001  # so does an error's own way of being pickled
        return WorkbenchError(str(error))


def result(came: bytes, place: int, item: object) -> Any:
    """Return the result of an outcome, or raise its error; what is no WorkbenchError names the item."""
    found, error, where = pickle.loads(came)  # nosec B301  # of a worker
    if error is None:
        return found
    if not isinstance(error, WorkbenchError):
        error = WorkbenchError(f"{named(place, item)} raised {error}")
        error.add_note(where)
    raise error


Outcomes = Generator[tuple[int, bytes | int]]  # place and outcome of an item, or how many workers died of it


def repeated(run: Callable[[Iterable[int]], Outcomes], items: Sequence[Any], retries: int) -> Iterator[tuple[int, Any]]:
    """Yield (place, result) of items, then of those that ended a worker, each by itself: none is blamed for its neighbour.

    run: runs the items at some places.
    """
    deaths: dict[int, int] = {}
    with closing(run(range(len(items)))) as outcomes:
        for place, came in outcomes:
            if isinstance(came, int):
                deaths[place] = came
            else:
                yield place, result(came, place, items[place])
    for place in deaths:
        while isinstance(came := _alone(run, place), int):
            deaths[place] += came
            if deaths[place] > retries:
                raise died(place, items[place], deaths[place])
        yield place, result(came, place, items[place])


def _alone(run: Callable[[Iterable[int]], Outcomes], place: int) -> bytes | int:
    with closing(run([place])) as outcomes:
        return next(outcomes)[1]


def named(place: int, item: object) -> str:
    """Return an item in words."""
    return f"item {place + 1} ({shortened(str(item))})"


def died(place: int, item: object, times: int) -> WorkbenchError:
    """Return the error of an item that is given up."""
    often = "once" if times == 1 else f"{times} times"
    way_out = "make the parts smaller, use fewer workers, or raise `retries`"
    return WorkbenchError(f"{named(place, item)} ended its worker process {often}, perhaps for want of memory; {way_out}")
