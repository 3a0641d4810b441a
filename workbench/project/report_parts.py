"""The parts of a report that stand in files of their own: failures, audits, coverage, suites, gate, drift, outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.names import capitalised
from workbench.project.audit_report import audit_plans, audit_report, failure_lines, weekly_series
from workbench.project.auditing import label_set, tolerated
from workbench.project.failures import candidates
from workbench.project.gate_in_words import fails, stale, verdict
from workbench.project.label_model import row_in_words
from workbench.project.monitoring import batches
from workbench.project.monitoring_facts import read_found
from workbench.project.outcomes import Q, decided_in_words
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.report.facts import (
    Audits,
    Coverage,
    Drift,
    Example,
    FailureLine,
    Failures,
    Gate,
    GateLine,
    Missing,
    OutcomeLine,
    Outcomes,
    Share,
    SuiteLine,
    Suites,
    Voted,
)
from workbench.spec import SEVERITIES
from workbench.stats import rows_to_promise
from workbench.tables import ABSTAIN, Dataset

_CONFIDENCE: Final = 0.95


def failures(task: Task, run: Run, dataset: Dataset, folder: str) -> Failures | Missing:
    """Return every failure mode with what an audit of this run's labels found, or how many labels could be it."""
    if not task.failures:
        return Missing("No failure is written down; say what must not happen in:", f"{folder}/failures.toml")
    if not (run.folder / "soft_labels.parquet").exists():
        return Missing("The run has no labels that could be a failure:", f"workbench run {folder}")
    labels = label_set(run, dataset, "train").labels
    rows = dataset.take(dataset.ids.isin(labels.index))
    masks = candidates(task, task.failures, rows, labels)
    soft = run.soft_labels()
    probs = soft.probs[soft.ids.get_indexer(rows.ids)]
    lines, plan = failure_lines(task, dataset, run), ""
    if audit_plans(task):
        report = audit_report(task)
        if report["label_set"]["same"] and any(line["n"] for line in report["descriptions"]["failures"]):
            lines, plan = report["descriptions"]["failures"], report["plan"]["name"]
    found = []
    for line, one in zip(lines, task.failures, strict=True):
        doubt = 1 - probs.max(axis=1) if one.actual is None else probs[:, dataset.labels.index(one.actual)]
        expected = float(doubt[masks[one.name]].sum() / max(len(labels), 1))
        about = {name: line[name] for name in ("name", "severity", "owner", "tolerated", "candidates", "n", "verdict")}
        found.append(FailureLine(**about, expected=expected, **{end: line[end] for end in ("estimate", "low", "high")}))
    found.sort(key=lambda one: (SEVERITIES.index(one.severity), -(one.expected or 0)))
    return Failures(len(labels), plan, tuple(found))


def audits(task: Task, folder: str) -> tuple[Audits | Missing, list[dict[str, Any]]]:
    """Return what audits promise and what is missing, and how functions did on the rows that people judged."""
    if not audit_plans(task):
        least = rows_to_promise(tolerated(task), _CONFIDENCE, fixed=True)
        limit = 100 * tolerated(task)
        why = f"No label was audited yet. A promise that at most {limit:g} % of them are wrong takes {least:,} rows "
        return Missing(
            why + "drawn by chance and all labelled right, and more with each error:", f"workbench audit {folder} plan"
        ), []
    found = audit_report(task)
    progress, plan = found["progress"], found["plan"]
    series = weekly_series(task)
    weekly = [
        f"Weekly batch {one['name']}: {one['answered']:,} of {one['rows']:,} rows answered"
        + ("." if one["estimate"] is None else f", {one['wrong']:,} of {one['n']:,} labels wrong.")
        for one in series["batches"]
    ]
    said = [*found["promise"]["words"], found["label_set"]["words"], *found["notes"]]
    functions = found["descriptions"]["functions"] if found["label_set"]["same"] else []
    answered = progress["rows"] - progress["open"]
    return Audits(plan["name"], plan["run"], progress["rows"], answered, tuple(said), tuple(weekly)), functions


def coverage(run: Run, dataset: Dataset, folder: str) -> Coverage | Missing:
    """Return coverage and conflict of all rows, by class of valid rows with gold, and by function."""
    if not (run.folder / "diagnosis.json").exists():
        return Missing("The run holds no diagnosis:", f"workbench diagnose {folder}")
    found, votes = run.diagnosis(), run.votes()
    whole = found["summary"]
    functions = [Voted(one["lf"], one["coverage"], one["conflict"], whole["rows"]) for one in found["functions"]]
    classes = []
    places = dataset.ids.get_indexer(votes.ids)
    known = (places >= 0) & (dataset.split.to_numpy() == "valid")[places]
    if dataset.gold is not None and votes.labels == dataset.labels:
        truth = np.where(known, dataset.gold.to_numpy()[places], ABSTAIN)
        for code, name in enumerate(dataset.labels):
            rows = truth == code
            if rows.any():
                shares = float(votes.covered[rows].mean()), float(votes.conflicting[rows].mean())
                classes.append(Voted(name, *shares, int(rows.sum())))
    return Coverage(
        Voted("all rows", whole["label_coverage"], whole["conflict"], whole["rows"]),
        "of the valid rows with gold",
        tuple(classes),
        tuple(sorted(functions, key=lambda one: -one.covered)),
    )


def suites(run: Run, dataset: Dataset, folder: str) -> Suites | Missing:
    """Return the suites of a run, the largest loss of accuracy first."""
    found = read_found(run.folder / "stress.json")
    if found is None:
        return Missing("No stress suite was run, so bad days are not known:", f"workbench stress {folder} --run {run.id}")
    lines = [_suite(one) for one in found["suites"] if one["n"]]
    lines.sort(key=lambda one: 0.0 if one.right is None or one.usual is None else one.right.value - one.usual)
    skipped = tuple((one["name"], one["reason"] or "no reason is kept") for one in found["suites"] if not one["n"])
    first = next((one for one in found["suites"] if lines and one["name"] == lines[0].name), None)
    examples = []
    for row in (first["worst"] if first else [])[:1]:
        if row in dataset.ids and dataset.split[row] != "test":
            examples.append(
                Example(row, quoted(dataset, row), f"of valid, among the worst rows in {lines[0].name}, as it was before")
            )
    return Suites(found.get("split", "held-out"), found.get("promise", ""), tuple(lines), skipped, tuple(examples))


def quoted(dataset: Dataset, row: str) -> str:
    """Return a row's text on one line."""
    return " ".join(row_in_words(dataset, int(dataset.ids.get_indexer(pd.Index([row]))[0])).split())


def _suite(one: Mapping[str, Any]) -> SuiteLine:
    of = one["of"] or {}
    right = _share(one["accuracy"], one["interval"], one["n"])
    usual = (of.get("accuracy"), of.get("wrong_confident"))
    return SuiteLine(one["name"], one["n"], right, usual[0], one["wrong_confident"], usual[1], one["said"])


def gate(task: Task, run: Run, folder: str) -> Gate | Missing:
    """Return what the gate last said of a run."""
    found = read_found(run.folder / "gate.json")
    if found is None:
        return Missing("The run was not held against limits yet:", f"workbench evaluate {folder} --run {run.id} --gate")
    lines = tuple(
        GateLine(one["name"], verdict(one), fails(one), one["passed"] is not None, one["said"]) for one in found["checks"]
    )
    return Gate(found["passed"], found["against"], found["finished"], lines, tuple(stale(task, found)))


def drift(task: Task, folder: str) -> Drift | Missing:
    """Return the newest batch of new rows, and how many checks drifted in each before."""
    series = batches(task)
    if not series:
        return Missing("No new rows were held against this task's yet:", f"workbench monitor {folder} NEWFILE")
    newest = series[-1]
    said = [one["said"] for one in newest["checks"] if one["drifted"]]
    return Drift(
        finished=newest["finished"],
        run=newest["run"],
        rows=newest["rows"],
        checks=len(newest["checks"]),
        drifted=tuple(map(capitalised, said)),
        new_terms=tuple((str(one["term"]), int(one["rows"])) for one in newest["new_terms"]),
        series=tuple((one["finished"][:10], int(one["drifted"])) for one in series),
    )


def outcomes(task: Task, folder: str) -> Outcomes | Missing:
    """Return what became of logged rows."""
    found = read_found(task.folder / "outcomes.json")
    if found is None:
        return Missing("What became of answered rows is not known:", f"workbench outcomes {folder} LOG OUTCOMES")
    whole = {line["decision"]: line for line in found["groups"] if line["by"] == "all"}
    tested = {one["outcome"]: one["q"] for one in found.get("differences", []) if one["by"] == "all"}
    lines = []
    for name in found["columns"]:
        answered, deferred = (_figures(whole.get(decision, {}).get(name)) for decision in ("answer", "needs review"))
        is_share = any("rate" in line[name] for line in whole.values())
        lines.append(OutcomeLine(name, is_share, answered, deferred, tested.get(name, 1.0) <= Q))
    judged = found.get("audited") or {}
    wrong = _share(judged.get("share"), judged.get("interval"), judged.get("labelled", 0))
    decided = decided_in_words(found.get("decided_by", []))
    said = tuple(found["said"])
    return Outcomes(found["from"], found["to"], found["n"], found["deflection"], decided, wrong, tuple(lines), said)


def _share(value: float | None, interval: Sequence[float] | None, n: int) -> Share | None:
    return None if value is None or interval is None else Share(value, interval[0], interval[1], n)


def _figures(found: Mapping[str, Any] | None) -> tuple[float, float, float, int] | None:
    if not found or not found["n"] or found["interval"] is None:
        return None
    value = found["rate"] if "rate" in found else found["mean"]
    return float(value), float(found["interval"][0]), float(found["interval"][1]), int(found["n"])
