"""A user scaffolds a task from a file: it loads, checks and votes as it stands."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from workbench.apply import apply_lfs
from workbench.lfs import load_rules
from workbench.lfs.examples import failed_examples
from workbench.project.scaffold import constants, literal, task_toml, toml_value
from workbench.project.steps.new import guess_gold, new_task
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

MAILS = "nr,topic,body,plan\n" + "".join(
    f'{i},{"spam" if i % 3 else "ham"},"{"win a prize today" if i % 5 else "see the invoice below"}, number {i}",pro\n'
    for i in range(30)
)


def save(folder: Path, content: str = MAILS, name: str = "mails.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_file_becomes_a_task_that_votes(tmp_path: Path) -> None:
    notes = new_task(tmp_path / "data" / "mail", save(tmp_path), gold="topic", id="nr")
    assert notes[1:] == ["text column: 'body', the longest with 28 characters on average"]
    task = load_task(tmp_path / "data" / "mail")
    dataset, warnings = task.dataset()
    assert (task.name, task.labels, dataset.text, warnings) == ("mail", ("ham", "spam"), ("body",), [])
    assert list(dataset.frame.columns) == ["body", "plan"]
    assert list(dataset.ids[:2]) == ["0", "1"]
    assert set(dataset.split) == {"train", "valid", "test"}
    assert (tmp_path / "data" / "mail" / "mails.csv").read_text() == MAILS
    assert (tmp_path / "labeling_functions" / "mail" / "functions.py").is_file()
    functions = task.functions()
    assert [function.kind for function in functions] == ["python", "keyword"]
    assert [failure for function in functions for failure in failed_examples(function, list(dataset.frame.columns))] == []
    votes = apply_lfs(functions, dataset)
    assert votes.faults.empty
    assert (votes.votes >= 0).any(axis=0).tolist() == [True, True]
    assert set(votes.votes[votes.votes >= 0]) == {0, 1}


def test_what_the_user_says_wins_over_guesses(tmp_path: Path) -> None:
    source = save(tmp_path, "Text;Note;Part\nhallo;a much longer note;train\nciao;another long note;test\n")
    notes = new_task(
        tmp_path / "mail", source, text=["Text"], labels=["b", "a"], split="Part", delimiter=";", encoding="cp1252"
    )
    assert notes == [
        "2 rows, 0 of them labelled; classes 'b', 'a'; split by 'Part': 1 train, 1 test; text 'Text'; ids made from the content"
    ]
    task = load_task(tmp_path / "mail")
    dataset, _ = task.dataset()
    assert (task.labels, dataset.text, dataset.gold) == (("b", "a"), ("Text",), None)
    assert dataset.split.tolist() == ["train", "test"]
    assert task.functions_folder == tmp_path / "mail" / "functions"
    assert (tmp_path / "mail" / "functions" / "functions.py").is_file()


def test_without_gold_all_rows_train(tmp_path: Path) -> None:
    new_task(tmp_path / "mail", save(tmp_path), labels=["ham", "spam"])
    assert set(load_task(tmp_path / "mail").dataset()[0].split) == {"train"}


@pytest.mark.parametrize(
    "rows",
    ["age,paid\n" + "".join(f"{i},{i % 2}\n" for i in range(20)), "plan,paid\npro,1\nfree,0\npro,1\n"],
    ids=["numbers", "categories"],
)
def test_a_table_without_text_makes_a_task_too(tmp_path: Path, rows: str) -> None:
    notes = new_task(tmp_path / "t", save(tmp_path, rows), gold="paid", text=None if "age" in rows else [])
    task = load_task(tmp_path / "t")
    dataset, _ = task.dataset()
    assert task.labels == ("0", "1")
    assert dataset.text == ()
    assert task.end_model == {"features": [], "columns": [dataset.frame.columns[0]]}
    assert ("no column holds text" in " ".join(notes)) == ("age" in rows)
    functions = task.functions()
    assert [failure for function in functions for failure in failed_examples(function, list(dataset.frame.columns))] == []
    votes = apply_lfs(functions, dataset)
    assert votes.faults.empty and (votes.votes >= 0).any(axis=0).all()


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (MAILS, {}, r'mails\.csv: name the classes, --labels "ham,spam", or the column of known ones, --gold COLUMN'),
        (MAILS, {"gold": "nr"}, r"the gold column 'nr' holds 30 different values in 30 rows, hardly its classes"),
        (MAILS, {"gold": "plan"}, r"the gold column 'plan' holds 1 different values"),
        (MAILS, {"gold": "topik"}, r"mails\.csv has no column 'topik'; .*did you mean 'topic'\?"),
        (
            "text,y\n" + "".join(f"hello {i},{i % 4 - 1}\n" for i in range(20)),
            {"gold": "y"},
            r"mails\.csv: the gold column 'y' is -1 in 5 of 20 rows, beside '0', '1', '2'; empty .* --labels \"0,1,2,-1\"",
        ),
        (
            "text,y\n" + "".join(f"hello {i},{i % 3}\n" for i in range(20)),
            {"gold": "y", "labels": ["a", "b", "c"]},
            r"write names, not numbers: if 0 is 'a', in pandas rows\['y'\] = rows\['y'\]\.map\(\{0: 'a', 1: 'b', 2: 'c'\}\)",
        ),
        ("text,y\nhello,3\n", {"gold": "y", "labels": ["a", "b", "c"]}, "or an empty cell; write names, not numbers$"),
        ("text,y\nhello,-1\n", {"gold": "y", "labels": ["0", "1"]}, "empty the cells that have no label, which Snorkel marks"),
        ("text;y\nhello;0\n", {"gold": "y"}, r"looks separated by ';': .* with `workbench new` say --delimiter \";\""),
        (MAILS, {"gold": "topic", "labels": ["ham", "eggs"]}, r"gold column 'topic' is 'spam' on row 2"),
        (MAILS, {"gold": "topic", "id": "plan"}, r"id 'pro' in column 'plan' stands twice"),
        ("a\n\n", {"labels": ["x", "y"]}, r"has a header \('a'\) and no rows"),
    ],
    ids=[
        "no labels",
        "gold of numbers",
        "one class",
        "no such column",
        "no label as in Snorkel",
        "numbers for names",
        "a number of no class",
        "no label as in Snorkel, labels given",
        "semicolons",
        "labels lack one",
        "ids repeat",
        "no rows",
    ],
)
def test_a_mistake_leaves_nothing_behind(tmp_path: Path, rows: str, settings: dict[str, object], message: str) -> None:
    source = save(tmp_path, rows)
    with pytest.raises(WorkbenchError, match=message):
        new_task(tmp_path / "data" / "mail", source, **settings)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == [source]


def test_existing_folders_are_not_overwritten(tmp_path: Path) -> None:
    source = save(tmp_path)
    new_task(tmp_path / "data" / "mail", source, gold="topic")
    with pytest.raises(WorkbenchError, match="mail exists already; choose another folder"):
        new_task(tmp_path / "data" / "mail", source, gold="topic")
    functions = tmp_path / "labeling_functions" / "mail"
    (functions / "functions.py").write_text("MINE = 1\n")
    (tmp_path / "data" / "mail").rename(tmp_path / "old")
    notes = new_task(tmp_path / "data" / "mail", source, gold="topic")
    assert notes[-1] == f"{functions} exists already and stays as it is"
    assert (functions / "functions.py").read_text() == "MINE = 1\n"


def test_every_commented_rule_works_once_the_hash_is_gone(tmp_path: Path) -> None:
    new_task(tmp_path / "mail", save(tmp_path), gold="topic")
    text = (tmp_path / "mail" / "rules.toml").read_text()
    head, _, rest = text.partition("\n\n")
    (tmp_path / "mail" / "rules.toml").write_text("format = 1\n\n" + re.sub(r"(?m)^# ", "", rest))
    rules = load_rules(tmp_path / "mail" / "rules.toml", labels=("ham", "spam"), text=("body",))
    assert {rule.kind for rule in rules} == {"keyword", "regex", "phrase", "threshold", "lookup", "column"}
    assert all(rule.reason for rule in rules)
    assert rest.count('# column = "body"') == 3, "keyword, regex and phrase are narrowed to one column"
    assert "Rules without Python" in head


def test_every_key_of_a_new_task_has_a_comment_line(tmp_path: Path) -> None:
    new_task(tmp_path / "mail", save(tmp_path), gold="topic")
    lines = (tmp_path / "mail" / "task.toml").read_text().splitlines()
    keys = [place for place, line in enumerate(lines) if re.match(r"(# )?\w+ = ", line)]
    assert len(keys) >= 12
    assert all(lines[place - 1].startswith("# ") and " = " not in lines[place - 1].split(";")[0] for place in keys)


def test_odd_names_and_labels_survive_the_files(tmp_path: Path) -> None:
    labels = ['say "hi"', "back\\slash", "größe", "class", "line\nbreak", "\x7f"]
    document = tomllib.loads(task_toml('a "task"', labels, {"file": "ä b.csv", "text": ['c"d']}, {"columns": []}))
    assert document["labels"] == labels
    assert (document["name"], document["data"]) == ('a "task"', {"file": "ä b.csv", "text": ['c"d']})
    assert tomllib.loads("x = " + toml_value({'a "b"': 0.5, "c": [True, 1]})) == {"x": {'a "b"': 0.5, "c": [True, 1]}}
    frame = pd.DataFrame({'te"xt\\': ["hello wörld once", "another wörld here"], "gold": ["<=50K", ">50K"]})
    frame.to_csv(tmp_path / "odd.csv", index=False)
    new_task(tmp_path / "odd", tmp_path / "odd.csv", gold="gold")
    task = load_task(tmp_path / "odd")
    votes = apply_lfs(task.functions(), task.dataset()[0])
    assert votes.faults.empty


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["ham", "not-spam"], ["HAM", "NOT_SPAM"]),
        (["<=50K", ">50K"], ["CLASS_0", "CLASS_1"]),
        (["abstain", "vote"], ["CLASS_0", "CLASS_1"]),
        (["a b", "a-b"], ["CLASS_0", "CLASS_1"]),
        (["0", "1"], ["CLASS_0", "CLASS_1"]),
        (["none", "größe"], ["NONE", "GRÖSSE"]),
    ],
    ids=["words", "digits first", "abstain", "same letters", "numbers", "umlaut"],
)
def test_labels_become_constants(labels: list[str], names: list[str]) -> None:
    assert constants(labels) == names


def test_literals_are_python(tmp_path: Path) -> None:
    for value in ("it's", 'say "hi"\\\n', 1.5, {"a": True, 'b"': None}):
        assert eval(literal(value)) == value


def test_the_first_function_and_rule_vote_what_the_known_labels_say(tmp_path: Path) -> None:
    rows = [("the invoice is wrong", "billing"), ("please pay my invoice", "billing"), ("screen goes blank", "bug")] * 8
    content = "body,topic\n" + "".join(f"{body} {i},{topic}\n" for i, (body, topic) in enumerate(rows))
    new_task(tmp_path / "data" / "mail", save(tmp_path, content), gold="topic")
    task = load_task(tmp_path / "data" / "mail")
    dataset, _ = task.dataset()
    votes = apply_lfs(task.functions(), dataset)
    assert dataset.gold is not None
    for column in votes.votes.T:
        assert (column == dataset.gold)[column >= 0].all() and (column >= 0).any()


def test_known_labels_of_train_and_test_change_nothing_in_the_files(tmp_path: Path) -> None:
    texts = [("win a prize", "spam"), ("lunch is ready", "ham"), ("free prize inside", "spam"), ("ready when you are", "ham")]
    for folder, swapped in (("as known", ()), ("swapped", ("train", "test"))):
        content = "body,topic,part\n"
        for part in ("train", "valid", "test"):
            for body, topic in texts * 2:
                told = {"spam": "ham", "ham": "spam"}[topic] if part in swapped else topic
                content += f"{body},{told},{part}\n"
        (tmp_path / folder).mkdir()
        new_task(tmp_path / folder / "mail", save(tmp_path / folder, content), gold="topic", split="part")
    for name in ("task.toml", "rules.toml", "functions/functions.py"):
        written = [(tmp_path / folder / "mail" / name).read_text() for folder in ("as known", "swapped")]
        assert written[0] == written[1], name
    assert "prize" in written[0] or "ready" in written[0], "the words of valid are used"


def test_a_new_task_shows_how_to_have_workers(tmp_path: Path) -> None:
    new_task(tmp_path / "mail", save(tmp_path), labels=["ham", "spam"])
    file = tmp_path / "mail" / "task.toml"
    assert load_task(tmp_path / "mail").apply == {}
    file.write_text(file.read_text().replace("# workers = ", "workers = ").replace("# seconds = ", "seconds = "))
    assert load_task(tmp_path / "mail").apply == {"workers": 2, "seconds": 60}


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({"labels": ["a", "b"]}, "columns 'label' stay among the features; .*--gold"),
        (
            {"gold": "label", "split": {"train": 0.7, "valid": 0.1, "test": 0.2}},
            "of 4 known classes stand in train, where they score nothing and teach the ceiling alone",
        ),
    ],
    ids=["gold not named", "few known classes"],
)
def test_what_is_hardly_meant_is_noted(tmp_path: Path, columns: dict[str, object], note: str) -> None:
    content = "body,label\n" + "".join(f"some text {i},{('a', 'b')[i % 2] if i < 4 else ''}\n" for i in range(40))
    notes = new_task(tmp_path / "mail", save(tmp_path, content), **columns)  # type: ignore[arg-type]
    assert any(re.search(note, one) for one in notes), notes


@pytest.mark.parametrize(
    ("columns", "guess"),
    [
        ({"text": ["a b", "c d"], "Topic": ["mail", "bill"]}, "Topic"),
        ({"text": ["a b", "c d"], "label": ["one", "one"]}, None),
        ({"intent": ["I want my money back, and I want it now please", "hello"], "gold": ["x", None]}, None),
        ({"label": [f"class {i}" for i in range(30)]}, None),
    ],
    ids=["a usual name", "one class", "long or one", "too many"],
)
def test_gold_is_guessed_by_name_and_values(columns: dict[str, list[str]], guess: str | None) -> None:
    assert guess_gold(pd.DataFrame(columns)) == guess


def test_a_new_task_says_how_rows_with_scarce_gold_are_split(tmp_path: Path) -> None:
    rows = "text,topic\n" + "".join(f"mail {i},{('ham', 'spam')[i % 2] if i < 24 else ''}\n" for i in range(60))
    notes = new_task(tmp_path / "mail", save(tmp_path, rows), gold="topic")
    assert re.match(r"60 rows, 24 of them labelled; .*; split by content: 36 train, \d+ valid, \d+ test; text 'text'", notes[0])


def test_a_minus_one_that_is_named_is_a_class(tmp_path: Path) -> None:
    rows = "text,y\n" + "".join(f"mail {i},{i % 3 - 1}\n" for i in range(30))
    new_task(tmp_path / "mail", save(tmp_path, rows), gold="y", labels=["-1", "0", "1"])
    assert load_task(tmp_path / "mail").labels == ("-1", "0", "1")


def test_scarce_gold_is_kept_for_valid_and_test(tmp_path: Path) -> None:
    rows = "text,topic\n" + "".join(f"mail {i % 40},{('ham', 'spam')[i % 2] if i < 24 else ''}\n" for i in range(60))
    new_task(tmp_path / "mail", save(tmp_path, rows), gold="topic")
    assert 'split = {valid = 0.5, test = 0.5, without_gold = "train"}' in (tmp_path / "mail" / "task.toml").read_text()
    dataset, _ = load_task(tmp_path / "mail").dataset()
    assert set(dataset.split[dataset.gold != -1]) == {"valid", "test"}
    assert dataset.split.groupby(dataset.frame["text"]).nunique().max() == 1, "copies stay together"
    assert (dataset.split == "train").sum() == 16, "of 60 rows, 24 with gold and 20 with the text of one"


@pytest.mark.parametrize(("gold", "rest"), [(None, "train"), ("topic", "trian")], ids=["no gold column", "no such split"])
def test_shares_of_rows_with_gold_need_gold_and_a_split_for_the_others(tmp_path: Path, gold: str | None, rest: str) -> None:
    split = {"valid": 0.5, "test": 0.5, "without_gold": rest}
    with pytest.raises(WorkbenchError, match=rf"`without_gold` among the split shares is '{rest}'; it takes one of"):
        new_task(tmp_path / "mail", save(tmp_path), labels=["ham", "spam"], gold=gold, split=split)  # type: ignore[arg-type]


def test_many_parquet_files_stay_where_they_are(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"key": [f"r{i}" for i in range(40)], "text": ["refund me", "it crashes"] * 20, "gold": ["a", "b"] * 20}
    )
    for place in (0, 20):
        (tmp_path / "rows").mkdir(exist_ok=True)
        rows.iloc[place : place + 20].to_parquet(tmp_path / "rows" / f"{place}.parquet")
    with pytest.raises(WorkbenchError, match=r"rows of \S*rows are read in parts, .*; give --id COLUMN$"):
        new_task(tmp_path / "data" / "desk", tmp_path / "rows", gold="gold")
    new_task(tmp_path / "data" / "desk", tmp_path / "rows", gold="gold", id="key")
    task = load_task(tmp_path / "data" / "desk")
    assert task.data["file"] == "../../rows" and task.partitioned and not list(task.folder.glob("*.parquet"))
    assert run(task, until="apply").about["parts"]["rows"] == 40
