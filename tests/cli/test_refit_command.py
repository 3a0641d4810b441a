"""`workbench refit` as typed in a terminal."""

import json

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.reviewing import Decision, decide
from workbench.project.task import load_task


@pytest.fixture
def task(tiny_task):
    text = (tiny_task / "task.toml").read_text(encoding="utf-8").replace('features = ["tfidf"]', "enabled = false")
    (tiny_task / "task.toml").write_text(text, encoding="utf-8")
    return load_task(tiny_task)


def typed(*words):
    done = CliRunner().invoke(main, ["refit", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done


def test_a_batch_from_the_first_fit_to_what_it_changed(task):
    first = typed(task.folder).stdout
    assert "No run was fitted before." in first and "labels 120 of 120 rows" in first
    again = json.loads(typed(task.folder, "--json").stdout)
    assert again["after"] is None and again["words"][0].startswith(f"Nothing is new since run {again['before']}")
    rows = task.dataset()[0]
    refunds = [row for row in rows.select("train").ids if "refund" in rows.frame.at[row, "text"]][:12]
    decide(task, rows, [Decision(row, "label", "ann", "bug", reason="Drawn at random.") for row in refunds])
    output = typed(task.folder).stdout
    assert "Learned from 12 reviewed rows, 0 before." in output and "12 of them on reviewed rows" in output
    assert "Look at asks_refund: right on 0 of 12 audited votes" in output and "votes that people judged" in output
    assert "After: no promise; plan an audit." in output


def test_json_has_all_of_it(task):
    typed(task.folder)
    found = json.loads(typed(task.folder, "--force", "--json").stdout)
    assert {"anchors", "flipped", "functions", "bound", "scores", "gains", "settings", "words"} <= set(found)
    assert found["flipped"]["common"] == 120 and found["flipped"]["moves"] == []
    assert found["scores"]["all"]["after"]["n"] == found["gains"]["all"]["n"] == 15
    assert {line["function"] for line in found["functions"]} >= {"asks_refund", "agent_tag"}
