"""A training set of more rows than fit one machine: files of one partition each, and one manifest and card for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from workbench.export.card import card
from workbench.export.hugging_face import FORMAT_NAME, file_of, head, tables_by_file
from workbench.export.private import private_facts
from workbench.export.rows import Candidates, Mask
from workbench.export.write import FORMATS, check, in_columns, manifest_of, write_table
from workbench.io.files import atomic_write, sha256, write_json, write_text
from workbench.tables import ABSTAIN, WorkbenchError

_ALL: Final = "-00000-of-00001"


def write_part(
    folder: Path,
    number: int,
    rows: Candidates,
    kept: Mask,
    *,
    hard: bool,
    formats: Sequence[str] = FORMATS,
    escape_formulas: bool = True,
) -> dict[str, Any]:
    """Write the rows of one partition that are kept, bool[n], each file whole or not at all; return what the manifest needs.

    Files are `train-<number>.<format>`; of `hf`, `data/<split>-<number>.parquet`.
    """
    label = rows.label[kept]
    facts: dict[str, Any] = {"rows": int(kept.sum()), "files": [], "columns": []}
    facts["classes"] = np.bincount(label[label != ABSTAIN], minlength=len(rows.labels)).tolist()
    facts["private"] = private_facts(rows.private, kept, rows.mask) if rows.mask else None
    if not kept.any():
        return facts
    frame = rows.frame(kept)
    tables = tables_by_file(frame, rows.labels, hard) if FORMAT_NAME in formats else {}
    frame = in_columns(frame, rows.labels, hard)
    for kind in dict.fromkeys(name for name in formats if name != FORMAT_NAME):
        path = folder / f"train-{number:05d}.{kind}"
        write_table(frame, path, escape_formulas)
        facts["files"].append(_about(folder, path, len(frame)))
    for name, table in tables.items():
        path = folder / name.replace(_ALL, f"-{number:05d}")
        with atomic_write(path) as temporary:
            pq.write_table(table, temporary)
        facts["files"].append(_about(folder, path, len(table)))
    facts["columns"] = [{"name": name, "type": str(kind)} for name, kind in frame.reset_index().dtypes.items()]
    return facts


def _about(folder: Path, path: Path, rows: int) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    return {"name": name, "sha256": sha256(path), "bytes": path.stat().st_size, "rows": rows}


def finish_parts(
    folder: Path,
    parts: Sequence[Mapping[str, Any]],
    sample: Candidates,
    kept: Mask,
    *,
    provenance: Mapping[str, Any],
    formats: Sequence[str] = FORMATS,
    warnings: Sequence[str] = (),
    escape_formulas: bool = True,
) -> int:
    """Write manifest.json and the card beside the files of all partitions; return how many rows there are.

    parts: what `write_part` returned, in the order of the partitions. sample: rows that stand for all, of which the card tells;
    kept: those that pass the filters, bool[n].
    """
    check(formats, provenance)
    rows: int = sum(part["rows"] for part in parts)
    if not rows:
        raise WorkbenchError("no row is left to export; loosen the filters, or add functions that cover more rows")
    manifest = manifest_of(sample, kept, provenance, formats, warnings, escape_formulas)
    files = [file for part in parts for file in part["files"]]
    classes = np.sum([part["classes"] for part in parts], axis=0).tolist()
    manifest |= {"rows": rows, "files": files, "classes": dict(zip(sample.labels, classes, strict=True))}
    manifest["columns"] = next(part["columns"] for part in parts if part["columns"])
    manifest["described_rows"] = int(kept.sum())  # of the sample: what the card and, unless masked, `private` tell of
    if sample.mask:
        manifest["private"] = _private(parts)
    write_json(folder / "manifest.json", manifest)
    said = _opening(rows, len(parts), int(kept.sum())) + card(sample, kept, manifest)
    if any(name != FORMAT_NAME for name in formats):
        write_text(folder / "card.md", said)
    if FORMAT_NAME in formats:
        shown = tables_by_file(sample.frame(kept), sample.labels, bool(provenance["filters"].get("hard_labels")))
        tables = {file_of(split).replace(_ALL, "-*"): table for split, table in _by_split(shown).items()}
        write_text(folder / "README.md", head(tables, sample.labels) + said)
    return rows


def _by_split(tables: Mapping[str, Any]) -> dict[str, Any]:
    names = {"validation": "valid"}
    splits = {name: name.removeprefix("data/").partition("-")[0] for name in tables}
    return {names.get(split, split): tables[name] for name, split in splits.items()}


def _private(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, int] = {}
    for part in parts:
        for kind, n in part["private"]["found"].items():
            found[kind] = found.get(kind, 0) + n
    return {"masked": True, "rows": sum(part["private"]["rows"] for part in parts), "found": found}


def _opening(rows: int, files: int, described: int) -> str:
    told = f"an even sample of {described:,} of them; `manifest.json` counts all" if described < rows else "them all"
    return f"> {rows:,} rows in files of {files:,} partitions. What follows tells of {told}.\n\n"
