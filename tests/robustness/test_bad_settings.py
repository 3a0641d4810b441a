"""Whatever value, key or table is changed in a settings file, it is read, or refused in one sentence that names the file."""

import datetime
import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.io.toml import read_toml
from workbench.lfs import load_rules
from workbench.project.steps.run import check_settings
from workbench.project.task import load_task
from workbench.stress import parse_stress
from workbench.tables import WorkbenchError

BUNDLED = Path(__file__).resolve().parents[2] / "data" / "tickets"
LABELS = ("billing", "auth", "bug", "feature_request")
IGNORED = [HealthCheck.function_scoped_fixture]

VALUE: Any = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.dates()
    | st.sampled_from(
        ["", "bug", "id", "../x", "/etc/passwd", "http://a:b@c/", "(a+)+$", "[", "\\", "0", "a\nb", "\0", "é" * 300]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["", "name", "label", "words", "by"]), inner),
    max_leaves=5,
)


def dumped(value: Any) -> str:
    """Return a value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {dumped(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumped, value)) + "]"
    if isinstance(value, str | bool):
        return json.dumps(value)
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways from a document to each of its values."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*way, key), *places(item, (*way, key))]]


def changed(document: dict[str, Any], draw: Callable[..., Any]) -> dict[str, Any]:
    """Return a document one place of which holds another value, is gone, or is called otherwise."""
    document = json.loads(json.dumps(document))
    *way, last = draw(st.sampled_from(places(document)))
    inside = document
    for key in way:
        inside = inside[key]
    how = draw(st.sampled_from(["value", "gone", "renamed"]))
    if how == "value":
        inside[last] = draw(VALUE)
    elif how == "gone" or isinstance(inside, list):
        del inside[last]
    else:
        inside[draw(st.sampled_from(["", "Name", "lable", "é", "a.b", "x" * 200]))] = inside.pop(last)
    return document


READERS: dict[str, Callable[[Path], object]] = {
    "task.toml": lambda folder: check_settings(load_task(folder)),
    "rules.toml": lambda folder: load_rules(folder / "rules.toml", labels=LABELS, text=["subject", "body"]),
    "failures.toml": lambda folder: load_task(folder).failures,
    "stress.toml": lambda folder: parse_stress(read_toml(folder / "stress.toml"), str(folder / "stress.toml"), LABELS),
}


def read_changed(tmp_path: Path, name: str, data: st.DataObject) -> None:
    document = tomllib.loads((BUNDLED / name).read_text(encoding="utf-8"))
    folder = tmp_path / "tickets"
    folder.mkdir(exist_ok=True)
    for file in READERS:
        shutil.copy(BUNDLED / file, folder)
    new = changed(document, data.draw)
    (folder / name).write_text("".join(f"{json.dumps(key)} = {dumped(item)}\n" for key, item in new.items()), encoding="utf-8")
    try:
        READERS[name](folder)
    except WorkbenchError as error:
        assert name in str(error)
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None, suppress_health_check=IGNORED)
@given(data=st.data())
def test_any_change_is_read_or_refused_in_one_sentence(tmp_path: Path, name: str, data: st.DataObject) -> None:
    read_changed(tmp_path, name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
@settings(max_examples=2000, deadline=None, suppress_health_check=IGNORED)
@given(data=st.data())
def test_any_change_is_read_or_refused_in_one_sentence_at_length(tmp_path: Path, name: str, data: st.DataObject) -> None:
    read_changed(tmp_path, name, data)
