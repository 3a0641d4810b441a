"""A user who mistypes a setting is told where, and what was meant."""

import datetime
from pathlib import Path

import pytest

from workbench.io import check_keys, expect, read_toml
from workbench.tables import WorkbenchError


def test_a_toml_file_is_read_as_a_dict(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_bytes(b'\xef\xbb\xbfname = "t\xc3\xbcr"\n[data]\ntext = ["a"]\n')
    assert read_toml(tmp_path / "task.toml") == {"name": "tür", "data": {"text": ["a"]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'name = "x"\nlabels = [,\n',
            r"task\.toml is not valid TOML: Invalid value \(at line 2, column 11\), 'labels = \[,'; text needs quotes",
        ),
        (b"a = 1\na = 2\n", r"task\.toml is not valid TOML: Cannot overwrite a value \(at line 2.*, 'a = 2'; it stands twice"),
        (rb'pattern = "\s"', r"""Unescaped '\\' .*, 'pattern = "\\s"'; write patterns in single quotes"""),
        (b'name = "x"\nb = "\xfc"\n', r"task\.toml is not UTF-8 text on line 2; save the file as UTF-8"),
    ],
    ids=["unclosed", "twice", "backslash", "latin-1"],
)
def test_broken_toml_names_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "task.toml").write_bytes(content)
    with pytest.raises(WorkbenchError, match=message):
        read_toml(tmp_path / "task.toml")


def test_a_missing_toml_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "task.toml").touch()
    with pytest.raises(WorkbenchError, match=r"tsk\.toml does not exist; did you mean 'task\.toml'\?"):
        read_toml(tmp_path / "tsk.toml")


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    check_keys({"model": 1}, ["model", "seed"], "[label_model]")
    with pytest.raises(
        WorkbenchError, match=r"unknown key 'modle' in \[label_model\]; known keys are 'model', 'seed'; did you mean 'model'\?"
    ):
        check_keys({"modle": 1}, ["model", "seed"], "[label_model]")


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", str), (3, int), (3, float), (0.5, float), (True, bool), ({}, dict), (["a"], list[str]), (["a"], (str, list[str]))],
    ids=["str", "int", "int as float", "float", "bool", "table", "list", "either"],
)
def test_a_value_of_the_right_kind_comes_back(value: object, kind: type) -> None:
    assert expect({"key": value}, "key", kind, "task.toml") is value


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (3, str, r"key in task\.toml is 3; it must be a string"),
        (True, int, r"is True; it must be a whole number"),
        (True, float, r"is True; it must be a number"),
        (0.5, int, r"is 0\.5; it must be a whole number"),
        (["a", 1], list[str], r"is \['a', 1\]; it must be a list of strings"),
        (1, (str, list[str]), r"it must be a string or a list of strings"),
        (1, dict, r"it must be a table"),
        (1, bool, r"it must be true or false"),
        (datetime.date(2026, 7, 1), float, r"is 2026-07-01; it must be a number"),
    ],
    ids=["str", "bool as int", "bool as float", "float as int", "list", "either", "table", "bool", "date"],
)
def test_a_value_of_the_wrong_kind_is_refused(value: object, kind: type, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        expect({"key": value}, "key", kind, "task.toml")


def test_a_missing_key_takes_the_default_or_is_asked_for() -> None:
    assert expect({}, "seed", int, "task.toml", 0) == 0
    assert expect({}, "gold", str, "task.toml", None) is None
    with pytest.raises(WorkbenchError, match=r"\[data\] lacks the key 'file': a string"):
        expect({}, "file", str, "[data]")
