"""A new file held against a run: from the rows to a kept batch, its sentences, its series, and what it refuses."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project import monitoring
from workbench.project.monitoring import batches, comparable
from workbench.project.reference import promote, run_that_answers
from workbench.project.runs import find_run
from workbench.project.steps import monitor as step
from workbench.project.steps.monitor import monitor
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a folder for what one run made, from which each test gets a copy."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def ran(tiny_task, kept):
    if not (kept / "tiny").exists():
        run(load_task(tiny_task))
        shutil.copytree(tiny_task, kept / "tiny")
    else:
        shutil.copytree(kept / "tiny", tiny_task, dirs_exist_ok=True)
    task = load_task(tiny_task)
    return task, find_run(task)


def like_the_task(task):
    """Rows as the task has them, under other ids."""
    rows = pd.read_csv(task.folder / "rows.csv", dtype=str)
    return rows.assign(id="n" + rows["id"]).drop(columns=["label", "split"])


def other_rows(texts, n=120):
    return pd.DataFrame(
        {
            "id": [f"n{i:03d}" for i in range(n)],
            "text": [f"{texts[i % len(texts)]} number {i}" for i in range(n)],
            "plan": ["free", "pro"] * (n // 2),
            "tag": ["billing", "bug"] * (n // 2),
        }
    )


def checks(found):
    return {(check["kind"], check["of"]): check for check in found["checks"]}


def test_a_batch_is_compared_kept_and_read_again(ran, tmp_path):
    task, done = ran
    like_the_task(task).to_csv(tmp_path / "new.csv", index=False)
    found = monitor(task, tmp_path / "new.csv")
    assert (found["format"], found["run"], found["rows"], found["of"], found["drifted"]) == (1, done.id, 120, 120, 0)
    assert found["notes"][0] == f"Held against 120 rows of run {done.id}, the newest with an end model, as no run was promoted."
    assert batches(task) == [found]
    rows = pd.read_parquet(task.folder / "monitor" / found["batch"] / "rows.parquet").set_index("id")
    assert list(rows) == ["text", "label", "confidence", "decision", "asks_refund", "crashes", "says_invoice", "error_code",
                          "agent_tag"]  # fmt: skip
    assert rows.loc["n001", ["label", "crashes", "error_code", "agent_tag"]].tolist() == ["bug"] * 4
    assert pd.isna(rows.loc["n001", "asks_refund"]) and set(rows["decision"]) <= {"answer", "needs review"}
    assert found["summary"]["coverage"] == 1 and set(found["summary"]["classes"]) == {"billing", "bug"}


def test_what_changed_is_said(ran, tmp_path):
    task, _ = ran
    strange = other_rows(["it crashes with error in wren", "wren crashes with an error", "my invoice in wren is wrong"])
    strange.assign(tag="bug").to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    found = monitor(task, tmp_path / "new.jsonl")
    assert found["silent"] == ["asks_refund"] and "wren" in [line["term"] for line in found["new_terms"]]
    assert checks(found)["mix", "agent_tag"]["drifted"] and checks(found)["new terms", ""]["drifted"]
    assert found["drifted"] == sum(check["drifted"] for check in found["checks"]) > 2


def test_functions_whose_columns_are_missing_are_left_out(ran, tmp_path):
    task, _ = ran
    like_the_task(task).drop(columns="tag").to_parquet(tmp_path / "new.parquet", index=False)
    found = monitor(task, tmp_path / "new.parquet")
    assert found["left_out"] == {"agent_tag": "the batch lacks tag"} and ("coverage", "agent_tag") not in checks(found)
    assert "Not compared, as the batch lacks tag: 'agent_tag'." in found["notes"]


def test_an_outcome_that_nobody_knows_yet_is_as_if_it_were_missing(ran, tmp_path):
    task, _ = ran
    like_the_task(task).assign(tag="").to_csv(tmp_path / "new.csv", index=False)
    assert monitor(task, tmp_path / "new.csv")["silent"] == ["agent_tag"]
    task.data["outcomes"] = ["tag"]
    found = monitor(task, tmp_path / "new.csv")
    assert found["silent"] == [] and list(found["left_out"]) == ["agent_tag"]


def test_functions_that_are_not_those_of_the_run_are_left_out(ran):
    task, done = ran
    rules = task.rules_file
    rules.write_text(
        rules.read_text().replace('"subscription"', '"contract"').replace('"agent_tag"', '"new_name"'), encoding="utf-8"
    )
    functions, reasons = comparable(load_task(task.folder), done, task.dataset()[0])
    assert [function.name for function in functions] == ["asks_refund", "crashes", "error_code"]
    assert reasons == {
        "agent_tag": "it is gone, or switched off",
        "says_invoice": f"it was changed since run {done.id}",
        "new_name": f"it is new since run {done.id}",
    }


def test_the_reference_run_wins_over_the_newest(ran):
    task, first = ran
    second = run(task, until="train")
    assert run_that_answers(task)[0].id == second.id
    promote(task, first.id, by="ana")
    assert run_that_answers(task) == (first, f"the reference run {first.id}")
    assert run_that_answers(task, second.id)[0].id == second.id
    with pytest.raises(WorkbenchError, match="holds no end_model"):
        run_that_answers(task, run(task, until="fit").id)


def test_rows_of_the_task_are_held_against_its_others(ran, tmp_path):
    task, done = ran
    rows = pd.read_csv(task.folder / "rows.csv", dtype=str)
    rows.iloc[80:].to_csv(tmp_path / "again.csv", index=False)
    found = monitor(task, tmp_path / "again.csv")
    assert found["notes"][0].startswith("Held against 80 rows")
    assert "40 of the rows are rows of the task, by their ids; they are held against its others." in found["notes"]
    with pytest.raises(WorkbenchError, match=f"no row of run {done.id} is left"):
        monitor(task, task.folder / "rows.csv")
    assert len(batches(task)) == 1


def test_of_a_long_file_a_sample_is_looked_at(ran, tmp_path, monkeypatch):
    task, _ = ran
    monkeypatch.setattr(step, "ROWS", 60)
    like_the_task(task).to_csv(tmp_path / "new.csv", index=False)
    found = monitor(task, tmp_path / "new.csv")
    assert (found["rows"], found["of"]) == (60, 120)
    assert f"{tmp_path / 'new.csv'} has 120 rows, of which 60 drawn by chance were looked at." in found["notes"]
    monkeypatch.setattr(monitoring, "ROWS", 50)
    assert monitor(task, tmp_path / "new.csv")["notes"][0].startswith("Held against 50 rows")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda rows: rows.drop(columns="text"), "has no column 'text'"),
        (lambda rows: rows.assign(id=["a", "", *["b"] * (len(rows) - 2)]), "id column 'id' is empty on row 2"),
    ],
    ids=["no text", "an empty id"],
)
def test_a_file_that_does_not_fit_is_refused(ran, tmp_path, change, match):
    task, _ = ran
    change(like_the_task(task)).to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(WorkbenchError, match=match):
        monitor(task, tmp_path / "new.csv")
    assert not (task.folder / "monitor").exists()


def test_a_batch_of_other_delimiter_and_without_ids_is_read(ran, tmp_path):
    task, _ = ran
    like_the_task(task).drop(columns="id").to_csv(tmp_path / "new.csv", index=False, sep=";")
    found = monitor(task, tmp_path / "new.csv")
    assert [note.partition("new.csv ")[2][:22] for note in found["notes"][1:3]] == [
        "is read as separated b",
        "has no column 'id': it",
    ]


def test_an_id_that_comes_again_gets_a_number(ran, tmp_path):
    task, _ = ran
    like_the_task(task).assign(id=["7", "7", "8"] * 40).to_csv(tmp_path / "new.csv", index=False)
    found = monitor(task, tmp_path / "new.csv")
    ids = pd.read_parquet(task.folder / "monitor" / found["batch"] / "rows.parquet")["id"]
    assert ids[:4].tolist() == ["7", "7-2", "8", "7-3"] and ids.is_unique


def test_a_function_that_fails_on_the_batch_is_named(tiny_task, tmp_path):
    file = tiny_task.parents[1] / "labeling_functions" / "tiny" / "functions.py"
    file.write_text(file.read_text().replace('"crashes" in row.text', 'row.plan.isalpha() and "crashes" in row.text'))
    task = load_task(tiny_task)
    run(task)
    like_the_task(task).assign(plan=["free", None, "pro"] * 40).to_csv(tmp_path / "new.csv", index=False)
    assert any(
        note.startswith("crashes failed on 40 rows of the batch, first")
        for note in monitor(task, tmp_path / "new.csv")["notes"]
    )


def test_the_command_prints_the_series_and_fails_on_drift_alone(ran, tmp_path):
    task, _ = ran
    like_the_task(task).to_csv(tmp_path / "calm.csv", index=False)
    other_rows(["wren crashes", "wren error"]).to_csv(tmp_path / "wild.csv", index=False)

    def call(*arguments):
        return CliRunner().invoke(main, ["monitor", str(task.folder), *map(str, arguments)])

    assert call("--history").stdout == "no batch yet\n"
    calm = call(tmp_path / "calm.csv", "--fail-on-drift")
    assert calm.exit_code == 0 and "no drift in" in calm.stdout and "what texts are about (AUC)" in calm.stdout
    kept = batches(task)[0]
    left = len(kept["checks"]) - len({check["kind"] for check in kept["checks"]})
    assert f"{kept['batch']}; {left} more checks, none of which drifted, are in its batch.json" in calm.stdout.replace(
        "\n", " "
    )
    wild = call(tmp_path / "wild.csv")
    assert wild.exit_code == 0 and "checks drifted" in wild.stdout and "has gone silent" in wild.stdout
    again = call(tmp_path / "wild.csv", "--fail-on-drift", "--json", "--history")
    assert again.exit_code == 1
    document = json.loads(again.stdout)
    assert len(document["batches"]) == 3 and "The same file was looked at before: batch" in " ".join(document["notes"])
    history = call("--history").stdout
    assert "wild.csv (again)" in history and history.count("calm.csv") == 1
    missing = call()
    assert missing.exit_code == 2 and "needs NEWFILE" in missing.stderr


def test_the_same_texts_under_other_ids_are_no_new_batch(ran, tmp_path):
    task, _ = ran
    rows = like_the_task(task)
    rows.to_csv(tmp_path / "week.csv", index=False)
    rows[::-1].assign(id="x" + rows["id"]).to_csv(tmp_path / "again.csv", index=False)
    rows.assign(text=rows["text"] + "!").to_csv(tmp_path / "other.csv", index=False)
    first = monitor(task, tmp_path / "week.csv")
    said = f"The same texts were looked at before: batch {first['batch']}, against run {first['run']}."
    assert said in monitor(task, tmp_path / "again.csv")["notes"]
    assert "looked at before" not in str(monitor(task, tmp_path / "other.csv")["notes"])
    history = CliRunner().invoke(main, ["monitor", str(task.folder), "--history"]).stdout
    assert "again.csv (again)" in history and history.count("(again)") == 1


def test_a_batch_is_never_overwritten(ran, tmp_path, monkeypatch):
    task, _ = ran
    like_the_task(task).to_csv(tmp_path / "new.csv", index=False)
    first = monitor(task, tmp_path / "new.csv")
    monkeypatch.setattr(monitoring, "new_batch_id", lambda task: first["batch"])
    with pytest.raises(WorkbenchError, match="exists already"):
        monitor(task, tmp_path / "new.csv")
    assert np.isclose(batches(task)[0]["rows"], 120) and len(batches(task)) == 1
