"""Finding and loading functions: a folder of Python files, fresh from disk every time, and a `rules.toml`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from inspect import Parameter, signature
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from workbench.io.toml import read_toml
from workbench.lfs.fingerprint import PACKAGE_HASH
from workbench.lfs.foreign import as_labeling_function, is_foreign
from workbench.lfs.function import About, LabelingFunction
from workbench.lfs.rules import RULES
from workbench.tables import WorkbenchError

_PREFIX = "workbench_lfs_"


def load_lfs(
    folder_or_package: str | Path, *, labels: Iterable[str] | None = None, text: Iterable[str] = ("text",)
) -> list[LabelingFunction]:
    """Collect the labeling functions of a folder of Python files (or of an installed package), in order of file and line.

    Files are read anew, never from compiled files, into a package named after their content: an edit is always seen, and
    `from .helpers import x` works. Snorkel's functions are collected too. labels and text bind the functions to a task. Two
    functions of one name are refused, with both places.
    """
    folder = _folder(folder_or_package)
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}
    if not sources:
        raise WorkbenchError(
            f"{folder} holds no Python file; write one function in {folder / 'functions.py'}, or use rules.toml"
        )
    package = _Package(folder, sources)
    found: dict[int, LabelingFunction] = {}
    for file in sources:
        module = package.load(file)
        for variable, thing in list(vars(module).items()):
            if (isinstance(thing, LabelingFunction) or is_foreign(thing)) and id(thing) not in found:
                function = as_labeling_function(thing)
                found[id(thing)] = function
                if not function.named:
                    function.name = variable
    for function in found.values():
        _ = function.fingerprint  # now, from the lines that were loaded
    return bind(found.values(), labels, text)


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


def _same_package(a: str, b: str) -> bool:
    return a.partition(".")[0] == b.partition(".")[0]


def _folder(folder_or_package: str | Path) -> Path:
    folder = Path(folder_or_package)
    if folder.is_dir():
        return folder.resolve()
    name = str(folder_or_package)
    if name.replace(".", "").isidentifier():
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            spec = None
        if spec is not None and spec.submodule_search_locations:
            return Path(next(iter(spec.submodule_search_locations)))
    raise WorkbenchError(f"there is no folder {folder} and no installed package {name!r} to load functions from")


class _Package(MetaPathFinder, Loader):
    """One version of a folder as an importable package: importer and loader of its modules (PEP 451)."""

    def __init__(self, folder: Path, sources: dict[str, bytes]) -> None:
        self.folder = folder
        self.sources = sources
        state = hashlib.sha256(str(folder).encode())
        content = hashlib.sha256()
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            content.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        for name, source in sources.items():
            state.update(f"{name}\0".encode() + source)
        self.content_hash = content.hexdigest()
        self.name = _PREFIX + state.hexdigest()[:16]
        # One finder a folder: earlier versions live on in the functions that were made of them.
        for older in [finder for finder in sys.meta_path if isinstance(finder, _Package) and finder.folder == folder]:
            sys.meta_path.remove(older)
            for module in [name for name in sys.modules if _same_package(name, older.name)]:
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
        """Return the text that was loaded, for tracebacks and fingerprints."""
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
        exec(self.get_code(module.__name__), module.__dict__)

    def load(self, file: str) -> ModuleType:
        """Import one file; whatever goes wrong names the file, the line and the error."""
        name = self.name if file == "__init__.py" else f"{self.name}.{file.removesuffix('.py')}"
        try:
            return importlib.import_module(name)
        except Exception as error:
            raise WorkbenchError(self._explain(file, error)) from error

    def _explain(self, file: str, error: Exception) -> str:
        if isinstance(error, SyntaxError):
            return f"{self.folder / file}:{error.lineno}: {error.msg}"
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(self.folder))]
        place = f"{lines[-1].filename}:{lines[-1].lineno}" if lines else str(self.folder / file)
        hint = ""
        if isinstance(error, ModuleNotFoundError) and f"{error.name}.py" in self.sources:
            hint = f"; {error.name}.py stands in the same folder: write `from .{error.name} import ...`"
        return f"{place}: {type(error).__name__}: {error}{hint}"


def load_rules(path: str | Path, *, labels: Sequence[str], text: Iterable[str] = ("text",)) -> list[LabelingFunction]:
    """Read a `rules.toml`: every `[[rule]]` has a name, a kind and the settings of that kind's maker.

    A rule with `enabled = false` is left out. Errors name the file, the rule, the key and the value.
    """
    file = Path(path)
    document = read_toml(file)
    unknown = sorted(set(document) - {"format", "rule"})
    if unknown:
        raise WorkbenchError(f"{file}: unknown key {unknown[0]!r}; known are format and [[rule]]")
    rules = document.get("rule", [])
    if not isinstance(rules, list):
        raise WorkbenchError(f"{file}: 'rule' is one table; write [[rule]] with two brackets")
    made = [_rule(file, number, rule, labels) for number, rule in enumerate(rules, 1) if rule.get("enabled", True)]
    return bind(made, labels, text)


def _rule(file: Path, number: int, rule: dict[str, Any], labels: Sequence[str]) -> LabelingFunction:
    where = f"{file}: rule {rule.get('name', number)!r}"
    for key in ("name", "kind"):
        if not isinstance(rule.get(key), str) or not rule[key]:
            raise WorkbenchError(f"{where}: {key} is {rule.get(key)!r}; every rule has a {key}, a non-empty string")
    if rule["kind"] not in RULES:
        raise WorkbenchError(f"{where}: kind {rule['kind']!r} is unknown; known are {', '.join(RULES)}")
    maker = RULES[rule["kind"]]
    parameters = [p for p in signature(maker).parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    settings = {key: value for key, value in rule.items() if key not in ("kind", "enabled")}
    known = [p.name for p in parameters] + list(About.__annotations__)
    for key in settings:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise WorkbenchError(f"{where}: unknown key {key!r}{hint} a {rule['kind']} rule takes {', '.join(known)}, enabled")
    for p in parameters:
        if p.default is Parameter.empty and p.name not in settings:
            raise WorkbenchError(f"{where}: {p.name} is missing; a {rule['kind']} rule needs it")
    if "file" in settings:
        settings["file"] = _inside(file.parent, settings["file"], where)
    try:
        function = maker(**settings)
        votes = function.labels or ()
        for label in votes:
            if label not in labels:
                raise WorkbenchError(f"label {label!r} is not among the labels {list(labels)}")
    except (WorkbenchError, TypeError, AttributeError) as error:
        raise WorkbenchError(f"{where}: {error}") from None
    function.place = f"{file.name}:{number}"
    return function


def _inside(folder: Path, name: Any, where: str) -> Path:
    path = (folder / str(name)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise WorkbenchError(f"{where}: file {name!r} lies outside {folder}; rules read files of their task's folder only")
    return path
