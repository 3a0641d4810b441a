"""Suites that are written in Python: functions from rows to rows under `@suite`, one folder of files a task."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, overload

from workbench.io.names import did_you_mean, listed
from workbench.lfs.load import Package  # a folder of files as a package, read anew from disk; an error names file and line
from workbench.lfs.votes import FAULTS, one_line
from workbench.stress.contract import EXPECTED, LABEL, Expected, Made, NotLower, Suite
from workbench.tables import Dataset, WorkbenchError


class Fault(WorkbenchError):
    """What a suite raised; where: file, line and kind of the error, without its words, which may be those of a row."""

    def __init__(self, where: str, words: str) -> None:
        super().__init__(f"{where}{words}")
        self.where = where


@dataclass(frozen=True)
class PythonSuite:
    """A decorated function; calling it calls the function."""

    function: Callable[[Dataset], Made]
    name: str
    expect: Expected
    about: str
    place: str  # file:line

    def __call__(self, rows: Dataset) -> Made:
        return self.function(rows)


@overload
def suite(function: Callable[[Dataset], Made]) -> PythonSuite: ...
@overload
def suite(*, name: str = "", expect: Expected = LABEL) -> Callable[[Callable[[Dataset], Made]], PythonSuite]: ...
def suite(
    function: Callable[[Dataset], Made] | None = None, *, name: str = "", expect: Expected = LABEL
) -> PythonSuite | Callable[[Callable[[Dataset], Made]], PythonSuite]:
    """Make a suite of a function that takes held-out rows and returns those to ask about; its docstring says what they are.

    expect: `label`, the gold of the returned rows; `same`, the answer to the row with the same id before it was changed;
    `review`, rows of no class; or NotLower(label). The function may return it too, as `rows, expect`.
    """

    def wrap(function: Callable[[Dataset], Made]) -> PythonSuite:
        code = getattr(function, "__code__", None)
        if code is None:
            raise WorkbenchError(f"@suite decorates {function!r}; it takes a function of rows")
        about = one_line((function.__doc__ or "").strip().partition("\n")[0]).rstrip(".")
        place = f"{code.co_filename}:{code.co_firstlineno}"
        return PythonSuite(function, name or code.co_name, expect, about or "rows made in Python", place)

    return wrap if function is None else wrap(function)


def load_suites(folder: Path) -> list[Suite]:
    """Collect the suites of a folder's Python files, in order of file and variable; none where there is no such folder.

    Raises WorkbenchError naming file and line where a file cannot be loaded, and where two suites have one name.
    """
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py")) if not path.name.startswith(".")}
    package = Package(folder.resolve(), sources) if sources else None
    found: dict[str, PythonSuite] = {}
    for thing in [thing for file in sources if package for thing in vars(package.load(file)).values()]:
        if not isinstance(thing, PythonSuite) or found.get(thing.name) is thing:
            continue
        if thing.name in found:
            places = f"at {found[thing.name].place} and {thing.place}"
            raise WorkbenchError(f"two suites are called {thing.name!r}, {places}; rename one")
        found[thing.name] = thing
    return [Suite(one.name, "python", one.about, partial(_made, one), one.expect) for one in found.values()]


def _made(one: PythonSuite, rows: Dataset) -> Made:
    """Return what the function makes of rows; what it raises, or returns wrongly, is told with file and line."""
    try:
        made = one(rows)
    except FAULTS as error:
        inside = [
            frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == one.place.rpartition(":")[0]
        ]
        place = f"{inside[-1].filename}:{inside[-1].lineno}" if inside else one.place
        where = f"{place}: suite {one.name!r} fails: {type(error).__name__}"
        raise Fault(where, f": {one_line(str(error))}") from error
    given, expect = made if isinstance(made, tuple) and len(made) == 2 else (made, one.expect)
    if not isinstance(given, Dataset):
        what = f"returns {type(given).__name__}"
        raise WorkbenchError(f"{one.place}: suite {one.name!r} {what}; it returns a Dataset, or a Dataset and what is expected")
    check_expected(expect, rows.labels, f"{one.place}: suite {one.name!r}")
    return given, expect


def check_expected(expect: Any, labels: Sequence[str], where: str) -> None:
    """Refuse what is none of the things that may be expected of an answer."""
    if isinstance(expect, NotLower):
        if expect.label not in labels:
            raise WorkbenchError(
                f"{where} speaks for {expect.label!r}; classes are {listed(labels)}{did_you_mean(expect.label, labels)}"
            )
    elif expect not in EXPECTED:
        raise WorkbenchError(f"{where} expects {expect!r}; give one of {listed(EXPECTED)}, or NotLower(label)")
