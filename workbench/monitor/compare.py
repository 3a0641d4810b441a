"""All comparisons of a batch with the reference, judged together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from workbench.monitor.checks import Check, judged, of_shares
from workbench.monitor.sample import Sample
from workbench.monitor.votes import of_mix, vote_checks
from workbench.monitor.words import of_ranks, text_checks, word_checks
from workbench.stats.differences import fisher_two_sided
from workbench.tables import WorkbenchError

_SURER: Final = 0.02  # of the middle confidence
_ANSWERED: Final = 0.05  # of the rows with another answer: fewer than of other mixes, as a small class may double by so many


class Compared(NamedTuple):
    """Checks, those that drifted first, and the terms that came up, none where that is no drift."""

    checks: list[Check]
    new_terms: pd.DataFrame


def compare(reference: Sample, batch: Sample, seed: int = 0) -> Compared:
    """Compare a batch with the reference: votes, words, texts, answers; what one of the two lacks is left out.

    Raises WorkbenchError where the two do not have the same functions and labels.
    """
    for name in ("lfs", "labels"):
        if getattr(reference.votes, name) != getattr(batch.votes, name):
            raise WorkbenchError(f"reference and batch have other {name}; compare the same functions and classes")
    words, terms = word_checks(reference.terms, batch.terms)
    found = judged(
        [
            *vote_checks(reference.votes, batch.votes, seed),
            *words,
            *text_checks(
                (reference.lengths, batch.lengths),
                (reference.languages, batch.languages),
                (reference.vectors, batch.vectors),
                seed,
            ),
            *_answer_checks(reference, batch, seed),
        ]
    )
    drifted = any(check.drifted for check in found if check.kind == "new terms")
    return Compared(found, terms if drifted else terms.head(0))


def _answer_checks(reference: Sample, batch: Sample, seed: int) -> Iterator[Check]:
    """Compare what the end model answers, how sure it is, and how much it leaves to people."""
    if reference.answers is None or batch.answers is None or not len(reference.answers) or not len(batch.answers):
        return
    probs = reference.answers.probs, batch.answers.probs
    advice = "label a sample of these rows: its promise was measured on others"
    sure = probs[0].max(axis=1), probs[1].max(axis=1)
    yield of_ranks("confidence", sure, ("middle confidence of the end model", advice), "{:.3f}", _SURER)
    k = len(batch.answers.labels)
    counts = [np.bincount(each.argmax(axis=1), minlength=k).astype(np.int64) for each in probs]
    advice = "label a sample to see whether the classes changed or the end model errs; its errors move with the mix"
    yield of_mix("classes", "", (counts[0], counts[1]), batch.answers.labels, ("answers", advice), enough=_ANSWERED, seed=seed)
    if reference.deferred is None or batch.deferred is None:
        return
    then, now = reference.deferred, batch.deferred
    p = float(fisher_two_sided(now.sum(), len(now), then.sum(), len(then)))
    words = "share of rows that need review", "plan for the people who read them, and see what these rows have in common"
    yield of_shares("deferred", "", (float(then.mean()), float(now.mean())), p, words)
