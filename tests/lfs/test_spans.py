"""Where a rule finds what it looks for."""

import pytest

from workbench import labeling_function
from workbench.lfs import column, keyword, lookup, phrase, regex, threshold
from workbench.lfs.spans import finds_of, spans


def shown(rule, text):
    """Return the text with every place in brackets."""
    (find,) = finds_of(rule)
    for start, end in reversed(spans([text], find)[0]):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (keyword(["free", "win"], 0), "Free free freedom, win!", "[Free] [free] freedom, [win]!"),
        (keyword(["free"], 0, whole_word=False), "freedom", "[free]dom"),
        (keyword(["Free"], 0, case=True), "free Free", "free [Free]"),
        (keyword(["über", "$5"], 0), "überall über $5 $50", "überall [über] [$5] $50"),
        (keyword(["a"], 0), "a a a a a", "[a] [a] [a] [a] [a]"),
        (regex(r"(\d)(\d)|x", 0), "12 345 X", "[12] [34]5 [X]"),
        (regex("a*", 0), "baa", "b[aa]"),
        (regex("^win", 0), "win win", "[win] win"),
        (phrase(["charged twice", "no refund"], 0), "Charged twice, twice charged", "[Charged twice], twice charged"),
        (regex("car", 0), "\ue000 car \ue001 \ud800 car", "\ue000 [car] \ue001 \ud800 [car]"),
        (keyword(["u", "refund", "refunds"], 0), "u u\u0308 u_ refunds", "[u] u\u0308 u_ [refunds]"),
    ],
    ids=["words", "parts", "case", "other signs", "neighbours", "groups", "empty matches", "anchor", "phrases", "odd", "edges"],
)
def test_a_rule_shows_where_it_matches(rule, text, expected):
    assert shown(rule, text) == expected


@pytest.mark.parametrize(
    "rule",
    [threshold("age", 0, above=3), lookup("age", 0, values=["7"]), column("age", {"7": 0})],
    ids=["threshold", "lookup", "column"],
)
def test_a_rule_about_a_cell_names_its_column(rule):
    assert finds_of(rule) == [{"column": "age", "pattern": "", "whole": False}]
    assert spans(["7"], finds_of(rule)[0]) == [[]]


def test_python_functions_know_no_places():
    @labeling_function()
    def looks(row):
        return -1

    assert finds_of(looks) == []
