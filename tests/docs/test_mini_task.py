"""The built-in task opens, passes its own check, and is neither too easy nor too hard to show anything."""

from pathlib import Path

import pandas as pd
import pytest

from workbench.apply import apply_lfs
from workbench.label_models import MajorityVote
from workbench.project.steps.check import check
from workbench.project.task import load_task
from workbench.tables import Dataset, VoteMatrix

MINI = Path(__file__).parents[2] / "data" / "mini"


@pytest.fixture(scope="module")
def rows() -> Dataset:
    dataset, warnings = load_task(MINI).dataset()
    assert warnings == []
    return dataset


@pytest.fixture(scope="module")
def votes(rows: Dataset) -> VoteMatrix:
    return apply_lfs(load_task(MINI).functions(), rows)


def test_the_check_of_the_built_in_task_finds_nothing() -> None:
    found = check(load_task(MINI))
    assert found.problems == [] and found.notes == []
    assert found.examples > 2 * found.functions


def test_every_function_says_why_and_every_kind_of_rule_is_shown() -> None:
    functions = load_task(MINI).functions()
    assert [function.name for function in functions if not function.reason] == []
    shown = {function.kind for function in functions}
    assert shown >= {"python", "keyword", "regex", "phrase", "threshold", "lookup", "column"}


def test_all_classes_stand_in_all_splits_and_no_text_stands_twice(rows: Dataset) -> None:
    counts = pd.crosstab(rows.split, rows.gold)
    assert counts.shape == (3, 4) and counts.min().min() >= 10
    assert rows.frame["text"].str.casefold().is_unique


def test_functions_cover_most_rows_and_quarrel_on_some(votes: VoteMatrix) -> None:
    table = votes.to_frame()
    conflict = table.where(table >= 0).nunique(axis=1).gt(1).mean()
    assert len(votes.faults) == 0
    assert 0.75 < votes.covered.mean() < 0.95
    assert 0.1 < conflict < 0.3


def test_majority_vote_leaves_something_to_gain(rows: Dataset, votes: VoteMatrix) -> None:
    test = (rows.split == "test").to_numpy()
    soft = MajorityVote().fit(votes).predict_proba(votes).take(test)
    right = (soft.hard() == rows.gold[test]).mean()
    assert 0.6 < right < 0.9


def test_the_old_names_of_tags_count_and_other_abstains(rows: Dataset, votes: VoteMatrix) -> None:
    said = votes.to_frame()["agent_tag"].groupby(rows.frame["agent_tag"].fillna("(empty)")).unique()
    assert {tag: list(kinds) for tag, kinds in said.items()} == {
        "billing": [0],
        "auth": [1],
        "login": [1],
        "bug": [2],
        "feature_request": [3],
        "idea": [3],
        "other": [-1],
        "(empty)": [-1],
    }
