"""What is counted of a suite, on rows that can be checked by eye."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.stress import LABEL, REVIEW, SAME, Asked, Held, NotLower, Suite, measured, said
from workbench.stress.slices import language_suites, late_suite, new_share, new_words_suite, rows_suite
from workbench.tables import Dataset, SoftLabels, WorkbenchError


def rows(texts, gold=None, split="test", ids=None, **columns):
    index = pd.Index(ids or [f"{split}{i}" for i in range(len(texts))], dtype="str")
    told = None if gold is None else pd.Series(gold, index=index)
    frame = pd.DataFrame({"text": texts, **columns}, index=index).astype({"text": "str"})
    return Dataset(frame, ("ham", "spam"), ("text",), pd.Series(split, index=index), told)


def ask(dataset):
    """A model that finds spam by the word, is sure of rows with an exclamation mark, and answers these."""
    sure = dataset.frame["text"].str.contains("!").to_numpy()
    spam = dataset.frame["text"].str.contains("spam").to_numpy()
    high = np.where(sure, 0.9, 0.6)
    one = np.where(spam, high, 1 - high)
    soft = SoftLabels(dataset.ids, dataset.labels, np.column_stack([1 - one, one]), np.ones(len(dataset), bool))
    return Asked(soft, sure)


def held(dataset):
    return Held(dataset, ask(dataset))


TEST = held(rows(["spam!", "spam", "hello!", "hello"], [1, 0, 1, 0]))  # right, wrong, wrong and answered, right


def with_text(change):
    return lambda dataset: replace(dataset, frame=dataset.frame.assign(text=[change(text) for text in dataset.frame["text"]]))


def test_a_slice_is_counted_and_held_against_all_rows():
    first = pd.Series([True, False, True], index=["test0", "test1", "test2"])
    found = measured(rows_suite("firsts", "new_terms", "", first), TEST, None, ask)
    figures = {name: found[name] for name in ("n", "accuracy", "answered", "wrong_confident", "change", "broken")}
    assert figures == {"n": 2, "accuracy": 0.5, "answered": 1, "wrong_confident": 0.5, "change": None, "broken": None}
    assert found["of"]["what"] == "all rows of test"
    assert [found["of"][name] for name in ("n", "accuracy", "answered", "wrong_confident")] == [4, 0.5, 0.5, 0.25]
    assert found["interval"][0] < 0.5 < found["interval"][1]


def test_rows_that_are_not_changed_do_not_count():
    shouted = Suite("shouted", "messy", "", with_text(lambda text: text.replace("spam", "ham")))
    found = measured(shouted, TEST, None, ask)
    assert (found["n"], found["accuracy"], found["of"]["accuracy"], found["of"]["n"]) == (2, 0.5, 0.5, 2)
    assert found["of"]["what"] == "the same rows unchanged"
    assert found["change"]["accuracy"] == 0  # one is won, one is lost
    assert found["change"]["interval"][0] < 0 < found["change"]["interval"][1]


def test_the_model_is_asked_about_changed_rows_alone():
    seen = []
    suite = Suite("s", "messy", "", with_text(lambda text: text.replace("hello!", "hello !")))
    measured(suite, TEST, None, lambda dataset: seen.extend(dataset.ids) or ask(dataset))
    assert seen == ["test2"]


def test_an_answer_that_changes_breaks_invariance():
    suite = Suite("s", "invariance", "", with_text(lambda text: text.replace("spam", "spa m")), SAME)
    found = measured(suite, TEST, None, ask)
    assert (found["n"], found["broken"]) == (2, 1)


def test_a_class_that_was_spoken_for_and_fell_breaks_direction():
    calmer = Suite("s", "direction", "", with_text(lambda text: text.replace("!", ".")), NotLower("ham"))
    found = measured(calmer, TEST, None, ask)
    assert (found["n"], found["broken"], found["accuracy"], found["wrong_confident"]) == (2, 0.5, None, None)


def test_no_answer_to_a_row_of_no_class_is_right():
    strange = rows(["a poem!", "an umbrella", "a van", "a cat"], ids=["o0", "o1", "o2", "o3"])
    suite = Suite("out_of_scope", "out_of_scope", "", lambda _: strange, REVIEW)
    found = measured(suite, TEST, held(rows(["hello"], [0], "valid")), ask)
    assert (found["n"], found["accuracy"], found["answered"], found["wrong_confident"]) == (4, None, 0.25, 0.25)
    assert found["worst"] == ["o0"] and found["changed"] == {"o0": "a poem!"}
    assert said({**found, "said": ""}).startswith("Of 4 rows that belong to no class 75.0 % need review; 25.0 %")


def test_the_worst_rows_are_of_valid_the_answered_first_then_what_was_right_before():
    valid = held(rows(["spam", "spam!", "hello", "spam it"], [1, 1, 1, 1], "valid"))
    suite = Suite("s", "messy", "", with_text(lambda text: text.replace("spam", "meat").replace("hello", "hullo")))
    found = measured(suite, TEST, valid, ask)
    assert found["worst"] == ["valid1", "valid0", "valid3", "valid2"]
    assert found["changed"]["valid1"] == "meat!"


def test_rows_of_test_are_never_named():
    suite = Suite("s", "messy", "", with_text(lambda text: text + "?"))
    assert measured(suite, TEST, None, ask)["worst"] == []
    assert not any(id.startswith("test") for id in measured(suite, TEST, held(rows(["hello"], [1], "valid")), ask)["worst"])


def test_without_gold_there_is_no_accuracy_and_the_rest_is_told():
    blind = held(rows(["spam!", "hello"]))
    found = measured(Suite("s", "invariance", "", with_text(lambda text: text + "?"), SAME), blind, None, ask)
    assert (found["n"], found["accuracy"], found["wrong_confident"], found["answered"], found["broken"]) == (
        2,
        None,
        None,
        0.5,
        0,
    )
    assert said(found) == "The answer changes on 0.0 % of 2 rows; 50.0 % are answered (unchanged: 50.0 %)."


def test_a_suite_without_a_row_says_so():
    found = measured(Suite("s", "language", "", lambda dataset: dataset.take(np.zeros(4, bool))), TEST, None, ask)
    assert (found["n"], found["accuracy"], found["reason"]) == (0, None, "it has no row in test")
    assert said(found) == "Not run: it has no row in test."


def test_a_row_that_is_compared_with_itself_keeps_its_id():
    suite = Suite("s", "python", "", lambda _: rows(["new"], [0], ids=["other"]), SAME)
    with pytest.raises(WorkbenchError, match="suite 's' compares each row with itself before, and returns the new id 'other'"):
        measured(suite, TEST, None, ask)


def test_new_words_are_those_that_no_train_row_has():
    train = rows(["the invoice is wrong again"], split="train")
    some = rows(["The INVOICE is wrong again and wren sings", "wren", "the invoice is wrong again"])
    assert new_share(some, train).tolist() == [pytest.approx(3 / 7), 0, 0]  # and, wren, sings; of one word nothing is said
    suite = new_words_suite("new", some, train, 0.5)
    assert suite.make(some).ids.tolist() == ["test0"]  # half were two rows, and only one has a new word


def test_the_last_weeks_are_counted_back_from_the_newest_row_of_the_split():
    days = ["2026-05-01", "2026-05-20", "2026-05-31 10:00", None]
    some = rows(["a", "b", "c", "d"], [0, 0, 0, 0], when=days)
    assert late_suite("late", some, "when", 2).make(some).ids.tolist() == ["test1", "test2"]


@pytest.mark.parametrize(
    ("column", "message"),
    [("day", "suite 'late' asks for the time in column 'day'"), ("when", "column 'when' holds no time")],
    ids=["unknown column", "no times"],
)
def test_a_column_without_times_is_refused(column, message):
    with pytest.raises(WorkbenchError, match=message):
        late_suite("late", rows(["a"], when=["soon"]), column, 2)


def test_a_language_with_enough_rows_is_a_suite():
    codes = pd.Series(["en", "en", "de", "", "fr"], index=["test0", "test1", "test2", "test3", "valid0"])
    suites = language_suites(codes, TEST.rows.ids, 1)
    assert [suite.name for suite in suites] == ["language_en", "language_de"]
    assert suites[0].make(TEST.rows).ids.tolist() == ["test0", "test1"]
    assert all(suite.expect == LABEL for suite in suites)
