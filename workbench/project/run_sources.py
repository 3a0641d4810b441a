"""What a run keeps of where it came from: the code of its functions, and of each row a hash, its split and its class."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.io.files import check_format, write_frame, write_json
from workbench.io.kept import read_kept
from workbench.io.readers import read_frame
from workbench.lfs import LabelingFunction
from workbench.project.catalogue import source_of
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset

FUNCTIONS: Final = "functions.json"
ROWS: Final = "rows.parquet"


def keep_sources(folder: Path, task: Task, functions: Iterable[LabelingFunction], rows: Dataset) -> None:
    """Write functions.json and rows.parquet into the folder of a run.

    Of a function: kind, place, reason, fingerprint and source, which is its statement in a Python file or its table in
    rules.toml, '' where neither is found. `files`: the Python files of the folder of functions, as functions reach beyond
    their own lines.
    """
    kept = {
        one.name: {
            "kind": one.kind,
            "place": one.place,
            "reason": one.reason,
            "fingerprint": one.fingerprint,
            "source": source_of(task, one.place),
        }
        for one in functions
    }
    paths = [] if task.functions_folder is None else sorted(task.functions_folder.glob("[!.]*.py"))
    files = {path.name: path.read_text(encoding="utf-8-sig") for path in paths}
    write_json(folder / FUNCTIONS, {"format": 1, "functions": kept, "files": files})
    names = np.array([*rows.labels, ""], dtype=object)  # the last one is of -1
    gold = "" if rows.gold is None else names[rows.gold.to_numpy()]
    table = {"id": rows.ids, "hash": rows.row_hashes, "split": rows.split.to_numpy(), "gold": gold}
    write_frame(pd.DataFrame(table).astype({"split": "str", "gold": "str"}), folder / ROWS)


def kept_functions(run: Run) -> dict[str, Any]:
    """Return {functions: by name, files: by name} as `keep_sources` wrote them; both empty in runs of earlier versions."""
    path = run.folder / FUNCTIONS
    if not path.exists():
        return {"functions": {}, "files": {}}
    found = read_kept(path, functions=dict, files=dict)
    check_format(found, path)
    return found


def kept_rows(run: Run) -> pd.DataFrame | None:
    """Return hash, split and gold ('' where nobody knows) of each row by id; None in runs of earlier versions."""
    path = run.folder / ROWS
    return read_frame(path, text_columns=["id"])[0].set_index("id") if path.exists() else None
