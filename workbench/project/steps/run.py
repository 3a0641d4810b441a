"""`workbench run`: the whole line, rows to scores; apply, diagnose, fit, export and train are the same line, ended earlier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.apply import apply_lfs
from workbench.io.files import new_folder
from workbench.io.votes import write_soft_labels, write_votes
from workbench.project.runs import Run, describe_run, find_run, new_run_id
from workbench.project.steps.check import check_settings
from workbench.project.steps.diagnose import diagnose
from workbench.project.steps.evaluate import evaluate
from workbench.project.steps.export import export
from workbench.project.steps.fit import chosen_model, fit_label_model
from workbench.project.steps.train import train
from workbench.project.task import Task
from workbench.text.duplicates import duplicate_report

STAGES = ("apply", "diagnose", "fit", "export", "train", "evaluate")
Report = Callable[[str, int, int], None]  # stage, done, total


def run(task: Task, *, until: str = "evaluate", report: Report = lambda stage, done, total: None) -> Run:
    """Apply, diagnose, fit, export, train and evaluate, ending after the stage `until`, into a new run folder."""
    last = STAGES.index(until)
    check_settings(task)
    dataset, notes = task.dataset()
    functions = task.functions()
    notes = [*notes, *duplicate_report(dataset).in_words()]
    run_id = new_run_id(task)
    with new_folder(task.runs_folder / run_id) as folder:
        votes = apply_lfs(functions, dataset, progress=lambda done, total: report("apply", done, total))
        write_votes(votes, folder / "votes.parquet")
        facts: dict[str, Any] = {"rows": len(dataset), "data": dataset.fingerprint, "votes": votes.fingerprint}
        facts["functions"] = {function.name: function.fingerprint for function in functions}
        if last >= STAGES.index("diagnose"):
            report("diagnose", 0, 1)
            notes += diagnose(folder, task, dataset, votes)
        if last >= STAGES.index("fit"):
            report("fit", 0, 1)
            chosen = chosen_model(task)
            soft = fit_label_model(task, chosen, dataset, votes)
            write_soft_labels(soft, folder / "soft_labels.parquet")
        if last >= STAGES.index("export"):
            report("export", 0, 1)
            export(folder / "export", task, dataset, votes, soft, facts)
        if last >= STAGES.index("train"):
            end_model = train(task, dataset, soft, lambda done, total, text: report("train", done, total))
            if not isinstance(end_model, str):
                end_model.save(folder / "end_model")
        if last >= STAGES.index("evaluate"):
            report("evaluate", 0, 1)
            evaluate(folder, task, dataset, votes, {chosen: soft, "end_model": end_model})
        describe_run(folder, task, until, notes=notes, **facts)
    return find_run(task, run_id)
