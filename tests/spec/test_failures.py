"""A user writes down what must not happen, before looking at a figure."""

from typing import Any

import pytest

from workbench.spec import SEVERITIES, Slice, parse_failures
from workbench.tables import WorkbenchError

LABELS = ("billing", "auth", "bug")
SLICES = (Slice("premium", "plan", "equals", "premium"), Slice("plan", "plan", "by"))
LEAK = {
    "name": "leak read as bug",
    "why": "Strangers keep reading a customer's files.",
    "severity": "critical",
    "owner": "security desk",
    "tolerated": 0.002,
    "rule": {"kind": "keyword", "words": ["leaked"]},
    "predicted": "bug",
    "actual": "auth",
}


def parsed(*entries: Any) -> Any:
    return parse_failures({"format": 1, "failure": list(entries)}, "data/t/failures.toml", LABELS, SLICES)


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in LEAK.items() if key not in keys}


def test_a_failure_is_read_as_it_stands():
    (leak,) = parsed(LEAK)
    assert {name: getattr(leak, name) for name in LEAK} == LEAK and leak.slice is None


def test_a_file_without_failures_has_none():
    assert parse_failures({"format": 1}, "failures.toml", LABELS) == ()


@pytest.mark.parametrize("severity", SEVERITIES, ids=str)
def test_every_severity_is_taken(severity: str):
    assert parsed(LEAK | {"severity": severity})[0].severity == severity


@pytest.mark.parametrize("share", [0, 0.999, 0.5], ids=str)
def test_every_share_below_one_is_tolerable(share: float):
    assert parsed(LEAK | {"tolerated": share})[0].tolerated == share


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("premium", SLICES[0]),
        ({"column": "words", "at_least": 9}, Slice("leak read as bug", "words", "range", (9, None))),
    ],
    ids=["named", "on the spot"],
)
def test_a_slice_is_named_or_stands_there(value: Any, expected: Slice):
    assert parsed(LEAK | {"slice": value})[0].slice == expected


@pytest.mark.parametrize("key", ["rule", "slice", "predicted", "actual"], ids=str)
def test_one_way_of_finding_is_enough(key: str):
    entry = without("rule", "predicted", "actual") | {key: (LEAK | {"slice": "premium"})[key]}
    assert getattr(parsed(entry)[0], key) is not None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (without("why"), "failure 'leak read as bug' of data/t/failures.toml lacks the key why; every failure has name"),
        (without("name"), "failure 1 of data/t/failures.toml lacks the key name"),
        (without("tolerated"), "lacks the key tolerated"),
        (without("rule", "predicted", "actual"), "does not say how its rows are found; give at least one of rule, slice"),
        (
            LEAK | {"ownr": "x"},
            r"failure 'leak read as bug' of .* has the unknown key 'ownr' \(did you mean 'owner'\?\); known are name, why",
        ),
        (LEAK | {"severity": "hihg"}, r"severity = 'hihg' \(did you mean 'high'\?\); it is one of critical, high, medium, low"),
        (LEAK | {"predicted": "bugs"}, r"predicted = 'bugs' \(did you mean 'bug'\?\); it is one of billing, auth, bug"),
        (LEAK | {"actual": 1}, "actual = 1; it must be a non-empty string"),
        (LEAK | {"actual": "bug"}, "predicted and actual = 'bug', which is a label that is right; give two classes"),
        (LEAK | {"owner": " "}, "owner = ' '; it must be a non-empty string"),
        (LEAK | {"name": "a\nb"}, "name = 'a.nb'; it is one line of at most 200 characters"),
        (LEAK | {"name": "a" * 201}, "one line of at most 200 characters"),
        (LEAK | {"tolerated": 1.5}, "tolerated = 1.5; it is a share of all labels, from 0 to below 1"),
        (LEAK | {"tolerated": 1}, "tolerated = 1; it is a share"),
        (LEAK | {"tolerated": -0.1}, "tolerated = -0.1"),
        (LEAK | {"tolerated": True}, "tolerated = True"),
        (LEAK | {"tolerated": float("nan")}, "tolerated = nan"),
        (LEAK | {"tolerated": "2 %"}, "tolerated = '2 %'"),
        (LEAK | {"rule": "leaked"}, "rule = 'leaked'; it is a table such as"),
        (LEAK | {"rule": {"words": ["x"]}}, "it is a table such as"),
        (
            LEAK | {"rule": LEAK["rule"] | {"label": "bug"}},
            "a rule with label = 'bug'; this rule only finds rows, so take label",
        ),
        (LEAK | {"rule": LEAK["rule"] | {"enabled": False}}, "a rule with enabled = False; this rule only finds rows"),
        (LEAK | {"slice": "premum"}, r"slice = 'premum' \(did you mean 'premium'\?\), which \[slices\] of task.toml lacks"),
        (LEAK | {"slice": "plan"}, "a slice by 'plan', which stands for several; write slice = { column = \"plan\", equals"),
        (LEAK | {"slice": {"column": "plan"}}, "failure 'leak read as bug' of data/t/failures.toml: slice has no condition"),
        ("leak", "failure 1 of data/t/failures.toml is 'leak'; begin every failure with a line"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_cannot_be_meant_is_refused(entry: Any, message: str):
    with pytest.raises(WorkbenchError, match=message):
        parsed(entry)


def test_a_name_given_twice_is_refused_with_both_places():
    with pytest.raises(WorkbenchError, match=r"'leak read as bug' of data/t/failures\.toml stands twice, as number 1 and 3"):
        parsed(LEAK, LEAK | {"name": "other"}, LEAK)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"failures": []}, r"the unknown key 'failures' \(did you mean 'failure'\?\)"),
        ({"failure": {"name": "x"}}, r"begin every failure with a line \[\[failure\]\]"),
    ],
    ids=["misspelt", "one table"],
)
def test_a_file_of_another_shape_is_refused(table: dict[str, Any], message: str):
    with pytest.raises(WorkbenchError, match=message):
        parse_failures(table, "failures.toml", LABELS)
