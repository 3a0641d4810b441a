"""The failure-first spec: what must not happen to a row, written down before anyone looks at a figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workbench.spec.slices import Slice, nearest, parse_slice
from workbench.tables import WorkbenchError

SEVERITIES: Final = ("critical", "high", "medium", "low")  # the worst first
_TEXTS: Final = ("name", "why", "severity", "owner")
_FINDS: Final = ("rule", "slice", "predicted", "actual")
_KEYS: Final = (*_TEXTS, "tolerated", *_FINDS)
_NO_RULE: Final = ("name", "label", "labels", "enabled", "tags", "reason")  # what a labeling function has and a search has not
_LONGEST: Final = 200  # characters of a name: a reviewer picks it from a list


@dataclass(frozen=True)
class Failure:
    """One way in which a label is wrong that somebody pays for.

    why: what it costs whom. severity: one of SEVERITIES. tolerated: how many labels may be this failure, as a share of *all*
    labels of the set, from 0 to below 1. rule: the settings of a rule of `rules.toml`, without label. predicted: the class that
    the set gives. actual: the class of the row, known only to who looks.
    """

    name: str
    why: str
    severity: str
    owner: str
    tolerated: float
    rule: Mapping[str, Any] | None = None
    slice: Slice | None = None
    predicted: str | None = None
    actual: str | None = None


def parse_failures(
    table: Mapping[str, Any], where: str, labels: Iterable[str], slices: Iterable[Slice] = ()
) -> tuple[Failure, ...]:
    """Read what stands in a `failures.toml`: a list of tables under `failure`.

    where: the file, as errors name it. labels: the classes of the task. slices: those a failure may name. The format version is
    the reader's to check, and the settings of a rule are the maker's.

    >>> entry = {"name": "ham lost", "why": "Mail is missed.", "severity": "high", "owner": "desk", "tolerated": 0.01}
    >>> parse_failures({"failure": [entry | {"predicted": "spam"}]}, "failures.toml", ["ham", "spam"])[0].predicted
    'spam'
    """
    _known_keys(table, ("format", "failure"), where)
    entries = table.get("failure", [])
    if not isinstance(entries, list):
        raise WorkbenchError(f"{where} has failure = {_shown(entries)}; begin every failure with a line [[failure]]")
    classes, by_name = tuple(labels), {one.name: one for one in slices}
    places: dict[str, int] = {}
    found = []
    for number, entry in enumerate(entries, 1):
        failure = _parse(entry, number, where, classes, by_name)
        if failure.name in places:
            first = places[failure.name]
            raise WorkbenchError(
                f"failure {failure.name!r} of {where} stands twice, as number {first} and {number}; rename one"
            )
        places[failure.name] = number
        found.append(failure)
    return tuple(found)


def _parse(entry: Any, number: int, where: str, labels: tuple[str, ...], slices: Mapping[str, Slice]) -> Failure:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    place = f"failure {_shown(name) if isinstance(name, str) and name else number} of {where}"
    if not isinstance(entry, Mapping):
        raise WorkbenchError(f"{place} is {_shown(entry)}; begin every failure with a line [[failure]]")
    _known_keys(entry, _KEYS, place)
    name = _text(entry, "name", place)
    if len(name) > _LONGEST or not name.isprintable():
        raise WorkbenchError(f"{place} has name = {_shown(name)}; it is one line of at most {_LONGEST} characters")
    place = f"failure {name!r} of {where}"
    if not any(key in entry for key in _FINDS):
        raise WorkbenchError(f"{place} does not say how its rows are found; give at least one of {', '.join(_FINDS)}")
    failure = Failure(
        name=name,
        why=_text(entry, "why", place),
        severity=_one_of(entry, "severity", SEVERITIES, place),
        owner=_text(entry, "owner", place),
        tolerated=_share(entry, place),
        rule=_rule(entry["rule"], place) if "rule" in entry else None,
        slice=_slice(entry["slice"], name, place, slices) if "slice" in entry else None,
        predicted=_one_of(entry, "predicted", labels, place) if "predicted" in entry else None,
        actual=_one_of(entry, "actual", labels, place) if "actual" in entry else None,
    )
    if failure.predicted is not None and failure.predicted == failure.actual:
        raise WorkbenchError(
            f"{place} has predicted and actual = {failure.actual!r}, which is a label that is right; "
            "give two classes, or leave one out"
        )
    return failure


def _rule(rule: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(rule, Mapping) or "kind" not in rule:
        raise WorkbenchError(
            f'{where} has rule = {_shown(rule)}; it is a table such as {{ kind = "keyword", words = ["leaked"] }}'
        )
    for key in rule:
        if key in _NO_RULE:
            raise WorkbenchError(
                f"{where} has a rule with {key} = {_shown(rule[key])}; this rule only finds rows, so take {key} out "
                "(the failure has the name, and `predicted` and `actual` the classes)"
            )
    return rule


def _slice(value: Any, name: str, where: str, slices: Mapping[str, Slice]) -> Slice:
    """Return a slice that stands there, or the named one of the task."""
    if isinstance(value, str):
        if value not in slices:
            raise WorkbenchError(
                f"{where} has slice = {value!r}{nearest(value, slices)}, which [slices] of task.toml lacks; it has "
                f"{', '.join(slices) or 'none'}, and a table with a column and a condition may stand here too"
            )
        one = slices[value]
    else:
        one = parse_slice(name, value, f"{where}: slice")
    if one.kind == "by":
        raise WorkbenchError(
            f"{where} has a slice by {one.column!r}, which stands for several; write slice = "
            f'{{ column = "{one.column}", equals = ... }}'
        )
    return one


def _share(entry: Mapping[str, Any], where: str) -> float:
    value = _given(entry, "tolerated", where)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or not 0 <= value < 1:
        raise WorkbenchError(
            f"{where} has tolerated = {_shown(value)}; it is a share of all labels, from 0 to below 1, such as 0.002"
        )
    return float(value)


def _one_of(entry: Mapping[str, Any], key: str, known: tuple[str, ...], where: str) -> str:
    value = _text(entry, key, where)
    if value not in known:
        raise WorkbenchError(f"{where} has {key} = {_shown(value)}{nearest(value, known)}; it is one of {', '.join(known)}")
    return value


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = _given(entry, key, where)
    if not isinstance(value, str) or not value.strip():
        raise WorkbenchError(f"{where} has {key} = {_shown(value)}; it must be a non-empty string")
    return value


def _given(entry: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in entry:
        raise WorkbenchError(f"{where} lacks the key {key}; every failure has {', '.join(_TEXTS)} and tolerated")
    return entry[key]


def _known_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise WorkbenchError(
                f"{where} has the unknown key {_shown(key)}{nearest(key, known)}; known are {', '.join(known)}"
            )


def _shown(value: Any) -> str:
    """Return a value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
