"""A typed row: what the end model, the functions and the label model say of it, here and in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.end_model import EndModel
from workbench.project.steps.one_row import answer, cells, open_run, run_to_ask, typed_row
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.project.trying import Tryer
from workbench.tables import Dataset, WorkbenchError

UNRULY = '''
import os, sys, time
from workbench import ABSTAIN, labeling_function


@labeling_function()
def unruly(row):
    """It does what it is told."""
    if "print" in row.text:
        print('{"answer": "mine"}', input() if "input" in row.text else "", flush=True)
    if "loop" in row.text:
        while True:
            time.sleep(0.01)
    if "explode" in row.text:
        sys.stderr.write("the disk is full\\n")
        os._exit(3)
    return "bug" if "unruly" in row.text else 1 // 0 if "fault" in row.text else ABSTAIN
'''


@pytest.fixture
def fitted(tiny_task):
    """Return a task without an end model, one of whose functions is unruly, after a run that ended with its labels."""
    path = tiny_task / "task.toml"
    path.write_text(path.read_text().replace('features = ["tfidf"]', "enabled = false"))
    (load_task(tiny_task).functions_folder / "unruly.py").write_text(UNRULY)
    return load_task(tiny_task), run(load_task(tiny_task), until="fit").id


@pytest.fixture
def tryer():
    """Return a process that answers, ended with the test."""
    one = Tryer(answering=2.0)
    yield one
    one.close()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---------------------------------------------------------------- the answer


def test_the_answer_is_that_of_the_models_of_the_run(tiny_task):
    task = load_task(tiny_task)
    done = run(task, until="train")
    dataset, votes, soft = task.dataset()[0], done.votes(), done.soft_labels()
    opened = open_run(task, done)
    row = dataset.ids[3]
    said = answer(opened, dataset.frame.loc[row].to_dict())
    cast = {name: votes.labels[vote] for name, vote in zip(votes.lfs, votes.votes[3], strict=True) if vote >= 0}
    assert {vote["lf"]: vote["label"] for vote in said["functions"]["votes"]} == cast
    assert said["functions"]["silent"] == len(votes.lfs) - len(cast)
    assert said["label_model"] == {"probs": dict(zip(soft.labels, soft.probs[3], strict=True)), "covered": True}
    model = EndModel.load(done.end_model_folder())
    expected = model.predict_proba(dataset.take(np.array([3]))).probs[0]
    assert list(said["end_model"]["probs"].values()) == pytest.approx(list(expected), abs=1e-6)
    nothing = answer(opened, {"text": "hello"})
    assert nothing["functions"]["votes"] == [] and nothing["label_model"]["covered"] is False
    assert nothing["label_model"]["probs"] == pytest.approx(done.label_model()["class_balance"])


def test_the_command_line_says_the_same(fitted):
    task, _ = fitted
    typed = ["predict", str(task.folder), "--text", "refund unruly, print", "--column", "plan=pro"]
    answered = CliRunner().invoke(main, typed)
    assert answered.exit_code == 0, answered.output
    assert "asks_refund votes billing" in answered.stdout and "unruly votes bug" in answered.stdout
    assert "holds no end_model" in answered.stdout and "mine" not in answered.stdout
    found = json.loads(CliRunner().invoke(main, [*typed, "--json"]).stdout)
    assert found == answer(open_run(task, run_to_ask(task, None)), cells(task, ["refund unruly"], ["plan=pro"]))
    for wrong, said in (([], "needs SOURCE and one TARGET, or --text"), (["--text", "a", "--text", "b"], "2 texts are given")):
        answered = CliRunner().invoke(main, ["predict", str(task.folder), *wrong])
        assert answered.exit_code == 2 and said in answered.stderr


def test_functions_that_changed_after_the_run_say_so_and_new_ones_do_not_count(fitted):
    task, run_id = fitted
    file = task.functions_folder / "functions.py"
    file.write_text(file.read_text().replace('"refund" in', '"refund" in row.text and "please" in') + ADDED)
    said = answer(open_run(task, run_to_ask(task, run_id)), {"text": "please refund the parcel"})
    assert said["functions"]["votes"] == [
        {"lf": "asks_refund", "label": "billing", "since": "changed"},
        {"lf": "parcels", "label": "bug", "since": "new"},
    ]
    assert said["label_model"]["probs"]["billing"] > 0.5
    file.write_text("def broken(:\n")
    said = answer(open_run(task, run_to_ask(task, run_id)), {"text": "please"})
    assert "functions.py" in said["functions"]["reason"] and "cannot be loaded" in said["label_model"]["reason"]


ADDED = """

@labeling_function()
def parcels(row):
    return BUG if "parcel" in row.text else ABSTAIN
"""


def test_a_label_model_that_is_not_kept_is_fitted_again(tiny_task):
    path = tiny_task / "task.toml"
    path.write_text(path.read_text().replace('model = "generative"', 'model = "weighted_vote"'))
    task = load_task(tiny_task)
    done = run(task, until="fit")
    opened = open_run(task, done)
    dataset, soft = task.dataset()[0], done.soft_labels()
    said = answer(opened, dataset.frame.loc[dataset.ids[3]].to_dict())
    assert said["label_model"]["probs"] == pytest.approx(dict(zip(soft.labels, soft.probs[3], strict=True)))


def test_cells_have_the_types_of_their_columns():
    frame = pd.DataFrame(
        {"text": ["a"], "n": [1], "share": [0.5], "on": [True], "plan": ["pro"], "at": pd.to_datetime(["2026"])}
    )
    head = Dataset(frame.set_index(pd.Index(["x"])), ("ham", "spam"))
    row = typed_row({"n": "3", "share": "1", "on": "False", "plan": "7", "at": "2026-02-01"}, head).frame.iloc[0]
    assert (row["text"], row["n"], row["share"], row["on"], row["plan"]) == ("", 3, 1.0, False, "7")
    assert row["at"] == pd.Timestamp("2026-02-01")
    empty = typed_row({"n": "", "plan": None}, head)
    assert empty.frame.drop(columns="text").isna().all(axis=None) and empty.frame["n"].dtype == float
    assert typed_row({"n": "2.5"}, head).frame["n"].tolist() == [2.5]
    for cell, said in (
        ({"n": "many"}, "column 'n' holds numbers, and 'many' is none; give one, or leave it empty"),
        ({"on": "1"}, "column 'on' holds true or false, and '1' is neither"),
        ({"at": "soon"}, "column 'at' holds dates, and 'soon' is none"),
        ({"paln": "x"}, r"there is no column 'paln'; the rows have .*; did you mean 'plan'"),
    ):
        with pytest.raises(WorkbenchError, match=said):
            typed_row(cell, head)


# ---------------------------------------------------------------- the process


def test_a_process_answers_and_stays_and_what_functions_print_is_no_answer(fitted, tryer):
    task, run_id = fitted
    assert tryer.pid is None
    tryer.ready(task.folder, run_id)
    pid = tryer.pid
    said = tryer.ask(task.folder, run_id, {"text": "refund, print"})
    assert said == answer(open_run(task, run_to_ask(task, run_id)), {"text": "refund"})
    assert [one["lf"] for one in said["functions"]["votes"]] == ["asks_refund"]
    said = tryer.ask(task.folder, run_id, {"text": "print input"})  # there is nobody to type
    assert said["functions"]["faults"] == [{"lf": "unruly", "error": "EOFError: EOF when reading a line"}]
    with pytest.raises(WorkbenchError, match="there is no column 'txt'"):
        tryer.ask(task.folder, run_id, {"txt": "a mistake ends nothing"})
    file = task.functions_folder / "functions.py"
    file.write_text(file.read_text() + ADDED)
    assert tryer.ask(task.folder, run_id, {"text": "parcel"})["functions"]["votes"][0]["lf"] == "parcels", "edits are seen"
    assert tryer.pid == pid


def test_a_function_that_hangs_or_crashes_is_named_and_the_next_question_is_answered(fitted, tryer):
    task, run_id = fitted
    tryer.ask(task.folder, run_id, {"text": "refund"})
    first = tryer.pid
    with pytest.raises(WorkbenchError, match="no answer within 2 s, so it was stopped: labeling function 'unruly' was at work"):
        tryer.ask(task.folder, run_id, {"text": "loop"})
    assert tryer.pid is None and not alive(first)
    with pytest.raises(WorkbenchError, match="ended with code 3 while unruly was at work: the disk is full; ask again"):
        tryer.ask(task.folder, run_id, {"text": "explode"})
    assert tryer.ask(task.folder, run_id, {"text": "unruly"})["functions"]["votes"][0]["lf"] == "unruly"


def test_an_idle_process_ends_and_another_takes_over(fitted):
    task, run_id = fitted
    tryer = Tryer(idle=0.3)
    tryer.ask(task.folder, run_id, {"text": "refund"})
    first = tryer.pid
    while tryer.pid is not None:
        time.sleep(0.05)
    assert tryer.ask(task.folder, run_id, {"text": "refund"}) and tryer.pid != first
    tryer.close()


def test_the_process_ends_with_the_one_that_asks(fitted):
    task, run_id = fitted
    code = f"""
import os, threading, time
from pathlib import Path
from workbench.project.trying import Tryer
tryer = Tryer()
tryer.ask(Path({str(task.folder)!r}), {run_id!r}, {{"text": "refund"}})
print(tryer.pid, flush=True)
threading.Thread(target=tryer.ask, args=(Path({str(task.folder)!r}), {run_id!r}, {{"text": "loop"}}), daemon=True).start()
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        time.sleep(0.5)  # so that a function is at work
        os.kill(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(pid)
