"""What changed from one run to another, in sentences that a terminal, a page or a report shows."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from workbench.io.names import listed
from workbench.project.flips import Flips
from workbench.project.run_difference import Difference

_MOST: Final = 3  # of a kind that are told


def difference_in_words(found: Difference) -> list[str]:
    """Return one sentence or more on each of data, functions, settings, votes, labels, scores, promise and reviews."""
    return [
        *_data(found),
        *_functions(found),
        *(f"{name}: {line['before']} → {line['after']}." for name, line in found.settings.iterrows()),
        *_votes(found.votes),
        *([] if found.labels is None else _labels(found.labels)),
        *_answers(found.answers),
        *_scores(found.scores),
        _promise(found.promise),
        *_reviews(found.reviews),
        *_anchors(found.anchors),
        *found.notes,
    ]


def _data(found: Difference) -> list[str]:
    if not found.other_data:
        return ["The rows are the same." if found.whole else "The rows are the same, as far as is known."]
    counts = found.data.groupby("change", sort=False)["n"].sum()
    words = ", ".join(f"{n:,} {change}" for change, n in counts.items())
    return [f"Rows: {words}." if words else "The rows are others, or their columns, classes, splits or gold."]


def _functions(found: Difference) -> list[str]:
    if found.functions.empty:
        return ["The functions are the same."]
    by_state = found.functions.groupby("state", sort=False)
    said = [f"Functions that are {state}: {listed(str(name) for name in table.index)}." for state, table in by_state]
    files = [str(name) for name in found.files.index]
    return [*said, f"Their files differ: {listed(files)}."] if files else said


def _votes(votes: pd.DataFrame) -> list[str]:
    if votes.empty:
        return ["No vote changed."]
    most = [f"{one.function} {one.before} → {one.after} {one.n:,}" for one in votes.head(_MOST).itertuples()]
    return [f"{votes['n'].sum():,} votes changed; most: {', '.join(most)}."]


def _labels(labels: Flips) -> list[str]:
    changed, common = (int(labels.by_split[name].sum()) for name in ("changed", "common"))
    if not changed:
        return [f"No label flipped, of {common:,}."]
    by_split = ", ".join(f"{line['changed']:,} of {line['common']:,} in {name}" for name, line in labels.by_split.iterrows())
    most = ", ".join(f"{one.before} → {one.after} {one.n:,}" for one in labels.moves.head(_MOST).itertuples())
    said = [f"{changed:,} of {common:,} labels flipped ({by_split}); most: {most}."]
    if len(labels.because):
        why = ", ".join(f"{what} {n:,}" for what, n in labels.because.items())
        said.append(f"Why, on the {len(labels.rows):,} of train and valid: {why}.")
    return said


def _answers(answers: pd.DataFrame) -> list[str]:
    return [
        f"The end model answers {line['changed']:,} of {line['common']:,} {split} rows otherwise."
        for split, line in answers.iterrows()
        if line["changed"]
    ]


def _scores(scores: pd.DataFrame) -> list[str]:
    said = []
    for _, line in scores.iterrows():
        if line["model"] == "end model":
            change = f"{100 * line['change']:+.1f} points [{100 * line['low']:+.1f}, {100 * line['high']:+.1f}]"
            verdict = "" if line["low"] > 0 or line["high"] < 0 else ", which may be chance"
            ends = f"{line['before']:.3f} → {line['after']:.3f}"
            said.append(f"End model on {line['split']}: accuracy {ends}, {change} on {line['n']:,.0f} rows{verdict}.")
    return said


def _promise(promise: pd.DataFrame) -> str:
    before, after = (_promised(promise.loc[name]) for name in ("before", "after"))
    return f"What is promised is the same: {after}." if before == after else f"Promised before: {before}. Now: {after}."


def _promised(line: Any) -> str:
    if pd.isna(line["n"]):
        return "nothing was measured"
    if pd.isna(line["threshold"]):
        return f"no row is answered at risk {line['risk']:.0%}"
    return f"{line['answered']:.0%} of rows are answered, above confidence {line['threshold']:.3f}, at risk {line['risk']:.0%}"


def _reviews(reviews: pd.DataFrame) -> list[str]:
    words = ", ".join(f"{one.n:,} {one.kind} by {one.reviewer}" for one in reviews.itertuples())
    return [f"Reviews in between: {words}."] if words else []


def _anchors(anchors: tuple[int, int]) -> list[str]:
    """Say why the models may be others though functions, votes and settings are the same."""
    before, after = anchors
    if before == after:
        return []
    return [f"Reviewed rows that teach (anchors): {before:,} before, {after:,} now; they move label model and end model."]
