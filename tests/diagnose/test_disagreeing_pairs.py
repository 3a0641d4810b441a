"""Who disagrees with whom, and who is right then, on matrices small enough to count by eye."""

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose import block_order, disagreements, pairwise
from workbench.stats import wilson_interval
from workbench.tables import VoteMatrix

#                    good  bad  rare
VOTES = [[0, 1, -1]] * 6 + [[1, 1, 1]] * 2 + [[-1, 0, 1], [0, -1, -1]]
GOLD = pd.Series({f"r{row}": 0 for row in range(5)} | {"r6": 1, "r8": 1, "r9": 0})


def votes() -> VoteMatrix:
    return VoteMatrix.from_array(VOTES, ["ham", "spam"], lfs=["good", "bad", "rare"])


def test_pairs_say_how_often_they_disagree_and_how_sure_that_is() -> None:
    table = disagreements(votes(), GOLD)
    assert table[["a", "b", "both", "disagree"]].to_numpy().tolist() == [
        ["good", "bad", 8, 6],
        ["bad", "rare", 3, 1],
        ["good", "rare", 2, 0],
    ]
    assert table["rate"].tolist() == pytest.approx([6 / 8, 1 / 3, 0])
    for place, (low, high) in enumerate(zip(*wilson_interval([6, 1, 0], [8, 3, 2]), strict=True)):
        assert (table["low"][place], table["high"][place]) == pytest.approx((low, high))


def test_the_better_one_is_named_where_gold_settles_it() -> None:
    """On five rows of gold good is right against bad, 5 : 0; rare is right against bad once, which settles nothing."""
    table = disagreements(votes(), GOLD).set_index(["a", "b"])
    assert table[["n_gold", "a_right", "b_right"]].to_numpy().tolist() == [[5, 5, 0], [1, 0, 1], [0, 0, 0]]
    assert table["better"].tolist() == ["good", "", ""]
    mirrored = VoteMatrix.from_array(np.array(VOTES)[:, [1, 0]], ["ham", "spam"], lfs=["bad", "good"])
    assert disagreements(mirrored, GOLD)["better"].tolist() == ["good"]


def test_where_neither_is_right_nobody_is_better() -> None:
    both_wrong = VoteMatrix.from_array([[0, 1]] * 9, ["a", "b", "c"])
    table = disagreements(both_wrong, pd.Series(2, index=both_wrong.ids))
    assert table[["n_gold", "a_right", "b_right", "better"]].to_numpy().tolist() == [[9, 0, 0, ""]]


def test_without_gold_nobody_is_right_or_wrong() -> None:
    table = disagreements(votes())
    assert table[["n_gold", "a_right", "b_right"]].isna().all(axis=None) and (table["better"] == "").all()
    pd.testing.assert_frame_equal(table[list(pairwise(votes()))], pairwise(votes()))


def test_functions_stand_by_class_and_the_most_disputed_first() -> None:
    """Bad and rare vote mostly spam; bad disagrees seven times, rare once; one that meets nobody has no place."""
    four = VoteMatrix.from_array(np.column_stack([VOTES, [-1] * 10]), ["ham", "spam"], lfs=["good", "rare", "bad", "silent"])
    turned = VoteMatrix.from_array(four.votes[:, [0, 2, 1, 3]], four.labels, lfs=["good", "rare", "bad", "silent"])
    assert block_order(turned, pairwise(turned)) == ["good", "bad", "rare"]


def test_of_many_classes_those_stand_together_that_disagree_with_the_same_ones() -> None:
    """Ten functions of a class each: the even ones vote on the first four rows, the odd ones on the other six."""
    array = np.full((10, 10), -1)
    for j in range(10):
        array[(slice(4) if j % 2 == 0 else slice(4, None)), j] = j
    votes = VoteMatrix.from_array(array, [f"class {j}" for j in range(10)])
    order = [int(name[2:]) for name in block_order(votes, pairwise(votes))]
    assert [j % 2 for j in order] == [1] * 5 + [0] * 5


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (3, 2)], ids=["no row", "no function", "no vote"])
def test_where_nobody_meets_there_is_no_pair(shape: tuple[int, int]) -> None:
    nothing = VoteMatrix.from_array(np.full(shape, -1), ["ham", "spam"])
    table = disagreements(nothing, pd.Series(dtype=float))
    assert table.empty and "better" in table
    assert block_order(nothing, table) == []
