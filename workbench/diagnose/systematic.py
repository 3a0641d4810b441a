"""Systematic errors: where labels are wrong more often than chance explains, as what, how to tell the rows, what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose.chance import least_p, stratified_greater
from workbench.diagnose.gaps import gap_terms
from workbench.diagnose.regions import Regions, regions_of
from workbench.stats import false_discovery, wilson_interval
from workbench.tables import ABSTAIN, Dataset, VoteMatrix, aligned_gold

FEWEST: Final = 8  # rows with known truth in a region
_EXPLAINED: Final = 0.05  # a region whose p within a wider one is above this is nothing special there
_WITHIN: Final = 0.8  # of a region's errors lie in a wider one that may stand for it
_EXAMPLES: Final = 3
_COMPARED: Final = 1_000  # rows within a region, and about as many outside it, whose words are compared
Finding = tuple[dict[str, Any], list[str]]  # a line of `tested`, and the names of the tests that say the same
Outcome = tuple[bool, int]  # whether a function's votes are judged, not the labels; the true class, ABSTAIN for any other
_FINDINGS: Final = [
    "region", "kind", "target", "n", "errors", "rate", "rate_elsewhere", "p", "q", "predicted", "truly", "confused", "also",
    "marks", "examples", "next",
]  # fmt: skip
_CONFUSIONS: Final = [
    "predicted", "truly", "n", "errors", "share", "low", "high", "share_elsewhere", "p", "q", "examples", "next",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class SystematicErrors:
    """What is wrong with the labels of some rows whose truth is known.

    findings: one line a region, the surest first, with q (over all tests) up to level. region: in words. n: rows there; errors:
    of them wrong, with a target those that are truly that class and labelled another, of a function's region all that are truly
    that class. rate: errors / n; rate_elsewhere: of rows outside with the same labels. predicted, truly, confused: the most
    frequent confusion there and its rows. also: regions that say the same. marks: words and values that tell the region.
    examples: ids of wrong rows. next: what to do.
    confusions: one line a pair of classes that occurs, the most frequent first: n rows labelled predicted, errors that are
    truly the other class, share with its 95 % Wilson interval low..high, share_elsewhere: of rows labelled otherwise that are
    truly that class; p and q are missing where there are two classes, as then there is no elsewhere.
    rows, errors: in all. tests: how many were made. more: how many further ones reach the level. tested: all, with p and q.
    """

    findings: pd.DataFrame
    confusions: pd.DataFrame
    rows: int
    errors: int
    tests: int
    level: float
    more: int
    tested: pd.DataFrame

    def least_found(self, rows: int) -> int | None:
        """Return how many of so many rows must be wrong to be found, were it the only finding; None where all are too few.

        Of the kind of region with most tests, where labels err alike: elsewhere it may take more or fewer.
        """
        n, tests = max(self.rows, rows), max(self.tests, 1)
        hits = np.arange(rows + 1)
        p = stratified_greater(hits, np.full((rows + 1, 1), rows), [n], [max(self.errors, 1)])
        found = np.flatnonzero((p * self.tested["handicap"].max() <= self.level / tests) & (hits <= self.errors))
        return int(found[0]) if len(found) else None


@dataclass(frozen=True, eq=False)
class _Judged:
    """The rows whose truth is known: positions of label and truth, regions and votes, and what is tested of them."""

    ids: pd.Index
    labels: tuple[str, ...]
    hard: NDArray[np.int64]
    truth: NDArray[np.int64]
    regions: Regions
    votes: VoteMatrix | None

    @property
    def wrong(self) -> NDArray[np.bool_]:
        return np.asarray(self.hard != self.truth)

    def outcome(self, of: Outcome) -> NDArray[np.bool_]:
        """bool[n]: rows that are labelled wrongly; with a target those of them that are truly that class; by a function all."""
        by_function, target = of
        if target == ABSTAIN:
            return self.wrong
        return np.asarray((self.truth == target) & (by_function | self.wrong))

    def inside(self, region: int) -> NDArray[np.bool_]:
        return np.asarray(self.regions.inside[:, [region]].toarray()[:, 0] > 0)


def systematic_errors(
    data: Dataset,
    hard: pd.Series[Any],
    truth: pd.Series[Any],
    masks: Mapping[str, NDArray[np.bool_]],
    votes: VoteMatrix | None = None,
    *,
    level: float = 0.1,
    fewest: int = FEWEST,
    top: int = 30,
) -> SystematicErrors:
    """Return the regions in which labels err more than on other rows with the same label, and the pairs of classes confused.

    hard: the label set, truth: what is known, both class indexes by id, -1 or missing elsewhere; rows with both are judged.
    masks: bool[n] by name as it is shown, such as `slice long`, in the order of data, whose columns may all be seen.
    A region is tested against the rows outside it, label by label, so that a hard class is none: for any error, and for rows
    that are truly each class and labelled another; what a function votes for the truth being each other class.
    level: the false discovery rate of the findings, by Benjamini & Hochberg over all tests, each kind of region with the same
    share of it (weights as in Genovese, Roeder & Wasserman, Biometrika 93, 2006, p. 509: thousands of words do not drown ten
    slices), and by `_findings` for those that are left when tests that say the same are one.
    Pairs of classes are another question, and have a q of their own. fewest: rows of a region. top: findings that are told.
    """
    given, known = (aligned_gold(data.ids, data.labels, one) for one in (hard, truth))
    rows = np.flatnonzero((given != ABSTAIN) & (known != ABSTAIN))
    cast = None if votes is None else votes.take(votes.ids.get_indexer(data.ids[rows]))
    regions = regions_of(data.take(rows), {name: mask[rows] for name, mask in masks.items()}, cast, fewest)
    judged = _Judged(data.ids[rows], data.labels, given[rows], known[rows], regions, cast)
    tested = _tested(judged, level)
    findings = _findings(judged, tested, level)
    lines = [_line(judged, line, also) for line, also in findings[:top]]
    return SystematicErrors(
        findings=pd.DataFrame(lines, columns=_FINDINGS),
        confusions=_confusions(judged, level),
        rows=len(rows),
        errors=int(judged.wrong.sum()),
        tests=len(tested),
        level=level,
        more=len(findings) - len(lines),
        tested=tested,
    )


def _tested(judged: _Judged, level: float) -> pd.DataFrame:
    """Return one line a test, the surest first: at (of the region), by_function, target (see Outcome), n, errors, p, q.

    handicap: by what p is multiplied before it is compared. Regions too small to be found are not tested.
    """
    vote = judged.regions.vote
    parts = [_against_chance(judged, np.flatnonzero(vote == ABSTAIN), (False, ABSTAIN))]
    for target in range(len(judged.labels)):
        parts.append(_against_chance(judged, np.flatnonzero(vote == ABSTAIN), (False, target)))
        parts.append(_against_chance(judged, np.flatnonzero((vote != ABSTAIN) & (vote != target)), (True, target)))
    table = pd.concat(parts, ignore_index=True)
    table["kind"] = [judged.regions.kinds[at] for at in table["at"]]
    table["region"] = [judged.regions.names[at] for at in table["at"]]
    table = _able(table, level)
    table["handicap"] = _handicap(table)
    table["q"] = _discovery(table["p"] * table["handicap"])
    return table.sort_values(["q", "p", "n"], ascending=[True, True, False], kind="stable", ignore_index=True)


def _handicap(table: pd.DataFrame) -> pd.Series[Any]:
    """Return by what each p is multiplied, 1 / weight, so that each kind of region has the same share of the error rate."""
    return table["kind"].nunique() * table.groupby("kind")["p"].transform("size") / max(len(table), 1)


def _able(table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Leave out tests that could not be found whatever falls into them, which their sizes alone say (Gilbert, Appl. Stat. 54,
    2005, p. 143).
    """
    least = (table["least"] * _handicap(table)).to_numpy()
    k = np.arange(1, len(table) + 1)
    few = np.searchsorted(np.sort(least), level / k, side="right") <= k
    return table[least <= level / k[few.argmax()]] if len(table) else table


def _discovery(p: pd.Series[Any]) -> NDArray[np.float64]:
    return false_discovery(p.clip(upper=1)) if len(p) else np.zeros(0)


def _against_chance(judged: _Judged, at: NDArray[np.intp], of: Outcome, apart: NDArray[np.bool_] | None = None) -> pd.DataFrame:
    """Test regions against the rows outside them with the same label; apart: bool[n], rows that are compared on either side."""
    k = len(judged.labels)
    strata = judged.hard if apart is None else judged.hard + k * apart
    outcome = judged.outcome(of)
    inside = judged.regions.inside[:, at].T
    cells = np.eye(2 * k)[strata]
    sizes, hits = inside @ cells, inside @ (cells * outcome[:, None])
    n, successes = cells.sum(axis=0), cells[outcome].sum(axis=0)
    outside = n - sizes
    rate = np.divide(successes - hits, outside, out=np.zeros_like(hits), where=outside > 0)
    compared = np.where(outside > 0, sizes, 0)
    elsewhere = (compared * rate).sum(axis=1) / np.maximum(compared.sum(axis=1), 1)
    return pd.DataFrame(
        {
            "at": at,
            "by_function": of[0],
            "target": of[1],
            "n": sizes.sum(axis=1).astype(int),
            "errors": hits.sum(axis=1).astype(int),
            "rate_elsewhere": np.where(compared.any(axis=1), elsewhere, np.nan),
            "p": stratified_greater(hits.sum(axis=1), sizes, n, successes),
            "least": least_p(sizes, n, successes),
        }
    )


def _findings(judged: _Judged, tested: pd.DataFrame, level: float) -> list[Finding]:
    """Return what is left of the tests that reach the level when those that say the same are one.

    Chance findings seldom say the same, so that merging raises their share: each p is compared again as if there had been as
    many rejections as findings are left, until none falls away (Katsevich, Sabatti & Bogomolov, JASA 118, 2023, p. 165).
    """
    found = tested[tested["q"] <= level]
    while True:
        merged = _merged(judged, found.reset_index(drop=True))
        reached = found["p"] * found["handicap"] <= level * len(merged) / max(len(tested), 1)
        if reached.all():
            return merged
        found = found[reached]


def _merged(judged: _Judged, found: pd.DataFrame) -> list[Finding]:
    """Return the findings that say something of their own, each with the names of those it explains.

    The surest is taken, or in its place the widest that holds nearly all its errors and in which it is nothing special; then
    those that share most errors with it are dropped where, compared within it and outside it, they no longer reach what the
    weakest finding did; and so on.
    """
    lines, left = _lines(found), np.arange(len(found))
    kept: list[Finding] = []
    p = found["p"] * found["handicap"]
    while len(left):
        winner = _widest(judged, lines, left)
        beside = judged.inside(lines[winner]["at"])
        explained = {int(left[0]), winner}
        for (by_function, target), some in found.iloc[left].groupby(["by_function", "target"]):
            of = bool(by_function), int(str(target))
            shared = judged.regions.inside[:, some["at"].to_numpy()].T @ (judged.outcome(of) & beside).astype(float)
            near = some[2 * shared >= some["errors"]]
            again = _against_chance(judged, near["at"].to_numpy(), of, beside)["p"].to_numpy()
            explained |= set(near.index[again * near["handicap"] > p.max()])
        names = {_named(judged, lines[place]): lines[place]["region"] for place in sorted(explained)}
        kept.append((lines[winner], [name for name, region in names.items() if region != lines[winner]["region"]]))
        left = left[~np.isin(left, list(explained))]
    return kept


def _lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in line.items()} for line in table.to_dict("records")]


def _widest(judged: _Judged, lines: list[dict[str, Any]], left: NDArray[np.intp]) -> int:
    """Return what stands for the first of the findings left: itself, or the widest that explains it."""
    best = lines[left[0]]
    of = best["by_function"], best["target"]
    errors = judged.outcome(of) & judged.inside(best["at"])
    rivals = [place for place in left.tolist() if lines[place]["n"] > best["n"] and _same_kind(lines[place], best)]
    held = judged.regions.inside[:, [lines[place]["at"] for place in rivals]].T @ errors.astype(float)
    wide = [place for place, n in zip(rivals, held, strict=True) if n >= _WITHIN * errors.sum()]
    for place in sorted(wide, key=lambda place: -lines[place]["n"]):
        within = _against_chance(judged, np.array([best["at"]]), of, judged.inside(lines[place]["at"]))
        if within["p"].iloc[0] > _EXPLAINED:
            return int(place)
    return int(left[0])


def _same_kind(wider: dict[str, Any], line: dict[str, Any]) -> bool:
    return wider["by_function"] == line["by_function"] and wider["target"] in (ABSTAIN, line["target"])


def _named(judged: _Judged, line: dict[str, Any]) -> str:
    return line["region"] if line["target"] == ABSTAIN else f"{line['region']}, truly {judged.labels[line['target']]}"


def _line(judged: _Judged, line: dict[str, Any], also: list[str]) -> dict[str, Any]:
    """Return a finding as it is shown."""
    inside, vote = judged.inside(line["at"]), judged.regions.vote[line["at"]]
    errors = np.flatnonzero(judged.outcome((line["by_function"], line["target"])) & inside)
    said = np.full(len(errors), vote) if line["by_function"] else judged.hard[errors]
    (predicted, truly), confused = Counter(zip(said.tolist(), judged.truth[errors].tolist(), strict=True)).most_common(1)[0]
    of_pair = errors[(said == predicted) & (judged.truth[errors] == truly)]
    marks = _marks(judged.regions, inside, line["region"])
    where = {"slice": f" in {line['region']}", "function": ""}.get(line["kind"], f" where {line['region']}")
    name = judged.regions.names[line["at"]].removesuffix(f" votes {judged.labels[vote]}") if line["by_function"] else None
    return {
        **{name: line[name] for name in ("region", "kind", "n", "errors", "rate_elsewhere", "p", "q")},
        "target": "" if line["target"] == ABSTAIN else judged.labels[line["target"]],
        "rate": line["errors"] / line["n"],
        "predicted": judged.labels[predicted],
        "truly": judged.labels[truly],
        "confused": confused,
        "also": also,
        "marks": marks,
        "examples": [str(judged.ids[place]) for place in [*of_pair, *np.setdiff1d(errors, of_pair)][:_EXAMPLES]],
        "next": _next(judged, errors, where, name),
    }


def _marks(regions: Regions, inside: NDArray[np.bool_], name: str) -> list[str]:
    """Return the words, quoted, and values that tell a region, beside its own name."""
    places = (np.flatnonzero(mask) for mask in (inside, ~inside))
    rows, others = ([regions.terms[at] for at in some[:: max(len(some) // _COMPARED, 1)].tolist()] for some in places)
    marks = [mark if mark in regions.values else f"“{mark}”" for mark in gap_terms(rows, others, fewest=3, top=8)["term"]]
    return [mark for mark in marks if mark not in name][:5]


def _next(judged: _Judged, errors: NDArray[np.intp], where: str = "", function: str | None = None) -> str:
    """Return what to do about wrong rows; where: what tells them; function: whose votes, not the labels, are judged."""
    truly = Counter(judged.truth[errors].tolist()).most_common(1)[0][0]
    right, rows = judged.labels[truly], errors[judged.truth[errors] == truly]
    if function is not None:
        return f"Mend {function!r}: let it abstain on rows that are {right}, or vote {right} there."
    if 3 * len(rows) < 2 * len(errors):
        return f"The {len(errors):,} errors are of several kinds: review more rows{where} and write a rule for each kind."
    if judged.votes is None:
        return f"Write a rule for {right}{where}."
    cast = judged.votes.votes[rows]
    misled = (cast == judged.hard[rows, None]).sum(axis=0)
    worst = int(misled.argmax()) if len(misled) else 0
    found = int((cast == truly).any(axis=1).sum())
    heard = f"functions vote {right} on {found:,} of the {len(rows):,} rows that are {right} and not labelled so"
    if len(misled) and 3 * misled[worst] >= len(rows):
        name = judged.votes.lfs[worst]
        return f"Mend {name!r}{where}: it votes for the wrong label on {misled[worst]:,} rows; {heard}."
    return f"Write {'another' if found else 'a'} rule for {right}{where}: {heard}{', and are outvoted' if found else ''}."


def _confusions(judged: _Judged, level: float) -> pd.DataFrame:
    """Return the pairs of classes that are confused, each tested against the rows that have other labels."""
    k = len(judged.labels)
    counts = np.bincount(k * judged.hard + judged.truth, minlength=k * k).reshape(k, k)
    n = counts.sum(axis=1)
    lines, places = [], [(a, b) for a, b in np.argwhere(counts) if a != b]
    for a, b in places:
        others = n.sum() - n[a] - n[b]
        elsewhere = counts[:, b].sum() - counts[b, b] - counts[a, b]
        p = stratified_greater([counts[a, b]], [[n[a]]], [n[a] + others], [counts[a, b] + elsewhere])[0] if others else np.nan
        rows = np.flatnonzero((judged.hard == a) & (judged.truth == b))
        lines.append(
            {
                **{"predicted": judged.labels[a], "truly": judged.labels[b], "n": n[a], "errors": counts[a, b], "p": p},
                **{"share": counts[a, b] / n[a], "share_elsewhere": elsewhere / others if others else np.nan},
                "examples": [str(judged.ids[row]) for row in rows[:_EXAMPLES]],
                "next": _next(judged, rows),
            }
        )
    table = pd.DataFrame(lines, columns=[name for name in _CONFUSIONS if name not in ("low", "high", "q")])
    low, high = wilson_interval(table["errors"].astype(float), table["n"].astype(float))
    # Pairs that do not occur were looked at too, with a p of 1.
    unseen = pd.Series(1.0, index=range(k * (k - 1) - len(table)))
    q = _discovery(pd.concat([table["p"].astype(float), unseen], ignore_index=True))[: len(table)] if k > 2 else np.nan
    table = table.assign(low=low, high=high, q=q)[_CONFUSIONS]
    table["next"] = [_of_pair(line, table, level) for line in _lines(table)]
    return table.sort_values(["errors", "share"], ascending=False, kind="stable", ignore_index=True)


def _of_pair(line: dict[str, Any], table: pd.DataFrame, level: float) -> str:
    """Return what to do about a pair of classes; where it is confused both ways, the classes themselves are in question."""
    back = table[(table["predicted"] == line["truly"]) & (table["truly"] == line["predicted"])]
    if line["q"] <= level and (back["q"] <= level).any():
        a, b = sorted((line["predicted"], line["truly"]))
        return f"{a} and {b} are taken for each other both ways: say where the line between them is, or split off what is both."
    return str(line["next"])
