"""Where the labels of a run are wrong together, beside gold of valid, audit answers and what reviewers said."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.reviewing import decide, open_record
from workbench.project.runs import find_run
from workbench.project.steps.run import run
from workbench.project.systematic import errors_of_run, known_truth
from workbench.project.task import load_task
from workbench.review.decision import Decision

TASK = """format = 1
name = "mails"
labels = ["ham", "spam"]
[data]
file = "rows.csv"
id = "id"
gold = "gold"
split = "split"
hidden = ["note"]
[label_model]
model = "majority_vote"
[slices]
long = { column = "note", equals = "long" }
"""
RULES = """
[[rule]]
name = "wins"
kind = "keyword"
words = ["win"]
label = "spam"
[[rule]]
name = "cars"
kind = "keyword"
words = ["car"]
label = "ham"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make rows whose labels are right but for cars with a loan, which are spam: 12 of 60 valid rows, and as in train."""
    folder = tmp_path_factory.mktemp("tasks") / "mails"
    folder.mkdir()
    lines = ["id,text,note,gold,split"]
    for split in ("train", "valid", "test"):
        for i in range(60):
            text, gold = (("win now", "spam"), ("a car", "ham"), ("a car", "ham"), ("a car loan", "spam"), ("see", "ham"))[
                i % 5
            ]
            lines.append(f"{split}{i},{text} {i},{'long' if i % 5 == 3 else ''},{'' if split == 'train' else gold},{split}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (folder / "task.toml").write_text(TASK)
    (folder / "rules.toml").write_text(RULES)
    run(load_task(folder), until="fit")
    return folder


def opened(folder):
    task = load_task(folder)
    return task, task.dataset()[0], find_run(task)


def test_the_planted_region_is_found_by_its_slice_and_test_rows_are_not_looked_at(folder):
    judged = errors_of_run(*opened(folder))
    assert (judged.found.rows, judged.found.errors) == (48, 12), "of 60 valid rows the 12 without a vote have no label"
    (line,) = judged.found.findings.to_dict("records")
    assert line["region"] == "slice long" and (line["n"], line["errors"], line["target"]) == (12, 12, "")
    assert line["rate_elsewhere"] == 0 and "“loan”" in line["marks"] and "note is long" not in line["marks"]
    assert line["next"].startswith("Mend 'cars' in slice long: it votes for the wrong label on 12 rows")
    assert all(row.startswith("valid") for row in line["examples"])
    assert judged.notes[0].startswith("The class of 60 rows is known (60 by valid gold): 48 have a label, 12 a wrong one.")


def test_answers_of_an_audit_and_of_reviewers_count_too_and_are_told_apart(folder):
    task, dataset, done = opened(folder)
    record = open_record(task)
    plan = record.add_plan("first", ["train3", "train8", "test3"])
    answers = [Decision(row, "label", "ann", "spam", purpose="measure", plan=plan) for row in ("train3", "test3")]
    decide(task, dataset, [*answers, Decision("train13", "label", "ann", "spam"), Decision("valid0", "label", "ann", "ham")])
    truth = known_truth(task, dataset, done)
    assert truth.source.value_counts().to_dict() == {"gold": 60, "measured": 1, "reviewed": 1}
    assert truth.source["train3"] == "measured" and truth.source["train13"] == "reviewed" and not truth.random
    assert truth.label[["train3", "train13", "valid0"]].tolist() == [1, 1, 1], "gold goes before what a reviewer says"
    judged = errors_of_run(task, dataset, done)
    assert judged.found.errors == 14 and any("Queues pick hard rows" in note for note in judged.notes)
    taught = run(task, until="fit")
    assert "train13" not in known_truth(task, dataset, taught).label, "its label is now what the reviewer said"


def test_a_random_sample_can_be_handed_in(folder):
    task, dataset, done = opened(folder)
    known = known_truth(task, dataset)
    some = type(known)(known.label.iloc[:10], known.source.iloc[:10])
    judged = errors_of_run(task, dataset, done, some)
    assert judged.found.rows == 8 and judged.found.findings.empty
    nothing = errors_of_run(task, dataset, done, type(known)(known.label.iloc[:0], known.source.iloc[:0]))
    assert nothing.found.rows == 0 and "so nothing is judged; review some" in nothing.notes[0]


def test_the_command_prints_regions_pairs_and_json(folder):
    first = find_run(load_task(folder), sorted(path.name for path in (folder / "runs").glob("[!.]*"))[0]).id
    shown = CliRunner().invoke(main, ["errors", str(folder), "--run", first])
    assert shown.exit_code == 0, shown.output
    words = " ".join(shown.output.split())
    assert "slice long" in words and "ham → spam" in words and "Mend 'cars' in slice long" in words
    found = json.loads(CliRunner().invoke(main, ["errors", str(folder), "--run", first, "--json"]).stdout)
    assert found["run"] == first and found["findings"][0]["region"] == "slice long"
    assert found["confusions"][0]["share_elsewhere"] is None and np.isfinite(found["confusions"][0]["high"])
