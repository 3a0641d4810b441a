"""Tables about votes: what each function covers, where functions conflict, which are right, and what to do about it.

Shares are of all rows, as in Snorkel's LFAnalysis: the overlap of a function is the share of rows on which it and at least one
other function vote, its conflict the share on which another votes differently. What differs: the accuracy of a function that
never voted on a row with gold is missing here and 0 there, and rows without gold are left out here and count as errors there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import shortened
from workbench.stats import false_discovery, fisher_less, wilson_interval
from workbench.tables import ABSTAIN, VoteMatrix, WorkbenchError, aligned_gold

_BLOCK: Final = 65_536  # rows counted at once: float32 sums of so many ones are exact
_NAMED: Final = 10  # sentences of one kind; a thousand warnings are no warning
_FEWEST: Final = 3  # votes with gold in a slice and elsewhere, below which the two are not compared


def function_table(votes: VoteMatrix, gold: pd.Series[Any] | None = None) -> pd.DataFrame:
    """Return one row a function, in order.

    Columns: lf, polarity (tuple of the class names it voted), n_votes; coverage, overlap, conflict (shares of all rows);
    n_gold (its votes on rows with gold), correct, accuracy with its 95 % Wilson interval low..high; faults; stopped (bool).
    gold: class index by row id, -1 unknown; without it those columns are missing, not zero.
    """
    voted = votes.votes != ABSTAIN
    rows = max(len(votes), 1)
    cast = _votes_by_class(votes)
    failed = votes.faults["lf"].value_counts()
    table = pd.DataFrame(
        {
            "lf": pd.Series(votes.lfs, dtype="str"),
            "polarity": pd.Series([_named(votes, line) for line in cast], dtype="object"),
            "n_votes": cast.sum(axis=1),
            "coverage": cast.sum(axis=1) / rows,
            "overlap": voted[votes.n_votes > 1].sum(axis=0) / rows,
            "conflict": voted[votes.conflicting].sum(axis=0) / rows,
        }
    )
    return pd.concat([table, _accuracy(votes, gold)], axis=1).assign(
        faults=[int(failed.get(name, 0)) for name in votes.lfs],
        stopped=[name in votes.stopped for name in votes.lfs],
    )


def _accuracy(votes: VoteMatrix, gold: pd.Series[Any] | None) -> pd.DataFrame:
    if gold is None:
        nothing = pd.Series(np.nan, index=range(len(votes.lfs)))
        counts = dict.fromkeys(("n_gold", "correct"), nothing.astype("Int64"))
        return pd.DataFrame(counts | dict.fromkeys(("accuracy", "low", "high"), nothing))
    truth = aligned_gold(votes.ids, votes.labels, gold)
    known = truth != ABSTAIN
    n_gold = (votes.votes[known] != ABSTAIN).sum(axis=0)
    correct = (votes.votes[known] == truth[known, None]).sum(axis=0)
    low, high = wilson_interval(correct, n_gold)
    accuracy = np.where(n_gold > 0, correct / np.maximum(n_gold, 1), np.nan)
    table = pd.DataFrame({"n_gold": n_gold, "correct": correct, "accuracy": accuracy, "low": low, "high": high})
    return table.astype({"n_gold": "Int64", "correct": "Int64"})


def pairwise(votes: VoteMatrix) -> pd.DataFrame:
    """Return the pairs of functions that vote on a common row, most disagreements first.

    Columns: a, b, both (rows on which both vote), disagree (of those, with different classes), rate (disagree / both).
    """
    both, same = _pair_counts(votes)
    first, second = np.nonzero(np.triu(both, 1))
    names = np.array(votes.lfs, dtype=object)
    table = pd.DataFrame({"a": pd.Series(names[first], dtype="str"), "b": pd.Series(names[second], dtype="str")})
    table = table.assign(both=both[first, second], disagree=(both - same)[first, second])
    table["rate"] = table["disagree"] / table["both"]
    return table.sort_values(["disagree", "rate"], ascending=False, kind="stable", ignore_index=True)


def redundant(
    votes: VoteMatrix, min_agreement: float = 0.95, min_rows: int = 10, pairs: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the pairs of functions that say the same, the surest first: one of the two adds votes but no evidence.

    Columns: a, b, either (rows on which either votes: the count the claim rests on, at least min_rows), same (rows on which
    both give one class), agreement (same / either, at least min_agreement). pairs: what `pairwise` returned for these votes.
    """
    table = pairwise(votes) if pairs is None else pairs
    n_votes = pd.Series(_votes_by_class(votes).sum(axis=1), index=pd.Index(votes.lfs, dtype="str"))
    either = n_votes[table["a"]].to_numpy() + n_votes[table["b"]].to_numpy() - table["both"]
    table = table[["a", "b"]].assign(either=either, same=table["both"] - table["disagree"])
    table["agreement"] = table["same"] / table["either"]
    close = table[(table["either"] >= min_rows) & (table["same"] >= min_agreement * table["either"])]
    return close.sort_values(["agreement", "either"], ascending=False, kind="stable", ignore_index=True)


def coverage_summary(votes: VoteMatrix, gold: pd.Series[Any] | None = None) -> dict[str, Any]:
    """Return what the set does as a whole: rows, label_coverage, overlap, conflict (shares of rows), uncovered, votes_per_row.

    classes: by name, the votes for it and, with gold, its rows and the share of them on which any function votes.
    """
    rows = max(len(votes), 1)
    counts = votes.n_votes
    cast = _votes_by_class(votes).sum(axis=0)
    classes: dict[str, dict[str, Any]] = {}
    truth = None if gold is None else aligned_gold(votes.ids, votes.labels, gold)
    for index, label in enumerate(votes.labels):
        of_class = np.zeros(0, bool) if truth is None else votes.covered[truth == index]
        share = float(of_class.mean()) if len(of_class) else None
        classes[label] = {"votes": int(cast[index]), "rows": None if truth is None else len(of_class), "coverage": share}
    return {
        "rows": len(votes),
        "label_coverage": float((counts > 0).sum() / rows),
        "overlap": float((counts > 1).sum() / rows),
        "conflict": float(votes.conflicting.sum() / rows),
        "uncovered": int((counts == 0).sum()),
        "votes_per_row": float(counts.sum() / rows),
        "classes": classes,
    }


def by_slice(votes: VoteMatrix, masks: Mapping[str, NDArray[np.bool_]], gold: pd.Series[Any] | None = None) -> pd.DataFrame:
    """Return one row a slice: slice, n, label_coverage, overlap, conflict, votes_per_row, n_gold, correct, accuracy, low, high.

    masks: bool[n] in the order of the rows. accuracy: on covered rows with gold, the mean share of a row's votes that are
    right; n_gold counts those rows, correct adds their shares, low..high is the 95 % Wilson interval. Missing without gold.
    """
    counts = votes.n_votes
    conflicts = votes.conflicting
    truth = np.full(len(votes), ABSTAIN) if gold is None else aligned_gold(votes.ids, votes.labels, gold)
    right = (votes.votes == truth[:, None]).sum(axis=1) / np.maximum(counts, 1)
    lines = []
    for name, given in masks.items():
        mask = _of_rows(votes, name, given)
        n = max(int(mask.sum()), 1)
        known = mask & (truth != ABSTAIN) & (counts > 0)
        line = {"slice": name, "n": int(mask.sum()), "label_coverage": (counts[mask] > 0).sum() / n}
        line |= {"overlap": (counts[mask] > 1).sum() / n, "conflict": conflicts[mask].sum() / n}
        line |= {"votes_per_row": counts[mask].sum() / n, "n_gold": int(known.sum()), "correct": right[known].sum()}
        lines.append(line)
    columns = ["slice", "n", "label_coverage", "overlap", "conflict", "votes_per_row", "n_gold", "correct"]
    table = pd.DataFrame(lines, columns=columns).astype({"n_gold": "Int64", "correct": float})
    low, high = wilson_interval(table["correct"], table["n_gold"].astype(float))
    table = table.assign(accuracy=table["correct"] / table["n_gold"].astype(float).replace(0, np.nan), low=low, high=high)
    if gold is None:
        table[["n_gold", "correct", "accuracy", "low", "high"]] = pd.NA
    return table


def slice_errors(votes: VoteMatrix, masks: Mapping[str, NDArray[np.bool_]], gold: pd.Series[Any]) -> pd.DataFrame:
    """Return the pairs of function and slice where the function errs more than on the other rows it votes on, surest first.

    Columns: lf, slice, n (its votes in the slice on rows with gold), accuracy, n_elsewhere, accuracy_elsewhere, p (one-sided
    Fisher exact), q (Benjamini-Hochberg over all pairs with at least three such votes on either side).
    masks: bool[n] in the order of the rows. gold: class index by row id, -1 unknown.
    """
    truth = aligned_gold(votes.ids, votes.labels, gold)
    n, right = _slice_counts(votes, [_of_rows(votes, name, mask) for name, mask in masks.items()], truth)
    n_elsewhere, right_elsewhere = n[:, -1:] - n, right[:, -1:] - right
    lf, place = np.nonzero((n >= _FEWEST) & (n_elsewhere >= _FEWEST))  # the last slice, all rows, has no elsewhere
    n, right, n_elsewhere, right_elsewhere = (count[lf, place] for count in (n, right, n_elsewhere, right_elsewhere))
    p = fisher_less(right, n, right_elsewhere, n_elsewhere)
    table = pd.DataFrame(
        {
            "lf": pd.Series([votes.lfs[j] for j in lf], dtype="str"),
            "slice": pd.Series([list(masks)[s] for s in place], dtype="str"),
            "n": n,
            "accuracy": right / n,
            "n_elsewhere": n_elsewhere,
            "accuracy_elsewhere": right_elsewhere / n_elsewhere,
            "p": p,
            "q": false_discovery(p),
        }
    )
    worse = table[table["accuracy"] < table["accuracy_elsewhere"]]
    return worse.sort_values("p", kind="stable", ignore_index=True)


def _slice_counts(
    votes: VoteMatrix, masks: Sequence[NDArray[np.bool_]], truth: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[m, s + 1] votes on rows with gold in each slice and, last, in all rows; int64[m, s + 1] those that are right."""
    inside = np.column_stack([*masks, np.ones(len(votes), bool)])
    known = np.flatnonzero(truth != ABSTAIN)
    n, right = (np.zeros((len(votes.lfs), inside.shape[1]), np.int64) for _ in range(2))
    for start in range(0, len(known), _BLOCK):
        rows = known[start : start + _BLOCK]
        block, within = votes.votes[rows], inside[rows].astype(np.float32)
        n += ((block != ABSTAIN).T.astype(np.float32) @ within).astype(np.int64)
        right += ((block == truth[rows, None]).T.astype(np.float32) @ within).astype(np.int64)
    return n, right


def _of_rows(votes: VoteMatrix, name: str, given: NDArray[np.bool_]) -> NDArray[np.bool_]:
    mask = np.asarray(given, dtype=bool)
    if mask.shape != (len(votes),):
        raise WorkbenchError(f"the mask of slice {name!r} has shape {mask.shape}, but there are {len(votes)} rows")
    return mask


def _votes_by_class(votes: VoteMatrix) -> NDArray[np.int64]:
    """int64[m, k]: how often each function votes each class."""
    size = len(votes.labels) + 1
    columns = [np.bincount(votes.votes[:, j] + 1, minlength=size)[1:] for j in range(len(votes.lfs))]
    return np.array(columns, dtype=np.int64).reshape(len(votes.lfs), size - 1)


def _named(votes: VoteMatrix, cast: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(votes.labels[index] for index in np.flatnonzero(cast))


def _pair_counts(votes: VoteMatrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[m, m] rows on which both vote, int64[m, m] rows on which both vote one class.

    Most functions vote for one or two classes, so the product of a class needs only the functions that ever vote for it.
    """
    m = len(votes.lfs)
    both, same = np.zeros((m, m), np.int64), np.zeros((m, m), np.int64)
    voters = [np.flatnonzero(line) for line in _votes_by_class(votes).T]
    for start in range(0, len(votes), _BLOCK):
        block = votes.votes[start : start + _BLOCK]
        voted = (block != ABSTAIN).astype(np.float32)
        both += (voted.T @ voted).astype(np.int64)
        for index, columns in enumerate(voters):
            if len(columns) > 1:
                chosen = (block[:, columns] == index).astype(np.float32)
                same[np.ix_(columns, columns)] += (chosen.T @ chosen).astype(np.int64)
    return both, same


def warnings_in_words(
    votes: VoteMatrix,
    gold: pd.Series[Any] | None = None,
    table: pd.DataFrame | None = None,
    pairs: pd.DataFrame | None = None,
    errors: pd.DataFrame | None = None,
    of_set: bool = True,
) -> list[str]:
    """Return what is wrong with a set of functions, one sentence a finding: who, how much of how many, what to do.

    table, pairs: what `function_table` and `pairwise` returned for these votes and gold, where they are made already. errors:
    what `slice_errors` returned; without it slices are not looked at. of_set: whether these are all functions there are, so
    that what they leave out together is a finding. At most ten sentences of a kind; a last one counts the rest.
    """
    if not len(votes) or not votes.lfs:
        return [f"There are {len(votes):,} rows and {len(votes.lfs):,} functions: nothing to diagnose; add what is missing."]
    table = function_table(votes, gold) if table is None else table
    kinds = [_faulty(votes), _silent(votes, table), _unvoted(votes, table) if of_set else []]
    kinds += [] if gold is None else [_worse_than_chance(votes, aligned_gold(votes.ids, votes.labels, gold), table)]
    kinds += [] if errors is None else [_wrong_in_slices(votes, errors)]
    kinds += [_doubles(redundant(votes, pairs=pairs)), _whole_set(votes) if of_set else []]
    return [sentence for kind in kinds for sentence in kind]


def _capped(sentences: list[str], what: str) -> list[str]:
    more = len(sentences) - _NAMED
    return (
        sentences if more <= 0 else [*sentences[:_NAMED], f"... and {more:,} more {what}; the tables of the run name them all."]
    )


def _of(part: float, whole: float, what: str) -> str:
    return f"{part:,.0f} of {whole:,.0f} {what} ({part / max(whole, 1):.0%})"


def _faulty(votes: VoteMatrix) -> list[str]:
    found = [
        f"Function {name!r} failed on {_of(len(group), len(votes), 'rows')}, first with "
        f"{shortened(group['error'].iloc[0])!r} on row {group['id'].iloc[0]!r}; it counts as an abstain there, fix the "
        "function and run again."
        for name, group in votes.faults.groupby("lf", sort=False)
        if name not in votes.stopped
    ]
    return _capped(found, "functions that failed")


def _silent(votes: VoteMatrix, table: pd.DataFrame) -> list[str]:
    found = [
        f"Function {name!r} votes on {_of(0, len(votes), 'rows')}; loosen its condition or remove it."
        for name in table["lf"][(table["n_votes"] == 0) & (table["faults"] == 0)]
        if name not in votes.stopped
    ]
    return _capped(found, "functions that never vote")


def _unvoted(votes: VoteMatrix, table: pd.DataFrame) -> list[str]:
    voted = {label for polarity in table["polarity"] for label in polarity}
    found = [
        f"None of the {len(votes.lfs):,} functions votes for class {label!r}; write one, "
        "or no model trained on these votes can find that class."
        for label in votes.labels
        if label not in voted
    ]
    return _capped(found, "classes nobody votes for")


def _worse_than_chance(votes: VoteMatrix, truth: NDArray[np.int64], table: pd.DataFrame) -> list[str]:
    """Chance is what the same votes would reach on rows drawn at random: the gold share of each class, weighed by its votes."""
    known = truth != ABSTAIN
    share = np.bincount(truth[known], minlength=len(votes.labels)) / max(known.sum(), 1)
    found = []
    for j, line in enumerate(table.to_dict("records")):
        cast = votes.votes[known, j]
        chance = share[cast[cast != ABSTAIN]].mean() if line["n_gold"] else 0.0
        if line["high"] < chance:
            found.append(
                f"Function {line['lf']!r} is right on {_of(line['correct'], line['n_gold'], 'votes on rows with gold')}, 95 % "
                f"interval {line['low']:.0%} to {line['high']:.0%}, where its votes on random rows would be right {chance:.0%} "
                "of the time; remove it, or let it vote the class those rows have."
            )
    return _capped(found, "functions worse than chance")


def _wrong_in_slices(votes: VoteMatrix, errors: pd.DataFrame) -> list[str]:
    """A pair with q under .1 is named; who is no function of the votes is the vote as a whole."""
    found = []
    for line in errors[errors["q"] < 0.1].to_dict("records"):
        one, n, elsewhere = line["lf"] in votes.lfs, line["n"], line["n_elsewhere"]
        found.append(
            (f"Function {line['lf']!r}" if one else line["lf"].capitalize())
            + f" is right on {_of(n * line['accuracy'], n, 'votes' if one else 'rows')} in slice {line['slice']!r} and on "
            + f"{_of(elsewhere * line['accuracy_elsewhere'], elsewhere, 'elsewhere')}, q = {line['q']:.1g}; "
            + ("let it abstain there, or " if one else "")
            + "write a function that knows those rows."
        )
    return _capped(found, "functions that err in a slice")


def _doubles(doubles: pd.DataFrame) -> list[str]:
    found = [
        f"Functions {line['a']!r} and {line['b']!r} say the same on {_of(line['same'], line['either'], 'rows')} where either "
        "votes; keep one, or the label model counts one piece of evidence twice."
        for line in doubles.to_dict("records")
    ]
    return _capped(found, "pairs that say the same")


def _whole_set(votes: VoteMatrix) -> list[str]:
    counts = votes.n_votes
    covered, shared, n, m = int((counts > 0).sum()), int((counts > 1).sum()), len(votes), len(votes.lfs)
    overlapping = int((votes.votes[counts > 1] != ABSTAIN).any(axis=0).sum())
    found = []
    if covered < n / 2:
        found.append(
            f"The {m:,} functions cover {_of(covered, n, 'rows')}, under half; "
            "read rows nobody votes on and write a function for what they have in common."
        )
    if overlapping < 3:
        found.append(
            f"Only {overlapping} of {m:,} functions vote on a row where another does, and a label model needs three to learn "
            "their accuracies; add functions for the same rows, or use majority vote."
        )
    elif len(votes.labels) > 1 and not votes.conflicting.any():
        found.append(
            f"No function of {m:,} ever conflicts with another: 0 of {shared:,} rows with two or more votes have two classes; "
            "add functions that look at the same rows in another way, or nothing tells which ones err."
        )
    return found
