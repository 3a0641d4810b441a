"""An audit from plan to promise, with a simulated human; what interrupts, corrects or cheats it."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.project.audit_report import audit_plans, audit_report, find_plan, promise_in_words, weekly_series
from workbench.project.auditing import Asked, label_set, plan_audit, plan_weekly
from workbench.project.reviewing import (
    ADJUDICATION,
    Decision,
    anchors,
    audit_queue,
    decide,
    import_decisions,
    open_record,
)
from workbench.project.runs import find_run
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.stats import rows_to_promise
from workbench.tables import WorkbenchError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def task(tiny_task):
    change(tiny_task, 'features = ["tfidf"]', "enabled = false", "task.toml")
    return load_task(tiny_task)


@pytest.fixture(scope="module")
def kept_runs(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "runs"


@pytest.fixture
def rows(task, kept_runs):
    """Return the rows of the task, once a run has labelled them; the first test makes that run for all."""
    if not kept_runs.exists():
        run(task, until="fit")
        shutil.copytree(task.runs_folder, kept_runs)
    shutil.copytree(kept_runs, task.runs_folder, dirs_exist_ok=True)
    return task.dataset()[0]


def change(folder, old, new, file="rows.csv"):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_rows(folder, first, count, text="refund for invoice", tag="billing"):
    lines = [f'{i:03d},"{text} number {i}",free,{tag},billing,train' for i in range(first, first + count)]
    path = folder / "rows.csv"
    path.write_text(path.read_text(encoding="utf-8") + "\n".join(lines) + "\n", encoding="utf-8")


def answer(task, rows, plan, ids, truth=None, reviewer="ann", **more):
    """Let a person decide rows as the plan asks for it; truth: class names by id, the gold of the rows unless given."""
    known = pd.Series(np.array(task.labels)[rows.gold], index=rows.ids) if truth is None else truth
    said = [Decision(row, "label", reviewer, known[row], purpose="measure", plan=plan.id, **more) for row in ids]
    return decide(task, rows, said)


def test_the_population_is_what_the_label_model_labelled_and_no_person(task, rows):
    decide(task, rows, [Decision("000", "label", "ann", "billing")])
    add_rows(task.folder, 200, 1, text="nothing at all", tag="")
    run(task, until="fit")
    found = label_set(find_run(task), task.dataset()[0], "train").labels
    assert found.index.tolist() == [f"{i:03d}" for i in range(1, 80)]  # 80 and above are valid and test
    assert set(found) <= {"billing", "bug"}


def test_a_plan_is_kept_once_and_says_what_it_takes(task, rows):
    made = plan_audit(task, Asked(rows=40, minimum=5))
    assert (made.new, made.name, len(made.plan.draws), made.plan.population) == (True, "audit-1", 40, 80)
    assert "59 answered draws at the very least" in made.sentences[0]
    again = plan_audit(task, Asked(rows=40, minimum=5, name="another name"))
    assert (again.new, again.name, again.plan.id) == (False, "audit-1", made.plan.id)
    stored = open_record(task).audit(made.plan.id)
    found = label_set(find_run(task), rows, "train")
    assert (stored.draws["label"] == found.labels[stored.draws["row"]].to_numpy()).all()
    assert stored.settings["draws"] == 40 and stored.settings["allocation"] == "minimum"
    sizes = stored.strata["rows"].to_numpy()[stored.draws["stratum"]]
    assert np.allclose(stored.draws["q"], stored.strata["probability"].to_numpy()[stored.draws["stratum"]] / sizes)
    assert stored.strata["rows"].sum() == 80 and stored.strata["probability"].sum() == pytest.approx(1)


def test_a_trial_keeps_nothing(task, rows):
    assert plan_audit(task, Asked(rows=10), store=False).new is None
    assert open_record(task).plans().empty


def test_columns_and_slices_cut_strata(task, rows):
    by_plan = plan_audit(task, Asked(rows=40, by=["plan"], minimum=0), store=False).plan.strata["name"]
    by_slice = plan_audit(task, Asked(rows=40, by=["pro"], minimum=0), store=False).plan.strata["name"]
    assert any(name.startswith("plan=free · ") for name in by_plan)
    assert {name.split(" · ")[0] for name in by_slice} >= {"pro", "not pro"}
    with pytest.raises(WorkbenchError, match=r"there are 'pro', 'plan', 'tag'; did you mean 'plan'\?$"):
        plan_audit(task, Asked(by=["plam"]))


def test_a_failure_mode_is_a_stratum_with_a_minimum(task, rows):
    (task.folder / "failures.toml").write_text(FAILURES, encoding="utf-8")
    strata = plan_audit(task, Asked(rows=60, minimum=12), store=False).plan.strata
    assert strata["name"][0] == "failure: crash billed" and strata["probability"][0] >= 12 / 60 - 1e-9


FAILURES = """
format = 1
[[failure]]
name = "crash billed"
why = "A crash waits at the billing desk."
severity = "high"
owner = "desk"
tolerated = 0.01
rule = {kind = "keyword", words = ["crashes"]}
"""


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"rows": 0}, "0 rows cannot be drawn; give 1 to 100,000"),
        ({"rows": 10, "half_width": 0.05}, "--rows and --half-width are given; one of them"),
        ({"split": "trian"}, "no split 'trian'; they are .*; did you mean 'train'"),
        ({"allocation": "equal"}, "no allocation 'equal'; they are 'minimum', 'proportional', 'neyman'"),
        ({"promise": 0.001}, r"no number of draws up to 100,000 promises at most 0.1%; say beside it"),
        ({"promise": 5.0}, "promise is 5.0; it is a share of the labels above 0 and below 1, such as 0.05"),
        ({"half_width": 0.5}, "half_width is 0.5; it is a share of the labels above 0 and below 0.5"),
        ({"name": "plan"}, "a plan cannot be named 'plan'"),
        ({"minimum": -1}, "minimum is -1"),
    ],
    ids=["no row", "two sizes", "split", "allocation", "promise out of reach", "promise", "half width", "name", "minimum"],
)
def test_a_question_that_makes_no_sense_is_refused(task, rows, asked, message):
    with pytest.raises(WorkbenchError, match=message):
        plan_audit(task, Asked(**asked))
    assert open_record(task).plans().empty


def test_a_promise_out_of_reach_is_answered_and_what_one_has_promises_something(task, rows):
    asked = plan_audit(task, Asked(promise=0.001), store=False)
    assert not asked.enough and "no number up to 100,000 is enough: mend labels first" in asked.sentences[0]
    made = plan_audit(task, Asked(rows=150, promise=0.001, allocation="proportional"), store=False)
    assert made.enough and len(made.plan.draws) == 150 and made.plan.settings["target"] == 0.001
    said = float(re.search(r"at most ([\d.]+)% of the labels are", made.sentences[1])[1]) / 100
    guess = made.plan.settings["guess"]
    assert rows_to_promise(said + 0.001, error=guess) <= 150 < rows_to_promise(said - 0.001, error=guess)


def test_strata_that_get_few_draws_are_said_to_promise_little(task, rows):
    thin, thick = (plan_audit(task, Asked(rows=n, by=["plan"]), store=False).sentences for n in (40, 2000))
    assert "strata expect fewer than 29 draws" in thin[-1] and not [said for said in thick if "fewer than" in said]


def test_weekly_batches_are_in_their_series_and_no_default(task, rows):
    week = plan_weekly(task, 10).plan
    with pytest.raises(WorkbenchError, match="has no audit plan but its weekly batches, 'week-1': name one"):
        find_plan(task)
    plan = plan_audit(task, Asked(rows=20)).plan
    add_rows(task.folder, 200, 30)
    run(task, until="fit")
    assert plan_weekly(task, 10).name == "week-2"
    assert find_plan(task)["id"] == plan.id and list(audit_plans(task)) == [plan.id]
    assert find_plan(task, "week-1")["id"] == week.id


def test_a_plan_beside_another_of_the_same_labels_is_said_before_it_is_drawn(task, rows):
    assert not plan_audit(task, Asked(rows=20, name="spring")).beside
    assert not plan_audit(task, Asked(rows=20), store=False).beside, "it is the same plan"
    said = plan_audit(task, Asked(rows=21), store=False).beside
    assert said.startswith("Rows of these labels are drawn already, by 'spring'. Decide now")


def test_a_reviewer_gets_the_rows_in_the_order_of_the_plan_each_once(task, rows):
    plan = plan_audit(task, Asked(rows=40)).plan
    queue = audit_queue(task, rows, "ann", plan.id)
    assert queue.index.tolist() == plan.rows and len(plan.rows) < 40
    assert queue["reason"].iloc[0] == (
        f"Drawn by the audit, row 1 of {len(plan.rows)}: decide it without knowing how it was labelled."
    )
    answer(task, rows, plan, plan.rows[:2])
    decide(task, rows, [Decision(plan.rows[2], "unsure", "ann", purpose="measure", plan=plan.id)])
    assert audit_queue(task, rows, "ann", plan.id).index.tolist() == plan.rows[3:]
    assert audit_queue(task, rows, "bob", plan.id).index.tolist() == plan.rows[2:]
    double = replace(task, review={"double": 1.0})
    assert audit_queue(double, rows, "bob", plan.id).index.tolist() == plan.rows


def test_an_audit_goes_on_where_it_was_interrupted(task, rows):
    plan = plan_audit(task, Asked(rows=30)).plan
    bounds = []
    while not (queue := audit_queue(task, rows, "ann", plan.id)).empty:
        answer(task, rows, plan, queue.index[:7])
        bounds.append(audit_report(task)["promise"]["bound"])
    found = audit_report(task)
    assert found["progress"] == {"rows": len(plan.rows), "labelled": len(plan.rows), "unsure": 0, "disputed": 0, "open": 0}
    assert found["promise"]["draws"] == 30 and bounds == sorted(bounds, reverse=True)


def test_an_undone_answer_is_asked_again_and_promises_nothing(task, rows):
    plan = plan_audit(task, Asked(rows=30)).plan
    answer(task, rows, plan, plan.rows[:10])
    before = audit_report(task)["promise"]
    undone = open_record(task).undo("ann")
    assert undone.row == plan.rows[9] and audit_queue(task, rows, "ann", plan.id).index[0] == plan.rows[9]
    after = audit_report(task)["promise"]
    assert after["rows"] == 9 and after["bound"] >= before["bound"]


def test_unsure_and_disputed_rows_count_as_wrong_until_they_are_settled(task, rows):
    plan = plan_audit(task, Asked(rows=30)).plan
    drawn = open_record(task).audit(plan.id).draws.drop_duplicates("row").set_index("row")["label"]
    answer(task, rows, plan, plan.rows[1:], drawn)
    decide(task, rows, [Decision(plan.rows[0], "unsure", "ann", purpose="measure", plan=plan.id)])
    other = drawn.map({"billing": "bug", "bug": "billing"})
    answer(task, rows, plan, plan.rows[1:2], other, reviewer="bob")
    times = (plan.draws["row"].isin(plan.rows[:2])).sum()
    found = audit_report(task)
    assert found["promise"]["errors"] == times and found["progress"]["disputed"] == found["progress"]["unsure"] == 1
    assert found["descriptions"]["all"][0]["wrong"] == 0 and found["unsure"]["unsure"] == times
    assert found["agreement"]["pairs"][0] | {"kappa": 0, "low": 0, "high": 0} == {
        "reviewers": ["ann", "bob"], "n": 1, "same": 0.0, "kappa": 0, "low": 0, "high": 0,
    }  # fmt: skip
    answer(task, rows, plan, plan.rows[:2], drawn, reviewer="cy", reason=ADJUDICATION)
    assert audit_report(task)["promise"]["errors"] == 0


def test_a_drawn_row_neither_teaches_nor_is_answered_as_an_anchor(task, rows):
    decide(task, rows, [Decision(row, "label", "ann", "billing") for row in rows.ids[:60]])
    plan = plan_audit(task, Asked(rows=30)).plan
    assert not anchors(task, rows).index.isin(plan.rows).any() and len(anchors(task, rows)) < 60
    with pytest.raises(WorkbenchError, match=f"row '{plan.rows[0]}' cannot be an anchor: the audit plan"):
        decide(task, rows, [Decision(plan.rows[0], "label", "ann", "billing")])
    free = next(row for row in rows.ids if row not in plan.rows)
    with pytest.raises(WorkbenchError, match=f"row '{free}' cannot measure"):
        answer(task, rows, plan, [free])
    assert audit_report(task)["promise"]["rows"] == 0  # what was decided before it was drawn measures nothing
    assert plan.rows[0] in audit_queue(task, rows, "ann", plan.id).index


def test_answers_come_in_from_a_file_too(task, rows, tmp_path):
    plan = plan_audit(task, Asked(rows=30)).plan
    lines = [f"{row},ann,{task.labels[rows.gold[row]]},measure,{plan.id}" for row in plan.rows[:9]]
    file = tmp_path / "answers.csv"
    file.write_text("row,reviewer,label,purpose,plan\n" + "\n".join(lines) + "\n", encoding="utf-8")
    assert import_decisions(task, rows, file) == (9, 9) and import_decisions(task, rows, file) == (0, 9)
    assert audit_report(task)["promise"]["rows"] == 9
    file.write_text(f"row,reviewer,label\n{plan.rows[9]},ann,bug\n", encoding="utf-8")
    with pytest.raises(WorkbenchError, match=r"answers.csv, line 2: .* cannot be an anchor"):
        import_decisions(task, rows, file)


def test_a_promise_ends_with_its_label_set(task, rows):
    plan = plan_audit(task, Asked(rows=40)).plan
    answer(task, rows, plan, plan.rows)
    first = audit_report(task)
    assert first["label_set"]["same"] and first["new_labels"] is None
    again = run(task, until="fit")  # nothing changed: the same labels
    found = audit_report(task)
    assert found["label_set"]["words"] == (
        f"The newest run {again.id} has the same labels of the same rows, so the promise holds for it too."
    )
    change(task.folder, 'label = "bug"', 'label = "billing"', "rules.toml")
    other = run(load_task(task.folder), until="fit")
    found = audit_report(task)
    assert not found["label_set"]["same"] and found["promise"] == first["promise"]
    assert found["label_set"]["words"] == (
        f"The newest run {other.id} has other labels or rows: the promise holds for run {plan.run} only; plan again."
    )
    assert found["new_labels"]["n"] > 0 and found["new_labels"]["wrong"] != first["descriptions"]["all"][0]["wrong"]
    second = plan_audit(task, Asked(rows=40)).plan
    assert second.id != plan.id and second.rows != plan.rows and second.run == other.id


def test_a_promise_ends_where_rows_that_nobody_drew_read_otherwise(task, rows):
    plan = plan_audit(task, Asked(rows=40)).plan
    answer(task, rows, plan, plan.rows)
    free = next(row for row in rows.ids[:80] if row not in plan.rows)
    change(task.folder, f'\n{free},"', f'\n{free},"please ', "rows.csv")
    again = run(task, until="fit")
    now = task.dataset()[0]
    assert label_set(again, now, "train").labels.equals(label_set(find_run(task, plan.run), rows, "train").labels)
    assert not audit_report(task)["label_set"]["same"]


def test_a_row_edited_after_it_was_drawn_counts_as_wrong(task, rows):
    plan = plan_audit(task, Asked(rows=40)).plan
    edited, gone = plan.rows[:2]
    path = task.folder / "rows.csv"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(f"{gone},")]
    path.write_text("\n".join(kept).replace(f'{edited},"', f'{edited},"really ') + "\n", encoding="utf-8")
    now = task.dataset()[0]
    assert audit_queue(task, now, "ann", plan.id).index.tolist() == plan.rows[2:]
    answer(
        task, now, plan, [edited, *plan.rows[2:]], open_record(task).audit(plan.id).draws.set_index("row")["label"].to_dict()
    )
    found = audit_report(task)
    assert found["promise"]["errors"] == plan.draws["row"].isin([edited, gone]).sum()
    assert found["notes"] == [
        "Drawn rows that are gone from the data, and count as wrong: 1.",
        "Drawn rows that are edited since they were drawn, and count as wrong: 1.",
    ]


def test_the_votes_of_functions_on_answered_rows_are_described(task, rows):
    plan = plan_audit(task, Asked(rows=60)).plan
    answer(task, rows, plan, plan.rows)
    by_name = {line["name"]: line for line in audit_report(task)["descriptions"]["functions"]}
    tags = plan.draws["row"].map(lambda row: rows.frame["tag"][row] != task.labels[rows.gold[row]])
    assert (by_name["agent_tag"]["n"], by_name["agent_tag"]["wrong"]) == (60, tags.sum())
    assert by_name["agent_tag"]["right"] == 60 - tags.sum() and by_name["crashes"]["wrong"] == 0
    shutil.rmtree(task.runs_folder)
    found = audit_report(task)
    assert found["descriptions"]["functions"] == [] and found["notes"][0].startswith(f"Run {plan.run} is gone")
    assert found["promise"]["rows"] == len(plan.rows)


def test_failures_are_counted_among_all_labels_beside_what_is_tolerated(task, rows):
    (task.folder / "failures.toml").write_text(FAILURES + 'predicted = "bug"\nactual = "billing"\n', encoding="utf-8")
    plan = plan_audit(task, Asked(rows=40)).plan
    answer(task, rows, plan, plan.rows, dict.fromkeys(rows.ids, "billing"))
    (line,) = audit_report(task)["descriptions"]["failures"]
    crashing = plan.draws["row"].map(lambda row: "crashes" in rows.frame["text"][row])
    assert crashing.sum() == line["wrong"] > 0 and (line["n"], line["tolerated"]) == (40, 0.01)
    drawn = plan.draws["label"][crashing]
    labels = label_set(find_run(task), rows, "train").labels
    could = rows.frame["text"][labels.index].str.contains("crashes") & (labels == "bug")
    assert line["candidates"] == could.sum() and set(drawn) == {"bug"}, "candidates are labelled as `predicted` says"
    assert (line["owner"], line["verdict"]) == ("desk", "over")
    weights = plan.weights
    assert line["estimate"] == pytest.approx(weights[crashing].sum() / weights.sum())


def test_a_mistake_in_failures_toml_leaves_the_promise_alone(task, rows):
    plan = plan_audit(task, Asked(rows=20)).plan
    answer(task, rows, plan, plan.rows)
    (task.folder / "failures.toml").write_text(FAILURES.replace("high", "hihg"), encoding="utf-8")
    found = audit_report(task)
    assert found["promise"]["draws"] == 20 and found["descriptions"]["failures"] == []
    assert any("Failures are not described: failure 'crash billed'" in note and "did you mean 'high'" in note
               for note in found["notes"])  # fmt: skip


def test_several_plans_of_one_label_set_are_said(task, rows):
    plan_audit(task, Asked(rows=20))
    plan_audit(task, Asked(rows=20, seed=1))
    assert audit_report(task)["notes"][0].startswith(
        "2 plans were drawn from this label set ('audit-1', 'audit-2'): the promise of each holds"
    )


def test_a_made_up_name_is_one_that_no_plan_has(task, rows):
    for name in ("week-1", "audit-3"):
        plan_audit(task, Asked(rows=10, seed=ord(name[0]), name=name))
    assert plan_weekly(task, 10).name == "week-1b"
    add_rows(task.folder, 200, 5)
    run(task, until="fit")
    assert plan_weekly(task, 10).name == "week-2" and plan_audit(task, Asked(rows=10)).name == "audit-5"


def test_a_plan_is_found_by_name_or_the_head_of_its_id(task, rows):
    with pytest.raises(WorkbenchError, match="has no audit plan yet; make one with `workbench audit"):
        find_plan(task)
    first, second = (plan_audit(task, Asked(rows=20, seed=seed)).plan.id for seed in (0, 1))
    assert find_plan(task)["id"] == second and find_plan(task, first[:6])["id"] == first
    assert find_plan(task, "audit-1")["id"] == first
    with pytest.raises(WorkbenchError, match=r"there is no audit plan 'audit-3'; did you mean 'audit-"):
        find_plan(task, "audit-3")


def test_what_is_missing_until_a_promise_is_said_in_words():
    about = {"confidence": 0.95, "target": 0.05, "errors": 0, "least": 59, "open": 0, "left": 300, "beyond": 0, "largest": 1.4}
    none = promise_in_words({**about, "rows": 0, "draws": 0, "bound": 1.0, "more": 68})
    assert none == [
        "No row is answered yet, so nothing is promised.",
        "Label 68 more draws, each without an error, to reach the target of 5.0%: 59 in all are the least, for a single look; "
        "here every label may be looked after, and a draw weighs up to 1.4.",
    ]
    some = promise_in_words({**about, "rows": 60, "draws": 61, "bound": 0.057, "more": 8, "left": 2, "open": 1, "errors": 1})
    assert some == [
        "At most 5.7% of these labels are wrong, at 95% confidence (1 of 61 draws wrong, unsure or left out, "
        "60 rows answered).",
        "Draws that were passed over, and count as wrong until they are answered: 1.",
        "Label 8 more draws, each without an error, to reach the target of 5.0%.",
        "The plan has 2 draws left, too few for that: mend labels, or make a larger plan.",
    ]
    lost = promise_in_words({**about, "rows": 1, "draws": 90, "bound": 1.0, "more": None, "left": 2, "open": 89})
    assert lost[1:] == [
        "Draws that were passed over, and count as wrong until they are answered: 89.",
        "After these errors no number of draws up to 100,000 brings it to 5.0%: mend labels and plan again.",
    ]
    ahead = promise_in_words({**about, "rows": 6, "draws": 6, "bound": 0.4, "more": 62, "beyond": 10})
    assert ahead[1] == (
        "The promise counts the first 6 draws, as draw 7 is open; behind it 10 more rows are answered, which count once those "
        "before them are."
    )
    assert promise_in_words({**about, "rows": 70, "draws": 70, "bound": 0.049, "more": 0})[1:] == [
        "The target of 5.0% is reached."
    ]


def test_weekly_batches_measure_rows_that_are_new(task, rows):
    change(task.folder, "[label_model]", "[audit]\ntolerated = 0.1\n[label_model]", "task.toml")
    task = load_task(task.folder)
    first = plan_weekly(task, 20)
    assert first.name == "week-1" and first.plan.population == 80 and plan_weekly(task, 20) is None
    answer(task, rows, first.plan, first.plan.rows)
    add_rows(task.folder, 200, 30)
    run(task, until="fit")
    second = plan_weekly(task, 20)
    now = task.dataset()[0]
    assert second.name == "week-2" and second.plan.population == 30
    assert all(row >= "200" for row in second.plan.rows)
    answer(task, now, second.plan, second.plan.rows[:5], dict.fromkeys(now.ids, "bug"))  # all are billing
    series = weekly_series(task)
    one, two = series["batches"]
    assert one["rows"] == one["answered"] == len(first.plan.rows) and two["answered"] == 5
    assert (two["estimate"], two["budget"]) == pytest.approx((1, 10))
    share = (80 * one["estimate"] + 30) / 110
    assert series["all"] == {
        "batches": 2,
        "population": 110,
        "estimate": pytest.approx(share),
        "low": series["all"]["low"],
        "high": series["all"]["high"],
        "budget": pytest.approx(share / 0.1),
    }
    assert 0 < series["all"]["low"] < share < series["all"]["high"] < 1
    assert audit_report(task, "week-2")["label_set"]["same"]


def test_the_bound_of_a_whole_audit_holds_the_true_error_rate(tmp_path):
    """A simulated human answers with the true classes of the bundled tickets, a plan of 300 draws in their order."""
    keep = shutil.ignore_patterns("runs", "cache", "review", "__pycache__")
    for folder in ("data/tickets", "labeling_functions/tickets"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=keep)
    task = load_task(tmp_path / "data" / "tickets")
    names = ["billing_words", "auth_words", "breaks", "wishes", "money_between_us", "door_in_log", "agents_own_words"]
    off = [function.name for function in task.functions() if function.name not in names]
    task = replace(task, disabled=tuple(off), label_model={"model": "majority_vote"})
    rows = task.dataset()[0]
    done = run(task, until="fit")
    plan = plan_audit(task, Asked(rows=300, by=["channel"])).plan
    truth = task.train_truth(rows).map(dict(enumerate(task.labels)))
    labels = label_set(done, rows, "train").labels
    wrong = (truth[labels.index] != labels).mean()
    for part in np.array_split(np.array(plan.rows, dtype=object), 3):
        answer(task, rows, plan, part, truth)
        found = audit_report(task)
        assert found["promise"]["bound"] >= wrong
    (whole,) = found["descriptions"]["all"]
    assert whole["n"] == 300 and whole["low"] <= wrong <= whole["high"]
    assert found["promise"]["bound"] < wrong + 0.12
    assert all(line["errors"] <= line["draws"] == line["answered"] for line in found["strata"])
