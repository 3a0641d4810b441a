"""Which function is wrong on which slice, on matrices small enough to count by eye."""

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose import slice_errors, slices, warnings_in_words
from workbench.tables import ABSTAIN, VoteMatrix, WorkbenchError

COLUMNS = ["lf", "slice", "n", "accuracy", "n_elsewhere", "accuracy_elsewhere", "p", "q"]
GOLD = pd.Series([0] * 4 + [1] * 4, index=[f"r{i}" for i in range(8)])
POLITE = np.array([True] * 4 + [False] * 4)


def votes_of(*functions: list[int]) -> VoteMatrix:
    return VoteMatrix.from_array(np.column_stack(functions), ["ham", "spam"])


BLIND = [1] * 8  # right on the last four rows alone
SEEING = [0] * 4 + [1] * 4


def test_a_function_that_is_wrong_on_a_slice_is_named_with_its_chance() -> None:
    """0 of 4 against 4 of 4 is one of 70 ways to be right four times in eight; two pairs are tested."""
    (line,) = slice_errors(votes_of(SEEING, BLIND), {"polite": POLITE}, GOLD).to_dict("records")
    assert list(line) == COLUMNS
    assert [line[name] for name in COLUMNS[:6]] == ["lf1", "polite", 4, 0, 4, 1]
    assert (line["p"], line["q"]) == pytest.approx((1 / 70, 2 / 70))


def test_the_surest_pair_stands_first() -> None:
    """Three rows of the slice leave 0 of 3 against 4 of 5: C(4, 0) C(4, 3) / C(8, 3) = 4 / 56 is more than 1 / 70."""
    fewer = np.array([True] * 3 + [False] * 5)
    table = slice_errors(votes_of(BLIND), {"fewer": fewer, "polite": POLITE}, GOLD)
    assert table["slice"].tolist() == ["polite", "fewer"]
    assert table["p"].tolist() == pytest.approx([1 / 70, 4 / 56])
    assert table["q"].tolist() == pytest.approx([2 / 70, 4 / 56])


@pytest.mark.parametrize(
    ("function", "mask", "gold"),
    [
        ([1, 1, -1, -1, 1, 1, 1, 1], POLITE, GOLD),
        ([1, 1, 1, 1, 1, 1, -1, -1], POLITE, GOLD),
        (BLIND, POLITE, GOLD.where(GOLD.index > "r1", -1)),
        (BLIND, POLITE, GOLD.drop(["r6", "r7"])),
        (BLIND, np.ones(8, bool), GOLD),
        (BLIND, np.zeros(8, bool), GOLD),
        (BLIND, ~POLITE, GOLD),
    ],
    ids=["two votes", "two elsewhere", "gold on two", "gold on two elsewhere", "all rows", "no row", "errs less"],
)
def test_what_too_few_rows_tell_is_left_out(function: list[int], mask: np.ndarray, gold: pd.Series) -> None:
    table = slice_errors(votes_of(function), {"polite": mask}, gold)
    assert table.empty and list(table.columns) == COLUMNS


def test_without_slices_there_is_nothing_to_find() -> None:
    assert slice_errors(votes_of(BLIND), {}, GOLD).empty


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"slice 'short' has shape \(2,\), but there are 8 rows"):
        slice_errors(votes_of(BLIND), {"short": np.array([True, False])}, GOLD)


def random_votes(rng: np.random.Generator, rows: int, functions: int) -> tuple[VoteMatrix, pd.Series]:
    truth = rng.integers(0, 2, rows)
    right = rng.random((rows, functions)) < 0.8
    array = np.where(rng.random((rows, functions)) < 0.6, np.where(right, truth[:, None], 1 - truth[:, None]), ABSTAIN)
    votes = VoteMatrix.from_array(array, ["ham", "spam"])
    return votes, pd.Series(truth, index=votes.ids)


def test_rows_are_counted_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    votes, gold = random_votes(rng, 100, 5)
    masks = {name: rng.random(100) < 0.3 for name in "abc"}
    at_once = slice_errors(votes, masks, gold)
    monkeypatch.setattr(slices, "_BLOCK", 7)
    pd.testing.assert_frame_equal(slice_errors(votes, masks, gold), at_once)


def test_where_nothing_is_wrong_hardly_anything_is_named() -> None:
    """Functions that err everywhere alike: in at most one of ten sets is any pair under q = .1."""
    rng = np.random.default_rng(1)
    alarms = []
    for _ in range(150):
        votes, gold = random_votes(rng, 80, 4)
        masks = {name: rng.random(80) < 0.3 for name in "abcd"}
        alarms.append((slice_errors(votes, masks, gold)["q"] < 0.1).any())
    assert np.mean(alarms) <= 0.1


def test_an_error_in_a_slice_is_said_in_words() -> None:
    votes = votes_of(SEEING, BLIND)
    errors = slice_errors(votes, {"polite": POLITE}, GOLD)
    said = (
        "Function 'lf1' is right on 0 of 4 votes (0%) in slice 'polite' and on 4 of 4 elsewhere (100%), q = 0.03; "
        "let it abstain there, or write a function that knows those rows."
    )
    assert said in warnings_in_words(votes, GOLD, errors=errors)
    assert said not in warnings_in_words(votes, GOLD)
    assert not any("slice" in sentence for sentence in warnings_in_words(votes, GOLD, errors=errors.assign(q=0.1)))


def test_who_is_no_function_is_the_vote_as_a_whole() -> None:
    votes = votes_of(BLIND)
    errors = slice_errors(votes, {"polite": POLITE}, GOLD).assign(lf="majority vote")
    assert (
        "Majority vote is right on 0 of 4 rows (0%) in slice 'polite' and on 4 of 4 elsewhere (100%), q = 0.01; "
        "write a function that knows those rows."
    ) in warnings_in_words(votes, GOLD, errors=errors)
