"""What functions do on a batch: who votes, what for, who agrees with whom, and patterns nobody has seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workbench.monitor.checks import MOVED, Check, from_to, of_shares
from workbench.stats.differences import fisher_two_sided
from workbench.stats.two_samples import mixes_differ, moved, unseen_draws
from workbench.tables import ABSTAIN, VoteMatrix, distinct_rows

_MIXED: Final = 20  # votes on both sides from which a mix of classes is compared
_BOTH: Final = 50  # rows on which both of a pair vote, on both sides together, from which their agreement is compared
_SILENT: Final = 0.01  # coverage in the reference from which a function without a vote is called silent
SILENT: Final = "has gone silent"
STALE: Final = "has gone stale"
_Counts = tuple[NDArray[np.int64], NDArray[np.int64]]  # of the reference and of the batch


def vote_checks(reference: VoteMatrix, batch: VoteMatrix, seed: int = 0) -> Iterator[Check]:
    """Compare two vote matrices of the same functions and labels; none has to be complete."""
    if not len(reference) or not len(batch) or not batch.lfs:
        return
    yield from _coverage(reference, batch)
    yield from _mixes(reference, batch, seed)
    both = reference, batch
    covered = "share of rows that a function votes on", "look at the rows without a vote, and write rules for what they say"
    conflict = "share of rows with votes for two classes", "see which functions disagree there, and mend or mute the wrong one"
    yield _of_rows("covered", [votes.covered for votes in both], covered)
    yield _of_rows("conflict", [votes.conflicting for votes in both], conflict)
    yield from _agreement(reference, batch)
    yield _patterns(reference, batch)


def _of_rows(kind: str, masks: list[NDArray[np.bool_]], words: tuple[str, str]) -> Check:
    n, hits = ([int(count(mask)) for mask in masks] for count in (len, np.sum))
    p = float(fisher_two_sided(hits[1], n[1], hits[0], n[0]))
    return of_shares(kind, "", (hits[0] / n[0], hits[1] / n[1]), p, words)


def _coverage(reference: VoteMatrix, batch: VoteMatrix) -> Iterator[Check]:
    """Compare how often each function votes; one whose coverage fell by half has gone stale, or silent."""
    then, now = ((votes.votes != ABSTAIN).sum(axis=0) for votes in (reference, batch))
    p = fisher_two_sided(now, len(batch), then, len(reference))
    for name, before, after, each in zip(batch.lfs, then, now, p.tolist(), strict=True):
        shares = before / len(reference), after / len(batch)
        halved = 2 * shares[1] <= shares[0] > 0
        words = f"coverage of {name}", "see which rows it votes on now, and whether it is right there"
        if halved and after == 0 and shares[0] >= _SILENT:
            words = (
                f"{name} {SILENT}, its coverage",
                "see what became of the words or columns it reads; mend it, or switch it off",
            )
        elif halved:
            words = f"{name} {STALE}, its coverage", "see how customers say now what it looks for, and mend it"
        elif shares[1] < shares[0]:
            words = words[0], "look at new rows that it passes over, and mend it"
        yield of_shares("coverage", name, shares, each, words, matters=halved)


def _mixes(reference: VoteMatrix, batch: VoteMatrix, seed: int) -> Iterator[Check]:
    """Compare which classes a function votes, where it votes more than one."""
    for j, name in enumerate(batch.lfs):
        then, now = (_class_counts(votes.votes[:, j], len(batch.labels)) for votes in (reference, batch))
        if min(then.sum(), now.sum()) and then.sum() + now.sum() >= _MIXED and ((then + now) > 0).sum() > 1:
            advice = "if the classes of its rows did not change as well, mend it or switch it off"
            yield of_mix("mix", name, (then, now), batch.labels, (f"votes of {name}", advice), seed=seed)


def of_mix(
    kind: str, of: str, counts: _Counts, names: tuple[str, ...], words: tuple[str, str], *, enough: float = MOVED, seed: int = 0
) -> Check:
    """Return the check of two mixes, which names the kind of rows that changed its share most; words: as of two shares."""
    before, now = (count / max(count.sum(), 1) for count in counts)
    most = int(np.abs(now - before).argmax())
    effect = moved(*counts)
    return Check(
        kind,
        of,
        dict(zip(names, before.tolist(), strict=True)),
        dict(zip(names, now.tolist(), strict=True)),
        effect=effect,
        p=mixes_differ(*counts, seed=seed),
        matters=effect >= enough,
        changed=f"{words[0]}: {names[most]} {from_to(float(before[most]), float(now[most]))}",
        advice=words[1],
    )


def _class_counts(column: NDArray[np.int16], k: int) -> NDArray[np.int64]:
    return np.bincount(column[column != ABSTAIN], minlength=k).astype(np.int64)


def _agreement(reference: VoteMatrix, batch: VoteMatrix) -> Iterator[Check]:
    """Compare how often two functions say the same where both vote."""
    (both, same), (both_now, same_now) = (_pair_counts(votes) for votes in (reference, batch))
    first, second = np.nonzero(np.triu(both + both_now >= _BOTH, 1) & (both > 0) & (both_now > 0))
    counts = [table[first, second] for table in (same_now, both_now, same, both)]
    for a, b, p, now, n_now, then, n in zip(first, second, fisher_two_sided(*counts), *counts, strict=True):
        pair = f"{batch.lfs[a]} and {batch.lfs[b]}"
        words = f"agreement of {pair}", "read the rows on which they differ, and mend the one that is wrong"
        yield of_shares("agreement", pair, (then / n, now / n_now), float(p), words)


def _pair_counts(votes: VoteMatrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """int64[m, m] rows on which both vote, int64[m, m] rows on which both vote one class."""
    voted = (votes.votes != ABSTAIN).astype(np.float32)
    same = np.zeros((len(votes.lfs), len(votes.lfs)))
    for index in range(len(votes.labels)):
        chosen = (votes.votes == index).astype(np.float32)
        same += chosen.T @ chosen
    return np.rint(voted.T @ voted).astype(np.int64), np.rint(same).astype(np.int64)


def _patterns(reference: VoteMatrix, batch: VoteMatrix) -> Check:
    """Compare how many rows have votes in a combination that no (other) row of the reference has."""
    kinds = distinct_rows(np.concatenate([reference.votes, batch.votes]))[1]
    known = np.bincount(kinds[: len(reference)], minlength=kinds.max() + 1)
    hits, n = unseen_draws(known)
    unseen = int((known[kinds[len(reference) :]] == 0).sum())
    p = float(fisher_two_sided(unseen, len(batch), hits, n))
    shares = hits / max(n, 1), unseen / len(batch)
    words = "share of rows with votes in a combination not seen before", "read some of them: the label model has not met them"
    check = of_shares("patterns", "", shares, p, words)
    return replace(check, matters=check.matters and check.effect > 0)  # fewer are no reason to do anything
