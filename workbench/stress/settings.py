"""What a `stress.toml` says, and what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workbench.io.names import did_you_mean, listed
from workbench.io.toml import check_keys, expect
from workbench.spec import SEVERITIES
from workbench.stress.checklist import CHANGES
from workbench.stress.contract import KINDS, NotLower
from workbench.stress.messy import MESSY, SECOND_ISSUE, SHARES
from workbench.stress.rules_removed import EACH, HOWS, REMOVALS, Removal
from workbench.tables import WorkbenchError

_PLAIN: Final[dict[str, Any]] = {"seed": int, "rows": int, "confident": float, "skip": list[str]}
_TOP: Final = ("format", *_PLAIN, *(kind for kind in KINDS if kind != "python"))


@dataclass(frozen=True)
class NewTerms:
    """Rows with many new words, a `share` of each split, or with a column of times those of the last `weeks`."""

    name: str
    share: float = 0.2
    time: str = ""
    weeks: float = 2.0


@dataclass(frozen=True)
class Messy:
    """A way of MESSY with its strength, None for its own."""

    name: str
    how: str
    strength: float | None = None


@dataclass(frozen=True)
class Invariance:
    """A change of CHANGES by its name, or pairs to replace, or words to put in each other's place."""

    name: str
    how: str = ""
    replace: tuple[tuple[str, str], ...] = ()
    swap: tuple[str, ...] = ()


@dataclass(frozen=True)
class Direction:
    """Sentences that speak for a class."""

    name: str
    append: tuple[str, ...]
    expect: NotLower


@dataclass(frozen=True)
class Settings:
    """All suites of a task. rows: the most held-out rows of a split that are asked about, drawn by the seed.

    confident: above this an answer counts as given where the run itself has no threshold that answers some. skip: kinds and
    names of suites that are not run. language: a column, '' for the detector. language_rows: the fewest of a suite.
    language_slices: slices of the task that are of this kind.
    """

    seed: int = 0
    rows: int = 5_000
    confident: float = 0.8
    skip: tuple[str, ...] = ()
    new_terms: tuple[NewTerms, ...] = (NewTerms("new_terms"),)
    severities: tuple[str, ...] = ("critical", "high")
    messy: tuple[Messy, ...] = tuple(Messy(how, how) for how in MESSY)
    language: str = ""
    language_rows: int = 30
    language_slices: tuple[str, ...] = ()
    invariance: tuple[Invariance, ...] = tuple(Invariance(how, how) for how in CHANGES)
    direction: tuple[Direction, ...] = ()
    out_of_scope: str = "out_of_scope.jsonl"
    rules_removed: tuple[Removal, ...] = REMOVALS


def parse_stress(document: Mapping[str, Any], where: str, labels: Sequence[str]) -> Settings:
    """Read what stands in a `stress.toml`; a kind that it names has the suites it gives and no others.

    where: the file, as errors name it. The format version is the reader's to check.

    >>> parse_stress({"messy": [{"how": "typos", "strength": 0.1}]}, "stress.toml", ["ham"]).messy
    (Messy(name='typos', how='typos', strength=0.1),)
    """
    check_keys(document, _TOP, where)
    found: dict[str, Any] = {key: expect(document, key, _PLAIN[key], where) for key in document if key in _PLAIN}
    found["skip"] = tuple(found.get("skip", ()))
    _in_range(found, "seed", where, 0)
    _in_range(found, "rows", where, 1)
    _in_range(found, "confident", where, 0, 1)
    for kind, read in _LISTS.items():
        if kind in document:
            entries = _entries(document[kind], kind, where)
            found[kind] = tuple(read(entry, place, labels) for entry, place in entries)
    for kind, table in _TABLES.items():
        if kind in document:
            found |= table(expect(document, kind, dict, where), f"{where} [{kind}]")
    settings = Settings(**found)
    _check_names(settings, where)
    return settings


def _entries(tables: Any, kind: str, where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    if not isinstance(tables, list) or not all(isinstance(entry, Mapping) for entry in tables):
        raise WorkbenchError(f"{kind} in {where} is no list of tables; begin every suite with a line [[{kind}]]")
    for number, entry in enumerate(tables, 1):
        yield entry, f"{where} [[{kind}]] number {number}"


def _new_terms(entry: Mapping[str, Any], where: str, labels: Sequence[str]) -> NewTerms:
    found = _typed(entry, {"name": str, "share": float, "time": str, "weeks": float}, where)
    _in_range(found, "share", where, 0, 1)
    _in_range(found, "weeks", where, 0)
    _refuse_both(found, "share", "time", where)
    return NewTerms(**{"name": "last_weeks" if "time" in found else "new_terms", **found})


def _messy(entry: Mapping[str, Any], where: str, labels: Sequence[str]) -> Messy:
    found = _typed(entry, {"name": str, "how": str, "strength": float}, where)
    how = _known(found, "how", MESSY, where)
    if how == SECOND_ISSUE and "strength" in found:
        raise WorkbenchError(f"strength in {where} says nothing for how = {how!r}; leave it out")
    _in_range(found, "strength", where, *((0, 1) if how in SHARES else (1, 1_000)))
    return Messy(**{"name": how, **found})


def _invariance(entry: Mapping[str, Any], where: str, labels: Sequence[str]) -> Invariance:
    found = _typed(entry, {"name": str, "how": str, "replace": list, "swap": list[str]}, where)
    given = [key for key in ("how", "replace", "swap") if key in found]
    if len(given) != 1:
        raise WorkbenchError(f"{where} has {' and '.join(given) or 'no change'}; give exactly one of how, replace and swap")
    if "how" in found:
        return Invariance(**{"name": _known(found, "how", CHANGES, where), **found})
    name = expect(found, "name", str, where)
    pairs = found.get("replace", [["a", "b"]])
    if not pairs or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair) and pair[0] for pair in pairs
    ):
        raise WorkbenchError(f'replace in {where} is {found["replace"]!r}; give pairs of texts, such as [["please", "kindly"]]')
    swap = tuple(dict.fromkeys(found.get("swap", ["a", "b"])))
    if len(swap) < 2 or "" in swap:
        raise WorkbenchError(f"swap in {where} is {found['swap']!r}; give two words or more that stand in for each other")
    if "swap" in found:
        return Invariance(name, swap=swap)
    return Invariance(name, replace=tuple((old, new) for old, new in pairs))


def _direction(entry: Mapping[str, Any], where: str, labels: Sequence[str]) -> Direction:
    found = _typed(entry, {"name": str, "append": (str, list[str]), "label": str, "by": float}, where)
    label, append = _known(found, "label", labels, where), expect(found, "append", (str, list[str]), where)
    texts = (append,) if isinstance(append, str) else tuple(append)
    if not texts or not all(text.strip() for text in texts):
        raise WorkbenchError(f"append in {where} is {append!r}; give one sentence or more that speaks for the class")
    _in_range(found, "by", where, 0, 1)
    return Direction(found.get("name", f"says_{label}"), texts, NotLower(label, found.get("by", NotLower(label).by)))


def _removal(entry: Mapping[str, Any], where: str, labels: Sequence[str]) -> Removal:
    found = _typed(entry, {"name": str, "how": str, "share": float, "draws": int, "end_model": bool}, where)
    how = _known(found, "how", (*HOWS, EACH), where)
    for key in ("share", "draws", "end_model"):
        if how == EACH and key in found:
            raise WorkbenchError(f"{key} in {where} says nothing for how = {how!r}; leave it out")
    _in_range(found, "share", where, 0, 1)
    _in_range(found, "draws", where, 1)
    return Removal(**{"name": how, **found})


def _failures(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    found = _typed(table, {"severity": list[str]}, where)
    for name in found.get("severity", ()):
        _known({"severity": name}, "severity", SEVERITIES, where)
    return {"severities": tuple(found["severity"])} if "severity" in found else {}


def _language(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    found = _typed(table, {"column": str, "min_rows": int, "slices": list[str]}, where)
    _in_range(found, "min_rows", where, 1)
    names = {"column": "language", "min_rows": "language_rows", "slices": "language_slices"}
    return {names[key]: tuple(value) if isinstance(value, list) else value for key, value in found.items()}


def _out_of_scope(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    return {"out_of_scope": expect(_typed(table, {"file": str}, where), "file", str, where)}


_LISTS: Final[dict[str, Callable[[Mapping[str, Any], str, Sequence[str]], Any]]] = {
    "new_terms": _new_terms, "messy": _messy, "invariance": _invariance, "direction": _direction, "rules_removed": _removal,
}  # fmt: skip
_TABLES: Final = {"failures": _failures, "language": _language, "out_of_scope": _out_of_scope}


def _typed(table: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> dict[str, Any]:
    check_keys(table, kinds, where)
    return {key: expect(table, key, kinds[key], where) for key in table}


def _known(table: Mapping[str, Any], key: str, known: Sequence[str] | Mapping[str, Any], where: str) -> str:
    value: str = expect(table, key, str, where)
    if value not in known:
        raise WorkbenchError(f"{key} in {where} is {value!r}; known are {listed(known)}{did_you_mean(value, known)}")
    return value


def _in_range(table: Mapping[str, Any], key: str, where: str, low: float, high: float | None = None) -> None:
    value = table.get(key, low)
    if value < low or (high is not None and value > high):
        ends = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
        raise WorkbenchError(f"{key} in {where} is {value!r}; it must be {ends}")


def _refuse_both(table: Mapping[str, Any], one: str, other: str, where: str) -> None:
    if one in table and other in table:
        raise WorkbenchError(f"{where} has {one} and {other}; a suite is made by one of them")


def _check_names(settings: Settings, where: str) -> None:
    """Refuse a name given twice; what files, failures and languages add is checked once they are read."""
    names = [one.name for kind in _LISTS for one in getattr(settings, kind)]
    for name in [name for name in names if names.count(name) > 1][:1]:
        raise WorkbenchError(f"two suites in {where} are called {name!r}; give one of them another `name`")
