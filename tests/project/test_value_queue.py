"""The queue of most value on a task: settings, failures, decisions that say whether chance chose the row."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.queues import opened, review_queue
from workbench.project.reviewing import Decision, decide, reviewed
from workbench.project.runs import find_run
from workbench.project.steps.fit import fit_label_model
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


@pytest.fixture
def task(tiny_task):
    return load_task(tiny_task)


@pytest.fixture
def rows(task):
    return task.dataset()[0]


def add(folder, name, text):
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(text)


def test_the_queue_holds_rows_that_teach_each_with_reason_and_score(task, rows):
    done = run(task, until="fit")
    table = review_queue(task, done, rows, "ann", limit=10_000)
    assert set(rows.split[table.index]) == {"train"} and table.index.is_unique
    assert len(table) == (rows.split == "train").sum()
    assert table["reason"].str.match("Drawn at random|Picked: ").all() and table["score"].notna().all()
    kept = opened(task, done, rows, "value")
    assert review_queue(task, done, rows, "ann", "value", 10_000, kept).equals(table)
    decide(task, rows, [Decision(table.index[0], "label", "ann", "bug")])
    assert review_queue(task, done, rows, "ann", "value", 10_000, kept).index.tolist() == table.index[1:].tolist()


def test_weights_stand_in_the_task_and_change_the_order(tiny_task, rows):
    done = run(load_task(tiny_task), until="fit")
    before = review_queue(load_task(tiny_task), done, rows, "ann").index.tolist()
    add(tiny_task, "task.toml", "\n[review.weights]\nrandom = 1.0\n")
    after = review_queue(load_task(tiny_task), done, rows, "ann")
    assert after.index.tolist() != before and set(after["reason"]) == {"Drawn at random."}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ambiguty = 1.0", r"unknown weight 'ambiguty' in .*task.toml \[review.weights\]; .*did you mean 'ambiguity'"),
        ('reach = "much"', r"reach in .*\[review.weights\] is 'much'; it is a number from 0 to 100"),
    ],
    ids=["unknown", "no number"],
)
def test_wrong_weights_are_refused_when_the_task_is_read(tiny_task, line, message):
    add(tiny_task, "task.toml", f"\n[review.weights]\n{line}\n")
    with pytest.raises(WorkbenchError, match=message):
        load_task(tiny_task)


def test_a_feared_failure_brings_its_rows_to_the_front(tiny_task, rows):
    add(
        tiny_task,
        "failures.toml",
        'format = 1\n[[failure]]\nname = "lost refund"\nwhy = "Money is lost."\nseverity = "critical"\nowner = "finance"\n'
        'tolerated = 0.01\npredicted = "bug"\n',
    )
    task = load_task(tiny_task)
    table = review_queue(task, run(task, until="fit"), rows, "ann", limit=12)
    picked = table[table["reason"].str.startswith("Picked: it may be 'lost refund'")]
    assert len(picked) >= 2 and set(picked["model_label"]) == {"bug"}
    kept = opened(task, find_run(task), rows, "value")
    said = [kept.said_blind(row) for row in table.index]
    assert all(one.startswith(("Picked: ", "Drawn at random from ", "The only row ")) for one in said)
    assert sum("it may be 'lost refund'" in one for one in said) >= len(picked)
    assert not any(f"{name!r}" in one for one in said for name in task.labels), "no class that functions or models say"


def test_only_rows_that_chance_chose_are_drawn_and_set_calibration(task, rows):
    table = review_queue(task, run(task, until="fit"), rows, "ann", limit=6)
    shown = [Decision(row, "label", "ann", "bug", reason=reason) for row, reason in table["reason"].items()]
    train = rows.select("train").ids.difference(table.index)
    others = [
        Decision(train[0], "label", "ann", "bug", reason="Functions disagree ('bug': agent_tag)."),
        Decision(train[1], "label", "ann", "bug"),
        Decision(train[2], "label", "ann", "bug", reason="No function votes on it."),
    ]
    decide(task, rows, [*shown, *others])
    teaching = reviewed(task, rows).teaching
    assert teaching.loc[table.index, "drawn"].tolist() == table["reason"].str.startswith("Drawn at random").tolist()
    assert teaching.loc[train[:3], "drawn"].tolist() == [False, False, True]


def test_hard_rows_leave_the_models_certainty_about_others_alone(task, rows):
    votes = run(task, until="apply").votes()
    hard = rows.select("train").ids[:8]
    gold = pd.DataFrame({"label": 1, "weight": 1.0, "drawn": False}, index=hard)
    _, model = fit_label_model(task, "generative", rows, votes, gold)
    assert model.calibration_.slope == 1 and np.all(model.calibration_.offset == 0)


def test_rows_without_text_are_read_by_their_cells(tmp_path):
    number = np.arange(400)
    frame = pd.DataFrame({"id": number, "age": number / 3, "job": np.where(number % 2, "clerk", "smith"), "split": "train"})
    folder = tmp_path / "people"
    folder.mkdir()
    frame.assign(id=frame["id"].astype(str)).to_csv(folder / "rows.csv", index=False)
    add(
        folder,
        "task.toml",
        'format = 1\nlabels = ["poor", "rich"]\n[data]\nfile = "rows.csv"\nid = "id"\ntext = []\nsplit = "split"\n'
        "[end_model]\nenabled = false\n",
    )
    rule = '[[rule]]\nname = "{0}"\nkind = "threshold"\ncolumn = "age"\n{1}\nlabel = "{2}"\n'
    add(
        folder,
        "rules.toml",
        "format = 1\n" + rule.format("old", "above = 70", "rich") + rule.format("young", "below = 60", "poor"),
    )
    task = load_task(folder)
    rows, _ = task.dataset()
    kept = opened(task, run(task, until="fit"), rows, "value")
    assert kept.valued is not None and kept.valued.rows.opinion is not None and kept.valued.rows.text is None
    assert len(review_queue(task, None, rows, "ann", kept=kept, limit=400)) == 400


def test_the_command_shows_the_queue(tiny_task):
    run(load_task(tiny_task), until="fit")
    answer = CliRunner().invoke(main, ["review", str(tiny_task), "--queue", "value", "--next", "3"])
    assert answer.exit_code == 0 and answer.stdout.count("\n") == 6


def test_the_command_keeps_why_a_row_was_shown(tiny_task, rows):
    run(load_task(tiny_task), until="fit")
    first = rows.select("train").ids[0]
    for words in (["--queue", "random"], []):
        answer = CliRunner().invoke(main, ["review", str(tiny_task), "--decide", f"{first}=bug", "--reviewer", "ann", *words])
        assert answer.exit_code == 0, answer.stderr
        assert reviewed(load_task(tiny_task), rows).anchors["drawn"].tolist() == [bool(words)]
