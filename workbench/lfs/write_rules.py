"""One more rule at the end of a `rules.toml`; whatever stands there stays, to the byte."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.items import Item

from workbench.io.files import atomic_write, locked
from workbench.io.toml import read_toml
from workbench.tables import WorkbenchError

_NEW: Final = b"# Rules without Python: each votes its label where it matches, and abstains elsewhere.\nformat = 1\n"
_TRIES: Final = 20
_WIDE: Final = 8  # items of a list that stand in one line


class _Changed(Exception):
    """Somebody else wrote the file while it was being extended."""


def add_rule(file: Path, rule: Mapping[str, Any], taken: Mapping[str, str] | None = None) -> int:
    """Append a rule to a file, which is made where there is none, and return the line on which the rule begins.

    rule: what shall stand under `[[rule]]`, in that order. taken: names of functions that stand elsewhere, with their places.
    Who adds at the same time waits; what an editor saves meanwhile is kept and added to. Raises WorkbenchError where the name
    is taken or the file cannot be extended, and leaves the file as it was.
    """
    file, elsewhere = file.resolve(), taken or {}
    if rule["name"] in elsewhere:
        raise _taken(rule["name"], elsewhere[rule["name"]])
    with locked(file.parent):
        for _ in range(_TRIES):
            before = file.read_bytes() if file.exists() else b""
            after, line = _extended(file, before, rule)
            with suppress(_Changed), atomic_write(file) as temporary:
                _write(temporary, after)
                if before != (file.read_bytes() if file.exists() else b""):
                    raise _Changed
                return line
    raise WorkbenchError(f"{file} changes all the time; close what writes it, and save the rule again")


def rule_text(rule: Mapping[str, Any]) -> str:
    """Return a rule as it stands in a file.

    >>> print(rule_text({"name": "paid", "pattern": r"\\d+ €"}), end="")
    [[rule]]
    name = "paid"
    pattern = '\\d+ €'
    """
    lines = (f"{tomlkit.key(key).as_string()} = {_item(value).as_string()}" for key, value in rule.items())
    return "\n".join(["[[rule]]", *lines]) + "\n"


def _extended(file: Path, before: bytes, rule: Mapping[str, Any]) -> tuple[bytes, int]:
    """Return the file with the rule at its end, and the rule's line."""
    old = read_toml(file) if before else {}
    rules = old.get("rule", [])
    for other in rules if isinstance(rules, list) else []:
        if isinstance(other, dict) and other.get("name") == rule["name"]:
            raise _taken(rule["name"], file.name)
    block, end = rule_text(rule), b"\r\n" if b"\r\n" in before else b"\n"
    start = before or _NEW
    start += (b"" if start.endswith(b"\n") else end) + end
    after = start + block.encode().replace(b"\n", end)
    try:
        new = tomllib.loads(after.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError:
        raise WorkbenchError(f"{file} keeps its rules in a list; write each under a line [[rule]] to add more") from None
    if new.get("rule") != [*rules, tomllib.loads(block)["rule"][0]]:
        raise WorkbenchError(f"{file} cannot be added to at its end; mend what `workbench check` says of it first")
    return after, start.count(b"\n") + 1


def _taken(name: str, place: str) -> WorkbenchError:
    return WorkbenchError(f"a function called {name!r} stands in {place} already; give the rule another name")


def _item(value: Any) -> Item:
    """Return a value as TOML: backslashes stand single, a table in one line, a long list one item a line."""
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for key, item in value.items():
            table.append(tomlkit.key(str(key)), _item(item))
        return table
    if isinstance(value, list | tuple):
        array = tomlkit.array()
        for item in value:
            array.append(_item(item))
        return array.multiline(len(value) > _WIDE)
    literal = isinstance(value, str) and "\\" in value and "'" not in value and value.isprintable()
    return tomlkit.string(value, literal=True) if literal else tomlkit.item(value)


def _write(path: Path, content: bytes) -> None:
    """Write and wait for the disk, so that little time lies between the last look at the file and its replacement."""
    with path.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
