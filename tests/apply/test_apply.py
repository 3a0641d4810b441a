"""Functions over rows: the same votes and faults whatever the chunk size."""

import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from workbench import ABSTAIN, Dataset, apply_lfs, labeling_function
from workbench.engines import Answer, Piece, Processes, serial
from workbench.lfs import column, keyword, threshold
from workbench.tables import WorkbenchError

FRAME = pd.DataFrame(
    {
        "text": ["refund me", "", "boom", "refund", "none", "ham", "boom", "x", "refund and boom"],
        "n": [1, 2, None, 4, 5, 6, 7, 8, 9],
        "tag": ["spam", None, "ham", "???", "", "spam", "ham", "ham", "spam"],
    },
    index=list("abcdefghi"),
)
DATA = Dataset(FRAME, labels=("ham", "spam"))


@labeling_function()
def fragile(row):
    if "boom" in row.text:
        raise ValueError(f"cannot read {row.name}")
    return None if row.text == "none" else "spam" if "refund" in row.text else ABSTAIN


@labeling_function(batch=True)
def by_length(frame):
    return (frame["text"].str.len() > 5).astype(int) - 1


@labeling_function(batch=True)
def fragile_together(frame):
    if frame["text"].str.contains("boom").any():
        raise ValueError("cannot read boom")
    return frame["text"].str.contains("refund").astype(int)


LFS = [
    fragile,
    fragile_together,
    by_length,
    keyword("refund", "spam", name="says_refund"),
    threshold("n", "ham", above=6, name="many"),
    column("tag", name="agent"),
    labeling_function(name="with_doc", needs="doc:blank:en")(lambda row: len(row.doc) - 1 if len(row.doc) < 3 else -1),
]
EXPECTED = {
    "fragile": [1, -1, -1, 1, -1, -1, -1, -1, -1],
    "fragile_together": [1, 0, -1, 1, 0, 0, -1, 0, -1],
    "by_length": [0, -1, -1, 0, -1, -1, -1, -1, 0],
    "says_refund": [1, -1, -1, 1, -1, -1, -1, -1, 1],
    "many": [-1, -1, -1, -1, -1, -1, 0, 0, 0],
    "agent": [1, -1, 0, -1, -1, 1, 0, 0, 1],
    "with_doc": [1, -1, 0, 0, 0, 0, 0, 0, -1],
}


@pytest.mark.parametrize("chunk_rows", [1, 7, 9, 10_000], ids=lambda n: f"{n} rows")
def test_votes_and_faults_do_not_depend_on_the_chunk_size(chunk_rows):
    votes = apply_lfs(LFS, DATA, chunk_rows=chunk_rows)
    whole = apply_lfs(LFS, DATA)
    assert {name: votes.to_frame()[name].tolist() for name in votes.lfs} == EXPECTED
    assert votes.fingerprint == whole.fingerprint
    pd.testing.assert_frame_equal(votes.faults, whole.faults)


def test_a_fault_is_recorded_with_row_function_error_and_the_first_traceback():
    faults = apply_lfs(LFS, DATA).faults
    assert list(zip(faults["id"], faults["lf"], faults["error"], strict=True)) == [
        ("c", "fragile", "ValueError: cannot read c"),
        ("e", "fragile", "returned None; return ABSTAIN where the function has no opinion"),
        ("g", "fragile", "ValueError: cannot read g"),
        ("i", "fragile", "ValueError: cannot read i"),
        ("c", "fragile_together", "ValueError: cannot read boom"),
        ("g", "fragile_together", "ValueError: cannot read boom"),
        ("i", "fragile_together", "ValueError: cannot read boom"),
        ("d", "agent", "returned '???' (str); allowed are -1 (abstain) and 0..1 ('ham', 'spam'), or a class name"),
    ]
    first, *later = faults["traceback"][faults["lf"] == "fragile"]
    assert "raise ValueError" in first and first.startswith("Traceback") and set(later) == {""}
    assert "/workbench/" not in first


def test_the_first_traceback_is_kept_where_another_fault_comes_before_it():
    late = labeling_function(name="late")(lambda row: None if row.name == "a" else 1 // 0)
    faults = apply_lfs([late], DATA, chunk_rows=2, max_faults=1).faults
    assert [bool(trace) for trace in faults["traceback"]] == [False, True] + [False] * 7


@pytest.mark.parametrize("options", [{}, {"batch": True}, {"pre": [lambda row: row]}], ids=["row", "batch", "after a step"])
def test_a_function_that_exits_faults_and_only_an_interrupt_stops_the_run(options):
    def leaves(_):
        raise SystemExit(0)

    def interrupted(_):
        raise KeyboardInterrupt

    votes = apply_lfs([labeling_function(**options)(leaves), keyword("refund", "spam", name="k")], DATA, max_faults=1)
    assert votes.to_frame()["k"].tolist() == EXPECTED["says_refund"] and set(votes.to_frame()["leaves"]) == {-1}
    assert set(votes.faults["error"]) == {"SystemExit: 0"} and len(votes.faults) == len(DATA)
    assert "raise SystemExit(0)" in votes.faults["traceback"][0]
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        apply_lfs([labeling_function(**options)(interrupted)], DATA)


@pytest.mark.parametrize(
    ("error", "said"),
    [(SystemExit(), "SystemExit: it called sys.exit()"), (MemoryError(), "MemoryError"), (SystemExit(3), "SystemExit: 3")],
    ids=["exit", "memory", "exit 3"],
)
def test_an_error_without_a_message_is_named_without_a_colon(error, said):
    def fails(_):
        raise error

    assert set(apply_lfs([labeling_function()(fails)], DATA).faults["error"]) == {said}


def test_an_error_of_many_lines_is_one_line_and_whole_in_its_traceback():
    def explains(row):
        raise ValueError("no vote:\r\n\n    the  cell\u2028is bad")

    faults = apply_lfs([labeling_function()(explains)], DATA).faults
    assert set(faults["error"]) == {"ValueError: no vote: the  cell is bad"}
    assert "no vote:\r\n\n    the  cell" in faults["traceback"][0]
    matrix = labeling_function(name="matrix")(lambda row: np.zeros((2, 2)))
    assert apply_lfs([matrix], DATA).faults["error"][0].startswith("returned array([[0., 0.], [0., 0.]]) (ndarray); allowed")


def test_functions_of_one_name_are_refused_with_both_places():
    a, b = keyword("a", "ham", name="same"), keyword("b", "spam", name="same")
    with pytest.raises(WorkbenchError, match=r"two functions are called 'same', at test_apply:\d+ and test_apply:\d+"):
        apply_lfs([a, b], DATA)


@pytest.mark.parametrize("thing", [len, "keyword", keyword, None], ids=["builtin", "str", "maker", "none"])
def test_what_is_no_labeling_function_is_refused(thing):
    with pytest.raises(WorkbenchError, match=r"is not a labeling function; put @labeling_function\(\) on it"):
        apply_lfs([thing], DATA)


def test_a_label_the_task_has_not_is_refused_before_anything_runs():
    with pytest.raises(WorkbenchError, match=r"labeling function 'k' \(test_apply:\d+\): label 'eggs' is not among"):
        apply_lfs([keyword("a", "eggs", name="k")], DATA)


def test_progress_tells_each_function_its_rows_and_all_votes():
    ticks = []
    apply_lfs([fragile, by_length], DATA, chunk_rows=5, progress=ticks.append)
    told = [tick for tick in ticks if not tick.working]
    assert [(tick.function, tick.rows, tick.done, tick.of) for tick in told] == [
        ("fragile", 5, 5, 18), ("by_length", 5, 10, 18), ("fragile", 9, 14, 18), ("by_length", 9, 18, 18),
    ]  # fmt: skip
    assert 0 < told[0].seconds < told[2].seconds
    assert told[0].left == pytest.approx(4 * told[0].seconds / 5) and told[2].left == 0


def test_progress_tells_which_function_is_at_work_while_it_runs():
    told, seen = [], []
    looks = labeling_function(name="looks")(lambda row: seen.append(told[-1].working) or ABSTAIN)
    apply_lfs([by_length, looks], DATA, chunk_rows=5, progress=told.append)
    assert set(seen) == {("looks",)} and told[0].left == float("inf")
    assert [(tick.function, tick.working, tick.rows, tick.done) for tick in told] == [
        ("by_length", ("by_length",), 0, 0), ("by_length", (), 5, 5), ("looks", ("looks",), 0, 5), ("looks", (), 5, 10),
        ("by_length", ("by_length",), 5, 10), ("by_length", (), 9, 14), ("looks", ("looks",), 5, 14), ("looks", (), 9, 18),
    ]  # fmt: skip


def backwards(job, pieces, stopped):
    """Answer the last piece first, as a cluster may."""
    return iter(list(serial(job, pieces, stopped))[::-1])


def test_an_engine_may_answer_in_any_order():
    late, whole = apply_lfs(LFS, DATA, engine=backwards, chunk_rows=4), apply_lfs(LFS, DATA)
    assert late.fingerprint == whole.fingerprint
    pd.testing.assert_frame_equal(late.faults, whole.faults)


@pytest.mark.parametrize("engine", [serial, backwards], ids=["forwards", "backwards"])
@pytest.mark.parametrize("chunk_rows", [1, 4, 100], ids=lambda n: f"{n} rows")
def test_a_function_that_fails_too_often_is_stopped_and_named(chunk_rows, engine):
    often = labeling_function(name="often")(lambda row: None if row.name > "d" else 1 // (row.name != "c"))
    votes = apply_lfs([often, *LFS], DATA, chunk_rows=chunk_rows, engine=engine)
    first = "first with: ZeroDivisionError: integer division or modulo by zero"
    assert votes.stopped == {"often": f"it failed on more than 50% of the rows, {first}"}
    assert votes.to_frame()["often"].tolist() == [-1] * 9
    assert votes.faults.query("lf == 'often'")["id"].tolist() == ["c"]
    assert votes.to_frame()["many"].tolist() == EXPECTED["many"]


WAVERS = "it answers differently when a row is asked again, first on row 'b': voted 0, and "
WAY_OUT = "; let its vote depend on the row alone, not on chance, time, state or other rows"


@pytest.mark.parametrize("engine", [serial, backwards], ids=["forwards", "backwards"])
@pytest.mark.parametrize("chunk_rows", [1, 4, 100], ids=lambda n: f"{n} rows")
def test_a_function_that_answers_differently_when_asked_again_is_stopped_and_named(chunk_rows, engine):
    calls = Counter()

    def wavers(row):
        calls[row.name] += 1
        if row.name in "ag":
            raise ValueError(row.name)
        return calls[row.name] - 1

    votes = apply_lfs([labeling_function()(wavers), *LFS], DATA, chunk_rows=chunk_rows, engine=engine)
    assert votes.stopped == {"wavers": f"{WAVERS}1 when asked again{WAY_OUT}"}
    assert set(votes.to_frame()["wavers"]) == {-1} and votes.to_frame()["many"].tolist() == EXPECTED["many"]
    assert votes.faults.query("lf == 'wavers'")["id"].tolist() == ["a"]


def test_a_function_that_fails_when_asked_again_has_answered_differently():
    rows = Dataset(pd.DataFrame({"text": list("abcdefghi"), "tags": [["new"] for _ in FRAME.index]}, FRAME.index), DATA.labels)
    votes = apply_lfs([labeling_function(name="empties")(lambda row: len(row.tags.pop()) - 3)], rows)
    assert votes.stopped == {"empties": f"{WAVERS}when asked again it failed: IndexError: pop from empty list{WAY_OUT}"}


def test_no_rows_and_no_functions_are_fine():
    assert apply_lfs(LFS, DATA.take([])).votes.shape == (0, 7)
    assert apply_lfs([], DATA).votes.shape == (9, 0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chunk_rows": 0}, "chunk_rows is 0; give a whole number from 1 on"),
        ({"chunk_rows": 2.5}, "chunk_rows is 2.5; give a whole number from 1 on"),
        ({"max_faults": 50}, "max_faults is 50; give a share of the rows, from 0 to 1"),
        ({"max_faults": "half"}, "max_faults is 'half'; give a share of the rows, from 0 to 1"),
        ({"engine": "processes"}, r"engine is 'processes'; .* Processes\(workers=2\) with brackets"),
        ({"engine": Processes}, r"engine is <class .*Processes'>; .* Processes\(workers=2\) with brackets"),
        ({"progress": True}, "progress is True; give a function that takes a Tick, such as print"),
        ({"cache": True}, "cache is True; give a path such as 'votes.sqlite'"),
        ({"lfs": fragile}, r"give a list of functions, of one function too: \[function\]"),
        ({"lfs": len}, "lfs is a builtin_function_or_method; give a list of functions"),
        ({"dataset": FRAME}, r"dataset is a DataFrame; give Dataset\(frame, labels="),
    ],
    ids=lambda value: " ".join(f"{key}={one!r}"[:32] for key, one in value.items()) if isinstance(value, dict) else "",
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(given, said):
    with pytest.raises(WorkbenchError, match=said):
        apply_lfs(**{"lfs": LFS, "dataset": DATA, **given})


def test_rows_and_functions_are_not_changed_by_a_run():
    function = keyword("refund", "spam", name="k")
    before = FRAME.copy()
    apply_lfs([function], DATA)
    pd.testing.assert_frame_equal(FRAME, before)
    assert function.classes is None and function.text == ("text",)


def test_a_message_that_no_file_can_hold_is_mended():
    def fails(row):
        raise ValueError("\ud83d half a sign")

    rows = Dataset(pd.DataFrame({"text": ["a"]}, index=["r"]), labels=("ham", "spam"))
    votes = apply_lfs([labeling_function()(fails)], rows)
    assert votes.faults["error"].tolist() == ["ValueError: \ufffd half a sign"]
    assert votes.stopped["fails"].endswith("first with: ValueError: \ufffd half a sign")


def test_the_work_on_a_chunk_does_not_grow_with_the_number_of_chunks():
    def quick(job, pieces, stopped):
        return (Answer(place, 0, (np.zeros(1, np.int16), [])) for place in range(len(pieces)))

    rows = Dataset(pd.DataFrame({"text": ["x"] * 10_000}, index=[f"r{i}" for i in range(10_000)]), labels=("ham", "spam"))
    start = time.monotonic()
    assert (apply_lfs(LFS[3:4], rows, engine=quick, chunk_rows=1).votes == 0).all()
    assert time.monotonic() - start < 5


class LoadsFirst:
    def chunk(self, rows):
        return rows

    def prepare(self, chunk, function):
        time.sleep(0.2)

    def run(self, chunk, function):
        return len(chunk)


def test_what_is_loaded_once_counts_for_no_function():
    piece = Piece(pd.DataFrame({"text": ["a"]}), slice(0, 1), (0,))
    _, answer = serial(LoadsFirst(), [piece], ())
    assert answer.seconds < 0.1
