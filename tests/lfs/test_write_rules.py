"""A rule saved from the app or the terminal: what stood in the file stays, names stay unique, no writer loses another's."""

import threading
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.lfs import load_rules
from workbench.lfs import write_rules as writing
from workbench.lfs.write_rules import add_rule, rule_text
from workbench.tables import WorkbenchError

FREE = {"name": "free", "kind": "keyword", "words": ["free"], "label": "spam"}
OLD = '# ours\nformat = 1 # first\n\n[[rule]]\nname = "win" # kept\nkind = "keyword"\nwords = ["win"]\nlabel = "spam"\n'
COMMENTED = OLD + '\n# [[rule]]\n# name = "an example"\n'


@pytest.mark.parametrize(
    "before",
    [OLD, COMMENTED, OLD.rstrip(), OLD.replace("\n", "\r\n"), "\ufeff" + OLD, "# nothing yet\n"],
    ids=["rule", "commented rule at the end", "no last line end", "windows", "byte order mark", "comment alone"],
)
def test_what_stands_in_the_file_stays_to_the_byte(tmp_path, before):
    file = tmp_path / "rules.toml"
    file.write_text(before, encoding="utf-8", newline="")
    line = add_rule(file, FREE)
    after = file.read_bytes().decode()
    assert after.startswith(before)
    assert after.splitlines()[line - 1] == "[[rule]]"
    assert ("\r\n" in before) == ("\n\n" not in after), "one kind of line end"
    assert load_rules(file, labels=["ham", "spam"])[-1].name == "free"


def test_a_new_file_says_what_it_is_and_a_second_rule_stands_below_the_first(tmp_path):
    file = tmp_path / "new" / "rules.toml"
    file.parent.mkdir()
    assert (add_rule(file, FREE), add_rule(file, {**FREE, "name": "gratis"})) == (4, 10)
    assert file.read_text().startswith("# Rules without Python")
    assert [rule.name for rule in load_rules(file, labels=["spam"])] == ["free", "gratis"]


@pytest.mark.parametrize(
    ("taken", "place"), [({}, "rules.toml"), ({"free": "words:7"}, "words:7")], ids=["among the rules", "in Python"]
)
def test_a_name_that_is_taken_is_refused_with_its_place(tmp_path, taken, place):
    file = tmp_path / "rules.toml"
    file.write_text(OLD if taken else rule_text(FREE))
    before = file.read_bytes()
    with pytest.raises(WorkbenchError, match=f"a function called 'free' stands in {place} already; give the rule another name"):
        add_rule(file, FREE, taken)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["rules.toml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule = [{name = 'a'}]", r"keeps its rules in a list; write each under a line"),
        ("rule = ", "not valid TOML"),
    ],
    ids=["list", "broken"],
)
def test_a_file_that_cannot_be_added_to_is_left_alone(tmp_path, text, said):
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(WorkbenchError, match=said):
        add_rule(file, FREE)
    assert file.read_text() == text


def test_eight_who_save_at_once_lose_no_rule(tmp_path):
    file = tmp_path / "rules.toml"
    start = threading.Barrier(8)

    def save(who):
        start.wait()
        for number in range(5):
            add_rule(file, {**FREE, "name": f"{who} {number}"})

    people = [threading.Thread(target=save, args=(who,)) for who in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    names = [rule["name"] for rule in tomllib.loads(file.read_text())["rule"]]
    assert sorted(names) == sorted(f"{who} {number}" for who in range(8) for number in range(5))


def test_what_an_editor_saves_in_the_same_moment_is_kept(tmp_path, monkeypatch):
    file = tmp_path / "rules.toml"
    file.write_text(OLD)
    write, meanwhile = writing._write, [OLD.replace("# ours", "# edited")]

    def slowly(path, content):
        write(path, content)
        if meanwhile:
            file.write_text(meanwhile.pop())

    monkeypatch.setattr(writing, "_write", slowly)
    add_rule(file, FREE)
    assert file.read_text().startswith("# edited")
    assert [rule.name for rule in load_rules(file, labels=["spam"])] == ["win", "free"]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
values = words | st.lists(words) | st.floats(-9, 9) | st.booleans() | st.dictionaries(words, words)


@given(
    st.dictionaries(
        words.filter(bool), words | st.lists(words) | st.floats(-9, 9) | st.booleans() | st.dictionaries(words, words)
    )
)
def test_any_rule_reads_back_as_it_was_written(settings):
    rule = {"name": "a", **settings}
    assert tomllib.loads(rule_text(rule))["rule"] == [rule]
