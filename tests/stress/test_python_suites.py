"""Suites written in Python: found, read anew, and told where they fail."""

import pandas as pd
import pytest

from workbench.stress import SAME, Asked, Held, NotLower, load_suites, measured
from workbench.tables import Dataset, SoftLabels, WorkbenchError

ROWS = Dataset(
    pd.DataFrame({"text": ["spam", "ham"]}, index=pd.Index(["a", "b"], dtype="str"), dtype="str"), ("ham", "spam"), ("text",)
)
HEAD = "from dataclasses import replace\nfrom workbench.stress import NotLower, suite\n"


def write(folder, body, name="suites.py", head=HEAD):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(head + body, encoding="utf-8")
    return folder


SHOUT = '''
@suite(expect="same")
def shouted(rows):
    """Texts in capitals. More is not shown."""
    return replace(rows, frame=rows.frame.assign(text=rows.frame["text"].str.upper()))
'''


def test_a_decorated_function_is_a_suite(tmp_path):
    (found,) = load_suites(write(tmp_path / "stress", SHOUT))
    assert (found.name, found.kind, found.about, found.expect) == (
        "shouted",
        "python",
        "Texts in capitals. More is not shown",
        SAME,
    )
    made, expect = found.make(ROWS)
    assert made.frame["text"].tolist() == ["SPAM", "HAM"] and expect == SAME


def test_an_edit_is_seen_and_files_may_share_words(tmp_path):
    folder = write(tmp_path / "stress", "WORD = 'x'\n", "words.py", "")
    body = "from .words import WORD\n@suite\ndef added(rows):\n    return replace(rows, frame=rows.frame.assign(text=WORD))\n"
    write(folder, body)
    assert load_suites(folder)[0].make(ROWS)[0].frame["text"].tolist() == ["x", "x"]
    write(folder, "WORD = 'yy'\n", "words.py", "")
    assert load_suites(folder)[0].make(ROWS)[0].frame["text"].tolist() == ["yy", "yy"]


def test_no_folder_is_no_suite(tmp_path):
    assert load_suites(tmp_path / "stress") == []


def test_a_suite_may_say_what_it_expects_with_its_rows(tmp_path):
    body = "@suite(name='louder')\ndef more(rows):\n    return replace(rows, frame=rows.frame + '!'), NotLower('spam')\n"
    (found,) = load_suites(write(tmp_path / "stress", body))
    probs = pd.DataFrame({"ham": [0.5, 0.5], "spam": [0.5, 0.5]}).to_numpy()

    def ask(rows):
        return Asked(SoftLabels(rows.ids, rows.labels, probs, covered=[True, True]), pd.Series([True, False]).to_numpy())

    told = measured(found, Held(ROWS, ask(ROWS)), None, ask)
    assert (told["name"], told["n"], told["broken"]) == ("louder", 2, 0)
    assert found.make(ROWS)[1] == NotLower("spam")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "@suite\ndef one(rows):\n    return rows.frame\n",
            r"suites.py:3: suite 'one' returns DataFrame; it returns a Dataset",
        ),
        ("@suite\ndef one(rows):\n    return 1 / 0\n", r"suites.py:5: suite 'one' fails: ZeroDivisionError: division by zero"),
        (
            "@suite\ndef one(rows):\n    return rows, 'right'\n",
            r"suites.py:3: suite 'one' expects 'right'; give one of 'label', 'same'",
        ),
        ("@suite\ndef one(rows):\n    return rows, NotLower('spa')\n", r"suite 'one' speaks for 'spa'; .*did you mean 'spam'"),
    ],
    ids=["no dataset", "an error", "no expectation", "no class"],
)
def test_a_suite_that_fails_says_where(tmp_path, body, message):
    (found,) = load_suites(write(tmp_path / "stress", body))
    with pytest.raises(WorkbenchError, match=message):
        found.make(ROWS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import nothing_of_the_kind\n", r"suites.py:3: ModuleNotFoundError"),
        ("def broken(:\n", r"suites.py:3: invalid syntax"),
        (
            "@suite\ndef one(rows): ...\n@suite(name='one')\ndef two(rows): ...\n",
            "two suites are called 'one', at .*:3 and .*:5",
        ),
        ("suite(3)\n", "@suite decorates 3; it takes a function of rows"),
    ],
    ids=["import", "syntax", "one name twice", "no function"],
)
def test_a_file_that_cannot_be_loaded_says_where(tmp_path, body, message):
    with pytest.raises(WorkbenchError, match=message):
        load_suites(write(tmp_path / "stress", body))
