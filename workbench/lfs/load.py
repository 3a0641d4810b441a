"""Finding and loading functions: a folder of Python files, fresh from disk every time."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import linecache
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from workbench.io.names import shortened
from workbench.lfs.fingerprint import PACKAGE_HASH
from workbench.lfs.foreign import as_labeling_function, is_foreign
from workbench.lfs.function import LabelingFunction
from workbench.lfs.overlooked import check_hidden
from workbench.lfs.votes import FAULTS, one_line
from workbench.tables import WorkbenchError


def load_lfs(
    folder_or_package: str | Path, *, labels: Iterable[str] | None = None, text: Iterable[str] = ("text",)
) -> list[LabelingFunction]:
    """Collect the labeling functions of a folder of Python files (or of an installed package), in order of file and variable.

    Files are read anew, never from compiled files, into a package named after their content: an edit is always seen, and
    `from .words import x` works. Snorkel's functions, and functions in a list or dict, are collected too. labels and text bind
    the functions to a task. Two functions of one name are refused, with both places.
    """
    folder = _folder(folder_or_package)
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py")) if not path.name.startswith(".")}
    if not sources:
        raise WorkbenchError(
            f"{folder} holds no Python file; write one function in {folder / 'functions.py'}, or use rules.toml"
        )
    package = Package(folder, sources)
    modules = [package.load(file) for file in sources]
    check_hidden(sources)
    found: dict[int, LabelingFunction] = {}
    for own in (True, False):  # a function goes by its name where it was made, not where it was imported
        for module in modules:
            for variable, thing in _functions_of(module):
                function = as_labeling_function(thing)
                made_here = function.place.partition(":")[0] == module.__name__.rpartition(".")[2]
                if id(thing) not in found and made_here >= own:
                    found[id(thing)] = function
                    function.name = variable if variable and not function.named else function.name
    for function in found.values():
        function.origin = str(folder)
        _ = function.fingerprint  # now, while the modules it reaches are those it was loaded with
    return bind(found.values(), labels, text)


def _functions_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield functions with the variable that holds them, or with '' from inside a list, tuple or dict."""
    for variable, thing in list(vars(module).items()):
        inside = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else ()
        for name, candidate in [(variable, thing), *(("", item) for item in inside)]:
            if isinstance(candidate, LabelingFunction) or is_foreign(candidate):
                yield name, candidate


def bind(lfs: Iterable[Any], labels: Iterable[str] | None, text: Iterable[str]) -> list[LabelingFunction]:
    """Return the functions bound to a task's labels and text columns; a name given twice is refused, with both places."""
    functions = [as_labeling_function(lf) for lf in lfs]
    places: dict[str, str] = {}
    for function in functions:
        if function.name in places:
            raise WorkbenchError(
                f"two functions are called {function.name!r}, at {places[function.name]} and {function.place}; rename one"
            )
        places[function.name] = function.place
    if labels is None:
        return functions
    classes, columns = tuple(labels), tuple(text)
    return [function.bound(classes, columns) for function in functions]


def _folder(folder_or_package: str | Path) -> Path:
    folder = Path(folder_or_package)
    if folder.is_dir():
        return folder.resolve()
    name = str(folder_or_package)
    if all(part.isidentifier() for part in name.split(".")):
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            spec = None
        if spec is not None and spec.submodule_search_locations:
            return Path(next(iter(spec.submodule_search_locations))).resolve()
    raise WorkbenchError(f"there is no folder {folder} and no installed package {name!r} to load functions from")


class Package(MetaPathFinder, Loader):
    """One version of a folder as an importable package: importer and loader of its modules (PEP 451)."""

    def __init__(self, folder: Path, sources: dict[str, bytes]) -> None:
        self.folder = folder
        self.sources = sources
        content = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in inside.parts):
                content.update(f"{inside.as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        self.content_hash = content.hexdigest()
        state = [str(folder).encode(), *(name.encode() + b"\0" + hashlib.sha256(sources[name]).digest() for name in sources)]
        self.name = "workbench_lfs_" + hashlib.sha256(b"\0".join(state)).hexdigest()[:16]
        # One finder a folder: earlier versions live on in the functions that were made of them.
        for older in [finder for finder in sys.meta_path if isinstance(finder, Package) and finder.folder == folder]:
            sys.meta_path.remove(older)
            for module in [name for name in sys.modules if name.partition(".")[0] == older.name]:
                del sys.modules[module]
        sys.meta_path.append(self)

    def _file(self, fullname: str) -> str:
        return "__init__.py" if fullname == self.name else fullname.rpartition(".")[2] + ".py"

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find the package itself and its files; anything else is somebody else's."""
        if fullname == self.name:
            return ModuleSpec(fullname, self, origin=str(self.folder / "__init__.py"), is_package=True)
        inside = fullname.rpartition(".")[0] == self.name and self._file(fullname) in self.sources
        return ModuleSpec(fullname, self, origin=str(self.folder / self._file(fullname))) if inside else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to Python."""

    def get_source(self, fullname: str) -> str:
        """Return the text that was loaded, for tracebacks."""
        return importlib.util.decode_source(self.sources.get(self._file(fullname), b""))

    def get_code(self, fullname: str) -> CodeType:
        """Compile the bytes that were read; compiled files on disk may be older than the second they were written in."""
        path = str(self.folder / self._file(fullname))
        text = self.get_source(fullname)
        # No modification time: linecache then keeps these lines, whatever happens to the file on disk.
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        return compile(text, path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Run a file in its module."""
        module.__file__ = str(self.folder / self._file(module.__name__))
        setattr(module, PACKAGE_HASH, self.content_hash)
        exec(self.get_code(module.__name__), module.__dict__)  # nosec  # as every import does

    def load(self, file: str) -> ModuleType:
        """Import one file; whatever goes wrong names the file, the line and the error."""
        name = self.name if file == "__init__.py" else f"{self.name}.{file.removesuffix('.py')}"
        if "." in file.removesuffix(".py"):
            raise WorkbenchError(f"{self.folder / file}: a module's name has no dot; rename the file")
        try:
            return importlib.import_module(name)
        except FAULTS as error:
            raise WorkbenchError(self._explain(file, error)) from error

    def _explain(self, file: str, error: BaseException) -> str:
        if isinstance(error, SyntaxError) and error.filename:
            line = (error.text or "").strip()
            return f"{error.filename}:{error.lineno}: {error.msg}{f', in the line {shortened(line, 60)!r}' * bool(line)}"
        if isinstance(error, (SyntaxError, UnicodeDecodeError)):
            return f"{self.folder / file} is not UTF-8 text; save the file as UTF-8"
        inside = f"{self.folder}{os.sep}"
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(inside)]
        place = f"{lines[-1].filename}:{lines[-1].lineno}" if lines else str(self.folder / file)
        hint = ""
        if isinstance(error, ModuleNotFoundError):
            beside = f"{error.name}.py stands in the same folder: write `from .{error.name} import ...`"
            hint = f"; {beside if f'{error.name}.py' in self.sources else 'install it with pip, or correct its name'}"
        if isinstance(error, NameError) and error.name in ("labeling_function", "ABSTAIN"):
            hint = f"; write `from workbench import {error.name}` at the top"
        kind = "" if isinstance(error, WorkbenchError) else f"{type(error).__name__}: "
        return f"{place}: {one_line(f'{kind}{error}')}{hint}"
