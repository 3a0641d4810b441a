"""`workbench evaluate`: every model side by side against gold, the gap recovered, and what the end model overruled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.evaluate import pgr, undefined_gap
from workbench.io.files import write_json
from workbench.io.votes import read_soft_labels, write_soft_labels
from workbench.label_models import LABEL_MODELS
from workbench.project.end_model_confidence import worth_by_group
from workbench.project.logistic import logistic_answers
from workbench.project.monitoring_facts import read_found
from workbench.project.runs import Run
from workbench.project.steps.fit import Report, chosen_model, fit_label_model, training_rows
from workbench.project.steps.predict import AnswerRule
from workbench.project.steps.train import train_on_gold
from workbench.project.task import Task
from workbench.project.weak_to_strong import gains, overruled, side_by_side, telling_rows, without_votes
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

COMPARED = ("majority_vote", "generative", "snorkel")  # stand in every run, beside the chosen label model
SLOW_CELLS = 1_000  # functions x classes from which Snorkel's 500 epochs take minutes
STUDENTS = ("end_model", "logistic", "ceiling")
CROSSOVER = "crossover.json"
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
    steps = len(names) + 2
    for place, name in enumerate(names):
        report("evaluate", place, steps, name)
        reason = None if name in fitted else skip_reason(name, votes)
        if reason is not None:
            answers[name] = reason
        else:
            soft = fitted[name] if name in fitted else fit_label_model(task, name, dataset, votes)[0]
            answers[name] = soft.take(held_out)
    end_model, asked = fitted["end_model"], dataset.take(held_out)
    report("evaluate", steps - 2, steps, "logistic regression")
    answers["logistic"] = _logistic(end_model, dataset, fitted[chosen_model(task)], asked)

    def on_ceiling(_done: int, _total: int, said: str) -> None:
        report("evaluate", steps - 1, steps, f"ceiling: {said}")

    on_ceiling(0, 0, "reading the rows")
    ceiling = end_model if isinstance(end_model, str) else train_ceiling(task, dataset, on_ceiling)
    for name, model in (("end_model", end_model), ("ceiling", ceiling)):
        answers[name] = model if isinstance(model, str) else model.predict_proba(asked)
    for name, answer in answers.items():
        if isinstance(answer, SoftLabels):
            write_soft_labels(answer, folder / "answers" / f"{name}.parquet")
    write_json(folder / "metrics.json", score_answers(answers, dataset, votes, chosen_model(task)))


def _logistic(end_model: Any, dataset: Dataset, soft: SoftLabels, asked: Dataset) -> SoftLabels | str:
    """Return the answers of a logistic regression taught by the rows that teach the end model, where there is one."""
    if isinstance(end_model, str) or not len(asked):
        return end_model if isinstance(end_model, str) else "there is no row outside train"
    taught = training_rows(dataset)
    return logistic_answers(dataset.take(taught), soft.take(taught), asked)


def rescore(run: Run, dataset: Dataset) -> dict[str, Any]:
    """Score the answers that a run stored against the gold as it is now; rows and labels must be those it answered."""
    return score_answers(stored_answers(run, dataset), dataset, run.votes(), _label_model_of(run))


def whole_report(task: Task, run: Run, dataset: Dataset) -> dict[str, Any]:
    """Return what `rescore` does, with `rows`, the valid rows that tell label model and end model apart, and more.

    confidence: by split the records of `worth_by_group`, where there is an end model. crossover: what `workbench evaluate
    --crossover` measured, None where it has not.
    """
    answers = stored_answers(run, dataset)
    chosen, student = _label_model_of(run), answers["end_model"]
    return {
        **score_answers(answers, dataset, run.votes(), chosen),
        "rows": telling_rows(answers[chosen], student, dataset),
        "confidence": {} if isinstance(student, str) else _confidence(task, run, dataset, student),
        "crossover": read_found(run.folder / CROSSOVER),
    }


def _confidence(task: Task, run: Run, dataset: Dataset, soft: SoftLabels) -> dict[str, list[dict[str, Any]]]:
    of = dataset.split.reindex(soft.ids)
    threshold = AnswerRule.of(run).threshold
    rows = {split: (of == split).to_numpy() for split in ("test", "valid")}
    tables = {split: worth_by_group(soft.take(of_split), dataset, task.slices, threshold) for split, of_split in rows.items()}
    return {
        split: [{**line, "group": group} for group, line in table.astype(object).where(table.notna(), None).T.to_dict().items()]
        for split, table in tables.items()
        if table["n"].iloc[0]
    }


def _label_model_of(run: Run) -> str:
    return str(run.about["settings"]["label_model"].get("model", "generative"))


def stored_answers(run: Run, dataset: Dataset) -> Answers:
    """Return the answers that a run stored, in the order of the rows outside train as they are now."""
    before = run.metrics()
    wanted = dataset.ids[(dataset.split != "train").to_numpy()]
    answers: Answers = {}
    for name in (*before["label_model"], *STUDENTS):
        path = run.folder / "answers" / f"{name}.parquet"
        if not path.exists():
            scored = before.get(name, {"skipped": "this run is older than it; run again"})
            scored = scored if name in STUDENTS else before["label_model"][name]
            if "skipped" not in scored:
                raise WorkbenchError(f"{path} is missing, though run {run.id} has scores of it; copy it back, or run again")
            answers[name] = scored["skipped"]
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
    return answers


def score_answers(answers: Answers, dataset: Dataset, votes: VoteMatrix, chosen: str) -> dict[str, Any]:
    """Return the weak-to-strong report: scores of all models by split and rows, the gap recovered, errors copied and overruled.

    chosen: the label model that taught the end model.
    """
    covered = pd.Series(votes.covered, index=votes.ids)
    scored = side_by_side(answers, dataset, covered)
    found: dict[str, Any] = {"label_model": {name: scored[name] for name in answers if name not in STUDENTS}}
    found |= {name: scored[name] for name in STUDENTS}
    return {
        **found,
        "pgr": gap_recovered(answers, dataset),
        "gains": gains(answers, dataset, covered),
        "uncovered": without_votes(dataset, covered),
        "overruled": overruled(answers[chosen], answers["end_model"], dataset, votes),
    }


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
        return "the train split has no gold to train a ceiling on; give it some, or name `train_truth` under [data]"
    return train_on_gold(task, dataset.take(gold.covered), gold.take(gold.covered), progress, reuse=True)


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
        elif name in ("end_model", "ceiling"):
            return undefined_gap(answer)
    both = [pgr(on_test[weak], on_test["end_model"], on_test["ceiling"], gold) for weak in ("majority_vote", "generative")]
    return max(both, key=lambda one: one["weak"] or 0)
