"""Functions for another process: those of a folder by path and content, all others by value."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from workbench.lfs.function import LabelingFunction
from workbench.lfs.load import load_lfs
from workbench.tables import WorkbenchError


def pack(functions: Sequence[LabelingFunction]) -> bytes:
    """Return the functions as bytes; one that cannot be sent is an error that names it."""
    import cloudpickle

    packed: bytes = cloudpickle.dumps([_sent(function, cloudpickle) for function in functions])
    return packed


def _sent(function: LabelingFunction, cloudpickle: Any) -> Any:
    if function.origin is not None:
        return function.origin, function.name, function.fingerprint, function.classes, function.text
    try:
        cloudpickle.dumps(function)
    except Exception as error:
        raise WorkbenchError(
            f"labeling function {function.name!r} ({function.place}) cannot be sent to another process ({error}); put it into "
            "the folder of functions, where a process can load it, or use the serial engine"
        ) from error
    return function


def unpack(packed: bytes) -> list[LabelingFunction]:
    """Return the functions that were packed; a folder that changed meanwhile is an error."""
    loaded: dict[str, dict[str, LabelingFunction]] = {}
    functions = []
    for sent in pickle.loads(packed):  # nosec B301  # packed by this package
        if isinstance(sent, LabelingFunction):
            functions.append(sent)
            continue
        folder, name, fingerprint, classes, text = sent
        if folder not in loaded:
            loaded[folder] = {function.name: function for function in load_lfs(folder)}
        found = loaded[folder].get(name)
        if found is None or found.fingerprint != fingerprint:
            raise WorkbenchError(
                f"labeling function {name!r} is not the same in another process: {folder} changed since it was loaded, or it "
                "reaches what each process makes anew, such as a time, or the order of a set; load it again, or mend it"
            )
        functions.append(found if classes is None else found.bound(classes, text))
    return functions
