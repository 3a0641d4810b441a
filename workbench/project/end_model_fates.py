"""What became of the labels that taught the end model: followed, copied with their errors, or overruled; and on which rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.names import shortened
from workbench.project.label_model import gold_of, row_in_words
from workbench.project.weak_to_strong import FATES, fates
from workbench.stats import wilson_interval
from workbench.tables import ABSTAIN, Dataset, SoftLabels

_LENGTH: Final = 300  # characters of a row that are shown


def fate_table(overruled: dict[str, Any]) -> pd.DataFrame:
    """Return one row a fate, by its key: for each split its rows, their share, and `<split>_low`, `<split>_high` (Wilson)."""
    table = pd.DataFrame(index=pd.Index(list(FATES), name="fate"))
    for split, found in overruled.items():
        counts = np.array([found[fate] for fate in FATES])
        low, high = wilson_interval(counts, np.full(len(counts), found["n"]))
        table[split], table[f"{split}_share"] = counts, counts / max(found["n"], 1)
        table[f"{split}_low"], table[f"{split}_high"] = low, high
    return table


def copied_in_words(overruled: dict[str, Any]) -> str:
    """Return which share of the labels' errors the end model copied, a sentence for each split."""
    said = []
    for split, found in overruled.items():
        if not found["label_wrong"]:
            said.append(f"No label of the {found['n']:,} {split} rows with gold is wrong.")
            continue
        low, high = found["interval"]
        said.append(
            f"Of {found['label_wrong']:,} wrong labels on {split} it copied {found['copied']:,}: "
            f"{found['copied_share']:.0%} (95 % interval {low:.0%} to {high:.0%})."
        )
    return " ".join(said)


def functions_to_mend(overruled: dict[str, Any]) -> pd.DataFrame:
    """Return the functions that voted for wrong labels of valid rows, by name: wrong, copied, overruled_right (rows)."""
    lines = overruled.get("valid", {}).get("functions", [])
    return pd.DataFrame(lines, columns=["lf", "wrong", "copied", "overruled_right"]).set_index("lf")


def differences(answers: Sequence[SoftLabels], labels: SoftLabels, dataset: Dataset) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows that tell end model and labels apart, the surest first, and how many were compared, by split.

    These are the rows which it answers otherwise than they are labelled, and those of valid on which it copied an error. Rows
    without a label are not compared. Columns, by row id: split, label, label_probability, answer, answer_probability, gold (a
    class name on valid alone, else ''), fate (a key of FATES where gold is shown, else '').
    """
    parts: list[pd.DataFrame] = []
    compared: dict[str, int] = {}
    hard = labels.hard()
    for soft in answers:
        known = soft.take((hard.reindex(soft.ids).fillna(ABSTAIN) != ABSTAIN).to_numpy())
        places, best = labels.ids.get_indexer(known.ids), known.probs.argmax(axis=1)
        label, at = hard.to_numpy()[places].astype(np.intp), dataset.ids.get_indexer(known.ids)
        for split, count in dataset.split.iloc[at].value_counts().items():
            compared[str(split)] = compared.get(str(split), 0) + int(count)
        fate = _fates(known, labels, dataset).reindex(known.ids).fillna("").to_numpy()
        told = np.flatnonzero((best != label) | (fate == "copied"))
        line = {
            "split": dataset.split.to_numpy()[at[told]],
            "label": np.array(labels.labels, object)[label[told]],
            "label_probability": labels.probs[places[told], label[told]],
            "answer": np.array(labels.labels, object)[best[told]],
            "answer_probability": known.probs[told, best[told]],
            "gold": [gold_of(dataset, int(place)) for place in at[told]],
            "fate": fate[told],
        }
        parts.append(pd.DataFrame(line, index=known.ids[told]))
    table = pd.concat(parts) if parts else pd.DataFrame()
    return table.sort_values("answer_probability", ascending=False, kind="stable"), compared


def _fates(student: SoftLabels, labels: SoftLabels, dataset: Dataset) -> pd.Series[Any]:
    """Return the fate of each valid row with gold, by row id."""
    if labels.labels != dataset.labels:  # numbers of gold would mean other classes
        return pd.Series(dtype="str")
    return fates(labels, student, dataset.take(dataset.ids.isin(student.ids)), "valid")["fate"]


def pairs_table(apart: pd.DataFrame) -> pd.DataFrame:
    """Return one row a pair of label and other answer, most rows first: rows of valid and train, and by who is right.

    Columns: valid, train, end_model, by_label, neither (the last three of valid rows with gold).
    """
    marked = apart.assign(
        valid=apart["split"] == "valid",
        train=apart["split"] == "train",
        end_model=apart["fate"] == "overruled_right",
        by_label=apart["fate"] == "overruled_wrong",
        neither=apart["fate"] == "overruled_neither",
    )[apart["label"] != apart["answer"]]
    table = marked.groupby(["label", "answer"], sort=False)[["valid", "train", "end_model", "by_label", "neither"]].sum()
    order = (table["valid"] + table["train"]).sort_values(ascending=False, kind="stable").index
    return table.loc[order].astype(int)


def rows_apart(
    apart: pd.DataFrame,
    dataset: Dataset,
    *,
    fate: str | None = None,
    pair: tuple[str, str] | None = None,
    split: str | None = None,
    start: int = 0,
    size: int = 50,
) -> tuple[pd.DataFrame, int]:
    """Return some of the rows with their text, and how many there are.

    fate: a key of FATES; left out, all that it answers otherwise than they are labelled. pair: of label and answer.
    """
    chosen = apart["label"] != apart["answer"] if fate is None else apart["fate"] == fate
    if pair is not None:
        chosen &= (apart["label"] == pair[0]) & (apart["answer"] == pair[1])
    if split is not None:
        chosen &= apart["split"] == split
    return with_text(apart[chosen].iloc[start : start + size], dataset), int(chosen.sum())


def with_text(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Return a table by row id with a column `row`, the text of each, or its cells."""
    places = dataset.ids.get_indexer(table.index)
    texts = [shortened(row_in_words(dataset, int(place)), _LENGTH) for place in places]
    return table.assign(row=pd.array(texts, dtype="str"))
