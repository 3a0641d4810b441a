"""`workbench diagnose`: tables about the votes, and what is wrong with them in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.diagnose import by_slice, coverage_summary, function_table, pairwise, redundant, warnings_in_words
from workbench.io.files import write_frame, write_json
from workbench.project.task import Task
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN, Dataset, VoteMatrix


def diagnose(folder: Path, task: Task, dataset: Dataset, votes: VoteMatrix) -> list[str]:
    """Write the diagnosis of the votes and return its warnings.

    Who writes functions sees the gold of the valid split alone: rules tuned on test gold would make every score a fiction.
    """
    gold = None
    if dataset.gold is not None:
        gold = dataset.gold.where(dataset.split == "valid", ABSTAIN).astype(np.int16)
        gold = gold if (gold != ABSTAIN).any() else None
    table, pairs = function_table(votes, gold), pairwise(votes)
    warnings = warnings_in_words(votes, gold, table, pairs)
    slices = by_slice(votes, slice_masks(task.slices, dataset), gold)
    write_json(
        folder / "diagnosis.json",
        {
            "summary": coverage_summary(votes, gold),
            "functions": table.to_dict(orient="records"),
            "slices": slices.to_dict(orient="records"),
            "redundant": redundant(votes, pairs=pairs).to_dict(orient="records"),
            "gold": "valid" if gold is not None else None,
            "warnings": warnings,
        },
    )
    write_frame(pairs, folder / "pairs.parquet")
    return warnings
