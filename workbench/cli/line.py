"""Commands of the line: run, and apply, diagnose, fit, export, train, which end it earlier."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.show import (
    comparison,
    functions_table,
    learned_table,
    notes,
    report_progress,
    slices_tables,
    summary,
    valid_table,
)
from workbench.tables import WorkbenchError

if TYPE_CHECKING:
    from workbench.project.runs import Run
    from workbench.project.task import Task

TASK = click.argument("task", type=click.Path(path_type=Path))
_ON_PARTITIONS = (
    click.option("--engine", metavar="NAME", help="What maps rows in partitions: processes, dask or spark."),
    click.option("--workers", type=int, metavar="N", help="Processes that work side by side. Default: one a core."),
    click.option("--scheduler", metavar="URL", help="A Dask scheduler, tcp://host:8786, or a Spark master."),
)


def on_partitions(command: Any) -> Any:
    """Give a command the options that say where partitions are worked on, in place of [apply] in task.toml."""
    for option in reversed(_ON_PARTITIONS):
        command = option(command)
    return command


def applying_to(task: Task, source: str, **applied: Any) -> Task:
    """Return the task with the values of these options; refused for a source that is not read in partitions."""
    from workbench.io.partitions import in_partitions
    from workbench.project.steps.apply import applying

    for name in [name for name, given in applied.items() if given is not None and not in_partitions(source)]:
        raise WorkbenchError(f"--{name} is of rows in partitions, and {source} is one file; leave it out")
    return applying(task, **applied)


def _run(
    task: Path, until: str, exported: dict[str, Any] | None = None, applied: dict[str, Any] | None = None, **also: Any
) -> Run:
    from workbench.project.steps.apply import applying
    from workbench.project.steps.export import asked
    from workbench.project.steps.run import run
    from workbench.project.task import load_task

    # What a user's function prints must not end up in the JSON on stdout.
    with redirect_stdout(sys.stderr), report_progress() as report:
        read = asked(applying(load_task(task), **(applied or {})), **(exported or {}))
        return run(read, until=until, report=report, say=lambda sentence: notes([sentence]), **also)


@click.command("run")
@TASK
@on_partitions
@click.option("--json", "as_json", is_flag=True, help="Print metrics.json instead of the summary.")
def run_command(task: Path, as_json: bool, **applied: Any) -> None:
    """Run the whole line: apply, diagnose, label model, export, end model, evaluate."""
    done = _run(task, "evaluate", applied=applied)
    notes(done.about["notes"])
    if as_json:
        click.echo(json.dumps(done.metrics(), indent=2))
        return
    summary(done.metrics())
    click.echo(f"run {done.id}: {done.folder}")


@contextmanager
def _ended_early(task: Path, until: str, quiet: bool = False, **also: Any) -> Iterator[Run]:
    done = _run(task, until, **also)
    notes(done.about["notes"])
    yield done
    if not quiet:
        click.echo(f"run {done.id}: {done.folder}")


@click.command("apply")
@TASK
@on_partitions
@click.option(
    "--again", multiple=True, metavar="NAME", help="A function that votes anew, whatever is kept of it; may come twice."
)
def apply_command(task: Path, again: tuple[str, ...], **applied: Any) -> None:
    """Let every function vote on every row; votes and faults go into a new run."""
    with _ended_early(task, "apply", again=again, applied=applied) as done:
        votes, parts = done.votes(), done.about.get("parts")
        rows = f"{len(votes):,} rows" if parts is None else f"{len(votes):,} of {parts['rows']:,} rows, a sample"
        click.echo(f"{rows}, {len(votes.lfs)} functions, {votes.covered.mean():.1%} of rows covered, ", nl=False)
        click.echo(f"{len(votes.faults):,} faults")


@click.command("diagnose")
@TASK
@on_partitions
def diagnose_command(task: Path, **applied: Any) -> None:
    """Show coverage, overlap and conflict of every function, and on the valid split's gold accuracy, also by slice."""
    with _ended_early(task, "diagnose", applied=applied) as done:
        diagnosis = done.diagnosis()
        functions_table(diagnosis)
        slices_tables(diagnosis)
        valid_table(diagnosis["scores"])


@click.command("fit")
@TASK
@on_partitions
@click.option("--compare", "compared", is_flag=True, help="Fit every label model, and say whether majority vote is enough.")
@click.option("--intervals", is_flag=True, help="Find 95 % intervals of what is learned, by 100 refits to simulated votes.")
@click.option("--json", "as_json", is_flag=True, help="Print label_model.json, or of a comparison compare.json, as it stands.")
def fit_command(task: Path, compared: bool, intervals: bool, as_json: bool, **applied: Any) -> None:
    """Fit the label model and label every row; show how accurate it takes each function to be, and how good it is on valid."""
    from workbench.project.steps.diagnose import valid_scores
    from workbench.project.task import load_task

    with _ended_early(task, "fit", quiet=as_json, compared=compared, intervals=intervals, applied=applied) as done:
        if as_json:
            click.echo(json.dumps(done.comparison() if compared else done.label_model(), indent=2))
            return
        if compared:
            comparison(done.comparison())
            return
        learned_table(done.label_model(), done.diagnosis())
        valid_table(valid_scores(load_task(task), done))
        soft = done.soft_labels()
        shares = ", ".join(f"{label} {share:.1%}" for label, share in zip(soft.labels, soft.probs.mean(axis=0), strict=True))
        click.echo(f"{len(soft):,} rows, {soft.covered.mean():.1%} covered; mean probability {shares}")


@click.command("export")
@TASK
@on_partitions
@click.option("--to", "folder", type=click.Path(path_type=Path), help="New folder for the training set of a finished run.")
@click.option("--run", "run_id", help="Id of that run. Default: the newest that has labels.")
@click.option("--min-confidence", type=float, help="Only rows whose highest probability is at least this, 0..1.")
@click.option("--min-agreement", type=float, help="Only rows of whose votes at least this share equals the label, 0..1.")
@click.option("--classes", metavar="A,B", help="Only rows with these labels; '' keeps all.")
@click.option("--slices", metavar="X,Y", help="Only rows in at least one of these slices; '' keeps all.")
@click.option("--covered-only/--no-covered-only", default=None, help="Whether to leave out rows that no function votes on.")
@click.option("--exclude-review/--no-exclude-review", default=None, help="Whether to leave out rows that need a human look.")
@click.option("--hard-labels/--no-hard-labels", default=None, help="Whether to write labels without probabilities.")
@click.option("--mask/--no-mask", default=None, help="Whether e-mail addresses, cards, keys and the like are masked.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["parquet", "csv", "jsonl", "hf"]),
    help="hf is a Hugging Face dataset folder; may be given again.",
)
def export_command(task: Path, folder: Path | None, run_id: str | None, **asked: Any) -> None:
    """Write the training set with its manifest and dataset card into a new run, or with --to that of a finished run.

    The options choose rows and format in place of [export] in task.toml; those that choose rows need --to.
    """
    applied = {name: asked.pop(name) for name in ("engine", "workers", "scheduler")}
    settings = {name: value for name, value in asked.items() if value not in (None, ())}
    if folder is not None:
        _export_run(task, folder, run_id, settings, applied)
        return
    if set(settings) - {"formats", "mask"} or run_id:
        raise WorkbenchError("these options need --to FOLDER; without it, [export] in task.toml says what is written")
    exported = {**settings, "formats": list(asked["formats"]) or None}
    with _ended_early(task, "export", exported=exported, applied=applied) as done:
        if (done.folder / "export").exists():
            click.echo(f"training set: {done.folder / 'export'}")


def _export_run(task: Path, folder: Path, run_id: str | None, settings: dict[str, Any], applied: dict[str, Any]) -> None:
    from workbench.project.runs import find_run
    from workbench.project.steps.apply import applying
    from workbench.project.steps.export import asked, export_in_words, export_run
    from workbench.project.task import load_task

    for name in {"classes", "slices", "formats"} & set(settings):
        settings[name] = list(settings[name]) if name == "formats" else list(filter(None, settings[name].split(",")))
    loaded = asked(applying(load_task(task), **applied), **settings)
    run = find_run(loaded, run_id, holding="soft_labels.parquet")
    with report_progress() as report:
        rows = export_run(loaded, run, folder, report)
    notes(export_in_words(folder))
    click.echo(f"{rows:,} rows of run {run.id}: {folder}")


@click.command("train")
@TASK
@on_partitions
def train_command(task: Path, **applied: Any) -> None:
    """Train the end model on the soft labels and save it in a new run."""
    with _ended_early(task, "train", applied=applied) as done:
        if (done.folder / "end_model").exists():
            click.echo(f"end model: {done.end_model_folder()}")
