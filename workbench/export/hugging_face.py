"""A training set as a Hugging Face dataset folder, which `datasets.load_dataset(folder)` reads: Parquet and a README.md.

One file a split, with the dataset's own columns, `label` as a class index (-1 where there is none), `probabilities` in the
order of the classes, and what the other formats say of a row but for the single votes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench.tables import SPLITS

FORMAT_NAME: Final = "hf"
_SPLIT_NAMES: Final = {"train": "train", "valid": "validation", "test": "test"}
_TYPES: Final = {"large_string": "string", "double": "float64", "float": "float32", "halffloat": "float16"}


def file_of(split: str) -> str:
    """Return the path of a split inside the folder."""
    return f"data/{_SPLIT_NAMES[split]}-00000-of-00001.parquet"


def tables_by_file(frame: pd.DataFrame, labels: Sequence[str], hard: bool) -> dict[str, pa.Table]:
    """Return the table of each split that has rows, by its path; frame: of `Candidates`, hard: without probabilities."""
    first = list(frame.columns).index("split") + 1  # by place: the dataset may have a column p_value of its own
    own, probs = frame.iloc[:, : first - 1], frame.iloc[:, first : first + len(labels)].to_numpy(np.float64)
    facts = frame.iloc[:, first + len(labels) :]
    facts = facts.drop(columns=[name for name in facts if str(name).startswith("lf:")] + ["entropy"] * hard)
    codes = pd.Index(labels).get_indexer(pd.Index(facts["label"], dtype=object))
    rows = pd.concat([own.rename(columns={"probabilities": "data:probabilities"}), facts.assign(label=codes)], axis=1)
    table = pa.Table.from_pandas(rows.reset_index(), preserve_index=False).replace_schema_metadata(None)
    if not hard:
        ends = np.arange(0, probs.size + 1, len(labels), dtype=np.int32)
        lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(probs.ravel()))
        table = table.add_column(table.column_names.index("label") + 1, "probabilities", lists)
    split = frame["split"].to_numpy()
    return {file_of(name): table.filter(pa.array(split == name)) for name in SPLITS if (split == name).any()}


def head(tables: Mapping[str, pa.Table], labels: Sequence[str]) -> str:
    """Return the YAML before the card: which file is which split, and the type of each column."""
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for path in tables:
        lines += [f"  - split: {path.removeprefix('data/').partition('-')[0]}", f"    path: {path}"]
    lines += ["dataset_info:", "  features:"]
    for column in next(iter(tables.values())).schema:
        lines += [f"  - name: {_quoted(column.name)}", *(f"    {line}" for line in _type_lines(column, labels))]
    return "\n".join([*lines, "---", "", ""])


def _type_lines(column: pa.Field, labels: Sequence[str]) -> list[str]:
    if column.name == "label":
        return ["dtype:", "  class_label:", "    names:", *(f"      '{c}': {_quoted(name)}" for c, name in enumerate(labels))]
    if pa.types.is_list(column.type):
        return [f"sequence: {_type_name(column.type.value_type)}"]
    return [f"dtype: {_type_name(column.type)}"]


def _type_name(kind: Any) -> str:
    return _TYPES.get(str(kind), str(kind))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is one of YAML
