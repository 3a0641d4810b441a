"""`workbench report`: a run as one page that a manager reads, and as Markdown of the same facts."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from workbench.io.files import write_text
from workbench.project.reporting import facts_of
from workbench.project.runs import Run, find_run, newest_run
from workbench.project.steps.fit import Report as Progress
from workbench.project.task import Task
from workbench.report import document_of, to_html, to_markdown
from workbench.report.blocks import Document
from workbench.tables import WorkbenchError
from workbench.text.private import redact

FOLDER: Final = "reports"
WRITERS: Final = {".html": to_html, ".md": to_markdown}


def report(
    task: Task,
    run_id: str | None = None,
    *,
    weekly: bool = False,
    to: Path | None = None,
    unredacted: bool = False,
    progress: Progress = lambda *_: None,
) -> list[Path]:
    """Write the report of a run, of the newest with scores unless one is named, and return the files.

    to: one file, `.html` or `.md`; without it both, under `reports` in the task's folder, named after the run or, weekly, after
    the ISO week (UTC). No other content is ever overwritten: the default takes the next free name, `to` is refused.
    """
    if to is not None and to.suffix.lower() not in WRITERS:
        raise WorkbenchError(f"{to} ends in {to.suffix!r}; a report is written as .html or .md")
    run = run_to_report(task, run_id)
    week = datetime.now(UTC).strftime("%G-W%V") if weekly else ""
    document = _document(task, run, week, unredacted, progress)
    if to is not None:
        content = WRITERS[to.suffix.lower()](document)
        if _other(to, content):
            raise WorkbenchError(f"{to} exists already and holds something else; choose another name, or remove it first")
        write_text(to, content)
        return [to]
    contents = {suffix: write(document) for suffix, write in WRITERS.items()}
    folder, name = task.folder / FOLDER, week or run.id
    stems = (name if n == 1 else f"{name}-{n}" for n in count(1))
    stem = next(one for one in stems if not any(_other(folder / f"{one}{suffix}", told) for suffix, told in contents.items()))
    paths = []
    for suffix, content in contents.items():
        paths.append(folder / f"{stem}{suffix}")
        write_text(paths[-1], content)
    return paths


def report_html(task: Task, run: Run) -> str:
    """Return the page of a run, redacted, without writing anything; it takes as long as the command, some ten seconds."""
    return to_html(_document(task, run, "", False, lambda *_: None))


def run_to_report(task: Task, run_id: str | None = None) -> Run:
    """Return a run by its id, else the newest with scores, else the newest with votes."""
    if run_id is not None:
        return find_run(task, run_id)
    return newest_run(task, "metrics.json") or find_run(task, holding="votes.parquet")


def _document(task: Task, run: Run, week: str, unredacted: bool, progress: Progress) -> Document:
    dataset, _ = task.dataset()
    return document_of(facts_of(task, run, dataset, week=week, redact=None if unredacted else redact, progress=progress))


def _other(path: Path, content: str) -> bool:
    """Return whether a file stands there that holds something else."""
    return path.exists() and (not path.is_file() or path.read_bytes() != content.encode("utf-8"))
