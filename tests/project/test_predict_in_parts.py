"""Rows in partitions answered by a run's end model: what one file gets, and a rerun does only what is missing."""

import json
import re
import shutil
import subprocess
import sys

import fsspec
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.io import partition_pieces
from workbench.io.files import sha256
from workbench.project import predicting_in_parts
from workbench.project.predicting_in_parts import Answering, predict_in_parts
from workbench.project.runs import find_run
from workbench.project.steps.predict import open_model, predict
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def here(work, items):
    """Map in this process: what is tested here is the work, and mappers are tested where they live."""
    for place, item in enumerate(items):
        yield place, work(item)


def here_backwards(work, items):
    """Map in this process, the last item first."""
    for place in reversed(range(len(items))):
        yield place, work(items[place])


@pytest.fixture(scope="module")
def trained(tmp_path_factory, write_tiny):
    """Return what a task and its run with an end model that reads text, numbers and codes were written to."""
    folder = write_tiny(tmp_path_factory.mktemp("trained"))
    rows = pd.read_csv(folder / "rows.csv", dtype=str)
    rows.assign(paid=["true", "false"] * 60, age=range(120), code=["007", "1", "x"] * 40).to_csv(
        folder / "rows.csv", index=False
    )
    toml = folder / "task.toml"
    text = toml.read_text().replace("[end_model]", '[end_model]\ncolumns = ["paid", "age", "code"]')
    toml.write_text(text.replace('split = "split"', 'split = "split"\npartition_rows = 20'))
    run(load_task(folder), until="train")
    return folder.parents[1]


@pytest.fixture
def task(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "here")
    return load_task(tmp_path / "here" / "data" / "tiny")


@pytest.fixture
def week(tmp_path):
    """Write new rows as one file and as a folder of three, whose partitions have 20, 20, 10, 20, 20, 20, 10 rows."""
    texts = ["refund this invoice", "it crashes with an error", "hello", ""]
    n = np.arange(120)
    rows = pd.DataFrame({"id": [f"w{i}" for i in n], "text": [f"{texts[i % 4]} {i}".lstrip() for i in n]})
    rows = rows.assign(paid=n % 3 > 0, age=n - 0.5, code=[["1", "007", None][i % 3] for i in n], note=[f"n{i}" for i in n])
    rows.to_parquet(tmp_path / "week.parquet", index=False)
    (tmp_path / "week").mkdir()
    for number, part in enumerate(np.split(n, [50, 90])):
        rows.iloc[part].to_parquet(tmp_path / "week" / f"{number}.parquet", index=False, row_group_size=20)
    return tmp_path / "week"


def answered(task, source, target, mapper=here, keep=(), review_below=None, **settings):
    plan = Answering.of(task, find_run(task), target, keep, review_below)
    return predict_in_parts(plan, str(source), mapper, **settings)


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def rows_of(folder):
    return pd.concat([pd.read_parquet(folder / part["file"]) for part in manifest_of(folder)["parts"]], ignore_index=True)


def lines_of(log):
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [{name: fact for name, fact in line.items() if name != "time"} for line in lines]


def test_rows_in_parts_without_the_id_column_are_known_by_their_content(task, week, tmp_path):
    for file in week.iterdir():
        pd.read_parquet(file).drop(columns="id").to_parquet(file, index=False)
    pd.read_parquet(tmp_path / "week.parquet").drop(columns="id").to_parquet(tmp_path / "week.parquet", index=False)
    predict(open_model(task, find_run(task)), tmp_path / "week.parquet", tmp_path / "out.parquet")
    found = answered(task, week, tmp_path / "out")
    assert rows_of(tmp_path / "out")["id"].equals(pd.read_parquet(tmp_path / "out.parquet")["id"])
    assert f"{week} has no column 'id': its rows are known" in found.warnings[0]


@pytest.mark.parametrize("mapper", [here, here_backwards], ids=["in order", "the last first"])
def test_a_folder_gets_the_answers_that_one_file_gets(task, week, tmp_path, monkeypatch, mapper):
    monkeypatch.setattr(partition_pieces, "ROWS", 7)
    opened = open_model(task, find_run(task), 0.9)
    whole = predict(opened, tmp_path / "week.parquet", tmp_path / "out.parquet", keep=["note"], log=tmp_path / "one.jsonl")
    parted = answered(
        task, week, tmp_path / "out", mapper, keep=["note"], review_below=0.9, log=tmp_path / "parts.jsonl"
    )  # fmt: skip
    assert (parted.answered, parted.review) == (whole.answered, whole.review) and parted.answered and parted.review
    one = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), one, rtol=0, atol=1e-12)
    about = manifest_of(tmp_path / "out")
    assert (about["rows"], about["answered"], about["needs_review"]) == (120, whole.answered, whole.review)
    assert (about["run"], about["model"], about["threshold"]) == (opened.run, opened.id, opened.rule.threshold)
    assert [part["rows"] for part in about["parts"]] == [20, 20, 10, 20, 20, 20, 10]
    assert [(part["source"], part["row_groups"]) for part in about["parts"][2:4]] == [
        (str(week / "0.parquet"), [2, 3]),
        (str(week / "1.parquet"), [0, 1]),
    ]
    assert [part["sha256"] for part in about["parts"]] == [sha256(tmp_path / "out" / part["file"]) for part in about["parts"]]
    names = {*(part["file"] for part in about["parts"]), "manifest.json"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == names
    assert not (tmp_path / "out.parts").exists()
    logged, expected = lines_of(tmp_path / "parts.jsonl"), lines_of(tmp_path / "one.jsonl")
    assert [line["id"] for line in logged] == [f"w{i}" for i in range(120)]
    for line, other in zip(logged, expected, strict=True):
        assert line.pop("confidence") == pytest.approx(other.pop("confidence"), abs=1e-12) and line == other


def test_a_url_of_any_file_system_is_read(task, week, tmp_path):
    memory = fsspec.filesystem("memory")
    for file in week.iterdir():
        memory.pipe_file(f"/{tmp_path.name}/{file.name}", file.read_bytes())
    answered(task, f"memory://{tmp_path.name}/[12].parquet", tmp_path / "out")
    assert rows_of(tmp_path / "out")["id"].tolist() == [f"w{i}" for i in range(50, 120)]
    assert manifest_of(tmp_path / "out")["parts"][0]["source"] == f"memory:///{tmp_path.name}/1.parquet"


def test_what_was_odd_is_counted_over_all_partitions(task, week, tmp_path):
    rows = pd.read_parquet(week / "0.parquet")
    rows.assign(text=["", *rows["text"][1:-1], " "]).to_parquet(week / "0.parquet", index=False, row_group_size=20)
    done = answered(task, week, tmp_path / "out")
    assert done.warnings == ["text column 'text' is empty, and kept so, in 2 cells"] == manifest_of(tmp_path / "out")["notes"]


def asked_of(monkeypatch):
    """Return the list of the partitions, by number, whose rows are read from now on."""
    read = []
    whole = predicting_in_parts.PartitionPieces

    def pieces(part, *columns):
        read.append(part.number)
        return whole(part, *columns)

    monkeypatch.setattr(predicting_in_parts, "PartitionPieces", pieces)
    return read


def stop_after(n):
    """Return a mapper in this process that is killed after so many items."""

    def mapper(work, items):
        yield from here(work, items[:n])
        raise KeyboardInterrupt

    return mapper


def test_a_rerun_does_only_what_is_missing_or_damaged(task, week, tmp_path, monkeypatch):
    answered(task, week, tmp_path / "at once")
    read = asked_of(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        answered(task, week, tmp_path / "out", stop_after(5), log=tmp_path / "log.jsonl")
    assert read == [0, 1, 2, 3, 4] and not (tmp_path / "out").exists() and not (tmp_path / "log.jsonl").exists()
    draft = tmp_path / "out.parts"
    (draft / "part-00001.json").write_text("{", encoding="utf-8")
    with (draft / "rows" / "part-00003.parquet").open("ab") as file:
        file.write(b"damaged")
    (draft / "rows" / ".0123456789ab.parquet").write_bytes(b"half of a part, of a process that was killed")
    read.clear()
    answered(task, week, tmp_path / "out", log=tmp_path / "log.jsonl")
    assert read == [1, 3, 5, 6] and len(lines_of(tmp_path / "log.jsonl")) == 120
    both = [manifest_of(tmp_path / name) | {"finished": None} for name in ("out", "at once")]
    assert both[0] == both[1] and not draft.exists()
    assert sorted(file.name for file in (tmp_path / "out").iterdir())[:2] == ["manifest.json", "part-00000.parquet"]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ({}, [5, 6]),
        ({"review_below": 0.7}, [0, 1, 2, 3, 4, 5, 6]),
        ({"keep": ["note"]}, [0, 1, 2, 3, 4, 5, 6]),
    ],
    ids=["the same command", "another threshold", "other columns"],
)
def test_a_part_is_taken_only_for_the_same_question(task, week, tmp_path, monkeypatch, again, expected):
    with pytest.raises(KeyboardInterrupt):
        answered(task, week, tmp_path / "out", stop_after(5))
    read = asked_of(monkeypatch)
    answered(task, week, tmp_path / "out", **again)
    assert read == expected


def test_a_part_is_answered_anew_once_its_file_or_the_model_changed(task, week, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        answered(task, week, tmp_path / "out", stop_after(6))
    rows = pd.read_parquet(week / "1.parquet")
    rows.assign(text="refund").to_parquet(week / "1.parquet", index=False, row_group_size=20)
    read = asked_of(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        answered(task, week, tmp_path / "out", stop_after(6))
    assert read == [3, 4]
    toml = task.folder / "task.toml"
    toml.write_text(toml.read_text().replace("[end_model]", "[end_model]\nseed = 1\nepochs = 2"))
    run(load_task(task.folder), until="train")
    read.clear()
    answered(load_task(task.folder), week, tmp_path / "out")
    assert read == [0, 1, 2, 3, 4, 5, 6] and set(rows_of(tmp_path / "out")["model"]) == {manifest_of(tmp_path / "out")["model"]}


def test_a_smaller_source_leaves_no_part_of_the_larger_one(task, week, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        answered(task, week, tmp_path / "out", stop_after(7))
    (week / "2.parquet").unlink()
    answered(task, week, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("part-*"))) == 5 and len(rows_of(tmp_path / "out")) == 90


def test_the_model_is_loaded_once_for_all_partitions(task, week, tmp_path, monkeypatch):
    from workbench.end_model import EndModel

    loaded, load = [], EndModel.load
    monkeypatch.setattr(predicting_in_parts, "_kept", {})
    monkeypatch.setattr(EndModel, "load", lambda *given, **also: loaded.append(1) or load(*given, **also))
    answered(task, week, tmp_path / "out")
    assert loaded == [1]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda rows: rows.assign(age=[*rows["age"][:25].astype(str), "old", *rows["age"][26:].astype(str)]),
         r"1\.parquet, row group 2: column 'age' holds 'old' on row '26'"),
        (lambda rows: rows.assign(id=[*rows["id"][:21], "", *rows["id"][22:]]),
         r"1\.parquet, row group 2: id column 'id' is empty on row 22"),
        (lambda rows: rows.assign(text=[*rows["text"][:39], None]),
         r"1\.parquet, row group 2, row 40 has no text in column 'text'"),
        (lambda rows: rows.drop(columns="code"), r"has other columns than .*such as 'code'; make them alike"),
    ],
    ids=["a word among numbers", "an empty id", "no text", "other columns"],
)  # fmt: skip
def test_a_row_that_cannot_be_answered_is_named_with_file_and_row_groups(task, week, tmp_path, change, match):
    change(pd.read_parquet(week / "1.parquet")).to_parquet(week / "1.parquet", index=False, row_group_size=20)
    with pytest.raises(WorkbenchError, match=match):
        answered(task, week, tmp_path / "out", log=tmp_path / "log.jsonl")
    assert not (tmp_path / "out").exists() and not (tmp_path / "log.jsonl").exists()


def test_a_damaged_partition_is_named_and_once_mended_the_rest_is_done(task, week, tmp_path, monkeypatch):
    whole = (week / "1.parquet").read_bytes()
    (week / "1.parquet").write_bytes(whole[:10] + bytes(390) + whole[400:])
    with pytest.raises(WorkbenchError, match=r"1\.parquet, row group 1 cannot be read: .*put the file back, and run again"):
        answered(task, week, tmp_path / "out")
    (week / "1.parquet").write_bytes(whole)
    read = asked_of(monkeypatch)
    answered(task, week, tmp_path / "out")
    assert read == [3, 4, 5, 6]


def test_a_file_that_changes_under_the_work_is_named(task, week, tmp_path):
    def late(work, items):
        (week / "2.parquet").write_bytes((tmp_path / "other.parquet").read_bytes())
        yield from here(work, items)

    pd.read_parquet(week / "2.parquet").iloc[:25].to_parquet(tmp_path / "other.parquet", index=False, row_group_size=20)
    with pytest.raises(WorkbenchError, match=r"2\.parquet, row group 2 had 10 rows when the work began, and has others now"):
        answered(task, week, tmp_path / "out", late)


def test_answers_are_replaced_only_where_asked_and_only_answers(task, week, tmp_path):
    answered(task, week, tmp_path / "out")
    with pytest.raises(WorkbenchError, match="exists already; choose another folder, or replace it with --overwrite"):
        answered(task, week, tmp_path / "out")
    answered(task, week / "0.parquet", tmp_path / "out", overwrite=True)
    assert manifest_of(tmp_path / "out")["rows"] == 50 and not (tmp_path / "out.parts").exists()
    (tmp_path / "out" / "mine.txt").write_text("not to be lost")
    with pytest.raises(WorkbenchError, match="holds more than answers, so it is not replaced"):
        answered(task, week, tmp_path / "out", overwrite=True)


@pytest.mark.parametrize(
    ("target", "log", "match"),
    [
        ("week/out", None, "lies among the rows of .*week; choose a folder elsewhere"),
        ("week", None, "exists already"),
        ("out.parquet", None, "out.parquet is no name for the answers to rows in partitions: they are a new folder"),
        ("s3://bucket/out", None, "is no name for the answers to rows in partitions"),
        ("out", "week/1.parquet", "1.parquet is a file to be read; give another file to log to"),
        ("out", "out/log.jsonl", "log.jsonl lies in the folder for the answers; give another file to log to"),
    ],
    ids=["inside of the rows", "the rows", "a file", "a URL", "a log in the rows", "a log in the answers"],
)
def test_one_place_for_two_things_is_refused(task, week, tmp_path, target, log, match):
    before = (week / "1.parquet").read_bytes()
    with pytest.raises(WorkbenchError, match=match):
        answered(
            task, week, target if "://" in target else tmp_path / target, log=None if log is None else tmp_path / log
        )  # fmt: skip
    assert (week / "1.parquet").read_bytes() == before and not (tmp_path / "out.parts").exists()


def test_rows_without_text_need_an_id_to_be_told_apart(task, week, tmp_path):
    task.data.pop("id")
    assert rows_of_content(task, week, tmp_path / "out").is_unique
    task.data["text"] = ()
    with pytest.raises(WorkbenchError, match="rows in partitions without text need `id`"):
        answered(task, week, tmp_path / "other")


def rows_of_content(task, week, target):
    answered(task, week, target)
    return rows_of(target)["id"]


# ---------------------------------------------------------------- the command


WITHOUT_TORCH = """
import sys
from workbench.cli import main
main(sys.argv[1:], standalone_mode=False)
assert "torch" not in sys.modules
"""


def test_the_command_answers_a_pattern_with_worker_processes_which_alone_load_torch(task, week, tmp_path):
    command = [sys.executable, "-c", WITHOUT_TORCH, "predict", task.folder, f"{week}/[01].parquet", "--workers", "2"]
    asked = [*command, "--to", tmp_path / "out", "--review-below", "0", "--log", tmp_path / "log.jsonl"]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("90 rows labelled by the end model of run ") and f": {tmp_path / 'out'}" in done.stdout
    assert "their threshold was given by hand" in done.stderr
    predict(open_model(task, find_run(task), 0), tmp_path / "week.parquet", tmp_path / "out.parquet")
    one = pd.read_parquet(tmp_path / "out.parquet")[:90]
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), one, rtol=0, atol=1e-12)
    assert [line["id"] for line in lines_of(tmp_path / "log.jsonl")] == one["id"].tolist()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["week"], "needs SOURCE and one TARGET"),
        (["week", "out", "--to", "out"], "needs SOURCE and one TARGET"),
        (["week.parquet", "out.csv", "--workers", "2"], "--workers is of rows in partitions, and week.parquet is one file"),
        (["week", "out", "--engine", "sparc"], "engine 'sparc' is unknown; .* did you mean 'spark'"),
        (["--text", "hello", "--workers", "2"], "workers is of a file to answer, and --text answers one row"),
    ],
    ids=["no target", "two targets", "workers for one file", "unknown engine", "workers for one row"],
)
def test_what_the_command_cannot_mean_is_refused(task, week, tmp_path, monkeypatch, arguments, match):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["predict", str(task.folder), *arguments])
    assert done.exit_code == 2 and re.search(match, done.stderr)
