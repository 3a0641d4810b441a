"""Votes and soft labels on disk: Parquet, with functions and labels in the file itself, and faults in a file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.io.files import atomic_write, write_frame
from workbench.io.kept import Document
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError, no_faults

FORMAT = 2
_AGAIN = "copy it back from where it was made, or run again"


def write_votes(votes: VoteMatrix, path: Path | str) -> None:
    """Write a vote matrix: one row a row id, one int16 column a function; faults, where there are any, to `*.faults.parquet`.

    Faults come first, and the votes say how many there must be: whatever is interrupted or lost is noticed when they are read.
    """
    beside = _faults_path(path)
    if len(votes.faults):
        write_frame(votes.faults.astype("str").reset_index(drop=True), beside)
    columns = {str(j): votes.votes[:, j] for j in range(len(votes.lfs))}
    extra: dict[str, Any] = {"lfs": list(votes.lfs), "labels": list(votes.labels), "faults": len(votes.faults)}
    extra["stopped"] = dict(votes.stopped)
    _write(path, "votes", list(votes.ids), columns, extra)
    if not len(votes.faults):
        beside.unlink(missing_ok=True)


def read_votes(path: Path | str) -> VoteMatrix:
    """Read what write_votes wrote; raises WorkbenchError where its faults are lost."""
    ids, columns, extra = _read(path, "votes")
    matrix = np.column_stack(columns) if columns else np.empty((len(ids), 0), np.int16)
    beside = _faults_path(path)
    faults = _table(beside, "faults").to_pandas() if extra["faults"] and beside.exists() else no_faults()
    if len(faults) != extra["faults"]:
        raise WorkbenchError(f"{beside} holds {len(faults):,} of {extra['faults']:,} faults; put the file back, or run again")
    try:
        return VoteMatrix(ids, tuple(extra["lfs"]), tuple(extra["labels"]), matrix, faults, extra["stopped"])
    except WorkbenchError as error:
        raise WorkbenchError(f"{path} is damaged: {error}; {_AGAIN}") from None


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _faults_path(path: Path | str) -> Path:
    return Path(path).with_suffix(".faults.parquet")


def write_soft_labels(soft: SoftLabels, path: Path | str) -> None:
    """Write soft labels: one row a row id, one float64 column a class, and `covered`."""
    columns = {str(c): soft.probs[:, c] for c in range(len(soft.labels))} | {"covered": soft.covered}
    _write(path, "soft labels", list(soft.ids), columns, {"labels": list(soft.labels)})


def read_soft_labels(path: Path | str) -> SoftLabels:
    """Read what write_soft_labels wrote."""
    ids, columns, extra = _read(path, "soft labels")
    try:
        return SoftLabels(ids, tuple(extra["labels"]), np.column_stack(columns[:-1]), columns[-1].astype(bool))
    except WorkbenchError as error:
        raise WorkbenchError(f"{path} is damaged: {error}; {_AGAIN}") from None


def _write(path: Path | str, kind: str, ids: list[str], columns: dict[str, Any], extra: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"id": pa.array(ids, pa.string()), **{name: pa.array(values) for name, values in columns.items()}})
    head = json.dumps({"format": FORMAT, "kind": kind, **extra})
    with atomic_write(path) as temporary:
        pq.write_table(table.replace_schema_metadata({"workbench": head}), temporary, write_page_checksum=True)


def _table(path: Path | str, kind: str) -> Any:
    """Return a Parquet file as an Arrow table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise WorkbenchError(f"{path} cannot be read as {kind}: {str(error).partition(chr(10))[0]}") from None


def _read(path: Path | str, kind: str) -> tuple[pd.Index, list[Any], dict[str, Any]]:
    import pyarrow as pa

    table = _table(path, kind)
    try:
        head = Document(json.loads((table.schema.metadata or {}).get(b"workbench", b"{}")), Path(path), "its head")
    except ValueError:
        raise WorkbenchError(f"{path} is damaged: what it says of itself is no JSON; {_AGAIN}") from None
    if head.get("kind") != kind:
        raise WorkbenchError(f"{path} does not hold {kind}; give a file that a run wrote")
    if head["format"] != FORMAT:
        raise WorkbenchError(f"{path} has format {head['format']}, and this workbench reads {FORMAT}; update it, or run again")
    count, last = (len(head["labels"]), ["covered"]) if kind == "soft labels" else (len(head["lfs"]), [])
    if table.column_names != ["id", *map(str, range(count)), *last] or not all(map(_is_number, table.schema.types[1:])):
        raise WorkbenchError(f"{path} is damaged: its columns are not those of {kind}; {_AGAIN}")
    columns = [column.to_numpy() for column in table.columns[1:]]
    ids = table.column("id").cast(pa.large_string()).to_pandas()
    return pd.Index(ids, dtype="str"), columns, head
