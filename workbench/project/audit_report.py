"""What an audit has found so far: its promises, and apart from them what it merely describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.project.auditing import label_set, tolerated
from workbench.project.failures import candidates, judged, verdict
from workbench.project.reviewing import fingerprints, open_record
from workbench.project.runs import Run, find_run
from workbench.project.task import Task
from workbench.review.agreement import agreement
from workbench.review.estimates import (
    DISPUTED,
    LABELLED,
    OPEN,
    UNSURE,
    answers,
    described,
    description,
    labelled,
    measured,
    promise,
    stratum_promises,
)
from workbench.review.plan import AuditPlan, label_set_fingerprint
from workbench.spec import slice_masks
from workbench.stats import hajek
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

__all__ = [
    "audit_plans", "audit_report", "failure_lines", "find_plan", "promise_in_words", "promise_so_far", "weekly_series",
]  # fmt: skip

_MOST: Final = 100_000  # draws above which no number is named


def find_plan(task: Task, wanted: str | None = None) -> pd.Series[Any]:
    """Return the line of Record.plans of a plan by name, id or the head of an id; of None, of the newest not weekly."""
    plans = open_record(task).plans()
    plans = plans[plans["run"].notna()]
    if plans.empty:
        raise WorkbenchError(f"task {task.name!r} has no audit plan yet; make one with `workbench audit {task.folder} plan`")
    if wanted is None and plans["recurring"].all():
        raise WorkbenchError(
            f"task {task.name!r} has no audit plan but its weekly batches, {listed(plans['name'])}: name one, or make a plan "
            f"with `workbench audit {task.folder} plan`"
        )
    if wanted is None:
        return plans[~plans["recurring"]].iloc[-1]
    named = plans[plans["name"] == wanted]
    fits = plans[plans["id"].str.startswith(wanted)] if named.empty else named
    if len(fits) != 1:
        few = "the ids of several audit plans begin with" if len(fits) else "there is no audit plan"
        names = plans["name"].tolist()
        raise WorkbenchError(f"{few} {wanted!r}{did_you_mean(wanted, names)}; there are {listed(names[-12:])}")
    return fits.iloc[0]


def audit_plans(task: Task) -> dict[str, str]:
    """Return the names of the audit plans of a task by id, the newest first; weekly ones are in their series alone."""
    plans = open_record(task).plans()
    kept = plans[plans["run"].notna() & ~plans["recurring"]][::-1]
    return dict(zip(kept["id"], kept["name"], strict=True))


def promise_so_far(task: Task, plan: str) -> list[str]:
    """Return in words what the answers of an audit plan promise by now."""
    record = open_record(task)
    audit = record.audit(plan)
    return promise_in_words(promise(audit, answers(audit, record.current()), float(audit.settings["target"])))


def audit_report(task: Task, wanted: str | None = None) -> dict[str, Any]:
    """Return all that is known of an audit plan, of the newest but weekly ones unless one is named.

    plan: what it is. progress: distinct rows by state. promise: of the whole label set, with `words`. strata: promises each by
    itself. descriptions: by `all`, `classes`, `strata`, `slices`, `functions`, `failures`. unsure: share of answered draws.
    agreement: of reviewers on these rows. label_set: whether the newest run still has it, with `words`. new_labels: how the
    newest run's other labels look by the old answers. notes: what is left out, in words.
    """
    line, dataset = find_plan(task, wanted), task.dataset()[0]
    record = open_record(task)
    plan, current = record.audit(str(line["id"])), record.current()
    found = answers(plan, current)
    promised = promise(plan, found, float(plan.settings["target"]))
    run, notes = _run(task, plan)
    words, newer = _label_set(task, dataset, plan)
    plans = record.plans()
    same = plans.loc[plans["fingerprint"] == plan.fingerprint, "name"]
    if len(same) > 1:
        notes.append(
            f"{len(same)} plans were drawn from this label set ({listed(same)}): the promise of each holds at "
            f"{promised['confidence']:.0%} by itself, and that of the best, picked afterwards, does not."
        )
    whole = np.ones(len(plan.draws), bool)
    answered = ((found["state"] != OPEN) & found["asked"]).to_numpy()
    unsure = description(plan, np.asarray(found["state"] != LABELLED, np.float64), answered)
    progress, left_out = _progress(task, dataset, plan, found)
    failures: list[dict[str, Any]] = []
    try:
        failures = failure_lines(task, dataset, run, plan, found)
    except WorkbenchError as error:
        notes.append(f"Failures are not described: {error}.")
    return {
        "plan": _about(plan, line),
        "progress": progress,
        "promise": {**promised, "words": promise_in_words(promised)},
        "strata": stratum_promises(plan, found),
        "descriptions": {**_descriptions(task, dataset, plan, found, run), "failures": failures},
        "unsure": {("unsure" if name == "wrong" else name): figure for name, figure in unsure.items()},
        "agreement": agreement(measured(plan, current)),
        "label_set": words,
        "new_labels": None if newer is None else described(plan, found, {"all": whole}, newer)[0],
        "notes": [*notes, *left_out],
    }


def _about(plan: AuditPlan, line: pd.Series[Any]) -> dict[str, Any]:
    about = {name: str(line[name]) for name in ("id", "name", "time")}
    figures = {"population": plan.population, "draws": len(plan.draws), "rows": len(plan.rows)}
    return {**about, "run": plan.run, "fingerprint": plan.fingerprint, **figures, "settings": dict(plan.settings)}


def promise_in_words(found: Mapping[str, Any]) -> list[str]:
    """Say what a promise of `estimates.promise` promises, and what is missing until its target."""
    level, target = f"{found['confidence']:.0%}", f"{found['target']:.1%}"
    if not found["rows"]:
        turn = " in its turn" if found["beyond"] else ""
        said = [f"No row is answered{turn} yet, so nothing is promised."]
    else:
        doubtful = f"{found['errors']:,} of {found['draws']:,} draws wrong, unsure or left out, {found['rows']:,} rows answered"
        said = [f"At most {found['bound']:.1%} of these labels are wrong, at {level} confidence ({doubtful})."]
    if found["bound"] <= found["target"]:
        return [*said, f"The target of {target} is reached."]
    if found["beyond"]:
        counted = f"the first {found['draws']:,} draws" if found["draws"] else "no draw yet"
        said.append(
            f"The promise counts {counted}, as draw {found['draws'] + 1:,} is open; behind it {found['beyond']:,} more "
            "rows are answered, which count once those before them are."
        )
    if found["open"]:
        said.append(f"Draws that were passed over, and count as wrong until they are answered: {found['open']:,}.")
    if found["more"] is None:
        return [
            *said,
            f"After these errors no number of draws up to {_MOST:,} brings it to {target}: mend labels and plan again.",
        ]
    why = ""
    if not found["errors"]:
        why = f": {found['least']:,} in all are the least, for a single look; here every label may be looked after"
        why += f", and a draw weighs up to {found['largest']:.1f}" if found["largest"] >= 1.05 else ""
    said.append(f"Label {found['more']:,} more draws, each without an error, to reach the target of {target}{why}.")
    if found["more"] > found["left"]:
        said.append(f"The plan has {found['left']:,} draws left, too few for that: mend labels, or make a larger plan.")
    return said


def _progress(task: Task, dataset: Dataset, plan: AuditPlan, found: pd.DataFrame) -> tuple[dict[str, int], list[str]]:
    """Count the distinct rows by state, and say which can no longer be answered."""
    first = plan.draws.drop_duplicates("row")
    states = found["state"].loc[first.index]
    left = first[(states == OPEN).to_numpy()]
    here = left[left["row"].isin(dataset.ids)]
    edited = int((here["shown"] != fingerprints(task, dataset, here["row"].tolist())).sum())
    counts = {"rows": len(first), **{name: int((states == name).sum()) for name in (LABELLED, UNSURE, DISPUTED, OPEN)}}
    gone = {"gone from the data": len(left) - len(here), "edited since they were drawn": edited}
    return counts, [f"Drawn rows that are {what}, and count as wrong: {n:,}." for what, n in gone.items() if n]


def _run(task: Task, plan: AuditPlan) -> tuple[Run | None, list[str]]:
    try:
        return find_run(task, plan.run), []
    except WorkbenchError:
        return None, [f"Run {plan.run} is gone, so its functions are not described; the promise holds for its labels."]


def _label_set(task: Task, dataset: Dataset, plan: AuditPlan) -> tuple[dict[str, Any], pd.Series[Any] | None]:
    """Say whether the newest run has the plan's label set, and return its labels of the draws where it has others."""
    try:
        newest = find_run(task, holding="soft_labels.parquet")
    except WorkbenchError:
        return {"newest": None, "same": False, "words": f"The promise holds for the labels of run {plan.run}."}, None
    if newest.id == plan.run:
        return {"newest": newest.id, "same": True, "words": f"The newest run {newest.id} has these labels."}, None
    try:
        labels = label_set(newest, dataset, str(plan.settings["split"])).labels
    except WorkbenchError:
        labels = pd.Series(dtype="str")
    if plan.members is not None:  # a weekly plan knows only its part of the labels
        labels = labels[labels.index.isin(list(plan.members))]
    same = label_set_fingerprint(labels, fingerprints(task, dataset, labels.index)) == plan.fingerprint
    words = (
        f"The newest run {newest.id} has the same labels of the same rows, so the promise holds for it too."
        if same
        else f"The newest run {newest.id} has other labels or rows: the promise holds for run {plan.run} only; plan again."
    )
    newer = labels.reindex(plan.draws["row"]).set_axis(plan.draws.index)
    return {"newest": newest.id, "same": same, "words": words}, None if same else newer


def _descriptions(
    task: Task, dataset: Dataset, plan: AuditPlan, found: pd.DataFrame, run: Run | None
) -> dict[str, list[dict[str, Any]]]:
    label, stratum = plan.draws["label"].to_numpy(), plan.draws["stratum"].to_numpy()
    at = dataset.ids.get_indexer(pd.Index(plan.draws["row"]))
    distinct = np.unique(at[at >= 0])
    rows = dataset.take(distinct)
    slices = {name: _on_draws(mask, distinct, at) for name, mask in slice_masks(task.slices, rows).items()}
    return {
        "all": described(plan, found, {"all": np.ones(len(label), bool)}),
        "classes": described(plan, found, {name: label == name for name in dataset.labels}),
        "strata": described(plan, found, {name: stratum == h for h, name in plan.strata["name"].items()}),
        "slices": described(plan, found, slices),
        "functions": [] if run is None else _functions(plan, found, run),
    }


def _on_draws(mask: NDArray[np.bool_], distinct: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Carry a mask of distinct rows over to the draws; a row that is gone is in nothing."""
    here = np.zeros(len(at), bool)
    here[at >= 0] = mask[np.searchsorted(distinct, at[at >= 0])]
    return here


def _functions(plan: AuditPlan, found: pd.DataFrame, run: Run) -> list[dict[str, Any]]:
    """Describe the votes of every function on the draws: `wrong` of n, and how many are right."""
    votes = run.votes()
    drawn = votes.votes[votes.ids.get_indexer(pd.Index(plan.draws["row"]))]
    names = np.array([*votes.labels, None], dtype=object)
    lines = []
    for j, lf in enumerate(votes.lfs):
        cast = pd.Series(names[drawn[:, j]], index=plan.draws.index, dtype="str")
        (line,) = described(plan, found, {lf: drawn[:, j] != ABSTAIN}, cast)
        lines.append({**line, "right": line["n"] - line["wrong"]})
    return lines


def failure_lines(
    task: Task, dataset: Dataset, run: Run | None, plan: AuditPlan | None = None, found: pd.DataFrame | None = None
) -> list[dict[str, Any]]:
    """Say of every failure mode what is tolerated and what was measured, both as shares of all labels; found: of `answers`.

    candidates: labels of the run, in the label set of the plan or of train, that could be it; None where the run is gone. n:
    labelled draws, wrong: of them this failure, estimate, low, high. verdict: of the interval against what is tolerated.
    """
    failures = task.failures
    if not failures:
        return []
    labels = pd.Series(dtype="str") if plan is None else plan.draws.drop_duplicates("row").set_index("row")["label"]
    if run is not None:
        labels = label_set(run, dataset, "train" if plan is None else str(plan.settings["split"])).labels
    if plan is not None and plan.members is not None:
        labels = labels[labels.index.isin(list(plan.members))]
    rows = dataset.take(dataset.ids.isin(labels.index))
    masks = candidates(task, failures, rows, labels)
    lines = []
    for one in failures:
        about = {name: getattr(one, name) for name in ("name", "severity", "owner", "tolerated")}
        figures: dict[str, Any] = {"n": 0, "wrong": 0, **dict.fromkeys(("estimate", "low", "high"))}
        if plan is not None and found is not None:
            here = pd.Series(masks[one.name], rows.ids).reindex(plan.draws["row"], fill_value=False).to_numpy()
            known = labelled(found)
            cells = zip(here & known, plan.draws["label"], found["truth"], strict=True)
            wrong = np.array([could and judged(one, label, truth) for could, label, truth in cells], np.float64)
            figures = description(plan, wrong, known)
        could = None if run is None else int(masks[one.name].sum())
        lines.append(
            {**about, "candidates": could, **figures, "verdict": verdict(one.tolerated, figures["low"], figures["high"])}
        )
    return lines


def weekly_series(task: Task) -> dict[str, Any]:
    """Return the batches of `--weekly`, the oldest first, and which share of the error budget they use.

    A batch: name, time, run, population (labels), rows (drawn), answered (rows), n, wrong, estimate, low, high (of labelled
    draws), budget: the estimate over the tolerated share. all: of the batches with labelled draws together, each draw weighted
    by the labels that it stands for.
    """
    record, limit = open_record(task), tolerated(task)
    current, plans = record.current(), record.plans()
    batches, parts = [], []
    for line in plans[plans["recurring"]].itertuples():
        plan = record.audit(str(line.id))
        found = answers(plan, current)
        known = labelled(found)
        wrong, weights = np.asarray(found["truth"] != plan.draws["label"], np.float64), plan.weights
        about = {"name": str(line.name), "time": line.time, "run": plan.run, "population": plan.population}
        answered = plan.draws["row"][(found["state"] != OPEN).to_numpy()].nunique()
        figures = description(plan, wrong, known)
        batches.append({**about, "rows": len(plan.rows), "answered": answered, **figures, "budget": _over(figures, limit)})
        if known.any():
            parts.append((wrong[known], weights[known] * plan.population / weights[known].sum(), plan.population))
    together: dict[str, Any] = dict.fromkeys(("estimate", "low", "high"))
    if parts:
        errors, weights = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
        together = dict(zip(together, hajek(errors, weights), strict=True))
    counts = {"batches": len(parts), "population": sum(part[2] for part in parts)}
    return {"tolerated": limit, "batches": batches, "all": {**counts, **together, "budget": _over(together, limit)}}


def _over(figures: Mapping[str, Any], limit: float) -> float | None:
    """Return which share of the error budget an estimate uses."""
    return None if figures["estimate"] is None else figures["estimate"] / limit
