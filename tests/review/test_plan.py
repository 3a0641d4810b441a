"""A plan is drawn before anyone labels a row: its strata, its chances, its draws, and that nobody can change it."""

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.review.decision import Decision
from workbench.review.plan import (
    ALLOCATIONS,
    FLOOR,
    AuditPlan,
    agreement_bands,
    draw,
    label_set_fingerprint,
    probabilities,
    strata_of,
)
from workbench.review.record import Record
from workbench.tables import VoteMatrix, WorkbenchError


@pytest.fixture
def record(tmp_path):
    return Record(tmp_path / "decisions.sqlite")


def small_plan(seed=0, members=None):
    """Twelve draws from 30 rows, ham 0 to 19 and spam 20 to 29, each of the two as often as the other."""
    labels = pd.Series(["ham"] * 20 + ["spam"] * 10, index=[f"r{i}" for i in range(30)])
    fingerprint = label_set_fingerprint(labels, labels)
    strata = pd.DataFrame({"name": ["ham", "spam"], "rows": [20, 10], "probability": [0.5, 0.5]}).rename_axis("stratum")
    draws = draw(labels, pd.Series([0.5, 0.5], index=["ham", "spam"]), 12, seed, fingerprint)
    draws = draws.assign(label=labels[draws["row"]].to_numpy(), shown="")
    return AuditPlan({"seed": seed}, fingerprint, "run 1", strata, draws, members)


def test_a_row_says_whether_its_functions_agree():
    votes = VoteMatrix.from_array([[0, 0], [0, 1], [1, -1], [-1, -1]], labels=["ham", "spam"])
    assert agreement_bands(votes).tolist() == ["all agree", "conflict", "single vote", "no vote"]


def test_a_label_set_is_told_from_another_by_its_rows_labels_texts_and_order():
    one = pd.Series({"r1": "ham", "r2": "spam"})
    others = [pd.Series({"r2": "spam", "r1": "ham"}), pd.Series({"r1": "ham", "r2": "ham"}), one[:1], pd.Series({"r1h": "am"})]
    texts = ["t1", "t2"]
    assert label_set_fingerprint(one.copy(), texts) == label_set_fingerprint(one, texts)
    found = {label_set_fingerprint(labels, texts[: len(labels)]) for labels in [one, *others]}
    assert len(found | {label_set_fingerprint(one, ["t1", "t3"])}) == 6


def cells(**sizes):
    """Build rows as `label_band=count` says."""
    keys = [name.split("_") for name, count in sizes.items() for _ in range(count)]
    return pd.DataFrame(keys, columns=["label", "band"], index=[f"r{i}" for i in range(len(keys))])


def test_a_large_cell_is_a_stratum():
    assert strata_of(cells(ham_agree=60, ham_conflict=40)).value_counts().to_dict() == {"ham · agree": 60, "ham · conflict": 40}


def test_small_cells_of_a_class_are_one_stratum():
    found = strata_of(cells(ham_agree=60, ham_conflict=15, ham_single=15, spam_agree=30)).value_counts().to_dict()
    assert found == {"ham · agree": 60, "ham · the rest": 30, "spam · agree": 30}


def test_a_single_small_cell_joins_the_largest_of_its_class():
    found = strata_of(cells(ham_agree=60, ham_single=40, ham_conflict=5, spam_agree=30)).value_counts().to_dict()
    assert found == {"ham · agree": 65, "ham · single": 40, "spam · agree": 30}


def test_small_classes_are_one_stratum():
    found = strata_of(cells(ham_agree=60, spam_agree=5, spam_conflict=4, junk_agree=7)).value_counts().to_dict()
    assert found == {"ham · agree": 60, "the rest": 16}


def test_a_failure_mode_is_a_stratum_however_small():
    modes = pd.Series(["lost", *[None] * 69], index=[f"r{i}" for i in range(70)], dtype="str")
    found = strata_of(cells(ham_agree=70), modes).value_counts().to_dict()
    assert found == {"ham · agree": 69, "failure: lost": 1}


NONE = np.zeros(3, bool)
ROWS, GUESSES = np.array([800, 190, 10]), np.array([0.1, 0.1, 0.5])


def test_proportional_draws_follow_the_rows():
    assert probabilities(ROWS, GUESSES, NONE, 100, "proportional", 10) == (pytest.approx([0.8, 0.19, 0.01]), 0)


def test_every_stratum_gets_its_minimum():
    assert probabilities(ROWS, GUESSES, NONE, 100, "minimum", 10) == (
        pytest.approx([0.9 * 800 / 990, 0.9 * 190 / 990, 0.1]),
        10,
    )


def test_neyman_draws_more_where_more_may_be_wrong():
    chances, kept = probabilities(ROWS, GUESSES, NONE, 100, "neyman", 10)
    assert chances[2] / (chances[0] + chances[1]) > 10 / 990 and kept == 0
    chances, kept = probabilities(ROWS, GUESSES, np.array([False, False, True]), 100, "neyman", 10)
    assert chances[2] == pytest.approx(0.1) and kept == 10


def test_a_minimum_that_does_not_fit_is_lowered():
    chances, kept = probabilities(np.array([100, 100, 800]), GUESSES, NONE, 20, "minimum", 50)
    assert kept == 6 and chances.tolist() == pytest.approx([0.3, 0.3, 0.4])


def test_an_unknown_allocation_names_the_nearest():
    with pytest.raises(WorkbenchError, match=r"no allocation 'neymann'; they are .*did you mean 'neyman'"):
        probabilities(ROWS, GUESSES, NONE, 100, "neymann", 10)


@settings(max_examples=60, deadline=None)
@given(
    strata=st.lists(st.tuples(st.integers(1, 10_000), st.floats(0, 1), st.booleans()), min_size=1, max_size=15),
    draws=st.integers(1, 1000),
    allocation=st.sampled_from(list(ALLOCATIONS)),
    minimum=st.integers(0, 50),
)
def test_no_row_weighs_more_than_the_floor_allows(strata, draws, allocation, minimum):
    rows, guesses, modes = (np.array(column) for column in zip(*strata, strict=True))
    chances, kept = probabilities(rows, guesses, modes, draws, allocation, minimum)
    assert chances.sum() == pytest.approx(1) and 0 <= kept <= minimum
    assert (rows / rows.sum() / chances).max() <= 1 / FLOOR + 1e-9
    if allocation == "minimum":
        assert (chances * draws >= kept - 1e-6).all()


def test_rows_are_drawn_as_often_as_their_chance_says():
    strata = pd.Series(["a", "a", "b", "b", "b", "b"], index=list("uvwxyz"))
    found = draw(strata, pd.Series([0.6, 0.4], index=["a", "b"]), 20_000, 0, "0" * 64)
    assert found.groupby("row")["q"].first().to_dict() == pytest.approx({"u": 0.3, "v": 0.3, **dict.fromkeys("wxyz", 0.1)})
    shares = found["row"].value_counts(normalize=True)
    assert all(abs(shares[row] - q) < 0.015 for row, q in found.groupby("row")["q"].first().items())
    assert (found["stratum"] == (~found["row"].isin(["u", "v"])).astype(int)).all()


def test_the_same_seed_draws_the_same_rows_and_a_new_label_set_others():
    assert small_plan().draws.equals(small_plan().draws)
    assert not small_plan(seed=1).draws.equals(small_plan().draws)
    strata, chances = pd.Series(["a"] * 100, index=map(str, range(100))), pd.Series([1.0], index=["a"])
    assert not draw(strata, chances, 20, 0, "0" * 64).equals(draw(strata, chances, 20, 0, "1" + "0" * 63))


def test_a_plan_comes_back_as_it_was_made(record):
    plan = small_plan(members=("r0", "r1"))
    assert record.add_audit(plan, "first") and not record.add_audit(plan, "again")
    found = record.audit(plan.id)
    assert found.draws.equals(plan.draws) and found.strata.equals(plan.strata) and found.members == ("r0", "r1")
    assert found.settings == {"seed": 0} and (found.run, found.population, found.rows) == ("run 1", 30, plan.rows)
    assert np.allclose(plan.weights, np.where(plan.draws["label"] == "ham", 4 / 3, 2 / 3))
    assert set(record.measure_rows().index) == set(plan.rows) and set(record.measure_rows()) == {plan.id}
    line = record.plans().iloc[0]
    assert (line["name"], line["run"], line["recurring"], line["rows"]) == ("first", "run 1", True, len(plan.rows))


def test_two_plans_of_one_name_are_refused(record):
    record.add_audit(small_plan(), "first")
    with pytest.raises(WorkbenchError, match=r"an audit plan 'first' already, made at .*; give another name"):
        record.add_audit(small_plan(seed=1), "first")
    assert len(record.plans()) == 1


def edited(file, statement):
    with closing(sqlite3.connect(file)) as db:
        db.execute(statement)
        db.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE plan_draws SET label = 'spam' WHERE label = 'ham'",
        "DELETE FROM plan_draws WHERE position = 3",
        "UPDATE plan_strata SET probability = 0.4 WHERE stratum = 0",
        "UPDATE plan_designs SET settings = '{}'",
        "DELETE FROM plan_rows WHERE seq = 1",
    ],
    ids=["labels", "a draw", "chances", "settings", "a row that measures"],
)
def test_a_plan_that_somebody_edits_promises_nothing(record, statement):
    plan = small_plan()
    record.add_audit(plan, "first")
    edited(record._file, statement)
    with pytest.raises(WorkbenchError, match=r"was altered in .* after it was made, so it promises nothing"):
        record.audit(plan.id)


def test_a_row_that_a_plan_drew_is_no_anchor(record):
    plan = small_plan()
    record.add_audit(plan, "first")
    row = plan.rows[0]
    with pytest.raises(WorkbenchError, match=f"row '{row}' cannot be an anchor: the audit plan"):
        record.decide([Decision(row, "label", "ann", "ham")])
    other = next(f"r{i}" for i in range(30) if f"r{i}" not in plan.rows)
    with pytest.raises(WorkbenchError, match=f"row '{other}' cannot measure"):
        record.decide([Decision(other, "label", "ann", "ham", purpose="measure", plan=plan.id)])
    assert record.decide([Decision(row, "label", "ann", "ham", purpose="measure", plan=plan.id)]) == 1


def test_a_plan_that_cannot_be_written_whole_is_not_written_at_all(record):
    record.decide([Decision("r0", "label", "ann", "ham")])
    plan = small_plan()
    plan.draws.loc[11, "label"] = None
    with pytest.raises(WorkbenchError, match="nothing of this call was stored"):
        record.add_audit(plan, "first")
    assert record.plans().empty and record.measure_rows().empty
