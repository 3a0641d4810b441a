"""Fingerprints of functions: when one changes, votes made before are stale."""

from __future__ import annotations

import enum
import hashlib
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

Home = Mapping[str, Any] | None  # the globals of the function whose reach is followed
PACKAGE_HASH = "__workbench_folder_hash__"  # set by the loader in every module of a folder of functions


def fingerprint_of(*things: Any) -> str:
    """Return a sha256 over functions (source and every global they reach in their own package), settings and constants.

    The same in every process. A global that cannot be read as a constant counts as its whole folder: stale votes are worse than
    votes computed twice.
    """
    walk = _Walk()
    for thing in things:
        walk.add(thing)
    return hashlib.sha256("\0".join(walk.parts).encode("utf-8", "surrogatepass")).hexdigest()


class _Walk:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.seen: set[int] = set()

    def add(self, thing: Any, home: Home = None) -> None:
        if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes, PurePath, range)):
            self.parts.append(f"{type(thing).__name__}:{thing!r}")
        elif isinstance(thing, enum.Enum):
            self.parts.append(f"enum:{thing!r}:{thing.value!r}")
        elif isinstance(thing, re.Pattern):
            self.parts.append(f"pattern:{thing.pattern!r}:{thing.flags}")
        elif hasattr(thing, "fingerprint") and isinstance(thing.fingerprint, str):
            self.parts.append(f"function:{thing.fingerprint}")
        elif id(thing) in self.seen:
            return
        else:
            self.seen.add(id(thing))
            self._add_compound(thing, home)

    def _add_compound(self, thing: Any, home: Home) -> None:
        if isinstance(thing, Mapping):
            self._add_many("mapping", [pair for pair in thing.items()], home)
        elif isinstance(thing, (set, frozenset)):
            self._add_many(type(thing).__name__, sorted(thing, key=repr), home)
        elif isinstance(thing, (list, tuple)):
            self._add_many(type(thing).__name__, thing, home)
        elif isinstance(thing, types.ModuleType):
            self._add_module(thing, home)
        elif isinstance(thing, types.MethodType):
            self.add(thing.__func__, home)
            self.add(thing.__self__, home)
        elif isinstance(thing, types.FunctionType):
            self._add_function(thing, home)
        elif isinstance(thing, type):
            self._add_class(thing, home)
        elif hasattr(thing, "tobytes") and hasattr(thing, "dtype"):
            self.parts.append(f"array:{thing.dtype}:{hashlib.sha256(thing.tobytes()).hexdigest()}")
        else:
            self._add_opaque(thing, home)

    def _add_many(self, kind: str, items: Iterable[Any], home: Home) -> None:
        self.parts.append(f"{kind}[")
        for item in items:
            self.add(item, home)
        self.parts.append("]")

    def _add_module(self, module: types.ModuleType, home: Home) -> None:
        self.parts.append(f"module:{_bare_name(module.__name__)}:{getattr(module, '__version__', '')}")
        if home is not None and _same_package(module.__name__, home["__name__"]):
            self.parts.append(_folder_hash(vars(module)))

    def _add_function(self, f: types.FunctionType, home: Home) -> None:
        if home is not None and not _same_package(f.__module__, home["__name__"]):
            package = sys.modules.get(f.__module__.partition(".")[0])
            self.parts.append(f"library:{f.__module__}.{f.__qualname__}:{getattr(package, '__version__', '')}")
            return
        self.parts.append(_source(f))
        self._add_many("defaults", [f.__defaults__, f.__kwdefaults__], f.__globals__)
        for cell in f.__closure__ or ():
            self.add(_content(cell), f.__globals__)
        for name in sorted(_names(f.__code__)):
            if name in f.__globals__:
                self.parts.append(f"global:{name}")
                self.add(f.__globals__[name], f.__globals__)

    def _add_class(self, cls: type, home: Home) -> None:
        self.parts.append(f"class:{_bare_name(cls.__module__)}.{cls.__qualname__}")
        if home is None or _same_package(cls.__module__, home["__name__"]):
            self.parts.append(_folder_hash(home) or _source(cls))

    def _add_opaque(self, thing: Any, home: Home) -> None:
        """Count an object whose content cannot be read: its type, and everything in its folder."""
        self.parts.append(f"object:{type(thing).__module__}.{type(thing).__qualname__}:{_folder_hash(home)}")
        inner = [value for name in ("_f", "f", "_resources", "_pre") if (value := getattr(thing, name, None)) is not None]
        self._add_many("parts", inner, home)


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # an empty cell: the name is not bound yet
        return None


def _source(thing: Callable[..., Any] | type) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):  # typed at a prompt: the compiled code stands for the text
        code = getattr(thing, "__code__", None)
        return repr(thing) if code is None else f"{code.co_code!r}{code.co_consts!r}{code.co_names!r}"


def _same_package(a: str, b: str) -> bool:
    return a.partition(".")[0] == b.partition(".")[0]


def _bare_name(module: str) -> str:
    """Drop the loader's package name, which holds a hash of the whole folder."""
    return module.partition(".")[2] if module.startswith("workbench_lfs_") else module


def _folder_hash(home: Home) -> str:
    """Return the hash of everything in the folder of functions; outside one, of the file."""
    if home is None:
        return ""
    path = home.get("__file__")
    return str(home.get(PACKAGE_HASH) or (hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""))
