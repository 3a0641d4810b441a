"""`workbench evaluate`: every model side by side against gold, and the performance gap recovered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.evaluate import pgr, scores, undefined_gap
from workbench.io.files import write_json
from workbench.io.votes import read_soft_labels, write_soft_labels
from workbench.label_models import LABEL_MODELS
from workbench.project.runs import Run
from workbench.project.steps.fit import Report, fit_label_model
from workbench.project.steps.train import train
from workbench.project.task import Task
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

COMPARED = ("majority_vote", "generative", "snorkel")  # stand in every run, beside the chosen label model
SLOW_CELLS = 1_000  # functions x classes from which Snorkel's 500 epochs take minutes
STUDENTS = ("end_model", "ceiling")
Answers = dict[str, SoftLabels | str]  # by model: its labels of the rows outside train, or in words why there are none


def evaluate(
    folder: Path, task: Task, dataset: Dataset, votes: VoteMatrix, fitted: dict[str, Any], report: Report = lambda *_: None
) -> None:
    """Write every model's answers on the rows outside train, and metrics.json.

    fitted: the soft labels of label models already fitted, and under `end_model` the model or why there is none.
    """
    held_out = (dataset.split != "train").to_numpy()
    answers: Answers = {}
    names = [name for name in LABEL_MODELS if name in COMPARED or name in fitted]
    for place, name in enumerate(names):
        report("evaluate", place, len(names) + 1, name)
        reason = None if name in fitted else skip_reason(name, votes)
        if reason is not None:
            answers[name] = reason
        else:
            soft = fitted[name] if name in fitted else fit_label_model(task, name, dataset, votes)[0]
            answers[name] = soft.take(held_out)
    end_model = fitted["end_model"]

    def on_ceiling(_done: int, _total: int, said: str) -> None:
        report("evaluate", len(names), len(names) + 1, f"ceiling: {said}")

    on_ceiling(0, 0, "reading the rows")
    ceiling = end_model if isinstance(end_model, str) else train_ceiling(task, dataset, on_ceiling)
    for name, model in (("end_model", end_model), ("ceiling", ceiling)):
        answers[name] = model if isinstance(model, str) else model.predict_proba(dataset.take(held_out))
    for name, answer in answers.items():
        if isinstance(answer, SoftLabels):
            write_soft_labels(answer, folder / "answers" / f"{name}.parquet")
    write_json(folder / "metrics.json", score_answers(answers, dataset, votes))


def rescore(run: Run, dataset: Dataset) -> dict[str, Any]:
    """Score the answers that a run stored against the gold as it is now; rows and labels must be those it answered."""
    before = run.metrics()
    wanted = dataset.ids[(dataset.split != "train").to_numpy()]
    answers: Answers = {}
    for name in (*before["label_model"], *STUDENTS):
        path = run.folder / "answers" / f"{name}.parquet"
        if not path.exists():
            answers[name] = (before[name] if name in STUDENTS else before["label_model"][name])["skipped"]
            continue
        stored = read_soft_labels(path)
        if stored.labels != dataset.labels:
            raise WorkbenchError(
                f"run {run.id} answered with the labels {list(stored.labels)}, and the task now has others; run again"
            )
        unanswered = wanted.difference(stored.ids, sort=False)
        if len(unanswered):
            raise WorkbenchError(f"run {run.id} has not answered row {unanswered[0]!r}, which is outside train now; run again")
        answers[name] = stored.take(stored.ids.get_indexer(wanted))
    return score_answers(answers, dataset, run.votes())


def score_answers(answers: Answers, dataset: Dataset, votes: VoteMatrix) -> dict[str, Any]:
    """Return the metrics of all models by split and rows, and the performance gap recovered."""
    covered = pd.Series(votes.covered, index=votes.ids)

    def scored(name: str) -> dict[str, Any]:
        answer = answers[name]
        if isinstance(answer, str):
            return {"skipped": answer}
        return scores(answer, dataset.gold, dataset.split, covered)

    found: dict[str, Any] = {"label_model": {name: scored(name) for name in answers if name not in STUDENTS}}
    found |= {name: scored(name) for name in STUDENTS}
    return {**found, "pgr": gap_recovered(answers, dataset)}


def skip_reason(name: str, votes: VoteMatrix) -> str | None:
    """Return why a model is left out of the comparison, or None."""
    cells = len(votes.lfs) * len(votes.labels)
    if name == "snorkel" and cells > SLOW_CELLS:
        what = f"{len(votes.lfs)} functions x {len(votes.labels)} classes = {cells:,}"
        return f"{what}: above {SLOW_CELLS:,} it takes minutes, and near 25,000 it crashes the process"
    return None


def train_ceiling(task: Task, dataset: Dataset, progress: Callable[[int, int, str], None] | None = None) -> Any:
    """Return the same end model trained on the train rows whose gold is known, or in words why there is no ceiling.

    progress: as for `train`.
    """
    gold = SoftLabels.from_hard(dataset.ids, dataset.labels, task.train_truth(dataset))
    if not gold.covered.any():
        return "the train split has no gold to train a ceiling on"
    return train(task, dataset.take(gold.covered), gold.take(gold.covered), progress)


def gap_recovered(answers: Answers, dataset: Dataset) -> dict[str, Any]:
    """Return the performance gap recovered on all test rows; weak is the better of majority vote and the generative model."""
    test = dataset.ids[(dataset.split == "test").to_numpy()]
    if dataset.gold is None or not len(test):
        return undefined_gap("there is no test split with gold")
    gold = dataset.gold[test]
    on_test: dict[str, SoftLabels] = {}
    for name, answer in answers.items():
        if not isinstance(answer, str):
            on_test[name] = answer.take(answer.ids.get_indexer(test))
        elif name in STUDENTS:
            return undefined_gap(answer)
    both = [pgr(on_test[weak], on_test["end_model"], on_test["ceiling"], gold) for weak in ("majority_vote", "generative")]
    return max(both, key=lambda one: one["weak"] or 0)
