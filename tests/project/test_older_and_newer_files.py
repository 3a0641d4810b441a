"""Files of an older workbench open, files of a newer one are refused in one sentence: whatever holds a format is here."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workbench.end_model import EndModel
from workbench.io.files import read_json, sha256, write_json
from workbench.io.vote_parts import VotePart, read_label_part, read_vote_part, write_label_part, write_vote_part
from workbench.label_models import load
from workbench.project.answer_log import read_log
from workbench.project.end_model_scores import crossover_of
from workbench.project.in_parts import InParts
from workbench.project.monitoring import batches
from workbench.project.monitoring_facts import read_found
from workbench.project.reference import promoted, reference_file
from workbench.project.reviewing import open_record
from workbench.project.run_history import history_of
from workbench.project.run_sources import kept_functions
from workbench.project.runs import find_run, list_runs
from workbench.project.steps.export import export_in_words, export_run
from workbench.project.steps.predict import open_model, predict, promised
from workbench.project.steps.review_log import read_draws
from workbench.project.steps.stress import read_stress
from workbench.project.stress_suites import read_settings
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

OLDER = Path(__file__).parents[1] / "fixtures" / "older"  # a run and a record of an earlier workbench, on the tiny task
NEWER = r"has (format|version) 99, (but|and) this workbench (knows|reads)"


@pytest.fixture
def older(tmp_path, write_tiny):
    """Return a task of 40 rows with a run and a record of an earlier workbench."""
    folder = write_tiny(tmp_path, 40, 24, 6)
    shutil.copytree(OLDER / "run", folder / "runs" / "20261101-090000-000")
    (folder / "review").mkdir()
    with closing(sqlite3.connect(folder / "review" / "decisions.sqlite")) as db:
        db.executescript((OLDER / "decisions.sql").read_text(encoding="utf-8"))
    return load_task(folder)


def test_a_run_of_an_older_workbench_opens_exports_and_answers(older, tmp_path):
    run = find_run(older)
    assert list(run.votes().ids[:2]) == ["000", "001"] and len(run.votes()) == len(run.soft_labels()) == 40
    again = run.kept_model().predict_proba(run.votes())
    assert np.allclose(again.probs, run.soft_labels().probs, atol=1e-12)
    assert {"label_model", "end_model", "ceiling", "pgr"} <= set(run.metrics()) and run.diagnosis()
    assert history_of(older)["rows"].tolist() == [40] and kept_functions(run)["functions"] == {}
    assert export_run(older, run, tmp_path / "out") == 24
    done = predict(open_model(older, run), older.folder / "rows.csv", tmp_path / "answers.csv")
    then = pd.read_parquet(run.folder / "answers" / "end_model.parquet").set_index("id")
    now = pd.read_csv(tmp_path / "answers.csv", dtype={"id": str}).set_index("id").loc[then.index]
    assert done.answered + done.review == 40 and np.allclose(now["p_bug"], then["1"], atol=1e-6)


def test_a_record_of_an_older_workbench_opens_and_takes_decisions(older):
    record = open_record(older)
    assert record.current()[["row", "label", "reviewer"]].to_numpy().tolist() == [["000", "bug", "ann"]]
    assert sorted(record.measure_rows().index) == ["004", "016", "021", "022"]
    assert record.undo("ann").row == "000" and len(record.current()) == 0


def newer_json(path):
    """Write a JSON file as a newer workbench would, with what it held before where it was there."""
    write_json(path, {**(read_json(path) if path.exists() else {}), "format": 99})


def newer_head(path):
    """Give the head of a Parquet file of ours the format of a newer workbench."""
    table = pq.read_table(path)
    head = {**json.loads(table.schema.metadata[b"workbench"]), "format": 99}
    pq.write_table(table.replace_schema_metadata({"workbench": json.dumps(head)}), path)


IN_RUN = {
    "run.json": lambda task, run: list_runs(task),
    "parts.json": lambda task, run: InParts.of_run(task, run, map, print),
    "functions.json": lambda task, run: kept_functions(run),
    "end_model/manifest.json": lambda task, run: EndModel.load(run.end_model_folder()),
    "deferral.json": lambda task, run: promised(run),
    "stress.json": lambda task, run: read_stress(run),
    "gate.json": lambda task, run: read_found(run.folder / "gate.json"),
    "crossover.json": lambda task, run: crossover_of(run),
    "export/manifest.json": lambda task, run: export_in_words(run.folder / "export"),
}


@pytest.mark.parametrize("name", IN_RUN, ids=str)
def test_a_newer_file_of_a_run_is_refused(older, name):
    run = find_run(older)
    newer_json(run.folder / name)
    with pytest.raises(WorkbenchError, match=NEWER):
        IN_RUN[name](older, run)


@pytest.mark.parametrize("name", ["votes", "soft_labels"], ids=str)
def test_newer_votes_and_labels_are_refused(older, name):
    run = find_run(older)
    newer_head(run.folder / f"{name}.parquet")
    with pytest.raises(WorkbenchError, match=NEWER):
        getattr(run, name)()


def test_newer_votes_and_labels_of_a_partition_are_refused(older, tmp_path):
    run = find_run(older)
    write_vote_part(VotePart(run.votes(), np.zeros(40, np.int8)), str(tmp_path / "votes"))
    write_label_part(run.soft_labels(), str(tmp_path / "labels"))
    for name, read in (("votes", read_vote_part), ("labels", read_label_part)):
        newer_head(tmp_path / name)
        with pytest.raises(WorkbenchError, match=NEWER):
            read(str(tmp_path / name), sha256(tmp_path / name))


def test_a_newer_label_model_is_refused(older):
    path = find_run(older).folder / "label_model.safetensors"
    content = path.read_bytes()
    assert b'"format":"1"' in content
    size = int.from_bytes(content[:8], "little") + 1
    path.write_bytes(size.to_bytes(8, "little") + content[8:].replace(b'"format":"1"', b'"format":"99"', 1))
    with pytest.raises(WorkbenchError, match=NEWER):
        load(path)


OF_TASK = {
    "outcomes.json": lambda task: read_found(task.folder / "outcomes.json"),
    "monitor/20261101-090000-000/batch.json": batches,
    "audited_answers.json": read_draws,
    "reference.json": promoted,
}


@pytest.mark.parametrize("name", OF_TASK, ids=str)
def test_a_newer_file_of_a_task_is_refused(older, name):
    assert reference_file(older).name == "reference.json"
    newer_json(reference_file(older) if name == "reference.json" else older.folder / name)
    with pytest.raises(WorkbenchError, match=NEWER):
        OF_TASK[name](older)


@pytest.mark.parametrize("name", ["task.toml", "rules.toml", "failures.toml", "stress.toml"], ids=str)
def test_newer_settings_are_refused(older, name):
    path = older.folder / name
    path.write_text((path.read_text() if path.exists() else "format = 1\n").replace("format = 1", "format = 99"))
    with pytest.raises(WorkbenchError, match=NEWER):
        task = load_task(older.folder)
        task.functions(), task.failures, read_settings(task)


def test_a_newer_record_is_refused(older):
    with closing(sqlite3.connect(older.folder / "review" / "decisions.sqlite")) as db:
        db.execute("UPDATE schema_version SET version = 99")
        db.commit()
    with pytest.raises(WorkbenchError, match=NEWER):
        open_record(older).decisions()


def test_a_newer_line_of_an_answer_log_is_refused(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"format": 99, "time": "2026-11-01T09:00:00+00:00"}\n')
    with pytest.raises(WorkbenchError, match=NEWER):
        read_log(tmp_path / "log.jsonl")
