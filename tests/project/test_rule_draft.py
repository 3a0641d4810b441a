"""A rule is tried before it is saved: on rows its writer may see, against gold, reviewers and the other functions."""

import numpy as np
import pandas as pd
import pytest

from workbench.lfs import load_lfs, load_rules
from workbench.lfs.examples import failed_examples
from workbench.lfs.write_rules import add_rule
from workbench.project import rule_draft
from workbench.project.rule_draft import columns_for, ground_of, rule_of, try_rule, words_in
from workbench.project.rule_rows import proposed_examples, rows_of, with_examples
from workbench.project.rule_saving import proposed_name, python_text, save_rule, told
from workbench.project.rule_suggestions import suggestions
from workbench.project.task import load_task
from workbench.tables import VoteMatrix, WorkbenchError

TASK = """format = 1
name = "toy"
labels = ["ham", "spam"]
[data]
file = "rows.csv"
id = "id"
gold = "gold"
split = "split"
"""
ROWS = [  # id, text, amount, plan, gold, split; and the votes of `promises` and `greets`
    ("a", "win a free car", 120, "pro", "spam", "train", 1, -1),
    ("b", "free, free!", 5, "free", "", "train", -1, -1),
    ("c", "freedom for <b>all</b>", 7, "free", "", "train", -1, -1),
    ("d", "hello, are you free?", 3, "pro", "ham", "valid", -1, 0),
    ("e", "a FREE prize", 90, "pro", "spam", "valid", 1, -1),
    ("f", "see you", 2, "team", "ham", "valid", -1, -1),
    ("g", "free test", 1, "pro", "ham", "test", -1, -1),
]
FREE = {"kind": "keyword", "label": "spam", "words": ["free"]}


@pytest.fixture
def task(tmp_path):
    lines = ["id,text,amount,plan,gold,split", *(f'{i},"{t}",{a},{p},{g},{s}' for i, t, a, p, g, s, *_ in ROWS)]
    tmp_path.joinpath("rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tmp_path.joinpath("task.toml").write_text(TASK, encoding="utf-8")
    return load_task(tmp_path)


VOTES = VoteMatrix.from_array(
    [row[6:] for row in ROWS], labels=["ham", "spam"], ids=[row[0] for row in ROWS], lfs=["promises", "greets"]
)


@pytest.fixture
def ground(task):
    return ground_of(task, task.dataset()[0], VOTES)


def ids(ground, tried, kind):
    return sorted(ground.data.ids[tried.rows[kind]])


def test_a_draft_is_counted_on_train_and_valid_rows_alone(ground):
    tried = try_rule(ground, FREE)
    assert ids(ground, tried, "all") == ["a", "b", "d", "e"], "freedom is another word, and g is a test row"
    assert tried.counted == ground.total == 6 and tried.coverage == 4 / 6
    assert tried.counts == {"all": 4, "new": 1, "conflicting": 1, "wrong": 1}
    assert ids(ground, tried, "new") == ["b"]
    assert ids(ground, tried, "conflicting") == ids(ground, tried, "wrong") == ["d"]


def test_precision_is_that_on_valid_gold_and_train_gold_is_nobodys_hint(ground):
    assert try_rule(ground, FREE).gold[:2] == (1, 2)  # e is right, d is not; a is train
    low, high = try_rule(ground, FREE).gold[2:]
    assert (round(low, 3), round(high, 3)) == (0.095, 0.905)  # Wilson's interval of 1 of 2
    assert np.isnan(try_rule(ground, {**FREE, "words": ["freedom"]}).gold.share)


def test_precision_on_reviewed_rows_stands_apart(task):
    anchors = pd.DataFrame({"label": [1, 0, 1]}, index=["a", "b", "d"])
    tried = try_rule(ground_of(task, task.dataset()[0], VOTES, anchors=anchors), FREE)
    assert tried.gold[:2] == (1, 2) and tried.reviewed[:2] == (2, 3)


def test_every_function_on_the_same_rows_is_set_beside_the_draft(ground):
    table = try_rule(ground, FREE).functions
    assert table.to_dict("index") == {
        "greets": {"votes_for": "ham", "both": 1, "differ": 1, "share": 1.0},
        "promises": {"votes_for": "spam", "both": 2, "differ": 0, "share": 0.0},
    }
    assert try_rule(ground, FREE).twin == ""
    assert try_rule(ground, {**FREE, "words": ["win", "prize"]}).twin == "promises"


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (rule_of("keyword", ["free"], "spam", whole_word=False), "abcde"),
        (rule_of("keyword", ["free", "car"], "spam", match="all"), "a"),
        (rule_of("keyword", ["FREE"], "spam", case=True), "e"),
        (rule_of("regex", [r"^free.+!"], "spam"), "b"),
        pytest.param(rule_of("phrase", ["a free"], "spam"), "ae", marks=pytest.mark.slow),
        (rule_of("threshold", [], "spam", column="amount", above=5.0, below=100.0), "ce"),
        (rule_of("lookup", ["free", "Team"], "spam", column="plan"), "bcf"),
        (rule_of("column", ["free"], "spam", column="plan"), "bc"),
    ],
    ids=["part", "all", "case", "regex", "phrase", "threshold", "lookup", "column"],
)
def test_every_kind_of_rule_votes_as_it_will_from_the_file_and_from_python(task, ground, rule, found, tmp_path):
    tried = try_rule(ground, rule)
    assert "".join(ids(ground, tried, "all")) == found
    marked = [part.text[a:b] for row in rows_of(ground, tried, "all") for part in row.parts for a, b in part.spans]
    assert len(marked) >= len(found), "what was found is marked on each row"
    fires, abstains = proposed_examples(ground, tried)
    assert fires and abstains
    kept = told(with_examples(ground, rule, fires, abstains), proposed_name(rule, ()), "because", ["words"])
    assert add_rule(task.rules_file, kept) == 4
    [loaded] = load_rules(task.rules_file, labels=task.labels)
    assert (loaded.reason, loaded.tags) == ("because", ("words",))
    assert failed_examples(loaded, ground.data.frame.columns) == []
    assert np.array_equal(loaded.votes(ground.chunk)[0], tried.votes)
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "one.py").write_text(python_text(kept), encoding="utf-8")
    [python] = load_lfs(tmp_path / "functions", labels=task.labels)
    assert python.name == loaded.name and np.array_equal(python.votes(ground.chunk)[0], tried.votes)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (rule_of("regex", ["(?<=a)b"], "spam"), "RE2, which runs rules in linear time, has no look-around"),
        (rule_of("regex", ["a("], "spam"), r"'a\(' is not a valid pattern .*missing \).*needs a backslash before it"),
        (rule_of("keyword", ["free"], "spm"), "label 'spm' is not among the labels 'ham', 'spam'; did you mean 'spam'"),
        (rule_of("keyword", ["free"], "spam", column="txt"), "there is no column 'txt'.*did you mean 'text'"),
        (rule_of("threshold", [], "spam", column="amount"), "has no bound; give above, below or both"),
        pytest.param(rule_of("phrase", [" "], "spam"), "phrases holds ' '; give non-empty strings", marks=pytest.mark.slow),
    ],
    ids=["look-around", "open bracket", "class", "column", "no bound", "no phrase"],
)
def test_a_draft_that_cannot_be_is_refused_in_one_sentence(ground, rule, said):
    with pytest.raises(WorkbenchError, match=said):
        try_rule(ground, rule)


def test_cells_that_are_no_class_are_faults_and_said(ground):
    tried = try_rule(ground, rule_of("column", column="plan"))
    assert tried.faults == 6 and "allowed are -1 (abstain) and 0..1 ('ham', 'spam')" in tried.fault


def test_a_rule_written_after_the_run_counts_for_the_next_draft(task):
    add_rule(task.rules_file, {"name": "gratis", **FREE})
    ground = ground_of(task, task.dataset()[0], VOTES)
    assert ground.lfs == ("promises", "greets", "gratis") and ground.since == ("gratis",)
    tried = try_rule(ground, rule_of("keyword", ["free"], "spam"))
    assert tried.counts["new"] == 0 and tried.twin == "gratis"
    ran = {"gratis": load_rules(task.rules_file, labels=task.labels)[0].fingerprint}
    assert ground_of(task, task.dataset()[0], VOTES, ran).since == (), "the run asked it as it stands"


def test_of_many_rows_a_random_part_is_counted_and_all_that_are_known_judge(task):
    ground = ground_of(task, task.dataset()[0], VOTES, many=2)
    tried = try_rule(ground, rule_of("regex", ["."], "spam"))
    assert (ground.counted, ground.total) == (2, 6)
    assert tried.counts["all"] == tried.counted == 2
    assert tried.gold.n == 3, "d, e and f are valid with gold"


def test_a_slow_pattern_is_counted_on_fewer_rows(ground, monkeypatch):
    monkeypatch.setattr(rule_draft, "_PATIENCE", 0.0)
    monkeypatch.setattr(rule_draft, "_PILOT", 4)
    tried = try_rule(ground, rule_of("regex", ["free"], "spam"))
    assert tried.slow and tried.counted == len(tried.votes) == 4


def test_an_example_that_does_not_hold_is_refused(ground):
    with pytest.raises(WorkbenchError, match="the rule abstains on 'freedom', given as one on which it fires; change"):
        with_examples(ground, FREE, ["freedom"], [])
    with pytest.raises(WorkbenchError, match="the rule votes 'spam' on 'be free', given as one on which it abstains"):
        with_examples(ground, FREE, [], ["be free"])


def test_near_misses_are_proposed_as_examples_on_which_it_abstains(ground):
    assert proposed_examples(ground, try_rule(ground, FREE))[1] == ["freedom for <b>all</b>"]


def test_a_name_that_another_function_has_is_refused(task):
    assert save_rule(task, {"name": "gratis", **FREE}) == "rules.toml:4"
    with pytest.raises(WorkbenchError, match=r"'gratis' stands in rules.toml already; give the rule another name"):
        save_rule(task, {"name": "gratis", **FREE})
    with pytest.raises(WorkbenchError, match="the rule has no name"):
        save_rule(task, {"name": " ", **FREE})


def test_names_say_what_is_looked_for_and_are_free():
    assert proposed_name(FREE, {"says_free", "says_free_2"}) == "says_free_3"
    assert proposed_name(rule_of("regex", [r"log(in|ged)\b"], "x"), ()) == "says_log_in_ged"
    assert proposed_name(rule_of("threshold", [], "x", column="amount", above=5.0), ()) == "amount_above_5_0"


def test_words_stand_between_commas():
    assert words_in(' refund,"a, b",, ') == ["refund", "a, b"]
    assert words_in("") == []


def test_columns_are_offered_by_what_they_hold(ground):
    assert columns_for(ground, "threshold") == ["amount"]
    assert columns_for(ground, "lookup") == ["amount", "plan", "text"]
    assert columns_for(ground, "regex") == ["text", "amount", "plan"]


# ---------------------------------------------------------------- words worth a rule


def test_words_are_proposed_from_known_and_from_uncovered_rows(tmp_path):
    lines = ["id,text,gold,split"]
    votes = []
    for i in range(
        40
    ):  # "prize" is spam's in valid; "gift" stands beside "win", which `promises` finds, and alone where nobody votes
        spam = i % 2
        lines.append(f"v{i},{'prize today' if spam else 'morning today'},{('ham', 'spam')[spam]},valid")
        lines.append(f"t{i},{'win gift' if spam else 'lunch break'},,train")
        lines.append(f"u{i},{'gift here' if spam else 'nothing here'},,train")
        votes += [[-1], [spam], [-1]]
    tmp_path.joinpath("rows.csv").write_text("\n".join(lines) + "\n")
    tmp_path.joinpath("task.toml").write_text(TASK)
    task = load_task(tmp_path)
    dataset, _ = task.dataset()
    ground = ground_of(task, dataset, VoteMatrix.from_array(votes, ["ham", "spam"], dataset.ids, ["promises"]))
    found = suggestions(ground, "spam")
    assert found["known"].loc["prize"].to_dict() == {"right": 20, "n": 20, "new": 20, "rows": 20, "twin": ""}
    assert "today" not in found["known"].index, "it stands in both classes"
    assert found["uncovered"].loc["gift"].to_dict() == {"right": 20, "n": 20, "new": 20, "rows": 40, "twin": ""}
    assert suggestions(ground, "nobody")["known"].empty


def test_words_of_a_class_without_votes_are_not_judged_by_those_of_others(task):
    lines = ["id,text,split", *(f"{i},{'the usual' if i % 5 else 'printer jam'},train" for i in range(40))]
    (task.folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (task.folder / "task.toml").write_text(TASK.replace('gold = "gold"\n', ""))
    task = load_task(task.folder)
    dataset = task.dataset()[0]
    votes = VoteMatrix.from_array([[0]] * 20 + [[-1]] * 20, ["ham", "spam"], dataset.ids, ["old"])
    table = suggestions(ground_of(task, dataset, votes), "spam")["uncovered"]
    assert list(table.index) == ["printer"] and not table[["right", "n"]].any(axis=None)


def test_without_votes_and_gold_frequent_words_are_proposed(task):
    task.rules_file.write_text("")
    lines = ["id,text", *(f"{i},{'printer jam' if i % 10 == 0 else 'the usual'}" for i in range(50))]
    (task.folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (task.folder / "task.toml").write_text('format = 1\nlabels = ["ham", "spam"]\n[data]\nfile = "rows.csv"\nid = "id"\n')
    task = load_task(task.folder)
    found = suggestions(ground_of(task, task.dataset()[0]), "spam")
    assert found["known"].empty
    assert found["uncovered"].loc["printer"].to_dict() == {"right": 0, "n": 0, "new": 5, "rows": 5, "twin": ""}
    assert "usual" not in found["uncovered"].index, "what nearly all rows say tells nothing apart"
