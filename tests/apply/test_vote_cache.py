"""Votes kept between runs: what did not change is not asked again, and nothing stale is ever used."""

import sqlite3

import numpy as np
import pandas as pd
import pytest

from workbench import ABSTAIN, Dataset, apply_lfs, labeling_function
from workbench.apply import VoteCache
from workbench.apply.cache import UNKNOWN
from workbench.text.cache import Store

WORD = "refund"


def dataset(texts, labels=("ham", "spam"), **columns):
    frame = pd.DataFrame({"text": texts, **columns}, index=[f"r{i}" for i in range(len(texts))])
    return Dataset(frame, labels=labels)


class Counting:
    """Two functions that count how often they are called, beyond the second question about every row of so few."""

    def __init__(self):
        self.calls = []

    def functions(self, needle="refund"):
        def says(row):
            self.calls.append(("says", row.text))
            return 1 if needle in row.text else ABSTAIN

        def short(row):
            self.calls.append(("short", row.text))
            return 0 if len(row.text) < 5 else ABSTAIN

        # the list of calls is a global the functions reach, so that it would change what they are: name them by hand
        made = [labeling_function()(says), labeling_function()(short)]
        for function, key in zip(made, (f"says {needle}", "short"), strict=True):
            function.__dict__["fingerprint"] = key
        return made

    def asked(self):
        new, self.calls = set(self.calls), []
        return sorted(new)


@pytest.fixture
def cache(tmp_path):
    return VoteCache(tmp_path / "votes.sqlite")


TEXTS = ["refund me", "hi", "late", "refund it all"]


def test_a_second_apply_asks_nobody_and_votes_the_same(cache):
    count = Counting()
    first = apply_lfs(count.functions(), dataset(TEXTS), cache=cache, chunk_rows=3)
    assert len(count.asked()) == 8
    again = apply_lfs(count.functions(), dataset(TEXTS), cache=VoteCache(cache.path))
    assert count.asked() == []
    assert again.votes.tolist() == first.votes.tolist() == [[1, -1], [-1, 0], [-1, 0], [1, -1]]


def test_a_path_will_do_for_a_cache(tmp_path):
    count = Counting()
    for path in (str(tmp_path / "votes.sqlite"), tmp_path / "votes.sqlite"):
        apply_lfs(count.functions(), dataset(TEXTS), cache=path)
        assert len(count.asked()) == (8 if isinstance(path, str) else 0)


def test_editing_a_function_asks_that_function_alone(cache):
    count = Counting()
    apply_lfs(count.functions(), dataset(TEXTS), cache=cache)
    count.asked()
    votes = apply_lfs(count.functions(needle="late"), dataset(TEXTS), cache=cache)
    assert count.asked() == [("says", text) for text in sorted(TEXTS)]
    assert votes.votes[:, 0].tolist() == [-1, -1, 1, -1]


def test_new_rows_are_asked_about_and_old_ones_are_not_wherever_they_stand_now(cache):
    count = Counting()
    old = dataset(TEXTS)
    apply_lfs(count.functions(), old, cache=cache)
    count.asked()
    frame = pd.concat([pd.DataFrame({"text": ["new"]}, index=["n0"]), old.frame.iloc[::-1]])
    votes = apply_lfs(count.functions(), Dataset(frame, labels=("ham", "spam")), cache=cache)
    assert count.asked() == [("says", "new"), ("short", "new")]
    assert votes.votes.tolist() == [[-1, 0], [1, -1], [-1, 0], [-1, 0], [1, -1]]


def test_a_changed_cell_counts_as_a_new_row_and_other_labels_as_other_votes(cache):
    count = Counting()
    apply_lfs(count.functions(), dataset(TEXTS, plan=["a", "b", "c", "d"]), cache=cache)
    count.asked()
    apply_lfs(count.functions(), dataset(TEXTS, plan=["a", "b", "x", "d"]), cache=cache)
    assert count.asked() == [("says", "late"), ("short", "late")]
    apply_lfs(count.functions(), dataset(TEXTS, labels=("spam", "ham"), plan=["a", "b", "c", "d"]), cache=cache)
    assert len(count.asked()) == 8


def test_rows_that_faulted_are_asked_again_and_keep_their_fault(cache):
    def divides(row):
        return 1 // (row.text != "hi")

    first = apply_lfs([labeling_function()(divides)], dataset(TEXTS), cache=cache)
    again = apply_lfs([labeling_function()(divides)], dataset(TEXTS), cache=cache)
    pd.testing.assert_frame_equal(first.faults, again.faults)
    assert again.faults["id"].tolist() == ["r1"] and "divides" in again.faults["traceback"][0]


@pytest.mark.parametrize("chunk_rows", [3, 1_000], ids=lambda n: f"{n} rows")
def test_no_vote_is_kept_of_a_function_that_answers_differently_when_asked_again(cache, chunk_rows):
    rng = np.random.default_rng(0)
    data, count, stopped = dataset(["x"] * 60), Counting(), []
    apply_lfs(count.functions(), data.take(np.arange(3)), cache=cache)  # votes of an earlier run, on rows it was not caught on
    for _ in range(3):
        says, short = count.functions()
        wavers = labeling_function(name="wavers")(lambda row: int(rng.integers(2)))
        wavers.__dict__["fingerprint"] = says.fingerprint
        votes = apply_lfs([wavers, short], data, cache=cache, chunk_rows=chunk_rows)
        stopped.append("wavers" in votes.stopped)
        kept = cache.known([wavers.fingerprint, short.fingerprint]) != UNKNOWN
        assert kept.sum(axis=0).tolist() == [0, 60] and set(votes.votes[:, 0]) == {-1}
    assert stopped == [True] * 3


def test_a_constant_or_helper_a_function_reaches_counts_as_the_function(cache, monkeypatch):
    def votes():
        return apply_lfs([labeling_function()(lambda row: 1 if WORD in row.text else -1)], dataset(TEXTS), cache=cache).votes[
            :, 0
        ]

    assert votes().tolist() == [1, -1, -1, 1]
    monkeypatch.setitem(globals(), "WORD", "late")
    assert votes().tolist() == [-1, -1, 1, -1]


def test_an_interrupted_apply_goes_on_where_it_was(cache):
    count = Counting()

    def cancel(tick):
        if tick.done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        apply_lfs(count.functions(), dataset(TEXTS), cache=cache, chunk_rows=2, progress=cancel)
    assert len(count.asked()) == 4
    apply_lfs(count.functions(), dataset(TEXTS), cache=cache, chunk_rows=2)
    assert len(count.asked()) == 4


def test_a_damaged_entry_is_noticed_and_asked_again(cache):
    count = Counting()
    apply_lfs(count.functions(), dataset(TEXTS), cache=cache)
    count.asked()
    with sqlite3.connect(cache.path) as db:
        changed = db.execute("UPDATE entries SET value = zeroblob(length(value)) WHERE key LIKE 'short%'").rowcount
    db.close()
    assert changed == 1
    votes = apply_lfs(count.functions(), dataset(TEXTS), cache=cache)
    assert count.asked() == [("short", text) for text in sorted(TEXTS)]
    assert votes.votes[:, 1].tolist() == [-1, 0, 0, -1]


def test_the_oldest_votes_go_where_the_file_grows_beyond_its_limit(tmp_path):
    small = VoteCache(tmp_path / "votes.sqlite", limit_mb=1)
    for start in range(12):
        data = dataset([f"text {i}" for i in range(start * 20_000, start * 20_000 + 20_000)])
        apply_lfs(Counting().functions()[1:], data, cache=small)
    assert (tmp_path / "votes.sqlite").stat().st_size < 1.3 * 2**20
    count = Counting()
    apply_lfs(count.functions()[1:], data, cache=small)
    assert count.asked() == []


def test_a_full_file_is_not_written_anew_with_every_flush(tmp_path, monkeypatch):
    pruned = []
    prune = Store.prune
    monkeypatch.setattr(Store, "prune", lambda self, limit: (pruned.append(limit), prune(self, limit)))
    small = VoteCache(tmp_path / "votes.sqlite", limit_mb=1)
    data = dataset(["text"] * 50_000)
    small.open(data)
    for number in range(60):
        small.keep(f"function {number}", slice(0, 50_000), np.zeros(50_000, np.int16), [])
        small.flush()
    assert 1 <= len(pruned) <= 20


def test_votes_kept_by_one_engine_serve_another(cache):
    rng = np.random.default_rng(0)
    data = dataset(["refund " * int(k) for k in rng.integers(0, 3, 50)])
    count = Counting()
    first = apply_lfs(count.functions(), data, cache=cache, chunk_rows=7)
    count.asked()
    assert apply_lfs(count.functions(), data, cache=cache, chunk_rows=50).fingerprint == first.fingerprint
    assert count.asked() == []
