"""`workbench evaluate --gate`: a run held against the limits of task.toml and against the reference run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.gate import ALPHA, SUITE, Audit, Facts, answered_rows, gate, passed
from workbench.gate.checks import AGAINST
from workbench.io.files import check_format, write_json
from workbench.io.kept import read_kept
from workbench.io.names import did_you_mean, listed
from workbench.io.votes import read_soft_labels
from workbench.project.auditing import label_set, tolerated
from workbench.project.end_model import HELD_OUT
from workbench.project.gate_in_words import limits_hash
from workbench.project.reference import reference_run
from workbench.project.reviewing import fingerprints, open_record
from workbench.project.run_sources import kept_rows
from workbench.project.runs import Run, find_run
from workbench.project.steps.predict import AnswerRule, open_model
from workbench.project.stress_suites import held_rows, read_settings, suites_of
from workbench.project.task import Task
from workbench.review.estimates import LABELLED, answers, promise
from workbench.review.plan import label_set_fingerprint
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN, Dataset, SoftLabels, WorkbenchError

GATE: Final = "gate.json"
_STRESS: Final = "stress.json"
_ASKED: Final = 60  # rows one by one, for the time that an answer takes


def pass_gate(task: Task, run_id: str | None = None, against: str | None = None) -> dict[str, Any]:
    """Hold a run against limits and reference, write gate.json into it and return what it says.

    run_id: by default the newest run that an end model answered. against: by default the reference run, if there is one.
    {format, run, against, finished, passed, alpha, limits, split, rows, common, notes, checks}: rows of the split that the run
    answered, and how many of them both answered.
    """
    run = find_run(task, run_id, holding=HELD_OUT)
    other, notes = _opponent(task, run, against)
    dataset, warnings = task.dataset()
    notes = [*warnings, *notes]
    split = scored_split(dataset)
    now = facts_of(task, run, dataset, split)
    _check_suites(task, now)
    before = None if other is None else facts_of(task, other, dataset, split)
    common = None
    if before is not None and other is not None:
        common = len(now.rows.index.intersection(before.rows.index))
        notes += _common_in_words(run, other, now, before, common)
    if any(one.measure == "audit" for one in task.gate):
        now = replace(now, audit=_audit(task, run, dataset))
    timed = _timed(task, run, other)
    if timed:
        taken = _latencies(task, timed, dataset.take(dataset.ids.get_indexer(now.rows.index)))
        now = replace(now, latency=taken[0])
        before = None if before is None else replace(before, latency=taken[1] if len(taken) > 1 else before.latency)
    lost = int((dataset.split == split).sum()) - len(now.rows)
    if lost:
        notes.append(f"run {run.id} has not answered {lost:,} rows that are in {split} now; they are left out")
    if split != "test":
        notes.append(
            "there is no test row with gold, so valid rows are looked at; who chose settings by them is flattered here"
        )
    checks = gate(task.gate, now, before)
    notes += [] if other is None else _thresholds_in_words(run, other, checks)
    document = {
        "format": 1,
        "run": run.id,
        "against": None if other is None else other.id,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": passed(checks),
        "alpha": ALPHA,
        "limits": limits_hash(task),
        "split": split,
        "rows": len(now.rows),
        "common": common,
        "notes": notes,
        "checks": checks,
    }
    write_json(run.folder / GATE, document)
    return document


def _opponent(task: Task, run: Run, against: str | None) -> tuple[Run | None, list[str]]:
    """Return the run to compare with, and in words what is not compared."""
    if against == run.id:
        raise WorkbenchError(f"run {run.id} cannot be held against itself; name another after --against")
    other = reference_run(task) if against is None else find_run(task, against)
    if other is not None and other.id != run.id:
        how = "" if task.gate else f"{task.folder / 'task.toml'} sets no limits under [gate], so the reference alone decides"
        return other, [how] if how else []
    why = f"run {run.id} is the reference itself" if other else "no run is the reference yet"
    out = "name another after --against" if other else f"`workbench runs promote {task.folder} RUN` makes one so"
    if not task.gate:
        raise WorkbenchError(
            f"there is nothing to hold run {run.id} against: {why} ({out}), and {task.folder / 'task.toml'} sets no limits "
            "under [gate]"
        )
    return None, [f"{why}, so nothing is compared, and limits alone decide; {out}"]


def scored_split(dataset: Dataset) -> str:
    """Return the split that a gate looks at: test, or valid where no test row has gold."""
    known = pd.Series(False, dataset.ids) if dataset.gold is None else dataset.gold != ABSTAIN
    for rows in (known, pd.Series(True, dataset.ids)):
        for split in ("test", "valid"):
            if (rows & (dataset.split == split)).any():
                return split
    raise WorkbenchError("a gate looks at rows outside train, and there are none; set some apart with `split` under [data]")


def facts_of(task: Task, run: Run, dataset: Dataset, split: str) -> Facts:
    """Return what a gate looks at of every run: its answers on a split, and its suites."""
    soft = _answers(run, dataset, split)
    return Facts(
        answered_rows(soft, dataset.gold, run.votes(), AnswerRule.of(run).threshold),
        pd.DataFrame(slice_masks(task.slices, dataset), index=dataset.ids, dtype=bool).loc[soft.ids],
        _suites(task, run),
    )


def _answers(run: Run, dataset: Dataset, split: str) -> SoftLabels:
    """Return the answers that a run stored on the rows that are in the split now."""
    path = run.folder / HELD_OUT
    if not path.exists():
        raise WorkbenchError(
            f"run {run.id} has no answers of an end model; a gate holds runs of `workbench run` that train one"
        )
    stored = read_soft_labels(path)
    if stored.labels != dataset.labels:
        raise WorkbenchError(f"run {run.id} answered with the labels {list(stored.labels)}, and the task now has others")
    wanted = dataset.ids[(dataset.split == split).to_numpy()]
    at = stored.ids.get_indexer(wanted)
    if not (at >= 0).any():
        raise WorkbenchError(f"run {run.id} has answered no row that is in {split} now; run again")
    return stored.take(at[at >= 0])


def _suites(task: Task, run: Run) -> pd.DataFrame | str:
    path = run.folder / _STRESS
    if not path.exists():
        return f"run {run.id} went through no suites; `workbench stress {task.folder} --run {run.id}` runs them"
    found = read_kept(path, suites=list[dict])  # type: ignore[type-arg]
    check_format(found, path)
    lines = {str(one["name"]): [one.get(name) for name in SUITE] for one in found["suites"]}
    return pd.DataFrame.from_dict(lines, orient="index", columns=list(SUITE)).astype(SUITE)


def _thresholds_in_words(run: Run, other: Run, checks: Sequence[dict[str, Any]]) -> list[str]:
    """Say where suites are compared by what the runs answered, each above its own threshold: who answers more errs more."""
    compared = [one["name"] for one in checks if one["kind"] == AGAINST and one["p"] is not None]
    told = [name for name in compared if name.startswith("suites.") and name.endswith((".answered", ".wrong_confident"))]
    found = [read_kept(one.folder / _STRESS).get("threshold") for one in (run, other)] if told else [None]
    if None in found or found[0] == found[1]:
        return []
    return [
        f"run {run.id} answered suites above a confidence of {found[0]:.3f}, and run {other.id} above {found[1]:.3f}: compared "
        f"by {listed(told)} is what each would do, not how good they are at one threshold"
    ]


def _check_suites(task: Task, now: Facts) -> None:
    """Refuse a limit on a suite that the task does not have: as it is never checked, it would hold nothing for good."""
    there = () if isinstance(now.suites, str) else now.suites.index
    strange = [one for one in task.gate if one.group == "suites" and one.name not in there]
    if not strange:
        return
    settings = read_settings(task)
    suites = suites_of(task, settings, held_rows(task, settings))
    known = [*(one.name for one in suites), *(one.name for one in settings.rules_removed)]
    for one in (one for one in strange if one.name not in known):
        hint = did_you_mean(one.name, known) or f"; there are {listed(known, 60)}"
        raise WorkbenchError(f"[gate] has the limit {one.key}, and there is no suite {one.name!r}{hint}")


def _timed(task: Task, run: Run, other: Run | None) -> list[Run]:
    """Return the runs to be timed: the reference only where it is compared, as in CI its end model may not be there."""
    limits = [one for one in task.gate if one.measure == "latency_ms"]
    compared = other is not None and any(one.worse_by is not None for one in limits)
    return [run, *([other] if other is not None and compared else [])] if limits else []


def _latencies(task: Task, runs: Sequence[Run], rows: Dataset) -> list[NDArray[np.float64]]:
    """Return for each run how many milliseconds its end model takes to answer a row, for the same rows one by one.

    The models take turns, so that what else the machine does slows all of them.
    """
    models = [open_model(task, run).model for run in runs]
    some = np.random.default_rng(0).choice(len(rows), min(_ASKED, len(rows)), replace=False)
    singles = [task.visible(rows.take(np.array([place]))) for place in some]
    taken = np.empty((len(runs), len(singles)))
    for model in models:
        model.ask(singles[0])  # what is loaded once is loaded now
    for column, row in enumerate(singles):
        for line, model in enumerate(models):
            start = time.perf_counter()
            model.ask(row)
            taken[line, column] = 1e3 * (time.perf_counter() - start)
    return list(taken)


def _audit(task: Task, run: Run, dataset: Dataset) -> Audit | str:
    """Return what the newest audit plan says that was drawn from the labels of a run; weekly plans see only some of them."""
    record = open_record(task)
    plans = record.plans()
    for id in plans.loc[plans["run"].notna() & ~plans["recurring"].astype(bool), "id"].iloc[::-1]:
        plan = record.audit(id)
        if plan.run != run.id and not _same_labels(task, run, dataset, plan):
            continue
        found = answers(plan, record.current())
        asked = int(found["asked"].sum())
        if not asked:
            return f"no draw of the audit plan for the labels of run {run.id} is answered"
        told = promise(plan, found, tolerated(task))
        wrong = ((found["state"] == LABELLED) & (found["truth"] != plan.draws["label"])).to_numpy(np.float64)
        return Audit(told["bound"], told["confidence"], (plan.weights * wrong)[:asked], told["largest"])
    return f"no audit plan is drawn from the labels of run {run.id}; `workbench audit {task.folder} plan` draws one"


def _same_labels(task: Task, run: Run, dataset: Dataset, plan: Any) -> bool:
    """Return whether a run has the very label set that a plan of another run was drawn from."""
    labels = label_set(run, dataset, str(plan.settings["split"])).labels
    return bool(label_set_fingerprint(labels, fingerprints(task, dataset, labels.index)) == plan.fingerprint)


def _common_in_words(run: Run, other: Run, now: Facts, before: Facts, common: int) -> list[str]:
    """Say where the two runs answered other rows, or the same rows as they read then."""
    said = []
    if not common == len(now.rows) == len(before.rows):
        said.append(
            f"run {run.id} answered {len(now.rows):,} of the rows and run {other.id} {len(before.rows):,}: they are compared "
            f"on the {common:,} that both answered"
        )
    kept = [kept_rows(one) for one in (run, other)]
    if kept[0] is not None and kept[1] is not None:
        ids = now.rows.index.intersection(before.rows.index)
        edited = int((kept[0]["hash"].reindex(ids) != kept[1]["hash"].reindex(ids)).sum())
        if edited:
            said.append(f"{edited:,} of the {common:,} rows that both answered were edited between the two runs")
    return said
