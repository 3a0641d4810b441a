"""Clients that answer with probabilities: asked once a text, answers kept, faults kept apart."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from workbench import Dataset, apply_lfs
from workbench.lfs import probabilities
from workbench.tables import WorkbenchError


class Client:
    """Answers by the text, and remembers what it was asked."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __call__(self, texts):
        self.asked.append(list(texts))
        if "crash" in texts:
            raise ConnectionError("no line")
        return [self.answers.get(text, {"ham": 0.5, "spam": 0.5}) for text in texts]

    def __getstate__(self):
        return self.answers  # the log of questions is no setting


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


def data(*texts, labels=("ham", "spam")):
    return Dataset(pd.DataFrame({"text": texts}, index=[f"r{i}" for i in range(len(texts))]), labels=labels)


def ask(client, *texts, labels=("ham", "spam"), chunk_rows=10_000, **options):
    function = probabilities(client, **{"name": "judge", "version": "1", "threshold": 0.6, **options})
    votes = apply_lfs([function], data(*texts, labels=labels), chunk_rows=chunk_rows, max_faults=1)
    return votes.votes[:, 0].tolist(), votes.faults


def test_the_likeliest_class_above_the_threshold_is_voted():
    client = Client(a={"spam": 0.9, "ham": 0.1}, b={"ham": 0.6}, c={"spam": 0.59}, d=[0.2, 0.8], e=np.array([1.0, 0.0]))
    votes, faults = ask(client, "a", "b", "c", "d", "e", "tie", "", "  ")
    assert votes == [1, 0, -1, 1, 0, -1, -1, -1] and faults.empty
    assert client.asked == [["a", "b", "c", "d", "e", "tie"]]  # blank texts are not asked about


def test_a_text_is_asked_once_and_its_answer_kept():
    client = Client(a=[0, 1])
    assert ask(client, "a", "b", "a", chunk_rows=1)[0] == [1, -1, 1]
    assert ask(client, "b", "a", "c")[0] == [-1, 1, -1]
    assert client.asked == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("change", [{"version": "2"}, {"name": "other"}], ids=["version", "name"])
def test_another_name_or_version_asks_anew(change):
    client = Client()
    ask(client, "a")
    ask(client, "a", **change)
    assert client.asked == [["a"], ["a"]]


def test_another_threshold_uses_what_is_kept():
    client = Client(a=[0.3, 0.7])
    assert ask(client, "a")[0] == [1]
    assert ask(client, "a", threshold=0.8)[0] == [-1]
    assert client.asked == [["a"]]


def test_pending_calls_are_counted_before_anything_runs(tmp_path):
    client = Client()
    function = probabilities(client, name="judge", version="1")
    assert function.pending_calls(["a", "b", "a", "", "c"]) == 3
    ask(client, "a", "b")
    assert function.pending_calls(["a", "b", "a", "", "c"]) == 1
    assert client.asked == [["a", "b"]]
    assert probabilities(client, name="judge", version="1", cache=False).pending_calls(["a", "b"]) == 2
    assert probabilities(client, name="judge", version="1", cache=tmp_path / "own.sqlite").pending_calls(["a"]) == 1


def test_without_a_cache_equal_texts_of_a_chunk_are_asked_once():
    client = Client()
    for _ in range(2):
        ask(client, "a", "a", cache=False)
    assert client.asked == [["a"], ["a"]]


def test_texts_are_asked_in_batches():
    client = Client()
    ask(client, *"abcde", batch_size=2)
    assert client.asked == [["a", "b"], ["c", "d"], ["e"]]


def test_a_batch_that_fails_is_a_fault_on_its_rows_and_the_others_are_kept():
    client = Client(a=[0, 1], z=[1, 0])
    votes, faults = ask(client, "a", "b", "crash", "c", "z", "c", batch_size=2)
    assert votes == [1, -1, -1, -1, 0, -1]
    assert faults["id"].tolist() == ["r2", "r3", "r5"]
    assert set(faults["error"]) == {"ConnectionError: no line"}
    assert "raise ConnectionError" in faults["traceback"][0] and faults["traceback"][1] == ""
    client.asked.clear()
    ask(client, "a", "b", "c", "z")
    assert client.asked == [["c"]]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([0.2, 0.3, 0.5], r"answered \[0.2, 0.3, 0.5\]: 3 probabilities for 2 classes \(ham, spam\)"),
        ([0.7, 1.7], "1.7 is not a probability, which lies from 0 to 1"),
        ([-0.1, 0.2], "-0.1 is not a probability"),
        ({"spam": "high"}, "'high' is not a probability"),
        ({"spam": None}, "None is not a probability"),
        ({"spam": True}, "True is not a probability"),
        ({"spam": float("nan")}, "nan is not a probability"),
        ({"spam": 0.9, "ham": 0.9}, "its probabilities sum to 1.8"),
        ({"spamm": 0.9}, "label 'spamm' is not among the labels 'ham', 'spam'; did you mean 'spam'"),
        ("spam", "answered 'spam'; an answer is a map from class to probability"),
        (None, "answered None; an answer is"),
        ({}, "answered {}; an answer is"),
        (0.9, "answered 0.9; an answer is"),
    ],
    ids=["too long", "above 1", "below 0", "word", "none", "boolean", "nan", "sum", "unknown class", "name", "no answer",
         "empty", "a number"],
)  # fmt: skip
def test_a_malformed_answer_is_a_fault_that_names_it(answer, said):
    client = Client(bad=answer, good=[0, 1])
    votes, faults = ask(client, "bad", "good")
    assert votes == [-1, 1] and faults["id"].tolist() == ["r0"]
    with pytest.raises(ValueError, match=said):
        raise ValueError(faults["error"][0])


def test_a_client_that_exits_is_a_fault_and_a_long_answer_is_told_on_one_line():
    def leaves(texts):
        raise SystemExit("bye")

    assert ask(leaves, "a")[1]["error"].tolist() == ["SystemExit: bye"]
    assert ask(lambda texts: [np.eye(2)], "b")[1]["error"][0].startswith("answered array([[1., 0.], [0., 1.]]); ")


def test_an_answer_too_few_is_a_fault_on_the_batch():
    votes, faults = ask(lambda texts: [[0, 1]], "a", "b")
    assert votes == [-1, -1]
    assert faults["error"].tolist() == ["answered 1 times for 2 texts; one answer a text is needed"] * 2


def test_a_malformed_answer_is_asked_for_again_and_an_unknown_class_is_not():
    client = Client(bad=[2], other={"neither": 1.0})
    for _ in range(2):
        ask(client, "bad", "other")
    assert client.asked == [["bad", "other"], ["bad"]]


def test_answers_are_kept_by_class_name():
    client = Client(a=[0.1, 0.9])
    assert ask(client, "a")[0] == [1]
    assert ask(client, "a", labels=("spam", "ham"))[0] == [0]
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"version": ""}, "version is ''"),
        ({"version": 1}, "version is 1"),
        ({"name": None}, "name is None; give a non-empty string, under which answers are kept"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"threshold": 1.5}, "threshold is 1.5"),
    ],
    ids=["no version", "number", "no name", "batch", "threshold"],
)
def test_a_wrong_setting_is_refused(options, said):
    with pytest.raises(WorkbenchError, match=said):
        probabilities(Client(), **{"name": "judge", "version": "1", **options})
    with pytest.raises(WorkbenchError, match="is not callable"):
        probabilities("gpt", name="judge", version="1")


def test_the_fingerprint_follows_name_version_settings_and_client():
    def printed(client=None, **options):
        return probabilities(client or Client(), **{"name": "judge", "version": "1", **options}).fingerprint

    base = printed()
    changed = [printed(version="2"), printed(name="other"), printed(threshold=0.8), printed(column="body")]
    assert printed(batch_size=3) == base
    assert len({base, *changed, printed(Client(a=[0, 1]))}) == 6


def test_another_client_of_the_same_name_and_version_gets_no_answer_of_the_first():
    first, second = Client(a=[0, 1]), Client(a=[1, 0])
    assert ask(first, "a")[0] == [1]
    assert ask(second, "a")[0] == [0]
    assert (first.asked, second.asked) == ([["a"]], [["a"]])


CLIENT = """
import threading
from pathlib import Path
from workbench.lfs import probabilities

LINE = threading.Lock()  # stands for an open connection, which tells nothing of itself

def llm(texts):
    assert not LINE.locked()
    with (Path(ASKED)).open("a") as log:
        log.writelines(texts)
    return [{"spam": SURE} for _ in texts]

judge = probabilities(llm, name="llm", version="1")
SURE = 0.9
ASKED = "asked.txt"
"""
RUN = """
import sys
from workbench.lfs import load_lfs
[judge] = load_lfs(sys.argv[1], labels=["ham", "spam"])
print(judge({"text": "a"}), judge.fingerprint)
"""


def test_answers_are_kept_across_processes_until_the_client_changes(write, tmp_path):
    def run(code):
        folder = write(functions=code)
        command = [sys.executable, "-c", RUN, str(folder)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert run(CLIENT) == run(CLIENT + "# a comment\n")
    assert (tmp_path / "asked.txt").read_text() == "a"
    assert run(CLIENT.replace("0.9", "0.1"))[:2] == "-1"  # what a global below the client says counts too
    assert (tmp_path / "asked.txt").read_text() == "aa"
