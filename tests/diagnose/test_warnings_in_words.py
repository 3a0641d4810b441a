"""A bad set of functions is explained: who, how much of how many, what to do."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose import function_table, in_words, pairs, pairwise, redundant, warnings_in_words
from workbench.tables import VoteMatrix

HAM_SPAM = ["ham", "spam"]


def good() -> np.ndarray:
    """40 rows, three functions that overlap, cover all rows, and conflict on a few."""
    truth = np.arange(40) % 2
    array = np.column_stack([truth, truth, truth])
    array[:4, 0] = 1 - truth[:4]
    array[8:16, 1] = -1
    array[20:28, 2] = -1
    return array


def test_tables_made_already_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    array = good()
    copy_first(array)
    votes = VoteMatrix.from_array(array, HAM_SPAM)
    table, counted, doubles, said = function_table(votes), pairwise(votes), redundant(votes), warnings_in_words(votes)
    assert len(doubles) == 1 and "say the same" in "".join(said)
    monkeypatch.delattr(in_words, "function_table")
    monkeypatch.delattr(pairs, "_pair_counts")
    pd.testing.assert_frame_equal(redundant(votes, pairs=counted), doubles)
    assert warnings_in_words(votes, table=table, pairs=counted) == said


def silence(array: np.ndarray) -> None:
    array[:, 2] = -1


def only_ham(array: np.ndarray) -> None:
    array[array == 1] = -1


def copy_first(array: np.ndarray) -> None:
    array[:, 1] = array[:, 0]


def err(array: np.ndarray) -> None:
    array[:, 0] = 1 - np.arange(40) % 2


def cover_few(array: np.ndarray) -> None:
    array[15:] = -1


def agree(array: np.ndarray) -> None:
    array[:4, 0] = 1 - array[:4, 0]


def warned(array: np.ndarray) -> list[str]:
    votes = VoteMatrix.from_array(array, HAM_SPAM, lfs=["links", "caps", "shouts"])
    return warnings_in_words(votes, pd.Series(np.arange(40) % 2, index=votes.ids))


def test_a_good_set_is_not_warned_about() -> None:
    assert warned(good()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (silence, "Function 'shouts' votes on 0 of 40 rows (0%); loosen its condition or remove it."),
        (silence, "Only 2 of 3 functions vote on a row where another does, and a label model needs three"),
        (only_ham, "None of the 3 functions votes for class 'spam'; write one"),
        (copy_first, "Functions 'links' and 'caps' say the same on 40 of 40 rows (100%) where either votes; keep one"),
        (err, "Function 'links' is right on 0 of 40 votes on rows with gold (0%), 95 % interval 0% to 9%"),
        (cover_few, "The 3 functions cover 15 of 40 rows (38%), under half; read rows nobody votes on"),
        (agree, "No function of 3 ever conflicts with another: 0 of 40 rows with two or more votes have two classes"),
    ],
    ids=["silent", "two left", "class", "double", "wrong", "few rows", "no conflict"],
)
def test_each_fault_of_a_set_is_named(change: Callable[[np.ndarray], None], said: str) -> None:
    array = good()
    change(array)
    assert said in "\n".join(warned(array))


def test_covering_half_of_the_rows_is_enough() -> None:
    array = good()
    array[20:] = -1
    assert not any("under half" in sentence for sentence in warned(array))


def test_chance_is_the_class_balance_of_the_votes() -> None:
    """A function right on 70 % of its ham votes tells against ham where 90 % of the rows are ham."""
    truth = np.repeat([0, 1], [90, 10])
    array = np.full((100, 3), -1)
    array[69:99, 0] = 0  # 21 ham and 9 spam rows
    votes = VoteMatrix.from_array(array, HAM_SPAM)
    found = "\n".join(warnings_in_words(votes, pd.Series(truth, index=votes.ids)))
    assert "'lf0' is right on 21 of 30 votes on rows with gold (70%)" in found and "would be right 90% of the time" in found


def test_a_function_that_is_wrong_more_often_than_right_is_named() -> None:
    """Of three classes alike in size, 30 % is about chance, so it is not proven worse than that: it is still mostly wrong."""
    truth = np.repeat([0, 1, 2], 40)
    array = np.full((120, 2), -1)
    array[28:68, 0] = 0  # 12 rows of a, 28 of b
    array[:30, 1] = 0
    votes = VoteMatrix.from_array(array, ["a", "b", "c"])
    found = [
        sentence for sentence in warnings_in_words(votes, pd.Series(truth, index=votes.ids)) if "on rows with gold" in sentence
    ]
    assert len(found) == 1
    assert found[0].startswith("Function 'lf0' is right on 12 of 40 votes on rows with gold (30%), 95 % interval 18% to 4")
    assert found[0].endswith("so it is wrong more often than right; look at where it is, and narrow it or remove it.")


def test_a_function_that_failed_is_named_with_its_first_error() -> None:
    faults = pd.DataFrame({"id": ["r3", "r5"], "lf": ["lf1", "lf1"], "error": ["KeyError: 'plan'", "ValueError"]})
    clean = VoteMatrix.from_array(good(), HAM_SPAM)
    (found,) = warnings_in_words(VoteMatrix(clean.ids, clean.lfs, clean.labels, clean.votes, faults))
    assert "'lf1' failed on 2 of 40 rows (5%)" in found and "KeyError: 'plan'" in found and "'r3'" in found


def test_a_hundred_findings_of_a_kind_are_counted_and_not_listed() -> None:
    array = np.full((5, 101), -1)
    array[0, 0] = 1
    found = warnings_in_words(VoteMatrix.from_array(array, HAM_SPAM))
    assert sum("votes on 0 of 5 rows" in sentence for sentence in found) == 10
    assert any("90 more functions that never vote" in sentence for sentence in found)


def test_functions_that_all_abstain_are_one_finding() -> None:
    (said,) = warnings_in_words(VoteMatrix.from_array(np.full((5, 3), -1), HAM_SPAM))
    assert said.startswith("No function votes: each of the 3 abstains on all 5 rows")


def test_a_function_that_votes_the_same_on_every_row_is_named() -> None:
    array = np.column_stack([good(), np.zeros(40, int)])
    said = warnings_in_words(VoteMatrix.from_array(array, HAM_SPAM, lfs=["a", "b", "c", "always"]))
    assert [sentence for sentence in said if "on all 40 rows" in sentence] == [
        "Function 'always' votes for 'ham' on all 40 rows, which tells nothing; return ABSTAIN where it has no opinion."
    ]


def test_no_rows_is_said_in_one_sentence() -> None:
    assert len(warnings_in_words(VoteMatrix.from_array(np.zeros((0, 3)), HAM_SPAM))) == 1


def test_the_known_faults_of_trec_are_found(shared_data: Path) -> None:
    rows = json.loads((shared_data / "trec" / "train.json").read_text()).values()
    labels = list(json.loads((shared_data / "trec" / "label.json").read_text()).values())
    votes = VoteMatrix.from_array([row["weak_labels"] for row in rows], labels)
    found = "\n".join(warnings_in_words(votes, pd.Series([row["label"] for row in rows], index=votes.ids)))
    for double in ("'lf8' and 'lf39'", "'lf8' and 'lf63'", "'lf39' and 'lf63'", "'lf27' and 'lf62'"):
        assert f"Functions {double} say the same" in found
    assert "Function 'lf35' is right on 2 of 41 votes" in found and "under half" not in found


def test_a_function_that_failed_or_was_stopped_is_not_told_to_loosen_its_condition() -> None:
    array = good()
    silence(array)
    votes = VoteMatrix.from_array(array, HAM_SPAM)
    assert "loosen" in " ".join(warnings_in_words(votes))
    faults = pd.DataFrame({"id": ["r0"], "lf": ["lf2"], "error": ["x" * 900]})
    for known in ({"faults": faults}, {"stopped": {"lf2": "it crashed (SIGSEGV)"}}):
        said = warnings_in_words(replace(votes, **known))
        assert "loosen" not in " ".join(said)
        assert max(map(len, said)) < 400, "a long error is cut"


def test_of_a_part_of_the_functions_nothing_is_said_about_the_whole() -> None:
    array = good()
    array[:, 1:] = -1
    votes = VoteMatrix.from_array(array, HAM_SPAM)
    whole, part = warnings_in_words(votes), warnings_in_words(votes, of_set=False)
    assert len(part) == 2 and all("loosen" in sentence for sentence in part)
    assert part == [sentence for sentence in whole if "loosen" in sentence] and len(whole) > len(part)
