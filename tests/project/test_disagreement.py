"""Where functions disagree and nobody votes, beside the rows: test rows stay out, and counts are those of the rows shown."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.project import disagreement
from workbench.project.disagreement import ALL, Asked, look
from workbench.spec import parse_slices
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

LABELS = ("ham", "spam")
#          a   b   c
VOTES = [[0, 1, -1], [0, 1, 1], [0, 0, -1], [-1, -1, -1], [0, 1, -1], [-1, 1, 1], [0, 1, -1]]
SPLIT = ["train", "train", "valid", "train", "valid", "train", "test"]
TEXTS = ["late train", "late bus", "a bus", "lost wallet", "", "free bus", "late test"]


class FakeTask:
    """As much of a task as `look` asks for."""

    def __init__(self, **slices):
        self.data = {"hidden": ["secret"]}
        self.slices = parse_slices(slices, "here")


@pytest.fixture
def sight():
    votes = VoteMatrix.from_array(VOTES, LABELS, lfs=["a", "b", "c"])
    frame = pd.DataFrame({"text": TEXTS, "secret": "x", "size": [1, 2] * 3 + [1]}, index=votes.ids)
    gold = pd.Series([-1, 0, 0, -1, 1, -1, 0], index=votes.ids)
    dataset = Dataset(frame, LABELS, split=pd.Series(SPLIT, index=votes.ids), gold=gold)
    soft = SoftLabels(votes.ids, LABELS, np.tile([0.75, 0.25], (7, 1)), votes.covered)
    return look(FakeTask(late={"column": "text", "contains": "late"}), dataset, votes, soft)


def test_pairs_leave_test_rows_out_and_know_valid_gold_alone(sight):
    table = disagreement.pairs(sight).set_index(["a", "b"])
    assert table[["both", "disagree", "n_gold", "a_right", "b_right"]].to_numpy().tolist() == [
        [4, 3, 1, 0, 1],  # r0, r1, r4 differ, r2 does not; of valid rows with gold r4 differs, and b is right
        [1, 1, 0, 0, 0],
        [2, 0, 0, 0, 0],
    ]
    assert table.index.tolist() == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize(
    ("asked", "rows", "pairs"),
    [
        (ALL, [0, 1, 2, 3, 4, 5], 3),
        (Asked(slice="late"), [0, 1], 3),
        (Asked(label="ham"), [0, 1, 2, 4], 3),
        (Asked(function="c"), [1, 5], 2),
        (Asked("late", "spam", "c"), [1], 2),
        (Asked("late", "ham", "c"), [1], 1),
    ],
    ids=["all", "slice", "class", "function", "all three", "class of the other"],
)
def test_what_is_asked_for_chooses_rows_and_pairs(sight, asked, rows, pairs):
    """Of a function its own pairs are shown, of a class those of a function that votes for it on these rows."""
    assert disagreement.rows_asked(sight, asked).tolist() == rows
    assert len(disagreement.pairs(sight, asked)) == pairs


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(slice="lat"), "there is no slice 'lat'; did you mean 'late'?; known are 'late'"),
        (Asked(label="span"), "there is no class 'span'; did you mean 'spam'?; known are 'ham', 'spam'"),
        (Asked(function="z"), "there is no function 'z'; known are 'a', 'b', 'c'"),
    ],
    ids=["slice", "class", "function"],
)
def test_an_unknown_name_lists_the_known_ones(sight, asked, said):
    with pytest.raises(WorkbenchError, match=said.replace("?", r"\?")):
        disagreement.rows_asked(sight, asked)


def test_the_rows_of_a_pair_are_as_many_as_its_count(sight):
    assert disagreement.pair_rows(sight, ALL, "a", "b").tolist() == [0, 1, 4]
    assert disagreement.pair_rows(sight, ALL, "b", "a", conflicts_only=False).tolist() == [0, 1, 2, 4]
    assert disagreement.pair_rows(sight, Asked(slice="late"), "a", "b").tolist() == [0, 1]


def test_a_row_shows_both_votes_the_others_the_posterior_and_valid_gold(sight):
    known = "ham 75%, spam 25%"
    table = disagreement.row_table(sight, np.array([1, 2, 3]), ("a", "b"))
    assert table.to_dict("index") == {
        "r1": {"row": "late bus", "vote_0": "ham", "vote_1": "spam", "others": "spam: c", "posterior": known, "gold": ""},
        "r2": {"row": "a bus", "vote_0": "ham", "vote_1": "ham", "others": "", "posterior": known, "gold": "ham"},
        "r3": {"row": "lost wallet", "vote_0": "", "vote_1": "", "others": "", "posterior": "", "gold": ""},
    }  # fmt: skip
    bare = disagreement.row_table(replace(sight, soft=None), np.array([1]))
    assert bare.to_dict("index") == {"r1": {"row": "late bus", "others": "ham: a; spam: b, c", "gold": ""}}


def test_the_matrix_holds_each_pair_both_ways_and_the_most_disputed_functions(sight):
    cells, order = disagreement.matrix(sight, disagreement.pairs(sight))
    assert order == ["a", "b", "c"] and len(cells) == 6
    assert cells.set_index(["a", "b"])["disagree"].to_dict()["b", "a"] == 3
    cells, order = disagreement.matrix(sight, disagreement.pairs(sight), size=2)
    assert order == ["a", "b"] and cells[["a", "b", "disagree"]].to_numpy().tolist() == [["a", "b", 3], ["b", "a", 3]]


def test_a_pattern_finds_its_rows_again(sight):
    table, every = disagreement.patterns(sight)
    assert table["votes"].tolist() == [{"a": "ham", "b": "spam"}, {"a": "ham", "b": "spam", "c": "spam"}]
    assert every == {"patterns": 2, "rows": 3}
    assert disagreement.pattern_rows(sight, ALL, table["votes"].iloc[0]).tolist() == [0, 4]
    table, _ = disagreement.patterns(sight, classes=True)
    assert table["votes"].tolist() == [{"ham": "ham", "spam": "spam"}] and table["gold"].tolist() == [{"spam": 1}]
    assert disagreement.pattern_rows(sight, ALL, table["votes"].iloc[0], classes=True).tolist() == [0, 1, 4]


def test_the_dots_of_patterns_stand_by_class(sight):
    table, _ = disagreement.patterns(sight, conflicts_only=False)
    bars, dots, order = disagreement.dots(sight, table)
    assert order == ["a", "b", "c"] and bars["rows"].tolist() == [2, 1, 1, 1]
    assert dots[dots["pattern"] == table.index[0]][["function", "label"]].to_numpy().tolist() == [["a", "ham"], ["b", "spam"]]


def test_votes_in_words_name_classes_once():
    assert disagreement.votes_in_words({"a": "ham", "b": "spam", "c": "ham"}) == "ham: a, c; spam: b"
    assert disagreement.votes_in_words({"ham": "ham", "spam": "spam"}) == "ham and spam"


def test_coverage_counts_rows_that_may_be_seen(sight):
    classes, slices = disagreement.coverage(sight)
    assert classes[["rows", "contested", "n_gold", "found"]].to_numpy().tolist() == [[4, 3, 1, 1], [4, 3, 1, 1]]
    assert slices[["slice", "n", "uncovered"]].to_numpy().tolist() == [["late", 2, 0]]


def large(texts, covered, **columns):
    votes = VoteMatrix.from_array([[0 if c else -1] for c in covered], LABELS)
    frame = pd.DataFrame({"text": texts, **columns}, index=votes.ids)
    return look(FakeTask(), Dataset(frame, LABELS, text=("text",) if any(texts) else ()), votes)


def test_a_gap_names_the_words_of_its_rows_and_finds_them():
    sight = large(["where is my wallet", "where is my bus"] * 20, [False, True] * 20)
    found = disagreement.gap(sight)
    assert (len(found.rows), found.covered, len(found.read), len(found.beside)) == (20, 20, 20, 20)
    assert found.terms["term"].tolist() == ["wallet"]
    assert found.holding["wallet"].tolist() == list(range(0, 40, 2))


def test_of_many_rows_a_sample_is_read(monkeypatch):
    monkeypatch.setattr(disagreement, "_READ", 10)
    sight = large(["wallet", "bus"] * 20, [False, True] * 20)
    found = disagreement.gap(sight)
    assert (len(found.rows), len(found.read), len(found.beside)) == (20, 10, 10)
    assert found.terms[["term", "uncovered"]].to_numpy().tolist() == [["wallet", 10]]
    assert found.holding["wallet"].tolist() == found.read.tolist()


def test_without_text_a_gap_names_values_of_columns_that_are_not_hidden():
    sight = large([""] * 40, [False, True] * 20, plan=["free", "paid"] * 20, secret=["x", "y"] * 20, size=range(40))
    sight = replace(sight, columns=["plan", "size"])
    monies = disagreement.gap(sight).terms["term"].tolist()
    assert monies == ["plan free"]
    assert disagreement.row_table(sight, np.array([3]))["row"].tolist() == ["plan paid, size 3"]


def test_functions_that_say_the_same_come_with_what_to_do():
    votes = VoteMatrix.from_array([[0, 0, 0, 0]] * 20 + [[-1, -1, -1, 1]], LABELS, lfs=["a", "b", "c", "d"])
    frame = pd.DataFrame({"text": "x"}, index=votes.ids)
    gold = pd.Series([-1] * 20 + [1], index=votes.ids)
    dataset = Dataset(frame, LABELS, split=pd.Series("valid", index=votes.ids), gold=gold)
    advice = disagreement.doubles(look(FakeTask(), dataset, votes)).set_index(["a", "b"])["advice"]
    assert advice["a", "b"] == "Switch off b: wherever either votes, a says the same."
    assert advice["c", "d"] == "Keep d, with 21 votes against 20; switch off c, or make the two one rule."
    known = Dataset(frame, LABELS, split=dataset.split, gold=pd.Series([0] * 21, index=votes.ids))
    advice = disagreement.doubles(look(FakeTask(), known, votes)).set_index(["a", "b"])["advice"]
    assert advice["c", "d"] == "Keep c, right on 100% of valid gold against 95%; switch off d."


def test_rows_sent_to_review_have_no_gold_and_are_not_too_many(sight):
    assert disagreement.to_review(sight, np.array([0, 1, 2, 4])) == ["r0", "r1"]
    some = disagreement.to_review(sight, np.array([0, 1, 3, 5]), most=2)
    assert len(some) == 2 and some == disagreement.to_review(sight, np.array([0, 1, 3, 5]), most=2)


def test_rows_that_are_gone_are_left_out(sight):
    fewer = sight.dataset.take(np.array([4, 1]))
    gone = look(FakeTask(), fewer, sight.votes, sight.soft)
    assert disagreement.rows_asked(gone).tolist() == [1, 4]
    assert disagreement.row_table(gone, np.array([1, 4]))["row"].tolist() == ["late bus", ""]
