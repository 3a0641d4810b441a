"""Where functions disagree, who is right, and where nobody votes: what the page and `workbench diagnose` set side by side.

Test rows are left out of every figure here, as they are of the rows, so that a count and the rows behind it are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench import diagnose
from workbench.io.names import did_you_mean, listed
from workbench.project.catalogue import visible_rows
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.spec import slice_masks
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix, WorkbenchError

Rows = NDArray[np.intp]  # positions in the votes of a run

_CELLS: Final = 40  # functions a side of a matrix that can still be read
_READ: Final = 5_000  # rows with votes, and as many without, whose words are compared
_VALUES: Final = 50  # distinct values up to which a column is worth naming one by one
_LIKELY: Final = 2  # classes of a posterior that are told
_SENT: Final = 500  # rows sent to review at once


@dataclass(frozen=True, eq=False)
class Sight:
    """The votes of a run beside the rows of now, as far as they may be looked at.

    places: of `visible_rows`. gold: of valid rows alone, by row id; None where nothing is known. masks: bool[rows of now] a
    slice. columns: those that are not hidden. soft: None where the run has no labels.
    """

    votes: VoteMatrix
    dataset: Dataset
    places: NDArray[np.intp]
    gold: pd.Series[Any] | None
    masks: Mapping[str, NDArray[np.bool_]]
    columns: Sequence[str]
    soft: SoftLabels | None

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Which rows of the votes have gold that may be seen."""
        return np.zeros(len(self.votes), bool) if self.gold is None else np.asarray(self.votes.ids.isin(self.gold.index))

    @cached_property
    def classes(self) -> VoteMatrix:
        """The classes voted on each row, whoever votes for them."""
        return diagnose.classes_voted(self.votes)


class Asked(NamedTuple):
    """Which rows to look at: those of a slice, with a vote for a class, on which a function votes; None takes all."""

    slice: str | None = None
    label: str | None = None
    function: str | None = None


ALL: Final = Asked()


class Gap(NamedTuple):
    """Rows without a vote. covered: how many others there are. terms: what tells the two apart, in the rows read and beside.

    holding: the rows, of those read, that hold a term.
    """

    rows: Rows
    covered: int
    terms: pd.DataFrame
    read: Rows
    beside: Rows
    holding: Mapping[str, Rows]


def look(task: Task, dataset: Dataset, votes: VoteMatrix, soft: SoftLabels | None = None) -> Sight:
    """Set the votes of a run beside the rows of its task; rows that are gone since are left out like test rows."""
    gold = None
    if dataset.gold is not None:
        gold = dataset.gold.where(dataset.split == "valid", ABSTAIN)
        gold = gold[gold != ABSTAIN] if (gold != ABSTAIN).any() else None
    hidden = task.data.get("hidden", [])
    columns = [name for name in dataset.frame.columns if name not in hidden]
    return Sight(votes, dataset, visible_rows(dataset, votes), gold, slice_masks(task.slices, dataset), columns, soft)


def look_at_run(task: Task, run: Run) -> Sight:
    """Read what a run holds, for `look`."""
    soft = run.soft_labels() if (run.folder / "soft_labels.parquet").exists() else None
    return look(task, task.dataset()[0], run.votes(), soft)


def rows_asked(sight: Sight, asked: Asked = ALL) -> Rows:
    """Return the rows that are asked for; an unknown name lists the known ones."""
    kept = sight.places >= 0
    if asked.slice is not None:
        kept = kept & sight.masks[_known("slice", asked.slice, sight.masks)][sight.places]
    if asked.label is not None:
        kept = kept & (sight.votes.votes == _label(sight, asked.label)).any(axis=1)
    if asked.function is not None:
        kept = kept & (sight.votes.votes[:, _function(sight, asked.function)] != ABSTAIN)
    return np.flatnonzero(kept)


def _known(what: str, name: str, names: Any) -> str:
    if name not in names:
        raise WorkbenchError(f"there is no {what} {name!r}{did_you_mean(name, names)}; known are {listed(names) or 'none'}")
    return name


def _label(sight: Sight, name: str) -> int:
    return sight.votes.labels.index(_known("class", name, sight.votes.labels))


def _function(sight: Sight, name: str) -> int:
    return sight.votes.lfs.index(_known("function", name, sight.votes.lfs))


def pairs(sight: Sight, asked: Asked = ALL) -> pd.DataFrame:
    """Return `diagnose.disagreements` on the rows asked for, of pairs with the function, or one that votes for the class."""
    votes = sight.votes.take(rows_asked(sight, asked))
    table = diagnose.disagreements(votes, sight.gold)
    for wanted in (None if asked.function is None else [asked.function], _voters(votes, asked.label)):
        if wanted is not None:
            table = table[table["a"].isin(wanted) | table["b"].isin(wanted)]
    return table.reset_index(drop=True)


def _voters(votes: VoteMatrix, label: str | None) -> list[str] | None:
    if label is None:
        return None
    return [votes.lfs[j] for j in np.flatnonzero((votes.votes == votes.labels.index(label)).any(axis=0)).tolist()]


def pair_rows(sight: Sight, asked: Asked, a: str, b: str, conflicts_only: bool = True) -> Rows:
    """Return the rows asked for on which two functions disagree, or else all on which both vote."""
    first, second = (sight.votes.votes[:, _function(sight, name)] for name in (a, b))
    kept = (first != ABSTAIN) & (second != ABSTAIN)
    if conflicts_only:
        kept = kept & (first != second)
    return np.intersect1d(np.flatnonzero(kept), rows_asked(sight, asked), assume_unique=True)


def matrix(sight: Sight, table: pd.DataFrame, size: int = _CELLS) -> tuple[pd.DataFrame, list[str]]:
    """Return the cells of a heatmap of pairs, each pair both ways round, and its functions in an order in which blocks show.

    table: of `pairs`. Of more functions than `size` those with the most disagreements are taken.
    """
    met = pd.concat([table.set_index(side)["disagree"] for side in ("a", "b")]).groupby(level=0).sum()
    taken = set(met.sort_values(ascending=False, kind="stable").index[:size])
    kept = table[table["a"].isin(taken) & table["b"].isin(taken)][["a", "b", "both", "disagree", "rate"]]
    cells = pd.concat([kept, kept.rename(columns={"a": "b", "b": "a"})], ignore_index=True)
    return cells, diagnose.block_order(sight.votes, kept)


def patterns(
    sight: Sight, asked: Asked = ALL, conflicts_only: bool = True, classes: bool = False, top: int | None = 20
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return `diagnose.vote_patterns` of the rows asked for; classes: of the classes voted on a row, whoever votes for them."""
    votes = sight.classes if classes else sight.votes
    return diagnose.vote_patterns(votes.take(rows_asked(sight, asked)), sight.gold, conflicts_only, top)


def pattern_rows(sight: Sight, asked: Asked, cast: Mapping[str, str], classes: bool = False) -> Rows:
    """Return the rows asked for that show a pattern, as its `votes` say."""
    shown = diagnose.rows_with(sight.classes if classes else sight.votes, cast)
    return np.intersect1d(shown, rows_asked(sight, asked), assume_unique=True)


def dots(sight: Sight, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return what a chart of patterns is drawn from: bars (pattern, rows, said), dots (pattern, function, label), functions.

    table: of `patterns`; of its lines so many are taken that no more than 40 functions vote in them. The functions stand by the
    class they vote most.
    """
    voters: set[str] = set()
    taken: list[str] = []
    for name, votes in table["votes"].items():
        voters |= set(votes)
        if taken and len(voters) > _CELLS:
            break
        taken.append(str(name))
    shown = table.loc[taken]
    lines = [(name, function, label) for name, votes in shown["votes"].items() for function, label in votes.items()]
    cells = pd.DataFrame(lines, columns=["pattern", "function", "label"])
    met = cells.value_counts(["function", "label"]).reset_index()
    met["class"] = [sight.votes.labels.index(label) for label in met["label"]]
    met = met.sort_values(["count", "class"], ascending=[False, True], kind="stable").drop_duplicates("function")
    order = met.sort_values(["class", "count"], ascending=[True, False], kind="stable")["function"].tolist()
    said = [votes_in_words(votes) for votes in shown["votes"]]
    return pd.DataFrame({"pattern": taken, "rows": shown["rows"].to_numpy(), "said": said}), cells, order


def votes_in_words(votes: Mapping[str, str]) -> str:
    """Return the votes of a pattern by class, such as `billing: a, b; auth: c`; of classes alone, `billing and auth`."""
    by_class: dict[str, list[str]] = {}
    for name, label in votes.items():
        by_class.setdefault(label, []).append(name)
    if all(names == [label] for label, names in by_class.items()):
        return " and ".join(by_class)
    return "; ".join(f"{label}: {', '.join(names)}" for label, names in by_class.items())


def coverage(sight: Sight) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `diagnose.by_class`, and `diagnose.by_slice` with the rows that no function votes on, least covered first."""
    rows = rows_asked(sight)
    votes = sight.votes.take(rows)
    masks = {name: mask[sight.places[rows]] for name, mask in sight.masks.items()}
    slices = diagnose.by_slice(votes, masks, sight.gold)
    slices["uncovered"] = [int((mask & ~votes.covered).sum()) for mask in masks.values()]
    return diagnose.by_class(votes, sight.gold), slices.sort_values("label_coverage", kind="stable", ignore_index=True)


def gap(sight: Sight, slice: str | None = None, seed: int = 0) -> Gap:
    """Return the rows that no function votes on, of a slice or of all, and the terms that tell them from covered ones.

    A term is a word or two neighbouring ones, in a task without text a value of a column. Of more than 5,000 rows with or
    without votes as many are drawn at random and read.
    """
    rows = rows_asked(sight, Asked(slice))
    covered = sight.votes.covered[rows]
    rng = np.random.default_rng(seed)
    read, beside = (
        kind if len(kind) <= _READ else np.sort(rng.choice(kind, _READ, replace=False))
        for kind in (rows[~covered], rows[covered])
    )
    here = _terms(sight, read)
    terms = diagnose.gap_terms(here, _terms(sight, beside))
    holding = {term: read[[term in held for held in here]] for term in terms["term"]}
    return Gap(rows[~covered], int(covered.sum()), terms, read, beside, holding)


def _terms(sight: Sight, rows: Rows) -> list[set[str]]:
    if sight.dataset.text:
        return [diagnose.terms_of(text) for text in _texts(sight, rows)]
    frame = sight.dataset.frame[list(sight.columns)].iloc[sight.places[rows]]
    few = [name for name in frame if sight.dataset.frame[name].nunique() <= _VALUES]
    return [{f"{name} {value}" for name, value in cells.items()} for cells in frame[few].to_dict("records")]


def _texts(sight: Sight, rows: Rows) -> list[str]:
    """Return rows in one string each: the text, or in a task without text the cells."""
    shown = list(sight.dataset.text or sight.columns)
    frame = sight.dataset.frame[shown].iloc[sight.places[rows]]
    if sight.dataset.text:
        return ["\n".join(filter(None, cells)) for cells in frame.itertuples(index=False)]
    return [", ".join(f"{name} {value}" for name, value in cells.items()) for cells in frame.to_dict("records")]


def doubles(sight: Sight) -> pd.DataFrame:
    """Return `diagnose.redundant` with what to do about each pair (advice)."""
    votes = sight.votes.take(rows_asked(sight))
    found = diagnose.redundant(votes)
    known = votes if sight.gold is None else sight.votes.take((sight.places >= 0) & sight.known)
    right = diagnose.function_table(known, sight.gold).set_index("lf")
    counts = diagnose.function_table(votes).set_index("lf")["n_votes"]
    return found.assign(
        advice=[
            _advice(line["a"], line["b"], counts, right["accuracy"], line["agreement"] == 1)
            for line in found.to_dict("records")
        ]
    )


def _advice(a: str, b: str, counts: pd.Series[Any], accuracy: pd.Series[Any], same: bool) -> str:
    if same:
        return f"Switch off {b}: wherever either votes, {a} says the same."
    if not pd.isna(accuracy[a]) and not pd.isna(accuracy[b]) and accuracy[a] != accuracy[b]:
        better, worse = (a, b) if accuracy[a] > accuracy[b] else (b, a)
        return (
            f"Keep {better}, right on {accuracy[better]:.0%} of valid gold against {accuracy[worse]:.0%}; switch off {worse}."
        )
    more, less = (a, b) if counts[a] >= counts[b] else (b, a)
    return f"Keep {more}, with {counts[more]:,} votes against {counts[less]:,}; switch off {less}, or make the two one rule."


def row_table(sight: Sight, rows: Rows, first: Sequence[str] = ()) -> pd.DataFrame:
    """Return rows as they are shown, indexed by id: row, vote_0, vote_1 ... of the functions `first`, others, posterior, gold.

    others: the votes of all other functions by class. posterior: the likeliest classes; '' where no function votes.
    """
    labels, lfs, dataset = sight.votes.labels, sight.votes.lfs, sight.dataset
    ids, cast = sight.votes.ids[rows], sight.votes.votes[rows]
    table = pd.DataFrame({"row": _texts(sight, rows)}, index=ids)
    for place, name in enumerate(first):
        column = cast[:, _function(sight, name)]
        table[f"vote_{place}"] = ["" if vote == ABSTAIN else labels[vote] for vote in column]
    others = np.array([name not in first for name in lfs], bool)
    table["others"] = [
        votes_in_words({lfs[j]: labels[vote[j]] for j in np.flatnonzero((vote != ABSTAIN) & others).tolist()}) for vote in cast
    ]
    if sight.soft is not None:
        table["posterior"] = _posteriors(sight.soft.take(sight.soft.ids.get_indexer(ids)))
    known = sight.gold.reindex(ids) if sight.gold is not None else pd.Series(np.nan, index=ids)
    table["gold"] = ["" if pd.isna(gold) else dataset.labels[int(gold)] for gold in known]
    return table


def _posteriors(soft: SoftLabels) -> list[str]:
    best = np.argsort(-soft.probs, axis=1, kind="stable")[:, :_LIKELY]
    return [
        ", ".join(f"{soft.labels[c]} {soft.probs[i, c]:.0%}" for c in best[i].tolist()) if soft.covered[i] else ""
        for i in range(len(soft))
    ]


def to_review(sight: Sight, rows: Rows, most: int = _SENT, seed: int = 0) -> list[str]:
    """Return the ids of rows worth a human look, drawn at random where there are more than `most`; gold is known of none."""
    open_ = rows[~sight.known[rows]]
    if len(open_) > most:
        open_ = np.sort(np.random.default_rng(seed).choice(open_, most, replace=False))
    return sight.votes.ids[open_].tolist()
