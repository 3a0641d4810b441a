"""What one comparison found, and which of them all are drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from workbench.stats import false_discovery
from workbench.stats.two_samples import cohens_h

LEVEL: Final = 0.05  # of the findings in a batch so many may be chance
APART: Final = 0.2  # Cohen's h between two shares, which he calls small: 50 % against 60 %, 10 % against 17 %, 1 % against none
PAIRS: Final = 0.1  # how far from one half the share of pairs is in which the batch is larger
MOVED: Final = 0.1  # share of rows that would have to change kind
_WEIGHTS: Final = {"coverage": 3.0}  # a function that falls silent is what a monitor must not miss; other kinds count 1


@dataclass(frozen=True)
class Check:
    """One comparison of a batch with the reference.

    kind: what is compared; of: which function, pair or class, '' where there is one. reference, batch: a share or a middle, or
    shares by kind. effect: how large the change is, whatever the number of rows. p: of no change. matters: whether the effect
    is large enough to act on. changed: what changed, from where to where; advice: what to do about it. q: p after so many
    comparisons. drifted: q is at most .05, and the change matters.
    """

    kind: str
    of: str
    reference: float | Mapping[str, float]
    batch: float | Mapping[str, float]
    effect: float
    p: float
    matters: bool
    changed: str
    advice: str
    q: float = 1.0
    drifted: bool = False

    @property
    def said(self) -> str:
        """One sentence: what changed, and what to do or why nothing is to be done."""
        if self.drifted:
            return f"{self.changed}: {self.advice}."
        return f"{self.changed}, {'no cause to act' if self.q <= LEVEL else 'no more than chance'}."

    def as_dict(self) -> dict[str, Any]:
        """Return what a file keeps."""
        names = ("kind", "of", "reference", "batch", "effect", "p", "q", "drifted", "said")
        return {name: getattr(self, name) for name in names}


def judged(checks: Sequence[Check]) -> list[Check]:
    """Return the checks with q and verdict, those that drifted first and the surest first among these.

    q is Benjamini & Hochberg's over all checks, each kind with the same share of the level however many checks it has, but for
    coverage with three times as much (weights as in Genovese, Roeder & Wasserman, Biometrika 93, 2006, p. 509), so that
    hundreds of pairs of functions do not drown the share that is deferred. Where nothing changed, a batch has a finding at most
    one time in twenty.
    """
    if not checks:
        return []
    size = Counter(check.kind for check in checks)
    each_kind = sum(_WEIGHTS.get(kind, 1.0) for kind in size) / len(checks)
    handicap = np.array([size[check.kind] * each_kind / _WEIGHTS.get(check.kind, 1.0) for check in checks])
    q = false_discovery(np.minimum(handicap * [check.p for check in checks], 1.0))
    found = [
        replace(check, q=float(each), drifted=bool(each <= LEVEL and check.matters))
        for check, each in zip(checks, q, strict=True)
    ]
    return sorted(found, key=lambda check: (not check.drifted, check.q, check.p))


def of_shares(
    kind: str, of: str, shares: tuple[float, float], p: float, words: tuple[str, str], matters: bool = False
) -> Check:
    """Return the check of two shares, reference and batch; words: what is shared, such as `conflict`, and what to do."""
    h = float(cohens_h(shares[1], shares[0]))
    changed = f"{words[0]} {from_to(*shares)}"
    return Check(kind, of, *shares, effect=h, p=p, matters=matters or abs(h) >= APART, changed=changed, advice=words[1])


def from_to(before: float, now: float) -> str:
    """Return two shares in words.

    >>> from_to(0.5, 0.25)
    'fell from 50.0% to 25.0%'
    """
    verb = "rose" if now > before else "fell" if now < before else "stayed"
    return f"stayed at {now:.1%}" if verb == "stayed" else f"{verb} from {before:.1%} to {now:.1%}"
