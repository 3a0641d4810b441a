"""`workbench stress` on a tiny task: suites, what is written, what is refused, and that rows of test are never shown."""

import json
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.runs import find_run
from workbench.project.steps.defer import DEFERRAL
from workbench.project.steps.run import run
from workbench.project.steps.stress import STRESS, clearly_worse, read_stress, stress, worst_first
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

FIGURES = [
    "n",
    "accuracy",
    "interval",
    "answered",
    "wrong_confident",
    "wrong_confident_interval",
    "of",
    "worst",
    "said",
    "reason",
]

OURS = """
from dataclasses import replace
from workbench.stress import suite


@suite
def fails(rows):
    raise ValueError("no")


@suite(expect="same")
def louder(rows):
    return replace(rows, frame=rows.frame.assign(text=rows.frame["text"] + "!"))
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return where the run of the first test is kept for the others."""
    return tmp_path_factory.mktemp("kept") / "runs"


@pytest.fixture
def fitted(tiny_task, kept):
    """Return a task whose run answers above confidence .6."""
    if kept.exists():
        shutil.copytree(kept, tiny_task / "runs")
        return tiny_task
    done = run(load_task(tiny_task), until="train")
    promise = {"threshold": 0.6, "risk": 0.05, "confidence": 0.95, "n": 15, "answered": 10, "errors": 0, "given": 15, "more": 0}
    (done.folder / DEFERRAL).write_text(json.dumps({"format": 1, **promise, "measured": "15 valid rows with gold"}))
    shutil.copytree(tiny_task / "runs", kept)
    return tiny_task


def asked(folder, *names, report=lambda *_: None):
    task = load_task(folder)
    return stress(task, find_run(task, holding="end_model"), names, report)


def by_name(found):
    return {one["name"]: one for one in found["suites"]}


def write(folder, text):
    (folder / "stress.toml").write_text(f"format = 1\n{text}", encoding="utf-8")


def test_without_a_file_the_usual_suites_run(fitted):
    told = []
    found = asked(fitted, report=lambda *news: told.append(news))
    suites = by_name(found)
    assert found["split"] == "test" and found["rows"] == 25 and found["threshold"] == 0.6
    assert {"new_terms", "typos", "near_empty", "numbers", "drop_each", "drop_half"} <= set(suites)
    assert all(name in one for one in found["suites"] for name in FIGURES)
    assert suites["typos"]["of"]["what"] == "the same rows unchanged"
    assert suites["near_empty"]["n"] == 25 and suites["near_empty"]["of"]["accuracy"] == 1
    assert suites["drop_half"]["accuracy"] is not None and suites["drop_a_quarter"]["accuracy"] is None
    assert any("the end model learns again" in detail for _, _, _, detail in told)


def test_rows_of_test_are_never_named(fitted):
    split = pd.read_csv(fitted / "rows.csv", dtype=str).set_index("id")["split"]
    named = [id for one in asked(fitted, "messy", "new_terms")["suites"] for id in [*one["worst"], *one["changed"]]]
    assert named and set(split[named]) == {"valid"}


def test_what_is_found_is_kept_in_the_run_and_a_part_leaves_the_rest(fitted):
    asked(fitted, "typos", "casing")
    found = asked(fitted, "truncation", "casing")
    assert [one["name"] for one in found["suites"]] == ["truncation", "casing"]
    kept = read_stress(find_run(load_task(fitted)))
    assert [one["name"] for one in kept["suites"]] == ["truncation", "typos", "casing"]
    assert kept["format"] == 1 and kept["run"] == found["run"]


@pytest.mark.parametrize("other", ["threshold", "rows", "model"])
def test_suites_of_another_threshold_other_rows_or_another_model_do_not_stay(fitted, other):
    asked(fitted, "casing")
    run_folder = find_run(load_task(fitted), holding="end_model").folder
    if other == "threshold":
        (run_folder / DEFERRAL).write_text((run_folder / DEFERRAL).read_text().replace('"threshold": 0.6', '"threshold": 0.7'))
    elif other == "rows":
        rows = pd.read_csv(fitted / "rows.csv", dtype=str)
        rows.assign(text=rows["text"].where(rows["split"] != "test", rows["text"] + " indeed")).to_csv(
            fitted / "rows.csv", index=False
        )
    else:
        with (run_folder / "end_model" / "manifest.json").open("a") as file:
            file.write("\n")
    found = asked(fitted, "typos")
    assert [one["name"] for one in read_stress(find_run(load_task(fitted)))["suites"]] == ["typos"] == [
        one["name"] for one in found["suites"]
    ]  # fmt: skip


def test_each_suite_says_by_what_settings_and_rows_it_was_found(fitted):
    def told(**texts):
        for text in texts.values():
            write(fitted, text)
        return {name: (one["settings"], one["rows"]) for name, one in by_name(asked(fitted, "typos", "drop_half")).items()}

    removed = '[[rules_removed]]\nhow = "drop"\nname = "drop_half"\nshare = {}\n'
    usual, again = told(file=removed.format(0.5)), told(file=removed.format(0.5))
    changed = told(file=f'{removed.format(0.4)}[[messy]]\nhow = "typos"\nstrength = 0.9\n')
    assert usual == again
    assert usual["typos"][0] == changed["typos"][0] and usual["typos"][1] != changed["typos"][1]
    assert usual["drop_half"][0] != changed["drop_half"][0] and usual["drop_half"][1] == changed["drop_half"][1]


def test_the_same_seed_finds_the_same(fitted):
    assert asked(fitted, "typos")["suites"] == asked(fitted, "typos")["suites"]


def test_rows_of_no_class_need_only_their_text(fitted):
    (fitted / "out_of_scope.jsonl").write_text('{"text": "a poem about rain"}\n{"text": "refund for invoice"}\n')
    (found,) = asked(fitted, "out_of_scope")["suites"]
    assert (found["n"], found["accuracy"]) == (2, None)
    assert found["wrong_confident"] == found["answered"] == 0.5
    assert list(found["changed"].values()) == ["refund for invoice"]


def test_failures_languages_and_slices_are_suites(fitted):
    (fitted / "failures.toml").write_text(
        'format = 1\n[[failure]]\nname = "refund lost"\nwhy = "Money."\nseverity = "high"\nowner = "desk"\ntolerated = 0.01\n'
        'actual = "billing"\nrule = {kind = "keyword", words = ["refund"]}\n'
        '[[failure]]\nname = "odd"\nwhy = "Time."\nseverity = "low"\nowner = "desk"\ntolerated = 0.1\npredicted = "bug"\n'
    )
    write(fitted, '[language]\ncolumn = "plan"\nmin_rows = 5\nslices = ["pro"]\n')
    suites = by_name(asked(fitted, "failures", "language"))
    assert list(suites) == ["failures", "refund lost", "language_free", "language_pro", "pro"] or list(suites) == [
        "failures", "refund lost", "language_pro", "language_free", "pro",
    ]  # fmt: skip
    assert suites["refund lost"]["n"] == suites["failures"]["n"] > 0
    assert suites["pro"]["n"] == suites["language_pro"]["n"] > 0


def test_a_python_suite_that_fails_stops_no_other(fitted):
    (fitted / "stress").mkdir()
    (fitted / "stress" / "ours.py").write_text(OURS)
    suites = by_name(asked(fitted, "python"))
    assert suites["fails"]["reason"].endswith("ours.py:8: suite 'fails' fails: ValueError: no")
    assert suites["louder"]["n"] == 25 and suites["louder"]["broken"] == 0


QUOTES = """
from workbench.stress import suite
from workbench.tables import Dataset


@suite
def reads_numbers(rows):
    if (rows.split == "test").any():
        return [float(text) for text in rows.frame["text"]]
    return rows


@suite(expect="same")
def renames(rows):
    if not (rows.split == "test").any():
        return rows
    one = rows.frame.head(1)
    return Dataset(one.set_axis(one["text"] + "?", axis=0), rows.labels, rows.text)
"""


def test_an_error_of_test_rows_alone_quotes_none_of_them(fitted):
    rows = pd.read_csv(fitted / "rows.csv", dtype=str)
    texts = rows.loc[rows["split"] == "test", "text"]
    (fitted / "stress").mkdir()
    (fitted / "stress" / "ours.py").write_text(QUOTES)
    suites = by_name(asked(fitted, "python"))
    where = f"{fitted / 'stress' / 'ours.py'}:9: suite 'reads_numbers' fails: ValueError"
    untold = "on test rows alone; what the error says may quote one, and is not shown"
    assert suites["reads_numbers"]["reason"] == f"{where}, {untold}"
    assert suites["renames"]["reason"] == f"suite 'renames' fails, {untold}"
    kept = (find_run(load_task(fitted)).folder / STRESS).read_text()
    assert not any(text in kept for text in texts)


def test_a_run_that_answers_none_is_measured_above_a_confidence(fitted):
    run_folder = find_run(load_task(fitted)).folder
    promise = json.loads((run_folder / DEFERRAL).read_text())
    (run_folder / DEFERRAL).write_text(json.dumps({**promise, "threshold": None, "answered": 0}))
    write(fitted, "confident = 0.55\n")
    found = asked(fitted, "truncation")
    assert found["threshold"] == 0.55 and found["suites"][0]["answered"] > 0
    assert found["promise"].startswith("The run promises nothing, and answers no row; here a row counts as answered above")


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        ("", ["typo"], "task 'tiny' has no suite 'typo'.*did you mean 'typos'"),
        ('skip = ["casings"]\n', [], "has no suite 'casings'"),
        ('[language]\ncolumn = "plans"\n', [], r"\[language\] in .*stress.toml names the column 'plans'; did you mean 'plan'"),
        ('[language]\nslices = ["free"]\n', [], r"\[language\] in .*stress.toml names the slice 'free'"),
        ('[out_of_scope]\nfile = "none.jsonl"\n', [], "none.jsonl does not exist"),
        ('[[messy]]\nhow = "typos"\nname = "numbers"\n', [], "two suites .* are called 'numbers'"),
        ("[[new_terms]]\ntime = 'created'\n", [], "asks for the time in column 'created'"),
    ],
    ids=["unknown name", "unknown skip", "unknown column", "unknown slice", "no file", "name twice", "no time"],
)
def test_mistakes_are_told_before_any_suite_runs(fitted, text, names, message):
    write(fitted, text)
    with pytest.raises(WorkbenchError, match=message):
        asked(fitted, *names)
    assert not (find_run(load_task(fitted)).folder / STRESS).exists()


def test_the_command_prints_a_table_a_sentence_a_suite_or_json(fitted):
    done = CliRunner().invoke(main, ["stress", str(fitted), "--suite", "typos"])
    assert done.exit_code == 0, done.output
    assert "wrong and confident" in done.output and "typos: Right on " in done.output
    done = CliRunner().invoke(main, ["stress", str(fitted), "--suite", "typos", "--json"])
    assert [one["name"] for one in json.loads(done.stdout)["suites"]] == ["typos"]


def suite_of(name, accuracy, before, **more):
    wide, whole = ([share - 0.01, share + 0.01] if share else None for share in (accuracy, before))
    of = {"accuracy": before, "interval": whole, "wrong_confident_interval": [0.01, 0.03]}
    figures = {"accuracy": accuracy, "interval": wide, "wrong_confident": 0.02, "wrong_confident_interval": [0.01, 0.03]}
    return {"name": name, "n": 100, **figures, "of": of, "change": None} | more


def test_the_worst_suite_comes_first_and_what_is_clearly_worse_is_told():
    suites = [
        suite_of("fine", 0.9, 0.8),
        suite_of("gone", None, None, n=0, of=None, wrong_confident=None, wrong_confident_interval=None),
        suite_of("strange", None, 0.8, wrong_confident_interval=[0.04, 0.2]),
        suite_of("near", 0.79, 0.8),
        suite_of("lost", None, None, of=None, wrong_confident=None, label_model={"accuracy": 0.4, "of": 0.9}),
        suite_of("bad", 0.5, 0.8),
        suite_of("paired", 0.785, 0.8, change={"accuracy": -0.015, "interval": [-0.02, -0.01]}),
        suite_of("paired by chance", 0.5, 0.7, change={"accuracy": -0.2, "interval": [-0.5, 0.1]}),
        suite_of("falls", None, None, wrong_confident=None, wrong_confident_interval=None, broken_interval=[0.06, 0.2]),
    ]
    ranked = [one["name"] for one in worst_first(suites)]
    assert ranked == ["lost", "bad", "paired by chance", "paired", "near", "fine", "strange", "falls", "gone"]
    assert [one["name"] for one in suites if clearly_worse(one)] == ["strange", "bad", "paired", "falls"]


def test_the_command_says_how_many_suites_are_worse_and_all_of_them_when_asked(fitted):
    shown = [CliRunner().invoke(main, ["stress", str(fitted), *more]).output for more in ([], ["--all"])]
    assert "clearly worse than what they are held against: " in shown[0] and "casing: " not in shown[0]
    assert "casing: Right on " in shown[1] and "clearly worse" not in shown[1]


def test_valid_is_scored_where_only_that_has_gold(fitted):
    rows = pd.read_csv(fitted / "rows.csv", dtype=str)
    rows.assign(label=rows["label"].where(rows["split"] != "test")).to_csv(fitted / "rows.csv", index=False)
    found = asked(fitted, "typos")
    assert (found["split"], found["rows"]) == ("valid", 15) and found["suites"][0]["accuracy"] is not None


def test_a_task_without_text_has_the_suites_that_need_none(tiny_task):
    toml = tiny_task / "task.toml"
    toml.write_text(
        toml.read_text().replace('text = ["text"]', "text = []").replace('["tfidf"]', '[]\ncolumns = ["plan", "tag"]')
    )
    (tiny_task / "rules.toml").write_text('format = 1\n[[rule]]\nname = "agent_tag"\nkind = "column"\ncolumn = "tag"\n')
    toml.write_text(toml.read_text().replace('functions = "../../labeling_functions/tiny"\n', ""))
    run(load_task(tiny_task), until="train")
    write(tiny_task, '[language]\ncolumn = "plan"\nmin_rows = 5\n[[rules_removed]]\nhow = "flip"\n')
    assert sorted(by_name(asked(tiny_task))) == ["flip", "language_free", "language_pro"]


def test_a_task_whose_rows_changed_skips_the_suites_of_functions(fitted):
    rows = pd.read_csv(fitted / "rows.csv", dtype=str)
    rows.drop(index=0).to_csv(fitted / "rows.csv", index=False)
    (found,) = asked(fitted, "drop_half")["suites"]
    assert found["reason"].startswith("the task's rows are not those that run") and found["n"] == 0
    assert found["said"].startswith("Not run: ")
