"""A task: the folder with its `task.toml`, read into one frozen object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.gate import Limit, parse_limits
from workbench.io.datasets import read_dataset, read_gold
from workbench.io.files import check_format
from workbench.io.names import did_you_mean, listed
from workbench.io.toml import check_keys, expect, read_toml
from workbench.io.urls import without_secret
from workbench.lfs import LabelingFunction, load_lfs, load_rules
from workbench.lfs.load import bind
from workbench.lfs.overlooked import undecorated
from workbench.project.partitioned import Source, is_partitioned, sample_of, source_of
from workbench.project.production import PRODUCTION, with_production
from workbench.review.value import check_weights
from workbench.spec import Failure, Slice, parse_failures, parse_slices
from workbench.tables import ABSTAIN, Dataset, WorkbenchError

TABLES = ("data", "apply", "label_model", "end_model", "export", "review", "audit", "gate", "slices")
TOP = ("format", "name", "labels", "functions", "disabled", *TABLES)
DATA: dict[str, Any] = {
    **dict.fromkeys(("file", "id", "gold", "train_truth", "encoding", "delimiter"), str),
    "text": list[str],
    "hidden": list[str],
    "outcomes": list[str],
    "split": (str, dict),
    **dict.fromkeys(("partitioned", "skip_unreadable"), bool),
    **dict.fromkeys(("partition_rows", "sample"), int),
}
REVIEW: dict[str, Any] = {"url": str, "double": float, "failure_modes": list[str], "weights": dict}
MAPPED = ("text", "id", "split", "gold", "encoding", "delimiter")
AUDIT: dict[str, Any] = {"tolerated": float}


@dataclass(frozen=True)
class Task:
    """What `task.toml` says. apply, label_model, end_model and export hold settings that go to constructors as they stand.

    disabled: names of functions that are not to vote. review: `url` of the record of decisions, and `double`, the share of rows
    that two reviewers label. audit: `tolerated`, the share of labels that may be wrong. gate: what a run is held against.
    """

    folder: Path
    name: str
    labels: tuple[str, ...]
    functions_folder: Path | None
    data: Mapping[str, Any]
    apply: Mapping[str, Any]
    label_model: Mapping[str, Any]
    end_model: Mapping[str, Any]
    export: Mapping[str, Any]
    review: Mapping[str, Any]
    slices: tuple[Slice, ...]
    disabled: tuple[str, ...] = ()
    audit: Mapping[str, Any] = field(default_factory=dict)
    gate: tuple[Limit, ...] = ()

    @property
    def rules_file(self) -> Path:
        return self.folder / "rules.toml"

    @property
    def failures_file(self) -> Path:
        return self.folder / "failures.toml"

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What must not happen to a row, read anew from `failures.toml` each time; none where there is no such file."""
        if not self.failures_file.exists():
            return ()
        document = read_toml(self.failures_file)
        check_format(document, self.failures_file)
        return parse_failures(document, str(self.failures_file), self.labels, self.slices)

    @property
    def runs_folder(self) -> Path:
        return self.folder / "runs"

    @property
    def partitioned(self) -> bool:
        """Whether the rows are read in partitions: they are a folder, a pattern or a URL, or `[data]` says so."""
        return is_partitioned(self.folder, self.data)

    def source(self) -> Source:
        """Return the partitions of the rows."""
        return source_of(self.folder, self.labels, self.data)

    @property
    def row_files(self) -> tuple[Path, ...]:
        """The files that `dataset` reads; the second need not be there."""
        return self.folder / self.data["file"], self.folder / PRODUCTION

    def dataset(self) -> tuple[Dataset, list[str]]:
        """Read the rows, with those taken in from production, and the counted warnings of the reader.

        Of rows in partitions a sample is read; that of `partitioned.py`.
        """
        if self.partitioned:
            dataset, warnings = sample_of(self.folder, self.source())
        else:
            settings = {key: value for key, value in self.data.items() if key in MAPPED}
            dataset, warnings = read_dataset(self.folder / self.data["file"], labels=self.labels, **settings)
        dataset, more = with_production(self.folder, dataset)
        return dataset, warnings + more

    def visible(self, dataset: Dataset) -> Dataset:
        """Return the rows without their hidden columns, for functions and models; slices may read them all."""
        hidden = self.data.get("hidden", [])
        for name in hidden:
            if name not in dataset.frame.columns or name in dataset.text:
                known = listed([column for column in dataset.frame.columns if column not in dataset.text])
                raise WorkbenchError(
                    f"{self.folder / 'task.toml'} [data] hides {name!r}; columns that can be hidden are {known}"
                )
        return replace(dataset, frame=dataset.frame.drop(columns=list(hidden)))

    def train_truth(self, dataset: Dataset) -> pd.Series[Any]:
        """Return the known classes of the train rows by id, from the rows and the file `train_truth`; ABSTAIN elsewhere.

        The file is kept apart so that nothing but the ceiling can learn from it.
        """
        known = pd.Series(ABSTAIN, index=dataset.ids, dtype=np.int16) if dataset.gold is None else dataset.gold
        known = known.where(dataset.split == "train", ABSTAIN)
        if "train_truth" not in self.data:
            return known
        path = self.folder / self.data["train_truth"]
        if "id" not in self.data or "gold" not in self.data:
            raise WorkbenchError(
                f"{path} is joined by id: name the columns `id` and `gold` under [data] in {self.folder / 'task.toml'}"
            )
        found = read_gold(path, labels=self.labels, id=self.data["id"], gold=self.data["gold"])
        strange = found.index.difference(dataset.ids[(dataset.split == "train").to_numpy()], sort=False)
        if len(strange):
            raise WorkbenchError(
                f"{path} has the id {strange[0]!r}, which is no train row of {self.data['file']}; take its line out"
            )
        told = found.reindex(dataset.ids, fill_value=ABSTAIN)
        for row in known.index[(known != told) & (known != ABSTAIN) & (told != ABSTAIN)]:
            here, there = self.labels[told[row]], self.labels[known[row]]
            raise WorkbenchError(
                f"{path} calls {row!r} {here!r}, and {self.data['file']} calls it {there!r}; correct one, or empty its cell"
            )
        return known.where(known != ABSTAIN, told)

    def functions(self) -> list[LabelingFunction]:
        """Load the functions of folder and rules.toml that are not off, bound to the labels; a name given twice is refused."""
        text = self.data["text"]
        found: list[LabelingFunction] = []
        if self.functions_folder is not None:
            if not self.functions_folder.is_dir():
                raise WorkbenchError(
                    f"there is no folder {self.functions_folder}, which `functions` in {self.folder / 'task.toml'} names; "
                    "write where they are"
                )
            found += load_lfs(self.functions_folder, labels=self.labels, text=text)
        if self.rules_file.exists():
            found += load_rules(self.rules_file, labels=self.labels, text=text)
        if not found and (forgotten := self.undecorated()):
            raise WorkbenchError(forgotten[0])
        if not found:
            raise WorkbenchError(
                f"task {self.name!r} has no labeling function; write a rule in {self.rules_file}, or name a folder of Python "
                f"functions under `functions` in {self.folder / 'task.toml'}"
            )
        return self._not_off(bind(found, self.labels, text))

    def undecorated(self) -> list[str]:
        """Return in words which functions of the folder seem to lack their decorator."""
        return [] if self.functions_folder is None else undecorated(self.functions_folder)

    def _not_off(self, functions: list[LabelingFunction]) -> list[LabelingFunction]:
        names = [function.name for function in functions]
        where = f"`disabled` in {self.folder / 'task.toml'}"
        for name in self.disabled:
            if name not in names:
                known = did_you_mean(name, names) or f"; they are {listed(names)}"
                raise WorkbenchError(
                    f"{where} names {name!r}, which is no function of the task{known}; correct it or take it out"
                )
        if set(names) <= set(self.disabled):
            raise WorkbenchError(f"{where} switches every function off; take out those that are to vote")
        return [function for function in functions if function.name not in self.disabled]

    def disabled_in_words(self) -> list[str]:
        """Return one sentence about the functions that are off, none where all vote."""
        return [f"Switched off, so without a vote: {listed(self.disabled)}."] if self.disabled else []


def load_task(path: str | Path) -> Task:
    """Read a task folder or its task.toml; an unknown or missing key names the nearest known one."""
    file = Path(path) / "task.toml" if Path(path).is_dir() else Path(path)
    if not file.is_file() or file.suffix != ".toml":
        raise WorkbenchError(no_task(Path(path)))
    document = read_toml(file)
    check_format(document, file)
    check_keys(document, TOP, str(file))
    data = expect(document, "data", dict, str(file))
    where = f"{file} [data]"
    check_keys(data, DATA, where)
    expect(data, "file", str, where)
    for key, kind in DATA.items():
        expect(data, key, kind, where, None)
    functions = expect(document, "functions", str, str(file), None)
    review = expect(document, "review", dict, str(file), {})
    _check_review(review, f"{file} [review]")
    apply = expect(document, "apply", dict, str(file), {})
    for key, address in {"file": data["file"], **apply}.items():
        if isinstance(address, str):
            without_secret(address, f"{key} in {file}")
    audit = expect(document, "audit", dict, str(file), {})
    _check_audit(audit, f"{file} [audit]")
    return Task(
        folder=file.parent,
        name=expect(document, "name", str, str(file), file.parent.name),
        labels=_check_labels(expect(document, "labels", list[str], str(file)), str(file)),
        functions_folder=None if functions is None else (file.parent / functions).resolve(),
        data={**data, "text": tuple(expect(data, "text", list[str], where, ["text"]))},
        apply=apply,
        label_model=expect(document, "label_model", dict, str(file), {}),
        end_model=expect(document, "end_model", dict, str(file), {}),
        export=expect(document, "export", dict, str(file), {}),
        review=review,
        slices=parse_slices(expect(document, "slices", dict, str(file), {}), f"{file} [slices]"),
        disabled=tuple(dict.fromkeys(expect(document, "disabled", list[str], str(file), []))),
        audit=audit,
        gate=parse_limits(expect(document, "gate", dict, str(file), {}), f"{file} [gate]"),
    )


def no_task(path: Path) -> str:
    """Return why a path is no task, with the nearest one that is."""
    if path.is_file():
        return f"{path} is no task, but a file; give the folder that holds task.toml"
    around = {name for root in (path.parent, Path("data"), path, path / "data") for name in map(str, find_tasks(root))}
    near = did_you_mean(path, around) or (f"; tasks are {listed(sorted(around))}" if around else "")
    way_out = near or f" from {Path.cwd()}; make one with `workbench new {path} --from FILE`"
    return f"{path} is no task: there is no {path / 'task.toml'}{way_out}"


def _check_labels(labels: list[str], where: str) -> tuple[str, ...]:
    """Refuse labels that are fewer than two, or that repeat."""
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise WorkbenchError(f"labels in {where} are {listed(labels) or 'none'}; give at least two, each of them once")
    return tuple(labels)


def _check_review(review: Mapping[str, Any], where: str) -> None:
    check_keys(review, REVIEW, where)
    for key, kind in REVIEW.items():
        expect(review, key, kind, where, None)
    check_weights(review.get("weights", {}), where.replace("[review]", "[review.weights]"))
    if not 0 <= review.get("double", 0) <= 1:
        raise WorkbenchError(f"double in {where} is {review['double']}; it is a share of the rows, 0 to 1")


def _check_audit(audit: Mapping[str, Any], where: str) -> None:
    check_keys(audit, AUDIT, where)
    tolerated = expect(audit, "tolerated", float, where, 0.05)
    if not 0 < tolerated < 1:
        raise WorkbenchError(f"tolerated in {where} is {tolerated}; it is the share of labels that may be wrong, such as 0.05")


def find_tasks(folder: str | Path) -> list[Path]:
    """Return the task folders below a folder such as `data`, by name."""
    return sorted(file.parent for file in Path(folder).glob("[!.]*/task.toml"))


def build(kind: type, settings: Mapping[str, Any], where: str, also: Mapping[str, Any] | None = None) -> Any:
    """Construct an estimator from settings; an unknown one names the nearest known, a value of the wrong kind is refused.

    also: keys of the table that are none of its settings, with their kinds.
    """
    from inspect import signature

    others = also or {}
    parameters = signature(kind).parameters
    check_keys(settings, [*others, *parameters], where)
    for key in settings:
        wanted = others[key] if key in others else _kind_of(parameters[key].default)
        if wanted is not None:
            expect(settings, key, wanted, where)
    with named(where):
        return kind(**{key: value for key, value in settings.items() if key not in others})


@contextmanager
def named(where: str) -> Iterator[None]:
    """Begin what is refused in this block with the place of its setting."""
    try:
        yield
    except WorkbenchError as error:
        raise WorkbenchError(f"{where}: {error}") from error


def _kind_of(default: Any) -> Any:
    """Return the kind of a setting, told by its default; None where any value may come."""
    return None if default is None else list if isinstance(default, tuple) else type(default)


def settings_of(estimator: Any) -> dict[str, Any]:
    """Return the settings an estimator was constructed with, defaults included."""
    from inspect import signature

    return {name: getattr(estimator, name) for name in signature(type(estimator)).parameters}
