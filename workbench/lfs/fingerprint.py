"""Fingerprints of functions: when one changes, votes made before are stale."""

from __future__ import annotations

import dis
import enum
import hashlib
import re
import sys
import types
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
import pandas as pd

PACKAGE_HASH: Final = "__workbench_folder_hash__"  # set by the loader in every module of a folder of functions

# Globals that say where a module stands, so that a function which reads one may read any file beside it.
_WHEREABOUTS: Final = {"__file__", "__name__", "__package__", "__path__", "__spec__", "__loader__"}
# What finds other names while it runs, so that a function which names one may reach anything in its folder.
_DYNAMIC: Final = {"globals", "locals", "vars", "eval", "exec", "__import__", "importlib", "import_module", "modules"}
_BOOKKEEPING: Final = {
    "__dict__",
    "__weakref__",
    "__doc__",
    "__module__",
    "__firstlineno__",
    "__static_attributes__",
    "_abc_impl",
}
_CONSTANTS: Final = (types.NoneType, bool, int, float, complex, str, bytes, range, types.EllipsisType, types.NotImplementedType)


def fingerprint_of(*things: Any, strict: bool = True) -> str:
    """Return a sha256 over functions (compiled code and every global they reach), settings and constants.

    The same in every process and for every place of the folder; comments do not count. Of installed libraries name and version
    count; what cannot be read counts as its whole folder: stale votes are worse than votes computed twice. strict: False counts
    an installed library's object that cannot be read, such as an open connection, by its kind and version alone.
    """
    walk = _Walk(strict)
    for thing in things:
        walk.add(thing)
    return hashlib.sha256("\0".join(walk.parts).encode("utf-8", "surrogatepass")).hexdigest()


class _Walk:
    """A walk over objects that writes down what it meets."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.parts: list[str] = []
        self.seen: dict[int, tuple[int, Any]] = {}  # holds on to the objects: an id is unique only while its object lives
        self.home = ""  # the module of the function whose reach is followed

    def add(self, thing: Any) -> None:
        """Write down a constant, or that an object was met before, or what a new one is made of."""
        if isinstance(thing, enum.Enum):
            self._add_many(f"enum {thing.name}", [thing.value, type(thing)])
        elif type(thing) in _CONSTANTS:
            self.parts.append(f"{type(thing).__name__} {thing!r}")
        elif id(thing) in self.seen:
            self.parts.append(f"again {self.seen[id(thing)][0]}")
        else:
            self.seen[id(thing)] = len(self.seen), thing
            self._add_new(thing)

    def _add_new(self, thing: Any) -> None:
        if isinstance(thing, types.FunctionType):
            self._add_function(thing)
        elif isinstance(thing, types.CodeType):
            self._add_code(thing)
        elif isinstance(thing, type):
            self._add_class(thing)
        elif isinstance(thing, types.ModuleType):
            self.parts.append(f"module {_library(thing.__name__) or _folder_hash(thing.__name__)}")
        elif hasattr(thing, "raw_votes"):  # a labeling function that another one calls
            self._add_many(type(thing).__name__, (thing.kind, thing.labels, *thing.content))
        elif type(thing) in (list, tuple):
            self._add_many(type(thing).__name__, thing)
        elif type(thing) in (dict, types.MappingProxyType):
            self._add_many("dict", [part for pair in thing.items() for part in pair])
        elif type(thing) in (set, frozenset):
            self._add_many("set", sorted(fingerprint_of(item, strict=self.strict) for item in thing))
        else:
            self._add_object(thing)

    def _add_many(self, kind: str, items: Iterable[Any]) -> None:
        self.parts.append(f"{kind} [")
        for item in items:
            self.add(item)
        self.parts.append("]")

    def _add_function(self, f: types.FunctionType) -> None:
        if library := _library(f.__module__):
            self.parts.append(f"function {f.__qualname__} of {library}")
            return
        self.home = f.__module__
        self._add_code(f.__code__)
        self._add_many("defaults", [f.__defaults__, f.__kwdefaults__])
        self._add_many("closure", [content(cell) for cell in f.__closure__ or ()])
        self._add_many("attributes", [f.__dict__])
        names = _names(f.__code__)
        for name in sorted(names & f.__globals__.keys()):
            self.parts.append(f"global {name}")
            if name in _WHEREABOUTS:
                self.parts.append(_folder_hash(f.__module__))
            else:
                self.add(f.__globals__[name])
        if "import ." in names or names & _DYNAMIC:
            self.parts.append(_folder_hash(f.__module__))

    def _add_code(self, code: types.CodeType) -> None:
        """Count what is executed: neither comments, nor line numbers, nor the path of the file."""
        shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_exceptiontable)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self.parts.append(f"code {code.co_code!r} {shape} {names}")
        self._add_many("constants", code.co_consts)

    def _add_class(self, cls: type) -> None:
        self.parts.append(f"class {cls.__qualname__} of {_library(cls.__module__)}")
        if not _library(cls.__module__):
            self._add_many("bases", (type(cls), *cls.__bases__))
            for name in sorted(vars(cls).keys() - _BOOKKEEPING):
                member = vars(cls)[name]
                if isinstance(member, property):
                    self._add_many(name, [member.fget, member.fset])
                else:
                    self._add_many(name, [getattr(member, "__func__", member)])  # inside classmethod and staticmethod

    def _add_object(self, thing: Any) -> None:
        kind = type(thing).__qualname__  # without its module, whose name the loader makes of place and content of the folder
        if isinstance(thing, PurePath):
            self._add_path(thing)
        elif isinstance(thing, re.Pattern):
            self._add_many("pattern", [thing.pattern, thing.flags])
        elif isinstance(thing, np.ndarray):
            content = [thing.tolist() if thing.dtype.hasobject else hashlib.sha256(thing.tobytes()).hexdigest()]
            self._add_many(f"array {thing.dtype} {thing.shape}", content)
        elif isinstance(thing, (pd.DataFrame, pd.Series, pd.Index)):
            self._add_frame(thing, kind)
        elif isinstance(getattr(thing, "fingerprint", None), str):  # a table of ours
            self.parts.append(f"{kind} {thing.fingerprint}")
        elif hasattr(thing, "__wrapped__"):  # a function under lru_cache, or another decorator written in C
            self._add_many(kind, [thing.__wrapped__])
        elif hasattr(thing, "pipe_names") and hasattr(thing, "meta"):  # a spaCy pipeline, whose vocabulary grows with use
            self._add_many(kind, [thing.meta.get(key) for key in ("lang", "name", "version", "pipeline")])
        elif hasattr(thing, "_memoize_key"):  # a preprocessor of Snorkel's, whose memory grows with use
            self._add_many(kind, [type(thing), {k: v for k, v in vars(thing).items() if k != "_cache"}])
        else:
            self._add_state(thing, kind)

    def _add_state(self, thing: Any, kind: str) -> None:
        """Count how an object would be made anew, which pickling asks of it too; else all that stands in its folder."""
        try:
            recipe = thing.__reduce_ex__(2)
        except Exception:  # noqa: BLE001  # whatever it raises, it does not tell what it is made of
            module = type(thing).__module__
            library = _library(module)
            around = _folder_hash(self.home) if self.strict or not library else ""
            self.parts.append(f"object {kind} {library or _folder_hash(module)} {around}")
            return
        parts = (recipe,) if isinstance(recipe, str) else recipe
        self._add_many(f"object {kind}", [list(part) if hasattr(part, "__next__") else part for part in parts])

    def _add_frame(self, frame: pd.DataFrame | pd.Series[Any] | pd.Index[Any], kind: str) -> None:
        try:
            cells: Any = pd.util.hash_pandas_object(frame).to_numpy()
        except TypeError:  # cells that have no hash, such as lists
            cells = frame.to_numpy()
        self._add_many(kind, [[str(column) for column in getattr(frame, "columns", ())], cells])

    def _add_path(self, path: PurePath) -> None:
        """Count a file by name and content; of any other path the name."""
        content = _file_hash(Path(path)) if Path(path).is_file() else str(path)
        self.parts.append(f"path {path.name} {content}")


def _names(code: types.CodeType) -> set[str]:
    """Return the names a function and those inside it look up; "import ." stands for an import from its own folder."""
    names = set(code.co_names)
    steps = list(dis.get_instructions(code))
    for level, step in zip(steps, steps[2:], strict=False):
        if step.opname == "IMPORT_NAME" and level.argval:  # pushed two steps before: 0 for an absolute import
            names.add("import .")
    return names.union(*(_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)))


def content(cell: types.CellType) -> Any:
    """Return what a variable of an outer function stands for."""
    try:
        return cell.cell_contents
    except ValueError:  # an empty cell: the name is not bound yet
        return None


def _library(module: str | None) -> str:
    """Return name and version of the installed library a module belongs to; '' for code of the user's own."""
    top = (module or "").partition(".")[0]
    package = sys.modules.get(top)
    file = getattr(package, "__file__", None) or next(iter(getattr(package, "__path__", ())), "")
    installed = {"site-packages", "dist-packages"} & set(Path(file).parts)
    known = installed or top in sys.stdlib_module_names or top == "workbench"
    return f"{module} {getattr(package, '__version__', '')}" if known else ""


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_hash(module: str) -> str:
    """Return the hash of everything in the folder of functions; outside one, of the module's file or package."""
    known = vars(sys.modules[module]) if module in sys.modules else {}
    if PACKAGE_HASH in known or not known.get("__file__"):
        return str(known.get(PACKAGE_HASH, ""))
    file = Path(known["__file__"])
    files = sorted(file.parent.rglob("*.py")) if "__path__" in known else [file]
    return hashlib.sha256("".join(_file_hash(path) for path in files).encode()).hexdigest()
