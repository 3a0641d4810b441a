"""A folder of functions is read fresh from disk, and what is wrong with it is said with file and line."""

import os
import re
import sys

import pytest

from workbench.lfs import load_lfs
from workbench.lfs.overlooked import undecorated
from workbench.tables import WorkbenchError

ONE = "from workbench import labeling_function\n\n@labeling_function()\ndef {0}(row):\n    return {1}\n"


def names(functions):
    return [function.name for function in functions]


def test_functions_come_in_order_of_file_and_variable(write):
    folder = write(
        b="from .z import late\n" + ONE.format("second", 0) + ONE.format("first", 0),
        a=ONE.format("zero", 0),
        z=ONE.format("late", 1),
    )
    functions = load_lfs(folder)
    assert names(functions) == ["zero", "second", "first", "late"]
    assert [function.place for function in functions] == ["a:3", "b:4", "b:9", "z:3"]


def test_rules_are_called_after_their_variable_unless_they_have_a_name(write):
    folder = write(
        a="from workbench.lfs import keyword\n"
        "says_refund = keyword('refund', 'spam', reason='money')\n"
        "x = keyword('b', 'spam', name='named')\n"
        "again = says_refund\n",
        b="from .a import says_refund as imported\n",
    )
    assert [(f.name, f.place) for f in load_lfs(folder)] == [("says_refund", "a:2"), ("named", "a:3")]


def test_functions_in_a_list_or_dict_are_found(write):
    folder = write(
        a="from workbench.lfs import keyword\n"
        "rules = [keyword(word, 'spam') for word in ('win', 'cash')]\n"
        "more = {'x': keyword('y', 'spam')}\n"
    )
    assert names(load_lfs(folder)) == ["keyword_win", "keyword_cash", "keyword_y"]


def test_siblings_are_imported_and_the_package_file_runs_first(write):
    folder = write(
        __init__="SHARED = 1\n",
        words="WORDS = ['refund']\n",
        functions="from . import SHARED, words\nfrom .words import WORDS\n"
        "from workbench import labeling_function\n"
        "@labeling_function()\ndef f(row):\n    from .words import WORDS as again\n"
        "    return SHARED if row.text in words.WORDS and again is WORDS else -1\n",
    )
    [function] = load_lfs(folder, labels=["ham", "spam"])
    assert function({"text": "refund"}) == 1


def test_an_edit_of_the_same_size_in_the_same_second_is_seen(write):
    folder = write(functions="from .words import VOTE\n" + ONE.format("f", "VOTE"), words="VOTE = 0\n")
    [before] = load_lfs(folder)
    stat = (folder / "words.py").stat()
    (folder / "words.py").write_text("VOTE = 1\n")
    os.utime(folder / "words.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    [after] = load_lfs(folder)
    assert (before({"text": ""}), after({"text": ""})) == (0, 1)
    assert before.fingerprint != after.fingerprint
    assert not list(folder.rglob("*.pyc"))


def test_only_the_last_version_of_a_folder_stays_importable(write):
    folder = write(functions=ONE.format("f", 0))
    load_lfs(folder)
    (folder / "functions.py").write_text(ONE.format("f", 1))
    load_lfs(folder)
    mine = [name for name, module in sys.modules.items() if str(folder) in str(getattr(module, "__file__", ""))]
    assert len(mine) == 2  # the package and its one file
    assert sum(getattr(finder, "folder", None) == folder for finder in sys.meta_path) == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"functions": "x = 1\ndef f(:\n"}, r"functions.py:2: invalid syntax, in the line 'def f\(:'"),
        ({"functions": "from .words import X\n", "words": "\n\nif:\n"}, r"words.py:3: invalid syntax"),
        ({"functions": "\nimport no_such_thing\n"}, r"functions.py:2: .*'no_such_thing'; install it with pip, or correct"),
        ({"functions": "import helpers\n", "helpers": ""}, r"functions.py:1: .*: write `from .helpers import ...`"),
        (
            {"functions": "from .words import X\n", "words": "def f():\n    return 1 / 0\nX = f()\n"},
            "words.py:2: ZeroDivisionError",
        ),
        ({"functions": "from workbench.lfs import keyword\nk = keyword([], 'a')\n"}, "functions.py:2: words is empty"),
        ({"functions": "import sys\nsys.exit(3)\n"}, "functions.py:2: SystemExit: 3"),
        ({"functions": "raise ValueError('two\\n  lines')\n"}, "functions.py:1: ValueError: two lines$"),
        ({"v1.2": "x = 1\n"}, "v1.2.py: a module's name has no dot; rename the file"),
    ],
    ids=["syntax", "syntax of a sibling", "missing library", "absolute sibling", "error in a sibling", "maker", "exit",
         "lines", "dot"],
)  # fmt: skip
def test_a_broken_file_is_named_with_its_line(write, files, said):
    with pytest.raises(WorkbenchError, match=said):
        load_lfs(write(**files))


def test_an_interrupt_while_a_file_is_imported_stops(write):
    with pytest.raises(KeyboardInterrupt, match="stop"):
        load_lfs(write(functions="raise KeyboardInterrupt('stop')\n"))


def test_a_file_that_is_not_utf8_is_named(write):
    folder = write(functions="")
    (folder / "functions.py").write_bytes(b"x = '\xff'\n")
    with pytest.raises(WorkbenchError, match=r"functions\.py is not UTF-8 text; save the file as UTF-8"):
        load_lfs(folder)


def test_a_function_that_a_later_one_of_its_file_hides_is_refused(write):
    once = "@labeling_function()\ndef f(row):\n    return 0\n"
    with pytest.raises(WorkbenchError, match="two functions are called 'f', at a:2 and a:5; rename one"):
        load_lfs(write(a="from workbench import labeling_function\n" + 2 * once))


def test_a_function_without_its_decorator_is_told_apart_from_a_helper(write):
    helpers = "def lower(text):\n    return text.lower()\n\ndef _old(row):\n    return 0\n"
    folder = write(a=ONE.format("f", 0) + helpers + "\ndef forgotten(row):\n    return lower(row.text)\n")
    (said,) = undecorated(folder)
    assert re.search(r"a\.py:\d+: forgotten does not vote, as it has no @labeling_function\(\) on the line above", said)


def test_a_name_given_twice_is_refused_with_both_places(write):
    folder = write(a=ONE.format("f", 0), b="\n" + ONE.format("f", 1))
    with pytest.raises(WorkbenchError, match="two functions are called 'f', at a:3 and b:4; rename one"):
        load_lfs(folder)


def test_an_installed_package_is_found_by_its_dotted_name(write, tmp_path, monkeypatch):
    write("acme", __init__="")
    write("acme/lfs", __init__="", functions=ONE.format("f", 1))
    monkeypatch.syspath_prepend(tmp_path)
    [function] = load_lfs("acme.lfs")
    assert (function.name, function({"text": ""})) == ("f", 1)


@pytest.mark.parametrize("name", ["nowhere", "no.where", "json.decoder", "./nowhere", "a..b", ""], ids=repr)
def test_what_is_neither_a_folder_nor_a_package_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkbenchError, match=r"there is no folder .* and no installed package|holds no Python file"):
        load_lfs(name)


def test_an_empty_folder_says_what_to_write(tmp_path):
    with pytest.raises(WorkbenchError, match=r"holds no Python file; write one function in .*functions.py, or use rules.toml"):
        load_lfs(tmp_path)


def test_an_editors_lock_file_is_no_function_file(write):
    folder = write(functions=ONE.format("f", 0))
    (folder / ".#functions.py").symlink_to("user@host.1234")
    assert names(load_lfs(folder)) == ["f"]


def test_labels_and_text_bind_the_functions(write):
    folder = write(a="from workbench.lfs import keyword\nk = keyword('win', 'spam')\n")
    [bound] = load_lfs(folder, labels=["ham", "spam"], text=["body"])
    assert bound({"body": "win"}) == 1
    with pytest.raises(WorkbenchError, match=r"labeling function 'k' \(a:2\): label 'spam' is not among the labels 'x'"):
        load_lfs(folder, labels=["x"])
    [unbound] = load_lfs(folder)
    with pytest.raises(WorkbenchError, match=r"load the function with load_lfs\(folder, labels"):
        unbound({"text": "win"})


def test_tracebacks_show_the_lines_that_were_loaded(write):
    from workbench.lfs.votes import call_on_rows

    folder = write(functions=ONE.format("f", "row['no']  # as loaded"))
    [function] = load_lfs(folder)
    (folder / "functions.py").write_text(ONE.format("f", "row['no']  # as edited"))
    _, [fault] = call_on_rows(function, [{"text": ""}])
    assert "as loaded" in fault.traceback


def test_a_forgotten_import_names_its_line(tmp_path):
    (tmp_path / "functions.py").write_text("@labeling_function()\ndef f(row):\n    return 0\n", encoding="utf-8")
    with pytest.raises(WorkbenchError, match=r"is not defined; write `from workbench import labeling_function` at the top"):
        load_lfs(tmp_path)
