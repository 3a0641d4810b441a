"""The training set before it is written: what filters keep and lose, how right it is, its rows, its card, a file of it."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.export import (
    FORMATS,
    Candidates,
    Filters,
    card,
    in_columns,
    manifest_of,
    passing,
    quality,
    thresholds,
    write_table,
)
from workbench.io.names import shortened
from workbench.project.label_model import row_in_words
from workbench.project.runs import Run
from workbench.project.steps.export import asked, make_filters, of_run, provenance_of_run
from workbench.project.task import Task
from workbench.tables import ABSTAIN, SPLITS

__all__ = ["FORMATS", "Candidates", "Filters", "asked", "make_filters", "of_run", "thresholds"]

DOWNLOADED: Final = 200_000  # rows at most: more are written to a folder
TOLD: Final = 20  # valid rows from which an accuracy is drawn
_LENGTH: Final = 300  # characters of a row that are shown
_MOST: Final = 0.5  # a class that keeps a smaller share of its rows has lost most of them


def warm(rows: Candidates) -> None:
    """Compute what filters look at, so that the first click is as fast as the others."""
    passing(rows, Filters(min_agreement=0.5, min_confidence=0.5, exclude_review=True, hard_labels=True))
    thresholds(rows, Filters())


@dataclass(frozen=True)
class Chosen:
    """What filters keep.

    kept: bool[n]. rows: how many these are, of so many in the splits. removed: rows by filter. classes: one line a class that
    is to be exported, with before, kept (rows of that label), share_before, share_kept. quality: as the room measures it.
    """

    kept: NDArray[np.bool_]
    rows: int
    of: int
    removed: Mapping[str, int]
    classes: pd.DataFrame
    quality: Mapping[str, Any]


def choose(rows: Candidates, filters: Filters) -> Chosen:
    """Return what the filters keep of the rows, with its balance and how right it is."""
    kept, removed = passing(rows, filters)
    n = int(np.count_nonzero(kept))
    return Chosen(
        kept, n, n + sum(removed.values()) - removed["splits"], removed, _balance(rows, filters, kept), quality(rows, filters)
    )


def _balance(rows: Candidates, filters: Filters, kept: NDArray[np.bool_]) -> pd.DataFrame:
    """Return rows by class, and before the filters that judge a label: agreement, confidence and review."""
    asked_for = Filters(filters.splits, filters.covered_only, classes=filters.classes, slices=filters.slices)
    shown = [name for name in rows.labels if filters.classes is None or name in filters.classes]
    places = [rows.labels.index(name) for name in shown]
    table = pd.DataFrame(index=pd.Index(shown, name="class"))
    for name, mask in (("before", passing(rows, asked_for)[0]), ("kept", kept)):
        counts = np.bincount(rows.label[mask] + 1, minlength=len(rows.labels) + 1)[1:][places]
        table = table.assign(**{name: counts, f"share_{name}": counts / max(counts.sum(), 1)})
    return table[["before", "kept", "share_before", "share_kept"]]


def doubts(rows: Candidates, chosen: Chosen) -> list[str]:
    """Return in words what is wrong with the choice: classes that lose most of their rows, labels worse than believed."""
    found = []
    table, valid = chosen.classes, chosen.quality["valid"]
    for name in table.index[(table["kept"] < _MOST * table["before"])]:
        before, kept = table.loc[name, ["before", "kept"]]
        share, was = table.loc[name, ["share_kept", "share_before"]]
        found.append(
            f"Class {name!r} keeps {kept:,.0f} of {before:,.0f} rows and is {share:.1%} of the set, before it was {was:.1%}: "
            "a model that learns from this set takes it for that rare."
        )
    believed = chosen.quality["expected"]
    if valid["n"] >= TOLD and believed is not None and believed > valid["interval"][1]:
        found.append(
            f"The label model believes that {believed:.1%} of the labels are right; on {valid['n']:,} valid rows it is at most "
            f"{valid['interval'][1]:.1%}. Go by what is measured, and review rows: they calibrate the model."
        )
    return found


def without_label(rows: Candidates, kept: NDArray[np.bool_]) -> int:
    """Return how many of the kept rows have no label: their classes tie, or no function votes."""
    return int(np.count_nonzero(kept & (rows.label == ABSTAIN)))


def previewed(rows: Candidates, kept: NDArray[np.bool_]) -> int:
    """Return how many of the kept rows can be shown: test rows stay out of sight."""
    return int(np.count_nonzero(_in_sight(rows, kept)))


def _in_sight(rows: Candidates, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(kept & (rows.split != SPLITS.index("test")))


def preview(rows: Candidates, kept: NDArray[np.bool_], start: int, size: int) -> tuple[pd.DataFrame, int]:
    """Return some of the kept rows with their votes, by id, and of how many; test rows stay out of sight.

    Columns: row, label, confidence, agreement, votes (functions by class), review.
    """
    shown = np.flatnonzero(_in_sight(rows, kept))
    page = shown[start : start + size]
    lines = {
        "row": [shortened(row_in_words(rows.dataset, int(place)), _LENGTH) for place in page],
        "label": [rows.labels[label] if label != ABSTAIN else "" for label in rows.label[page]],
        "confidence": rows.confidence[page],
        "agreement": rows.agreement[page],
        "votes": [_votes_as_text(rows, place) for place in page],
        "review": rows.needs_review[page],
    }
    return pd.DataFrame(lines, index=rows.dataset.ids[page]), len(shown)


def _votes_as_text(rows: Candidates, place: int) -> str:
    vote, by_class = rows.votes.votes[place], dict[str, list[str]]()
    for j in np.flatnonzero(vote != ABSTAIN):
        by_class.setdefault(rows.labels[vote[j]], []).append(rows.votes.lfs[j])
    return "; ".join(f"{label}: {', '.join(names)}" for label, names in by_class.items())


def card_text(task: Task, run: Run, rows: Candidates, filters: Filters, chosen: Chosen) -> str:
    """Return the card as it will be written with the formats of the task's `[export]`."""
    said = provenance_of_run(run) | {"filters": asdict(filters) | {"removed": chosen.removed}, "quality": chosen.quality}
    formats, escape = task.export.get("formats", FORMATS), task.export.get("escape_formulas", True)
    return card(rows, chosen.kept, manifest_of(rows, chosen.kept, said, formats, run.about["notes"], escape))


def as_file(task: Task, rows: Candidates, chosen: Chosen, kind: str, hard: bool) -> bytes:
    """Return the kept rows as one file of a format, byte for byte as a folder holds it."""
    frame = in_columns(rows.frame(chosen.kept), rows.labels, hard)
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        path = Path(folder) / f"train.{kind}"
        write_table(frame, path, task.export.get("escape_formulas", True))
        return path.read_bytes()


def new_place(run: Run) -> Path:
    """Return a folder beside the run's own export that is not there yet."""
    taken = [path.name for path in run.folder.glob("export-*")]
    numbers = [int(found.group(1)) for name in taken if (found := re.fullmatch(r"export-(\d+)", name))]
    return run.folder / f"export-{max(numbers, default=1) + 1}"


def differing(task: Task, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of `[export]` that are other than those of the task's, defaults included."""
    now = {**asdict(make_filters(task)), "formats": FORMATS, **task.export}
    same = {name: list(now[name] or ()) if isinstance(value, list) else now[name] for name, value in settings.items()}
    return {name: value for name, value in settings.items() if value != same[name]}


def command(task: Task, run: Run, folder: str, settings: Mapping[str, Any]) -> str:
    """Return the command that writes the same set; settings: of `[export]`, where they differ from the task's."""
    words = ["workbench", "export", str(task.folder), "--run", run.id, "--to", folder]
    for name, value in settings.items():
        option = f"--{_OPTIONS.get(name, name).replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        elif name == "formats":
            words += [word for one in value for word in (option, one)]
        else:
            words += [option, _in_a_word(value)]
    return shlex.join(words)


_OPTIONS: Final = {"formats": "format"}


def _in_a_word(value: Any) -> str:
    return ",".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else f"{value:g}"
