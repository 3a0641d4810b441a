"""Changes that must not change an answer, and sentences that speak for a class."""

import pandas as pd
import pytest

from workbench.stress.checklist import CHANGES, direction_suite, invariance_suite, replaced, swapped
from workbench.stress.contract import NotLower
from workbench.tables import Dataset


def rows(*texts):
    index = pd.Index([f"r{i}" for i in range(len(texts))], dtype="str")
    return Dataset(pd.DataFrame({"text": list(texts)}, index=index, dtype="str"), ("a", "b"), ("text",))


def changed(change, *texts):
    return invariance_suite("s", "", change, 0).make(rows(*texts)).frame["text"].tolist()


def test_other_digits_stand_where_digits_stood():
    (text,) = changed(CHANGES["numbers"][0], "invoice 1200, call 555-0199")
    assert [sign if not sign.isdigit() else "0" if sign == "0" else "d" for sign in text] == [*"invoice dd00, call ddd-0ddd"]
    assert text != "invoice 1200, call 555-0199"


@pytest.mark.parametrize("sum", ["€ 49", "49 EUR", "$1,250.50", "7 dollars"])
def test_sums_of_money_change_and_other_numbers_stay(sum):
    (text,) = changed(CHANGES["amounts"][0], f"order 4711: {sum} since 2019")
    assert text.startswith("order 4711: ") and text.endswith(" since 2019") and sum not in text


def test_names_become_others_the_same_one_all_over_a_text():
    (text,) = changed(CHANGES["names"][0], "Ask Anna. Anna knows, Annabel does not.")
    first = text.split()[1].rstrip(".")
    assert first != "Anna" and text == f"Ask {first}. {first} knows, Annabel does not."


def test_words_of_a_list_become_others_of_it():
    texts = changed(swapped(["QuickBooks", "Xero"]), "Xero and QuickBooks", "xerox")
    assert texts == ["QuickBooks and Xero", "xerox"]


def test_pairs_are_replaced_as_whole_words_whatever_their_case():
    change = replaced([("can't", "cannot"), ("please", "")])
    assert changed(change, "CAN'T open, Please help", "pleased") == ["cannot open,  help", "pleased"]


def test_a_dotted_capital_i_is_no_error():
    assert changed(replaced([("install", "set up")]), "İnstall install") == ["İnstall set up"]


def test_politeness_is_put_around_the_text():
    (text,) = changed(CHANGES["politeness"][0], "it crashes")
    assert "it crashes" in text and not text.startswith("it crashes") and not text.endswith("it crashes")


def test_a_sentence_of_a_class_is_put_at_the_end():
    suite = direction_suite("s", ["One.", "Two."], NotLower("b"), 0)
    texts = suite.make(rows(*["hello"] * 30)).frame["text"]
    assert set(texts) == {"hello\nOne.", "hello\nTwo."} and suite.expect.label == "b"
