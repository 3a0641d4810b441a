"""A task whose rows do not fit one machine: its partitions, and the sample of rows that pages, audits and the end model use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from workbench.engines import Mapper
from workbench.io.datasets import dataset_from_frame
from workbench.io.files import write_frame
from workbench.io.partitions import ROWS, Partition, Unreadable, in_partitions, partitions, read_partition, source_in
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

SAMPLE: Final = 100_000  # rows, beside those of valid and test whose class is known
SAMPLES: Final = "sample"  # folder in a task's cache
GROUPS: Final = 256  # of partitions, in which workers put together what they learn
_MAPPING: Final = ("text", "id", "split", "gold")
T = TypeVar("T")
R = TypeVar("R")


class Source(NamedTuple):
    """Where the rows of a task are and what their columns mean; what a worker needs to read any of its partitions.

    skipped: in words, files that cannot be read.
    """

    partitions: tuple[Partition, ...]
    labels: tuple[str, ...]
    mapping: Mapping[str, Any]
    sample: int = SAMPLE
    skip_unreadable: bool = False
    skipped: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.partitions)

    @property
    def key(self) -> str:
        """What rows these are: of the files' names, sizes and times, and what the columns mean."""
        said = [*(part.stamp for part in self.partitions), self.labels, sorted(self.mapping.items()), self.sample]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def frame(self, part: Partition) -> pd.DataFrame:
        """Return the rows of a partition as the file has them."""
        names = [*self.mapping["text"], *(self.mapping.get(name) for name in ("id", "gold", "split"))]
        try:
            return read_partition(part, [name for name in names if isinstance(name, str)])
        except Unreadable as error:
            raise error if self.skip_unreadable else _with_way_out(error) from None

    def dataset(self, frame: pd.DataFrame, part: Partition) -> Dataset:
        """Return the rows of a partition as a data set; raises WorkbenchError naming file, row groups and what is wrong."""
        try:
            return dataset_from_frame(frame, labels=self.labels, **self.mapping)[0]
        except WorkbenchError as error:
            raise WorkbenchError(f"{part}: {error}") from None

    def sampled(self, rows: Dataset) -> NDArray[np.bool_]:
        """bool[n]: an even sample by the hash of the id, however rows are parted, and all valid and test rows with gold."""
        if self.sample >= self.rows:
            return np.ones(len(rows), bool)
        share = self.sample / self.rows
        drawn = pd.util.hash_array(rows.ids.to_numpy(dtype=object)) < np.uint64(share * 2**64)
        if rows.gold is None:
            return np.asarray(drawn)
        return np.asarray(drawn | ((rows.gold != ABSTAIN) & (rows.split != "train")).to_numpy())


def is_partitioned(folder: Path, data: Mapping[str, Any]) -> bool:
    """Return whether the rows of a task are more than one file, or one that is to be read in partitions."""
    return bool(data.get("partitioned", False)) or in_partitions(data["file"], folder)


def source_of(folder: Path, labels: tuple[str, ...], data: Mapping[str, Any]) -> Source:
    """Return the partitions of a task's rows; a task whose rows cannot be told apart in parts is refused."""
    where = f"{folder / 'task.toml'} [data]"
    if "id" not in data:
        raise WorkbenchError(f"{where}: rows in partitions need `id`, a column that tells each row from all others")
    if isinstance(data.get("split"), Mapping) and "without_gold" in data["split"]:
        raise WorkbenchError(
            f"{where}: `without_gold` among the shares looks at all rows at once; for rows in partitions name a split column"
        )
    for name in ("partition_rows", "sample"):
        if data.get(name, 1) < 1:
            raise WorkbenchError(f"{where}: {name} is {data[name]}; give a number of rows from 1 on")
    skip, skipped = data.get("skip_unreadable", False), list[str]()
    try:
        found = partitions(source_in(folder, data["file"]), data.get("partition_rows", ROWS), skipped if skip else None)
    except Unreadable as error:
        raise _with_way_out(error) from None
    mapping = {name: data[name] for name in _MAPPING if name in data}
    return Source(tuple(found), labels, mapping, data.get("sample", SAMPLE), skip, tuple(skipped))


def _with_way_out(error: Unreadable) -> Unreadable:
    return Unreadable(f"{error}, or write skip_unreadable = true under [data] to go on without its rows")


def sample_of(
    folder: Path,
    source: Source,
    mapper: Mapper | None = None,
    report: Callable[[int, int, str], None] = lambda done, of, text: None,
) -> tuple[Dataset, list[str]]:
    """Return the sample of a task's rows, read once and kept in the cache, and in words that it is one.

    mapper: of a run, which draws a sample anew that lacks partitions. report: told how many partitions are read, of how many.
    """
    path = folder / "cache" / SAMPLES / f"{source.key}.parquet"
    lacking = path.with_suffix(".lacking.parquet")
    if mapper is None and lacking.exists() and not path.exists():
        path = lacking
    if not path.exists():
        found, skipped = list[pd.DataFrame](), list[str]()
        for done, rows in enumerate(in_order(mapper, partial(_sample, source), source.partitions), start=1):
            if isinstance(rows, str):
                skipped.append(rows)
            else:
                found.append(rows)
            report(done, len(source.partitions), "partitions read")
        if not found:
            raise WorkbenchError(f"none of {len(skipped):,} partitions can be read, such as {skipped[0]}")
        path = lacking if skipped else path
        _keep(pd.concat(found, ignore_index=True), path)
    frame = pd.read_parquet(path)
    dataset, said = dataset_from_frame(frame, labels=source.labels, **source.mapping)
    if len(dataset) < source.rows:
        said.append(
            f"{source.rows:,} rows in {len(source.partitions):,} partitions: pages, audits and the end model use a sample of "
            f"{len(dataset):,}, with all valid and test rows whose class is known"
        )
    return dataset, said


def _keep(sample: pd.DataFrame, path: Path) -> None:
    """Write a sample in the place of all others."""
    try:
        write_frame(sample, path)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise WorkbenchError(f"some files hold a column as one type, others as another ({error}); make them alike") from None
    for older in path.parent.glob("*.parquet"):
        if older != path:
            older.unlink(missing_ok=True)


def _sample(source: Source, part: Partition) -> pd.DataFrame | str:
    """Return the sampled rows of a partition as its file has them; in words why it is skipped."""
    try:
        frame = source.frame(part)
    except Unreadable as error:
        if source.skip_unreadable:
            return str(error)
        raise
    return frame[source.sampled(source.dataset(frame, part))]


def in_groups(items: Sequence[T]) -> list[Sequence[T]]:
    """Return items in so few groups, as even as may be, that workers put together what the driver would else hold of each."""
    size = max(1, -(-len(items) // GROUPS))
    return [items[start : start + size] for start in range(0, len(items), size)]


def in_order(mapper: Mapper | None, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Yield what work makes of items, in their order, as soon as all before are done; without a mapper in this process."""
    if mapper is None:
        yield from map(work, items)
        return
    waiting: dict[int, R] = {}
    due = 0
    answers = mapper(work, items)
    try:
        for place, result in answers:
            waiting[place] = result
            while due in waiting:
                yield waiting.pop(due)
                due += 1
    finally:
        answers.close()
