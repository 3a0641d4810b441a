"""`workbench monitor`: a new batch of rows held against the rows of a run; what changed, and what to do about it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.apply import apply_lfs
from workbench.io.datasets import row_ids
from workbench.io.files import plain, sha256
from workbench.io.headers import data_of, with_known_ids
from workbench.io.partition_pieces import columns_of
from workbench.io.partitions import ROWS as PARTITION
from workbench.io.partitions import Partition, in_partitions, partitions
from workbench.io.readers import file_layout
from workbench.io.sampled import Sampled, sample_rows
from workbench.monitor import Check, compare
from workbench.monitor.votes import SILENT, STALE
from workbench.project import monitoring
from workbench.project.monitoring import ROWS
from workbench.project.reference import run_that_answers
from workbench.project.runs import Run
from workbench.project.sampling_in_parts import sample_partitions
from workbench.project.steps.apply import make_engine, mapper_of, stopped_in_words
from workbench.project.steps.fit import Report
from workbench.project.steps.predict import ANSWER, REVIEW, Opened, open_model
from workbench.project.task import Task
from workbench.tables import Dataset, SoftLabels, VoteMatrix

_FEW: Final = 100  # rows below which only large changes are found


def monitor(
    task: Task, source: Path | str, run_id: str | None = None, *, report: Report = lambda *_: None, seed: int = 0
) -> dict[str, Any]:
    """Compare the rows of a file with those of a run, keep what was found under `monitor/<batch id>`, and return it.

    source: a table, or a folder, pattern or URL of Parquet files, of which a sample is read in partitions. What is returned
    is what batch.json holds: batch, source, sha256 (of partitions: of the files' names, sizes and times), texts (a hash), run,
    finished, rows, of (rows of the file), drifted (how many checks), silent and stale (functions), checks, new_terms, left_out
    (why by function), notes, and summary (the batch in figures).
    """
    run, which = run_that_answers(task, run_id)
    report("monitor", 0, 4, "reading")
    opened = open_model(task, run)
    dataset = task.visible(task.dataset()[0])
    parts = partitions(str(source), task.data.get("partition_rows", PARTITION)) if in_partitions(str(source)) else []
    batch, taken = _batch(opened, dataset, source, parts, seed)
    same = {"sha256": _stamp(parts) if parts else sha256(source), "texts": monitoring.texts_hash(batch)}
    notes = monitoring.seen_in_words(monitoring.batches(task), same)
    report("monitor", 1, 4, "applying functions")
    votes, left_out = _votes(task, run, dataset, batch)
    report("monitor", 2, 4, "asking the end model")
    reference, held_against = monitoring.reference_sample(opened, run, dataset, votes, seed)
    soft, review = monitoring.answered(opened, batch)
    sample = monitoring.sample_of(batch, votes, (soft, review), seed)
    report("monitor", 3, 4, "comparing")
    checks, terms = compare(reference, sample, seed)
    notes = [f"Held against {held_against:,} rows of {which}.", *_notes(source, taken, batch, dataset), *notes]
    if reference.deferred is None:
        notes.append(f"The share that needs review is not compared: {opened.rule.promise}")
    notes += monitoring.left_out_in_words(left_out) + _faults_in_words(votes)
    found = {
        **{"format": 1, "batch": monitoring.new_batch_id(task), "source": str(source), **same},
        **{"run": run.id, "finished": datetime.now(UTC).isoformat(timespec="seconds")},
        **{"rows": len(batch), "of": taken.of, "drifted": sum(check.drifted for check in checks)},
        **{"silent": _gone(checks, SILENT), "stale": _gone(checks, STALE), "summary": _summary(votes, soft, review)},
        **{"checks": [check.as_dict() for check in checks], "new_terms": terms.to_dict("records")},
        **{"left_out": left_out, "notes": notes},
    }
    kept: dict[str, Any] = plain(found)
    monitoring.keep_batch(task, kept, _rows(batch, votes, soft, review))
    return kept


def _stamp(parts: Sequence[Partition]) -> str:
    return hashlib.sha256(repr([part.stamp for part in parts]).encode()).hexdigest()


def _batch(
    opened: Opened, dataset: Dataset, source: Path | str, parts: Sequence[Partition], seed: int
) -> tuple[Dataset, Sampled]:
    """Return new rows with the columns that functions may see; those of text and the end model must be there."""
    given, frame = opened.task.data, dataset.frame
    data, said = with_known_ids(str(source), given, columns_of(parts[0])) if parts else data_of(Path(source), given)
    task = replace(opened.task, data=data)
    typed = [name for name in frame.columns if not isinstance(frame[name].dtype, pd.StringDtype)]
    named = [task.data["id"]] if "id" in task.data else []
    columns: dict[str, Any] = {
        "text": task.data["text"],
        "needed": [*named, *opened.model.columns],
        "optional": list(frame.columns),
        "typed": [name for name in typed if name not in named],
    }
    if parts:
        taken = sample_partitions(parts, ROWS, mapper_of(task), seed=seed, **columns)
    else:
        taken = sample_rows(Path(source), ROWS, seed=seed, **columns, **file_layout(task.data))
    rows = taken.frame.set_axis(_ids(task, source, taken.frame), axis=0)
    unknown = [name for name in task.data.get("outcomes", []) if name in rows and rows[name].isna().all()]  # as of yet
    seen = [name for name in frame.columns if name in rows.columns and name not in unknown]
    return Dataset(rows[seen], task.labels, task.data["text"]), taken._replace(warnings=[*said, *taken.warnings])


def _ids(task: Task, source: Path | str, frame: pd.DataFrame) -> pd.Index:
    """Return the ids of new rows as the task makes them; one that comes again, as a reopened ticket may, gets a number."""
    ids = pd.Series(row_ids(frame, task.data["text"], task.data.get("id"), str(source)))
    again = ids.groupby(ids.to_numpy()).cumcount() + 1
    return pd.Index([f"{row}-{n}" if n > 1 else row for row, n in zip(ids, again, strict=True)], dtype="str", name="id")


def _votes(task: Task, run: Run, dataset: Dataset, batch: Dataset) -> tuple[VoteMatrix, dict[str, str]]:
    """Return the votes on a batch of the functions that can be compared, and why each of the others cannot."""
    functions, left_out = monitoring.comparable(task, run, batch)
    absent = [name for name in dataset.frame.columns if name not in batch.frame.columns]
    then = run.votes()
    then = then.take(np.flatnonzero(dataset.ids.get_indexer(then.ids) >= 0))
    readers = monitoring.readers_of(functions, absent, dataset, then)
    left_out |= {name: f"the batch lacks {', '.join(columns)}" for name, columns in readers.items()}
    asked = [function for function in functions if function.name not in readers]
    settings = {name: task.apply[name] for name in ("max_faults", "chunk_rows") if name in task.apply}
    return apply_lfs(asked, batch, engine=make_engine(task), **settings), left_out


def _faults_in_words(votes: VoteMatrix) -> list[str]:
    said = []
    for name, faults in votes.faults.groupby("lf", sort=False):
        if name not in votes.stopped:
            said.append(f"{name} failed on {len(faults):,} rows of the batch, first with: {faults['error'].iloc[0]}")
    return [*stopped_in_words(votes), *said]


def _notes(source: Path | str, taken: Sampled, batch: Dataset, dataset: Dataset) -> list[str]:
    """Say what a reader of the checks has to know."""
    notes = list(taken.warnings)
    if taken.of > len(batch):
        notes.append(f"{source} has {taken.of:,} rows, of which {len(batch):,} drawn by chance were looked at.")
    if len(batch) < _FEW:
        notes.append(f"Of {len(batch):,} rows only large changes can be told from chance.")
    known = int((dataset.ids.get_indexer(batch.ids) >= 0).sum())
    if known:
        notes.append(f"{known:,} of the rows are rows of the task, by their ids; they are held against its others.")
    return notes


def _gone(checks: Sequence[Check], said: str) -> list[str]:
    return [check.of for check in checks if check.drifted and check.kind == "coverage" and said in check.changed]


def _summary(votes: VoteMatrix, soft: SoftLabels, review: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a batch in figures, for the series of batches."""
    shares = np.bincount(soft.probs.argmax(axis=1), minlength=len(soft.labels)) / len(soft)
    return {
        "coverage": votes.covered.mean(),
        "conflict": votes.conflicting.mean(),
        "confidence": np.median(soft.probs.max(axis=1)),
        "deferred": review.mean(),
        "classes": dict(zip(soft.labels, shares, strict=True)),
    }


def _rows(batch: Dataset, votes: VoteMatrix, soft: SoftLabels, review: NDArray[np.bool_]) -> pd.DataFrame:
    """Return each row with its text, answer and decision, and the class each function votes; a name that is taken is marked."""
    names = np.array([*batch.labels, None], dtype=object)  # the last one is of -1
    answers = {"label": names[soft.probs.argmax(axis=1)], "confidence": soft.probs.max(axis=1)}
    answers["decision"] = np.where(review, REVIEW, ANSWER)
    columns = {f"data:{name}" if name in ("id", *answers) else name: batch.frame[name] for name in batch.text} | answers
    for name, cast in zip(votes.lfs, votes.votes.T, strict=True):
        columns[f"function:{name}" if name in ("id", *columns) else name] = names[cast]
    return pd.DataFrame(columns, index=batch.ids)
