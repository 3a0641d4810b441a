"""What the functions of a task say of themselves, read without running them here.

Loading functions runs the user's code, which may import anything and take any time. A process of its own does it, once for each
state of the files, and leaves what it found in `runs/.functions.json`; where a file is broken, the functions that it last held
stay listed.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench import __version__
from workbench.io.files import read_json, write_json
from workbench.lfs import LabelingFunction, load_lfs, load_rules
from workbench.lfs.examples import cases_of
from workbench.lfs.load import bind
from workbench.lfs.spans import finds_of
from workbench.project.task import Task, load_task
from workbench.tables import Dataset, VoteMatrix, WorkbenchError

FORMAT: Final = 2
_TIMEOUT: Final = 120  # seconds
#: what in a task's folder decides no function; of task.toml labels and text columns do, which are looked at by themselves
_OTHERS: Final = (
    "task.toml", "runs", "cache", "review", "monitor", "reports", "reference.json", "production.parquet", "outcomes.json",
    "audited_answers.json",
)  # fmt: skip


def catalogue(task: Task) -> dict[str, Any]:
    """Return {functions: [{name, kind, labels, reason, tags, place, fingerprint, examples, finds, source, error}], errors, off,
    stamp}.

    examples: [{text, label, fires}]. finds: what `finds_of` returns. errors: [{file, error, traceback}], one a source that
    cannot be loaded. off: the names that are switched off. stamp: of the files, which are read in a process of its own, and
    only where they changed or could not be loaded.
    """
    file, stamp = _file(task), files_stamp(task)
    kept = _kept(file)
    if kept.get("stamp") != stamp or kept["errors"]:  # what was missing may be installed by now
        _describe_apart(task, stamp)
        kept = _kept(file)
    return {**kept, "off": task.disabled}


def _describe_apart(task: Task, stamp: str) -> None:
    """Have a process of its own describe the functions into their file."""
    arguments = [sys.executable, "-m", "workbench.project.catalogue", str(task.folder.resolve()), stamp]
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise WorkbenchError(
            f"loading the functions of {task.name!r} took over {_TIMEOUT} seconds and was stopped; "
            "move slow work from the top of a file into the functions that need it"
        ) from None
    if done.returncode:
        said = "; ".join(done.stderr.strip().splitlines()[-3:])
        raise WorkbenchError(f"loading the functions of {task.name!r} ended with code {done.returncode}: {said}")


def files_stamp(task: Task) -> str:
    """Return a hash of what decides the functions: code and TOML by content, other files beside them by size and time."""
    state = hashlib.sha256(f"{__version__} {task.labels} {task.data['text']}".encode())
    home = task.folder.resolve()
    others = {home / name for name in _OTHERS}
    folders = [folder for folder in (home, task.functions_folder) if folder is not None and folder.is_dir()]
    for folder in folders:
        for path in _files(folder, others):
            try:
                about, code = path.stat(), path.suffix in (".py", ".toml")
                content = path.read_bytes() if code else f"{about.st_mtime_ns} {about.st_size}".encode()
            except FileNotFoundError:
                continue  # an editor puts another in its place
            state.update(f"{path.relative_to(folder)}\0".encode() + content)
    return state.hexdigest()


def _files(folder: Path, without: Collection[Path]) -> Iterator[Path]:
    """Yield the files of a folder and of those in it, in order: lists and models may stand in folders of their own."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "__pycache__" or path in without:
            continue
        if path.is_dir():
            yield from _files(path, without)
        elif path.is_file():
            yield path


def changes(ran: Mapping[str, str], found: dict[str, Any]) -> dict[str, str]:
    """Return what became of functions since a run: `new`, `changed`, `switched off`, or, with no file broken, `removed`.

    ran: the fingerprints of the functions that the run applied. found: the catalogue.
    """
    off = found.get("off", ())
    now = {one["name"]: one["fingerprint"] for one in found["functions"]}
    gone = [] if found["errors"] else [name for name in ran if name not in now]
    edited = [name for name, fingerprint in now.items() if name not in off and ran.get(name) != fingerprint]
    met = {name: "changed" if name in ran else "new" for name in edited}
    return met | dict.fromkeys(gone, "removed") | {name: "switched off" for name in now if name in off and name in ran}


def visible_rows(dataset: Dataset, votes: VoteMatrix) -> NDArray[np.intp]:
    """intp[n]: where each row of the votes stands in the data set; -1 for test rows and for rows that are gone."""
    places = dataset.ids.get_indexer(votes.ids)
    return np.where((dataset.split == "test").to_numpy()[places], -1, places)


def describe(task: Task, kept: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Load the functions and return what they say of themselves; runs the user's code.

    kept: the functions as they were described last; those of a file that cannot be loaded now stay, with the error.
    """
    functions: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    loaded: list[LabelingFunction] = []
    loaders: list[tuple[Path, Callable[..., list[LabelingFunction]]]] = []
    if task.functions_folder is not None:
        loaders.append((task.functions_folder, load_lfs))
    if task.rules_file.exists():
        loaders.append((task.rules_file, load_rules))
    for path, load in loaders:
        try:
            found = load(path, labels=task.labels, text=task.data["text"])
            loaded += found
            functions += [_describe(function, task) for function in found]
        except WorkbenchError as error:
            said = str(error).removeprefix(f"{path}{os.sep}")
            errors.append({"file": _file_of(str(error), path), "error": said, "traceback": _frames(error, path)})
            rules = path == task.rules_file
            old = [one for one in kept if one["place"].startswith("rules.toml:") == rules]
            functions += [{**one, "error": said if _made_in(one, errors[-1]["file"]) else ""} for one in old]
    try:
        bind(loaded, None, ())
    except WorkbenchError as error:
        errors.append({"file": task.folder.name, "error": str(error), "traceback": ""})
    return {"functions": functions, "errors": errors}


def _describe(function: LabelingFunction, task: Task) -> dict[str, Any]:
    return {
        "name": function.name,
        "kind": function.kind,
        "labels": [task.labels[label] if isinstance(label, int) else label for label in function.labels or ()],
        "reason": function.reason,
        "tags": list(function.tags),
        "place": function.place,
        "fingerprint": function.fingerprint,
        "examples": [
            {"text": example if isinstance(example, str) else repr(example), "label": label, "fires": fires}
            for example, label, fires in cases_of(function)
        ],
        "finds": finds_of(function),
        "source": source_of(task, function.place),
        "error": "",
    }


def source_of(task: Task, place: str) -> str:
    """Return the statement of a Python file, or the table of rules.toml, that stands at a place; '' for code from elsewhere."""
    module, _, line = place.rpartition(":")
    if not line.isdigit():
        return ""
    if module == task.rules_file.name:
        lines = task.rules_file.read_text(encoding="utf-8-sig").splitlines()[max(int(line) - 1, 0) :]
        ends = (number for number, text in enumerate(lines) if number and re.match(r"\s*\[\[", text))
        return "\n".join(lines[: next(ends, None)]).strip()
    file = (task.functions_folder or task.folder) / f"{module}.py"
    if not file.is_file():
        return ""
    text = file.read_text(encoding="utf-8-sig")
    for statement in ast.parse(text).body:
        first = min([statement.lineno, *(mark.lineno for mark in getattr(statement, "decorator_list", ()))])
        if first <= int(line) <= (statement.end_lineno or first):
            return "\n".join(text.splitlines()[first - 1 : statement.end_lineno])
    return ""


def _file_of(message: str, path: Path) -> str:
    """Return the name of the file a message is about: errors of a folder begin with the path of the file."""
    named = re.match(re.escape(str(path)) + r"[/\\]([^/\\:]+\.py)", message)
    return named.group(1) if named else path.name


def _made_in(one: dict[str, Any], file: str) -> bool:
    return one["place"].rpartition(":")[0] in (file, file.removesuffix(".py"))


def _frames(error: WorkbenchError, path: Path) -> str:
    """Return the traceback of the user's own frames, or '' where the message says it all."""
    cause = error.__cause__
    if cause is None:
        return ""
    told = traceback.TracebackException.from_exception(cause)
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if frame.filename.startswith(str(path))])
    return "".join(told.format(chain=False))


def _file(task: Task) -> Path:
    return task.runs_folder / ".functions.json"


def _kept(file: Path) -> dict[str, Any]:
    """Return what was kept; nothing where that is missing, of another format, or cut short: it can be read anew."""
    try:
        found = read_json(file) if file.exists() else None
    except WorkbenchError:
        return {}
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def main(arguments: Sequence[str]) -> None:
    """Describe the functions of a task folder into its `.functions.json`; what `catalogue` starts."""
    task, stamp = load_task(arguments[0]), arguments[1]
    kept = _kept(_file(task)).get("functions", ())
    write_json(_file(task), {"format": FORMAT, "stamp": stamp, **describe(task, kept)})


if __name__ == "__main__":
    main(sys.argv[1:])
