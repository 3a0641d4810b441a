"""Strict TOML: what a file may not say is refused, with its place."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import GenericAlias
from typing import Any, Final, get_args, get_origin

from workbench.io.files import read_bytes
from workbench.io.names import did_you_mean, listed, shortened
from workbench.tables import WorkbenchError

_REQUIRED: Final = object()
_IN_WORDS: Final = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}
_WAYS_OUT: Final = {
    "Unescaped": "write patterns in single quotes, so that a backslash stays one",
    "Invalid value": "text needs quotes, true and false have none",
    "Cannot": "it stands twice; keep one",
}
Kind = type | GenericAlias | tuple[type | GenericAlias, ...]


def read_toml(path: Path | str) -> dict[str, Any]:
    """Return what a TOML file holds; raises WorkbenchError naming file and place."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WorkbenchError(f"{path} is not valid TOML: {error}{_way_out(str(error), text)}") from None
    except RecursionError:
        raise WorkbenchError(f"{path} has lists or tables that lie in each other too deep; write them flat") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise WorkbenchError(f"{path} is not UTF-8 text on line {line}; save the file as UTF-8") from None
    except WorkbenchError:
        raise
    except ValueError as error:  # Python's bound on the digits of a whole number; a date that no calendar has
        raise WorkbenchError(f"{path} holds a value that cannot be read: {error}; correct it") from None


def _way_out(message: str, text: str) -> str:
    """Return the line that TOML stumbled over, and what to write."""
    place = re.search(r"at line (\d+),", message)
    line = text.splitlines()[int(place[1]) - 1].strip() if place and int(place[1]) <= len(text.splitlines()) else ""
    quoted = f"'{shortened(line, 60)}'" if line.isprintable() else repr(shortened(line, 60))
    shown = f", {quoted}" if line else ""
    way_out = next(
        (said for part, said in _WAYS_OUT.items() if part in message), "close every quote and bracket, there and above"
    )
    return f"{shown}; {way_out}"


def check_keys(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Refuse an unknown key, naming the nearest known one; `where` names the place, such as `[data] of task.toml`."""
    names = list(known)
    for key in table:
        if key not in names:
            raise WorkbenchError(
                f"unknown key {key!r} in {where}; known keys are {listed(names, 40)}{did_you_mean(key, names)}"
            )


def expect(table: Mapping[str, Any], key: str, kind: Kind, where: str, default: Any = _REQUIRED) -> Any:
    """Return table[key] if it is of the kind, or the default where the key is missing; raises WorkbenchError otherwise.

    kind: a type, a list of one (`list[str]`), or a tuple of such. A whole number serves as a number; true and false do not.

    >>> expect({"labels": ["ham", "spam"]}, "labels", list[str], "task.toml")
    ['ham', 'spam']
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    wanted = " or ".join(_in_words(one) for one in kinds)
    if key not in table:
        if default is _REQUIRED:
            raise WorkbenchError(f"{where} lacks the key {key!r}: {wanted}")
        return default
    value = table[key]
    if not any(_fits(value, one) for one in kinds):
        raise WorkbenchError(f"{key} in {where} is {_shown(value)}; it must be {wanted}")
    return value


def _shown(value: Any) -> str:
    """Return a value as TOML has it, as far as Python writes it otherwise."""
    return str(value) if isinstance(value, datetime.date | datetime.time) else repr(value)


def _fits(value: Any, kind: Any) -> bool:
    """Return whether a value is of a kind; bool counts as int in Python, but true is no number in TOML."""
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


def _in_words(kind: Any) -> str:
    """Return a kind as an error names it, such as `a list of strings`."""
    if get_origin(kind) is list:
        return f"a list of {_in_words(get_args(kind)[0]).removeprefix('a ')}s"
    return _IN_WORDS.get(kind, getattr(kind, "__name__", str(kind)))
