"""The five things to do next, each with what it is worth: rows in 1,000 for which something gets better.

Every gain is computed from what this run measured, none is a rule of thumb; what cannot be computed is None and stands last.
Gains overlap: a rule that covers a gap also serves a promise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.names import capitalised
from workbench.project.auditing import label_set
from workbench.project.end_model_confidence import Measured
from workbench.project.gaps import gaps_of_run, measured_in_words
from workbench.project.gate_in_words import fails
from workbench.project.monitoring import batches
from workbench.project.monitoring_facts import read_found
from workbench.project.queues import review_queue
from workbench.project.reviewing import default_reviewer
from workbench.project.runs import Run, find_run
from workbench.project.steps.predict import promised
from workbench.project.systematic import Truth, errors_of_run, known_truth
from workbench.project.task import Task
from workbench.report.facts import Changes, Failures, Report, Step
from workbench.report.figures import magnitude
from workbench.stats import binomial_greater, false_discovery, wilson_interval
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix

MOST: Final = 5
_REVIEWED: Final = 50  # rows of a sitting
_RISKS: Final = (0.1, 0.15, 0.2)  # offered where the task's own cannot be promised
_LEVEL: Final = 0.1  # of the functions that are said to hurt, the share that may be chance
_ALONE: Final = "would be answered right without a person"
_EACH: Final = 2  # steps of one kind
_MANY: Final = f"Label {magnitude(10_000)}"  # of so many rows the number is a guess, and mending functions is less work
_WHAT: Final = {
    "accuracy": "would be answered right again",
    "coverage": "would have a vote again",
    "conflict": "would no longer be contradicted",
    "answered": "would be answered without a person again",
    "wrong_confident": "would no longer be answered wrongly",
}


def next_steps(
    task: Task, run: Run, dataset: Dataset, found: Report, folder: str, say: Callable[[str], None] = lambda _: None
) -> list[Step]:
    """Return the five steps that are worth most, the largest gain first; say: told what is looked for."""
    steps: list[Step] = []
    say("what would allow a promise")
    steps += _promise(task, run, folder)
    steps += _over_tolerance(found.failures, folder) if isinstance(found.failures, Failures) else []
    steps += _failed_checks(run, folder)
    steps += _drifted(task, run, folder)
    if (run.folder / "soft_labels.parquet").exists():
        say("rows worth a review")
        steps += _conflicts(task, run, dataset, folder)
        say("functions that hurt")
        worse = _worsened(task, run, found, folder)
        steps += worse.values()
        steps += _hurting(run, dataset, folder, worse)
        say("labels that are wrong together")
        steps += _wrong_together(task, run, dataset, folder)
    say("rows that nobody votes on")
    steps += _gaps(task, run, dataset, folder)
    return sorted(steps, key=lambda step: (step.title.startswith(_MANY), -(step.gain if step.gain is not None else -1.0)))[
        :MOST
    ]


def _promise(task: Task, run: Run, folder: str) -> Iterable[Step]:
    """Say what labels, or another risk, would let the end model answer."""
    found = promised(run) if (run.folder / "end_model").exists() else None
    measured = Measured.of(run)
    if found is None or measured is None or found[0].threshold is not None:
        return
    learned, risk = found[0], found[0].risk
    if learned.more is not None:
        order = np.argsort(-measured.confidence, kind="stable")
        right = np.cumsum(measured.correct[order])
        n = np.arange(1, len(order) + 1)
        fits = np.flatnonzero(1 - right / n <= risk)
        share = right[fits[-1]] / len(order) if len(fits) else 0.0
        basis = f"That share of the {len(order):,} measured rows is sure enough, and right."
        title = f"Label {magnitude(learned.more)} rows more, to promise at most {100 * risk:g} wrong answers in 100"
        if "audit plan" in found[1]:
            yield Step(title, 1000 * share, _ALONE, basis, f"workbench audit {folder} plan --rows {learned.more}")
        else:
            basis += f" Write their classes into {task.data['file']}, split valid, then train."
            yield Step(title, 1000 * share, _ALONE, basis, f"workbench train {folder}")
        if learned.more <= learned.n:
            return
    for other in (one for one in _RISKS if one > risk):
        looser = measured.at(other)
        if looser.threshold is not None:
            right_share = (looser.answered - looser.errors) / looser.n
            title = f"Decide whether {100 * other:g} wrong answers in 100 can be borne, in place of {100 * risk:g}"
            basis = (
                f"Then {looser.answered:,} of {looser.n:,} measured rows would be answered, {looser.errors:,} of them wrongly. "
                f"Set risk = {other:g} under [end_model], train, and measure anew: a risk picked afterwards promises less."
            )
            yield Step(title, 1000 * right_share, _ALONE, basis, f"workbench train {folder}")
            return


def _over_tolerance(found: Failures, folder: str) -> Iterable[Step]:
    """Name failures that an audit found too often; where none was made, what the label model's doubts make of them."""
    if found.plan:
        for one in (one for one in found.lines if one.verdict == "over" and one.estimate is not None):
            title, found_share = f"Stop the failure “{one.name}”, which is over what is tolerated", one.estimate or 0.0
            basis = f"{1000 * found_share:.1f} in 1,000 labels are it, and {1000 * one.tolerated:g} are tolerated."
            gain = 1000 * (found_share - one.tolerated)
            yield Step(title, gain, "would no longer be this failure", basis, f"workbench errors {folder}")
        return
    over = [one for one in found.lines if one.expected is not None and one.expected > one.tolerated]
    if over:
        excess = {one.name: (one.expected or 0) - one.tolerated for one in over}
        worst = max(excess, key=lambda name: excess[name])
        basis = (
            f"By the label model's own doubts {len(over)} of {len(found.lines)} failures are, most of all “{worst}”; nobody "
            "has looked."
        )
        title, what = "Audit the labels for the failures that must not happen", "are such failures above what is tolerated"
        yield Step(title, 1000 * sum(excess.values()), what, basis, f"workbench audit {folder} plan")


def _failed_checks(run: Run, folder: str) -> Iterable[Step]:
    """Say of each failed check of the gate how many rows lie between the figure and its limit."""
    found = read_found(run.folder / "gate.json") or {"checks": []}
    for one in [one for one in found["checks"] if fails(one)][:_EACH]:
        group, _, measure = str(one["name"]).rpartition(".")
        gain, what = None, "how many rows it is about is not known"
        if measure in _WHAT and None not in (one["value"], one["limit"]) and not group.startswith("suites"):
            share = one["n"] / found["rows"] if group and found.get("rows") and one["n"] else 1.0
            gain, what = 1000 * abs(one["value"] - one["limit"]) * share, _WHAT[measure]
        do = (
            f"workbench runs diff {folder} {found['against']} {run.id}"
            if found.get("against")
            else f"workbench errors {folder}"
        )
        yield Step(f"Find out why the check “{one['name']}” of the gate failed", gain, what, one["said"], do)


def _drifted(task: Task, run: Run, folder: str) -> Iterable[Step]:
    """Say of what drifted in the newest batch what lost votes or more deferred rows cost."""
    series = batches(task)
    checks = [one for one in series[-1]["checks"] if one["drifted"]] if series else []
    vote = _worth_of_a_vote(run)
    covered = [one for one in series[-1]["checks"] if one["kind"] == "covered"] if series else []
    bare = sum(one["reference"] - one["batch"] for one in covered)  # the share of rows that lost their last vote
    told = []
    for one in checks:
        gain, what = None, "what it costs is not known before somebody reads these rows"
        lost = one["reference"] - one["batch"] if one["kind"] in ("deferred", "coverage") else 0.0
        if one["kind"] == "deferred":
            gain, what = -1000 * lost, "would again be answered without a person"
        elif one["kind"] == "coverage" and vote is not None and (lost <= 0 or bare > 0):
            gain, what = 1000 * min(lost, bare) * vote, "would be right again, as before they lost a vote"
        if gain is None or gain > 0:
            said = one["said"]
            title = f"Look into drift: {one['kind']}{' of ' + one['of'] if one['of'] else ''}"
            told.append(Step(title, gain, what, capitalised(said), f"workbench monitor {folder} --history"))
    yield from sorted(told, key=lambda step: -(step.gain or 0))[:_EACH]


def _worth_of_a_vote(run: Run) -> float | None:
    """Return how much more often the end model is right where functions vote than where none does, None where unknown."""
    right = [accuracy_on(run, rows) for rows in ("covered", "uncovered")]
    return None if None in right else max(float(right[0] or 0) - float(right[1] or 0), 0.0)


def accuracy_on(run: Run, rows: str) -> float | None:
    """Return how right the end model of a run is on covered or uncovered rows of test, else of valid; None where unknown."""
    if not (run.folder / "metrics.json").exists():
        return None
    scores = run.metrics()["end_model"]
    known = [scores.get(split, {}).get(rows, {}).get("accuracy") for split in ("test", "valid")]
    return next((float(one) for one in known if one is not None), None)


def _conflicts(task: Task, run: Run, dataset: Dataset, folder: str) -> Iterable[Step]:
    """Say how many labels a sitting over the rows that functions contradict each other on most would put right."""
    queue = review_queue(task, run, dataset, default_reviewer(), "conflict", 4 * _REVIEWED)
    train = dataset.split.reindex(queue.index) == "train"
    doubts = (1 - queue.loc[train.to_numpy(), "model_probability"].astype(float)).dropna().head(_REVIEWED)
    labels = len(label_set(run, dataset, "train").labels) if len(doubts) else 0
    if len(doubts):
        basis = f"By the label model's own doubts {doubts.sum():.0f} of their labels are wrong."
        title = f"Review the {len(doubts):,} rows on which functions contradict each other most"
        gain = 1000 * float(doubts.sum()) / labels
        yield Step(title, gain, "would get a right label to learn from", basis, f"workbench review {folder} --queue conflict")


def _worsened(task: Task, run: Run, found: Report, folder: str) -> dict[str, Step]:
    """Name functions that changed since the run that is compared, and are right less often than then, beyond both intervals."""
    changes = found.changes
    if not isinstance(changes, Changes) or "changed" not in changes.functions:
        return {}
    before, now = (_how_right(one) for one in (find_run(task, changes.before), run))
    steps = {}
    for name in (one for one in changes.functions["changed"] if one in before and one in now):
        fallen = [kind for kind in now[name] if kind in before[name] and now[name][kind][2] < before[name][kind][1]]
        if not fallen:
            continue
        (then, *_), (right, _, _, votes) = before[name][fallen[0]], now[name][fallen[0]]
        basis = f"It is right on {100 * right:.0f} % of its votes by {fallen[0]}, before on {100 * then:.0f} %."
        gain = 1000 * (then - right) * votes / run.about["rows"]
        do = f"workbench runs diff {folder} {changes.before} {run.id}"
        steps[name] = Step(
            f"Take back the change of {name}: it got worse", gain, "would not have a wrong vote of it", basis, do
        )
    return steps


def _how_right(run: Run) -> dict[str, dict[str, tuple[float, float, float, int]]]:
    """Return how right each function is by gold and by what the label model learned: share, low, high, and its votes."""
    if not all((run.folder / name).exists() for name in ("diagnosis.json", "label_model.json")):
        return {}
    learned = run.label_model().get("accuracy", {})
    lines: dict[str, dict[str, tuple[float, float, float, int]]] = {}
    for one in run.diagnosis()["functions"]:
        name, votes = one["lf"], one["n_votes"]
        lines[name] = {"gold": (one["accuracy"], one["low"], one["high"], votes)} if one.get("n_gold") else {}
        share = learned.get(name)
        if votes and share is not None and not pd.isna(share):
            low, high = wilson_interval(share * votes, votes)
            lines[name]["what the label model learned"] = float(share), float(low), float(high), votes
    return lines


def _hurting(run: Run, dataset: Dataset, folder: str, told: Collection[str]) -> Iterable[Step]:
    """Name functions without whose votes more labels of valid rows would be right, by more than chance explains."""
    if dataset.gold is None or not (run.folder / "label_model.safetensors").exists() or run.votes().labels != dataset.labels:
        return
    votes = run.votes()
    places = dataset.ids.get_indexer(votes.ids)
    truth = np.where((places >= 0) & (dataset.split.to_numpy() == "valid")[places], dataset.gold.to_numpy()[places], ABSTAIN)
    known = votes.take(truth != ABSTAIN)
    truth = truth[truth != ABSTAIN]
    if not len(known):
        return
    model = run.kept_model()

    def right(cast: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        soft: SoftLabels = model.predict_proba(VoteMatrix(known.ids, known.lfs, known.labels, cast))
        return np.asarray(soft.probs.argmax(axis=1) == truth)

    whole, counts = right(known.votes), []
    for place in range(len(known.lfs)):
        without = np.array(known.votes)
        without[:, place] = ABSTAIN
        now = right(without)
        counts.append((int((now & ~whole).sum()), int((whole & ~now).sum())))
    won, lost = np.array(counts).T
    q = false_discovery([float(binomial_greater([a], a + b, [0.5])[0]) if a + b else 1.0 for a, b in counts])
    hurting = [int(place) for place in np.flatnonzero((q <= _LEVEL) & (won > lost)) if known.lfs[place] not in told]
    for place in hurting[:_EACH]:
        title = f"Mend or switch off the function {known.lfs[place]}"
        basis = (
            f"Without its votes {won[place]:,} labels of {len(known):,} valid rows with gold would become right, and "
            f"{lost[place]:,} wrong."
        )
        gain = 1000 * float(won[place] - lost[place]) / len(known)
        yield Step(
            title, gain, "would get a right label to learn from", basis, f"workbench explain {folder} {known.lfs[place]}"
        )


def _wrong_together(task: Task, run: Run, dataset: Dataset, folder: str) -> Iterable[Step]:
    """Name the kinds of rows whose labels are wrong more often than those of other rows with the same label."""
    known = known_truth(task, dataset, run)
    drawn = known.source != "reviewed"  # queues pick hard rows, which say nothing of all
    found = errors_of_run(task, dataset, run, Truth(known.label[drawn], known.source[drawn])).found
    told: set[tuple[str, str]] = set()
    for line in found.findings.to_dict("records"):
        pair = str(line["predicted"]), str(line["truly"])
        too_many = line["errors"] - line["rate_elsewhere"] * line["n"]
        if pair in told or too_many <= 0 or len(told) == _EACH:
            continue
        told.add(pair)
        basis = (
            f"There {line['errors']:,} of {line['n']:,} labels are wrong, elsewhere {100 * line['rate_elsewhere']:.1f} in 100. "
            f"{str(line['next']).partition(';')[0].rstrip('.')}."
        )
        title = f"Mend labels “{pair[0]}” of rows that are truly “{pair[1]}”, where {line['region']}"
        yield Step(
            title, 1000 * too_many / found.rows, "would get a right label to learn from", basis, f"workbench errors {folder}"
        )


def _gaps(task: Task, run: Run, dataset: Dataset, folder: str) -> Iterable[Step]:
    """Propose rules for rows that nobody votes on, where they are right more often there than the end model is now."""
    now = accuracy_on(run, "uncovered")
    found = gaps_of_run(task, dataset, run, guess=False)
    steps = []
    for line in ({str(name): cell for name, cell in one.items()} for one in found.groups.to_dict("records")):
        if line["rule"] is None or pd.isna(line["n"]):
            continue
        right = (line["right"] + 1) / (line["n"] + 2)  # Laplace's estimate: of few rows not all are right
        better = right - (now or 0.0)
        gain = 1000 * float(line["gain"]) / max(found.rows, 1) * better
        basis = f"The proposed rule votes on {line['gain']:,} rows without a vote; {measured_in_words(line)}. " + (
            "" if now is None else f"The end model is right on {100 * now:.0f} % of rows without a vote."
        )
        what = "would get a right label" if now is None else "would be answered right"
        words = ", ".join(f"“{term}”" for term in line["terms"][:3])
        steps.append(Step(f"Write the rule for rows with {words}", gain, what, basis.strip(), f"workbench gaps {folder}"))
    yield from sorted((step for step in steps if (step.gain or 0) > 0), key=lambda step: -(step.gain or 0))[:_EACH]
