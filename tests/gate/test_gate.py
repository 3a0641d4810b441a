"""A run held against limits and a reference, on rows that can be counted by eye."""

import numpy as np
import pandas as pd
import pytest

from workbench.gate import Audit, Facts, answered_rows, gate, parse_limits, passed
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError

NO_SUITES = "no suite was run"


def table(right, confidence=0.9, answered=True, covered=1, conflicting=0):
    """Return rows that are right where 1; the other columns are one value or one a row."""
    ids = pd.Index([f"r{i}" for i in range(len(right))])
    columns = {"right": np.asarray(right, float), "confidence": confidence, "answered": answered}
    return pd.DataFrame({**columns, "covered": covered, "conflicting": conflicting}, index=ids)


def facts(right, slices=None, suites=NO_SUITES, latency="none", audit="none", **columns):
    rows = table(right, **columns)
    return Facts(rows, pd.DataFrame(slices or {}, index=rows.index, dtype=bool), suites, latency, audit)


def limits(**of):
    return parse_limits(of, "task.toml [gate]")


def by_name(checks, kind):
    return {one["name"]: one for one in checks if one["kind"] == kind}


def ones(right, wrong):
    return [1] * right + [0] * wrong


def suites(**of):
    return pd.DataFrame.from_dict(of, orient="index", columns=["n", "accuracy", "answered", "wrong_confident"]).astype(float)


def test_the_rows_that_a_gate_looks_at():
    ids = pd.Index(["a", "b", "c"])
    soft = SoftLabels(ids, ("ham", "spam"), np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), np.ones(3, bool))
    votes = VoteMatrix.from_array([[0, 1], [-1, -1]], ("ham", "spam"), ids=["a", "b"])
    rows = answered_rows(soft, pd.Series([0, 0], ["a", "b"]), votes, threshold=0.6)
    assert rows["right"].tolist()[:2] == [1, 0] and np.isnan(rows["right"]["c"])
    assert rows["answered"].tolist() == [True, False, True]  # .6 is not above .6
    assert rows["covered"].tolist()[:2] == [1, 0] and rows["conflicting"].tolist()[:2] == [1, 0]
    assert np.isnan(rows["covered"]["c"])
    assert answered_rows(soft, None, votes, None)["answered"].all()


def test_an_absolute_limit_fails_where_the_rows_show_it_and_not_where_chance_may_be_it():
    wanted = limits(accuracy={"at_least": 0.75})
    (check,) = gate(wanted, facts(ones(60, 40)))
    assert check["passed"] is False and check["primary"] and check["p"] < 0.025 == check["alpha"]
    assert check["said"].startswith("accuracy is 0.600 on 100 rows, and at least 0.750 is asked: the limit is broken")
    (check,) = gate(wanted, facts(ones(70, 30)))
    assert check["passed"] is True and check["beyond"] and "that may be chance, p = 0.15" in check["said"]
    (check,) = gate(wanted, facts(ones(80, 20)))
    assert check["passed"] is True and not check["beyond"]


def test_a_run_that_loses_ten_rows_and_wins_none_is_worse():
    """Ten tosses that all fall on one side: p = 1 / 1024."""
    now, before = facts(ones(80, 20)), facts(ones(90, 10))
    first, *_ = gate((), now, before)
    assert (first["name"], first["kind"], first["primary"], first["alpha"]) == ("accuracy", "against", True, 0.025)
    assert first["p"] == 1 / 1024 and first["passed"] is False and not passed([first])
    assert "0.800 on 100 rows, 0.900 with the reference: worse; 10 rows got worse and 0 better" in first["said"]
    assert (first["value"], first["reference"], first["limit"]) == pytest.approx((0.8, 0.9, 0.9))
    allowed = gate(limits(accuracy={"worse_by": 0.1}), now, before)[0]
    assert allowed["passed"] is True and allowed["limit"] == pytest.approx(0.8)


def test_a_run_like_the_reference_passes_and_says_how_much_worse_it_may_be():
    same = facts(ones(450, 50))
    checks = gate((), same, same)
    assert passed(checks) and [one["name"] for one in checks] == [
        "accuracy", "coverage", "conflict", "wrong_confident", "risk_at_coverage", "ece",
    ]  # fmt: skip
    assert "not shown to be worse, and at most 0.008 worse, 97.5 % sure" in checks[0]["said"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [("coverage", {"covered": [0] * 40 + [1] * 60}), ("conflict", {"conflicting": [1] * 40 + [0] * 60})],
    ids=["coverage", "conflict"],
)
def test_a_run_whose_functions_say_less_than_the_references_fails(name, columns):
    checks = by_name(gate((), facts(ones(90, 10), **columns), facts(ones(90, 10))), "against")
    assert [one for one in checks if checks[one]["passed"] is False] == [name]
    assert f"{name} is" in checks[name]["said"] and "worse by more than 0.020; 40 rows got worse" in checks[name]["said"]


def test_who_answers_more_rows_is_held_against_as_many_of_the_reference():
    """The reference answers nothing. Of the 60 rows that this run answers the surest 60 of the reference have as many wrong."""
    right = ones(90, 10)
    more = facts(right, answered=[True] * 40 + [False] * 40 + [True] * 20, confidence=np.linspace(0.5, 0.9, 100))
    none = facts(right, answered=False, confidence=np.linspace(0.5, 0.9, 100))
    check = by_name(gate((), more, none), "against")["wrong_confident"]
    assert (check["value"], check["reference"]) == (0.1, 0.1) and check["passed"] is True
    assert "0.100 if the reference answered as many, its surest" in check["said"]
    bold = facts(right, answered=True, confidence=np.where(np.array(right) == 1, 0.6, 0.9))
    check = by_name(gate(limits(wrong_confident={"at_most": 0.02}), bold, none), "absolute")["wrong_confident"]
    assert check["value"] == 0.1 and check["passed"] is False


def test_wrong_answers_that_are_the_surest_are_a_risk():
    right = ones(80, 20)
    fine = facts(right, confidence=np.linspace(0.9, 0.5, 100))
    bad = facts(right, confidence=np.linspace(0.5, 0.9, 100))
    wanted = limits(risk_at_coverage={"coverage": 0.5, "at_most": 0.1})
    checks = gate(wanted, bad, fine)
    against = by_name(checks, "against")["risk_at_coverage"]
    assert (against["value"], against["reference"], against["n"], against["passed"]) == (0.4, 0.0, 50, False)
    absolute = by_name(checks, "absolute")["risk_at_coverage"]
    assert absolute["n"] == 50 and absolute["passed"] is False and "among the surest 50 rows" in absolute["said"]
    assert by_name(gate(wanted, fine), "absolute")["risk_at_coverage"]["passed"] is True


def test_a_slice_that_breaks_fails_by_its_name_and_small_ones_are_left_out():
    outage = [True] * 60 + [False] * 440
    small = [False] * 480 + [True] * 20
    now = facts([0] * 30 + [1] * 470, slices={"outage": outage, "small": small})
    before = facts([1] * 30 + [1] * 440 + [0] * 30, slices={"outage": outage, "small": small})
    checks = by_name(gate((), now, before), "against")
    assert checks["accuracy"]["passed"] is True
    assert checks["slices.outage.accuracy"]["passed"] is False and "slices.small.accuracy" not in checks
    wanted = limits(slices={"small": {"accuracy": {"at_least": 0.9, "worse_by": 0.0}}})
    assert [one["name"] for one in gate(wanted, now, before) if "small" in one["name"]] == ["slices.small.accuracy"] * 2


def test_a_slice_that_is_no_slice_names_the_nearest():
    wanted = limits(slices={"outrage": {"accuracy": {"at_least": 0.9}}})
    with pytest.raises(
        WorkbenchError, match=r"slices\.outrage\.accuracy, and there is no slice 'outrage'; did you mean 'outage'\?"
    ):
        gate(wanted, facts(ones(9, 1), slices={"outage": [True] * 10}))


def test_suites_of_both_are_compared_by_accuracy_or_where_no_row_has_a_class_by_answers():
    now = suites(typos=[200, 0.6, 0.5, 0.1], strange=[100, np.nan, 0.4, 0.4], new=[10, 0.5, 1, 0.5], skipped=[0, *[np.nan] * 3])
    before = suites(typos=[200, 0.8, 0.5, 0.1], strange=[100, np.nan, 0.1, 0.1], skipped=[9, 0.5, 1, 0.5])
    checks = by_name(gate((), facts(ones(90, 10), suites=now), facts(ones(90, 10), suites=before)), "against")
    assert checks["suites.typos.accuracy"]["passed"] is False
    assert checks["suites.strange.wrong_confident"]["passed"] is False
    assert [name for name in checks if name.startswith("suites")] == ["suites.typos.accuracy", "suites.strange.wrong_confident"]


def test_what_has_no_data_is_not_checked_and_fails_only_where_it_is_required():
    wanted = limits(suites={"typos": {"accuracy": {"at_least": 0.7}}}, audit={"at_most": 0.05})
    checks = gate(wanted, facts(ones(9, 1)))
    assert [one["passed"] for one in checks] == [None, None] and passed(checks)
    assert checks[0]["said"] == "suites.typos.accuracy is not checked: no suite was run."
    required = gate(limits(audit={"at_most": 0.05, "required": True}), facts(ones(9, 1)))
    assert not passed(required) and required[0]["said"] == "audit is not checked, and it is required: none."
    missing = gate(
        limits(suites={"typo": {"accuracy": {"at_least": 0.7}}}), facts(ones(9, 1), suites=suites(typos=[9, 1, 1, 0]))
    )
    assert "there is no suite 'typo'; did you mean 'typos'?" in missing[0]["said"]
    unknown = gate(limits(accuracy={"at_least": 0.7}, ece={"at_most": 0.1}), facts([np.nan] * 60))
    assert [one["passed"] for one in unknown] == [None, None] and "no row has gold" in unknown[0]["said"]


def test_a_run_that_answers_no_row_has_no_wrong_answer_to_be_praised_for():
    wanted = limits(
        wrong_confident={"at_most": 0.1},
        slices={"pro": {"wrong_confident": {"at_most": 0.1}}},
        suites={"typos": {"wrong_confident": {"at_most": 0.1}}},
    )
    none = facts(ones(50, 10), {"pro": [True] * 60}, suites(typos=[9, 1, 0, 0]), answered=False)
    checks = gate(wanted, none, facts(ones(50, 10), {"pro": [True] * 60}))
    told = [one for one in checks if one["name"].endswith("wrong_confident")]
    assert len(told) == 4 and all(one["passed"] is None and "the run answers no row" in one["said"] for one in told)


@pytest.mark.parametrize(
    ("bound", "errors", "verdict", "said"),
    [
        (0.04, 1, True, "as 100 draws promise; 0.050 is allowed."),
        (0.12, 4, None, "neither promised yet nor"),
        (0.6, 40, False, "wrong, p < 0.0001"),
    ],
    ids=["promised", "open", "broken"],
)
def test_an_audit_passes_by_its_promise_and_fails_where_it_is_broken(bound, errors, verdict, said):
    audit = Audit(bound, 0.95, np.array(ones(errors, 100 - errors)[::-1], float), largest=1.0)
    (check,) = gate(limits(audit={"at_most": 0.05}), facts(ones(9, 1), audit=audit))
    assert check["passed"] is verdict and said in check["said"]
    (check,) = gate(limits(audit={"at_most": 0.05, "required": True}), facts(ones(9, 1), audit=audit))
    assert passed([check]) is (verdict is True)


def test_an_audit_whose_labels_are_as_wrong_as_allowed_fails_in_no_more_than_alpha():
    rng = np.random.default_rng(0)
    weights = rng.choice([0.5, 1.5], (400, 250))
    failed = []
    for each in weights:
        losses = each * (rng.random(250) < 0.1)
        failed.append(gate(limits(audit={"at_most": 0.1}), facts([1], audit=Audit(1, 0.95, losses, 1.5)))[0]["passed"] is False)
    assert np.mean(failed) <= 0.025


def test_answers_that_take_too_long():
    slow = np.array([10.0] * 40 + [60.0] * 20)
    wanted = limits(latency_ms={"at_most": 50, "worse_by": 1})
    checks = gate(wanted, facts(ones(90, 10), latency=slow + 5), facts(ones(90, 10), latency=slow))
    assert by_name(checks, "absolute")["latency_ms"]["passed"] is False
    against = by_name(checks, "against")["latency_ms"]
    assert (
        against["passed"] is False
        and "15.0 ms on 60 rows, 10.0 ms with the reference: worse by more than 1.0 ms" in against["said"]
    )
    assert by_name(gate(wanted, facts([1], latency=slow / 2)), "absolute")["latency_ms"]["passed"] is True


def test_runs_that_answered_other_rows_are_compared_where_both_did():
    now, before = facts(ones(90, 10)), facts(ones(70, 10))
    assert gate((), now, before)[0]["n"] == 80
    with pytest.raises(WorkbenchError, match="answered 40 rows both, and a comparison takes 50"):
        gate((), now, facts(ones(40, 0)))


def test_many_checks_share_one_alpha():
    """Of nine others the p must be at or below .025 / 9 = .0028; 8 rows lost of 8 give 1 / 256 = .0039."""
    slices = {f"s{k}": [True] * 100 for k in range(4)}
    now, before = facts(ones(82, 18), slices=slices), facts(ones(90, 10), slices=slices)
    primary, *others = gate((), now, before)
    assert primary["passed"] is False and primary["p"] == 1 / 256
    assert [one["passed"] for one in others if one["name"].startswith("slices.s")] == [True] * 4
    assert {round(one["alpha"], 4) for one in others} == {0.0028}


@pytest.mark.parametrize(
    ("table_", "message"),
    [
        ({"acuracy": {"at_least": 0.7}}, r"unknown key 'acuracy' in task\.toml \[gate\].*did you mean 'accuracy'\?"),
        ({"accuracy": 0.7}, r"accuracy is 0\.7; a limit is a table such as \{at_least = 0\.1\}"),
        ({"accuracy": {"at_most": 0.7}}, r"has at_most, but more of it is better; write at_least = 0\.7"),
        ({"ece": {"at_least": 0.1}}, r"has at_least, but less of it is better; write at_most = 0\.1"),
        ({"accuracy": {"at_least": 75}}, "at_least = 75; it must be a share from 0 to 1"),
        ({"latency_ms": {"at_most": -1}}, "it must be a number of milliseconds from 0 on"),
        ({"accuracy": {"required": True}}, "sets no limit; give 'at_least', 'worse_by'"),
        ({"audit": {"worse_by": 0.1}}, "unknown key 'worse_by' in .* audit; known keys are 'at_most', 'required'"),
        ({"suites": {"typos": {"ece": {"at_most": 0.1}}}}, r"unknown key 'ece' in task\.toml \[gate\] suites\.typos"),
        ({"slices": {"outage": 0.7}}, r"slices\.outage is 0\.7; write slices\.outage\.accuracy = "),
        ({"accuracy": {"at_least": 0.7, "coverage": 0.5}}, "unknown key 'coverage'"),
    ],
    ids=["name", "number", "wrong side", "other side", "percent", "time", "nothing", "audit", "suite", "slice", "coverage"],
)
def test_a_limit_that_makes_no_sense_is_refused(table_, message):
    with pytest.raises(WorkbenchError, match=message):
        parse_limits(table_, "task.toml [gate]")
