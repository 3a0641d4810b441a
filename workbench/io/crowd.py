"""Crowd votes in long form: who labelled what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.columns import shorten
from workbench.io.datasets import class_name
from workbench.io.names import in_natural_order
from workbench.io.readers import read_frame
from workbench.io.wrench import Imported, class_names
from workbench.tables import ABSTAIN, WorkbenchError


def read_crowd(labels_csv: Path | str, truth_csv: Path | str | None = None) -> Imported:
    """Return one row an item and one vote column a worker (`worker_<id>`) from the columns item, worker, label.

    truth_csv: the columns item, truth; an item with a truth and no votes is kept. Where a worker labelled an item more than
    once the last label stands, and a warning counts them. A crowd set has no split, and a label model learns without gold:
    every item is split `test`, which a warning says. Classes are all labels and truths, in natural order. Raises
    WorkbenchError naming file and row.
    """
    votes = _read(labels_csv, ["item", "worker", "label"])
    no_truth = pd.DataFrame({"item": [], "truth": []}, dtype="str")
    truth = no_truth if truth_csv is None else _read(truth_csv, ["item", "truth"])
    _check_one_truth(truth, truth_csv)
    voted = set(votes["label"])
    warnings = ["a crowd set has no split: all items are in test, and the label model learns from their votes without gold"]
    items = pd.Index([*votes["item"], *truth["item"]]).unique()
    repeated = votes.duplicated(["item", "worker"], keep="last")
    if repeated.any():
        again = int(repeated.sum())
        row = votes[repeated].iloc[0]
        warnings.append(
            f"{again:,} label{'s' * (again != 1)} replaced by a later one of the same worker on the same item, "
            f"such as worker {row['worker']!r} on item {row['item']!r}"
        )
        votes = votes[~repeated]
    truth = truth.assign(truth=[class_name(cell, voted) for cell in truth["truth"]])
    workers = pd.Index(in_natural_order(votes["worker"]))
    labels = pd.Index(in_natural_order([*votes["label"], *truth["truth"]]))
    codes = np.full((len(items), len(workers)), ABSTAIN, np.int16)
    codes[_places(items, votes["item"]), _places(workers, votes["worker"])] = _places(labels, votes["label"])
    gold = np.full(len(items), ABSTAIN, np.int16)
    gold[_places(items, truth["item"])] = _places(labels, truth["truth"])
    frame = pd.DataFrame({"id": items, "split": "test", "gold": class_names(gold, labels.to_list())})
    columns = {f"worker_{worker}": class_names(codes[:, j], labels.to_list()) for j, worker in enumerate(workers)}
    return Imported(frame, pd.DataFrame(columns, index=frame.index), tuple(labels), (), warnings)


def _places(index: pd.Index, values: pd.Series[str]) -> NDArray[np.intp]:
    """Return the position of every value in an index that holds them all."""
    return np.asarray(index.get_indexer(pd.Index(values)))


def _read(path: Path | str, columns: list[str]) -> pd.DataFrame:
    """Return the columns of a CSV as text; raises WorkbenchError naming the row of an empty cell."""
    frame, _ = read_frame(path, text_columns=columns)
    for name in columns:
        empty = (frame[name].str.strip() == "").to_numpy()
        if empty.any():
            row = int(np.flatnonzero(empty)[0]) + 1
            raise WorkbenchError(f"{path}: column {name!r} is empty on row {row}; every row needs {', '.join(columns)}")
    return frame[columns]


def _check_one_truth(truth: pd.DataFrame, path: Path | str | None) -> None:
    """Refuse an item that has two truths."""
    differs = truth.groupby("item")["truth"].transform("nunique") > 1
    if differs.any():
        item = truth.loc[differs, "item"].iloc[0]
        said = truth.loc[truth["item"] == item, "truth"].unique()
        raise WorkbenchError(f"{path}: item {item!r} has the truths {shorten(said[0])} and {shorten(said[1])}; keep one")
