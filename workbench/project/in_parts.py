"""The line over rows in partitions: votes and labels of all of them, beside what the line does on the sample."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from workbench.apply import one_in_of
from workbench.engines import Mapper, Processes
from workbench.io.files import check_format, read_json, write_json
from workbench.io.names import listed
from workbench.io.vote_parts import write_label_part
from workbench.label_models.contract import VoteParts
from workbench.lfs import LabelingFunction
from workbench.lfs.ship import pack
from workbench.project.partitioned import Source, in_groups, in_order
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.project.voting_in_parts import Voted, Voting, forget, gathered, vote_everywhere
from workbench.tables import SPLITS, SoftLabels, VoteMatrix, WorkbenchError

PARTS: Final = "parts.json"
LABELS: Final = "labels"
Report = Callable[[str, int, int, str], None]
Finish = Callable[[VoteMatrix], SoftLabels]


class Labelled(NamedTuple):
    """Where the labels of a partition are, inside its run, their checksum, and how many rows are covered and get each class."""

    url: str
    checksum: str
    covered: int
    classes: list[int]


@dataclass
class InParts:
    """All rows of a run, with votes, whose partitions any engine maps.

    stopped: functions that abstain everywhere, and why. skipped: in words, the partitions that could not be read. seconds: by
    stage, how long it took. folder: of the run, in which the labels lie. later: votes on rows of production that are in no
    partition: label models look at them too, and they are exported.
    """

    source: Source
    mapper: Mapper
    report: Report
    voted: list[Voted]
    stopped: dict[str, str]
    skipped: list[str]
    seconds: dict[str, float] = field(default_factory=dict)
    folder: Path = Path()
    labelled: list[Labelled] = field(default_factory=list)
    later: VoteMatrix | None = None

    @classmethod
    def vote(
        cls,
        task: Task,
        functions: Sequence[LabelingFunction],
        mapper: Mapper,
        limits: Processes,
        report: Report,
        again: Collection[str] = (),
    ) -> InParts:
        """Vote on all partitions; again: names of functions that vote anew, whatever is kept of them."""
        source, start = task.source(), perf_counter()
        voting = Voting(
            source,
            tuple(task.data.get("hidden", ())),
            pack(functions),
            {function.name: function.fingerprint for function in functions},
            limits,
            one_in_of(source.rows),
            task.apply.get("chunk_rows", 10_000),
            _store(task),
        )
        if again:
            deque(mapper(partial(forget, voting, tuple(again)), source.partitions), maxlen=0)
        found = vote_everywhere(voting, mapper, task.apply.get("max_faults", 0.5), report)
        return cls(source, mapper, report, *found, seconds={"apply": perf_counter() - start})

    @classmethod
    def of_run(cls, task: Task, run: Run, mapper: Mapper, report: Report) -> InParts:
        """Return what a finished run wrote of all rows; refused where the rows are other than those it voted on."""
        about = read_json(run.folder / PARTS)
        check_format(about, run.folder / PARTS)
        source = task.source()
        known = {part.stamp: part for part in source.partitions}
        voted, labelled = [], []
        for file in about["partitions"]:
            if file["stamp"] not in known:
                raise WorkbenchError(f"{file['file']} is other than it was when run {run.id} voted on it; run the task again")
            voted.append(Voted(known[file["stamp"]], file["votes"]["file"], file["votes"]["sha256"], {"rows": file["rows"]}))
            if "labels" in file:
                labelled.append(Labelled(file["labels"]["file"], file["labels"]["sha256"], 0, []))
        stopped = {one["lf"]: one["stopped"] for one in about["functions"] if one["stopped"]}
        found = cls(source, mapper, report, voted, stopped, about["skipped"], folder=run.folder, labelled=labelled)
        if about.get("later"):
            votes = run.votes()
            found.later = votes.take(votes.ids.get_indexer(about["later"]))
        return found

    @property
    def rows(self) -> int:
        """How many rows have votes."""
        return sum(one.about["rows"] for one in self.voted)

    def of(self, ids: pd.Index, later: pd.Index) -> VoteMatrix:
        """Return the votes on some rows; those that came later, from production, need not be in a partition."""
        votes = gathered(self.voted, self.mapper, ids, self.stopped)
        for row in ids[~ids.isin(votes.ids) & ~ids.isin(later)]:
            why = "its partition changed meanwhile, or can no longer be read; remove the task's cache/sample, and run again"
            raise WorkbenchError(f"row {row!r} of the sample has no votes: {why}")
        return votes

    def training(self, lfs: tuple[str, ...], labels: tuple[str, ...]) -> VoteParts:
        """Return the votes that a label model learns from: of the train split, of all rows where there is none."""
        every, groups = not sum(one.about["splits"][0] for one in self.voted), in_groups(self.voted)

        def look(work: Callable[[VoteMatrix], Any], add: Callable[[Any, Any], Any]) -> Any:
            start, found, done = perf_counter(), None, 0
            on_votes = partial(_taught, work, add, tuple(self.stopped), every)
            for group, result in zip(groups, in_order(self.mapper, on_votes, groups), strict=True):
                found, done = result if found is None else add(found, result), done + len(group)
                self.report("fit", done, len(self.voted), f"{done:,} of {len(self.voted):,} partitions")
            if self.later is not None:
                found = add(found, work(self.later))
            looks = sum(name.startswith("look") for name in self.seconds)
            self.seconds[f"look {looks + 1}"] = perf_counter() - start
            return found

        return VoteParts(lfs, labels, look)

    def label(self, folder: Path, finish: Finish) -> None:
        """Write the labels of every partition into the folder of a run; finish: makes labels of votes."""
        self.folder, start = folder, perf_counter()
        work = partial(_label, finish, tuple(self.stopped), str(folder))
        for done, one in enumerate(in_order(self.mapper, work, self.voted)):
            self.labelled.append(one)
            self.report("labels", done + 1, len(self.voted), f"{done + 1:,} of {len(self.voted):,} partitions")
        self.seconds["labels"] = perf_counter() - start

    def write(self, folder: Path, lfs: tuple[str, ...]) -> None:
        """Write parts.json: which files hold what, with their checksums, and what functions do on all rows."""
        sums = {name: np.sum([one.about[name] for one in self.voted], axis=0) for name in _SUMMED}
        rows, cast = max(int(sums["rows"]), 1), sums["cast"]
        faults = {name: sum(one.about["faults"][name] for one in self.voted) for name in lfs}
        functions = [
            {
                "lf": name,
                "n_votes": int(cast[j].sum()),
                "coverage": float(cast[j].sum() / rows),
                "overlap": float(sums["overlaps"][j] / rows),
                "conflict": float(sums["conflicts"][j] / rows),
                "votes": dict(zip(self.source.labels, cast[j].tolist(), strict=True)),
                "faults": faults[name],
                "stopped": self.stopped.get(name),
            }
            for j, name in enumerate(lfs)
        ]
        summary = {name: float(sums[name] / rows) for name in ("covered", "overlap", "conflict")}
        files = [
            {
                "file": one.part.url,
                "row_groups": [one.part.first, one.part.last],
                "stamp": one.part.stamp,
                "rows": one.about["rows"],
                "votes": {"file": one.url, "sha256": one.checksum},
            }
            for one in self.voted
        ]
        for file, one in zip(files, self.labelled, strict=False):
            file["labels"] = {"file": one.url, "sha256": one.checksum}
        write_json(
            folder / PARTS,
            {
                "format": 1,
                "rows": int(sums["rows"]),
                "splits": dict(zip(SPLITS, sums["splits"].tolist(), strict=True)),
                "summary": summary,
                "functions": functions,
                "labels": self._labels_in_numbers(),
                "skipped": self.skipped,
                "later": [] if self.later is None else list(self.later.ids),
                "seconds": self.seconds,
                "partitions": files,
            },
        )

    def _labels_in_numbers(self) -> dict[str, Any] | None:
        if not self.labelled:
            return None
        classes = np.sum([one.classes for one in self.labelled], axis=0).tolist()
        by_class = dict(zip(self.source.labels, classes, strict=True))
        return {"covered": sum(one.covered for one in self.labelled), "classes": by_class}

    def in_numbers(self) -> dict[str, Any]:
        """Return what run.json says of all rows."""
        return {"rows": self.rows, "partitions": len(self.voted), "skipped": self.skipped}

    def in_words(self) -> list[str]:
        """Return what to know of the rows in partitions: how many, and which are missing."""
        said = [f"{self.rows:,} rows in {len(self.voted):,} partitions have votes; {PARTS} of the run says where they are"]
        if self.skipped:
            lost = f"{self.source.rows - self.rows:,} rows"
            if self.source.skipped:
                lost += f" and those of {len(self.source.skipped):,} files, which nobody can count,"
            said.append(f"partitions skipped: {len(self.skipped):,}, so {lost} have no votes: {listed(self.skipped)}")
        return said


_SUMMED: Final = ("rows", "covered", "overlap", "conflict", "cast", "overlaps", "conflicts", "splits")


def _store(task: Task) -> str:
    """Return the folder or URL of the votes; a path is from the task's folder on, as all in task.toml are."""
    store = str(task.apply.get("store", "cache/parts")).rstrip("/")
    return store if "://" in store else str((task.folder / store).resolve())


def _taught(
    work: Callable[[VoteMatrix], Any],
    add: Callable[[Any, Any], Any],
    stopped: Sequence[str],
    every: bool,
    group: Sequence[Voted],
) -> Any:
    """Return what work makes of the votes of some partitions that models learn from, put together."""
    parts = (voted.read(stopped) for voted in group)
    return reduce(add, (work(part.votes if every else part.votes.take(part.split == 0)) for part in parts))


def _label(finish: Finish, stopped: Sequence[str], folder: str, voted: Voted) -> Labelled:
    """Write the labels of a partition."""
    soft = finish(voted.read(stopped).votes)
    url = f"{LABELS}/part-{voted.part.number:05d}.parquet"
    checksum = write_label_part(soft, f"{folder}/{url}")
    hard = soft.hard().to_numpy()
    classes = np.bincount(hard[hard >= 0], minlength=len(soft.labels)).tolist()
    return Labelled(url, checksum, int(soft.covered.sum()), classes)
