"""Which classes the end model takes for which: the confusion matrix on valid rows, and the rows of a cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.project.end_model_fates import with_text
from workbench.project.label_model import gold_and_answer
from workbench.tables import ABSTAIN, Dataset, SoftLabels


def confusion(valid: SoftLabels, dataset: Dataset, most: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the cells of the matrix, and its classes in their order: all, or of more than `most` those in most confusions.

    Cells: gold, answer, n, of (rows of the gold class), share (n / of); one for each two classes of the matrix.
    """
    truth, answer = gold_and_answer(valid, dataset)
    k, known = len(valid.labels), truth != ABSTAIN
    counts = np.zeros((k, k), int)
    np.add.at(counts, (truth[known], answer[known]), 1)
    wrong = counts - np.diag(np.diagonal(counts))
    order = np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:most]
    shown = np.sort(order)
    of = counts.sum(axis=1)
    gold, said = (axis.ravel() for axis in np.meshgrid(shown, shown, indexing="ij"))
    names = np.array(valid.labels, object)
    cells: dict[str, Any] = {"gold": names[gold], "answer": names[said], "n": counts[gold, said], "of": of[gold]}
    return pd.DataFrame(cells).assign(share=counts[gold, said] / np.maximum(of[gold], 1)), [valid.labels[c] for c in shown]


def confused_rows(
    valid: SoftLabels, dataset: Dataset, gold: str | None, answer: str | None, start: int, size: int
) -> tuple[pd.DataFrame, int]:
    """Return some of the valid rows of a cell with their text, the surest first, and how many there are.

    gold, answer: class names; of one alone, the errors of that row or column of the matrix, of neither all errors. Columns, by
    row id: row, gold, answer, probability, of_gold (the probability of the gold class).
    """
    truth, best = gold_and_answer(valid, dataset)
    asked = [valid.labels.index(name) if name in valid.labels else None for name in (gold, answer)]
    chosen = truth != ABSTAIN
    for code, wanted in zip((truth, best), asked, strict=True):
        chosen &= True if wanted is None else code == wanted
    if None in asked:
        chosen &= truth != best
    at = np.flatnonzero(chosen)
    at = at[np.argsort(-valid.probs[at, best[at]], kind="stable")]
    page, names = at[start : start + size], np.array(valid.labels, object)
    line = {
        "gold": names[truth[page]],
        "answer": names[best[page]],
        "probability": valid.probs[page, best[page]],
        "of_gold": valid.probs[page, truth[page]],
    }
    return with_text(pd.DataFrame(line, index=valid.ids[page]), dataset), len(at)
