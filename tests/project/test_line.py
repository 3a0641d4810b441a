"""The line, rows to scores, on a task of 120 rows."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.io.votes import read_soft_labels
from workbench.project.runs import find_run, list_runs
from workbench.project.steps.check import check
from workbench.project.steps.evaluate import rescore, skip_reason
from workbench.project.steps.predict import predict
from workbench.project.steps.run import STAGES, run
from workbench.project.task import load_task
from workbench.tables import VoteMatrix, WorkbenchError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def change(task_folder, old, new, file="task.toml"):
    path = task_folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_run_puts_every_model_side_by_side(tiny_task):
    done = run(load_task(tiny_task))
    metrics = done.metrics()
    assert list(metrics) == ["label_model", "end_model", "ceiling", "pgr"]
    assert set(metrics["label_model"]) == {"majority_vote", "generative", "snorkel"}
    for scores in (*metrics["label_model"].values(), metrics["end_model"], metrics["ceiling"]):
        every = scores["test"]["all"]
        assert set(every) >= {"split", "rows", "n", "accuracy", "macro_f1", "log_loss", "ece", "interval"}
        assert every["n"] == 25
        assert every["accuracy"] > 0.8
    names = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    assert names >= {
        "votes.parquet", "diagnosis.json", "pairs.parquet", "soft_labels.parquet", "metrics.json", "run.json",
        "export/train.parquet", "export/train.csv", "export/train.jsonl", "export/manifest.json", "export/card.md",
        "answers/majority_vote.parquet", "answers/generative.parquet", "answers/end_model.parquet", "answers/ceiling.parquet",
    }  # fmt: skip


@pytest.mark.parametrize("until", STAGES[:-1])
def test_a_shorter_verb_ends_the_line_earlier(tiny_task, until):
    done = run(load_task(tiny_task), until=until)
    made = {
        "apply": "votes.parquet",
        "diagnose": "diagnosis.json",
        "fit": "soft_labels.parquet",
        "export": "export",
        "train": "end_model",
    }
    there = {stage for stage, name in made.items() if (done.folder / name).exists()}
    assert there == set(STAGES[: STAGES.index(until) + 1])
    with pytest.raises(WorkbenchError, match=f"ended at '{until}'"):
        done.metrics()


def test_runs_are_never_overwritten(tiny_task):
    task = load_task(tiny_task)
    first, second = run(task, until="fit"), run(task, until="apply")
    assert [one.id for one in list_runs(task)] == [first.id, second.id]
    assert find_run(task).id == second.id
    assert find_run(task, holding="soft_labels.parquet").id == first.id
    with pytest.raises(WorkbenchError, match=f"no run 'nope'; the newest are {first.id}, {second.id}"):
        find_run(task, "nope")


def test_a_run_that_fails_leaves_nothing_behind(tiny_task):
    change(tiny_task, 'model = "generative"', 'model = "generative"\nclass_balance = [0.5]')
    task = load_task(tiny_task)
    with pytest.raises(WorkbenchError, match="1 shares for 2 labels"):
        run(task)
    assert list_runs(task) == []
    assert list(task.runs_folder.iterdir()) == []


def test_the_same_task_gives_the_same_bytes(tiny_task):
    task = load_task(tiny_task)
    first, second = run(task), run(task)
    for name in (
        "export/train.csv",
        "export/train.parquet",
        "export/manifest.json",
        "metrics.json",
        "answers/end_model.parquet",
    ):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


@pytest.mark.parametrize("split", ["train", "test"])
def test_gold_of_train_and_test_teaches_nothing(tiny_task, split):
    task = load_task(tiny_task)
    before = run(task)
    lines = (tiny_task / "rows.csv").read_text(encoding="utf-8").splitlines()
    swap = {"billing": "bug", "bug": "billing"}
    cheated = [lines[0]]
    for line in lines[1:]:
        *cells, label, of_split = line.split(",")
        cheated.append(",".join([*cells, swap[label] if of_split == split else label, of_split]))
    (tiny_task / "rows.csv").write_text("\n".join(cheated) + "\n", encoding="utf-8")
    after = run(task)
    assert np.array_equal(before.soft_labels().probs, after.soft_labels().probs)
    student = [read_soft_labels(one.folder / "answers" / "end_model.parquet").probs for one in (before, after)]
    assert np.array_equal(*student)


def test_who_writes_functions_sees_valid_gold_only(tiny_task):
    diagnosis = run(load_task(tiny_task), until="diagnose").diagnosis()
    tag = next(row for row in diagnosis["functions"] if row["lf"] == "agent_tag")
    assert tag["n_gold"] == 15
    assert diagnosis["gold"] == "valid"
    assert {row["slice"] for row in diagnosis["slices"]} == {"pro"}


def test_the_balance_of_valid_can_be_used(tiny_task):
    change(tiny_task, 'model = "generative"', 'model = "majority_vote"\nclass_balance = "valid"')
    soft = run(load_task(tiny_task), until="fit").soft_labels()
    uncovered = soft.probs[~soft.covered]
    assert len(uncovered) == 0 or np.allclose(uncovered, [8 / 15, 7 / 15])


def test_no_gold_at_all_is_fine(tiny_task):
    change(tiny_task, 'gold = "label"', "")
    metrics = run(load_task(tiny_task)).metrics()
    assert metrics["end_model"]["test"]["all"]["accuracy"] is None
    assert metrics["end_model"]["test"]["all"]["reason"]
    assert "no gold" in metrics["ceiling"]["skipped"]
    assert metrics["pgr"]["value"] is None and metrics["pgr"]["reason"]


def test_votes_without_splits_and_text_skip_the_end_model(tiny_task):
    change(tiny_task, 'split = "split"', "")
    change(tiny_task, 'features = ["tfidf"]', "enabled = false")
    metrics = run(load_task(tiny_task)).metrics()
    assert metrics["end_model"]["skipped"] == "the end model is switched off in task.toml"


def test_stored_answers_are_scored_again(tiny_task):
    task = load_task(tiny_task)
    done = run(task)
    assert json.loads(json.dumps(rescore(done, task.dataset()[0]))) == done.metrics()


def test_a_new_file_is_labelled(tiny_task, tmp_path):
    task = load_task(tiny_task)
    done = run(task, until="train")
    source, target = tmp_path / "new.csv", tmp_path / "out.csv"
    source.write_text("id,text\na,refund this invoice\nb,it crashes with an error\n", encoding="utf-8")
    assert predict(task, done, source, target) == (2, [])
    answers = pd.read_csv(target, index_col="id")
    assert answers["predicted"].to_dict() == {"a": "billing", "b": "bug"}
    assert np.allclose(answers["p_billing"] + answers["p_bug"], 1)
    with pytest.raises(WorkbenchError, match="the file to be read"):
        predict(task, done, source, source)


def test_check_finds_what_is_wrong(tiny_task):
    fine = check(load_task(tiny_task))
    assert (fine.rows, fine.functions, fine.examples, fine.problems) == (120, 5, 3, [])
    change(tiny_task, 'fires = ["my invoice is wrong"]', 'fires = ["hello"]', "rules.toml")
    change(tiny_task, 'column = "tag"', 'column = "tga"', "rules.toml")
    first, second = check(load_task(tiny_task)).problems
    assert "says_invoice abstained on 'hello', which it says it fires on" in first
    assert "agent_tag failed on 120 of 120 sampled rows" in second and "'tag'" in second


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "tiny"', 'nmae = "tiny"', "unknown key 'nmae'"),
        ('id = "id"', 'idd = "id"', r"unknown key 'idd' in .*\[data\]"),
        (
            'model = "generative"',
            'model = "snorkle"',
            "model 'snorkle' is unknown; known are majority_vote, generative, snorkel",
        ),
        ('model = "generative"', 'modle = "generative"', r"unknown key 'modle' in .*did you mean 'model'"),
        ('model = "generative"', 'model = "generative"\nstrenght = 3', r"unknown key 'strenght' in .*\[label_model\]"),
        ('features = ["tfidf"]', "epoch = 3", r"unknown key 'epoch' in .*\[end_model\]"),
        ("[slices]", "[export]\nmin_agrement = 0.5\n[slices]", r"unknown key 'min_agrement' in .*\[export\]"),
        ('labels = ["billing", "bug"]', 'labels = ["billing"]', "'bug'"),
        ("format = 1", "format = 2", "format"),
    ],
    ids=[
        "top key",
        "data key",
        "model",
        "model key",
        "model setting",
        "end model setting",
        "export setting",
        "gold outside",
        "newer format",
    ],
)
def test_a_wrong_task_file_is_one_sentence(tiny_task, old, new, message):
    change(tiny_task, old, new)
    with pytest.raises(WorkbenchError, match=message) as caught:
        run(load_task(tiny_task))
    assert "\n" not in str(caught.value)


def test_two_functions_of_one_name_are_refused_with_both_places(tiny_task):
    change(tiny_task, 'name = "error_code"', 'name = "crashes"', "rules.toml")
    with pytest.raises(WorkbenchError, match=r"two functions are called 'crashes', at functions:\d+ and rules.toml"):
        load_task(tiny_task).functions()


def test_snorkel_is_left_out_where_it_would_take_minutes():
    votes = VoteMatrix.from_array(np.zeros((1, 300)), [str(c) for c in range(10)])
    assert skip_reason("snorkel", votes).startswith("300 functions x 10 classes = 3,000")
    assert skip_reason("generative", votes) is None
