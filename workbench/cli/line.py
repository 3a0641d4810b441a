"""Commands of the line: run, and apply, diagnose, fit, export, train, which end it earlier."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from workbench.project.runs import Run

TASK = click.argument("task", type=click.Path(path_type=Path))


def _run(task: Path, until: str, **also: bool) -> Run:
    from workbench.project.steps.run import run
    from workbench.project.task import load_task

    # What a user's function prints must not end up in the JSON on stdout.
    with redirect_stdout(sys.stderr), report_progress() as report:
        read = load_task(task)
        return run(read, until=until, report=report, say=lambda sentence: notes([sentence]), **also)


@click.command("run")
@TASK
@click.option("--json", "as_json", is_flag=True, help="Print metrics.json instead of the summary.")
def run_command(task: Path, as_json: bool) -> None:
    """Run the whole line: apply, diagnose, label model, export, end model, evaluate."""
    done = _run(task, "evaluate")
    notes(done.about["notes"])
    if as_json:
        click.echo(json.dumps(done.metrics(), indent=2))
        return
    summary(done.metrics())
    click.echo(f"run {done.id}: {done.folder}")


@contextmanager
def _ended_early(task: Path, until: str, quiet: bool = False, **also: bool) -> Iterator[Run]:
    done = _run(task, until, **also)
    notes(done.about["notes"])
    yield done
    if not quiet:
        click.echo(f"run {done.id}: {done.folder}")


@click.command("apply")
@TASK
def apply_command(task: Path) -> None:
    """Let every function vote on every row; votes and faults go into a new run."""
    with _ended_early(task, "apply") as done:
        votes = done.votes()
        click.echo(f"{len(votes):,} rows, {len(votes.lfs)} functions, {votes.covered.mean():.1%} of rows covered, ", nl=False)
        click.echo(f"{len(votes.faults):,} faults")


@click.command("diagnose")
@TASK
def diagnose_command(task: Path) -> None:
    """Show coverage, overlap and conflict of every function, and on the valid split's gold accuracy, also by slice."""
    with _ended_early(task, "diagnose") as done:
        diagnosis = done.diagnosis()
        functions_table(diagnosis)
        slices_tables(diagnosis)
        valid_table(diagnosis["scores"])


@click.command("fit")
@TASK
@click.option("--compare", "compared", is_flag=True, help="Fit every label model, and say whether majority vote is enough.")
@click.option("--intervals", is_flag=True, help="Find 95 % intervals of what is learned, by 100 refits to simulated votes.")
@click.option("--json", "as_json", is_flag=True, help="Print label_model.json, or of a comparison compare.json, as it stands.")
def fit_command(task: Path, compared: bool, intervals: bool, as_json: bool) -> None:
    """Fit the label model and label every row; show how accurate it takes each function to be, and how good it is on valid."""
    from workbench.project.steps.diagnose import valid_scores
    from workbench.project.task import load_task

    with _ended_early(task, "fit", quiet=as_json, compared=compared, intervals=intervals) as done:
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
def export_command(task: Path) -> None:
    """Write the training set with its manifest and dataset card into a new run."""
    with _ended_early(task, "export") as done:
        if (done.folder / "export").exists():
            click.echo(f"training set: {done.folder / 'export'}")


@click.command("train")
@TASK
def train_command(task: Path) -> None:
    """Train the end model on the soft labels and save it in a new run."""
    with _ended_early(task, "train") as done:
        if (done.folder / "end_model").exists():
            click.echo(f"end model: {done.end_model_folder()}")
