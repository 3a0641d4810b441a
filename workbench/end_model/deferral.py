"""When the model answers and when a row needs review: above a threshold it is seldom wrong, with a guarantee."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.io.names import listed
from workbench.stats import allowed_errors, lowest_threshold, rows_to_promise, tried_sizes, wilson_interval
from workbench.stats.fixed_sequence import FIRST
from workbench.tables import WorkbenchError

_SEED: Final = 0  # of the thinning; no setting, for whoever may draw again gets the threshold that he likes
_EXACT: Final = 100  # rows from which on the number still to label is said in two digits: it is a hope
_MOST: Final = 20_000  # more rows than this nobody is asked to label


@dataclass(frozen=True)
class Deferral:
    """What may be promised: a row is answered where its confidence is above the threshold, none where that is None.

    risk: the most answers that may be wrong, as a share; confidence: how sure that is. n: measure rows that counted, answered:
    of these, errors: of those. given: measure rows before weighted ones were thinned. more: how many more measure rows
    probably make a promise possible where there is none; None where 20,000 would not, 0 where there is one.
    """

    threshold: float | None
    risk: float
    confidence: float
    n: int
    answered: int
    errors: int
    given: int
    more: int | None

    def __post_init__(self) -> None:
        for name in ("risk", "confidence"):
            if not 0 < getattr(self, name) < 1:
                raise WorkbenchError(f"{name} of a deferral is {getattr(self, name)}; it must be between 0 and 1, such as 0.05")
        if self.threshold is not None and not 0 <= self.threshold < 1:
            raise WorkbenchError(f"threshold of a deferral is {self.threshold}; allowed are None and 0 to below 1")
        if not 0 <= self.errors <= self.answered <= self.n <= self.given or (self.more or 0) < 0:
            raise WorkbenchError("a deferral needs counts of at least 0 in which errors <= answered <= n <= given")

    @property
    def share(self) -> tuple[float, float, float]:
        """The estimated share of rows that are answered, and the ends of its 95 % Wilson interval, 0 to 1 where n is 0."""
        low, high = wilson_interval(self.answered, self.n)
        return self.answered / max(self.n, 1), float(low), float(high)

    def answers(self, confidence: ArrayLike) -> NDArray[np.bool_]:
        """bool[n]: whether each row is answered; the others need review."""
        sure = np.asarray(confidence, np.float64)
        return np.zeros(sure.shape, np.bool_) if self.threshold is None else sure > self.threshold

    def in_words(self) -> str:
        """Return what a user reads."""
        risk = f"{100 * self.risk:g} %"
        if self.threshold is not None:
            share = 100 * self.share[0]
            return f"answers {share:.0f} % of rows, wrong on at most {risk} of them, {100 * self.confidence:g} % sure"
        if self.more is None:
            return f"no {risk} promise possible: by these errors, {_MOST:,} labelled rows would not be enough"
        rows = f"{self.more}" if self.more < _EXACT else f"roughly {float(f'{self.more:.2g}'):,.0f}"
        return f"no {risk} promise possible: label {rows} more such rows"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild from what `as_dict` gave; raises WorkbenchError naming the field that is missing, unknown or no number."""
        names = [field.name for field in fields(cls)]
        for name in [*names, *document]:
            if name not in document or name not in names:
                what = "lacks" if name in names else "has the unknown field"
                raise WorkbenchError(f"a saved deferral {what} {name!r}; its fields are {listed(names)}")
            value, number = document[name], float if name in ("threshold", "risk", "confidence") else int
            missing = value is None and name in ("threshold", "more")
            if not missing and (isinstance(value, bool) or not isinstance(value, int | number)):
                raise WorkbenchError(f"{name} of a saved deferral is {value!r}; it must be a number")
        return cls(**document)


def learn_deferral(
    confidence: ArrayLike, correct: ArrayLike, risk: float, level: float = 0.95, weights: ArrayLike | None = None
) -> Deferral:
    """Find the lowest threshold at which at most `risk` of the answers are wrong, `level` sure.

    confidence: [n], of the model's answers on the measure rows, which taught it nothing and did not calibrate it; 0 for rows
    that are to be reviewed whatever happens. correct: bool [n]. weights: [n], inverse to the chance at which a row was drawn,
    on any scale; draws are with replacement, each a row of its own. Weighted rows are thinned: each counts with the chance
    weight / largest weight, by a fixed seed, and those that do are a uniform sample.

    The promise is made for one look: who labels more and learns again makes a new one, of the same level.
    """
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.bool_)
    if sure.ndim != 1 or sure.shape != right.shape:
        raise WorkbenchError(f"deferral needs one confidence and one answer for each row, not {sure.shape} and {right.shape}")
    kept = np.ones(len(sure), np.bool_) if weights is None else _thinned(np.asarray(weights, np.float64), len(sure))
    sure, wrong = sure[kept], ~right[kept]
    found = lowest_threshold(sure, wrong, risk, level)
    n, given = len(sure), len(kept)
    if found is not None:
        return Deferral(found.threshold, risk, level, n, found.answered, found.errors, given, 0)
    order = np.argsort(-sure, kind="stable")[: np.count_nonzero(sure)]
    more = _more(wrong[order], risk, level) if len(order) or not n else None
    drawn = given / len(order) if len(order) else 1  # measure rows for one that counts and can be answered
    asked = None if more is None or more * drawn > _MOST else math.ceil(more * drawn)
    return Deferral(None, risk, level, n, 0, 0, given, asked)


def _thinned(weights: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    """bool[n]: the rows that count, by rejection."""
    if weights.shape != (n,) or not (np.isfinite(weights) & (weights > 0)).all():
        raise WorkbenchError("deferral needs one positive weight for each measure row")
    return np.asarray(np.random.default_rng(_SEED).random(n) * weights.max(initial=0) < weights)


def _more(wrong: NDArray[np.bool_], risk: float, level: float) -> int | None:
    """Return how many more rows pass the first test if errors stay where they are; None where no number does.

    wrong: of the surest row first. With more rows the first test may look at a smaller share of them, down to a third; what
    takes the fewest rows counts. A hope, no promise: simulated at risks of 5 and 10 % it mostly comes true with 100 rows or
    more to go by, less often with 20, and at 2 %.
    """
    n = len(wrong)
    first = next(iter(tried_sizes(allowed_errors(n, risk, level)).tolist()), n)
    found = [] if n else [rows_to_promise(risk, level, fixed=True)]
    for rows in {size for size in (first, n // 2, n // 3) if 0 < size <= first}:
        error = float(wrong[:rows].mean())
        try:
            answered = rows_to_promise(risk, level, error, fixed=True)
        except WorkbenchError:  # so many errors, or all, that no number of rows is enough
            continue
        # an error is forgiven only by a first test of many rows, which is the first where they are a third of all
        found.append(math.ceil(answered / FIRST if error else answered * n / rows))
    return max(1, min(found) - n) if found else None
