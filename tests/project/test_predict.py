"""A new file answered by a run's end model: in pieces of any size the same answers, decided, logged, whole or not at all."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.io import pieces
from workbench.io.files import sha256
from workbench.project.reference import promote
from workbench.project.steps.defer import DEFERRAL
from workbench.project.steps.one_row import answer, open_run, run_to_ask
from workbench.project.steps.predict import AnswerRule, decide, open_model, predict
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import SoftLabels, WorkbenchError

COLUMNS = ["id", "label", "p_billing", "p_bug", "confidence", "decision", "why", "model"]


@pytest.fixture
def fitted(tiny_task):
    """Return a task of which a run has an end model that reads text, numbers and codes; and the run."""
    rows = pd.read_csv(tiny_task / "rows.csv", dtype=str)
    codes = ["007", "1", "x"] * 40
    rows.assign(paid=["true", "true", "false", "false"] * 30, age=range(120), code=codes).to_csv(
        tiny_task / "rows.csv", index=False
    )
    toml = tiny_task / "task.toml"
    toml.write_text(toml.read_text().replace("[end_model]", '[end_model]\ncolumns = ["paid", "age", "code"]'))
    task = load_task(tiny_task)
    done = run(task, until="train")
    (done.folder / DEFERRAL).unlink(missing_ok=True)  # each test says itself what is promised
    return task, done


PROMISE = {"threshold": 0.9, "risk": 0.05, "confidence": 0.95, "n": 100, "answered": 80, "errors": 0, "given": 100, "more": 0}


def write_promise(done, **change):
    document = {"format": 1, **PROMISE, "measured": "100 valid rows with gold", **change}
    (done.folder / DEFERRAL).write_text(json.dumps(document))


def new_rows(n=7):
    texts = ["refund this invoice", "it crashes with an error", "hello"]
    rows = pd.DataFrame({"id": [f"0{i}" for i in range(n)], "text": [f"{texts[i % 3]} {i}" for i in range(n)]})
    return rows.assign(paid=[i % 3 > 0 for i in range(n)], age=np.arange(n) - 0.5, code=["1", "007", ""] * (n // 3) + ["1"])


def test_a_new_file_is_answered(fitted, tmp_path):
    task, done = fitted
    new_rows().to_csv(tmp_path / "new.csv", index=False)
    opened = open_model(task, done)
    found = predict(opened, tmp_path / "new.csv", tmp_path / "out.csv")
    assert (found.answered, found.review, found.warnings) == (7, 0, [])
    answers = pd.read_csv(tmp_path / "out.csv", dtype={"id": str}, keep_default_na=False)
    assert list(answers) == COLUMNS and answers["id"].tolist() == new_rows()["id"].tolist()
    assert answers["label"].tolist()[:2] == ["billing", "bug"]
    assert np.allclose(answers["p_billing"] + answers["p_bug"], 1)
    assert (answers["confidence"] == answers[["p_billing", "p_bug"]].max(axis=1)).all()
    assert set(answers["decision"]) == {"answer"} and set(answers["why"]) == {""}
    assert set(answers["model"]) == {sha256(done.folder / "end_model" / "manifest.json")[:12]}


@pytest.mark.parametrize("rows", [1, 3], ids="pieces of {}".format)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"], ids=str)
def test_pieces_and_formats_do_not_change_an_answer(fitted, tmp_path, monkeypatch, suffix, rows):
    task, done = fitted
    frame = new_rows()
    frame.to_csv(tmp_path / "whole.csv", index=False)
    opened = open_model(task, done)
    predict(opened, tmp_path / "whole.csv", tmp_path / "whole.parquet")
    frame = frame.assign(code=frame["code"].replace("", None))
    if suffix == ".jsonl":
        frame.to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    else:
        (frame.to_csv if suffix == ".csv" else frame.to_parquet)(tmp_path / f"new{suffix}", index=False)
    monkeypatch.setattr(pieces, "ROWS", rows)
    predict(opened, tmp_path / f"new{suffix}", tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), pd.read_parquet(tmp_path / "whole.parquet"))


def test_a_fresh_process_writes_the_same_bytes(fitted, tmp_path):
    task, done = fitted
    new_rows().to_csv(tmp_path / "new.csv", index=False)
    predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "here.csv")
    command = [sys.executable, "-m", "workbench", "predict", task.folder, tmp_path / "new.csv", tmp_path / "there.csv"]
    subprocess.run([*command, "--run", done.id], check=True, capture_output=True)
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


def test_a_model_that_was_changed_or_knows_other_labels_answers_nothing(fitted, tmp_path):
    task, done = fitted
    toml = task.folder / "task.toml"
    toml.write_text(toml.read_text().replace('labels = ["billing", "bug"]', 'labels = ["bug", "billing"]'))
    with pytest.raises(WorkbenchError, match="learned 'billing', 'bug', not the labels 'bug', 'billing'"):
        open_model(load_task(task.folder), done)
    file = done.folder / "end_model" / "parameters.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    with pytest.raises(WorkbenchError, match="its sha256 differs"):
        open_model(task, done)


# ---------------------------------------------------------------- the decision


def test_a_row_needs_review_unless_above_the_threshold_and_like_others():
    probs = [[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.5, 0.5]]
    soft = SoftLabels(pd.Index(list("abcd")), ("x", "y"), probs, np.ones(4, bool))
    unlike = np.array([True, False, False, True])
    decided = decide(soft, 0.8, unlike)
    assert decided["decision"].to_dict() == {"a": "needs review", "b": "answer", "c": "needs review", "d": "needs review"}
    assert decided["why"].tolist() == [
        "unlike what it learned from",
        "",
        "confidence 0.600 is not above 0.800",
        "confidence 0.500 is not above 0.800; unlike what it learned from",
    ]
    assert set(decide(soft, None)["decision"]) == {"answer"}


def test_what_the_run_promises_decides(fitted, tmp_path):
    task, done = fitted
    assert AnswerRule.of(done).threshold is None and AnswerRule.of(done).promise.startswith("Nothing is promised: run")
    (tmp_path / "new.csv").write_text("id,text,paid,age,code\na,refund this invoice,false,80,1\nb,hello,true,3,\n")
    predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "all.csv")
    least, most = sorted(pd.read_csv(tmp_path / "all.csv")["confidence"])
    write_promise(done, threshold=least)
    assert AnswerRule.of(done).promise == (
        "Promised for rows like the 100 valid rows with gold that it was measured on: "
        "answers 80 % of rows, wrong on at most 5 % of them, 95 % sure."
    )
    found = predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "out.csv")
    answers = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert least < most and (found.answered, found.review) == (1, 1)  # a row just at the threshold is not above it
    assert (answers["decision"] == np.where(answers["confidence"] > least, "answer", "needs review")).all()
    assert (answers["why"] != "").tolist() == (answers["decision"] == "needs review").tolist()
    write_promise(done, threshold=None, answered=0, errors=0, more=20)
    assert AnswerRule.of(done).threshold == 1
    assert AnswerRule.of(done).promise.endswith("with gold, no 5 % promise possible: label 20 more such rows.")
    assert predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "out.csv", overwrite=True).answered == 0
    by_hand = predict(open_model(task, done, most), tmp_path / "new.csv", tmp_path / "out.csv", overwrite=True)
    assert (by_hand.answered, by_hand.review) == (1, 1) and "by hand" in AnswerRule.of(done, most).promise
    with pytest.raises(WorkbenchError, match="review_below is 80; it is a share between 0 and 1"):
        AnswerRule.of(done, 80)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"threshold": 0.5', "is not valid JSON"),
        ("[]", "holds '[]' and no object"),
        ('{"threshold": 0.5, "risk": 0.05, "confidence": 0.95}', "a saved deferral lacks 'n'"),
        (json.dumps(PROMISE | {"threshold": "high"}), "threshold of a saved deferral is 'high'"),
        (json.dumps(PROMISE | {"by_class": {}}), "has the unknown field 'by_class'"),
    ],
    ids=["cut short", "a list", "older", "a word", "newer"],
)
def test_a_promise_that_cannot_be_read_is_refused_by_file(fitted, said, why):
    (fitted[1].folder / DEFERRAL).write_text(said)
    with pytest.raises(WorkbenchError, match=rf"deferral\.json.*{re.escape(why)}"):
        AnswerRule.of(fitted[1])


def test_a_typed_row_is_decided_as_a_row_of_a_file(fitted, tmp_path):
    task, done = fitted
    typed = {"text": "refund this invoice", "paid": "false", "age": "80", "code": "1"}
    pd.DataFrame([{"id": "a", **typed}]).to_csv(tmp_path / "new.csv", index=False)
    for promise in ({"threshold": 0.999}, {"threshold": 0.1}, {"threshold": None, "answered": 0, "errors": 0}):
        write_promise(done, **promise)
        predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "out.csv", overwrite=True)
        row = pd.read_csv(tmp_path / "out.csv", keep_default_na=False).iloc[0]
        said = answer(open_run(task, done), typed)["end_model"]
        assert (said["decision"], said["why"]) == (row["decision"], row["why"])
        assert said["promise"] == AnswerRule.of(done).promise
    assert said["decision"] == "needs review"
    command = ["predict", str(task.folder), "--text", typed["text"], "--column", "age=80", "--column", "code=1"]
    printed = CliRunner().invoke(main, command)
    assert "decision: needs review, as no confidence is enough yet" in printed.stdout and said["promise"] in printed.stderr
    assert "decision: answer\n" in CliRunner().invoke(main, [*command, "--review-below", "0"]).stdout
    assert CliRunner().invoke(main, [*command, "--keep", "age"]).stderr.startswith("error: keep is of a file to answer")
    assert "note: 'text' is empty" in CliRunner().invoke(main, [*command[:2], "--column", "age=80"]).stderr


# ---------------------------------------------------------------- files


def test_the_log_gains_a_line_a_row(fitted, tmp_path):
    task, done = fitted
    new_rows().to_csv(tmp_path / "new.csv", index=False)
    opened = open_model(task, done, review_below=0.8)
    for turn in range(2):
        predict(opened, tmp_path / "new.csv", tmp_path / f"out{turn}.parquet", log=tmp_path / "logs" / "log.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "logs" / "log.jsonl").read_text().splitlines()]
    answers = pd.read_parquet(tmp_path / "out0.parquet")
    assert len(lines) == 14 and all(datetime.fromisoformat(line.pop("time")).utcoffset() is not None for line in lines)
    assert {(line.pop("run"), line.pop("threshold")) for line in lines} == {(done.id, opened.rule.threshold)}
    assert lines[:7] == lines[7:] == answers[["id", "model", "label", "decision", "confidence", "why"]].to_dict("records")


def test_an_error_late_in_the_file_leaves_neither_answers_nor_log(fitted, tmp_path, monkeypatch):
    task, done = fitted
    monkeypatch.setattr(pieces, "ROWS", 2)
    frame = new_rows().astype({"age": object})
    frame.loc[5, "age"] = "old"
    frame.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(WorkbenchError, match=r"new\.csv: column 'age' holds 'old' on row '6'"):
        predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "out.csv", log=tmp_path / "log.jsonl")
    assert not (tmp_path / "out.csv").exists() and (tmp_path / "log.jsonl").read_text() == ""
    frame.assign(age=1, id=["a", "b", "c", "", "d", "e", "f"]).to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(WorkbenchError, match=r"new\.csv: id column 'id' is empty on row 4"):
        predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "out.csv")


def test_one_file_for_two_things_is_refused(fitted, tmp_path):
    task, done = fitted
    new_rows().to_csv(source := tmp_path / "new.csv", index=False)
    opened = open_model(task, done)
    with pytest.raises(WorkbenchError, match="the file to be read; give another file to write to"):
        predict(opened, source, source, overwrite=True)
    with pytest.raises(WorkbenchError, match="the file to be read; give another file to log to"):
        predict(opened, source, tmp_path / "out.csv", log=source)
    with pytest.raises(WorkbenchError, match="the file for the answers; give another file to log to"):
        predict(opened, source, tmp_path / "out.jsonl", log=tmp_path / "out.jsonl")


def test_a_threshold_given_by_hand_leaves_rows_unlike_the_learned_ones_to_people(fitted):
    _, done = fitted
    assert AnswerRule.of(done, 0.7).like_learned and not AnswerRule.of(done, 0.0).like_learned


def test_columns_are_kept_where_asked_and_ids_may_repeat(fitted, tmp_path):
    task, done = fitted
    new_rows().assign(id="same", label=range(7), age=[1, None, 2.5, 3, 4, 5, 6]).to_csv(tmp_path / "new.csv", index=False)
    predict(open_model(task, done), tmp_path / "new.csv", tmp_path / "out.csv", keep=["text", "label", "age"])
    answers = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert list(answers) == ["id", "text", "data:label", "age", *COLUMNS[1:]]
    assert answers["data:label"].tolist() == list("0123456") and answers["age"].tolist() == ["1", "", "2.5", "3", "4", "5", "6"]
    assert set(answers["id"]) == {"same"}


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_spreadsheet_runs_nothing_of_the_answers(fitted, tmp_path, suffix):
    task, done = fitted
    new_rows().assign(id=[f"=id{i}" for i in range(7)], age="-5").to_csv(tmp_path / "new.csv", index=False)
    target, log = tmp_path / f"out{suffix}", tmp_path / "log.jsonl"
    opened = open_model(task, done)
    predict(opened, tmp_path / "new.csv", target, log=log, keep=["age"])
    answers = pd.read_csv(target, sep="\t" if suffix == ".tsv" else ",", dtype=str)
    assert answers["id"].tolist() == [f"'=id{i}" for i in range(7)] and set(answers["age"]) == {"-5"}
    assert [json.loads(line)["id"] for line in log.read_text().splitlines()] == [f"=id{i}" for i in range(7)], "as it was"
    as_is = replace(opened, task=replace(task, export={**task.export, "escape_formulas": False}))
    predict(as_is, tmp_path / "new.csv", target, overwrite=True)
    assert "\n=id0" in target.read_text()


def test_without_an_id_column_equal_texts_have_the_id_of_the_dataset(tiny_task, tmp_path):
    toml = tiny_task / "task.toml"
    toml.write_text(toml.read_text().replace('id = "id"', ""))
    task = load_task(tiny_task)
    text = task.dataset()[0].frame["text"].iloc[3]
    (tmp_path / "new.csv").write_text(f"text\n{text}\n{text}\n")
    predict(open_model(task, run(task, until="train")), tmp_path / "new.csv", tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv", dtype=str)["id"].tolist() == [task.dataset()[0].ids[3]] * 2


def test_rows_without_the_id_column_of_the_task_are_known_by_their_content(fitted, tmp_path):
    new_rows().drop(columns="id").to_csv(tmp_path / "new.csv", index=False)
    found = predict(open_model(*fitted), tmp_path / "new.csv", tmp_path / "out.csv")
    content = hashlib.sha256(b"refund this invoice 0").hexdigest()[:16]
    assert pd.read_csv(tmp_path / "out.csv")["id"][0] == content and "has no column 'id': its rows are" in found.warnings[0]


def test_a_new_file_is_read_with_the_delimiter_it_has(fitted, tmp_path):
    new_rows().to_csv(tmp_path / "new.csv", index=False, sep=";")
    new_rows().to_csv(tmp_path / "commas.csv", index=False)
    found = predict(open_model(*fitted), tmp_path / "new.csv", tmp_path / "out.csv")
    predict(open_model(*fitted), tmp_path / "commas.csv", tmp_path / "same.csv")
    assert (tmp_path / "out.csv").read_text() == (tmp_path / "same.csv").read_text()
    assert found.warnings == [f"{tmp_path / 'new.csv'} is read as separated by ';', as its header is, not by ','"]


CUT_SHORT = """
import os, signal, sys
from workbench.cli import main
from workbench.io import append

def die_half_way(lines, log, _):
    first = [lines.readline() for _ in range(151)]
    log.write(b"".join(first)[: 10 - len(first[-1])])
    log.flush()
    os.kill(os.getpid(), signal.SIGKILL)

append.shutil.copyfileobj = die_half_way
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_of_a_process_that_is_killed_as_it_logs_no_half_line_stays(fitted, tmp_path):
    task, _ = fitted
    new_rows(301).to_csv(tmp_path / "new.csv", index=False)
    kills, log = ["-c", CUT_SHORT], tmp_path / "log.jsonl"
    for turn in range(2):
        asked = ["predict", task.folder, tmp_path / "new.csv"]
        processes = [
            subprocess.Popen(
                [sys.executable, *start, *asked, tmp_path / f"{turn}{place}.csv", "--log", log], stderr=subprocess.PIPE
            )
            for place, start in enumerate((["-m", "workbench"], kills, kills))
        ]
        assert [(one.communicate(), one.returncode)[1] for one in processes] == [0, -9, -9]
        assert not (tmp_path / f"{turn}1.csv").exists()
    predict(open_model(*fitted), tmp_path / "new.csv", tmp_path / "last.csv", log=log)
    ids = [json.loads(line)["id"] for line in log.read_text().splitlines()]
    assert len(ids) == 3 * 301 + 4 * 150 and ids[-301:] == new_rows(301)["id"].tolist()


MEMORY = """
import resource, sys
from pathlib import Path
from workbench.project.runs import find_run
from workbench.project.steps.predict import open_model, predict
from workbench.project.task import load_task
task = load_task(Path(sys.argv[1]))
predict(open_model(task, find_run(task)), Path("new.csv"), Path("out.csv"), log=Path("log.jsonl"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tiny_task, tmp_path):
    run(load_task(tiny_task), until="train")
    peaks = []
    for n in (40_000, 160_000):
        folder = tmp_path / str(n)
        folder.mkdir()
        pd.DataFrame({"id": range(n), "text": [f"refund invoice {i}" for i in range(n)]}).to_csv(
            folder / "new.csv", index=False
        )
        done = subprocess.run([sys.executable, "-c", MEMORY, tiny_task], cwd=folder, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 30  # MB; a row held costs 120,000 times its size


def test_the_reference_answers_unless_another_run_is_named(tiny_task, tmp_path):
    task = load_task(tiny_task)
    first, second = run(task), run(task)
    new_rows().to_csv(tmp_path / "new.csv", index=False)
    command = ["predict", str(tiny_task), str(tmp_path / "new.csv"), str(tmp_path / "out.csv"), "--overwrite"]
    assert f"run {second.id}, the newest" in CliRunner().invoke(main, command).stdout
    promote(task, first.id, "ann")
    assert f"the reference run {first.id}:" in CliRunner().invoke(main, command).stdout
    assert f"of run {second.id}:" in CliRunner().invoke(main, [*command, "--run", second.id]).stdout
    assert run_to_ask(task, None).id == first.id
