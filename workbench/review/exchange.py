"""Decisions as a CSV or JSONL file, one entry a line, and back."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from workbench.io.files import OddJson, parsed_json, read_bytes, write_frame
from workbench.io.formulas import as_written, is_spreadsheet, without_formulas
from workbench.io.names import listed
from workbench.review.decision import Decision, from_cells
from workbench.review.record import Record
from workbench.tables import WorkbenchError

SUFFIXES: Final = (".csv", ".jsonl")


def check_suffix(path: Path) -> None:
    """Refuse a file of a kind that decisions are not written as."""
    if path.suffix.lower() not in SUFFIXES:
        raise WorkbenchError(f"{path} ends in {path.suffix!r}; decisions are written and read as {listed(SUFFIXES)}")


def write_decisions(record: Record, path: Path, escape_formulas: bool = True) -> int:
    """Write every entry of a record, undos too, in their order, and return how many there are.

    escape_formulas: in CSV, text that a spreadsheet would run gets a leading apostrophe, which `read_decisions` takes away.
    """
    check_suffix(path)
    table = record.decisions().rename_axis(None)
    write_frame(without_formulas(table) if is_spreadsheet(path) and escape_formulas else table, path)
    return len(table)


def read_decisions(path: Path) -> list[tuple[int, Decision]]:
    """Return the entries of a file with the line each starts on, as `write_decisions` wrote them or from elsewhere.

    A line from elsewhere needs row, reviewer and label; its id is a hash of the line, so that it is stored once however often
    it is read. Raises WorkbenchError naming file, line, column and value.
    """
    check_suffix(path)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkbenchError(f"{path} is not UTF-8 text: byte {error.start} cannot be read; save the file as UTF-8") from None
    found = []
    for line, cells in _json_lines(path, text) if path.suffix.lower() == ".jsonl" else _csv_lines(path, text):
        said = json.dumps(cells, sort_keys=True, ensure_ascii=False)
        known = {"id": hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]}
        if cells.get("label"):
            known["kind"] = "label"
        try:
            found.append((line, from_cells(cells, known)))
        except WorkbenchError as error:
            raise WorkbenchError(f"{path}, line {line}: {error}") from None
    return found


def _csv_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not header:
                header = cells
                twice = [name for name in header if header.count(name) > 1]
                if twice:
                    raise WorkbenchError(f"{path} has the column {twice[0]!r} twice; take one out")
            elif cells:
                if len(cells) != len(header):
                    raise WorkbenchError(
                        f"{path}, line {line} has {len(cells)} cells, but the header has {len(header)}; mend it"
                    )
                told = map(as_written, cells) if "id" in header else cells  # a file of ours has ids
                yield line, dict(zip(header, told, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise WorkbenchError(f"{path}, line {line} is not valid CSV: {error}; a quoted cell ends with a quote") from None


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, said in enumerate(text.split("\n"), start=1):
        if not said.strip():
            continue
        try:
            cells = parsed_json(said)
        except json.JSONDecodeError as error:
            raise WorkbenchError(f"{path}, line {line} is not valid JSON: {error.msg} at column {error.colno}") from None
        except OddJson as error:
            raise WorkbenchError(f"{path}, line {line}: {error}") from None
        if not isinstance(cells, dict):
            raise WorkbenchError(f"{path}, line {line} is {said[:40]}, not an object; write one decision a line")
        yield line, cells
