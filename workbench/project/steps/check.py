"""`workbench check`: configuration, rows, functions and their unit examples; no run, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.apply import Tick, apply_lfs
from workbench.diagnose import warnings_in_words
from workbench.io.toml import expect
from workbench.lfs import LabelingFunction
from workbench.lfs.examples import cases_of, failed_examples
from workbench.project.steps.apply import make_engine
from workbench.project.steps.export import make_filters
from workbench.project.steps.fit import chosen_model, make_label_model
from workbench.project.steps.train import make_end_model
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, VoteMatrix
from workbench.text.duplicates import duplicate_report

SAMPLE = 500


@dataclass(frozen=True)
class Checked:
    """What a check found. problems fail it; notes do not.

    functions: one row a function, with its `examples`, how often it `voted` and `failed` on the `sampled` rows, and how many
    `microseconds` it took a row, without what it loads once. A function that was not run has no such figures.
    """

    rows: int
    sampled: int
    functions: pd.DataFrame
    problems: list[str]
    notes: list[str]


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
    table = pd.DataFrame({"examples": {function.name: len(cases_of(function)) for function in loaded}})
    engine, ticks = make_engine(task), dict[str, Tick]()
    apply_lfs(functions, sample.take(np.arange(min(1, size))), engine=engine)  # what they load, they load now
    votes = apply_lfs(functions, sample, engine=engine, max_faults=1, progress=lambda tick: ticks.update({tick.function: tick}))
    problems += [f"{name} was stopped: {reason}" for name, reason in votes.stopped.items()]
    for function, column in zip(functions, votes.votes.T, strict=True):
        faults = votes.faults[votes.faults["lf"] == function.name]
        seconds = ticks[function.name].seconds if function.name in ticks else 0.0
        figures = (column != ABSTAIN).sum(), len(faults), seconds / max(size, 1) * 1e6
        table.loc[function.name, ["voted", "failed", "microseconds"]] = figures
        if len(faults):
            first = f"first on {faults['id'].iloc[0]!r}: {faults['error'].iloc[0]}"
            problems.append(f"{function.name} failed on {len(faults)} of {size} sampled rows, {first}")
    notes = [*notes, *duplicate_report(dataset).in_words()]
    if not problems:  # what a broken function leaves uncovered is no finding of its own
        notes += warnings_in_words(votes)
    return Checked(len(dataset), size, table, problems, notes)
