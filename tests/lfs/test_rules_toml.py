"""rules.toml: every kind of rule, and every mistake named with its rule and key."""

import pytest

from workbench.lfs import RULES, load_rules
from workbench.tables import WorkbenchError

EVERY_KIND = r"""
format = 1

[[rule]]
name = "money"
kind = "keyword"
words = ["refund", "überfällig"]
label = "spam"
match = "any"
reason = "money"
tags = ["billing"]
fires = ["a refund"]
abstains = ["hello"]

[[rule]]
name = "code"
kind = "regex"
pattern = 'error \d+'
label = "ham"
column = "text"

[[rule]]
name = "card"
kind = "phrase"
phrases = ["credit card"]
label = "spam"
language = "de"
column = "text"

[[rule]]
name = "long"
kind = "threshold"
column = "n"
above = 3
label = "ham"

[[rule]]
name = "domain"
kind = "lookup"
column = "tag"
file = "lists/bad.txt"
label = "spam"

[[rule]]
name = "tag"
kind = "column"
column = "tag"
[rule.values]
junk = "spam"
ok = "ham"

[[rule]]
name = "off"
kind = "keyword"
words = ["x"]
label = "spam"
enabled = false
"""
ROWS = {"n": [1, 4, 2, None, 3], "tag": ["junk", "ok", None, "BAD.com", "x"]}
TEXTS = ["a refund", "error 404", "Credit Card", "nothing", "überfällig"]


def load(tmp_path, text):
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    return load_rules(tmp_path / "rules.toml", labels=["ham", "spam"])


def test_every_kind_of_rule_votes_and_one_that_is_not_enabled_is_left_out(tmp_path, votes_of):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "bad.txt").write_text("bad.com\n")
    rules = load(tmp_path, EVERY_KIND)
    assert {rule.kind for rule in rules} == set(RULES)
    assert {rule.name: votes_of(rule, TEXTS, **ROWS) for rule in rules} == {
        "money": [1, -1, -1, -1, 1],
        "code": [-1, 0, -1, -1, -1],
        "card": [-1, -1, 1, -1, -1],
        "long": [-1, 0, -1, -1, -1],
        "domain": [-1, -1, -1, 1, -1],
        "tag": [1, 0, -1, -1, -1],
    }
    money = rules[0]
    assert (money.reason, money.tags, money.fires, money.abstains) == ("money", ("billing",), ["a refund"], ("hello",))
    assert money.place == "rules.toml:4" and rules[-1].place == "rules.toml:44"


def test_a_wrong_label_names_the_line_of_its_rule(tmp_path):
    with pytest.raises(WorkbenchError, match=r"rules.toml, line 1: label 'spma' is not among .*did you mean 'spam'"):
        load(tmp_path, RULE.replace('label = "spam"', 'label = "spma"'))


@pytest.mark.parametrize("text", ["", "format = 1\n", "# nothing yet\n"], ids=["empty", "format alone", "comment"])
def test_a_file_without_rules_is_fine(tmp_path, text):
    assert load(tmp_path, text) == []


RULE = '[[rule]]\nname = "a"\nkind = "keyword"\nwords = ["x"]\nlabel = "spam"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules = 1", r"unknown key 'rules' in .*rules.toml; known keys are 'format', 'rule'; did you mean 'rule'"),
        ("[rule]\nname = 'a'", r"rules.toml: \[rule\] is one table; every rule begins with \[\[rule\]\], in two brackets"),
        ("rule = [1]", r"rule in .* is \[1\]"),
        ("format = 2", "has format 2, but this workbench knows formats up to 1"),
        ("[[rule]]\nkind = 'keyword'", "the rule on line 1 of .*rules.toml lacks the key 'name': a string"),
        ("\n[[rule]]\nname = 'a'", "the rule on line 2 of .*rules.toml lacks the key 'kind'"),
        ("[[rule]]\nname = 3", "name in the rule on line 1 of .* is 3; it must be a string"),
        (RULE.replace("keyword", "keywords"), "rule 'a' of .*: kind 'keywords' is unknown; .*did you mean 'keyword'"),
        (RULE.replace("words", "wrods"), "unknown key 'wrods' in rule 'a' of .*rules.toml, line 1; .*did you mean 'words'"),
        (RULE.replace('words = ["x"]', ""), "rule 'a' of .* lacks the key 'words': a list of strings"),
        (RULE.replace('["x"]', "[1]"), r"words in rule 'a' of .* is \[1\]; it must be a list of strings"),
        (RULE.replace('["x"]', '"tap, heating"'), "words in rule 'a' of .* is 'tap, heating'; it must be a list of strings"),
        (
            "[[rule]]\nname = 'a'\nkind = 'lookup'\ncolumn = 'n'\nvalues = 'pro, free'\nlabel = 'ham'",
            "values in rule 'a' of .* is 'pro, free'; it must be a list$",
        ),
        (RULE.replace('["x"]', "[]"), "rule 'a' of .*: words is empty"),
        (RULE.replace('"spam"', '"spamm"'), "rule 'a' of .*label 'spamm' is not among .*did you mean 'spam'"),
        (RULE.replace('"spam"', "1"), "label in rule 'a' of .* is 1; it must be a string"),
        (RULE + 'case = "no"', "case in rule 'a' of .* is 'no'; it must be true or false"),
        (RULE + "enabled = 0", "enabled in rule 'a' of .* is 0; it must be true or false"),
        (RULE + 'tags = "x"', "tags in rule 'a' of .* is 'x'; it must be a list of strings"),
        (RULE + "\n" + RULE, "two functions are called 'a', at rules.toml:1 and rules.toml:7; rename one"),
        ("[[rule]]\nname = 'a'\nkind = 'regex'\npattern = '(?=x)'\nlabel = 'ham'", r"rule 'a' of .*has no look-around"),
        ("[[rule]]\nname = 'a'\nkind = 'regex'\npattern = \"\\d\"\nlabel = 'ham'", "TOML: Unescaped.*; write patterns"),
        (
            "[[rule]]\nname = 'a'\nkind = 'threshold'\ncolumn = 'n'\nabove = '3'\nlabel = 'ham'",
            "rule 'a' of .*: threshold on 'n' has the bound '3'; give a number",
        ),
        (
            "[[rule]]\nname = 'a'\nkind = 'threshold'\ncolumn = 'n'\nabove = 2026-07-01\nlabel = 'ham'",
            r"has the bound 2026-07-01, a date; compare dates as text, in a Python function: row\['n'\] >= '2026-07-01'",
        ),
        (
            "[[rule]]\nname = 'a'\nkind = 'threshold'\ncolumn = 'n'\nabove = '2026-07-01T08:00'\nlabel = 'ham'",
            r"has the bound 2026-07-01T08:00, a date; .* row\['n'\] >= '2026-07-01'",
        ),
        (
            "[[rule]]\nname = 'a'\nkind = 'lookup'\ncolumn = 'n'\nfile = '../other/x.txt'\nlabel = 'ham'",
            "rule 'a' of .*: file '../other/x.txt' lies outside .*; rules read files of their task's folder only",
        ),
        (
            "[[rule]]\nname = 'a'\nkind = 'lookup'\ncolumn = 'n'\nfile = '/etc/passwd'\nlabel = 'ham'",
            "file '/etc/passwd' lies outside",
        ),
        (
            "[[rule]]\nname = 'a'\nkind = 'lookup'\ncolumn = 'n'\nfile = 'gone.txt'\nlabel = 'ham'",
            "rule 'a' of .*gone.txt cannot be read",
        ),
        (
            "[[rule]]\nname = 'a'\nkind = 'column'\ncolumn = 'n'\nvalues = {x = 'eggs'}",
            "rule 'a' of .*label 'eggs' is not among",
        ),
    ],
    ids=["table name", "one bracket", "no table", "format", "no name", "no kind", "name type", "kind", "key", "missing", "type",
         "words in one string", "values in one string", "no words",
         "label", "label number", "case", "enabled", "tags", "twice", "look-around", "backslash", "number", "date",
         "date as text", "outside", "absolute", "no file", "label in a map"],
)  # fmt: skip
def test_a_mistake_is_named_with_its_rule(tmp_path, text, said):
    with pytest.raises(WorkbenchError, match=said):
        load(tmp_path, text)


def test_a_rule_that_is_not_enabled_is_checked_all_the_same(tmp_path):
    with pytest.raises(WorkbenchError, match="label 'eggs'"):
        load(tmp_path, RULE.replace('"spam"', '"eggs"') + "enabled = false")


def test_python_and_toml_make_the_same_rule(tmp_path):
    from workbench.lfs import keyword

    [rule] = load(tmp_path, RULE)
    assert rule.fingerprint == keyword(["x"], "spam", name="other").fingerprint
