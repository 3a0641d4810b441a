"""Votes and soft labels on disk: Parquet, with functions and labels in the file itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.io.files import atomic_write
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError, no_faults

FORMAT = 1


def write_votes(votes: VoteMatrix, path: Path | str) -> None:
    """Write a vote matrix: one row a row id, one int16 column a function, faults and labels in the file's metadata."""
    extra = {"lfs": list(votes.lfs), "labels": list(votes.labels), "faults": votes.faults.to_dict(orient="records")}
    columns = {str(j): votes.votes[:, j] for j in range(len(votes.lfs))}
    _write(path, "votes", list(votes.ids), columns, extra)


def read_votes(path: Path | str) -> VoteMatrix:
    """Read what write_votes wrote."""
    ids, columns, extra = _read(path, "votes")
    matrix = np.column_stack(columns) if columns else np.empty((len(ids), 0), np.int16)
    faults = pd.DataFrame(extra["faults"], columns=list(no_faults().columns)).astype("str")
    return VoteMatrix(pd.Index(ids), tuple(extra["lfs"]), tuple(extra["labels"]), matrix, faults)


def write_soft_labels(soft: SoftLabels, path: Path | str) -> None:
    """Write soft labels: one row a row id, one float64 column a class, and `covered`."""
    columns = {str(c): soft.probs[:, c] for c in range(len(soft.labels))} | {"covered": soft.covered}
    _write(path, "soft labels", list(soft.ids), columns, {"labels": list(soft.labels)})


def read_soft_labels(path: Path | str) -> SoftLabels:
    """Read what write_soft_labels wrote."""
    ids, columns, extra = _read(path, "soft labels")
    return SoftLabels(pd.Index(ids), tuple(extra["labels"]), np.column_stack(columns[:-1]), columns[-1].astype(bool))


def _write(path: Path | str, kind: str, ids: list[str], columns: dict[str, Any], extra: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"id": pa.array(ids, pa.string()), **{name: pa.array(values) for name, values in columns.items()}})
    head = json.dumps({"format": FORMAT, "kind": kind, **extra})
    with atomic_write(path) as temporary:
        pq.write_table(table.replace_schema_metadata({"workbench": head}), temporary)


def _read(path: Path | str, kind: str) -> tuple[list[str], list[Any], dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise WorkbenchError(f"{path} cannot be read as {kind}: {str(error).partition(chr(10))[0]}") from None
    head = json.loads((table.schema.metadata or {}).get(b"workbench", b"{}"))
    if head.get("kind") != kind:
        raise WorkbenchError(f"{path} does not hold {kind}; give a file that a run wrote")
    if head["format"] > FORMAT:
        raise WorkbenchError(f"{path} has format {head['format']}, newer than {FORMAT}; update the workbench to read it")
    columns = [column.to_numpy() for column in table.columns[1:]]
    return table.column("id").to_pylist(), columns, head
