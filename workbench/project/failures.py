"""The failures of a task at work: which rows could be one, and whether an answered row was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed, shortened
from workbench.lfs import LabelingFunction
from workbench.lfs.chunk import Chunk
from workbench.lfs.examples import failed_examples
from workbench.lfs.toml_rules import make_rule
from workbench.project.task import Task
from workbench.spec import Failure, missing_value, slice_mask
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

#: How much a row that could be such a failure matters, where rows are ranked.
WEIGHT: Final[dict[str, float]] = {"critical": 1.0, "high": 0.6, "medium": 0.3, "low": 0.1}


def failure_modes(task: Task) -> list[str]:
    """Return what a reviewer may say went wrong: `failure_modes` under [review], then the names in `failures.toml`."""
    return list(dict.fromkeys([*task.review.get("failure_modes", []), *(failure.name for failure in task.failures)]))


def candidates(
    task: Task, failures: Sequence[Failure], dataset: Dataset, hard_labels: pd.Series[Any] | None
) -> dict[str, NDArray[np.bool_]]:
    """Return the rows that could be each failure, bool[n] by name: its rule fires, its slice holds, its label is `predicted`.

    dataset: with its hidden columns, which rules and slices of failures may read. hard_labels: class names by row id, missing
    where there is no label; None where nothing is labelled yet, and then `predicted` rules nothing out. A row that is labelled
    `actual` already cannot be the failure. Raises WorkbenchError where a rule or slice does not fit the rows.
    """
    label = None if hard_labels is None else _codes(hard_labels, dataset)
    chunk = Chunk(dataset.frame, dataset.text, dataset.labels)
    found = {}
    for failure in failures:
        rows = _found(task, failure, dataset, chunk)
        if label is not None and failure.predicted is not None:
            rows &= label == dataset.labels.index(failure.predicted)
        if label is not None and failure.actual is not None:
            rows &= label != dataset.labels.index(failure.actual)
        found[failure.name] = rows
    return found


def verdict(tolerated: float, low: float | None, high: float | None) -> str:
    """Return what an interval of a measured share says of the tolerated one: `over`, `within` or `cannot tell`."""
    if low is None or high is None:
        return "cannot tell"
    return "over" if low > tolerated else "within" if high <= tolerated else "cannot tell"


def judged(failure: Failure, label: str | None, truth: str | None) -> bool:
    """Return whether a candidate whose label and true class are known was this failure.

    False where there is no label, or nobody knows the truth (an unsure answer): a promise has to count such a row itself.
    """
    if label is None or truth is None or label == truth:
        return False
    return failure.predicted in (None, label) and failure.actual in (None, truth)


def failures_table(task: Task, dataset: Dataset) -> pd.DataFrame:
    """Return one row a failure, indexed by name: severity, owner, tolerated, and how many rows its rule and slice find.

    Columns `rows` (of all) and `train`; and `missing`, in words a value of its slice that no row has.
    """
    failures = task.failures
    found, train = candidates(task, failures, dataset, None), (dataset.split == "train").to_numpy()
    about = ("severity", "owner", "tolerated")
    lines = [
        [
            *(getattr(one, name) for name in about), int(found[one.name].sum()), int(found[one.name][train].sum()),
            "" if one.slice is None else missing_value(one.slice, dataset),
        ]
        for one in failures
    ]  # fmt: skip
    return pd.DataFrame(lines, index=[one.name for one in failures], columns=[*about, "rows", "train", "missing"])


def not_found_in_words(table: pd.DataFrame) -> list[str]:
    """Return one sentence a failure of `failures_table` that no train row could be: audits of train can say nothing of it."""
    said = []
    for name, line in table.iterrows():
        if not line["train"]:
            what = "train row" if line["rows"] else "row"
            said.append(f"failure {name!r}: its rule and slice find no {what}, so no audit can count it there")
        if line["missing"]:
            said.append(f"failure {name!r}: {line['missing']}")
    return said


def failed_failure_examples(task: Task, dataset: Dataset) -> list[str]:
    """Run the unit examples of the rules of failures and return in words those that do not hold."""
    columns = list(dataset.frame.columns)
    rules = [_rule(task, failure, dataset) for failure in task.failures if failure.rule is not None]
    return [f"failure {sentence}" for rule in rules for sentence in failed_examples(rule, columns)]


def _found(task: Task, failure: Failure, dataset: Dataset, chunk: Chunk) -> NDArray[np.bool_]:
    """Return the rows that rule and slice find, whatever their label."""
    rows = np.ones(len(dataset), dtype=bool)
    if failure.slice is not None:
        try:
            rows &= slice_mask(failure.slice, dataset)
        except WorkbenchError as error:
            raise WorkbenchError(f"{_where(task, failure)}: {error}") from None
    if failure.rule is not None:
        votes, faults = _rule(task, failure, dataset).votes(chunk)
        for fault in faults[:1]:
            raise WorkbenchError(
                f"{_where(task, failure)}: its rule fails on {len(faults):,} of {len(dataset):,} rows, "
                f"first on {dataset.ids[fault.position]!r}: {shortened(fault.error)}"
            )
        rows &= votes != ABSTAIN
    return rows


def _rule(task: Task, failure: Failure, dataset: Dataset) -> LabelingFunction:
    """Make the rule that finds rows; which class it would vote for says nothing, so it is the first."""
    settings = {"name": failure.name, **(failure.rule or {})}
    if settings["kind"] != "column":  # which takes its classes from cells
        settings["label"] = dataset.labels[0]
    return make_rule(
        settings, task.folder, dataset.labels, dataset.text, where=_where(task, failure), place=task.failures_file.name
    )


def _where(task: Task, failure: Failure) -> str:
    return f"failure {failure.name!r} of {task.failures_file}"


def _codes(hard_labels: pd.Series[Any], dataset: Dataset) -> NDArray[np.intp]:
    """Return class indexes in the order of the rows, -1 where there is no label."""
    given = hard_labels.reindex(dataset.ids)
    codes = pd.Index(dataset.labels).get_indexer(pd.Index(given))
    for name in given[(codes < 0) & given.notna().to_numpy()].unique():
        raise WorkbenchError(f"label {name!r} is none of {listed(dataset.labels)}{did_you_mean(name, dataset.labels)}")
    return np.asarray(codes)
