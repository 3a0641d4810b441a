"""The line from votes to models as a run went through it, so that it can be gone through with other votes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.project.reviewing import kept_anchors, open_record
from workbench.project.runs import Run
from workbench.project.steps.defer import learned_deferral
from workbench.project.steps.fit import chosen_model, fit_label_model, training_rows
from workbench.project.steps.predict import NONE
from workbench.project.steps.train import train
from workbench.project.task import Task
from workbench.stress import Asked, Held
from workbench.stress.rules_removed import Line
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError


def line_of(task: Task, run: Run, dataset: Dataset, held: Held, confident: float | None) -> Line | str:
    """Return how the run's models learn from votes, with its settings and its reviewers' answers; or why that cannot be said.

    held: rows that are scored. confident: above this confidence a model that learned again answers; None where it finds its own
    threshold, on the rows on which the run's was measured.
    """
    if held.rows.gold is None:
        return "no row outside train has gold"
    votes = run.votes()
    if not votes.ids.equals(dataset.ids):
        return f"the task's rows are not those that run {run.id} voted on; run the task again"
    settings = run.about["settings"]
    ran = replace(task, label_model=settings["label_model"], end_model=settings["end_model"])
    anchors = kept_anchors(run.folder)
    at = dataset.ids.get_indexer(held.rows.ids)

    def fitted(votes: VoteMatrix) -> SoftLabels:
        return fit_label_model(ran, chosen_model(ran), dataset, votes, anchors)[0]

    def learned(votes: VoteMatrix) -> Asked:
        taught = training_rows(dataset)
        measured = open_record(ran).measure_rows().index
        model = train(ran, dataset.take(taught), fitted(votes).take(taught), anchors=anchors, measured=measured)
        if isinstance(model, str):
            raise WorkbenchError(model)
        soft, unlike = model.ask(held.rows)
        above = _threshold(ran, dataset, model) if confident is None else confident
        return Asked(soft, (soft.probs.max(axis=1) > above) & ~unlike)

    return Line(held, votes, lambda votes: fitted(votes).take(at), learned)


def _threshold(task: Task, dataset: Dataset, model: Any) -> float:
    """Return above which confidence a model may answer, by a run's measure rows."""
    found = learned_deferral(task, dataset, model)
    return NONE if found is None or found[0].threshold is None else found[0].threshold
