"""What stress.toml may say, and what it must not."""

import pytest

from workbench.stress import NotLower, Settings, parse_stress
from workbench.tables import WorkbenchError

LABELS = ("billing", "bug")


def parse(**document):
    return parse_stress(document, "stress.toml", LABELS)


def test_an_empty_file_leaves_the_defaults():
    assert parse() == Settings()
    assert [one.name for one in Settings().messy] == [
        "second_issue", "quoted_thread", "signature", "truncation", "typos", "casing", "log_noise", "near_empty",
    ]  # fmt: skip


def test_a_kind_that_is_named_has_the_suites_given_and_no_others():
    found = parse(messy=[{"how": "typos", "strength": 0.1}, {"how": "typos", "name": "many_typos", "strength": 0.5}])
    assert [(one.name, one.strength) for one in found.messy] == [("typos", 0.1), ("many_typos", 0.5)]
    assert found.invariance == Settings().invariance


def test_every_kind_is_read():
    found = parse(
        seed=3,
        rows=100,
        confident=0.9,
        skip=["typos"],
        new_terms=[{"time": "at", "weeks": 4}],
        failures={"severity": ["low"]},
        language={"column": "lang", "min_rows": 5, "slices": ["mixed"]},
        invariance=[{"name": "n", "replace": [["a", "b"]]}, {"name": "p", "swap": ["x", "y"]}],
        direction=[{"label": "bug", "append": "It crashes.", "by": 0.1}],
        out_of_scope={"file": "oos.csv"},
        rules_removed=[{"how": "flip", "share": 0.2, "draws": 2, "end_model": True}],
    )
    assert (found.seed, found.rows, found.confident, found.skip) == (3, 100, 0.9, ("typos",))
    assert (found.new_terms[0].name, found.new_terms[0].weeks) == ("last_weeks", 4)
    assert (found.language, found.language_rows, found.language_slices) == ("lang", 5, ("mixed",))
    assert (found.invariance[0].replace, found.invariance[1].swap) == ((("a", "b"),), ("x", "y"))
    assert (found.direction[0].name, found.direction[0].expect) == ("says_bug", NotLower("bug", 0.1))
    assert (found.severities, found.out_of_scope) == (("low",), "oos.csv")
    assert (found.rules_removed[0].how, found.rules_removed[0].end_model) == ("flip", True)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"mesy": []}, r"unknown key 'mesy' in stress.toml.*did you mean 'messy'"),
        (
            {"messy": {"how": "typos"}},
            r"messy in stress.toml is no list of tables; begin every suite with a line \[\[messy\]\]",
        ),
        ({"messy": [{"how": "typoes"}]}, r"how in stress.toml \[\[messy\]\] number 1 is 'typoes'.*did you mean 'typos'"),
        ({"messy": [{"how": "typos", "strength": 2}]}, "strength in .* is 2; it must be 0 to 1"),
        ({"messy": [{"how": "second_issue", "strength": 1.0}]}, "strength in .* says nothing for how = 'second_issue'"),
        ({"messy": [{}]}, r"stress.toml \[\[messy\]\] number 1 lacks the key 'how'"),
        ({"messy": [{"how": "typos"}, {"how": "typos"}]}, "two suites in stress.toml are called 'typos'"),
        ({"new_terms": [{"time": "at", "share": 0.1}]}, "has share and time; a suite is made by one of them"),
        ({"failures": {"severity": ["severe"]}}, "severity in .* is 'severe'; known are 'critical'"),
        ({"invariance": [{"name": "n"}]}, "has no change; give exactly one of how, replace and swap"),
        ({"invariance": [{"name": "n", "replace": [["a"]]}]}, r"replace in .* is \[\['a'\]\]; give pairs of texts"),
        ({"invariance": [{"name": "n", "swap": ["a"]}]}, r"swap in .* is \['a'\]; give two words or more"),
        ({"invariance": [{"swap": ["a", "b"]}]}, "lacks the key 'name'"),
        ({"direction": [{"label": "bugs", "append": "x"}]}, "label in .* is 'bugs'.*did you mean 'bug'"),
        ({"direction": [{"label": "bug", "append": [""]}]}, "give one sentence or more that speaks for the class"),
        ({"rules_removed": [{"how": "drop_each", "share": 0.1}]}, "share in .* says nothing for how = 'drop_each'"),
        ({"language": {"min_rows": 0}}, "min_rows in .* is 0; it must be 1 or more"),
        ({"rows": 0}, "rows in stress.toml is 0; it must be 1 or more"),
        ({"confident": 1.5}, "confident in stress.toml is 1.5; it must be 0 to 1"),
        ({"out_of_scope": {}}, r"stress.toml \[out_of_scope\] lacks the key 'file'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_a_file_must_not_say_is_refused(document, message):
    with pytest.raises(WorkbenchError, match=message):
        parse(**document)
