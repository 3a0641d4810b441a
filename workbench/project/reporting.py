"""The facts of a report, gathered from the files of a task and a run; what they say in words is the room `report`'s."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pandas as pd

from workbench import __version__
from workbench.evaluate import score
from workbench.io.votes import read_soft_labels
from workbench.project.difference_in_words import difference_in_words
from workbench.project.end_model import HELD_OUT
from workbench.project.flips import BECAUSE
from workbench.project.label_model import chosen_in
from workbench.project.overview import MODELS, scoreboard, scored_splits
from workbench.project.reference import promoted
from workbench.project.report_appendix import appendix
from workbench.project.report_parts import audits, coverage, drift, failures, gate, outcomes, quoted, suites
from workbench.project.report_steps import next_steps
from workbench.project.run_difference import Difference, difference
from workbench.project.runs import Run, list_runs
from workbench.project.steps.fit import Report as Progress
from workbench.project.steps.predict import promised
from workbench.project.task import Task
from workbench.report.facts import Answering, Change, Changes, Drift, Example, Missing, Promise, Report, Share, Suites
from workbench.tables import Dataset

DAYS: Final = 6  # a run that is so much older is one of last week
_QUOTED: Final = 1  # of a kind
_LENGTH: Final = 150  # characters of a row that are shown
_PARTS: Final = 6
Redact = Callable[[Sequence[str]], tuple[Sequence[str], Mapping[str, int]]]


def facts_of(
    task: Task,
    run: Run,
    dataset: Dataset,
    *,
    week: str = "",
    redact: Redact | None = None,
    progress: Progress = lambda *_: None,
) -> Report:
    """Return what a report on a run tells; test rows are counted and scored, and none of them is quoted.

    week: of a weekly report, which looks back a week; '' for one that looks back to the run before. redact: masks personal data
    in what customers wrote, None to leave it as it is.
    """
    folder = shlex.quote(str(task.folder))
    progress("report", 0, _PARTS, "answers")
    answering = _answering(task, run, dataset, folder)
    answers = [one for one in list_runs(task) if one.id == _reference(task) != run.id]
    now = _answering(task, answers[0], dataset, folder) if answers else None
    progress("report", 1, _PARTS, "what changed")
    changes = _changes(task, run, dataset, bool(week), folder)
    progress("report", 2, _PARTS, "failures and audits")
    feared, audited, judged = failures(task, run, dataset, folder), *audits(task, folder)
    progress("report", 3, _PARTS, "coverage, suites, gate, drift")
    found = Report(
        task=task.name,
        label=week or run.id,
        weekly=bool(week),
        answering=answering,
        now=now,
        changes=changes,
        failures=feared,
        coverage=coverage(run, dataset, folder),
        suites=suites(run, dataset, folder),
        gate=gate(task, run, folder),
        drift=drift(task, folder),
        audits=audited,
        outcomes=outcomes(task, folder),
        steps=(),
        appendix=appendix(task, run, dataset, judged),
        masked=None,
        version=__version__,
    )
    steps = next_steps(task, run, dataset, found, folder, lambda what: progress("report", 4, _PARTS, what))
    return _redacted(replace(found, steps=tuple(steps)), redact)


def earlier_run(task: Task, run: Run, weekly: bool) -> tuple[Run, str] | None:
    """Return the run that a report looks back to, and in words why that one; None where there is none."""
    names = ("votes.parquet", "metrics.json") if (run.folder / "metrics.json").exists() else ("votes.parquet",)
    before = [one for one in list_runs(task) if one.id < run.id and all((one.folder / name).exists() for name in names)]
    if not before:
        return None
    if not weekly:
        return before[-1], "the run before"
    then = datetime.fromisoformat(run.about["finished"]) - timedelta(days=DAYS)
    old = [one for one in before if datetime.fromisoformat(one.about["finished"]) <= then]
    if old:
        return old[-1], f"the newest that is at least {DAYS} days older"
    reference = [one for one in before if one.id == _reference(task)]
    why = f"as no run is {DAYS} days older"
    return (reference[-1], f"the reference run, {why}") if reference else (before[-1], f"the run before, {why}")


def _reference(task: Task) -> str:
    """Return the id of the reference run, '' for none."""
    return next((str(line["run"]) for line in promoted(task)[-1:]), "")


def _answering(task: Task, run: Run, dataset: Dataset, folder: str) -> Answering:
    wrong: Share | Missing = Missing("No answers of this run are scored yet:", f"workbench run {folder}")
    model, split = MODELS["end_model"], ""
    if (run.folder / "metrics.json").exists():
        scored = _scored(run)
        wrong = Missing(
            "No row outside train has a known class, so nothing is scored; fill some in:", f"workbench check {folder}"
        )
        if scored is not None:
            model, split, wrong = scored
    if model != MODELS["end_model"]:
        model = "label model"
    return Answering(
        run=run.id,
        finished=run.about["finished"],
        reference=run.id == _reference(task),
        labels=task.labels,
        model=model,
        split=split,
        rows=run.about["rows"],
        wrong=wrong,
        promise=_promise(run, dataset, folder),
    )


def _scored(run: Run) -> tuple[str, str, Share] | None:
    """Return how often the end model is wrong on test, else on valid; of a run without one, the label model."""
    metrics = run.metrics()
    for model in (MODELS["end_model"], MODELS[chosen_in(run)]):
        for split in scored_splits(metrics):
            (line,) = _records(scoreboard(metrics, split, "all").loc[[model]])
            if line["n"] > 0:
                return model, split, Share(1 - line["accuracy"], 1 - line["high"], 1 - line["low"], int(line["n"]))
    return None


def _promise(run: Run, dataset: Dataset, folder: str) -> Promise | Missing:
    if not (run.folder / "end_model").exists():
        return Missing("No end model learned from this run's labels, so it answers no new row:", f"workbench train {folder}")
    found = promised(run)
    if found is None:
        return Missing(
            "Nothing is promised, as no row that taught nothing has a known class:", f"workbench audit {folder} plan"
        )
    learned, what = found
    answered = 0.0 if learned.threshold is None else learned.share[0]
    later = None
    if learned.threshold is not None and (run.folder / HELD_OUT).exists():
        soft = read_soft_labels(run.folder / HELD_OUT)
        test = (dataset.split.reindex(soft.ids) == "test").to_numpy() & learned.answers(soft.probs.max(axis=1))
        of = score(soft.take(test), dataset.gold if soft.labels == dataset.labels else None, split="test", rows="all")
        later = Share(1 - of["accuracy"], 1 - of["interval"][1], 1 - of["interval"][0], of["n"]) if of["n"] else None
    return Promise(learned.risk, learned.confidence, answered, learned.more, what, later)


def _changes(task: Task, run: Run, dataset: Dataset, weekly: bool, folder: str) -> Changes | Missing:
    before = earlier_run(task, run, weekly)
    if before is None:
        return Missing("There is no earlier run to compare with; the next one will be:", f"workbench run {folder}")
    found = difference(task, before[0], run, dataset)
    states = found.functions.groupby("state", sort=False) if len(found.functions) else ()
    labels = found.labels
    return Changes(
        before=before[0].id,
        finished=before[0].about["finished"],
        which=before[1],
        scores=_scores(found, chosen_in(run)),
        rows={str(change): int(n) for change, n in found.data.groupby("change", sort=False)["n"].sum().items()},
        functions={str(state): tuple(map(str, table.index)) for state, table in states},
        settings=tuple((str(name), str(line["before"]), str(line["after"])) for name, line in found.settings.iterrows()),
        flipped=0 if labels is None else int(labels.by_split["changed"].sum()),
        common=0 if labels is None else int(labels.by_split["common"].sum()),
        because={} if labels is None else {BECAUSE[str(what)]: int(n) for what, n in labels.because.items()},
        moves=() if labels is None else tuple((one["before"], one["after"], one["n"]) for one in _records(labels.moves)),
        examples=_flipped(found, dataset),
        said=tuple(difference_in_words(found)),
    )


def _scores(found: Difference, label_model: str) -> tuple[Change, ...]:
    """Return the changes of the label model that taught and of the end model, on test where it is scored, else on valid."""
    names = {MODELS[label_model]: "label model", MODELS["end_model"]: "end model"}
    table = found.scores[found.scores["model"].isin(names)].replace({"model": names})
    split = "test" if "test" in set(table["split"]) else "valid"
    return tuple(
        Change(**{name: one[name] for name in ("model", "split", "n", "before", "after", "low", "high")})
        for one in _records(table[table["split"] == split])
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in line.items()} for line in table.to_dict("records")]


def _flipped(found: Difference, dataset: Dataset) -> tuple[Example, ...]:
    """Return some rows of train and valid whose label flipped, the surest first."""
    if found.labels is None:
        return ()
    rows = found.labels.rows
    return tuple(
        Example(str(row), quoted(dataset, str(row)), f"was {line['before']}, now {line['after']} ({line['why']})")
        for row, line in rows[rows.index.isin(dataset.ids)].head(_QUOTED).iterrows()
    )


def _redacted(found: Report, redact: Redact | None) -> Report:
    """Mask what customers wrote wherever it may stand, then cut it short: a cut first would leave half a secret."""
    masked: dict[str, int] = {}

    def clean(words: str) -> str:
        if redact is None:
            return words
        (told,), counts = redact([words])
        for kind, n in counts.items():
            masked[kind] = masked.get(kind, 0) + n
        return told

    def shown(examples: Sequence[Example]) -> tuple[Example, ...]:
        return tuple(replace(one, text=_cut(clean(one.text))) for one in examples)

    told: dict[str, Any] = {}
    if isinstance(found.changes, Changes):
        told["changes"] = replace(found.changes, examples=shown(found.changes.examples))
    if isinstance(found.suites, Suites):
        skipped = tuple((name, clean(why)) for name, why in found.suites.skipped)
        told["suites"] = replace(found.suites, examples=shown(found.suites.examples), skipped=skipped)
    if isinstance(found.drift, Drift):
        terms = tuple((clean(term), rows) for term, rows in found.drift.new_terms)
        told["drift"] = replace(found.drift, drifted=tuple(map(clean, found.drift.drifted)), new_terms=terms)
    steps = tuple(replace(one, title=clean(one.title), basis=clean(one.basis)) for one in found.steps)
    notes = tuple(map(clean, found.appendix.notes))
    told |= {"steps": steps, "appendix": replace(found.appendix, notes=notes)}
    return replace(found, **told, masked=None if redact is None else masked)


def _cut(text: str) -> str:
    """Return a text of a few lines, cut between words."""
    if len(text) <= _LENGTH:
        return text
    head, blank, _ = text[: _LENGTH + 1].rpartition(" ")
    return f"{head if blank else text[:_LENGTH]} …"
