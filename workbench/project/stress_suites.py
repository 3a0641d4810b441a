"""The suites of a task: what its stress.toml, its failures, its files and its rows make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workbench.io.datasets import dataset_from_frame
from workbench.io.files import check_format
from workbench.io.names import did_you_mean, listed
from workbench.io.readers import read_frame
from workbench.io.toml import read_toml
from workbench.project.failures import candidates
from workbench.project.task import Task
from workbench.spec import slice_masks
from workbench.stress import REVIEW, Settings, Suite, load_suites, parse_stress
from workbench.stress.checklist import CHANGES, direction_suite, invariance_suite, replaced, swapped
from workbench.stress.messy import messy_suite
from workbench.stress.slices import failure_suites, language_suites, late_suite, new_words_suite, rows_suite
from workbench.tables import ABSTAIN, Dataset, WorkbenchError
from workbench.text.languages import UNKNOWN, languages


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of a task, with the hidden columns, as models see them, and the held-out ones that suites are made of."""

    every: Dataset
    visible: Dataset
    held: dict[str, Dataset]  # by split: those with gold where any has

    @property
    def outside(self) -> Dataset:
        """The held-out rows of all splits, with the hidden columns."""
        ids = [id for part in self.held.values() for id in part.ids]
        return self.every.take(self.every.ids.get_indexer(pd.Index(ids, dtype="str")))

    @property
    def scored(self) -> str:
        """The split that is scored: test, or valid where only that has gold."""
        return next((split for split, part in self.held.items() if part.gold is not None), next(iter(self.held)))


def read_settings(task: Task) -> Settings:
    """Return what stress.toml in the task's folder says, or the defaults where there is none."""
    path = task.folder / "stress.toml"
    if not path.exists():
        return Settings()
    document = read_toml(path)
    check_format(document, path)
    return parse_stress(document, str(path), task.labels)


def held_rows(task: Task, settings: Settings) -> Rows:
    """Return a task's rows; of each split outside train those with gold, or all where none has, at most settings.rows."""
    every, _ = task.dataset()
    visible = task.visible(every)
    held: dict[str, Dataset] = {}
    for split in ("test", "valid"):
        part = visible.select(split)
        known = None if part.gold is None else (part.gold != ABSTAIN).to_numpy()
        part = replace(part, gold=None) if known is None or not known.any() else part.take(known)
        if len(part) > settings.rows:
            draw = np.random.default_rng(settings.seed).choice(len(part), settings.rows, replace=False)
            part = part.take(np.sort(draw))
        held |= {split: part} if len(part) else {}
    if not held:
        raise WorkbenchError(f"task {task.name!r} has no row outside train; suites are made of valid and test rows")
    return Rows(every, visible, held)


def suites_of(task: Task, settings: Settings, rows: Rows) -> list[Suite]:
    """Return the suites of rows, kind by kind; a name given twice is refused."""
    suites = [*_new_terms(settings, rows), *_failures(task, settings, rows), *_messy(settings, rows)]
    suites += [*_languages(task, settings, rows), *_checklist(settings, rows), *load_suites(task.folder / "stress")]
    suites += _out_of_scope(task, settings, rows)
    names = [*(one.name for one in suites), *(one.name for one in settings.rules_removed)]
    for name in [name for name in names if names.count(name) > 1][:1]:
        raise WorkbenchError(f"two suites of task {task.name!r} are called {name!r}; give one of them another `name`")
    return suites


def _new_terms(settings: Settings, rows: Rows) -> list[Suite]:
    """Return the suites of new words, of a task with text, and of late rows."""
    outside, train = rows.outside, rows.every.select("train")
    return [
        late_suite(one.name, outside, one.time, one.weeks) if one.time else new_words_suite(one.name, outside, train, one.share)
        for one in settings.new_terms
        if one.time or rows.every.text
    ]


def _failures(task: Task, settings: Settings, rows: Rows) -> list[Suite]:
    failures = [failure for failure in task.failures if failure.severity in settings.severities]
    found = candidates(task, failures, rows.every, None)
    masks = {name: pd.Series(mask, index=rows.every.ids) for name, mask in found.items()}
    return failure_suites(masks, {failure.name: failure.severity for failure in failures})


def _messy(settings: Settings, rows: Rows) -> list[Suite]:
    """Return the messy suites; second matters are texts of valid, whose classes are known, or else of train."""
    if not rows.every.text:
        return []
    valid = rows.held.get("valid")
    donors = rows.visible.select("train") if valid is None or valid.gold is None else valid
    return [messy_suite(one.name, one.how, one.strength, settings.seed, donors) for one in settings.messy]


def _languages(task: Task, settings: Settings, rows: Rows) -> list[Suite]:
    """Return a suite a language, by a column or the detector, and the slices that stress.toml names under [language]."""
    outside = rows.outside
    if settings.language:
        columns = list(outside.frame.columns)
        if settings.language not in columns:
            hint = did_you_mean(settings.language, columns) or f"; the rows have {listed(columns)}"
            raise WorkbenchError(f"[language] in {task.folder / 'stress.toml'} names the column {settings.language!r}{hint}")
        codes = outside.frame[settings.language].astype("object")
    else:
        told = languages(outside.texts()) if outside.text else [UNKNOWN] * len(outside)
        codes = pd.Series(told, index=outside.ids, dtype="object").replace(UNKNOWN, "")
    suites = language_suites(codes, rows.held[rows.scored].ids, settings.language_rows)
    masks = slice_masks(task.slices, rows.every) if settings.language_slices else {}
    for name in settings.language_slices:
        if name not in masks:
            hint = did_you_mean(name, masks) or f"; they are {listed(masks) or 'none'}"
            raise WorkbenchError(f"[language] in {task.folder / 'stress.toml'} names the slice {name!r}{hint}")
        suites.append(rows_suite(name, "language", f"rows of the slice {name!r}", pd.Series(masks[name], index=rows.every.ids)))
    return suites


def _checklist(settings: Settings, rows: Rows) -> list[Suite]:
    suites: list[Suite] = []
    if not rows.every.text:
        return suites
    for one in settings.invariance:
        if one.how:
            change, about = CHANGES[one.how]
        elif one.swap:
            change, about = swapped(one.swap), f"{listed(one.swap, 3)} exchanged"
        else:
            change, about = replaced(one.replace), f"{listed([old for old, _ in one.replace], 3)} replaced"
        suites.append(invariance_suite(one.name, about, change, settings.seed))
    return suites + [direction_suite(one.name, one.append, one.expect, settings.seed) for one in settings.direction]


def _out_of_scope(task: Task, settings: Settings, rows: Rows) -> list[Suite]:
    """Return the suite of a file of rows of no class, where there is one; columns that it lacks are those of train rows."""
    path = task.folder / settings.out_of_scope
    if settings.out_of_scope == Settings.out_of_scope and not path.exists():
        return []
    text = list(task.data["text"])
    frame, _ = read_frame(path, text_columns=text)
    try:
        given, _ = dataset_from_frame(frame, labels=task.labels, text=text, id="id" if "id" in frame.columns else None)
    except WorkbenchError as error:
        raise WorkbenchError(f"{path}: {error}") from None
    train = rows.visible.select("train")
    like = train.frame if len(train) else rows.visible.frame
    drawn = np.random.default_rng(settings.seed).integers(len(like), size=len(given))
    others = like.iloc[drawn].drop(columns=[name for name in like.columns if name in given.frame.columns])
    ids = pd.Index([f"{path.stem}:{id}" for id in given.ids], dtype="str")
    whole = pd.concat([given.frame.set_axis(ids, axis=0), others.set_axis(ids, axis=0)], axis=1)[list(like.columns)]
    made = Dataset(whole, task.labels, rows.visible.text)
    return [Suite("out_of_scope", "out_of_scope", f"rows of no class, from {path.name}", lambda _: made, REVIEW)]
