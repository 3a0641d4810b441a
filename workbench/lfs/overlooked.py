"""What Python passes over in a file of functions: one that a later one of its name hides, and one without its decorator."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.tables import WorkbenchError


def check_hidden(sources: Mapping[str, bytes]) -> None:
    """Refuse a decorated function that a later one of its file hides, with both places; sources: Python by file name."""
    for file, source in sources.items():
        places: dict[str, str] = {}
        for function in _functions(source):
            if not function.decorator_list or function.name == "_":
                continue
            place = f"{file.removesuffix('.py')}:{function.decorator_list[0].lineno}"
            if function.name in places:
                raise WorkbenchError(
                    f"two functions are called {function.name!r}, at {places[function.name]} and {place}; rename one"
                )
            places[function.name] = place


def undecorated(folder: Path) -> list[str]:
    """Return one sentence a function of one argument that nothing uses and that has no decorator, so that it never votes."""
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py")) if not path.name.startswith(".")}
    used = {name for source in sources.values() for name in _used(source)}
    return [
        f"{folder / file}:{function.lineno}: {function.name} does not vote, as it has no @labeling_function() on the line "
        "above; add it, or begin its name with _"
        for file, source in sources.items()
        for function in _functions(source)
        if not function.decorator_list and len(function.args.args) == 1
        if not function.name.startswith("_") and function.name not in used
    ]


def _functions(source: bytes) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))


def _used(source: bytes) -> Iterator[str]:
    """Yield the names that a file reads, and those it imports from another."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
