"""What the answers to a plan prove and suggest: every figure here can be checked by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.review.decision import ADJUDICATION, FIELDS, Decision
from workbench.review.estimates import answers, described, promise, stratum_promises
from workbench.review.plan import AuditPlan, draw, probabilities
from workbench.stats import clopper_pearson_upper, error_bound, hajek, wilson_interval

PLAN = "p" * 32


def plan_of(rows, strata=None, chances=(1.0,), sizes=(1000,)):
    """Build a plan that drew these rows, all labelled `ham`; strata: the number of the stratum of each draw."""
    numbers = [0] * len(rows) if strata is None else strata
    q = [chances[h] / sizes[h] for h in numbers]
    draws = pd.DataFrame({"row": list(rows), "stratum": numbers, "q": q, "label": "ham", "shown": "s"}).rename_axis("position")
    names = [f"stratum {h}" for h in range(len(sizes))]
    table = pd.DataFrame({"name": names, "rows": sizes, "probability": chances}).rename_axis("stratum")
    return AuditPlan({}, "f" * 64, "run 1", table, draws)


def current(*decisions):
    return pd.DataFrame([{name: getattr(one, name) for name in FIELDS} for one in decisions], columns=FIELDS)


def says(row, label="ham", reviewer="ann", kind="label", **more):
    given = {"purpose": "measure", "plan": PLAN, "shown": "s"} | more
    return Decision(row, kind, reviewer, label if kind == "label" else None, **given)


def answered(plan, *decisions):
    """Return `answers`, with what was said under PLAN said under this plan."""
    said = current(*decisions)
    return answers(plan, said.assign(plan=said["plan"].replace(PLAN, plan.id)))


def states(plan, *decisions):
    return answered(plan, *decisions)["state"].tolist()


def test_what_reviewers_said_of_a_row_becomes_one_answer():
    said = [says("a"), says("b", kind="unsure"), says("c", kind="skip"), says("d"), says("d", "spam", "bob")]
    plan = plan_of("abcde")
    assert states(plan, *said) == ["labelled", "unsure", "unsure", "disputed", "open"]
    settled = answered(plan, *said, says("d", "spam", "cy", reason=ADJUDICATION), says("b", "ham", "bob"))
    assert settled["truth"].fillna("").tolist() == ["ham", "ham", "", "spam", ""]


@pytest.mark.parametrize(
    "one",
    [says("a", purpose="anchor", plan=None), says("a", shown="other text"), says("z")],
    ids=["an anchor", "of another text", "of another row"],
)
def test_what_was_not_said_of_a_drawn_row_as_drawn_is_no_answer(one):
    assert states(plan_of("a"), one) == ["open"]


def test_an_answer_given_under_another_plan_counts_too():
    assert states(plan_of("a"), says("a", plan="q")) == ["labelled"]


def test_nothing_is_promised_before_the_first_answer():
    plan = plan_of("abcde")
    found = promise(plan, answered(plan), 0.05)
    assert (found["bound"], found["draws"], found["rows"], found["errors"]) == (1.0, 0, 0, 0)
    assert (found["least"], found["more"], found["left"]) == (59, 68, 5)


def test_a_promise_is_the_bound_of_the_errors_in_the_order_of_the_plan():
    plan = plan_of([f"r{i}" for i in range(100)])
    said = [says(f"r{i}", "spam" if i == 30 else "ham") for i in range(80)]
    found = promise(plan, answered(plan, *said), 0.05)
    losses = np.zeros(80)
    losses[30] = 1
    assert found["bound"] == error_bound(losses, 1.0)[-1]
    assert {name: found[name] for name in ("draws", "errors", "open", "rows", "left")} == {
        "draws": 80, "errors": 1, "open": 0, "rows": 80, "left": 20,
    }  # fmt: skip


def test_what_is_unsure_disputed_or_left_out_counts_as_wrong():
    plan = plan_of([f"r{i}" for i in range(100)])
    right = [says(f"r{i}") for i in range(60) if i not in (5, 6, 7, 8)]
    doubtful = [says("r5", kind="unsure"), says("r6", kind="skip"), says("r7"), says("r7", "spam", "bob")]
    found = promise(plan, answered(plan, *right, *doubtful), 0.05)
    assert (found["errors"], found["open"], found["rows"], found["draws"]) == (4, 1, 59, 60)
    losses = np.isin(np.arange(60), (5, 6, 7, 8)).astype(float)
    assert found["bound"] == error_bound(losses, 1.0)[-1]


def test_a_row_drawn_twice_is_asked_once_and_counts_twice():
    plan = plan_of(["a", "b", "a"])
    found = promise(plan, answered(plan, says("a", "spam"), says("b")), 0.05)
    assert (found["errors"], found["rows"], found["draws"]) == (2, 2, 3)


def test_a_row_drawn_again_later_does_not_mean_that_all_before_it_were_asked():
    plan = plan_of(["a", "b", "c", "a"])
    found = promise(plan, answered(plan, says("a")), 0.05)
    assert (found["draws"], found["open"], found["rows"], found["left"]) == (1, 0, 1, 3)


def test_an_answer_under_another_plan_counts_once_its_turn_has_come():
    plan = plan_of("abcd")
    elsewhere = [says(row, plan="q") for row in "bd"]
    found = promise(plan, answered(plan, *elsewhere), 0.05)
    assert (found["draws"], found["rows"], found["beyond"]) == (0, 0, 2)
    assert described(plan, answered(plan, *elsewhere), {"all": np.ones(4, bool)})[0]["n"] == 0
    found = promise(plan, answered(plan, says("a"), *elsewhere), 0.05)
    assert (found["draws"], found["open"], found["errors"]) == (2, 0, 0)
    found = promise(plan, answered(plan, says("a"), says("c"), *elsewhere), 0.05)
    assert (found["draws"], found["open"], found["errors"]) == (4, 0, 0)


def test_errors_weigh_as_their_stratum_was_drawn():
    plan = plan_of(["a", "b", "c"], strata=[0, 1, 1], chances=(0.5, 0.5), sizes=(900, 100))
    found = answered(plan, says("a", "spam"), says("b", "spam"), says("c"))
    assert promise(plan, found, 0.05)["bound"] == error_bound([1.8, 0.2, 0], 1.8)[-1]
    (whole,) = described(plan, found, {"all": np.ones(3, bool)})
    assert whole == {"name": "all", "n": 3, "wrong": 2, **dict(zip(("estimate", "low", "high"), HAJEK, strict=True))}


HAJEK = hajek([1, 1, 0], [1.8, 0.2, 0.2])


def test_a_stratum_is_promised_by_its_planned_draws():
    plan = plan_of("abcd", strata=[0, 1, 1, 1], chances=(0.4, 0.4, 0.2), sizes=(500, 400, 100))
    lines = stratum_promises(plan, answered(plan, says("a"), says("b", "spam"), says("c")))
    assert [(line["draws"], line["answered"], line["errors"]) for line in lines] == [(1, 1, 0), (3, 2, 1), (0, 0, 0)]
    assert [line["bound"] for line in lines] == [float(clopper_pearson_upper(0, 1)), float(clopper_pearson_upper(2, 3)), 1.0]
    assert [line["rows"] for line in lines] == [500, 400, 100]


def test_a_description_is_of_labelled_draws_alone():
    plan = plan_of("abcde")
    found = answered(plan, says("a", "spam"), says("b"), says("c", kind="unsure"), says("d"))
    (whole, none) = described(plan, found, {"all": np.ones(5, bool), "none": np.arange(5) == 2})
    low, high = wilson_interval(1, 3)
    assert (whole["n"], whole["wrong"]) == (3, 1)
    assert (whole["estimate"], whole["low"], whole["high"]) == pytest.approx((1 / 3, float(low), float(high)))
    assert none == {"name": "none", "n": 0, "wrong": 0, "estimate": None, "low": None, "high": None}


def test_other_labels_are_described_by_the_same_answers():
    plan = plan_of("abc")
    found = answered(plan, says("a", "spam"), says("b"), says("c"))
    newer = pd.Series(["spam", "spam", None], index=plan.draws.index, dtype="str")
    (whole,) = described(plan, found, {"all": np.ones(3, bool)}, newer)
    assert (whole["n"], whole["wrong"]) == (2, 1)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["ham", "spam", "unsure", "open"]), min_size=1, max_size=40), st.data())
def test_an_answer_that_proves_right_never_harms_a_promise(said, data):
    """An error or an unsure that is corrected to right only ever lowers the bound; the last answer marks how far one is."""
    plan = plan_of([f"r{i}" for i in range(len(said))])
    decisions = [
        says(f"r{i}", kind="unsure") if word == "unsure" else says(f"r{i}", word)
        for i, word in enumerate(said)
        if word != "open"
    ]
    before = promise(plan, answered(plan, *decisions), 0.05)
    if before["draws"]:
        place = data.draw(st.integers(0, before["draws"] - 1))
        kept = [one for one in decisions if one.row != f"r{place}"]
        after = promise(plan, answered(plan, *kept, says(f"r{place}")), 0.05)
        assert after["bound"] <= before["bound"] + 1e-12
        gone = promise(plan, answered(plan, *kept), 0.05)  # undone
        assert gone["bound"] >= before["bound"] - 1e-12


@pytest.mark.slow
def test_the_promises_of_drawn_plans_are_true_at_every_look():
    """400 plans of four strata, drawn and answered as `workbench audit` does: the bound is above the truth at every draw."""
    rng = np.random.default_rng(0)
    sizes, rates = np.array([1000, 600, 300, 100]), np.array([0.01, 0.03, 0.06, 0.3])
    strata = pd.Series(np.repeat(list("abcd"), sizes), index=[f"r{i}" for i in range(sizes.sum())])
    wrong = rng.random(len(strata)) < np.repeat(rates, sizes)
    truth = pd.Series(np.where(wrong, "spam", "ham"), index=strata.index)
    chances, _ = probabilities(sizes, rates, np.zeros(4, bool), 200, "neyman", 0)
    table = pd.DataFrame({"name": list("abcd"), "rows": sizes, "probability": chances}).rename_axis("stratum")
    held, held_last = 0, np.zeros(4)
    for seed in range(400):
        draws = draw(strata, pd.Series(chances, index=list("abcd")), 200, seed, "0" * 64).assign(label="ham", shown="s")
        plan = AuditPlan({}, "0" * 64, "run 1", table, draws)
        found = pd.DataFrame({"state": "labelled", "truth": truth[draws["row"]].to_numpy(), "asked": True}, index=draws.index)
        held += promise(plan, found, 0.05)["bound"] >= wrong.mean()  # the smallest of all looks
        rate = pd.Series(wrong).groupby(strata.to_numpy()).mean().to_numpy()
        held_last += np.array([line["bound"] for line in stratum_promises(plan, found)]) >= rate
    least = 0.95 - 2 * np.sqrt(0.95 * 0.05 / 400)
    assert held / 400 >= least and (held_last / 400 >= least).all()
