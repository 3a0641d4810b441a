"""Functions switched off and on: the list `disabled` in task.toml, which a person may write as well."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from typing import Any

import tomlkit

from workbench.io.files import locked, read_bytes, write_text
from workbench.io.names import did_you_mean, listed
from workbench.project.catalogue import catalogue
from workbench.project.task import Task, load_task
from workbench.tables import WorkbenchError


def switch(task: Task, *, off: Collection[str] = (), on: Collection[str] = ()) -> Task:
    """Switch functions off or on in task.toml, whose comments and order stay, and return the task as it is then.

    Nothing is deleted: votes stay kept and earlier runs as they are. Raises WorkbenchError for a name that is no function of
    the task; one that is off and gone from the files may still be switched on, which takes it off the list.
    """
    known = [one["name"] for one in catalogue(task)["functions"]]
    for name in [*off, *on]:
        if name not in known and not (name in on and name in task.disabled):
            hint = did_you_mean(name, known) or f"; it has {listed(known) or 'none'}"
            raise WorkbenchError(f"task {task.name!r} has no labeling function {name!r}{hint}")
    for name in off:
        if name in on:
            raise WorkbenchError(f"labeling function {name!r} is to be off and on; give it once")
    file = task.folder / "task.toml"
    with locked(task.folder):
        listed_now = load_task(task.folder).disabled  # somebody may have written the file a moment ago
        document = tomlkit.parse(_with_list(read_bytes(file).decode("utf-8-sig")))
        names: Any = document["disabled"]
        for name in listed_now:
            if name in on:
                names.remove(name)
        names.extend(name for name in dict.fromkeys(off) if name not in listed_now)
        if tuple(names) != listed_now:
            write_text(file, tomlkit.dumps(document))
    return load_task(task.folder)


def _with_list(text: str) -> str:
    """Return task.toml with a list `disabled`: an empty one is put behind the last key that stands before all tables."""
    if "disabled" in tomllib.loads(text):
        return text
    lines = text.splitlines(keepends=True)
    end = next(
        (place for place, line in enumerate(lines) if line.lstrip().startswith("[") and _whole(lines[:place])), len(lines)
    )
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    line_end = "\r\n" if "\r\n" in text else "\n"
    if end and not lines[end - 1].endswith("\n"):
        lines[end - 1] += line_end
    return "".join([*lines[:end], f"disabled = []{line_end}", *lines[end:]])


def _whole(lines: list[str]) -> bool:
    """Whether the lines are TOML by themselves, so that what follows is not inside a value."""
    try:
        tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True
