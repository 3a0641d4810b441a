"""Votes and labels of one partition as a file: Parquet, with its functions, labels and faults in the file itself."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workbench.io.partitions import read_at, write_at
from workbench.tables import SPLITS, SoftLabels, VoteMatrix, WorkbenchError, no_faults

FORMAT: Final = 1
_AGAIN: Final = "remove it, and run again"


class VotePart(NamedTuple):
    """The votes of a partition, and the split of each of its rows: int8[n], a place in SPLITS."""

    votes: VoteMatrix
    split: NDArray[np.int8]


def write_vote_part(part: VotePart, url: str) -> str:
    """Write the votes of a partition, whole or not at all, and return the checksum of the file."""
    votes = part.votes
    small = np.int8 if len(votes.labels) < 128 else np.int16
    columns = {str(j): votes.votes[:, j].astype(small) for j in range(len(votes.lfs))}
    faults = votes.faults.to_dict("list")
    head = {"lfs": votes.lfs, "labels": votes.labels, "faults": faults, "stopped": dict(votes.stopped)}
    return _write(url, "votes", votes.ids, {"split": part.split, **columns}, head)


def read_vote_part(url: str, checksum: str) -> VotePart:
    """Read what `write_vote_part` wrote; raises WorkbenchError where the file is missing or is not what was written."""
    table, head = _read(url, "votes", checksum)
    votes = np.empty((len(table), len(head["lfs"])), np.int16, order="F")
    for j in range(len(head["lfs"])):
        votes[:, j] = table.column(str(j)).to_numpy()
    votes.flags.writeable = False
    faults = pd.DataFrame(head["faults"]).astype("str") if head["faults"]["id"] else no_faults()
    matrix = VoteMatrix(_ids(table), tuple(head["lfs"]), tuple(head["labels"]), votes, faults, head["stopped"])
    return VotePart(matrix, table.column("split").to_numpy())


def write_label_part(soft: SoftLabels, url: str) -> str:
    """Write the soft labels of a partition, whole or not at all, and return the checksum of the file."""
    columns = {str(c): soft.probs[:, c] for c in range(len(soft.labels))} | {"covered": soft.covered}
    return _write(url, "soft labels", soft.ids, columns, {"labels": soft.labels})


def read_label_part(url: str, checksum: str) -> SoftLabels:
    """Read what `write_label_part` wrote; raises WorkbenchError where the file is missing or is not what was written."""
    table, head = _read(url, "soft labels", checksum)
    probs = np.column_stack([table.column(str(c)).to_numpy() for c in range(len(head["labels"]))])
    return SoftLabels(_ids(table), tuple(head["labels"]), probs, table.column("covered").to_numpy())


def _ids(table: pa.Table) -> pd.Index[str]:
    ids: pd.Index[str] = pd.Index(table.column("id").cast(pa.large_string()).to_pandas(), dtype="str")
    return ids


def _write(url: str, kind: str, ids: pd.Index, columns: dict[str, Any], head: dict[str, Any]) -> str:
    table = pa.table({"id": pa.array(ids, pa.string()), **{name: pa.array(values) for name, values in columns.items()}})
    about = json.dumps({"format": FORMAT, "kind": kind, **head})
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"workbench": about}), buffer, compression="zstd")
    data = buffer.getvalue()
    write_at(url, data)
    return hashlib.sha256(data).hexdigest()


def _read(url: str, kind: str, checksum: str) -> tuple[pa.Table, dict[str, Any]]:
    data = read_at(url)
    if data is None:
        raise WorkbenchError(f"{url}, the {kind} of a partition, is missing; put it back, or run again")
    if hashlib.sha256(data).hexdigest() != checksum:
        raise WorkbenchError(f"{url} is not the file of {kind} that was written; {_AGAIN}")
    table = pq.read_table(pa.BufferReader(data), use_threads=False)
    head = json.loads(table.schema.metadata[b"workbench"])
    if head["format"] != FORMAT:
        raise WorkbenchError(f"{url} has format {head['format']}, and this workbench reads {FORMAT}; {_AGAIN}")
    return table, head


def split_codes(split: pd.Series[Any]) -> NDArray[np.int8]:
    """int8[n]: the place of each row's split in SPLITS."""
    return np.asarray(pd.Index(SPLITS).get_indexer(pd.Index(split)), np.int8)
