"""What is suspicious about functions, as a label model sees them, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.label_models.similarity import Meetings

Floats = NDArray[np.float64]

_NAMED: Final = 5
_MEETINGS: Final = 20  # rows on which two functions must both vote
_OPPOSED: Final = 0.2
_CLEARLY: Final = 1.64  # standard errors: one side of 90 %


def dead_and_copies(accuracy: pd.Series[float], group: NDArray[np.intp]) -> list[str]:
    """Return which functions have no weight because they never vote, and which count once because they say the same."""
    found = [f"Function {name!r} never votes on these rows and has no weight." for name in accuracy.index[accuracy.isna()]]
    for same in range(int(group.max(initial=-1)) + 1):
        names = accuracy.index[group == same]
        if len(names) > 1:
            found.append(f"Functions {', '.join(map(repr, names))} vote the same on every row and count as one.")
    return found


def worse_than_chance(accuracy: pd.Series[float], cast: Floats, balance: Floats) -> list[str]:
    """Return which functions are right less often than if their votes fell on rows at random, by more than their number allows.

    cast: float64[m, k], votes by function and class.
    """
    total = np.maximum(cast.sum(axis=1), 1)
    chance, learned = cast @ balance / total, accuracy.fillna(1).to_numpy(np.float64)
    worse = learned < chance - _CLEARLY * np.sqrt(chance * (1 - chance) / total)
    said = [
        f"Function {accuracy.index[j]!r} is learned to be right on {learned[j]:.0%} of its {total[j]:,.0f} votes, chance would "
        f"be on {chance[j]:.0%}, so its votes count against their class; look at its rows, or remove it."
        for j in np.flatnonzero(worse)[np.argsort(-total[worse], kind="stable")]
    ]
    return _capped(said, "functions are worse than chance")


def contradictions(met: Meetings, names: Sequence[str]) -> list[str]:
    """Return which pairs of functions differ nearly always where both vote, on half of the votes of one of them or more."""
    often = np.minimum(met.votes[met.i], met.votes[met.j]) < 2 * met.both
    opposed = (met.i < met.j) & often & (met.both >= _MEETINGS) & (met.same < _OPPOSED * met.both)
    order = np.flatnonzero(opposed)[np.argsort(met.same[opposed] - met.both[opposed], kind="stable")]
    said = [
        f"Functions {names[met.i[p]]!r} and {names[met.j[p]]!r} contradict each other on {met.both[p] - met.same[p]:,.0f} of "
        f"the {met.both[p]:,.0f} rows on which both vote; one of them is wrong there."
        for p in order
    ]
    return _capped(said, "pairs contradict each other")


def turned(share: Floats, posterior: Floats) -> NDArray[np.bool_]:
    """bool[rows]: all votes say one class and the posterior another; share: float64[rows, k], of the votes."""
    return np.asarray((share.max(axis=1, initial=0) > 1 - 1e-9) & (posterior.argmax(axis=1) != share.argmax(axis=1)))


def flipped(rows: float, votes: Floats, accuracy: pd.Series[float]) -> list[str]:
    """Return how many rows were turned, and the function trusted least of those that vote there, float64[m] votes."""
    if not rows:
        return []
    least = int(np.where(votes > 0, accuracy.to_numpy(np.float64), np.inf).argmin())
    return [
        f"On {rows:,.0f} rows all votes say one class and the model another: votes there, such as those of "
        f"{str(accuracy.index[least])!r}, are learned to be right on {accuracy.iloc[least]:.0%}, and other classes are common."
    ]


def _capped(said: list[str], what: str) -> list[str]:
    more = len(said) - _NAMED
    return said if more <= 0 else [*said[:_NAMED], f"... and {more:,} more {what}."]
