"""Which votes stand together on how many rows, on matrices small enough to count by eye."""

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose import classes_voted, rows_with, vote_patterns
from workbench.tables import VoteMatrix

VOTES = VoteMatrix.from_array(
    [[0, 1, -1], [0, 1, -1], [0, -1, -1], [0, -1, -1], [0, -1, -1], [-1, 1, 0], [-1, -1, -1]],
    labels=["ham", "spam"],
    lfs=["a", "b", "c"],
)
GOLD = pd.Series({"r0": 1, "r1": 0, "r2": 0, "r5": 1})


def test_the_most_frequent_pattern_comes_first() -> None:
    table, every = vote_patterns(VOTES, GOLD)
    assert every == {"patterns": 3, "rows": 6}, "the row without a vote has no pattern"
    assert table["votes"].tolist() == [{"a": "ham"}, {"a": "ham", "b": "spam"}, {"b": "spam", "c": "ham"}]
    assert table["rows"].tolist() == [3, 2, 1] and table["share"].tolist() == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    assert table["conflict"].tolist() == [False, True, True]
    assert table["gold"].tolist() == [{"ham": 1}, {"ham": 1, "spam": 1}, {"spam": 1}]


def test_patterns_in_conflict_can_be_had_alone() -> None:
    table, every = vote_patterns(VOTES, conflicts_only=True, top=1)
    assert every == {"patterns": 2, "rows": 3}
    assert table[["rows", "gold"]].to_numpy().tolist() == [[2, {}]] and table["share"].tolist() == pytest.approx([2 / 3])


def test_a_pattern_has_one_name_wherever_it_stands() -> None:
    """The name rests on who votes what: not on the count, nor on the order of functions."""
    table, _ = vote_patterns(VOTES)
    turned = VoteMatrix.from_array(VOTES.votes[4:, ::-1], VOTES.labels, lfs=VOTES.lfs[::-1])
    assert set(vote_patterns(turned)[0].index) == set(table.index[[0, 2]])
    assert len(set(table.index)) == 3


def test_the_rows_of_a_pattern_are_those_with_these_votes_and_no_other() -> None:
    assert rows_with(VOTES, {"a": "ham"}).tolist() == [2, 3, 4]
    assert rows_with(VOTES, {"b": "spam", "a": "ham"}).tolist() == [0, 1]
    assert rows_with(VOTES, {"c": "spam"}).tolist() == []


def test_patterns_of_classes_leave_out_who_votes() -> None:
    table, every = vote_patterns(classes_voted(VOTES))
    assert every == {"patterns": 2, "rows": 6}
    assert table["votes"].tolist() == [{"ham": "ham"}, {"ham": "ham", "spam": "spam"}]
    assert table["rows"].tolist() == [3, 3] and table["conflict"].tolist() == [False, True]


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (3, 2)], ids=["no row", "no function", "no vote"])
def test_without_votes_there_is_no_pattern(shape: tuple[int, int]) -> None:
    table, every = vote_patterns(VoteMatrix.from_array(np.full(shape, -1), ["ham", "spam"]))
    assert table.empty and every == {"patterns": 0, "rows": 0}
