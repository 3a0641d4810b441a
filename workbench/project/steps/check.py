"""`workbench check`: configuration, rows, functions and their unit examples; no run, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from workbench.apply import apply_lfs
from workbench.diagnose import warnings_in_words
from workbench.io.toml import expect
from workbench.lfs import LabelingFunction
from workbench.lfs.examples import cases_of, failed_examples
from workbench.project.steps.apply import make_engine
from workbench.project.steps.export import make_filters
from workbench.project.steps.fit import chosen_model, make_label_model
from workbench.project.steps.train import make_end_model
from workbench.project.task import Task
from workbench.tables import Dataset, VoteMatrix
from workbench.text.duplicates import duplicate_report

SAMPLE = 500


@dataclass(frozen=True)
class Checked:
    """What a check found. problems fail it; notes do not. slowest: microseconds a row on the sample, by function."""

    rows: int
    functions: int
    examples: int
    problems: list[str]
    notes: list[str]
    slowest: dict[str, float]


def check_settings(task: Task) -> None:
    """Refuse settings that a model or a filter would refuse, before any work is done."""
    model = make_label_model(task, chosen_model(task))
    if model.class_balance == "valid":
        model.class_balance = None  # known once the rows are read
    model.fit(VoteMatrix.from_array(np.empty((0, 0)), task.labels))
    if expect(task.end_model, "enabled", bool, f"{task.folder / 'task.toml'} [end_model]", True):
        make_end_model(task).check_settings()
    make_filters(task)
    make_engine(task)


def calls_ahead(functions: Sequence[LabelingFunction], dataset: Dataset) -> list[str]:
    """Return in words how many calls each function that asks a client is about to make on these rows."""
    texts = dataset.texts()
    counts = {function.name: function.pending_calls(texts) for function in functions if hasattr(function, "pending_calls")}
    return [f"{name} is about to ask its client about {count:,} texts" for name, count in counts.items() if count]


def check(task: Task) -> Checked:
    """Read the rows, load the functions, run their unit examples, and let each vote on a sample of 500 rows.

    A function that asks a client is not run: its calls are counted.
    """
    check_settings(task)
    rows, notes = task.dataset()
    task.train_truth(rows)  # a file that does not fit is found now, not when a run trains its ceiling
    dataset = task.visible(rows)
    loaded = task.functions()
    notes += [f"{sentence} when the task is run" for sentence in calls_ahead(loaded, dataset)]
    functions = [function for function in loaded if not hasattr(function, "pending_calls")]
    columns = list(dataset.frame.columns)
    problems = [failure for function in functions for failure in failed_examples(function, columns)]
    size = min(SAMPLE, len(dataset))
    sample = dataset.take(np.sort(np.random.default_rng(0).choice(len(dataset), size, replace=False)))
    slowest, columns_of_votes = {}, [np.empty((size, 0), np.int16)]
    for function in functions:
        start = perf_counter()
        votes = apply_lfs([function], sample, max_faults=1)
        slowest[function.name] = (perf_counter() - start) / max(size, 1) * 1e6
        columns_of_votes.append(votes.votes)
        if len(votes.faults):
            first = votes.faults.iloc[0]
            share = f"{len(votes.faults)} of {size} sampled rows"
            problems.append(f"{function.name} failed on {share}, first on {first['id']!r}: {first['error']}")
    notes = [*notes, *duplicate_report(dataset).in_words()]
    if not problems:  # what a broken function leaves uncovered is no finding of its own
        notes += warnings_in_words(VoteMatrix(sample.ids, tuple(slowest), sample.labels, np.hstack(columns_of_votes)))
    examples = sum(len(cases_of(function)) for function in functions)
    return Checked(len(dataset), len(loaded), examples, problems, notes, slowest)
