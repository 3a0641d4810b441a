"""How far label model and end model fall when functions are dropped, err, stand twice or vote less often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.stress.contract import LABEL, Asked
from workbench.stress.measure import FIGURES, Held, figures, paired_change, right_by_gold
from workbench.tables import ABSTAIN, SoftLabels, VoteMatrix, tied_classes

_WHOLE: Final = "the same rows with all functions"
_NAMED: Final = 3  # functions that are missed most
_ALONE: Final = 100  # functions that are dropped one by one: those that vote most


@dataclass(frozen=True)
class Removal:
    """What happens to the functions. share: of the functions, or of all votes where they thin out. draws: how often for the
    label model. end_model: whether it learns again too, from the first draw.
    """

    name: str
    how: str
    share: float = 0.5
    draws: int = 5
    end_model: bool = False


def drop(votes: VoteMatrix, share: float, rng: np.random.Generator) -> VoteMatrix:
    """Leave a share of the functions out."""
    return _only(votes, np.delete(np.arange(len(votes.lfs)), _some(votes, share, rng)))


def flip(votes: VoteMatrix, share: float, rng: np.random.Generator) -> VoteMatrix:
    """Let a share of the functions vote for another class wherever they vote: each class becomes another, always the same."""
    changed, k = votes.votes.copy(), len(votes.labels)
    for j in _some(votes, share, rng) if k > 1 else ():
        others = (np.arange(k) + rng.integers(1, k, size=k)) % k
        cast = changed[:, j] != ABSTAIN
        changed[cast, j] = others[changed[cast, j]]
    return VoteMatrix(votes.ids, votes.lfs, votes.labels, changed)


def copy(votes: VoteMatrix, share: float, rng: np.random.Generator) -> VoteMatrix:
    """Let a share of the functions stand three times, as rules do that were copied and renamed."""
    chosen = _some(votes, share, rng)
    names = [f"{votes.lfs[j]} (copy {number})" for number in (2, 3) for j in chosen]
    both = np.hstack([votes.votes, votes.votes[:, chosen], votes.votes[:, chosen]])
    return VoteMatrix(votes.ids, (*votes.lfs, *names), votes.labels, both)


def thin(votes: VoteMatrix, share: float, rng: np.random.Generator) -> VoteMatrix:
    """Lose a share of all votes by chance."""
    lost = rng.random(votes.votes.shape) < share
    return VoteMatrix(votes.ids, votes.lfs, votes.labels, np.where(lost, np.int16(ABSTAIN), votes.votes))


HOWS: Final[dict[str, tuple[Callable[[VoteMatrix, float, np.random.Generator], VoteMatrix], str]]] = {
    "drop": (drop, "of the functions left out"),
    "flip": (flip, "of the functions voting for another class"),
    "copy": (copy, "of the functions standing three times"),
    "thin": (thin, "of all votes lost"),
}
EACH: Final = "drop_each"
REMOVALS: Final = (
    Removal("drop_each", EACH),
    Removal("drop_a_quarter", "drop", 0.25),
    Removal("drop_half", "drop", 0.5, end_model=True),
    Removal("flip_a_tenth", "flip", 0.1, end_model=True),
    Removal("copy_a_quarter", "copy", 0.25),
    Removal("thin_by_half", "thin", 0.5, end_model=True),
)


@dataclass(frozen=True, eq=False)
class Line:
    """The line from votes to models, as the task has it. Rows of all three are those of `held`, in its order.

    held: scored rows and what the end model says of them. votes: of all rows. label: label model fitted on votes to its labels
    of the scored rows. learn: the same and on to an end model that learned from these labels.
    """

    held: Held
    votes: VoteMatrix
    label: Callable[[VoteMatrix], SoftLabels]
    learn: Callable[[VoteMatrix], Asked]

    @cached_property
    def whole(self) -> float:
        """How often the label model is right with all functions."""
        return self.right(self.votes)

    def right(self, votes: VoteMatrix) -> float:
        """Return how often a label model that is fitted on the votes is right on the scored rows."""
        assert self.held.rows.gold is not None, "suites of functions are of rows with gold"
        return _share_right(self.label(votes), self.held.rows.gold)


def rules_removed(removal: Removal, line: Line, seed: int, report: Callable[[int, int, str], None]) -> dict[str, Any]:
    """Return what `measured` does of an end model that learned again, and `label_model`.

    label_model: {accuracy, low, high, of}: the mean over the draws, the worst and the best of them, and with all functions as
    they are. lost: of drop_each the functions without which it is least often right. Where the end model did not learn again
    its figures are None, and `reason` says so.
    """
    found: dict[str, Any] = {"name": removal.name, "kind": "rules_removed", "about": _about(removal), "expects": LABEL}
    draws, shares = _draws(removal, line.votes, seed), []
    for place, (name, votes) in enumerate(draws):
        report(place, len(draws), name)
        shares.append(line.right(votes))
    found |= dict.fromkeys(FIGURES) | {"n": len(line.held.rows), "rows": line.held.rows.fingerprint, "worst": [], "changed": {}}
    found["label_model"] = {"accuracy": float(np.mean(shares)), "low": min(shares), "high": max(shares), "of": line.whole}
    if removal.how == EACH:
        worst = np.argsort(shares, kind="stable")[:_NAMED]
        found["lost"] = [{"lf": draws[at][0], "accuracy": shares[at]} for at in worst.tolist()]
    if not removal.end_model:
        return found | {"reason": "the end model did not learn again, only the label model"}
    report(len(draws), len(draws), "the end model learns again")
    asked, before = line.learn(draws[0][1]), right_by_gold(line.held.rows, line.held.asked)
    right = right_by_gold(line.held.rows, asked)
    assert right is not None and before is not None
    found |= {**figures(asked, right), "of": {"what": _WHOLE, **figures(line.held.asked, before)}}
    return found | {"change": paired_change(right, before)}


def _draws(removal: Removal, votes: VoteMatrix, seed: int) -> list[tuple[str, VoteMatrix]]:
    """Return the votes of each draw under a name, or without each function under its name."""
    if removal.how == EACH:
        most = np.argsort(-(votes.votes != ABSTAIN).sum(axis=0), kind="stable")[:_ALONE]
        every = np.arange(len(votes.lfs))
        return [(votes.lfs[j], _only(votes, every[every != j])) for j in sorted(most.tolist())]
    change = HOWS[removal.how][0]
    rngs = [np.random.default_rng([seed, crc32(removal.name.encode()), draw]) for draw in range(removal.draws)]
    return [(f"draw {draw}", change(votes, removal.share, rng)) for draw, rng in enumerate(rngs, 1)]


def _about(removal: Removal) -> str:
    return "one function left out at a time" if removal.how == EACH else f"{removal.share:.0%} {HOWS[removal.how][1]}"


def _some(votes: VoteMatrix, share: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the places of a share of the functions, at least one and, of several, never all."""
    m = len(votes.lfs)
    return np.sort(rng.choice(m, min(max(round(share * m), 1), max(m - 1, 1)), replace=False))


def _only(votes: VoteMatrix, kept: NDArray[np.intp]) -> VoteMatrix:
    return VoteMatrix(votes.ids, tuple(votes.lfs[j] for j in kept), votes.labels, votes.votes[:, kept])


def _share_right(soft: SoftLabels, truth: pd.Series[Any]) -> float:
    """Return the share of rows whose gold has the highest probability; classes that tie share the row."""
    tied = tied_classes(soft.probs)
    return float((tied / tied.sum(axis=1, keepdims=True))[np.arange(len(truth)), truth.to_numpy()].mean())
