"""Rules from a `rules.toml`: the makers of rules, without Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Final

from workbench.io.files import check_format
from workbench.io.names import did_you_mean, listed
from workbench.io.toml import check_keys, expect, read_toml
from workbench.lfs.function import About, LabelingFunction
from workbench.lfs.load import bind
from workbench.lfs.rules import RULES
from workbench.tables import WorkbenchError

# What the settings of the makers may be in TOML, by their annotation in Python.
_KINDS: Final[dict[str, Any]] = {
    "str": str,
    "str | None": str,
    "str | int": str,
    "bool": bool,
    "str | Path | None": str,
    "Sequence[str] | str": list[str],  # words = "a, b" is a list without its brackets more often than one word
    "Sequence[Any]": list,
    "Mapping[Any, str | int] | None": dict,
}
_ABOUT: Final[dict[str, Any]] = {"reason": str, "tags": list[str], "labels": list[str], "fires": (list, dict), "abstains": list}


def load_rules(path: str | Path, *, labels: Sequence[str], text: Iterable[str] = ("text",)) -> list[LabelingFunction]:
    """Read a `rules.toml`: every `[[rule]]` has a name, a kind and the settings of that kind's maker.

    A rule with `enabled = false` is left out. Errors name the file, the rule, the key and the value.
    """
    file = Path(path)
    document = read_toml(file)
    check_keys(document, ("format", "rule"), str(file))
    if "format" in document:  # a file may be empty
        check_format(document, file)
    if isinstance(document.get("rule"), dict):
        raise WorkbenchError(f"{file}: [rule] is one table; every rule begins with [[rule]], in two brackets")
    rules = expect(document, "rule", list[dict], str(file), [])  # type: ignore[type-arg]
    lines = _lines_of_rules(file, len(rules))
    made = [_rule(file, line, rule, labels) for line, rule in zip(lines, rules, strict=True)]
    return bind([function for function in made if function is not None], labels, text)


def _lines_of_rules(file: Path, n: int) -> list[int]:
    """Return the line each rule begins on; 0 where headings and rules do not match, as with rules inside a list."""
    headings = [
        number
        for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1)
        if re.match(r"\s*\[\[\s*rule\s*\]\]", line)
    ]
    return headings if len(headings) == n else [0] * n


def _rule(file: Path, line: int, rule: dict[str, Any], labels: Sequence[str]) -> LabelingFunction | None:
    """Return a rule, or None where it is not enabled."""
    where = f"the rule on line {line} of {file}"
    name, _ = expect(rule, "name", str, where), expect(rule, "kind", str, where)
    where = f"rule {name!r} of {file}{f', line {line}' * bool(line)}"
    function = make_rule(rule, file.parent, labels, where=where, place=f"{file.name}:{line}")
    return function if expect(rule, "enabled", bool, where, True) else None


def make_rule(
    rule: Mapping[str, Any], folder: Path, labels: Sequence[str], text: Iterable[str] = (), *, where: str, place: str
) -> LabelingFunction:
    """Make a rule of what stands under `[[rule]]`, bound to labels and text columns.

    folder: where its files are. where: what errors begin with. place: what the function says of where it was written.
    """
    kind = expect(rule, "kind", str, where)
    if kind not in RULES:
        raise WorkbenchError(f"{where}: kind {kind!r} is unknown; known are {listed(RULES)}{did_you_mean(kind, RULES)}")
    maker = RULES[kind]
    parameters = [p for p in signature(maker).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    check_keys(rule, dict.fromkeys(["name", "kind", "enabled", *(p.name for p in parameters), *About.__annotations__]), where)
    settings = {key: value for key, value in rule.items() if key not in ("kind", "enabled")}
    for p in parameters:
        if p.default is Parameter.empty or p.name in settings:
            expect(settings, p.name, _KINDS.get(str(p.annotation), object), where)
    for key in _ABOUT.keys() & settings.keys():
        expect(settings, key, _ABOUT[key], where)
    if "file" in settings:
        settings["file"] = _inside(folder, settings["file"], where)
    try:
        function = maker(**settings)
        function.place = place
        return function.bound(labels, text)
    except WorkbenchError as error:
        again = f"labeling function {rule.get('name')!r} ({place}): "  # the place is in `where`
        raise WorkbenchError(f"{where}: {str(error).removeprefix(again)}") from None


def _inside(folder: Path, name: str, where: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise WorkbenchError(f"{where}: file {name!r} lies outside {folder}; rules read files of their task's folder only")
    return path
