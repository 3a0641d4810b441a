"""A saved end model: a folder of safetensors and JSON with the checksum of every file; nothing in it is ever executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.io.files import atomic_write, check_format, new_folder, plain, read_json, sha256
from workbench.io.kept import read_kept
from workbench.tables import WorkbenchError

FORMAT: Final = 3
_MANIFEST: Final = "manifest.json"
_FILES: Final = ("model.json", "features.json", "parameters.safetensors", "features.safetensors")


@dataclass(frozen=True)
class Saved:
    """What a folder holds: settings and labels, what the features learned, the network's parameters, the features' arrays."""

    document: Mapping[str, Any]
    features: Mapping[str, Any]
    parameters: dict[str, NDArray[np.float32]]
    arrays: dict[str, NDArray[Any]]


def write_saved(folder: Path | str, saved: Saved) -> None:
    """Write a new folder, whole or not at all; raises WorkbenchError where it exists."""
    from safetensors.numpy import save

    documents = [json.dumps(plain(document), indent=1).encode() for document in (saved.document, saved.features)]
    tables = [save({name: np.ascontiguousarray(array) for name, array in a.items()}) for a in (saved.parameters, saved.arrays)]
    contents = dict(zip(_FILES, documents + tables, strict=True))
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {"format": FORMAT, "what": "end model", "sha256": checksums}
    with new_folder(folder) as new:
        for name, content in {**contents, _MANIFEST: json.dumps(manifest, indent=1).encode()}.items():
            with atomic_write(new / name) as temporary:
                temporary.write_bytes(content)


def read_saved(folder: Path | str) -> Saved:
    """Read a folder; raises WorkbenchError where it is no saved end model, a file was changed, or its format is newer."""
    from safetensors.numpy import load_file

    place = Path(folder)
    if not (place / _MANIFEST).is_file():
        raise WorkbenchError(f"{folder} is no saved end model: it has no {_MANIFEST}; give a folder that `save` wrote")
    manifest = read_kept(place / _MANIFEST, sha256=dict)
    check_format(manifest, place / _MANIFEST, FORMAT)
    if manifest["format"] < FORMAT:
        raise WorkbenchError(f"{place} was saved by an older workbench; train it again")
    for name in _FILES:
        if not (place / name).is_file():
            raise WorkbenchError(f"{place / name} is missing; the saved end model is not whole, so save it again")
        if sha256(place / name) != manifest.get("sha256", {}).get(name):
            raise WorkbenchError(
                f"{place / name} is not the file that was saved: its sha256 differs; train or copy the model again"
            )
    document, features = (read_json(place / name) for name in _FILES[:2])
    parameters, arrays = (load_file(place / name) for name in _FILES[2:])
    return Saved(document, features, parameters, arrays)
