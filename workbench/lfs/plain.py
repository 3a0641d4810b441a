"""Which functions only look: what they reach they can read but not change, so that several may share one process."""

from __future__ import annotations

import builtins
import dis
import enum
import math
import re
import types
from collections.abc import Iterator
from typing import Any, Final

from workbench.lfs.fingerprint import content

_VALUES: Final = {types.NoneType, bool, int, float, complex, str, bytes, range, re.Pattern}
_KINDS: Final = (type, types.BuiltinFunctionType, types.ModuleType)
_SAFE: Final = {
    *(abs, all, any, bool, chr, dict, divmod, enumerate, filter, float, frozenset, int, isinstance, len, list, map, max, min),
    *(ord, pow, range, reversed, round, set, sorted, str, sum, tuple, zip),
    *(re, math),
}
_READS: Final = {"get", "items", "keys", "values"}.union(
    *(dir(kind) for kind in (str, bytes, int, float, tuple, frozenset, re.Pattern, re.Match, re, math))
) - {"partition", "__init__", "__setattr__", "__delattr__"}  # an array's partition sorts it
_WRITES: Final = {name for kind in (list, dict, set) for name in dir(kind)} - _READS
_STORES: Final = {
    *("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"),
    *("IMPORT_NAME", "LOAD_BUILD_CLASS"),
}


def is_plain(f: Any) -> bool:
    """Whether a function cannot change what outlives its call: no global, no module, no cell of its row.

    Read from the compiled code of all that it reaches, on the safe side: what calls anything unknown is not plain.
    """
    seen: dict[int, Any] = {}
    waiting = [f]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or type(thing) in _VALUES or isinstance(thing, (enum.Enum, enum.EnumType)):
            continue
        seen[id(thing)] = thing
        if type(thing) in (list, tuple, set, frozenset):
            waiting += thing
        elif type(thing) is dict:
            waiting += [*thing, *thing.values()]
        elif isinstance(thing, types.FunctionType) and all(map(_looks, _codes(thing.__code__))):
            waiting += [*map(content, thing.__closure__ or ()), thing.__defaults__, thing.__kwdefaults__, *_globals(thing)]
        elif isinstance(thing, types.BuiltinMethodType) and type(thing.__self__) in _VALUES:
            pass  # as in `search = re.compile(...).search`
        elif not isinstance(thing, _KINDS) or thing not in _SAFE:
            return False
    return True


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code and that of what is defined inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _looks(code: types.CodeType) -> bool:
    """Whether this code stores nothing but its own locals, and calls no method that may change what it belongs to."""
    for step in dis.get_instructions(code):
        name = step.argval
        method = step.opname == "LOAD_METHOD" or (step.opname == "LOAD_ATTR" and "NULL" in step.argrepr)
        if (
            step.opname in _STORES
            or (step.opname == "STORE_DEREF" and name in code.co_freevars)
            or (step.opname == "BINARY_OP" and step.argrepr.endswith("="))  # += changes a list in place
            or (method and name not in _READS)
            or (step.opname == "LOAD_ATTR" and name in _WRITES)
        ):
            return False
    return True


def _globals(f: types.FunctionType) -> Iterator[Any]:
    """Yield what the names outside a function stand for; nothing that is plain for a name that stands for nothing."""
    for code in _codes(f.__code__):
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                yield f.__globals__.get(step.argval, getattr(builtins, step.argval, object))
