"""The lowest threshold above which a model may answer, so that few of its answers are wrong, with a guarantee."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.stats.intervals import check_confidence
from workbench.tables import WorkbenchError

#: The share of the rows that the strictest threshold answers, if so many can pass: of fewer a single unlucky error ends all.
#: By simulation the best at 300 rows beside a half, and at 2,000 beside a quarter.
FIRST: Final = 1 / 3


class Accepted(NamedTuple):
    """Rows whose score is above the threshold are answered: so many of those measured, and so many of these wrong."""

    threshold: float
    answered: int
    errors: int


def lowest_threshold(scores: ArrayLike, wrong: ArrayLike, risk: float, confidence: float = 0.95) -> Accepted | None:
    """Return the lowest threshold at which at most `risk` of the answered rows are wrong, with confidence; None where no is.

    scores: [n], from 0 to 1; a score of 0 is never answered. wrong: bool [n]. The rows are independent draws of those that
    the promise is about. Thresholds are tried from the strictest on, each answering one of `tried_sizes` of the surest rows,
    until an exact binomial test does not accept one: Learn-then-Test by a fixed sequence (Angelopoulos, Bates, Candès, Jordan
    & Lei, arXiv 2110.01052, section 3).

    Why it holds: a threshold is the score of the first row that is not answered. Given that score, the rows above it are
    independent draws of all rows above it, wherefore their errors are binomial with the risk of just these; sizes depend on n
    alone. A promise breaks only where the first too risky threshold is accepted. If the risk crosses the target once as more
    is answered, the rows above the crossing have the target's rate and those between it and that threshold a higher one, so
    that this happens in at most 1 - confidence of all samples. Rows of one score enter together. A risk that crosses the
    target often, and many ties, are covered by simulation only (benchmarks/deferral.py).
    """
    score, error = np.asarray(scores, np.float64), np.asarray(wrong, np.bool_)
    if score.ndim != 1 or score.shape != error.shape or not ((score >= 0) & (score <= 1)).all():
        raise WorkbenchError("a threshold needs scores from 0 to 1, and for each whether that row is wrong")
    order = np.argsort(-score, kind="stable")[: np.count_nonzero(score)]
    sure, errors = score[order], np.concatenate([[0], np.cumsum(error[order])])
    allowed = allowed_errors(len(sure), risk, confidence)
    found = None
    for size in tried_sizes(allowed).tolist():
        answered = int(np.searchsorted(-sure, -sure[size - 1], side="right"))
        if errors[answered] > allowed[answered]:
            break
        rest = sure[answered:]
        found = Accepted(float(rest[0]) if rest.size else 0.0, answered, int(errors[answered]))
    return found


def allowed_errors(n: int, risk: float, confidence: float = 0.95) -> NDArray[np.int64]:
    """Return for 0..n answered rows how many may be wrong, for an exact bound of at most `risk`; -1 where none is low enough.

    >>> allowed_errors(93, 0.05)[[58, 59, 92, 93]].tolist()
    [-1, 0, 0, 1]
    """
    from scipy.stats import binom

    if not 0 < risk < 1:
        raise WorkbenchError(f"the risk is {risk}; it must be between 0 and 1, such as 0.05")
    return np.asarray(binom.ppf(1 - check_confidence(confidence), np.arange(n + 1), risk), np.int64) - 1


def tried_sizes(allowed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of the surest rows each threshold answers: the fewest for each number of allowed errors, and all.

    allowed: of `allowed_errors` for 0..n rows. From FIRST of them on; in between a size allows no more errors than the last.

    >>> tried_sizes(allowed_errors(300, 0.05)).tolist()
    [124, 153, 181, 208, 234, 260, 286, 300]
    """
    n = len(allowed) - 1
    more = np.flatnonzero(np.diff(allowed) > 0) + 1
    return np.union1d(more[more >= FIRST * n], [n] if allowed[n] >= 0 else []).astype(np.int64)
