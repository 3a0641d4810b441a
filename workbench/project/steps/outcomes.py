"""`workbench outcomes`: what became of logged rows, joined by id, into `outcomes.json`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.files import write_json
from workbench.io.headers import layout_of
from workbench.project.answer_log import AnswerLog, read_log_of
from workbench.project.failures import candidates
from workbench.project.outcomes import (
    Outcomes,
    decided_in_words,
    deflection_in_words,
    differences,
    group_lines,
    groups_of,
    outcome_values,
    outcomes_in_words,
    read_outcomes,
)
from workbench.project.reviewing import open_record
from workbench.project.runs import list_runs, newest_run
from workbench.project.steps.predict import AnswerRule
from workbench.project.steps.review_log import read_draws
from workbench.project.task import Task
from workbench.review.resolve import resolve
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

OUTCOMES: Final = "outcomes.json"
_FORMAT: Final = 1


def outcomes(task: Task, log: Path, source: Path) -> dict[str, Any]:
    """Join a log with a file of outcomes, write `outcomes.json` in the task's folder anew, and return what it holds.

    {format, finished, log, outcomes, from, to, n, columns, kinds, groups, differences, logged, deflection, decided_by, audited,
    said, notes}: see `group_lines`, `differences`, `decided_by` and `audited`. from, to: of the logged rows, as `deflection`
    is. n: rows that both files have.
    """
    logged = read_log_of(task, log)
    layout, said = layout_of(source, task.data)
    found = read_outcomes(source, task.data.get("id", "id"), task.labels, **layout)
    decided = logged.newest[logged.newest.index.isin(found.frame.index)]
    notes = [*logged.notes, *said, *found.notes, *_only_in_one(logged, found, decided, log, source)]
    dataset, _ = task.dataset()
    held = dataset.ids.get_indexer(decided.index)
    if (held < 0).any():
        notes.append(
            f"functions and failures are told of the {(held >= 0).sum():,} of {len(decided):,} rows that the task holds"
        )
    by = {"function": _by_function(task, decided.index), "failure": _by_failure(task, dataset, decided, held)}
    groups, values = groups_of(decided, by), outcome_values(found, decided)
    lines = group_lines(values, found.kinds, decided["decision"], groups)
    tests = differences(values, found.kinds, decided["decision"], groups)
    judged, rules = audited(task, logged), decided_by(task, logged.newest)
    document = {
        "format": _FORMAT,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "log": str(log),
        "outcomes": str(source),
        "from": logged.newest["time"].min().isoformat(),
        "to": logged.newest["time"].max().isoformat(),
        "n": len(decided),
        "columns": list(found.kinds),
        "kinds": found.kinds,
        "groups": lines,
        "differences": tests,
        "logged": len(logged.newest),
        "deflection": len(logged.answered) / len(logged.newest),
        "decided_by": rules,
        "audited": judged,
        "said": [
            deflection_in_words(len(logged.answered), len(logged.newest)),
            _audited_in_words(judged, len(logged.answered)),
            decided_in_words(rules),
            *outcomes_in_words(lines, tests, found.kinds),
        ],
        "notes": notes,
    }
    write_json(task.folder / OUTCOMES, document)
    return document


def _only_in_one(logged: AnswerLog, found: Outcomes, decided: pd.DataFrame, log: Path, source: Path) -> list[str]:
    """Return in words how many ids stand in one file alone; refuse files that share none."""
    if decided.empty:
        raise WorkbenchError(
            f"no id of {source}, such as {found.frame.index[0]!r}, stands in {log}, such as {logged.newest.index[0]!r}; "
            "outcomes are joined by the id that was logged"
        )
    alone = {log: len(logged.newest) - len(decided), source: len(found.frame) - len(decided)}
    return [f"ids that stand only in {file}, and count for no outcome: {count:,}" for file, count in alone.items() if count]


def _by_function(task: Task, ids: pd.Index) -> dict[str, NDArray[np.bool_]]:
    """Return on which rows each function voted in the newest run with votes; rows that it does not hold are in none."""
    run = newest_run(task, "votes.parquet")
    if run is None:
        return {}
    votes = run.votes()
    places = votes.ids.get_indexer(ids)
    return {name: (places >= 0) & (votes.votes[places, j] != ABSTAIN) for j, name in enumerate(votes.lfs)}


def _by_failure(task: Task, dataset: Dataset, decided: pd.DataFrame, held: NDArray[np.intp]) -> dict[str, NDArray[np.bool_]]:
    """Return which rows could be each failure, with the class that was logged; rows that the task does not hold are in none."""
    there = held >= 0
    if not task.failures or not there.any():
        return {}
    named = candidates(task, task.failures, dataset.take(held[there]), decided["label"])
    found = {name: np.zeros(len(decided), dtype=bool) for name in named}
    for name, rows in named.items():
        found[name][there] = rows
    return found


def decided_by(task: Task, newest: pd.DataFrame) -> list[dict[str, Any]]:
    """Return {run, threshold, rows, by_hand} of each run and threshold that decided on logged rows, most rows first.

    run: '' where not logged. threshold: None where every row is answered. by_hand: whether the run has another threshold than
    that; None where the run is not kept.
    """
    runs = {run.id: run for run in list_runs(task)}
    lines = []
    counted = newest.groupby(["run", "threshold"], dropna=False).size().reset_index(name="rows")
    for run, found, rows in counted.itertuples(index=False):
        threshold = None if pd.isna(found) else float(found)
        by_hand = AnswerRule.of(runs[run]).threshold != threshold if run in runs else None
        lines.append({"run": run, "threshold": threshold, "rows": int(rows), "by_hand": by_hand})
    return sorted(lines, key=lambda line: -line["rows"])


def audited(task: Task, logged: AnswerLog) -> dict[str, Any]:
    """Return what people say of answers that chance drew (`review --audit-answered`) from the rows of a log.

    {drawn, labelled, wrong, share, interval}; a label that reviewers dispute is none. What was answered is what was logged when
    the row was drawn: later models have learned from the label.
    """
    drawn = {
        line["id"]: line["label"] for draw in read_draws(task) for line in draw["rows"] if line["id"] in logged.newest.index
    }
    said = resolve(open_record(task).current())["label"].reindex(pd.Index(list(drawn), dtype="str")).dropna()
    wrong = int(sum(label != drawn[str(row)] for row, label in said.items()))
    about = {"drawn": len(drawn), "labelled": len(said), "wrong": wrong}
    if said.empty:
        return {**about, "share": None, "interval": None, "reason": "people have labelled none of them"}
    low, high = wilson_interval(wrong, len(said))
    return {**about, "share": wrong / len(said), "interval": [float(low), float(high)]}


def _audited_in_words(judged: dict[str, Any], answered: int) -> str:
    if not judged["drawn"]:
        return (
            "No answer can be wrong: all logged rows need review."
            if not answered
            else (
                "How often answers are wrong is not known: `workbench review TASK --from LOG --rows FILE --audit-answered 60` "
                "draws some for people to judge."
            )
        )
    if judged["share"] is None:
        return (
            f"How often answers are wrong is not known yet: of {judged['drawn']:,} that were drawn people have labelled none."
        )
    low, high = judged["interval"]
    return (
        f"Of {judged['drawn']:,} answers drawn by chance people judged {judged['labelled']:,}; wrong were {judged['wrong']:,}: "
        f"{judged['share']:.1%} (95 % interval {low:.1%} to {high:.1%})."
    )
