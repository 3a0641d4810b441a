"""A training set on disk: the rows in one or more formats, the manifest that proves them, and the card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow.parquet as pq

from workbench import __version__
from workbench.export.card import card
from workbench.export.hugging_face import FORMAT_NAME, file_of, head, tables_by_file
from workbench.export.private import private_facts
from workbench.export.rows import Candidates, Mask
from workbench.io.files import atomic_write, new_folder, sha256, write_frame, write_json, write_text
from workbench.io.formulas import is_spreadsheet, without_formulas
from workbench.tables import SPLITS, WorkbenchError

FORMAT: Final = 1
FORMATS: Final = ("parquet", "csv", "jsonl")
#: What a manifest must say about where the labels come from: fingerprints of data and votes and of each function by name, the
#: label model with its settings and seed, the filters and the rows each removed. Any other key is kept too; `quality`, as
#: `quality` of this room gives it, also stands on the card.
PROVENANCE: Final = ("data", "votes", "functions", "model", "settings", "seed", "filters")


def write_export(
    folder: Path | str,
    rows: Candidates,
    kept: Mask,
    *,
    provenance: Mapping[str, Any],
    formats: Sequence[str] = FORMATS,
    warnings: Sequence[str] = (),
    escape_formulas: bool = True,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Path:
    """Write the rows that are kept, bool[n], with manifest.json and card.md into a new folder, whole or not at all.

    formats: of FORMATS, and `hf` for a Hugging Face dataset folder, whose README.md holds the card; card.md is for the others.

    provenance: at least the keys of PROVENANCE; where its filters say hard_labels, the set has no probabilities.
    escape_formulas: in CSV, text that a spreadsheet would run (it starts with = + - @, a tab or a carriage return) gets a
    leading apostrophe. progress: told how many files are done, how many there are, and which is next. The same input gives the
    same bytes. Raises WorkbenchError where the folder exists, no row is kept, a format is unknown or provenance lacks a key.
    """
    check(formats, provenance)
    if Path(folder).exists():
        raise WorkbenchError(f"{folder} exists already; choose another folder, or remove it first")  # before the work
    if not kept.any():
        raise WorkbenchError("no row is left to export; loosen the filters, or add functions that cover more rows")
    hard = bool(provenance["filters"].get("hard_labels"))
    frame = rows.frame(kept)
    tables = tables_by_file(frame, rows.labels, hard) if FORMAT_NAME in formats else {}
    frame = in_columns(frame, rows.labels, hard)
    manifest = manifest_of(rows, kept, provenance, formats, warnings, escape_formulas)
    flat = [file["name"] for file in manifest["files"] if file["name"] not in tables]
    with new_folder(folder) as draft:
        for done, file in enumerate(manifest["files"]):
            path, table = draft / file["name"], tables.get(file["name"])
            n = len(frame) if table is None else len(table)
            progress(done, len(manifest["files"]), f"writing {file['name']}, {n:,} rows")
            if table is None:
                write_table(frame, path, escape_formulas)
            else:
                with atomic_write(path) as temporary:
                    pq.write_table(table, temporary)
            file |= {"sha256": sha256(path), "bytes": path.stat().st_size, "rows": n}
        progress(len(manifest["files"]), len(manifest["files"]), "writing the card")
        columns = frame.reset_index().dtypes.items() if flat else _column_types(next(iter(tables.values())))
        manifest["columns"] = [{"name": name, "type": str(kind)} for name, kind in columns]
        write_json(draft / "manifest.json", manifest)
        said = card(rows, kept, manifest)
        if flat:
            write_text(draft / "card.md", said)
        if tables:
            write_text(draft / "README.md", head(tables, rows.labels) + said)
    return Path(folder)


def check(formats: Sequence[str], provenance: Mapping[str, Any]) -> None:
    """Refuse an unknown format, and provenance that lacks a key."""
    lacking = [key for key in PROVENANCE if key not in provenance]
    if lacking:
        raise WorkbenchError(f"the provenance of an export lacks {', '.join(lacking)}; it needs {', '.join(PROVENANCE)}")
    known = (*FORMATS, FORMAT_NAME)
    wrong = [name for name in formats if name not in known]
    if wrong or not formats:
        raise WorkbenchError(f"export format {wrong[0] if wrong else ''!r} is unknown; known are {', '.join(known)}")


def _column_types(table: Any) -> list[tuple[str, Any]]:
    return [(column.name, column.type) for column in table.schema]


def manifest_of(
    rows: Candidates,
    kept: Mask,
    provenance: Mapping[str, Any],
    formats: Sequence[str] = FORMATS,
    warnings: Sequence[str] = (),
    escape_formulas: bool = True,
) -> dict[str, Any]:
    """Return what a manifest says before the files are there: their checksums and columns are added when they are."""
    manifest = {"format": FORMAT, "workbench": __version__, **provenance, "rows": int(kept.sum()), "labels": list(rows.labels)}
    manifest |= {"csv_formulas_escaped": escape_formulas, "warnings": list(warnings)}
    manifest["private"] = private_facts(rows.private, kept, rows.mask)
    files = [f"train.{kind}" for kind in dict.fromkeys(formats) if kind != FORMAT_NAME]
    if FORMAT_NAME in formats:
        there = set(rows.split[kept].tolist())
        files += [file_of(split) for place, split in enumerate(SPLITS) if place in there]
    return {**manifest, "files": [{"name": name} for name in files]}


def in_columns(frame: pd.DataFrame, labels: Sequence[str], hard: bool) -> pd.DataFrame:
    """Return a frame of `Candidates` as it is exported: with hard labels it loses what only soft labels have."""
    if not hard:
        return frame
    first = list(frame.columns).index("split") + 1  # by place: the dataset may have a column p_value of its own
    soft = [*range(first, first + len(labels)), first + len(labels) + 1]
    return frame.drop(columns=frame.columns[soft])


def write_table(frame: pd.DataFrame, path: Path, escape_formulas: bool = True) -> None:
    """Write a frame by the suffix of its path; in CSV, formulas are neutralised unless told otherwise."""
    write_frame(without_formulas(frame.reset_index()) if is_spreadsheet(path) and escape_formulas else frame, path)
