"""WRENCH JSON: rows with stored votes, one file a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.columns import cell_text, from_json, mend, to_frame
from workbench.io.files import read_json
from workbench.io.names import listed
from workbench.tables import ABSTAIN, SPLITS, WorkbenchError, describe_votes


@dataclass(frozen=True, eq=False)
class Imported:
    """Rows that came with the votes of someone else's functions or of crowd workers.

    frame: columns id, split, gold (class name, missing where unknown), then the data columns. votes: one column a function,
    a class name or missing where it abstains, on the same rows. labels: class names in index order. text: text columns, none
    for tabular data. reasons: what each function looks for, in words.
    """

    frame: pd.DataFrame
    votes: pd.DataFrame
    labels: tuple[str, ...]
    text: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Names of the data columns that are not text."""
        return [name for name in self.frame.columns if name not in ("id", "split", "gold", *self.text)]


def class_names(codes: NDArray[np.int16], labels: Sequence[str]) -> pd.Categorical[Any]:
    """Return class indexes as class names, -1 as missing."""
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(labels)))


def read_wrench(folder: Path | str) -> Imported:
    """Return the rows of `train.json`, `valid.json` and `test.json`, any of which may be missing, with their stored votes.

    Each file is `{row id: {"label" or "labels": class index, "weak_labels": [class index or -1, ...], "data": {...}}}`, class
    names stand in `label.json`. Ids become `<split>:<row id>`; a missing or -1 label is unknown. Functions are called lf_0,
    lf_1, ...; an optional `lfs.json`, a list of one object a function, tells their reasons. Raises WorkbenchError naming file
    and row.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WorkbenchError(f"{folder} is not a folder; give the folder that holds train.json and label.json")
    labels = _read_labels(folder / "label.json")
    present = [split for split in SPLITS if (folder / f"{split}.json").exists()]
    rows = {mend(f"{split}:{row}"): record for split in present for row, record in _read_rows(folder / f"{split}.json", labels)}
    if not rows:
        raise WorkbenchError(f"{folder} has no rows; it needs train.json, valid.json or test.json with at least one row")
    records = list(rows.values())
    votes = _votes(folder, rows)
    lfs = [f"lf_{j}" for j in range(votes.shape[1])]
    gold = np.array([ABSTAIN if (label := _label(record)) is None else label for record in records], dtype=np.int16)
    warnings: list[str] = []
    data = _data(records, {"id", "split", "gold", *lfs}, warnings)
    head = pd.DataFrame({"id": list(rows), "split": [row.partition(":")[0] for row in rows]}, dtype="str")
    return Imported(
        frame=pd.concat([head.assign(gold=class_names(gold, labels)), data], axis=1),
        votes=pd.DataFrame({name: class_names(votes[:, j], labels) for j, name in enumerate(lfs)}, index=head.index),
        labels=labels,
        text=("text",) if "text" in data else (),
        warnings=warnings,
        reasons=_reasons(folder / "lfs.json", lfs),
    )


def _read_labels(path: Path) -> tuple[str, ...]:
    """Return the class names of `label.json`, an object by index or a list, in index order."""
    example = 'such as {"0": "ham", "1": "spam"}'
    if not path.exists():
        raise WorkbenchError(f"{path} does not exist; it names the classes by index, {example}")
    names = read_json(path)
    if isinstance(names, list):
        names = {str(place): name for place, name in enumerate(names)}
    if not isinstance(names, dict) or not names or set(names) != {str(place) for place in range(len(names))}:
        raise WorkbenchError(f"{path} must name the classes by index 0, 1, ..., {example}")
    labels = tuple(mend(str(names[str(place)])) for place in range(len(names)))
    if len(set(labels)) < len(labels) or not all(label.strip() for label in labels):
        raise WorkbenchError(f"{path} names the classes {listed(labels)}; class names must be unique and not empty")
    return labels


def _read_rows(path: Path, labels: Sequence[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Return the rows of one file after every vote and label is checked."""
    rows = read_json(path)
    if not isinstance(rows, dict):
        raise WorkbenchError(f"{path} must hold one object, row id to row, not a {type(rows).__name__}")
    allowed = range(ABSTAIN, len(labels))
    for row, record in rows.items():
        parts = record if isinstance(record, dict) else {}
        if not isinstance(parts.get("weak_labels"), list) or not isinstance(parts.get("data"), dict):
            raise WorkbenchError(f'{path}, row {row!r} needs "weak_labels" (a list of class indexes) and "data" (an object)')
        for j, vote in enumerate(parts["weak_labels"]):
            if type(vote) is not int or vote not in allowed:  # True equals 1, and so does 1.0
                allowed_votes = describe_votes(labels)
                raise WorkbenchError(f"{path}, row {row!r}: function lf_{j} voted {vote!r}; allowed are {allowed_votes}")
        label = _label(parts)
        if label is not None and (type(label) is not int or label not in allowed):
            raise WorkbenchError(f"{path}, row {row!r} has the label {label!r}; allowed are {describe_votes(labels)}")
    return rows.items()


def _label(record: Mapping[str, Any]) -> Any:
    """Return the gold of a row under either key, None where it has none."""
    return record.get("label", record.get("labels"))


def _votes(folder: Path, rows: Mapping[str, dict[str, Any]]) -> NDArray[np.int16]:
    """Return int16[n, m], where every row has as many votes as the first."""
    votes = [record["weak_labels"] for record in rows.values()]
    for row, given in zip(rows, votes, strict=True):
        if len(given) != len(votes[0]):
            first = next(iter(rows))
            raise WorkbenchError(
                f"{folder}: row {row!r} has {len(given)} votes, but row {first!r} has {len(votes[0])}; "
                "every row needs one vote a function"
            )
    return np.array(votes, dtype=np.int16).reshape(len(votes), len(votes[0]))


def _data(records: list[dict[str, Any]], taken: set[str], warnings: list[str]) -> pd.DataFrame:
    """Return the data of all rows as a frame; a column whose name is taken gets `data_` before it, and a warning."""
    keys = list(dict.fromkeys(key for record in records for key in record["data"]))
    names = {key: f"data_{key}" if key in taken else key for key in keys}
    warnings.extend(f"data column {key!r} is called {name!r}: the name is taken" for key, name in names.items() if key != name)
    columns = {}
    for key, name in names.items():
        column = from_json(name, [record["data"].get(key) for record in records], key == "text", warnings)
        columns[name] = column.fill_null("") if key == "text" else column
    return to_frame(columns, warnings)


def _reasons(path: Path, lfs: list[str]) -> dict[str, str]:
    """Return what `lfs.json` says of each function: {"keyword": "card", "label": 3} tells `keyword card`."""
    entries = read_json(path) if path.exists() else []
    if not isinstance(entries, list) or len(entries) != len(lfs) or not all(isinstance(entry, dict) for entry in entries):
        return {}
    told = ([f"{key} {cell_text(entry[key])}" for key in entry if key not in ("index", "label")] for entry in entries)
    return {name: ", ".join(parts) for name, parts in zip(lfs, told, strict=True)}
