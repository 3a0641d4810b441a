"""Which functions may share a process: those that can change nothing that outlives their call."""

import enum
import math
import random
import re
from collections.abc import Callable
from functools import lru_cache

import pytest

from workbench import labeling_function
from workbench.lfs import keyword
from workbench.lfs.plain import is_plain

WORDS = ["refund", "invoice"]
WEIGHTS = {"refund": 2}
SEEN: list[str] = []
COUNT = 0
SEARCH = re.compile(r"\binvoice").search


class Label(enum.IntEnum):
    ABSTAIN = -1
    BILLING = 0


def helper(text):
    return any(word in text for word in WORDS)


def calls_a_helper(row):
    return Label.BILLING if helper(row.text.lower()) else Label.ABSTAIN


def adds_up(row):
    total = sum(WEIGHTS.get(word, 1) for word in re.findall(r"\w+", row["text"]))
    return 0 if math.log(1 + total) > 1 and len(set(row.text)) > 3 else -1


def searches(row):
    return 0 if SEARCH(row.text) and isinstance(row.text, str) else -1


def sets_a_global(row):
    global COUNT
    COUNT = COUNT + 1
    return COUNT % 2


def appends_to_a_global(row):
    SEEN.append(row.text)
    return len(SEEN) % 2


def appends_by_another_name(row):
    note = SEEN.append
    note(row.text)
    return 0


def grows_a_cell(row):
    tags = row.tags
    tags += ["seen"]
    return 0


def sets_an_item(row):
    WEIGHTS["x"] = 1
    return 0


def sets_an_attribute(row):
    re.flags = 1
    return 0


def imports(row):
    import os

    os.environ["X"] = "1"
    return 0


def draws(row):
    return random.choice([0, -1])


def prints(row):
    print(row.text)  # noqa: T201
    return 0


def sorts_an_array(row):
    row.vector.partition(2)
    return 0


def begins_a_list_anew(row):
    row.tags.__init__()
    return 0


def changes_an_object(row):
    return row.thing.close()


def names_nothing(row):
    return not_defined_anywhere  # noqa: F821


@lru_cache
def remembers(text):
    return text


def calls_what_remembers(row):
    return remembers(row.text)


def counts_in_a_closure() -> Callable[..., int]:
    n = 0

    def f(row):
        nonlocal n
        n = n + 1
        return n

    return f


def reads_a_closure() -> Callable[..., int]:
    word, find = "refund", "a refund".find
    return lambda row: 0 if word in row.text and find(word) else -1


@pytest.mark.parametrize("f", [calls_a_helper, adds_up, searches, reads_a_closure()], ids=lambda f: f.__name__)
def test_functions_that_only_read_are_plain(f):
    assert is_plain(f)
    assert not labeling_function()(f).alone


@pytest.mark.parametrize(
    "f",
    [
        sets_a_global,
        appends_to_a_global,
        appends_by_another_name,
        grows_a_cell,
        sets_an_item,
        sets_an_attribute,
        imports,
        draws,
        prints,
        changes_an_object,
        sorts_an_array,
        begins_a_list_anew,
        names_nothing,
        calls_what_remembers,
        counts_in_a_closure(),
    ],
    ids=lambda f: f.__name__,
)
def test_what_may_change_something_is_not(f):
    assert not is_plain(f)
    assert labeling_function()(f).alone


def test_resources_and_steps_take_a_process_of_their_own_and_rules_do_not():
    assert labeling_function(resources={"words": WORDS})(lambda row, words: 0).alone
    assert labeling_function(pre=[lambda row: row])(calls_a_helper).alone
    assert labeling_function(needs="embedding")(calls_a_helper).alone
    assert labeling_function(batch=True)(lambda frame: [0] * len(frame)).alone
    assert not keyword("refund", 0).alone
