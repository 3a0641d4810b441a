"""The rows of a batch behind what a monitor found, without those that are test rows of the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.diagnose import terms_of
from workbench.io.readers import read_frame
from workbench.project.runs import Run
from workbench.project.steps.predict import REVIEW
from workbench.project.task import Task
from workbench.tables import ABSTAIN, Dataset, distinct_rows
from workbench.text.languages import languages

Mask = NDArray[np.bool_]
_ANSWER: Final = ("label", "confidence", "decision")
EVERY: Final = ("every row", "")
REVIEWED: Final = ("deferred", "")
UNCOVERED: Final = ("covered", "")
TERM: Final = "new term"


@dataclass(frozen=True, eq=False)
class BatchRows:
    """The rows of a batch: their texts, label, confidence and decision by id, and the class each function voted, '' for none.

    hidden: how many rows are left out, as they are test rows of the task.
    """

    rows: pd.DataFrame
    votes: pd.DataFrame
    hidden: int


def open_batch(task: Task, batch: str, dataset: Dataset) -> BatchRows | None:
    """Return the rows of a batch, the least sure first; None where they are no longer kept.

    A row is a test row by its id or, as ids are made anew where a batch repeats or lacks them, by its text.
    """
    path = task.folder / "monitor" / batch / "rows.parquet"
    if not path.exists():
        return None
    names = read_frame(path)[0].columns
    frame = read_frame(path, text_columns=[name for name in names if name != "confidence"])[0].set_index("id")
    texts = [name if name not in ("id", *_ANSWER) else f"data:{name}" for name in dataset.text if name in frame]
    words = pd.Series(["\n".join(cells).strip() for cells in frame[texts].to_numpy()], frame.index, dtype="str")
    test = dataset.take((dataset.split == "test").to_numpy())
    hidden = frame.index.isin(test.ids) | words.isin({text.strip() for text in test.texts()} - {""}).to_numpy()
    order = frame["confidence"].to_numpy().argsort(kind="stable")
    shown = order[~hidden[order]]
    rows = pd.concat([words.rename("row"), frame[list(_ANSWER)]], axis=1).iloc[shown]
    votes = frame.drop(columns=[*_ANSWER, *texts]).iloc[shown]
    return BatchRows(rows, votes.rename(columns=lambda name: name.removeprefix("function:")), int(hidden.sum()))


def sights(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what rows can be looked at behind a batch: kind and of, those of drifted checks first."""
    drifted = [(check["kind"], check["of"]) for check in found["checks"] if check["drifted"]]
    terms = [(TERM, _term(one)) for one in found["new_terms"]]
    return list(dict.fromkeys([*drifted, *terms, REVIEWED, UNCOVERED, EVERY]))


def _term(one: Any) -> str:
    return str(one["term"] if isinstance(one, Mapping) else one)


def rows_behind(rows: BatchRows, found: Mapping[str, Any], kind: str, of: str, run: Run | None) -> tuple[Mask, str]:
    """Return bool[n] which rows stand behind a kind of check, and what they are in words; found: what batch.json holds.

    run: what the batch was held against, None where it is gone; it tells which combinations of votes are new.
    """
    check: Mapping[str, Any] = next((one for one in found["checks"] if (one["kind"], one["of"]) == (kind, of)), {})
    every = np.ones(len(rows.rows), bool)
    if kind in _BY_KIND:
        return _BY_KIND[kind](rows, of)
    if kind in ("new terms", "unseen words"):
        return _with_terms(rows, [_term(one) for one in found["new_terms"]]), "that hold a new term"
    if kind == "patterns":
        if run is None:
            return every, "of the batch: the run that it was held against is gone, so that none can be told to be new"
        return _unseen(rows, run), "with votes in a combination that the run had not seen"
    if kind in ("classes", "language") and isinstance(check.get("batch"), Mapping):
        most = max(check["batch"], key=lambda name: check["batch"][name] - check["reference"].get(name, 0.0))
        if kind == "classes":
            return (rows.rows["label"] == most).to_numpy(), f"answered {most}, which rose most"
        return np.array(languages(rows.rows["row"].tolist())) == most, f"in the language {most}, which rose most"
    if kind in ("length", "confidence") and isinstance(check.get("reference"), float | int):
        return _beyond(rows, check)
    return every, "of the batch"


def _beyond(rows: BatchRows, check: Mapping[str, Any]) -> tuple[Mask, str]:
    """Return the rows that lie beyond the middle of before, on the side to which the middle went."""
    before, fell = check["reference"], check["batch"] < check["reference"]
    if check["kind"] == "length":
        values, said = rows.rows["row"].str.len(), f"{'shorter' if fell else 'longer'} than {before:,.0f} characters"
    else:
        values, said = (
            rows.rows["confidence"],
            f"on which the end model is {'less sure' if fell else 'surer'} than {before:.3f}",
        )
    mask = values < before if fell else values > before
    return mask.to_numpy(), f"{said}, the middle of before"


def _voted(rows: BatchRows, of: str) -> tuple[Mask, str]:
    cast = rows.votes[of] != "" if of in rows.votes else pd.Series(False, rows.votes.index)
    return cast.to_numpy(), f"that {of} votes on"


def _apart(rows: BatchRows, of: str) -> tuple[Mask, str]:
    """Return the rows on which both of a pair vote and differ; functions may have any name, so each cut is tried."""
    parts = of.split(" and ")
    for cut in range(1, len(parts)):
        first, second = " and ".join(parts[:cut]), " and ".join(parts[cut:])
        if first in rows.votes and second in rows.votes:
            one, other = rows.votes[first], rows.votes[second]
            return ((one != "") & (other != "") & (one != other)).to_numpy(), f"on which {first} and {second} differ"
    return np.zeros(len(rows.votes), bool), f"on which {of} differ"


def _in_conflict(rows: BatchRows) -> Mask:
    return (rows.votes.replace("", None).nunique(axis=1) > 1).to_numpy()


_BY_KIND: Final[dict[str, Callable[[BatchRows, str], tuple[Mask, str]]]] = {
    "coverage": _voted,
    "mix": _voted,
    "agreement": _apart,
    "covered": lambda rows, _: ((rows.votes == "").all(axis=1).to_numpy(), "that no function votes on"),
    "conflict": lambda rows, _: (_in_conflict(rows), "with votes for two classes"),
    "deferred": lambda rows, _: ((rows.rows["decision"] == REVIEW).to_numpy(), "that need review"),
    TERM: lambda rows, of: (_with_terms(rows, [of]), f"that hold “{of}”"),
}


def _with_terms(rows: BatchRows, terms: Sequence[str]) -> Mask:
    wanted = set(terms)
    return np.array([not wanted.isdisjoint(terms_of(text)) for text in rows.rows["row"]], bool)


def _unseen(rows: BatchRows, run: Run) -> Mask:
    """Return the rows whose votes no row of the run has in that combination, of the functions that both asked."""
    known = run.votes()
    both = [name for name in rows.votes.columns if name in known.lfs]
    codes = {"": ABSTAIN, **{label: code for code, label in enumerate(known.labels)}}
    now = rows.votes[both].apply(lambda cast: cast.map(codes)).fillna(ABSTAIN).to_numpy(np.int16)
    then = known.votes[~known.ids.isin(rows.votes.index)][:, [known.lfs.index(name) for name in both]]
    kinds = distinct_rows(np.concatenate([then, now]))[1]
    return ~np.isin(kinds[len(then) :], kinds[: len(then)])


def rows_shown(rows: BatchRows, mask: Mask, start: int = 0, size: int = 50) -> pd.DataFrame:
    """Return a page of rows by id: row, answer, confidence, decision, votes (by class, who votes for it)."""
    some = rows.rows[mask].iloc[start : start + size]
    said = []
    for _, cast in rows.votes.loc[some.index].iterrows():
        by_class: dict[str, list[str]] = {}
        for name, label in cast[cast != ""].items():
            by_class.setdefault(str(label), []).append(str(name))
        said.append("; ".join(f"{label}: {', '.join(names)}" for label, names in by_class.items()))
    return some.assign(votes=said)
