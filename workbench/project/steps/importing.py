"""`workbench import`: a task from rows that came with votes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.io.crowd import read_crowd
from workbench.io.files import new_folder, write_frame, write_text
from workbench.io.wrench import Imported, read_wrench
from workbench.project.scaffold import stored_rules, task_toml


def import_wrench(src: Path | str, dest: Path | str) -> list[str]:
    """Make the task folder dest from a folder of WRENCH JSON, its stored votes as rules; return counted warnings."""
    found = read_wrench(src)
    tabular = not found.text
    return _write(found, Path(dest), {"features": [] if tabular else None, "columns": found.columns if tabular else []})


def import_crowd(labels_csv: Path | str, truth_csv: Path | str | None, dest: Path | str) -> list[str]:
    """Make the task folder dest from crowd votes, one rule a worker and nothing to train on; return counted warnings."""
    return _write(read_crowd(labels_csv, truth_csv), Path(dest), {"enabled": False, "columns": []})


def _write(found: Imported, dest: Path, end_model: Mapping[str, Any]) -> list[str]:
    """Write the task folder whole: rows with their votes, one rule a vote column, task.toml."""
    gold = "gold" if found.frame["gold"].notna().any() else None
    data = {"file": "rows.parquet", "id": "id", "text": list(found.text), "gold": gold, "split": "split"}
    rows = pd.concat([found.frame if gold else found.frame.drop(columns="gold"), found.votes], axis=1)
    with new_folder(dest) as folder:
        write_frame(rows, folder / "rows.parquet")
        write_text(folder / "rules.toml", stored_rules(found.votes.columns, found.reasons))
        write_text(folder / "task.toml", task_toml(dest.resolve().name, found.labels, data, end_model))
    return found.warnings
