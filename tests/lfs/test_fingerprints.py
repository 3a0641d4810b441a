"""A fingerprint changes when what a function does may change, and not otherwise."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from workbench import labeling_function
from workbench.lfs import load_lfs
from workbench.lfs.fingerprint import fingerprint_of

FUNCTIONS = """
import re
from types import MappingProxyType
from workbench import labeling_function
from workbench.lfs import keyword
from .words import LIMIT, REFUND, clean, Kind, KIND
from . import words

TABLE = MappingProxyType({"a": 1})

@labeling_function()
def by_constant(row):
    return 0 if row.text in REFUND else -1

@labeling_function()
def by_helper(row):
    return 0 if clean(row.text) else -1

@labeling_function()
def by_module(row):
    return 0 if words.clean(row.text) else -1

@labeling_function()
def by_class(row):
    return 0 if Kind().is_it(row.text) else -1

@labeling_function()
def by_object(row):
    return 0 if KIND.is_it(row.text) else -1

@labeling_function()
def by_table(row):
    return TABLE.get(row.text, -1)

@labeling_function()
def by_local_import(row):
    from .words import LIMIT
    return 0 if len(row.text) > LIMIT else -1

@labeling_function()
def by_file(row):
    from pathlib import Path
    return 0 if row.text in (Path(__file__).parent / "list.txt").read_text() else -1

@labeling_function()
def calls_another(row):
    return by_constant(row)

@labeling_function()
def plain(row):
    return -1

rule = keyword(["win"], "spam")
"""
WORDS = """
import re
from functools import lru_cache
REFUND = {"refund", "money back", "chargeback"}
PATTERN = re.compile("x")
LIMIT = 3

@lru_cache
def deeper(text):
    return PATTERN.search(text)

def clean(text):
    return deeper(text.lower())

class Kind:
    word = "x"
    def is_it(self, text):
        return self.word in text

KIND = Kind()
"""
WHOLE_FOLDER = {"by_module", "by_file", "by_local_import"}


@pytest.fixture
def changed(write):
    """Return a function that edits a file and names the functions whose fingerprint changed."""
    folder = write(functions=FUNCTIONS, words=WORDS)
    (folder / "list.txt").write_text("refund")

    def prints():
        return {function.name: function.fingerprint for function in load_lfs(folder)}

    def edit(file, old, new):
        path = folder / file
        before, text = prints(), path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        after = prints()
        return {name for name in after if after[name] != before[name]}

    return edit


@pytest.mark.parametrize(
    ("file", "old", "new", "reached"),
    [
        ("words.py", '"chargeback"', '"charge-back"', {"by_constant", "calls_another"}),
        ("words.py", "text.lower()", "text.upper()", {"by_helper"}),
        ("words.py", 're.compile("x")', 're.compile("y")', {"by_helper"}),
        ("words.py", "return PATTERN", "return not PATTERN", {"by_helper"}),
        ("words.py", 'word = "x"', 'word = "y"', {"by_class", "by_object"}),
        ("words.py", "return self.word in text", "return self.word not in text", {"by_class", "by_object"}),
        ("words.py", "LIMIT = 3", "LIMIT = 4", set()),
        ("words.py", "LIMIT = 3", "LIMIT = 3  # a comment", set()),
        ("list.txt", "refund", "refunds", set()),
        ("functions.py", '{"a": 1}', '{"a": 0}', {"by_table"}),
        ("functions.py", "def plain(row):\n    return -1", "def plain(row):\n    return 0", {"plain"}),
        ("functions.py", "def plain(row):", "def plain(row):\n    # a comment", set()),
        ("functions.py", "if row.text in REFUND", "if row.txt in REFUND", {"by_constant", "calls_another"}),
        ("functions.py", '["win"]', '["won"]', {"rule"}),
        ("functions.py", '"spam")', '"ham")', {"rule"}),
    ],
    ids=["constant", "helper", "constant of a helper", "helper of a helper", "class constant", "method", "local import",
         "comment", "data file", "table", "own code", "own comment", "attribute", "rule", "label"],
)  # fmt: skip
def test_a_change_reaches_the_functions_that_use_it(changed, file, old, new, reached):
    assert changed(file, old, new) == reached | WHOLE_FOLDER


PRINT = """
import sys
from workbench.lfs import load_lfs
print(*(function.fingerprint for function in load_lfs(sys.argv[1])))
"""


def test_fingerprints_are_the_same_in_another_process_and_another_place(write, tmp_path):
    folder = write(functions=FUNCTIONS, words=WORDS)
    here = [function.fingerprint for function in load_lfs(folder)]
    moved = tmp_path / "somewhere" / "else"
    shutil.copytree(folder, moved)
    there = subprocess.run(
        [sys.executable, "-c", PRINT, str(moved)],
        capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7", "PATH": ""},
    )  # fmt: skip
    assert there.stdout.split() == here
    assert len(set(here)) == len(here)


FINDS = """
import importlib, sys
from workbench import labeling_function
def helper(text):
    return any(word in text for word in helper.words)
helper.words = ["x"]
WORDS = ["y"]
@labeling_function()
def f(row):
    return 0 if {} else -1
"""


@pytest.mark.parametrize(
    ("condition", "old"),
    [
        ("helper(row.text)", '["x"]'),
        ('globals()["WORDS"]', '["y"]'),
        ('eval("WORDS")', '["y"]'),
        ('[exec("global found; found = WORDS"), found]', '["y"]'),
        ("vars(sys.modules[f.f.__module__])", '["y"]'),
        ('getattr(sys.modules[f.f.__module__], "WOR" + "DS")', '["y"]'),
        ('getattr(importlib.import_module(f.f.__module__), "WORDS")', '["y"]'),
        ('getattr(__import__(f.f.__module__, fromlist=["x"]), "WORDS")', '["y"]'),
    ],
    ids=["attribute of a function", "globals", "eval", "exec", "vars", "modules", "importlib", "import"],
)
def test_what_a_function_finds_while_it_runs_counts(write, condition, old):
    [before] = load_lfs(write(a=FINDS.format(condition)))
    assert before({"text": "x"}) == 0
    [after] = load_lfs(write(a=FINDS.format(condition).replace(old, '["z"]')))
    assert before.fingerprint != after.fingerprint


def same(a, b):
    return fingerprint_of(a) == fingerprint_of(b)


def test_values_that_look_alike_differ():
    values = [0, False, 0.0, -0.0, "0", b"0", None, (), [], {}, set(), [0], (0,), [[0], 0], [0, [0]], {0: 1}, [0, 1], {0, 1}]
    prints = [fingerprint_of(value) for value in values]
    assert len(set(prints)) == len(values)


def test_what_stands_inside_a_value_counts():
    a, b = [1], [1]
    assert same([a, a], [a, a]) and not same([a, a], [a])
    assert same({"x": a}, {"x": b}) and not same({"x": 1, "y": 2}, {"y": 2, "x": 1})  # order may decide a vote
    assert same({"a", "b", "c"}, {"c", "b", "a"}) and not same({"a"}, {"b"})
    assert same(np.arange(6), np.arange(6)) and not same(np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2))
    assert not same(np.array(["a", None], object), np.array(["b", None], object))
    assert not same(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]}))
    assert not same(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]}))
    assert not same(pd.Series([[1], [2]]), pd.Series([[1], [3]]))


def test_many_mappings_are_all_counted():
    # a walk that forgets its objects meets their addresses again, and takes new ones for seen
    many = [{"a": i, "b": (i, i + 1)} for i in range(300)]
    for i in (7, 150, 299):
        other = [dict(table) for table in many]
        other[i]["b"] = (i, -1)
        assert not same(many, other)


def test_a_value_that_holds_itself_ends():
    loop = [1]
    loop.append(loop)
    assert len(fingerprint_of(loop)) == 64


def test_a_file_counts_by_its_content(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    before = fingerprint_of(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("two")
    assert fingerprint_of(tmp_path / "a.txt") != before


class Lexicon:
    def __init__(self, words):
        self.words = words

    def __contains__(self, text):
        return text in self.words


def make(resource=None, bound=1, steps=()):
    @labeling_function(resources={"words": resource}, pre=steps)
    def f(row, words, bound=bound):
        return bound if row.text in words else -1

    return f


def test_resources_closures_defaults_and_steps_count():
    def step(row):
        return row

    base = make(Lexicon(["a"])).fingerprint
    assert make(Lexicon(["a"])).fingerprint == base
    assert make(Lexicon(["b"])).fingerprint != base
    assert make(Lexicon(["a"]), bound=2).fingerprint != base
    assert make(Lexicon(["a"]), steps=[step]).fingerprint != base


def test_functions_on_one_line_differ():
    a, b = labeling_function()(lambda row: 0 if "a" in row.text else -1), labeling_function()(lambda row: 1)
    assert a.fingerprint != b.fingerprint


def test_the_end_of_a_long_lambda_counts(write):
    folder = write(
        a="from workbench import labeling_function\n"
        "f = labeling_function(name='f')(\n    lambda row: 0\n    if row.text\n    else -1\n)\n"
    )
    [before] = load_lfs(folder)
    (folder / "a.py").write_text((folder / "a.py").read_text().replace("else -1", "else 1"))
    [after] = load_lfs(folder)
    assert before.fingerprint != after.fingerprint


def test_a_wrapper_between_counts(write):
    code = (
        "import functools\nfrom workbench import labeling_function\n"
        "def flip(f):\n    @functools.wraps(f)\n    def inner(row):\n        return 1 - f(row)\n    return inner\n"
        "@labeling_function()\n@flip\ndef f(row):\n    return 0\n"
    )
    folder = write(a=code)
    [before] = load_lfs(folder)
    (folder / "a.py").write_text(code.replace("1 - f(row)", "f(row)"))
    [after] = load_lfs(folder)
    assert (before.name, before({"text": ""}), after({"text": ""})) == ("f", 1, 0)
    assert before.fingerprint != after.fingerprint


def test_a_method_of_a_metaclass_counts(write):
    code = (
        "from workbench import labeling_function\nclass Meta(type):\n    def word(cls):\n        return 'a'\n"
        "class Kind(metaclass=Meta):\n    pass\n@labeling_function()\ndef f(row):\n    return int(Kind.word() in row.text)\n"
    )
    [before] = load_lfs(write(a=code))
    [after] = load_lfs(write(a=code.replace("'a'", "'b'")))
    assert before.fingerprint != after.fingerprint


def test_functions_that_call_each_other_end(write):
    folder = write(
        a="from workbench import labeling_function\n"
        "@labeling_function()\ndef f(row):\n    return g(row) if row.text else 0\n"
        "@labeling_function()\ndef g(row):\n    return f(row) if not row.text else 1\n"
    )
    f, g = load_lfs(folder)
    assert f.fingerprint != g.fingerprint


def test_what_cannot_be_read_counts_as_the_whole_folder(write):
    folder = write(
        a="import threading\nfrom workbench import labeling_function\nLOCK = threading.Lock()\n"
        "@labeling_function()\ndef f(row):\n    with LOCK:\n        return 0\n"
    )
    [before] = load_lfs(folder)
    assert load_lfs(folder)[0].fingerprint == before.fingerprint
    (folder / "list.txt").write_text("new")
    assert load_lfs(folder)[0].fingerprint != before.fingerprint
