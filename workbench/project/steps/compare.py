"""`workbench fit --compare`: every label model on the same votes, and whether majority vote is enough.

Choosing a model is choosing a setting, so gold is read on valid alone; test only ever scores.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.evaluate import gain, reliability, scores
from workbench.label_models import LABEL_MODELS
from workbench.project.overview import MODELS
from workbench.project.steps.evaluate import skip_reason
from workbench.project.steps.fit import Report, chosen_model, ready_label_model, teaching, training_rows
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, WorkbenchError

FEW: Final = 0.01  # one point of accuracy, or one row in a hundred: too little to be worth another model
_ALPHA: Final = 0.05  # the chance that any of the models looks better or worse than majority vote and is not
_BASE: Final = "majority_vote"
_ENOUGH: Final = "Majority vote is enough"


def compare(
    task: Task,
    dataset: Dataset,
    votes: VoteMatrix,
    report: Report = lambda *_: None,
    gold: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Fit every label model on the votes of the training rows; return how they agree and, on valid gold, how good each is.

    gold: what reviewers said of train rows, as for `fit_label_model`; the answers compared are the models' own.
    agreement is the share of covered rows, of any split, with the same likeliest class, `undecided` of those where classes tie.
    over_majority_vote is the gain in accuracy, its intervals holding for all models together. A model that refuses is
    {"skipped": reason}.
    """
    chosen, covered, taught = chosen_model(task), votes.covered, votes.take(training_rows(dataset))
    known = teaching(task, dataset, gold)
    answers: dict[str, SoftLabels] = {}
    models: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(LABEL_MODELS):
        report("compare", place, len(LABEL_MODELS), name)
        try:
            if name != chosen and (reason := skip_reason(name, votes)):
                raise WorkbenchError(reason)
            model = ready_label_model(task, name, dataset)
            models[name] = {"seconds": _seconds_of_fit(model, taught, known if len(known) else None)}
            answers[name] = model.predict_proba(votes)
        except WorkbenchError as error:
            models[name] = {"skipped": str(error)}
    hard = {name: soft.hard().to_numpy()[covered] for name, soft in answers.items()}
    same = {one: {other: _share(hard[one] == hard[other]) for other in hard} for one in hard}
    for name, found in _on_valid(answers, dataset).items():
        models[name] |= {"undecided": _share(hard[name] == ABSTAIN), "agreement": same[name][chosen], **found}
    valid = answers[chosen].take((dataset.split == "valid").to_numpy())
    return {
        "chosen": chosen,
        "rows": len(votes),
        "covered": int(covered.sum()),
        "conflict": _share(votes.conflicting[covered]),
        "gold": "valid" if models[_BASE].get("valid", {}).get("all", {}).get("n") else None,
        "models": models,
        "agreement": same,
        "reliability": reliability(valid, dataset.gold, rows="covered").to_dict(orient="records"),
        "majority_vote": enough(chosen, models, hard),
    }


def _seconds_of_fit(model: Any, votes: VoteMatrix, gold: pd.DataFrame | None) -> float:
    """Fit a model and return how long it took; its library is loaded by a fit of one row that is not on the clock."""
    model.fit(votes.take(np.flatnonzero(votes.covered)[:1]))
    start = perf_counter()
    model.fit(votes, gold)
    return perf_counter() - start


def _share(rows: NDArray[np.bool_]) -> float | None:
    return float(rows.mean()) if len(rows) else None


def _on_valid(answers: dict[str, SoftLabels], dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return {"valid": {"all": score, "covered": score}} by model, with its gain over majority vote; {} without valid rows."""
    valid = (dataset.split == "valid").to_numpy()
    held_out = {name: soft.take(valid) for name, soft in answers.items()}
    confidence = 1 - _ALPHA / max(len(answers) - 1, 1)  # Bonferroni: one interval a model beside majority vote
    found = {name: scores(soft, dataset.gold, dataset.split) for name, soft in held_out.items()}
    for name in set(found) - {_BASE}:
        for rows in ("all", "covered") if valid.any() else ():
            more = gain(held_out[name], held_out[_BASE], dataset.gold, rows=rows, confidence=confidence)
            found[name]["valid"][rows]["over_majority_vote"] = more
    return found


def enough(chosen: str, models: dict[str, dict[str, Any]], hard: dict[str, NDArray[np.int16]]) -> dict[str, Any]:
    """Return whether majority vote is enough (None: nobody can say) and why, in figures and in a sentence.

    hard: the answers to covered rows by model. The model set against majority vote is the best of the others on covered rows of
    valid; without gold the chosen one, or where majority vote is chosen the one that differs most. changed: the share of rows
    with another answer, settled: of those on which classes tie in majority vote alone.
    """
    base = hard[_BASE]
    others = {name: answers != base for name, answers in hard.items() if name != _BASE}
    on_valid = {name: models[name].get("valid", {}).get("covered", {}) for name in hard}
    if on_valid[_BASE].get("n"):
        best = max(others, key=lambda name: (on_valid[name]["accuracy"], name == chosen, -on_valid[name]["log_loss"]))
    else:
        best = max(others, key=lambda name: (name == chosen, others[name].sum()))
    tied, gained = base == ABSTAIN, on_valid[best].get("over_majority_vote") or {"n": 0}
    changed, settled = (_share(others[best] & rows) or 0.0 for rows in (~tied, tied))
    found = {"model": best, "rows": len(base), "changed": changed, "settled": settled, **gained}
    found["log_loss"] = {name: on_valid[name].get("log_loss") for name in (_BASE, best)}
    verdict, sentence = _in_words(found)
    own = on_valid[chosen].get("over_majority_vote")
    if own and own["n"] and own["interval"][1] < 0:
        lost, (low, high) = 100 * own["value"], (100 * end for end in own["interval"])
        sentence += f" The chosen {MODELS[chosen]} is worse than majority vote: {lost:+.1f} points [{low:+.1f}, {high:+.1f}]."
    return {"enough": verdict, **found, "sentence": sentence}


def _in_words(found: dict[str, Any]) -> tuple[bool | None, str]:
    """Return whether majority vote is enough, and a sentence that says why."""
    if not found["rows"]:
        return None, "No function votes on any row, so there is nothing to compare."
    model, n, differs = MODELS[found["model"]], found["n"], found["changed"] + found["settled"]
    does = f"changes the answer to {found['changed']:.1%} of {found['rows']:,} covered rows"
    if found["settled"]:
        does += f" and settles {found['settled']:.1%} where classes tie"
    stake = f"so no more than {100 * differs:.1f} points of accuracy are at stake"
    if not n:
        unknown = "Without gold on covered rows of valid nobody can say whether majority vote is enough"
        return (
            (True, f"{_ENOUGH}: {model} {does}, {stake}.") if differs <= FEW else (None, f"{unknown}: {model} {does}, {stake}.")
        )
    low, high = (100 * end for end in found["interval"])
    gained = f"{100 * found['value']:+.1f} points [{low:+.1f}, {high:+.1f}]"
    moves = f"which moves accuracy on {n:,} covered valid rows by {gained}"
    base, best = found["log_loss"].values()
    worse = f"; majority vote's log loss is {base:.2f} against {best:.2f}" if base - best > FEW else ""
    if found["clear"]:
        return False, f"Majority vote is not enough: {model} {does}, {moves}."
    if differs <= FEW:
        return True, f"{_ENOUGH}: {model} {does}, {stake}{worse}."
    if max(high / 100, found["detectable"]) <= FEW:
        return True, f"{_ENOUGH}: {model} {does}, {moves}{worse}."
    tell = f"{n:,} covered valid rows cannot tell it from {model}"
    chance = f"accuracy there moves by {gained}, and less than {100 * found['detectable']:.1f} points may be chance"
    return None, f"Majority vote may be enough: {tell}, which {does}; {chance}{worse}."
