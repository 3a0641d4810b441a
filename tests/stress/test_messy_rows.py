"""Rows changed as people write: the same for the same seed, of the same class, and only where something is to change."""

import pandas as pd
import pytest

from workbench.stress.messy import MESSY, messy_suite
from workbench.tables import Dataset

BODY = "The invoice of last month shows a wrong sum and nobody in the office can say why."


def rows(texts, gold=None, ids=None, subject="Invoice"):
    index = pd.Index(ids or [f"r{i}" for i in range(len(texts))], dtype="str")
    frame = pd.DataFrame({"subject": subject, "body": texts, "plan": "pro"}, index=index).astype({"subject": "str"})
    told = None if gold is None else pd.Series(gold, index=index)
    return Dataset(frame, ("billing", "bug"), ("subject", "body"), pd.Series("valid", index=index), told)


DONORS = rows(["please refund the second payment now", "it crashes when I open it"], [0, 1], ["d0", "d1"])


def changed(how, dataset, strength=None, seed=0):
    return messy_suite(how, how, strength, seed, DONORS).make(dataset)


@pytest.mark.parametrize("how", MESSY)
def test_a_way_changes_texts_and_nothing_else(how):
    before = rows([BODY, BODY + " Please help."], [0, 1])
    after = changed(how, before)
    assert (after.frame["body"] != before.frame["body"]).all()
    assert after.ids.equals(before.ids) and after.gold.equals(before.gold) and after.split.equals(before.split)
    assert after.frame["plan"].equals(before.frame["plan"]) and after.frame.dtypes.equals(before.frame.dtypes)


@pytest.mark.parametrize("how", MESSY)
def test_what_becomes_of_a_row_hangs_on_its_id_and_the_seed_alone(how):
    both, alone = rows([BODY, BODY], [0, 0]), rows([BODY], [0], ["r1"])
    assert changed(how, both).frame.loc["r1", "body"] == changed(how, alone).frame.loc["r1", "body"]
    seeds = {changed(how, rows([BODY] * 8, [0] * 8), seed=seed).frame["body"].str.cat() for seed in range(5)}
    assert len(seeds) > 1 or how in ("truncation", "near_empty")  # which draw nothing


@pytest.mark.parametrize("how", MESSY)
@pytest.mark.parametrize(
    "text", ["", "  \n", "ok", "ß", "?!", "\u200d🙂"], ids=["empty", "blank", "ok", "one letter", "signs", "emoji"]
)
def test_next_to_nothing_can_be_changed_too(how, text):
    assert len(changed(how, rows([text], [0]))) == 1


def test_the_second_matter_is_of_another_class_and_comes_last():
    after = changed("second_issue", rows([BODY, "it crashes"], [0, 1]))
    assert after.frame.loc["r0", "body"].startswith(BODY)
    assert after.frame.loc["r0", "body"].endswith("it crashes when I open it")
    assert after.frame.loc["r1", "body"].endswith("please refund the second payment now")


def test_a_row_gets_no_second_matter_where_there_is_none_of_another_class():
    donors = rows(["refund"], [0], ["d"])
    suite = messy_suite("second_issue", "second_issue", None, 0, donors)
    assert suite.make(rows([BODY], [0])).frame["body"].tolist() == [BODY]


def test_without_gold_the_second_matter_is_any_other_row():
    some = rows(["one thing", "another thing"])
    made = messy_suite("second_issue", "second_issue", None, 0, some).make(some)
    assert made.frame["body"].str.startswith(("one thing\n", "another thing\n")).all()
    assert made.frame.loc["r0", "body"].endswith("another thing") and made.frame.loc["r1", "body"].endswith("one thing")


def test_a_text_breaks_off():
    assert changed("truncation", rows(["one two three four five six"])).frame.loc["r0", "body"] == "one two three"
    assert (
        changed("truncation", rows(["one two three four five six"]), 0.1).frame.loc["r0", "body"] == "one two three four five"
    )
    assert changed("truncation", rows(["a b c"])).frame.loc["r0", "body"] == "a b c"


def test_near_empty_leaves_the_first_words_and_no_subject():
    after = changed("near_empty", rows(["it crashes, since\nMonday"]), 2)
    assert after.frame.loc["r0", ["subject", "body"]].tolist() == ["", "it crashes,"]


def test_typos_are_one_slip_a_word_in_about_their_share_of_words():
    before = "alphabet " * 400
    words = changed("typos", rows([before]), 0.25).frame.loc["r0", "body"].split()
    assert len(words) == 400
    assert 70 < sum(word != "alphabet" for word in words) < 130
    assert all(abs(len(word) - len("alphabet")) <= 1 for word in words)
    assert changed("typos", rows([before]), 0).frame.loc["r0", "body"] == before


def test_casing_shouts_or_whispers():
    texts = set(changed("casing", rows(["Straße"] * 30)).frame["body"])
    assert texts == {"STRASSE", "straße"}


def test_what_is_quoted_signed_or_logged_stands_beside_the_text():
    quoted = changed("quoted_thread", rows([BODY]), 2).frame.loc["r0", "body"]
    assert quoted.startswith(BODY) and "\n> " in quoted and "\n> > " in quoted
    assert changed("signature", rows([BODY])).frame.loc["r0", "body"].startswith(f"{BODY}\n\n--\n")
    logged = changed("log_noise", rows([BODY]), 3).frame.loc["r0", "body"]
    assert BODY in logged and len(logged.splitlines()) == 5


def test_texts_that_are_put_beside_others_hold_no_class():
    """What every mail may hold must not speak for a class of the bundled task."""
    noise = " ".join(changed(how, rows(["x"] * 50)).frame["body"].str.cat(sep=" ") for how in ("quoted_thread", "signature"))
    assert not {"invoice", "refund", "password", "crash", "error", "broken", "feature", "login"} & set(noise.lower().split())
