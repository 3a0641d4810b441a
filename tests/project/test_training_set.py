"""A training set chosen from a finished run: what the filters keep, how right it is, and files that hold just that."""

import json
import shlex
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.export import Candidates, Filters
from workbench.project import jobs, training_set
from workbench.project.production import take_in
from workbench.project.runs import find_run
from workbench.project.steps.export import export_in_words, export_run
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

LABELS = ("ham", "spam")


def rows_of(probs, gold=None, split=None, votes=None, **more):
    """Return candidates whose ids are a, b, c, ...; probs are those of spam."""
    ids = pd.Index(list("abcdefghijklmnopqrstuvwxyz"[: len(probs)]))
    frame = pd.DataFrame({"text": [f"text {row}" for row in ids]}, index=ids)
    splits = None if split is None else pd.Series(split, index=ids)
    known = None if gold is None else pd.Series(gold, index=ids)
    soft = SoftLabels(ids, LABELS, [[1 - p, p] for p in probs], np.ones(len(ids), bool))
    cast = np.array([[int(p > 0.5)] for p in probs]) if votes is None else np.array(votes)
    return Candidates.of(
        Dataset(frame, LABELS, split=splits, gold=known), VoteMatrix.from_array(cast, LABELS, ids), soft, **more
    )


@pytest.fixture
def fitted(tiny_task):
    """Return the task and a run of it that ended with its labels."""
    task = load_task(tiny_task)
    return task, run(task, until="fit")


def exported(folder):
    """Return what a folder holds: the table of each format, and the manifest."""
    found = {}
    for file in sorted(folder.glob("train.*")):
        read = {".parquet": pd.read_parquet, ".csv": pd.read_csv, ".jsonl": lambda path: pd.read_json(path, lines=True)}
        found[file.suffix] = read[file.suffix](file)
    return found, json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def check_rows(table, task, run, confidence=0.0, agreement=0.0, classes=None, pro=None):
    """Check every row of an exported file against the filters, and that no row that passes them is missing."""
    dataset, soft = task.dataset()[0], run.soft_labels()
    ids = table["id"].astype(str).str.zfill(3)
    assert len(table) and (dataset.split[ids] == "train").all() and table["covered"].all()
    assert (table[["p_billing", "p_bug"]].max(axis=1) >= confidence).all() and (table["agreement"] >= agreement).all()
    assert classes is None or table["label"].isin(classes).all()
    assert pro is None or (table["plan"] == "pro").all()
    probs, hard = soft.probs.max(axis=1), soft.hard()
    votes = run.votes().votes
    equal = (votes == hard.to_numpy()[:, None]).sum(axis=1) / np.maximum((votes >= 0).sum(axis=1), 1)
    passes = (dataset.split == "train").to_numpy() & soft.covered & (probs >= confidence) & (equal >= agreement)
    passes &= True if classes is None else hard.isin([task.labels.index(name) for name in classes]).to_numpy()
    passes &= True if pro is None else (dataset.frame["plan"] == "pro").to_numpy()
    assert sorted(ids) == sorted(dataset.ids[passes])


# ---------------------------------------------------------------- before it is written


def test_a_class_that_loses_most_of_its_rows_is_said():
    rows = rows_of([0.1, 0.2, 0.9, 0.6, 0.6, 0.6])
    chosen = training_set.choose(rows, Filters(min_confidence=0.7))
    assert chosen.classes.to_dict("index") == {
        "ham": {"before": 2, "kept": 2, "share_before": 2 / 6, "share_kept": 2 / 3},
        "spam": {"before": 4, "kept": 1, "share_before": 4 / 6, "share_kept": 1 / 3},
    }
    (sentence,) = training_set.doubts(rows, chosen)
    assert sentence.startswith("Class 'spam' keeps 1 of 4 rows and is 33.3% of the set, before it was 66.7%")


def test_a_class_that_was_not_asked_for_is_not_missed():
    rows = rows_of([0.1, 0.2, 0.9, 0.6])
    chosen = training_set.choose(rows, Filters(classes=("ham",)))
    assert list(chosen.classes.index) == ["ham"] and training_set.doubts(rows, chosen) == []
    assert (chosen.rows, chosen.of) == (2, 4)


def test_labels_that_are_worse_than_believed_are_said():
    rows = rows_of([0.05] * 25, gold=[-1] + [1] * 12 + [0] * 12, split=["train"] + ["valid"] * 24)
    (sentence,) = training_set.doubts(rows, training_set.choose(rows, Filters()))
    assert sentence.startswith("The label model believes that 95.0% of the labels are right; on 24 valid rows it is at most 6")


def test_every_threshold_counts_what_its_filter_keeps():
    rng = np.random.default_rng(0)
    probs = np.append(rng.random(20).round(2), [0.8, 0.2, 0.29, 0.57])  # 1 - .2 and .57 are no exact hundredths
    rows = rows_of(probs, gold=rng.integers(0, 2, 24), split=["train", "valid"] * 12)
    table = training_set.thresholds(rows, Filters(classes=("spam",)))
    for line in table.to_dict("records"):
        chosen = training_set.choose(rows, Filters(classes=("spam",), min_confidence=line["min_confidence"]))
        valid = chosen.quality["valid"]
        assert line["kept"] == chosen.rows and line["n"] == valid["n"]
        if chosen.rows:
            assert line["expected"] == pytest.approx(chosen.quality["expected"])
        if valid["n"]:
            assert [line["accuracy"], line["low"], line["high"]] == pytest.approx([valid["accuracy"], *valid["interval"]])


def test_rows_are_shown_with_the_votes_they_come_from_and_test_rows_are_not():
    rows = rows_of([0.9, 0.2, 0.5], split=["train", "test", "train"], votes=[[1, 1, -1], [0, -1, -1], [1, -1, 0]])
    filters = Filters(splits=("train", "test"))
    kept = training_set.choose(rows, filters).kept
    table, total = training_set.preview(rows, kept, 0, 100)
    assert total == training_set.previewed(rows, kept) == 2
    assert table["votes"].to_dict() == {"a": "spam: lf0, lf1", "c": "spam: lf0; ham: lf2"}
    assert table["label"].to_dict() == {"a": "spam", "c": ""} and table["review"].tolist() == [False, True]
    assert list(training_set.preview(rows, kept, 1, 1)[0].index) == ["c"]


# ---------------------------------------------------------------- of a finished run


def test_a_command_writes_what_passes_its_filters(fitted, tmp_path):
    task, done = fitted
    options = ["--min-confidence", "0.9", "--min-agreement", "0.6", "--classes", "bug", "--slices", "pro", "--format", "csv"]
    answer = CliRunner().invoke(main, ["export", str(task.folder), "--to", str(tmp_path / "set"), "--run", done.id, *options])
    assert answer.exit_code == 0, answer.output
    tables, manifest = exported(tmp_path / "set")
    assert list(tables) == [".csv"] and f"{len(tables['.csv'])} rows of run {done.id}" in answer.output
    check_rows(tables[".csv"], task, done, 0.9, 0.6, ["bug"], pro=True)
    filters = manifest["filters"]
    assert (filters["min_confidence"], filters["min_agreement"]) == (0.9, 0.6)
    assert (filters["classes"], filters["slices"]) == (["bug"], ["pro"])
    assert 120 - sum(filters["removed"].values()) == manifest["rows"] == len(tables[".csv"])
    assert manifest["run"] == done.id and manifest["data"] == done.about["data"] and manifest["settings"]["strength"] == 100.0
    again = CliRunner().invoke(main, ["export", str(task.folder), "--to", str(tmp_path / "set")])
    assert again.exit_code == 2 and "set exists already" in again.stderr


def test_task_toml_filters_what_no_option_does(fitted, tmp_path):
    task, done = fitted
    task = training_set.asked(task, min_confidence=0.9, formats=["jsonl", "parquet"], hard_labels=None)
    rows = export_run(task, done, tmp_path / "set")
    tables, manifest = exported(tmp_path / "set")
    assert set(tables) == {".jsonl", ".parquet"} and rows == manifest["rows"]
    for table in tables.values():
        check_rows(table, task, done, confidence=0.9)


def test_the_line_filters_as_task_toml_says(tiny_task):
    with (tiny_task / "task.toml").open("a") as file:
        file.write('[export]\nslices = ["pro"]\nclasses = ["billing"]\nhard_labels = true\nformats = ["parquet"]\n')
    done = run(load_task(tiny_task), until="export")
    tables, manifest = exported(done.folder / "export")
    table = tables[".parquet"]
    assert (table["plan"] == "pro").all() and (table["label"] == "billing").all() and "p_bug" not in table
    assert manifest["filters"]["hard_labels"] is True and manifest["quality"]["valid"]["n"] > 0


def test_options_without_a_folder_are_refused(tiny_task):
    answer = CliRunner().invoke(main, ["export", str(tiny_task), "--min-confidence", "0.9"])
    assert answer.exit_code == 2 and "these options need --to FOLDER" in answer.stderr


def test_rows_that_changed_since_the_run_are_not_exported(fitted, tmp_path):
    task, done = fitted
    path = task.folder / "rows.csv"
    path.write_text(path.read_text("utf-8").replace("number 7", "number seven"), "utf-8")
    with pytest.raises(WorkbenchError, match=f"the rows are other than those run {done.id} voted on; run `workbench run"):
        export_run(task, done, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_rows_of_production_that_came_after_a_run_are_left_out_of_its_export(tiny_task, tmp_path):
    file = tiny_task / "rows.csv"
    pd.read_csv(file, dtype=str).assign(age=range(120), paid=["true", "false"] * 60).to_csv(file, index=False)
    task = load_task(tiny_task)
    done = run(task, until="fit")
    before = export_run(task, done, tmp_path / "before")
    columns = {"text": ["hello"], "plan": "free", "tag": None, "age": None, "paid": None}
    take_in(task.folder, pd.DataFrame(columns, index=["n1"]))
    rows = export_run(task, done, tmp_path / "after")
    assert rows == before and exported(tmp_path / "after")[1]["data"] == done.about["data"]
    assert export_in_words(tmp_path / "before") == []
    assert export_in_words(tmp_path / "after") == [
        f"rows of production that were taken in after run {done.id}, and are left out: 1"
    ]


def test_filters_that_leave_no_row_are_said(fitted, tmp_path):
    task, done = fitted
    with pytest.raises(WorkbenchError, match=r"No row is left to export: of 120 rows the filters removed splits 40, "):
        export_run(training_set.asked(task, min_confidence=1.0, min_agreement=1.0), done, tmp_path / "set")
    export_run(task, done, tmp_path / "set")
    with pytest.raises(WorkbenchError, match="No row is left to export"):
        export_run(training_set.asked(task, min_confidence=1.0, min_agreement=1.0), done, tmp_path / "set")


def test_the_card_and_the_download_are_what_will_be_written(fitted, tmp_path):
    task, done = fitted
    settings = {"min_confidence": 0.8, "hard_labels": True}
    task = training_set.asked(task, **settings)
    rows, filters = training_set.of_run(task, done, task.dataset()[0]), training_set.make_filters(task)
    chosen = training_set.choose(rows, filters)
    export_run(task, done, tmp_path / "set")
    assert training_set.card_text(task, done, rows, filters, chosen) == (tmp_path / "set" / "card.md").read_text("utf-8")
    for kind in training_set.FORMATS:
        assert training_set.as_file(task, rows, chosen, kind, True) == (tmp_path / "set" / f"train.{kind}").read_bytes()


def test_the_command_that_is_shown_writes_the_same_set(fitted, tmp_path):
    task, done = fitted
    wanted = {"min_confidence": 0.8, "min_agreement": 0.0, "classes": ["bug", "billing"], "slices": None}
    wanted |= {"covered_only": False, "exclude_review": True, "hard_labels": False, "formats": ["csv", "jsonl"]}
    shown = training_set.command(task, done, str(tmp_path / "my set"), training_set.differing(task, wanted))
    assert "agreement" not in shown and "hard" not in shown and "--no-covered-only --exclude-review" in shown
    answer = CliRunner().invoke(main, shlex.split(shown)[1:])
    assert answer.exit_code == 0, answer.output
    assert export_run(training_set.asked(task, **wanted), done, tmp_path / "same")
    names = sorted(path.name for path in (tmp_path / "same").iterdir())
    assert names == ["card.md", "manifest.json", "train.csv", "train.jsonl"]
    for name in names:
        assert (tmp_path / "my set" / name).read_bytes() == (tmp_path / "same" / name).read_bytes()


def test_a_job_writes_the_set_and_says_where(fitted, tmp_path):
    task, done = fitted
    settings = {"min_confidence": 0.9, "formats": ["csv"], "classes": None}
    assert jobs.start(task.folder, "export", write={"run": done.id, "to": str(tmp_path / "set"), "settings": settings})
    while jobs.state(task.folder).status == "running":
        time.sleep(0.1)
    job = jobs.state(task.folder)
    assert (job.status, job.run, job.folder, job.steps) == ("done", done.id, str(tmp_path / "set"), 1)
    check_rows(exported(tmp_path / "set")[0][".csv"], task, done, confidence=0.9)
    assert find_run(task).id == done.id, "no run was made"
    assert jobs.start(task.folder, "export", write={"run": done.id, "to": str(tmp_path / "set"), "settings": {}})
    while jobs.state(task.folder).status == "running":
        time.sleep(0.1)
    assert "set exists already" in jobs.state(task.folder).error


def test_a_new_place_is_never_one_that_is_there(fitted):
    _, done = fitted
    assert training_set.new_place(done).name == "export-2"
    (done.folder / "export-11").mkdir()
    assert training_set.new_place(done).name == "export-12"
