"""What a batch is held against, and the batches that were: a series of folders, none ever overwritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.apply import apply_lfs
from workbench.diagnose import terms_of
from workbench.io.files import check_format, new_folder, write_frame, write_json
from workbench.io.kept import read_kept
from workbench.io.names import listed
from workbench.io.votes import read_soft_labels
from workbench.lfs import LabelingFunction
from workbench.monitor import Sample
from workbench.project.end_model import HELD_OUT
from workbench.project.runs import Run
from workbench.project.steps.predict import REVIEW, Opened, ask
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, WorkbenchError
from workbench.text.encoders import encode
from workbench.text.languages import languages

ROWS: Final = 20_000  # of a batch, and of the reference, that are looked at
_TOLD: Final = 1_000  # of them whose languages and vectors are compared
_ASKED: Final = 2_000  # rows outside train that the end model answers again
_PROBED: Final = 20  # rows on which a function voted, asked again without the columns that a batch lacks
Answered = tuple[SoftLabels, NDArray[np.bool_] | None]  # and which rows need review, where that was asked


def comparable(task: Task, run: Run, batch: Dataset) -> tuple[list[LabelingFunction], dict[str, str]]:
    """Return the functions that vote as they did in the run, and why each of the others cannot be compared."""
    then, now = run.about["functions"], {function.name: function for function in task.functions()}
    reasons = {name: "it is gone, or switched off" for name in then if name not in now}
    texts = batch.texts()
    for name, function in now.items():
        if name not in then:
            reasons[name] = f"it is new since run {run.id}"
        elif then[name] != function.fingerprint:
            reasons[name] = f"it was changed since run {run.id}"
        elif name in run.about.get("stopped", {}):
            reasons[name] = f"it was stopped in run {run.id}"
        elif hasattr(function, "pending_calls") and function.pending_calls(texts):
            reasons[name] = f"it would ask its client about {function.pending_calls(texts):,} texts"
    return [function for name, function in now.items() if name not in reasons], reasons


def readers_of(
    functions: Sequence[LabelingFunction], absent: Sequence[str], dataset: Dataset, votes: VoteMatrix
) -> dict[str, list[str]]:
    """Return the functions that read a column a batch lacks, each with those columns.

    Found by asking them again, without these columns, about rows on which they voted: who fails, or votes otherwise, reads
    one. votes: of the run.
    """
    voted = votes.votes[:, [votes.lfs.index(function.name) for function in functions]] != ABSTAIN
    first = [np.flatnonzero(column)[:_PROBED] for column in voted.T]
    rows = dataset.take(dataset.ids.get_indexer(votes.ids[np.unique(np.concatenate([*first, np.zeros(0, np.intp)]))]))
    if not len(rows) or not absent:
        return {}
    before = votes.to_frame().loc[rows.ids]

    def differing(asked: Sequence[LabelingFunction], columns: Sequence[str]) -> list[str]:
        without = Dataset(rows.frame.drop(columns=list(columns)), rows.labels, rows.text)
        found = apply_lfs(asked, without, max_faults=1.0)
        return [name for name in found.lfs if not found.to_frame()[name].equals(before[name])]

    suspects = differing(functions, absent)
    asked = [function for function in functions if function.name in suspects]
    by_column = {column: differing(asked, [column]) for column in absent} if asked else {}
    return {name: [column for column, names in by_column.items() if name in names] or list(absent) for name in suspects}


def reference_sample(opened: Opened, run: Run, dataset: Dataset, batch: VoteMatrix, seed: int = 0) -> tuple[Sample, int]:
    """Return what the rows of a run are like, and of how many: votes and words of all splits, answers of rows outside train.

    Of more than 20,000 rows a seeded sample is taken. The end model has learned from train, so that it is surer there than it
    will be of new rows; no function and no word is. Rows that are gone from the data, or in the batch, are left out. Raises
    WorkbenchError where none is left.
    """
    votes = run.votes()
    votes = votes.take(np.flatnonzero(votes.ids.isin(dataset.ids) & ~votes.ids.isin(batch.ids)))
    if not len(votes):
        raise WorkbenchError(f"no row of run {run.id} is left to hold the batch against: its rows are gone, or in the batch")
    votes = of_functions(votes.take(_some(len(votes), ROWS, seed)), batch.lfs)
    rows = dataset.take(dataset.ids.get_indexer(votes.ids))
    held = np.flatnonzero((rows.split != "train").to_numpy())
    held = held[_some(len(held), _ASKED, seed)]
    stored = run.folder / HELD_OUT
    if opened.rule.decides or not stored.exists():
        return sample_of(rows, votes, answered(opened, rows.take(held)), seed), len(rows)
    answers = read_soft_labels(stored)  # who needs review is not asked, so that the model need not be
    return sample_of(rows, votes, (answers.take(answers.ids.get_indexer(rows.ids[held])), None), seed), len(rows)


def sample_of(rows: Dataset, votes: VoteMatrix, answered: Answered, seed: int = 0) -> Sample:
    """Return what some rows are like."""
    texts = rows.texts() if rows.text else []
    told = [texts[place] for place in _some(len(texts), _TOLD, seed)]
    return Sample(
        votes,
        terms=[terms_of(text) for text in texts],
        lengths=[len(text) for text in texts],
        languages=languages(told),
        vectors=encode(told) if told else None,
        answers=answered[0],
        deferred=answered[1],
    )


def answered(opened: Opened, rows: Dataset) -> tuple[SoftLabels, NDArray[np.bool_]]:
    """Return what the end model answers, and which rows need review."""
    soft, decided = ask(opened.model, opened.rule, rows)
    return soft, (decided["decision"] == REVIEW).to_numpy()


def of_functions(votes: VoteMatrix, lfs: Sequence[str]) -> VoteMatrix:
    """Return the votes of some functions, in this order."""
    return VoteMatrix(votes.ids, tuple(lfs), votes.labels, votes.votes[:, [votes.lfs.index(name) for name in lfs]])


def _some(n: int, most: int, seed: int) -> NDArray[np.intp]:
    """Return the positions of all of n rows, or of a seeded sample of them, in their order."""
    every = np.arange(n)
    return every if n <= most else np.sort(np.random.default_rng(seed).choice(every, most, replace=False))


def batches(task: Task) -> list[dict[str, Any]]:
    """Return what was found of each batch, oldest first, as `batch.json` holds it."""
    found: list[dict[str, Any]] = []
    for path in sorted((task.folder / "monitor").glob("[!.]*/batch.json")):
        document = read_kept(path, checks=list[dict], summary=dict, silent=list, stale=list)  # type: ignore[type-arg]
        check_format(document, path)
        found.append(document)
    return found


def texts_hash(rows: Dataset) -> str | None:
    """Return a hash of the texts of some rows, whatever their ids and order; None where they have none."""
    return sha256("\0".join(sorted(rows.texts())).encode("utf-8", "surrogatepass")).hexdigest() if rows.text else None


def seen_in_words(before: Sequence[Mapping[str, Any]], same: Mapping[str, str | None]) -> list[str]:
    """Return one sentence for each earlier batch of the same file or texts; same: sha256 and texts of the new one."""
    said = []
    for one in before:
        if one["sha256"] == same["sha256"]:
            said.append(f"The same file was looked at before: batch {one['batch']}, against run {one['run']}.")
        elif same["texts"] and one.get("texts") == same["texts"]:
            said.append(f"The same texts were looked at before: batch {one['batch']}, against run {one['run']}.")
    return said


def keep_batch(task: Task, found: Mapping[str, Any], rows: pd.DataFrame) -> Path:
    """Write a batch and its rows into a new folder `monitor/<batch id>`, and return it."""
    folder = task.folder / "monitor" / str(found["batch"])
    with new_folder(folder) as temporary:
        write_json(temporary / "batch.json", found)
        write_frame(rows, temporary / "rows.parquet")
    return folder


def new_batch_id(task: Task) -> str:
    """Return the name of the next batch: the time in UTC, to the millisecond, never one that exists."""
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    while (task.folder / "monitor" / name).exists():
        name += "x"
    return name


def left_out_in_words(reasons: Mapping[str, str]) -> list[str]:
    """Return one sentence for each reason, with the functions that are not compared for it."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return [f"Not compared, as {reason}: {listed(names)}." for reason, names in by_reason.items()]
