"""What is compared of some rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.tables import SoftLabels, VoteMatrix


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows as functions, words and the end model see them; each part may be of some of the rows alone.

    votes: of the functions to compare. terms: the words and pairs of words of each row. lengths: characters of each row.
    languages: a code a row. vectors: float32[r, d]. answers: of the end model on rows that taught it nothing, None where there
    are none. deferred: bool by row of the answers, True where a person is to look; None where no threshold decides.
    """

    votes: VoteMatrix
    terms: Sequence[Collection[str]] = ()
    lengths: Sequence[int] = ()
    languages: Sequence[str] = ()
    vectors: NDArray[np.floating[Any]] | None = None
    answers: SoftLabels | None = None
    deferred: NDArray[np.bool_] | None = None
