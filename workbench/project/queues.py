"""Which rows of a run people look at next: a queue is ranked once for a run, and handed out without what is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.names import listed
from workbench.project.failures import WEIGHT, candidates
from workbench.project.label_model import row_in_words
from workbench.project.reviewing import audit_queue, open_record
from workbench.project.runs import Run, find_run, newest_run
from workbench.project.steps.predict import ask, open_model
from workbench.project.steps.review_log import DRAWN
from workbench.project.task import Task
from workbench.review.queue import DEFAULT, QUEUES, check_queue, open_requests, ranked, reason, settled
from workbench.review.second_opinion import second_opinion
from workbench.review.value import ANY, PATTERN, UNCOVERED, Opinion, Rows, best_first, check_weights
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, WorkbenchError
from workbench.text.duplicates import fold

__all__ = [
    "DEFAULT",
    "QUEUES",
    "Opened",
    "newest_queue",
    "opened",
    "plan_to_answer",
    "plans_to_answer",
    "ranking",
    "review_queue",
    "shown_because",
]

_ASKED: Final = 10_000  # rows of which a second model is asked, drawn by chance where there are more: a few seconds
_SHARES: Final = np.linspace(0, 1, 11)[1:-1]


class Valued(NamedTuple):
    """What the words of the queue `value` are made of; how: int8[n], how each row came into it."""

    rows: Rows
    weights: Mapping[str, float]
    how: NDArray[np.int8]


class Opened(NamedTuple):
    """What of a run a queue is made of: its votes and soft labels, the positions of its rows, best first, and their worth."""

    votes: VoteMatrix
    soft: SoftLabels
    order: NDArray[np.intp]
    valued: Valued | None = None

    def said(self, place: int, kind: str) -> str:
        """Return in words why a row stands in the queue."""
        if self.valued is None:
            return reason(self.votes, self.soft, place, kind)
        return self.valued.rows.in_words(self.valued.weights, place, int(self.valued.how[place]))

    def said_blind(self, row: str) -> str:
        """Return why a row stands in the queue `value`, without the classes that functions and models say; else nothing."""
        if self.valued is None:
            return ""
        rows, weights, how = self.valued
        place = int(self.votes.ids.get_indexer(pd.Index([row]))[0])
        if how[place] == ANY:
            return f"Drawn at random from all {np.count_nonzero(rows.open_):,} rows of this queue."
        if how[place] == UNCOVERED:
            return self.said(place, "value")
        if how[place] == PATTERN:
            start = f"Drawn at random from the {rows.size[place]:,} rows" if rows.size[place] > 1 else "The only row"
            differ = "functions disagree on it; " if rows.reasons["conflict"][place] else ""
            return f"{start} with its votes: {differ}the label model is {self.soft.probs[place].max():.0%} sure of what it is."
        feared = [name for name, of in rows.severity.items() if of[place]]
        words = {"severity": f"it may be {listed(feared, 2)}" if feared else ""}
        if rows.opinion is not None and place in rows.opinion.at:
            sure = rows.opinion.probs[np.searchsorted(rows.opinion.at, place)].max()
            words["label_error"] = "its label looks wrong to a model that reads the rows"
            words["end_model"] = f"a model that reads the rows is {sure:.0%} sure of what it is"
        points = {name: weights[name] * float(rows.reasons[name][place]) for name in words if name in rows.reasons}
        told = [words[name] for name in sorted(points, key=lambda name: -points[name]) if points[name] > 0]
        return f"Picked: {'; '.join(told)}."


def opened(task: Task, run: Run, dataset: Dataset, kind: str) -> Opened:
    """Read a run and rank its rows for one kind of queue.

    This takes the time, depends on run and settings alone, and can be kept; `review_queue` leaves out what is decided.
    """
    return ranking(task, run.votes(), run.soft_labels(), dataset, kind)


def ranking(task: Task, votes: VoteMatrix, soft: SoftLabels, dataset: Dataset, kind: str, seed: int = 0) -> Opened:
    """Rank the rows of a queue that are still in the data: those of train and valid, and for `value` those that teach."""
    if kind != "value":
        return Opened(votes, soft, ranked(kind, votes, soft, open_rows(votes.ids, dataset), seed))
    weights = check_weights(task.review.get("weights", {}), f"{task.folder / 'task.toml'} [review.weights]")
    rows = _valued_rows(task, votes, soft, dataset)
    listed, how = best_first(rows, weights, seed), np.zeros(len(votes), np.int8)
    how[listed.order] = listed.how
    return Opened(votes, soft, listed.order, Valued(rows, weights, how))


def open_rows(ids: pd.Index, dataset: Dataset) -> NDArray[np.bool_]:
    """Return which rows may be reviewed from a queue: those that are in the data and not in test."""
    places = _places(ids, dataset)
    return np.asarray((places >= 0) & (dataset.split.to_numpy() != "test")[places])


def _places(ids: pd.Index, dataset: Dataset) -> NDArray[np.intp]:
    return np.arange(len(ids)) if ids.equals(dataset.ids) else dataset.ids.get_indexer(ids)


def _valued_rows(task: Task, votes: VoteMatrix, soft: SoftLabels, dataset: Dataset) -> Rows:
    """Gather what a row's worth is told by: votes, labels, texts and the failures that are feared."""
    places, open_ = _places(votes.ids, dataset), open_rows(votes.ids, dataset)
    train = open_ & (dataset.split.to_numpy() == "train")[places]
    open_ = train if train.any() else open_
    at = np.flatnonzero(open_)
    if len(at) > _ASKED:
        at = np.sort(np.random.default_rng(0).choice(at, _ASKED, replace=False))
    probs = second_opinion(_words(task.visible(dataset).take(places[at])), soft.take(at))
    text = None
    if dataset.text:
        text = np.full(len(votes), -1)
        text[open_] = pd.factorize(np.array([fold(one) for one in dataset.take(places[open_]).texts()], dtype=object))[0]
    opinion = None if probs is None else Opinion(at, probs)
    return Rows(votes, soft, open_, opinion, _severity(task, soft, dataset, places), text)


def _words(dataset: Dataset) -> list[str]:
    """Return each row as words: its text, or in a task without text its cells, of numbers the tenth they fall in."""
    if dataset.text:
        return dataset.texts()
    told = []
    for place, name in enumerate(dataset.frame.columns):
        cells = dataset.frame[name]
        if pd.api.types.is_numeric_dtype(cells) and cells.nunique() > len(_SHARES):
            cells = pd.Series(np.searchsorted(cells.quantile(_SHARES), cells.to_numpy(np.float64, na_value=np.nan)))
        told.append([f"c{place}_{code}" for code in pd.factorize(cells)[0]])
    return [" ".join(row) for row in zip(*told, strict=True)]


def _severity(task: Task, soft: SoftLabels, dataset: Dataset, places: NDArray[np.intp]) -> dict[str, NDArray[np.float32]]:
    """Return how grave each feared failure were, float32[n] by its name, 0 on rows that could not be it."""
    if not task.failures:
        return {}
    hard = soft.hard()
    names = pd.Series(np.array([*soft.labels, None], dtype=object)[hard.to_numpy(np.intp)], index=hard.index)
    found = candidates(task, task.failures, dataset, names)
    grave = {failure.name: WEIGHT[failure.severity] for failure in task.failures}
    return {name: np.where(places >= 0, rows[places] * grave[name], 0).astype(np.float32) for name, rows in found.items()}


def waiting(task: Task, kept: Opened, reviewer: str) -> tuple[NDArray[np.intp], int]:
    """Return the positions of the rows that are left for a reviewer, best first, and how many of the queue are done.

    Rows that an audit plan drew are no rows of a queue.
    """
    record = open_record(task)
    open_ = np.zeros(len(kept.votes) + 1, bool)  # the last: of a row that the run does not have
    open_[kept.order] = True
    open_[kept.votes.ids.get_indexer(record.measure_rows().index)] = False
    n = np.count_nonzero(open_[:-1])
    open_[kept.votes.ids.get_indexer(settled(record.current(), reviewer, task.review.get("double", 0.0)))] = False
    left = kept.order[open_[kept.order]]
    return left, int(n) - len(left)


def review_queue(
    task: Task, run: Run, dataset: Dataset, reviewer: str, kind: str = DEFAULT, limit: int = 100, kept: Opened | None = None
) -> pd.DataFrame:
    """Return the rows that a reviewer looks at next, best first: reason, model_label and model_probability by row id.

    kind: one of QUEUES. kept: of `opened`, where the caller keeps it. Left out are test rows, rows that an audit plan drew, the
    reviewer's own, and those that enough others labelled; a later request brings a row back to `requested`. The queue `value`
    has a column `score` too: the weighted sum of a row's reasons.
    """
    check_queue(kind)
    kept = kept or opened(task, run, dataset, kind)
    votes, soft = kept.votes, kept.soft
    if kind == "requested":
        record = open_record(task)
        reasons = open_requests(record.requests(), record.current(), reviewer)
        reasons = reasons[open_rows(reasons.index, dataset) & ~reasons.index.isin(record.measure_rows().index)][:limit]
        places = votes.ids.get_indexer(reasons.index)
    else:
        places = waiting(task, kept, reviewer)[0][:limit]
        reasons = pd.Series([kept.said(int(place), kind) for place in places], index=votes.ids[places], dtype="str")
    best = np.where(places >= 0, soft.probs[places].argmax(axis=1), ABSTAIN)
    known = (places >= 0) & soft.covered[places]  # an uncovered row has the class balance, which says nothing of it
    table = pd.DataFrame({"reason": reasons}).rename_axis("id")
    named = pd.Series([soft.labels[c] if k else None for c, k in zip(best, known, strict=True)], index=table.index, dtype="str")
    table = table.assign(model_label=named, model_probability=np.where(known, soft.probs[places].max(axis=1), np.nan))
    return table if kept.valued is None else table.assign(score=kept.valued.rows.score(kept.valued.weights)[places])


def newest_queue(task: Task, dataset: Dataset, reviewer: str, kind: str, limit: int) -> pd.DataFrame:
    """Return the queue of the newest run that labelled the rows, with each row's text.

    `requested` has `answer` and `answer_probability` too, of the newest end model; none where an answer is to be judged, as
    that would sway who judges it.
    """
    check_queue(kind)
    table = review_queue(task, find_run(task, holding="soft_labels.parquet"), dataset, reviewer, kind, limit)
    rows = task.visible(dataset).take(_places(table.index, dataset))
    table = table.assign(text=pd.Series([row_in_words(rows, place) for place in range(len(rows))], table.index, dtype="str"))
    return _answered(task, rows, table) if kind == "requested" else table


def _answered(task: Task, rows: Dataset, table: pd.DataFrame) -> pd.DataFrame:
    """Return a queue with what the newest end model says of its rows."""
    told = (table["reason"] != DRAWN).to_numpy()
    table = table.assign(answer=pd.Series(None, table.index, dtype="str"), answer_probability=np.nan)
    run = newest_run(task, "end_model")
    if run is None or not told.any():
        return table
    try:
        opened = open_model(task, run)
        soft, _ = ask(opened.model, opened.rule, rows.take(np.flatnonzero(told)))
    except WorkbenchError:  # a model that learned other classes or columns says nothing; the rows are shown without its word
        return table
    table.loc[told, "answer"] = [soft.labels[best] for best in soft.probs.argmax(axis=1)]
    table.loc[told, "answer_probability"] = soft.probs.max(axis=1)
    return table


def plans_to_answer(task: Task) -> dict[str, str]:
    """Return the names of a task's audit plans by id: weekly ones last, the newest of each kind first."""
    plans = open_record(task).plans()
    kept = plans[plans["run"].notna()][::-1].sort_values("recurring", kind="stable")
    return dict(zip(kept["id"], kept["name"], strict=True))


def plan_to_answer(task: Task, dataset: Dataset, reviewer: str) -> str:
    """Return the first of the audit plans of which a reviewer has rows left, or the first where all are answered."""
    plans = list(plans_to_answer(task))
    return next((plan for plan in plans if len(audit_queue(task, dataset, reviewer, plan))), plans[0])


def shown_because(task: Task, dataset: Dataset, kind: str, ids: Sequence[str]) -> dict[str, str]:
    """Return why rows stand in a queue of the newest run, by row id: '' in `requested`, where the request keeps the reason.

    Raises WorkbenchError for a row of the data that does not stand there.
    """
    check_queue(kind)
    if kind == "requested":
        reasons = dict.fromkeys(open_record(task).requested(), "")
    else:
        kept = opened(task, find_run(task, holding="soft_labels.parquet"), dataset, kind)
        inside, places = set(kept.order.tolist()), kept.votes.ids.get_indexer(pd.Index(list(ids), dtype="str")).tolist()
        reasons = {row: kept.said(place, kind) for row, place in zip(ids, places, strict=True) if place in inside}
    for row in ids:
        if row in dataset.ids and row not in reasons:
            raise WorkbenchError(
                f"row {row!r} does not stand in the queue {kind!r}; name the queue that showed it, or leave --queue out"
            )
    return reasons
