"""Two runs side by side: what somebody edited in between is what the difference names, and nothing else."""

import json

import pandas as pd
import pytest

from workbench.project.difference_in_words import difference_in_words
from workbench.project.flips import vote_changes
from workbench.project.reviewing import Decision, decide
from workbench.project.run_difference import difference
from workbench.project.run_sources import FUNCTIONS, ROWS, kept_functions, kept_rows
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import VoteMatrix


def edit(folder, old, new, file="task.toml"):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


FUNCTIONS_PY = "../../labeling_functions/tiny/functions.py"
AGENT_TAG = 'name = "agent_tag"\nkind = "column"\ncolumn = "tag"'


def test_a_run_keeps_code_and_rows(tiny_task):
    task = load_task(tiny_task)
    done = run(task, until="apply")
    kept = kept_functions(done)
    document = json.loads((done.folder / FUNCTIONS).read_text(encoding="utf-8"))
    assert document["format"] == 1 and set(kept["functions"]) == {function.name for function in task.functions()}
    assert kept["functions"]["asks_refund"]["source"].startswith("@labeling_function(fires=[")
    assert 'return BILLING if "refund" in row.text else ABSTAIN' in kept["functions"]["asks_refund"]["source"]
    assert kept["functions"]["asks_refund"]["reason"] == "Only billing customers ask for refunds."
    assert kept["functions"]["says_invoice"]["source"].startswith('[[rule]]\nname = "says_invoice"')
    assert {one["fingerprint"] for one in kept["functions"].values()} == set(done.about["functions"].values())
    assert "BILLING, BUG = 0, 1" in kept["files"]["functions.py"]
    rows = kept_rows(done)
    assert rows.index[7] == "007" and rows.loc["007", ["split", "gold"]].tolist() == ["train", "bug"] and len(rows) == 120


def test_the_same_run_twice_differs_in_nothing(tiny_task):
    task = load_task(tiny_task)
    found = difference(task, run(task, until="fit"), run(task, until="fit"))
    assert not found.other_data and found.labels.rows.empty
    for name in ("data", "rows", "functions", "files", "settings", "votes", "reviews"):
        assert getattr(found, name).empty, name
    said = difference_in_words(found)
    assert said[:4] == [
        "The rows are the same.",
        "The functions are the same.",
        "No vote changed.",
        "No label flipped, of 120.",
    ]


def test_edited_functions_show_their_diff_and_the_labels_they_flipped(tiny_task):
    task = load_task(tiny_task)
    before = run(task, until="fit")
    edit(tiny_task, 'if "refund" in row.text', 'if "charged" in row.text', FUNCTIONS_PY)
    edit(tiny_task, 'fires=["please refund me"]', 'fires=["charged me"]', FUNCTIONS_PY)
    edit(tiny_task, 'words = ["invoice", "subscription"]', 'words = ["invoice"]', "rules.toml")
    edit(tiny_task, AGENT_TAG, 'name = "said_page"\nkind = "keyword"\nwords = ["page"]\nlabel = "bug"', "rules.toml")
    after = run(load_task(tiny_task), until="fit")
    found = difference(task, before, after)
    assert found.functions["state"].to_dict() == {
        "asks_refund": "changed",
        "says_invoice": "changed",
        "said_page": "new",
        "agent_tag": "removed",
    }
    assert '-    return BILLING if "refund" in row.text else ABSTAIN' in found.functions.at["asks_refund", "diff"]
    assert '+words = ["invoice"]' in found.functions.at["says_invoice", "diff"]
    assert list(found.files.index) == ["functions.py"]
    votes = found.votes.set_index(["function", "before", "after"])["n"]
    assert votes["says_invoice", "billing", "abstains"] == 15  # "cancel my subscription and refund"
    assert votes["asks_refund", "billing", "abstains"] == 30 and votes["asks_refund", "abstains", "billing"] == 15
    assert votes["agent_tag"].to_dict() == {("billing", "not there"): 48, ("bug", "not there"): 72}
    assert votes["said_page"].to_dict() == {("not there", "bug"): 15}
    flips = found.labels
    old, new = before.soft_labels().hard(), after.soft_labels().hard()
    assert flips.by_split["changed"].sum() == (old != new).sum() > 0
    assert set(flips.rows.index) == set(old.index[:95][(old != new)[:95]]), "no id of a test row"
    assert (flips.rows["because"] == "votes").all()
    assert flips.rows["why"].str.contains("agent_tag: b").all()  # it is gone, and had voted everywhere
    said = " ".join(difference_in_words(found))
    assert "Functions that are removed: 'agent_tag'." in said and "Why, on the" in said


def test_what_a_function_reaches_is_told_apart_from_its_own_lines(tiny_task):
    task = load_task(tiny_task)
    before = run(task, until="apply")
    edit(tiny_task, "BILLING, BUG = 0, 1", 'BILLING, BUG = 0, "bug"', FUNCTIONS_PY)
    found = difference(task, before, run(load_task(tiny_task), until="apply"))
    assert found.functions.at["crashes", "said"] == "its own lines are the same: what it reaches changed"
    assert '-BILLING, BUG = 0, 1\n+BILLING, BUG = 0, "bug"' in found.files.at["functions.py", "diff"]
    assert found.votes.empty and found.labels is None and "no labels are compared" in " ".join(found.notes)


def test_rows_that_came_went_or_changed_are_told_by_split(tiny_task):
    task = load_task(tiny_task)
    before = run(task, until="apply")
    rows = pd.read_csv(tiny_task / "rows.csv", dtype=str).set_index("id")
    rows.loc["003", "text"] = "something else"
    rows.loc["004", "label"] = "bug"
    rows.loc["005", "split"] = "valid"
    rows.loc["110", "text"] = "edited, and a test row"
    rows = rows.drop(["006", "111"])
    rows.loc["new"] = ["hello", "free", "", "", "train"]
    rows.to_csv(tiny_task / "rows.csv")
    now = load_task(tiny_task)
    found = difference(now, before, run(now, until="apply"))
    assert found.other_data and found.rows.sort_index()["change"].to_dict() == {
        "003": "edited",
        "004": "other class",
        "005": "other split",
        "006": "removed",
        "new": "added",
    }
    assert found.data.set_index(["change", "split"])["n"].to_dict() == {
        ("added", "train"): 1,
        ("edited", "test"): 1,
        ("edited", "train"): 1,
        ("other class", "train"): 1,
        ("other split", "valid"): 1,
        ("removed", "test"): 1,
        ("removed", "train"): 1,
    }
    assert difference_in_words(found)[0] == "Rows: 1 added, 2 edited, 1 other class, 1 other split, 2 removed."


def test_runs_of_earlier_versions_tell_what_they_can(tiny_task):
    task = load_task(tiny_task)
    before = run(task, until="fit")
    edit(tiny_task, '"invoice", "subscription"', '"invoice"', "rules.toml")
    lines = (tiny_task / "rows.csv").read_text(encoding="utf-8").splitlines()
    (tiny_task / "rows.csv").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    after = run(load_task(tiny_task), until="fit")
    (before.folder / FUNCTIONS).unlink()
    (before.folder / ROWS).unlink()
    same = difference(load_task(tiny_task), before, before)
    assert difference_in_words(same)[0] == "The rows are the same, as far as is known."
    found = difference(load_task(tiny_task), before, after)
    assert found.functions.at["says_invoice", "said"] == "a run of an earlier version kept no code"
    assert found.data.to_dict("records") == [{"change": "removed", "split": "gone", "n": 1}] and found.rows.empty
    assert any(before.id in note and "earlier version" in note for note in found.notes)


def test_people_and_settings_are_named_as_what_flipped_labels(tiny_task):
    task = load_task(tiny_task)
    before = run(task, until="fit")
    dataset = task.dataset()[0]
    billing = [row for row in dataset.select("train").ids if dataset.gold[row] == 0][:3]
    decide(task, dataset, [Decision(row, "label", "ann", "bug") for row in billing])
    found = difference(task, before, run(task, until="fit"))
    assert found.reviews.to_dict("records") == [{"reviewer": "ann", "kind": "label", "n": 3}]
    mine = found.labels.rows.loc[billing]
    assert "Reviewed rows that teach (anchors): 0 before, 3 now; they move label model and end model." in difference_in_words(
        found
    )
    assert set(mine["because"]) == {"people"} and set(mine["why"]) == {"a person said bug"}
    edit(tiny_task, 'model = "generative"', 'model = "majority_vote"')
    other = load_task(tiny_task)
    again = difference(other, before, run(other, until="fit"))
    assert again.settings.loc["label_model.model"].tolist() == ["generative", "majority_vote"]
    assert set(again.labels.rows["because"]) <= {"people", "label model"}


def test_weights_that_moved_are_named_where_votes_stayed(tiny_task):
    """Two functions contradict each other on some bugs; reviewers side against the model, and rows they left alone follow."""
    path = tiny_task / "rows.csv"
    rows = pd.read_csv(path, dtype=str)
    contested = rows["text"].str.contains("error") & (rows.index % 3 == 0)
    rows["tag"] = rows["label"].mask(contested, "billing")
    rows.to_csv(path, index=False)
    edit(tiny_task, "[data]", 'disabled = ["asks_refund", "crashes", "says_invoice"]\n[data]')
    task = load_task(tiny_task)
    before = run(task, until="fit")
    said = before.soft_labels().hard()
    other = {0: "bug", 1: "billing"}
    ids = rows["id"][contested & (rows["split"] == "train")]
    asked = ids[:9]
    decide(task, task.dataset()[0], [Decision(row, "label", "ann", other[said[row]]) for row in asked])
    flips = difference(task, before, run(task, until="fit")).labels.rows
    assert set(flips.index[flips["because"] == "people"]) == set(asked)
    left = flips[flips["because"] == "weights"]
    assert len(left) and set(left.index) <= set(rows["id"][contested]) - set(asked)
    assert left["why"].str.match(r"same votes; \w+ is taken for \d.\d\d right, before \d.\d\d").all()


def test_scores_are_paired_on_rows_that_both_answered(tiny_task):
    task = load_task(tiny_task)
    before = run(task)
    edit(tiny_task, AGENT_TAG, 'name = "all_bugs"\nkind = "keyword"\nwords = ["number"]\nlabel = "bug"', "rules.toml")
    after = run(load_task(tiny_task))
    found = difference(task, before, after)
    assert set(found.scores["split"]) == {"test", "valid"}
    line = found.scores.set_index(["split", "model"]).loc[("test", "end model")]
    metrics = [one.metrics()["end_model"]["test"]["all"]["accuracy"] for one in (before, after)]
    assert [line["before"], line["after"]] == pytest.approx(metrics) and line["n"] == 25
    assert line["change"] == pytest.approx(metrics[1] - metrics[0]) and line["low"] <= line["change"] <= line["high"]
    assert list(found.promise.columns) == ["threshold", "risk", "answered", "n"] and found.promise.at["after", "n"] == 15
    assert found.answers.loc["test", "common"] == 25
    assert any(sentence.startswith("End model on test: accuracy") for sentence in difference_in_words(found))


def test_votes_of_other_classes_are_compared_by_name():
    before = VoteMatrix.from_array([[0, -1], [1, 0], [-1, 1]], ["a", "b"], ids=["x", "y", "z"], lfs=["f", "g"])
    after = VoteMatrix.from_array([[0], [1], [0]], ["b", "a"], ids=["z", "y", "new"], lfs=["f"])
    assert vote_changes(before, after).to_dict("records") == [
        {"function": "f", "before": "abstains", "after": "b", "n": 1},
        {"function": "f", "before": "b", "after": "a", "n": 1},
        {"function": "g", "before": "a", "after": "not there", "n": 1},
        {"function": "g", "before": "b", "after": "not there", "n": 1},
    ]
