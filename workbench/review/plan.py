"""An audit plan: a seeded sequence of draws from the strata of a label set, made before anyone labels a row.

Every draw picks a stratum h with probability a_h and then one of its N_h rows uniformly, with replacement. Its weight
(N_h / N) / a_h makes the weighted loss of a draw an unbiased estimate of the error rate of the whole label set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed
from workbench.tables import VoteMatrix, WorkbenchError

Floats = NDArray[np.float64]

ALLOCATIONS: Final = {
    "minimum": "in proportion to their rows, with a minimum of draws each",
    "proportional": "in proportion to their rows",
    "neyman": "in proportion to their rows times the guessed deviation of their errors",
}
FLOOR: Final = 0.5  # of a proportional share: no weight is above 1 / FLOOR, and a bound stays tight
_SMALL: Final = 0.02  # share of the rows below which a cell is no stratum of its own
_FEW: Final = 20  # and number of rows
_REST: Final = "the rest"


@dataclass(frozen=True, eq=False)
class AuditPlan:
    """What is drawn from a label set, and how; never changed once it is stored.

    settings: what was asked for. fingerprint: of the label set; run: which one made it. strata: name, rows (N_h), probability
    (a_h) by number. draws: row, stratum, q (chance of that row in one draw), label (of the set), shown (fingerprint of the
    row's text) by position. members: ids of the whole label set where a later plan leaves them out, else None.
    """

    settings: Mapping[str, Any]
    fingerprint: str
    run: str
    strata: pd.DataFrame
    draws: pd.DataFrame
    members: tuple[str, ...] | None = None

    @cached_property
    def id(self) -> str:
        """A hash of all that the plan says: the same plan has the same id, and a plan that was altered has another."""
        tables = [table.reset_index().to_dict(orient="list") for table in (self.strata, self.draws)]
        said = [dict(self.settings), self.fingerprint, self.run, *tables, self.members]
        text = json.dumps(said, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @cached_property
    def rows(self) -> list[str]:
        """The distinct rows drawn, in the order in which they are asked."""
        return list(dict.fromkeys(self.draws["row"]))

    @cached_property
    def population(self) -> int:
        """How many rows the label set has."""
        return int(self.strata["rows"].sum())

    @cached_property
    def weights(self) -> Floats:
        """float64[draws]: (N_h / N) / a_h of every draw."""
        return np.asarray(self.stratum_weights[self.draws["stratum"].to_numpy(np.intp)])

    @cached_property
    def stratum_weights(self) -> Floats:
        """float64[strata]."""
        return np.asarray((self.strata["rows"] / self.population / self.strata["probability"]).to_numpy(np.float64))


def agreement_bands(votes: VoteMatrix) -> NDArray[Any]:
    """Return in words, for every row, whether its functions agree."""
    bands = [votes.conflicting, votes.n_votes > 1, votes.covered]
    return np.select(bands, ["conflict", "all agree", "single vote"], "no vote")


def label_set_fingerprint(labels: pd.Series[Any], shown: Iterable[str]) -> str:
    """sha256 over row id, label name and text (shown: its fingerprint) of a label set, in row order: the same in every process.

    >>> label_set_fingerprint(pd.Series({"r1": "ham"}), ["0f3a"])[:8]
    'e9db1030'
    """
    state = hashlib.sha256()
    for part in (
        part for (row, label), text in zip(labels.items(), shown, strict=True) for part in (str(row), str(label), text)
    ):
        text = part.encode("utf-8", "surrogatepass")
        state.update(len(text).to_bytes(8, "little") + text)
    return state.hexdigest()


def strata_of(cells: pd.DataFrame, modes: pd.Series[Any] | None = None) -> pd.Series[Any]:
    """Return the name of the stratum of every row.

    cells: one column a cut, `label` among them, by row id. modes: the failure mode that a row is a candidate of, missing where
    there is none; each is a stratum, however small. Of the other rows a cell with fewer than 20 rows or 2 % of all joins those
    of its label in one stratum; where even they are fewer, they join the largest cell of the label, and if no cell of it is
    large enough, the small ones of the other labels.
    """
    least = max(_FEW, _SMALL * len(cells))
    names = reduce(lambda one, other: one + " · " + other, (cells[name].astype(str) for name in cells))
    free = np.ones(len(cells), bool) if modes is None else modes.isna().to_numpy()
    labels = cells["label"].astype(str)
    names = _pooled(names, free, least, labels + f" · {_REST}")
    size = names[free].value_counts()
    for label in labels.unique():
        here = free & (labels == label).to_numpy()
        large = size.reindex(names[here].unique()).drop(f"{label} · {_REST}", errors="ignore")
        if not large.empty:  # a pool that is too small still joins the largest, else all pools meet below
            names = _pooled(names, here, least, pd.Series(large.idxmax(), index=names.index))
    names = _pooled(names, free, least, pd.Series(_REST, index=names.index))
    return names if modes is None else names.where(free, "failure: " + modes.astype(str))


def _pooled(names: pd.Series[Any], free: NDArray[np.bool_], least: float, into: pd.Series[Any]) -> pd.Series[Any]:
    """Give free rows of small strata the name of a common one."""
    size = names[free].value_counts()
    return names.where(~(free & (names.map(size) < least).to_numpy()), into)


def probabilities(
    rows: NDArray[Any], guesses: Floats, modes: NDArray[np.bool_], draws: int, allocation: str, minimum: int
) -> tuple[Floats, int]:
    """Return the chance a_h of every stratum in one draw, and the minimum that could be kept.

    rows: N_h. guesses: error rates before anyone looked. modes: strata of failure modes. a_h = max(m_h / draws,
    FLOOR N_h / N, c g_h), where g_h is the allocation asked for and c makes the sum 1; m_h is the minimum, for failure modes
    alone under `neyman`, so that it is the least number of draws *expected* there. A minimum that does not fit is lowered.
    """
    if allocation not in ALLOCATIONS:
        raise WorkbenchError(
            f"there is no allocation {allocation!r}; they are {listed(ALLOCATIONS)}{did_you_mean(allocation, ALLOCATIONS)}"
        )
    share = rows / rows.sum()
    if allocation == "proportional":
        return np.asarray(share), 0
    spread = rows * np.sqrt(guesses * (1 - guesses))
    wanted = spread / spread.sum() if allocation == "neyman" and spread.sum() > 0 else share
    minded = modes if allocation == "neyman" else np.ones(len(rows), bool)
    for kept in range(min(minimum, draws), -1, -1):
        least = np.maximum(FLOOR * share, np.where(minded, kept / draws, 0))
        if least.sum() <= 1:
            break
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if np.maximum(least, middle * wanted).sum() > 1 else (middle, high)
    found = np.maximum(least, high * wanted)
    return np.asarray(found / found.sum()), kept if minded.any() else 0


def draw(strata: pd.Series[Any], chances: pd.Series[Any], n: int, seed: int, fingerprint: str) -> pd.DataFrame:
    """Draw n rows, with replacement; return row, stratum (its place in `chances`) and q by position.

    strata: the stratum of every row, by id. The fingerprint of the label set goes into the seed: for a new label set rows
    are drawn anew, not those that people have learned from meanwhile.
    """
    rng = np.random.default_rng([seed, int(fingerprint[:16], 16)])
    codes = pd.Index(chances.index).get_indexer(pd.Index(strata))
    order, size = np.argsort(codes, kind="stable"), np.bincount(codes, minlength=len(chances))
    ends = np.cumsum(chances.to_numpy(np.float64))
    picked = np.minimum(np.searchsorted(ends, rng.random(n), side="right"), len(chances) - 1)
    places = order[(np.cumsum(size) - size)[picked] + (rng.random(n) * size[picked]).astype(np.intp)]
    q = chances.to_numpy(np.float64)[picked] / size[picked]
    table = pd.DataFrame({"row": strata.index[places].astype(str), "stratum": picked.astype(np.int64), "q": q})
    return table.rename_axis("position")
