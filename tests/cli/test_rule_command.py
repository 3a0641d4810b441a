"""`workbench rule`: what the page does, in a terminal."""

import json

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.lfs import load_rules


@pytest.fixture
def call(tiny_task):
    """Return a function that calls `workbench rule` on the small task, and says what came of it."""

    def call_(*options, code=0):
        done = CliRunner().invoke(main, ["rule", str(tiny_task), *options])
        assert done.exit_code == code, done.output
        return done.output

    return call_


def test_a_rule_is_tried_and_nothing_is_written(call, tiny_task):
    before = (tiny_task / "rules.toml").read_bytes()
    # "crashes" stands in two of four bug texts, so in a quarter of 95 train and valid rows
    said = call("--keyword", "crashes", "--label", "bug")
    assert "votes on 24 of 95 train and valid rows, 25.3%" in said and "right on 4 of 4 valid gold: 1.00 [0.51, 1.00]" in said
    assert said.endswith('[[rule]]\nname = "says_crashes"\nkind = "keyword"\nlabel = "bug"\nwords = ["crashes"]\n')
    assert (tiny_task / "rules.toml").read_bytes() == before


def test_the_figures_come_as_json_too(call):
    found = json.loads(call("--threshold", "tag", "--above", "1", "--label", "bug", "--json"))
    assert found["rule"]["above"] == 1.0 and found["coverage"] == 0.0 and found["faults"] == 95
    assert found["gold"] == {"right": 0, "n": 0, "precision": None, "interval": [0.0, 1.0]}


def test_a_rule_is_saved_with_its_examples(call, tiny_task):
    said = call(
        "--regex", r"error \d+", "--label", "bug", "--name", "code", "--reason", "Codes.", "--fires", "error 5", "--save"
    )
    assert "saved at rules.toml:" in said
    rule = load_rules(tiny_task / "rules.toml", labels=["billing", "bug"])[-1]
    assert (rule.name, rule.reason, rule.fires) == ("code", "Codes.", ["error 5"])
    assert "'code' stands in rules.toml already" in call("--keyword", "x", "--label", "bug", "--name", "code", "--save", code=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--keyword", "x"], "the rule has no class to vote for; give --label"),
        (["--keyword", "x", "--regex", "y", "--label", "bug"], "--keyword and --regex make two rules; try one at a time"),
        (["--regex", "(?=x)", "--label", "bug"], "has no look-around"),
        (["--keyword", "x", "--label", "bug", "--fires", "y"], "the rule abstains on 'y', given as one on which it fires"),
        (["--label", "bg"], "there is no class 'bg'; the classes are billing, bug"),
    ],
    ids=["no class", "two rules", "pattern", "example", "unknown class"],
)
def test_a_mistake_is_one_sentence(call, options, said):
    output = call(*options, code=2)
    assert said in output and output.startswith("error: ") and output.count("\n") == 1


def test_without_a_rule_words_are_listed(call):
    said = " ".join(call("--label", "billing").split())
    # "invoice" stands in three of four billing texts, in no bug text; a rule says so already of all of its rows
    assert "invoice 6 of 6 0 36 says_invoice" in said


def test_a_rule_comes_as_python(call):
    assert call("--lookup", "tag", "--value", "bug", "--label", "bug", "--python").endswith(
        'tag_bug = lookup(\n    label="bug",\n    column="tag",\n    values=["bug"],\n)\n'
    )
