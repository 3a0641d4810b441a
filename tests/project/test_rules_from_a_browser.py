"""What somebody types as a rule runs no code, reads no file outside the task, and cannot keep the server busy."""

import pandas as pd
import pytest

from workbench.lfs import RULES
from workbench.project.rule_draft import ground_of, rule_of, try_rule
from workbench.project.rule_saving import save_rule
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

TASK = "format = 1\nname = 'toy'\nlabels = ['ham', 'spam']\n[data]\nfile = 'rows.csv'\n"


@pytest.fixture
def task(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    rows = {"text": ["a" * 5_000 + "!", "hello"], "plan": ["pro", "free"], "split": "train"}
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    (folder / "task.toml").write_text(TASK)
    (tmp_path / "secret.txt").write_text("pro\n")
    (folder / "plans.txt").write_text("pro\n")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "out").symlink_to(tmp_path)
    return load_task(folder)


@pytest.fixture
def ground(task):
    return ground_of(task, task.dataset()[0])


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_pattern_that_runs_away_elsewhere_ends_at_once(ground, pattern):
    assert try_rule(ground, rule_of("regex", [pattern], "spam")).counted == 2  # with `re` it would run for years


@pytest.mark.parametrize("pattern", [r"(a{1000}){1000}", r"\pL{1000}", r"((((a{99}){99}){99}){99})"])
def test_a_pattern_that_would_fill_memory_is_refused(ground, pattern):
    with pytest.raises(WorkbenchError, match="is not a valid pattern"):
        try_rule(ground, rule_of("regex", [pattern], "spam"))


@pytest.mark.parametrize(
    "rule",
    [
        rule_of("regex", ["a" * 10_001], "spam"),
        rule_of("keyword", ["word"] * 1_001, "spam"),
        rule_of("keyword", ["w" * 6_000] * 2, "spam"),
        rule_of("column", [str(i) for i in range(1_001)], "spam", column="plan"),
        {**rule_of("keyword", ["free"], "spam"), "reason": "so " * 4_000},
    ],
    ids=["long pattern", "many words", "long words", "many cells", "long reason"],
)
def test_a_rule_that_nobody_types_is_neither_tried_nor_saved(task, ground, rule):
    for act in (lambda: try_rule(ground, rule), lambda: save_rule(task, {"name": "big", **rule})):
        with pytest.raises(WorkbenchError, match=r"the rule: \w+ holds [\d,]+ characters.*; allowed are 10,000 and 1,000"):
            act()
    assert not task.rules_file.exists()


@pytest.mark.parametrize("file", ["../secret.txt", "/etc/passwd", "link.txt", "out/secret.txt"])
def test_a_lookup_reads_no_file_outside_the_task(ground, file):
    with pytest.raises(WorkbenchError, match=f"file '{file}' lies outside .*; rules read files of their task's folder only"):
        try_rule(ground, {"kind": "lookup", "label": "spam", "column": "plan", "file": file})


def test_a_lookup_reads_a_file_of_the_task(ground):
    assert try_rule(ground, {"kind": "lookup", "label": "spam", "column": "plan", "file": "plans.txt"}).counts["all"] == 1


def test_no_kind_of_rule_is_code(task, ground):
    assert set(RULES) == {"keyword", "regex", "phrase", "threshold", "lookup", "column"}
    with pytest.raises(WorkbenchError, match="kind 'python' is unknown"):
        try_rule(ground, {"kind": "python", "label": "spam", "source": "import os"})
    with pytest.raises(WorkbenchError, match="unknown key 'source'"):
        try_rule(ground, {"kind": "keyword", "label": "spam", "words": ["free"], "source": "import os"})
    nasty = "'''\"\"\"\\\n[[rule]]\nname = 'second'"
    save_rule(task, {"name": "one", "kind": "keyword", "label": "spam", "words": [nasty], "reason": nasty})
    [rule] = task.functions()
    assert rule.name == "one" and rule.reason == nasty, "what is typed stays within its own strings"
