"""The house: imports point down only, and each heavy library has its doors (docs: the table in README's layout section)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workbench"

FLOORS = {
    "tables": 1, "io": 1, "spec": 1, "stats": 1, "text": 1,
    "lfs": 2, "engines": 2,
    "apply": 3, "diagnose": 3, "label_models": 3, "review": 3, "export": 3, "end_model": 3, "evaluate": 3,
    "stress": 3, "gate": 3, "monitor": 3, "report": 3,
    "project": 4,
    "ui": 5, "cli": 5,
}  # fmt: skip

DOORS = {
    "streamlit": ("ui", "app"),
    "torch": ("text", "end_model", "label_models/snorkel.py"),
    "sentence_transformers": ("text", "end_model", "label_models/snorkel.py"),
    "transformers": ("text", "end_model", "label_models/snorkel.py"),
    "spacy": ("lfs", "text"),
    "dask": ("engines",),
    "distributed": ("engines",),
    "pyspark": ("engines",),
    "sqlalchemy": ("review",),
    "snorkel": ("label_models/snorkel.py",),
    "crowdkit": ("label_models/dawid_skene.py",),
}


def python_files():
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    """Return the room of a file: the first folder or file name below workbench/."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path):
    """Yield every module a file imports, at its top or inside a function, and whether it is for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write the whole name"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)] if node.module else []
        for name in names:
            yield name, node.lineno, id(node) in typing_only


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_down(path):
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    assert room in FLOORS, f"{path} is a room the house does not know"
    for name, line, _ in imports(path):
        parts = name.split(".")
        if parts[0] != "workbench" or len(parts) == 1:
            continue
        target = parts[1]
        if target == room or target not in FLOORS:  # inside the room, or a name such as workbench.__version__
            continue
        same_floor_is_fine = FLOORS[room] == 1 and target == "tables"
        assert FLOORS[target] < FLOORS[room] or same_floor_is_fine, f"{path}:{line}: {room} must not import {target}"


def test_shells_call_the_project_and_no_room():
    for path in [*PACKAGE.joinpath("cli").rglob("*.py"), *PACKAGE.joinpath("ui").rglob("*.py")]:
        for name, line, _ in imports(path):
            parts = name.split(".")
            if parts[0] == "workbench" and len(parts) > 1 and parts[1] in FLOORS:
                assert FLOORS[parts[1]] in (1, 4) or parts[1] == room_of(path), (
                    f"{path}:{line}: a shell calls steps, not {parts[1]}"
                )


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_come_through_their_doors(path):
    where = path.relative_to(PACKAGE).as_posix()
    for name, line, typing_only in imports(path):
        doors = DOORS.get(name.split(".")[0])
        if doors is not None and not typing_only:
            assert any(where == door or where.startswith(f"{door}/") or where == f"{door}.py" for door in doors), (
                f"{path}:{line}: {name} belongs in {', '.join(doors)}"
            )


@pytest.mark.parametrize(
    "command",
    [
        "import workbench",
        "from workbench.cli import main; main(['--help'], standalone_mode=False)",
    ],
    ids=["import workbench", "workbench --help"],
)
def test_starting_loads_nothing_heavy(command):
    heavy = ["torch", "spacy", "streamlit", "snorkel", "sklearn", "transformers"]
    code = f"{command}\nimport sys\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_files_and_functions_keep_their_budget():
    """A file over 400 lines is two files; a function fits a screen."""
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, f"{path} has {text.count(chr(10))} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = ast.get_docstring(node, clean=False)
                lines = node.end_lineno - node.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)
                assert lines <= 50, f"{path}:{node.lineno} {node.name} has {lines} lines"
