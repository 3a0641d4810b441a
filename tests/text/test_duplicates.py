"""A user learns which texts stand twice and what of test was already in train."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.io import dataset_from_frame, read_wrench
from workbench.tables import Dataset, WorkbenchError
from workbench.text.duplicates import duplicate_report, find_duplicates, fold

SENTENCE = "please reset the password of my account, it expired while I was on holiday"


def dataset(**by_split: list[str]) -> Dataset:
    rows = [(f"{split}:{place}", text, split) for split, texts in by_split.items() for place, text in enumerate(texts)]
    frame = pd.DataFrame(rows, columns=["id", "text", "split"]).set_index("id")
    return Dataset(frame[["text"]], ("a", "b"), ("text",), frame["split"])


def shingles(text: str) -> set[str]:
    padded = fold(text).ljust(5)
    return {padded[i : i + 5] for i in range(len(padded) - 4)}


def groups_by_hand(texts: list[str], threshold: float) -> list[int]:
    group = list(range(len(texts)))
    sets = [shingles(text) for text in texts]
    for i, j in combinations(range(len(texts)), 2):
        if len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= threshold:
            low, high = sorted((group[i], group[j]))
            group = [low if number == high else number for number in group]
    return group


def test_each_row_points_to_the_first_of_its_group() -> None:
    texts = ["Call NOW", "something else entirely", "call   now", "", SENTENCE, SENTENCE + "!", "", "Call NOW"]
    found = find_duplicates(texts)
    assert found.exact.tolist() == [0, 1, 0, 3, 4, 5, 6, 0]
    assert found.near.tolist() == [0, 1, 0, 3, 4, 4, 6, 0]


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.8, 1.0], ids=str)
def test_the_groups_are_those_of_comparing_all_pairs(threshold: float) -> None:
    rng = np.random.default_rng(5)
    words = np.array([f"word{i}" for i in range(40)])
    texts = [" ".join(rng.choice(words, 15)) for _ in range(40)]
    for text in texts[:30]:  # each copied with a growing number of other words
        edited = np.array(text.split())
        edited[rng.choice(15, size=rng.integers(1, 5), replace=False)] = "other"
        texts.append(" ".join(edited))
    assert find_duplicates(texts, threshold).near.tolist() == groups_by_hand(texts, threshold)


@pytest.mark.parametrize(
    "texts", [[], ["one"], ["", ""], ["a", "b"], ["\ud800", "x"]], ids=["none", "one", "empty", "short", "broken"]
)
def test_few_or_odd_texts_are_no_duplicates(texts: list[str]) -> None:
    found = find_duplicates(texts)
    assert found.exact.tolist() == found.near.tolist() == list(range(len(texts)))


def test_the_same_seed_finds_the_same_and_leaves_the_global_state_alone() -> None:
    texts = [f"{SENTENCE} number {i} {'x' * (i % 7)}" for i in range(300)]
    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the state that must stay
    first, second = find_duplicates(texts, seed=3), find_duplicates(texts, seed=3)
    assert first.near.tolist() == second.near.tolist()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("threshold", [0.0, 1.5], ids=str)
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(
        WorkbenchError, match=r"threshold .* for near duplicates is out of range; give a Jaccard similarity in \(0, 1\]"
    ):
        find_duplicates(["a", "b"], threshold)


def test_thousands_of_form_letters_are_one_group() -> None:
    texts = [f"{SENTENCE}, ticket {i}" for i in range(5000)]
    found = find_duplicates(texts)
    assert (found.near == 0).all()


def test_leaks_name_the_row_and_what_it_copies() -> None:
    data = dataset(
        train=["CALL now", "call now", SENTENCE, "call now"],
        valid=["call now", "nothing like it"],
        test=[SENTENCE + "!", "Call  Now", ""],
    )
    report = duplicate_report(data)
    assert report.leaks[["id", "split", "train_id", "kind", "identical"]].values.tolist() == [
        ["valid:0", "valid", "train:1", "exact", True],
        ["test:0", "test", "train:2", "near", False],
        ["test:1", "test", "train:0", "exact", False],
    ]
    similarity = len(shingles(SENTENCE)) / (len(shingles(SENTENCE)) + 1)
    assert report.leaks["similarity"].tolist() == pytest.approx([1, similarity, 1])
    assert (report.identical, report.exact, report.exact_groups, report.near) == (2, 4, 1, 1)
    assert report.in_words() == [
        "4 of 9 rows repeat the text of an earlier row (2 character by character) and 1 nearly do (similarity 0.8 or more)",
        "1 of 2 valid rows stand in train as well (1 character by character): scores on valid flatter a model that remembers",
        "1 of 3 test rows stand in train as well and 1 nearly do: scores on test flatter a model that remembers",
    ]


def test_rows_that_only_nearly_repeat_are_told_first() -> None:
    report = duplicate_report(dataset(train=[SENTENCE], test=[SENTENCE + "!"]))
    assert report.in_words() == [
        "1 of 2 rows nearly repeat the text of an earlier row (similarity 0.8 or more)",
        "1 of 1 test rows nearly stand in train as well: scores on test flatter a model that remembers",
    ]


def test_nothing_repeated_is_nothing_said() -> None:
    report = duplicate_report(dataset(train=["one thing"], test=["another matter"]))
    assert report.in_words() == []
    assert report.leaks.empty


def test_a_table_without_text_has_no_duplicates() -> None:
    frame = pd.DataFrame({"age": [1, 1]}, index=["a", "b"])
    report = duplicate_report(Dataset(frame, ("no", "yes"), ()))
    assert (report.identical, report.exact, report.near, len(report.leaks), report.in_words()) == (0, 0, 0, 0, [])


@pytest.mark.parametrize(
    ("name", "identical", "exact", "distinct"), [("sms", 62, 62, 4268), ("youtube", 8, 11, 1440)], ids=["sms", "youtube"]
)
def test_public_sets_leak_what_is_known_of_them(
    shared_data: Path, name: str, identical: int, exact: int, distinct: int
) -> None:
    found = read_wrench(shared_data / name)
    data, _ = dataset_from_frame(found.frame, labels=found.labels, id="id", split="split", gold="gold")
    leaks = duplicate_report(data).leaks.query("split == 'test'")
    assert leaks["identical"].sum() == identical
    assert (leaks["kind"] == "exact").sum() == exact
    train = data.select("train")
    assert len(train) - duplicate_report(train).identical == distinct
