"""`workbench diagnose`: tables about the votes, what is wrong with them in words, and how good they are together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose import by_slice, coverage_summary, function_table, pairwise, redundant, slice_errors, warnings_in_words
from workbench.evaluate import scores
from workbench.io.files import write_frame, write_json
from workbench.project.runs import Run
from workbench.project.steps.fit import chosen_model, fit_label_model
from workbench.project.task import Task
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix

Scores = dict[str, dict[str, dict[str, Any]]]  # by model: {"valid": {"all": score, "covered": score}}
WORTH_SHOWING = {"p": 0.05, "q": 0.1}  # of an error in a slice: below either


def diagnose(folder: Path, task: Task, dataset: Dataset, votes: VoteMatrix) -> list[str]:
    """Write the diagnosis of the votes and return its warnings.

    Who writes functions sees the gold of the valid split alone: rules tuned on test gold would make every score a fiction.
    """
    gold, masks = _valid_gold(dataset), slice_masks(task.slices, dataset)
    table, pairs = function_table(votes, gold), pairwise(votes)
    found: Scores = {}
    errors = pd.DataFrame(columns=["p", "q"])
    if gold is not None:
        majority, _ = fit_label_model(task, "majority_vote", dataset, votes)
        found = _on_valid("majority_vote", majority, dataset)
        errors = _slice_errors(votes, majority, masks, gold, (dataset.split == "valid").to_numpy())
    warnings = warnings_in_words(votes, gold, table, pairs, errors)
    write_json(
        folder / "diagnosis.json",
        {
            "summary": coverage_summary(votes, gold),
            "functions": table.to_dict(orient="records"),
            "slices": by_slice(votes, masks, gold).to_dict(orient="records"),
            "slice_errors": errors[(errors[list(WORTH_SHOWING)] < WORTH_SHOWING).any(axis=1)].to_dict(orient="records"),
            "redundant": redundant(votes, pairs=pairs).to_dict(orient="records"),
            "gold": "valid" if gold is not None else None,
            "scores": found,
            "warnings": warnings,
        },
    )
    write_frame(pairs, folder / "pairs.parquet")
    return warnings


def valid_scores(task: Task, run: Run) -> Scores:
    """Return the scores on valid of majority vote and of the label model a run fitted; none where valid has no gold."""
    found: Scores = run.diagnosis()["scores"]
    if found:
        found |= _on_valid(chosen_model(task), run.soft_labels(), task.dataset()[0])
    return found


def _valid_gold(dataset: Dataset) -> pd.Series[Any] | None:
    if dataset.gold is None:
        return None
    gold = dataset.gold.where(dataset.split == "valid", ABSTAIN).astype(np.int16)
    return gold if (gold != ABSTAIN).any() else None


def _on_valid(name: str, soft: SoftLabels, dataset: Dataset) -> Scores:
    """Score a model on valid; its answers to test rows are left out before."""
    return {name: scores(soft.take((dataset.split == "valid").to_numpy()), dataset.gold, dataset.split)}


def _slice_errors(
    votes: VoteMatrix, majority: SoftLabels, masks: dict[str, NDArray[np.bool_]], gold: pd.Series[Any], valid: NDArray[np.bool_]
) -> pd.DataFrame:
    """Look for errors in slices of valid, of the functions and of majority vote, which abstains where classes tie."""
    cast = np.column_stack([votes.votes[valid], majority.take(valid).hard()])
    name = "majority vote"
    while name in votes.lfs:  # a function may be called so
        name += " of all"
    everyone = VoteMatrix(votes.ids[valid], (*votes.lfs, name), votes.labels, cast)
    return slice_errors(everyone, {name: mask[valid] for name, mask in masks.items()}, gold)
