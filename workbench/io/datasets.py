"""A table of any shape as a Dataset: which columns are text, id, split and gold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.columns import cell_text, mend, shorten
from workbench.io.names import did_you_mean, listed
from workbench.io.readers import check_columns, read_frame
from workbench.tables import ABSTAIN, SPLITS, Dataset, WorkbenchError

Split = str | Mapping[str, float | str] | None
_REST: Final = "without_gold"  # among shares: the split of the rows that have no gold
_ID_DIGITS: Final = 16


class Mapped(TypedDict, total=False):
    """Which column means what; the keywords of `dataset_from_frame`."""

    labels: Sequence[str]
    text: Sequence[str]
    id: str | None
    split: Split
    gold: str | None
    rename: Mapping[str, str] | None


def read_dataset(
    path: Path | str, *, encoding: str = "utf-8", delimiter: str | None = None, **mapping: Unpack[Mapped]
) -> tuple[Dataset, list[str]]:
    """Return the rows of a file as a Dataset, and counted warnings; the keywords are those of `dataset_from_frame`.

    Text, id, gold and split cells are read exactly as they stand ("007" stays "007").
    """
    split = mapping.get("split")
    names = [
        *_one_or_more(mapping.get("text", ("text",))),
        mapping.get("id"),
        mapping.get("gold"),
        split if isinstance(split, str) else None,
    ]
    in_file = {new: old for old, new in (mapping.get("rename") or {}).items()}
    columns = list(dict.fromkeys(in_file.get(name, name) for name in names if name is not None))
    frame, warnings = read_frame(path, text_columns=columns, encoding=encoding, delimiter=delimiter)
    try:
        dataset, more = dataset_from_frame(frame, **mapping)
    except WorkbenchError as error:
        raise WorkbenchError(f"{path}: {error}") from None
    return dataset, warnings + more


def read_gold(path: Path | str, *, labels: Sequence[str], id: str, gold: str) -> pd.Series[Any]:
    """Return the class indexes that a file of ids and class names gives, int16 by id; an empty cell is ABSTAIN."""
    frame, _ = read_frame(path, text_columns=[id, gold])
    try:
        check_columns([id, gold], list(frame.columns), "the table")
        index = pd.Index(_given_ids(frame[id], id), dtype="str", name="id")
        found = _gold(frame[gold], gold, list(labels), index)
    except WorkbenchError as error:
        raise WorkbenchError(f"{path}: {error}") from None
    return pd.Series(ABSTAIN, index=index, dtype=np.int16) if found is None else found


def row_ids(frame: pd.DataFrame, text: Sequence[str], id: str | None, where: str) -> list[str]:
    """Return what names the rows of a file that no task holds: the id column, which may repeat, else the content, as below.

    Copies share the id of a content. frame: indexed by row number. where: the file, in errors. Refuses an empty id.
    """
    if id is not None:
        check_filled(frame[id], where)
        return list(frame[id])
    return _short(_content(frame[list(text)] if text else frame, tuple(text)))


def check_filled(ids: pd.Series[Any], where: str = "", way_out: str = "fill it") -> None:
    """Refuse an id column, named and indexed by row number, with an empty cell."""
    for row in ids.index[ids.isna() | ids.eq("")]:
        raise WorkbenchError(f"{where}{': ' * bool(where)}id column {ids.name!r} is empty on row {row:,}; {way_out}")


def dataset_from_frame(
    frame: pd.DataFrame,
    *,
    labels: Sequence[str],
    text: Sequence[str] = ("text",),
    id: str | None = None,
    split: Split = None,
    gold: str | None = None,
    rename: Mapping[str, str] | None = None,
) -> tuple[Dataset, list[str]]:
    """Return a frame's rows as a Dataset, and counted warnings; rows are named in errors from 1.

    rename: {column of the frame: name used by the other keywords}. text: cells become strings, '' where missing. gold: cells
    hold class names, 1.0 reads as "1", empty is unknown. The id, gold and split columns leave the frame.

    id: None makes ids from the content: the first 16 hexadecimal digits of the sha256 of the text columns (without text: of all
    columns but gold and split), then `-2`, `-3` for further rows of the same content; they are the same in every process and
    stay when gold is added.

    split: a column, or shares such as {"train": 0.7, "valid": 0.1, "test": 0.2}: each row is drawn by the hash of its content
    with case and white space folded, so that rows of equal text share a split; None puts all rows in train.
    With `"without_gold": "train"` among the shares they are those of the rows whose content has gold, and the others train.
    """
    warnings: list[str] = []
    texts = _one_or_more(text)
    if isinstance(labels, str):
        raise WorkbenchError(f"labels must be a list of class names, not the single string {labels!r}")
    if rename:
        check_columns(list(rename), list(frame.columns), "the table")
        frame = frame.rename(columns=dict(rename))
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise WorkbenchError(f"column {twice!r} stands twice; column names must be unique")
    split_column = split if isinstance(split, str) else None
    _check_roles(frame, {"id": id, "split": split_column, "gold": gold}, texts)
    frame = frame.assign(**{name: _as_text(frame[name], warnings) for name in texts})
    features = frame.drop(columns=[name for name in {gold, split_column, id} - {None, *texts}])
    if not len(features.columns):
        raise WorkbenchError("no column is left to learn from: all are id, split or gold; name a text column, or add one")
    ids = _content_ids(_content(features, texts)) if id is None else _given_ids(frame[id], id)
    index = pd.Index(ids, dtype="str", name="id")
    found = None if gold is None else _gold(frame[gold], gold, list(labels), index)
    known = None if found is None else (found != ABSTAIN).to_numpy()
    dataset = Dataset(
        frame=features.set_axis(index, axis=0),
        labels=tuple(labels),
        text=texts,
        split=pd.Series(_splits(frame, split, features, texts, known), index=index),
        gold=found,
    )
    return dataset, warnings


def _one_or_more(names: Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _check_roles(frame: pd.DataFrame, roles: Mapping[str, str | None], texts: tuple[str, ...]) -> None:
    """Refuse a role whose column is missing, and gold or split that is also something else."""
    named = {role: name for role, name in roles.items() if name is not None}
    check_columns([*texts, *named.values()], list(frame.columns), "the table")
    for role in ("split", "gold"):
        name = named.pop(role, None)
        if name is not None and (name in texts or name in named.values()):
            raise WorkbenchError(
                f"column {name!r} cannot be {role} and text, id or gold at once; name another column for {role}"
            )


def _as_text(column: pd.Series[Any], warnings: list[str]) -> pd.Series[Any]:
    """Return cells as strings, with what is broken or empty counted."""
    cells = column.fillna("") if _is_arrow_text(column) else _mended(column, warnings)
    empty = int(cells.str.strip().eq("").sum())
    if empty:
        warnings.append(f"text column {column.name!r} is empty in {_rows(empty)}; kept as empty text")
    return cells


def _is_arrow_text(column: pd.Series[Any]) -> bool:
    """Return whether cells are text by their type, and UTF-8: there is no need to look at each."""
    return isinstance(column.dtype, pd.StringDtype) and column.dtype.storage == "pyarrow"


def _mended(column: pd.Series[Any], warnings: list[str]) -> pd.Series[Any]:
    cells = [cell_text(cell) for cell in column.tolist()]
    broken = [place for place, cell in enumerate(cells) if not _is_utf8(cell)]
    for place in broken:
        cells[place] = mend(cells[place])
    if broken:
        warnings.append(f"column {column.name!r}: a lone surrogate replaced by '\ufffd' in {_rows(len(broken))}")
    return pd.Series(cells, index=column.index, dtype="str")


def _is_utf8(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _content(features: pd.DataFrame, texts: tuple[str, ...], fold: bool = False) -> list[bytes]:
    """Return one sha256 a row: of its text, or without text of all its columns, whatever their order."""
    names = texts or sorted(features.columns)
    columns = [[cell_text(cell) for cell in features[name].tolist()] for name in names]
    if fold:
        columns = [[" ".join(cell.casefold().split()) for cell in column] for column in columns]
    rows = zip(*columns, strict=True)
    keys = (row[0] if len(texts) == 1 else json.dumps(row if texts else dict(zip(names, row, strict=True))) for row in rows)
    return [hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest() for key in keys]


def _content_ids(digests: list[bytes]) -> list[str]:
    """Return the first digits of each hash, and from its second occurrence on a number behind it."""
    short = pd.Series(_short(digests))
    occurrence = short.groupby(short).cumcount() + 1
    return [name if count == 1 else f"{name}-{count}" for name, count in zip(short, occurrence, strict=True)]


def _short(digests: list[bytes]) -> list[str]:
    return [digest.hex()[:_ID_DIGITS] for digest in digests]


def _given_ids(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return the cells of the id column as text; raises WorkbenchError naming the rows of an empty or repeated one."""
    ids = column.fillna("") if _is_arrow_text(column) else column.map(cell_text).astype(object)
    numbered = ids.set_axis(pd.RangeIndex(1, len(ids) + 1))
    check_filled(numbered, way_out="fill it, or leave id out for content ids")
    for row, value in numbered[numbered.duplicated()].items():
        raise WorkbenchError(
            f"id {value!r} in column {name!r} stands twice, on rows {numbered.eq(value).idxmax()} and {row}; "
            "ids must be unique, or leave id out for content ids"
        )
    return ids


def _splits(
    frame: pd.DataFrame, split: Split, features: pd.DataFrame, texts: tuple[str, ...], known: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """Return train, valid or test a row, as the column says or as the hash of the content draws."""
    if split is None:
        return np.full(len(frame), "train", dtype=object)
    if isinstance(split, str):
        for row in np.flatnonzero(~frame[split].isin(SPLITS)):
            value = frame[split].iloc[row]
            raise WorkbenchError(
                f"split column {split!r} is {shorten(cell_text(value))} on row {row + 1}; allowed are {listed(SPLITS)}"
                f"{did_you_mean(value, SPLITS)}"
            )
        return frame[split].to_numpy(dtype=object)
    shares: dict[str, Any] = dict(split)
    rest = shares.pop(_REST, None)
    if rest is not None and (known is None or rest not in SPLITS):
        raise WorkbenchError(f"`{_REST}` among the split shares is {rest!r}; it takes one of {listed(SPLITS)}, and known gold")
    names = check_shares(shares)
    # 53 bits of the hash make a uniform number in [0, 1); the folded text is hashed, so that mere case does not split copies.
    content = _content(features, texts, fold=True)
    uniform = np.array([int.from_bytes(digest[8:16], "big") >> 11 for digest in content]) / 2.0**53
    edges = np.cumsum([shares[name] for name in names])[:-1]
    drawn = np.array(names, dtype=object)[np.searchsorted(edges, uniform, side="right")]
    if rest is None or known is None:
        return drawn
    told = {key for key, has in zip(content, known, strict=True) if has}  # copies of a text share a split
    return np.where([key in told for key in content], drawn, rest)


def check_shares(shares: Mapping[str, float]) -> list[str]:
    """Return the split names in the order train, valid, test; refuses unknown names and shares that do not sum to 1."""
    for name, share in shares.items():
        if name not in SPLITS:
            raise WorkbenchError(f"split share {name!r} is unknown; allowed are {listed(SPLITS)}{did_you_mean(name, SPLITS)}")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise WorkbenchError(f"the share of split {name!r} is {share!r}; it must be a number from 0 to 1")
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise WorkbenchError(f"the split shares {dict(shares)} sum to {sum(shares.values()):g}; they must sum to 1")
    return [name for name in SPLITS if name in shares]


def _unlike(label: str, gold: str, labels: Sequence[str]) -> str:
    """Return what to do about a class that is like none of the labels."""
    if label == "-1":
        return "; empty the cells that have no label, which Snorkel marks with -1"
    if not label.isdecimal():
        return did_you_mean(label, labels) or "; correct the cell, or add the class to `labels`"
    if label not in map(str, range(len(labels))):
        return "; write names, not numbers"
    names = ", ".join(f"{number}: {name!r}" for number, name in enumerate(labels[:4])) + ", ..." * (len(labels) > 4)
    return f"; write names, not numbers: if 0 is {labels[0]!r}, in pandas rows[{gold!r}] = rows[{gold!r}].map({{{names}}})"


def _gold(column: pd.Series[Any], name: str, labels: list[str], index: pd.Index) -> pd.Series[Any] | None:
    """Return class indexes, -1 where the cell is empty; None where every cell is."""
    codes, values = pd.factorize(column)
    known = {label: number for number, label in enumerate(labels)}
    numbers = np.full(len(values) + 1, ABSTAIN, np.int16)  # the last one serves code -1: missing
    for place, value in enumerate(values.tolist()):
        label = class_name(value, known)
        if label and label not in known:
            row = int(np.flatnonzero(codes == place)[0])
            raise WorkbenchError(
                f"gold column {name!r} is {shorten(label)} on row {row + 1} (id {index[row]!r}); "
                f"allowed are {listed(labels)}, or an empty cell{_unlike(label, name, labels)}"
            )
        numbers[place] = known.get(label, ABSTAIN)
    gold = numbers[codes]
    return pd.Series(gold, index=index) if (gold != ABSTAIN).any() else None


def class_name(value: Any, known: Container[str]) -> str:
    """Return the class name a cell stands for: its text, or "1" for "1.0" where that is a class, as gaps make numbers."""
    label = cell_text(value)
    whole = label.removesuffix(".0")
    return whole if label not in known and whole in known else label


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"
