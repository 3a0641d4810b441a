"""`workbench stress`: suites that look like production's bad days, asked of a run's end model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from workbench.io.files import locked, plain, write_json
from workbench.io.names import did_you_mean, listed
from workbench.project.monitoring_facts import read_found
from workbench.project.runs import Run
from workbench.project.steps.fit import Report
from workbench.project.steps.predict import ANSWER, AnswerRule, Opened, ask, open_model
from workbench.project.stress_rules import line_of
from workbench.project.stress_suites import held_rows, read_settings, suites_of
from workbench.project.task import Task
from workbench.stress import KINDS, Asked, Fault, Held, Settings, Suite, look, measured, not_run, said
from workbench.stress.contract import Ask
from workbench.stress.rules_removed import Removal, rules_removed
from workbench.tables import Dataset, WorkbenchError

STRESS: Final = "stress.json"
_FORMAT: Final = 1
_MANY: Final = 0.05  # rows against an expectation of which gold says nothing: more is clearly too many
_HEAD: Final = ("split", "data", "model", "threshold")  # what all suites of a file have in common


def stress(task: Task, run: Run, names: Collection[str] = (), report: Report = lambda *_: None) -> dict[str, Any]:
    """Run a task's suites against a run's end model, write what they find to the run's stress.json, and return it.

    names: suites or kinds to run, all unless given; what the file holds of others stays there if it was found with the same
    model, threshold and rows. Scores are of test rows with gold, or of valid where test has none; the rows that are named and
    shown are always of valid. settings, rows: of each suite a hash and a fingerprint, by which runs may be compared.
    """
    settings = read_settings(task)
    report("stress", 0, 0, "reading the rows")
    rows = held_rows(task, settings)
    opened = open_model(task, run)
    rule, promise = answer_rule(opened, settings)
    suites: list[Suite | Removal] = [*suites_of(task, settings, rows), *settings.rules_removed]
    chosen = chosen_suites(task, suites, names, settings.skip)

    def asked(some: Dataset) -> Asked:
        soft, decided = ask(opened.model, rule, some)
        return Asked(soft, (decided["decision"] == ANSWER).to_numpy())

    held = {split: Held(part, asked(part)) for split, part in rows.held.items()}
    scored, shown = held[rows.scored], held.get("valid")
    confident = None if rule is opened.rule else settings.confident
    line = line_of(task, run, rows.visible, scored, confident)
    found = []
    for place, one in enumerate(chosen):
        report("stress", place, len(chosen), one.name)
        if isinstance(one, Suite):
            found.append(_measured(one, scored, shown, asked))
        elif isinstance(line, str):
            found.append(not_run(one.name, "rules_removed", line))
        else:
            found.append(rules_removed(one, line, settings.seed, _within(report, place, len(chosen), one.name)))
    how = [_settings_hash(one, told, settings) for one, told in zip(chosen, found, strict=True)]
    done = [{**one, "settings": settled, "said": said(one)} for one, settled in zip(found, how, strict=True)]
    document = {
        "format": _FORMAT, "run": run.id, "finished": datetime.now(UTC).isoformat(timespec="seconds"), "split": rows.scored,
        "rows": len(scored.rows), "data": scored.rows.fingerprint, "model": opened.id, "threshold": rule.threshold,
        "promise": promise,
    }  # fmt: skip
    with locked(run.folder):
        kept = _beside_earlier(run, document, done, [one.name for one in suites]) if names else done
        write_json(run.folder / STRESS, {**document, "suites": kept})
    return {**document, "suites": done}


def read_stress(run: Run) -> dict[str, Any]:
    """Return what `workbench stress` wrote of a run; raises WorkbenchError where it has not."""
    found = read_found(run.folder / STRESS)
    if found is None:
        raise WorkbenchError(f"run {run.id} holds no {STRESS}; run `workbench stress` first")
    return found


def worst_first(suites: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return suites by how far accuracy falls against what they are held against, the largest fall first, untold ones last."""

    def fall(one: dict[str, Any]) -> float | None:
        held = one if one["accuracy"] is not None else one.get("label_model") or one  # of removed functions
        of = held["of"] and held["of"]["accuracy"] if held is one else held["of"]
        return None if held["accuracy"] is None or of is None else of - held["accuracy"]

    falls = {one["name"]: fall(one) for one in suites}
    return sorted(suites, key=lambda one: (falls[one["name"]] is None, one["n"] == 0, -(falls[one["name"]] or 0.0)))


def clearly_worse(one: dict[str, Any]) -> bool:
    """Tell whether a suite is worse than what it is held against beyond both 95 % intervals, or the paired one."""
    of, change = one["of"] or {}, one["change"]
    if one["accuracy"] is None and one["wrong_confident"] is None:
        return bool(one.get("broken_interval")) and one["broken_interval"][0] > _MANY
    fell = bool(change) and change["interval"][1] < 0
    if not change and one["interval"] and of.get("interval"):
        fell = one["interval"][1] < of["interval"][0]
    wrong, before = one["wrong_confident_interval"], of.get("wrong_confident_interval")
    return fell or bool(wrong and before and wrong[0] > before[1])


def answer_rule(opened: Opened, settings: Settings) -> tuple[AnswerRule, str]:
    """Return when a row counts as answered, and in words: as the run answers, or above a confidence where it answers none."""
    rule = opened.rule
    if rule.decides:
        return rule, rule.promise
    why = "has no threshold, and answers every row" if rule.threshold is None else "promises nothing, and answers no row"
    said = f"The run {why}; here a row counts as answered above confidence {settings.confident:g}, which promises nothing."
    return replace(rule, threshold=settings.confident, promise=said, like_learned=True), said


def chosen_suites(
    task: Task, suites: Sequence[Suite | Removal], names: Collection[str], skip: Collection[str]
) -> list[Suite | Removal]:
    """Return the suites of these names or kinds, all but those to skip where there are none; an unknown name is refused."""
    known = [*KINDS, *(one.name for one in suites)]
    for name in [name for name in (*names, *skip) if name not in known][:1]:
        raise WorkbenchError(f"task {task.name!r} has no suite {name!r}; it has {listed(known, 60)}{did_you_mean(name, known)}")

    def among(one: Suite | Removal, some: Collection[str]) -> bool:
        return one.name in some or (one.kind if isinstance(one, Suite) else "rules_removed") in some

    return [one for one in suites if (among(one, names) if names else not among(one, skip))]


def _measured(suite: Suite, scored: Held, shown: Held | None, asked: Ask) -> dict[str, Any]:
    """Return what a suite finds; one written in Python that fails stops no other, and says where it failed."""
    try:
        return measured(suite, scored, shown, asked)
    except WorkbenchError as error:
        if suite.kind != "python":
            raise
        return not_run(suite.name, suite.kind, _reason(suite, error, scored, shown, asked))


def _reason(suite: Suite, error: WorkbenchError, scored: Held, shown: Held | None, asked: Ask) -> str:
    """Return why a suite fails, never in words that may quote a test row: what it says of valid rows is told in their place."""
    if scored.split != "test":
        return str(error)
    try:
        if shown is not None:
            look(suite, shown, asked)
    except WorkbenchError as told:
        return str(told)
    where = error.where if isinstance(error, Fault) else f"suite {suite.name!r} fails"
    return f"{where}, on test rows alone; what the error says may quote one, and is not shown"


def _within(report: Report, place: int, total: int, name: str) -> Callable[[int, int, str], None]:
    """Return what reports how far one suite is, as words behind its name."""
    return lambda done, of, said: report("stress", place, total, f"{name}: {said}, {done} of {of}")


def _settings_hash(suite: Suite | Removal, found: dict[str, Any], settings: Settings) -> str:
    """Return a hash of all that decides how the rows of a suite are judged; what they are is told by their fingerprint."""
    told = (found["kind"], found["expects"], settings.confident, None if isinstance(suite, Suite) else (suite, settings.seed))
    return sha256(repr(told).encode()).hexdigest()


def _beside_earlier(run: Run, head: dict[str, Any], done: list[dict[str, Any]], order: Sequence[str]) -> list[dict[str, Any]]:
    """Return results with those of other suites that the run's file holds already, in the order of the suites.

    Those that were found with another model, another threshold or other rows are dropped: the head would not be theirs.
    """
    before = read_found(run.folder / STRESS)
    same = before is not None and all(name in before and before[name] == plain(head[name]) for name in _HEAD)
    by_name = {one["name"]: one for one in [*(before["suites"] if before and same else []), *done]}
    return [by_name[name] for name in order if name in by_name]
