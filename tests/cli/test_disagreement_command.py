"""`workbench disagreement` as a user meets it: the tables of the page, rows, and rows sent to review."""

import shutil

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.reviewing import open_record
from workbench.project.steps.run import run
from workbench.project.task import load_task

TASK = """format = 1
name = "mails"
labels = ["ham", "spam"]
[data]
file = "rows.csv"
id = "id"
gold = "gold"
split = "split"
[slices]
short = { column = "text", contains = "see" }
"""
RULES = "\n".join(
    f'[[rule]]\nname = "{name}"\nkind = "keyword"\nwords = {words}\nlabel = "{label}"\n'
    for name, words, label in (("wins", ["win"], "spam"), ("prizes", ["win"], "spam"), ("cars", ["car"], "ham"))
)


@pytest.fixture(scope="module")
def _diagnosed(tmp_path_factory):
    """Make six times four rows in train and valid, and as many test rows: two rules say the same, a third disagrees."""
    folder = tmp_path_factory.mktemp("tasks") / "mails"
    folder.mkdir()
    texts = (("win a car", "spam"), ("win now", "spam"), ("a car", "ham"), ("see you", "ham"))
    lines = [
        f"{split}{turn}{place},{text},{gold},{split}"
        for split in ("train", "valid", "test")
        for turn in range(6)
        for place, (text, gold) in enumerate(texts)
    ]
    (folder / "rows.csv").write_text("\n".join(["id,text,gold,split", *lines]) + "\n")
    (folder / "task.toml").write_text(TASK)
    (folder / "rules.toml").write_text(RULES)
    run(load_task(folder), until="apply")
    return folder


@pytest.fixture
def workbench(_diagnosed, tmp_path):
    """Return a function that runs the command on a task of this test's own, and the task's folder."""
    folder = shutil.copytree(_diagnosed, tmp_path / "mails")

    def run_(*arguments):
        return CliRunner().invoke(main, ["disagreement", str(folder), *arguments])

    run_.task = folder
    return run_


def lines(answer):
    assert answer.exit_code == 0, answer.output
    return [" ".join(line.split()) for line in answer.output.splitlines()]


def test_pairs_are_listed_with_who_is_right(workbench):
    shown = lines(workbench())
    assert "wins cars 12 of 12 100% [76%, 100%] 6 : 0 of 6 wins" in shown
    assert "2 of 3 pairs that meet disagree somewhere" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--show", "patterns"], "12 100.0% spam: wins, prizes; ham: cars spam 6"),
        (["--show", "classes"], "12 100.0% ham and spam spam 6"),
        (["--show", "classes", "--agreeing"], "12 33.3% spam spam 6"),
        (["--show", "coverage"], "ham 1 24 12 50.0% [25%, 75%] n=12 50.0%"),
        (["--show", "coverage", "--slice", "short"], "no function votes on 12 of 12 rows"),
        (["--show", "coverage"], "see 12 (100.0%) 0 (0.0%) 4.4"),
        (["--show", "redundant"], "wins prizes 24 of 24 (100%) Switch off prizes: wherever either votes, wins says the same."),
        (["--function", "wins"], "1 of 2 pairs that meet disagree somewhere"),
        (["--agreeing"], "wins prizes 0 of 24 0% [0%, 14%]"),
    ],
    ids=["patterns", "classes", "without conflict", "by class", "gap of a slice", "terms", "redundant", "function", "agreeing"],
)
def test_each_table_is_one_option_away(workbench, options, said):
    shown = workbench(*options)
    assert any(said in line for line in lines(shown)), shown.output


def test_the_rows_of_a_pair_are_shown_and_sent_to_review(workbench):
    answer = workbench("--pair", "wins", "cars", "--review")
    shown = lines(answer)
    assert "train00 win a car spam ham spam: prizes" in shown and "test" not in answer.output
    assert "valid50 win a car spam ham spam: prizes spam" in shown
    assert "6 rows without gold sent to review, 6 of them new" in shown
    assert sorted(open_record(load_task(workbench.task)).requests()["row"]) == [f"train{turn}0" for turn in range(6)]


def test_the_rows_of_a_pattern_or_a_gap_are_shown(workbench):
    name = next(line.split()[0] for line in lines(workbench("--show", "patterns")) if "cars" in line)
    assert "12 rows: votes: spam: wins, prizes; ham: cars" in workbench("--pattern", name).output
    shown = lines(workbench("--gap", "--term", "see"))
    assert shown[0] == "12 rows: no function votes and that hold “see”" and "valid03 see you ham" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pair", "wins", "car"], "there is no function 'car'; did you mean 'cars'?"),
        (["--pattern", "abc"], "there is no vote pattern 'abc' here; --show patterns or classes lists them"),
        (["--gap", "--term", "zzz"], "'zzz' is no term of the rows without votes; --show coverage lists them"),
        (["--review"], "--review sends rows: say which with --pair A B, --pattern ID or --gap"),
        (["--slice", "long"], "there is no slice 'long'; known are 'short'"),
    ],
    ids=["function", "pattern", "term", "review of nothing", "slice"],
)
def test_a_mistake_is_one_line_with_the_way_out(workbench, options, said):
    answer = workbench(*options)
    assert answer.exit_code == 2 and said in answer.output and answer.output.startswith("error: ")
