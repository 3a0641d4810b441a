"""The commands as a user types them."""

import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import COMMANDS, main
from workbench.cli.show import explained_row
from workbench.project.explaining import Explained


def workbench(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name):
    answer = workbench(name, "--help")
    assert answer.exit_code == 0
    assert len(answer.output.splitlines()) > 4


def test_run_prints_a_summary_and_json(tiny_task):
    answer = workbench("run", tiny_task)
    assert answer.exit_code == 0, answer.output
    for name in (
        "majority vote",
        "generative model",
        "Snorkel's LabelModel",
        "end model",
        "gold-trained ceiling",
        "gap recovered",
    ):
        assert name in answer.stdout
    answer = workbench("run", tiny_task, "--json")
    assert json.loads(answer.stdout)["label_model"]["majority_vote"]["test"]["all"]["n"] == 25
    answer = workbench("evaluate", tiny_task, "--json")
    assert json.loads(answer.stdout)["end_model"]["test"]["all"]["n"] == 25
    runs = workbench("runs", tiny_task).stdout
    assert runs.count("evaluate") == 2 and runs.count("generative") == 2
    accuracy = json.loads(answer.stdout)["end_model"]["test"]["all"]["accuracy"]
    assert runs.count(f"{accuracy:.3f}") >= 2


@pytest.mark.parametrize(
    ("verb", "shown"),
    [
        ("apply", "120 rows, 5 functions"),
        ("diagnose", "asks_refund"),
        ("fit", "mean probability billing"),
        ("export", "training set"),
        ("train", "end model"),
    ],
)
def test_every_verb_says_what_it_made(tiny_task, verb, shown):
    answer = workbench(verb, tiny_task)
    assert answer.exit_code == 0, answer.output
    assert shown in answer.stdout
    assert "run 2" in answer.stdout


def test_check_ends_with_1_on_a_problem(tiny_task):
    assert workbench("check", tiny_task).exit_code == 0
    rules = tiny_task / "rules.toml"
    rules.write_text(rules.read_text().replace("my invoice is wrong", "hello"))
    answer = workbench("check", tiny_task)
    assert answer.exit_code == 1
    assert "says_invoice abstained" in answer.output


@pytest.mark.parametrize("verb", ["check", "apply"])
def test_an_interrupt_names_the_function_at_work(tiny_task, verb):
    functions = tiny_task.parents[1] / "labeling_functions" / "tiny" / "slow.py"
    functions.write_text(
        "from workbench import labeling_function\n@labeling_function\ndef slow(row):\n    raise KeyboardInterrupt\n"
    )
    answer = workbench(verb, tiny_task)
    assert answer.exit_code == 1
    assert "interrupted while slow was at work; with `workers = 2` under [apply]" in answer.stderr


def test_a_stopped_function_is_seen_in_the_diagnosis_and_among_the_runs(tiny_task):
    functions = tiny_task.parents[1] / "labeling_functions" / "tiny" / "bad.py"
    functions.write_text("from workbench import labeling_function\n@labeling_function\ndef bad(row):\n    return None\n")
    lines = workbench("diagnose", tiny_task).stdout.splitlines()
    assert [line.split()[0] for line in lines if line.rstrip().endswith("stopped")] == ["bad"]
    functions.unlink()
    assert workbench("apply", tiny_task).exit_code == 0
    partial, whole = (line for line in workbench("runs", tiny_task).stdout.splitlines() if line.strip().startswith("20"))
    assert "diagnose, partial" in partial and "partial" not in whole


def test_a_crash_shows_the_function_on_stderr(tiny_task):
    functions = tiny_task.parents[1] / "labeling_functions" / "tiny" / "bad.py"
    functions.write_text(
        "import os, signal\nfrom workbench import labeling_function\n"
        "@labeling_function\ndef in_c(row):\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    ended = subprocess.run([sys.executable, "-m", "workbench", "check", tiny_task], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGSEGV
    assert 'bad.py", line 5 in in_c' in ended.stderr


def test_a_mistake_is_one_line_and_exit_code_2(tmp_path):
    answer = workbench("run", tmp_path)
    assert answer.exit_code == 2
    assert answer.stderr.startswith("error: ") and answer.stderr.count("\n") == 1
    assert "is no task" in answer.stderr


def test_predict_writes_a_file(tiny_task, tmp_path):
    assert workbench("train", tiny_task).exit_code == 0
    source = tmp_path / "new.jsonl"
    source.write_text('{"id": "a", "text": "refund my invoice"}\n')
    answer = workbench("predict", tiny_task, source, tmp_path / "out.jsonl")
    assert answer.exit_code == 0, answer.output
    assert json.loads((tmp_path / "out.jsonl").read_text())["label"] == "billing"
    assert answer.stderr.startswith("note: ") and answer.stdout.startswith("1 rows labelled")
    again = workbench(
        "predict", tiny_task, source, tmp_path / "out.jsonl", "--review-below", "1", "--log", tmp_path / "log.jsonl"
    )
    assert again.exit_code == 2 and "exists already" in again.stderr
    options = ["--overwrite", "--review-below", "1", "--keep", "text", "--log", tmp_path / "log.jsonl"]
    answer = workbench("predict", tiny_task, source, tmp_path / "out.jsonl", *options)
    assert answer.exit_code == 0 and "1 of them need review" in answer.stdout
    row, line = (json.loads((tmp_path / name).read_text()) for name in ("out.jsonl", "log.jsonl"))
    assert (row["text"], row["decision"]) == ("refund my invoice", line["decision"]) == ("refund my invoice", "needs review")


def test_what_a_function_prints_stays_out_of_the_json(tiny_task):
    file = tiny_task.parents[1] / "labeling_functions" / "tiny" / "functions.py"
    file.write_text(file.read_text().replace("    return BUG if", "    print('debug')\n    return BUG if"))
    answer = workbench("run", tiny_task, "--json")
    assert json.loads(answer.stdout)["end_model"]["test"]["all"]["n"] == 25
    assert "debug" in answer.stderr


def test_a_refusal_of_the_disk_is_one_line(tiny_task):
    (tiny_task / "runs").write_text("a file where the runs should go")
    answer = workbench("apply", tiny_task)
    assert answer.exit_code == 2
    assert answer.stderr.strip().splitlines()[-1].startswith("error: ") and "runs" in answer.stderr


def test_a_terminated_run_leaves_nothing_behind(tiny_task):
    file = tiny_task.parents[1] / "labeling_functions" / "tiny" / "functions.py"
    file.write_text(file.read_text().replace("    return BUG if", "    import time\n    time.sleep(1)\n    return BUG if"))
    process = subprocess.Popen([sys.executable, "-m", "workbench", "run", str(tiny_task)], stderr=subprocess.DEVNULL)
    for _ in range(300):
        if list(tiny_task.glob("runs/.*")):
            break
        time.sleep(0.1)
    assert list(tiny_task.glob("runs/.*"))
    process.terminate()
    assert process.wait(timeout=20) != 0
    assert list(tiny_task.glob("runs/*")) == [] and list(tiny_task.glob("runs/.*")) == []


@pytest.fixture
def misled_task(tiny_task):
    """Return the tiny task with an agent who is wrong on valid tickets of the slice `pro` and right on the others."""
    rows = pd.read_csv(tiny_task / "rows.csv", dtype=str)
    wrong = rows["label"].map({"billing": "bug", "bug": "billing"})
    valid, pro = rows["split"] == "valid", rows["plan"] == "pro"
    rows["tag"] = rows["tag"].mask(valid & pro, wrong).mask(valid & ~pro, rows["label"])
    rows.to_csv(tiny_task / "rows.csv", index=False)
    return tiny_task


def test_diagnose_names_the_function_that_errs_in_a_slice(misled_task):
    """8 of the 15 valid tickets are `pro`: 0 of 8 right against 7 of 7 is one of C(15, 7) = 6,435 ways."""
    answer = workbench("diagnose", misled_task)
    assert answer.exit_code == 0, answer.output
    (line,) = (line for line in answer.stdout.splitlines() if "agent_tag" in line and " pro " in line)
    assert line.split()[:6] == ["agent_tag", "pro", "0.00", "n=8", "1.00", "n=7"]
    assert float(line.split()[6]) == pytest.approx(1 / 6435, rel=0.05)
    assert "errs more here than elsewhere (valid)" in answer.stdout and "q: the share" in answer.stdout
    assert "Function 'agent_tag' is right on 0 of 8 votes (0%) in slice 'pro'" in answer.stderr


def test_diagnose_shows_each_slice_and_what_the_votes_are_worth_on_valid(tiny_task):
    shown = [line.split() for line in workbench("diagnose", tiny_task).stdout.splitlines()]
    (pro,) = (words for words in shown if words[:1] == ["pro"])
    assert pro[1:3] == ["60", "100.0%"] and pro[-1].startswith("n=")
    (majority,) = (words for words in shown if words[:2] == ["majority", "vote"])
    assert majority[5] == majority[-1] == "15"


def test_fit_sets_the_label_model_beside_majority_vote_on_valid(tiny_task):
    output = workbench("fit", tiny_task).stdout
    assert output.count("valid split") == output.count("majority vote") == output.count("generative model") == 1
    rules = tiny_task / "task.toml"
    rules.write_text(rules.read_text().replace('model = "generative"', 'model = "majority_vote"'))
    assert workbench("fit", tiny_task).stdout.count("majority vote") == 1


@pytest.mark.parametrize("verb", ["diagnose", "fit"])
def test_who_writes_functions_is_shown_nothing_of_test(misled_task, verb):
    def shown():
        return [line for line in workbench(verb, misled_task).output.splitlines() if not line.startswith("run ")]

    before = shown()
    rows = misled_task / "rows.csv"
    rows.write_text(rows.read_text().replace(",billing,test", ",bug,test"))
    assert shown() == before
    rows.write_text(rows.read_text().replace(",billing,valid", ",bug,valid"))
    assert shown() != before


@pytest.mark.parametrize("verb", ["diagnose", "fit"])
def test_without_gold_in_valid_no_score_is_shown(misled_task, verb):
    rows = misled_task / "rows.csv"
    rows.write_text(rows.read_text().replace(",billing,valid", ",,valid").replace(",bug,valid", ",,valid"))
    answer = workbench(verb, misled_task)
    assert answer.exit_code == 0, answer.output
    assert "valid split" not in answer.stdout and "errs more" not in answer.stdout and "in slice" not in answer.stderr


def test_fit_compares_every_label_model(tiny_task):
    answer = workbench("fit", tiny_task, "--compare")
    assert answer.exit_code == 0, answer.output
    shown = [line.strip() for line in answer.stdout.splitlines()]
    assert "same answer, % of 120 covered rows; chosen: generative model" in shown
    for rows in ("all", "covered"):
        assert f"valid split, {rows} rows with gold: 15" in shown
    assert "reliability of generative model, covered rows of valid" in shown
    (matrix, *scores) = (line.split() for line in shown if "triplet method" in line)
    assert matrix[0] == "6" and len(matrix) == 3 + 2 + 5  # no agreement with itself
    assert len(scores) == 2 and all(len(line) == 2 + 3 + 3 + 3 for line in scores)
    assert shown[-2].startswith("Majority vote ") and shown[-1].startswith("run 2")


def test_a_comparison_without_gold_shows_agreement_and_says_so(tiny_task, monkeypatch):
    monkeypatch.setitem(sys.modules, "crowdkit.aggregation", None)
    file = tiny_task / "task.toml"
    file.write_text(file.read_text().replace('gold = "label"', ""))
    shown = workbench("fit", tiny_task, "--compare").stdout
    assert "same answer" in shown and "valid split" not in shown and "reliability" not in shown
    assert "Crowd-Kit's Dawid-Skene: skipped: the label model dawid_skene is Crowd-Kit's" in shown
    assert "Without gold on covered rows of valid nobody can say whether majority vote is enough" in shown


@pytest.mark.parametrize(("option", "key"), [(["--compare"], "agreement"), ([], "accuracy")], ids=["comparison", "fit"])
def test_what_fit_found_can_be_read_by_a_program(tiny_task, option, key):
    answer = workbench("fit", tiny_task, "--json", *option)
    assert answer.exit_code == 0, answer.output
    assert key in json.loads(answer.stdout)


def test_an_export_for_hugging_face(tiny_task, tmp_path):
    answer = workbench("export", tiny_task, "--format", "hf")
    assert answer.exit_code == 0, answer.output
    (folder,) = tiny_task.glob("runs/*/export")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "data", "manifest.json"]
    answer = workbench("export", tiny_task, "--format", "hf", "--to", tmp_path / "set")
    assert answer.exit_code == 0 and (tmp_path / "set" / "data" / "train-00000-of-00001.parquet").is_file()
    assert "exists already" in workbench("export", tiny_task, "--format", "hf", "--to", tmp_path / "set").stderr


def test_a_row_without_votes_is_explained_by_their_absence(capsys):
    lines = pd.DataFrame([("class balance", "", 0.0, 0.0, 0.0)], columns=["line", "vote", "adds", "before", "after"])
    explained_row(Explained("m1", {"ham": 0.5, "spam": 0.5}, "ham", "spam", lines, 0.0))
    assert "no function votes on this row" in capsys.readouterr().out
