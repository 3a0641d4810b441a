"""What functions say of themselves, read in another process and kept while their files stay as they are."""

import shutil

import pytest

from workbench.project.catalogue import catalogue, files_stamp
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def named(found, name):
    return next(one for one in found["functions"] if one["name"] == name)


def test_functions_tell_their_reason_place_examples_and_source(toy):
    found = catalogue(load_task(toy))
    assert [one["name"] for one in found["functions"]] == ["promises", "fails_on_question", "says_free", "says_hello"]
    assert found["errors"] == []
    python, rule = named(found, "promises"), named(found, "says_free")
    assert (python["kind"], python["labels"], python["reason"]) == ("python", ["spam"], "Prizes are promised by spammers.")
    assert python["place"] == "spam:6" and len(python["fingerprint"]) == 64
    assert python["source"].startswith("@labeling_function(labels=") and python["source"].endswith("else ABSTAIN")
    assert python["examples"] == [{"text": "win now", "label": None, "fires": True}]
    assert (rule["kind"], rule["tags"], rule["place"]) == ("keyword", ["words"], "rules.toml:1")
    assert rule["source"].startswith("[[rule]]") and rule["source"].endswith('abstains = ["freedom"]')
    assert [example["fires"] for example in rule["examples"]] == [True, False]


def test_files_are_loaded_again_only_when_they_changed(toy):
    task = load_task(toy)
    catalogue(task)
    kept = toy / "runs" / ".functions.json"
    first = kept.stat().st_mtime_ns
    catalogue(task)
    assert kept.stat().st_mtime_ns == first
    stamp = files_stamp(task)
    (toy / "functions" / "spam.py").write_text((toy / "functions" / "spam.py").read_text().replace('"win", ', ""))
    assert files_stamp(task) != stamp
    catalogue(task)
    assert kept.stat().st_mtime_ns > first


@pytest.mark.parametrize("cut", [b'{"format": 1, "stam', b"[]", b"\xff"], ids=["cut short", "no table", "no text"])
def test_a_damaged_record_of_the_functions_is_made_anew(toy, cut):
    (toy / "runs").mkdir()
    (toy / "runs" / ".functions.json").write_bytes(cut)
    assert len(catalogue(load_task(toy))["functions"]) == 4


def test_a_list_in_a_folder_of_the_task_counts_among_its_files_and_a_run_does_not(toy):
    (toy / "lists").mkdir()
    (toy / "lists" / "shops.txt").write_text("acme\n")
    stamp = files_stamp(load_task(toy))
    (toy / "runs" / "20260101").mkdir(parents=True)
    (toy / "runs" / "20260101" / "run.json").write_text("{}")
    assert files_stamp(load_task(toy)) == stamp
    assert files_stamp(load_task(shutil.copytree(toy, toy.parent / "moved"))) == stamp, "wherever the task stands"
    (toy / "lists" / "shops.txt").write_text("acme\nbestbuy\n")
    assert files_stamp(load_task(toy)) != stamp


def test_a_broken_file_keeps_the_functions_it_last_held_beside_its_error(toy):
    before = catalogue(load_task(toy))
    source = toy / "functions" / "spam.py"
    source.write_text(source.read_text().replace('"free")', '"free") + missing'))
    found = catalogue(load_task(toy))
    assert {one["name"] for one in found["functions"]} == {one["name"] for one in before["functions"]}
    assert "name 'missing' is not defined" in named(found, "promises")["error"]
    assert named(found, "says_free")["error"] == ""
    (error,) = found["errors"]
    assert error["file"] == "spam.py" and "spam.py:3: NameError" in error["error"]
    assert 'line 3, in <module>\n    SIGNS = ("win", "free") + missing' in error["traceback"]


def test_what_was_missing_is_found_once_it_is_installed(toy, tmp_path, monkeypatch):
    (toy / "functions" / "later.py").write_text("import installed_later\n")
    assert "installed_later" in catalogue(load_task(toy))["errors"][0]["error"]
    (tmp_path / "installed_later.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert catalogue(load_task(toy))["errors"] == [], "though no file of the task is another"


def test_a_broken_rules_file_leaves_the_python_functions(toy):
    (toy / "rules.toml").write_text("[[rule]\n")
    found = catalogue(load_task(toy))
    assert [one["name"] for one in found["functions"]] == ["promises", "fails_on_question"]
    assert found["errors"][0]["file"] == "rules.toml"


def test_one_name_in_a_rule_and_in_python_is_told(toy):
    (toy / "rules.toml").write_text('[[rule]]\nname = "promises"\nkind = "keyword"\nwords = ["x"]\nlabel = "ham"\n')
    found = catalogue(load_task(toy))
    assert "two functions are called 'promises'" in found["errors"][0]["error"]


def test_a_file_that_ends_the_process_is_an_error_in_words(toy):
    (toy / "functions" / "spam.py").write_text("import os\nos._exit(3)\n")
    with pytest.raises(WorkbenchError, match="ended with code 3"):
        catalogue(load_task(toy))


def test_a_switch_or_a_decision_leaves_the_functions_as_they_were_read(toy):
    stamp = files_stamp(load_task(toy))
    (toy / "task.toml").write_text((toy / "task.toml").read_text().replace("[data]", 'disabled = ["says_free"]\n[data]'))
    (toy / "review").mkdir()
    (toy / "review" / "decisions.sqlite").touch()
    assert files_stamp(load_task(toy)) == stamp and catalogue(load_task(toy))["off"] == ("says_free",)
    (toy / "task.toml").write_text((toy / "task.toml").read_text().replace('"ham"', '"good"'))
    assert files_stamp(load_task(toy)) != stamp, "the classes that functions vote for are others"
