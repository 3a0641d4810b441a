"""The commands as a user types them."""

import json
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from workbench.cli import COMMANDS, main


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
    assert json.loads((tmp_path / "out.jsonl").read_text())["predicted"] == "billing"


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
