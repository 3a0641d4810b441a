"""`workbench check`: configuration, rows, functions, failures and their unit examples; no run, nothing written."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.apply import Tick, apply_lfs
from workbench.apply.job import VoteJob
from workbench.diagnose import warnings_in_words
from workbench.engines import Answer, Engine, Piece, serial
from workbench.io.names import shortened
from workbench.io.readers import check_columns
from workbench.io.toml import expect
from workbench.lfs import LabelingFunction
from workbench.lfs.examples import cases_of, failed_examples
from workbench.project.failures import failed_failure_examples, failures_table, not_found_in_words
from workbench.project.steps.apply import make_engine, make_mapper
from workbench.project.steps.export import make_filters
from workbench.project.steps.fit import chosen_model, make_label_model
from workbench.project.steps.train import make_end_model
from workbench.project.stress_suites import read_settings
from workbench.project.task import Task, named
from workbench.tables import ABSTAIN, Dataset, VoteMatrix, WorkbenchError
from workbench.text.duplicates import duplicate_report

SAMPLE = 500
_SLOW: Final = 5.0  # seconds
_OUTCOME: Final = re.compile(
    r"escalat|re_?open|resol|csat|nps|clos(ed|ing)|refund|correct|outcome|satisf|churn|handling_?time", re.IGNORECASE
)


@dataclass(frozen=True)
class Checked:
    """What a check found. problems fail it; notes do not.

    functions: one row a function, with its `examples`, how often it `voted` and `failed` on the `sampled` rows, and how many
    `microseconds` it took a row, without what it loads once where it runs in this process. A function that was not run has no
    such figures. failures: what `failures_table` says of them.
    """

    rows: int
    sampled: int
    functions: pd.DataFrame
    failures: pd.DataFrame
    problems: list[str]
    notes: list[str]


def check_settings(task: Task) -> None:
    """Refuse settings that a model or a filter would refuse, before any work is done."""
    where, model = task.folder / "task.toml", make_label_model(task, chosen_model(task))
    if model.class_balance == "valid":
        model.class_balance = None  # known once the rows are read
    with named(f"{where} [label_model]"):
        model.fit(VoteMatrix.from_array(np.empty((0, 0)), task.labels))
    if expect(task.end_model, "enabled", bool, f"{where} [end_model]", True):
        end_model = make_end_model(task)
        with named(f"{where} [end_model]"):
            end_model.check_settings()
        _check_outcomes(task)
    make_filters(task)
    make_engine(task)
    if task.partitioned or task.apply.get("engine", "processes") != "processes":
        make_mapper(task)


def _check_outcomes(task: Task) -> None:
    """Refuse outcomes among what the end model reads: a row that it is to answer has none yet."""
    for name in task.data.get("outcomes", []):
        for where, read in {"text": task.data["text"], "columns": task.end_model.get("columns", [])}.items():
            if name in read:
                raise WorkbenchError(
                    f"{task.folder / 'task.toml'}: `{where}` names {name!r}, and `outcomes` says that it is known only after "
                    "the decision, so a row to be answered lacks it; take it out (labeling functions may read it)"
                )


def _outcomes_in_words(task: Task, rows: Dataset) -> list[str]:
    """Return one sentence a column that the end model reads and whose name sounds like an outcome; refuse unknown outcomes."""
    check_columns(task.data.get("outcomes", []), list(rows.frame.columns), f"{task.data['file']}, for `outcomes` in [data],")
    if not task.end_model.get("enabled", True):
        return []
    return [
        f"the end model reads the column {name!r}, which sounds like something known only after the decision: if so, name it "
        "under `outcomes` in [data] and take it out of `columns`, or answers in production are worse than the scores"
        for name in task.end_model.get("columns", [])
        if _OUTCOME.search(name)
    ]


def calls_ahead(functions: Sequence[LabelingFunction], dataset: Dataset, sampled: bool) -> list[str]:
    """Return in words how many calls each function that asks a client is about to make on these rows, or their sample."""
    texts = dataset.texts()
    counts = {function.name: function.pending_calls(texts) for function in functions if hasattr(function, "pending_calls")}
    others = f" of the sample of {len(dataset):,} rows, and about those of all others," if sampled else ""
    return [f"{name} is about to ask its client about {count:,} texts{others}" for name, count in counts.items() if count]


def _loaded(task: Task) -> tuple[list[LabelingFunction], list[str]]:
    """Return the functions of a task, and one sentence where loading them takes long."""
    start = perf_counter()
    functions = task.functions()
    took = perf_counter() - start
    if took < _SLOW:
        return functions, []
    way_out = 'in a script, put what is no function under `if __name__ == "__main__":`'
    return functions, [f"the functions took {took:.1f} s to load, for which every command waits; {way_out}"]


def _without_gold_in_words(dataset: Dataset) -> list[str]:
    """Return one sentence for each split outside train in which only some rows have gold."""
    if dataset.gold is None:
        return []
    known = (dataset.gold != ABSTAIN).groupby(dataset.split).agg(["sum", "size"])
    return [
        f"{count} of {size} {split} rows have gold; scores on {split} leave the others out"
        for split, count, size in known.drop("train", errors="ignore").itertuples()
        if 0 < count < size
    ]


def _hidden_in_words(task: Task, error: str) -> str:
    """Return why a function misses a column that the file has; nothing of another error."""
    found = re.search(r"the row has no column '([^']+)'", error)
    if found is None or found[1] not in [
        *(task.data.get(role) for role in ("gold", "split", "id")),
        *task.data.get("hidden", []),
    ]:
        return ""
    return f"; the file has {found[1]!r}, which functions are not shown on purpose"


class _WithExamples:
    """A job that runs, where it gets no rows, the unit examples of its functions; their result is what fails, in words."""

    def __init__(self, job: VoteJob, columns: list[str]) -> None:
        self.job, self.columns = job, columns

    def chunk(self, rows: pd.DataFrame) -> Any:
        return self.job.chunk(rows) if len(rows) else None

    def alone(self, function: int) -> bool:
        return self.job.alone(function)

    def prepare(self, chunk: Any, function: int) -> None:
        if chunk is not None:
            self.job.prepare(chunk, function)

    def run(self, chunk: Any, function: int) -> Any:
        return failed_examples(self.job.functions[function], self.columns) if chunk is None else self.job.run(chunk, function)


def _and_examples(engine: Engine, rows: pd.DataFrame, problems: list[str]) -> Engine:
    """Return an engine that runs the unit examples too, so that workers start once; problems takes what fails."""

    def run(job: Any, pieces: Sequence[Piece], stopped: Container[int]) -> Iterator[Any]:
        having = tuple(place for place, function in enumerate(job.functions) if cases_of(function))
        examples = [Piece(rows, slice(0, 0), having)] if having else []
        for news in engine(_WithExamples(job, list(rows.columns)), [*pieces, *examples], stopped):
            if news.piece < len(pieces):
                yield news
            elif isinstance(news, Answer) and news.stopped:
                yield news._replace(stopped=f"on its unit examples {news.stopped}")
            elif isinstance(news, Answer):
                problems.extend(news.result)

    return run


def check(task: Task) -> Checked:
    """Read the rows, load the functions, run their unit examples, and let each vote on a sample of 500 rows; find failures.

    A function that asks a client is not run: its calls are counted.
    """
    check_settings(task)
    read_settings(task)  # of stress.toml
    rows, notes = task.dataset()
    failures = failures_table(task, rows)
    task.train_truth(rows)  # a file that does not fit is found now, not when a run trains its ceiling
    notes += _outcomes_in_words(task, rows)
    dataset = task.visible(rows)
    loaded, slow = _loaded(task)
    notes += [*slow, *(f"{sentence} when the task is run" for sentence in calls_ahead(loaded, dataset, task.partitioned))]
    functions = [function for function in loaded if not hasattr(function, "pending_calls")]
    size = min(SAMPLE, len(dataset))
    sample = dataset.take(np.sort(np.random.default_rng(0).choice(len(dataset), size, replace=False)))
    table = pd.DataFrame({"examples": {function.name: len(cases_of(function)) for function in loaded}})
    engine, ticks = make_engine(task), dict[str, Tick]()
    if engine is serial:
        apply_lfs(functions, sample.take(np.arange(min(1, size))))  # what they load, they load now
    problems = failed_failure_examples(task, rows)
    votes = apply_lfs(
        functions,
        sample,
        engine=_and_examples(engine, sample.frame, problems),
        max_faults=1,
        progress=lambda tick: ticks.update({tick.function: tick}),
    )
    problems += [
        f"{name} was stopped: {shortened(reason)}{_hidden_in_words(task, reason)}" for name, reason in votes.stopped.items()
    ]
    for function, column in zip(functions, votes.votes.T, strict=True):
        faults = votes.faults[votes.faults["lf"] == function.name]
        seconds = ticks[function.name].seconds if function.name in ticks else 0.0
        figures = (column != ABSTAIN).sum(), len(faults), seconds / max(size, 1) * 1e6
        table.loc[function.name, ["voted", "failed", "microseconds"]] = figures
        if len(faults) and function.name not in votes.stopped:
            error = faults["error"].iloc[0]
            first = f"first on {faults['id'].iloc[0]!r}: {shortened(error)}{_hidden_in_words(task, error)}"
            problems.append(f"{function.name} failed on {len(faults)} of {size} sampled rows, {first}")
    notes += [
        *_without_gold_in_words(rows),
        *task.undecorated(),
        *not_found_in_words(failures),
        *task.disabled_in_words(),
        *duplicate_report(dataset).in_words(),
    ]
    failed = {*votes.stopped, *votes.faults["lf"]}
    names = [name for name in votes.lfs if name not in failed]
    if names or not loaded:  # what a function leaves uncovered that failed or was not run is no finding of its own
        fine = VoteMatrix.from_array(votes.to_frame()[names], votes.labels, votes.ids, names)
        notes += warnings_in_words(fine, of_set=len(names) == len(loaded))
    return Checked(len(dataset), size, table, failures, problems, notes)
