"""One function seen close, on the rows that who writes functions may see."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose.one_function import rows_by_kind, slices_of
from workbench.io.names import shortened
from workbench.spec import Slice, slice_masks
from workbench.tables import ABSTAIN, Dataset, VoteMatrix

__all__ = ["rows_shown", "slices_of", "valid_gold", "voted_slices", "where"]
_LENGTH = 300  # characters of a row that are shown


def valid_gold(dataset: Dataset, votes: VoteMatrix, visible: NDArray[np.intp]) -> NDArray[np.int16]:
    """int16[n]: the class of each row of the votes where it is a valid row with gold, else ABSTAIN: no other gold is shown.

    visible: where the rows of the votes stand in the data set, of `catalogue.visible_rows`.
    """
    truth = np.full(len(visible), ABSTAIN, np.int16)
    if dataset.gold is not None and dataset.labels == votes.labels:
        rows = np.flatnonzero((visible >= 0) & (dataset.split == "valid").to_numpy()[visible])
        truth[rows] = dataset.gold.to_numpy()[visible[rows]]
    return truth


def voted_slices(slices: tuple[Slice, ...], dataset: Dataset, votes: VoteMatrix) -> dict[str, NDArray[np.bool_]]:
    """bool[n] by slice, in the order of the votes, `all rows` first; rows that left the data set are in no slice."""
    places = dataset.ids.get_indexer(votes.ids)
    here = places >= 0
    masks = {name: mask[places] & here for name, mask in slice_masks(slices, dataset).items()}
    return {"all rows": np.ones(len(votes), bool)} | masks


def where(votes: VoteMatrix, name: str, visible: NDArray[np.intp], truth: NDArray[np.int16]) -> dict[str, NDArray[np.intp]]:
    """Return the positions of the visible rows on which a function is right, wrong, alone, in conflict, votes, abstains."""
    return {kind: np.flatnonzero(rows & (visible >= 0)) for kind, rows in rows_by_kind(votes, name, truth).items()}


def rows_shown(
    dataset: Dataset, votes: VoteMatrix, visible: NDArray[np.intp], truth: NDArray[np.int16], name: str, rows: NDArray[np.intp]
) -> pd.DataFrame:
    """Return some rows by id: text (of a task without text its cells), vote of the function, gold, others' votes by class.

    rows: positions in the votes. Gold is shown where `truth` knows it.
    """
    j = votes.lfs.index(name)
    lines = []
    for i in rows.tolist():
        cast = votes.votes[i]
        by_class: dict[str, list[str]] = {}
        for other in np.flatnonzero(cast != ABSTAIN).tolist():
            if other != j:
                by_class.setdefault(votes.labels[cast[other]], []).append(votes.lfs[other])
        lines.append(
            {
                "row": shortened(_text(dataset, int(visible[i])), _LENGTH),
                "vote": "" if cast[j] == ABSTAIN else votes.labels[cast[j]],
                "gold": "" if truth[i] == ABSTAIN else votes.labels[truth[i]],
                "others": "; ".join(f"{label}: {', '.join(names)}" for label, names in by_class.items()),
            }
        )
    return pd.DataFrame(lines, index=votes.ids[rows], columns=["row", "vote", "gold", "others"])


def _text(dataset: Dataset, place: int) -> str:
    """Return a row in one string without empty lines: its text, or in a task without text its cells."""
    names = dataset.text or tuple(dataset.frame.columns)
    cells = [str(dataset.frame[name].iat[place]) for name in names]
    return (
        re.sub(r"\n\s*\n", "\n", "\n".join(cells).strip())
        if dataset.text
        else ", ".join(f"{name} {cell}" for name, cell in zip(names, cells, strict=True))
    )
