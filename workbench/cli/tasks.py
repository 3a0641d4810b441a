"""Commands that make and check tasks: new, import, check."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from workbench.cli.show import checked_table, notes, problems

FOLDER = click.Path(path_type=Path)
FILE = click.Path(path_type=Path)


@click.command("new")
@click.argument("dest", type=FOLDER)
@click.option("--from", "source", required=True, help="File with the rows: CSV, TSV, JSONL, Parquet; or many Parquet files.")
@click.option("--text", multiple=True, help="Text column; give it again for more. Default: the column with the longest text.")
@click.option("--gold", help="Column with known labels, where some are known.")
@click.option("--id", "id_", help="Column with row ids. Default: made from the content.")
@click.option(
    "--split",
    help="Column saying train, valid or test. Default with gold: drawn by content, 70/10/20 %; where at most 60 % of rows have "
    "gold, those with it are drawn half valid, half test. Without gold all rows train.",
)
@click.option("--labels", help="Class names, with commas. Default: the values of the gold column.")
@click.option("--encoding", help="Encoding of a text file. Default: utf-8.")
@click.option("--delimiter", help="What stands between the cells of a CSV file. Default: a comma.")
def new_command(dest: Path, source: str, text: tuple[str, ...], labels: str | None, **columns: str | None) -> None:
    """Make a task DEST from a file: task.toml, a first function, a first rule.

    A folder, pattern or URL of Parquet files stays where it is, and the task reads it in partitions; it needs --id.
    """
    from workbench.project.steps.new import new_task

    names = [label.strip() for label in labels.split(",")] if labels else None
    given = {key.rstrip("_"): value for key, value in columns.items() if value is not None}
    notes(new_task(dest, source, text=list(text) or None, labels=names, **given))
    click.echo(f"made {dest}; next: look at {dest / 'task.toml'}, then `workbench check {dest}`")


@click.group("import")
def import_command() -> None:
    """Make a task from votes that exist already."""


@import_command.command("wrench")
@click.argument("src", type=FILE)
@click.argument("dest", type=FOLDER)
def wrench(src: Path, dest: Path) -> None:
    """Import WRENCH JSON (train/valid/test.json, label.json); its stored votes become functions."""
    from workbench.project.steps.importing import import_wrench

    notes(import_wrench(src, dest))
    click.echo(f"made {dest}; next: `workbench run {dest}`")


@import_command.command("crowd")
@click.argument("votes", type=FILE)
@click.argument("dest", type=FOLDER)
@click.option("--truth", type=FILE, help="CSV with item, truth.")
def crowd(votes: Path, dest: Path, truth: Path | None) -> None:
    """Import crowd votes (CSV with item, worker, label); every worker becomes a function."""
    from workbench.project.steps.importing import import_crowd

    notes(import_crowd(votes, truth, dest))
    click.echo(f"made {dest}; next: `workbench run {dest}`")


@click.command("check")
@click.argument("task", type=FOLDER)
def check_command(task: Path) -> None:
    """Check a task's configuration, rows, functions and unit examples; nothing is written. Exit code 1 on a problem."""
    from workbench.project.steps.check import check
    from workbench.project.task import load_task

    with redirect_stdout(sys.stderr):
        found = check(load_task(task))
    checked_table(found)
    notes(found.notes)
    problems(found.problems)
    count = f"{len(found.problems)} problem{'' if len(found.problems) == 1 else 's'}"
    examples = found.functions["examples"].sum()
    times = found.functions["microseconds"].dropna()
    speed = "" if times.empty else f"; slowest is {times.idxmax()} with {times.max():,.0f} µs a row"
    click.echo(f"{found.rows:,} rows, {len(found.functions)} functions, {examples} unit examples: {count}{speed}")
    if found.problems:
        raise SystemExit(1)
