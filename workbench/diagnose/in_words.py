"""What is wrong with a set of functions, in words."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose.functions import function_table
from workbench.diagnose.pairs import redundant
from workbench.io.names import shortened
from workbench.tables import ABSTAIN, VoteMatrix, aligned_gold

_MANY: Final = 20  # rows, of which a function of some sense leaves one out
_NAMED: Final = 10  # sentences of one kind; a thousand warnings are no warning


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
    if of_set and not votes.n_votes.any() and not len(votes.faults) and not votes.stopped:
        return [
            f"No function votes: each of the {len(votes.lfs):,} abstains on all {len(votes):,} rows; read some rows and write "
            "words into the rules that stand in them."
        ]
    kinds = [_faulty(votes), _silent(votes, table), _constant(votes, table), _unvoted(votes, table) if of_set else []]
    kinds += [] if gold is None else [_often_wrong(votes, aligned_gold(votes.ids, votes.labels, gold), table)]
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


def _constant(votes: VoteMatrix, table: pd.DataFrame) -> list[str]:
    found = [
        f"Function {line['lf']!r} votes for {line['polarity'][0]!r} on all {len(votes):,} rows, which tells nothing; "
        "return ABSTAIN where it has no opinion."
        for line in table.to_dict("records")
        if line["n_votes"] == len(votes) >= _MANY and len(line["polarity"]) == 1
    ]
    return _capped(found, "functions that always vote the same")


def _unvoted(votes: VoteMatrix, table: pd.DataFrame) -> list[str]:
    voted = {label for polarity in table["polarity"] for label in polarity}
    found = [
        f"None of the {len(votes.lfs):,} functions votes for class {label!r}; write one, "
        "or no model trained on these votes can find that class."
        for label in votes.labels
        if label not in voted
    ]
    return _capped(found, "classes nobody votes for")


def _often_wrong(votes: VoteMatrix, truth: NDArray[np.int64], table: pd.DataFrame) -> list[str]:
    """Chance is what the same votes would reach on rows drawn at random: the gold share of each class, weighed by its votes."""
    known = truth != ABSTAIN
    share = np.bincount(truth[known], minlength=len(votes.labels)) / max(known.sum(), 1)
    found = []
    for j, line in enumerate(table.to_dict("records")):
        cast = votes.votes[known, j]
        chance = share[cast[cast != ABSTAIN]].mean() if line["n_gold"] else 0.0
        said = (
            f"Function {line['lf']!r} is right on {_of(line['correct'], line['n_gold'], 'votes on rows with gold')}, 95 % "
            f"interval {line['low']:.0%} to {line['high']:.0%}, "
        )
        if line["high"] < chance:
            found.append(
                f"{said}where its votes on random rows would be right {chance:.0%} of the time; remove it, or let it vote the "
                "class those rows have."
            )
        elif line["high"] < min(0.5, 2 * chance):  # with many classes a vote that is right a third of the time tells much
            found.append(f"{said}so it is wrong more often than right; look at where it is, and narrow it or remove it.")
    return _capped(found, "functions that are often wrong")


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
