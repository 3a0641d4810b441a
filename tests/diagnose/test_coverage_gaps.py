"""Where nobody votes: by class, and in the words of the rows that are left out."""

import math

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose import by_class, gap_terms, terms_of
from workbench.tables import VoteMatrix

VOTES = VoteMatrix.from_array([[0, -1], [0, 1], [-1, 1], [-1, -1], [-1, -1]], ["ham", "spam", "news"])


def test_each_class_says_who_speaks_for_it() -> None:
    table = by_class(VOTES).set_index("class")
    assert table[["functions", "rows", "contested"]].to_numpy().tolist() == [[1, 2, 1], [1, 2, 1], [0, 0, 0]]
    assert table[["n_gold", "covered", "coverage", "low", "high", "found"]].isna().all(axis=None)


def test_with_gold_each_class_says_how_many_of_its_rows_are_covered_and_found() -> None:
    """Row 1 is spam and voted spam, row 0 is spam with a vote for ham alone, row 3 is spam that nobody votes on."""
    table = by_class(VOTES, pd.Series({"r0": 1, "r1": 1, "r3": 1, "r2": 2})).set_index("class")
    assert table[["n_gold", "covered", "found"]].to_numpy().tolist() == [[0, 0, 0], [3, 2, 1], [1, 1, 0]]
    assert table["coverage"].fillna(-1).tolist() == pytest.approx([-1, 2 / 3, 1])
    assert (table["low"]["spam"] < 2 / 3 < table["high"]["spam"]) and table["high"]["news"] == 1


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Log in!", {"log", "in", "log in"}),
        ("Straße, STRASSE", {"strasse", "strasse strasse"}),
        ("can't 42 snake_case", {"can't", "42", "snake", "case", "can't 42", "42 snake", "snake case"}),
        ("...", set()),
    ],
    ids=["signs between", "case folded", "apostrophe, digits, underscore", "no word"],
)
def test_terms_are_words_and_neighbours(text: str, terms: set[str]) -> None:
    assert terms_of(text) == terms


def test_a_term_of_the_gap_is_weighed_as_published() -> None:
    """20 of 40 uncovered and 10 of 60 covered rows hold it, held against 10 rows of which 30 % do, as of all rows."""
    (line,) = gap_terms([{"rest"}] * 20 + [set()] * 20, [{"rest"}] * 10 + [set()] * 50, prior=10).to_dict("records")
    odds_here, odds_there = (20 + 3) / (40 + 10 - 20 - 3), (10 + 3) / (60 + 10 - 10 - 3)
    assert line["log_odds"] == pytest.approx(math.log(odds_here / odds_there))
    assert line["z"] == pytest.approx(line["log_odds"] / math.sqrt(1 / 23 + 1 / 27 + 1 / 13 + 1 / 57))
    assert (line["term"], line["uncovered"], line["covered"]) == ("rest", 20, 10)
    assert (line["share_uncovered"], line["share_covered"]) == pytest.approx((0.5, 1 / 6))


def test_the_most_telling_term_comes_first_and_what_stands_everywhere_not_at_all() -> None:
    uncovered = [{"the", "wallet", "late"}] * 30 + [{"the", "wallet"}] * 30 + [{"the", "once"}] * 3
    covered = [{"the", "late"}] * 10 + [{"the", "other"}] * 90
    table = gap_terms(uncovered, covered)
    assert table["term"].tolist() == ["wallet", "late"]
    assert table["uncovered"].tolist() == [60, 30] and table["covered"].tolist() == [0, 10]
    assert gap_terms(uncovered, covered, top=1)["term"].tolist() == ["wallet"]


def test_a_pair_of_words_that_adds_nothing_to_one_of_them_is_left_out() -> None:
    rows = [terms_of("no wallet")] * 20 + [terms_of("wallet no")] * 9
    assert gap_terms(rows, [terms_of("no bus")] * 30)["term"].tolist() == ["wallet", "no wallet", "wallet no"]
    assert gap_terms(rows[:20], [terms_of("no bus")] * 30)["term"].tolist() == ["wallet"]


def test_where_words_fall_by_chance_few_are_named() -> None:
    """40 words in 300 rows, covered or not as a coin falls: z above 1.96 has a chance of 1 in 40 each, so one is expected."""
    rng = np.random.default_rng(0)
    named = []
    for _ in range(50):
        rows = [{f"w{word}" for word in np.flatnonzero(rng.random(40) < 0.3)} for _ in range(300)]
        heads = rng.random(300) < 0.4
        sides = [[row for row, head in zip(rows, heads, strict=True) if head == side] for side in (True, False)]
        named.append(len(gap_terms(*sides)))
    assert np.mean(named) <= 1.3


@pytest.mark.parametrize(
    ("uncovered", "covered"), [([], []), ([], [{"a"}]), ([{"a"}] * 9, [])], ids=["no row", "all covered", "none covered"]
)
def test_without_one_side_there_is_nothing_to_compare(uncovered: list[set[str]], covered: list[set[str]]) -> None:
    assert gap_terms(uncovered, covered).empty
