"""A draft that is kept: in rules.toml, or as Python."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from keyword import iskeyword
from typing import Any, Final

from workbench.lfs.toml_rules import make_rule
from workbench.lfs.write_rules import add_rule, rule_text
from workbench.project.catalogue import catalogue
from workbench.project.rule_draft import Rule, check_size
from workbench.project.scaffold import literal
from workbench.project.task import Task
from workbench.tables import WorkbenchError

_ORDER: Final = ("name", "kind", "label", "reason", "tags")
_LAST: Final = ("fires", "abstains")
_LINE: Final = 100  # characters of a line of Python


def proposed_name(rule: Rule, taken: Collection[str]) -> str:
    """Return a name that says what a draft looks for and that no function has.

    >>> proposed_name({"kind": "keyword", "words": ["money back", "refund"]}, ["says_money_back"])
    'says_money_back_2'
    """
    kind, column = rule["kind"], rule.get("column", "")
    finds = rule.get("words") or rule.get("phrases") or rule.get("pattern") or list(rule.get("values", ()))
    first = finds if isinstance(finds, str) else next(iter(finds), "")
    if kind == "threshold":
        first = " ".join(f"{side} {rule[side]}" for side in ("above", "below") if side in rule)
    words = f"{column} {first}" if kind in ("threshold", "lookup", "column") else f"says {first}"
    name = "_".join(re.sub(r"\\\w|\W", " ", words.casefold()).split())[:40].strip("_")
    number, found = 2, name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def told(rule: Rule, name: str = "", reason: str = "", tags: Collection[str] = ()) -> dict[str, Any]:
    """Return a draft with what its writer says of it, in the order in which a file has it."""
    about = {"name": name, "reason": reason, "tags": list(tags)}
    every = {**rule, **{key: value for key, value in about.items() if value}}
    middle = [key for key in every if key not in (*_ORDER, *_LAST)]
    return {key: every[key] for key in (*_ORDER, *middle, *_LAST) if key in every}


def save_rule(task: Task, rule: Mapping[str, Any]) -> str:
    """Write a rule into the task's rules.toml and return its place; a name that any function has is refused, and one of other
    signs than letters, digits and _, for files and commands bear it.

    What stands in the file stays as it is, also what others save at the same time.
    """
    check_size(rule)
    name = rule.get("name", "")
    if not isinstance(name, str) or not name.strip():
        raise WorkbenchError("the rule has no name; a few words joined by _ tell it from the others")
    if not re.fullmatch(r"\w+", name):
        clean = "_".join(re.findall(r"\w+", name)) or proposed_name(rule, ())
        raise WorkbenchError(f"the name {name!r} holds more than letters, digits and _; call the rule {clean!r}")
    if rule["kind"] != "phrase":  # whose process has made it already, to try it
        make_rule(rule, task.folder, task.labels, task.data["text"], where=f"rule {name!r}", place="draft")
    places = {one["name"]: one["place"] for one in catalogue(task)["functions"]}
    elsewhere = {other: place for other, place in places.items() if not place.startswith(f"{task.rules_file.name}:")}
    return f"{task.rules_file.name}:{add_rule(task.rules_file, rule, elsewhere)}"


def toml_text(rule: Rule) -> str:
    """Return a rule as it stands in rules.toml."""
    return rule_text(rule)


def python_text(rule: Rule) -> str:
    """Return a file of labeling functions that votes as the rule does.

    >>> print(python_text({"name": "says_free", "kind": "keyword", "label": "spam", "words": ["free"]}).split("\\n\\n", 1)[1])
    from workbench.lfs import keyword
    <BLANKLINE>
    says_free = keyword(
        label="spam",
        words=["free"],
    )
    <BLANKLINE>
    """
    name = rule.get("name") or proposed_name(rule, ())
    variable = re.sub(r"\W+|^(?=\d)", "_", name)
    if iskeyword(variable) or variable == rule["kind"]:
        variable += "_"
    settings = {key: value for key, value in rule.items() if key not in ("kind", "name")}
    if variable != name:
        settings = {"name": name, **settings}
    maker = rule["kind"]
    return "\n".join(
        [
            '"""A rule as Python: it votes as in rules.toml, stands beside functions that need code, and is changed here."""',
            "",
            f"from workbench.lfs import {maker}",
            "",
            f"{variable} = {maker}(",
            *(f"    {key}={_python(value)}," for key, value in settings.items()),
            ")",
            "",
        ]
    )


def _python(value: Any) -> str:
    if isinstance(value, list):
        items = [_python(item) for item in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= _LINE else "[\n" + "".join(f"        {item},\n" for item in items) + "    ]"
    if isinstance(value, str) and "\\" in value and '"' not in value and not value.endswith("\\") and value.isprintable():
        return f'r"{value}"'
    return literal(value)
