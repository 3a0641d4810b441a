"""What a batch of decisions did, on the tiny task; every figure can be counted by eye."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.project.auditing import Asked, plan_audit
from workbench.project.feedback import feedback_in_words, news, refit, what_changed
from workbench.project.queues import review_queue
from workbench.project.reviewing import Decision, decide, open_record
from workbench.project.runs import list_runs
from workbench.project.steps.run import run
from workbench.project.task import load_task

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def task(tiny_task):
    change(tiny_task, 'features = ["tfidf"]', "enabled = false", "task.toml")
    return load_task(tiny_task)


@pytest.fixture
def rows(task):
    return task.dataset()[0]


def change(folder, old, new, file):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def say(task, rows, ids, label=None, **more):
    """Let a person decide rows, by default as gold has it."""
    gold = np.array(task.labels)[rows.gold[list(ids)]]
    decide(task, rows, [Decision(i, "label", "ann", label or g, **more) for i, g in zip(ids, gold, strict=True)])


def measure(task, rows, ids, plan, label=None):
    say(task, rows, ids, label, purpose="measure", plan=plan.id)


def test_a_first_fit_has_nothing_before_it_and_a_second_nothing_to_learn(task):
    first = refit(task)
    assert first.before is None and first.after.id == list_runs(task)[-1].id
    second = refit(task)
    assert (second.before.id, second.after) == (first.after.id, None) and len(list_runs(task)) == 1
    assert refit(task, force=True).after is not None and len(list_runs(task)) == 2


def test_what_is_new_is_named_by_kind(task, rows, tiny_task):
    before = run(task, until="fit")
    assert news(task, rows, before) == []
    say(task, rows, ["000"])
    assert news(task, rows, before) == ["reviewed rows"]
    change(tiny_task, '"invoice", "subscription"', '"invoice"', "rules.toml")
    change(tiny_task, 'model = "generative"', 'model = "generative"\nseed = 3', "task.toml")
    assert news(load_task(tiny_task), rows, before) == ["reviewed rows", "functions", "settings"]
    changed = rows.take(np.arange(119))
    assert news(task, changed, before)[-1] == "data"


def test_a_row_that_a_plan_drew_after_it_taught_is_news(task, rows):
    """No entry is new in the record, and yet the row may no longer teach."""
    run(task, until="fit")
    plan = plan_audit(task, Asked(rows=3, minimum=0), store=False).plan
    say(task, rows, [plan.rows[0]])
    before = run(task, until="fit")
    assert before.about["review"]["anchors"] == 1 and news(task, rows, before) == []
    open_record(task).add_audit(plan, "late")
    assert news(task, rows, before) == ["reviewed rows"]


def test_flipped_labels_are_counted_and_those_of_reviewed_rows_apart(task, rows):
    before = run(task, until="fit")
    labels = before.soft_labels().hard()
    sure = [row for row in rows.select("train").ids if labels[row] == 0][:4]
    say(task, rows, sure, "bug")  # people call four billing rows bugs
    after = refit(task).after
    found = what_changed(task, before, after, rows)
    now = after.soft_labels().hard()
    assert found.anchors == {"before": 0, "after": 4}
    assert found.by_people == 4 and found.pair.changed == (labels != now).sum() >= 4
    assert set(found.pair.sample.index).isdisjoint(sure)
    words = feedback_in_words(found)
    assert words[0] == "Learned from 4 reviewed rows, 0 before."
    assert words[1].startswith(
        f"{found.pair.changed} of 120 labels flipped, 4 of them on reviewed rows; most often billing → bug"
    )


def test_where_every_row_is_reviewed_all_flips_are_of_people(task, rows):
    before, train = run(task, until="fit"), rows.select("train")
    say(task, rows, train.ids, "bug")
    found = what_changed(task, before, refit(task).after, train)
    assert found.by_people == (before.soft_labels().hard()[train.ids] != 1).sum() and found.functions["hard_n"].any()
    assert found.bound == {"before": None, "after": None, "described": None}


def test_rows_picked_for_their_votes_never_judge_a_function(task, rows):
    """Of each kind of reason five rows, all called wrong: only those drawn from all rows are audited."""
    before = run(task, until="fit")
    refunds = [row for row in rows.select("train").ids if "refund" in rows.frame.at[row, "text"]]
    reasons = [
        "Drawn at random.",
        "Drawn at random from the rows with its votes, 20 in all: the label model takes it for 'billing' 60% and 'bug' 40%.",
        "Picked: its label 'billing' looks wrong to a model that reads the rows.",
        "",
    ]
    for place, reason in enumerate(reasons):
        say(task, rows, refunds[5 * place : 5 * place + 5], "bug", reason=reason)
    line = what_changed(task, before, refit(task).after, rows).functions.loc["asks_refund"]
    assert (line["right"], line["n"], line["hard_right"], line["hard_n"]) == (0, 5, 0, 15)


def test_the_reason_of_the_random_queue_is_that_of_an_audited_row(task, rows):
    before = run(task, until="fit")
    queue = review_queue(task, before, rows, "ann", "random", 30)
    say(task, rows, queue.index, reason=queue["reason"].iloc[0])
    found = what_changed(task, before, refit(task).after, rows).functions
    train = [row for row in queue.index if rows.split[row] == "train"]
    votes = before.votes().to_frame().loc[train]
    assert found["n"].to_dict() == (votes >= 0).sum().to_dict() and not found["hard_n"].any()
    right = (votes.eq(rows.gold[train], axis=0)).sum()
    assert found["right"].to_dict() == right.to_dict()


def test_a_function_that_an_audit_finds_worse_than_learned_is_flagged_and_the_others_are_not(task, rows):
    """The audit says that every refund is a bug; other rows are as gold has them."""
    before = run(task, until="fit")
    plan = plan_audit(task, Asked(rows=200, minimum=0, allocation="proportional")).plan
    refunds = [row for row in plan.rows if "refund" in rows.frame.at[row, "text"]]
    measure(task, rows, refunds, plan, "bug")
    measure(task, rows, [row for row in plan.rows if row not in refunds], plan)
    found = what_changed(task, before, refit(task, force=True).after, rows)
    table = found.functions
    line = table.loc["asks_refund"]
    draws = plan.draws["row"].isin(refunds).sum()
    assert table.loc["asks_refund", "differs"] and table["differs"].tolist() == sorted(table["differs"], reverse=True)
    assert (line["right"], line["n"]) == (0, draws) and line["learned_before"] > 0.5 and line["q"] < 0.001
    assert not table.loc["crashes", "differs"] and table.loc["crashes", "share"] == pytest.approx(1)
    assert any(words.startswith("Look at asks_refund: right on 0 of ") for words in feedback_in_words(found))


def test_few_rows_flag_nothing_however_wrong(task, rows):
    before = run(task, until="fit")
    refund = next(row for row in rows.select("train").ids if "refund" in rows.frame.at[row, "text"])
    say(task, rows, [refund], "bug", reason="Drawn at random.")
    found = what_changed(task, before, refit(task).after, rows)
    assert found.functions.loc["asks_refund", ["right", "n"]].tolist() == [0, 1]
    assert not found.functions["differs"].any()
    assert any("No function's audited accuracy differs" in words for words in feedback_in_words(found))


def test_the_bound_stays_with_the_same_labels_and_ends_with_others(task, rows):
    before = run(task, until="fit")
    plan = plan_audit(task, Asked(rows=60, minimum=0, name="spring")).plan
    measure(task, rows, plan.rows, plan)
    same = what_changed(task, before, refit(task, force=True).after, rows)
    assert same.bound["before"] == same.bound["after"] and same.bound["before"]["draws"] == 60
    assert same.bound["described"] is None
    assert "The labels are the same, and so is the promise, by plan spring" in " ".join(feedback_in_words(same))
    free = rows.select("train").ids.difference(plan.rows)[:1]
    say(task, rows, free)
    other = what_changed(task, before, refit(task).after, rows)
    assert other.bound["after"] is None and other.bound["before"] == same.bound["before"]
    assert other.bound["described"]["n"] == 60
    words = " ".join(feedback_in_words(other))
    assert "Before, by plan spring: At most " in words and "After: no promise, for these are other labels; plan again." in words


def test_without_a_plan_nothing_is_promised(task, rows):
    before = run(task, until="fit")
    found = what_changed(task, before, refit(task, force=True).after, rows)
    assert found.bound == {"before": None, "after": None, "described": None}
    words = feedback_in_words(found)
    assert "No label flipped, of 120." in words and "After: no promise; plan an audit." in words
    assert any(sentence.startswith("No vote is audited") for sentence in words)


def test_a_new_a_changed_and_a_removed_function_are_told(task, rows, tiny_task):
    before = run(task, until="fit")
    change(tiny_task, "error( \\d+)?", "error", "rules.toml")
    change(tiny_task, 'name = "agent_tag"', 'name = "tag"', "rules.toml")
    now = load_task(tiny_task)
    found = what_changed(now, before, refit(now).after, rows)
    assert found.functions["state"][lambda state: state != ""].to_dict() == {
        "error_code": "changed",
        "agent_tag": "removed",
        "tag": "new",
    }
    assert np.isnan(found.functions.at["tag", "learned_before"]) and found.functions.at["tag", "learned_after"] > 0.5
    assert "Functions that are new: 'tag'." in feedback_in_words(found)


def test_rows_drawn_with_uneven_chances_are_weighted(task, rows):
    """A slice drawn far too often counts for what it is: the share is that of all rows, not that of the draws."""
    before = run(task, until="fit")
    plan = plan_audit(task, Asked(rows=150, minimum=40)).plan
    measure(task, rows, plan.rows, plan)
    table = what_changed(task, before, refit(task, force=True).after, rows).functions
    line = table.loc["agent_tag"]
    cast = before.votes().to_frame()["agent_tag"][plan.draws["row"]].to_numpy()
    right = cast == rows.gold[plan.draws["row"]].to_numpy()
    assert line["share"] == pytest.approx(plan.weights[right].sum() / plan.weights[cast >= 0].sum())
    assert line["right"] == right.sum() and not table["differs"].any()


def test_two_plans_do_not_count_a_row_twice(task, rows):
    before = run(task, until="fit")
    first = plan_audit(task, Asked(rows=30, minimum=0)).plan
    second = plan_audit(task, Asked(rows=31, minimum=0)).plan
    measure(task, rows, first.rows, first)
    measure(task, rows, [row for row in second.rows if row not in first.rows], second)
    table = what_changed(task, before, refit(task, force=True).after, rows).functions
    draws = [*first.draws["row"], *(row for row in second.draws["row"] if row not in first.rows)]
    votes = before.votes().to_frame().loc[draws]
    assert table["n"].to_dict() == (votes >= 0).sum().to_dict()


def test_setting_two_runs_side_by_side_loads_no_heavy_library(task):
    for _ in range(2):
        run(task, until="fit")
    code = f"""
import json, sys
from workbench.project.feedback import feedback_in_words, what_changed
from workbench.project.runs import list_runs
from workbench.project.task import load_task
task = load_task({str(task.folder)!r})
feedback_in_words(what_changed(task, *list_runs(task), task.dataset()[0]))
print(json.dumps([name for name in ("torch", "spacy", "snorkel", "sklearn") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.slow
def test_on_the_bundled_tickets_a_batch_of_the_queue_is_told_whole(tmp_path):
    """A simulated human answers the first 150 rows of the queue with their true classes."""
    keep = shutil.ignore_patterns("runs", "cache", "review", "__pycache__")
    for folder in ("data/tickets", "labeling_functions/tickets"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=keep)
    task = load_task(tmp_path / "data" / "tickets")
    rows = task.dataset()[0]
    before = refit(task).after
    truth = task.train_truth(rows).map(dict(enumerate(task.labels)))
    queue = review_queue(task, before, rows, "ann", "value", 150)
    said = [Decision(row, "label", "ann", truth[row], reason=reason) for row, reason in queue["reason"].items()]
    decide(task, rows, said)
    found = what_changed(task, before, refit(task).after, rows)
    assert found.anchors == {"before": 0, "after": 150} and 0 < found.by_people < found.pair.changed
    uniform = queue.index[queue["reason"] == "Drawn at random."]
    votes = pd.DataFrame(before.votes().to_frame().loc[uniform])
    assert found.functions["n"].to_dict() == (votes >= 0).sum().to_dict()
    hard = found.functions[["hard_right", "hard_n", "right", "n"]].sum()
    assert hard["hard_right"] / hard["hard_n"] < hard["right"] / hard["n"], "rows with doubtful votes are harder"
