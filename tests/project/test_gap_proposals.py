"""Rows without a vote, group by group, each with the rule that would cover it, measured on rows with known class."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.diagnose.gaps import gap_clusters, terms_of
from workbench.lfs import load_rules
from workbench.project.gaps import gaps_of_run, measured_in_words
from workbench.project.reviewing import decide, open_record
from workbench.project.runs import find_run
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.review.decision import Decision
from workbench.stats import wilson_interval

TASK = """format = 1
name = "mails"
labels = ["ham", "spam"]
[data]
file = "rows.csv"
id = "id"
gold = "gold"
split = "split"
[label_model]
model = "majority_vote"
[slices]
night = { column = "hour", at_least = 20 }
"""
RULES = """
[[rule]]
name = "wins"
kind = "keyword"
words = ["win"]
label = "spam"
[[rule]]
name = "cars"
kind = "keyword"
words = ["car"]
label = "ham"
"""
#          text, gold, hour; the first two are voted on
KINDS = [
    ("win a wallet", "spam", 9), ("my car is red", "ham", 9),
    ("lost wallet please", "spam", 22), ("green garden hose", "ham", 9),
]  # fmt: skip


def write(folder, text="text", kinds=KINDS, rows=1):
    folder.mkdir()
    lines = [f"id,{text},hour,gold,split"]
    for split, n in (("train", 160), ("valid", 32), ("test", 40)):
        for i in range(rows * n):
            words, gold, hour = kinds[i % 4]
            noise = f" {('one', 'two', 'three', 'four', 'five')[i // 4 % 5]}" if text == "text" else ""
            lines.append(f"{split}{i},{words}{noise},{hour},{'' if split == 'train' else gold},{split}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (folder / "task.toml").write_text(TASK)
    (folder / "rules.toml").write_text(RULES)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make rows of four kinds: wallets and gardens have no vote, and the label model knows that wallets win."""
    folder = write(tmp_path_factory.mktemp("tasks") / "mails")
    run(load_task(folder), until="fit")
    return folder


def found_in(folder, **settings):
    task = load_task(folder)
    return gaps_of_run(task, task.dataset()[0], find_run(task), **settings)


def test_groups_are_named_sized_and_get_a_rule_that_is_measured(folder):
    found = found_in(folder)
    assert (found.rows, found.uncovered, found.grouped) == (192, 96, 96), "test rows are not looked at"
    wallet = next(line for line in found.groups.to_dict("records") if "lost" in line["terms"])
    assert wallet["size"] == 48 and wallet["share"] == 0.5 and wallet["slices"] == ["night"]
    assert wallet["rule"] == {"name": "says_wallet", "kind": "keyword", "label": "spam", "words": ["wallet"]}
    assert (wallet["told_by"], wallet["label"], wallet["gain"]) == ("label model", "spam", 48)
    assert (wallet["right"], wallet["n"], wallet["precision"]) == (16, 16, 1.0) and 0.8 < wallet["low"] < wallet["high"] == 1
    assert len(wallet["examples"]) == 3 and all(int(re.sub(r"\D", "", row)) % 4 == 2 for row in wallet["examples"])


def test_a_group_whose_words_no_vote_explains_gets_no_rule_and_no_made_up_precision(folder):
    garden = next(line for line in found_in(folder).groups.to_dict("records") if "garden" in line["terms"])
    assert garden["rule"] is None and pd.isna(garden["precision"]) and pd.isna(garden["gain"])


def test_rows_that_an_audit_drew_are_nobodys_hint(folder, tmp_path):
    folder = shutil.copytree(folder, tmp_path / "mails")
    task = load_task(folder)
    record = open_record(task)
    before = found_in(folder).groups
    plan = record.add_plan("first", ["train2", "train3"])
    decide(task, task.dataset()[0], [Decision("train2", "label", "ann", "ham", purpose="measure", plan=plan)])
    assert found_in(folder).groups.equals(before)
    decide(task, task.dataset()[0], [Decision("train6", "label", "ann", "ham")])
    assert not found_in(folder).groups["n"].equals(before["n"]), "what a reviewer said of another row counts"


def test_the_same_rows_give_the_same_groups_and_another_seed_may_not(folder):
    one, other = found_in(folder).groups, found_in(folder).groups
    assert one.equals(other)


def test_the_end_model_guesses_where_nobody_votes(tmp_path):
    folder = write(tmp_path / "mails")
    task = folder / "task.toml"
    task.write_text(task.read_text().replace("[slices]", '[end_model]\nfeatures = ["tfidf"]\n[slices]'))
    run(load_task(folder), until="train")
    wallet = next(line for line in found_in(folder).groups.to_dict("records") if "lost" in line["terms"])
    assert wallet["label"] == "spam" and wallet["precision"] == 1.0 and wallet["told_by"] in ("end model", "label model")
    assert found_in(folder, guess=False).notes[-1].startswith("The end model is not asked")


def test_without_any_model_half_of_the_known_rows_choose_and_the_others_measure(tmp_path):
    folder = write(tmp_path / "mails", rows=4)
    run(load_task(folder), until="apply")
    found = found_in(folder)
    garden = next(line for line in found.groups.to_dict("records") if "garden" in line["terms"])
    assert (garden["label"], garden["told_by"]) == ("ham", "truth") and garden["gain"] == 192
    assert garden["right"] == garden["n"] and 10 <= garden["n"] <= 22
    assert "No model guesses classes" in found.notes[-1]


def test_a_task_without_text_gets_lookups(tmp_path):
    kinds = [(kind.replace(" ", "_"), gold, hour) for kind, gold, hour in KINDS]
    folder = write(tmp_path / "mails", "kind_of", kinds, rows=4)
    (folder / "task.toml").write_text(TASK.replace('gold = "gold"', 'gold = "gold"\ntext = []'))
    rule = '[[rule]]\nname = "{0}"\nkind = "lookup"\ncolumn = "kind_of"\nvalues = ["{0}"]\nlabel = "{1}"\n'
    (folder / "rules.toml").write_text(rule.format("win_a_wallet", "spam") + rule.format("my_car_is_red", "ham"))
    run(load_task(folder), until="apply")
    rules = [line["rule"] for line in found_in(folder).groups.to_dict("records")]
    told = {(rule["column"], rule["values"][0], rule["label"]) for rule in rules}
    assert told <= {("kind_of", "lost_wallet_please", "spam"), ("kind_of", "green_garden_hose", "ham"), ("hour", "22", "spam")}
    assert len(told) == 2


def test_proposed_rules_can_be_saved_as_they_are_printed(folder, tmp_path):
    shown = CliRunner().invoke(main, ["gaps", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert "no function votes on 96 of 192 rows of train and valid" in shown.output
    assert (
        "a rule for spam (says the label model) votes on 48 rows of this group, and on 48 of all rows without a vote; "
        "right on 16 of 16 rows whose class is known, 100% [81%, 100%]" in shown.output
    )
    rule = shown.output[shown.output.index("[[rule]]") :].split("\n\n")[0].split("\ngroup")[0]
    (tmp_path / "rules.toml").write_text("format = 1\n" + rule)
    (saved,) = load_rules(tmp_path / "rules.toml", labels=("ham", "spam"), text=("text",))
    assert saved.name == "says_wallet"
    found = json.loads(CliRunner().invoke(main, ["gaps", str(folder), "--no-guess", "--json"]).stdout)
    assert found["uncovered"] == 96 and [line["rule"] is None for line in found["groups"]].count(False) == 1


@pytest.mark.parametrize(
    ("right", "n", "said"),
    [
        (2, 4, "right on 2 of 4 rows whose class is known, too few to tell"),
        (4, 5, "4 of 5 rows whose class is known, 80% [38%"),
    ],
    ids=["four rows", "five rows"],
)
def test_what_few_rows_measure_is_said_to_tell_too_little(right, n, said):
    low, high = wilson_interval(right, n)
    assert said in measured_in_words({"right": right, "n": n, "precision": right / n, "low": low, "high": high})


def test_a_rule_that_is_seldom_right_is_not_proposed(tmp_path):
    folder = write(tmp_path / "mails")
    rows = (folder / "rows.csv").read_text().splitlines()
    wallets = [place for place, line in enumerate(rows) if "wallet" in line and line.endswith(",spam,valid")]
    for place in wallets[: len(wallets) // 2]:
        rows[place] = rows[place].replace(",spam,", ",ham,")
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    run(load_task(folder), until="fit")
    assert wilson_interval(8, 16)[1] > 0.7, "the interval alone would let it pass"
    assert "spam" not in found_in(folder).groups["label"].tolist()


def test_rows_alike_are_grouped_and_what_everybody_says_makes_no_group():
    rng = np.random.default_rng(0)
    greetings = ["hello there", "good day", "dear team"]
    kinds = ["tap drips water", "bus runs late", "cat climbs trees"]
    picked = rng.integers(0, 3, 300)
    rows = [terms_of(f"{greetings[rng.integers(3)]} {kinds[kind]}") for kind in picked]
    covered = [terms_of(f"{greetings[rng.integers(3)]} invoice {i}") for i in range(300)]
    groups = gap_clusters([*rows, terms_of("hello there")], covered)
    assert groups[-1] == -1, "a greeting alone tells nothing"
    assert len({(kind, group) for kind, group in zip(picked.tolist(), groups[:-1].tolist(), strict=True)}) == 3
    assert np.bincount(groups[:-1]).tolist() == sorted(np.bincount(picked).tolist(), reverse=True)


@pytest.mark.parametrize("rows", [[], [{"a"}] * 3, [set()] * 3], ids=["no row", "all the same", "no term"])
def test_what_cannot_be_grouped_is_not(rows):
    assert len(set(gap_clusters(rows, [{"b"}] * 5).tolist())) <= 1
