"""`workbench apply`: every function on every row, as `[apply]` in task.toml says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from inspect import signature
from typing import Any, Final

from workbench.apply import Tick, VoteCache, apply_lfs, check_settings
from workbench.engines import Dask, Engine, Mapper, Pool, Processes, Spark, serial
from workbench.io.names import did_you_mean, listed
from workbench.io.urls import without_secret
from workbench.lfs import LabelingFunction
from workbench.project.task import Task, build
from workbench.tables import Dataset, VoteMatrix, WorkbenchError

_OURS: Final = {"cache": bool, "max_faults": float, "chunk_rows": int, "engine": str, "scheduler": str, "store": str}

ENGINES: Final = ("processes", "dask", "spark")


def apply(
    task: Task,
    functions: Sequence[LabelingFunction],
    dataset: Dataset,
    report: Callable[[str, int, int, str], None],
    again: Collection[str] = (),
) -> tuple[VoteMatrix, dict[str, float]]:
    """Apply functions in this process, or in as many others as `workers` says, with votes kept in the task's folder.

    again: names of functions that vote anew on every row, whatever is kept of them. Returns also how many microseconds a row
    took each function that voted; one whose votes were all kept is not there.
    """
    cache = VoteCache(task.folder / "cache" / "votes.sqlite") if task.apply.get("cache", True) else None
    _forget(cache, functions, dataset, again)
    times: dict[str, float] = {}

    def progress(tick: Tick) -> None:
        if tick.rate:
            times[tick.function] = 1e6 / tick.rate
        report("apply", tick.done, tick.of, in_words(tick))

    votes = apply_lfs(functions, dataset, engine=make_engine(task), cache=cache, progress=progress, **_settings(task))
    return votes, times


def check_names(functions: Sequence[LabelingFunction], again: Collection[str]) -> None:
    """Refuse a name that none of the functions has."""
    names = [function.name for function in functions]
    for name in again:
        if name not in names:
            hint = did_you_mean(name, names) or f"; those that vote are {listed(names)}"
            raise WorkbenchError(f"there is no labeling function {name!r} to try again{hint}")


def _forget(cache: VoteCache | None, functions: Sequence[LabelingFunction], dataset: Dataset, again: Collection[str]) -> None:
    """Drop what is kept of some functions; a name that none of them has is refused."""
    check_names(functions, again)
    if cache is not None and again:
        cache.open(dataset)
        for function in functions:
            if function.name in again:
                cache.forget(function.fingerprint)


def _settings(task: Task) -> dict[str, Any]:
    return {name: task.apply[name] for name in ("max_faults", "chunk_rows") if name in task.apply}


def in_words(tick: Tick) -> str:
    """Return which functions are at work, and how fast the one is that the tick is about."""
    working = f"at work: {', '.join(tick.working)}" if tick.working else ""
    speed = f"{tick.function}: {tick.rate:,.0f} rows/s, {tick.left:.0f} s left" if tick.rate else ""
    return "; ".join(part for part in (working, speed) if part)


def make_engine(task: Task) -> Engine:
    """Return the engine of a task, having looked at all settings of `[apply]`; without workers limits have no effect."""
    where = f"{task.folder / 'task.toml'} [apply]"
    try:
        engine: Engine = build(Processes, task.apply, where, also=_OURS)
        check_settings(**_settings(task))
    except WorkbenchError as error:
        raise error if where in str(error) else WorkbenchError(f"{where}: {error}") from None
    return engine if {"workers", "engine"} & set(task.apply) else serial


def applying(task: Task, **settings: Any) -> Task:
    """Return the task with other settings of `[apply]`; those that are None stay as task.toml has them."""
    given = {name: value for name, value in settings.items() if value is not None}
    if "scheduler" in given:
        without_secret(given["scheduler"], "--scheduler")
    return replace(task, apply={**task.apply, **given})


def make_mapper(task: Task) -> Mapper:
    """Return what maps the partitions of a task; one whose rows are read as a whole has no use for it."""
    mapper = mapper_of(task)
    if not task.partitioned:
        raise WorkbenchError(
            f"engine {task.apply.get('engine', 'processes')!r} maps partitions, and {task.data['file']} is read as a whole; "
            f"for a Parquet file write partitioned = true under [data] in {task.folder / 'task.toml'}, or name a folder of "
            "Parquet files as its file"
        )
    return mapper


def kept_mapper(task: Task) -> AbstractContextManager[Mapper | None]:
    """Return what maps the partitions of a task, with one set of processes for all of a run; None of rows read as a whole."""
    return make_mapper(task).kept() if task.partitioned else nullcontext()


def mapper_of(task: Task) -> Mapper:
    """Return what maps partitions of any rows: processes here, or the cluster that `engine` and `scheduler` name."""
    where, name = f"{task.folder / 'task.toml'} [apply]", task.apply.get("engine", "processes")
    workers, scheduler = task.apply.get("workers"), task.apply.get("scheduler")
    if name not in ENGINES:
        raise WorkbenchError(f"{where}: engine {name!r} is unknown; known are {listed(ENGINES)}{did_you_mean(name, ENGINES)}")
    try:
        if name == "dask":
            return Dask(scheduler, workers)
        if name == "spark":
            return Spark(scheduler, workers)
        if scheduler is not None:
            raise WorkbenchError(f'scheduler {scheduler!r} has no use with engine {name!r}; name engine = "dask" or "spark"')
        return Pool(workers)
    except WorkbenchError as error:
        raise WorkbenchError(f"{where}: {error}") from None


def make_limits(task: Task) -> Processes:
    """Return what one function may use on a chunk of rows of a partition, having looked at all settings of `[apply]`."""
    make_engine(task)
    names = [name for name in signature(Processes).parameters if name in task.apply and name != "workers"]
    return Processes(workers=1, **{name: task.apply[name] for name in names})


def stopped_in_words(votes: VoteMatrix) -> list[str]:
    """Return one sentence for each function whose votes are left out."""
    return [f"{name} was stopped, so this run is partial: {reason}" for name, reason in votes.stopped.items()]
