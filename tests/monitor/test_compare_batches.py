"""A batch against a reference: what changed is found, named and told, and what did not is left in peace."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.monitor import Check, Sample, compare
from workbench.monitor.checks import judged
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError

LABELS = ("billing", "bug")


def votes(*columns):
    return VoteMatrix.from_array(np.column_stack(columns), LABELS, lfs=[f"lf{j}" for j in range(len(columns))])


def voting(n, on, label=0):
    """Return a column of n votes, of which the first `on` are for a class and the others abstain."""
    return np.where(np.arange(n) < on, label, -1)


def answers(n, share_of_bug, sure=0.9):
    bug = np.arange(n) < share_of_bug * n
    probs = np.where(bug[:, None], [1 - sure, sure], [sure, 1 - sure])
    return SoftLabels(pd.RangeIndex(n).astype(str), LABELS, probs, np.ones(n, bool))


def found(reference, batch):
    return {(check.kind, check.of): check for check in compare(reference, batch).checks}


def drifted(reference, batch):
    return {(check.kind, check.of) for check in compare(reference, batch).checks if check.drifted}


def test_a_function_that_falls_silent_is_named():
    reference, batch = Sample(votes(voting(500, 100), voting(500, 200))), Sample(votes(voting(200, 0), voting(200, 80)))
    check = found(reference, batch)["coverage", "lf0"]
    assert check.drifted and (check.reference, check.batch) == (0.2, 0)
    assert check.said == (
        "lf0 has gone silent, its coverage fell from 20.0% to 0.0%: see what became of the words or columns it reads; mend "
        "it, or switch it off."
    )
    assert not found(reference, batch)["coverage", "lf1"].drifted


def test_a_function_whose_coverage_fell_by_half_has_gone_stale():
    reference, batch = Sample(votes(voting(2000, 80))), Sample(votes(voting(2000, 36)))
    check = found(reference, batch)["coverage", "lf0"]
    assert abs(check.effect) < 0.2 and check.drifted  # 4 % to 1.8 %: little of all rows, much of its own
    assert check.said.startswith("lf0 has gone stale, its coverage fell from 4.0% to 1.8%: ")


def test_a_function_that_hardly_voted_is_not_silent_by_chance():
    check = found(Sample(votes(voting(500, 5))), Sample(votes(voting(100, 0))))["coverage", "lf0"]
    assert not check.drifted and check.said.endswith("its coverage fell from 1.0% to 0.0%, no more than chance.")


def test_a_change_that_is_sure_and_small_is_no_drift():
    check = found(Sample(votes(voting(20_000, 10_000))), Sample(votes(voting(20_000, 10_600))))["coverage", "lf0"]
    assert check.q < 0.001 and not check.drifted
    assert check.said == "coverage of lf0 rose from 50.0% to 53.0%, no cause to act."


def test_other_classes_of_the_same_function_are_found():
    half = np.arange(400) % 2
    reference, batch = Sample(votes(half)), Sample(votes(np.where(np.arange(400) < 300, 0, 1)))
    assert drifted(reference, batch) == {("mix", "lf0")}
    check = found(reference, batch)["mix", "lf0"]
    assert check.batch == {"billing": 0.75, "bug": 0.25} and check.effect == 0.25
    assert check.said.startswith("votes of lf0: billing rose from 50.0% to 75.0%: ")


def test_two_functions_that_part_are_found_with_their_conflict_and_patterns():
    same = np.zeros(400, int)
    apart = np.where(np.arange(400) < 100, 1, 0)
    assert drifted(Sample(votes(same, same)), Sample(votes(same, apart))) >= {
        ("agreement", "lf0 and lf1"),
        ("conflict", ""),
        ("patterns", ""),
    }
    assert ("patterns", "") not in drifted(Sample(votes(same, apart)), Sample(votes(same, same)))  # fewer are no drift


def test_a_new_term_is_named_with_its_rows():
    old = [{"my", "invoice", "my invoice"}, {"it", "crashes", "it crashes"}] * 200
    new = [*old[:180], *[{"my", "wren", "assistant", "my wren", "wren assistant"}] * 20]
    reference, batch = (Sample(votes(voting(len(rows), 50)), terms=rows) for rows in (old, new))
    checks, terms = compare(reference, batch)
    assert terms["term"].tolist() == ["assistant", "wren"]  # of those that share a word one
    assert terms["rows"].tolist() == [20, 20] and terms["reference_rows"].tolist() == [0, 0]
    (check,) = [check for check in checks if check.kind == "new terms"]
    assert check.drifted and check.said.startswith(
        "new or risen terms: “assistant” (20 rows, 10.0%; before 0.0%), “wren” (20 rows, 10.0%; before 0.0%): read their"
    )


def test_a_pair_that_only_stands_with_a_new_word_is_not_told():
    old = [{"my", "kettle", "to", "my kettle"}, {"lamp", "to", "lamp to"}] * 100
    new = [*old[:140], *[{"my", "kettle", "to", "kettle to", "wren"}] * 30, *[{"my", "my lamp", "lamp"}] * 30]
    _, terms = compare(*(Sample(votes(voting(200, 9)), terms=rows) for rows in (old, new)))
    assert terms["term"].tolist() == ["wren"]  # `my` and `lamp` stand everywhere


def test_dates_and_months_are_no_new_terms():
    old = [{"hello"}] * 300
    assert compare(*(Sample(votes(voting(300, 9)), terms=rows) for rows in (old, [{"august", "08", "2026"}] * 300)))[1].empty


def test_a_word_that_stands_everywhere_makes_no_new_pair():
    old = [{"please", "look", "please look"}] * 300
    new = [{"please", "wren", "please wren", "wren mail", "mail"}] * 30 + old[:270]
    _, terms = compare(*(Sample(votes(voting(300, 9)), terms=rows) for rows in (old, new)))
    assert terms["term"].tolist() == ["mail", "wren"]


def test_no_term_is_new_in_the_same_words():
    rng = np.random.default_rng(0)
    rows = [set(rng.choice([f"w{i}" for i in range(300)], 8).tolist()) for _ in range(600)]
    reference, batch = (Sample(votes(voting(len(part), len(part) // 8)), terms=part) for part in (rows[:400], rows[400:]))
    checks, terms = compare(reference, batch)
    assert terms.empty and not any(check.drifted for check in checks)
    assert found(reference, batch)["new terms", ""].said == "no term is new, no more than chance."


def test_words_that_nobody_else_says_are_counted():
    old = [{"a", "b"}] * 200
    strange = [{"a", f"x{i}"} for i in range(200)]
    check = found(*(Sample(votes(voting(200, 9)), terms=rows) for rows in (old, strange)))["unseen words", ""]
    assert check.drifted and (check.reference, check.batch) == (0, 0.5)


def test_length_language_and_subject_are_compared():
    rng = np.random.default_rng(0)
    here, there = rng.normal(size=(200, 4)), rng.normal([2, 0, 0, 0], size=(100, 4))
    reference = Sample(votes(voting(200, 9)), lengths=range(100, 300), languages=["en"] * 190 + ["de"] * 10, vectors=here)
    batch = Sample(votes(voting(100, 5)), lengths=range(20, 120), languages=["en"] * 84 + ["it"] * 16, vectors=there)
    assert drifted(reference, batch) == {("length", ""), ("language", ""), ("embedding", "")}
    told = found(reference, batch)
    assert told["length", ""].said.startswith("middle length of texts, in characters, went from 200 to 70: ")
    assert told["language", ""].said.startswith("languages: it rose from 0.0% to 16.0%: ")
    assert drifted(reference, replace(reference)) == set()


def test_answers_confidence_and_deferral_are_compared():
    vote = votes(voting(400, 9))
    reference = Sample(vote, answers=answers(400, 0.25), deferred=np.arange(400) < 80)
    batch = Sample(vote, answers=answers(400, 0.5, sure=0.7), deferred=np.arange(400) < 160)
    assert drifted(reference, batch) == {("classes", ""), ("confidence", ""), ("deferred", "")}
    said = [check.said for check in compare(reference, batch).checks if check.drifted]
    assert any(sentence.startswith("answers: billing fell from 75.0% to 50.0%: ") for sentence in said)
    assert any(sentence.startswith("middle confidence of the end model went from 0.900 to 0.700: ") for sentence in said)
    assert any(sentence.startswith("share of rows that need review rose from 20.0% to 40.0%: ") for sentence in said)


def test_a_confidence_that_is_lower_by_a_hair_is_no_drift():
    vote = votes(voting(400, 9))
    reference, batch = (Sample(vote, answers=answers(400, 0.25, sure=sure)) for sure in (0.99, 0.98))
    check = found(reference, batch)["confidence", ""]
    assert check.effect == -0.5 and not check.drifted and check.said.endswith("from 0.990 to 0.980, no cause to act.")


def test_without_a_threshold_deferral_is_not_compared():
    vote = votes(voting(400, 9))
    one = Sample(vote, answers=answers(400, 0.25))
    assert ("deferred", "") not in found(one, one) and ("classes", "") in found(one, one)


def test_other_functions_are_refused():
    with pytest.raises(WorkbenchError, match="have other lfs"):
        compare(Sample(votes(voting(9, 3))), Sample(votes(voting(9, 3), voting(9, 3))))


def test_many_checks_of_one_kind_do_not_drown_one_of_another():
    def check(kind, p):
        return Check(kind, "", 0.1, 0.5, 1.0, p, True, "it rose", "look")

    (first, *rest) = judged([*[check("agreement", 0.5)] * 99, check("deferred", 0.01)])
    assert first.kind == "deferred" and first.q == pytest.approx(0.02) and first.drifted  # 100 tests in two kinds
    assert not any(one.drifted for one in rest) and judged([]) == []


def test_batches_like_the_reference_are_quiet():
    """Of 40 batches drawn from the same world at most 5 %, and chance, have a finding."""
    rng = np.random.default_rng(0)
    coverage = rng.uniform(0.01, 0.4, 12)

    def world(n):
        cast = np.where(rng.random((n, 12)) < coverage, (rng.random((n, 12)) < 0.7).astype(int), -1)
        matrix = VoteMatrix.from_array(cast, LABELS)
        terms = [{f"w{word}" for word in row} for row in rng.integers(200, size=(n, 6)).tolist()]
        sure = 0.5 + rng.random(n) / 2
        soft = SoftLabels(matrix.ids, LABELS, np.column_stack([sure, 1 - sure]), np.ones(n, bool))
        return Sample(matrix, terms=terms, lengths=rng.poisson(300, n), answers=soft, deferred=sure < 0.8)

    loud = sum(any(check.drifted for check in compare(world(600), world(150)).checks) for _ in range(40))
    assert loud <= 5
