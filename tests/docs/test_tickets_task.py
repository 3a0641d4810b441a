"""The bundled tasks: made by their program from the material beside it, checked, neither too easy nor too hard."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.apply import apply_lfs
from workbench.evaluate import scores
from workbench.label_models import MajorityVote
from workbench.lfs.examples import cases_of
from workbench.project.steps.check import check
from workbench.project.task import load_task
from workbench.stats import fisher_less
from workbench.tables import ABSTAIN, Dataset, VoteMatrix
from workbench.text.duplicates import find_duplicates

DATA = Path(__file__).parents[2] / "data"
CORPUS = DATA / "tickets" / "corpus"
KINDS = {"python", "batch", "keyword", "regex", "phrase", "threshold", "lookup", "column"}
KINDS |= {"prototypes", "classifier", "token_pattern"}


@pytest.fixture(scope="module")
def rows() -> Dataset:
    dataset, warnings = load_task(DATA / "tickets").dataset()
    assert [warning for warning in warnings if "subject" not in warning] == []  # chats and calls have none
    return dataset


@pytest.fixture(scope="module")
def votes(rows: Dataset) -> VoteMatrix:
    return apply_lfs(load_task(DATA / "tickets").functions(), rows)


def test_the_program_makes_the_same_files_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, CORPUS / "make.py", tmp_path], check=True)
    for name in ("tickets.jsonl", "train_truth.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / "tickets" / name).read_bytes(), name


def test_every_class_has_sixty_situations_in_several_wordings_and_four_kinds_of_foreign_ones() -> None:
    found, abroad = {"billing": 0, "auth": 0, "bug": 0, "feature_request": 0}, 0
    for file in (CORPUS / "material").glob("*.toml"):
        for situation in tomllib.loads(file.read_text("utf-8"))["situation"]:
            found[situation.get("class", file.stem[:-2])] += 1
            assert len(set(situation["texts"])) == 8, situation["name"]
            foreign = [language for language in ("es", "de", "fr", "mixed") if language in situation]
            assert len(foreign) in (0, 4), situation["name"]
            abroad += len(foreign) == 4
    assert min(found.values()) >= 60
    assert (sum(found.values()), abroad) == (366, 98)  # as the README says


def test_train_has_no_gold_and_test_is_large(rows: Dataset) -> None:
    assert (rows.gold[rows.split == "train"] == ABSTAIN).all()
    assert rows.frame.loc[rows.split == "train", ["annotation", "priority"]].isna().all(axis=None)
    assert (rows.gold[rows.split != "train"] != ABSTAIN).all()
    assert len(rows) == 6000 and (rows.split == "test").sum() >= 1500
    truth = load_task(DATA / "tickets").train_truth(rows)
    assert (truth[rows.split == "train"] != ABSTAIN).all()


def test_hardly_a_row_has_a_near_twin_in_another_split(rows: Dataset) -> None:
    group = pd.Series(find_duplicates(rows.texts()).near)
    across = pd.Series(rows.split.to_numpy()).groupby(group).transform("nunique") > 1
    assert across.mean() <= 0.01


def test_the_new_feature_is_mentioned_in_the_last_six_weeks_alone(rows: Dataset) -> None:
    mentions = rows.frame["body"].str.contains(r"\bWren\b", case=False)
    weeks = (pd.to_datetime(rows.frame["created_at"]) - pd.Timestamp("2026-03-02")).dt.days // 7 + 1
    assert (weeks.min(), weeks.max()) == (1, 26)
    assert mentions.sum() > 50 and weeks[mentions].min() == 21


def test_each_hard_slice_has_rows_to_score(rows: Dataset) -> None:
    notes = rows.frame["annotation"][rows.split == "test"]
    for name in ("new_vocabulary", "code_switched", "multi_issue", "polite_security"):
        assert notes.str.contains(name).sum() >= 40, name


@pytest.mark.parametrize("name", ["tickets", "tickets_priority"])
def test_the_check_finds_nothing_wrong_and_every_function_says_why(name: str) -> None:
    task = load_task(DATA / name)
    found = check(task)
    assert found.problems == []
    for function in task.functions():
        fires = [fires for _, _, fires in cases_of(function)]
        assert function.reason and any(fires) and not all(fires), function.name


def test_every_kind_of_function_is_shown() -> None:
    functions = load_task(DATA / "tickets").functions()
    assert {function.kind for function in functions} >= KINDS
    assert 20 <= len(functions) <= 30


def test_functions_cover_most_rows_and_quarrel_on_some(votes: VoteMatrix) -> None:
    assert len(votes.faults) == 0
    assert 0.75 < votes.covered.mean() < 0.95
    assert 0.1 < votes.conflicting.mean() < 0.3


def test_majority_vote_leaves_something_to_gain(rows: Dataset, votes: VoteMatrix) -> None:
    train, test = ((rows.split == name).to_numpy() for name in ("train", "test"))
    soft = MajorityVote().fit(votes.take(train)).predict_proba(votes.take(test))
    assert 0.7 < scores(soft, rows.gold, rows.split)["test"]["all"]["accuracy"] < 0.85


@pytest.mark.parametrize(
    ("function", "note"),
    [("went_to_engineers", "polite_security"), ("billing_words", "multi_issue")],
    ids=["quiet", "second matter"],
)
def test_a_function_is_wrong_where_the_words_mislead(rows: Dataset, votes: VoteMatrix, function: str, note: str) -> None:
    voted = votes.to_frame()[function]
    known = (voted != ABSTAIN) & (rows.split != "train")
    here = rows.frame["annotation"].fillna("").str.contains(note)
    right = voted == rows.gold
    counts = [count for rows_of in (known & here, known & ~here) for count in (right[rows_of].sum(), rows_of.sum())]
    assert fisher_less(*(np.array([count]) for count in counts))[0] < 0.01
