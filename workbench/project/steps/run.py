"""`workbench run`: the whole line, rows to scores; apply, diagnose, fit, export and train are the same line, ended earlier."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from workbench.engines import Mapper
from workbench.io.files import new_folder, write_json
from workbench.io.votes import write_votes
from workbench.lfs import LabelingFunction
from workbench.project.in_parts import InParts
from workbench.project.partitioned import sample_of
from workbench.project.production import production_ids
from workbench.project.reviewing import Reviewed, open_record, reviewed, with_reviewed_gold
from workbench.project.run_sources import keep_sources
from workbench.project.runs import Run, describe_run, find_run, new_run_id
from workbench.project.steps.apply import apply, check_names, kept_mapper, make_limits, stopped_in_words
from workbench.project.steps.check import calls_ahead, check_settings
from workbench.project.steps.compare import compare
from workbench.project.steps.defer import defer
from workbench.project.steps.diagnose import diagnose
from workbench.project.steps.evaluate import evaluate
from workbench.project.steps.export import candidates, export, provenance_of
from workbench.project.steps.fit import Report, chosen_model, fit, training_rows
from workbench.project.steps.train import keep_end_model, train
from workbench.project.task import Task
from workbench.project.voting_in_parts import joined, without
from workbench.tables import Dataset, SoftLabels, VoteMatrix
from workbench.text.duplicates import duplicate_report

STAGES = ("apply", "diagnose", "fit", "export", "train", "evaluate")


def _quiet(stage: str, done: int, total: int, detail: str) -> None:
    """Report to nobody."""


def _mute(sentence: str) -> None:
    """Say it to nobody."""


def run(
    task: Task,
    *,
    until: str = "evaluate",
    compared: bool = False,
    intervals: bool = False,
    again: Collection[str] = (),
    report: Report = _quiet,
    say: Callable[[str], None] = _mute,
) -> Run:
    """Apply, diagnose, fit, export, train and evaluate, ending after the stage `until`, into a new run folder.

    compared: fit every other label model too, for compare.json. intervals: find how far off may be what the label model learns.
    again: functions that vote anew whatever is kept of them. report: told how far each stage is. say: told at once what cannot
    wait for the notes, such as calls about to be made.
    """
    last = STAGES.index(until)
    check_settings(task)
    with kept_mapper(task) as mapper:
        rows, dataset, notes = _read(task, mapper, report)
        functions = task.functions()
        for sentence in calls_ahead(functions, dataset, task.partitioned):
            say(sentence)
        run_id = new_run_id(task)
        with new_folder(task.runs_folder / run_id) as folder:
            keep_sources(folder, task, functions, rows)
            parts, votes, times = _vote(task, mapper, functions, dataset, report, again)
            notes += task.disabled_in_words() + stopped_in_words(votes) + ([] if parts is None else parts.in_words())
            write_votes(votes, folder / "votes.parquet")
            facts = {"data": rows.fingerprint, **_facts(functions, votes, parts), "microseconds": times}
            if last >= STAGES.index("diagnose"):
                report("diagnose", 0, 1, "")
                decided = reviewed(task, dataset)
                facts["review"] = decided.facts
                judged, said = with_reviewed_gold(rows, decided)
                notes += decided.notes + said + diagnose(folder, task, judged, votes)
            if last >= STAGES.index("fit"):
                report("fit", 0, 1, "")
                known = decided.teaching
                soft, model, said = fit(folder, task, dataset, votes, report, gold=known, intervals=intervals, parts=parts)
                notes += said
                if compared:
                    write_json(folder / "compare.json", compare(task, dataset, votes, report, known))
            if last >= STAGES.index("export"):
                report("export", 0, 1, "")
                found, provenance = candidates(task, rows, votes, soft, folder), provenance_of(task, model, facts)
                notes += export(folder / "export", task, found, provenance, notes, report, parts)[1]
            if last >= STAGES.index("train"):
                end_model = _train(folder, task, dataset, soft, decided, report)
                notes += [] if isinstance(end_model, str) else defer(folder, task, dataset, end_model)
            if last >= STAGES.index("evaluate"):
                evaluate(folder, task, dataset, votes, {chosen_model(task): soft, "end_model": end_model}, report)
            if parts is not None:
                parts.write(folder, votes.lfs)
            describe_run(folder, task, until, notes=notes, **facts)
    return find_run(task, run_id)


def _facts(functions: Sequence[LabelingFunction], votes: VoteMatrix, parts: InParts | None) -> dict[str, Any]:
    """Return what run.json says of the votes, and of all rows where these are in partitions."""
    facts: dict[str, Any] = {"rows": len(votes), "votes": votes.fingerprint, "stopped": dict(votes.stopped)}
    facts["functions"] = {function.name: function.fingerprint for function in functions}
    return facts if parts is None else facts | {"parts": parts.in_numbers()}


def _read(task: Task, mapper: Mapper | None, report: Report) -> tuple[Dataset, Dataset, list[str]]:
    """Return the rows, of those in partitions a sample that workers draw; what functions see of them; what to know of them."""
    if mapper is not None:
        sample_of(task.folder, task.source(), mapper, partial(report, "sample"))
    rows, notes = task.dataset()
    dataset = task.visible(rows)
    return rows, dataset, [*notes, *duplicate_report(dataset).in_words()]


def _vote(
    task: Task,
    mapper: Mapper | None,
    functions: Sequence[LabelingFunction],
    dataset: Dataset,
    report: Report,
    again: Collection[str],
) -> tuple[InParts | None, VoteMatrix, dict[str, float]]:
    """Let functions vote; of rows in partitions return all votes in parts, and those on sampled and production rows."""
    if mapper is None:
        return None, *apply(task, functions, dataset, report, again)
    check_names(functions, again)
    parts = InParts.vote(task, functions, mapper, make_limits(task), report, again)
    votes = parts.of(dataset.ids, production_ids(task.folder))
    later = ~dataset.ids.isin(votes.ids)
    if later.any():
        more, _ = apply(task, functions, dataset.take(later), report)
        parts.later = without(more, tuple(parts.stopped))
        votes = joined([votes, parts.later], votes.stopped)
    return parts, votes.take(votes.ids.get_indexer(dataset.ids)), {}


def _train(folder: Path, task: Task, dataset: Dataset, soft: SoftLabels, decided: Reviewed, report: Report) -> Any:
    """Train and keep the end model on the rows that models learn from; return it, or in words why there is none."""
    taught = training_rows(dataset)
    report("train", 0, 0, "reading the rows")  # encoding them takes longer than an epoch
    end_model = train(
        task,
        dataset.take(taught),
        soft.take(taught),
        lambda done, total, text: report("train", done, total, text),
        anchors=decided.teaching,
        measured=open_record(task).measure_rows().index,
        reuse=True,
    )
    if not isinstance(end_model, str):
        keep_end_model(folder, end_model, dataset.take(taught))
    return end_model
