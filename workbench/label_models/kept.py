"""A fitted generative model in one file: arrays as safetensors, the rest as JSON in its header; nothing in it is executed."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.files import atomic_write, check_format, plain, read_bytes
from workbench.label_models.calibration import Calibration
from workbench.label_models.contract import check_fitted
from workbench.label_models.evidence import Pairs
from workbench.label_models.generative import GenerativeModel
from workbench.label_models.similarity import Copies
from workbench.tables import WorkbenchError

FORMAT: Final = 1
_WHAT: Final = "generative label model"
_ARRAYS: Final = ("class_balance_", "covered_balance_", "_table", "_believed", "_covered")
_FACTS: Final = ("n_iter_", "converged_", "history_", "doubts_", "_rules", "_rows_seen")


def save(model: GenerativeModel, path: Path | str) -> None:
    """Write a fitted model, whole or not at all; `load` gives one that predicts and explains the same, to the last bit."""
    from safetensors.numpy import save as as_bytes

    check_fitted(model, "fitted_")
    lfs, labels = model.fitted_
    head = {
        "lfs": lfs,
        "labels": labels,
        "settings": {name: getattr(model, name) for name in inspect.signature(GenerativeModel).parameters},
        "facts": {name: getattr(model, name) for name in _FACTS},
        "slope": model.calibration_.slope,
    }
    arrays = {name: getattr(model, name) for name in _ARRAYS}
    arrays |= {f"pairs {name}": getattr(model._pairs, name) for name in Pairs._fields}
    arrays |= {"copies": model._copies.group, "offset": model.calibration_.offset, "accuracy": model.accuracy_.to_numpy(float)}
    arrays |= {f"similarity {name}": getattr(model._similarity, name) for name in ("data", "indices", "indptr")}
    if model._given is not None:
        arrays["given"] = model._given
    texts = {"format": str(FORMAT), "what": _WHAT, "model": json.dumps(plain(head), allow_nan=False)}
    texts["sha256"] = _checksum(texts["model"], arrays)
    content = as_bytes({name: np.ascontiguousarray(array) for name, array in arrays.items()}, texts)
    with atomic_write(path) as temporary:
        temporary.write_bytes(_in_order(content))


def _in_order(content: bytes) -> bytes:
    """Return a file of safetensors with the texts of its header in order: the library shuffles them anew in every process."""
    start = 8 + int.from_bytes(content[:8], "little")
    texts = json.dumps(json.loads(content[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header = texts + b" " * (-len(texts) % 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def load(path: Path | str) -> GenerativeModel:
    """Return the model that `save` wrote; raises WorkbenchError where the file is none, cut short, or newer."""
    head, arrays = _read(Path(path))
    labels, lfs = tuple(head["labels"]), tuple(head["lfs"])
    model = GenerativeModel(**head["settings"])
    for name, value in {**head["facts"], **{name: arrays[name] for name in _ARRAYS}}.items():
        setattr(model, name, value)
    model._k, model._given = len(labels), arrays.get("given")
    model._pairs = Pairs(**{name: arrays[f"pairs {name}"] for name in Pairs._fields})
    model._copies = Copies(arrays["copies"])
    model._similarity = _sparse(arrays)
    model.calibration_ = Calibration(head["slope"], arrays["offset"])
    model.accuracy_ = pd.Series(arrays["accuracy"], index=list(lfs), name="accuracy")
    model.fitted_ = (lfs, labels)
    return model


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header's facts and the arrays by name."""
    from safetensors import SafetensorError, safe_open

    read_bytes(path)  # says in our words what is missing or locked
    try:
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
    except SafetensorError as error:
        raise WorkbenchError(f"{path} is no saved label model, or not whole: {error}; fit the model again") from None
    if texts.get("what") != _WHAT:
        raise WorkbenchError(f"{path} is no saved label model; give a file that `save` wrote")
    version = texts.get("format", "")
    check_format({"format": int(version) if version.isdigit() else version}, path, FORMAT)
    if "sha256" in texts and texts["sha256"] != _checksum(texts.get("model", ""), arrays):  # the first versions wrote none
        raise WorkbenchError(f"{path} is not what was saved: its sha256 differs; copy it back, or fit the model again")
    return json.loads(texts["model"]), arrays


def _checksum(model: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the sha256 of all that a model is loaded from."""
    digest = hashlib.sha256(model.encode())
    for name in sorted(arrays):
        digest.update(f"\0{name}\0".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _sparse(arrays: dict[str, Any]) -> Any:
    """Return the similarity of functions as it was counted, float64[groups, groups]."""
    from scipy.sparse import csr_array

    parts = [arrays[f"similarity {name}"] for name in ("data", "indices", "indptr")]
    return csr_array(tuple(parts), shape=(len(parts[2]) - 1,) * 2)
