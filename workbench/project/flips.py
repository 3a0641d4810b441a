"""Which votes and labels are other in a later run, and why a label flipped: people, votes, or the weights of the votes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.project.label_model import chosen_in
from workbench.project.reviewing import kept_anchors
from workbench.project.run_pair import label_names, on_common_rows
from workbench.project.runs import Run
from workbench.tables import ABSTAIN, Dataset, SoftLabels, VoteMatrix

#: Why a label flipped, in words.
BECAUSE: Final = {
    "people": "people said so",
    "votes": "functions vote otherwise",
    "label model": "the label model is another",
    "weights": "votes weigh otherwise",
}
ABSTAINS: Final = "abstains"
NOT_THERE: Final = "not there"
GONE: Final = "gone"  # the split of a row that the task has no more
_NAMED: Final = 4  # functions told of a row
_MOVED: Final = 0.005  # a learned accuracy that moved less is the same in two digits


@dataclass(frozen=True, eq=False)
class Flips:
    """Labels of the label model that are other in a later run, on the rows that both label.

    by_split: common and changed, by split as it is now. moves: before, after, n. because: n flipped rows of train and valid by
    what did it, of `BECAUSE`. rows: of train and valid by id, split, before, after, probability_before and probability (of the
    label after), because, and why in words.
    """

    by_split: pd.DataFrame
    moves: pd.DataFrame
    because: pd.Series[int]
    rows: pd.DataFrame


def vote_changes(before: VoteMatrix, after: VoteMatrix) -> pd.DataFrame:
    """Return function, before, after and n: the rows of both runs on which a function votes otherwise, the most first.

    before, after: a class, `abstains`, or `not there` for a function that only one run has; it counts where it votes.
    """
    places = before.ids.get_indexer(after.ids)
    both = places >= 0
    lines = []
    for name, old, new in _changed_votes(before.take(places[both]), after.take(both)):
        table = pd.DataFrame({"before": old[old != new], "after": new[old != new]})
        lines.append(table.value_counts().rename("n").reset_index().assign(function=name))
    columns = ["function", "before", "after", "n"]
    table = pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=columns)
    ascending = [False, True, True, True]
    return table.sort_values(["n", "function", "before", "after"], ascending=ascending, ignore_index=True)[columns]


def _changed_votes(before: VoteMatrix, after: VoteMatrix) -> Iterator[tuple[str, NDArray[np.object_], NDArray[np.object_]]]:
    """Yield each function that votes otherwise on some row, with its votes before and after on the same rows, as names.

    A function that only one run has changes nothing where it abstains.
    """
    kinds = list(dict.fromkeys([*before.labels, *after.labels, ABSTAINS, NOT_THERE]))
    named, absent = np.array(kinds, dtype=object), np.full(len(after), kinds.index(NOT_THERE))
    codes = [np.array([kinds.index(name) for name in [*votes.labels, ABSTAINS]]) for votes in (before, after)]
    abstains = kinds.index(ABSTAINS)
    for name in dict.fromkeys([*after.lfs, *before.lfs]):
        old, new = (
            code[votes.votes[:, votes.lfs.index(name)]] if name in votes.lfs else absent
            for votes, code in zip((before, after), codes, strict=True)
        )
        if old is absent:
            old = np.where(new == abstains, abstains, absent)
        elif new is absent:
            new = np.where(old == abstains, abstains, absent)
        if (old != new).any():
            yield name, named[old], named[new]


def split_now(ids: pd.Index, dataset: Dataset) -> NDArray[np.object_]:
    """Return the split of each row as it is now, `gone` where the task has it no more."""
    return dataset.split.reindex(ids).fillna(GONE).to_numpy(dtype=object)


def flipped_labels(before: Run, after: Run, votes: tuple[VoteMatrix, VoteMatrix], dataset: Dataset) -> Flips:
    """Return which labels of the label model flipped between two runs, and why; votes: of both."""
    first, second = on_common_rows(before.soft_labels(), after.soft_labels())
    old, new = label_names(first), label_names(second)
    split, changed = split_now(second.ids, dataset), old != new
    table = pd.DataFrame({"split": split, "before": old, "after": new, "changed": changed})
    counted = _counted(table)
    moves = table.loc[changed, ["before", "after"]].value_counts().rename("n").reset_index()
    shown = np.flatnonzero(changed & np.isin(split, ["train", "valid"]))
    rows = table.drop(columns="changed").iloc[shown].set_axis(second.ids[shown])
    likeliest = second.probs[shown].argmax(axis=1)
    same = first.labels == second.labels
    rows["probability_before"] = first.probs[shown, likeliest] if same else np.nan
    rows["probability"] = second.probs[shown, likeliest]
    rows = rows.join(_reasons(before, after, votes, rows.index))
    rows = rows.sort_values("probability", ascending=False, kind="stable")
    return Flips(counted, moves, rows["because"].value_counts().rename("n"), rows)


def _reasons(before: Run, after: Run, votes: tuple[VoteMatrix, VoteMatrix], ids: pd.Index) -> pd.DataFrame:
    """Return `because` and `why` by row id: the first that holds of people, votes, label model and weights."""
    old, new = (one.take(one.ids.get_indexer(ids)) for one in votes)
    by_row: list[list[str]] = [[] for _ in ids]
    for name, then, now in _changed_votes(old, new):
        for place in np.flatnonzero(then != now).tolist():
            by_row[place].append(f"{name}: {then[place]} → {now[place]}")
    people = _said_by_people(before, ids), _said_by_people(after, ids)
    other_model = _other_model(before, after)
    weights = _weights_in_words(before, after, new) if not other_model else []
    found = []
    for at, said in enumerate(by_row):
        then, now = people[0].iloc[at], people[1].iloc[at]
        if then != now:
            found.append(("people", f"a person said {now}" if now else f"that a person said {then} no longer counts"))
        elif said:
            more = f"; {len(said) - _NAMED} more" if len(said) > _NAMED else ""
            found.append(("votes", "; ".join(said[:_NAMED]) + more))
        elif other_model:
            found.append(("label model", other_model))
        else:
            found.append(("weights", weights[at]))
    return pd.DataFrame(found, index=ids, columns=["because", "why"])


def _said_by_people(run: Run, ids: pd.Index) -> pd.Series[Any]:
    """Return the class that reviewers gave each row in a run, '' where none did."""
    kept, labels = kept_anchors(run.folder)["label"], run.soft_labels().labels
    return pd.Series([labels[code] for code in kept], index=kept.index, dtype="str").reindex(ids).fillna("")


def _other_model(before: Run, after: Run) -> str:
    """Say in words that another label model was fitted, or one with other settings; '' where it is the same."""
    old, new = chosen_in(before), chosen_in(after)
    if old != new:
        return f"another label model: {old} → {new}"
    settings = [run.label_model().get("settings") for run in (before, after)]
    return "other settings of the label model" if settings[0] != settings[1] else ""


def _weights_in_words(before: Run, after: Run, votes: VoteMatrix) -> list[str]:
    """Say for each row which functions that vote on it the label model trusts otherwise now."""
    learned = [run.label_model().get("accuracy", {}) for run in (before, after)]
    known = [name for name in votes.lfs if learned[0].get(name) is not None and learned[1].get(name) is not None]
    moved = np.array([learned[1][name] - learned[0][name] if name in known else 0.0 for name in votes.lfs])
    told = {name: f"{name} is taken for {learned[1][name]:.2f} right, before {learned[0][name]:.2f}" for name in known}
    found = []
    for row in votes.votes:
        most = sorted(np.flatnonzero((row != ABSTAIN) & (np.abs(moved) >= _MOVED)), key=lambda j: -abs(moved[j]))
        said = [told[votes.lfs[j]] for j in most[:2]]
        found.append("same votes; " + ("; ".join(said) or "a close call, as no function on it moved much"))
    return found


def answers_changed(before: SoftLabels, after: SoftLabels, dataset: Dataset) -> pd.DataFrame:
    """Return common and changed by split: rows that both end models answered, and those they answer otherwise."""
    first, second = on_common_rows(before, after)
    changed = label_names(first) != label_names(second)
    table = pd.DataFrame({"split": split_now(second.ids, dataset), "changed": changed})
    return _counted(table)


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """Return how many rows there are of each split, common, and how many of them changed."""
    by_split = table.groupby("split")["changed"]
    return pd.DataFrame({"common": by_split.size(), "changed": by_split.sum()})
