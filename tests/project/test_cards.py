"""Rows as a person reviews them."""

import pandas as pd
import pytest

from workbench.lfs import column, keyword, lookup
from workbench.lfs.spans import finds_of
from workbench.project.card import make_cards
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels, VoteMatrix

LABELS = ("ham", "spam")
FRAME = pd.DataFrame(
    {
        "subject": ["Win!", "", "hello"],
        "body": ["a free car, free", "hello mum", "see <b>you</b>"],
        "plan": ["pro", "free", ""],
        "tag": ["spam", "", "ham"],
    },
    index=["a", "b", "c"],
)
DATA = Dataset(FRAME, LABELS, ("subject", "body"))
RULES = [
    keyword(["free"], "spam", name="says_free", column="body"),
    keyword(["win", "free car"], "spam", name="wins"),
    lookup("plan", "ham", values=["free"], name="free_plan"),
    column("tag", name="agent"),
]
FUNCTIONS = [{"name": rule.name, "kind": rule.kind, "finds": finds_of(rule)} for rule in RULES]
VOTES = VoteMatrix.from_array([[1, 1, -1, 1], [-1, -1, 0, -1], [-1, -1, -1, -1]], LABELS, FRAME.index, [r.name for r in RULES])
SOFT = SoftLabels(FRAME.index, LABELS, [[0.1, 0.9], [0.7, 0.3], [0.5, 0.5]], VOTES.covered)


@pytest.fixture
def task(tmp_path):
    (tmp_path / "task.toml").write_text(
        'format = 1\nlabels = ["ham", "spam"]\n[data]\nfile = "rows.csv"\ntext = ["subject", "body"]\nhidden = ["plan"]\n'
    )
    return load_task(tmp_path)


def test_finds_are_marked_in_the_joined_text(task):
    card = make_cards(task, DATA, ["a"], FUNCTIONS, VOTES, SOFT)["a"]
    assert card["text"] == [("Win", True), ("!\na ", False), ("free car", True), (", ", False), ("free", True)]
    assert card["votes"] == [("says_free", "spam"), ("wins", "spam"), ("agent", "spam")]
    assert card["model"] == [("spam", 0.9), ("ham", 0.1)]
    assert card["excerpt"] == "Win! a free car, free"


def test_what_no_function_votes_on_is_neither_marked_nor_answered(task):
    card = make_cards(task, DATA, ["c"], FUNCTIONS, VOTES, SOFT)["c"]
    assert card["text"] == [("hello\nsee <b>you</b>", False)] and card["votes"] == [] and card["model"] == []


def test_hidden_columns_stay_hidden_and_votes_in_cells_are_told(task):
    assert make_cards(task, DATA, ["a"], FUNCTIONS, VOTES)["a"]["fields"] == [("tag", "spam", True, True)]
    assert make_cards(task, DATA, ["b"], FUNCTIONS, VOTES)["b"]["text"] == [("hello mum", False)], "no empty line in front"


def test_what_the_end_model_is_not_given_may_tell_the_answer(tmp_path):
    (tmp_path / "task.toml").write_text(
        'format = 1\nlabels = ["ham", "spam"]\n[data]\nfile = "rows.csv"\ntext = ["body"]\n[end_model]\ncolumns = ["plan"]\n'
    )
    data = Dataset(FRAME, LABELS, ("body",))
    fields = make_cards(load_task(tmp_path), data, ["b"], FUNCTIONS, VOTES)["b"]["fields"]
    assert fields == [("plan", "free", True, False)]
    fields = make_cards(load_task(tmp_path), data, ["c"], FUNCTIONS, VOTES)["c"]["fields"]
    assert fields == [("subject", "hello", False, True), ("tag", "ham", False, True)]


def test_a_row_that_is_gone_has_no_card(task):
    assert list(make_cards(task, DATA, ["x", "b"], FUNCTIONS, VOTES, SOFT)) == ["b"]


def test_a_row_that_came_after_the_run_has_a_card_without_votes(task):
    later = make_cards(task, DATA, ["c"], FUNCTIONS, VOTES.take([0, 1]), SOFT.take([0, 1]))["c"]
    assert later["votes"] == [] and later["model"] == []


def test_the_card_of_an_edited_row_is_another(task):
    edited = Dataset(FRAME.assign(body=["a", "hello mum", "c"]), LABELS, ("subject", "body"))
    before, after = (make_cards(task, data, ["a", "b"]) for data in (DATA, edited))
    assert before["a"]["seen"] != after["a"]["seen"] and before["b"]["seen"] == after["b"]["seen"]
