"""Answers to rows in partitions: each is answered by itself, by whatever engine maps the work, and what is done is kept."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from workbench.engines import Mapper
from workbench.io.append import appended
from workbench.io.files import locked, read_json, sha256, write_json
from workbench.io.headers import with_known_ids
from workbench.io.partition_pieces import PartitionPieces, columns_of
from workbench.io.partitions import ROWS, Partition, partitions
from workbench.io.pieces import Pieces, new_table
from workbench.project.partitioned import in_order
from workbench.project.runs import Run
from workbench.project.steps.predict import (
    LOGGED,
    REVIEW,
    AnswerRule,
    Opened,
    Predicted,
    answer_piece,
    columns_read,
    log_lines,
    model_id,
)
from workbench.project.task import Task
from workbench.tables import WorkbenchError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_KIND: Final = "answers"
_PART: Final = re.compile(r"part-\d{5,}\.parquet")
_TABLES: Final = (".csv", ".tsv", ".jsonl", ".parquet")
Facts = dict[str, Any]
Report = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class Answering:
    """What a worker needs to answer any partition; small enough to be sent with each.

    run, model: their ids. folder: of the model. keep: columns to stand in the answers. target: the new folder; until all is
    done answers stand in `<target>.parts`. Both folders are reached by all workers.
    """

    task: Task
    run: str
    model: str
    folder: str
    rule: AnswerRule
    keep: tuple[str, ...]
    target: str

    @classmethod
    def of(
        cls, task: Task, run: Run, target: Path | str, keep: Sequence[str] = (), review_below: float | None = None
    ) -> Answering:
        """Return how a run answers; raises WorkbenchError for a task whose rows cannot be told apart in parts."""
        if "id" not in task.data and not task.data["text"]:
            raise WorkbenchError(
                f"{task.folder / 'task.toml'} [data]: rows in partitions without text need `id`, a column that tells them apart"
            )
        folder = run.end_model_folder().resolve()
        if "://" in str(target) or Path(target).suffix.lower() in _TABLES:
            raise WorkbenchError(
                f"{target} is no name for the answers to rows in partitions: they are a new folder, of this machine or of a "
                "disk that all workers reach; name one, such as answers"
            )
        rule = AnswerRule.of(run, review_below)
        return cls(task, run.id, model_id(folder), str(folder), rule, tuple(keep), str(Path(target).resolve()))

    @property
    def draft(self) -> Path:
        """The folder of a beginning: `rows` becomes the target, and beside it stands what says which parts are done."""
        return Path(f"{self.target}.parts")

    @property
    def rows(self) -> Path:
        return self.draft / "rows"

    def same(self, part: Partition) -> Facts:
        """Return all that answers to a partition depend on."""
        data = self.task.data
        return {
            **{"format": FORMAT, "run": self.run, "model": self.model, "threshold": self.rule.threshold},
            **{"like_learned": self.rule.like_learned, "keep": list(self.keep)},
            **{"text": list(data["text"]), "id": data.get("id"), "stamp": part.stamp},
        }


def predict_in_parts(
    plan: Answering,
    source: str,
    mapper: Mapper,
    *,
    log: Path | None = None,
    overwrite: bool = False,
    report: Report = lambda *_: None,
) -> Predicted:
    """Answer the rows of Parquet files in partitions and write them into a new folder, whole or not at all.

    source: a folder, a pattern or a URL. What an earlier call, killed or not, has answered with the same model, threshold and
    rows is taken as it stands. log: gets a line of JSON a row, in the order of the partitions, once all are answered. Raises
    WorkbenchError naming file and row groups.
    """
    _check_free(plan, overwrite)
    parts = partitions(source, plan.task.data.get("partition_rows", ROWS))
    _check_apart(plan, source, parts, log)
    data, notes = with_known_ids(source, plan.task.data, columns_of(parts[0]))
    plan = replace(plan, task=replace(plan.task, data=data))
    rows, total, told = 0, sum(part.rows for part in parts), list[Facts]()
    plan.rows.mkdir(parents=True, exist_ok=True)
    with locked(plan.draft):
        _check_free(plan, overwrite)  # another process may have written it meanwhile
        report("predict", 0, total, f"0 of {len(parts):,} partitions")
        for facts in in_order(mapper, partial(_answer, plan), parts):
            told.append(facts)
            rows += facts["rows"]
            report("predict", rows, total, f"{len(told):,} of {len(parts):,} partitions")
        return _finish(plan, source, told, notes, log)


def _check_free(plan: Answering, overwrite: bool) -> None:
    """Refuse a target that exists, unless it is a folder of answers that is to be replaced."""
    target = Path(plan.target)
    if target.exists() and not overwrite:
        raise WorkbenchError(f"{target} exists already; choose another folder, or replace it with --overwrite")
    if target.exists() and not _is_ours(target):
        raise WorkbenchError(f"{target} holds more than answers, so it is not replaced; choose another folder, or remove it")


def _is_ours(target: Path) -> bool:
    names = {file.name for file in target.iterdir()} if target.is_dir() else set[str]()
    if MANIFEST not in names or not all(_PART.fullmatch(name) for name in names - {MANIFEST}):
        return False
    said = read_json(target / MANIFEST)
    return isinstance(said, dict) and said.get("kind") == _KIND


def _check_apart(plan: Answering, source: str, parts: Sequence[Partition], log: Path | None) -> None:
    """Refuse answers among the rows to be read, where a second call would read them, and a log in the place of either."""
    target, folder = Path(plan.target), Path(source).resolve()
    files = {Path(part.url) for part in parts}
    if (folder.is_dir() and target.is_relative_to(folder)) or any(
        file.is_relative_to(own) for own in (target, plan.draft) for file in files
    ):
        raise WorkbenchError(f"{target} lies among the rows of {source}; choose a folder elsewhere for the answers")
    if log is not None and log.resolve() in files:
        raise WorkbenchError(f"{log} is a file to be read; give another file to log to")
    if log is not None and (log.resolve().is_relative_to(target) or log.resolve().is_relative_to(plan.draft)):
        raise WorkbenchError(f"{log} lies in the folder for the answers; give another file to log to")


def _answer(plan: Answering, part: Partition) -> Facts:
    """Answer a partition unless that is done; return what the manifest needs of it."""
    path, sidecar = (folder / f"part-{part.number:05d}" for folder in (plan.rows, plan.draft))
    path, sidecar = path.with_suffix(".parquet"), sidecar.with_suffix(".json")
    done = _done(path, sidecar, plan.same(part))
    if done is not None:
        return done
    opened, review = _opened(plan), 0
    pieces = PartitionPieces(part, *columns_read(opened, plan.keep))
    with new_table(path, overwrite=True) as write:
        for piece in pieces:
            found = answer_piece(opened, str(part), piece, plan.keep)
            write(found)
            review += int((found["decision"] == REVIEW).sum())
    facts = {
        **{"file": path.name, "rows": part.rows, "answered": part.rows - review, "needs_review": review},
        **{"sha256": sha256(path), "source": part.url, "row_groups": [part.first, part.last], "odd": dict(pieces.said)},
    }
    write_json(sidecar, {"same": plan.same(part), "facts": facts})  # last: with it the partition is done
    return facts


def _done(path: Path, sidecar: Path, same: Facts) -> Facts | None:
    """Return what is known of a partition that was answered before, if its files are whole and all is as it was."""
    if not (path.is_file() and sidecar.is_file()):
        return None
    try:
        said = read_json(sidecar)
    except WorkbenchError:
        return None  # damaged: made anew
    if not isinstance(said, dict) or said.get("same") != same or sha256(path) != said["facts"]["sha256"]:
        return None
    facts: Facts = said["facts"]
    return facts


_kept: dict[tuple[str, tuple[str, ...]], Any] = {}  # of this process: a model is loaded once


def _opened(plan: Answering) -> Opened:
    """Return the end model, loaded where this process has not done so before."""
    from workbench.end_model import EndModel

    key = plan.model, plan.task.labels
    if key not in _kept:
        _kept.clear()
        model = EndModel.load(plan.folder, labels=plan.task.labels)
        if model_id(Path(plan.folder)) != plan.model:
            raise WorkbenchError(f"{plan.folder} holds another end model for this worker; let all workers see the same files")
        _kept[key] = model
    return Opened(plan.task, plan.run, _kept[key], plan.model, plan.rule)


def _finish(plan: Answering, source: str, told: Sequence[Facts], notes: Sequence[str], log: Path | None) -> Predicted:
    """Write manifest and log, and give the folder its name."""
    files, target = {one["file"] for one in told}, Path(plan.target)
    for other in plan.rows.iterdir():  # of an earlier source, or of a process that was killed
        if other.name not in files:
            other.unlink()
    sums = {name: sum(one[name] for one in told) for name in ("rows", "answered", "needs_review")}
    odd = Counter[str]()
    for one in told:
        odd.update(one["odd"])
    found = Predicted(sums["answered"], sums["needs_review"], [*notes, *Pieces(Path(source), said=odd).warnings()])
    write_json(plan.rows / MANIFEST, _manifest(plan, source, sums, told) | {"notes": found.warnings})
    if log is not None:
        with appended(log) as note:
            for one in told:
                file = pq.ParquetFile(plan.rows / one["file"])
                for batch in file.iter_batches(columns=list(LOGGED), use_threads=False):
                    note(log_lines(batch.to_pandas(), plan.run, plan.rule.threshold))
    if target.exists():
        shutil.rmtree(plan.draft / "before", ignore_errors=True)  # of a process that was killed just below
        os.rename(target, plan.draft / "before")
    os.rename(plan.rows, target)
    shutil.rmtree(plan.draft)
    return found


def _manifest(plan: Answering, source: str, sums: Mapping[str, int], told: Sequence[Facts]) -> Facts:
    return {
        **{"format": FORMAT, "kind": _KIND, "task": plan.task.name, "run": plan.run, "model": plan.model},
        **{"threshold": plan.rule.threshold, "promise": plan.rule.promise, "source": source, "keep": list(plan.keep)},
        **{"finished": datetime.now(UTC).isoformat(timespec="seconds"), **sums},
        "parts": [{name: fact for name, fact in one.items() if name != "odd"} for one in told],
    }
