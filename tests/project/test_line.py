"""The line, rows to scores, on a task of 120 rows."""

import json
import re
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from workbench.io.votes import read_soft_labels
from workbench.label_models import GenerativeModel, MajorityVote
from workbench.project import steps
from workbench.project.overview import MODELS, scoreboard
from workbench.project.runs import find_run, list_runs
from workbench.project.steps.check import check
from workbench.project.steps.evaluate import rescore, skip_reason
from workbench.project.steps.fit import doubts, make_label_model
from workbench.project.steps.predict import open_model, predict
from workbench.project.steps.run import STAGES, run
from workbench.project.task import load_task
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError


def change(task_folder, old, new, file="task.toml"):
    path = task_folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_run_puts_every_model_side_by_side(tiny_task):
    done = run(load_task(tiny_task))
    metrics = done.metrics()
    assert list(metrics) == ["label_model", "end_model", "logistic", "ceiling", "pgr", "gains", "uncovered", "overruled"]
    assert set(metrics["label_model"]) == {"majority_vote", "generative", "snorkel"}
    for scores in (*metrics["label_model"].values(), metrics["end_model"], metrics["logistic"], metrics["ceiling"]):
        every = scores["test"]["all"]
        assert set(every) >= {"split", "rows", "n", "accuracy", "macro_f1", "log_loss", "ece", "interval"}
        assert every["n"] == 25
        assert every["accuracy"] > 0.8
    names = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    assert names >= {
        "votes.parquet", "diagnosis.json", "pairs.parquet", "soft_labels.parquet", "metrics.json", "run.json",
        "export/train.parquet", "export/train.csv", "export/train.jsonl", "export/manifest.json", "export/card.md",
        "answers/majority_vote.parquet", "answers/generative.parquet", "answers/end_model.parquet", "answers/ceiling.parquet",
        "answers/logistic.parquet",
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
    change(tiny_task, 'gold = "label"', "")
    change(tiny_task, 'model = "generative"', 'model = "generative"\nclass_balance = "valid"')
    task = load_task(tiny_task)
    with pytest.raises(WorkbenchError, match="needs gold in the valid split"):
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
    change(tiny_task, '"invoice", "subscription"', '"nothing of the kind"', "rules.toml")
    change(tiny_task, 'kind = "column"', 'kind = "column"\nenabled = false', "rules.toml")
    change(tiny_task, 'fires = ["my invoice is wrong"]', "", "rules.toml")
    soft = run(load_task(tiny_task), until="fit").soft_labels()
    uncovered = soft.probs[~soft.covered]
    gold = load_task(tiny_task).dataset()[0].select("valid").gold
    assert len(uncovered) > 10 and np.allclose(uncovered, [(gold == 0).mean(), (gold == 1).mean()])


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


@pytest.mark.parametrize("name", ["weighted_vote", "dawid_skene", "triplet"])
def test_a_chosen_label_model_stands_beside_the_usual_ones(tiny_task, name):
    change(tiny_task, 'model = "generative"', f'model = "{name}"')
    change(tiny_task, 'features = ["tfidf"]', "enabled = false")
    task = load_task(tiny_task)
    done = run(task)
    assert list(done.metrics()["label_model"]) == ["majority_vote", "generative", "snorkel", name]
    assert done.label_model()["model"] == type(make_label_model(task, name)).__name__
    assert list(scoreboard(done.metrics(), "test", "all").index)[3] == MODELS[name]
    assert json.loads(json.dumps(rescore(done, task.dataset()[0]))) == done.metrics()


def test_answers_to_other_labels_or_rows_are_not_scored(tiny_task):
    task = load_task(tiny_task)
    done = run(task)
    change(tiny_task, '"billing", "bug"', '"bug", "billing"')
    with pytest.raises(WorkbenchError, match=r"answered with the labels \['billing', 'bug'\], and the task now has others"):
        rescore(done, load_task(tiny_task).dataset()[0])
    change(tiny_task, '"bug", "billing"', '"billing", "bug"')
    change(tiny_task, 'number 1",free,bug,bug,train', 'number 1",free,bug,bug,test', "rows.csv")
    with pytest.raises(WorkbenchError, match="has not answered row '001', which is outside train now"):
        rescore(done, task.dataset()[0])


def test_the_ceiling_learns_from_rows_with_known_gold_alone(tiny_task, monkeypatch):
    text = (tiny_task / "rows.csv").read_text(encoding="utf-8")
    few = [re.sub(r",(billing|bug),train$", ",,train", line) if i > 20 else line for i, line in enumerate(text.splitlines())]
    (tiny_task / "rows.csv").write_text("\n".join(few) + "\n", encoding="utf-8")
    taught = []
    monkeypatch.setattr(
        steps.evaluate, "train_on_gold", lambda task, dataset, soft, progress, reuse: taught.append((dataset, soft, progress))
    )
    told = []
    steps.evaluate.train_ceiling(load_task(tiny_task), load_task(tiny_task).dataset()[0], told.append)
    ((dataset, soft, progress),) = taught
    assert progress == told.append, "its epochs are told"
    assert len(dataset) == 20 and set(dataset.split) == {"train"} and soft.covered.all()


def test_an_export_without_rows_is_said_and_the_run_goes_on(tiny_task):
    change(tiny_task, "[slices]", "[export]\nmin_agreement = 1.0\nmin_confidence = 1.0\n[slices]")
    done = run(load_task(tiny_task), until="export")
    assert not (done.folder / "export").exists()
    assert any("No row is left to export: of 120 rows the filters removed" in note for note in done.about["notes"])


def test_the_card_carries_the_notes_and_the_manifest_every_setting(tiny_task):
    done = run(load_task(tiny_task), until="export")
    manifest = json.loads((done.folder / "export" / "manifest.json").read_text())
    assert manifest["settings"]["strength"] == 100.0 and manifest["seed"] == 0
    assert manifest["warnings"] == done.about["notes"] != []
    assert done.about["notes"][-1] in (done.folder / "export" / "card.md").read_text()


def test_what_the_label_model_learned_is_kept(tiny_task):
    learned = run(load_task(tiny_task), until="fit").label_model()
    assert set(learned["accuracy"]) == {"asks_refund", "crashes", "says_invoice", "error_code", "agent_tag"}
    assert 0.5 < learned["accuracy"]["agent_tag"] < 1
    assert sum(learned["class_balance"].values()) == pytest.approx(1)
    assert sum(learned["covered_balance"].values()) == pytest.approx(1)  # and what the rows with votes got


def test_classes_that_lost_all_their_votes_are_said():
    votes = VoteMatrix.from_array([[0, 1], [0, -1], [-1, 1]], ["ham", "spam"])
    all_ham = SoftLabels(votes.ids, votes.labels, [[0.9, 0.1]] * 3, votes.covered)
    model = MajorityVote().fit(votes)
    (sentence,) = doubts(all_ham, votes, model)
    assert "gives no row to 'spam' (2 votes)" in sentence
    even = SoftLabels(votes.ids, votes.labels, [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], votes.covered)
    assert doubts(even, votes, model) == []
    assert "not converged in 1 iterations" in doubts(even, votes, GenerativeModel(max_iter=1).fit(votes))[0]


ASKS = """
from workbench.lfs import probabilities


def client(texts):
    raise RuntimeError("asked")


judge = probabilities(client, name="judge", version="1", cache=False)
"""


def test_calls_are_counted_before_they_are_made(tiny_task):
    (tiny_task.parents[1] / "labeling_functions" / "tiny" / "asks.py").write_text(ASKS)
    found = check(load_task(tiny_task))
    assert found.problems == []
    assert "judge is about to ask its client about 120 texts when the task is run" in found.notes
    said = []
    done = run(load_task(tiny_task), until="apply", say=said.append)
    assert said == ["judge is about to ask its client about 120 texts"]
    assert done.votes().stopped["judge"].startswith("it failed on more than 50% of the rows, first with: RuntimeError: asked")
    assert any(note.startswith("judge was stopped, so this run is partial") for note in done.about["notes"])


def test_a_column_called_id_survives_prediction(tiny_task, tmp_path):
    change(tiny_task, 'id = "id"', "")
    task = load_task(tiny_task)
    done = run(task, until="train")
    source, target = tmp_path / "new.csv", tmp_path / "out.csv"
    source.write_text("id,text\nmine,refund this invoice\n", encoding="utf-8")
    predict(open_model(task, done), source, target, keep=["id"])
    assert pd.read_csv(target)["data:id"].tolist() == ["mine"]


def test_check_finds_what_is_wrong(tiny_task):
    fine = check(load_task(tiny_task))
    assert (fine.rows, fine.sampled, list(fine.functions["examples"]), fine.problems) == (120, 120, [2, 0, 1, 0, 0], [])
    assert fine.functions.loc["says_invoice", "voted"] > 0 and (fine.functions["microseconds"] > 0).all()
    change(tiny_task, 'fires = ["my invoice is wrong"]', 'fires = ["hello"]', "rules.toml")
    change(tiny_task, 'column = "tag"', 'column = "tga"', "rules.toml")
    first, second = check(load_task(tiny_task)).problems
    assert "says_invoice abstained on 'hello', which it says it fires on" in first
    assert "agent_tag failed on 120 of 120 sampled rows" in second and "'tag'" in second


def test_a_check_of_forty_functions_takes_less_than_three_seconds(tiny_task):
    rule = '[[rule]]\nname = "rule_{}"\nkind = "keyword"\nwords = ["number {}"]\nlabel = "bug"\n'
    function = "\n@labeling_function()\ndef function_{}(row):\n    return 0 if 'number {}' in row.text else -1\n"
    functions = load_task(tiny_task).functions_folder / "functions.py"
    for path, one in ((tiny_task / "rules.toml", rule), (functions, function)):
        with path.open("a", encoding="utf-8") as file:
            file.writelines(one.format(i, i) for i in range(20))
    start = time.process_time()
    assert len(check(load_task(tiny_task)).functions) == 45
    assert time.process_time() - start < 3


def test_check_names_a_function_that_hangs_where_there_are_workers(tiny_task):
    change(tiny_task, "[slices]", "[apply]\nworkers = 1\nseconds = 0.5\n[slices]")
    functions = load_task(tiny_task).functions_folder / "functions.py"
    with functions.open("a", encoding="utf-8") as file:
        file.write("\n@labeling_function()\ndef hangs(row):\n    while True:\n        pass\n")
    found = check(load_task(tiny_task))
    limit = "it ran longer than 0.5 s on 120 rows; if it is only slow, raise `seconds`, a setting of Processes and of [apply]"
    assert found.problems == [f"hangs was stopped: {limit}"]
    assert found.functions.loc["says_invoice", "voted"] > 0 and found.functions.loc["hangs", "voted"] == 0


EXITS = """
import os


@labeling_function(fires=["goodbye"])
def leaves(row):
    return os._exit(7) if "goodbye" in row.text else -1


@labeling_function(fires=["hello"])
def breaks_its_word(row):
    return -1
"""


def test_check_names_a_function_that_ends_its_process_on_an_example(tiny_task):
    change(tiny_task, "[slices]", "[apply]\nworkers = 1\n[slices]")
    functions = load_task(tiny_task).functions_folder / "functions.py"
    with functions.open("a", encoding="utf-8") as file:
        file.write(EXITS)
    found = check(load_task(tiny_task))
    assert sorted(found.problems) == [
        "breaks_its_word abstained on 'hello', which it says it fires on",
        "leaves was stopped: on its unit examples it ended its process (exit code 7)",
    ]
    assert found.functions.loc["leaves", "voted"] == 0 and found.functions.loc["says_invoice", "voted"] > 0


FAILS = """
@labeling_function()
def fails(row):
    raise KeyError("x" * 900)


@labeling_function()
def dead(row):
    return -1


@labeling_function()
def crashes_too(row):
    return BUG if "crashes" in row.text else ABSTAIN
"""


def test_check_keeps_its_notes_about_the_functions_that_did_not_fail(tiny_task):
    functions = load_task(tiny_task).functions_folder / "functions.py"
    with functions.open("a", encoding="utf-8") as file:
        file.write(FAILS)
    found = check(load_task(tiny_task))
    assert len(found.problems) == 1 and found.problems[0].startswith("fails failed on 120 of 120 sampled rows")
    assert len(found.problems[0]) < 300, "a long error is cut"
    notes = [note for note in found.notes if note.startswith("Function")]
    assert [note.split(" votes on 0")[0] for note in notes[:1]] == ["Function 'dead'"]
    assert "'crashes' and 'crashes_too' say the same" in notes[1] and len(notes) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "tiny"', 'nmae = "tiny"', "unknown key 'nmae'"),
        ('id = "id"', 'idd = "id"', r"unknown key 'idd' in .*\[data\]"),
        (
            'model = "generative"',
            'model = "snorkle"',
            "model 'snorkle' is unknown; known are 'majority_vote', .*did you mean 'snorkel'",
        ),
        ('model = "generative"', 'modle = "generative"', r"unknown key 'modle' in .*did you mean 'model'"),
        ('model = "generative"', 'model = "generative"\nstrenght = 3', r"unknown key 'strenght' in .*\[label_model\]"),
        ('features = ["tfidf"]', "epoch = 3", r"unknown key 'epoch' in .*\[end_model\]"),
        ('features = ["tfidf"]', 'epochs = "ten"', r"epochs in .*must be a whole number"),
        ('features = ["tfidf"]', "epochs = 0", "epochs is 0; it must be 1 or more"),
        ('features = ["tfidf"]', 'enabled = "false"', r"enabled in .*must be true or false"),
        ('model = "generative"', 'strength = "a lot"', r"strength in .*must be a number"),
        ('model = "generative"', "accuracy = 0.2", "accuracy is 0.2; the prior is better than chance"),
        ('model = "generative"', 'class_balance = ["a", "b"]', r"class_balance in .*must be"),
        ('model = "generative"', "class_balance = [0.5]", "1 shares for 2 labels"),
        ("[slices]", "[apply]\nworkers = 0\n[slices]", "workers is 0; give a whole number"),
        ("[slices]", '[export]\nformats = "csv"\n[slices]', r"formats in .*must be a list of strings"),
        ("[slices]", '[export]\nsplits = "train"\n[slices]', r"splits in .*must be a list"),
        ("[slices]", '[export]\ncovered_only = "no"\n[slices]', r"covered_only in .*must be true or false"),
        ('split = "split"', "split = 3", r"split in .*must be"),
        ('id = "id"', 'id = ["id"]', r"id in .*must be a string"),
        ("[slices]", "[export]\nmin_agrement = 0.5\n[slices]", r"unknown key 'min_agrement' in .*\[export\]"),
        ('labels = ["billing", "bug"]', 'labels = ["billing"]', "are 'billing'; give at least two"),
        ("format = 1", "format = 2", "format"),
    ],
    ids=lambda value: value[:32] if isinstance(value, str) else None,
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


KEPT = """
import sys
from workbench.project.steps.run import run
from workbench.project.task import load_task

votes = run(load_task(sys.argv[1]), until="apply").votes()
print((votes.votes >= 0).any(axis=0).all(), "spacy" in sys.modules)
"""


def test_spacy_is_not_loaded_where_all_votes_are_kept(tiny_task):
    with (tiny_task / "rules.toml").open("a", encoding="utf-8") as file:
        file.write('[[rule]]\nname = "page"\nkind = "phrase"\nphrases = ["page shows"]\nlabel = "bug"\n')
    functions = load_task(tiny_task).functions_folder / "functions.py"
    with functions.open("a", encoding="utf-8") as file:
        file.write("\nfrom workbench.lfs import token_pattern\nbutton = token_pattern([{'LOWER': 'button'}], BUG)\n")
    command = [sys.executable, "-c", KEPT, tiny_task]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)]
    assert said == [["True", "True"], ["True", "False"]]
