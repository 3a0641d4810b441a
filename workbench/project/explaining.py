"""Why a label model labels a row as it does: what each vote adds to the log odds of one class against another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from workbench.io.names import did_you_mean, listed
from workbench.label_models import GenerativeModel
from workbench.tables import Dataset, VoteMatrix, WorkbenchError

BALANCE: Final = "class balance"
CALIBRATION: Final = "calibration"


@dataclass(frozen=True)
class Explained:
    """A row whose label is explained.

    probs: by class, the likeliest first. first, second: the classes that are set against each other. lines: one a vote, after
    one for the class balance, with columns line, vote, adds (to the log odds of first against second), before and after (the
    running sum). log_odds: their sum, log(P(first) / P(second)).
    """

    id: str
    probs: dict[str, float]
    first: str
    second: str
    lines: pd.DataFrame
    log_odds: float


def explain(
    model: GenerativeModel,
    votes: VoteMatrix,
    dataset: Dataset,
    row: str,
    *,
    first: str | None = None,
    second: str | None = None,
    at_most: int | None = None,
) -> Explained:
    """Explain a row of train or valid: by default its likeliest class against the runner-up; of its votes the weightiest first.

    at_most: fold the least of more lines into one. Raises WorkbenchError for an unknown row or class, and for a test row, whose
    votes stay hidden from those who write functions.
    """
    _check_row(votes, dataset, row)
    labels = list(votes.labels)
    if len(labels) < 2:
        raise WorkbenchError(f"there is one class, {labels[0]!r}, and nothing to set it against")
    for name in (first, second):
        if name is not None and name not in labels:
            raise WorkbenchError(f"class {name!r} is unknown{did_you_mean(name, labels) or '; known are ' + ', '.join(labels)}")
    table = model.explain(votes, row)
    scores = table[labels].sum().to_numpy()
    order = np.argsort(-scores, kind="stable")
    ranked = [labels[c] for c in order]
    top = first or next(name for name in ranked if name != second)
    other = second or next(name for name in ranked if name != top)
    if top == other:
        raise WorkbenchError(f"class {top!r} cannot be set against itself; give another one")
    shares = np.exp(scores[order] - scores.max())
    lines = _lines(model, table, top, other, at_most)
    return Explained(
        id=row,
        probs=dict(zip(ranked, (shares / shares.sum()).tolist(), strict=True)),
        first=top,
        second=other,
        lines=lines,
        log_odds=float(lines["adds"].sum()),
    )


def _check_row(votes: VoteMatrix, dataset: Dataset, row: str) -> None:
    if row not in votes.ids:
        known = f"; its ids are such as {listed(votes.ids[:3])}" if len(votes) else ", which has none"
        raise WorkbenchError(f"there is no row {row!r} in this run{known}")
    if row in dataset.ids and dataset.split[row] == "test":
        raise WorkbenchError(
            f"row {row!r} is in the test split, whose votes stay hidden so that scores there mean something; "
            "give a row of train or valid"
        )


def _lines(model: GenerativeModel, table: pd.DataFrame, first: str, second: str, at_most: int | None) -> pd.DataFrame:
    """Return what each line adds, the balance first, votes by weight, what calibration adds last."""
    adds = (table[first] - table[second]).to_numpy()
    labels = list(table.columns.drop("vote"))
    offset = model.calibration_.offset
    shift = float(offset[labels.index(first)] - offset[labels.index(second)]) if len(table) > 1 else 0.0
    parts = [(BALANCE, "", float(adds[0]) - shift)]
    weighed = 1 + np.argsort(-np.abs(adds[1:]), kind="stable")
    parts += [(str(table.index[j]), str(table["vote"].iloc[j]), float(adds[j])) for j in weighed]
    if at_most is not None and len(parts) > at_most:
        rest = parts[at_most - 1 :]
        parts = [*parts[: at_most - 1], (f"{len(rest):,} lesser votes", "", sum(one[2] for one in rest))]
    if shift:
        parts.append((CALIBRATION, "", shift))
    lines = pd.DataFrame(parts, columns=["line", "vote", "adds"])
    after = lines["adds"].cumsum()
    return lines.assign(before=after - lines["adds"], after=after)
